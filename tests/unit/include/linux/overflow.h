/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_OVERFLOW_H
#define STUB_OVERFLOW_H

#include <linux/kernel.h>

#endif
