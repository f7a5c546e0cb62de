/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers, repeatable: they follow the seed of the test. */
#ifndef STUB_RANDOM_H
#define STUB_RANDOM_H

#include <linux/types.h>

u64 get_random_u64(void);
u32 get_random_u32(void);
u32 get_random_u32_below(u32 n);
void get_random_bytes(void *buf, size_t n);

#endif
