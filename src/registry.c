// SPDX-License-Identifier: GPL-2.0-or-later
/* Who has which cache open. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/blkdev.h>
#include <linux/list.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "read.h"
#include "registry.h"
#include "write.h"

static DEFINE_MUTEX(registry_lock);
static LIST_HEAD(registry);

static struct open_cache *find_shared(const struct table *t, const struct mapped_device *md)
{
	struct open_cache *oc;

	list_for_each_entry(oc, &registry, list)
		if (oc->md == md && oc->bdev == t->cache_dev->bdev &&
		    oc->c.origin.bdev == t->origin_dev->bdev)
			return oc;
	return NULL;
}

static void say_in_use(struct open_cache *new, struct open_cache *old, struct block_device *bdev,
		       const char *what)
{
	char name[DM_NAME_LEN];

	if (new->md == old->md) {
		pr_err("%s: the table in use has this cache device under another name, in part, or with another origin\n",
		       new->c.name);
		return;
	}
	if (dm_copy_name_and_uuid(old->md, name, NULL))
		strscpy(name, "a device that is being removed", sizeof(name));
	pr_err("%s: %pg %s of the device-mapper device %s (%s)\n", new->c.name, bdev, what,
	       old->c.name, name);
}

/* Two caches of one origin would not know of each other's writes (rule 14). */
static int check_in_use(struct open_cache *new)
{
	struct open_cache *oc;

	list_for_each_entry(oc, &registry, list) {
		if (pmem_overlaps(&oc->c.pmem, &new->c.pmem)) {
			say_in_use(new, oc, new->bdev,
				   "is, or shares memory with, the cache device");
			return -EBUSY;
		}
		if (oc->md != new->md && oc->c.origin.bdev == new->c.origin.bdev) {
			say_in_use(new, oc, new->c.origin.bdev, "is already the origin");
			return -EBUSY;
		}
	}
	return 0;
}

/* The parts that need no media. */
static int make(struct pcache *c)
{
	int r = pcache_init(c);

	if (r)
		return r;
	r = write_init(c);
	if (r)
		goto bad_write;
	r = read_init(c);
	if (r)
		goto bad_read;
	return 0;

bad_read:
	write_exit(c);
bad_write:
	pcache_exit(c);
	return r;
}

static void unmake(struct pcache *c)
{
	read_exit(c);
	write_exit(c);
	pcache_exit(c);
}

static int open_media(struct open_cache *oc, const struct table *t, char **error)
{
	struct pcache *c = &oc->c;
	int r;

	*error = "The cache device can't be mapped";
	r = pmem_open(&c->pmem, t->cache_dev->dax_dev,
		      (u64)get_start_sect(oc->bdev) << SECTOR_SHIFT, bdev_nr_bytes(oc->bdev),
		      c->name);
	if (r)
		return r;
	*error = "The cache device or the origin is in use";
	r = check_in_use(oc);
	if (r)
		goto bad;
	*error = "The cache device can't be used as it is";
	r = pcache_check(c, &t->opt);
	if (r)
		goto bad;
	return 0;

bad:
	pmem_close(&c->pmem);
	return r;
}

static struct open_cache *open_new(const struct table *t, struct mapped_device *md, char **error)
{
	struct open_cache *oc = kzalloc(sizeof(*oc), GFP_KERNEL);
	int r = -ENOMEM;

	*error = "Out of memory";
	if (!oc)
		return ERR_PTR(r);
	oc->md = md;
	oc->bdev = t->cache_dev->bdev;
	init_rwsem(&oc->lock);
	mutex_init(&oc->gc_lock);
	strscpy(oc->c.name, dm_device_name(md), sizeof(oc->c.name));
	oc->c.origin.bdev = t->origin_dev->bdev;
	oc->c.origin.sectors = bdev_nr_sectors(t->origin_dev->bdev);
	r = make(&oc->c);
	if (r)
		goto bad_make;
	r = open_media(oc, t, error);
	if (r)
		goto bad_media;
	list_add(&oc->list, &registry);
	return oc;

bad_media:
	unmake(&oc->c);
bad_make:
	kfree(oc);
	return ERR_PTR(r);
}

int registry_open(struct table *t, struct mapped_device *md, char **error)
{
	struct open_cache *oc;
	int r = 0;

	mutex_lock(&registry_lock);
	oc = find_shared(t, md);
	if (!oc)
		oc = open_new(t, md, error);
	if (IS_ERR(oc)) {
		r = PTR_ERR(oc);
		goto out;
	}
	t->cache = oc;
	if (!registry_crc_fits(t)) {
		pr_err("%s: the cache in use has data_crc %s, the table line says %s\n",
		       oc->c.name, t->opt.data_crc ? "false" : "true",
		       t->opt.data_crc ? "true" : "false");
		*error = "data_crc can't be changed";
		r = -EINVAL;
		goto out;
	}
	oc->tables++;
out:
	mutex_unlock(&registry_lock);
	return r;
}

void registry_close(struct table *t)
{
	struct open_cache *oc = t->cache;

	mutex_lock(&registry_lock);
	if (--oc->tables) {
		/* Not under its lock: a flush may hold that for long. */
		cmpxchg(&oc->in_force, t, NULL);
	} else {
		list_del(&oc->list);
		unmake(&oc->c);
		pmem_close(&oc->c.pmem);
		kfree(oc);
	}
	mutex_unlock(&registry_lock);
}
