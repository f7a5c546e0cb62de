// SPDX-License-Identifier: GPL-2.0-or-later
/* Segments: who uses each of them, its generation, and when it is free again. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "segment.h"

#define SEGMENT_FLAGS	(PCACHE_SEG_HAS_NEXT | PCACHE_SEG_TYPE_MASK)

static u64 segment_start(u32 phys)
{
	return PCACHE_SEGS_OFF + (u64)phys * PCACHE_SEG_SIZE;
}

u64 segment_data(const struct segments *segs, u32 id)
{
	return segment_start(segs->seg[id].phys) + PCACHE_SEG_DATA_OFF;
}

void segments_format(struct pmem *pm, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		struct media_slot slot = { };
		struct media_segment_info info = {
			.flags = PCACHE_SEG_TYPE_CACHE,
		};

		if (i + 1 < nr) {
			info.flags |= PCACHE_SEG_HAS_NEXT;
			info.next_seg = i + 1;
		}
		pmem_begin(pm);
		pmem_zero(pm, segment_start(i), PCACHE_SEG_DATA_OFF);
		pmem_end(pm);
		media_store(pm, segment_start(i), PCACHE_SEG_INFO_STRIDE, &info, sizeof(info),
			    &slot);
		cond_resched();
	}
}

static void unfree(struct segments *segs, u32 id)
{
	struct segment *seg = &segs->seg[id];

	spin_lock(&segs->lock);
	if (!list_empty(&seg->list)) {
		list_del_init(&seg->list);
		segs->nr_free--;
	}
	spin_unlock(&segs->lock);
}

/* Read one link of the chain and tell where the next one is. */
static int load_segment(struct segments *segs, u32 id, u32 phys, u32 *next)
{
	struct segment *seg = &segs->seg[id];
	struct media_segment_info info;
	struct media_generation gen;
	struct media_slot slot;
	bool last = id + 1 == segs->nr;
	int r = media_load(segs->pm, segment_start(phys), PCACHE_SEG_INFO_STRIDE, &info,
			   sizeof(info), &slot);

	if (r) {
		pr_err("%s: segment %u: %s segment_info\n", segs->pm->name, phys,
		       r == -EIO ? "poisoned" : "no good");
		return r == -EIO ? r : -EINVAL;
	}
	if ((info.flags & ~SEGMENT_FLAGS) ||
	    (info.flags & PCACHE_SEG_TYPE_MASK) != PCACHE_SEG_TYPE_CACHE) {
		pr_err("%s: segment %u: unknown type or flags %#x\n", segs->pm->name, phys,
		       info.flags);
		return -EINVAL;
	}
	if (!(info.flags & PCACHE_SEG_HAS_NEXT) != last) {
		pr_err("%s: segment %u: the chain %s after %u of %u segments\n", segs->pm->name,
		       phys, last ? "goes on" : "ends", id + 1, segs->nr);
		return -EINVAL;
	}
	r = media_load(segs->pm, segment_start(phys) + PCACHE_SEG_GEN_OFF, PCACHE_SEG_GEN_STRIDE,
		       &gen, sizeof(gen), &seg->gen_slot);
	if (r != -EIO && gen.gen == SEGMENT_GEN_UNKNOWN) {
		pr_err("%s: segment %u: generation %llu\n", segs->pm->name, phys, gen.gen);
		return -EINVAL;
	}
	seg->gen = r == -EIO ? SEGMENT_GEN_UNKNOWN : gen.gen;
	seg->phys = phys;
	list_add_tail(&seg->list, &segs->free);
	segs->nr_free++;
	if (seg->gen == SEGMENT_GEN_LAST) {
		segment_condemn(segs, id);
		unfree(segs, id);
	}
	if (seg->gen == SEGMENT_GEN_UNKNOWN ||
	    pmem_known_bad(segs->pm, segment_start(phys), PCACHE_SEG_SIZE))
		segment_retire(segs, id);
	*next = info.next_seg;
	return 0;
}

int segments_load(struct segments *segs, struct pmem *pm, u32 first, u32 nr, u32 total)
{
	unsigned long *seen = kvcalloc(BITS_TO_LONGS(total), sizeof(long), GFP_KERNEL);
	u32 id, phys = first;
	int r = 0;

	segs->pm = pm;
	segs->nr = nr;
	spin_lock_init(&segs->lock);
	INIT_LIST_HEAD(&segs->free);
	INIT_LIST_HEAD(&segs->dead);
	segs->nr_free = 0;
	segs->nr_dead = 0;
	atomic_set(&segs->nr_bad, 0);
	segs->seg = kvcalloc(nr, sizeof(*segs->seg), GFP_KERNEL);
	if (!seen || !segs->seg)
		r = -ENOMEM;
	for (id = 0; !r && id < nr; id++) {
		if (phys >= total || __test_and_set_bit(phys, seen)) {
			pr_err("%s: the chain of segments leads from its link %u to segment %u, which %s\n",
			       pm->name, id, phys, phys >= total ? "is not there" :
			       "is in it already");
			r = -EINVAL;
			break;
		}
		r = load_segment(segs, id, phys, &phys);
		cond_resched();
	}
	kvfree(seen);
	if (r)
		segments_exit(segs);
	return r;
}

void segments_exit(struct segments *segs)
{
	kvfree(segs->seg);
	segs->seg = NULL;
	segs->nr = 0;
}

void segment_retire(struct segments *segs, u32 id)
{
	if (segs->seg[id].bad)
		return;
	segment_condemn(segs, id);
	unfree(segs, id);
	pr_warn("%s: segment %u has bad blocks: nothing more is stored there\n", segs->pm->name,
		segs->seg[id].phys);
}

void segment_claim(struct segments *segs, u32 id)
{
	if (atomic_inc_return(&segs->seg[id].refs) == 1)
		unfree(segs, id);
}

static u32 kept_back(const struct segments *segs, enum segment_use use)
{
	switch (use) {
	case SEGMENT_LOG:
		return 0;
	case SEGMENT_DATA:
		return SEGMENTS_FOR_LOG;
	default:
		return segments_kept_from_fills(segs);
	}
}

int segment_alloc(struct segments *segs, enum segment_use use)
{
	struct segment *seg = NULL;

	spin_lock(&segs->lock);
	if (segs->nr_free > kept_back(segs, use)) {
		seg = list_first_entry(&segs->free, struct segment, list);
		list_del_init(&seg->list);
		WRITE_ONCE(segs->nr_free, segs->nr_free - 1);
		atomic_set(&seg->refs, 1);
	}
	spin_unlock(&segs->lock);
	if (!seg)
		return -1;
	segs->on_change(segs);
	return seg - segs->seg;
}

bool segment_put(struct segments *segs, u32 id, u32 refs)
{
	struct segment *seg = &segs->seg[id];

	if (!atomic_sub_and_test(refs, &seg->refs))
		return false;
	spin_lock(&segs->lock);
	list_add_tail(&seg->list, &segs->dead);
	WRITE_ONCE(segs->nr_dead, segs->nr_dead + 1);
	spin_unlock(&segs->lock);
	return true;
}

void segment_unpin(struct segments *segs, u32 id)
{
	/* Pairs with the barrier in take_dead(): one of the two sees the other. */
	if (atomic_dec_and_test(&segs->seg[id].pins) && READ_ONCE(segs->nr_dead))
		segs->on_change(segs);
}

/* Move the dead segments that nobody reads from to @batch. */
static void take_dead(struct segments *segs, struct list_head *batch)
{
	struct segment *seg, *next;

	spin_lock(&segs->lock);
	/* A pin that went after this look finds nr_dead above zero. */
	smp_mb();
	list_for_each_entry_safe(seg, next, &segs->dead, list) {
		if (atomic_read(&seg->pins))
			continue;
		list_move_tail(&seg->list, batch);
		WRITE_ONCE(segs->nr_dead, segs->nr_dead - 1);
	}
	spin_unlock(&segs->lock);
}

static void raise_generation(struct segments *segs, struct segment *seg)
{
	struct media_generation gen = { .gen = seg->gen + 1 };

	if (seg->gen >= SEGMENT_GEN_LAST)
		return;
	seg->gen = gen.gen;
	if (seg->gen == SEGMENT_GEN_LAST)
		segment_condemn(segs, seg - segs->seg);
	media_store(segs->pm, segment_start(seg->phys) + PCACHE_SEG_GEN_OFF, PCACHE_SEG_GEN_STRIDE,
		    &gen, sizeof(gen), &seg->gen_slot);
}

u32 segments_release(struct segments *segs)
{
	struct segment *seg, *next;
	LIST_HEAD(batch);
	u32 n = 0;

	take_dead(segs, &batch);
	list_for_each_entry_safe(seg, next, &batch, list) {
		raise_generation(segs, seg);
		if (READ_ONCE(seg->bad))
			list_del_init(&seg->list);
		else
			n++;
	}
	if (!n)
		return 0;
	spin_lock(&segs->lock);
	list_splice_tail(&batch, &segs->free);
	WRITE_ONCE(segs->nr_free, segs->nr_free + n);
	spin_unlock(&segs->lock);
	return n;
}
