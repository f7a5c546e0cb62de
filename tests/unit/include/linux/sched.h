/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks, of which there is one. */
#ifndef STUB_SCHED_H
#define STUB_SCHED_H

#include <linux/kernel.h>

#define cond_resched()	might_sleep()
#define schedule()	stub_wait("schedule()")
void migrate_disable(void);
void migrate_enable(void);
/* Either way the task stays on its CPU, and must not sleep. */
#define preempt_disable()	migrate_disable()
#define preempt_enable()	migrate_enable()

static inline unsigned int memalloc_noio_save(void)
{
	return 0;
}

static inline void memalloc_noio_restore(unsigned int flags)
{
	(void)flags;
}

#endif
