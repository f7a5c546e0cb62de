// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A red-black tree, by the textbook. A node is red when it comes; bit 0 of its first word says
 * black. NULL counts as black.
 */
#include <linux/rbtree.h>

#define BLACK	1ul

static struct rb_node *up(const struct rb_node *n)
{
	return (struct rb_node *)(n->parent_colour & ~BLACK);
}

static bool is_red(const struct rb_node *n)
{
	return n && !(n->parent_colour & BLACK);
}

static void set_up(struct rb_node *n, struct rb_node *parent)
{
	n->parent_colour = (unsigned long)parent | (n->parent_colour & BLACK);
}

static void set_red(struct rb_node *n, bool red)
{
	n->parent_colour = (unsigned long)up(n) | (red ? 0 : BLACK);
}

/* The two sides are mirror images: side 0 is the left. */
static struct rb_node **child(struct rb_node *n, int side)
{
	return side ? &n->rb_right : &n->rb_left;
}

static int side_of(const struct rb_node *n, const struct rb_node *parent)
{
	return parent->rb_right == n;
}

/* Whatever pointed down to @old points to @new. */
static void hang(struct rb_root *root, struct rb_node *old, struct rb_node *new)
{
	struct rb_node *parent = up(old);

	if (!parent)
		root->rb_node = new;
	else
		*child(parent, side_of(old, parent)) = new;
	if (new)
		set_up(new, parent);
}

/* @n goes down to @side, its child on the other side takes its place. */
static void rotate(struct rb_root *root, struct rb_node *n, int side)
{
	struct rb_node *riser = *child(n, !side);
	struct rb_node *inner = *child(riser, side);

	hang(root, n, riser);
	*child(riser, side) = n;
	set_up(n, riser);
	*child(n, !side) = inner;
	if (inner)
		set_up(inner, n);
}

void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent;

	while (is_red(parent = up(node))) {
		struct rb_node *grand = up(parent);
		int side = side_of(parent, grand);
		struct rb_node *uncle = *child(grand, !side);

		if (is_red(uncle)) {
			set_red(parent, false);
			set_red(uncle, false);
			set_red(grand, true);
			node = grand;
			continue;
		}
		if (side_of(node, parent) != side) {
			rotate(root, parent, side);
			node = parent;
			parent = up(node);
		}
		set_red(parent, false);
		set_red(grand, true);
		rotate(root, grand, !side);
	}
	set_red(root->rb_node, false);
}

/* Paths through @node, which may be NULL, below @parent, lack a black node. */
static void refill(struct rb_root *root, struct rb_node *node, struct rb_node *parent)
{
	while (parent && !is_red(node)) {
		int side = side_of(node, parent);
		struct rb_node *other = *child(parent, !side);

		if (is_red(other)) {
			set_red(other, false);
			set_red(parent, true);
			rotate(root, parent, side);
			other = *child(parent, !side);
		}
		if (!is_red(other->rb_left) && !is_red(other->rb_right)) {
			set_red(other, true);
			node = parent;
			parent = up(node);
			continue;
		}
		if (!is_red(*child(other, !side))) {
			set_red(*child(other, side), false);
			set_red(other, true);
			rotate(root, other, !side);
			other = *child(parent, !side);
		}
		set_red(other, is_red(parent));
		set_red(parent, false);
		set_red(*child(other, !side), false);
		rotate(root, parent, side);
		return;
	}
	if (node)
		set_red(node, false);
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent = up(node), *heir;
	bool red = is_red(node);

	if (!node->rb_left || !node->rb_right) {
		heir = node->rb_left ? node->rb_left : node->rb_right;
		hang(root, node, heir);
	} else {
		struct rb_node *next = node->rb_right;

		while (next->rb_left)
			next = next->rb_left;
		red = is_red(next);
		heir = next->rb_right;
		parent = up(next);
		if (parent == node) {
			parent = next;
		} else {
			hang(root, next, heir);
			next->rb_right = node->rb_right;
			set_up(next->rb_right, next);
		}
		hang(root, node, next);
		next->rb_left = node->rb_left;
		set_up(next->rb_left, next);
		set_red(next, is_red(node));
	}
	if (!red)
		refill(root, heir, parent);
}

static struct rb_node *outermost(struct rb_node *n, int side)
{
	while (n && *child(n, side))
		n = *child(n, side);
	return n;
}

static struct rb_node *neighbour(const struct rb_node *node, int side)
{
	struct rb_node *n = (struct rb_node *)node, *parent;

	if (*child(n, side))
		return outermost(*child(n, side), !side);
	while ((parent = up(n)) && side_of(n, parent) == side)
		n = parent;
	return parent;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	return neighbour(node, 1);
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	return neighbour(node, 0);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	return outermost(root->rb_node, 0);
}

struct rb_node *rb_last(const struct rb_root *root)
{
	return outermost(root->rb_node, 1);
}

static struct rb_node *deepest(struct rb_node *n)
{
	while (n && (n->rb_left || n->rb_right))
		n = n->rb_left ? n->rb_left : n->rb_right;
	return n;
}

struct rb_node *rb_first_postorder(const struct rb_root *root)
{
	return deepest(root->rb_node);
}

struct rb_node *rb_next_postorder(const struct rb_node *node)
{
	struct rb_node *parent = up(node);

	if (parent && parent->rb_left == node && parent->rb_right)
		return deepest(parent->rb_right);
	return parent;
}
