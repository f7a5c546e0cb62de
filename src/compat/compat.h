/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes older kernels offer what the newest one does: the module is written to the newest kernel's
 * API, and this is the one place that knows of others. What stands here under an upstream name
 * means exactly what upstream means by it.
 *
 * Userspace sets the guard beforehand: its stubs are made after the newest kernel.
 */
#ifndef PCACHE_COMPAT_H
#define PCACHE_COMPAT_H

#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/dax.h>
#include <linux/workqueue.h>

#include "compat/probed.h"

/* Since 6.5 the mode in which a block device is opened has a type of its own. */
#ifndef BLK_OPEN_WRITE
#define blk_mode_t	fmode_t
#define BLK_OPEN_READ	FMODE_READ
#define BLK_OPEN_WRITE	FMODE_WRITE
#endif

#ifndef HAVE_DAX_PFN_LONG
#include <linux/pfn_t.h>

static inline long compat_dax_direct_access(struct dax_device *dax, pgoff_t pgoff, long nr_pages,
					    enum dax_access_mode mode, void **kaddr,
					    unsigned long *pfn)
{
	pfn_t typed;
	long ret = dax_direct_access(dax, pgoff, nr_pages, mode, kaddr, pfn ? &typed : NULL);

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

#ifndef HAVE_WQ_PERCPU
#define WQ_PERCPU	0
#endif

#endif
