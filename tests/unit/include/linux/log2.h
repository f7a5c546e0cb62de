/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Powers of two. */
#ifndef STUB_LOG2_H
#define STUB_LOG2_H

#include <linux/kernel.h>

#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))
#define ilog2(n)		(63 - __builtin_clzll(n))
#define roundup_pow_of_two(n)	((n) <= 1 ? 1UL : 1UL << (ilog2((n) - 1) + 1))
#define rounddown_pow_of_two(n)	(1UL << ilog2(n))

#endif
