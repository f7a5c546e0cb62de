/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Atomics for one thread. */
#ifndef STUB_ATOMIC_H
#define STUB_ATOMIC_H

#include <linux/compiler.h>
#include <linux/types.h>

#define ATOMIC_INIT(n)		{ (n) }
#define ATOMIC_LONG_INIT(n)	{ (n) }
#define ATOMIC64_INIT(n)	{ (n) }

#define STUB_ATOMICS(p, t, n) \
static inline n p##_read(const t *v) { return v->counter; } \
static inline void p##_set(t *v, n i) { v->counter = i; } \
static inline void p##_add(n i, t *v) { v->counter += i; } \
static inline void p##_sub(n i, t *v) { v->counter -= i; } \
static inline void p##_inc(t *v) { v->counter++; } \
static inline void p##_dec(t *v) { v->counter--; } \
static inline n p##_add_return(n i, t *v) { return v->counter += i; } \
static inline n p##_sub_return(n i, t *v) { return v->counter -= i; } \
static inline n p##_inc_return(t *v) { return ++v->counter; } \
static inline n p##_dec_return(t *v) { return --v->counter; } \
static inline n p##_fetch_add(n i, t *v) { n old = v->counter; v->counter += i; return old; } \
static inline n p##_fetch_inc(t *v) { return v->counter++; } \
static inline n p##_xchg(t *v, n i) { n old = v->counter; v->counter = i; return old; } \
static inline n p##_cmpxchg(t *v, n old, n i) \
{ \
	n was = v->counter; \
	if (was == old) \
		v->counter = i; \
	return was; \
} \
static inline bool p##_dec_and_test(t *v) { return !--v->counter; } \
static inline bool p##_inc_and_test(t *v) { return !++v->counter; } \
static inline bool p##_sub_and_test(n i, t *v) { return !(v->counter -= i); } \
static inline bool p##_inc_not_zero(t *v) { return v->counter && ++v->counter; } \
static inline bool p##_add_unless(t *v, n i, n u) \
{ \
	if (v->counter == u) \
		return false; \
	v->counter += i; \
	return true; \
}

STUB_ATOMICS(atomic, atomic_t, int)
STUB_ATOMICS(atomic_long, atomic_long_t, long)
STUB_ATOMICS(atomic64, atomic64_t, s64)

#define atomic_read_acquire	atomic_read
#define atomic_set_release	atomic_set
#define atomic_long_read_acquire	atomic_long_read
#define xchg(p, v)	({ __auto_type _p = (p); __typeof__(*_p) _o = *_p; *_p = (v); _o; })
#define cmpxchg(p, o, v) \
	({ __auto_type _p = (p); __typeof__(*_p) _w = *_p; if (_w == (o)) *_p = (v); _w; })

typedef atomic_t refcount_t;
#define refcount_set		atomic_set
#define refcount_read		atomic_read
#define refcount_inc		atomic_inc
#define refcount_dec_and_test	atomic_dec_and_test

#endif
