/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_CACHE_H
#define STUB_CACHE_H

#include <linux/compiler.h>

#endif
