// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes and flushes of the user. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/highmem.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "pcache.h"
#include "trace.h"
#include "write.h"

/* How many keys the largest piece is at most: one, but for checksums. */
#define PIECE_KEYS	(PCACHE_KEY_SECTORS / PCACHE_CRC_KEY_SECTORS)
#define CRC_KEY_SIZE	(PCACHE_CRC_KEY_SECTORS * PCACHE_SECTOR)

/* When nothing tells that there is space (memory was short, say), look again after so long. */
#define RETRY_MS	20u

/* Those who wait for space, in order. */
struct write_queue {
	struct pcache *c;
	struct workqueue_struct *wq;
	struct delayed_work work;
	spinlock_t lock;
	struct bio_list waiting;
	bool busy;			/* someone waits, or is being served */
	struct dm_target *suspending;	/* who waits for space may have to be sent back */
};

static void serve(struct work_struct *work);

static void kick_waiters(struct pcache *c)
{
	struct write_queue *q = c->write_queue;

	if (READ_ONCE(q->busy))
		mod_delayed_work(q->wq, &q->work, 0);
}

static bool has_waiters(struct pcache *c)
{
	return READ_ONCE(c->write_queue->busy);
}

int write_init(struct pcache *c)
{
	struct write_queue *q = kzalloc(sizeof(*q), GFP_KERNEL);

	if (!q)
		return -ENOMEM;
	q->c = c;
	spin_lock_init(&q->lock);
	bio_list_init(&q->waiting);
	INIT_DELAYED_WORK(&q->work, serve);
	q->wq = alloc_workqueue("pcache_write", WQ_MEM_RECLAIM | WQ_UNBOUND, 1);
	if (!q->wq) {
		kfree(q);
		return -ENOMEM;
	}
	c->write_queue = q;
	c->on_space = kick_waiters;
	c->has_waiters = has_waiters;
	return 0;
}

void write_exit(struct pcache *c)
{
	if (!c->write_queue)
		return;
	cancel_delayed_work_sync(&c->write_queue->work);
	destroy_workqueue(c->write_queue->wq);
	kfree(c->write_queue);
	c->write_queue = NULL;
}

/*
 * Store what comes next of @bio where @e says, durably (rule 1), and sum it up, for each key of its
 * own.
 */
static void store(struct pcache *c, struct bio *bio, const struct extent *e, u32 *crc)
{
	u32 done = 0, size = e->len * PCACHE_SECTOR;
	u64 addr = pcache_addr(c, e);

	pmem_begin(&c->pmem);
	while (done < size) {
		struct bio_vec bv = bio_iter_iovec(bio, bio->bi_iter);
		u32 n = min(bv.bv_len, size - done);
		void *src = bvec_kmap_local(&bv);

		if (c->opt.data_crc) {
			u32 *sum = &crc[done / CRC_KEY_SIZE];

			n = min(n, CRC_KEY_SIZE - done % CRC_KEY_SIZE);
			*sum = pmem_write_crc(&c->pmem, addr + done, src, n, *sum);
		} else {
			pmem_write(&c->pmem, addr + done, src, n);
		}
		kunmap_local(src);
		bio_advance_iter_single(bio, &bio->bi_iter, n);
		done += n;
	}
	pmem_end(&c->pmem);
	/* Pieces of memory need not be whole sectors: those were not counted right. */
	bio->bi_iter.bi_sector = e->start + e->len;
}

/*
 * Enter what was stored as @e into index and log, under as many keys as it takes; @e is used up.
 * Returns how many sectors are left over, for want of credit or memory.
 */
static u32 enter(struct pcache *c, struct extent *e, const u32 *crc)
{
	u32 max = c->opt.data_crc ? PCACHE_CRC_KEY_SECTORS : PCACHE_KEY_SECTORS;
	u32 rest = e->len;

	do {
		struct shard *shard = pcache_lock_shard(c, e->start, GFP_NOWAIT | __GFP_NOWARN);

		if (!shard) {
			segment_put(&c->segs, e->seg, 1);
			break;
		}
		pcache_outdate_fills(shard, e->start, rest);
		do {
			e->len = min(max, rest);
			e->key_len = e->len;
			e->crc = c->opt.data_crc ? *crc++ : 0;
			index_insert(&shard->index, e, NULL);
			rest -= e->len;
			/* Each key takes a reference with it, and the last one ours. */
			if (rest)
				segment_get(&c->segs, e->seg);
			keylog_append(&c->log, shard, e);
			e->start += e->len;
			e->sect += e->len;
		} while (rest && shard->credit && index_stocked(&shard->index));
		spin_unlock(&shard->lock);
	} while (rest);
	return rest;
}

/*
 * Write the start of @bio, as much as goes in one piece. Returns whether there was space for it.
 * When it gets short, writes go on as fast as reclaim does: better a little later each than none
 * for long.
 */
static bool write_piece(struct pcache *c, struct bio *bio)
{
	u32 crc[PIECE_KEYS] = { [0 ... PIECE_KEYS - 1] = PCACHE_CRC_SEED };
	struct bvec_iter start = bio->bi_iter;
	struct extent e = { .start = start.bi_sector };
	u32 len, rest;

	if (!segments_plenty(&c->segs) && atomic64_read(&c->allowance) <= 0)
		return false;
	len = heads_alloc(&c->heads, SEGMENT_DATA,
			  min3(bio_sectors(bio), chunk_rest(e.start), PCACHE_KEY_SECTORS),
			  &e.seg, &e.sect);
	if (!len)
		return false;
	e.len = len;
	store(c, bio, &e, crc);
	rest = enter(c, &e, crc);
	if (rest) {
		bio->bi_iter = start;
		bio_advance_iter(bio, &bio->bi_iter, (len - rest) * PCACHE_SECTOR);
	}
	if (!segments_plenty(&c->segs))
		atomic64_sub(len - rest, &c->allowance);
	pcache_count(c, STAT_write_sectors, len - rest);
	writeback_poke(c);
	return !rest;
}

/* Would a replay be refused? It does without the clean part of the log if that is poisoned. */
static bool is_log_lost(struct pcache *c)
{
	return READ_ONCE(c->writeback.failed) || READ_ONCE(c->reclaim.error) == -EUCLEAN;
}

static void commit(struct pcache *c, struct bio *bio)
{
	pcache_count(c, STAT_flushes, 1);
	keylog_commit(&c->log);
	if (is_log_lost(c))
		bio->bi_status = BLK_STS_IOERR;
}

/* Returns whether the bio is done; if not, its iterator stands where it has to go on. */
static bool try_write(struct pcache *c, struct bio *bio)
{
	while (bio_sectors(bio))
		if (!write_piece(c, bio))
			return false;
	if (bio->bi_opf & (REQ_FUA | REQ_PREFLUSH))
		commit(c, bio);
	bio_endio(bio);
	return true;
}

/*
 * May nobody wait? Ask the core each time: when a suspend is interrupted it resubmits what was sent
 * back, and would take another requeue for an error, before it tells the target.
 */
static bool must_requeue(struct write_queue *q)
{
	struct dm_target *ti = READ_ONCE(q->suspending);

	return ti && dm_noflush_suspending(ti);
}

static void enqueue(struct write_queue *q, struct bio *bio)
{
	bool requeue;

	spin_lock(&q->lock);
	requeue = must_requeue(q);
	if (!requeue) {
		bio_list_add(&q->waiting, bio);
		WRITE_ONCE(q->busy, true);
	}
	spin_unlock(&q->lock);
	if (requeue) {
		bio->bi_status = BLK_STS_DM_REQUEUE;
		bio_endio(bio);
		return;
	}
	queue_delayed_work(q->wq, &q->work, msecs_to_jiffies(RETRY_MS));
}

int write_map(struct pcache *c, struct bio *bio)
{
	struct write_queue *q = c->write_queue;

	/* Flushes need no space, so they wait for nobody who does. */
	if (!bio_sectors(bio)) {
		commit(c, bio);
		bio_endio(bio);
		return DM_MAPIO_SUBMITTED;
	}
	pcache_count(c, STAT_writes, 1);
	/* While there is plenty nobody has to wait, and those in line are being served. */
	if (READ_ONCE(q->busy) && !segments_plenty(&c->segs)) {
		enqueue(q, bio);
		return DM_MAPIO_SUBMITTED;
	}
	if (try_write(c, bio))
		return DM_MAPIO_SUBMITTED;
	pcache_count(c, STAT_stalls, 1);
	trace_pcache_stall(c->name, bio->bi_iter.bi_sector, bio_sectors(bio));
	enqueue(q, bio);
	reclaim_kick(c);
	return DM_MAPIO_SUBMITTED;
}

/* The first in line, which stays there until it is done; or NULL, and there is no line any more. */
static struct bio *first_waiting(struct write_queue *q)
{
	struct bio *bio;

	spin_lock(&q->lock);
	bio = bio_list_pop(&q->waiting);
	if (!bio)
		WRITE_ONCE(q->busy, false);
	spin_unlock(&q->lock);
	return bio;
}

/* There is no space for @bio. Is there no use in waiting for it either? Then end it. */
static bool give_up(struct write_queue *q, struct bio *bio)
{
	if (must_requeue(q))
		bio->bi_status = BLK_STS_DM_REQUEUE;
	else if (is_log_lost(q->c) || READ_ONCE(q->c->reclaim.error))
		bio->bi_status = BLK_STS_IOERR;
	else
		return false;
	bio_endio(bio);
	return true;
}

static void serve(struct work_struct *work)
{
	struct write_queue *q = container_of(to_delayed_work(work), struct write_queue, work);
	struct bio *bio;

	while ((bio = first_waiting(q))) {
		if (try_write(q->c, bio) || give_up(q, bio))
			continue;
		spin_lock(&q->lock);
		bio_list_add_head(&q->waiting, bio);
		spin_unlock(&q->lock);
		reclaim_kick(q->c);
		queue_delayed_work(q->wq, &q->work, msecs_to_jiffies(RETRY_MS));
		return;
	}
}

void write_suspend(struct pcache *c, struct dm_target *ti)
{
	struct write_queue *q = c->write_queue;
	struct bio *bio;

	spin_lock(&q->lock);
	WRITE_ONCE(q->suspending, ti);
	spin_unlock(&q->lock);
	if (!must_requeue(q))
		return;
	cancel_delayed_work_sync(&q->work);
	while ((bio = first_waiting(q))) {
		bio->bi_status = BLK_STS_DM_REQUEUE;
		bio_endio(bio);
	}
}
