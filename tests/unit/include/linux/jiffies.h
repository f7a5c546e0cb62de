/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time, which stands still unless a test moves it. */
#ifndef STUB_JIFFIES_H
#define STUB_JIFFIES_H

#include <linux/types.h>

extern unsigned long stub_jiffies;
#define jiffies				stub_jiffies
#define msecs_to_jiffies(n)		((unsigned long)(n))
#define jiffies_to_msecs(n)		((unsigned int)(n))
#define time_after(a, b)		((long)((b) - (a)) < 0)
#define time_before(a, b)		time_after(b, a)
#define time_after_eq(a, b)		((long)((a) - (b)) >= 0)
#define time_before_eq(a, b)		time_after_eq(b, a)

#endif
