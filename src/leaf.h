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

#define INDEX_LEAF_SIZE		512

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

/* How many entries fit. A search relies on there being 32 to 63 of them, or 16 to 31. */
#define LEAF_ROOM		(INDEX_LEAF_SIZE - offsetof(struct leaf, delta))
#define LEAF_ENTRIES		(LEAF_ROOM / (sizeof(u32) + sizeof(u64)))
#define LEAF_ENTRIES_CRC	(LEAF_ROOM / (sizeof(u32) + 2 * sizeof(u64)))

#define DELTA_NONE		U32_MAX
#define DELTA_MAX		(DELTA_NONE - 1)

static inline u64 *leaf_vals(const struct index_pool *pool, const struct leaf *leaf)
{
	return (u64 *)((char *)leaf + pool->vals);
}

static inline u64 *leaf_sums(const struct index_pool *pool, const struct leaf *leaf)
{
	return leaf_vals(pool, leaf) + pool->leaf_entries;
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
	u32 cut = 0;

	val_unpack(leaf_vals(pool, leaf)[i], e);
	e->start = entry_start(leaf, i);
	if (e->start < start) {
		cut = start - e->start;
		e->start = start;
		e->len -= cut;
		e->sect += cut;
	}
	if (e->len > end - e->start)
		e->len = end - e->start;
	if (pool->crc) {
		sum_unpack(leaf_sums(pool, leaf)[i], e);
		e->skip += cut;
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

	if (val_seg(val) != e->seg)
		return false;
	if (entry_start(leaf, i) - val_sect(val) != e->start - e->sect)
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
		at = search_step(at, LEAF_ENTRIES_CRC - 16, delta);
	} else {
		at = search_step(at, LEAF_ENTRIES - 32, delta);
		at = search_step(at, 16, delta);
	}
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

/* Is there room behind the last entry for one that reaches to @end? */
static inline bool leaf_has_room(const struct index_pool *pool, const struct leaf *leaf, u64 end)
{
	return leaf->nr < pool->leaf_entries && end - leaf->start <= DELTA_MAX;
}

static inline void leaf_set(const struct index_pool *pool, struct leaf *leaf, unsigned int i,
			    const struct entry *ent)
{
	leaf->delta[i] = ent->start - leaf->start;
	leaf_vals(pool, leaf)[i] = ent->val;
	if (pool->crc)
		leaf_sums(pool, leaf)[i] = ent->sum;
}

/* Put @ent behind the last entry. There is room. */
static inline void leaf_append(const struct index_pool *pool, struct leaf *leaf,
			       const struct entry *ent)
{
	leaf_set(pool, leaf, leaf->nr, ent);
	leaf->nr++;
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
