// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that fails, and some of it recovers, at any moment of writes, write-back, reclaim, errors
 * of the origin and power cuts. Each sector tells which write it is from: a read gets the newest,
 * or an error if the memory of just that one has failed. Never an older one.
 */
#include <linux/string.h>

#include "rig.h"
#include "test.h"

#define ORIGIN		(1ull << 16)	/* sectors: 32 MiB */
#define SECTORS		192u
#define BASE		(SHARD_CHUNK_SECTORS - SECTORS / 2)	/* so that two shards are in use */
#define WRITE_MAX	32u
#define FLAWS		64u
#define OPS		3000u

/* Memory that has failed: a sector that gives machine checks, or has a byte of another value. */
struct flaw {
	bool there;
	u64 addr;
	u32 seg;
	u8 change;
};

static struct pmem_model *model;
static struct block_device *bdev;
static struct pcache_options opt;
static struct pcache c;
static u8 buf[WRITE_MAX * PCACHE_SECTOR];

static struct flaw flaws[FLAWS];
static u32 stamps;
/* Of each sector the stamp that it got last, that survives a power cut, whose memory has failed. */
static u32 latest[SECTORS], durable[SECTORS], harmed[SECTORS];
static u32 cut_in;			/* fences until the power fails, or 0 */

static u32 below(u32 n)
{
	return get_random_u32_below(n);
}

static bool one_in(u32 n)
{
	return !below(n);
}

/*
 * Flaws.
 */

static u32 stamp_of(const u8 *data)
{
	u32 stamp;

	memcpy(&stamp, data, sizeof(stamp));
	return stamp;
}

/* What can't be read now: the sector, or with checksums all of the key. */
static void note_harm(const struct extent *e)
{
	u32 skip = opt.data_crc ? e->skip : 0, n = opt.data_crc ? e->key_len : 1, i;
	const u8 *data = model->mem + pcache_addr(&c, e) - skip * PCACHE_SECTOR;
	u32 *harm = harmed + (e->start - skip - BASE);

	for (i = 0; i < n; i++)
		harm[i] = max(harm[i], stamp_of(data + i * PCACHE_SECTOR));
}

/* The memory fails in which the newest of some sector lies. */
static void fail_somewhere(void)
{
	u64 sector = BASE + below(SECTORS);
	struct flaw *flaw = &flaws[below(FLAWS)];
	struct extent e;

	if (flaw->there || !index_find(&keylog_shard(&c.log, sector)->index, sector, 1, &e))
		return;
	note_harm(&e);
	*flaw = (struct flaw){
		.there = true, .addr = pcache_addr(&c, &e), .seg = e.seg, .change = 1 + below(255),
	};
	if (opt.data_crc) {
		/* Not the stamp, which tells what else is harmed when more of the key fails. */
		flaw->addr += sizeof(u32) + below(PCACHE_SECTOR - sizeof(u32));
		model->mem[flaw->addr] += flaw->change;
	} else {
		pmem_model_poison(model, flaw->addr);
	}
	segment_condemn(&c.segs, e.seg);
}

static void heal(struct flaw *flaw)
{
	if (!flaw->there)
		return;
	if (opt.data_crc)
		model->mem[flaw->addr] -= flaw->change;
	else
		pmem_model_heal(model, flaw->addr);
	flaw->there = false;
}

static void heal_one_in(u32 n)
{
	u32 i;

	for (i = 0; i < FLAWS; i++)
		if (one_in(n))
			heal(&flaws[i]);
}

/* What nobody uses recovers: else the next life would use it, for it is told of no bad blocks. */
static void heal_unused(void)
{
	u32 i;

	for (i = 0; i < FLAWS; i++)
		if (flaws[i].there && !atomic_read(&c.segs.seg[flaws[i].seg].refs))
			heal(&flaws[i]);
}

static void open_cache(void)
{
	u32 i;

	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	for (i = 0; i < FLAWS; i++)
		if (flaws[i].there)
			segment_condemn(&c.segs, flaws[i].seg);
	rig_check(&c);
}

/*
 * Reads.
 */

static int read(u32 i, u32 *stamp)
{
	if (rig_read(&c, BASE + i, 1, buf, false))
		return -EIO;
	*stamp = stamp_of(buf);
	/* Each four bytes are the same. */
	CHECK(!memcmp(buf, buf + sizeof(u32), PCACHE_SECTOR - sizeof(u32)));
	return 0;
}

/* Each sector is no older than @oldest says, and no newer than the latest. */
static void check(const u32 *oldest)
{
	u32 i, stamp;

	for (i = 0; i < SECTORS; i++) {
		if (read(i, &stamp)) {
			if (harmed[i] < oldest[i])
				test_failed(__FILE__, __LINE__, "sector %u: an error", i);
		} else if (stamp < oldest[i] || stamp > latest[i] ||
			   (stamp && stamp % SECTORS != i)) {
			test_failed(__FILE__, __LINE__, "sector %u: %u, not %u to %u", i, stamp,
				    oldest[i], latest[i]);
		}
	}
}

/*
 * What may happen.
 */

static void write(u32 first, u32 n)
{
	u32 i, j;

	for (i = 0; i < n; i++) {
		u32 *words = (u32 *)(buf + i * PCACHE_SECTOR);

		latest[first + i] = ++stamps * SECTORS + first + i;
		for (j = 0; j < PCACHE_SECTOR / sizeof(u32); j++)
			words[j] = latest[first + i];
	}
	rig_write(&c, BASE + first, n, buf);
}

static void write_somewhere(void)
{
	u32 n = 1 + below(one_in(3) ? WRITE_MAX : 6);

	write(below(SECTORS - n + 1), n);
}

static void settle(void)
{
	u32 n = 1 + below(3);

	while (n--) {
		writeback_urge(&c);
		stub_sleep(one_in(2) ? 200 : 11000);
	}
}

static void set_errors(u32 fail_writes, u32 fail_flushes)
{
	bdev->fail_writes = fail_writes;
	bdev->fail_flushes = fail_flushes;
}

/* What is condemned stays so until the cache is opened again: some must be left to write to. */
static bool is_worn_out(void)
{
	u32 i, bad = 0;

	for (i = 0; i < c.segs.nr; i++)
		bad += c.segs.seg[i].bad;
	return bad > c.segs.nr / 2;
}

static void reopen(void)
{
	set_errors(0, 0);
	rig_close(&c);
	memcpy(durable, latest, sizeof(durable));
	heal_one_in(2);
	opt.batch_order = one_in(3);
	open_cache();
}

/* Between the writes of a batch and its end. */
static void on_flush(void)
{
	if (one_in(4))
		fail_somewhere();
	if (one_in(3))
		heal_one_in(8);
}

/* After a power cut. What is found is all there is: it must not change any more. */
static void life(struct pmem_model *m, void *arg)
{
	u32 i, stamp;

	fake_origin_crash(bdev, false);
	set_errors(0, 0);
	bdev->on_flush = NULL;
	heal_unused();
	if (one_in(4))
		heal_one_in(2);
	open_cache();
	check(durable);
	for (i = 0; i < SECTORS; i++)
		if (!read(i, &stamp))
			durable[i] = latest[i] = stamp;
	if (one_in(2))
		pcache_set_gc_percent(&c, 0);
	settle();
	rig_check(&c);
	check(durable);
	heal_one_in(1);
	rig_close(&c);
}

static void on_fence(struct pmem_model *m, void *arg)
{
	if (cut_in && !--cut_in)
		CHECK(pmem_model_fork(m, below(PMEM_KEEP_KINDS), get_random_u64(), life, NULL));
}

static void operate(void)
{
	switch (below(16)) {
	case 0 ... 4:
		write_somewhere();
		break;
	case 5 ... 6:
		rig_flush(&c);
		memcpy(durable, latest, sizeof(durable));
		break;
	case 7 ... 8:
		fail_somewhere();
		break;
	case 9:
		heal_one_in(FLAWS / 4);
		break;
	case 10:
		settle();
		break;
	case 11:
		stub_sleep(below(3000));
		break;
	case 12:
		rig_read(&c, BASE + below(SECTORS - 8), 8, buf, true);
		break;
	case 13:
		pcache_set_gc_percent(&c, one_in(2) ? 0 : PCACHE_GC_DEFAULT);
		break;
	case 14:
		set_errors(one_in(4) ? 5 : 0, one_in(4) ? 3 : 0);
		break;
	default:
		if (one_in(10))
			reopen();
		else
			check(latest);
	}
}

static void lose(bool crc)
{
	u32 op, i;

	opt.data_crc = crc;
	model = pmem_model_new(PCACHE_MIN_SIZE);
	bdev = fake_origin_new(ORIGIN);
	rig_format(model, bdev, &opt, 31, (struct log_pos){ 0, 0 });
	open_cache();
	model->on_fence = on_fence;
	bdev->on_flush = on_flush;
	for (op = 0; op < OPS; op++) {
		test_at("op %u", op);
		if (one_in(50))
			cut_in = 1 + below(20);
		operate();
		if (is_worn_out())
			reopen();
		rig_check(&c);
		heal_unused();
	}
	check(latest);

	/* Nothing that fails is kept for longer than until it is written again. */
	bdev->on_flush = NULL;
	set_errors(0, 0);
	heal_one_in(1);
	for (i = 0; i < SECTORS; i += WRITE_MAX)
		write(i, WRITE_MAX);
	rig_drain(&c);
	check(latest);
	for (i = 0; i < SECTORS; i++)
		CHECK_EQ(stamp_of(bdev->mem + (BASE + i) * PCACHE_SECTOR), latest[i]);
}

TEST(lost_poison)
{
	lose(false);
}

TEST(lost_checksum)
{
	lose(true);
}
