/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reclaim: free segments, from the old end of the log, ahead of demand. Each key between key_tail
 * and dirty_tail is either dropped from the index or, if its data was read since it came, inserted
 * again at the head. Then the key_tail moves, and segments that nothing refers to any more are
 * released (rules 7 and 9).
 */
#ifndef PCACHE_RECLAIM_H
#define PCACHE_RECLAIM_H

#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "format.h"

struct pcache;
struct media_kset;

/* How many sets a pass takes before it moves the key_tail. */
#define RECLAIM_SETS	32u

struct reclaim {
	struct workqueue_struct *wq;
	struct delayed_work work;
	struct mutex tail_lock;		/* held while key_tail moves: its holder sees a still log */
	struct media_kset *set;
	u32 *refs;			/* segments whose references a pass will put */
	u32 nr_refs;
	void *buf;			/* for data on its way to the head */
	u64 moved;			/* sectors that the pass has inserted again */
	s64 budget;			/* sectors that may be: as many as have been dropped */
	u64 passed;			/* sectors of the keys that the pass has dealt with */
	bool running;
	bool starved;			/* waits for dirty_tail to move */
	int error;			/* why nothing gets free any more, or 0 */
};

int reclaim_init(struct pcache *c);
void reclaim_exit(struct pcache *c);
void reclaim_start(struct pcache *c);
void reclaim_stop(struct pcache *c);

/* Do what is needed, or see whether something is. Any context. */
void reclaim_kick(struct pcache *c);
void reclaim_look(struct pcache *c);
/* The dirty_tail has moved. */
void reclaim_progress(struct pcache *c);

#endif
