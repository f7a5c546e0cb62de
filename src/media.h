/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A replicated record: two copies, each with a checksum and a sequence number, so that one of them
 * is good at every moment of an update.
 */
#ifndef PCACHE_MEDIA_H
#define PCACHE_MEDIA_H

#include "pmem.h"

/* What is remembered of a record between a load and a store. All zero: neither copy is good. */
struct media_slot {
	u8 seq;				/* of the newest good copy */
	u8 next;			/* which copy the next store goes to */
};

/* The checksum of a structure of @size bytes whose first four bytes hold its checksum. */
u32 media_crc(const void *record, size_t size);

/*
 * Read the newest good copy of the record of @size bytes whose copies lie at @off and
 * @off + @stride into @record, and note in @slot what media_store() needs. @record starts with a
 * struct media_header; @size is at most 32. Returns 0; -ENODATA if neither copy is good; -EIO if
 * neither is and memory is poisoned. On error @record is zeroed.
 */
int media_load(struct pmem *pm, u64 off, u32 stride, void *record, size_t size,
	       struct media_slot *slot);

/*
 * Store @record, whose header is filled in here, over the copy that is not the newest good one
 * (rule 8). Durable on return. The caller serialises stores to one record.
 */
void media_store(struct pmem *pm, u64 off, u32 stride, void *record, size_t size,
		 struct media_slot *slot);

#endif
