// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 5.15 a piece of a bio is mapped without its page being named. */
#include <linux/highmem.h>
#include <linux/bvec.h>

void *probe(struct bio_vec *bvec);

void *probe(struct bio_vec *bvec)
{
	return bvec_kmap_local(bvec);
}
