/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_DELAY_H
#define STUB_DELAY_H

#include <linux/kernel.h>

#endif
