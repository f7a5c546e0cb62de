// SPDX-License-Identifier: GPL-2.0-or-later
/* Reclaim: free segments, from the old end of the log. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "pcache.h"
#include "trace.h"

/* When the log could not be read. */
#define RETRY_MS	10000u

#define REFS_MAX	(RECLAIM_SETS * PCACHE_KSET_KEYS)

/* Sectors: what was dropped long ago counts for no more than a segment. */
#define BUDGET_MAX	(PCACHE_SEG_DATA_SIZE / PCACHE_SECTOR)

/* What is moved to the head at once. */
#define BUF_SECTORS	PCACHE_CRC_KEY_SECTORS

static void reclaim_work(struct work_struct *work);

int reclaim_init(struct pcache *c)
{
	struct reclaim *rc = &c->reclaim;

	memset(rc, 0, sizeof(*rc));
	mutex_init(&rc->tail_lock);
	INIT_DELAYED_WORK(&rc->work, reclaim_work);
	rc->wq = alloc_workqueue("pcache_reclaim", WQ_MEM_RECLAIM | WQ_UNBOUND, 1);
	rc->set = kset_alloc(GFP_KERNEL);
	rc->refs = kvcalloc(REFS_MAX, sizeof(*rc->refs), GFP_KERNEL);
	rc->buf = kmalloc(BUF_SECTORS * PCACHE_SECTOR, GFP_KERNEL);
	return rc->wq && rc->set && rc->refs && rc->buf ? 0 : -ENOMEM;
}

void reclaim_exit(struct pcache *c)
{
	struct reclaim *rc = &c->reclaim;

	kfree(rc->buf);
	kvfree(rc->refs);
	kfree(rc->set);
	if (rc->wq)
		destroy_workqueue(rc->wq);
	memset(rc, 0, sizeof(*rc));
}

static bool is_needed(struct pcache *c)
{
	return segments_used(&c->segs) * 100ULL > (u64)c->segs.nr * c->opt.gc_percent ||
	       !segments_plenty(&c->segs) || c->has_waiters(c);
}

/* What was hit is worth its copy, as long as half of what is reclaimed is left for what is new. */
static bool may_move(struct pcache *c)
{
	return c->reclaim.budget > 0 && !c->has_waiters(c);
}

/* Read up to BUF_SECTORS of @e into the buffer, and store them at the fill head. */
static bool copy_to_head(struct pcache *c, const struct extent *e, struct extent *to)
{
	void *buf = c->reclaim.buf;
	u32 seg, sect, n;

	if (pmem_read(&c->pmem, buf, pcache_addr(c, e), e->len * PCACHE_SECTOR)) {
		segment_condemn(&c->segs, e->seg);
		return false;
	}
	n = heads_alloc(&c->heads, SEGMENT_FILL, e->len, &seg, &sect);
	if (!n)
		return false;
	*to = (struct extent){
		.start = e->start, .len = n, .seg = seg, .sect = sect,
		.clean = true, .key_len = n,
	};
	pcache_store(c, to, buf);
	return true;
}

/*
 * Insert a piece of @e again at the head. Returns how many sectors of it have been dealt with, or
 * 0 if it had better be dropped.
 */
static u32 move_piece(struct pcache *c, const struct extent *e)
{
	struct extent to, from = *e;
	struct shard *shard;
	bool same;

	from.len = min(e->len, BUF_SECTORS);
	if (!copy_to_head(c, &from, &to))
		return 0;
	from.len = to.len;
	shard = pcache_lock_shard(c, e->start, GFP_NOWAIT | __GFP_NOWARN);
	if (!shard) {
		segment_put(&c->segs, to.seg, 1);
		return 0;
	}
	same = index_maps(&shard->index, &from);
	if (same) {
		index_insert(&shard->index, &to, NULL);
		keylog_append(&c->log, shard, &to);
	}
	spin_unlock(&shard->lock);
	if (!same)
		segment_put(&c->segs, to.seg, 1);
	return to.len;
}

/* Move @e to the head. What could not be moved maps to the old place still: returns false then. */
static bool move(struct pcache *c, const struct extent *e)
{
	struct extent rest = *e;

	if (pcache_verify(c, e)) {
		segment_condemn(&c->segs, e->seg);
		return false;
	}
	while (rest.len) {
		u32 n = move_piece(c, &rest);

		if (!n)
			return false;
		c->reclaim.moved += n;
		c->reclaim.budget -= n;
		pcache_count(c, STAT_reinserted_sectors, n);
		rest.start += n;
		rest.sect += n;
		rest.skip += n;
		rest.len -= n;
	}
	return true;
}

/* The index forgets all that it has of the key (rule 9). */
static void evict(struct pcache *c, const struct extent *key)
{
	struct shard *shard = keylog_shard(&c->log, key->start);
	u64 at = key->start, removed = 0;
	bool movable = true;
	struct extent e;

	spin_lock(&shard->lock);
	while (index_remove_key(&shard->index, key, at, movable && may_move(c), &removed, &e)) {
		/* A newer key for the same place is in the log: see keep_lost(). */
		if (e.lost) {
			at = e.start + e.len;
			continue;
		}
		spin_unlock(&shard->lock);
		movable = move(c, &e);
		spin_lock(&shard->lock);
	}
	spin_unlock(&shard->lock);
	c->reclaim.budget = min_t(s64, c->reclaim.budget + removed, BUDGET_MAX);
}

static void evict_set(struct pcache *c, const struct media_kset *set)
{
	struct reclaim *rc = &c->reclaim;
	u32 i;

	for (i = 0; i < set->key_num; i++) {
		struct extent key;

		if (!key_alive(&c->segs, &set->keys[i]))
			continue;
		key_to_extent(&set->keys[i], &key);
		evict(c, &key);
		rc->passed += key.len;
		rc->refs[rc->nr_refs++] = key.seg;
	}
}

/* Evict the keys of some sets from *@pos on, and leave *@pos behind them. */
static int evict_sets(struct pcache *c, struct log_pos *pos)
{
	struct reclaim *rc = &c->reclaim;
	struct log_pos end = keylog_dirty_tail(&c->log);
	u32 sets;

	rc->nr_refs = 0;
	rc->moved = 0;
	rc->passed = 0;
	for (sets = 0; sets < RECLAIM_SETS; sets++) {
		int step = keylog_read(&c->log, pos, &end, rc->set);

		/* What comes before it must not be lost with it. */
		if (step < 0)
			return sets ? 0 : step;
		if (step == KEYLOG_END)
			break;
		if (step == KEYLOG_SET)
			evict_set(c, rc->set);
	}
	return 0;
}

/*
 * What the pass will make free, writes may take, even if there is no whole segment of it yet. What
 * they have not taken of the last pass is forfeit, or they would take all at once what comes next.
 */
static void give_allowance(struct pcache *c)
{
	struct reclaim *rc = &c->reclaim;
	u64 left = rc->passed > rc->moved ? rc->passed - rc->moved : 0;

	atomic64_set(&c->allowance, segments_plenty(&c->segs) ? 0 : left);
}

/* Free what is dead. */
static u32 release(struct pcache *c)
{
	u32 freed = segments_release(&c->segs);

	pcache_count(c, STAT_reclaimed_segments, freed);
	if (freed)
		c->on_space(c);
	return freed;
}

/* Rule 7 from end to end. Returns whether the key_tail has moved, or an error. */
static int pass(struct pcache *c)
{
	struct reclaim *rc = &c->reclaim;
	struct log_pos start = keylog_key_tail(&c->log), pos = start;
	u32 i, freed;
	int r = evict_sets(c, &pos);

	if (r || log_pos_equal(pos, start))
		return r;
	mutex_lock(&rc->tail_lock);
	keylog_set_key_tail(&c->log, pos);
	mutex_unlock(&rc->tail_lock);
	for (i = 0; i < rc->nr_refs; i++)
		segment_put(&c->segs, rc->refs[i], 1);
	freed = release(c);
	trace_pcache_reclaim(c->name, pos.seg, pos.off, freed, rc->moved);
	give_allowance(c);
	c->on_space(c);
	return 1;
}

static void kick_in(struct pcache *c, unsigned int ms)
{
	if (READ_ONCE(c->reclaim.running))
		queue_delayed_work(c->reclaim.wq, &c->reclaim.work, msecs_to_jiffies(ms));
}

void reclaim_kick(struct pcache *c)
{
	kick_in(c, 0);
}

void reclaim_look(struct pcache *c)
{
	if (READ_ONCE(c->segs.nr_dead) || is_needed(c))
		reclaim_kick(c);
}

/* Is it no use to wait, for so much of the memory has failed? */
static void look_for_hope(struct pcache *c)
{
	u32 good = segments_good(&c->segs);

	if (good >= SEGMENTS_NEEDED)
		return;
	pr_err_ratelimited("%s: the memory of all segments but %u has failed: nothing can be written any more\n",
			   c->name, good);
	WRITE_ONCE(c->reclaim.error, -ENOSPC);
	c->on_space(c);
}

/* All up to the dirty_tail is reclaimed: more has to be written back first. */
static void starve(struct pcache *c)
{
	struct reclaim *rc = &c->reclaim;

	/*
	 * Only if nothing else helps: what is left of a head's segment goes to waste. Data that is
	 * lost comes round for ever, and helps nobody.
	 */
	if (!writeback_is_behind(c) || READ_ONCE(c->writeback.lost)) {
		heads_close_idle(&c->heads);
		release(c);
		/* What is free now is all that there will be: let writes have it. */
		atomic64_set(&c->allowance, PCACHE_SEG_DATA_SIZE / PCACHE_SECTOR);
	}
	WRITE_ONCE(rc->starved, true);
	smp_mb();	/* pairs with reclaim_progress() */
	if (!log_pos_equal(keylog_key_tail(&c->log), keylog_dirty_tail(&c->log)))
		reclaim_kick(c);
	else if (writeback_is_behind(c))
		writeback_urge(c);
}

static void reclaim_work(struct work_struct *work)
{
	struct pcache *c = container_of(to_delayed_work(work), struct pcache, reclaim.work);
	struct reclaim *rc = &c->reclaim;
	int r = 1;

	if (!READ_ONCE(rc->running))
		return;
	WRITE_ONCE(rc->starved, false);
	release(c);
	/* That the log can't be read is only known to be over when it has been read again. */
	while (r > 0 && (is_needed(c) || rc->error) && READ_ONCE(rc->running)) {
		r = pass(c);
		WRITE_ONCE(rc->error, min(r, 0));
		cond_resched();
	}
	if (r < 0) {
		c->on_space(c);
		kick_in(c, RETRY_MS);
	} else if (!r) {
		starve(c);
		look_for_hope(c);
	}
}

void reclaim_start(struct pcache *c)
{
	WRITE_ONCE(c->reclaim.running, true);
}

void reclaim_stop(struct pcache *c)
{
	WRITE_ONCE(c->reclaim.running, false);
	cancel_delayed_work_sync(&c->reclaim.work);
}

void reclaim_progress(struct pcache *c)
{
	smp_mb();	/* pairs with starve() */
	if (READ_ONCE(c->reclaim.starved))
		reclaim_kick(c);
}
