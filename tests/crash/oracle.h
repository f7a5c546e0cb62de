/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the user was told, and so what may be found after a power cut.
 *
 * The user writes to slots: sectors at the end of some chunks of the origin. Each sector that is
 * written says where it belongs and in which write it came, in all of its words: so what is read
 * tells of which write it is, and whether it is torn. Writes are counted from one; write 0 is the
 * zeros that were there before.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "rig.h"

#define CHUNKS		4u
#define CHUNK_USED	128u
#define SLOTS		(CHUNKS * CHUNK_USED)
#define OUR_SECTORS	((u64)CHUNKS * SHARD_CHUNK_SECTORS)
#define SECTOR_WORDS	(PCACHE_SECTOR / sizeof(u64))

/* In which writes a slot came, the oldest first. */
struct history {
	u32 *writes;
	u32 nr, max;
	u32 kept;			/* a FUA has made this one durable */
};

/* Writes up to @before were done when a flush or a FUA came, those from behind @after came later. */
struct barrier {
	u32 before, after;
};

struct oracle {
	struct history slots[SLOTS];
	u32 last_write;			/* the last that was begun */
	u32 acked;			/* the last that the user was told is done */
	u32 flushed;			/* all up to this one have been flushed */
	struct barrier *barriers;
	u32 nr_barriers, max_barriers;
};

u64 slot_sector(u32 slot);
/* How many slots from @slot on are sectors in a row. */
u32 slot_rest(u32 slot);

/* The user is about to write @len slots from @slot on: this. Ends with oracle_done(). */
void oracle_write(struct oracle *o, u32 slot, u32 len, u64 *data);
void oracle_done(struct oracle *o);
/* A flush has completed; or a write of these slots, which had FUA. */
void oracle_flushed(struct oracle *o);
void oracle_kept(struct oracle *o, u32 slot, u32 len);

/* What the user reads while the power is there: the last that was written. */
void oracle_check_read(const struct oracle *o, u32 slot, u32 len, const u64 *data);

/* What the cache has after a power cut. */
void oracle_check_cache(const struct oracle *o, struct pcache *c);
/* The same, and what was found is what has to be found from now on: the rest is lost for good. */
void oracle_learn(struct oracle *o, struct pcache *c);
/* All that the cache has is on the origin. */
void oracle_check_drained(struct pcache *c);

/*
 * The origin alone: torn it may not be. @ordered: if it has anything of a write that came after a
 * barrier, it has all from before (rule 6).
 */
void oracle_check_origin(const struct oracle *o, const struct block_device *bdev, bool ordered);

#endif
