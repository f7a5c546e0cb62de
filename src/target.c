// SPDX-License-Identifier: GPL-2.0-or-later
/* What the device-mapper core sees of a cache. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "options.h"
#include "pcache.h"
#include "read.h"
#include "registry.h"
#include "write.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static const char *name_of(struct dm_target *ti)
{
	return dm_device_name(dm_table_get_md(ti->table));
}

static int open_device(struct dm_target *ti, const char *path, const char *role,
		       struct dm_dev **dev)
{
	int r = dm_get_device(ti, path, dm_table_get_mode(ti->table), dev);

	if (r)
		pr_err("%s: can't open the %s device '%s': error %d\n", name_of(ti), role, path, r);
	return r;
}

/* A namespace in raw mode has no DAX, and is what one has who has just plugged in the memory. */
static void explain_no_dax(struct dm_target *ti, struct block_device *bdev)
{
	struct device *parent = disk_to_dev(bdev->bd_disk)->parent;
	const char *namespace = parent ? dev_name(parent) : "";

	if (!str_has_prefix(bdev->bd_disk->disk_name, "pmem")) {
		pr_err("%s: %pg is no DAX device: the cache must be persistent memory\n",
		       name_of(ti), bdev);
		return;
	}
	if (!str_has_prefix(namespace, "namespace"))
		namespace = "NAMESPACE";
	pr_err("%s: %pg is not in fsdax mode: 'ndctl create-namespace -f -e %s -m fsdax' changes that and erases it\n",
	       name_of(ti), bdev, namespace);
}

static int check_cache_dev(struct dm_target *ti, struct dm_dev *dev)
{
	struct block_device *bdev = dev->bdev;
	u64 start = (u64)get_start_sect(bdev) << SECTOR_SHIFT, size = bdev_nr_bytes(bdev);

	if (bdev_is_zoned(bdev)) {
		pr_err("%s: the cache device %pg is zoned\n", name_of(ti), bdev);
		ti->error = "The cache device is zoned";
		return -EINVAL;
	}
	/* Of a partition in an odd place the core hides the DAX device. */
	if ((start | size) & ~PAGE_MASK) {
		pr_err("%s: start (byte %llu) and size (%llu bytes) of %pg must be multiples of %lu\n",
		       name_of(ti), start, size, bdev, PAGE_SIZE);
		ti->error = "The cache device is not aligned to pages";
		return -EINVAL;
	}
	if (!dev->dax_dev) {
		explain_no_dax(ti, bdev);
		ti->error = "The cache device has no DAX";
		return -EOPNOTSUPP;
	}
	if (size < PCACHE_MIN_SIZE) {
		pr_err("%s: the cache device %pg has %llu bytes, and needs %llu\n", name_of(ti),
		       bdev, size, PCACHE_MIN_SIZE);
		ti->error = "The cache device is too small";
		return -EINVAL;
	}
	return 0;
}

static int check_origin_dev(struct dm_target *ti, struct dm_dev *dev, struct dm_dev *cache_dev)
{
	struct block_device *bdev = dev->bdev;

	if (bdev == cache_dev->bdev) {
		pr_err("%s: cache and origin are the same device, %pg\n", name_of(ti), bdev);
		ti->error = "Cache and origin are the same device";
		return -EINVAL;
	}
	if (bdev_is_zoned(bdev)) {
		pr_err("%s: the origin %pg is zoned\n", name_of(ti), bdev);
		ti->error = "The origin is zoned";
		return -EINVAL;
	}
	if (bdev_logical_block_size(bdev) > PCACHE_BLOCK) {
		pr_err("%s: the origin %pg has logical blocks of %u bytes, and may have %u at most\n",
		       name_of(ti), bdev, bdev_logical_block_size(bdev), PCACHE_BLOCK);
		ti->error = "The origin's logical blocks are too large";
		return -EINVAL;
	}
	if (ti->len > bdev_nr_sectors(bdev)) {
		pr_err("%s: the table has %llu sectors, the origin %pg only %llu\n", name_of(ti),
		       (u64)ti->len, bdev, (u64)bdev_nr_sectors(bdev));
		ti->error = "The table is longer than the origin";
		return -EINVAL;
	}
	return 0;
}

static int open_devices(struct dm_target *ti, struct table *t, char **argv)
{
	int r;

	ti->error = "The cache device can't be opened";
	r = open_device(ti, argv[0], "cache", &t->cache_dev);
	if (r)
		return r;
	ti->error = "The origin can't be opened";
	r = open_device(ti, argv[1], "origin", &t->origin_dev);
	if (r)
		goto bad_origin;
	r = check_cache_dev(ti, t->cache_dev);
	if (!r)
		r = check_origin_dev(ti, t->origin_dev, t->cache_dev);
	if (r)
		goto bad_check;
	t->opt.read_only = !(dm_table_get_mode(ti->table) & BLK_OPEN_WRITE) ||
			   bdev_read_only(t->cache_dev->bdev) ||
			   bdev_read_only(t->origin_dev->bdev);
	return 0;

bad_check:
	dm_put_device(ti, t->origin_dev);
bad_origin:
	dm_put_device(ti, t->cache_dev);
	return r;
}

static void close_devices(struct dm_target *ti, struct table *t)
{
	dm_put_device(ti, t->origin_dev);
	dm_put_device(ti, t->cache_dev);
}

static int check_words(struct dm_target *ti, unsigned int argc)
{
	if (argc < 2) {
		pr_err("%s: the table line needs a cache device and an origin, it has %u words\n",
		       name_of(ti), argc);
		ti->error = "A cache device and an origin are needed";
		return -EINVAL;
	}
	return 0;
}

/* Checks and opens, and writes nothing. */
static int pcache_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct table *t;
	int r = check_words(ti, argc);

	if (r)
		return r;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t) {
		ti->error = "Out of memory";
		return -ENOMEM;
	}
	r = options_parse(&t->opt, argc - 2, argv + 2, name_of(ti), &ti->error);
	if (r)
		goto bad_options;
	r = open_devices(ti, t, argv);
	if (r)
		goto bad_options;
	r = registry_open(t, dm_table_get_md(ti->table), &ti->error);
	if (r)
		goto bad_registry;
	ti->num_flush_bios = 1;
	ti->flush_supported = true;
	ti->per_io_data_size = read_bio_size();
	ti->private = t;
	return 0;

bad_registry:
	close_devices(ti, t);
bad_options:
	kfree(t);
	return r;
}

static void pcache_dtr(struct dm_target *ti)
{
	struct table *t = ti->private;

	registry_close(t);
	close_devices(ti, t);
	kfree(t);
}

static int map_write(struct pcache *c, struct bio *bio)
{
	if (c->opt.read_only) {
		if (bio_sectors(bio))
			return DM_MAPIO_KILL;
		bio_endio(bio);
		return DM_MAPIO_SUBMITTED;
	}
	return write_map(c, bio);
}

/* The table begins at sector 0 here and on the origin, so sectors need no translation. */
static int pcache_map(struct dm_target *ti, struct bio *bio)
{
	struct table *t = ti->private;
	struct pcache *c = &t->cache->c;

	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return read_map(c, bio);
	case REQ_OP_WRITE:
		return map_write(c, bio);
	default:
		return DM_MAPIO_KILL;
	}
}

/* The core waits for messages to return, and a flush may take as long as the origin wants. */
static void interrupt_flush(struct open_cache *oc, bool on)
{
	if (oc->c.loaded)
		writeback_interrupt(&oc->c, on);
}

static void pcache_presuspend(struct dm_target *ti)
{
	struct table *t = ti->private;

	interrupt_flush(t->cache, true);
	write_suspend(&t->cache->c, ti);
}

static void pcache_presuspend_undo(struct dm_target *ti)
{
	struct table *t = ti->private;

	write_suspend(&t->cache->c, NULL);
	interrupt_flush(t->cache, false);
}

/* All I/O is done or requeued. From here on the media is left alone. */
static void pcache_postsuspend(struct dm_target *ti)
{
	struct table *t = ti->private;
	struct open_cache *oc = t->cache;

	down_write(&oc->lock);
	oc->running = false;
	write_suspend(&oc->c, NULL);
	read_quiesce(&oc->c);
	/* It may take as long as the origin does: who only asks need not wait for that. */
	downgrade_write(&oc->lock);
	pcache_stop(&oc->c);
	up_read(&oc->lock);
}

/* A cache that another table has left is taken over with what is in it. */
static void take_over(struct table *t)
{
	struct pcache *c = &t->cache->c;

	/* It may have grown since another table opened the cache; one that has gone has no size. */
	c->origin.sectors = max(c->origin.sectors, bdev_nr_sectors(t->origin_dev->bdev));
	c->opt.batch_order = t->opt.batch_order;
	c->opt.read_only = t->opt.read_only;
	if (t->opt.gc_percent_set) {
		c->opt.gc_percent = t->opt.gc_percent;
		c->opt.gc_percent_set = true;
	}
	pcache_adopt(c);
}

static int activate(struct table *t)
{
	struct open_cache *oc = t->cache;
	struct pcache *c = &oc->c;

	if (!registry_crc_fits(t)) {
		pr_err("%s: data_crc can't be changed\n", c->name);
		return -EINVAL;
	}
	if (!c->loaded) {
		int r;

		c->origin.sectors = bdev_nr_sectors(t->origin_dev->bdev);
		r = pcache_load(c, &t->opt);
		if (r)
			return r;
	} else if (oc->in_force != t) {
		take_over(t);
	}
	oc->in_force = t;
	return 0;
}

static int pcache_preresume(struct dm_target *ti)
{
	struct table *t = ti->private;
	unsigned int noio;
	int r;

	down_write(&t->cache->lock);
	/* Memory must not wait for this very device, which another table may have had before. */
	noio = memalloc_noio_save();
	r = activate(t);
	memalloc_noio_restore(noio);
	up_write(&t->cache->lock);
	if (r)
		pr_err("%s: the cache can't be started: error %d\n", name_of(ti), r);
	return r;
}

static void pcache_resume(struct dm_target *ti)
{
	struct table *t = ti->private;
	struct open_cache *oc = t->cache;

	down_write(&oc->lock);
	interrupt_flush(oc, false);
	pcache_start(&oc->c);
	oc->running = true;
	up_write(&oc->lock);
	/* The core knows of read-only tables, not of devices below that are. */
	if (t->opt.read_only)
		set_disk_ro(dm_disk(dm_table_get_md(ti->table)), true);
}

static u32 media_gc_percent(const struct pcache *c)
{
	return (c->sb.info_flags & PCACHE_INFO_GC_MASK) >> PCACHE_INFO_GC_SHIFT;
}

/* As Linux's own target prints it. What is not known before the cache is loaded is 0. */
static void print_status(struct pcache *c, char *result, unsigned int maxlen)
{
	struct log_pos head = { }, dirty_tail = { }, key_tail = { };
	unsigned int sz = 0;
	u32 used = 0;

	if (c->loaded) {
		used = segments_used(&c->segs) - keylog_set_aside(&c->log);
		head = keylog_head(&c->log);
		dirty_tail = keylog_dirty_tail(&c->log);
		key_tail = keylog_key_tail(&c->log);
	}
	DMEMIT("%x %u %u %u %u %x %u:%u %u:%u %u:%u", c->sb.flags, c->sb.seg_num, c->sb.n_segs,
	       used, media_gc_percent(c), c->sb.info_flags,
	       head.seg, head.off, dirty_tail.seg, dirty_tail.off, key_tail.seg, key_tail.off);
}

/* The options of a table in force are what has become of them since. */
static struct pcache_options options_of(const struct table *t)
{
	struct pcache_options opt = t->opt;

	if (READ_ONCE(t->cache->in_force) == t) {
		opt.gc_percent = media_gc_percent(&t->cache->c);
		opt.gc_percent_set = opt.gc_percent != PCACHE_GC_DEFAULT;
	}
	return opt;
}

static void print_table(const struct table *t, char *result, unsigned int maxlen)
{
	struct pcache_options opt = options_of(t);
	unsigned int sz = 0;

	DMEMIT("%s %s ", t->cache_dev->name, t->origin_dev->name);
	options_print(&opt, result + sz, maxlen - sz);
}

static void print_ima(struct dm_target *ti, const struct table *t, char *result,
		      unsigned int maxlen)
{
	struct pcache_options opt = options_of(t);
	unsigned int sz = 0;

	DMEMIT_TARGET_NAME_VERSION(ti->type);
	DMEMIT(",cache_device=%s,origin_device=%s,cache_mode=writeback,data_crc=%s",
	       t->cache_dev->name, t->origin_dev->name, opt.data_crc ? "true" : "false");
	DMEMIT(",gc_percent=%u,writeback_order=%s;", opt.gc_percent,
	       opt.batch_order ? "batch" : "strict");
}

static void pcache_status(struct dm_target *ti, status_type_t type, unsigned int flags,
			  char *result, unsigned int maxlen)
{
	struct table *t = ti->private;

	down_read(&t->cache->lock);
	switch (type) {
	case STATUSTYPE_INFO:
		print_status(&t->cache->c, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		print_table(t, result, maxlen);
		break;
	default:	/* STATUSTYPE_IMA, where there is such */
		print_ima(ti, t, result, maxlen);
		break;
	}
	up_read(&t->cache->lock);
}

static u64 index_entries(struct pcache *c)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < c->nr_shards; i++)
		sum += READ_ONCE(c->shards[i].index.nr_entries);
	return sum;
}

static void print_stats(struct pcache *c, char *result, unsigned int maxlen)
{
	static const char * const names[] = {
#define PCACHE_STAT(name) (#name),
		PCACHE_STATS(PCACHE_STAT)
#undef PCACHE_STAT
	};
	unsigned int i, sz = 0;

	for (i = 0; i < NR_PCACHE_STATS; i++)
		DMEMIT("%s %llu\n", names[i], pcache_stat(c, i));
	DMEMIT("segments %u\n", c->segs.nr);
	DMEMIT("free_segments %u\n", c->segs.nr - segments_used(&c->segs));
	DMEMIT("dirty_sectors %llu\n", writeback_dirty(c));
	DMEMIT("index_entries %llu\n", index_entries(c));
	DMEMIT("index_bytes %lu\n", index_pool_bytes(&c->index_pool));
	DMEMIT("commits %llu\n", (u64)READ_ONCE(c->log.commits));
	DMEMIT("sets %llu\n", READ_ONCE(c->log.nr_sets));
	DMEMIT("keys %llu\n", READ_ONCE(c->log.nr_keys));
}

/* What changes something needs a cache that runs, and may be written to. */
static int check_writable(struct open_cache *oc, const char *message)
{
	if (!oc->running) {
		pr_err("%s: %s: the device is suspended\n", oc->c.name, message);
		return -EBUSY;
	}
	if (oc->c.opt.read_only) {
		pr_err("%s: %s: the cache is read-only\n", oc->c.name, message);
		return -EROFS;
	}
	return 0;
}

static int message_gc_percent(struct open_cache *oc, const char *word)
{
	u8 percent;
	int r;

	if (options_parse_gc(word, &percent)) {
		pr_err("%s: gc_percent '%s' is not a number from 0 to %u\n", oc->c.name, word,
		       PCACHE_GC_MAX);
		return -EINVAL;
	}
	r = check_writable(oc, "gc_percent");
	if (r)
		return r;
	mutex_lock(&oc->gc_lock);
	pcache_set_gc_percent(&oc->c, percent);
	mutex_unlock(&oc->gc_lock);
	return 0;
}

static int message_flush(struct open_cache *oc)
{
	int r = check_writable(oc, "flush");

	return r ? r : writeback_flush(&oc->c);
}

/* Returns 1 if there is an answer in @result. */
static int do_message(struct open_cache *oc, unsigned int argc, char **argv, char *result,
		      unsigned int maxlen)
{
	struct pcache *c = &oc->c;

	if (argc == 2 && !strcasecmp(argv[0], "gc_percent"))
		return message_gc_percent(oc, argv[1]);
	if (argc == 1 && !strcasecmp(argv[0], "flush"))
		return message_flush(oc);
	if (argc == 1 && !strcasecmp(argv[0], "stats")) {
		print_stats(c, result, maxlen);
		return 1;
	}
	if (argc == 1 && !strcasecmp(argv[0], "clear_stats")) {
		pcache_clear_stats(c);
		return 0;
	}
	pr_err("%s: the message '%s' with %u arguments is none of: gc_percent N, flush, stats, clear_stats\n",
	       c->name, argv[0], argc - 1);
	return -EINVAL;
}

static int pcache_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
			  unsigned int maxlen)
{
	struct table *t = ti->private;
	struct open_cache *oc = t->cache;
	int r = -ENXIO;

	down_read(&oc->lock);
	if (oc->c.loaded)
		r = do_message(oc, argc, argv, result, maxlen);
	else
		pr_err("%s: the cache has not been started\n", oc->c.name);
	up_read(&oc->lock);
	return r;
}

/* What bypasses the cache goes to the origin as it came: its limits are the device's. */
static int pcache_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct table *t = ti->private;

	return fn(ti, t->origin_dev, 0, ti->len, data);
}

static struct target_type pcache_target = {
	.name = "pcache",
	.version = { 1, 0, 0 },
	.features = DM_TARGET_SINGLETON,
	.module = THIS_MODULE,
	.ctr = pcache_ctr,
	.dtr = pcache_dtr,
	.map = pcache_map,
	.presuspend = pcache_presuspend,
	.presuspend_undo = pcache_presuspend_undo,
	.postsuspend = pcache_postsuspend,
	.preresume = pcache_preresume,
	.resume = pcache_resume,
	.status = pcache_status,
	.message = pcache_message,
	.iterate_devices = pcache_iterate_devices,
};

static int __init pcache_module_init(void)
{
	return dm_register_target(&pcache_target);
}

static void __exit pcache_module_exit(void)
{
	dm_unregister_target(&pcache_target);
}

module_init(pcache_module_init);
module_exit(pcache_module_exit);

MODULE_ALIAS("dm-pcache");
MODULE_DESCRIPTION("device-mapper target that caches a block device in persistent memory");
MODULE_AUTHOR("The dm-pcache developers");
MODULE_VERSION("1.0.0");
MODULE_LICENSE("GPL");
