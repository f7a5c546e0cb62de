// SPDX-License-Identifier: GPL-2.0-or-later
/* Power cuts: which there are at a fence, and the life after each. */
#include <linux/string.h>

#include "crash.h"
#include "test.h"

/* What a fence has to make durable is known by so many of its stores. */
#define SAMPLES		16u

/* Of more lines or calls than these one is like the other. */
#define PARTS_MAX	16u

struct world *power_world;

void world_open(struct world *w)
{
	struct pcache *c = world_cache(w);
	int r;

	stub_log_clear();
	w->opening = true;
	r = rig_open(c, w->model, w->bdev, &w->s->opt);
	w->opening = false;
	if (r)
		test_failed(__FILE__, __LINE__, "it does not open: %d: %s", r, stub_log());
	rig_check(c);
}

void world_drain(struct world *w)
{
	struct pcache *c = world_cache(w);
	struct block_device *bdev = w->bdev;
	u32 fail_writes = bdev->fail_writes, fail_flushes = bdev->fail_flushes;

	bdev->fail_writes = 0;
	bdev->fail_flushes = 0;
	rig_drain(c);
	bdev->fail_writes = fail_writes;
	bdev->fail_flushes = fail_flushes;
	rig_check(c);
}

/* Within the life that is under way: it finds everything as that had left it. */
static void next_life(struct world *w)
{
	struct pcache *c = world_cache(w);
	bool opening = w->opening, watched = w->watched;

	w->watched = w->depth == 1 && !below(32);
	oracle_check_origin(&w->oracle, w->bdev, !w->s->opt.batch_order);
	world_open(w);
	oracle_check_cache(&w->oracle, c);
	if (w->watched || !below(4)) {
		if (below(2))
			pcache_set_gc_percent(c, 0);
		world_drain(w);
		stub_sleep(below(2000));
		rig_check(c);
		oracle_check_cache(&w->oracle, c);
		fake_origin_crash(w->bdev, false);
		oracle_check_drained(c);
	}
	rig_close(c);
	w->opening = opening;
	w->watched = watched;
}

static void cut(struct world *w, u64 events, enum pmem_keep keep, size_t store)
{
	u64 seed = get_random_u64();
	struct block_device origin_past;
	struct stub_life *outer;
	struct pmem_past past;
	unsigned int event;

	if (!w->depth) {
		w->report->cuts++;
		if (w->only >= 0 && w->report->cuts != w->only)
			return;
	}
	for (event = 0; event < NR_EVENTS; event++)
		world_count(w, event, events >> event & 1);
	outer = stub_begin_life();
	stub_seed(seed);
	pmem_model_cut(w->model, keep, store, &past);
	fake_origin_cut(w->bdev, !below(4), &origin_past);
	w->report->depth = ++w->depth;
	next_life(w);
	w->report->depth = --w->depth;
	fake_origin_mend(w->bdev, &origin_past);
	pmem_model_mend(w->model, &past);
	stub_end_life(outer);
	w->report->states++;
}

/*
 * Where each line of what is not fenced begins, or each call that stored; what goes to one goes there
 * in a row, mostly. Returns how many, up to PARTS_MAX.
 */
static size_t find_parts(const struct pmem_model *model, bool calls, size_t *parts)
{
	size_t i, nr = 0;
	u64 last = -1;

	for (i = 0; i < model->nr_stores && nr < PARTS_MAX; i++) {
		const struct pmem_store *store = &model->stores[i];
		u64 part = calls ? store->call : store->off / 64;

		if (part != last)
			parts[nr++] = i;
		last = part;
	}
	return nr;
}

/* Each alone, and each left out; some of them, if there are many. */
static void cut_parts(struct world *w, u64 events, bool calls)
{
	enum pmem_keep one = calls ? PMEM_KEEP_ONE_CALL : PMEM_KEEP_ONE_LINE;
	enum pmem_keep but_one = calls ? PMEM_KEEP_BUT_ONE_CALL : PMEM_KEEP_BUT_ONE_LINE;
	size_t i, parts[PARTS_MAX], nr = find_parts(w->model, calls, parts);

	for (i = 0; nr > 1 && nr < PARTS_MAX && i < nr; i++) {
		cut(w, events, one, parts[i]);
		if (nr > 2 && !below(4))
			cut(w, events, but_one, parts[i]);
	}
	for (i = 0; nr == PARTS_MAX && i < 4; i++)
		cut(w, events, below(4) ? one : but_one, below(w->model->nr_stores));
}

/* Few stores: all that may be left of them. */
static void cut_each(struct world *w, u64 events)
{
	size_t i, nr = w->model->nr_stores;

	for (i = 0; nr > 1 && i < nr; i++)
		cut(w, events, PMEM_KEEP_ONE_STORE, i);
	for (i = 0; nr > 2 && i < nr; i++)
		cut(w, events, PMEM_KEEP_BUT_ONE_STORE, i);
}

static void cut_all_ways(struct world *w, u64 events)
{
	size_t nr = w->model->nr_stores;
	unsigned int i;

	cut(w, events, PMEM_KEEP_NONE, 0);
	cut(w, events, PMEM_KEEP_ALL, 0);
	if (nr <= 3) {
		cut_each(w, events);
		return;
	}
	cut(w, events, PMEM_KEEP_RANDOM, 0);
	if (events == EVENT(cut_data)) {
		cut(w, events, PMEM_KEEP_ONE_LINE, below(nr));
		return;
	}
	cut_parts(w, events, false);
	cut_parts(w, events, true);
	for (i = 0; i < 3; i++)
		cut(w, events, PMEM_KEEP_RANDOM, 0);
}

static u64 head_event(u64 off)
{
	if (off >= PCACHE_DIRTY_TAIL_OFF)
		return EVENT(cut_dirty_tail);
	if (off >= PCACHE_KEY_TAIL_OFF)
		return EVENT(cut_key_tail);
	if (off >= PCACHE_INFO_OFF)
		return EVENT(cut_info);
	if (off >= PCACHE_FORMATTING_OFF)
		return EVENT(cut_mark);
	return off >= PCACHE_IDENTITY_OFF ? EVENT(cut_identity) : EVENT(cut_superblock);
}

static u64 log_event(struct world *w, u64 off)
{
	const struct media_kset *set = (void *)(w->model->mem + off);

	/* Only a set that leads on has that flag, so far into a store of one. */
	if (set->magic == PCACHE_KSET_MAGIC && set->flags == PCACHE_KSET_LAST)
		return EVENT(cut_last);
	return EVENT(cut_set);
}

static u64 store_event(struct world *w, u64 off)
{
	const struct keylog *log = &world_cache(w)->log;
	u64 id = (off - PCACHE_SEGS_OFF) / PCACHE_SEG_SIZE;
	u64 in = (off - PCACHE_SEGS_OFF) % PCACHE_SEG_SIZE;

	if (off < PCACHE_SEGS_OFF)
		return head_event(off);
	if (in < PCACHE_SEG_GEN_OFF)
		return EVENT(cut_segment_info);
	if (in < PCACHE_SEG_DATA_OFF)
		return EVENT(cut_generation);
	if (w->opening)
		return EVENT(cut_format);
	if (id == log->next)
		return EVENT(cut_next);
	return id == log->put.seg ? log_event(w, off) : EVENT(cut_data);
}

/* What is not fenced. */
static u64 fence_events(struct world *w)
{
	const struct pmem_model *model = w->model;
	size_t i, step = model->nr_stores / SAMPLES + 1;
	u64 events = 0, tails;

	for (i = 0; i < model->nr_stores; i += step)
		events |= store_event(w, model->stores[i].off);
	tails = events & (EVENT(cut_key_tail) | EVENT(cut_dirty_tail));
	if (w->opening && world_cache(w)->sb.formatting)
		events |= EVENT(cut_format);
	else if (tails && !w->tail_moved)
		events |= EVENT(cut_first_tail);
	if (w->depth)
		events |= EVENT(cut_recovery);
	return events;
}

/* Where the log is, and what has come to a segment that was used before. */
static void follow(struct world *w, u64 events)
{
	const struct pcache *c = world_cache(w);
	u64 id = (w->model->stores[0].off - PCACHE_SEGS_OFF) / PCACHE_SEG_SIZE;
	u32 log_seg = c->log.put.seg;

	if (w->opening)
		return;
	if (events & EVENT(cut_dirty_tail))
		world_count(w, EVENT_written_back, 1);
	if (events & (EVENT(cut_data) | EVENT(cut_next)))
		world_count(w, EVENT_reused, c->segs.seg[id].gen > w->first_gen[id]);
	if (w->log_seg >= 0 && w->log_seg != log_seg) {
		world_count(w, EVENT_moved, 1);
		world_count(w, EVENT_moved_back, w->was_log[log_seg]);
	}
	w->log_seg = log_seg;
	w->was_log[log_seg] = true;
	w->tail_moved |= !!(events & EVENT(cut_first_tail));
}

/* Data is being stored, and not fenced: another CPU may commit what is in the log by now (rule 1). */
static void flush_beside(struct world *w)
{
	int cpu = stub_cpu, sections = stub_migrate_disabled;

	if (w->beside || stub_spinlocks || mutex_is_locked(&w->lives->log.lock) || below(8))
		return;
	w->beside = true;
	stub_cpu = !cpu;
	stub_migrate_disabled = 0;
	rig_flush(w->lives);
	oracle_flushed(&w->oracle);
	world_count(w, EVENT_flush_beside, 1);
	stub_migrate_disabled = sections;
	stub_cpu = cpu;
	w->beside = false;
}

void power_fails(struct world *w)
{
	pmem_model_crash(w->model, below(2) ? PMEM_KEEP_RANDOM : below(PMEM_KEEP_KINDS));
	fake_origin_crash(w->bdev, !below(4));
	stub_forget();
	w->beside = false;
	longjmp(w->power, 1);
}

void power_on_fence(struct pmem_model *model, void *arg)
{
	struct world *w = arg;
	u64 events = fence_events(w);

	if (w->depth) {
		if (w->watched) {
			cut(w, events, PMEM_KEEP_RANDOM, 0);
			cut(w, events, PMEM_KEEP_ONE_LINE, below(model->nr_stores));
		}
		return;
	}
	follow(w, events);
	/* In any order the origin is right when the dirty_tail moves, once replay is behind it. */
	if (events & EVENT(cut_dirty_tail) && !w->opening && !w->lives->writeback.replaying)
		oracle_check_origin(&w->oracle, w->bdev, true);
	cut_all_ways(w, events);
	if (events == EVENT(cut_data))
		flush_beside(w);
	if (!--w->fences_left)
		power_fails(w);
}

/* Between two fences as well: what is on its way to the origin may get there in any order (rule 6). */
void power_on_origin_flush(void)
{
	struct world *w = power_world;

	if (w->depth)
		return;
	cut(w, EVENT(cut_origin), PMEM_KEEP_NONE, 0);
	cut(w, EVENT(cut_origin), PMEM_KEEP_NONE, 0);
}
