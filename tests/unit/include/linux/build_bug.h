/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_BUILD_BUG_H
#define STUB_BUILD_BUG_H

#include <linux/kernel.h>

#endif
