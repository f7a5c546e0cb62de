// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The index: leaves of packed entries, in an rbtree by the start of their first entry.
 *
 * Neighbouring leaves pass entries to each other freely: as long as the order of all entries stays,
 * so does that of the leaves, and the tree need not be told. A leaf in the tree is never empty.
 */
#include "compat/compat.h"

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/rbtree.h>

#include "leaf.h"

/*
 * Leaves within the tree, and where they come from and go to.
 */

static struct leaf *leaf_of(struct rb_node *node)
{
	return node ? rb_entry(node, struct leaf, node) : NULL;
}

static struct leaf *leaf_next(struct leaf *leaf)
{
	return leaf_of(rb_next(&leaf->node));
}

static struct leaf *leaf_prev(struct leaf *leaf)
{
	return leaf_of(rb_prev(&leaf->node));
}

/* An empty leaf from the stock. */
static struct leaf *leaf_take(struct index *ix)
{
	struct leaf *leaf = list_first_entry(&ix->stock, struct leaf, stock);

	list_del(&leaf->stock);
	ix->nr_stock--;
	leaf->nr = ix->pool->leaf_entries;
	leaf_shorten(leaf, 0);
	return leaf;
}

/* Put a leaf that has an entry by now into the tree. */
static void leaf_link(struct index *ix, struct leaf *leaf)
{
	struct rb_node **link = &ix->leaves.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (leaf_of(parent)->start <= leaf->start)
			link = &parent->rb_right;
		else
			link = &parent->rb_left;
	}
	rb_link_node(&leaf->node, parent, link);
	rb_insert_color(&leaf->node, &ix->leaves);
}

/* To the stock, up to @keep leaves there, or to the pool. */
static void leaf_give(struct index *ix, struct leaf *leaf)
{
	if (ix->nr_stock < ix->keep)
		index_stock(ix, leaf);
	else
		index_put_leaf(ix->pool, leaf);
}

static void leaf_unlink(struct index *ix, struct leaf *leaf)
{
	rb_erase(&leaf->node, &ix->leaves);
	leaf_give(ix, leaf);
}

/* The last leaf that starts at or before @start, and the one behind it; either may be NULL. */
static __always_inline struct leaf *leaf_lookup(const struct index *ix, u64 start,
						struct leaf **behind)
{
	struct rb_node *node = ix->leaves.rb_node;
	struct rb_node *left = NULL, *right = NULL;

	/* READ_ONCE() keeps compilers from loading both children to save a branch. */
	while (node) {
		if (rb_entry(node, struct leaf, node)->start <= start) {
			left = node;
			node = READ_ONCE(node->rb_right);
		} else {
			right = node;
			node = READ_ONCE(node->rb_left);
		}
	}
	*behind = leaf_of(right);
	return leaf_of(left);
}

/* From behind a leaf's last entry to the first of the next leaf. False: there is none. */
static bool cursor_settle(struct index_cursor *c)
{
	if (likely(c->i < c->leaf->nr))
		return true;
	c->leaf = leaf_next(c->leaf);
	c->i = 0;
	return c->leaf;
}

/*
 * The entry that @start lies in; or else the place between two entries where one that starts
 * there belongs, which may be behind the last of a leaf: then @behind is the next leaf.
 */
static __always_inline void cursor_place(const struct index *ix, u64 start, struct index_cursor *c,
					 struct leaf **behind)
{
	c->leaf = leaf_lookup(ix, start, behind);
	if (unlikely(!c->leaf)) {
		c->leaf = *behind;
		c->i = 0;
		return;
	}
	c->i = leaf_search(ix->pool, c->leaf, start);
	if (entry_end(ix->pool, c->leaf, c->i) <= start)
		c->i++;
}

/* The first entry that has a sector in [@start, @end). False: there is none. */
static __always_inline bool cursor_seek(const struct index *ix, u64 start, u64 end,
					struct index_cursor *c)
{
	struct leaf *behind;

	cursor_place(ix, start, c, &behind);
	if (unlikely(!c->leaf))
		return false;
	if (unlikely(c->i == c->leaf->nr)) {
		c->leaf = behind;
		c->i = 0;
		return behind && behind->start < end;
	}
	return entry_start(c->leaf, c->i) < end;
}

/* The next entry, if it has a sector before @end. */
static bool cursor_next(struct index_cursor *c, u64 end)
{
	c->i++;
	return cursor_settle(c) && entry_start(c->leaf, c->i) < end;
}

/*
 * Adding an entry.
 */

/*
 * @c is within a full leaf. Let a neighbour that is well below full take over some entries, so
 * that leaves are fuller than splits alone would make them; else split. @c follows its place.
 */
static void index_make_room(struct index *ix, struct index_cursor *c)
{
	const struct index_pool *pool = ix->pool;
	const unsigned int enough = pool->leaf_entries - pool->leaf_entries / 8;
	struct leaf *leaf = c->leaf, *next = leaf_next(leaf), *prev;
	unsigned int n;

	if (next && next->nr < enough && leaf_reaches(pool, next, leaf->start)) {
		n = (leaf->nr - next->nr + 1) / 2;
		leaf_push_right(pool, leaf, next, n);
	} else {
		prev = leaf_prev(leaf);
		if (prev && prev->nr < enough && leaf_reaches(pool, leaf, prev->start)) {
			n = (leaf->nr - prev->nr + 1) / 2;
			leaf_push_left(pool, prev, leaf, n);
			if (c->i <= n) {
				c->leaf = prev;
				c->i += prev->nr - n;
			} else {
				c->i -= n;
			}
			return;
		}
		next = leaf_take(ix);
		leaf_push_right(pool, leaf, next, leaf->nr / 2);
		leaf_link(ix, next);
	}
	if (c->i > leaf->nr) {
		c->leaf = next;
		c->i -= leaf->nr;
	}
}

/* @ent alone in a new leaf. */
static void index_add_leaf(struct index *ix, struct index_cursor *c, const struct entry *ent)
{
	c->leaf = leaf_take(ix);
	c->i = 0;
	leaf_put(ix->pool, c->leaf, 0, ent);
	leaf_link(ix, c->leaf);
}

/*
 * Add @ent in front of @c; @c is where it is then. Takes one leaf from the stock at most.
 *
 * Nothing is split for an entry at either end of a full leaf: who writes a file from its one end
 * to the other leaves full leaves behind.
 */
static void index_add(struct index *ix, struct index_cursor *c, const struct entry *ent)
{
	const struct index_pool *pool = ix->pool;
	const unsigned int max = pool->leaf_entries;

	ix->nr_entries++;
	if (c->leaf && c->i == c->leaf->nr &&
	    !leaf_has_room(pool, c->leaf, ent->start + val_len(ent->val))) {
		c->leaf = leaf_next(c->leaf);
		c->i = 0;
	}
	if (!c->leaf || (c->i == 0 && (c->leaf->nr == max ||
				       !leaf_reaches(pool, c->leaf, ent->start)))) {
		index_add_leaf(ix, c, ent);
		return;
	}
	if (c->leaf->nr == max)
		index_make_room(ix, c);
	leaf_put(pool, c->leaf, c->i, ent);
}

/*
 * Taking entries away.
 */

/* Put the entries of two neighbours into one leaf, if that leaves room to spare. */
static bool index_join(struct index *ix, struct leaf *left, struct leaf *right)
{
	const struct index_pool *pool = ix->pool;
	const unsigned int max = pool->leaf_entries;

	if (left->nr + right->nr > max - max / 4 || !leaf_reaches(pool, right, left->start))
		return false;
	leaf_push_left(pool, left, right, right->nr);
	leaf_unlink(ix, right);
	return true;
}

/* @leaf has lost entries. If too few are left, join it with a neighbour: one of them goes then. */
static void index_shrunk(struct index *ix, struct leaf *leaf)
{
	struct leaf *other;

	if (leaf->nr >= ix->pool->leaf_entries / 3)
		return;
	other = leaf_next(leaf);
	if (other && index_join(ix, leaf, other))
		return;
	other = leaf_prev(leaf);
	if (other)
		index_join(ix, other, leaf);
}

/*
 * The entry at @c starts before @start and ends behind it. Let it end there. What it has behind
 * @end becomes an entry of its own, with @c in front of it; otherwise @c is behind the entry.
 */
static void index_cut_back(struct index *ix, struct index_cursor *c, u64 start, u64 end)
{
	const struct index_pool *pool = ix->pool;
	u64 *val = &leaf_vals(pool, c->leaf)[c->i];
	u64 from = entry_start(c->leaf, c->i);
	u64 to = from + val_len(*val);
	struct entry tail = {
		.start = end,
		.val = val_cut_front(*val, end - from),
	};

	if (pool->crc)
		tail.sum = sum_cut_front(leaf_sums(pool, c->leaf)[c->i], end - from);
	*val -= to - start;
	c->i++;
	if (to > end)
		index_add(ix, c, &tail);
}

/*
 * Take out @n entries at @at, all in its leaf, which goes if nothing is left in it. @c, a place at
 * or before them, and @at stay good; @at is at the first entry behind them.
 */
static void index_drop(struct index *ix, struct index_cursor *c, struct index_cursor *at,
		       unsigned int n)
{
	struct leaf *leaf = at->leaf;

	ix->nr_entries -= n;
	if (n < leaf->nr) {
		leaf_drop(ix->pool, leaf, at->i, n);
		return;
	}
	at->leaf = leaf_next(leaf);
	if (c->leaf == leaf) {
		*c = *at;
		if (!c->leaf) {
			c->leaf = leaf_prev(leaf);
			c->i = c->leaf ? c->leaf->nr : 0;
		}
	}
	leaf_unlink(ix, leaf);
}

/* Up to where nothing is mapped, from the place that cursor_place() has found. */
static u64 index_free_until(const struct index_cursor *c, const struct leaf *behind)
{
	if (c->leaf && c->i < c->leaf->nr)
		return entry_start(c->leaf, c->i);
	return behind ? behind->start : U64_MAX;
}

/*
 * Let nothing be mapped in [@start, @end). @c, from cursor_place(@start), becomes the place where
 * an entry that starts at @start belongs. Returns the last leaf from which entries were taken, or
 * one that none were taken from, or NULL.
 */
static struct leaf *index_cut(struct index *ix, struct index_cursor *c, u64 start, u64 end,
			      bool *over_dirty)
{
	const struct index_pool *pool = ix->pool;
	struct index_cursor at;

	if (c->leaf && c->i < c->leaf->nr && entry_start(c->leaf, c->i) < start) {
		*over_dirty |= !(leaf_vals(pool, c->leaf)[c->i] & VAL_CLEAN);
		index_cut_back(ix, c, start, end);
	}
	at = *c;
	while (at.leaf && cursor_settle(&at) && entry_start(at.leaf, at.i) < end) {
		const u64 *vals = leaf_vals(pool, at.leaf);
		unsigned int n = at.i;

		while (n < at.leaf->nr && entry_end(pool, at.leaf, n) <= end)
			*over_dirty |= !(vals[n++] & VAL_CLEAN);
		n -= at.i;
		if (n) {
			index_drop(ix, c, &at, n);
		} else {
			*over_dirty |= !(vals[at.i] & VAL_CLEAN);
			leaf_cut_front(pool, at.leaf, at.i, end - entry_start(at.leaf, at.i));
			break;
		}
	}
	return at.leaf;
}

/*
 * Close up leaves after entries were taken out: from @right, if not NULL, and leaves before it
 * down to @left. @right goes first, for @left stays then: what is joined goes to the left.
 */
static void index_close_up(struct index *ix, struct leaf *left, struct leaf *right)
{
	if (right && right != left)
		index_shrunk(ix, right);
	if (left)
		index_shrunk(ix, left);
}

/* Is there an entry at @c that starts where @ent does, and may become @ent where it is? */
static bool index_can_replace(const struct index_pool *pool, const struct index_cursor *c,
			      const struct entry *ent)
{
	u32 len = val_len(ent->val);

	return c->leaf && c->i < c->leaf->nr && entry_start(c->leaf, c->i) == ent->start &&
	       val_len(leaf_vals(pool, c->leaf)[c->i]) <= len &&
	       ent->start + len - c->leaf->start <= DELTA_MAX;
}

/* Let the entry at @c become @ent, and nothing else be mapped there. */
static void index_replace(struct index *ix, struct index_cursor *c, const struct entry *ent,
			  bool *over_dirty)
{
	u64 *val = &leaf_vals(ix->pool, c->leaf)[c->i];
	u32 had = val_len(*val), len = val_len(ent->val);
	struct leaf *right;

	*over_dirty |= !(*val & VAL_CLEAN);
	*val = ent->val;
	if (ix->pool->crc)
		leaf_sums(ix->pool, c->leaf)[c->i] = ent->sum;
	if (had == len)
		return;
	c->i++;
	right = index_cut(ix, c, ent->start + had, ent->start + len, over_dirty);
	index_close_up(ix, c->leaf, right);
}

void index_insert(struct index *ix, const struct extent *e, bool *over_dirty)
{
	const struct entry ent = extent_pack(e);
	u64 end = e->start + e->len;
	struct leaf *left, *right, *behind;
	bool dirty = false;
	struct index_cursor c;

	cursor_place(ix, e->start, &c, &behind);
	if (index_can_replace(ix->pool, &c, &ent)) {
		index_replace(ix, &c, &ent, &dirty);
	} else if (index_free_until(&c, behind) >= end) {
		index_add(ix, &c, &ent);
	} else {
		right = index_cut(ix, &c, e->start, end, &dirty);
		left = c.leaf;
		index_add(ix, &c, &ent);
		index_close_up(ix, left, right);
	}
	if (over_dirty)
		*over_dirty = dirty;
}

/* Not just behind the entry before: @gap has no room for @ent, or the leaf has none at its end. */
static noinline bool index_fill_anywhere(struct index *ix, struct index_gap *gap,
					 const struct entry *ent)
{
	u64 end = ent->start + val_len(ent->val), until;
	struct index_cursor c = { gap->leaf, gap->i };
	struct leaf *behind;

	if (ent->start < gap->start || end > gap->end) {
		cursor_place(ix, ent->start, &c, &behind);
		until = index_free_until(&c, behind);
		if (until < end)
			return false;
		gap->end = until;
	}
	index_add(ix, &c, ent);
	gap->start = end;
	gap->leaf = c.leaf;
	gap->i = c.i + 1;
	return true;
}

bool index_fill(struct index *ix, struct index_gap *gap, const struct entry *ent)
{
	u64 end = ent->start + val_len(ent->val);
	struct leaf *leaf = gap->leaf;

	if (ent->start < gap->start || end > gap->end || gap->i != leaf->nr ||
	    !leaf_has_room(ix->pool, leaf, end))
		return index_fill_anywhere(ix, gap, ent);
	leaf_append(ix->pool, leaf, ent);
	ix->nr_entries++;
	gap->start = end;
	gap->i++;
	return true;
}

/*
 * Looking.
 */

bool index_find(struct index *ix, u64 start, u32 len, struct extent *e)
{
	struct index_cursor c;

	if (!cursor_seek(ix, start, start + len, &c))
		return false;
	entry_get(ix->pool, c.leaf, c.i, start, start + len, e);
	return true;
}

bool index_walk(struct index *ix, struct index_cursor *at, struct extent *e)
{
	if (at->leaf) {
		at->i++;
	} else {
		at->leaf = leaf_of(rb_first(&ix->leaves));
		at->i = 0;
	}
	if (!at->leaf || !cursor_settle(at))
		return false;
	entry_get(ix->pool, at->leaf, at->i, 0, U64_MAX, e);
	return true;
}

/* Set @flag on all that has a sector in the range of @e and is a part of it. */
static void index_mark(struct index *ix, const struct extent *e, u64 flag, bool on)
{
	const u64 end = e->start + e->len;
	struct index_cursor c;

	if (!cursor_seek(ix, e->start, end, &c))
		return;
	do {
		u64 *val = &leaf_vals(ix->pool, c.leaf)[c.i];

		/* Others read the same: who has nothing to add lets them keep their cache lines. */
		if (!(*val & flag) == on && entry_is_part(ix->pool, c.leaf, c.i, e))
			*val ^= flag;
	} while (cursor_next(&c, end));
}

void index_mark_hit(struct index *ix, const struct extent *e)
{
	index_mark(ix, e, VAL_HIT, true);
}

void index_mark_verified(struct index *ix, const struct extent *e)
{
	index_mark(ix, e, VAL_VERIFIED, true);
}

void index_mark_lost(struct index *ix, const struct extent *e, bool lost)
{
	index_mark(ix, e, VAL_LOST, lost);
}

bool index_maps(struct index *ix, const struct extent *e)
{
	const u64 end = e->start + e->len;
	u64 at = e->start;
	struct index_cursor c;

	if (!cursor_seek(ix, at, end, &c))
		return false;
	do {
		if (entry_start(c.leaf, c.i) > at || !entry_is_part(ix->pool, c.leaf, c.i, e))
			return false;
		at = entry_end(ix->pool, c.leaf, c.i);
	} while (at < end && cursor_next(&c, end));
	return at >= end;
}

/* The first entry with a sector at or behind @start that is of @key. False: there is none. */
static __always_inline bool cursor_seek_key(const struct index *ix, const struct extent *key,
					    u64 start, struct index_cursor *c)
{
	const u64 end = key->start + key->len;

	if (start >= end || !cursor_seek(ix, start, end, c))
		return false;
	do {
		/* What reaches beyond the key is of another one, at the same place. */
		if (entry_start(c->leaf, c->i) >= key->start &&
		    entry_end(ix->pool, c->leaf, c->i) <= end &&
		    entry_is_part(ix->pool, c->leaf, c->i, key))
			return true;
	} while (cursor_next(c, end));
	return false;
}

bool index_find_key(struct index *ix, const struct extent *key, u64 start, struct extent *e)
{
	struct index_cursor c;

	if (!cursor_seek_key(ix, key, start, &c))
		return false;
	entry_get(ix->pool, c.leaf, c.i, start, key->start + key->len, e);
	return true;
}

/* Take one entry out. */
static void index_take(struct index *ix, struct leaf *leaf, unsigned int i)
{
	ix->nr_entries--;
	if (leaf->nr == 1) {
		leaf_unlink(ix, leaf);
		return;
	}
	leaf_drop(ix->pool, leaf, i, 1);
	index_shrunk(ix, leaf);
}

bool index_remove_key(struct index *ix, const struct extent *key, u64 start, bool spare_hit,
		      u64 *removed, struct extent *e)
{
	const u64 stays = VAL_LOST | (spare_hit ? VAL_HIT : 0);
	struct index_cursor c;

	while (cursor_seek_key(ix, key, start, &c)) {
		u64 val = leaf_vals(ix->pool, c.leaf)[c.i];

		if (val & stays) {
			entry_get(ix->pool, c.leaf, c.i, start, U64_MAX, e);
			return true;
		}
		start = entry_start(c.leaf, c.i) + val_len(val);
		*removed += val_len(val);
		index_take(ix, c.leaf, c.i);
	}
	return false;
}

/*
 * The stock, beginnings and ends.
 */

void index_stock(struct index *ix, void *leaf)
{
	list_add(&((struct leaf *)leaf)->stock, &ix->stock);
	ix->nr_stock++;
}

void index_init(struct index *ix, struct index_pool *pool, unsigned int keep)
{
	ix->pool = pool;
	ix->keep = keep;
	ix->leaves = RB_ROOT;
	INIT_LIST_HEAD(&ix->stock);
	ix->nr_stock = 0;
	ix->nr_entries = 0;
}

void index_keep(struct index *ix, unsigned int keep)
{
	ix->keep = keep;
	while (ix->nr_stock > keep)
		index_put_leaf(ix->pool, leaf_take(ix));
}

void index_clear(struct index *ix)
{
	struct leaf *leaf, *tmp;

	rbtree_postorder_for_each_entry_safe(leaf, tmp, &ix->leaves, node)
		leaf_give(ix, leaf);
	ix->leaves = RB_ROOT;
	ix->nr_entries = 0;
}

void index_exit(struct index *ix)
{
	index_clear(ix);
	index_keep(ix, 0);
}
