/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Write-back: the origin gets what the log holds from dirty_tail to the durable head, in batches.
 * A batch ends at a barrier (writeback_order strict) or where it is large enough. Its data is
 * sorted and merged, what later keys of the batch replace is left out. Writes, flush, then the
 * dirty_tail (rule 5); only then what is behind the barrier (rule 6): so after a power cut the
 * origin holds nothing from behind the barrier up to which write-back is repeated.
 */
#ifndef PCACHE_WRITEBACK_H
#define PCACHE_WRITEBACK_H

#include <linux/atomic.h>
#include <linux/ratelimit.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "index.h"
#include "keylog.h"

struct pcache;

struct writeback {
	struct workqueue_struct *wq;
	struct delayed_work work;
	struct index batch;		/* what the batch under way has to write */
	struct media_kset *set;
	spinlock_t lock;		/* free and nr_free */
	struct list_head free;		/* struct origin_io, idle */
	struct list_head ready;		/* filled, not submitted yet; the worker's */
	unsigned int nr_free, nr_ios;
	wait_queue_head_t wait;
	int error;			/* the first of the batch */
	unsigned int backoff;		/* ms until the next try, 0 after a success */
	int last_error;
	atomic_t flushers;		/* those who wait in writeback_flush() */
	unsigned int failures;		/* runs that ended with an error */
	struct ratelimit_state messages;
	unsigned int losses;		/* pieces that could not be read */
	bool running;			/* between writeback_start() and writeback_stop() */
	bool interrupted;		/* nobody may wait for a flush */
	bool armed;			/* a run is due, at once or later */
	bool urged;			/* ... and soon, though data was lost in the last one */
	bool large;			/* the batch is too large for those who wait for space */
	bool unreadable;		/* data of the batch can't be read */
	bool kept;			/* ... and, in this run, nothing newer has replaced it */
	bool lost;			/* the same of the last run */
	bool crowded;			/* too much for the log: batches are of one set */
	bool marks;			/* the index has, or had, marks of lost data */
	bool failed;			/* the log can't be read ... */
	struct log_pos bad;		/* ... here */
	u64 queued;			/* sectors of keys that went into the batch */
	unsigned long poked;		/* jiffies, when something was last written */
	u32 speed;			/* sectors that the last batches wrote in a second */
	u32 flush_us;			/* microseconds that their flushes took */
	struct log_pos until;		/* where the last batch ended */
	bool unfinished;		/* the origin may hold any part of it */
	bool replaying;			/* dirty_tail has not passed what replay found yet */
	struct log_pos replayed;	/* the head at activation */
	u64 passed;			/* keys behind dirty_tail, as keylog.nr_keys counts */
	u64 written_back;		/* dirty sectors of them, as shard.dirty counts */
};

int writeback_init(struct pcache *c);
void writeback_exit(struct pcache *c);
/*
 * Replay has found @keys from dirty_tail up to @head, with @dirty sectors. If it has set
 * unfinished, the dirty_tail passes them at once.
 */
void writeback_replayed(struct pcache *c, struct log_pos head, u64 dirty, u64 keys);

void writeback_start(struct pcache *c);
void writeback_stop(struct pcache *c);

/* There is something dirty: it will be written back when it has aged a little. Any context. */
void writeback_poke(struct pcache *c);
/* See whether so much is dirty that it had better be written back now. Any context. */
void writeback_look(struct pcache *c);
/* Somebody needs space: write back now. Any context. */
void writeback_urge(struct pcache *c);

/*
 * Return when all that was dirty at the call is durable on the origin: 0, or the error that the
 * origin answered with (the data stays, and is tried again later). Sleeps; a signal ends it.
 */
int writeback_flush(struct pcache *c);
/* Those who wait in writeback_flush() get -EBUSY, until this is off again. */
void writeback_interrupt(struct pcache *c, bool on);

/*
 * May the data of @e, an extent of the index, be missing on the origin? Reads the log: for when it
 * turned out that the data can't be read. Sleeps.
 */
bool writeback_is_dirty(struct pcache *c, const struct extent *e);

/* Does the log hold anything that the dirty_tail has not passed? Approximate under load. */
bool writeback_is_behind(struct pcache *c);

/* Sectors of dirty keys between dirty_tail and the last append; those replaced count too. */
u64 writeback_dirty(struct pcache *c);

#endif
