// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replay: from the log to the index. One reader checks every set and key (rule 11) and hands the
 * keys out by address; workers, each with shards of its own, insert them. What can't be right is
 * refused. Nothing on the media changes.
 */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "pcache.h"

#define WORKERS_MAX	16u

/* Extents that a worker gets at a time: while it works on one half, the reader fills the other. */
#define HALF	1024u

struct replay_worker {
	struct work_struct work;
	struct pcache *c;
	struct extent *extents;		/* two halves */
	u32 nr;				/* in the half that the reader fills */
	u32 nr_work;			/* in the half of the worker */
	bool half;			/* the reader's */
	int err;
};

struct replay {
	struct pcache *c;
	struct workqueue_struct *wq;
	struct replay_worker *workers;
	unsigned int nr_workers;
	struct media_kset *set;
	unsigned long *log_segments;	/* those that the log passes through */
	u32 block;			/* bytes of the origin's logical block */
	bool dirty;			/* the reader has come to the dirty_tail */
	u64 dirty_sectors, dirty_keys;	/* from there on */
};

static int insert(struct pcache *c, struct extent *e, bool *over_dirty)
{
	struct index *ix = &keylog_shard(&c->log, e->start)->index;

	while (!index_stocked(ix)) {
		void *leaf = index_get_leaf(&c->index_pool, GFP_KERNEL);

		if (!leaf)
			return -ENOMEM;
		index_stock(ix, leaf);
	}
	index_insert(ix, e, over_dirty);
	return 0;
}

static int replay_extent(struct pcache *c, struct extent *e)
{
	bool over_dirty = false;
	int r;

	segment_claim(&c->segs, e->seg);
	/* The same place again: lost data that was kept. Its older key must not end it. */
	if (!e->clean) {
		struct extent same;

		e->lost = index_find_key(&keylog_shard(&c->log, e->start)->index, e, e->start,
					 &same);
		if (e->lost)
			WRITE_ONCE(c->writeback.marks, true);
	}
	r = insert(c, e, &over_dirty);
	if (r || !e->clean || !over_dirty)
		return r;
	/*
	 * A clean key over a dirty one: the origin can't hold what the clean one says before the
	 * dirty one has gone there, so it is as dirty (rule 10).
	 */
	e->clean = false;
	return insert(c, e, NULL);
}

static void replay_work(struct work_struct *work)
{
	struct replay_worker *w = container_of(work, struct replay_worker, work);
	struct extent *e = w->extents + (w->half ? 0 : HALF);
	u32 i;

	for (i = 0; i < w->nr_work && !w->err; i++)
		w->err = replay_extent(w->c, e + i);
}

/* Give the worker what has been read for it, and take back its other half. */
static int hand_over(struct replay *rp, struct replay_worker *w)
{
	flush_work(&w->work);
	w->nr_work = w->nr;
	w->nr = 0;
	w->half = !w->half;
	if (w->nr_work)
		queue_work(rp->wq, &w->work);
	return w->err;
}

static int bad_key(struct replay *rp, struct log_pos pos, const struct media_key *key,
		   const char *why)
{
	pr_err("%s: key log: set before %u:%u: key of origin bytes %llu+%u, data at %u:%u, generation %llu, flags %#x: %s\n",
	       rp->c->name, pos.seg, pos.off, key->off, key->len, key->cache_seg_id,
	       key->cache_seg_off, key->seg_gen, key->flags, why);
	return -EINVAL;
}

static const char *key_fault(struct replay *rp, const struct media_key *key)
{
	struct pcache *c = rp->c;
	u64 size = c->origin.sectors * PCACHE_SECTOR;

	if (!key->len || (key->off | key->len) % rp->block)
		return "not whole blocks of the origin";
	if (key->off >= size || key->len > size - key->off)
		return "beyond the end of the origin";
	if (key->off % PCACHE_CHUNK + key->len > PCACHE_CHUNK)
		return "crosses a 4 MiB boundary of the origin";
	if (key->cache_seg_id >= c->segs.nr)
		return "no such segment";
	if (key->cache_seg_off % PCACHE_SECTOR || key->cache_seg_off > PCACHE_SEG_DATA_SIZE ||
	    key->len > PCACHE_SEG_DATA_SIZE - key->cache_seg_off)
		return "crosses the end of its segment";
	if (key->flags & ~PCACHE_KEY_CLEAN)
		return "unknown flags";
	if (key->seg_gen > c->segs.seg[key->cache_seg_id].gen)
		return "ahead of its segment's generation";
	return NULL;
}

static int replay_key(struct replay *rp, struct log_pos pos, const struct media_key *key)
{
	const char *fault = key_fault(rp, key);
	struct replay_worker *w;
	struct extent *e;

	if (fault)
		return bad_key(rp, pos, key, fault);
	if (!key_alive(&rp->c->segs, key))
		return 0;
	w = &rp->workers[(keylog_shard(&rp->c->log, key->off / PCACHE_SECTOR) - rp->c->shards) %
			 rp->nr_workers];
	e = w->extents + (w->half ? HALF : 0) + w->nr++;
	key_to_extent(key, e);
	if (!rp->dirty)
		e->clean = true;
	else if (!e->clean)
		rp->dirty_sectors += e->len;
	return w->nr < HALF ? 0 : hand_over(rp, w);
}

/* The log comes to a segment: once, or it would never end. */
static int enter_segment(struct replay *rp, u32 id)
{
	if (__test_and_set_bit(id, rp->log_segments)) {
		pr_err("%s: key log: leads back to segment %u\n", rp->c->name, id);
		return -EINVAL;
	}
	keylog_claim(&rp->c->log, id);
	return 0;
}

static int read_log(struct replay *rp, struct log_pos *pos)
{
	struct keylog *log = &rp->c->log;
	u32 i;
	int r;

	*pos = keylog_key_tail(log);
	r = enter_segment(rp, pos->seg);
	while (!r) {
		rp->dirty |= log_pos_equal(*pos, log->dirty_tail);
		r = keylog_read(log, pos, NULL, rp->set);
		if (r == KEYLOG_END)
			return 0;
		if (r == KEYLOG_MOVED) {
			r = enter_segment(rp, pos->seg);
			continue;
		}
		if (r < 0)
			break;
		r = 0;
		if (rp->dirty)
			rp->dirty_keys += rp->set->key_num;
		for (i = 0; !r && i < rp->set->key_num; i++)
			r = replay_key(rp, *pos, &rp->set->keys[i]);
		cond_resched();
	}
	return r;
}

/* What the reader could not see while it went. */
static int check_log(struct replay *rp, struct log_pos head)
{
	struct keylog *log = &rp->c->log;
	u32 id;

	if (!rp->dirty) {
		pr_err("%s: dirty_tail %u:%u is not on the log, which goes from %u:%u to %u:%u\n",
		       rp->c->name, log->dirty_tail.seg, log->dirty_tail.off, log->key_tail.seg,
		       log->key_tail.off, head.seg, head.off);
		return -EINVAL;
	}
	for_each_set_bit(id, rp->log_segments, rp->c->segs.nr) {
		if (atomic_read(&rp->c->segs.seg[id].refs) == 1)
			continue;
		pr_err("%s: key log: a key has its data in segment %u, which holds the log\n",
		       rp->c->name, id);
		return -EINVAL;
	}
	return 0;
}

static int replay_all(struct replay *rp, struct log_pos *head)
{
	int r = read_log(rp, head), err = 0;
	unsigned int i;

	for (i = 0; i < rp->nr_workers; i++) {
		if (!r)
			r = hand_over(rp, &rp->workers[i]);
		flush_work(&rp->workers[i].work);
		err = err ? err : rp->workers[i].err;
	}
	if (!r)
		r = err;
	return r ? r : check_log(rp, *head);
}

static int replay_alloc(struct replay *rp)
{
	unsigned int i;

	rp->nr_workers = min3(num_online_cpus(), WORKERS_MAX, rp->c->nr_shards);
	rp->wq = alloc_workqueue("pcache_replay", WQ_UNBOUND, 0);
	rp->set = kset_alloc(GFP_KERNEL);
	rp->log_segments = kvcalloc(BITS_TO_LONGS(rp->c->segs.nr), sizeof(long), GFP_KERNEL);
	rp->workers = kcalloc(rp->nr_workers, sizeof(*rp->workers), GFP_KERNEL);
	if (!rp->wq || !rp->set || !rp->log_segments || !rp->workers)
		return -ENOMEM;
	for (i = 0; i < rp->nr_workers; i++) {
		struct replay_worker *w = &rp->workers[i];

		INIT_WORK(&w->work, replay_work);
		w->c = rp->c;
		w->extents = kvcalloc(2 * HALF, sizeof(*w->extents), GFP_KERNEL);
		if (!w->extents)
			return -ENOMEM;
	}
	return 0;
}

static void replay_free(struct replay *rp)
{
	unsigned int i;

	for (i = 0; rp->workers && i < rp->nr_workers; i++)
		kvfree(rp->workers[i].extents);
	kfree(rp->workers);
	kvfree(rp->log_segments);
	kfree(rp->set);
	if (rp->wq)
		destroy_workqueue(rp->wq);
}

int pcache_replay(struct pcache *c)
{
	struct replay rp = { .c = c, .block = origin_block_size(&c->origin) };
	struct log_pos head;
	int r = replay_alloc(&rp);

	if (!r)
		r = replay_all(&rp, &head);
	replay_free(&rp);
	if (r)
		return r;
	keylog_start(&c->log, head);
	writeback_replayed(c, head, rp.dirty_sectors, rp.dirty_keys);
	return 0;
}
