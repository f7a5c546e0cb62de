// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The key log: sets, barriers, credit, going on in another segment; and logs that can't be right,
 * which replay refuses with a message that names the culprit.
 */
#include <linux/string.h>

#include "rig.h"
#include "test.h"

#define ORIGIN	(1ull << 21)		/* sectors: 1 GiB */
#define LAST	PCACHE_KSET_SIZE(0)

static struct pmem_model *model;
static struct block_device *bdev;
static struct pcache_options opt;
static struct pcache c;

static void start_at(u32 segments, struct log_pos pos)
{
	model = pmem_model_new(PCACHE_MIN_SIZE);
	bdev = fake_origin_new(ORIGIN);
	rig_format(model, bdev, &opt, segments, pos);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
}

static void start(void)
{
	start_at(31, (struct log_pos){ 0, 0 });
}

static void reopen(void)
{
	rig_close(&c);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
}

/* One sector; write-back, which would commit, has no chance to run. */
static void write(u64 sector)
{
	u64 data[PCACHE_SECTOR / sizeof(u64)] = { sector + 1 };

	rig_write(&c, sector, 1, data);
}

static u64 read(u64 sector)
{
	u64 data[PCACHE_SECTOR / sizeof(u64)];

	CHECK_EQ(rig_read(&c, sector, 1, data, false), 0);
	return data[0];
}

/* How many keys each set from key_tail on has. Returns how many sets, and where the log ends. */
static u32 sets(u32 *keys, u32 max, struct log_pos *pos)
{
	struct media_kset *set = kset_alloc(GFP_KERNEL);
	u32 n = 0;
	int step;

	*pos = keylog_key_tail(&c.log);
	while ((step = keylog_read(&c.log, pos, NULL, set)) > KEYLOG_END) {
		if (step != KEYLOG_SET)
			continue;
		CHECK(n < max);
		keys[n++] = set->key_num;
	}
	CHECK_EQ(step, KEYLOG_END);
	kfree(set);
	return n;
}

TEST(keylog_commit_writes_sets)
{
	struct log_pos end;
	u32 i, keys[8], total = 0, n;

	start();
	keylog_commit(&c.log);
	CHECK_EQ(sets(keys, 8, &end), 0);
	for (i = 0; i < 300; i++)
		write(i * 8192);
	keylog_commit(&c.log);
	n = sets(keys, 8, &end);
	CHECK(log_pos_equal(end, keylog_head(&c.log)));
	for (i = 0; i < n; i++)
		total += keys[i];
	CHECK_EQ(total, 300);
	/* Only the last is a barrier. */
	for (i = 0; i + 1 < n; i++)
		CHECK_EQ(keys[i], PCACHE_KSET_KEYS);
	CHECK(keys[n - 1] < PCACHE_KSET_KEYS);
	rig_check(&c);
}

/* Who waits for a commit gets a barrier, also if the keys are just as many as a set holds. */
TEST(keylog_commit_ends_with_a_barrier)
{
	struct log_pos end;
	u32 i, n, keys[8];

	for (n = PCACHE_KSET_KEYS - 1; n <= PCACHE_KSET_KEYS + 1; n++) {
		start();
		for (i = 0; i < n; i++)
			write(i * 8192);
		keylog_commit(&c.log);
		i = sets(keys, 8, &end);
		CHECK(i && keys[i - 1] < PCACHE_KSET_KEYS);
		CHECK(kset_is_barrier(&(struct media_kset){ .key_num = keys[i - 1] }, false));
		rig_close(&c);
	}
}

TEST(keylog_drain_writes_whole_sets_only)
{
	struct log_pos end;
	u32 i, n, keys[8];

	start();
	for (i = 0; i < 200; i++)
		write(i * 8192);
	CHECK(keylog_drain(&c.log));
	n = sets(keys, 8, &end);
	CHECK_EQ(n, 1);
	CHECK_EQ(keys[0], PCACHE_KSET_KEYS);
	rig_check(&c);
	keylog_commit(&c.log);
	CHECK_EQ(sets(keys, 8, &end), 2);
	CHECK_EQ(keys[1], 200 - PCACHE_KSET_KEYS);
}

/* A shard takes only as many keys as the log has room for; then its writer drains it. */
TEST(keylog_credit)
{
	u32 i;

	start();
	for (i = 0; i < 10 * SHARD_KEYS; i++) {
		write(i);
		if (i % 50 == 0)
			rig_check(&c);
	}
	rig_check(&c);
	reopen();
	for (i = 0; i < 10 * SHARD_KEYS; i++)
		CHECK_EQ(read(i), i + 1);
}

/* Sets of all sizes up to the very end of a segment, and on in the next one. */
TEST(keylog_goes_on_in_another_segment)
{
	u32 slack;

	for (slack = 0; slack < 200; slack += 8) {
		struct log_pos pos = { 2, PCACHE_SEG_DATA_SIZE - LAST - slack }, end;
		u32 i, keys[300], n;

		start_at(8, pos);
		for (i = 0; i < 250; i++) {
			write(i * 8192);
			if (i % 3 == 0)
				keylog_commit(&c.log);
		}
		keylog_commit(&c.log);
		rig_check(&c);
		n = sets(keys, 300, &end);
		CHECK(n > 80 && end.seg != 2);
		CHECK(log_pos_equal(end, keylog_head(&c.log)));
		reopen();
		CHECK(log_pos_equal(end, keylog_head(&c.log)));
		rig_check(&c);
		for (i = 0; i < 250; i++)
			CHECK_EQ(read(i * 8192), i * 8192 + 1);
		rig_close(&c);
		pmem_model_free(model);
		fake_origin_free(bdev);
		CHECK_EQ(stub_allocated, 0);
	}
}

/* Without a segment for the log to go on in, no credit is given that it could not keep. */
static bool append(u64 sector)
{
	struct extent e = { .start = sector, .len = 1, .seg = 0, .key_len = 1 };
	struct shard *shard = pcache_lock_shard(&c, sector, GFP_KERNEL);

	if (!shard)
		return false;
	segment_get(&c.segs, 0);
	index_insert(&shard->index, &e, NULL);
	keylog_append(&c.log, shard, &e);
	spin_unlock(&shard->lock);
	return true;
}

TEST(keylog_full)
{
	struct log_pos pos = { 0, PCACHE_SEG_DATA_SIZE - LAST - 40000 * PCACHE_KSET_SIZE(1) };
	u32 n = 0, i;

	start_at(8, pos);
	/* The log has one segment at hand; take all others, and then fill it up. */
	while (segment_alloc(&c.segs, SEGMENT_LOG) >= 0)
		;
	c.log.put.seg = c.log.next;
	c.log.next = -1;
	reclaim_stop(&c);
	writeback_stop(&c);
	keylog_drain(&c.log);
	rig_check(&c);
	while (append(n % 8192)) {
		if (++n % 7 == 0)
			keylog_commit(&c.log);
		if (n % 64 == 0)
			rig_check(&c);
	}
	CHECK(n > 2000);
	/* All that was promised fits all the same, each key in a set of its own. */
	for (i = 1; i < 100; i++) {
		u64 sector = i * 8192;

		while (keylog_shard(&c.log, sector)->credit) {
			CHECK(append(sector));
			keylog_commit(&c.log);
			CHECK(c.log.put.off + LAST <= PCACHE_SEG_DATA_SIZE);
		}
	}
	CHECK_EQ(c.log.promised, 0);
}

static u64 place_of(u64 sector)
{
	struct extent e;

	CHECK(index_find(&keylog_shard(&c.log, sector)->index, sector, 1, &e));
	return pcache_addr(&c, &e);
}

/*
 * Lost data needs keys, too: the log lends them where writers get no more credit, and if that is not
 * enough, the rest waits until there is room again.
 */
static void lost_in_a_full_log(u32 lost, bool fits)
{
	struct log_pos pos = { 0, PCACHE_SEG_DATA_SIZE - LAST - 6500 * PCACHE_KSET_SIZE(1) };
	int id, spare = -1;
	u64 again;
	u32 i;

	start_at(8, pos);
	for (i = 0; i < lost; i++)
		write(5000 + 2 * i);
	keylog_commit(&c.log);
	for (i = 0; i < lost; i++)
		pmem_model_poison(model, place_of(5000 + 2 * i));
	while ((id = segment_alloc(&c.segs, SEGMENT_LOG)) >= 0)
		spare = id;
	c.log.next = -1;
	reclaim_stop(&c);
	while (append(0))
		keylog_commit(&c.log);
	CHECK_EQ(writeback_flush(&c), fits ? -EIO : -ENOSPC);
	if (!fits)
		CHECK_EQ(writeback_flush(&c), -ENOSPC);
	again = pcache_stat(&c, STAT_media_errors_dirty);
	/* What there is room for, at least. */
	CHECK(again > lost / 3);
	CHECK(c.log.put.off + LAST <= PCACHE_SEG_DATA_SIZE);
	c.log.next = spare;
	CHECK_EQ(writeback_flush(&c), -EIO);
	/* Each once when it comes round, but for a set for which the room did not suffice. */
	CHECK(pcache_stat(&c, STAT_media_errors_dirty) < again + lost + PCACHE_KSET_KEYS);
	for (i = 0; i < lost; i++)
		CHECK_EQ(rig_read(&c, 5000 + 2 * i, 1, (u8[PCACHE_SECTOR]){ }, false), -EIO);
}

TEST(keylog_lends_keys_for_what_is_lost)
{
	lost_in_a_full_log(100, true);
}

TEST(keylog_has_lent_all_keys)
{
	lost_in_a_full_log(5000, false);
}

/* Writers come between the moment when a key is lent and that when it is used. */
TEST(keylog_lends_to_no_writer)
{
	struct log_pos pos = { 0, PCACHE_SEG_DATA_SIZE - LAST - 40000 * PCACHE_KSET_SIZE(1) };
	struct shard *shard;
	u32 promised;

	start_at(8, pos);
	shard = keylog_shard(&c.log, 0);
	while (segment_alloc(&c.segs, SEGMENT_LOG) >= 0)
		;
	c.log.next = -1;
	reclaim_stop(&c);
	while (append(0))
		keylog_commit(&c.log);
	promised = c.log.promised;
	keylog_lend(&c.log, shard);
	CHECK_EQ(c.log.promised, promised + 1);
	CHECK(!append(0));
	keylog_commit(&c.log);
	CHECK(!append(0));
	/* It is lent once, and again when it has been used. */
	keylog_lend(&c.log, shard);
	CHECK_EQ(c.log.promised, promised + 1);
	CHECK(shard->lent);
}

TEST(keylog_tails)
{
	struct log_pos half, end;
	u32 i, keys[64];

	start();
	for (i = 0; i < 20; i++) {
		write(i);
		keylog_commit(&c.log);
		if (i == 9)
			half = keylog_head(&c.log);
	}
	end = keylog_head(&c.log);
	keylog_set_dirty_tail(&c.log, half);
	rig_close(&c);
	opt.read_only = true;
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	CHECK(log_pos_equal(keylog_dirty_tail(&c.log), half));
	CHECK_EQ(writeback_dirty(&c), 10);
	CHECK_EQ(sets(keys, 64, &end), 20);
	keylog_set_dirty_tail(&c.log, end);
	keylog_set_key_tail(&c.log, half);
	rig_close(&c);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	CHECK_EQ(writeback_dirty(&c), 0);
	CHECK_EQ(sets(keys, 64, &end), 10);
	CHECK_EQ(read(5), 0);
	CHECK_EQ(read(15), 16);
}

/*
 * Logs that can't be right.
 */

static u8 *log_place(u32 seg, u32 off)
{
	u64 segment = PCACHE_SEGS_OFF + (u64)seg * PCACHE_SEG_SIZE;

	return model->mem + segment + PCACHE_SEG_DATA_OFF + off;
}

static u32 put_set(u32 seg, u32 off, const struct media_key *keys, u32 n)
{
	struct media_kset *set = (void *)log_place(seg, off);

	memset(set, 0, sizeof(*set));
	set->key_num = n;
	set->magic = PCACHE_KSET_MAGIC;
	memcpy(set->keys, keys, n * sizeof(*keys));
	set->crc = media_crc(set, PCACHE_KSET_SIZE(n));
	return off + PCACHE_KSET_SIZE(n);
}

static void put_last(u32 seg, u32 off, u32 next)
{
	struct media_kset *set = (void *)log_place(seg, off);

	*set = (struct media_kset){
		.next_seg = next, .magic = PCACHE_KSET_MAGIC, .flags = PCACHE_KSET_LAST,
	};
	set->crc = media_crc(set, LAST);
}

/* Does the cache open, without a store to anything? */
static void refused(int r, const char *text)
{
	struct pcache again;
	unsigned long fences = model->fences;

	stub_log_clear();
	CHECK_EQ(rig_open(&again, model, bdev, &opt), r);
	if (r) {
		CHECK_LOG("rig: ");
		CHECK_LOG(text);
		CHECK_EQ(model->fences, fences);
	} else {
		rig_close(&again);
	}
	CHECK_EQ(stub_allocated, 0);
}

static const struct media_key good_key = {
	.off = 4096, .len = 4096, .cache_seg_id = 3, .cache_seg_off = 512,
};

static void refused_key(struct media_key key, const char *text)
{
	struct media_key keys[2] = { good_key, key };

	put_set(0, 0, keys, 2);
	refused(-EINVAL, text);
	CHECK_LOG("key log: set before 0:104");
}

TEST(replay_refuses_bad_keys)
{
	struct media_key key = good_key;

	start();
	rig_close(&c);
	put_set(0, 0, &key, 1);
	refused(0, "");
#define BAD(field, value, text) \
	do { \
		key = good_key; \
		key.field = value; \
		refused_key(key, text); \
	} while (0)
	BAD(len, 0, "not whole blocks of the origin");
	BAD(len, 100, "not whole blocks of the origin");
	BAD(off, 4097, "not whole blocks of the origin");
	BAD(off, ORIGIN * 512, "beyond the end of the origin");
	BAD(off, ORIGIN * 512 - 512, "beyond the end of the origin");
	BAD(off, -4096ull, "beyond the end of the origin");
	BAD(off, PCACHE_CHUNK - 512, "crosses a 4 MiB boundary");
	BAD(cache_seg_id, 31, "no such segment");
	BAD(cache_seg_id, ~0u, "no such segment");
	BAD(cache_seg_off, 100, "crosses the end of its segment");
	BAD(cache_seg_off, PCACHE_SEG_DATA_SIZE - 512, "crosses the end of its segment");
	BAD(cache_seg_off, -512u, "crosses the end of its segment");
	BAD(flags, PCACHE_KEY_EMPTY, "unknown flags");
	BAD(flags, 1u << 31, "unknown flags");
	BAD(seg_gen, 1, "ahead of its segment's generation");
	bdev->block = 4096;
	BAD(off, 512, "not whole blocks of the origin");
}

TEST(replay_refuses_bad_logs)
{
	struct media_position pos = { .cache_seg_id = 31 };
	struct media_slot slot = { };
	struct media_key key = good_key;
	struct pmem pm;
	u32 off;

	start();
	rig_close(&c);
	off = put_set(0, 0, &key, 1);
	put_last(0, off, 31);
	refused(-EUCLEAN, "goes on at 0:64 in segment 31 of 31");
	put_last(0, off, 0);
	refused(-EINVAL, "leads back to segment 0");
	put_last(0, off, 5);
	put_last(5, 0, 6);
	put_last(6, 0, 5);
	refused(-EINVAL, "leads back to segment 5");
	put_last(0, off, 3);
	refused(-EINVAL, "a key has its data in segment 3, which holds the log");
	memset(log_place(0, off), 0, LAST);
	((struct media_kset *)log_place(0, 0))->flags = 2;
	((struct media_kset *)log_place(0, 0))->crc = media_crc(log_place(0, 0), off);
	refused(-EUCLEAN, "unknown flags 0x2 at 0:0");
	put_set(0, 0, &key, 1);
	pmem_model_poison(model, log_place(0, 0) - model->mem);
	refused(-EIO, "poisoned at 0:0");
	pmem_model_heal(model, log_place(0, 0) - model->mem);

	pmem_model_open(model, &pm, "rig");
	CHECK_EQ(media_load(&pm, PCACHE_DIRTY_TAIL_OFF, PCACHE_TAIL_STRIDE, &pos, sizeof(pos),
			    &slot), 0);
	pos.seg_off = 32;
	media_store(&pm, PCACHE_DIRTY_TAIL_OFF, PCACHE_TAIL_STRIDE, &pos, sizeof(pos), &slot);
	pmem_close(&pm);
	refused(-EINVAL, "dirty_tail 0:32 is not on the log, which goes from 0:0 to 0:64");

	pmem_model_open(model, &pm, "rig");
	pos.cache_seg_id = 31;
	media_store(&pm, PCACHE_DIRTY_TAIL_OFF, PCACHE_TAIL_STRIDE, &pos, sizeof(pos), &slot);
	pmem_close(&pm);
	refused(-EINVAL, "dirty_tail: there is no place 31:32");
	memset(model->mem + PCACHE_KEY_TAIL_OFF, 0, 2 * PCACHE_TAIL_STRIDE);
	refused(-EINVAL, "key_tail: no good copy");
	pmem_model_poison(model, PCACHE_KEY_TAIL_OFF);
	refused(-EIO, "key_tail: the persistent memory is poisoned");
}

/* A dead key counts for nothing, and a clean one over a dirty one is as dirty (rule 10). */
TEST(replay_generations_and_clean_keys)
{
	struct media_key keys[3] = { good_key, good_key, good_key };
	struct media_slot slot = { };
	struct media_generation gen = { .gen = 2 };
	struct extent e;
	struct pmem pm;
	u32 i;

	start();
	rig_close(&c);
	pmem_model_open(model, &pm, "rig");
	media_store(&pm, PCACHE_SEGS_OFF + 3ull * PCACHE_SEG_SIZE + PCACHE_SEG_GEN_OFF,
		    PCACHE_SEG_GEN_STRIDE, &gen, sizeof(gen), &slot);
	pmem_close(&pm);
	/* The first is dead; the last is clean, over the one between. */
	keys[0].seg_gen = 1;
	keys[0].off = 0;
	keys[1].seg_gen = 2;
	keys[2].seg_gen = 2;
	keys[2].cache_seg_off = 8192;
	keys[2].flags = PCACHE_KEY_CLEAN;
	for (i = 0; i < 16; i++)
		memset(log_place(3, 512 + i * 512), 1, 512);
	memset(log_place(3, 8192), 7, 4096);
	put_set(0, 0, keys, 3);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	CHECK_EQ(read(0), 0);
	CHECK_EQ(read(8), 0x0707070707070707);
	CHECK(index_find(&keylog_shard(&c.log, 8)->index, 8, 8, &e) && !e.clean);
	rig_drain(&c);
	CHECK_EQ(*(u64 *)(bdev->mem + 4096), 0x0707070707070707);
	CHECK_EQ(*(u64 *)bdev->mem, 0);
	rig_check(&c);
}

/* Who waits for memory gets some at last. */
static bool memory_comes(void)
{
	stub_fail_alloc_after(-1);
	return true;
}

/* Each allocation on the way to a cache fails: alone, or with all others until someone waits. */
static void open_without_memory(bool once)
{
	long n, left = 0, failed = 0;

	stub_wait_hook = memory_comes;
	stub_fail_once = once;
	for (n = 1; left <= 0; n++) {
		int r;

		test_at("without allocation %ld", n);
		stub_fail_alloc_after(n);
		r = rig_open(&c, model, bdev, &opt);
		left = stub_fail_alloc_after(-1);
		if (r) {
			CHECK_EQ(r, -ENOMEM);
			failed++;
		} else {
			rig_check(&c);
			rig_close(&c);
		}
		CHECK_EQ(stub_allocated, 0);
	}
	CHECK(failed > 20);
	if (stub_log_loud)
		fprintf(stderr, "%ld allocations, %ld failures\n", n - 2, failed);
}

static void open_blank(bool once)
{
	model = pmem_model_new(PCACHE_MIN_SIZE);
	bdev = fake_origin_new(ORIGIN);
	open_without_memory(once);
}

TEST(open_blank_no_memory)
{
	open_blank(false);
}

TEST(open_blank_little_memory)
{
	open_blank(true);
}

static void replay(bool crc, bool once)
{
	u32 i;

	opt.data_crc = crc;
	start();
	for (i = 0; i < 1000; i++)
		write(i * 7);
	rig_close(&c);
	open_without_memory(once);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	for (i = 0; i < 1000; i++)
		CHECK_EQ(read(i * 7), i * 7 + 1);
}

TEST(replay_no_memory)
{
	replay(false, false);
}

TEST(replay_little_memory)
{
	replay(true, true);
}
