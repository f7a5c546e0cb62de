// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and writes of the user where they meet odd memory, each other, errors, or a want of space. */
#include <linux/device-mapper.h>
#include <linux/string.h>

#include "read.h"
#include "rig.h"
#include "test.h"
#include "write.h"

#define ORIGIN	(1ull << 19)		/* sectors: 256 MiB */
#define PIECE	128u			/* sectors that go into the cache at once */

static struct pmem_model *model;
static struct block_device *bdev;
static struct pcache_options opt;
static struct pcache c;
static u8 buf[2048 * PCACHE_SECTOR];

static void start(u32 segments)
{
	model = pmem_model_new(PCACHE_MIN_SIZE);
	bdev = fake_origin_new(ORIGIN);
	rig_format(model, bdev, &opt, segments, (struct log_pos){ 0, 0 });
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
}

/* What the cache says is what the origin has in the end. */
static void end(void)
{
	rig_check(&c);
	rig_drain(&c);
	rig_check(&c);
	rig_close(&c);
	pmem_model_free(model);
	fake_origin_free(bdev);
}

static void write(u64 sector, u32 sectors, u8 value)
{
	memset(buf, value, sectors * PCACHE_SECTOR);
	rig_write(&c, sector, sectors, buf);
}

static void expect(u64 sector, u32 sectors, u8 value)
{
	CHECK_EQ(rig_read(&c, sector, sectors, buf, false), 0);
	CHECK(!memchr_inv(buf, value, sectors * PCACHE_SECTOR));
}

/*
 * Memory.
 */

/* It may begin at any four bytes, and then no piece of it but the last ends where a sector does. */
static void odd_memory(bool crc)
{
	static u8 model_of_disk[3 * SHARD_CHUNK_SECTORS * PCACHE_SECTOR], odd[sizeof(buf) + PAGE_SIZE];
	u32 op, i;

	opt.data_crc = crc;
	start(31);
	for (op = 0; op < 300; op++) {
		u32 sectors = 1 + get_random_u32_below(get_random_u32_below(4) ? 40 : 1200);
		u64 sector = get_random_u32_below(3 * SHARD_CHUNK_SECTORS - sectors);
		u8 *mem = odd + 4 * get_random_u32_below(PAGE_SIZE / 4);

		test_at("op %u: %u sectors at %llu, memory %p", op, sectors, sector, mem);
		if (get_random_u32_below(2)) {
			for (i = 0; i < sectors * PCACHE_SECTOR; i++)
				mem[i] = op + i / PCACHE_SECTOR;
			rig_write(&c, sector, sectors, mem);
			memcpy(model_of_disk + sector * PCACHE_SECTOR, mem, sectors * PCACHE_SECTOR);
		} else {
			CHECK_EQ(rig_read(&c, sector, sectors, mem, get_random_u32_below(2)), 0);
			CHECK(!memcmp(mem, model_of_disk + sector * PCACHE_SECTOR,
				      sectors * PCACHE_SECTOR));
		}
	}
	rig_drain(&c);
	CHECK(!memcmp(bdev->mem, model_of_disk, sizeof(model_of_disk)));
	end();
}

TEST(io_odd_memory)
{
	odd_memory(false);
}

TEST(io_odd_memory_checksums)
{
	odd_memory(true);
}

/* Some keys of a piece are in when memory runs out: the rest of it is stored again. */
TEST(io_short_of_memory)
{
	u32 i, n;

	opt.data_crc = true;
	start(31);
	stub_fail_once = true;
	for (i = 0; i < 2000; i++) {
		stub_fail_alloc_after(get_random_u32_below(3));
		n = 1 + get_random_u32_below(PIECE);
		write((u64)i * 200 % (ORIGIN - 2048), n, i);
		stub_fail_alloc_after(get_random_u32_below(3));
		CHECK_EQ(rig_read(&c, ORIGIN - 1 - n, n, buf, true), 0);
		stub_fail_alloc_after(-1);
		expect((u64)i * 200 % (ORIGIN - 2048), n, i);
		rig_check(&c);
	}
	end();
}

/*
 * No memory is to be had from the moment when the cache is open, as where it is swapped to: each of
 * many shards can go on.
 */
TEST(io_no_memory_at_all)
{
	u32 i, round;

	stub_possible_cpus = 8;
	start(31);
	CHECK_EQ(c.nr_shards, 64);
	stub_fail_alloc_after(1);
	for (round = 0; round < 20; round++)
		for (i = 0; i < ORIGIN / SHARD_CHUNK_SECTORS; i++) {
			write((u64)i * SHARD_CHUNK_SECTORS + 100 + round * 20, 3, i);
			write((u64)i * SHARD_CHUNK_SECTORS + 5000 + round * 20, 3, i);
		}
	stub_fail_alloc_after(-1);
	for (i = 0; i < ORIGIN / SHARD_CHUNK_SECTORS; i++)
		expect((u64)i * SHARD_CHUNK_SECTORS + 5000 + 19 * 20, 3, i);
	end();
}

/*
 * Reads.
 */

static struct request miss;

/* The origin is asked for 50 sectors from 100 on, to cache them, and takes its time. */
static void begin_miss(void)
{
	miss = rig_request(100, 50, buf);
	bdev->slow = true;
	CHECK_EQ(read_map(&c, &miss.bio), DM_MAPIO_SUBMITTED);
	CHECK(!miss.done);
}

/* The user has what he asked for, and it is not cached. */
static void end_miss(void)
{
	rig_wait(&c, &miss);
	read_quiesce(&c);
	CHECK_EQ(miss.bio.bi_status, BLK_STS_OK);
	CHECK_EQ(pcache_stat(&c, STAT_fills), 0);
}

/* It has been overwritten meanwhile (rule 2). */
TEST(io_fill_made_stale)
{
	start(31);
	begin_miss();
	write(120, 8, 7);
	end_miss();
	CHECK_EQ(pcache_stat(&c, STAT_fills_stale), 1);
	expect(120, 8, 7);
	end();
}

/* Space has got short meanwhile. */
TEST(io_fill_given_up)
{
	start(8);
	begin_miss();
	while (segment_alloc(&c.segs, SEGMENT_FILL) >= 0)
		;
	end_miss();
}

/* Memory has. */
TEST(io_fill_without_memory)
{
	void **all;

	start(31);
	begin_miss();
	index_keep(&keylog_shard(&c.log, 100)->index, 0);
	all = rig_take_leaves(&c);
	end_miss();
	rig_give_leaves(&c, all);
	end();
}

/* Only so many are cached at a time: others go to where the user wants them. */
TEST(io_more_reads_than_fills)
{
	struct request rq[40];
	u32 i, passed_on = 0;

	start(31);
	bdev->slow = true;
	for (i = 0; i < ARRAY_SIZE(rq); i++) {
		rq[i] = rig_request(i * 100, 8, buf + i * PAGE_SIZE);
		passed_on += read_map(&c, &rq[i].bio) == DM_MAPIO_REMAPPED;
	}
	CHECK_EQ(passed_on, 8);
	for (i = 0; i < 32; i++)
		rig_wait(&c, &rq[i]);
	read_quiesce(&c);
	CHECK_EQ(pcache_stat(&c, STAT_fills), 32);
	end();
}

/* An error of the origin is the user's, whatever else of the read is in the cache. */
TEST(io_read_error)
{
	start(31);
	write(100, 8, 7);
	bdev->fail_reads = 1;
	CHECK_EQ(rig_read(&c, 90, 30, buf, true), -EIO);
	expect(100, 8, 7);
	CHECK_EQ(pcache_stat(&c, STAT_fills), 0);
	bdev->fail_reads = 0;
	CHECK_EQ(rig_read(&c, 90, 30, buf, true), 0);
	CHECK_EQ(pcache_stat(&c, STAT_fills), 2);
	end();
}

static struct extent first;

static void replace(void)
{
	model->on_poison = NULL;
	/* So much that what a failing write leaves on the origin is never all of it. */
	write(100, 64, 2);
	rig_flush(&c);
	bdev->fail_writes = 1;
	/* Write-back passes the old one, which is no longer of use, and gets stuck with the new one. */
	writeback_urge(&c);
	stub_sleep(5000);
	CHECK(!writeback_is_dirty(&c, &first));
	CHECK_EQ(writeback_dirty(&c), 64);
}

/* A read that can't get its data does not take what the origin has for newer than it is. */
TEST(io_read_of_what_is_replaced)
{
	start(31);
	write(100, 64, 1);
	rig_flush(&c);
	CHECK(index_find(&keylog_shard(&c.log, 100)->index, 100, 64, &first));
	pmem_model_poison(model, pcache_addr(&c, &first));
	model->on_poison = replace;
	expect(100, 64, 2);
	CHECK(!model->on_poison);
	bdev->fail_writes = 0;
	end();
}

/*
 * A want of space.
 */

#define LINE	5u

static struct request line[LINE];
static u32 served;

static void in_turn(struct bio *bio)
{
	struct request *rq = container_of(bio, struct request, bio);

	CHECK(!rq->done);
	if (bio->bi_status == BLK_STS_OK)
		CHECK(rq == &line[served++]);
	rq->done = true;
}

static bool all_done(blk_status_t status)
{
	u32 i, n = 0;

	for (i = 0; i < LINE; i++)
		n += line[i].done && line[i].bio.bi_status == status;
	return n == LINE;
}

static bool none_done(void)
{
	u32 i;

	for (i = 0; i < LINE; i++)
		if (line[i].done)
			return false;
	return true;
}

static void begin(u32 i, u64 sector)
{
	line[i] = rig_request(sector, PIECE, buf);
	line[i].bio.bi_end_io = in_turn;
	CHECK_EQ(write_map(&c, &line[i].bio), DM_MAPIO_SUBMITTED);
}

/* Writes that nobody can take: the cache is full, and its origin fails. */
static void fill_up(void)
{
	u64 sector = 0;
	u32 i;

	start(8);
	bdev->fail_writes = 1;
	do {
		line[0] = rig_request(sector, PIECE, buf);
		CHECK_EQ(write_map(&c, &line[0].bio), DM_MAPIO_SUBMITTED);
		stub_sleep(100);
		sector += PIECE;
	} while (line[0].done);
	line[0].bio.bi_end_io = in_turn;
	for (i = 1; i < LINE; i++)
		begin(i, sector + i * PIECE);
	stub_sleep(20000);
	CHECK(none_done());
	CHECK(c.has_waiters(&c));
	/* Whoever wants no space does not wait with them. */
	rig_flush(&c);
	expect(0, PIECE, 0);
}

static void recover(void)
{
	u32 i;

	bdev->fail_writes = 0;
	for (i = 0; i < LINE; i++)
		rig_wait(&c, &line[i]);
	CHECK(all_done(BLK_STS_OK));
	CHECK_EQ(served, LINE);
	end();
}

TEST(io_served_in_turn)
{
	fill_up();
	recover();
}

/* A suspend without flush has them back at once, also those that come while it is under way. */
TEST(io_given_back)
{
	struct dm_target ti = { .noflush_suspending = true };
	u32 i;

	fill_up();
	write_suspend(&c, &ti);
	CHECK(all_done(BLK_STS_DM_REQUEUE));
	begin(0, 0);
	CHECK_EQ(line[0].bio.bi_status, BLK_STS_DM_REQUEUE);

	/* It is given up: before the target is told, the core brings them again. */
	ti.noflush_suspending = false;
	for (i = 0; i < LINE; i++)
		begin(i, i * PIECE);
	stub_sleep(1000);
	CHECK(none_done());
	write_suspend(&c, NULL);
	recover();
}

/* One with flush waits for them. */
TEST(io_not_given_back)
{
	struct dm_target ti = { };

	fill_up();
	write_suspend(&c, &ti);
	stub_sleep(1000);
	CHECK(none_done());
	recover();
}

static u64 dirty_tail_addr(void)
{
	return segment_data(&c.segs, c.log.dirty_tail.seg) + c.log.dirty_tail.off;
}

/* The log can't be read, so there never will be space: they fail. */
TEST(io_given_up)
{
	fill_up();
	pmem_model_poison(model, dirty_tail_addr());
	stub_sleep(20000);
	CHECK(all_done(BLK_STS_IOERR));
	rig_check(&c);
	rig_close(&c);
}

/*
 * The memory of all segments but five fails: the log has two, one is a fill's. Lost data, which comes
 * round for ever, is no reason to keep that one from writes, which would wait for ever.
 */
TEST(io_five_segments_left)
{
	struct request rq;
	struct extent e;
	u32 i, kept = 0;

	start(16);
	CHECK_EQ(rig_read(&c, 100000, 8, buf, true), 0);
	write(0, 8, 1);
	rig_flush(&c);
	CHECK(index_find(&keylog_shard(&c.log, 0)->index, 0, 1, &e));
	pmem_model_poison(model, pcache_addr(&c, &e));
	writeback_urge(&c);
	stub_sleep(5000);
	CHECK(c.writeback.lost);
	for (i = 0; i < c.segs.nr; i++)
		if (!atomic_read(&c.segs.seg[i].refs) && ++kept > 2)
			segment_condemn(&c.segs, i);
	CHECK_EQ(segments_good(&c.segs), 5);
	for (i = 0; i < 2000; i++) {
		rq = rig_request(1000 + (u64)i * PIECE, PIECE, buf);
		CHECK_EQ(write_map(&c, &rq.bio), DM_MAPIO_SUBMITTED);
		stub_sleep(20000);
		CHECK(rq.done);
		CHECK_EQ(rq.bio.bi_status, BLK_STS_OK);
	}
	rig_check(&c);
	rig_close(&c);
}

/*
 * A table that may not write opens such a cache, too. When one that may takes it over, the media is told
 * before what was given up is used.
 */
TEST(io_given_up_read_only)
{
	u32 began;
	u64 bad;

	start(31);
	write(0, 8, 1);
	rig_flush(&c);
	began = c.log.put.seg;
	segment_condemn(&c.segs, c.log.put.seg);
	write(8, 8, 1);
	rig_flush(&c);
	bad = segment_data(&c.segs, c.log.put.seg);
	segment_condemn(&c.segs, c.log.put.seg);
	write(16, 8, 1);
	rig_drain(&c);
	write(24, 8, 2);
	rig_close(&c);
	pmem_model_poison(model, bad);
	opt.read_only = true;
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	CHECK_LOG("what is cached and not dirty is given up");
	c.opt.read_only = opt.read_only = false;
	pcache_adopt(&c);
	pcache_start(&c);
	/* The log goes on where it began. */
	CHECK_EQ(c.log.next, began);
	segment_condemn(&c.segs, c.log.put.seg);
	write(32, 8, 3);
	rig_close(&c);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	expect(0, 24, 1);
	expect(24, 8, 2);
	expect(32, 8, 3);
	end();
}

/* There never will be space where nearly all memory has failed. */
TEST(io_no_good_memory_left)
{
	struct request rq;
	u32 id, left = 0, i = 0;

	start(16);
	for (id = 0; id < c.segs.nr; id++)
		if (atomic_read(&c.segs.seg[id].refs) == 0 && ++left > SEGMENTS_NEEDED - 3)
			segment_condemn(&c.segs, id);
	do {
		rq = rig_request(i * PIECE, PIECE, buf);
		CHECK_EQ(write_map(&c, &rq.bio), DM_MAPIO_SUBMITTED);
		stub_sleep(10000);
		CHECK(rq.done);
	} while (!rq.bio.bi_status && ++i < 100000);
	CHECK_EQ(rq.bio.bi_status, BLK_STS_IOERR);
	CHECK_LOG("the memory of all segments but 4 has failed");
	while (i--)
		expect(i * PIECE, PIECE, 0);
	end();
}

static blk_status_t end_of(u64 sector, u32 sectors, blk_opf_t opf)
{
	struct request rq = rig_request(sector, sectors, buf);

	rq.bio.bi_opf = opf;
	write_map(&c, &rq.bio);
	CHECK(rq.done);
	return rq.bio.bi_status;
}

/* A replay would be refused, too: nobody is told that something is safe before it can be read again. */
TEST(io_not_safe)
{
	start(31);
	write(100, 8, 1);
	rig_flush(&c);
	pmem_model_poison(model, dirty_tail_addr());
	CHECK_EQ(end_of(0, 0, REQ_PREFLUSH), BLK_STS_OK);
	writeback_urge(&c);
	stub_sleep(1000);
	CHECK_EQ(end_of(0, 0, REQ_PREFLUSH), BLK_STS_IOERR);
	CHECK_EQ(end_of(200, 8, REQ_FUA), BLK_STS_IOERR);
	CHECK_EQ(end_of(200, 8, 0), BLK_STS_OK);
	pmem_model_heal(model, dirty_tail_addr());
	stub_sleep(20000);
	CHECK_EQ(end_of(0, 0, REQ_PREFLUSH), BLK_STS_OK);
	end();
}

/* Not while write-back is busy with what comes before the bad part, either, and fails at that. */
TEST(io_not_safe_behind_good_sets)
{
	bool told = false;
	u32 i;

	start(31);
	for (i = 0; i < 2 * PCACHE_KSET_KEYS; i++)
		write(i * 10, 1, 7);
	rig_flush(&c);
	pmem_model_poison(model, dirty_tail_addr() + PCACHE_KSET_SIZE(PCACHE_KSET_KEYS) + 64);
	bdev->fail_writes = 1;
	for (i = 0; i < 20; i++) {
		stub_sleep(1000);
		if (end_of(0, 0, REQ_PREFLUSH))
			told = true;
		else
			CHECK(!told);
	}
	CHECK(told);
}

/* Nor because nobody needs what can't be reclaimed any more. */
TEST(io_not_safe_where_clean)
{
	u64 bad;

	start(8);
	bad = dirty_tail_addr();
	write(0, 1024, 1);
	rig_drain(&c);
	model->mem[bad]++;
	pcache_set_gc_percent(&c, 0);
	stub_sleep(1000);
	CHECK_EQ(end_of(0, 0, REQ_PREFLUSH), BLK_STS_IOERR);
	pcache_set_gc_percent(&c, 90);
	stub_sleep(60000);
	CHECK_EQ(end_of(0, 0, REQ_PREFLUSH), BLK_STS_IOERR);
	model->mem[bad]--;
	stub_sleep(20000);
	CHECK_EQ(end_of(0, 0, REQ_PREFLUSH), BLK_STS_OK);
	end();
}

/* Poison in the clean part of the log costs what is clean, and only space as long as it is open. */
TEST(io_safe_where_clean)
{
	struct log_pos tail;
	u64 bad;

	start(8);
	bad = dirty_tail_addr();
	write(0, 1024, 1);
	write(2048, 1024, 2);
	rig_drain(&c);
	write(512, 1024, 3);
	rig_flush(&c);
	pmem_model_poison(model, bad);
	pcache_set_gc_percent(&c, 0);
	stub_sleep(1000);
	CHECK_EQ(c.reclaim.error, -EIO);
	CHECK_EQ(end_of(0, 0, REQ_PREFLUSH), BLK_STS_OK);
	CHECK_EQ(end_of(4096, 8, REQ_FUA), BLK_STS_OK);
	tail = keylog_dirty_tail(&c.log);
	rig_close(&c);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	CHECK_LOG("what is cached and not dirty is given up");
	CHECK(log_pos_equal(keylog_key_tail(&c.log), tail));
	CHECK(c.segs.seg[tail.seg].bad);
	CHECK(writeback_dirty(&c) >= 1024);
	expect(0, 512, 1);
	expect(512, 1024, 3);
	expect(2048, 1024, 2);
	rig_close(&c);
	stub_log_clear();
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	CHECK(!stub_log_has("given up"));
	expect(512, 1024, 3);
	rig_drain(&c);
	end();
}
