/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole cache in one process: the core over a model of persistent memory, an origin in memory
 * with a volatile cache of its own, and the user's reads and writes, one after the other.
 */
#ifndef RIG_H
#define RIG_H

#include <linux/bio.h>

#include "pcache.h"
#include "pmem_model.h"

/* What an origin may still lose: a sector's content before and after a write. */
struct origin_store {
	u64 sector;
	bool done;			/* the transfer has completed */
	struct origin_io *io;
	u8 old[PCACHE_SECTOR], new[PCACHE_SECTOR];
};

struct origin_undo {
	u64 sector;
	u8 old[PCACHE_SECTOR];
};

struct block_device {
	u8 *mem;			/* what a read gets */
	u64 sectors;
	u32 block;
	u32 align;			/* of memory that it can transfer where it lies */
	bool volatile_cache;
	char id[PCACHE_ID_SIZE];
	bool name_untold;		/* the kernel does not tell the id */
	struct origin_store *stores;	/* since they were flushed, oldest first */
	size_t nr_stores, max_stores;
	struct origin_undo *undo;	/* since the outermost fake_origin_cut() */
	size_t nr_undo, max_undo;
	unsigned int cuts;		/* that were not mended */
	unsigned long writes, flushes;
	u32 fail_reads, fail_writes, fail_flushes;	/* one in so many, by chance */
	bool slow;			/* transfers complete later, in any order */
	void (*on_flush)(void);		/* called before a flush does anything */
	void (*on_write)(void);		/* and before a write does */
};

struct block_device *fake_origin_new(u64 sectors);
void fake_origin_free(struct block_device *bdev);
/* The power fails: of what is not flushed, each sector keeps any of its states; or all the last. */
void fake_origin_crash(struct block_device *bdev, bool keep_all);
/* The same for a while: all that *@bdev and its memory were comes back. Cuts nest. */
void fake_origin_cut(struct block_device *bdev, bool keep_all, struct block_device *past);
void fake_origin_mend(struct block_device *bdev, const struct block_device *past);

/* A cache in its first life or a later one: opened, replayed and started. An error is returned. */
int rig_open(struct pcache *c, struct pmem_model *model, struct block_device *bdev,
	     const struct pcache_options *opt);
/* Everything acknowledged is durable then; and quiet. */
void rig_close(struct pcache *c);

/* As the user does it; a write waits for space if it must, and is acknowledged on return. */
void rig_write(struct pcache *c, u64 sector, u32 sectors, const void *data);
void rig_flush(struct pcache *c);
/* 0, or -EIO: some of it may have been read. A miss may be cached if @fill. */
int rig_read(struct pcache *c, u64 sector, u32 sectors, void *data, bool fill);
/* All that is dirty goes to the origin. */
void rig_drain(struct pcache *c);

/* There is no memory from here on, and none left in reserve, until it is given back. */
void **rig_take_leaves(struct pcache *c);
void rig_give_leaves(struct pcache *c, void **all);

/* A bio of the user's, and if it has ended: for those that wait for each other. */
struct request {
	struct bio bio;
	bool done;
};

struct request rig_request(u64 sector, u32 sectors, const void *data);
/* Time goes on until it has ended. */
void rig_wait(struct pcache *c, struct request *rq);

/*
 * Make @model a cache of @segments segments, however large it is, with the log at @pos: there it
 * begins and ends.
 */
void rig_format(struct pmem_model *model, struct block_device *bdev,
		const struct pcache_options *opt, u32 segments, struct log_pos pos);

/* Where the log of a closed cache begins and ends, if it is empty: both tails. */
void rig_move_log(struct pmem_model *model, struct log_pos pos);

/* What holds between two operations, whatever they were. */
void rig_check(struct pcache *c);

#endif
