/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tracepoints: /sys/kernel/tracing/events/pcache/. @dev is the name of the cache, sectors are the
 * origin's, and a place in the log is a cache segment id and an offset in its data area.
 *
 * All arguments are plain numbers and one string, for files that userspace compiles call them, too:
 * there they are nothing.
 */
#ifndef __KERNEL__

#ifndef PCACHE_TRACE_H
#define PCACHE_TRACE_H

#include <linux/types.h>

static inline void trace_pcache_hit(const char *dev, u64 sector, u32 sectors) { }
static inline void trace_pcache_miss(const char *dev, u64 sector, u32 sectors) { }
static inline void trace_pcache_fill(const char *dev, u64 sector, u32 sectors) { }
static inline void trace_pcache_stall(const char *dev, u64 sector, u32 sectors) { }
static inline void trace_pcache_commit(const char *dev, u32 seg, u32 off, u32 keys) { }
static inline void trace_pcache_writeback(const char *dev, u32 seg, u32 off, u64 sectors) { }
static inline void trace_pcache_reclaim(const char *dev, u32 seg, u32 off, u32 freed,
					u64 moved) { }
static inline void trace_pcache_error(const char *dev, u64 sector, u32 sectors, int error) { }

#endif

#else

#undef TRACE_SYSTEM
#define TRACE_SYSTEM pcache

#if !defined(PCACHE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define PCACHE_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>

#define PCACHE_TRACE_DEV	16

/* What happens to a range of the origin. */
DECLARE_EVENT_CLASS(pcache_range,
		    TP_PROTO(const char *dev, u64 sector, u32 sectors),
		    TP_ARGS(dev, sector, sectors),
		    TP_STRUCT__entry(__array(char, dev, PCACHE_TRACE_DEV)
				     __field(u64, sector)
				     __field(u32, sectors)),
		    TP_fast_assign(strscpy(__entry->dev, dev, PCACHE_TRACE_DEV);
				   __entry->sector = sector;
				   __entry->sectors = sectors;),
		    TP_printk("%s sector %llu + %u", __entry->dev, __entry->sector,
			      __entry->sectors));

/* A read finds its data in the cache. */
DEFINE_EVENT(pcache_range, pcache_hit,
	     TP_PROTO(const char *dev, u64 sector, u32 sectors),
	     TP_ARGS(dev, sector, sectors));

/* A read has to ask the origin. */
DEFINE_EVENT(pcache_range, pcache_miss,
	     TP_PROTO(const char *dev, u64 sector, u32 sectors),
	     TP_ARGS(dev, sector, sectors));

/* What a read has asked the origin for is in the cache now. */
DEFINE_EVENT(pcache_range, pcache_fill,
	     TP_PROTO(const char *dev, u64 sector, u32 sectors),
	     TP_ARGS(dev, sector, sectors));

/* A write begins to wait for space. */
DEFINE_EVENT(pcache_range, pcache_stall,
	     TP_PROTO(const char *dev, u64 sector, u32 sectors),
	     TP_ARGS(dev, sector, sectors));

/* The durable head of the log has moved to a new place, past so many keys. */
TRACE_EVENT(pcache_commit,
	    TP_PROTO(const char *dev, u32 seg, u32 off, u32 keys),
	    TP_ARGS(dev, seg, off, keys),
	    TP_STRUCT__entry(__array(char, dev, PCACHE_TRACE_DEV)
			     __field(u32, seg)
			     __field(u32, off)
			     __field(u32, keys)),
	    TP_fast_assign(strscpy(__entry->dev, dev, PCACHE_TRACE_DEV);
			   __entry->seg = seg;
			   __entry->off = off;
			   __entry->keys = keys;),
	    TP_printk("%s head %u:%u, %u keys", __entry->dev, __entry->seg, __entry->off,
		      __entry->keys));

/* A batch is durable on the origin, and the dirty_tail has moved past so many sectors. */
TRACE_EVENT(pcache_writeback,
	    TP_PROTO(const char *dev, u32 seg, u32 off, u64 sectors),
	    TP_ARGS(dev, seg, off, sectors),
	    TP_STRUCT__entry(__array(char, dev, PCACHE_TRACE_DEV)
			     __field(u32, seg)
			     __field(u32, off)
			     __field(u64, sectors)),
	    TP_fast_assign(strscpy(__entry->dev, dev, PCACHE_TRACE_DEV);
			   __entry->seg = seg;
			   __entry->off = off;
			   __entry->sectors = sectors;),
	    TP_printk("%s dirty_tail %u:%u, %llu sectors", __entry->dev, __entry->seg,
		      __entry->off, __entry->sectors));

/* The key_tail has moved: segments that were freed, and sectors that were inserted again. */
TRACE_EVENT(pcache_reclaim,
	    TP_PROTO(const char *dev, u32 seg, u32 off, u32 freed, u64 moved),
	    TP_ARGS(dev, seg, off, freed, moved),
	    TP_STRUCT__entry(__array(char, dev, PCACHE_TRACE_DEV)
			     __field(u32, seg)
			     __field(u32, off)
			     __field(u32, freed)
			     __field(u64, moved)),
	    TP_fast_assign(strscpy(__entry->dev, dev, PCACHE_TRACE_DEV);
			   __entry->seg = seg;
			   __entry->off = off;
			   __entry->freed = freed;
			   __entry->moved = moved;),
	    TP_printk("%s key_tail %u:%u, %u segments freed, %llu sectors kept", __entry->dev,
		      __entry->seg, __entry->off, __entry->freed, __entry->moved));

/* The origin or the media has failed; no sectors: not at a place of its own. */
TRACE_EVENT(pcache_error,
	    TP_PROTO(const char *dev, u64 sector, u32 sectors, int error),
	    TP_ARGS(dev, sector, sectors, error),
	    TP_STRUCT__entry(__array(char, dev, PCACHE_TRACE_DEV)
			     __field(u64, sector)
			     __field(u32, sectors)
			     __field(int, error)),
	    TP_fast_assign(strscpy(__entry->dev, dev, PCACHE_TRACE_DEV);
			   __entry->sector = sector;
			   __entry->sectors = sectors;
			   __entry->error = error;),
	    TP_printk("%s sector %llu + %u: error %d", __entry->dev, __entry->sector,
		      __entry->sectors, __entry->error));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

#endif
