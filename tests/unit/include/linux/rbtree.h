/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A balanced tree behind the names of the kernel's. */
#ifndef STUB_RBTREE_H
#define STUB_RBTREE_H

#include <linux/kernel.h>
#include <linux/types.h>

/* As large as the kernel's: what is packed around a node fits here as it does there. */
struct rb_node {
	unsigned long parent_colour;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

#define RB_ROOT			(struct rb_root){ NULL }
#define RB_EMPTY_ROOT(root)	(!(root)->rb_node)
#define rb_entry(p, type, m)	container_of(p, type, m)

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent,
				struct rb_node **link)
{
	node->parent_colour = (unsigned long)parent;
	node->rb_left = NULL;
	node->rb_right = NULL;
	*link = node;
}

void rb_insert_color(struct rb_node *node, struct rb_root *root);
void rb_erase(struct rb_node *node, struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_first_postorder(const struct rb_root *root);
struct rb_node *rb_next_postorder(const struct rb_node *node);

#define stub_rb_entry(p, type, m) \
	({ struct rb_node *_p = (p); _p ? rb_entry(_p, type, m) : NULL; })
#define rbtree_postorder_for_each_entry_safe(pos, n, root, m) \
	for ((pos) = stub_rb_entry(rb_first_postorder(root), __typeof__(*(pos)), m); \
	     (pos) && ({ (n) = stub_rb_entry(rb_next_postorder(&(pos)->m), \
					     __typeof__(*(pos)), m); 1; }); \
	     (pos) = (n))

#endif
