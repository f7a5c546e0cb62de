/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hashing of integers. */
#ifndef STUB_HASH_H
#define STUB_HASH_H

#include <linux/types.h>

static inline u32 hash_64(u64 v, unsigned int bits)
{
	return v * 0x9E3779B97F4A7C15ull >> (64 - bits);
}

static inline u32 hash_32(u32 v, unsigned int bits)
{
	return hash_64(v, bits);
}

#endif
