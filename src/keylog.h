/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The key log: the order of things, kept on the media.
 *
 * A key is appended to its shard, under the shard's lock, together with the change of the index. A
 * commit takes the keys of all shards to the media, in sets of 128; only a set that ends a commit
 * which somebody waited for is shorter. So a short set is a barrier: what was acknowledged before
 * it is durable, and the origin gets nothing from behind it before all that is in front (rule 6).
 * In what was on the media at activation every set counts as a barrier, for another writer may
 * have made it.
 *
 * Room (rule 2): a shard's credit is how many keys it may still take. The log has room for all of
 * them, and for those that wait, even if each were to get a set of its own. Credit comes back when
 * a commit takes the keys, as far as there is room; without it writers wait for reclaim.
 *
 * The log owns a reference to each segment it passes through, and to the next one.
 */
#ifndef PCACHE_KEYLOG_H
#define PCACHE_KEYLOG_H

#include <linux/bitops.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "format.h"
#include "media.h"
#include "segment.h"
#include "shard.h"

struct log_pos {
	u32 seg;			/* cache segment id */
	u32 off;			/* bytes from the start of the data area */
};

static inline bool log_pos_equal(struct log_pos a, struct log_pos b)
{
	return a.seg == b.seg && a.off == b.off;
}

struct keylog {
	struct pmem *pm;
	struct segments *segs;
	struct shard *shards;
	unsigned int nr_shards;		/* a power of two, at most SHARDS_MAX */
	unsigned long pending;		/* bit per shard: keys wait there; set under its lock */

	struct mutex lock;		/* commits: all from here to the blank line */
	unsigned long commits;		/* how many have been started */
	struct media_kset *stage;	/* a set with keys from the shards, in order; up to ... */
	u32 nr_stage;			/* ... this many, perhaps more than one set takes */
	struct log_pos put;		/* where the next set goes */
	u32 zeroed;			/* put's segment is durably zero from put to here */
	int next;			/* the segment in which the log will go on, or -1 */
	u32 promised;			/* keys in shards and on the stage, and all credit */
	bool dry;			/* a shard got less credit than it could hold */

	spinlock_t pos_lock;		/* positions, chain and figures */
	struct log_pos head;		/* all before it is durable */
	struct log_pos dirty_tail;
	struct log_pos key_tail;
	struct list_head chain;		/* segments of the log, from key_tail to put */
	u64 nr_sets, nr_keys;		/* written since activation */

	struct media_slot dirty_slot, key_slot;		/* each its tail's mover's */
};

#define SHARDS_MAX	((unsigned int)BITS_PER_LONG)

/* Both tails of a fresh device, and the empty log. Durable on return. */
void keylog_format(struct pmem *pm);

/* Returns 0 or -ENOMEM. @shards are initialised but for their keys, which are allocated here. */
int keylog_init(struct keylog *log, struct pmem *pm, struct segments *segs,
		struct shard *shards, unsigned int nr_shards);
void keylog_exit(struct keylog *log);

/* Read both tails. 0, or -EINVAL / -EIO after a message. */
int keylog_load(struct keylog *log);

/* While the log is replayed: it passes through segment @id. */
void keylog_claim(struct keylog *log, u32 id);

/* Replay is over: the log goes on at @head. Gives out the first credit. Stores nothing. */
void keylog_start(struct keylog *log, struct log_pos head);

static inline struct shard *keylog_shard(struct keylog *log, u64 sector)
{
	/* Neighbouring chunks in different shards, and no stride of the caller's in one. */
	u64 chunk = sector / SHARD_CHUNK_SECTORS;

	return &log->shards[(chunk ^ (chunk >> 6) ^ (chunk >> 12)) & (log->nr_shards - 1)];
}

/*
 * Under the shard's lock, with credit left: the key of @e is next in log order. The caller holds a
 * reference to the extent's segment and hands it over. Cannot fail.
 */
void keylog_append(struct keylog *log, struct shard *shard, const struct extent *e);

/*
 * All that was appended before the call is durable on return, and ends with a barrier. Callers
 * share. Sleeps for no longer than others' commits take; never waits for space.
 */
void keylog_commit(struct keylog *log);

/*
 * Take the keys from the shards, write those that fill whole sets, give out new credit. For a
 * writer whose shard has none left. Returns whether all shards got what they could hold; the
 * writer's own may have got some all the same. If it has not, only reclaim helps.
 */
bool keylog_drain(struct keylog *log);

/*
 * For who must append so that a tail can move, while the log is out of room: one key's credit for
 * the shard, which no writer takes for its own, of what is kept back for that: enough for a segment
 * whose every sector is lost by itself.
 */
void keylog_lend(struct keylog *log, struct shard *shard);

/* How many keys, about, there is room for beyond all credit, each in a set of its own. */
u32 keylog_room(struct keylog *log);

/* Segments that the log holds, but does not pass through yet. */
static inline u32 keylog_set_aside(const struct keylog *log)
{
	return READ_ONCE(log->next) >= 0;
}

struct log_pos keylog_head(struct keylog *log);
struct log_pos keylog_dirty_tail(struct keylog *log);
struct log_pos keylog_key_tail(struct keylog *log);

/*
 * Move a tail to @pos, which lies on the log behind where it is. Durable on return. The caller of
 * keylog_set_dirty_tail() has seen the origin's writes and their flush succeed (rule 5). Segments
 * that the key_tail has left are put. One caller each at a time.
 */
void keylog_set_dirty_tail(struct keylog *log, struct log_pos pos);
void keylog_set_key_tail(struct keylog *log, struct log_pos pos);

enum keylog_step {
	KEYLOG_END,			/* no set here: *@pos is the end */
	KEYLOG_SET,			/* a set was read, *@pos is behind it */
	KEYLOG_MOVED,			/* the log goes on at *@pos, in another segment */
};

/* Memory for one set. */
struct media_kset *kset_alloc(gfp_t gfp);

/*
 * Read what is at *@pos into @set and move on. With @end, *@pos is short of it or there, and all
 * up to it must be good; without, the log ends where no good set lies. Returns an enum keylog_step,
 * or -EIO if memory is poisoned, -EUCLEAN if the log can't be right, after a message.
 */
int keylog_read(struct keylog *log, struct log_pos *pos, const struct log_pos *end,
		struct media_kset *set);

/* The extent of a key of a set, and back. A key must have been checked by replay. */
static inline void key_to_extent(const struct media_key *key, struct extent *e)
{
	*e = (struct extent){
		.start = key->off / PCACHE_SECTOR,
		.len = key->len / PCACHE_SECTOR,
		.seg = key->cache_seg_id,
		.sect = key->cache_seg_off / PCACHE_SECTOR,
		.clean = key->flags & PCACHE_KEY_CLEAN,
		.crc = key->data_crc,
		.key_len = key->len / PCACHE_SECTOR,
	};
}

/* Is the key alive: is its generation its segment's (rule 10)? */
static inline bool key_alive(struct segments *segs, const struct media_key *key)
{
	return key->seg_gen == segs->seg[key->cache_seg_id].gen;
}

/* Does the set end with a barrier? @replayed: it was there at activation. */
static inline bool kset_is_barrier(const struct media_kset *set, bool replayed)
{
	return replayed || set->key_num < PCACHE_KSET_KEYS;
}

#endif
