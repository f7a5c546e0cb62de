// SPDX-License-Identifier: GPL-2.0-or-later
/* Write-back and reclaim: how much goes to the origin, and what happens where it can't. */
#include <linux/string.h>

#include "rig.h"
#include "test.h"

#define ORIGIN	(1ull << 19)		/* sectors: 256 MiB */
#define MIB	2048u			/* sectors */

static struct pmem_model *model;
static struct block_device *bdev;
static struct pcache_options opt;
static struct pcache c;
static u8 buf[MIB * PCACHE_SECTOR];

static void start_at(u32 segments, struct log_pos pos)
{
	model = pmem_model_new(PCACHE_MIN_SIZE);
	bdev = fake_origin_new(ORIGIN);
	rig_format(model, bdev, &opt, segments, pos);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
}

static void start(u32 segments)
{
	start_at(segments, (struct log_pos){ 0, 0 });
}

static void reopen(void)
{
	rig_close(&c);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
}

static void write(u64 sector, u32 sectors, u8 value)
{
	memset(buf, value, sectors * PCACHE_SECTOR);
	rig_write(&c, sector, sectors, buf);
}

static int read(u64 sector, u32 sectors)
{
	return rig_read(&c, sector, sectors, buf, false);
}

static bool is(const u8 *data, u32 sectors, u8 value)
{
	return !memchr_inv(data, value, sectors * PCACHE_SECTOR);
}

static bool origin_is(u64 sector, u32 sectors, u8 value)
{
	return is(bdev->mem + sector * PCACHE_SECTOR, sectors, value);
}

static void expect(u64 sector, u32 sectors, u8 value)
{
	CHECK_EQ(read(sector, sectors), 0);
	CHECK(is(buf, sectors, value));
}

static void settle(void)
{
	int i;

	rig_flush(&c);
	for (i = 0; i < 20; i++) {
		writeback_urge(&c);
		stub_sleep(1000);
	}
}

TEST(writeback_merges_and_drops_what_is_superseded)
{
	u32 i;

	start(31);
	/* In any order, twice over: it is one run of 500 sectors. */
	for (i = 0; i < 1000; i++)
		write(10000 + i * 37 % 500, 1, i < 500 ? 1 : 2);
	rig_drain(&c);
	CHECK(origin_is(10000, 500, 2));
	CHECK_EQ(bdev->writes, DIV_ROUND_UP(500, ORIGIN_IO_PIECES));
	CHECK_EQ(bdev->flushes, 1);
}

/* Between two flushes of the user there is one of the origin; or one for all, if so wished. */
static void count_flushes(bool batch_order, unsigned long flushes)
{
	u32 i;

	opt.batch_order = batch_order;
	start(31);
	for (i = 0; i < 10; i++) {
		write(i * 100, 8, i + 1);
		rig_flush(&c);
	}
	rig_drain(&c);
	CHECK_EQ(bdev->flushes, flushes);
	for (i = 0; i < 10; i++)
		CHECK(origin_is(i * 100, 8, i + 1));
}

/* A driver that wants its memory aligned gets a copy of what is not, and only of that. */
TEST(writeback_copies_what_is_misaligned)
{
	unsigned long writes;
	u32 i;

	start(31);
	bdev->align = PAGE_SIZE;
	write(0, 1, 1);
	write(1000, 128, 2);		/* 16 pages that are not aligned in the cache */
	write(5000, 7, 3);
	write(8000, 16, 4);		/* two that are */
	rig_drain(&c);
	CHECK(origin_is(0, 1, 1));
	CHECK(origin_is(1000, 128, 2));
	CHECK(origin_is(5000, 7, 3));
	CHECK(origin_is(8000, 16, 4));
	CHECK_EQ(bdev->writes, 1 + 16 + 1 + 1);

	writes = bdev->writes;
	bdev->align = PCACHE_SECTOR;
	for (i = 0; i < 100; i++)
		write(20000 + i * 16, 16, i);
	rig_drain(&c);
	for (i = 0; i < 100; i++)
		CHECK(origin_is(20000 + i * 16, 16, i));
	CHECK_EQ(bdev->writes, writes + DIV_ROUND_UP(100 * 16 * PCACHE_SECTOR, ORIGIN_IO_SIZE));
}

TEST(writeback_strict_order)
{
	count_flushes(false, 10);
}

TEST(writeback_batch_order)
{
	count_flushes(true, 1);
}

/* Of what another life has left nobody knows where its barriers were: each set counts as one. */
TEST(writeback_replayed_sets)
{
	u32 i;

	start(31);
	for (i = 0; i < 300; i++)
		write(i * 2, 1, 1);
	rig_flush(&c);
	CHECK_EQ(c.log.nr_sets, 3);
	reopen();
	rig_drain(&c);
	CHECK_EQ(bdev->flushes, 3);
	for (i = 0; i < 300; i++)
		write(i * 2, 1, 2);
	rig_drain(&c);
	CHECK_EQ(bdev->flushes, 4);
}

TEST(writeback_failing_origin)
{
	struct log_pos tail;

	start(31);
	write(0, 64, 1);
	rig_flush(&c);
	tail = keylog_dirty_tail(&c.log);
	bdev->fail_writes = 1;
	settle();
	CHECK(log_pos_equal(tail, keylog_dirty_tail(&c.log)));
	CHECK_EQ(writeback_dirty(&c), 64);
	CHECK(pcache_stat(&c, STAT_writeback_errors) > 1);
	/* It never spins: twenty seconds are a few tries. */
	CHECK(pcache_stat(&c, STAT_writeback_errors) < 30);
	CHECK_LOG("write-back fails with error -5");
	expect(0, 64, 1);

	bdev->fail_writes = 0;
	bdev->fail_flushes = 1;
	stub_sleep(30000);
	CHECK(log_pos_equal(tail, keylog_dirty_tail(&c.log)));
	reopen();
	CHECK_EQ(writeback_dirty(&c), 64);
	bdev->fail_flushes = 0;
	stub_sleep(30000);
	CHECK_EQ(writeback_dirty(&c), 0);
	CHECK(origin_is(0, 64, 1));
}

static struct extent entry_of(u64 sector)
{
	struct shard *shard = keylog_shard(&c.log, sector);
	struct extent e;

	CHECK(index_find(&shard->index, sector, 1, &e) && e.start == sector);
	return e;
}

static u64 place_of(u64 sector)
{
	struct extent e = entry_of(sector);

	return pcache_addr(&c, &e);
}

/* Dirty data that can't be read is lost, alone, and for good: until someone writes there. */
static void lost_data(bool crc, bool poison)
{
	u32 seg;
	u64 addr;

	opt.data_crc = crc;
	start(31);
	write(1000, 8, 1);
	write(2000, 16, 2);
	write(3000, 8, 3);
	rig_flush(&c);
	seg = entry_of(2000).seg;
	addr = place_of(2004);
	if (poison)
		pmem_model_poison(model, addr);
	else
		model->mem[addr]++;
	settle();
	/* Nothing more is trusted to the memory around it. */
	write(4000, 8, 4);
	CHECK(entry_of(4000).seg != seg);
	CHECK(origin_is(1000, 8, 1));
	CHECK(origin_is(3000, 8, 3));
	CHECK_EQ(read(2000, 16), -EIO);
	expect(1000, 8, 1);
	expect(3000, 8, 3);
	CHECK(pcache_stat(&c, STAT_media_errors_dirty));
	CHECK_LOG("can't be read");
	reopen();
	CHECK_EQ(read(2000, 16), -EIO);
	expect(3000, 8, 3);
	settle();
	CHECK_EQ(read(2004, 1), -EIO);
	rig_check(&c);

	write(2000, 16, 4);
	expect(2000, 16, 4);
	settle();
	CHECK(origin_is(2000, 16, 4));
	reopen();
	expect(2000, 16, 4);
	rig_check(&c);
}

TEST(writeback_lost_to_poison)
{
	lost_data(false, true);
}

TEST(writeback_lost_to_poison_crc)
{
	lost_data(true, true);
}

TEST(writeback_lost_to_bad_checksum)
{
	lost_data(true, false);
}

static u64 fail_at;

static void poison(void)
{
	pmem_model_poison(model, fail_at);
	bdev->on_write = NULL;
}

/* It may go bad between the look at it and the copy for a driver that wants its memory aligned. */
TEST(writeback_lost_while_copied)
{
	u32 i;

	start(31);
	bdev->align = PAGE_SIZE;
	write(0, 1, 1);
	for (i = 1; i <= 4; i++)
		write(i * 1000, 128, 2);
	write(5000, 1, 3);
	rig_flush(&c);
	/* One more page than there are transfers: the first are written before it is copied. */
	fail_at = place_of(4000) + 127 * PCACHE_SECTOR;
	bdev->on_write = poison;
	settle();
	CHECK(!bdev->on_write);
	CHECK_EQ(bdev->writes, 1 + 4 * 16 - 1 + 1);
	CHECK(origin_is(3000, 128, 2));
	CHECK(origin_is(5000, 1, 3));
	expect(4000, 127, 2);
	CHECK_EQ(read(4127, 1), -EIO);
	CHECK(pcache_stat(&c, STAT_media_errors_dirty));
	reopen();
	CHECK_EQ(read(4127, 1), -EIO);
	rig_check(&c);
}

/* A log that can't be read any more stops write-back where it is, and nothing else. */
static void unreadable_log(bool poison)
{
	struct log_pos tail;
	u64 second;
	u32 i;

	start(31);
	write(0, 8, 1);
	rig_flush(&c);
	second = PCACHE_SEGS_OFF + PCACHE_SEG_DATA_OFF + keylog_head(&c.log).off;
	for (i = 0; i < 10; i++)
		write(1000 + i * 100, 8, 2);
	rig_flush(&c);
	/* The header of the set is good, its keys are not. */
	second += 128;
	if (poison)
		pmem_model_poison(model, second);
	else
		model->mem[second]++;
	stub_sleep(30000);
	CHECK_LOG(poison ? "poisoned at 0:64" : "no good set at 0:64, short of");
	CHECK_LOG("write-back fails with error");
	CHECK_EQ(writeback_flush(&c), poison ? -EIO : -EUCLEAN);
	tail = keylog_dirty_tail(&c.log);
	CHECK(tail.off <= 64);
	expect(0, 8, 1);
	expect(1000, 8, 2);
	write(0, 8, 3);
	expect(0, 8, 3);

	if (poison)
		pmem_model_heal(model, second);
	else
		model->mem[second]--;
	CHECK_EQ(writeback_flush(&c), 0);
	for (i = 0; i < 10; i++)
		CHECK(origin_is(1000 + i * 100, 8, 2));
	CHECK(origin_is(0, 8, 3));
	rig_check(&c);
}

TEST(writeback_of_a_poisoned_log)
{
	unreadable_log(true);
}

TEST(writeback_of_a_bad_log)
{
	unreadable_log(false);
}

/* A log that has been written back, and can't be read, is not reclaimed; but tried again. */
TEST(reclaim_of_a_bad_log)
{
	u64 first = PCACHE_SEGS_OFF + PCACHE_SEG_DATA_OFF;

	start(31);
	write(0, 8, 1);
	rig_drain(&c);
	model->mem[first]++;
	pcache_set_gc_percent(&c, 0);
	stub_sleep(30000);
	CHECK(c.reclaim.error);
	CHECK_LOG("no good set at 0:0, short of 0:64");
	CHECK_EQ(keylog_key_tail(&c.log).off, 0);
	expect(0, 8, 1);
	model->mem[first]--;
	stub_sleep(30000);
	CHECK(!c.reclaim.error);
	CHECK(log_pos_equal(keylog_key_tail(&c.log), keylog_head(&c.log)));
	rig_check(&c);
}

/* A flush ends when there is nothing to wait for any more: write-back has stopped, or will. */
TEST(writeback_flush_in_vain)
{
	start(31);
	write(0, 8, 1);
	writeback_interrupt(&c, true);
	CHECK_EQ(writeback_flush(&c), -EBUSY);
	writeback_interrupt(&c, false);
	CHECK_EQ(writeback_flush(&c), 0);
	CHECK(origin_is(0, 8, 1));
	write(0, 8, 2);
	bdev->fail_flushes = 1;
	CHECK_EQ(writeback_flush(&c), -EIO);
	bdev->fail_flushes = 0;
	pcache_stop(&c);
	CHECK_EQ(writeback_flush(&c), -EBUSY);
	/* What was queued in that moment finds that it is late. */
	queue_delayed_work(c.writeback.wq, &c.writeback.work, 0);
	queue_delayed_work(c.reclaim.wq, &c.reclaim.work, 0);
	stub_sleep(1);
	CHECK_EQ(writeback_dirty(&c), 8);
	pcache_start(&c);
	CHECK_EQ(writeback_flush(&c), 0);
	CHECK(origin_is(0, 8, 2));
}

/* Does the log say that a piece of data is not on the origin yet? In doubt it is not. */
TEST(writeback_has_passed_what_is_clean)
{
	struct shard *shard;
	struct extent e;

	start(31);
	write(1000, 8, 1);
	write(2000, 8, 2);
	shard = keylog_shard(&c.log, 1000);
	CHECK(index_find(&shard->index, 1000, 8, &e));
	CHECK(writeback_is_dirty(&c, &e));
	stub_fail_alloc_after(1);
	CHECK(writeback_is_dirty(&c, &e));
	stub_fail_alloc_after(-1);
	e.clean = true;
	CHECK(!writeback_is_dirty(&c, &e));
	e.clean = false;
	rig_drain(&c);
	CHECK(!writeback_is_dirty(&c, &e));
	write(2000, 8, 3);
	CHECK(!writeback_is_dirty(&c, &e));
}

/* A batch has leaves for one set at least. */
TEST(writeback_no_memory)
{
	void **all;
	u32 i;

	start(31);
	for (i = 0; i < 3000; i++)
		write(i * 1000 % (ORIGIN - 8) & ~7ull, 8, 1);
	rig_flush(&c);
	all = rig_take_leaves(&c);
	rig_drain(&c);
	CHECK(pcache_stat(&c, STAT_writeback_batches) > 3000 / PCACHE_KSET_KEYS);
	rig_give_leaves(&c, all);
	rig_check(&c);
}

/* One that has to be taken whole again does not have to find the memory again. */
TEST(writeback_again_without_memory)
{
	void **all;
	u32 i;

	opt.batch_order = true;
	start(31);
	for (i = 0; i < 3000; i++)
		write((u64)i * 100, 8, 1);
	rig_flush(&c);
	c.writeback.speed = 1 << 20;
	bdev->fail_flushes = 1;
	writeback_urge(&c);
	stub_sleep(50);
	CHECK(c.writeback.unfinished);
	all = rig_take_leaves(&c);
	bdev->fail_flushes = 0;
	stub_sleep(30000);
	CHECK_EQ(writeback_dirty(&c), 0);
	CHECK_EQ(pcache_stat(&c, STAT_writeback_errors), 1);
	rig_give_leaves(&c, all);
	CHECK_EQ(c.writeback.batch.nr_stock, c.writeback.batch.keep);
	rig_check(&c);
}

TEST(shard_no_memory)
{
	struct shard *shard;
	void **all;

	start(31);
	write(0, 8, 1);
	all = rig_take_leaves(&c);
	CHECK(!pcache_lock_shard(&c, 0, GFP_NOWAIT | __GFP_NOWARN));
	rig_give_leaves(&c, all);
	shard = pcache_lock_shard(&c, 0, GFP_NOWAIT | __GFP_NOWARN);
	CHECK(shard);
	spin_unlock(&shard->lock);
	rig_check(&c);
}

#define SEG_SECTORS	(PCACHE_SEG_DATA_SIZE / PCACHE_SECTOR)

/* Nobody gets a segment any more, nor does the log have one to go on in. */
static void take_all_segments(void)
{
	c.log.next = -1;
	while (segment_alloc(&c.segs, SEGMENT_LOG) >= 0)
		;
}

/* Keys, all for what is at @sector, as long as the log has room for what users append. */
static void fill_log(u64 sector)
{
	struct shard *shard;
	struct extent e;

	while ((shard = pcache_lock_shard(&c, sector, GFP_KERNEL))) {
		CHECK(index_find(&shard->index, sector, 1, &e));
		segment_get(&c.segs, e.seg);
		index_insert(&shard->index, &e, NULL);
		keylog_append(&c.log, shard, &e);
		spin_unlock(&shard->lock);
	}
	rig_flush(&c);
	rig_check(&c);
}

/* All of a segment is lost, each sector by itself, when the log is as full as it gets. */
TEST(writeback_loses_a_segment_with_the_log_full)
{
	u32 room = 2 * SEG_SECTORS * PCACHE_KSET_SIZE(1);
	u64 i;

	opt.data_crc = true;
	start_at(31, (struct log_pos){ 0, PCACHE_SEG_DATA_SIZE - room });
	for (i = 0; i < SEG_SECTORS; i++)
		write(i, 1, 1);
	write(100000, 1, 2);
	rig_flush(&c);
	for (i = 0; i < SEG_SECTORS; i++)
		model->mem[place_of(i)]++;
	take_all_segments();
	fill_log(100000);

	writeback_urge(&c);
	stub_sleep(1);
	CHECK_EQ(pcache_stat(&c, STAT_writeback_errors), 0);
	CHECK_EQ(pcache_stat(&c, STAT_media_errors_dirty), SEG_SECTORS);
	CHECK_EQ(writeback_dirty(&c), SEG_SECTORS);
	CHECK(origin_is(100000, 1, 2));
	rig_check(&c);
	reopen();
	for (i = 0; i < SEG_SECTORS; i += 1000)
		CHECK_EQ(read(i, 1), -EIO);
	expect(100000, 1, 2);
	rig_check(&c);
}

/* @keys of which nothing but every other sector is left, and that is lost; and a log with no more than @room. */
static void lose_all(u32 keys, u32 room)
{
	u32 i;

	start_at(31, (struct log_pos){ 0, PCACHE_SEG_DATA_SIZE - room * PCACHE_KSET_SIZE(1) });
	for (i = 0; i < keys * 64; i += 64)
		write(i, 64, 1);
	rig_flush(&c);
	for (i = 0; i < keys * 64; i += 2)
		pmem_model_poison(model, place_of(i));
	for (i = 1; i < keys * 64; i += 2)
		write(i, 1, 2);
	rig_flush(&c);
	take_all_segments();
	CHECK(keylog_room(&c.log) < keys * 32);
}

/* What can't be made smaller is tried, and may fit all the same: keys share sets. */
TEST(writeback_lost_of_one_set)
{
	lose_all(60, 4000);
	CHECK_EQ(writeback_flush(&c), -ENOSPC);
	CHECK_EQ(writeback_flush(&c), -EIO);
	CHECK_EQ(pcache_stat(&c, STAT_media_errors_dirty), 60 * 32);
	rig_check(&c);
}

TEST(writeback_lost_with_batch_order)
{
	opt.batch_order = true;
	lose_all(60, 4000);
	writeback_urge(&c);
	stub_sleep(1);
	CHECK(pcache_stat(&c, STAT_media_errors_dirty) >= 60 * 32);
	rig_check(&c);
}

static u64 heal_at;

static void heal(void)
{
	if (opt.data_crc)
		model->mem[heal_at]--;
	else
		pmem_model_heal(model, heal_at);
	bdev->on_flush = NULL;
}

/* What could not be read for a moment, and was left out, is not taken for written. */
static void read_later(bool crc)
{
	opt.data_crc = crc;
	start(31);
	write(1000, 8, 1);
	write(2000, 16, 2);
	rig_flush(&c);
	heal_at = place_of(2004);
	if (crc)
		model->mem[heal_at]++;
	else
		pmem_model_poison(model, heal_at);
	bdev->on_flush = heal;
	settle();
	CHECK(!bdev->on_flush);
	CHECK(origin_is(1000, 8, 1));
	CHECK(origin_is(2000, 16, 2));
	CHECK_EQ(writeback_dirty(&c), 0);
	CHECK_EQ(pcache_stat(&c, STAT_media_errors_dirty), 0);
	rig_check(&c);
}

TEST(writeback_poison_that_heals)
{
	read_later(false);
}

TEST(writeback_checksum_that_heals)
{
	read_later(true);
}

/* What has got its key again keeps that one, when something else keeps the batch from being settled. */
TEST(writeback_keeps_lost_data_once)
{
	start(31);
	write(1000, 8, 1);
	write(2000, 16, 2);
	rig_flush(&c);
	pmem_model_poison(model, place_of(1000));
	heal_at = place_of(2004);
	pmem_model_poison(model, heal_at);
	bdev->on_flush = heal;
	writeback_urge(&c);
	stub_sleep(1000);
	CHECK(!bdev->on_flush);
	CHECK_EQ(pcache_stat(&c, STAT_writeback_errors), 1);
	CHECK_EQ(pcache_stat(&c, STAT_media_errors_dirty), 1);
	CHECK(origin_is(2000, 16, 2));
	CHECK_EQ(read(1000, 8), -EIO);
	rig_check(&c);
}

static unsigned int flushes;
static u64 begun;			/* writes that the first batch, which fails, leaves there */

static u64 count_written(void)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < 200; i++)
		n += origin_is(i * 100, 64, 1);
	return n;
}

static void look_at_flush(void)
{
	switch (++flushes) {
	case 1:
		begun = count_written();
		break;
	case 3:
		bdev->fail_flushes = 0;
		break;
	case 4:
		/* The dirty_tail has moved once. */
		CHECK(c.writeback.passed >= begun);
	}
}

/* In batch order the first batch, of so many flushed writes, fails by its flush. */
static void fail_first(u32 writes, void (*on_flush)(void))
{
	u32 i;

	flushes = 0;
	opt.batch_order = true;
	start(31);
	for (i = 0; i < writes; i++) {
		write(i * 100, 64, 1);
		rig_flush(&c);
	}
	bdev->on_flush = on_flush;
	bdev->fail_flushes = 1;
	writeback_urge(&c);
	stub_sleep(1);
	CHECK_EQ(flushes, 1);
}

static bool someone_waits(struct pcache *cache)
{
	return true;
}

static bool no_one_waits(struct pcache *cache)
{
	return false;
}

/*
 * In batch order what a batch has begun is finished before the dirty_tail moves, at one go: also if
 * that fails again, perhaps when strict order has come into force.
 */
static void begin_again(bool then_strict)
{
	begun = 0;
	fail_first(200, look_at_flush);
	CHECK(begun > 10);
	/* The next had better be small. */
	c.has_waiters = someone_waits;
	opt.batch_order = !then_strict;
	c.opt.batch_order = opt.batch_order;
	stub_sleep(30000);
	c.has_waiters = no_one_waits;
	CHECK(flushes >= 4);
	CHECK_EQ(writeback_dirty(&c), 0);
}

TEST(writeback_batch_order_after_an_error)
{
	begin_again(false);
}

TEST(writeback_batch_order_then_strict)
{
	begin_again(true);
}

static void let_someone_wait(void)
{
	c.has_waiters = someone_waits;
	bdev->on_write = NULL;
}

static void count_flush(void)
{
	flushes++;
}

/* Who comes to wait for space does not have to wait for a large batch. */
TEST(writeback_calls_a_batch_off)
{
	u32 i;

	flushes = 0;
	start(31);
	for (i = 0; i < 200; i++)
		write(i * 100, 64, 1);
	rig_flush(&c);
	stub_sleep(100);
	c.writeback.speed = 64 * 200;
	bdev->on_write = let_someone_wait;
	bdev->on_flush = count_flush;
	writeback_urge(&c);
	stub_sleep(1000);
	c.has_waiters = no_one_waits;
	CHECK(!bdev->on_write);
	/* At one go it would have been one. */
	CHECK(flushes > 1);
	CHECK(bdev->writes > 200);
	CHECK_EQ(count_written(), 200);
	CHECK_EQ(writeback_dirty(&c), 0);
	CHECK_EQ(pcache_stat(&c, STAT_writeback_skipped), 0);
}

/* What can be read of the log is written back, however near that is which can't be. */
TEST(writeback_before_a_bad_set)
{
	u32 i;

	start(31);
	for (i = 0; i < 2 * PCACHE_KSET_KEYS; i++)
		write(i * 10, 1, 7);
	rig_flush(&c);
	pmem_model_poison(model, segment_data(&c.segs, c.log.dirty_tail.seg) +
				 c.log.dirty_tail.off + PCACHE_KSET_SIZE(PCACHE_KSET_KEYS) + 64);
	settle();
	CHECK(c.writeback.failed);
	for (i = 0; i < PCACHE_KSET_KEYS; i++)
		CHECK(origin_is(i * 10, 1, 7));
}

/* What can be read of it is reclaimed, too. */
TEST(reclaim_before_a_bad_set)
{
	struct log_pos bad;
	u32 i;

	start(31);
	for (i = 0; i < 10; i++) {
		write((u64)i * MIB, MIB, 7);
		rig_flush(&c);
	}
	rig_drain(&c);
	bad = keylog_head(&c.log);
	write(0, 8, 7);
	rig_drain(&c);
	pmem_model_poison(model, segment_data(&c.segs, bad.seg) + bad.off + 64);
	pcache_set_gc_percent(&c, 0);
	stub_sleep(1000);
	CHECK(c.reclaim.error);
	CHECK(log_pos_equal(keylog_key_tail(&c.log), bad));
	rig_check(&c);
}

/* Three times what the cache holds goes through it, some of it dirty when the next comes. */
TEST(reclaim_goes_round)
{
	u32 i, nr = 8 * 16 * 3;

	start(8);
	for (i = 0; i < nr; i++) {
		write((u64)(i % 128) * MIB, MIB, i + 1);
		if (i % 16 == 0)
			rig_check(&c);
		if (i % 7 == 0)
			rig_flush(&c);
	}
	CHECK(pcache_stat(&c, STAT_reclaimed_segments) > 12);
	for (i = 0; i < 128; i++)
		expect((u64)i * MIB, MIB, nr - 128 + i + 1);
	reopen();
	for (i = 0; i < 128; i++)
		expect((u64)i * MIB, MIB, nr - 128 + i + 1);
	rig_drain(&c);
	rig_check(&c);
}

/* Where so much memory has failed that there is never plenty, writes go on all the same. */
TEST(reclaim_with_little_left)
{
	u32 i, id, left = 0;

	start(16);
	for (id = 0; id < c.segs.nr; id++)
		if (atomic_read(&c.segs.seg[id].refs) == 0 && ++left > 5)
			segment_condemn(&c.segs, id);
	for (i = 0; i < 16 * 16; i++)
		write((u64)(i % 64) * MIB, MIB, i + 1);
	CHECK(!segments_plenty(&c.segs));
	/* Nothing is left to be written back, nor to be reclaimed: nothing that would tell writes. */
	pcache_set_gc_percent(&c, 0);
	settle();
	CHECK(log_pos_equal(keylog_key_tail(&c.log), keylog_head(&c.log)));
	atomic64_set(&c.allowance, 0);
	for (i = 0; i < 64; i++)
		write((u64)i * MIB, MIB, i + 1);
	for (i = 0; i < 64; i++)
		expect((u64)i * MIB, MIB, i + 1);
	rig_check(&c);
}

static void write_meanwhile(void)
{
	write(500000, 1, 3);
}

/* What is lost is not appended to the log again each time that something has been written. */
TEST(writeback_lost_comes_round_seldom)
{
	u32 i;

	start(31);
	write(0, 8, 1);
	rig_flush(&c);
	pmem_model_poison(model, place_of(0));
	bdev->on_write = write_meanwhile;
	for (i = 0; i < 1000; i++) {
		write(1000 + i * 8, 8, 2);
		stub_sleep(100);
	}
	CHECK(pcache_stat(&c, STAT_media_errors_dirty) < 15);
	CHECK(pcache_stat(&c, STAT_media_errors_dirty) > 5);
	CHECK(origin_is(1000, 8, 2));
	CHECK_EQ(read(0, 8), -EIO);
}

/* Lost data stays dirty, and comes round again: meanwhile the rest goes on. */
TEST(reclaim_beside_lost_data)
{
	u32 i;

	start(16);
	write(2000, 8, 2);
	rig_flush(&c);
	pmem_model_poison(model, place_of(2000));
	writeback_urge(&c);
	stub_sleep(5000);
	CHECK(c.writeback.lost);
	for (i = 0; i < 16 * 16 * 2; i++)
		write((u64)(i % 200 + 2) * MIB, MIB, i + 1);
	CHECK_EQ(read(2000, 8), -EIO);
	rig_check(&c);
}

/* What was hit, but can't be read when it should be moved: its place is not used again. */
static void move_unreadable(bool crc)
{
	struct extent e;

	opt.data_crc = crc;
	start(31);
	write(2000, 8, 2);
	rig_drain(&c);
	expect(2000, 8, 2);
	e = entry_of(2000);
	if (crc)
		model->mem[place_of(2000)]++;
	else
		pmem_model_poison(model, place_of(2000));
	c.reclaim.budget = MIB;
	pcache_set_gc_percent(&c, 0);
	settle();
	CHECK(c.segs.seg[e.seg].bad);
	expect(2000, 8, 2);
}

TEST(reclaim_meets_bad_checksum)
{
	move_unreadable(true);
}

TEST(reclaim_meets_poison)
{
	move_unreadable(false);
}

/* How much of what is at @sector is cached. */
static u32 cached(u64 sector, u32 sectors)
{
	struct shard *shard = keylog_shard(&c.log, sector);
	u64 end = sector + sectors;
	struct extent e;
	u32 n = 0;

	while (sector < end && index_find(&shard->index, sector, end - sector, &e)) {
		n += e.len;
		sector = e.start + e.len;
	}
	return n;
}

/* A scan, however long, does not drive out what is read all the time. */
TEST(reclaim_keeps_what_is_hit)
{
	u32 i, j, kept = 0;

	start(24);
	for (i = 0; i < 16; i++)
		write(i * 100, 64, 7);
	rig_drain(&c);
	for (i = 0; i < 24 * 16 * 2; i++) {
		write(MIB * (2 + i % 250), MIB, 1);
		for (j = 0; j < 16; j++)
			expect(j * 100, 64, 7);
		stub_sleep(2500);
	}
	CHECK(pcache_stat(&c, STAT_reclaimed_segments) > 24);
	CHECK(pcache_stat(&c, STAT_reinserted_sectors));
	for (j = 0; j < 16; j++)
		kept += cached(j * 100, 64);
	if (stub_log_loud)
		fprintf(stderr, "%u of %u sectors kept, %llu reinserted\n", kept, 16 * 64,
			pcache_stat(&c, STAT_reinserted_sectors));
	/* Not all: reclaim must have dropped as much as it moves. */
	CHECK(kept >= 16 * 64 / 4);
}

/* What is hit is worth a copy only if it can be read. */
static void not_moved(bool crc)
{
	u32 i;

	opt.data_crc = crc;
	start(24);
	for (i = 0; i < 100; i++)
		write(i * 100, 32, 1);
	write(20000, 32, 2);
	write(30000, 32, 3);
	rig_drain(&c);
	expect(20000, 32, 2);
	expect(30000, 32, 3);
	if (crc)
		model->mem[place_of(20000)]++;
	else
		pmem_model_poison(model, place_of(20000));
	pcache_set_gc_percent(&c, 0);
	settle();
	CHECK_EQ(pcache_stat(&c, STAT_reinserted_sectors), 32);
	expect(20000, 32, 2);
	expect(30000, 32, 3);
	rig_check(&c);
}

TEST(reclaim_drops_what_is_poisoned)
{
	not_moved(false);
}

TEST(reclaim_drops_what_has_a_bad_checksum)
{
	not_moved(true);
}

static void see_order(void)
{
	u32 i;

	if (++flushes == 1)
		return;
	bdev->fail_flushes = 0;
	/* What is finished comes alone: strict order has a barrier behind it. */
	for (i = 0; flushes == 2 && i < 10; i++)
		CHECK(!origin_is(100000 + i * 100, 64, 2));
}

/* What comes after an unfinished batch does not get in with it. */
TEST(writeback_strict_after_unfinished)
{
	u32 i;

	fail_first(20, see_order);
	pcache_stop(&c);
	opt.batch_order = false;
	c.opt.batch_order = false;
	c.writeback.speed = 1 << 20;
	pcache_start(&c);
	for (i = 0; i < 10; i++) {
		write(100000 + i * 100, 64, 2);
		rig_flush(&c);
	}
	stub_sleep(60000);
	CHECK(flushes > 2);
	CHECK_EQ(writeback_dirty(&c), 0);
}

/* The same where it ends at the start of a segment, which the log has just gone on in. */
TEST(writeback_unfinished_up_to_a_segment)
{
	u32 i;

	opt.batch_order = true;
	start(31);
	write(0, 8, 1);
	rig_flush(&c);
	segment_condemn(&c.segs, c.log.put.seg);
	keylog_drain(&c.log);
	CHECK_EQ(keylog_head(&c.log).off, 0);
	bdev->fail_flushes = 1;
	writeback_urge(&c);
	stub_sleep(50);
	CHECK(c.writeback.unfinished);
	c.opt.batch_order = false;
	for (i = 0; i < 10; i++) {
		write(1000 + i * 100, 8, i);
		rig_flush(&c);
	}
	bdev->flushes = 0;
	bdev->fail_flushes = 0;
	stub_sleep(30000);
	CHECK_EQ(writeback_dirty(&c), 0);
	CHECK_EQ(bdev->flushes, 1 + 10);
}

/* As another writer of the media may do it over a dirty key: never ourselves. */
static void write_clean(u64 sector, u32 sectors, u8 value)
{
	struct extent e = { .start = sector, .len = sectors, .clean = true, .key_len = sectors };
	struct shard *shard;

	memset(buf, value, sectors * PCACHE_SECTOR);
	CHECK_EQ(heads_alloc(&c.heads, SEGMENT_FILL, sectors, &e.seg, &e.sect), sectors);
	pcache_store(&c, &e, buf);
	shard = pcache_lock_shard(&c, sector, GFP_KERNEL);
	CHECK(shard);
	index_insert(&shard->index, &e, NULL);
	keylog_append(&c.log, shard, &e);
	spin_unlock(&shard->lock);
}

static unsigned long fail_from;

static void fail_late(void)
{
	bdev->fail_flushes = ++flushes >= fail_from;
}

/*
 * A clean key over a dirty one, on an origin that has what the clean one says. It still has it after
 * a power cut in the middle of write-back, whichever flush that cuts off.
 */
static void clean_over_dirty(unsigned long cut)
{
	start(31);
	write(8, 8, 1);
	rig_flush(&c);
	write_clean(8, 8, 7);
	rig_flush(&c);
	memset(bdev->mem + 8 * PCACHE_SECTOR, 7, 8 * PCACHE_SECTOR);
	reopen();
	fail_from = cut;
	bdev->on_flush = fail_late;
	writeback_urge(&c);
	stub_sleep(50);
	rig_close(&c);
	fake_origin_crash(bdev, false);
	bdev->on_flush = NULL;
	bdev->fail_flushes = 0;
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	rig_drain(&c);
	expect(8, 8, 7);
	pcache_set_gc_percent(&c, 0);
	settle();
	CHECK(origin_is(8, 8, 7));
}

TEST(writeback_clean_over_dirty_cut_first)
{
	clean_over_dirty(1);
}

TEST(writeback_clean_over_dirty_cut_second)
{
	clean_over_dirty(2);
}

static void suspend(void)
{
	WRITE_ONCE(c.writeback.running, false);
}

/* What was found at activation may have to be taken at one go, but a suspend does not wait for it. */
TEST(writeback_of_what_was_found_is_called_off)
{
	u32 i;

	opt.batch_order = true;
	start(31);
	write(8, 8, 1);
	write_clean(8, 8, 7);
	for (i = 1; i < 2000; i++)
		write((u64)i * 100, 8, 7);
	rig_flush(&c);
	reopen();
	CHECK(c.writeback.unfinished);
	bdev->on_write = suspend;
	writeback_urge(&c);
	stub_sleep(1000);
	CHECK(bdev->writes && bdev->writes < 1000);
	CHECK(c.writeback.unfinished);
	bdev->on_write = NULL;
	bdev->flushes = 0;
	pcache_stop(&c);
	pcache_start(&c);
	rig_drain(&c);
	CHECK_EQ(bdev->flushes, 1);
	for (i = 1; i < 2000; i++)
		CHECK(origin_is((u64)i * 100, 8, 7));
	rig_check(&c);
}
