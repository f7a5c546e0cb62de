/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reserves of memory. */
#ifndef STUB_MEMPOOL_H
#define STUB_MEMPOOL_H

#include <linux/slab.h>

struct kmem_cache;

typedef struct mempool_s {
	struct kmem_cache *cache;	/* or NULL, and @size counts */
	size_t size;
	int nr, min;
	void **spare;
} mempool_t;

int mempool_init_slab_pool(mempool_t *pool, int min, struct kmem_cache *cache);
int mempool_init_kmalloc_pool(mempool_t *pool, int min, size_t size);
void mempool_exit(mempool_t *pool);
void *mempool_alloc(mempool_t *pool, gfp_t gfp);
void mempool_free(void *p, mempool_t *pool);
mempool_t *mempool_create_slab_pool(int min, struct kmem_cache *cache);
mempool_t *mempool_create_kmalloc_pool(int min, size_t size);
void mempool_destroy(mempool_t *pool);

#endif
