/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Crash states: a user works with a cache over a model of persistent memory, and at every fence the
 * power fails, many times: with none of what is not fenced, with all of it, with each line alone,
 * with any of the eight-byte pieces. Each such state gets a life of its own, within the one that is
 * under way: it opens, is compared with what the user was told, perhaps writes back and reclaims
 * all that it has; then it is undone. Now and then the power fails there as well, and now and then
 * it fails for good, and the user goes on with what is left.
 *
 * All that happens in a workload follows from its scenario and its seed.
 */
#ifndef CRASH_H
#define CRASH_H

#include <setjmp.h>

#include <linux/random.h>

#include "oracle.h"

/* What a run must have seen, or it has shown nothing. */
#define CRASH_EVENTS(X) \
	X(flush, "flushes") \
	X(fua, "writes with FUA") \
	X(flush_beside, "flushes while another CPU stores data") \
	X(fill, "reads that are cached") \
	X(written_back, "moves of the dirty_tail") \
	X(released, "segments released") \
	X(reused, "fences with stores to a segment that was released") \
	X(reinserted, "sectors inserted again") \
	X(moved, "moves of the log to another segment") \
	X(moved_back, "moves to a segment that it had been in") \
	X(origin_error, "errors of the origin") \
	X(gc_zero, "gc_percent set to 0") \
	X(closed, "lives that were closed") \
	X(gone_on, "lives that went on after a power cut") \
	X(cut_data, "states with data not fenced") \
	X(cut_set, "... sets of keys") \
	X(cut_next, "... the start of the log's next segment") \
	X(cut_last, "... the set that leads there") \
	X(cut_key_tail, "... key_tail") \
	X(cut_dirty_tail, "... dirty_tail") \
	X(cut_first_tail, "... either for the first time after opening") \
	X(cut_generation, "... a generation") \
	X(cut_info, "... cache_info") \
	X(cut_segment_info, "... segment_info") \
	X(cut_superblock, "... superblock") \
	X(cut_identity, "... identity") \
	X(cut_mark, "... the mark of formatting") \
	X(cut_origin, "states with the origin not flushed") \
	X(cut_format, "states during formatting") \
	X(cut_recovery, "states during recovery from another")

#define CRASH_ENUM(name, text)	EVENT_##name,
enum crash_event { CRASH_EVENTS(CRASH_ENUM) NR_EVENTS };
#define EVENT(name)		(1ull << EVENT_##name)

struct scenario {
	const char *name;
	const char *script;		/* what each life begins with, a letter for each: see workload.c */
	const char *mix;		/* of these it does any then ... */
	u32 ops;			/* ... so many times */
	u32 lives;
	u32 fences;			/* the power fails for good after twice so many at most */
	u32 segments;			/* 0: the device is not formatted yet */
	struct pcache_options opt;
	bool slow, write_through;	/* the origin; and one in so many of its ... */
	u32 fail_writes, fail_flushes;
	u64 shows;			/* events that must come */
};

extern const struct scenario scenarios[];
extern const unsigned int nr_scenarios;

/* What a workload tells of itself as it goes. */
struct report {
	u64 events[NR_EVENTS];
	u64 states;			/* that were checked */
	u64 cuts;			/* those of them that are not within another; and skipped ones */
	u32 depth;			/* of lives within lives, now */
};

/* Run the workload. It ends as a test does if something is wrong. @only: check but this cut, or -1. */
void crash_run(const struct scenario *s, u64 seed, s64 only, struct report *report);

/*
 * What follows is shared by the parts.
 */

#define SEGMENTS_MAX	31u		/* of the smallest device */

struct world {
	const struct scenario *s;
	struct report *report;
	s64 only;
	struct pmem_model *model;
	struct block_device *bdev;
	struct oracle oracle;
	struct pcache lives[3];		/* by depth: the user's, one within it, one within that */
	u32 depth;
	bool opening;			/* the life that is the innermost */
	bool watched;			/* cut its power, too */
	bool beside;			/* the other CPU is at work */
	bool tail_moved;		/* since the cache was opened */
	int log_seg;			/* where the log is, and ... */
	bool was_log[SEGMENTS_MAX];	/* ... where it was at any time */
	u64 first_gen[SEGMENTS_MAX];
	u32 life;
	u32 fences_left;		/* until the power fails for good */
	jmp_buf power;			/* where to go on then */
};

static inline struct pcache *world_cache(struct world *w)
{
	return &w->lives[w->depth];
}

static inline void world_count(struct world *w, enum crash_event event, u64 n)
{
	w->report->events[event] += n;
}

static inline u32 below(u32 n)
{
	return get_random_u32_below(n);
}

/* power.c: the model's on_fence, the origin's on_flush, and the power failing for good: does not return. */
void power_on_fence(struct pmem_model *model, void *arg);
void power_on_origin_flush(void);
extern struct world *power_world;	/* the only one, for the origin has no other to tell */
void power_fails(struct world *w) __attribute__((noreturn));

/* Open, check what must always hold; all reaches the origin. Of the innermost life. */
void world_open(struct world *w);
void world_drain(struct world *w);

#endif
