// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The index against a model that keeps for each sector what it maps to, under millions of random
 * operations, and the memory that an index takes.
 *
 * The model knows a window of sectors, in islands that may lie far apart on the origin: an island
 * is a run of sectors, all others are never mapped.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "index.h"
#include "test.h"

#define MAX_ISLANDS	64
#define CHUNK		8192u		/* no extent crosses a multiple of this */

/* What a sector maps to; id 0 is nothing. A key's number tells its parts from other keys'. */
struct cell {
	u32 key;			/* into model.keys */
	u32 skip;
};

struct model_key {
	struct extent e;
	u32 parts;			/* sectors still mapped */
};

struct model {
	struct index_pool pool;
	struct index ix;
	unsigned int nr_islands;
	u64 island[MAX_ISLANDS];	/* where each starts on the origin, ascending */
	u32 island_len;
	struct cell *cells;
	/* Flags belong to extents, so to each cell of them. */
	u8 *flags;
	struct model_key *keys;
	u32 nr_keys, max_keys;
	u64 used_leaves;
};

#define CELL_CLEAN	1
#define CELL_HIT	2
#define CELL_VERIFIED	4
#define CELL_LOST	8

static u32 below(u32 n)
{
	return get_random_u32_below(n);
}

static bool one_in(u32 n)
{
	return !below(n);
}

/* Not zero: how far the third island is from the first. */
static u64 far_apart;

static void model_init(struct model *m, bool crc, unsigned int islands, u32 len, u64 span)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	CHECK_EQ(index_pool_init(&m->pool, crc, 4), 0);
	index_init(&m->ix, &m->pool, below(6));
	m->nr_islands = islands;
	m->island_len = len;
	for (i = 0; i < islands; i++) {
		u64 slot = span / islands;
		u64 at = slot * i + (slot > 2 * len ? get_random_u64() % (slot - 2 * len) : 0);

		m->island[i] = far_apart ? far_apart / 2 * i : at;
	}
	m->cells = calloc((size_t)islands * len, sizeof(*m->cells));
	m->flags = calloc((size_t)islands * len, 1);
	m->max_keys = 1 << 16;
	m->keys = calloc(m->max_keys, sizeof(*m->keys));
	m->nr_keys = 1;
}

static void model_exit(struct model *m)
{
	index_exit(&m->ix);
	CHECK_EQ(index_pool_bytes(&m->pool), 0);
	index_pool_exit(&m->pool);
	free(m->cells);
	free(m->flags);
	free(m->keys);
}

/* A random range within one island and one chunk. */
static void random_range(struct model *m, unsigned int *island, u32 *at, u32 *len)
{
	static const u32 sizes[] = { 1, 8, 8, 8, 16, 64, 300, 8192 };
	u32 max = sizes[below(ARRAY_SIZE(sizes))];
	u64 start;

	*island = below(m->nr_islands);
	*at = below(m->island_len);
	if (!one_in(3))
		*at = round_down(*at, 8);
	*len = max <= 8 || one_in(2) ? max : 1 + below(max);
	*len = min(*len, m->island_len - *at);
	start = m->island[*island] + *at;
	*len = min_t(u32, *len, CHUNK - start % CHUNK);
}

/* Now and then a range that starts or ends exactly where an extent does. */
static void snap_range(struct model *m, unsigned int island, u32 *at, u32 *len)
{
	u64 base = m->island[island];
	struct extent e;

	if (one_in(2) || !index_find(&m->ix, base + *at, *len, &e))
		return;
	if (e.start < base)
		return;
	switch (below(4)) {
	case 0:
		*at = e.start - base;
		*len = e.len;
		break;
	case 1:
		*at = e.start - base;
		break;
	case 2:
		*len = e.start + e.len - base - *at;
		break;
	default:
		*at = e.start + e.len - base;
		break;
	}
	*at = min(*at, m->island_len - 1);
	*len = min(*len, m->island_len - *at);
	*len = min_t(u32, *len, CHUNK - (base + *at) % CHUNK);
	*len = max(*len, 1u);
}

static void stock_up(struct model *m)
{
	while (!index_stocked(&m->ix))
		index_stock(&m->ix, index_get_leaf(&m->pool, GFP_NOIO));
}

static void forget_cell(struct model *m, size_t c, bool *dirty)
{
	if (!m->cells[c].key)
		return;
	m->keys[m->cells[c].key].parts--;
	if (!(m->flags[c] & CELL_CLEAN))
		*dirty = true;
	m->cells[c].key = 0;
	m->flags[c] = 0;
}

static u32 new_key(struct model *m)
{
	u32 k;

	if (m->nr_keys < m->max_keys)
		return m->nr_keys++;
	do
		k = 1 + below(m->max_keys - 1);
	while (m->keys[k].parts);
	return k;
}

/* An extent for a new key, @k, there. */
static struct extent new_extent(struct model *m, unsigned int island, u32 at, u32 len, u32 *k)
{
	struct extent e = {
		.start = m->island[island] + at,
		.len = len,
		.seg = one_in(2) ? below(4) : below(1 << 20),
		.sect = below((1 << 15) - len + 1),
		.clean = one_in(2),
		.hit = one_in(8),
		.lost = one_in(16),
	};

	*k = new_key(m);
	if (m->pool.crc) {
		e.crc = get_random_u32();
		e.key_len = len;
	}
	if (m->pool.crc && one_in(3)) {
		/* What is inserted again need not be all of its key. */
		e.key_len = min(CHUNK, len + below(100));
		e.skip = below(e.key_len - len + 1);
	}
	return e;
}

/* The model maps @e, of the key @k, from cell @c on. Returns whether over something dirty. */
static bool model_insert(struct model *m, const struct extent *e, u32 k, size_t c)
{
	bool dirty = false;
	u32 i;

	for (i = 0; i < e->len; i++) {
		forget_cell(m, c + i, &dirty);
		m->cells[c + i] = (struct cell){ k, i };
		m->flags[c + i] = (e->clean ? CELL_CLEAN : 0) | (e->hit ? CELL_HIT : 0) |
				  (e->lost ? CELL_LOST : 0);
	}
	m->keys[k] = (struct model_key){ *e, e->len };
	return dirty;
}

static void op_insert(struct model *m)
{
	unsigned int island, stock;
	bool told = one_in(2);
	struct extent e;
	u32 at, len, k;

	random_range(m, &island, &at, &len);
	snap_range(m, island, &at, &len);
	e = new_extent(m, island, at, len, &k);
	stock_up(m);
	stock = m->ix.nr_stock;
	index_insert(&m->ix, &e, &told);
	CHECK(m->ix.nr_stock + INDEX_INSERT_LEAVES >= stock);
	CHECK_EQ(told, model_insert(m, &e, k, (size_t)island * m->island_len + at));
}

static bool model_is_free(struct model *m, size_t c, u32 len)
{
	while (len && !m->cells[c].key) {
		len--;
		c++;
	}
	return !len;
}

/* Some in ascending order, more or less: it must be right whatever the order is. */
static void op_fill(struct model *m)
{
	u32 step = 1 << below(10), many = one_in(50) ? 500 : 10, n = 1 + below(many);
	struct index_gap gap = { };
	u64 pos = get_random_u64() % ((u64)m->nr_islands * m->island_len);

	while (n--) {
		unsigned int island = pos / m->island_len, stock;
		u32 at = pos % m->island_len, len = 1 + below(one_in(8) ? 200 : 16), k;
		struct extent e;
		struct entry ent;
		bool free;

		len = min(len, m->island_len - at);
		len = min_t(u32, len, CHUNK - (m->island[island] + at) % CHUNK);
		free = model_is_free(m, pos, len);
		e = new_extent(m, island, at, len, &k);
		ent = extent_pack(&e);
		stock_up(m);
		stock = m->ix.nr_stock;
		CHECK_EQ(index_fill(&m->ix, &gap, &ent), free);
		CHECK(m->ix.nr_stock + 1 >= stock);
		if (free)
			CHECK(!model_insert(m, &e, k, pos));
		pos += one_in(4) ? len : below(step);
		if (one_in(100))
			pos = get_random_u64();
		pos %= (u64)m->nr_islands * m->island_len;
	}
}

/* Does @e, as found, say what the model says, from cell @c on? */
static void check_extent(struct model *m, const struct extent *e, size_t c)
{
	const struct cell *cell = &m->cells[c];
	const struct model_key *key = &m->keys[cell->key];
	u32 i;

	for (i = 0; i < e->len; i++) {
		CHECK_EQ(cell[i].key, cell->key);
		CHECK_EQ(cell[i].skip, cell->skip + i);
		CHECK_EQ(m->flags[c + i], m->flags[c]);
	}
	CHECK_EQ(e->seg, key->e.seg);
	CHECK_EQ(e->sect, key->e.sect + cell->skip);
	CHECK_EQ(e->clean, !!(m->flags[c] & CELL_CLEAN));
	CHECK_EQ(e->hit, !!(m->flags[c] & CELL_HIT));
	CHECK_EQ(e->verified, !!(m->flags[c] & CELL_VERIFIED));
	CHECK_EQ(e->lost, !!(m->flags[c] & CELL_LOST));
	if (m->pool.crc) {
		CHECK_EQ(e->crc, key->e.crc);
		CHECK_EQ(e->skip, key->e.skip + cell->skip);
		CHECK_EQ(e->key_len, key->e.key_len);
	}
}

static bool find(struct model *m, struct extent *e, size_t *c)
{
	unsigned int island;
	u32 at, len, i = 0;
	bool found;

	random_range(m, &island, &at, &len);
	snap_range(m, island, &at, &len);
	*c = (size_t)island * m->island_len + at;
	found = index_find(&m->ix, m->island[island] + at, len, e);
	while (i < len && !m->cells[*c + i].key)
		i++;
	CHECK_EQ(found, i < len);
	if (!found)
		return false;
	*c += i;
	CHECK_EQ(e->start, m->island[island] + at + i);
	CHECK(e->len <= len - i);
	check_extent(m, e, *c);
	/* The end of what was found is the end of the range, or that of an extent. */
	if (i + e->len < len && m->cells[*c + e->len].key == m->cells[*c].key)
		CHECK(m->cells[*c + e->len].skip != m->cells[*c].skip + e->len ||
		      m->flags[*c + e->len] != m->flags[*c] ||
		      index_maps(&m->ix, e));
	return true;
}

static void op_find(struct model *m)
{
	struct extent e;
	size_t c;

	find(m, &e, &c);
}

/* The same sectors of the origin with other data. */
static struct extent elsewhere(struct model *m, const struct extent *e)
{
	struct extent other = *e;

	switch (below(m->pool.crc ? 3 : 2)) {
	case 0:
		other.seg ^= 1;
		break;
	case 1:
		other.sect ^= 1;
		break;
	default:
		other.crc ^= 1;
		break;
	}
	return other;
}

static void mark(struct model *m, const struct extent *e, u8 flag, bool on)
{
	if (flag == CELL_HIT)
		index_mark_hit(&m->ix, e);
	else if (flag == CELL_VERIFIED)
		index_mark_verified(&m->ix, e);
	else
		index_mark_lost(&m->ix, e, on);
}

/* Marks go to all of an extent: all cells around that belong to it have them afterwards. */
static void op_mark(struct model *m)
{
	static const u8 flags[] = { CELL_HIT, CELL_VERIFIED, CELL_LOST };
	u8 flag = flags[below(3)];
	bool on = flag != CELL_LOST || one_in(2);
	struct extent e, whole;
	u64 from;
	size_t c;
	u32 i;

	if (!find(m, &e, &c))
		return;
	/* What lies elsewhere is not meant. */
	whole = elsewhere(m, &e);
	mark(m, &whole, flag, on);
	if (one_in(4))
		return;
	mark(m, &e, flag, on);
	/* How far the extent goes to either side, only the index knows. */
	for (from = e.start; c && m->cells[c - 1].key == m->cells[c].key; from--, c--)
		;
	while (index_find(&m->ix, from, U32_MAX, &whole) && whole.start < e.start + e.len) {
		for (i = 0; whole.start + whole.len > e.start && i < whole.len; i++) {
			u8 *cell = &m->flags[c + whole.start - from + i];

			*cell = on ? *cell | flag : *cell & ~flag;
		}
		c += whole.start + whole.len - from;
		from = whole.start + whole.len;
	}
}

static void op_maps(struct model *m)
{
	const struct model_key *key = &m->keys[below(m->nr_keys)];
	bool expect = key->parts == key->e.len;
	struct extent e = key->e;

	if (!e.len)
		return;
	if (expect && e.len > 1 && one_in(2)) {
		u32 cut = below(e.len);

		e.start += cut;
		e.sect += cut;
		e.skip += cut;
		e.len = 1 + below(e.len - cut);
	}
	/* A key that is gone may by chance look like the one that took its place. */
	if (!expect && !m->pool.crc)
		return;
	CHECK_EQ(index_maps(&m->ix, &e), expect);
	if (expect) {
		e = elsewhere(m, &e);
		CHECK(!index_maps(&m->ix, &e));
		CHECK(!index_find_key(&m->ix, &e, e.start, &e));
	}
}

/* Could what is left of @other be taken for what is left of @key? Its place may be the same. */
static bool alike(struct model *m, const struct extent *key, const struct extent *other)
{
	return key->seg == other->seg && key->start - key->sect == other->start - other->sect &&
	       (!m->pool.crc || key->crc == other->crc);
}

/* All that is left of a key goes, but for what has a mark that keeps it. */
static void op_remove(struct model *m)
{
	bool spare_hit = one_in(2), dirty;
	u8 stays = CELL_LOST | (spare_hit ? CELL_HIT : 0);
	u64 at, removed = 0, expect = 0;
	struct extent key, e;
	size_t c;
	u32 i, k;

	if (!find(m, &e, &c))
		return;
	k = m->cells[c].key;
	key = m->keys[k].e;
	c -= m->cells[c].skip;
	for (i = 0; i < key.len; i++) {
		u32 other = m->cells[c + i].key;

		if (other && other != k && alike(m, &key, &m->keys[other].e))
			return;
	}
	at = key.start;
	while (index_remove_key(&m->ix, &key, at, spare_hit, &removed, &e)) {
		CHECK(e.start >= at && e.start + e.len <= key.start + key.len);
		CHECK(e.lost || (e.hit && spare_hit));
		at = e.start + e.len;
	}
	for (i = 0; i < key.len; i++) {
		if (m->cells[c + i].key != k || (m->flags[c + i] & stays))
			continue;
		forget_cell(m, c + i, &dirty);
		expect++;
	}
	CHECK_EQ(removed, expect);
}

/* All that is left of a key, and only that. */
static void op_find_key(struct model *m)
{
	u32 k = below(m->nr_keys), seen = 0;
	const struct model_key *key = &m->keys[k];
	u64 at = key->e.start;
	struct extent e;

	if (!key->e.len || !m->pool.crc)
		return;
	while (index_find_key(&m->ix, &key->e, at, &e)) {
		CHECK(e.start >= at && e.start + e.len <= key->e.start + key->e.len);
		CHECK_EQ(e.sect - key->e.sect, e.start - key->e.start);
		CHECK_EQ(e.crc, key->e.crc);
		seen += e.len;
		at = e.start + e.len;
	}
	CHECK_EQ(seen, key->parts);
}

/* Walk through all, in order: the extents are the mapped cells and nothing else. */
static void check_all(struct model *m)
{
	u64 at = 0, mapped = 0, expect = 0, n = 0;
	struct index_cursor cursor = { };
	unsigned int island = 0;
	struct extent e;
	size_t c;

	while (index_walk(&m->ix, &cursor, &e)) {
		CHECK(e.start >= at);
		while (e.start >= m->island[island] + m->island_len)
			island++;
		CHECK(e.start >= m->island[island]);
		check_extent(m, &e, (size_t)island * m->island_len + e.start - m->island[island]);
		mapped += e.len;
		n++;
		at = e.start + e.len;
	}
	for (c = 0; c < (size_t)m->nr_islands * m->island_len; c++)
		expect += m->cells[c].key != 0;
	CHECK_EQ(mapped, expect);
	CHECK_EQ(n, m->ix.nr_entries);
}

static void random_ops(bool crc, unsigned int islands, u32 len, u64 span, unsigned long ops)
{
	struct model m;
	unsigned long i;
	u32 remove = 2;

	model_init(&m, crc, islands, len, span);
	for (i = 0; i < ops; i++) {
		u32 dice = below(16);

		test_at("op %lu", i);
		/* Times of growth and of decline. */
		if (i % 16384 == 0)
			remove = 1 + below(6);
		if (dice < remove)
			op_remove(&m);
		else if (dice < 8)
			op_insert(&m);
		else if (dice < 9 && one_in(4))
			op_fill(&m);
		else if (dice < 11)
			op_find(&m);
		else if (dice < 13)
			op_mark(&m);
		else if (dice < 14)
			op_maps(&m);
		else
			op_find_key(&m);
		if (i % 4096 == 0)
			check_all(&m);
		if (i % 100000 == 99999 && one_in(4)) {
			index_clear(&m.ix);
			memset(m.cells, 0, (size_t)islands * len * sizeof(*m.cells));
			memset(m.flags, 0, (size_t)islands * len);
			memset(m.keys, 0, m.nr_keys * sizeof(*m.keys));
		}
	}
	check_all(&m);
	model_exit(&m);
}

TEST(index_random_dense)
{
	random_ops(false, 1, 100000, 1 << 20, 300000);
}

TEST(index_random_dense_crc)
{
	random_ops(true, 1, 100000, 1 << 20, 300000);
}

TEST(index_random_tiny)
{
	random_ops(true, 1, 600, 1 << 10, 150000);
}

TEST(index_random_sparse)
{
	random_ops(false, MAX_ISLANDS, 2000, 1ull << 41, 200000);
}

TEST(index_random_very_sparse_crc)
{
	random_ops(true, MAX_ISLANDS, 2000, 1ull << 50, 200000);
}

/*
 * A leaf spans at most 2^32 sectors: what is trimmed and split right at that distance must stay
 * within reach. Two islands so far apart, and one between.
 */
TEST(index_random_at_reach)
{
	int i;

	for (i = 0; i < 8; i++) {
		far_apart = (1ull << 32) - 300 + below(600);
		random_ops(i & 1, 3, 400, 0, 30000);
	}
}

/*
 * Memory, in bytes of leaves for each entry. The stock is not counted: it does not grow.
 */

static struct extent block(u64 nr)
{
	return (struct extent){
		.start = nr * 8, .len = 8, .seg = nr % 1000, .sect = nr % 4000 * 8, .key_len = 8,
	};
}

static void put_block(struct index *ix, u64 nr)
{
	struct extent e = block(nr);

	while (!index_stocked(ix))
		index_stock(ix, index_get_leaf(ix->pool, GFP_NOIO));
	index_insert(ix, &e, NULL);
}

/* The block's extent, if it is there still. */
static void drop_block(struct index *ix, u64 block)
{
	struct extent e;
	u64 removed = 0;

	if (index_find(ix, block * 8, 8, &e))
		index_remove_key(ix, &e, e.start, false, &removed, &e);
}

static double leaf_bytes(const struct index *ix)
{
	return (double)index_pool_bytes(ix->pool) / atomic_long_read(&ix->pool->nr_leaves);
}

static double bytes_per_entry(const struct index *ix)
{
	return (index_pool_bytes(ix->pool) - ix->nr_stock * leaf_bytes(ix)) / ix->nr_entries;
}

/* Bytes an entry takes where leaves are full; each may end before the index does. */
static double packed(const struct index *ix)
{
	return 1.01 * leaf_bytes(ix) / ix->pool->leaf_entries;
}

#define BLOCKS		100000u
#define CEILING(crc)	((crc) ? 32.0 : 24.0)

static void check_bytes(const char *what, const struct index *ix, double ceiling)
{
	double bytes = bytes_per_entry(ix);

	if (stub_log_loud)
		fprintf(stderr, "%s, %s: %.2f bytes an entry\n", what,
			ix->pool->crc ? "crc" : "no crc", bytes);
	if (bytes > ceiling)
		test_failed(__FILE__, __LINE__, "%s: %.2f bytes an entry, more than %.0f", what,
			    bytes, ceiling);
}

static void memory_sequential(bool crc)
{
	struct index_pool pool;
	struct index ix;
	u64 i;
	int s;

	index_pool_init(&pool, crc, 0);
	index_init(&ix, &pool, 4);
	for (i = 0; i < BLOCKS; i++)
		put_block(&ix, i);
	check_bytes("sequential", &ix, packed(&ix));
	index_clear(&ix);
	for (i = BLOCKS; i; i--)
		put_block(&ix, i);
	check_bytes("backwards", &ix, packed(&ix));
	index_clear(&ix);
	/* Several at once, side by side. */
	for (i = 0; i < BLOCKS / 8; i++)
		for (s = 0; s < 8; s++)
			put_block(&ix, (u64)s << 20 | i);
	check_bytes("eight streams", &ix, 1.2 * packed(&ix));
	index_exit(&ix);
	index_pool_exit(&pool);
}

/* As after an activation. */
static void fill_anew(struct index *ix)
{
	static struct extent all[BLOCKS];
	struct index_cursor cursor = { };
	struct index_gap gap = { };
	struct entry ent;
	u32 i, n = 0;

	while (index_walk(ix, &cursor, &all[n]))
		n++;
	index_clear(ix);
	for (i = 0; i < n; i++) {
		while (!index_stocked(ix))
			index_stock(ix, index_get_leaf(ix->pool, GFP_NOIO));
		ent = extent_pack(&all[i]);
		CHECK(index_fill(ix, &gap, &ent));
	}
	check_bytes("filled anew", ix, packed(ix));
}

/* Random writes to a cache that is full, with eviction at random or in the order of arrival. */
static void memory_random(bool crc, u64 range, bool fifo, bool aligned_chunks, bool filled)
{
	static u64 live[BLOCKS];
	struct index_pool pool;
	double worst = 0;
	struct index ix;
	u32 i, turn;

	index_pool_init(&pool, crc, 0);
	index_init(&ix, &pool, 4);
	for (i = 0; i < BLOCKS; i++) {
		live[i] = get_random_u64() % range;
		if (aligned_chunks)
			live[i] = round_down(live[i], 1024) + below(64);
		put_block(&ix, live[i]);
		if (i > BLOCKS / 10)
			worst = max(worst, bytes_per_entry(&ix));
	}
	check_bytes("random writes", &ix, CEILING(crc));
	if (filled)
		fill_anew(&ix);
	for (turn = 0; turn < 5 * BLOCKS; turn++) {
		u32 gone = fifo ? turn % BLOCKS : below(BLOCKS);

		drop_block(&ix, live[gone]);
		live[gone] = get_random_u64() % range;
		if (aligned_chunks)
			live[gone] = round_down(live[gone], 1024) + below(64);
		put_block(&ix, live[gone]);
		worst = max(worst, bytes_per_entry(&ix));
	}
	check_bytes(fifo ? "and first in first out" : "and random eviction", &ix, CEILING(crc));
	if (worst > CEILING(crc))
		test_failed(__FILE__, __LINE__, "%.2f bytes an entry at worst", worst);
	if (stub_log_loud)
		fprintf(stderr, "worst %.2f\n", worst);
	/* Down to little: what is left must not hold on to many leaves. */
	for (i = 0; i < BLOCKS; i++)
		if (i % 64)
			drop_block(&ix, live[i]);
	if (ix.nr_entries)
		check_bytes("one in 64 left", &ix, 1.5 * 3 * packed(&ix));
	index_exit(&ix);
	index_pool_exit(&pool);
}

TEST(index_memory_sequential)
{
	memory_sequential(false);
	memory_sequential(true);
}

TEST(index_memory_random_eviction)
{
	memory_random(false, 1 << 20, false, false, false);
	memory_random(true, 1 << 20, false, false, false);
}

TEST(index_memory_fifo_eviction)
{
	memory_random(false, 1 << 20, true, false, false);
	memory_random(true, 1 << 20, true, false, false);
}

TEST(index_memory_clustered)
{
	memory_random(false, 1 << 24, true, true, false);
	memory_random(true, 1 << 24, false, true, false);
}

TEST(index_memory_after_activation)
{
	memory_random(false, 1 << 20, false, false, true);
	memory_random(true, 1 << 20, true, false, true);
}

/* What is to be marked may be gone by then. */
TEST(index_mark_nothing)
{
	struct extent e = { .start = 8, .len = 8, .key_len = 8 }, other = e, found;
	struct index_pool pool;
	struct index ix;
	u64 removed = 0;

	CHECK_EQ(index_pool_init(&pool, true, 1), 0);
	index_init(&ix, &pool, INDEX_INSERT_LEAVES);
	index_mark_verified(&ix, &e);
	while (!index_stocked(&ix))
		index_stock(&ix, index_get_leaf(&pool, GFP_KERNEL));
	other.sect = 8;
	index_insert(&ix, &other, NULL);
	index_mark_verified(&ix, &e);
	CHECK(index_find(&ix, 8, 8, &found) && !found.verified);
	index_mark_verified(&ix, &other);
	CHECK(index_find(&ix, 8, 8, &found) && found.verified);
	CHECK(!index_remove_key(&ix, &other, 8, false, &removed, &found));
	CHECK_EQ(removed, 8);
	index_mark_verified(&ix, &other);
	index_exit(&ix);
	index_pool_exit(&pool);
	CHECK_EQ(stub_allocated, 0);
}

TEST(index_no_memory)
{
	struct index_pool pool;
	void *leaf;

	stub_fail_alloc_after(1);
	CHECK_EQ(index_pool_init(&pool, false, 2), -ENOMEM);
	stub_fail_alloc_after(-1);
	CHECK_EQ(stub_allocated, 0);
	CHECK_EQ(index_pool_init(&pool, false, 1), 0);
	stub_fail_alloc_after(1);
	leaf = index_get_leaf(&pool, GFP_NOWAIT);
	CHECK(leaf);
	CHECK(!index_get_leaf(&pool, GFP_NOWAIT));
	stub_fail_alloc_after(-1);
	index_put_leaf(&pool, leaf);
	index_pool_exit(&pool);
	CHECK_EQ(stub_allocated, 0);
}
