/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_BYTEORDER_H
#define STUB_BYTEORDER_H

#include <linux/kernel.h>

#endif
