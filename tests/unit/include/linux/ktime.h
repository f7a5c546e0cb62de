/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time that can be measured: it goes on with jiffies.h's. */
#ifndef STUB_KTIME_H
#define STUB_KTIME_H

#include <linux/jiffies.h>

#define NSEC_PER_SEC	1000000000L
#define USEC_PER_SEC	1000000L
#define MSEC_PER_SEC	1000L
#define NSEC_PER_MSEC	1000000L
#define USEC_PER_MSEC	1000L

typedef s64 ktime_t;			/* nanoseconds */

static inline ktime_t ktime_get(void)
{
	return (s64)jiffies * NSEC_PER_MSEC;
}

#define ktime_get_ns()		((u64)ktime_get())
#define ktime_sub(a, b)		((a) - (b))
#define ktime_to_ns(t)		((s64)(t))
#define ktime_to_us(t)		((s64)(t) / 1000)
#define ktime_to_ms(t)		((s64)(t) / 1000000)
#define ktime_us_delta(a, b)	ktime_to_us(ktime_sub(a, b))
#define ktime_ms_delta(a, b)	ktime_to_ms(ktime_sub(a, b))

#endif
