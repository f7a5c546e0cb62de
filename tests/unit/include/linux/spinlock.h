/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spinlocks for one thread: nothing to wait for, everything to check. */
#ifndef STUB_SPINLOCK_H
#define STUB_SPINLOCK_H

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/types.h>

typedef struct spinlock {
	bool held;
} spinlock_t;

#define __SPIN_LOCK_UNLOCKED(l)	{ false }
#define DEFINE_SPINLOCK(l)	spinlock_t l = __SPIN_LOCK_UNLOCKED(l)

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->held = false;
}

static inline void spin_lock(spinlock_t *lock)
{
	if (lock->held)
		stub_bug("a spinlock is taken that is held");
	lock->held = true;
	stub_spinlocks++;
}

static inline int spin_trylock(spinlock_t *lock)
{
	if (lock->held)
		return 0;
	spin_lock(lock);
	return 1;
}

static inline void spin_unlock(spinlock_t *lock)
{
	if (!lock->held)
		stub_bug("a spinlock is released that is not held");
	lock->held = false;
	stub_spinlocks--;
}

static inline int spin_is_locked(const spinlock_t *lock)
{
	return lock->held;
}

#define spin_lock_nested(l, c)		spin_lock(l)
#define spin_lock_irq(l)		spin_lock(l)
#define spin_unlock_irq(l)		spin_unlock(l)
#define spin_lock_bh(l)			spin_lock(l)
#define spin_unlock_bh(l)		spin_unlock(l)
#define spin_lock_irqsave(l, f)		do { (f) = 0; spin_lock(l); } while (0)
#define spin_unlock_irqrestore(l, f)	do { (void)(f); spin_unlock(l); } while (0)
#define local_irq_save(f)		do { (f) = 0; } while (0)
#define local_irq_restore(f)		do { (void)(f); } while (0)
#define assert_spin_locked(l)		BUG_ON(!(l)->held)
#define lockdep_assert_held(l)		BUG_ON(!(l)->held)
#define lockdep_assert_not_held(l)	BUG_ON((l)->held)

#endif
