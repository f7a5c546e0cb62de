/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Doubly linked rings with a head, and singly linked hash chains. */
#ifndef STUB_LIST_H
#define STUB_LIST_H

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/types.h>

#define LIST_HEAD_INIT(h)	{ &(h), &(h) }
#define LIST_HEAD(h)		struct list_head h = LIST_HEAD_INIT(h)

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h;
	h->prev = h;
}

static inline void stub_list_tie(struct list_head *a, struct list_head *b)
{
	a->next = b;
	b->prev = a;
}

static inline void list_add(struct list_head *e, struct list_head *h)
{
	stub_list_tie(e, h->next);
	stub_list_tie(h, e);
}

static inline void list_add_tail(struct list_head *e, struct list_head *h)
{
	stub_list_tie(h->prev, e);
	stub_list_tie(e, h);
}

/* Using a removed element again is a bug: let it crash. */
static inline void list_del(struct list_head *e)
{
	stub_list_tie(e->prev, e->next);
	e->next = NULL;
	e->prev = NULL;
}

static inline void list_del_init(struct list_head *e)
{
	stub_list_tie(e->prev, e->next);
	INIT_LIST_HEAD(e);
}

static inline void list_move(struct list_head *e, struct list_head *h)
{
	list_del(e);
	list_add(e, h);
}

static inline void list_move_tail(struct list_head *e, struct list_head *h)
{
	list_del(e);
	list_add_tail(e, h);
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline bool list_is_singular(const struct list_head *h)
{
	return h->next != h && h->next == h->prev;
}

static inline bool list_is_last(const struct list_head *e, const struct list_head *h)
{
	return e->next == h;
}

/* Those that splice put the elements of @l into @h; @l is used up, or made empty by _init. */
static inline void list_splice(struct list_head *l, struct list_head *h)
{
	if (list_empty(l))
		return;
	stub_list_tie(l->prev, h->next);
	stub_list_tie(h, l->next);
}

static inline void list_splice_tail(struct list_head *l, struct list_head *h)
{
	if (list_empty(l))
		return;
	stub_list_tie(h->prev, l->next);
	stub_list_tie(l->prev, h);
}

static inline void list_splice_init(struct list_head *l, struct list_head *h)
{
	list_splice(l, h);
	INIT_LIST_HEAD(l);
}

static inline void list_splice_tail_init(struct list_head *l, struct list_head *h)
{
	list_splice_tail(l, h);
	INIT_LIST_HEAD(l);
}

#define list_entry(p, type, m)		container_of(p, type, m)
#define list_first_entry(h, type, m)	list_entry((h)->next, type, m)
#define list_last_entry(h, type, m)	list_entry((h)->prev, type, m)
#define list_first_entry_or_null(h, type, m) \
	(list_empty(h) ? NULL : list_first_entry(h, type, m))
#define list_next_entry(p, m)		list_entry((p)->m.next, __typeof__(*(p)), m)
#define list_prev_entry(p, m)		list_entry((p)->m.prev, __typeof__(*(p)), m)
#define list_entry_is_head(p, h, m)	(&(p)->m == (h))

#define list_for_each(p, h) \
	for ((p) = (h)->next; (p) != (h); (p) = (p)->next)
#define list_for_each_safe(p, n, h) \
	for ((p) = (h)->next, (n) = (p)->next; (p) != (h); (p) = (n), (n) = (p)->next)
#define list_for_each_entry(p, h, m) \
	for ((p) = list_first_entry(h, __typeof__(*(p)), m); \
	     !list_entry_is_head(p, h, m); (p) = list_next_entry(p, m))
#define list_for_each_entry_reverse(p, h, m) \
	for ((p) = list_last_entry(h, __typeof__(*(p)), m); \
	     !list_entry_is_head(p, h, m); (p) = list_prev_entry(p, m))
#define list_for_each_entry_safe(p, n, h, m) \
	for ((p) = list_first_entry(h, __typeof__(*(p)), m), (n) = list_next_entry(p, m); \
	     !list_entry_is_head(p, h, m); (p) = (n), (n) = list_next_entry(n, m))

#endif
