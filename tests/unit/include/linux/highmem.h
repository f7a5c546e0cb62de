/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All memory has an address. */
#ifndef STUB_HIGHMEM_H
#define STUB_HIGHMEM_H

#include <linux/bio.h>

#define bvec_kmap_local(bv)	((void *)(bv)->bv_page + (bv)->bv_offset)
#define kunmap_local(p)		((void)(p))
#define flush_dcache_page(page)	((void)(page))

#endif
