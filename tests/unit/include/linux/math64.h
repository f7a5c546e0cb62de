/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Division. */
#ifndef STUB_MATH64_H
#define STUB_MATH64_H

#include <linux/kernel.h>

#define div_u64(a, b)		((u64)(a) / (u32)(b))
#define div64_u64(a, b)		((u64)(a) / (u64)(b))
#define do_div(n, b)		({ u32 _r = (n) % (b); (n) /= (b); _r; })
#define sector_div(n, b)	do_div(n, b)

#endif
