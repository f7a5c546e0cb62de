/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_UNALIGNED_H
#define STUB_UNALIGNED_H

#include <linux/kernel.h>

#endif
