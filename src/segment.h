/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments: who uses each of them, its generation, and when it is free again.
 *
 * A segment is known by its cache segment id: its place in the chain on the media. It is held by
 * references: one for each key in the log between key_tail and the head, and for each that is on
 * its way there; one while data is still being put into it; one while the log passes through it.
 * When the last is put the segment is dead. segments_release() gives the dead ones, once no reader
 * has them pinned, their next generation and frees them (rule 7): so the last reference may only
 * be put after the key_tail that says so is durable.
 */
#ifndef PCACHE_SEGMENT_H
#define PCACHE_SEGMENT_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "format.h"
#include "media.h"

/* Its record can't be read. It does not matter where no key names the segment. */
#define SEGMENT_GEN_UNKNOWN	U64_MAX
/* It can't go up any more, and what would be stored in such a segment could never be made dead. */
#define SEGMENT_GEN_LAST	(U64_MAX - 1)

struct segment {
	atomic_t refs;
	atomic_t pins;			/* readers that copy from it */
	/* Free or dead: under segments.lock. Of the log: its chain, under pos_lock. */
	struct list_head list;
	u64 gen;			/* or SEGMENT_GEN_UNKNOWN */
	u32 phys;			/* physical id */
	struct media_slot gen_slot;
	bool bad;			/* its memory has failed: not to be used again */
};

/* Who asks for a segment: each leaves those that are kept back for the ones behind it. */
enum segment_use {
	SEGMENT_FILL,			/* read misses and re-insertion: only if there is plenty */
	SEGMENT_DATA,			/* writes */
	SEGMENT_LOG,			/* the log: to the last (rule 2) */
};

struct segments {
	struct pmem *pm;
	struct segment *seg;		/* nr of them, by cache segment id */
	u32 nr;
	spinlock_t lock;		/* lists and nr_free; taken last */
	struct list_head free;		/* the longest free first */
	struct list_head dead;
	u32 nr_free;
	u32 nr_dead;
	atomic_t nr_bad;		/* whose memory has failed, in use or not */
	/* One was taken, or a dead one's last pin went. Any context that may take a spinlock. */
	void (*on_change)(struct segments *segs);
};

/* Segments that only the log may take, and that fills and re-insertion leave to writes. */
#define SEGMENTS_FOR_LOG	2u
static inline u32 segments_for_writes(const struct segments *segs)
{
	return segs->nr / 8 + 1;
}

/* What fills and re-insertion leave to others. */
static inline u32 segments_kept_from_fills(const struct segments *segs)
{
	return SEGMENTS_FOR_LOG + segments_for_writes(segs);
}

/* With fewer that are good no write ever finds one, for the log has one in use and one at hand. */
#define SEGMENTS_NEEDED		(SEGMENTS_FOR_LOG + 3)

/* More than enough for the writes that may come before reclaim has freed the next one? */
static inline bool segments_plenty(const struct segments *segs)
{
	return READ_ONCE(segs->nr_free) > segments_kept_from_fills(segs);
}

/* Make the chain of a fresh device: @nr segments in a row, all free. Durable on return. Sleeps. */
void segments_format(struct pmem *pm, u32 nr);

/*
 * Walk the chain of @nr segments from physical id @first, among @total, and read the generations.
 * All segments are free and hold no reference. Returns 0, -ENOMEM, or -EINVAL / -EIO if the media
 * can't be right, after a message. Sleeps.
 */
int segments_load(struct segments *segs, struct pmem *pm, u32 first, u32 nr, u32 total);
void segments_exit(struct segments *segs);

/* Where the segment's data area starts on the device, in bytes. */
u64 segment_data(const struct segments *segs, u32 id);

/*
 * Before the log is replayed: there is bad memory in the segment. It is condemned, and not free.
 */
void segment_retire(struct segments *segs, u32 id);

/*
 * While the log is replayed: the segment is in use. The first such call takes it off the free
 * list. Several callers at once are fine.
 */
void segment_claim(struct segments *segs, u32 id);

/* A free segment with one reference, that of its user; or -1. */
int segment_alloc(struct segments *segs, enum segment_use use);

static inline void segment_get(struct segments *segs, u32 id)
{
	atomic_inc(&segs->seg[id].refs);
}

/* Returns whether that was the last reference, and the segment is dead now. */
bool segment_put(struct segments *segs, u32 id, u32 refs);

/*
 * Keep the data of a segment readable after its last reference is gone. Called under the lock of
 * the shard whose index names the segment: who removes the last such entry sees the pin.
 */
static inline void segment_pin(struct segments *segs, u32 id)
{
	atomic_inc(&segs->seg[id].pins);
}

void segment_unpin(struct segments *segs, u32 id);

/* What is in the segment could not be read: nothing new goes there until the next activation. */
static inline void segment_condemn(struct segments *segs, u32 id)
{
	if (!xchg(&segs->seg[id].bad, true))
		atomic_inc(&segs->nr_bad);
}

/*
 * Raise the generation of the dead segments that nobody has pinned, make that durable, and free
 * them. One caller at a time. Returns how many were freed.
 */
u32 segments_release(struct segments *segs);

/* How many there are whose memory has not failed. */
static inline u32 segments_good(const struct segments *segs)
{
	return segs->nr - atomic_read(&segs->nr_bad);
}

static inline u32 segments_used(const struct segments *segs)
{
	return segs->nr - READ_ONCE(segs->nr_free);
}

#endif
