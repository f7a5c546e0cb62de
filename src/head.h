/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data heads: the segments that new data goes to, one for each CPU as far as the cache is large
 * enough, and one for what is not written by the user (fills and re-insertion). A head's lock is
 * held only to move its fill mark, never while data is copied.
 */
#ifndef PCACHE_HEAD_H
#define PCACHE_HEAD_H

#include "segment.h"

struct head {
	spinlock_t lock;
	int seg;			/* cache segment id, or -1 */
	u32 sect;			/* the first free sector of its data area */
	bool idle;			/* not used since heads_close_idle() looked last */
} ____cacheline_aligned_in_smp;

struct heads {
	struct segments *segs;
	struct head *head;
	unsigned int nr;		/* heads for writes; one more behind them, for the rest */
};

int heads_init(struct heads *heads, struct segments *segs);
/* Give all heads' segments up. */
void heads_exit(struct heads *heads);

/*
 * Space for up to @want sectors, in one piece, with a reference to its segment: *@seg, from *@sect
 * on. Returns how many there are, or 0 if no segment is free for this use. Does not sleep.
 */
u32 heads_alloc(struct heads *heads, enum segment_use use, u32 want, u32 *seg, u32 *sect);

/* Give up the segments of heads that have not been used since the last call. */
void heads_close_idle(struct heads *heads);

#endif
