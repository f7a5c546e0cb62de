/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mutexes for one thread: nothing to wait for, everything to check. */
#ifndef STUB_MUTEX_H
#define STUB_MUTEX_H

#include <linux/spinlock.h>

struct mutex {
	bool held;
};

#define DEFINE_MUTEX(m)	struct mutex m = { false }

static inline void mutex_init(struct mutex *m)
{
	m->held = false;
}

static inline void mutex_destroy(struct mutex *m)
{
	if (m->held)
		stub_bug("a mutex is destroyed that is held");
}

static inline void mutex_lock(struct mutex *m)
{
	might_sleep();
	if (m->held)
		stub_bug("a mutex is taken that is held");
	m->held = true;
}

static inline int mutex_trylock(struct mutex *m)
{
	if (m->held)
		return 0;
	m->held = true;
	return 1;
}

static inline void mutex_unlock(struct mutex *m)
{
	if (!m->held)
		stub_bug("a mutex is released that is not held");
	m->held = false;
}

static inline bool mutex_is_locked(const struct mutex *m)
{
	return m->held;
}

#define mutex_lock_nested(m, c)	mutex_lock(m)

#endif
