// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory that the driver knows to be bad when the cache is opened. */
#include <linux/string.h>

#include "rig.h"
#include "test.h"

static struct pmem_model *model;
static struct block_device *bdev;
static struct pcache_options opt;
static struct pcache c;
static u8 buf[2048 * PCACHE_SECTOR];

static u64 data_of(u32 seg)
{
	return PCACHE_SEGS_OFF + (u64)seg * PCACHE_SEG_SIZE + PCACHE_SEG_DATA_OFF;
}

/* A cache whose log ends at @head; then, as after a reboot, the page at @bad can't be read. */
static void start(struct log_pos head, u64 bad)
{
	memset(buf, 7, sizeof(buf));
	model = pmem_model_new(PCACHE_MIN_SIZE);
	bdev = fake_origin_new(1 << 19);
	rig_format(model, bdev, &opt, 31, head);
	pmem_model_poison(model, bad);
	model->dax.bad_page = bad >> PAGE_SHIFT;
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	CHECK_LOG("has bad blocks");
	rig_check(&c);
}

static void end(void)
{
	rig_close(&c);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	rig_check(&c);
	rig_drain(&c);
	rig_close(&c);
	pmem_model_free(model);
	fake_origin_free(bdev);
}

TEST(bad_block_no_data_there)
{
	u32 i;

	opt.data_crc = true;
	start((struct log_pos){ 0, 0 }, data_of(3) + 8192);
	for (i = 0; i < 64; i++)
		rig_write(&c, (u64)i * 2048, 2048, buf);
	rig_flush(&c);
	for (i = 0; i < 64; i++)
		CHECK_EQ(rig_read(&c, (u64)i * 2048, 2048, buf, false), 0);
	end();
}

/* What generation a segment has matters to who has a dirty key in it, and to nobody else. */
TEST(bad_block_generation)
{
	u64 bad = data_of(3) - PCACHE_SEG_DATA_OFF + PCACHE_SEG_GEN_OFF;
	struct extent e;

	start((struct log_pos){ 0, 0 }, bad);
	CHECK_EQ(c.segs.seg[3].gen, SEGMENT_GEN_UNKNOWN);
	rig_write(&c, 0, 2048, buf);
	CHECK(index_find(&keylog_shard(&c.log, 0)->index, 0, 8, &e));
	rig_close(&c);
	model->dax.bad_page = 0;
	pmem_model_heal(model, bad);
	pmem_model_poison(model, data_of(e.seg) - PCACHE_SEG_DATA_OFF + PCACHE_SEG_GEN_OFF);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), -EIO);
	CHECK_LOG("the generation of its segment can't be read");
	pmem_model_heal(model, data_of(e.seg) - PCACHE_SEG_DATA_OFF + PCACHE_SEG_GEN_OFF);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	end();
}

/* What is clean there is given up with all that is clean; what is dirty elsewhere is not. */
TEST(bad_block_generation_of_clean)
{
	struct extent e;
	u64 bad;

	start((struct log_pos){ 0, 0 }, data_of(3));
	rig_write(&c, 0, 2048, buf);
	rig_drain(&c);
	CHECK(index_find(&keylog_shard(&c.log, 0)->index, 0, 8, &e));
	bad = data_of(e.seg) - PCACHE_SEG_DATA_OFF + PCACHE_SEG_GEN_OFF;
	segment_condemn(&c.segs, e.seg);
	memset(buf, 8, sizeof(buf));
	rig_write(&c, 2048, 2048, buf);
	rig_close(&c);
	pmem_model_poison(model, bad);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	CHECK_LOG("what is cached and not dirty is given up");
	CHECK(c.segs.seg[e.seg].bad);
	CHECK(!index_find(&keylog_shard(&c.log, 0)->index, 0, 8, &e));
	rig_check(&c);
	end();
}

static void log_from(struct log_pos head, u64 bad)
{
	u32 i;

	start(head, bad);
	for (i = 0; i < 300; i++) {
		rig_write(&c, (u64)i * 8, 8, buf);
		rig_flush(&c);
	}
	end();
}

/* The log does not go on in such a segment ... */
TEST(bad_block_log_goes_elsewhere)
{
	log_from((struct log_pos){ 0, (PCACHE_SEG_DATA_SIZE - 800) & ~7u }, data_of(1));
}

/* ... nor stay in one. */
TEST(bad_block_log_leaves)
{
	log_from((struct log_pos){ 0, 2048 }, data_of(0) + 8192);
}

/* The same if there is nowhere to go at first. */
TEST(bad_block_log_leaves_later)
{
	u32 next;

	start((struct log_pos){ 0, 2048 }, data_of(3) + 8192);
	next = c.log.next;
	c.log.next = -1;
	segment_condemn(&c.segs, 0);
	rig_write(&c, 0, 8, buf);
	CHECK_EQ(c.log.put.seg, 0);
	c.log.next = next;
	rig_flush(&c);
	CHECK_EQ(c.log.put.seg, next);
	end();
}
