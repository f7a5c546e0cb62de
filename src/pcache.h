/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cache: one persistent-memory device in front of one origin. What its parts share.
 *
 * pcache_check() looks and changes nothing; pcache_load() formats or replays; then pcache_start()
 * and pcache_stop() bracket the time in which there is I/O, any number of times.
 */
#ifndef PCACHE_PCACHE_H
#define PCACHE_PCACHE_H

#include "head.h"
#include "keylog.h"
#include "origin.h"
#include "reclaim.h"
#include "segment.h"
#include "shard.h"
#include "stats.h"
#include "superblock.h"
#include "writeback.h"

/* What the table line may change while the cache stays loaded. */
struct pcache_options {
	bool data_crc;
	bool batch_order;		/* writeback_order batch */
	u8 gc_percent;
	bool gc_percent_set;		/* the table line names it: it goes to the media */
	bool read_only;
};

struct pcache {
	struct pmem pmem;
	struct superblock sb;
	struct segments segs;
	struct heads heads;
	struct index_pool index_pool;
	struct shard *shards;
	unsigned int nr_shards;
	struct keylog log;
	struct origin origin;
	struct writeback writeback;
	struct reclaim reclaim;
	struct pcache_options opt;
	atomic64_t allowance;		/* sectors that writes may take yet while space is short */
	struct pcache_stats __percpu *stats;
	bool loaded;
	bool given_up;			/* the log's clean part, where the media's key_tail lies */
	struct write_queue *write_queue;	/* write.c's */
	struct read_pool *read_pool;		/* read.c's */
	/* There may be space for those who wait for it. Any context that may take a spinlock. */
	void (*on_space)(struct pcache *c);
	bool (*has_waiters)(struct pcache *c);
	char name[32];			/* of the device, for messages: its major:minor */
};

/*
 * The most that is stored at once, and so the most that a key of ours holds, in sectors. With
 * checksums a key holds less, for each read checks all of it: what is stored gets several.
 */
#define PCACHE_KEY_SECTORS	128u
#define PCACHE_CRC_KEY_SECTORS	32u

static inline void pcache_count(struct pcache *c, enum pcache_stat stat, u64 n)
{
	this_cpu_add(c->stats->n[stat], n);
}

u64 pcache_stat(struct pcache *c, enum pcache_stat stat);
void pcache_clear_stats(struct pcache *c);

/* The caller has opened pmem and set the origin, the name, and the hooks. 0 or -ENOMEM. */
int pcache_init(struct pcache *c);
void pcache_exit(struct pcache *c);

/*
 * Look at the media, and refuse what can't be right or does not go with the options: 0 or an error,
 * after a message. Writes nothing.
 */
int pcache_check(struct pcache *c, const struct pcache_options *opt);

/*
 * Format the device if it is blank; replay the log: without its clean part if that is poisoned. 0,
 * or an error after a message. Sleeps.
 */
int pcache_load(struct pcache *c, const struct pcache_options *opt);

/* A cache that Linux's own target has made, or whose origin has grown, gets our identity. */
void pcache_adopt(struct pcache *c);

/* Change gc_percent, on the media too. */
void pcache_set_gc_percent(struct pcache *c, u8 percent);

/* Write-back and reclaim may run; they may not, and the log is committed: the media is quiet. */
void pcache_start(struct pcache *c);
void pcache_stop(struct pcache *c);

struct shard *__pcache_lock_shard(struct pcache *c, u64 sector, gfp_t gfp);

/*
 * Lock the shard of @sector when it has a credit and leaves for one insert and append. Returns it,
 * or NULL if the log has no room or memory is short: reclaim helps against both. May sleep for
 * other commits, and for memory as @gfp allows.
 */
static inline struct shard *pcache_lock_shard(struct pcache *c, u64 sector, gfp_t gfp)
{
	struct shard *shard = __pcache_lock_shard(c, sector, gfp);

	/* The lock is held already; only here can sparse see on which condition. */
	if (shard)
		__acquire(&shard->lock);
	return shard;
}

/* The same origin data is now elsewhere: reads of it that are under way must not be cached. */
struct fill {
	struct list_head list;		/* of the shard, under its lock */
	u64 start;
	u32 len;
	bool stale;
};

void pcache_outdate_fills(struct shard *shard, u64 start, u32 len);

/* Store the data of @e, all of it, from @buf, durably (rule 1); with checksums, note that in @e. */
void pcache_store(struct pcache *c, struct extent *e, const void *buf);

/* Compare the checksum of the whole key that @e is a part of. 0 or -EIO. True without checksums. */
int pcache_verify(struct pcache *c, const struct extent *e);

/* Where the data of @e lies on the device, in bytes. */
static inline u64 pcache_addr(struct pcache *c, const struct extent *e)
{
	return segment_data(&c->segs, e->seg) + (u64)e->sect * PCACHE_SECTOR;
}

/*
 * replay.c: fill the index from the log, check all that is in it, start the log. -ENODATA if only
 * the clean part of the log can't be read, or the generation of what that names, in segment *@bad.
 */
int pcache_replay(struct pcache *c, u32 *bad);

#endif
