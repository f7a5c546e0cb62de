/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Persistent memory that knows what a power cut may leave of it.
 *
 * What the CPU sees is plain memory. Beside it is a list of the stores since the last fence, in
 * pieces of eight aligned bytes, each with what was there before. At a power cut each such piece of
 * memory holds what any of its stores since the fence left there, or what was there at the fence;
 * each on its own. Devices are sparse: only what is written takes memory.
 *
 * A fence is the CPU's own: what another one (stub_cpu) has stored may still be lost after it.
 *
 * The model checks its users as well: stores stand in a section, a section ends with a fence.
 */
#ifndef PMEM_MODEL_H
#define PMEM_MODEL_H

#include <linux/dax.h>
#include <linux/types.h>

#include "pmem.h"

struct pmem_store {
	u64 off;			/* of the eight bytes */
	u64 old, new;
	unsigned long call;		/* of memcpy_flushcache(), which stores many at once */
	int cpu;
};

/* What eight bytes were before a store that is to be undone. */
struct pmem_undo {
	u64 off, old;
};

struct pmem_model {
	u8 *mem;
	u64 size;
	struct pmem_store *stores;	/* since the last fence, oldest first */
	size_t nr_stores, max_stores;
	struct pmem_undo *undo;		/* since the outermost pmem_model_cut() */
	size_t nr_undo, max_undo;
	unsigned int cuts;		/* that were not mended */
	u64 *poisoned;			/* offsets of lines */
	size_t nr_poisoned;
	unsigned long fences;		/* that had stores to make durable */
	unsigned long calls;
	/* Called at such a fence, before the stores are durable. */
	void (*on_fence)(struct pmem_model *model, void *arg);
	/* Called when a read has met a machine check. */
	void (*on_poison)(void);
	void *arg;
	struct stub_dax_piece piece;
	struct dax_device dax;
	struct pmem_model *next;
};

/* A device of zeros. */
struct pmem_model *pmem_model_new(u64 size);
/* A device with the content of a file, which is not changed. NULL if it can't be read. */
struct pmem_model *pmem_model_of_file(const char *path);
void pmem_model_free(struct pmem_model *model);

/* Open it as src/pmem.c does; a failure ends the test. */
void pmem_model_open(struct pmem_model *model, struct pmem *pm, const char *name);

/* Which stores a power cut keeps. */
enum pmem_keep {
	PMEM_KEEP_NONE,
	PMEM_KEEP_ALL,
	PMEM_KEEP_RANDOM,		/* each piece by itself */
	PMEM_KEEP_ONE_LINE,		/* those of one cache line, by chance */
	PMEM_KEEP_BUT_ONE_LINE,		/* all others */
	PMEM_KEEP_ONE_STORE,		/* one piece of eight bytes, by chance */
	PMEM_KEEP_BUT_ONE_STORE,
	PMEM_KEEP_ONE_CALL,		/* what was stored together: a header, say, or a key set */
	PMEM_KEEP_BUT_ONE_CALL,
	PMEM_KEEP_KINDS,
};

/* The power fails. The memory becomes what the next life finds, and all of that is durable. */
void pmem_model_crash(struct pmem_model *model, enum pmem_keep keep);

/* What comes back with pmem_model_mend(). */
struct pmem_past {
	struct pmem_store *stores;
	size_t nr_stores, max_stores;
	size_t nr_undo;
};

/*
 * The same for a while: what the memory was, and what was not fenced, comes back. Cuts nest. Which
 * line, store or call is the odd one out is that of @store, an index of stores, not left to chance.
 */
void pmem_model_cut(struct pmem_model *model, enum pmem_keep keep, size_t store,
		    struct pmem_past *past);
void pmem_model_mend(struct pmem_model *model, const struct pmem_past *past);

/*
 * Let the power fail in a child process, with @check as its next life; @check ends it with a
 * failure as a test ends. The caller goes on as if nothing had happened. Returns whether @check
 * returned.
 */
bool pmem_model_fork(struct pmem_model *model, enum pmem_keep keep, u64 seed,
		     void (*check)(struct pmem_model *model, void *arg), void *arg);

/* A line of 64 bytes gives machine checks from now on, or no longer. */
void pmem_model_poison(struct pmem_model *model, u64 off);
void pmem_model_heal(struct pmem_model *model, u64 off);

#endif
