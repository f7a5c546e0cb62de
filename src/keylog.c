// SPDX-License-Identifier: GPL-2.0-or-later
/* The key log: the order of things, kept on the media. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "keylog.h"
#include "trace.h"

/* What is kept free behind each set: a set without keys, that says where the log goes on. */
#define LAST_SIZE	PCACHE_KSET_SIZE(0)

/* What one key takes at worst: a set of its own. */
#define KEY_ROOM	PCACHE_KSET_SIZE(1)

/* How far ahead of a set the log is made zero, so that few sets pay the fence for it. */
#define ZERO_AHEAD	PCACHE_BLOCK

/*
 * Keys that only keylog_lend() gives credit for: as many as there can be dirty pieces in a segment
 * that can't be read any more.
 */
#define LENT_KEYS	(PCACHE_SEG_DATA_SIZE / PCACHE_SECTOR)

/* Keys of the stage: what a full set leaves there, and those of one more shard. */
#define STAGE_KEYS	(PCACHE_KSET_KEYS + SHARD_KEYS)

static u64 log_addr(struct keylog *log, struct log_pos pos)
{
	return segment_data(log->segs, pos.seg) + pos.off;
}

static u64 tail_off(struct keylog *log, const struct log_pos *tail)
{
	return tail == &log->key_tail ? PCACHE_KEY_TAIL_OFF : PCACHE_DIRTY_TAIL_OFF;
}

struct media_kset *kset_alloc(gfp_t gfp)
{
	return kmalloc(PCACHE_KSET_SIZE(PCACHE_KSET_KEYS), gfp);
}

void keylog_format(struct pmem *pm)
{
	struct media_position start = { };
	struct media_slot key_slot = { }, dirty_slot = { };

	pmem_begin(pm);
	pmem_zero(pm, PCACHE_KEY_TAIL_OFF, PCACHE_BLOCK);
	pmem_zero(pm, PCACHE_SEGS_OFF + PCACHE_SEG_DATA_OFF, LAST_SIZE);
	pmem_end(pm);
	media_store(pm, PCACHE_KEY_TAIL_OFF, PCACHE_TAIL_STRIDE, &start, sizeof(start), &key_slot);
	media_store(pm, PCACHE_DIRTY_TAIL_OFF, PCACHE_TAIL_STRIDE, &start, sizeof(start),
		    &dirty_slot);
}

int keylog_init(struct keylog *log, struct pmem *pm, struct segments *segs,
		struct shard *shards, unsigned int nr_shards)
{
	struct media_key *keys = kvcalloc(nr_shards * SHARD_KEYS, sizeof(*keys), GFP_KERNEL);
	unsigned int i;

	memset(log, 0, sizeof(*log));
	log->pm = pm;
	log->segs = segs;
	log->shards = shards;
	log->nr_shards = nr_shards;
	log->next = -1;
	mutex_init(&log->lock);
	spin_lock_init(&log->pos_lock);
	INIT_LIST_HEAD(&log->chain);
	log->stage = kzalloc(PCACHE_KSET_SIZE(STAGE_KEYS), GFP_KERNEL);
	for (i = 0; i < nr_shards; i++) {
		shards[i].keys = keys ? keys + i * SHARD_KEYS : NULL;
		shards[i].nr_keys = 0;
		shards[i].credit = 0;
		shards[i].lent = false;
	}
	if (keys && log->stage)
		return 0;
	keylog_exit(log);
	return -ENOMEM;
}

void keylog_exit(struct keylog *log)
{
	if (!log->shards)
		return;
	kfree(log->stage);
	kvfree(log->shards[0].keys);
	log->stage = NULL;
	log->shards[0].keys = NULL;
	log->shards = NULL;
}

static int load_tail(struct keylog *log, const char *what, struct log_pos *tail,
		     struct media_slot *slot)
{
	struct media_position pos;
	int r = media_load(log->pm, tail_off(log, tail), PCACHE_TAIL_STRIDE, &pos, sizeof(pos),
			   slot);

	if (r) {
		pr_err("%s: %s: %s\n", log->pm->name, what,
		       r == -EIO ? "the persistent memory is poisoned" : "no good copy");
		return r == -EIO ? r : -EINVAL;
	}
	if (pos.cache_seg_id >= log->segs->nr || pos.seg_off % 8 ||
	    pos.seg_off > PCACHE_SEG_DATA_SIZE - LAST_SIZE) {
		pr_err("%s: %s: there is no place %u:%u\n", log->pm->name, what,
		       pos.cache_seg_id, pos.seg_off);
		return -EINVAL;
	}
	*tail = (struct log_pos){ pos.cache_seg_id, pos.seg_off };
	return 0;
}

int keylog_load(struct keylog *log)
{
	int r = load_tail(log, "key_tail", &log->key_tail, &log->key_slot);

	return r ? r : load_tail(log, "dirty_tail", &log->dirty_tail, &log->dirty_slot);
}

void keylog_claim(struct keylog *log, u32 id)
{
	segment_claim(log->segs, id);
	list_add_tail(&log->segs->seg[id].list, &log->chain);
}

/* How many keys the log has room for, each in a set of its own. */
static u32 room_keys(const struct keylog *log)
{
	/* With a next segment at hand the rest of this one may go to waste. */
	u32 used = log->next < 0 ? log->put.off : 0;

	return (PCACHE_SEG_DATA_SIZE - LAST_SIZE - used) / KEY_ROOM;
}

/* Let @shard take as many keys as it can hold and the log has room for (rule 2). */
static void give_credit(struct keylog *log, struct shard *shard)
{
	u32 want = SHARD_KEYS - shard->nr_keys - shard->credit - shard->lent;
	u32 room = room_keys(log);
	u32 give = min(want, room > log->promised + LENT_KEYS ?
			     room - log->promised - LENT_KEYS : 0);

	shard->credit += give;
	log->promised += give;
	if (give < want)
		log->dry = true;
}

/* From what the shard has already, or from what is kept back. */
static void lend(struct keylog *log, struct shard *shard)
{
	if (shard->lent)
		return;
	if (shard->credit) {
		shard->credit--;
		shard->lent = true;
	} else if (shard->nr_keys < SHARD_KEYS && room_keys(log) > log->promised) {
		log->promised++;
		shard->lent = true;
	}
}

void keylog_lend(struct keylog *log, struct shard *shard)
{
	bool full;

	do {
		keylog_drain(log);
		mutex_lock(&log->lock);
		spin_lock(&shard->lock);
		lend(log, shard);
		/* Writers may have been faster. */
		full = !shard->lent && shard->nr_keys == SHARD_KEYS;
		spin_unlock(&shard->lock);
		mutex_unlock(&log->lock);
	} while (full);
}

u32 keylog_room(struct keylog *log)
{
	u32 more = min(READ_ONCE(log->segs->nr_free), SEGMENTS_FOR_LOG);
	u32 room;

	mutex_lock(&log->lock);
	room = room_keys(log) - log->promised;
	mutex_unlock(&log->lock);
	return room + more * ((PCACHE_SEG_DATA_SIZE - LAST_SIZE) / KEY_ROOM);
}

static void take_next_segment(struct keylog *log)
{
	if (log->next < 0)
		log->next = segment_alloc(log->segs, SEGMENT_LOG);
}

void keylog_append(struct keylog *log, struct shard *shard, const struct extent *e)
{
	if (!shard->nr_keys)
		set_bit(shard - log->shards, &log->pending);
	shard->keys[shard->nr_keys++] = (struct media_key){
		.off = e->start * PCACHE_SECTOR,
		.len = e->len * PCACHE_SECTOR,
		.flags = e->clean ? PCACHE_KEY_CLEAN : 0,
		.cache_seg_id = e->seg,
		.cache_seg_off = e->sect * PCACHE_SECTOR,
		.seg_gen = log->segs->seg[e->seg].gen,
		.data_crc = e->crc,
	};
	shard->credit--;
	if (!e->clean)
		shard->dirty += e->len;
}

/* The log goes on in the next segment, which rule 2 has set aside. */
static void move_on(struct keylog *log)
{
	struct log_pos next = { log->next, 0 };
	struct media_kset last = {
		.next_seg = next.seg,
		.magic = PCACHE_KSET_MAGIC,
		.flags = PCACHE_KSET_LAST,
	};

	last.crc = media_crc(&last, LAST_SIZE);
	pmem_zero(log->pm, log_addr(log, next), ZERO_AHEAD);
	pmem_fence(log->pm);
	pmem_write(log->pm, log_addr(log, log->put), &last, LAST_SIZE);
	pmem_fence(log->pm);
	spin_lock(&log->pos_lock);
	list_add_tail(&log->segs->seg[next.seg].list, &log->chain);
	spin_unlock(&log->pos_lock);
	log->put = next;
	log->zeroed = ZERO_AHEAD;
	log->next = -1;
	take_next_segment(log);
}

void keylog_start(struct keylog *log, struct log_pos head)
{
	unsigned int i;

	mutex_lock(&log->lock);
	log->put = head;
	log->zeroed = head.off;
	take_next_segment(log);
	for (i = 0; i < log->nr_shards; i++) {
		spin_lock(&log->shards[i].lock);
		give_credit(log, &log->shards[i]);
		spin_unlock(&log->shards[i].lock);
	}
	spin_lock(&log->pos_lock);
	log->head = head;
	spin_unlock(&log->pos_lock);
	mutex_unlock(&log->lock);
}

/* No stale set may follow the one that is about to be stored at put (rule 3). */
static void zero_behind(struct keylog *log, u32 size)
{
	u32 end = log->put.off + size + LAST_SIZE;

	if (end <= log->zeroed)
		return;
	end = min_t(u32, end + ZERO_AHEAD, PCACHE_SEG_DATA_SIZE);
	pmem_zero(log->pm, segment_data(log->segs, log->put.seg) + log->zeroed,
		  end - log->zeroed);
	pmem_fence(log->pm);
	log->zeroed = end;
}

/* Store the first @n keys of the stage as a set. Durable only after the next fence. */
static void write_set(struct keylog *log, u32 n)
{
	struct media_kset *set = log->stage;
	u32 size = PCACHE_KSET_SIZE(n);

	if (log->put.off + size + LAST_SIZE > PCACHE_SEG_DATA_SIZE)
		move_on(log);
	zero_behind(log, size);
	set->key_num = n;
	set->magic = PCACHE_KSET_MAGIC;
	set->flags = 0;
	set->crc = media_crc(set, size);
	pmem_write(log->pm, log_addr(log, log->put), set, size);
	log->put.off += size;
	log->promised -= n;
	log->nr_stage -= n;
	log->nr_sets++;
	log->nr_keys += n;
	if (log->nr_stage)
		memmove(set->keys, set->keys + n, log->nr_stage * sizeof(struct media_key));
}

/* Take the keys of all shards onto the stage, and write those that are more than one set. */
static void gather(struct keylog *log)
{
	unsigned long pending = xchg(&log->pending, 0);

	take_next_segment(log);
	/* What is stored in bad memory might never be read again. */
	if (log->next >= 0 && READ_ONCE(log->segs->seg[log->put.seg].bad))
		move_on(log);
	if (log->dry) {
		log->dry = false;
		pending = GENMASK(log->nr_shards - 1, 0);
	}
	for (; pending; pending &= pending - 1) {
		struct shard *shard = &log->shards[__ffs(pending)];

		spin_lock(&shard->lock);
		memcpy(log->stage->keys + log->nr_stage, shard->keys,
		       shard->nr_keys * sizeof(struct media_key));
		log->nr_stage += shard->nr_keys;
		shard->nr_keys = 0;
		give_credit(log, shard);
		spin_unlock(&shard->lock);
		/* A set of 128 is no barrier, so it is written only if more follows. */
		while (log->nr_stage > PCACHE_KSET_KEYS)
			write_set(log, PCACHE_KSET_KEYS);
	}
}

/* What is stored is durable now: let everyone see it. Ends the section. */
static void publish(struct keylog *log)
{
	pmem_end(log->pm);
	trace_pcache_commit(log->pm->name, log->put.seg, log->put.off, log->nr_stage);
	spin_lock(&log->pos_lock);
	log->head = log->put;
	spin_unlock(&log->pos_lock);
}

/*
 * Is all that was appended durable? Whoever takes keys from the shards does so with the mutex held,
 * and lets it go when they are published or on the stage: so in this order.
 */
static bool is_committed(struct keylog *log)
{
	if (READ_ONCE(log->pending))
		return false;
	smp_rmb();	/* taken from the shards after it was locked */
	if (mutex_is_locked(&log->lock))
		return false;
	smp_rmb();	/* on the stage before it was unlocked */
	if (READ_ONCE(log->nr_stage))
		return false;
	smp_rmb();	/* off the stage, but not durable before it is unlocked again */
	return !mutex_is_locked(&log->lock);
}

void keylog_commit(struct keylog *log)
{
	unsigned long mine;

	/* Pairs with the barrier behind the count below: a commit counted later takes our keys. */
	smp_mb();
	/* Linux sends a flush behind a write that had FUA. */
	if (is_committed(log))
		return;
	mine = READ_ONCE(log->commits) + 1;
	mutex_lock(&log->lock);
	if ((long)(log->commits - mine) < 0) {
		WRITE_ONCE(log->commits, log->commits + 1);
		smp_mb();	/* pairs with the first above */
		pmem_begin(log->pm);
		gather(log);
		if (log->nr_stage == PCACHE_KSET_KEYS)
			write_set(log, PCACHE_KSET_KEYS - 1);
		if (log->nr_stage)
			write_set(log, log->nr_stage);
		publish(log);
	}
	mutex_unlock(&log->lock);
}

bool keylog_drain(struct keylog *log)
{
	bool dry;

	mutex_lock(&log->lock);
	pmem_begin(log->pm);
	gather(log);
	publish(log);
	dry = log->dry;
	mutex_unlock(&log->lock);
	return !dry;
}

static struct log_pos get_pos(struct keylog *log, const struct log_pos *pos)
{
	struct log_pos copy;

	spin_lock(&log->pos_lock);
	copy = *pos;
	spin_unlock(&log->pos_lock);
	return copy;
}

struct log_pos keylog_head(struct keylog *log)
{
	return get_pos(log, &log->head);
}

struct log_pos keylog_dirty_tail(struct keylog *log)
{
	return get_pos(log, &log->dirty_tail);
}

struct log_pos keylog_key_tail(struct keylog *log)
{
	return get_pos(log, &log->key_tail);
}

static void set_tail(struct keylog *log, struct log_pos *tail, struct media_slot *slot,
		     struct log_pos pos)
{
	struct media_position record = { .cache_seg_id = pos.seg, .seg_off = pos.off };

	media_store(log->pm, tail_off(log, tail), PCACHE_TAIL_STRIDE, &record, sizeof(record),
		    slot);
	spin_lock(&log->pos_lock);
	*tail = pos;
	spin_unlock(&log->pos_lock);
}

void keylog_set_dirty_tail(struct keylog *log, struct log_pos pos)
{
	set_tail(log, &log->dirty_tail, &log->dirty_slot, pos);
}

void keylog_set_key_tail(struct keylog *log, struct log_pos pos)
{
	struct segment *seg, *next;
	LIST_HEAD(left);

	set_tail(log, &log->key_tail, &log->key_slot, pos);
	/* Only now that the tail in the successor is durable may they go (rule 7). */
	spin_lock(&log->pos_lock);
	list_for_each_entry_safe(seg, next, &log->chain, list) {
		if (seg == &log->segs->seg[pos.seg])
			break;
		list_move_tail(&seg->list, &left);
	}
	spin_unlock(&log->pos_lock);
	list_for_each_entry_safe(seg, next, &left, list) {
		list_del_init(&seg->list);
		segment_put(log->segs, seg - log->segs->seg, 1);
	}
}

/* A set that has its magic but can't be: tell, if it must be one. */
static int no_set(struct keylog *log, struct log_pos pos, const struct log_pos *end)
{
	if (!end)
		return KEYLOG_END;
	pr_err_ratelimited("%s: key log: no good set at %u:%u, short of %u:%u\n", log->pm->name,
			   pos.seg, pos.off, end->seg, end->off);
	return -EUCLEAN;
}

static int poisoned(struct keylog *log, struct log_pos pos)
{
	pr_err_ratelimited("%s: key log: the persistent memory is poisoned at %u:%u\n",
			   log->pm->name, pos.seg, pos.off);
	return -EIO;
}

static int follow(struct keylog *log, struct log_pos *pos, const struct media_kset *last)
{
	if (last->next_seg >= log->segs->nr) {
		pr_err_ratelimited("%s: key log: goes on at %u:%u in segment %u of %u\n",
				   log->pm->name, pos->seg, pos->off, last->next_seg,
				   log->segs->nr);
		return -EUCLEAN;
	}
	*pos = (struct log_pos){ last->next_seg, 0 };
	return KEYLOG_MOVED;
}

int keylog_read(struct keylog *log, struct log_pos *pos, const struct log_pos *end,
		struct media_kset *set)
{
	u32 rest = PCACHE_SEG_DATA_SIZE - pos->off;
	u64 addr = log_addr(log, *pos);
	bool last;
	u32 size;

	if (end && log_pos_equal(*pos, *end))
		return KEYLOG_END;
	if (pmem_read(log->pm, set, addr, LAST_SIZE))
		return poisoned(log, *pos);
	if (set->magic != PCACHE_KSET_MAGIC)
		return no_set(log, *pos, end);
	last = set->flags & PCACHE_KSET_LAST;
	if (!last && (!set->key_num || set->key_num > PCACHE_KSET_KEYS))
		return no_set(log, *pos, end);
	size = PCACHE_KSET_SIZE(last ? 0 : set->key_num);
	/* Behind an ordinary set there is always room for one that says where the log goes on. */
	if (size + (last ? 0 : LAST_SIZE) > rest)
		return no_set(log, *pos, end);
	if (pmem_read(log->pm, set->keys, addr + LAST_SIZE, size - LAST_SIZE))
		return poisoned(log, *pos);
	if (set->crc != media_crc(set, size))
		return no_set(log, *pos, end);
	if (set->flags & ~PCACHE_KSET_LAST) {
		pr_err_ratelimited("%s: key log: unknown flags %#llx at %u:%u\n", log->pm->name,
				   set->flags, pos->seg, pos->off);
		return -EUCLEAN;
	}
	if (last)
		return follow(log, pos, set);
	pos->off += size;
	return KEYLOG_SET;
}
