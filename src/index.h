/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index: which range of the origin lies where in the cache. A sorted map of extents that do
 * not overlap: an rbtree of leaves, each an array of packed entries. 12 bytes an entry, 20 where
 * data has checksums, in leaves of 512 bytes that are about three quarters full where writes are
 * random and full where they are sequential.
 *
 * An index has no lock: its owner serialises all calls on one index, those that only look included.
 * Nothing here sleeps or allocates under that lock: leaves come from a stock that the owner fills
 * beforehand with index_stock(). Units are sectors of 512 bytes, but for the checksum.
 *
 * Extents are never merged, even where they follow each other here and there: they are remains of
 * different keys, and what is told of one key must not hold for another.
 */
#ifndef PCACHE_INDEX_H
#define PCACHE_INDEX_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "extent.h"
#include "index_pool.h"

struct index {
	struct index_pool *pool;
	struct rb_root leaves;
	struct list_head stock;		/* leaves at hand */
	unsigned int nr_stock;
	unsigned int keep;		/* leaves that stay in the stock when they get empty */
	unsigned long nr_entries;
};

/* A place among the entries: entry @i of @leaf, or behind its last. No leaf: the index is empty. */
struct index_cursor {
	struct leaf *leaf;
	unsigned int i;
};

/* The most leaves that one index_insert() takes from the stock. */
#define INDEX_INSERT_LEAVES	2

/* Of the leaves that get empty, up to @keep stay in the stock; the others go back to the pool. */
void index_init(struct index *ix, struct index_pool *pool, unsigned int keep);
/* Change that, and give back what is too much now. */
void index_keep(struct index *ix, unsigned int keep);
/* Forget all extents. The index can be used again. */
void index_clear(struct index *ix);
void index_exit(struct index *ix);

/* Add a leaf to the stock. */
void index_stock(struct index *ix, void *leaf);

static inline bool index_stocked(const struct index *ix)
{
	return ix->nr_stock >= INDEX_INSERT_LEAVES;
}

/*
 * Map @e, over whatever was there. The caller has seen index_stocked(). Extents that are
 * overlapped are shortened, split or removed. *@over_dirty, unless NULL, is set to whether a part
 * of an extent that is not clean was replaced.
 */
void index_insert(struct index *ix, const struct extent *e, bool *over_dirty);

/* Where in an index nothing is mapped, as index_fill() has found it. Zeroed: nowhere. */
struct index_gap {
	u64 start, end;
	struct leaf *leaf;		/* what starts there belongs in front of entry @i of it */
	unsigned int i;
};

/*
 * Map @ent if nothing is mapped in its range, else do nothing. Returns which. The caller has seen
 * index_stocked().
 *
 * For entries in ascending order: *@gap is what is left of the gap behind the one before, and what
 * fits into it is put there without a search. When the index has changed by other means the caller
 * zeroes it.
 */
bool index_fill(struct index *ix, struct index_gap *gap, const struct entry *ent);

/*
 * The first extent that has a sector in [@start, @start + @len), clipped to that range (sect and
 * skip follow). Returns whether there is one.
 */
bool index_find(struct index *ix, u64 start, u32 len, struct extent *e);

/*
 * Note of the extents that have a sector in the range of @e, and map it to where @e does (see
 * index_maps()), that they were hit, or verified: all of each, not only what lies in the range.
 * The flag moves along with the parts of an extent that is split later.
 */
void index_mark_hit(struct index *ix, const struct extent *e);
void index_mark_verified(struct index *ix, const struct extent *e);
void index_mark_lost(struct index *ix, const struct extent *e, bool lost);

/*
 * Does the index still map the sectors of @e, each one, to where @e says? @e is as index_find()
 * gave it, perhaps long ago. Where there are checksums they must be equal as well; flags may
 * differ. A segment that may have been reused meanwhile is the caller's to rule out.
 */
bool index_maps(struct index *ix, const struct extent *e);

/*
 * Of what later keys have left of the key @key, the first extent that has a sector at or behind
 * @start, clipped to begin there at the earliest. @key is an extent as keys are turned into one;
 * to see all that is left of it begin with its start, and go on from the end of what was found.
 * An extent that reaches beyond @key is no part of it: it is of another key, at the same place.
 */
bool index_find_key(struct index *ix, const struct extent *key, u64 start, struct extent *e);

/*
 * Remove what later keys have left of @key from @start on, up to an extent that is lost or, with
 * @spare_hit, hit: true, and *@e is that one, as index_find_key() gives it. *@removed grows by the
 * sectors removed.
 */
bool index_remove_key(struct index *ix, const struct extent *key, u64 start, bool spare_hit,
		      u64 *removed, struct extent *e);

/*
 * The next extent of a walk over all of them, in order: the first, if *@at is all zero. False when
 * there is none left. The index must not change meanwhile.
 */
bool index_walk(struct index *ix, struct index_cursor *at, struct extent *e);

#endif
