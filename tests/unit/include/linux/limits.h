/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_LIMITS_H
#define STUB_LIMITS_H

#include <linux/kernel.h>

#endif
