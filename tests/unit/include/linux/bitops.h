/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bits. */
#ifndef STUB_BITOPS_H
#define STUB_BITOPS_H

#include <linux/kernel.h>

#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define BITS_PER_BYTE		8
#define BITS_TO_LONGS(n)	DIV_ROUND_UP(n, BITS_PER_LONG)
#define GENMASK(h, l)		((~0UL << (l)) & (~0UL >> (63 - (h))))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define DECLARE_BITMAP(name, n)	unsigned long name[BITS_TO_LONGS(n)]
#define bitmap_zero(m, n)	memset(m, 0, BITS_TO_LONGS(n) * sizeof(long))
#define hweight64(w)		((unsigned int)__builtin_popcountll(w))
#define hweight_long(w)		((unsigned int)__builtin_popcountl(w))
#define __ffs(w)		((unsigned long)__builtin_ctzl(w))
#define __ffs64(w)		((unsigned long)__builtin_ctzll(w))
#define __fls(w)		(63UL - __builtin_clzl(w))
#define ffz(w)			__ffs(~(w))

static inline int test_bit(long nr, const unsigned long *map)
{
	return map[nr / BITS_PER_LONG] >> (nr % BITS_PER_LONG) & 1;
}

static inline void set_bit(long nr, unsigned long *map)
{
	map[nr / BITS_PER_LONG] |= 1UL << (nr % BITS_PER_LONG);
}

static inline void clear_bit(long nr, unsigned long *map)
{
	map[nr / BITS_PER_LONG] &= ~(1UL << (nr % BITS_PER_LONG));
}

static inline int test_and_set_bit(long nr, unsigned long *map)
{
	int old = test_bit(nr, map);

	set_bit(nr, map);
	return old;
}

static inline int test_and_clear_bit(long nr, unsigned long *map)
{
	int old = test_bit(nr, map);

	clear_bit(nr, map);
	return old;
}

#define __set_bit		set_bit
#define __clear_bit		clear_bit
#define __test_and_set_bit	test_and_set_bit
#define __test_and_clear_bit	test_and_clear_bit
#define clear_bit_unlock	clear_bit
#define test_and_set_bit_lock	test_and_set_bit
#define test_bit_acquire	test_bit

static inline unsigned long find_next_bit(const unsigned long *map, unsigned long n,
					  unsigned long from)
{
	while (from < n && !test_bit(from, map))
		from++;
	return from;
}

static inline unsigned long find_next_zero_bit(const unsigned long *map, unsigned long n,
					       unsigned long from)
{
	while (from < n && test_bit(from, map))
		from++;
	return from;
}

#define find_first_bit(m, n)		find_next_bit(m, n, 0)
#define find_first_zero_bit(m, n)	find_next_zero_bit(m, n, 0)
#define for_each_set_bit(b, m, n) \
	for ((b) = find_first_bit(m, n); (b) < (n); (b) = find_next_bit(m, n, (b) + 1))

#endif
