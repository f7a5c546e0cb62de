// SPDX-License-Identifier: GPL-2.0-or-later
/* The stubs that are more than a line: the tree, work, reserves. */
#include <linux/mempool.h>
#include <linux/rbtree.h>
#include <linux/workqueue.h>

#include "test.h"

struct item {
	struct rb_node node;
	u32 key;
	bool in;
};

static struct rb_root root;

static void item_insert(struct item *item)
{
	struct rb_node **link = &root.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (item->key < rb_entry(parent, struct item, node)->key)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&item->node, parent, link);
	rb_insert_color(&item->node, &root);
}

/* Returns how many black nodes each path down has, which must be one number. */
static int check_subtree(const struct rb_node *node, bool red_above)
{
	bool red;
	int left, right;

	if (!node)
		return 0;
	red = !(node->parent_colour & 1);
	CHECK(!red || !red_above);
	left = check_subtree(node->rb_left, red);
	right = check_subtree(node->rb_right, red);
	CHECK_EQ(left, right);
	return left + !red;
}

static void check_order(u32 expect)
{
	struct rb_node *node, *last = NULL;
	struct item *item, *next;
	u32 n = 0, m = 0, k = 0;

	for (node = rb_first(&root); node; last = node, node = rb_next(node), n++)
		if (last)
			CHECK(rb_entry(last, struct item, node)->key <
			      rb_entry(node, struct item, node)->key);
	CHECK(last == rb_last(&root));
	for (node = rb_last(&root); node; node = rb_prev(node))
		m++;
	rbtree_postorder_for_each_entry_safe(item, next, &root, node)
		k++;
	CHECK_EQ(n, expect);
	CHECK_EQ(m, expect);
	CHECK_EQ(k, expect);
	check_subtree(root.rb_node, false);
}

TEST(stub_rbtree)
{
	static struct item items[300];
	u32 i, op, n = 0;

	for (i = 0; i < ARRAY_SIZE(items); i++)
		items[i].key = i;
	for (op = 0; op < 20000; op++) {
		struct item *item = &items[get_random_u32_below(ARRAY_SIZE(items))];

		if (item->in) {
			rb_erase(&item->node, &root);
			n--;
		} else {
			item_insert(item);
			n++;
		}
		item->in = !item->in;
		if (op % 16 == 0)
			check_order(n);
	}
}

static int ran;

static void work_fn(struct work_struct *work)
{
	ran++;
}

TEST(stub_work)
{
	struct workqueue_struct *wq = alloc_workqueue("test", 0, 1);
	struct work_struct a, b;

	INIT_WORK(&a, work_fn);
	INIT_WORK(&b, work_fn);
	CHECK(queue_work(wq, &a));
	CHECK(!queue_work(wq, &a));
	CHECK(queue_work(wq, &b));
	CHECK(cancel_work_sync(&b));
	flush_workqueue(wq);
	CHECK_EQ(ran, 1);
	queue_work(wq, &b);
	CHECK(flush_work(&b));
	CHECK(!flush_work(&b));
	queue_work(wq, &a);
	CHECK_EQ(run_pending_work(), 1);
	CHECK_EQ(ran, 3);
	destroy_workqueue(wq);
	CHECK_EQ(stub_allocated, 0);
}

TEST(stub_mempool)
{
	mempool_t pool;
	void *p[3];

	CHECK_EQ(mempool_init_kmalloc_pool(&pool, 2, 64), 0);
	stub_fail_alloc_after(1);
	p[0] = mempool_alloc(&pool, GFP_NOWAIT);
	p[1] = mempool_alloc(&pool, GFP_NOWAIT);
	CHECK(p[0] && p[1]);
	CHECK(!mempool_alloc(&pool, GFP_NOWAIT));
	mempool_free(p[1], &pool);
	p[1] = mempool_alloc(&pool, GFP_NOIO);
	CHECK(p[1]);
	stub_fail_alloc_after(-1);
	mempool_free(p[0], &pool);
	mempool_free(p[1], &pool);
	mempool_exit(&pool);
	CHECK_EQ(stub_allocated, 0);
}
