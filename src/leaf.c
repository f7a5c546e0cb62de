// SPDX-License-Identifier: GPL-2.0-or-later
/* A leaf of an index: entries within it, and between neighbours. */
#include "compat/compat.h"

#include <linux/string.h>

#include "leaf.h"

void leaf_rebase(struct leaf *leaf, u64 start)
{
	u32 diff = leaf->start - start;
	unsigned int i;

	for (i = 0; i < leaf->nr; i++)
		leaf->delta[i] += diff;
	leaf->start = start;
}

/* Move @n entries within a leaf; what they leave or cover is the caller's business. */
static void leaf_slide(const struct index_pool *pool, struct leaf *leaf, unsigned int to,
		       unsigned int from, unsigned int n)
{
	u64 *vals = leaf_vals(pool, leaf);

	memmove(leaf->delta + to, leaf->delta + from, n * sizeof(*leaf->delta));
	memmove(vals + to, vals + from, n * sizeof(*vals));
	if (pool->crc) {
		u64 *sums = leaf_sums(pool, leaf);

		memmove(sums + to, sums + from, n * sizeof(*sums));
	}
}

static void leaf_copy(const struct index_pool *pool, struct leaf *dst, unsigned int to,
		      const struct leaf *src, unsigned int from, unsigned int n)
{
	u32 diff = src->start - dst->start;
	unsigned int i;

	for (i = 0; i < n; i++)
		dst->delta[to + i] = src->delta[from + i] + diff;
	memcpy(leaf_vals(pool, dst) + to, leaf_vals(pool, src) + from, n * sizeof(u64));
	if (pool->crc)
		memcpy(leaf_sums(pool, dst) + to, leaf_sums(pool, src) + from, n * sizeof(u64));
}

void leaf_shorten(struct leaf *leaf, unsigned int nr)
{
	memset(leaf->delta + nr, 0xFF, (leaf->nr - nr) * sizeof(*leaf->delta));
	leaf->nr = nr;
}

void leaf_drop(const struct index_pool *pool, struct leaf *leaf, unsigned int i, unsigned int n)
{
	leaf_slide(pool, leaf, i, i + n, leaf->nr - i - n);
	leaf_shorten(leaf, leaf->nr - n);
	if (i == 0 && leaf->nr)
		leaf_rebase(leaf, leaf->start + leaf->delta[0]);
}

void leaf_put(const struct index_pool *pool, struct leaf *leaf, unsigned int i,
	      const struct entry *ent)
{
	if (i == 0)
		leaf_rebase(leaf, ent->start);
	if (i < leaf->nr)
		leaf_slide(pool, leaf, i + 1, i, leaf->nr - i);
	leaf_set(pool, leaf, i, ent);
	leaf->nr++;
}

void leaf_push_right(const struct index_pool *pool, struct leaf *left, struct leaf *right,
		     unsigned int n)
{
	leaf_rebase(right, entry_start(left, left->nr - n));
	leaf_slide(pool, right, n, 0, right->nr);
	leaf_copy(pool, right, 0, left, left->nr - n, n);
	right->nr += n;
	leaf_shorten(left, left->nr - n);
}

void leaf_push_left(const struct index_pool *pool, struct leaf *left, struct leaf *right,
		    unsigned int n)
{
	leaf_copy(pool, left, left->nr, right, 0, n);
	left->nr += n;
	leaf_drop(pool, right, 0, n);
}

void leaf_cut_front(const struct index_pool *pool, struct leaf *leaf, unsigned int i, u32 n)
{
	u64 *val = &leaf_vals(pool, leaf)[i];

	*val = val_cut_front(*val, n);
	if (pool->crc) {
		u64 *sum = &leaf_sums(pool, leaf)[i];

		*sum = sum_cut_front(*sum, n);
	}
	leaf->delta[i] += n;
	if (i == 0)
		leaf_rebase(leaf, leaf->start + n);
}
