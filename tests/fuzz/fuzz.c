// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hostile media for the core, as libFuzzer finds them. An input is a recipe (../crafted/recipe.h)
 * without a verdict: what it makes is put through the ordeal. Mutations know the structures, their
 * fields, and values that are worth a try.
 */
#include <stdarg.h>
#include <stdlib.h>

#include <linux/string.h>

#include "ordeal.h"
#include "test.h"

#define EXTENTS_MAX	64u
#define TEXT_MAX	(RECIPE_EDITS * EDIT_LINE)

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

void test_failed(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n%s", stub_log());
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct recipe recipe;
	struct ordeal_media media;

	recipe_parse(&recipe, (const char *)data, size);
	media = ordeal_prepare(&recipe);
	ordeal_run(&media, EXTENTS_MAX);
	return 0;
}

/*
 * Mutation. Chance comes from libFuzzer alone, so that a seed of its repeats a run.
 */

static u64 chance_state;

static u32 chance(u32 n)
{
	chance_state = chance_state * 6364136223846793005ull + 1442695040888963407ull;
	return (chance_state >> 33) % n;
}

static u64 interesting(void)
{
	static const u64 values[] = {
		0, 1, 2, 7, 8, 31, 32, 33, 34, 127, 128, 129, 255, 256, 511, 512, 513,
		PCACHE_BLOCK, PCACHE_KSET_SIZE(0), PCACHE_KSET_SIZE(1), PCACHE_KSET_SIZE(128),
		PCACHE_CHUNK, PCACHE_CHUNK - 512, PCACHE_SEG_DATA_SIZE, PCACHE_SEG_SIZE,
		PCACHE_SEG_DATA_SIZE - PCACHE_KSET_SIZE(0), PCACHE_SEG_DATA_SIZE - 512,
		PCACHE_SEG_DATA_SIZE - PCACHE_BLOCK, PCACHE_MAX_SEGS, 196608 * 512ull,
		PCACHE_KSET_MAGIC, PCACHE_SB_MAGIC, PCACHE_IDENTITY_MAGIC, PCACHE_FORMATTING_MAGIC,
		1ull << 31, 1ull << 32, 1ull << 40, 1ull << 43, 1ull << 63, -1ull, U32_MAX,
	};

	return values[chance(ARRAY_SIZE(values))];
}

static u64 some_value(u64 value)
{
	switch (chance(6)) {
	case 0:
		return 1ull << chance(64);
	case 1:
		return chance(40);
	case 2:
		return chance(4096) * 512ull;
	case 3:
		LLVMFuzzerMutate((uint8_t *)&value, sizeof(value), sizeof(value));
		return value;
	default:
		return interesting() + (chance(4) ? 0 : chance(17) - 8ull);
	}
}

static void some_which(const struct edit_kind *kind, u32 which[2])
{
	/* Sets are few in what is fast, but the last of "wrap"; segments are those of all bases. */
	which[0] = chance(4) ? chance(4) : chance(48);
	which[1] = chance(4) ? chance(4) : chance(PCACHE_KSET_KEYS);
	if (!strcmp(kind->name, "media"))
		which[0] = chance(2) ? chance(PCACHE_SEGS_OFF) : chance(570425344);
	if (kind->replicated)
		which[kind->indices - 1] = chance(3) ? EDIT_NEWEST : chance(2);
}

static unsigned int count_kinds(void)
{
	unsigned int n = 0;

	while (edit_kinds[n].name)
		n++;
	return n;
}

static unsigned int count_fields(const struct edit_kind *kind)
{
	unsigned int n = 0;

	while (kind->fields[n].name)
		n++;
	return n;
}

static struct edit some_edit(void)
{
	const struct edit_kind *kind;
	struct edit e = { };

	e.kind = chance(count_kinds());
	kind = &edit_kinds[e.kind];
	e.field = chance(count_fields(kind));
	some_which(kind, e.which);
	some_which(kind, e.other);
	e.op = chance(3) ? chance(2) : chance(NR_EDIT_OPS);
	e.raw = !chance(16);
	if ((e.op == EDIT_COPY || e.op == EDIT_SWAP) && !kind->indices)
		e.op = EDIT_SET;
	if (e.op == EDIT_APPEND)
		e.value = chance(4) ? 1 + chance(4) : 1 + chance(PCACHE_KSET_KEYS);
	else if (e.op > EDIT_SWAP)
		e.value = chance(33);
	else if (e.op == EDIT_ADD)
		e.value = (chance(2) ? 1ull : -1ull) * (chance(2) ? 512 : 1) * (1 + chance(16));
	else
		e.value = some_value(0);
	return e;
}

static void change_edit(struct edit *e)
{
	const struct edit_kind *kind = &edit_kinds[e->kind];

	switch (chance(4)) {
	case 0:
		some_which(kind, e->which);
		break;
	case 1:
		e->field = chance(count_fields(kind));
		break;
	default:
		e->value = e->op > EDIT_SWAP ? chance(34) : some_value(e->value);
	}
}

static void insert_edit(struct recipe *recipe, unsigned int at, const struct edit *e)
{
	if (recipe->nr_edits == RECIPE_EDITS)
		return;
	memmove(&recipe->edits[at + 1], &recipe->edits[at],
		(recipe->nr_edits - at) * sizeof(*e));
	recipe->edits[at] = *e;
	recipe->nr_edits++;
}

/* Of a base that is full only some sets are left: what is small is fast. */
static void keep_small(struct recipe *recipe)
{
	static const char * const lines[NR_BASES] = {
		[BASE_SMALL] = "cut 1",
		[BASE_CRC] = "cut 1",
		[BASE_WRAP] = "key_tail seg_off 1849712",
	};
	const char *line = lines[recipe->base];
	struct edit first;

	if (!line)
		return;
	edit_parse(&first, line);
	if (!recipe->nr_edits || recipe->edits[0].op != first.op ||
	    recipe->edits[0].kind != first.kind || recipe->edits[0].value > first.value)
		insert_edit(recipe, 0, &first);
}

static void change_opening(struct recipe *recipe)
{
	switch (chance(5)) {
	case 0:
		recipe->base = chance(NR_BASES);
		break;
	case 1:
		recipe->batch = !recipe->batch;
		break;
	case 2:
		recipe->block = chance(2) ? PCACHE_BLOCK : 0;
		break;
	case 3:
		recipe->sectors = chance(2) ? 0 : 1ull << (12 + chance(23));
		break;
	default:
		recipe->other_crc = !recipe->other_crc;
	}
}

static void remove_edit(struct recipe *recipe)
{
	unsigned int at = chance(recipe->nr_edits);

	recipe->nr_edits--;
	memmove(&recipe->edits[at], &recipe->edits[at + 1],
		(recipe->nr_edits - at) * sizeof(recipe->edits[0]));
}

static void mutate(struct recipe *recipe)
{
	struct edit e = some_edit();

	switch (chance(8)) {
	case 0:
		change_opening(recipe);
		break;
	case 1:
		if (recipe->nr_edits)
			remove_edit(recipe);
		break;
	case 2 ... 4:
		if (recipe->nr_edits) {
			change_edit(&recipe->edits[chance(recipe->nr_edits)]);
			break;
		}
		/* fall through */
	default:
		insert_edit(recipe, chance(recipe->nr_edits + 1), &e);
	}
}

static size_t put(struct recipe *recipe, uint8_t *data, size_t max)
{
	static char text[TEXT_MAX];
	size_t size;

	keep_small(recipe);
	size = recipe_print(recipe, text, min(max, sizeof(text)));

	memcpy(data, text, size);
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	static struct recipe recipe;
	u32 turns;

	chance_state = seed;
	recipe_parse(&recipe, (const char *)data, size);
	for (turns = 1 + chance(4); turns; turns--)
		mutate(&recipe);
	return put(&recipe, data, max);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max, unsigned int seed)
{
	static struct recipe one, other;
	unsigned int i;

	chance_state = seed;
	recipe_parse(&one, (const char *)a, a_size);
	recipe_parse(&other, (const char *)b, b_size);
	for (i = 0; i < other.nr_edits; i++)
		if (chance(2))
			insert_edit(&one, chance(one.nr_edits + 1), &other.edits[i]);
	return put(&one, out, max);
}
