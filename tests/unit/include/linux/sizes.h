/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_SIZES_H
#define STUB_SIZES_H

#include <linux/kernel.h>

#endif
