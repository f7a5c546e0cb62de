// SPDX-License-Identifier: GPL-2.0-or-later
/* A replicated record: one of its copies is good at every moment. */
#include <linux/string.h>

#include "format.h"
#include "media.h"
#include "pmem_model.h"
#include "test.h"

#define OFF	8192u
#define STRIDE	PCACHE_BLOCK

static struct pmem_model *model;
static struct pmem pm;

static void start(void)
{
	model = pmem_model_new(1 << 20);
	pmem_model_open(model, &pm, "media");
}

static int load(u64 *gen, struct media_slot *slot)
{
	struct media_generation record;
	int r = media_load(&pm, OFF, STRIDE, &record, sizeof(record), slot);

	*gen = record.gen;
	return r;
}

static void store(u64 gen, struct media_slot *slot)
{
	struct media_generation record = { .gen = gen };

	media_store(&pm, OFF, STRIDE, &record, sizeof(record), slot);
}

static struct media_generation *copy(int i)
{
	return (void *)(model->mem + OFF + i * STRIDE);
}

TEST(media_never_written)
{
	struct media_slot slot = { 7, 1 };
	u64 gen;

	start();
	CHECK_EQ(load(&gen, &slot), -ENODATA);
	CHECK_EQ(gen, 0);
	store(5, &slot);
	CHECK_EQ(load(&gen, &slot), 0);
	CHECK_EQ(gen, 5);
}

/* Through all sequence numbers, more than once: a load after each store, or now and then. */
TEST(media_alternates)
{
	struct media_slot slot = { };
	u64 i, gen;

	start();
	for (i = 1; i < 1000; i++) {
		struct media_generation before = *copy(i & 1);

		if (i % 3 == 0)
			CHECK_EQ(load(&gen, &slot), 0);
		store(i, &slot);
		CHECK(!memcmp(&before, copy(i & 1), sizeof(before)));
		CHECK_EQ(load(&gen, &slot), 0);
		CHECK_EQ(gen, i);
	}
}

/* What Linux stores comes out as what its fields say, whichever copy is where. */
TEST(media_newer_wins)
{
	static const struct {
		u8 seq[2];
		int newer;
	} cases[] = {
		{ { 0, 1 }, 1 }, { { 1, 0 }, 0 }, { { 255, 0 }, 1 }, { { 0, 255 }, 0 },
		{ { 100, 227 }, 1 }, { { 127, 128 }, 1 }, { { 128, 127 }, 0 },
	};
	unsigned int c;
	int i;

	start();
	for (c = 0; c < ARRAY_SIZE(cases); c++) {
		struct media_slot slot;
		u64 gen;

		for (i = 0; i < 2; i++) {
			*copy(i) = (struct media_generation){
				.header.seq = cases[c].seq[i], .gen = 10 + i,
			};
			copy(i)->header.crc = media_crc(copy(i), sizeof(*copy(i)));
		}
		CHECK_EQ(load(&gen, &slot), 0);
		CHECK_EQ(gen, 10 + cases[c].newer);
		CHECK_EQ(slot.next, !cases[c].newer);
		CHECK_EQ(slot.seq, cases[c].seq[cases[c].newer]);
	}
}

TEST(media_bad_copies)
{
	struct media_slot slot = { };
	u64 gen;

	start();
	store(1, &slot);
	store(2, &slot);
	pmem_model_poison(model, OFF + STRIDE);
	CHECK_EQ(load(&gen, &slot), 0);
	CHECK_EQ(gen, 1);
	pmem_model_poison(model, OFF);
	CHECK_EQ(load(&gen, &slot), -EIO);
	CHECK_EQ(gen, 0);
	pmem_model_heal(model, OFF + STRIDE);
	CHECK_EQ(load(&gen, &slot), 0);
	CHECK_EQ(gen, 2);
	copy(1)->gen++;
	CHECK_EQ(load(&gen, &slot), -EIO);
	pmem_model_heal(model, OFF);
	CHECK_EQ(load(&gen, &slot), 0);
	CHECK_EQ(gen, 1);
	copy(0)->header.reserved++;
	CHECK_EQ(load(&gen, &slot), -ENODATA);
}

static void crashed(struct pmem_model *model, void *arg)
{
	u64 *values = arg, gen;
	struct media_slot slot;
	int r = load(&gen, &slot);

	if (r)
		CHECK(r == -ENODATA && !values[0]);
	else
		CHECK(gen == values[0] || gen == values[1]);
	/* After one more store, what is there is that one. */
	store(1000, &slot);
	CHECK_EQ(load(&gen, &slot), 0);
	CHECK_EQ(gen, 1000);
}

static void on_fence(struct pmem_model *model, void *arg)
{
	enum pmem_keep keep;

	for (keep = 0; keep < PMEM_KEEP_KINDS; keep++)
		CHECK(pmem_model_fork(model, keep, get_random_u64(), crashed, arg));
}

TEST(media_power_cut)
{
	struct media_slot slot = { };
	u64 values[2] = { 0, 1 }, gen;

	start();
	model->on_fence = on_fence;
	model->arg = values;
	for (; values[1] < 10; values[1]++) {
		store(values[1], &slot);
		values[0] = values[1];
		if (values[1] % 4 == 0)
			CHECK_EQ(load(&gen, &slot), 0);
	}
}
