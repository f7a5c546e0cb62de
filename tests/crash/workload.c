// SPDX-License-Identifier: GPL-2.0-or-later
/* What the user does, and how the memory was when he came. */
#include <linux/string.h>

#include "crash.h"
#include "test.h"

#define JUNK_SECTOR	OUR_SECTORS
#define ORIGIN_SECTORS	(OUR_SECTORS + SHARD_CHUNK_SECTORS)
#define WRITE_MAX	64u

/* Where stale sets lie, and the data that they lead to. */
#define STALE_SIZE	20000u
#define STALE_DATA	(PCACHE_SEG_SIZE / 2)
#define STALE_SECTORS	100u

/* Keys that are dead, and in the log. */
#define DEAD_SETS	3u

/*
 * The memory's past.
 */

static u8 *segment_mem(struct world *w, u32 id, u32 off)
{
	return w->model->mem + PCACHE_SEGS_OFF + (u64)id * PCACHE_SEG_SIZE + off;
}

static void set_generation(struct world *w, u32 id, u64 gen)
{
	struct media_generation record = { .gen = gen };
	struct media_slot slot = { };
	struct pmem pm;

	pmem_model_open(w->model, &pm, "past");
	media_store(&pm, segment_mem(w, id, PCACHE_SEG_GEN_OFF) - w->model->mem,
		    PCACHE_SEG_GEN_STRIDE, &record, sizeof(record), &slot);
	pmem_close(&pm);
	w->first_gen[id] = gen;
}

static u64 get_generation(struct world *w, u32 id)
{
	struct media_generation record;
	struct media_slot slot;
	struct pmem pm;

	pmem_model_open(w->model, &pm, "past");
	media_load(&pm, segment_mem(w, id, PCACHE_SEG_GEN_OFF) - w->model->mem,
		   PCACHE_SEG_GEN_STRIDE, &record, sizeof(record), &slot);
	pmem_close(&pm);
	return record.gen;
}

/* Good sets of one key each, from @off to @end, that lead to data nobody has written. */
static void plant_sets(struct world *w, u32 seg, u32 off, u32 end, u32 data_seg, u64 gen)
{
	u32 size = PCACHE_KSET_SIZE(1);

	for (; off + size <= end; off += size) {
		struct media_kset *set = (void *)segment_mem(w, seg, PCACHE_SEG_DATA_OFF + off);

		set->key_num = 1;
		set->magic = PCACHE_KSET_MAGIC;
		set->flags = 0;
		set->keys[0] = (struct media_key){
			.off = slot_sector(below(SLOTS)) * PCACHE_SECTOR,
			.len = PCACHE_SECTOR,
			.cache_seg_id = data_seg,
			.cache_seg_off = STALE_DATA + below(STALE_SECTORS) * PCACHE_SECTOR,
			.seg_gen = gen,
		};
		set->crc = media_crc(set, size);
	}
}

/*
 * What earlier uses of the memory have left, wherever the log may come: keys that look alive. None
 * may ever be replayed. The log begins and ends at @log.
 */
static void plant_stale_sets(struct world *w, u32 segments, struct log_pos log)
{
	u32 id, data_seg = segments - 1, begin = log.off;
	u64 gen = get_generation(w, data_seg);

	for (id = 0; id < segments; id++)
		if (id != log.seg)
			plant_sets(w, id, 0, STALE_SIZE, data_seg, gen);
	memset(segment_mem(w, log.seg, PCACHE_SEG_DATA_OFF + begin), 0, PCACHE_KSET_SIZE(0));
	plant_sets(w, log.seg, begin + PCACHE_KSET_SIZE(1),
		   min(begin + STALE_SIZE, PCACHE_SEG_DATA_SIZE), data_seg, gen);
	memset(segment_mem(w, data_seg, PCACHE_SEG_DATA_OFF + STALE_DATA), 0xEE,
	       STALE_SECTORS * PCACHE_SECTOR);
}

/* Near the end of the segment, so that the log soon goes on in another. */
static u32 near_end(void)
{
	return PCACHE_SEG_DATA_SIZE - round_up(below(500), 8) - DEAD_SETS * PCACHE_KSET_SIZE(1) -
	       PCACHE_KSET_SIZE(0);
}

/* A cache that has seen better days. */
static void make_cache(struct world *w)
{
	u32 i, nr = w->s->segments;
	struct log_pos log = { nr / 2, near_end() };
	u32 dead_end = log.off + DEAD_SETS * PCACHE_KSET_SIZE(1);

	rig_format(w->model, w->bdev, &w->s->opt, nr, log);
	for (i = 0; i < nr; i++)
		set_generation(w, i, 1 + i % 3);
	plant_stale_sets(w, nr, (struct log_pos){ log.seg, dead_end });
	plant_sets(w, log.seg, log.off, dead_end, nr - 1, get_generation(w, nr - 1) - 1);
}

/* Only its first 20 KiB have to be zero. */
static void make_blank(struct world *w)
{
	plant_stale_sets(w, SEGMENTS_MAX, (struct log_pos){ 0, 0 });
	plant_sets(w, 0, 0, STALE_SIZE, SEGMENTS_MAX - 1, 0);
}

/*
 * What the user does.
 */

static u32 some_slots(u32 max, u32 *slot)
{
	*slot = below(SLOTS);
	return min(1 + below(max), slot_rest(*slot));
}

static void do_write(struct world *w, u32 slot, u32 len)
{
	static u64 data[WRITE_MAX * SECTOR_WORDS];

	oracle_write(&w->oracle, slot, len, data);
	rig_write(w->lives, slot_sector(slot), len, data);
	oracle_done(&w->oracle);
}

static void do_fua(struct world *w)
{
	static u64 data[WRITE_MAX * SECTOR_WORDS];
	u32 slot, len = some_slots(8, &slot);

	oracle_write(&w->oracle, slot, len, data);
	rig_write(w->lives, slot_sector(slot), len, data);
	rig_flush(w->lives);
	oracle_done(&w->oracle);
	oracle_kept(&w->oracle, slot, len);
	world_count(w, EVENT_fua, 1);
}

static void do_flush(struct world *w)
{
	rig_flush(w->lives);
	oracle_flushed(&w->oracle);
	world_count(w, EVENT_flush, 1);
}

static void do_read(struct world *w, u32 slot, u32 len)
{
	static u64 data[WRITE_MAX * SECTOR_WORDS];

	CHECK_EQ(rig_read(w->lives, slot_sector(slot), len, data, true), 0);
	oracle_check_read(&w->oracle, slot, len, data);
	world_count(w, EVENT_fill, 1);
}

/* Segments come and go only if there is enough that goes through them. */
static void do_junk(struct world *w)
{
	static u8 junk[SHARD_CHUNK_SECTORS * PCACHE_SECTOR];

	rig_write(w->lives, JUNK_SECTOR, SHARD_CHUNK_SECTORS, junk);
}

static void do_gc(struct world *w, u8 percent)
{
	pcache_set_gc_percent(w->lives, percent);
	world_count(w, EVENT_gc_zero, !percent);
}

static void do_open(struct world *w)
{
	w->tail_moved = false;
	w->log_seg = -1;
	world_open(w);
	oracle_learn(&w->oracle, w->lives);
}

static void do_close(struct world *w)
{
	struct pcache *c = w->lives;

	rig_check(c);
	world_count(w, EVENT_reinserted, pcache_stat(c, STAT_reinserted_sectors));
	world_count(w, EVENT_released, pcache_stat(c, STAT_reclaimed_segments));
	world_count(w, EVENT_origin_error, pcache_stat(c, STAT_writeback_errors));
	rig_close(c);
	oracle_flushed(&w->oracle);
	world_count(w, EVENT_closed, 1);
}

/* Nothing is left in the cache, and the log has moved on to near its segment's end. */
static void do_skip(struct world *w)
{
	struct pcache *c = w->lives;
	struct log_pos pos;
	u32 tries = 0;

	do_gc(w, 0);
	do {
		if (++tries == 1000)
			test_failed(__FILE__, __LINE__, "the cache does not get empty");
		world_drain(w);
		reclaim_kick(c);
		stub_sleep(100);
		pos = keylog_head(&c->log);
	} while (!log_pos_equal(keylog_key_tail(&c->log), pos));
	do_close(w);
	pos.off = near_end();
	w->model->on_fence = NULL;
	rig_move_log(w->model, pos);
	plant_stale_sets(w, w->s->segments, pos);
	w->model->on_fence = power_on_fence;
	do_open(w);
}

/* The user wants it to be formatted anew. */
static void do_erase(struct world *w)
{
	world_drain(w);
	do_close(w);
	memset(w->model->mem, 0, PCACHE_SEGS_OFF);
	do_open(w);
}

static void do_op(struct world *w, char op)
{
	u32 slot, len;

	stub_cpu = below(2);
	switch (op) {
	case 'w':
		len = some_slots(12, &slot);
		do_write(w, slot, len);
		break;
	case 'W':
		len = some_slots(WRITE_MAX, &slot);
		do_write(w, slot, len);
		break;
	case '0':
		do_write(w, 0, 8);
		break;
	case 'a':
		do_fua(w);
		break;
	case 'f':
		do_flush(w);
		break;
	case 'r':
		len = some_slots(WRITE_MAX, &slot);
		do_read(w, slot, len);
		break;
	case 'R':
		do_read(w, 0, 8);
		break;
	case 'j':
		do_junk(w);
		break;
	case 's':
		stub_sleep(below(3000));
		break;
	case 'u':
		writeback_urge(w->lives);
		break;
	case 'd':
		world_drain(w);
		break;
	case 'k':
		reclaim_kick(w->lives);
		stub_sleep(10);
		break;
	case 'g':
		do_gc(w, 0);
		break;
	case 'G':
		do_gc(w, below(PCACHE_GC_MAX));
		break;
	case 'l':
		do_skip(w);
		break;
	case 'o':
		do_close(w);
		do_open(w);
		break;
	case 'x':
		do_erase(w);
		break;
	default:
		stub_bug("no such operation: %c", op);
	}
	stub_cpu = 0;
	rig_check(w->lives);
}

static void live(struct world *w)
{
	const struct scenario *s = w->s;
	const char *op;
	u32 i;

	do_open(w);
	for (op = s->script; *op; op++)
		do_op(w, *op);
	for (i = 0; i < s->ops; i++)
		do_op(w, s->mix[below(strlen(s->mix))]);
	if (!below(4))
		power_fails(w);
	do_close(w);
}

static struct world world;

void crash_run(const struct scenario *s, u64 seed, s64 only, struct report *report)
{
	struct world *w = &world;

	stub_seed(seed);
	/* Replay takes small batches, which cost less here. */
	stub_largest_alloc = 200 << 10;
	w->s = s;
	w->only = only;
	w->report = report;
	w->model = pmem_model_new(PCACHE_MIN_SIZE);
	w->bdev = fake_origin_new(ORIGIN_SECTORS);
	w->bdev->slow = s->slow;
	w->bdev->volatile_cache = !s->write_through;
	if (s->segments)
		make_cache(w);
	else
		make_blank(w);
	w->bdev->fail_writes = s->fail_writes;
	w->bdev->fail_flushes = s->fail_flushes;
	w->model->on_fence = power_on_fence;
	w->model->arg = w;
	w->bdev->on_flush = power_on_origin_flush;
	power_world = w;
	for (w->life = 0; w->life < s->lives; w->life++) {
		w->fences_left = 1 + below(2 * s->fences);
		if (setjmp(w->power))
			world_count(w, EVENT_gone_on, 1);
		else
			live(w);
	}
	w->model->on_fence = NULL;
	w->bdev->on_flush = NULL;
	do_open(w);
	world_drain(w);
	oracle_check_drained(w->lives);
	do_close(w);
}
