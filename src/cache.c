// SPDX-License-Identifier: GPL-2.0-or-later
/* A cache: what its parts share, from opening the device to leaving it. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "pcache.h"

/* Empty leaves that a shard keeps for its next inserts. */
#define SHARD_LEAVES	4u

/* Leaves that wait for the moment when memory is short. */
#define LEAF_RESERVE	128u

u64 pcache_stat(struct pcache *c, enum pcache_stat stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(c->stats, cpu)->n[stat];
	return sum;
}

void pcache_clear_stats(struct pcache *c)
{
	int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(c->stats, cpu), 0, sizeof(struct pcache_stats));
}

int pcache_init(struct pcache *c)
{
	c->stats = alloc_percpu(struct pcache_stats);
	return c->stats ? 0 : -ENOMEM;
}

/* The cache has been stopped, or never started; it may be loaded again. */
static void unload(struct pcache *c)
{
	unsigned int i;

	reclaim_exit(c);
	writeback_exit(c);
	heads_exit(&c->heads);
	keylog_exit(&c->log);
	for (i = 0; c->shards && i < c->nr_shards; i++) {
		index_exit(&c->shards[i].index);
		cond_resched();
	}
	kvfree(c->shards);
	c->shards = NULL;
	if (c->index_pool.cache)
		index_pool_exit(&c->index_pool);
	segments_exit(&c->segs);
	c->loaded = false;
}

void pcache_exit(struct pcache *c)
{
	if (c->loaded)
		unload(c);
	free_percpu(c->stats);
}

static bool media_data_crc(const struct pcache *c)
{
	return c->sb.info_flags & PCACHE_INFO_DATA_CRC;
}

int pcache_check(struct pcache *c, const struct pcache_options *opt)
{
	struct identity who;
	int r = superblock_read(&c->pmem, &c->sb);
	bool told;

	if (r)
		return r;
	told = origin_identity(&c->origin, &who);
	r = superblock_check_origin(&c->pmem, &c->sb, &who, told);
	if (r)
		return r;
	if (c->sb.blank || !(c->sb.info_flags & PCACHE_INFO_INIT)) {
		if (!opt->read_only)
			return 0;
		pr_err("%s: is not formatted yet, and can't be: it is read-only\n", c->name);
		return -EROFS;
	}
	if (media_data_crc(c) != opt->data_crc) {
		pr_err("%s: the cache has data_crc %s, the table line says %s\n", c->name,
		       media_data_crc(c) ? "true" : "false", opt->data_crc ? "true" : "false");
		return -EINVAL;
	}
	return 0;
}

static void format(struct pcache *c)
{
	u32 gc = c->opt.gc_percent_set ? c->opt.gc_percent : PCACHE_GC_DEFAULT;
	struct identity who;

	origin_identity(&c->origin, &who);
	superblock_begin(&c->pmem, &c->sb);
	segments_format(&c->pmem, superblock_segments(&c->pmem, &c->sb));
	keylog_format(&c->pmem);
	superblock_adopt(&c->pmem, &c->sb, &who);
	superblock_format(&c->pmem, &c->sb, (c->opt.data_crc ? PCACHE_INFO_DATA_CRC : 0) |
			  gc << PCACHE_INFO_GC_SHIFT);
	pr_info("%s: formatted as a cache of %u segments\n", c->name, c->sb.n_segs);
}

/*
 * With leaves of its own from the start: so a shard can go on when all that it maps is evicted, for
 * it is its own stock that gets the leaves first. Those of a reserve may all be with others.
 */
static void init_shard(struct shard *shard, struct index_pool *pool)
{
	spin_lock_init(&shard->lock);
	INIT_LIST_HEAD(&shard->fills);
	index_init(&shard->index, pool, SHARD_LEAVES);
	while (!index_stocked(&shard->index))
		index_stock(&shard->index, index_get_leaf(pool, GFP_KERNEL));
}

static int make_shards(struct pcache *c)
{
	unsigned int i;

	c->nr_shards = min_t(unsigned long, roundup_pow_of_two(8 * num_possible_cpus()),
			     SHARDS_MAX);
	c->shards = kvcalloc(c->nr_shards, sizeof(*c->shards), GFP_KERNEL);
	if (!c->shards)
		return -ENOMEM;
	for (i = 0; i < c->nr_shards; i++)
		init_shard(&c->shards[i], &c->index_pool);
	return 0;
}

static int make_parts(struct pcache *c)
{
	int r = index_pool_init(&c->index_pool, c->opt.data_crc, LEAF_RESERVE);

	if (!r)
		r = make_shards(c);
	if (!r)
		r = keylog_init(&c->log, &c->pmem, &c->segs, c->shards, c->nr_shards);
	if (!r)
		r = keylog_load(&c->log);
	if (!r)
		r = heads_init(&c->heads, &c->segs);
	if (!r)
		r = writeback_init(c);
	if (!r)
		r = reclaim_init(c);
	return r;
}

static void segments_changed(struct segments *segs)
{
	struct pcache *c = container_of(segs, struct pcache, segs);

	reclaim_look(c);
	writeback_look(c);
}

void pcache_adopt(struct pcache *c)
{
	struct identity who;

	if (c->opt.read_only)
		return;
	/* What was given up may be used from here on, so the log must not begin there (rule 7). */
	if (c->given_up)
		keylog_set_key_tail(&c->log, keylog_key_tail(&c->log));
	c->given_up = false;
	/* The name that this kernel does not tell stays noted, for one that does. */
	if (!origin_identity(&c->origin, &who))
		memcpy(who.origin_id, c->sb.identity.origin_id, PCACHE_ID_SIZE);
	if (!c->sb.owned || memcmp(&c->sb.identity, &who, sizeof(who)))
		superblock_adopt(&c->pmem, &c->sb, &who);
}

/*
 * What segments and log say. -ENODATA with @clean: segment *@bad is why the clean part of the log
 * can't be read. With @clean unset that is retired, and the log is read from the dirty_tail on.
 */
static int load(struct pcache *c, bool clean, u32 *bad)
{
	int r = segments_load(&c->segs, &c->pmem, c->sb.first_seg, c->sb.n_segs, c->sb.seg_num);

	if (!r)
		r = make_parts(c);
	if (!r && !clean) {
		segment_retire(&c->segs, *bad);
		c->log.key_tail = c->log.dirty_tail;
	}
	if (!r)
		r = pcache_replay(c, bad);
	if (r)
		unload(c);
	return r;
}

int pcache_load(struct pcache *c, const struct pcache_options *opt)
{
	int r = pcache_check(c, opt);
	bool clean;
	u32 bad;

	if (r)
		return r;
	c->opt = *opt;
	if (c->sb.blank || !(c->sb.info_flags & PCACHE_INFO_INIT))
		format(c);
	c->segs.on_change = segments_changed;
	r = load(c, true, &bad);
	clean = r != -ENODATA;
	if (!clean) {
		pr_warn("%s: what is cached and not dirty is given up, for not all that tells of it can be read\n",
			c->name);
		r = load(c, false, &bad);
	}
	if (r)
		return r;
	c->loaded = true;
	c->given_up = !clean;
	if (c->sb.formatting && !opt->read_only)
		superblock_settle(&c->pmem, &c->sb);
	pcache_adopt(c);
	return 0;
}

void pcache_set_gc_percent(struct pcache *c, u8 percent)
{
	u32 flags = c->sb.info_flags & ~(PCACHE_INFO_GC_MASK | PCACHE_INFO_MODE_MASK);

	flags |= (u32)percent << PCACHE_INFO_GC_SHIFT;
	if (flags != c->sb.info_flags && !c->opt.read_only)
		superblock_set_info(&c->pmem, &c->sb, flags);
	c->opt.gc_percent = percent;
	reclaim_kick(c);
}

void pcache_start(struct pcache *c)
{
	u32 gc = (c->sb.info_flags & PCACHE_INFO_GC_MASK) >> PCACHE_INFO_GC_SHIFT;

	if (!c->opt.gc_percent_set)
		c->opt.gc_percent = gc;
	if (c->opt.read_only)
		return;
	writeback_start(c);
	reclaim_start(c);
	pcache_set_gc_percent(c, c->opt.gc_percent);
	if (writeback_dirty(c) || c->writeback.failed)
		writeback_poke(c);
}

void pcache_stop(struct pcache *c)
{
	if (c->opt.read_only)
		return;
	reclaim_stop(c);
	writeback_stop(c);
	keylog_commit(&c->log);
}

struct shard *__pcache_lock_shard(struct pcache *c, u64 sector, gfp_t gfp)
{
	struct shard *shard = keylog_shard(&c->log, sector);

	for (;;) {
		void *leaf;

		spin_lock(&shard->lock);
		if (shard->credit && index_stocked(&shard->index)) {
			__release(&shard->lock);	/* for sparse: see pcache_lock_shard() */
			return shard;
		}
		if (!shard->credit) {
			spin_unlock(&shard->lock);
			if (!keylog_drain(&c->log) && !READ_ONCE(shard->credit))
				return NULL;
			continue;
		}
		spin_unlock(&shard->lock);
		leaf = index_get_leaf(&c->index_pool, gfp);
		if (!leaf)
			return NULL;
		spin_lock(&shard->lock);
		index_stock(&shard->index, leaf);
		spin_unlock(&shard->lock);
	}
}

void pcache_outdate_fills(struct shard *shard, u64 start, u32 len)
{
	struct fill *fill;

	list_for_each_entry(fill, &shard->fills, list)
		if (fill->start < start + len && start < fill->start + fill->len)
			fill->stale = true;
}

void pcache_store(struct pcache *c, struct extent *e, const void *buf)
{
	size_t size = (size_t)e->len * PCACHE_SECTOR;

	pmem_begin(&c->pmem);
	if (c->opt.data_crc)
		e->crc = pmem_write_crc(&c->pmem, pcache_addr(c, e), buf, size, PCACHE_CRC_SEED);
	else
		pmem_write(&c->pmem, pcache_addr(c, e), buf, size);
	pmem_end(&c->pmem);
}

int pcache_verify(struct pcache *c, const struct extent *e)
{
	u64 off = pcache_addr(c, e) - (u64)e->skip * PCACHE_SECTOR;
	u32 crc = PCACHE_CRC_SEED;

	if (!c->opt.data_crc)
		return 0;
	if (pmem_read_crc(&c->pmem, NULL, off, (size_t)e->key_len * PCACHE_SECTOR, &crc))
		return -EIO;
	return crc == e->crc ? 0 : -EIO;
}
