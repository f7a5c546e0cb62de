/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A leaf of an index: an array of packed entries. The index's own, for nobody else.
 *
 * A leaf holds three arrays side by side, as long as the pool's leaf_entries each: how far an
 * entry starts behind the leaf's first (so the first of these is always 0), what it maps to, and,
 * where data has checksums, the checksum and which part of the key's data the entry is. A search
 * touches only the first array and one word of the second.
 *
 * A distance is 32 bits. They suffice not only for the start of the leaf's last entry but for its
 * end, thus for all places to which the start of an entry can move when it is trimmed or split.
 * Entries too far from others get leaves of their own.
 */
#ifndef PCACHE_LEAF_H
#define PCACHE_LEAF_H

#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "index.h"

#define INDEX_LEAF_SIZE		1024

struct leaf {
	union {
		struct rb_node node;
		struct list_head stock;
	};
	u64 start;			/* of the first entry */
	u32 nr;
	/* From @start to the start of each entry; DELTA_NONE behind the last. */
	u32 delta[];
};

/* How many entries fit. A search relies on there being 64 to 127 of them, or 32 to 63. */
#define LEAF_ROOM		(INDEX_LEAF_SIZE - offsetof(struct leaf, delta))
#define LEAF_ENTRIES		(LEAF_ROOM / (sizeof(u32) + sizeof(u64)))
#define LEAF_ENTRIES_CRC	(LEAF_ROOM / (sizeof(u32) + 2 * sizeof(u64)))

#define DELTA_NONE		U32_MAX
#define DELTA_MAX		(DELTA_NONE - 1)

/*
 * What an entry maps to. The length is lowest and the place right above it, so that cutting n
 * sectors off the front is a single addition: n to the place, -n to the length.
 */
#define VAL_LEN_BITS		13
#define VAL_SECT_SHIFT		13
#define VAL_SECT_BITS		15
#define VAL_SEG_SHIFT		28
#define VAL_SEG_BITS		20
#define VAL_CLEAN		(1ULL << 48)
#define VAL_HIT			(1ULL << 49)
#define VAL_VERIFIED		(1ULL << 50)
#define VAL_LOST		(1ULL << 51)

/* The checksum is lowest in the third array's words. */
#define SUM_SKIP_SHIFT		32
#define SUM_SKIP_BITS		13
#define SUM_KEY_LEN_SHIFT	45
#define SUM_KEY_LEN_BITS	13

#define FIELD(word, shift, bits)	((u32)((word) >> (shift)) & ((1u << (bits)) - 1))

/* An entry as it is packed, away from its leaf. */
struct entry {
	u64 start;
	u64 val;
	u64 sum;
};

static inline u64 *leaf_vals(const struct index_pool *pool, const struct leaf *leaf)
{
	return (u64 *)((char *)leaf + pool->vals);
}

static inline u64 *leaf_sums(const struct index_pool *pool, const struct leaf *leaf)
{
	return leaf_vals(pool, leaf) + pool->leaf_entries;
}

static inline u32 val_len(u64 val)
{
	return FIELD(val, 0, VAL_LEN_BITS) + 1;
}

static inline u64 val_cut_front(u64 val, u32 n)
{
	return val + ((u64)n << VAL_SECT_SHIFT) - n;
}

static inline u64 sum_cut_front(u64 sum, u32 n)
{
	return sum + ((u64)n << SUM_SKIP_SHIFT);
}

static inline u64 extent_val(const struct extent *e)
{
	return (e->len - 1) | (u64)e->sect << VAL_SECT_SHIFT | (u64)e->seg << VAL_SEG_SHIFT |
	       (e->clean ? VAL_CLEAN : 0) | (e->hit ? VAL_HIT : 0) |
	       (e->verified ? VAL_VERIFIED : 0) | (e->lost ? VAL_LOST : 0);
}

static inline u64 extent_sum(const struct extent *e)
{
	return e->crc | (u64)e->skip << SUM_SKIP_SHIFT |
	       (u64)(e->key_len - 1) << SUM_KEY_LEN_SHIFT;
}

static inline u64 entry_start(const struct leaf *leaf, unsigned int i)
{
	return leaf->start + leaf->delta[i];
}

static inline u64 entry_end(const struct index_pool *pool, const struct leaf *leaf, unsigned int i)
{
	return entry_start(leaf, i) + val_len(leaf_vals(pool, leaf)[i]);
}

/* Entry @i of @leaf, clipped to [@start, @end), of which it has a sector. */
static __always_inline void entry_get(const struct index_pool *pool, const struct leaf *leaf,
				      unsigned int i, u64 start, u64 end, struct extent *e)
{
	u64 val = leaf_vals(pool, leaf)[i];
	u32 cut = 0;

	e->start = entry_start(leaf, i);
	e->len = val_len(val);
	if (e->start < start) {
		cut = start - e->start;
		e->start = start;
		e->len -= cut;
	}
	if (e->len > end - e->start)
		e->len = end - e->start;
	e->seg = FIELD(val, VAL_SEG_SHIFT, VAL_SEG_BITS);
	e->sect = FIELD(val, VAL_SECT_SHIFT, VAL_SECT_BITS) + cut;
	e->clean = val & VAL_CLEAN;
	e->hit = val & VAL_HIT;
	e->verified = val & VAL_VERIFIED;
	e->lost = val & VAL_LOST;
	if (pool->crc) {
		u64 sum = leaf_sums(pool, leaf)[i];

		e->crc = (u32)sum;
		e->skip = FIELD(sum, SUM_SKIP_SHIFT, SUM_SKIP_BITS) + cut;
		e->key_len = FIELD(sum, SUM_KEY_LEN_SHIFT, SUM_KEY_LEN_BITS) + 1;
	} else {
		e->crc = 0;
		e->skip = 0;
		e->key_len = 0;
	}
}

/*
 * Does entry @i map its sectors to where @e would have them? An equal checksum is asked for as
 * well, where there is one: the place alone may have been given to other data since.
 */
static inline bool entry_is_part(const struct index_pool *pool, const struct leaf *leaf,
				 unsigned int i, const struct extent *e)
{
	u64 val = leaf_vals(pool, leaf)[i];

	if (FIELD(val, VAL_SEG_SHIFT, VAL_SEG_BITS) != e->seg)
		return false;
	if (entry_start(leaf, i) - FIELD(val, VAL_SECT_SHIFT, VAL_SECT_BITS) != e->start - e->sect)
		return false;
	return !pool->crc || (u32)leaf_sums(pool, leaf)[i] == e->crc;
}

static __always_inline const u32 *search_step(const u32 *at, unsigned int step, u32 delta)
{
	return at[step] <= delta ? at + step : at;
}

/*
 * The last entry of @leaf that starts at or before @start, which is not before the leaf's.
 *
 * The first step makes a power of two of what is left to search, so that each one behind it is
 * the same three instructions whatever the leaf holds, and none is a branch to be guessed wrong.
 */
static __always_inline unsigned int leaf_search(const struct index_pool *pool,
						const struct leaf *leaf, u64 start)
{
	u32 delta = min_t(u64, start - leaf->start, DELTA_MAX);
	const u32 *at = leaf->delta;

	if (pool->crc) {
		at = search_step(at, LEAF_ENTRIES_CRC - 32, delta);
	} else {
		at = search_step(at, LEAF_ENTRIES - 64, delta);
		at = search_step(at, 32, delta);
	}
	at = search_step(at, 16, delta);
	at = search_step(at, 8, delta);
	at = search_step(at, 4, delta);
	at = search_step(at, 2, delta);
	at = search_step(at, 1, delta);
	return at - leaf->delta;
}

/* Are entries from @start on up to the last of @leaf near enough for one leaf? */
static inline bool leaf_reaches(const struct index_pool *pool, const struct leaf *leaf, u64 start)
{
	return entry_end(pool, leaf, leaf->nr - 1) - start <= DELTA_MAX;
}

/* Let the distances count from @start, which is not behind any entry that counts. */
void leaf_rebase(struct leaf *leaf, u64 start);

/* Let the leaf end with @nr entries, fewer than it had. */
void leaf_shorten(struct leaf *leaf, unsigned int nr);

/* Take out @n entries from @i on. */
void leaf_drop(const struct index_pool *pool, struct leaf *leaf, unsigned int i, unsigned int n);

/* Put @ent in front of entry @i. There is room, and it is not too far away. */
void leaf_put(const struct index_pool *pool, struct leaf *leaf, unsigned int i,
	      const struct entry *ent);

/* Move the last @n entries of @left to the front of @right, which may be empty. */
void leaf_push_right(const struct index_pool *pool, struct leaf *left, struct leaf *right,
		     unsigned int n);

/* Move the first @n entries of @right, which may be all, to the end of @left. */
void leaf_push_left(const struct index_pool *pool, struct leaf *left, struct leaf *right,
		    unsigned int n);

/* Cut the first @n sectors off entry @i. */
void leaf_cut_front(const struct index_pool *pool, struct leaf *leaf, unsigned int i, u32 n);

#endif
