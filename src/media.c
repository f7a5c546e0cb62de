// SPDX-License-Identifier: GPL-2.0-or-later
/* A replicated record: two copies, one of which is good at every moment. */
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "format.h"
#include "media.h"

/* The largest record, so that both copies fit on the stack. */
#define RECORD_MAX	32u

u32 media_crc(const void *record, size_t size)
{
	return crc32c(PCACHE_CRC_SEED, record + sizeof(u32), size - sizeof(u32));
}

int media_load(struct pmem *pm, u64 off, u32 stride, void *record, size_t size,
	       struct media_slot *slot)
{
	u8 copy[RECORD_MAX] __aligned(8);
	const struct media_header *header = (void *)copy;
	int i, err = -ENODATA;

	memset(slot, 0, sizeof(*slot));
	memset(record, 0, size);
	for (i = 0; i < 2; i++) {
		if (pmem_read(pm, copy, off + i * stride, size)) {
			if (err)
				err = -EIO;
			continue;
		}
		if (header->crc != media_crc(copy, size))
			continue;
		if (!err && (s8)(header->seq - slot->seq) <= 0)
			continue;
		memcpy(record, copy, size);
		slot->seq = header->seq;
		slot->next = !i;
		err = 0;
	}
	return err;
}

void media_store(struct pmem *pm, u64 off, u32 stride, void *record, size_t size,
		 struct media_slot *slot)
{
	struct media_header *header = record;

	memset(header, 0, sizeof(*header));
	header->seq = ++slot->seq;
	header->crc = media_crc(record, size);
	pmem_begin(pm);
	pmem_write(pm, off + slot->next * stride, record, size);
	pmem_end(pm);
	slot->next = !slot->next;
}
