/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_TIMER_H
#define STUB_TIMER_H

#include <linux/jiffies.h>

#endif
