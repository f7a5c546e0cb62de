// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads of the user: hits, misses, and what becomes of a miss. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/highmem.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "pcache.h"
#include "read.h"
#include "trace.h"

/* Misses that are on their way into the cache at once, others are only read; bytes of each. */
#define FILLS		32u
#define FILL_SIZE	(128u << 10)

/* What the user's bio waits for. */
struct read_bio {
	struct bio *bio;
	atomic_t pending;
	blk_status_t status;
};

/* A miss on its way into the cache. */
struct read_fill {
	struct fill fill;
	struct origin_io *io;
	struct pcache *c;
	struct read_bio *rb;
	struct bvec_iter iter;		/* where in the user's bio the data belongs */
	struct work_struct work;
	struct list_head list;		/* idle */
};

struct read_pool {
	struct workqueue_struct *wq;
	spinlock_t lock;
	struct list_head idle;
	struct read_fill fills[FILLS];
};

static void fill_work(struct work_struct *work);

size_t read_bio_size(void)
{
	return sizeof(struct read_bio);
}

static int init_fill(struct pcache *c, struct read_fill *f)
{
	f->c = c;
	f->io = origin_io_alloc(FILL_SIZE);
	if (!f->io)
		return -ENOMEM;
	f->io->private = f;
	INIT_WORK(&f->work, fill_work);
	list_add(&f->list, &c->read_pool->idle);
	return 0;
}

int read_init(struct pcache *c)
{
	struct read_pool *pool = kvzalloc(sizeof(*pool), GFP_KERNEL);
	unsigned int i;
	int r;

	if (!pool)
		return -ENOMEM;
	c->read_pool = pool;
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->idle);
	pool->wq = alloc_workqueue("pcache_fill", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	r = pool->wq ? 0 : -ENOMEM;
	for (i = 0; !r && i < FILLS; i++)
		r = init_fill(c, &pool->fills[i]);
	if (r)
		read_exit(c);
	return r;
}

void read_exit(struct pcache *c)
{
	struct read_pool *pool = c->read_pool;
	unsigned int i;

	if (!pool)
		return;
	for (i = 0; i < FILLS; i++)
		if (pool->fills[i].io)
			origin_io_free(pool->fills[i].io);
	if (pool->wq)
		destroy_workqueue(pool->wq);
	kvfree(pool);
	c->read_pool = NULL;
}

void read_quiesce(struct pcache *c)
{
	flush_workqueue(c->read_pool->wq);
}

static void put_read(struct read_bio *rb, blk_status_t status)
{
	if (status)
		WRITE_ONCE(rb->status, status);
	if (!atomic_dec_and_test(&rb->pending))
		return;
	rb->bio->bi_status = rb->status;
	bio_endio(rb->bio);
}

/* Copy @sectors of memory at @src to where @iter stands in the bio. */
static void copy_to_bio(struct bio *bio, struct bvec_iter iter, const void *src, u32 sectors)
{
	u32 left = sectors * PCACHE_SECTOR;

	while (left) {
		struct bio_vec bv = bio_iter_iovec(bio, iter);
		u32 n = min(bv.bv_len, left);
		void *dst = bvec_kmap_local(&bv);

		memcpy(dst, src, n);
		flush_dcache_page(bv.bv_page);
		kunmap_local(dst);
		bio_advance_iter_single(bio, &iter, n);
		src += n;
		left -= n;
	}
}

static void put_fill(struct read_fill *f)
{
	struct read_pool *pool = f->c->read_pool;
	struct shard *shard = keylog_shard(&f->c->log, f->fill.start);

	spin_lock(&shard->lock);
	list_del(&f->fill.list);
	spin_unlock(&shard->lock);
	spin_lock(&pool->lock);
	list_add(&f->list, &pool->idle);
	spin_unlock(&pool->lock);
}

/* Put the next piece of what was read into the cache. Returns its sectors, or 0: give it up. */
static u32 fill_piece(struct read_fill *f, u32 done)
{
	struct pcache *c = f->c;
	struct extent e = { .start = f->fill.start + done, .clean = true };
	u32 max = c->opt.data_crc ? PCACHE_CRC_KEY_SECTORS : PCACHE_KEY_SECTORS;
	struct shard *shard;
	bool stale;

	e.len = heads_alloc(&c->heads, SEGMENT_FILL, min(f->fill.len - done, max), &e.seg,
			    &e.sect);
	if (!e.len)
		return 0;
	e.key_len = e.len;
	pcache_store(c, &e, f->io->buf + done * PCACHE_SECTOR);
	shard = pcache_lock_shard(c, e.start, GFP_NOWAIT | __GFP_NOWARN);
	if (!shard) {
		segment_put(&c->segs, e.seg, 1);
		return 0;
	}
	/* A write came meanwhile: what was read is older (rule 2). */
	stale = f->fill.stale;
	if (!stale) {
		index_insert(&shard->index, &e, NULL);
		keylog_append(&c->log, shard, &e);
	}
	spin_unlock(&shard->lock);
	if (stale) {
		segment_put(&c->segs, e.seg, 1);
		return 0;
	}
	return e.len;
}

static void fill_work(struct work_struct *work)
{
	struct read_fill *f = container_of(work, struct read_fill, work);
	u32 done = 0, n = 1;

	while (!f->io->error && n && done < f->fill.len) {
		n = fill_piece(f, done);
		done += n;
	}
	if (done == f->fill.len)
		pcache_count(f->c, STAT_fills, 1);
	else if (f->fill.stale)
		pcache_count(f->c, STAT_fills_stale, 1);
	trace_pcache_fill(f->c->name, f->fill.start, done);
	put_fill(f);
}

/* The origin has answered. The user need not wait until it is cached, too. */
static void fill_done(struct origin_io *io)
{
	struct read_fill *f = io->private;
	struct read_bio *rb = f->rb;
	blk_status_t status = errno_to_blk_status(io->error);

	if (!io->error)
		copy_to_bio(rb->bio, f->iter, io->buf, io->sectors);
	/* In this order: once the bio is done, read_quiesce() must find the work. */
	queue_work(f->c->read_pool->wq, &f->work);
	put_read(rb, status);
}

/* If a miss is worth caching now, and there are the means: those. Any context. */
static struct read_fill *get_fill(struct pcache *c)
{
	struct read_pool *pool = c->read_pool;
	struct read_fill *f;

	if (c->opt.read_only || !segments_plenty(&c->segs))
		return NULL;
	spin_lock(&pool->lock);
	f = list_first_entry_or_null(&pool->idle, struct read_fill, list);
	if (f)
		list_del(&f->list);
	spin_unlock(&pool->lock);
	return f;
}

/* Read the sectors at @iter of the bio, and cache them. */
static void read_to_fill(struct read_fill *f, struct read_bio *rb, struct bvec_iter iter)
{
	f->rb = rb;
	f->iter = iter;
	origin_io_begin(f->io, f->fill.start);
	origin_io_add(f->io, f->io->buf, f->fill.len * PCACHE_SECTOR);
	f->io->done = fill_done;
	atomic_inc(&rb->pending);
	origin_read(&f->c->origin, f->io);
}

/* Copy @e to where @iter stands in the bio. With @crc, it goes on over what is copied. */
static int copy(struct pcache *c, struct bio *bio, struct bvec_iter iter, const struct extent *e,
		u32 *crc)
{
	u64 addr = pcache_addr(c, e), end = addr + (u64)e->len * PCACHE_SECTOR;
	int r = 0;

	while (!r && addr < end) {
		struct bio_vec bv = bio_iter_iovec(bio, iter);
		u32 n = min_t(u64, bv.bv_len, end - addr);
		void *dst = bvec_kmap_local(&bv);

		if (crc)
			r = pmem_read_crc(&c->pmem, dst, addr, n, crc);
		else
			r = pmem_read(&c->pmem, dst, addr, n);
		flush_dcache_page(bv.bv_page);
		kunmap_local(dst);
		bio_advance_iter_single(bio, &iter, n);
		addr += n;
	}
	return r;
}

/* As copy(), and compare the checksum, which covers all of the key that @e is a part of. */
static int copy_checked(struct pcache *c, struct bio *bio, struct bvec_iter iter,
			const struct extent *e)
{
	u64 addr = pcache_addr(c, e), end = addr + (u64)e->len * PCACHE_SECTOR;
	u64 before = (u64)e->skip * PCACHE_SECTOR;
	u64 behind = (u64)(e->key_len - e->skip - e->len) * PCACHE_SECTOR;
	u32 crc = PCACHE_CRC_SEED;
	int r = pmem_read_crc(&c->pmem, NULL, addr - before, before, &crc);

	if (!r)
		r = copy(c, bio, iter, e, &crc);
	if (!r)
		r = pmem_read_crc(&c->pmem, NULL, end, behind, &crc);
	return r || crc == e->crc ? r : -EIO;
}

/* A long key is only met on media of another writer: check it once, not for each of its blocks. */
static int check_long(struct pcache *c, const struct extent *e)
{
	struct shard *shard = keylog_shard(&c->log, e->start);

	if (e->verified)
		return 0;
	if (pcache_verify(c, e))
		return -EIO;
	spin_lock(&shard->lock);
	index_mark_verified(&shard->index, e);
	spin_unlock(&shard->lock);
	return 0;
}

static int copy_hit(struct pcache *c, struct bio *bio, struct bvec_iter iter,
		    const struct extent *e)
{
	if (!c->opt.data_crc)
		return copy(c, bio, iter, e, NULL);
	if (e->key_len <= PCACHE_CRC_KEY_SECTORS)
		return copy_checked(c, bio, iter, e);
	return check_long(c, e) ? -EIO : copy(c, bio, iter, e, NULL);
}

/* The cache can't give @e. Returns whether nobody else can, either. */
static bool is_lost(struct pcache *c, const struct extent *e)
{
	bool lost = writeback_is_dirty(c, e);

	trace_pcache_error(c->name, e->start, e->len, -EIO);
	pcache_count(c, lost ? STAT_media_errors_dirty : STAT_media_errors_clean, 1);
	segment_condemn(&c->segs, e->seg);
	return lost;
}

static bool is_mapped(struct pcache *c, const struct extent *e)
{
	struct shard *shard = keylog_shard(&c->log, e->start);
	bool mapped;

	spin_lock(&shard->lock);
	mapped = index_maps(&shard->index, e);
	spin_unlock(&shard->lock);
	return mapped;
}

/*
 * Serve what is in the cache: *@len sectors. Returns false if the origin has to be asked all the
 * same.
 */
static bool read_hit(struct pcache *c, struct read_bio *rb, struct bvec_iter iter,
		     const struct extent *e, u32 *len)
{
	bool served = true;

	*len = e->len;
	if (copy_hit(c, rb->bio, iter, e)) {
		if (is_lost(c, e))
			WRITE_ONCE(rb->status, BLK_STS_IOERR);
		else if (is_mapped(c, e))
			served = false;
		else
			/* Replaced while it was dirty, perhaps: older is what the origin has. */
			*len = 0;
	}
	segment_unpin(&c->segs, e->seg);
	if (served && *len) {
		trace_pcache_hit(c->name, e->start, *len);
		pcache_count(c, STAT_read_hit_sectors, *len);
	}
	return served;
}

/* Note, under the shard's lock, that what the origin answers is only good until a write comes. */
static u32 begin_fill(struct shard *shard, struct read_fill *f, u64 start, u32 len)
{
	f->fill.start = start;
	f->fill.len = min(len, FILL_SIZE / PCACHE_SECTOR);
	f->fill.stale = false;
	list_add(&f->fill.list, &shard->fills);
	return f->fill.len;
}

/*
 * Serve what is at @iter: *@len sectors, or none if it has to be looked up again. Returns whether
 * that has been done or is under way; otherwise the origin has to read these sectors straight to
 * their place.
 */
static bool read_piece(struct pcache *c, struct read_bio *rb, struct bvec_iter iter, u32 *len)
{
	u64 start = iter.bi_sector;
	struct shard *shard = keylog_shard(&c->log, start);
	struct read_fill *f = NULL;
	struct extent e;
	bool found;

	*len = min(iter.bi_size / PCACHE_SECTOR, chunk_rest(start));
	spin_lock(&shard->lock);
	found = index_find(&shard->index, start, *len, &e);
	if (found && e.start == start) {
		segment_pin(&c->segs, e.seg);
		if (!e.hit)
			index_mark_hit(&shard->index, &e);
		spin_unlock(&shard->lock);
		return read_hit(c, rb, iter, &e, len);
	}
	if (found)
		*len = e.start - start;
	f = get_fill(c);
	if (f)
		*len = begin_fill(shard, f, start, *len);
	spin_unlock(&shard->lock);
	if (f) {
		trace_pcache_miss(c->name, start, *len);
		pcache_count(c, STAT_read_miss_sectors, *len);
		read_to_fill(f, rb, iter);
	}
	return f;
}

/* What the bio starts with goes to the origin as it is; the rest comes again as another bio. */
static int pass_on(struct pcache *c, struct bio *bio, u32 len)
{
	trace_pcache_miss(c->name, bio->bi_iter.bi_sector, len);
	pcache_count(c, STAT_read_miss_sectors, len);
	if (len < bio_sectors(bio))
		dm_accept_partial_bio(bio, len);
	bio_set_dev(bio, c->origin.bdev);
	return DM_MAPIO_REMAPPED;
}

int read_map(struct pcache *c, struct bio *bio)
{
	struct read_bio *rb = dm_per_bio_data(bio, sizeof(*rb));
	struct bvec_iter iter = bio->bi_iter;
	u32 len;

	rb->bio = bio;
	rb->status = BLK_STS_OK;
	atomic_set(&rb->pending, 1);
	pcache_count(c, STAT_reads, 1);
	while (iter.bi_size && read_piece(c, rb, iter, &len))
		bio_advance_iter(bio, &iter, len * PCACHE_SECTOR);
	if (iter.bi_size) {
		if (iter.bi_size == bio->bi_iter.bi_size)
			return pass_on(c, bio, len);
		/* What has been served is a bio of its own, the rest comes again. */
		dm_accept_partial_bio(bio, bio_sectors(bio) - iter.bi_size / PCACHE_SECTOR);
	}
	put_read(rb, BLK_STS_OK);
	return DM_MAPIO_SUBMITTED;
}
