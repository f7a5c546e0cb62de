/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters, each CPU its own. What 'dmsetup message DEV 0 stats' prints of them, by these names. */
#ifndef PCACHE_STATS_H
#define PCACHE_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

#define PCACHE_STATS(stat)							\
	stat(reads)		/* bios */					\
	stat(writes)								\
	stat(flushes)		/* FLUSH and FUA */				\
	stat(read_hit_sectors)							\
	stat(read_miss_sectors)							\
	stat(write_sectors)							\
	stat(fills)		/* misses that were cached */			\
	stat(fills_stale)	/* ... that a write overtook */			\
	stat(stalls)		/* writes that waited for space */		\
	stat(writeback_batches)							\
	stat(writeback_ios)	/* writes to the origin */			\
	stat(writeback_sectors)							\
	stat(writeback_skipped)	/* sectors that later ones had replaced */	\
	stat(writeback_flushes)							\
	stat(writeback_errors)	/* writes or flushes that the origin refused */	\
	stat(reclaimed_segments)						\
	stat(reinserted_sectors)						\
	stat(media_errors_clean)	/* pieces that were read from the origin */	\
	stat(media_errors_dirty)	/* pieces that nobody has any more */

enum pcache_stat {
#define PCACHE_STAT(name) STAT_##name,
	PCACHE_STATS(PCACHE_STAT)
#undef PCACHE_STAT
	NR_PCACHE_STATS
};

struct pcache_stats {
	u64 n[NR_PCACHE_STATS];
};

#endif
