// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replay: from the log to the index. One reader checks every set and key (rule 11) and hands the
 * keys out by shard, in batches. Workers sort each batch, so that the index is filled from its one
 * end to the other. What can't be right is refused. Nothing on the media changes.
 */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "pcache.h"

#define WORKERS_MAX	16u

/*
 * What all batches hold together: at most so many keys, and none for which the cache has no block.
 * With a second one of each, for the reader while workers sort, and what they sort by, that is
 * 40 MiB for the time of a replay. Smaller batches cost time, nothing else.
 */
#define BATCHES_MAX	(1u << 19)
#define BATCH_MIN	PCACHE_KSET_KEYS

#define RADIX_BITS	11
#define RADIX		(1u << RADIX_BITS)

/* An entry of a batch, while it is sorted. */
struct item {
	u64 key;
	const struct entry *ent;
};

/* Memory for each key of a batch. */
#define BATCH_BYTES	(2 * (sizeof(struct entry) + sizeof(struct item)))

struct replay_shard {
	/* The reader's. */
	struct entry *fresh;
	struct entry *next, *end;	/* which it fills from here to there */

	/* The worker's. */
	struct work_struct work ____cacheline_aligned_in_smp;
	struct pcache *c;
	struct index *index;
	struct entry *batch;		/* as the log has them, and ... */
	struct item *items;		/* ... as they are sorted */
	struct item *spare;
	u32 nr;
	u32 count[RADIX];
};

struct replay {
	struct pcache *c;
	struct workqueue_struct *wq;
	struct replay_shard *shards;
	void *memory;			/* of all batches */
	u32 batch;			/* keys in a batch */
	struct media_kset *set;
	unsigned long *log_segments;	/* those that the log passes through */
	u64 size;			/* bytes of the origin */
	u64 in_block;			/* the bits of an offset within a logical block of it */
	bool dirty;			/* the reader has come to the dirty_tail */
	u32 bad;			/* the segment of which something can't be read */
	u64 dirty_sectors, dirty_keys;	/* from there on */
};

/*
 * From a batch to the index.
 */

static void stock(struct replay_shard *s)
{
	/* It waits for memory if it must, and that not for the device that is being resumed. */
	while (!index_stocked(s->index))
		index_stock(s->index, index_get_leaf(&s->c->index_pool, GFP_NOIO));
	cond_resched();
}

/* Sort by one digit of the keys. What is equal stays in order. */
static void sort_digit(struct replay_shard *s, unsigned int shift)
{
	const struct item *item, *end = s->items + s->nr;
	u32 *count = s->count, at = 0, i;
	struct item *to = s->spare;

	memset(count, 0, sizeof(s->count));
	for (item = s->items; item < end; item++)
		count[(item->key >> shift) % RADIX]++;
	for (i = 0; i < RADIX; i++) {
		u32 n = count[i];

		count[i] = at;
		at += n;
	}
	for (item = s->items; item < end; item++) {
		struct item copy = *item;

		to[count[(copy.key >> shift) % RADIX]++] = copy;
	}
	swap(s->items, s->spare);
}

/* Sort by the keys, of which all bits that are not in @differ are the same. */
static void sort_items(struct replay_shard *s, u64 differ)
{
	unsigned int shift;

	if (!differ)
		return;
	for (shift = __ffs64(differ); shift < 64 && differ >> shift; shift += RADIX_BITS)
		sort_digit(s, shift);
}

static void sort_by_start(struct replay_shard *s)
{
	const struct entry *ent = s->batch, *end = ent + s->nr;
	struct item *item = s->items;
	u64 differ = 0;

	for (; ent < end; ent++, item++) {
		differ |= ent->start ^ s->batch->start;
		*item = (struct item){ ent->start, ent };
	}
	sort_items(s, differ);
}

static void sort_by_log(struct replay_shard *s)
{
	u64 differ = 0;
	u32 i;

	for (i = 0; i < s->nr; i++) {
		s->items[i].key = s->items[i].ent - s->batch;
		differ |= s->items[i].key;
	}
	sort_items(s, differ);
}

/*
 * What overlaps neither another of the batch nor what is mapped goes in by address: for these the
 * log's order does not matter. The rest is left as the batch.
 */
static void fill_sorted(struct replay_shard *s)
{
	const struct item *item = s->items, *end = item + s->nr;
	struct item *rest = s->items;
	struct index_gap gap = { };
	u64 reached = 0;

	for (; item < end; item++) {
		const struct entry *ent = item->ent;
		u64 from = reached;

		reached = max(reached, ent->start + val_len(ent->val));
		if (!index_stocked(s->index))
			stock(s);
		if (ent->start < from || (item + 1 < end && item[1].key < reached) ||
		    !index_fill(s->index, &gap, ent))
			*rest++ = *item;
	}
	s->nr = rest - s->items;
}

static void insert(struct replay_shard *s, struct extent *e, bool *over_dirty)
{
	if (!index_stocked(s->index))
		stock(s);
	index_insert(s->index, e, over_dirty);
}

/* What is mapped there gives way. */
static void replay_entry(struct replay_shard *s, const struct entry *ent)
{
	struct extent e, same;
	bool over_dirty;

	entry_unpack(ent, &e);
	/* The same place again: lost data that was kept. Its older key must not end it. */
	if (!e.clean) {
		e.lost = index_find_key(s->index, &e, e.start, &same);
		if (e.lost)
			WRITE_ONCE(s->c->writeback.marks, true);
	}
	insert(s, &e, &over_dirty);
	if (!e.clean || !over_dirty)
		return;
	/*
	 * A clean key over a dirty one: the origin can't hold what the clean one says before the
	 * dirty one has gone there, so it is as dirty (rule 10). That can't be told any more when
	 * the dirty_tail has passed the dirty one: it has to pass both at once.
	 */
	e.clean = false;
	WRITE_ONCE(s->c->writeback.unfinished, true);
	insert(s, &e, NULL);
}

static void replay_work(struct work_struct *work)
{
	struct replay_shard *s = container_of(work, struct replay_shard, work);
	u32 i;

	sort_by_start(s);
	fill_sorted(s);
	/* Later keys win over earlier ones (rule 2). */
	sort_by_log(s);
	for (i = 0; i < s->nr; i++) {
		replay_entry(s, s->items[i].ent);
		cond_resched();
	}
}

/*
 * The reader.
 */

/* Let a worker have what has been read for the shard. */
static void hand_over(struct replay *rp, struct replay_shard *s)
{
	flush_work(&s->work);
	swap(s->fresh, s->batch);
	s->nr = s->next - s->batch;
	s->next = s->fresh;
	s->end = s->fresh + rp->batch;
	queue_work(rp->wq, &s->work);
}

static const char no_generation[] = "the generation of its segment can't be read";

static int bad_key(struct replay *rp, struct log_pos pos, const struct media_key *key,
		   const char *why)
{
	pr_err("%s: key log: set before %u:%u: key of origin bytes %llu+%u, data at %u:%u, generation %llu, flags %#x: %s\n",
	       rp->c->name, pos.seg, pos.off, key->off, key->len, key->cache_seg_id,
	       key->cache_seg_off, key->seg_gen, key->flags, why);
	return why == no_generation ? -EIO : -EINVAL;
}

static const char *key_fault(struct replay *rp, const struct media_key *key)
{
	struct pcache *c = rp->c;

	if (!key->len || (key->off | key->len) & rp->in_block)
		return "not whole blocks of the origin";
	if (key->off >= rp->size || key->len > rp->size - key->off)
		return "beyond the end of the origin";
	if (key->off % PCACHE_CHUNK + key->len > PCACHE_CHUNK)
		return "crosses a 4 MiB boundary of the origin";
	if (key->cache_seg_id >= c->segs.nr)
		return "no such segment";
	if (key->cache_seg_off % PCACHE_SECTOR || key->cache_seg_off > PCACHE_SEG_DATA_SIZE ||
	    key->len > PCACHE_SEG_DATA_SIZE - key->cache_seg_off)
		return "crosses the end of its segment";
	if (key->flags & ~PCACHE_KEY_CLEAN)
		return "unknown flags";
	if (c->segs.seg[key->cache_seg_id].gen == SEGMENT_GEN_UNKNOWN)
		return no_generation;
	if (key->seg_gen > c->segs.seg[key->cache_seg_id].gen || key->seg_gen == SEGMENT_GEN_LAST)
		return "ahead of its segment's generation";
	return NULL;
}

/* Nearly always some key before has claimed the segment. Nobody else does meanwhile. */
static void claim(struct segments *segs, u32 id)
{
	if (atomic_read(&segs->seg[id].refs))
		segment_get(segs, id);
	else
		segment_claim(segs, id);
}

static int replay_key(struct replay *rp, struct log_pos pos, const struct media_key *key)
{
	const char *fault = key_fault(rp, key);
	struct replay_shard *s;
	struct extent e = { };

	if (fault) {
		rp->bad = key->cache_seg_id;
		return bad_key(rp, pos, key, fault);
	}
	if (!key_alive(&rp->c->segs, key))
		return 0;
	claim(&rp->c->segs, key->cache_seg_id);
	key_to_extent(key, &e);
	if (!rp->dirty)
		e.clean = true;
	else if (!e.clean)
		rp->dirty_sectors += e.len;
	s = &rp->shards[keylog_shard(&rp->c->log, e.start) - rp->c->shards];
	*s->next++ = extent_pack(&e);
	if (s->next == s->end)
		hand_over(rp, s);
	return 0;
}

static int replay_set(struct replay *rp, struct log_pos pos)
{
	const struct media_kset *set = rp->set;
	u32 i;
	int r = 0;

	if (rp->dirty)
		rp->dirty_keys += set->key_num;
	for (i = 0; !r && i < set->key_num; i++)
		r = replay_key(rp, pos, &set->keys[i]);
	return r;
}

/* The log comes to a segment: once, or it would never end. */
static int enter_segment(struct replay *rp, u32 id)
{
	if (__test_and_set_bit(id, rp->log_segments)) {
		pr_err("%s: key log: leads back to segment %u\n", rp->c->name, id);
		return -EINVAL;
	}
	keylog_claim(&rp->c->log, id);
	return 0;
}

static int read_log(struct replay *rp, struct log_pos *pos)
{
	struct keylog *log = &rp->c->log;
	int r;

	*pos = keylog_key_tail(log);
	r = enter_segment(rp, pos->seg);
	while (!r) {
		rp->dirty |= log_pos_equal(*pos, log->dirty_tail);
		rp->bad = pos->seg;
		r = keylog_read(log, pos, NULL, rp->set);
		if (r == KEYLOG_END)
			return 0;
		if (r == KEYLOG_MOVED) {
			r = enter_segment(rp, pos->seg);
			continue;
		}
		if (r < 0)
			break;
		r = replay_set(rp, *pos);
		cond_resched();
	}
	return r == -EIO && !rp->dirty ? -ENODATA : r;
}

/* What the reader could not see while it went. */
static int check_log(struct replay *rp, struct log_pos head)
{
	struct keylog *log = &rp->c->log;
	u32 id;

	if (!rp->dirty) {
		pr_err("%s: dirty_tail %u:%u is not on the log, which goes from %u:%u to %u:%u\n",
		       rp->c->name, log->dirty_tail.seg, log->dirty_tail.off, log->key_tail.seg,
		       log->key_tail.off, head.seg, head.off);
		return -EINVAL;
	}
	for_each_set_bit(id, rp->log_segments, rp->c->segs.nr) {
		if (atomic_read(&rp->c->segs.seg[id].refs) == 1)
			continue;
		pr_err("%s: key log: a key has its data in segment %u, which holds the log\n",
		       rp->c->name, id);
		return -EINVAL;
	}
	return 0;
}

static int replay_all(struct replay *rp, struct log_pos *head)
{
	int r = read_log(rp, head);
	unsigned int i;

	for (i = 0; !r && i < rp->c->nr_shards; i++)
		hand_over(rp, &rp->shards[i]);
	for (i = 0; i < rp->c->nr_shards; i++)
		flush_work(&rp->shards[i].work);
	return r ? r : check_log(rp, *head);
}

/* For smaller batches if memory is short. */
static int alloc_batches(struct replay *rp)
{
	const u64 blocks = (u64)rp->c->segs.nr * (PCACHE_SEG_DATA_SIZE / PCACHE_BLOCK);
	const u32 nr = rp->c->nr_shards;

	rp->batch = max_t(u32, min_t(u64, blocks, BATCHES_MAX) / nr, BATCH_MIN);
	for (; rp->batch >= BATCH_MIN; rp->batch /= 2) {
		rp->memory = kvmalloc_array(nr * rp->batch, BATCH_BYTES,
					    GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
		if (rp->memory)
			return 0;
	}
	return -ENOMEM;
}

static void init_shard(struct replay *rp, unsigned int i)
{
	struct replay_shard *s = &rp->shards[i];

	INIT_WORK(&s->work, replay_work);
	s->c = rp->c;
	s->index = &rp->c->shards[i].index;
	s->fresh = rp->memory + (size_t)i * rp->batch * BATCH_BYTES;
	s->next = s->fresh;
	s->end = s->fresh + rp->batch;
	s->batch = s->end;
	s->items = (struct item *)(s->batch + rp->batch);
	s->spare = s->items + rp->batch;
}

static int replay_alloc(struct replay *rp)
{
	unsigned int i;

	rp->wq = alloc_workqueue("pcache_replay", WQ_UNBOUND,
				 min(num_online_cpus(), WORKERS_MAX));
	rp->set = kset_alloc(GFP_KERNEL);
	rp->log_segments = kvcalloc(BITS_TO_LONGS(rp->c->segs.nr), sizeof(long), GFP_KERNEL);
	rp->shards = kvcalloc(rp->c->nr_shards, sizeof(*rp->shards), GFP_KERNEL);
	if (!rp->wq || !rp->set || !rp->log_segments || !rp->shards || alloc_batches(rp))
		return -ENOMEM;
	for (i = 0; i < rp->c->nr_shards; i++)
		init_shard(rp, i);
	return 0;
}

static void replay_free(struct replay *rp)
{
	kvfree(rp->memory);
	kvfree(rp->shards);
	kvfree(rp->log_segments);
	kfree(rp->set);
	if (rp->wq)
		destroy_workqueue(rp->wq);
}

int pcache_replay(struct pcache *c, u32 *bad)
{
	struct replay rp = {
		.c = c,
		.size = c->origin.sectors * PCACHE_SECTOR,
		.in_block = origin_block_size(&c->origin) - 1,
	};
	struct log_pos head;
	int r = replay_alloc(&rp);

	if (!r)
		r = replay_all(&rp, &head);
	replay_free(&rp);
	if (r == -ENODATA)
		*bad = rp.bad;
	if (r)
		return r;
	keylog_start(&c->log, head);
	writeback_replayed(c, head, rp.dirty_sectors, rp.dirty_keys);
	return 0;
}
