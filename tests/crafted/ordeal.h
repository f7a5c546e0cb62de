/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What any media is put through, whatever is on it. It is refused, with one message that names the
 * culprit, and nothing is written to it; or it opens and serves: what is read stays the same and
 * what is dirty gets to the origin, through writes, write-back, reclaim and a second life. What
 * could not be read for its checksum goes on to fail.
 */
#ifndef ORDEAL_H
#define ORDEAL_H

#include "recipe.h"
#include "rig.h"

/* The base of @recipe, with its edits; in the same memory as the ones before. */
struct ordeal_media {
	struct pmem_model *model;
	struct block_device *bdev;
	struct pcache_options opt;
	unsigned int missed;		/* edits that found no place */
};

struct ordeal_media ordeal_prepare(const struct recipe *recipe);

/*
 * Returns 0, or the error with which the media was refused; stub_log() says why. Of what is mapped
 * at most @extents are read. Ends with test_failed() if something is wrong.
 */
int ordeal_run(struct ordeal_media *media, unsigned int extents);

#endif
