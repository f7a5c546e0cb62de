/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The origin: the slower device behind the cache. Transfers here are between it and memory that the
 * module owns; what goes straight to the caller's pages is read.c's affair.
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

/* The most that one transfer holds: bytes, and pieces of memory that do not lie in a row. */
#define ORIGIN_IO_SIZE		(256u << 10)
#define ORIGIN_IO_PIECES	64u

/*
 * One transfer: sectors in a row on the origin, and pieces of memory. Its owner sets done and
 * private, and leaves it and the memory alone between the submission and done(), which may be
 * called from any context that can't sleep.
 */
struct origin_io {
	struct list_head list;		/* the owner's */
	void *buf;			/* memory of its own, virtually contiguous */
	u64 sector;
	u32 sectors;
	int error;
	void (*done)(struct origin_io *io);
	void *private;
};

/* With a buffer of @size bytes. NULL if memory is short; may sleep. */
struct origin_io *origin_io_alloc(u32 size);
void origin_io_free(struct origin_io *io);

/* Begin a transfer: it is at @sector, and empty. */
void origin_io_begin(struct origin_io *io, u64 sector);

/*
 * Add memory: of the module's own, or persistent memory that has struct pages. Returns the bytes
 * that there was room for: whole blocks of the origin, if the memory is aligned to them.
 */
u32 origin_io_add(struct origin_io *io, void *mem, u32 len);

/* Can the origin's driver transfer whole sectors of this memory where they lie? */
bool origin_takes(struct origin *origin, const void *mem);

void origin_read(struct origin *origin, struct origin_io *io);
/* Write all that is in the list, which is empty then. */
void origin_write(struct origin *origin, struct list_head *ios);

/* Make what was written durable. 0 or an error. Sleeps; nothing to do without a volatile cache. */
int origin_flush(struct origin *origin);
bool origin_needs_flush(struct origin *origin);

/* Bytes: what the origin can write at once, 512 or 4096. */
u32 origin_block_size(struct origin *origin);

/* How the origin is known to its cache. False: this kernel does not tell the name it may have. */
bool origin_identity(struct origin *origin, struct identity *who);

#endif
