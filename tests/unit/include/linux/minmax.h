/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_MINMAX_H
#define STUB_MINMAX_H

#include <linux/kernel.h>

#endif
