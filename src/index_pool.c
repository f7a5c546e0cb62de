// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the leaves of indexes come from. */
#include "compat/compat.h"

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>

#include "leaf.h"

int index_pool_init(struct index_pool *pool, bool crc, unsigned int reserve)
{
	/* Two caches in the kernel must not have the same name. */
	static atomic_t serial = ATOMIC_INIT(0);
	char name[24];
	int ret;

	BUILD_BUG_ON(LEAF_ENTRIES < 32 || LEAF_ENTRIES > 63);
	BUILD_BUG_ON(LEAF_ENTRIES_CRC < 16 || LEAF_ENTRIES_CRC > 31);

	pool->crc = crc;
	pool->leaf_entries = crc ? LEAF_ENTRIES_CRC : LEAF_ENTRIES;
	pool->vals = ALIGN(offsetof(struct leaf, delta) + pool->leaf_entries * sizeof(u32),
			   sizeof(u64));
	atomic_long_set(&pool->nr_leaves, 0);

	snprintf(name, sizeof(name), "pcache_leaf-%d", atomic_inc_return(&serial));
	pool->cache = kmem_cache_create(name, INDEX_LEAF_SIZE, 0, SLAB_HWCACHE_ALIGN, NULL);
	if (!pool->cache)
		return -ENOMEM;
	ret = mempool_init_slab_pool(&pool->leaves, reserve, pool->cache);
	if (ret) {
		kmem_cache_destroy(pool->cache);
		pool->cache = NULL;
	}
	return ret;
}

void index_pool_exit(struct index_pool *pool)
{
	mempool_exit(&pool->leaves);
	kmem_cache_destroy(pool->cache);
	pool->cache = NULL;
}

unsigned long index_pool_bytes(struct index_pool *pool)
{
	return atomic_long_read(&pool->nr_leaves) * INDEX_LEAF_SIZE;
}

void *index_get_leaf(struct index_pool *pool, gfp_t gfp)
{
	void *leaf = mempool_alloc(&pool->leaves, gfp);

	if (leaf)
		atomic_long_inc(&pool->nr_leaves);
	return leaf;
}

void index_put_leaf(struct index_pool *pool, void *leaf)
{
	mempool_free(leaf, &pool->leaves);
	atomic_long_dec(&pool->nr_leaves);
}
