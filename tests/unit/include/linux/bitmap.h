/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_BITMAP_H
#define STUB_BITMAP_H

#include <linux/bitops.h>
#include <linux/gfp.h>

#endif
