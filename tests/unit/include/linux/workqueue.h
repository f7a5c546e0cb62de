/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work is done when a test says so, or when somebody waits for it. */
#ifndef STUB_WORKQUEUE_H
#define STUB_WORKQUEUE_H

#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/list.h>

struct work_struct;
struct workqueue_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct work_struct {
	work_func_t func;
	struct list_head entry;
	struct workqueue_struct *wq;
	unsigned long expires;		/* not before then */
};

struct delayed_work {
	struct work_struct work;
};

#define WQ_UNBOUND		1u
#define WQ_MEM_RECLAIM		2u
#define WQ_HIGHPRI		4u
#define WQ_CPU_INTENSIVE	16u
#define WQ_SYSFS		32u
#define WQ_FREEZABLE		64u

extern struct workqueue_struct *system_wq, *system_unbound_wq, *system_long_wq;

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...);
#define alloc_ordered_workqueue(fmt, flags, ...) alloc_workqueue(fmt, flags, 1, ##__VA_ARGS__)
void destroy_workqueue(struct workqueue_struct *wq);
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
bool stub_queue_later(struct workqueue_struct *wq, struct work_struct *work, unsigned long delay);
bool flush_work(struct work_struct *work);
void flush_workqueue(struct workqueue_struct *wq);
#define drain_workqueue(wq)	flush_workqueue(wq)
bool cancel_work_sync(struct work_struct *work);

#define INIT_WORK(w, f) \
	do { (w)->func = (f); INIT_LIST_HEAD(&(w)->entry); (w)->wq = NULL; } while (0)
#define INIT_WORK_ONSTACK	INIT_WORK
#define destroy_work_on_stack(w)	do { (void)(w); } while (0)
#define INIT_DELAYED_WORK(w, f)	INIT_WORK(&(w)->work, f)
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)
#define work_pending(w)		(!list_empty(&(w)->entry))
#define delayed_work_pending(w)	work_pending(&(w)->work)
#define schedule_work(w)	queue_work(system_wq, w)
#define queue_work_on(cpu, wq, w)	queue_work(wq, w)
#define queue_delayed_work(wq, w, d)	stub_queue_later(wq, &(w)->work, d)
#define mod_delayed_work(wq, w, d) \
	({ bool _was = cancel_work_sync(&(w)->work); stub_queue_later(wq, &(w)->work, d); _was; })
#define flush_delayed_work(w)	flush_work(&(w)->work)
#define cancel_delayed_work(w)	cancel_work_sync(&(w)->work)
#define cancel_delayed_work_sync(w)	cancel_work_sync(&(w)->work)

#endif
