// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations of the index, for callgrind to count the instructions of: index_bench OP N does N of
 * them to an index of 100000 random blocks; with a third argument, one that has checksums.
 */
#include <linux/kernel.h>
#include <linux/random.h>
#include <linux/string.h>

#include "index.h"

#define BLOCKS	100000u
#define RANGE	(1u << 20)

static struct index_pool pool;
static struct index ix;

static void put(u64 nr)
{
	struct extent e = { .start = nr * 8, .len = 8, .seg = nr % 1000, .key_len = 8 };
	bool dirty;

	while (!index_stocked(&ix))
		index_stock(&ix, index_get_leaf(&pool, GFP_NOIO));
	index_insert(&ix, &e, &dirty);
}

static u64 live[BLOCKS];

static void none(u32 i)
{
}

static void lookup(u32 i)
{
	struct extent e;

	if (!index_find(&ix, live[get_random_u32_below(BLOCKS)] * 8, 8, &e))
		abort();
}

static void overwrite(u32 i)
{
	put(live[get_random_u32_below(BLOCKS)]);
}

static void append(u32 i)
{
	put(RANGE + i);
}

/* A random block takes the place of the oldest. */
static void replace(u32 i)
{
	struct extent key;
	u64 removed = 0;

	if (index_find(&ix, live[i % BLOCKS] * 8, 8, &key))
		index_remove_key(&ix, &key, key.start, false, &removed, &key);
	live[i % BLOCKS] = get_random_u32_below(RANGE);
	put(live[i % BLOCKS]);
}

static const struct {
	const char *name;
	void (*op)(u32 i);
} ops[] = {
	{ "none", none }, { "lookup", lookup }, { "overwrite", overwrite }, { "append", append },
	{ "replace", replace },
};

int main(int argc, char **argv)
{
	u32 i, op = 0, n = atoi(argv[2]);

	while (strcmp(ops[op].name, argv[1]))
		op++;
	stub_seed(1);
	index_pool_init(&pool, argc > 3, 0);
	index_init(&ix, &pool, 4);
	for (i = 0; i < BLOCKS; i++) {
		live[i] = get_random_u32_below(RANGE);
		put(live[i]);
	}
	for (i = 0; i < n; i++)
		ops[op].op(i);
	return 0;
}
