// SPDX-License-Identifier: GPL-2.0-or-later
/* Data heads: the segments that new data goes to. */
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "compat/compat.h"
#include "head.h"

#define SEGMENT_SECTORS	(PCACHE_SEG_DATA_SIZE / PCACHE_SECTOR)

/* So many segments of the cache for each head, at least: open ones can't be reclaimed. */
#define SEGMENTS_PER_HEAD	8u

int heads_init(struct heads *heads, struct segments *segs)
{
	unsigned int i;

	heads->segs = segs;
	heads->nr = clamp(segs->nr / SEGMENTS_PER_HEAD, 1u, nr_cpu_ids);
	heads->head = kvcalloc(heads->nr + 1, sizeof(*heads->head), GFP_KERNEL);
	if (!heads->head)
		return -ENOMEM;
	for (i = 0; i <= heads->nr; i++) {
		spin_lock_init(&heads->head[i].lock);
		heads->head[i].seg = -1;
	}
	return 0;
}

static void head_close(struct heads *heads, struct head *head)
{
	if (head->seg >= 0)
		segment_put(heads->segs, head->seg, 1);
	head->seg = -1;
}

void heads_exit(struct heads *heads)
{
	unsigned int i;

	for (i = 0; heads->head && i <= heads->nr; i++)
		head_close(heads, &heads->head[i]);
	kvfree(heads->head);
	heads->head = NULL;
}

u32 heads_alloc(struct heads *heads, enum segment_use use, u32 want, u32 *seg, u32 *sect)
{
	unsigned int i = use == SEGMENT_FILL ? heads->nr : raw_smp_processor_id() % heads->nr;
	struct head *head = &heads->head[i];
	u32 n = 0;

	spin_lock(&head->lock);
	if (head->seg >= 0 && (head->sect == SEGMENT_SECTORS ||
			       READ_ONCE(heads->segs->seg[head->seg].bad)))
		head_close(heads, head);
	if (head->seg < 0) {
		head->seg = segment_alloc(heads->segs, use);
		head->sect = 0;
	}
	if (head->seg >= 0) {
		n = min(want, SEGMENT_SECTORS - head->sect);
		*seg = head->seg;
		*sect = head->sect;
		head->sect += n;
		head->idle = false;
		segment_get(heads->segs, head->seg);
	}
	spin_unlock(&head->lock);
	return n;
}

void heads_close_idle(struct heads *heads)
{
	unsigned int i;

	for (i = 0; i <= heads->nr; i++) {
		struct head *head = &heads->head[i];

		spin_lock(&head->lock);
		if (head->idle)
			head_close(heads, head);
		head->idle = true;
		spin_unlock(&head->lock);
	}
}
