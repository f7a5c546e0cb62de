/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes older kernels offer what the newest one does: the module is written to the newest kernel's
 * API, and this is the one place that knows of others. What stands here under an upstream name
 * means exactly what upstream means by it; compat_ is what does not.
 *
 * Userspace sets the guard beforehand: its stubs are made after the newest kernel.
 */
#ifndef PCACHE_COMPAT_H
#define PCACHE_COMPAT_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/dax.h>
#include <linux/device-mapper.h>
#include <linux/highmem.h>
#include <linux/workqueue.h>
#include <generated/utsrelease.h>

#include "compat/probed.h"

/* Sparse does not compare strings. */
#ifndef __CHECKER__
static_assert(!__builtin_strcmp(PROBED_FOR, UTS_RELEASE),
	      "compat/probed.h was made for another kernel");
#endif

#ifndef HAVE_DAX_PFN_LONG
#include <linux/pfn_t.h>
#endif

/* Since 6.5 the mode in which a block device is opened has a type of its own. */
#ifndef BLK_OPEN_WRITE
#define blk_mode_t	fmode_t
#define BLK_OPEN_READ	FMODE_READ
#define BLK_OPEN_WRITE	FMODE_WRITE
#endif

#ifndef HAVE_BLK_OPF_T
#define blk_opf_t	unsigned int
#endif

#ifndef HAVE_BDEV_NR_BYTES
static inline loff_t bdev_nr_bytes(struct block_device *bdev)
{
	return i_size_read(bdev->bd_inode);
}
#endif

#ifndef HAVE_BDEV_NR_SECTORS
static inline sector_t bdev_nr_sectors(struct block_device *bdev)
{
	return bdev_nr_bytes(bdev) >> SECTOR_SHIFT;
}
#endif

#ifndef HAVE_BDEV_WRITE_CACHE
static inline bool bdev_write_cache(struct block_device *bdev)
{
	return test_bit(QUEUE_FLAG_WC, &bdev_get_queue(bdev)->queue_flags);
}
#endif

#ifndef HAVE_BIO_INIT_BDEV
static inline void compat_bio_init(struct bio *bio, struct block_device *bdev, struct bio_vec *vecs,
				   unsigned short max_vecs, blk_opf_t opf)
{
	bio_init(bio, vecs, max_vecs);
	if (bdev)
		bio_set_dev(bio, bdev);
	bio->bi_opf = opf;
}

#define bio_init compat_bio_init
#endif

#ifndef HAVE_BIO_ADVANCE_ITER_SINGLE
#define bio_advance_iter_single bio_advance_iter
#endif

#ifndef HAVE_BLKDEV_ISSUE_FLUSH_BDEV
/* What the kernel's own did was to allocate this bio. */
static inline int compat_blkdev_issue_flush(struct block_device *bdev)
{
	struct bio bio;
	int r;

	bio_init(&bio, bdev, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	r = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return r;
}

#define blkdev_issue_flush compat_blkdev_issue_flush
#endif

/* Since 5.11. No architecture with persistent memory has memory that is not mapped. */
#ifndef kunmap_local
#define kmap_local_page(page)	page_address(page)
#define kunmap_local(addr)	((void)(addr))
#endif

#ifndef HAVE_BVEC_KMAP_LOCAL
static inline void *bvec_kmap_local(struct bio_vec *bvec)
{
	return kmap_local_page(bvec->bv_page) + bvec->bv_offset;
}
#endif

/* The uuid of a partition, or NULL. */
static inline const char *compat_partition_uuid(struct block_device *bdev)
{
#ifdef HAVE_BDEV_META_INFO
	const struct partition_meta_info *info = bdev->bd_meta_info;
#else
	const struct partition_meta_info *info = bdev->bd_part->info;
#endif
	return info ? info->uuid : NULL;
}

#ifndef HAVE_GET_UNIQUE_ID
enum blk_unique_id {
	BLK_UID_T10 = 1,
	BLK_UID_EUI64,
	BLK_UID_NAA,
};
#endif

typedef int (*compat_unique_id_fn)(struct gendisk *disk, u8 id[16], enum blk_unique_id type);

/* The method of the disk's driver that tells its name, or NULL. */
static inline compat_unique_id_fn compat_get_unique_id(struct gendisk *disk)
{
#ifdef HAVE_GET_UNIQUE_ID
	return disk->fops->get_unique_id;
#else
	return NULL;
#endif
}

#ifndef HAVE_DAX_ACCESS_MODE
enum dax_access_mode {
	DAX_ACCESS,
	DAX_RECOVERY_WRITE,
};

/* None of them gives access to memory that is known to be bad; what they say then is newer. */
static inline long compat_dax_access(struct dax_device *dax, pgoff_t pgoff, long nr_pages,
				     enum dax_access_mode mode, void **kaddr, pfn_t *pfn)
{
	long ret = dax_direct_access(dax, pgoff, nr_pages, kaddr, pfn);

	return ret == -EIO ? -EHWPOISON : ret;
}
#else
#define compat_dax_access dax_direct_access
#endif

#ifndef HAVE_DAX_PFN_LONG
static inline long compat_dax_direct_access(struct dax_device *dax, pgoff_t pgoff, long nr_pages,
					    enum dax_access_mode mode, void **kaddr,
					    unsigned long *pfn)
{
	pfn_t typed;
	long ret = compat_dax_access(dax, pgoff, nr_pages, mode, kaddr, pfn ? &typed : NULL);

	if (pfn && ret > 0)
		*pfn = pfn_t_to_pfn(typed);
	return ret;
}

#define dax_direct_access compat_dax_direct_access
#endif

/*
 * Before 6.14 crc32c() went through the crypto layer, which for the few words of a record takes
 * longer than to sum them up. Another name for it is a macro until then.
 */
#if defined(crc32c_le) && defined(CONFIG_X86_64)
static inline u32 compat_crc32c(u32 crc, const void *data, size_t len)
{
	u64 sum = crc;

	if (len >= 256 || !cpu_feature_enabled(X86_FEATURE_XMM4_2))
		return crc32c(crc, data, len);
	for (; len >= 8; len -= 8, data += 8)
		asm("crc32q %1, %0" : "+r" (sum) : "m" (*(const u64 *)data));
	for (; len; len--, data++)
		asm("crc32b %1, %0" : "+r" (sum) : "m" (*(const u8 *)data));
	return sum;
}

#define crc32c compat_crc32c
#endif

/* Since 5.15, with STATUSTYPE_IMA. */
#ifndef DMEMIT_TARGET_NAME_VERSION
#define DMEMIT_TARGET_NAME_VERSION(type)				\
	DMEMIT("target_name=%s,target_version=%u.%u.%u", (type)->name,	\
	       (type)->version[0], (type)->version[1], (type)->version[2])
#endif

#endif
