// SPDX-License-Identifier: GPL-2.0-or-later
/* Write-back: the origin gets what the log holds, in an order that a power cut can't upset. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "pcache.h"
#include "trace.h"

/* Transfers under way at most. */
#define WRITEBACK_IOS		64u

/*
 * The dirty_tail moves when all of a batch is written: so it takes as much as the origin does in
 * about a second at most, and a part of that when space gets short; but whole sets. In sectors; the
 * first is a guess, for a disk that must seek.
 */
#define WRITEBACK_SPEED		2048u
#define WRITEBACK_SPEED_MAX	(16u << 20)
#define WRITEBACK_URGENT_PART	64u

/* Keys that a batch takes at most. */
#define WRITEBACK_KEYS		262144u

/* Leaves that the batch has to itself, so that it can always take a set. */
#define WRITEBACK_LEAVES	(INDEX_INSERT_LEAVES * PCACHE_KSET_KEYS)

/* Dirty data that nobody waits for stays this long, for what replaces it. */
#define WRITEBACK_AGE_MS	2000u

/* Nobody has written for so long: a large batch may begin; the second where space is short. */
#define WRITEBACK_QUIET_MS	10u
#define WRITEBACK_IDLE_MS	1000u

#define BACKOFF_FIRST_MS	100u
#define BACKOFF_LAST_MS		10000u

static void writeback_work(struct work_struct *work);

int writeback_init(struct pcache *c)
{
	struct writeback *wb = &c->writeback;

	memset(wb, 0, sizeof(*wb));
	INIT_DELAYED_WORK(&wb->work, writeback_work);
	spin_lock_init(&wb->lock);
	INIT_LIST_HEAD(&wb->free);
	INIT_LIST_HEAD(&wb->ready);
	wb->speed = WRITEBACK_SPEED;
	ratelimit_state_init(&wb->messages, 60 * HZ, 1);
	init_waitqueue_head(&wb->wait);
	index_init(&wb->batch, &c->index_pool, WRITEBACK_LEAVES);
	wb->wq = alloc_workqueue("pcache_writeback", WQ_MEM_RECLAIM | WQ_UNBOUND, 1);
	wb->set = kset_alloc(GFP_KERNEL);
	if (!wb->wq || !wb->set)
		return -ENOMEM;
	while (wb->nr_ios < WRITEBACK_IOS) {
		struct origin_io *io = origin_io_alloc(PAGE_SIZE);

		if (!io)
			return -ENOMEM;
		io->private = c;
		list_add(&io->list, &wb->free);
		wb->nr_ios++;
		wb->nr_free++;
	}
	while (wb->batch.nr_stock < WRITEBACK_LEAVES)
		index_stock(&wb->batch, index_get_leaf(&c->index_pool, GFP_KERNEL));
	return 0;
}

void writeback_exit(struct pcache *c)
{
	struct writeback *wb = &c->writeback;
	struct origin_io *io, *next;

	if (!wb->free.next)
		return;
	list_for_each_entry_safe(io, next, &wb->free, list)
		origin_io_free(io);
	index_exit(&wb->batch);
	kfree(wb->set);
	if (wb->wq)
		destroy_workqueue(wb->wq);
	memset(wb, 0, sizeof(*wb));
}

void writeback_replayed(struct pcache *c, struct log_pos head, u64 dirty, u64 keys)
{
	struct writeback *wb = &c->writeback;

	wb->replayed = head;
	wb->until = head;
	wb->replaying = !log_pos_equal(head, keylog_dirty_tail(&c->log));
	/* Nobody has counted them when they were appended. */
	wb->written_back = -dirty;
	wb->passed = -keys;
}

u64 writeback_dirty(struct pcache *c)
{
	u64 dirty = 0;
	unsigned int i;

	for (i = 0; i < c->nr_shards; i++)
		dirty += READ_ONCE(c->shards[i].dirty);
	return dirty - READ_ONCE(c->writeback.written_back);
}

static bool set_holds(struct pcache *c, const struct media_kset *set, const struct extent *e)
{
	u32 i;

	for (i = 0; i < set->key_num; i++) {
		struct extent key;

		key_to_extent(&set->keys[i], &key);
		if (key.seg == e->seg && key_alive(&c->segs, &set->keys[i]) &&
		    key.sect < e->sect + e->len && e->sect < key.sect + key.len)
			return true;
	}
	return false;
}

bool writeback_is_dirty(struct pcache *c, const struct extent *e)
{
	struct log_pos pos, head;
	struct media_kset *set;
	bool dirty;
	int step = KEYLOG_SET;

	if (e->lost)
		return true;
	if (e->clean)
		return false;
	set = kset_alloc(GFP_NOIO);
	if (!set)
		return true;
	keylog_commit(&c->log);
	mutex_lock(&c->reclaim.tail_lock);
	pos = keylog_dirty_tail(&c->log);
	head = keylog_head(&c->log);
	while (step > 0) {
		step = keylog_read(&c->log, &pos, &head, set);
		if (step == KEYLOG_SET && set_holds(c, set, e))
			break;
		cond_resched();
	}
	mutex_unlock(&c->reclaim.tail_lock);
	dirty = step != KEYLOG_END;
	kfree(set);
	return dirty;
}

static void io_done(struct origin_io *io)
{
	struct pcache *c = io->private;
	struct writeback *wb = &c->writeback;
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&wb->lock, flags);
	if (io->error && !wb->error)
		wb->error = io->error;
	list_add(&io->list, &wb->free);
	n = ++wb->nr_free;
	/* The worker waits for half or for all of them: it is not worth waking up for one. */
	if (n == wb->nr_ios / 2 || n == wb->nr_ios)
		wake_up(&wb->wait);
	spin_unlock_irqrestore(&wb->lock, flags);
}

static struct origin_io *try_get_io(struct writeback *wb)
{
	struct origin_io *io;

	spin_lock_irq(&wb->lock);
	io = list_first_entry_or_null(&wb->free, struct origin_io, list);
	if (io) {
		list_del(&io->list);
		wb->nr_free--;
	}
	spin_unlock_irq(&wb->lock);
	return io;
}

static struct origin_io *get_io(struct pcache *c, u64 sector)
{
	struct writeback *wb = &c->writeback;
	struct origin_io *io = try_get_io(wb);

	/* The origin may be so fast that there is never a need to wait. */
	cond_resched();
	if (!io) {
		origin_write(&c->origin, &wb->ready);
		wait_event(wb->wait, READ_ONCE(wb->nr_free) >= wb->nr_ios / 2);
		io = try_get_io(wb);
	}
	origin_io_begin(io, sector);
	return io;
}

static void submit(struct pcache *c, struct origin_io **io)
{
	pcache_count(c, STAT_writeback_ios, 1);
	pcache_count(c, STAT_writeback_sectors, (*io)->sectors);
	(*io)->done = io_done;
	list_add_tail(&(*io)->list, &c->writeback.ready);
	*io = NULL;
}

static bool is_readable(struct pcache *c, const struct extent *e)
{
	if (c->opt.data_crc)
		return !pcache_verify(c, e);
	return !pmem_check(&c->pmem, pcache_addr(c, e), (size_t)e->len * PCACHE_SECTOR);
}

/* Data that can't be read is left out. What becomes of it is settled when the rest is written. */
static void lose(struct pcache *c, const struct extent *e)
{
	segment_condemn(&c->segs, e->seg);
	index_mark_lost(&c->writeback.batch, e, true);
	c->writeback.unreadable = true;
}

/*
 * Add the start of @e to @io: in place, or, if the origin's driver can't read it there, a page of
 * it that is copied. Returns how many bytes there was room for, or an error.
 */
static int add(struct pcache *c, struct origin_io *io, const struct extent *e)
{
	void *data = pmem_at(&c->pmem, pcache_addr(c, e));
	u32 len = e->len * PCACHE_SECTOR;

	if (origin_takes(&c->origin, data))
		return origin_io_add(io, data, len);
	if (io->sectors)
		return 0;
	len = min_t(u32, len, PAGE_SIZE);
	if (pmem_read(&c->pmem, io->buf, pcache_addr(c, e), len))
		return -EIO;
	return origin_io_add(io, io->buf, len);
}

/* Add the data of @e to *@io, and submit what gets full. */
static void write_extent(struct pcache *c, struct origin_io **io, const struct extent *whole)
{
	struct extent e = *whole;

	if (!is_readable(c, &e)) {
		lose(c, &e);
		return;
	}
	if (*io && (*io)->sector + (*io)->sectors != e.start)
		submit(c, io);
	while (e.len) {
		int n;

		if (!*io)
			*io = get_io(c, e.start);
		n = add(c, *io, &e);
		if (n < 0) {
			/* What has been added of it before is good; the rest counts as lost. */
			io_done(*io);
			*io = NULL;
			lose(c, whole);
			return;
		}
		if (!n)
			submit(c, io);
		n /= PCACHE_SECTOR;
		e.start += n;
		e.sect += n;
		e.len -= n;
	}
}

/*
 * Shall the batch be left half done? Only where it has no barrier within: else all of it has to be
 * on the origin before the dirty_tail moves again. What was found at activation may take hours: a
 * suspend does not wait for it.
 */
static bool is_called_off(struct pcache *c)
{
	struct writeback *wb = &c->writeback;
	bool whole = c->opt.batch_order || wb->unfinished;

	if (!READ_ONCE(wb->running))
		return !whole || wb->replaying;
	return !whole && wb->large && c->has_waiters(c);
}

/*
 * Write the batch, in order of addresses, and wait for it. Returns 1 if it was called off. What has
 * been written of it then will be written again.
 */
static int write_batch(struct pcache *c)
{
	struct writeback *wb = &c->writeback;
	struct index_cursor at = { };
	struct origin_io *io = NULL;
	bool off = false;
	struct extent e;
	int r;

	while (index_walk(&wb->batch, &at, &e)) {
		off = is_called_off(c);
		if (off)
			break;
		wb->queued -= e.len;
		write_extent(c, &io, &e);
	}
	if (!off)
		pcache_count(c, STAT_writeback_skipped, wb->queued);
	if (io)
		submit(c, &io);
	origin_write(&c->origin, &wb->ready);
	wait_event(wb->wait, READ_ONCE(wb->nr_free) == wb->nr_ios);
	spin_lock_irq(&wb->lock);
	r = wb->error;
	wb->error = 0;
	spin_unlock_irq(&wb->lock);
	return r ? r : off;
}

/* Another key for @e, a piece of the index that is lost. False: there is no room in the log. */
static bool append_again(struct pcache *c, struct shard *shard, struct extent e)
{
	if (!shard->credit && !shard->lent)
		return false;
	if (!shard->credit) {
		shard->lent = false;
		shard->credit++;
	}
	c->writeback.marks = true;
	c->writeback.kept = true;
	pcache_count(c, STAT_media_errors_dirty, 1);
	trace_pcache_error(c->name, e.start, e.len, -EIO);
	pr_err_ratelimited("%s: dirty data of sectors %llu+%u, in segment %u, can't be read\n",
			   c->name, e.start, e.len, e.seg);
	segment_get(&c->segs, e.seg);
	/*
	 * Where the checksum covers more than is left of the key, make it another one: neither that
	 * of the whole nor that of an older key for this place.
	 */
	if (c->opt.data_crc && (e.skip || e.len != e.key_len))
		e.crc++;
	e.skip = 0;
	e.key_len = e.len;
	e.lost = true;
	e.verified = false;
	/* The entry is the new key's from here on. In its place it takes no leaf. */
	index_insert(&shard->index, &e, NULL);
	keylog_append(&c->log, shard, &e);
	/* Pairs with keylog_commit(): who has counted the loss finds its new key to commit. */
	smp_wmb();
	WRITE_ONCE(c->writeback.losses, c->writeback.losses + 1);
	return true;
}

/* Does a piece of the index belong to another key than @lost, which has the same place? */
static bool is_of_another(struct pcache *c, const struct extent *e, const struct extent *lost)
{
	return c->opt.data_crc && (e->crc != lost->crc || e->key_len != lost->key_len ||
				   e->sect - e->skip != lost->sect - lost->skip);
}

/* How many pieces has the index of @lost? */
static u32 count_pieces(struct pcache *c, const struct extent *lost)
{
	struct shard *shard = keylog_shard(&c->log, lost->start);
	u64 at = lost->start;
	struct extent e;
	u32 n = 0;

	spin_lock(&shard->lock);
	for (; index_find_key(&shard->index, lost, at, &e); at = e.start + e.len)
		n += !e.clean && !is_of_another(c, &e, lost);
	spin_unlock(&shard->lock);
	return n;
}

/*
 * Can all that is lost get its keys again? Asked before the first does: the next try would find
 * that one again. If something can be read all of a sudden, better write it; if there is no room,
 * better lose less at a time, where that can be.
 */
static int may_settle(struct pcache *c)
{
	struct writeback *wb = &c->writeback;
	bool whole = c->opt.batch_order || wb->unfinished;
	struct index_cursor at = { };
	struct extent e;
	u32 keys = 0;

	while (index_walk(&wb->batch, &at, &e)) {
		if (!e.lost)
			continue;
		cond_resched();
		if (is_readable(c, &e))
			return -EIO;
		keys += count_pieces(c, &e);
	}
	return whole || wb->crowded || keys <= keylog_room(&c->log) ? 0 : -ENOSPC;
}

/*
 * Data that can't be read any more is still dirty: what the index has of it goes to the head of the
 * log again, so that reads of it go on to fail, also after a replay, until someone writes there
 * (rule 11). The mark keeps the older key from taking the new one's entry along when it leaves.
 */
static int keep_lost(struct pcache *c, const struct extent *lost)
{
	struct shard *shard = keylog_shard(&c->log, lost->start);
	u64 at = lost->start;
	unsigned int tries = 0;
	struct extent e;

	spin_lock(&shard->lock);
	while (index_find_key(&shard->index, lost, at, &e)) {
		if (e.clean || is_of_another(c, &e, lost) || append_again(c, shard, e)) {
			at = e.start + e.len;
			tries = 0;
			continue;
		}
		spin_unlock(&shard->lock);
		if (tries++)
			return -ENOSPC;
		keylog_lend(&c->log, shard);
		spin_lock(&shard->lock);
	}
	spin_unlock(&shard->lock);
	return 0;
}

/*
 * The batch is on the origin now, but for what was left out. That gets its keys again, durably,
 * before the dirty_tail passes the old ones.
 */
static int settle_lost(struct pcache *c)
{
	struct index_cursor at = { };
	struct extent e;
	int r = may_settle(c);

	while (!r && index_walk(&c->writeback.batch, &at, &e)) {
		struct shard *shard = keylog_shard(&c->log, e.start);

		if (e.lost) {
			r = keep_lost(c, &e);
		} else {
			spin_lock(&shard->lock);
			index_mark_lost(&shard->index, &e, false);
			spin_unlock(&shard->lock);
		}
	}
	keylog_commit(&c->log);
	c->writeback.crowded |= r == -ENOSPC;
	return r;
}

/* Is there a part of the clean key @key of which the origin may hold something else (rule 10)? */
static bool is_dirty_all_the_same(struct pcache *c, const struct extent *key)
{
	struct shard *shard = keylog_shard(&c->log, key->start);
	u64 at = key->start;
	bool dirty = false;
	struct extent e;

	spin_lock(&shard->lock);
	while (!dirty && index_find_key(&shard->index, key, at, &e)) {
		dirty = !e.clean;
		at = e.start + e.len;
	}
	spin_unlock(&shard->lock);
	return dirty;
}

/* Take the keys of a set into the batch. Returns their sectors that count as dirty. */
static u64 batch_set(struct pcache *c, const struct media_kset *set)
{
	struct writeback *wb = &c->writeback;
	u64 dirty = 0;
	u32 i;

	for (i = 0; i < set->key_num; i++) {
		struct extent e;

		key_to_extent(&set->keys[i], &e);
		if (!key_alive(&c->segs, &set->keys[i]) ||
		    (e.clean && !(wb->replaying && is_dirty_all_the_same(c, &e))))
			continue;
		index_insert(&wb->batch, &e, NULL);
		wb->queued += e.len;
		if (!e.clean)
			dirty += e.len;
	}
	return dirty;
}

/* Leaves for one more set. Only the first one of a batch may count on its own. */
static bool stock_batch(struct pcache *c)
{
	struct writeback *wb = &c->writeback;

	while (wb->batch.nr_stock < WRITEBACK_LEAVES) {
		void *leaf = index_get_leaf(&c->index_pool, GFP_NOWAIT | __GFP_NOWARN);

		if (!leaf)
			return false;
		index_stock(&wb->batch, leaf);
	}
	return true;
}

/* Has nobody written for so long? */
static bool is_quiet(struct writeback *wb, unsigned int ms)
{
	return time_after(jiffies, READ_ONCE(wb->poked) + msecs_to_jiffies(ms));
}

/* Little, for who waits; but a flush that takes long must not be most of it. */
static u64 urgent_size(struct writeback *wb)
{
	u32 us = max(USEC_PER_SEC / WRITEBACK_URGENT_PART, wb->flush_us);

	return div_u64((u64)wb->speed * us, USEC_PER_SEC);
}

static u64 batch_size(struct pcache *c)
{
	struct writeback *wb = &c->writeback;
	u32 free = READ_ONCE(c->segs.nr_free), kept = segments_kept_from_fills(&c->segs);
	bool room = free > kept;

	if (wb->crowded)
		return 0;
	if (c->has_waiters(c))
		return urgent_size(wb);
	if (is_quiet(wb, room ? WRITEBACK_QUIET_MS : WRITEBACK_IDLE_MS))
		return wb->speed;
	if (!room)
		return urgent_size(wb);
	if (atomic_read(&wb->flushers))
		return wb->speed;
	/* Those who write meanwhile, even if the origin is much slower, are to find space. */
	return min_t(u64, wb->speed,
		     (u64)(free - kept) * (PCACHE_SEG_DATA_SIZE / PCACHE_SECTOR) / 4);
}

/* Between two batches: how fast the origin was with the last one, and its flush. */
static void measure(struct writeback *wb, u64 sectors, ktime_t begun, ktime_t written)
{
	u64 us = ktime_us_delta(written, begun);
	u64 speed = div64_u64(sectors * USEC_PER_SEC, us + 1);
	u64 flush_us = min_t(u64, ktime_us_delta(ktime_get(), written), USEC_PER_SEC);

	if (!sectors)
		return;
	wb->speed = (wb->speed + min_t(u64, speed, WRITEBACK_SPEED_MAX)) / 2 + 1;
	wb->flush_us = (wb->flush_us + flush_us) / 2;
}

/* May the batch, of @keys by now, take another set? The first always, for that has leaves. */
static bool may_take(struct pcache *c, u32 keys, u64 max, bool must)
{
	struct writeback *wb = &c->writeback;

	return !keys || ((must || (keys < WRITEBACK_KEYS && wb->queued < max)) && stock_batch(c));
}

/* As keylog_read(), and note where that fails, until it does not any more. */
static int read_log(struct pcache *c, struct log_pos *pos, const struct log_pos *head)
{
	struct writeback *wb = &c->writeback;
	struct log_pos at = *pos;
	int step = keylog_read(&c->log, pos, head, wb->set);

	if (step < 0) {
		wb->bad = at;
		WRITE_ONCE(wb->failed, true);
	} else if (wb->failed && log_pos_equal(at, wb->bad)) {
		WRITE_ONCE(wb->failed, false);
	}
	return step;
}

/*
 * Read the log from *@pos on, until a barrier, or until the batch is large enough; leave *@pos
 * there. Tells how many keys that were, and how many of their sectors are dirty. What is unfinished
 * is taken whole, or, if memory is short, not yet.
 */
static int collect(struct pcache *c, struct log_pos *pos, u32 *keys, u64 *dirty)
{
	struct writeback *wb = &c->writeback;
	u64 max = batch_size(c);
	struct log_pos head = keylog_head(&c->log);
	bool must = wb->unfinished, ended = false;

	wb->large = max > urgent_size(wb);
	for (;;) {
		int step;

		must = must && !log_pos_equal(*pos, wb->until);
		if (ended && !must)
			break;
		if (!may_take(c, *keys, max, must)) {
			if (must)
				return -ENOMEM;
			break;
		}
		if (wb->replaying && log_pos_equal(*pos, wb->replayed)) {
			if (*keys)
				break;
			wb->replaying = false;
		}
		step = read_log(c, pos, &head);
		/* What comes before it must not be lost with it. */
		if (step < 0 && *keys && !must)
			break;
		if (step < 0)
			return step;
		if (step == KEYLOG_END)
			break;
		if (step == KEYLOG_MOVED)
			continue;
		*dirty += batch_set(c, wb->set);
		*keys += wb->set->key_num;
		cond_resched();
		ended = !c->opt.batch_order && kset_is_barrier(wb->set, wb->replaying);
	}
	wb->until = *pos;
	return 0;
}

static int flush(struct pcache *c)
{
	if (origin_needs_flush(&c->origin))
		pcache_count(c, STAT_writeback_flushes, 1);
	return origin_flush(&c->origin);
}

/*
 * What was collected goes to the origin, durably. Returns 0, 1 if it was called off, or an error.
 * *@written is when only the flush was left.
 */
static int write_all(struct pcache *c, ktime_t *written)
{
	struct writeback *wb = &c->writeback;
	int r = 0;

	if (wb->batch.nr_entries)
		r = write_batch(c);
	*written = ktime_get();
	if (!r && wb->batch.nr_entries)
		r = flush(c);
	if (!r && (wb->unreadable || wb->marks))
		r = settle_lost(c);
	/* Order holds from one moved dirty_tail to the next: that must not be in between. */
	if (r && c->opt.batch_order)
		wb->unfinished = true;
	return r;
}

/* One batch: rule 5 from end to end. Returns 1: there may be more; 0: there was nothing. */
static int do_batch(struct pcache *c)
{
	struct writeback *wb = &c->writeback;
	struct log_pos start = keylog_dirty_tail(&c->log), pos = start;
	u64 dirty = 0, sectors;
	u32 keys = 0;
	ktime_t begun = ktime_get(), written;
	int r;

	wb->queued = 0;
	wb->unreadable = false;
	r = collect(c, &pos, &keys, &dirty);
	sectors = wb->queued;
	if (!r)
		r = write_all(c, &written);
	/* What has to be taken whole keeps what memory it has got: it may be short next time. */
	index_keep(&wb->batch, r && wb->unfinished ? UINT_MAX : WRITEBACK_LEAVES);
	index_clear(&wb->batch);
	if (r || log_pos_equal(pos, start))
		return r;
	keylog_set_dirty_tail(&c->log, pos);
	wb->unfinished = false;
	wb->crowded = wb->crowded && !keylog_set_aside(&c->log);
	measure(wb, sectors, begun, written);
	WRITE_ONCE(wb->backoff, 0);
	WRITE_ONCE(wb->written_back, wb->written_back + dirty);
	smp_wmb();	/* pairs with writeback_flush() */
	WRITE_ONCE(wb->passed, wb->passed + keys);
	pcache_count(c, STAT_writeback_batches, 1);
	trace_pcache_writeback(c->name, pos.seg, pos.off, dirty);
	reclaim_progress(c);
	wake_up_all(&wb->wait);
	return 1;
}

static void arm(struct pcache *c, unsigned int ms)
{
	struct writeback *wb = &c->writeback;

	if (READ_ONCE(wb->running))
		mod_delayed_work(wb->wq, &wb->work, msecs_to_jiffies(ms));
}

static void back_off(struct pcache *c, int error)
{
	struct writeback *wb = &c->writeback;

	pcache_count(c, STAT_writeback_errors, 1);
	trace_pcache_error(c->name, 0, 0, error);
	if (__ratelimit(&wb->messages))
		pr_err("%s: write-back fails with error %d; the data stays in the cache, and is tried again\n",
		       c->name, error);
	WRITE_ONCE(wb->backoff, clamp(wb->backoff * 2, BACKOFF_FIRST_MS, BACKOFF_LAST_MS));
	wb->last_error = error;
	WRITE_ONCE(wb->failures, wb->failures + 1);
	wake_up_all(&wb->wait);
	arm(c, wb->backoff);
}

static bool has_passed(struct writeback *wb, u64 keys)
{
	return (s64)(READ_ONCE(wb->passed) - keys) >= 0;
}

static void writeback_work(struct work_struct *work)
{
	struct pcache *c = container_of(to_delayed_work(work), struct pcache, writeback.work);
	struct writeback *wb = &c->writeback;
	u64 keys;
	int r;

	if (!READ_ONCE(wb->running))
		return;
	WRITE_ONCE(wb->armed, false);
	WRITE_ONCE(wb->urged, false);
	/* Pairs with writeback_poke(): who appended before found it armed, and is committed now. */
	smp_mb();
	keylog_commit(&c->log);
	/* What comes later has its own run: lost data, too, which would come round for ever. */
	keys = READ_ONCE(c->log.nr_keys);
	wb->kept = false;
	do {
		r = do_batch(c);
	} while (r > 0 && !has_passed(wb, keys) && READ_ONCE(wb->running));
	WRITE_ONCE(wb->lost, wb->kept);
	if (r < 0) {
		back_off(c, r);
		return;
	}
	WRITE_ONCE(wb->backoff, 0);
	/* What is lost comes round again, but not at once. */
	if (wb->lost)
		queue_delayed_work(wb->wq, &wb->work, msecs_to_jiffies(BACKOFF_LAST_MS));
	else if (READ_ONCE(c->reclaim.starved) && writeback_is_behind(c))
		arm(c, 0);
}

void writeback_poke(struct pcache *c)
{
	struct writeback *wb = &c->writeback;
	unsigned long now = jiffies;
	unsigned int ms;

	if (READ_ONCE(wb->poked) != now)
		WRITE_ONCE(wb->poked, now);
	/* Pairs with writeback_work(). */
	smp_mb();
	if (READ_ONCE(wb->armed))
		return;
	WRITE_ONCE(wb->armed, true);
	/* What is lost would come round each time. */
	ms = READ_ONCE(wb->lost) ? BACKOFF_LAST_MS : WRITEBACK_AGE_MS;
	if (READ_ONCE(wb->running))
		queue_delayed_work(wb->wq, &wb->work, msecs_to_jiffies(ms));
}

void writeback_look(struct pcache *c)
{
	u64 half = (u64)c->segs.nr * (PCACHE_SEG_DATA_SIZE / PCACHE_SECTOR) / 2;

	if (writeback_dirty(c) > half)
		writeback_urge(c);
}

void writeback_urge(struct pcache *c)
{
	struct writeback *wb = &c->writeback;

	if (READ_ONCE(wb->backoff))
		return;
	if (!READ_ONCE(wb->lost))
		arm(c, 0);
	else if (!xchg(&wb->urged, true))
		/* Once: who urges again and again must not put it off as often. */
		arm(c, BACKOFF_FIRST_MS);
}

bool writeback_is_behind(struct pcache *c)
{
	return READ_ONCE(c->log.pending) || READ_ONCE(c->log.nr_stage) ||
	       !has_passed(&c->writeback, READ_ONCE(c->log.nr_keys));
}

int writeback_flush(struct pcache *c)
{
	struct writeback *wb = &c->writeback;
	unsigned int failures, losses;
	u64 target;
	int r;

	if (!READ_ONCE(wb->running))
		return -EBUSY;
	/* Before the target: what is lost from here on may be of what was dirty at the call. */
	failures = READ_ONCE(wb->failures);
	losses = READ_ONCE(wb->losses);
	keylog_commit(&c->log);
	target = READ_ONCE(c->log.nr_keys);
	atomic_inc(&wb->flushers);
	arm(c, 0);
	r = wait_event_interruptible(wb->wait, has_passed(wb, target) ||
				     READ_ONCE(wb->failures) != failures ||
				     !READ_ONCE(wb->running) || READ_ONCE(wb->interrupted));
	atomic_dec(&wb->flushers);
	if (r)
		return r;
	if (!has_passed(wb, target))
		return READ_ONCE(wb->failures) != failures ? wb->last_error : -EBUSY;
	smp_rmb();	/* pairs with do_batch() */
	return READ_ONCE(wb->losses) != losses ? -EIO : 0;
}

void writeback_interrupt(struct pcache *c, bool on)
{
	WRITE_ONCE(c->writeback.interrupted, on);
	wake_up_all(&c->writeback.wait);
}

void writeback_start(struct pcache *c)
{
	WRITE_ONCE(c->writeback.armed, false);
	WRITE_ONCE(c->writeback.urged, false);
	WRITE_ONCE(c->writeback.running, true);
}

void writeback_stop(struct pcache *c)
{
	WRITE_ONCE(c->writeback.running, false);
	cancel_delayed_work_sync(&c->writeback.work);
	wake_up_all(&c->writeback.wait);
}
