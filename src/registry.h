/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has which cache open. Persistent memory belongs to one mapped device at a time, under
 * whatever names it is reached, and so does an origin. The tables of one mapped device, the one that is live and the one
 * that is to follow it, share a cache that both name: so a reload takes it over as it stands.
 *
 * All functions may sleep.
 */
#ifndef PCACHE_REGISTRY_H
#define PCACHE_REGISTRY_H

#include <linux/device-mapper.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>

#include "pcache.h"

/* One line of a table: its own references to the devices, and what it says. */
struct table {
	struct dm_dev *cache_dev;
	struct dm_dev *origin_dev;
	struct pcache_options opt;
	struct open_cache *cache;
};

struct open_cache {
	struct list_head list;		/* of those that are open, and ... */
	unsigned int tables;		/* ... how many share it: both under the registry's lock */
	struct mapped_device *md;
	struct block_device *bdev;
	/*
	 * Written to by whoever loads or starts the cache, or lets it run no more. Who holds it for
	 * reading finds the cache loaded, or not, as it was; or on its way to a stop.
	 */
	struct rw_semaphore lock;
	struct table *in_force;		/* whose options the cache has, if it is loaded */
	bool running;
	struct mutex gc_lock;		/* serialises changes of gc_percent */
	struct pcache c;
};

/*
 * Open the cache of @t, whose devices are open, for the mapped device @md: as a new one, which is
 * checked and not changed, or together with the tables of @md that have it open. Returns 0 and sets
 * @t->cache; or an error, with a sentence in *@error, after a message.
 *
 * The block devices of a shared cache stay the same ones as long as any of its tables has them
 * open, which is what each does on its own account until after registry_close().
 */
int registry_open(struct table *t, struct mapped_device *md, char **error);

/* The last one who leaves frees the cache, which is not running then. */
void registry_close(struct table *t);

/* A cache whose media was loaded with another setting of data_crc is none for @t. */
static inline bool registry_crc_fits(const struct table *t)
{
	const struct pcache *c = &t->cache->c;

	return !READ_ONCE(c->loaded) || c->opt.data_crc == t->opt.data_crc;
}

#endif
