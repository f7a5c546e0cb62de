// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Power cuts. A random workload runs over the core; at fences, the power fails in a child process,
 * with any part of what was not fenced, and of what the origin had not flushed. What the next life
 * finds is compared with what the user had been told.
 *
 * Each sector that is written says where it belongs and in which write it came, in all of its
 * words. So a sector read back tells which of its writes it is of, and whether it is torn.
 */
#include <stdlib.h>
#include <unistd.h>

#include <linux/string.h>

#include "rig.h"
#include "test.h"

#define CHUNKS		4u
#define CHUNK_USED	256u		/* sectors of each chunk that are written, at its end */
#define SLOTS		(CHUNKS * CHUNK_USED)
#define JUNK_SECTOR	((u64)CHUNKS * SHARD_CHUNK_SECTORS)
#define ORIGIN_SECTORS	((u64)(CHUNKS + 1) * SHARD_CHUNK_SECTORS)
#define WRITE_MAX	96u
#define WORDS		(PCACHE_SECTOR / sizeof(u64))

/* What the user knows of a sector: in which writes it came, oldest first. Write 0 is all zeros. */
struct history {
	u32 *writes;
	u32 nr;
};

struct world {
	struct pmem_model *model;
	struct block_device *bdev;
	struct pcache_options opt;
	struct pcache c;
	struct history slots[SLOTS];
	u32 last_write;			/* the number of the last that was begun */
	u32 flushed;			/* all up to this one have been flushed */
	u32 *flushes;			/* the values that 'flushed' has had */
	u32 nr_flushes;
	u32 one_in;			/* of so many fences */
	u32 look_closely;		/* at so many more fences */
	bool junk;			/* fill the cache with what nobody reads */
	unsigned long crashes;
	u64 seed;			/* of the next crash */
};

static u32 below(u32 n)
{
	return get_random_u32_below(n);
}

static u64 slot_sector(u32 slot)
{
	return (u64)(slot / CHUNK_USED + 1) * SHARD_CHUNK_SECTORS - CHUNK_USED + slot % CHUNK_USED;
}

static void fill_sector(u64 *data, u64 sector, u32 write)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		data[i] = sector << 32 | write;
}

/* Of which write a sector is. */
static u32 sector_write(const u64 *data, u64 sector)
{
	unsigned int i;

	for (i = 1; i < WORDS; i++)
		if (data[i] != data[0])
			test_failed(__FILE__, __LINE__, "sector %llu is torn: %llx and %llx",
				    sector, data[0], data[i]);
	if (data[0] && data[0] >> 32 != sector)
		test_failed(__FILE__, __LINE__, "sector %llu has data of sector %llu", sector,
			    data[0] >> 32);
	return (u32)data[0];
}

static bool ever_written(const struct history *h, u32 write)
{
	u32 i;

	for (i = 0; i < h->nr; i++)
		if (h->writes[i] == write)
			return true;
	return !write;
}

/* The last write of the sector up to @limit. */
static u32 last_of(const struct history *h, u32 limit)
{
	u32 i = h->nr;

	while (i && h->writes[i - 1] > limit)
		i--;
	return i ? h->writes[i - 1] : 0;
}

/*
 * The origin alone is what it was at some moment between two flushes of the user, at the latest
 * (rule 6): if it has anything of a write that came after a flush, it has all from before.
 */
static void check_origin_alone(struct world *w)
{
	u32 slot, newest = 0, i, must = 0;

	for (slot = 0; slot < SLOTS; slot++) {
		u64 sector = slot_sector(slot);

		newest = max(newest, sector_write((u64 *)(w->bdev->mem + sector * PCACHE_SECTOR),
						  sector));
	}
	if (w->opt.batch_order)
		return;
	for (i = 0; i < w->nr_flushes && w->flushes[i] < newest; i++)
		must = w->flushes[i];
	for (slot = 0; slot < SLOTS; slot++) {
		u64 sector = slot_sector(slot);
		u32 is = sector_write((u64 *)(w->bdev->mem + sector * PCACHE_SECTOR), sector);

		CHECK(ever_written(&w->slots[slot], is));
		if (is < last_of(&w->slots[slot], must))
			test_failed(__FILE__, __LINE__,
				    "the origin has write %u of sector %llu, and write %u of another, with a flush after write %u between",
				    is, sector, newest, must);
	}
}

static void check_cache(struct world *w, struct pcache *c)
{
	static u64 data[CHUNK_USED * WORDS];
	u32 chunk, i;

	for (chunk = 0; chunk < CHUNKS; chunk++) {
		u64 sector = slot_sector(chunk * CHUNK_USED);

		CHECK_EQ(rig_read(c, sector, CHUNK_USED, data, false), 0);
		for (i = 0; i < CHUNK_USED; i++) {
			const struct history *h = &w->slots[chunk * CHUNK_USED + i];
			u32 is = sector_write(data + i * WORDS, sector + i);
			u32 least = last_of(h, w->flushed);

			if (is < least || !ever_written(h, is))
				test_failed(__FILE__, __LINE__,
					    "sector %llu is of write %u; flushed was %u",
					    sector + i, is, least);
		}
	}
}

/* The life after the crash. */
static void next_life(struct pmem_model *model, void *arg)
{
	struct world *w = arg;
	struct pcache c;
	u32 slot;
	int r;

	fake_origin_crash(w->bdev, !below(4));
	check_origin_alone(w);
	stub_log_clear();
	r = rig_open(&c, model, w->bdev, &w->opt);
	if (r)
		test_failed(__FILE__, __LINE__, "it does not open: %d: %s", r, stub_log());
	rig_check(&c);
	check_cache(w, &c);
	if (below(3))
		return;
	/* What was found goes to the origin, which then has the same. */
	w->bdev->fail_writes = 0;
	w->bdev->fail_flushes = 0;
	rig_drain(&c);
	rig_check(&c);
	check_cache(w, &c);
	fake_origin_crash(w->bdev, false);
	for (slot = 0; slot < SLOTS; slot++) {
		u64 sector = slot_sector(slot), data[WORDS];

		CHECK_EQ(rig_read(&c, sector, 1, data, false), 0);
		CHECK(!memcmp(data, w->bdev->mem + sector * PCACHE_SECTOR, PCACHE_SECTOR));
	}
}

/* As it was flushed so far, and with one more power cut on the way. */
static void next_life_but_one(struct pmem_model *model, void *arg)
{
	struct world *w = arg;
	struct pcache c;
	u32 i;

	fake_origin_crash(w->bdev, !below(4));
	CHECK_EQ(rig_open(&c, model, w->bdev, &w->opt), 0);
	for (i = below(20); i; i--) {
		if (below(2))
			stub_sleep(below(5000));
		else if (below(2))
			writeback_urge(&c);
		else
			rig_flush(&c);
	}
	CHECK(pmem_model_fork(model, PMEM_KEEP_RANDOM, get_random_u64(), next_life, w));
}

static void cut_power(struct world *w, enum pmem_keep keep)
{
	w->crashes++;
	w->seed = get_random_u64();
	if (!pmem_model_fork(w->model, keep, w->seed, below(8) ? next_life : next_life_but_one, w))
		test_failed(__FILE__, __LINE__, "after write %u, flushed %u, %lu fences, kept %d",
			    w->last_write, w->flushed, w->model->fences, keep);
}

static u64 segment_off(u64 off)
{
	return (off - PCACHE_SEGS_OFF) % PCACHE_SEG_SIZE;
}

/* Is the log about to go on in another segment? That is rare, and worth a look. */
static bool enters_segment(const struct pmem_model *model)
{
	size_t i;

	if (model->nr_stores > 1000)	/* data, and dear to look at */
		return false;
	for (i = 0; i < model->nr_stores; i++)
		if (segment_off(model->stores[i].off) - PCACHE_SEG_DATA_OFF < PCACHE_KSET_SIZE(0))
			return true;
	return false;
}

static void on_fence(struct pmem_model *model, void *arg)
{
	struct world *w = arg;
	int i;

	if (enters_segment(model))
		w->look_closely = 3;
	if (w->look_closely) {
		w->look_closely--;
		for (i = 0; i < 4; i++)
			cut_power(w, i ? PMEM_KEEP_ONE_CALL : PMEM_KEEP_RANDOM);
	}
	if (!below(w->one_in))
		cut_power(w, below(2) ? PMEM_KEEP_RANDOM : below(PMEM_KEEP_KINDS));
}

static void do_write(struct world *w)
{
	static u64 data[WRITE_MAX * WORDS];
	u32 slot = below(SLOTS), len, i;
	u32 max = CHUNK_USED - slot % CHUNK_USED;

	len = min(1 + (below(4) ? below(16) : below(WRITE_MAX)), max);
	w->last_write++;
	for (i = 0; i < len; i++) {
		struct history *h = &w->slots[slot + i];

		fill_sector(data + i * WORDS, slot_sector(slot) + i, w->last_write);
		h->writes = realloc(h->writes, (h->nr + 1) * sizeof(*h->writes));
		h->writes[h->nr++] = w->last_write;
	}
	rig_write(&w->c, slot_sector(slot), len, data);
}

static void do_flush(struct world *w)
{
	rig_flush(&w->c);
	w->flushed = w->last_write;
	w->flushes = realloc(w->flushes, (w->nr_flushes + 1) * sizeof(*w->flushes));
	w->flushes[w->nr_flushes++] = w->flushed;
}

/* What is read now is the last that was written. */
static void do_read(struct world *w)
{
	static u64 data[WRITE_MAX * WORDS];
	u32 slot = below(SLOTS), i;
	u32 len = min(1 + below(WRITE_MAX), CHUNK_USED - slot % CHUNK_USED);

	CHECK_EQ(rig_read(&w->c, slot_sector(slot), len, data, true), 0);
	for (i = 0; i < len; i++)
		CHECK_EQ(sector_write(data + i * WORDS, slot_sector(slot) + i),
			 last_of(&w->slots[slot + i], w->last_write));
}

/* Segments come and go only if there is enough that goes through them. */
static void do_junk(struct world *w)
{
	static u8 junk[SHARD_CHUNK_SECTORS * PCACHE_SECTOR];

	rig_write(&w->c, JUNK_SECTOR, SHARD_CHUNK_SECTORS, junk);
}

/*
 * What earlier uses of the memory have left: good sets, wherever the log may come, with keys that
 * look alive and lead to data that nobody has written in this life. None may ever be replayed.
 */
static void plant_stale_sets(struct world *w, u32 seg, u32 off, u32 end, u32 data_seg)
{
	u8 *mem = w->model->mem + PCACHE_SEGS_OFF + PCACHE_SEG_DATA_OFF;
	struct media_key key = { .len = PCACHE_SECTOR, .cache_seg_id = data_seg };
	u32 size = PCACHE_KSET_SIZE(1), data = PCACHE_SEG_SIZE / 2;

	for (; off + size <= end; off += size) {
		struct media_kset *set = (void *)(mem + (u64)seg * PCACHE_SEG_SIZE + off);

		key.off = slot_sector(below(SLOTS)) * PCACHE_SECTOR;
		key.cache_seg_off = data + below(100) * PCACHE_SECTOR;
		set->key_num = 1;
		set->magic = PCACHE_KSET_MAGIC;
		set->flags = 0;
		set->keys[0] = key;
		set->crc = media_crc(set, size);
	}
	memset(mem + (u64)data_seg * PCACHE_SEG_SIZE + data, 0xEE, 100 * PCACHE_SECTOR);
}

static void world_init(struct world *w, u32 segments, u32 one_in)
{
	struct log_pos log = { segments / 2, 0 };
	u32 i;

	w->model = pmem_model_new(PCACHE_MIN_SIZE);
	w->bdev = fake_origin_new(ORIGIN_SECTORS);
	/* The log soon gets to the end of its segment. */
	log.off = PCACHE_SEG_DATA_SIZE - round_up(below(20000), 8) - PCACHE_KSET_SIZE(0);
	rig_format(w->model, w->bdev, &w->opt, segments, log);
	for (i = 0; i < segments; i++)
		if (i != log.seg)
			plant_stale_sets(w, i, 0, 100000, segments - 1);
	plant_stale_sets(w, log.seg, log.off + PCACHE_KSET_SIZE(0), PCACHE_SEG_DATA_SIZE,
			 segments - 1);
	CHECK_EQ(rig_open(&w->c, w->model, w->bdev, &w->opt), 0);
	w->one_in = one_in;
	w->model->on_fence = on_fence;
	w->model->arg = w;
}

static void workload(struct world *w, u32 ops)
{
	u32 op;

	for (op = 0; op < ops; op++) {
		u32 dice = below(100);

		test_at("op %u, %lu crashes", op, w->crashes);
		if (dice < 45)
			do_write(w);
		else if (dice < 65)
			do_flush(w);
		else if (dice < 80)
			do_read(w);
		else if (dice < 90)
			stub_sleep(below(3000));
		else if (dice < 95)
			writeback_urge(&w->c);
		else if (w->junk)
			do_junk(w);
		else
			reclaim_kick(&w->c);
		if (op % 16 == 0)
			rig_check(&w->c);
	}
	if (stub_log_loud)
		fprintf(stderr,
			"%lu power cuts at %lu fences; %u writes, %lu to the origin, %llu sets, %llu segments reclaimed, %llu sectors reinserted\n",
			w->crashes, w->model->fences, w->last_write, w->bdev->writes,
			w->c.log.nr_sets, pcache_stat(&w->c, STAT_reclaimed_segments),
			pcache_stat(&w->c, STAT_reinserted_sectors));
	w->bdev->fail_writes = 0;
	w->bdev->fail_flushes = 0;
	rig_drain(&w->c);
	check_origin_alone(w);
	CHECK(w->crashes);
	CHECK(!w->opt.gc_percent_set || pcache_stat(&w->c, STAT_reclaimed_segments));
	rig_close(&w->c);
}

static struct world world;

TEST(crash_strict_order)
{
	world_init(&world, 8, 16);
	workload(&world, 1000);
}

TEST(crash_batch_order)
{
	world.opt.batch_order = true;
	world_init(&world, 8, 16);
	workload(&world, 1000);
}

/* Reclaim never stops, so that segments are used again and again. */
TEST(crash_reclaim)
{
	world.opt.gc_percent_set = true;
	world.opt.gc_percent = 0;
	world.junk = true;
	world_init(&world, 8, 24);
	workload(&world, 1000);
	}

TEST(crash_data_crc)
{
	world.opt.data_crc = true;
	world.opt.gc_percent_set = true;
	world.opt.gc_percent = 10;
	world.junk = true;
	world_init(&world, 10, 16);
	workload(&world, 800);
}

/* An origin that is slow, and often fails. */
TEST(crash_bad_origin)
{
	world_init(&world, 8, 16);
	world.bdev->slow = true;
	world.bdev->fail_writes = 40;
	world.bdev->fail_flushes = 4;
	workload(&world, 1000);
}

/* What such an origin has taken is durable at once: nothing hides that a flush was forgotten. */
TEST(crash_origin_without_cache)
{
	world_init(&world, 8, 16);
	world.bdev->volatile_cache = false;
	world.bdev->slow = true;
	workload(&world, 1000);
}
