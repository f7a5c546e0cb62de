/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_KTIME_H
#define STUB_KTIME_H

#include <linux/jiffies.h>

#endif
