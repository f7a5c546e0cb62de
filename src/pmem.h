/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The persistent memory of a cache device: its mapping, and the only stores to it.
 *
 * Places are byte offsets from the start of the device. A caller may pass only ranges that lie
 * within it. Nothing here takes a lock or allocates, but for pmem_open().
 *
 * A store is durable once the CPU that stored it has fenced. So stores stand in a section:
 *
 *	pmem_begin(pm);			this task stays on its CPU from here on
 *	pmem_write(pm, ...);		any number of stores
 *	pmem_fence(pm);			if some must be durable before the next
 *	pmem_write(pm, ...);
 *	pmem_end(pm);			all of them are durable when this returns
 *
 * Between two fences the memory may take the stores in any order, eight aligned bytes at a time.
 * A section must not sleep, and should not be long: only on PREEMPT_RT it may be preempted.
 * Sections do not nest.
 */
#ifndef PCACHE_PMEM_H
#define PCACHE_PMEM_H

#include <linux/types.h>

struct dax_device;

/* Physically contiguous memory: frame number of the first page, and how many there are. */
struct pmem_extent {
	unsigned long pfn;
	unsigned long nr;
};

struct pmem {
	void *base;			/* where byte 0 of the device is mapped */
	u64 size;			/* bytes */
	struct dax_device *dax;		/* the caller's, outlives the mapping */
	u64 start;			/* what byte of it is mapped first */
	const char *name;		/* for messages; the caller's, outlives the mapping */
	void *mapped;			/* what to unmap, where the extents did not lie in a row */
	struct pmem_extent *extents;
	unsigned int nr_extents;
};

/*
 * Map @size bytes at byte @start of @dax. Both must be multiples of the page size. May sleep.
 * Returns 0, -EOPNOTSUPP if the memory has no struct pages or its stores are not durable after a
 * fence, -EFBIG if it lies in pieces and is too large to be mapped in a row, -ENOMEM, or another
 * error of the DAX device. Says what went wrong in the kernel log.
 */
int pmem_open(struct pmem *pm, struct dax_device *dax, u64 start, u64 size, const char *name);
void pmem_close(struct pmem *pm);

/* Does the driver know of bad blocks in the range? They are mapped all the same. */
bool pmem_known_bad(const struct pmem *pm, u64 off, u64 len);

/* Do the two devices share memory, under whatever name? */
bool pmem_overlaps(const struct pmem *a, const struct pmem *b);

void pmem_begin(struct pmem *pm);
void pmem_fence(struct pmem *pm);
void pmem_end(struct pmem *pm);

void pmem_write(struct pmem *pm, u64 off, const void *src, size_t len);
void pmem_zero(struct pmem *pm, u64 off, size_t len);

/*
 * As pmem_write(), and returns the checksum of exactly the bytes that were stored, continuing from
 * @crc, even if someone changes @src meanwhile.
 */
u32 pmem_write_crc(struct pmem *pm, u64 off, const void *src, size_t len, u32 crc);

/* Returns 0, or -EIO if the memory is poisoned; then some of @dst may have been written. */
int pmem_read(struct pmem *pm, void *dst, u64 off, size_t len);

/*
 * Can all of it, whole sectors, be read? 0 or -EIO. Who lets others read it where it lies asks
 * first, for they may not survive a machine check.
 */
int pmem_check(struct pmem *pm, u64 off, size_t len);

/* Where it is mapped, for transfers that read it there. */
static inline void *pmem_at(const struct pmem *pm, u64 off)
{
	return pm->base + off;
}

/*
 * As pmem_read(), and continues *@crc over what was read. @dst may be NULL: then the range is only
 * checked.
 */
int pmem_read_crc(struct pmem *pm, void *dst, u64 off, size_t len, u32 *crc);

#endif
