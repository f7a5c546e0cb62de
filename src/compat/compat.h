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

#ifndef HAVE_WQ_PERCPU
#define WQ_PERCPU	0
#endif

#endif
