/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, counted, with failures on request; never under a spinlock. */
#ifndef STUB_SLAB_H
#define STUB_SLAB_H

#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#define __GFP_DIRECT_RECLAIM	1u
#define __GFP_NOWARN		2u
#define __GFP_NORETRY		4u
#define __GFP_ZERO		8u
#define __GFP_NOMEMALLOC	16u
#define __GFP_HIGH		32u
#define GFP_KERNEL		__GFP_DIRECT_RECLAIM
#define GFP_NOIO		__GFP_DIRECT_RECLAIM
#define GFP_NOFS		__GFP_DIRECT_RECLAIM
#define GFP_NOWAIT		0u
#define GFP_ATOMIC		__GFP_HIGH

#define SLAB_HWCACHE_ALIGN	1u

static inline bool gfpflags_allow_blocking(gfp_t gfp)
{
	return gfp & __GFP_DIRECT_RECLAIM;
}

void *kmalloc(size_t size, gfp_t gfp);
void kfree(const void *p);
void *kmalloc_array(size_t n, size_t size, gfp_t gfp);

#define kzalloc(size, gfp)		kmalloc(size, (gfp) | __GFP_ZERO)
#define kcalloc(n, size, gfp)		kmalloc_array(n, size, (gfp) | __GFP_ZERO)
#define kmalloc_node(size, gfp, node)	kmalloc(size, gfp)
#define kzalloc_node(size, gfp, node)	kzalloc(size, gfp)
#define kvmalloc(size, gfp)		kmalloc(size, gfp)
#define kvzalloc(size, gfp)		kzalloc(size, gfp)
#define kvmalloc_array(n, size, gfp)	kmalloc_array(n, size, gfp)
#define kvcalloc(n, size, gfp)		kcalloc(n, size, gfp)
#define kvfree(p)			kfree(p)
#define vmalloc(size)			kmalloc(size, GFP_KERNEL)
#define vzalloc(size)			kzalloc(size, GFP_KERNEL)
#define vfree(p)			kfree(p)
char *kstrdup(const char *s, gfp_t gfp);

struct kmem_cache;
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*ctor)(void *));
void kmem_cache_destroy(struct kmem_cache *cache);
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *cache, void *p);
#define kmem_cache_zalloc(c, gfp)	kmem_cache_alloc(c, (gfp) | __GFP_ZERO)
#define KMEM_CACHE(s, flags) \
	kmem_cache_create(#s, sizeof(struct s), __alignof__(struct s), flags, NULL)

#endif
