// SPDX-License-Identifier: GPL-2.0-or-later
/* Segments: the chain on the media, who uses them, and when they are free again. */
#include <linux/string.h>

#include "pmem_model.h"
#include "segment.h"
#include "test.h"

#define NR	31u

static struct pmem_model *model;
static struct pmem pm;
static struct segments segs;

static void start(void)
{
	model = pmem_model_new(PCACHE_MIN_SIZE);
	pmem_model_open(model, &pm, "dev");
	segments_format(&pm, NR);
}

static int changes;

static void on_change(struct segments *segs)
{
	changes++;
}

static void load(void)
{
	CHECK_EQ(segments_load(&segs, &pm, 0, NR, NR), 0);
	segs.on_change = on_change;
}

static struct media_segment_info *info(u32 phys)
{
	return (void *)(model->mem + PCACHE_SEGS_OFF + (u64)phys * PCACHE_SEG_SIZE);
}

static void link_to(u32 phys, u32 next)
{
	info(phys)->flags |= PCACHE_SEG_HAS_NEXT;
	info(phys)->next_seg = next;
	info(phys)->header.crc = media_crc(info(phys), sizeof(*info(phys)));
}

static void expect(int r, u32 first, u32 nr, const char *text)
{
	stub_log_clear();
	CHECK_EQ(segments_load(&segs, &pm, first, nr, NR), r);
	CHECK_LOG("dev: ");
	CHECK_LOG(text);
	CHECK_EQ(stub_allocated, 1);	/* the mapping's extents */
}

TEST(segment_load_fresh)
{
	u32 id;

	start();
	load();
	CHECK_EQ(segs.nr_free, NR);
	CHECK_EQ(segments_used(&segs), 0);
	for (id = 0; id < NR; id++) {
		CHECK_EQ(segs.seg[id].phys, id);
		CHECK_EQ(segs.seg[id].gen, 0);
		CHECK_EQ(segment_data(&segs, id),
			 PCACHE_SEGS_OFF + (u64)id * PCACHE_SEG_SIZE + PCACHE_SEG_DATA_OFF);
	}
	segments_exit(&segs);
}

/* Cache segment ids are places in the chain, wherever that leads. */
TEST(segment_chain_in_any_order)
{
	start();
	link_to(5, 30);
	info(30)->flags = PCACHE_SEG_TYPE_CACHE;
	link_to(30, 2);
	info(2)->flags = PCACHE_SEG_TYPE_CACHE;
	info(2)->header.crc = media_crc(info(2), sizeof(*info(2)));
	CHECK_EQ(segments_load(&segs, &pm, 5, 3, NR), 0);
	CHECK_EQ(segs.seg[0].phys, 5);
	CHECK_EQ(segs.seg[1].phys, 30);
	CHECK_EQ(segs.seg[2].phys, 2);
	CHECK_EQ(segment_data(&segs, 1),
		 PCACHE_SEGS_OFF + 30ull * PCACHE_SEG_SIZE + PCACHE_SEG_DATA_OFF);
}

TEST(segment_chain_refused)
{
	struct media_segment_info good;

	start();
	good = *info(3);
	link_to(3, 1);
	expect(-EINVAL, 0, NR, "leads from its link 4 to segment 1, which is in it already");
	link_to(3, NR);
	expect(-EINVAL, 0, NR, "to segment 31, which is not there");
	*info(3) = good;
	expect(-EINVAL, 0, 20, "goes on after 20 of 20");
	expect(-EINVAL, 1, NR, "ends after 30 of 31");
	info(3)->flags |= 1u << 9;
	info(3)->header.crc = media_crc(info(3), sizeof(*info(3)));
	expect(-EINVAL, 0, NR, "segment 3: unknown type or flags");
	info(3)->flags = PCACHE_SEG_HAS_NEXT | 2u << PCACHE_SEG_TYPE_SHIFT;
	info(3)->header.crc = media_crc(info(3), sizeof(*info(3)));
	expect(-EINVAL, 0, NR, "segment 3: unknown type or flags");
	info(3)->header.crc++;
	expect(-EINVAL, 0, NR, "segment 3: ");
	*info(3) = good;
	pmem_model_poison(model, (u8 *)info(3) - model->mem);
	expect(-EIO, 0, NR, "segment 3: poisoned");
	pmem_model_heal(model, (u8 *)info(3) - model->mem);
	load();
}

TEST(segment_no_memory)
{
	long n;

	start();
	for (n = 1; n < 5; n++) {
		int r;

		stub_fail_alloc_after(n);
		r = segments_load(&segs, &pm, 0, NR, NR);
		stub_fail_alloc_after(-1);
		if (!r)
			break;
		CHECK_EQ(r, -ENOMEM);
		CHECK_EQ(stub_allocated, 1);
	}
	CHECK(n > 1 && n < 5);
}

static u32 take_all(enum segment_use use)
{
	u32 n = 0;

	while (segment_alloc(&segs, use) >= 0)
		n++;
	return n;
}

/* Fills leave some to writes, and both to the log. */
TEST(segment_kept_back)
{
	u32 for_writes;

	start();
	load();
	for_writes = segments_for_writes(&segs);
	CHECK_EQ(take_all(SEGMENT_FILL), NR - for_writes - SEGMENTS_FOR_LOG);
	CHECK_EQ(take_all(SEGMENT_DATA), for_writes);
	CHECK_EQ(take_all(SEGMENT_FILL), 0);
	CHECK_EQ(take_all(SEGMENT_LOG), SEGMENTS_FOR_LOG);
	CHECK_EQ(segs.nr_free, 0);
	CHECK_EQ(segments_used(&segs), NR);
}

TEST(segment_life)
{
	int id;

	start();
	load();
	changes = 0;
	id = segment_alloc(&segs, SEGMENT_DATA);
	CHECK_EQ(changes, 1);
	segment_get(&segs, id);
	segment_pin(&segs, id);
	CHECK(!segment_put(&segs, id, 1));
	CHECK_EQ(segs.nr_dead, 0);
	CHECK(segment_put(&segs, id, 1));
	CHECK_EQ(segs.nr_dead, 1);
	/* Somebody reads from it. */
	CHECK_EQ(segments_release(&segs), 0);
	CHECK_EQ(segs.seg[id].gen, 0);
	segment_unpin(&segs, id);
	CHECK_EQ(changes, 2);
	CHECK_EQ(segments_release(&segs), 1);
	CHECK_EQ(segs.nr_free, NR);
	CHECK_EQ(segs.seg[id].gen, 1);
	/* The longest free are taken first. */
	CHECK(segment_alloc(&segs, SEGMENT_DATA) != id);
	segments_exit(&segs);
	load();
	CHECK_EQ(segs.seg[id].gen, 1);
	segment_claim(&segs, id);
	segment_claim(&segs, id);
	CHECK_EQ(segs.nr_free, NR - 1);
	CHECK(segment_put(&segs, id, 2));
	CHECK_EQ(segments_release(&segs), 1);
	segments_exit(&segs);
	load();
	CHECK_EQ(segs.seg[id].gen, 2);
	/* What has failed once holds nothing new. */
	id = segment_alloc(&segs, SEGMENT_DATA);
	segment_condemn(&segs, id);
	segment_put(&segs, id, 1);
	CHECK_EQ(segments_release(&segs), 0);
	CHECK_EQ(segs.nr_free, NR - 1);
	/* Nor does what is found to have failed before it is in use; that may be twice. */
	segment_retire(&segs, 5);
	segment_retire(&segs, 5);
	CHECK_LOG("segment 5 has bad blocks");
	CHECK_EQ(segs.nr_free, NR - 2);
	CHECK_EQ(segments_good(&segs), NR - 2);
	while ((id = segment_alloc(&segs, SEGMENT_LOG)) >= 0)
		CHECK(id != 5);
	CHECK_EQ(segs.nr_free, 0);
}

/* No device lives that long; media may say it. */
TEST(segment_last_generation)
{
	int id, other;

	start();
	load();
	id = segment_alloc(&segs, SEGMENT_DATA);
	segs.seg[id].gen = SEGMENT_GEN_LAST - 1;
	segment_put(&segs, id, 1);
	CHECK_EQ(segments_release(&segs), 0);
	CHECK_EQ(segs.nr_free, NR - 1);
	segments_exit(&segs);
	load();
	CHECK_EQ(segs.seg[id].gen, SEGMENT_GEN_LAST);
	CHECK_EQ(segs.nr_free, NR - 1);
	while ((other = segment_alloc(&segs, SEGMENT_LOG)) >= 0)
		CHECK(other != id);
	/* It may have been the log's. */
	segment_claim(&segs, id);
	segment_put(&segs, id, 1);
	CHECK_EQ(segments_release(&segs), 0);
	CHECK_EQ(segs.seg[id].gen, SEGMENT_GEN_LAST);
}

/* A generation is the old or the new one, whenever the power fails; and goes up from there. */
static void crashed(struct pmem_model *model, void *arg)
{
	u64 *gen = arg;
	struct segments again = { };
	int id;

	CHECK_EQ(segments_load(&again, &pm, 0, NR, NR), 0);
	CHECK(again.seg[0].gen == *gen || again.seg[0].gen == *gen - 1);
	*gen = again.seg[0].gen;
	again.on_change = on_change;
	id = segment_alloc(&again, SEGMENT_DATA);
	CHECK_EQ(id, 0);
	segment_put(&again, id, 1);
	segments_release(&again);
	segments_exit(&again);
	CHECK_EQ(segments_load(&again, &pm, 0, NR, NR), 0);
	CHECK_EQ(again.seg[0].gen, *gen + 1);
}

static void on_fence(struct pmem_model *model, void *arg)
{
	enum pmem_keep keep;

	for (keep = 0; keep < PMEM_KEEP_KINDS; keep++)
		CHECK(pmem_model_fork(model, keep, get_random_u64(), crashed, arg));
}

TEST(segment_power_cut)
{
	u64 gen;

	start();
	load();
	model->on_fence = on_fence;
	model->arg = &gen;
	for (gen = 1; gen < 6; gen++) {
		while (segment_alloc(&segs, SEGMENT_LOG) > 0)
			;
		segment_put(&segs, 0, 1);
		CHECK_EQ(segments_release(&segs), 1);
		CHECK_EQ(segs.seg[0].gen, gen);
	}
}
