// SPDX-License-Identifier: GPL-2.0-or-later
/* A whole cache in one process. */
#include <stdlib.h>
#include <sys/mman.h>

#include <linux/device-mapper.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "read.h"
#include "rig.h"
#include "test.h"
#include "write.h"

/*
 * The origin.
 */

struct block_device *fake_origin_new(u64 sectors)
{
	struct block_device *bdev = calloc(1, sizeof(*bdev));

	bdev->mem = mmap(NULL, sectors * PCACHE_SECTOR, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bdev->sectors = sectors;
	bdev->block = PCACHE_SECTOR;
	bdev->align = PCACHE_SECTOR;
	bdev->volatile_cache = true;
	return bdev;
}

void fake_origin_free(struct block_device *bdev)
{
	munmap(bdev->mem, bdev->sectors * PCACHE_SECTOR);
	free(bdev->stores);
	free(bdev->undo);
	free(bdev);
}

static void note_undo(struct block_device *bdev, u64 sector)
{
	struct origin_undo *undo;

	if (!bdev->cuts)
		return;
	if (bdev->nr_undo == bdev->max_undo) {
		bdev->max_undo = max_t(size_t, 256, 2 * bdev->max_undo);
		bdev->undo = realloc(bdev->undo, bdev->max_undo * sizeof(*bdev->undo));
	}
	undo = &bdev->undo[bdev->nr_undo++];
	undo->sector = sector;
	memcpy(undo->old, bdev->mem + sector * PCACHE_SECTOR, PCACHE_SECTOR);
}

void fake_origin_crash(struct block_device *bdev, bool keep_all)
{
	u8 *settled = calloc(bdev->sectors, 1);
	size_t i;

	/* From the newest back: once a store has been kept, those before it do not matter. */
	for (i = bdev->nr_stores; i-- && !keep_all;) {
		const struct origin_store *store = &bdev->stores[i];

		if (settled[store->sector])
			continue;
		if (get_random_u32_below(2)) {
			settled[store->sector] = true;
			continue;
		}
		note_undo(bdev, store->sector);
		memcpy(bdev->mem + store->sector * PCACHE_SECTOR, store->old, PCACHE_SECTOR);
	}
	bdev->nr_stores = 0;
	free(settled);
}

void fake_origin_cut(struct block_device *bdev, bool keep_all, struct block_device *past)
{
	*past = *bdev;
	bdev->cuts++;
	fake_origin_crash(bdev, keep_all);
	bdev->stores = NULL;
	bdev->max_stores = 0;
}

void fake_origin_mend(struct block_device *bdev, const struct block_device *past)
{
	struct origin_undo *undo = bdev->undo;
	size_t max_undo = bdev->max_undo;

	while (bdev->nr_undo > past->nr_undo) {
		struct origin_undo *last = &undo[--bdev->nr_undo];

		memcpy(bdev->mem + last->sector * PCACHE_SECTOR, last->old, PCACHE_SECTOR);
	}
	free(bdev->stores);
	*bdev = *past;
	bdev->undo = undo;
	bdev->max_undo = max_undo;
}

/* A piece of memory that a transfer reads or writes where it lies. */
struct piece {
	u8 *mem;
	u32 len;
};

struct fake_io {
	struct origin_io io;
	struct piece pieces[ORIGIN_IO_PIECES];
	u32 nr_pieces;
	bool is_write;
	struct work_struct work;
	struct block_device *bdev;
};

/* Sector @i of the transfer. */
static u8 *sector_at(struct fake_io *fio, u32 i)
{
	u32 off = i * PCACHE_SECTOR, p;

	for (p = 0; off >= fio->pieces[p].len; p++)
		off -= fio->pieces[p].len;
	return fio->pieces[p].mem + off;
}

static void complete_io(struct fake_io *fio)
{
	size_t i, left = fio->io.sectors;

	for (i = fio->bdev->nr_stores; fio->is_write && left && i--;) {
		struct origin_store *store = &fio->bdev->stores[i];

		if (store->io != &fio->io || store->done)
			continue;
		left--;
		/* A device may read the memory at any time until now. */
		CHECK(!memcmp(sector_at(fio, store->sector - fio->io.sector), store->new,
			      PCACHE_SECTOR));
		store->done = true;
	}
	fio->io.done(&fio->io);
}

static void complete_later(struct work_struct *work)
{
	complete_io(container_of(work, struct fake_io, work));
}

struct origin_io *origin_io_alloc(u32 size)
{
	struct fake_io *fio = kzalloc(sizeof(*fio), GFP_KERNEL);

	if (!fio)
		return NULL;
	fio->io.buf = aligned_alloc(PAGE_SIZE, size);
	INIT_WORK(&fio->work, complete_later);
	return &fio->io;
}

void origin_io_free(struct origin_io *io)
{
	free(io->buf);
	kfree(container_of(io, struct fake_io, io));
}

void origin_io_begin(struct origin_io *io, u64 sector)
{
	container_of(io, struct fake_io, io)->nr_pieces = 0;
	io->sector = sector;
	io->sectors = 0;
	io->error = 0;
}

u32 origin_io_add(struct origin_io *io, void *mem, u32 len)
{
	struct fake_io *fio = container_of(io, struct fake_io, io);
	struct piece *last = fio->nr_pieces ? &fio->pieces[fio->nr_pieces - 1] : NULL;

	len = min(len, ORIGIN_IO_SIZE - io->sectors * PCACHE_SECTOR);
	if (last && last->mem + last->len == mem) {
		last->len += len;
	} else {
		if (!len || fio->nr_pieces == ORIGIN_IO_PIECES)
			return 0;
		fio->pieces[fio->nr_pieces++] = (struct piece){ mem, len };
	}
	io->sectors += len / PCACHE_SECTOR;
	return len;
}

bool origin_takes(struct origin *origin, const void *mem)
{
	return !((unsigned long)mem & (origin->bdev->align - 1));
}

static void finish_io(struct origin *origin, struct origin_io *io, bool is_write)
{
	struct fake_io *fio = container_of(io, struct fake_io, io);

	fio->bdev = origin->bdev;
	fio->is_write = is_write;
	if (fio->bdev->slow)
		stub_queue_later(system_wq, &fio->work, get_random_u32_below(3));
	else
		complete_io(fio);
}

void origin_read(struct origin *origin, struct origin_io *io)
{
	struct block_device *bdev = origin->bdev;

	CHECK(io->sector + io->sectors <= bdev->sectors);
	if (bdev->fail_reads && !get_random_u32_below(bdev->fail_reads))
		io->error = -EIO;
	else
		memcpy(io->buf, bdev->mem + io->sector * PCACHE_SECTOR, io->sectors * PCACHE_SECTOR);
	finish_io(origin, io, false);
}

static void note_store(struct block_device *bdev, struct origin_io *io, u32 i)
{
	struct origin_store *store;
	u8 *mem = bdev->mem + (io->sector + i) * PCACHE_SECTOR;

	if (bdev->nr_stores == bdev->max_stores) {
		bdev->max_stores = max_t(size_t, 256, 2 * bdev->max_stores);
		bdev->stores = realloc(bdev->stores,
				       bdev->max_stores * sizeof(*bdev->stores));
	}
	store = &bdev->stores[bdev->nr_stores++];
	store->sector = io->sector + i;
	store->done = false;
	store->io = io;
	note_undo(bdev, store->sector);
	memcpy(store->old, mem, PCACHE_SECTOR);
	memcpy(mem, sector_at(container_of(io, struct fake_io, io), i), PCACHE_SECTOR);
	memcpy(store->new, mem, PCACHE_SECTOR);
}

static void write_one(struct origin *origin, struct origin_io *io)
{
	struct fake_io *fio = container_of(io, struct fake_io, io);
	struct block_device *bdev = origin->bdev;
	u32 i;

	CHECK(io->sectors && io->sector + io->sectors <= bdev->sectors);
	CHECK(io->sectors * PCACHE_SECTOR <= ORIGIN_IO_SIZE);
	for (i = 0; i < fio->nr_pieces; i++)
		CHECK(origin_takes(origin, fio->pieces[i].mem));
	CHECK_EQ((io->sector | io->sectors) * PCACHE_SECTOR % bdev->block, 0);
	bdev->writes++;
	if (bdev->on_write)
		bdev->on_write();
	if (bdev->fail_writes && !get_random_u32_below(bdev->fail_writes))
		io->error = -EIO;
	/* One that fails may have got some of it done. */
	for (i = 0; i < io->sectors && (!io->error || get_random_u32_below(4)); i++)
		note_store(bdev, io, i);
	finish_io(origin, io, true);
}

void origin_write(struct origin *origin, struct list_head *ios)
{
	while (!list_empty(ios)) {
		struct origin_io *io = list_first_entry(ios, struct origin_io, list);

		list_del(&io->list);
		write_one(origin, io);
	}
}

int origin_flush(struct origin *origin)
{
	struct block_device *bdev = origin->bdev;
	size_t i, left = 0;

	might_sleep();
	if (bdev->on_flush)
		bdev->on_flush();
	if (!bdev->volatile_cache) {
		bdev->nr_stores = 0;
		return 0;
	}
	bdev->flushes++;
	if (bdev->fail_flushes && !get_random_u32_below(bdev->fail_flushes))
		return -EIO;
	/* Only what had completed before is durable. */
	for (i = 0; i < bdev->nr_stores; i++)
		if (!bdev->stores[i].done)
			bdev->stores[left++] = bdev->stores[i];
	bdev->nr_stores = left;
	return 0;
}

bool origin_needs_flush(struct origin *origin)
{
	return origin->bdev->volatile_cache;
}

u32 origin_block_size(struct origin *origin)
{
	return origin->bdev->block;
}

bool origin_identity(struct origin *origin, struct identity *who)
{
	memset(who, 0, sizeof(*who));
	who->origin_sectors = origin->sectors;
	if (!origin->bdev->name_untold)
		memcpy(who->origin_id, origin->bdev->id, PCACHE_ID_SIZE);
	return !origin->bdev->name_untold;
}

/*
 * The cache.
 */

int rig_open(struct pcache *c, struct pmem_model *model, struct block_device *bdev,
	     const struct pcache_options *opt)
{
	int r;

	memset(c, 0, sizeof(*c));
	strscpy(c->name, "rig", sizeof(c->name));
	r = pmem_open(&c->pmem, &model->dax, 0, model->size, c->name);
	if (r)
		return r;
	c->origin.bdev = bdev;
	c->origin.sectors = bdev->sectors;
	r = pcache_init(c);
	if (r)
		goto bad_init;
	r = write_init(c) ?: read_init(c) ?: pcache_load(c, opt);
	if (r)
		goto bad;
	pcache_start(c);
	return 0;

bad:
	read_exit(c);
	write_exit(c);
	pcache_exit(c);
bad_init:
	pmem_close(&c->pmem);
	return r;
}

void rig_close(struct pcache *c)
{
	read_quiesce(c);
	pcache_stop(c);
	read_exit(c);
	write_exit(c);
	pcache_exit(c);
	pmem_close(&c->pmem);
}

static void request_done(struct bio *bio)
{
	struct request *rq = container_of(bio, struct request, bio);

	CHECK(!rq->done);
	rq->done = true;
}

struct request rig_request(u64 sector, u32 sectors, const void *data)
{
	return (struct request){
		.bio = {
			.bi_iter = { .bi_sector = sector, .bi_size = sectors * PCACHE_SECTOR },
			.mem = (void *)data,
			.bi_end_io = request_done,
		},
	};
}

void rig_wait(struct pcache *c, struct request *rq)
{
	unsigned int tries = 0;

	while (!rq->done) {
		if (++tries == 100000)
			stub_bug("a request never ends: %u of %u segments free, %u dead, %llu sectors dirty, the log at %u:%u, next %d, from %u:%u, written back to %u:%u",
				 c->segs.nr_free, c->segs.nr, c->segs.nr_dead,
				 writeback_dirty(c), c->log.put.seg, c->log.put.off,
				 c->log.next, c->log.key_tail.seg, c->log.key_tail.off,
				 c->log.dirty_tail.seg, c->log.dirty_tail.off);
		stub_sleep(20);
	}
}

void rig_write(struct pcache *c, u64 sector, u32 sectors, const void *data)
{
	struct request rq = rig_request(sector, sectors, data);

	CHECK_EQ(write_map(c, &rq.bio), DM_MAPIO_SUBMITTED);
	rig_wait(c, &rq);
	CHECK_EQ(rq.bio.bi_status, BLK_STS_OK);
}

void rig_flush(struct pcache *c)
{
	struct request rq = rig_request(0, 0, NULL);

	rq.bio.bi_opf = REQ_PREFLUSH;
	CHECK_EQ(write_map(c, &rq.bio), DM_MAPIO_SUBMITTED);
	CHECK(rq.done);
	CHECK_EQ(rq.bio.bi_status, BLK_STS_OK);
}

/* The start of what is asked for. Returns its sectors: the rest comes again as another bio. */
static u32 read_start(struct pcache *c, u64 sector, u32 sectors, void *data, int *r)
{
	struct request rq = rig_request(sector, sectors, data);

	if (read_map(c, &rq.bio) == DM_MAPIO_SUBMITTED) {
		rig_wait(c, &rq);
		if (rq.bio.bi_status)
			*r = -EIO;
	} else {
		CHECK(rq.bio.bi_bdev == c->origin.bdev);
		memcpy(data, c->origin.bdev->mem + sector * PCACHE_SECTOR, rq.bio.bi_iter.bi_size);
	}
	return bio_sectors(&rq.bio);
}

int rig_read(struct pcache *c, u64 sector, u32 sectors, void *data, bool fill)
{
	bool read_only = c->opt.read_only;
	int r = 0;

	/* Then nothing is cached. */
	if (!fill)
		c->opt.read_only = true;
	while (!r && sectors) {
		u32 n = read_start(c, sector, sectors, data, &r);

		sector += n;
		sectors -= n;
		data += n * PCACHE_SECTOR;
	}
	c->opt.read_only = read_only;
	read_quiesce(c);
	return r;
}

void rig_drain(struct pcache *c)
{
	unsigned int tries = 0;

	rig_flush(c);
	while (writeback_dirty(c)) {
		if (++tries == 100000)
			stub_bug("what is dirty is never written back: %llu sectors, at %u:%u of %u:%u; %s",
				 writeback_dirty(c), c->log.dirty_tail.seg,
				 c->log.dirty_tail.off, c->log.head.seg, c->log.head.off,
				 stub_log());
		writeback_urge(c);
		stub_sleep(100);
	}
}

void **rig_take_leaves(struct pcache *c)
{
	void **leaf, **all = NULL;

	stub_fail_alloc_after(1);
	while ((leaf = index_get_leaf(&c->index_pool, GFP_NOWAIT | __GFP_NOWARN))) {
		*leaf = all;
		all = leaf;
	}
	return all;
}

void rig_give_leaves(struct pcache *c, void **all)
{
	stub_fail_alloc_after(-1);
	while (all) {
		void **leaf = all;

		all = *leaf;
		index_put_leaf(&c->index_pool, leaf);
	}
}

static void store_segment_info(struct pmem *pm, u32 id, u32 segments)
{
	u64 off = PCACHE_SEGS_OFF + (u64)id * PCACHE_SEG_SIZE;
	struct media_segment_info info;
	struct media_slot slot;

	CHECK_EQ(media_load(pm, off, PCACHE_SEG_INFO_STRIDE, &info, sizeof(info), &slot), 0);
	info.flags = PCACHE_SEG_TYPE_CACHE | (id + 1 < segments ? PCACHE_SEG_HAS_NEXT : 0);
	info.next_seg = id + 1 < segments ? id + 1 : 0;
	media_store(pm, off, PCACHE_SEG_INFO_STRIDE, &info, sizeof(info), &slot);
}

static void store_tail(struct pmem *pm, u64 off, struct log_pos pos)
{
	struct media_position tail;
	struct media_slot slot;

	CHECK_EQ(media_load(pm, off, PCACHE_TAIL_STRIDE, &tail, sizeof(tail), &slot), 0);
	tail.cache_seg_id = pos.seg;
	tail.seg_off = pos.off;
	media_store(pm, off, PCACHE_TAIL_STRIDE, &tail, sizeof(tail), &slot);
}

void rig_move_log(struct pmem_model *model, struct log_pos pos)
{
	struct pmem pm;

	pmem_model_open(model, &pm, "rig");
	store_tail(&pm, PCACHE_KEY_TAIL_OFF, pos);
	store_tail(&pm, PCACHE_DIRTY_TAIL_OFF, pos);
	pmem_close(&pm);
}

void rig_format(struct pmem_model *model, struct block_device *bdev,
		const struct pcache_options *opt, u32 segments, struct log_pos pos)
{
	struct superblock sb;
	struct pcache c;
	struct pmem pm;

	CHECK_EQ(rig_open(&c, model, bdev, opt), 0);
	rig_close(&c);
	pmem_model_open(model, &pm, "rig");
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK(segments <= sb.n_segs);
	sb.n_segs = segments;
	superblock_set_info(&pm, &sb, sb.info_flags);
	store_segment_info(&pm, segments - 1, segments);
	pmem_close(&pm);
	rig_move_log(model, pos);
}

/* What the log owes to shards has room, each key in a set of its own (rule 2). */
static void check_credit(struct pcache *c)
{
	const struct keylog *log = &c->log;
	u64 keys = log->nr_stage, room = 0;
	unsigned int i;

	for (i = 0; i < c->nr_shards; i++) {
		u32 owed = c->shards[i].nr_keys + c->shards[i].credit + c->shards[i].lent;

		CHECK(owed <= SHARD_KEYS);
		keys += owed;
	}
	CHECK_EQ(log->promised, keys);
	if (log->next >= 0)
		room = PCACHE_SEG_DATA_SIZE - PCACHE_KSET_SIZE(0);
	else
		room = PCACHE_SEG_DATA_SIZE - PCACHE_KSET_SIZE(0) - log->put.off;
	CHECK(keys * PCACHE_KSET_SIZE(1) <= room);
}

/* No entry of an index leads to a segment that may be given away (rule 9). */
static void check_index(struct pcache *c)
{
	unsigned int i;

	for (i = 0; i < c->nr_shards; i++) {
		struct index_cursor at = { };
		struct extent e;

		while (index_walk(&c->shards[i].index, &at, &e)) {
			CHECK(e.seg < c->segs.nr);
			CHECK(atomic_read(&c->segs.seg[e.seg].refs) > 0);
			CHECK(e.sect + e.len <= PCACHE_SEG_DATA_SIZE / PCACHE_SECTOR);
			CHECK(keylog_shard(&c->log, e.start) == &c->shards[i]);
		}
	}
}

static void check_segments(struct pcache *c)
{
	struct segment *seg;
	u32 id, free = 0, dead = 0, used = 0, bad = 0;

	list_for_each_entry(seg, &c->segs.free, list) {
		CHECK_EQ(atomic_read(&seg->refs), 0);
		free++;
	}
	list_for_each_entry(seg, &c->segs.dead, list) {
		CHECK_EQ(atomic_read(&seg->refs), 0);
		dead++;
	}
	for (id = 0; id < c->segs.nr; id++) {
		seg = &c->segs.seg[id];
		used += atomic_read(&seg->refs) > 0;
		bad += !atomic_read(&seg->refs) && seg->bad && list_empty(&seg->list);
	}
	CHECK_EQ(free, c->segs.nr_free);
	CHECK_EQ(dead, c->segs.nr_dead);
	CHECK_EQ(free + dead + used + bad, c->segs.nr);
}

void rig_check(struct pcache *c)
{
	check_credit(c);
	check_index(c);
	check_segments(c);
}
