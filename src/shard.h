/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A shard: every address of the origin belongs to one, by its 4 MiB chunk. Its lock is held for
 * the moment in which a range's place in the index and its key in the log are decided together:
 * that is what makes log order visibility order (rule 2). It is never held while data is copied,
 * while memory is allocated, or across anything that sleeps.
 *
 * Lock order: keylog.lock, then shard.lock, then segments.lock.
 */
#ifndef PCACHE_SHARD_H
#define PCACHE_SHARD_H

#include <linux/list.h>
#include <linux/spinlock.h>

#include "format.h"
#include "index.h"

/* How many keys wait in a shard at most before someone takes them to the log. */
#define SHARD_KEYS	PCACHE_KSET_KEYS

struct shard {
	spinlock_t lock;
	struct index index;
	struct list_head fills;		/* reads of the origin under way that want to be cached */
	/* The keys on their way to the log, oldest first, and how many more may come (rule 2). */
	struct media_key *keys;
	u32 nr_keys;
	u32 credit;
	bool lent;			/* one more, for lost data alone */
	u64 dirty;			/* sectors of keys that are not clean, ever appended */
} ____cacheline_aligned_in_smp;

#define SHARD_CHUNK_SECTORS	(PCACHE_CHUNK / PCACHE_SECTOR)

/* How many sectors from @sector on belong to the same chunk, thus to one shard and one key. */
static inline u32 chunk_rest(u64 sector)
{
	return SHARD_CHUNK_SECTORS - (u32)(sector % SHARD_CHUNK_SECTORS);
}

#endif
