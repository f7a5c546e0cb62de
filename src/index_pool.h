/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the leaves of indexes come from: shared by all indexes of a cache, thread-safe. */
#ifndef PCACHE_INDEX_POOL_H
#define PCACHE_INDEX_POOL_H

#include <linux/atomic.h>
#include <linux/mempool.h>
#include <linux/types.h>

struct index_pool {
	mempool_t leaves;
	struct kmem_cache *cache;
	unsigned int leaf_entries;	/* how many fit into one leaf */
	unsigned int vals;		/* where in a leaf the second of its arrays is */
	bool crc;			/* entries have checksums */
	atomic_long_t nr_leaves;	/* in use or in a stock, for the figures */
};

/* @reserve leaves are set aside for when memory is short. Returns 0 or -ENOMEM. May sleep. */
int index_pool_init(struct index_pool *pool, bool crc, unsigned int reserve);
void index_pool_exit(struct index_pool *pool);

/* Bytes of memory that the leaves of this pool take. */
unsigned long index_pool_bytes(struct index_pool *pool);

/*
 * A leaf for an index's stock, or NULL if @gfp does not allow what it would take. Called without
 * the lock of the index's owner. index_put_leaf() returns one that was not needed after all.
 */
void *index_get_leaf(struct index_pool *pool, gfp_t gfp);
void index_put_leaf(struct index_pool *pool, void *leaf);

#endif
