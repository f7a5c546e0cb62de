// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replay against a model that takes the keys one by one, as the log has them, and keeps for each
 * sector what it maps to: random logs with overlaps of every shape, in batches of any size.
 */
#include <linux/string.h>

#include "rig.h"
#include "test.h"

#define ORIGIN		(1ull << 21)	/* sectors: 1 GiB */
#define SPAN_MAX	(1u << 18)
#define KEYS_MAX	40000u
#define SEGMENTS	31
#define CHUNK		8192u

/* What a sector maps to: the how-manieth key, from 1 on. */
struct cell {
	u32 key;
	bool clean, lost;
};

/* Sectors from @base on, and how keys lie there. */
struct shape {
	u32 span, nr_keys, max_len;
	bool once;			/* blocks of 4 KiB, each once */
	u32 again;			/* one in so many keys repeats another, or a part of it */
};

static struct pmem_model *model;
static struct block_device *bdev;
static struct pcache_options opt;

static struct media_key keys[KEYS_MAX];
static struct cell cells[SPAN_MAX];
static u64 base;
static u32 nr_dirty_from;		/* the first key behind the dirty_tail */

static u32 below(u32 n)
{
	return get_random_u32_below(n);
}

static bool one_in(u32 n)
{
	return !below(n);
}

/*
 * Logs.
 */

static void set_dirty_tail(u32 off)
{
	struct media_position pos;
	struct media_slot slot;
	struct pmem pm;

	pmem_model_open(model, &pm, "rig");
	CHECK_EQ(media_load(&pm, PCACHE_DIRTY_TAIL_OFF, PCACHE_TAIL_STRIDE, &pos, sizeof(pos),
			    &slot), 0);
	pos.seg_off = off;
	media_store(&pm, PCACHE_DIRTY_TAIL_OFF, PCACHE_TAIL_STRIDE, &pos, sizeof(pos), &slot);
	pmem_close(&pm);
}

static void write_log(u32 nr)
{
	u8 *log = model->mem + PCACHE_SEGS_OFF + PCACHE_SEG_DATA_OFF;
	u32 done = 0, off = 0, dirty_from = below(nr);

	nr_dirty_from = U32_MAX;
	while (done < nr) {
		struct media_kset *set = (void *)(log + off);
		u32 n = min(nr - done, 1 + below(PCACHE_KSET_KEYS));

		if (nr_dirty_from == U32_MAX && done + n > dirty_from) {
			nr_dirty_from = done;
			set_dirty_tail(off);
		}
		*set = (struct media_kset){ .key_num = n, .magic = PCACHE_KSET_MAGIC };
		memcpy(set->keys, keys + done, n * sizeof(*keys));
		set->crc = media_crc(set, PCACHE_KSET_SIZE(n));
		off += PCACHE_KSET_SIZE(n);
		done += n;
	}
	memset(log + off, 0, PCACHE_KSET_SIZE(0));
}

static struct media_key part_of(struct media_key key)
{
	u32 sectors = key.len / PCACHE_SECTOR, cut = one_in(2) ? 0 : below(sectors);

	key.off += cut * PCACHE_SECTOR;
	key.cache_seg_off += cut * PCACHE_SECTOR;
	key.len -= cut * PCACHE_SECTOR;
	if (one_in(4))
		key.len = PCACHE_SECTOR * (1 + below(sectors - cut));
	return key;
}

static struct media_key new_key(const struct shape *shape, u32 i)
{
	u32 at = below(shape->span), len = shape->max_len;
	u32 seg_sectors = PCACHE_SEG_DATA_SIZE / PCACHE_SECTOR;

	if (shape->once)
		at = i * 0x9E3779B1u % (shape->span / 8) * 8;
	else if (one_in(2))
		at = round_down(at, 8);
	if (!shape->once && one_in(2))
		len = 1 + below(len);
	len = min3(len, shape->span - at, (u32)(CHUNK - (base + at) % CHUNK));
	return (struct media_key){
		.off = (base + at) * PCACHE_SECTOR,
		.len = len * PCACHE_SECTOR,
		.flags = one_in(2) ? PCACHE_KEY_CLEAN : 0,
		.cache_seg_id = 1 + below(SEGMENTS - 1),
		.cache_seg_off = below(seg_sectors - len + 1) * PCACHE_SECTOR,
		.data_crc = opt.data_crc ? get_random_u32() : 0,
	};
}

static void make_log(const struct shape *shape)
{
	u32 i;

	base = round_down(get_random_u64() % (ORIGIN - shape->span), shape->once ? CHUNK : 1);
	for (i = 0; i < shape->nr_keys; i++) {
		if (i && shape->again && one_in(shape->again)) {
			keys[i] = part_of(keys[below(i)]);
			keys[i].flags = one_in(4) ? PCACHE_KEY_CLEAN : 0;
		} else {
			keys[i] = new_key(shape, i);
		}
	}
	write_log(shape->nr_keys);
}

/*
 * The model.
 */

static bool same_place(const struct media_key *a, const struct media_key *b)
{
	return a->cache_seg_id == b->cache_seg_id && a->data_crc == b->data_crc &&
	       a->off - a->cache_seg_off == b->off - b->cache_seg_off;
}

/* Is something that lies wholly within the key's range at the same place? */
static bool is_again(const struct media_key *key, u32 at, u32 end, u32 span)
{
	u32 from, to;

	for (from = at; from < end; from = to) {
		u32 k = cells[from].key;

		to = from + 1;
		while (to < span && cells[to].key == k)
			to++;
		if (k && to <= end && !(from == at && from && cells[from - 1].key == k) &&
		    same_place(key, &keys[k - 1]))
			return true;
	}
	return false;
}

/* Returns whether something has been found to be lost. */
static bool model_insert(u32 i, u32 span)
{
	const struct media_key *key = &keys[i];
	u32 at = key->off / PCACHE_SECTOR - base, end = at + key->len / PCACHE_SECTOR, s;
	bool clean = (key->flags & PCACHE_KEY_CLEAN) || i < nr_dirty_from;
	bool lost = !clean && is_again(key, at, end, span);

	for (s = at; s < end; s++)
		if (cells[s].key && !cells[s].clean)
			clean = false;
	for (s = at; s < end; s++)
		cells[s] = (struct cell){ i + 1, clean, lost };
	return lost;
}

static void check_extent(const struct extent *e)
{
	const struct cell *cell = &cells[e->start - base];
	const struct media_key *key = &keys[cell->key - 1];
	u32 skip = e->start - key->off / PCACHE_SECTOR, s;

	CHECK(cell->key);
	for (s = 0; s < e->len; s++) {
		CHECK_EQ(cell[s].key, cell->key);
		CHECK_EQ(cell[s].clean, e->clean);
		CHECK_EQ(cell[s].lost, e->lost);
	}
	CHECK_EQ(e->seg, key->cache_seg_id);
	CHECK_EQ(e->sect, key->cache_seg_off / PCACHE_SECTOR + skip);
	CHECK(!e->hit && !e->verified);
	if (opt.data_crc) {
		CHECK_EQ(e->crc, key->data_crc);
		CHECK_EQ(e->skip, skip);
		CHECK_EQ(e->key_len, key->len / PCACHE_SECTOR);
	}
}

static void check_index(struct pcache *c, u32 span)
{
	u64 mapped = 0, expect = 0;
	struct extent e;
	unsigned int i;
	u32 s;

	for (i = 0; i < c->nr_shards; i++) {
		struct index_cursor at = { };

		while (index_walk(&c->shards[i].index, &at, &e)) {
			CHECK(e.start >= base && e.start + e.len <= base + span);
			CHECK(keylog_shard(&c->log, e.start) == &c->shards[i]);
			check_extent(&e);
			mapped += e.len;
		}
	}
	for (s = 0; s < span; s++)
		expect += cells[s].key != 0;
	CHECK_EQ(mapped, expect);
}

static void check_references(struct pcache *c, u32 nr)
{
	u32 refs[SEGMENTS] = { }, i;

	for (i = 0; i < nr; i++)
		refs[keys[i].cache_seg_id]++;
	for (i = 1; i < SEGMENTS; i++)
		if (c->log.next != i)
			CHECK_EQ(atomic_read(&c->segs.seg[i].refs), refs[i]);
}

/* What replay makes of the log, in batches that fit into so much memory. */
static void check_replay(const struct shape *shape, size_t memory)
{
	u32 i, span = shape->span;
	bool marks = false;
	struct pcache c;
	u64 dirty = 0;

	memset(cells, 0, span * sizeof(*cells));
	for (i = 0; i < shape->nr_keys; i++) {
		marks |= model_insert(i, span);
		if (i >= nr_dirty_from && !(keys[i].flags & PCACHE_KEY_CLEAN))
			dirty += keys[i].len / PCACHE_SECTOR;
	}
	memset(&c, 0, sizeof(c));
	pmem_model_open(model, &c.pmem, "rig");
	c.origin.bdev = bdev;
	c.origin.sectors = bdev->sectors;
	CHECK_EQ(pcache_init(&c), 0);
	stub_largest_alloc = memory;
	CHECK_EQ(pcache_load(&c, &opt), 0);
	stub_largest_alloc = SIZE_MAX;
	check_index(&c, span);
	check_references(&c, shape->nr_keys);
	CHECK_EQ(writeback_dirty(&c), dirty);
	CHECK_EQ(c.writeback.marks, marks);
	pcache_exit(&c);
	pmem_close(&c.pmem);
}

static void random_logs(bool crc)
{
	/* All on top of each other; here and there; in one shard, in more than a batch; apart. */
	static const struct shape shapes[] = {
		{ .span = 300, .nr_keys = 1000, .max_len = 64, .again = 8 },
		{ .span = 1 << 16, .nr_keys = 5000, .max_len = 40, .again = 16 },
		{ .span = SPAN_MAX, .nr_keys = 5000, .max_len = 300, .again = 4 },
		{ .span = 1 << 16, .nr_keys = 300, .max_len = CHUNK, .again = 8 },
		{ .span = CHUNK / 2, .nr_keys = KEYS_MAX, .max_len = 8, .again = 64 },
		{ .span = SPAN_MAX, .nr_keys = SPAN_MAX / 8, .max_len = 8, .once = true },
		{ .span = SPAN_MAX, .nr_keys = KEYS_MAX, .max_len = 8, .once = true },
	};
	static const size_t memory[] = { 160 << 10, 400 << 10, 2 << 20, SIZE_MAX };
	unsigned int i, turn;

	opt.data_crc = crc;
	model = pmem_model_new(PCACHE_MIN_SIZE);
	bdev = fake_origin_new(ORIGIN);
	rig_format(model, bdev, &opt, SEGMENTS, (struct log_pos){ 0, 0 });
	for (turn = 0; turn < 4; turn++) {
		for (i = 0; i < ARRAY_SIZE(shapes); i++) {
			test_at("turn %u, shape %u", turn, i);
			make_log(&shapes[i]);
			check_replay(&shapes[i], memory[turn]);
		}
	}
}

TEST(replay_random_logs)
{
	random_logs(false);
}

TEST(replay_random_logs_crc)
{
	random_logs(true);
}
