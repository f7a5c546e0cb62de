/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The origin: the slower device behind the cache. Transfers here are between it and buffers that
 * the module owns; what goes straight to the caller's pages is read.c's affair.
 */
#ifndef PCACHE_ORIGIN_H
#define PCACHE_ORIGIN_H

#include <linux/list.h>
#include <linux/types.h>

#include "superblock.h"

struct block_device;

struct origin {
	struct block_device *bdev;
	u64 sectors;
};

/* The most that one transfer holds, in bytes. */
#define ORIGIN_IO_SIZE	(128u << 10)

/*
 * One transfer. Its owner sets sector, sectors, done and private, and leaves it alone between the
 * submission and done(), which may be called from any context that can't sleep.
 */
struct origin_io {
	struct list_head list;		/* the owner's */
	void *buf;			/* ORIGIN_IO_SIZE bytes of memory, virtually contiguous */
	u64 sector;
	u32 sectors;
	int error;
	void (*done)(struct origin_io *io);
	void *private;
};

struct origin_io *origin_io_alloc(void);	/* NULL if memory is short; may sleep */
void origin_io_free(struct origin_io *io);

void origin_read(struct origin *origin, struct origin_io *io);
/* Write all that is in the list, which is empty then. */
void origin_write(struct origin *origin, struct list_head *ios);

/* Make what was written durable. 0 or an error. Sleeps; nothing to do without a volatile cache. */
int origin_flush(struct origin *origin);
bool origin_needs_flush(struct origin *origin);

/* Bytes: what the origin can write at once, 512 or 4096. */
u32 origin_block_size(struct origin *origin);

/* How the origin is known to its cache. */
void origin_identity(struct origin *origin, struct identity *who);

#endif
