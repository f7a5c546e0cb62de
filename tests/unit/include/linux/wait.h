/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who waits lets pending work run until what is waited for has come. */
#ifndef STUB_WAIT_H
#define STUB_WAIT_H

#include <linux/kernel.h>
#include <linux/spinlock.h>

typedef struct wait_queue_head {
	spinlock_t lock;
} wait_queue_head_t;

#define DECLARE_WAIT_QUEUE_HEAD(w)	wait_queue_head_t w = { }
#define init_waitqueue_head(w)		spin_lock_init(&(w)->lock)
#define wake_up(w)			do { (void)(w); } while (0)
#define wake_up_all(w)			do { (void)(w); } while (0)
#define wake_up_nr(w, n)		do { (void)(w); (void)(n); } while (0)
#define waitqueue_active(w)		((void)(w), true)
#define wq_has_sleeper(w)		((void)(w), true)

#define wait_event(w, cond) \
	do { \
		(void)&(w); \
		might_sleep(); \
		while (!(cond)) \
			stub_wait(#cond); \
	} while (0)
#define wait_event_interruptible(w, cond)	({ wait_event(w, cond); 0; })
#define wait_event_killable(w, cond)	wait_event_interruptible(w, cond)
#define wait_event_idle(w, cond)	wait_event(w, cond)
#define io_wait_event(w, cond)		wait_event(w, cond)

#endif
