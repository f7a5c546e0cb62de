/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a target asks of the device-mapper core when it gets a bio. */
#ifndef STUB_DEVICE_MAPPER_H
#define STUB_DEVICE_MAPPER_H

#include <linux/bio.h>

#define DM_MAPIO_SUBMITTED	0
#define DM_MAPIO_REMAPPED	1

struct dm_target {
	bool noflush_suspending;
};

#define dm_noflush_suspending(ti)	((ti)->noflush_suspending)

static inline void *dm_per_bio_data(struct bio *bio, size_t size)
{
	if (size > sizeof(bio->per_bio_data))
		stub_bug("a bio carries less than %zu bytes", size);
	return bio->per_bio_data;
}

/* The rest comes again as another bio. */
static inline void dm_accept_partial_bio(struct bio *bio, u32 sectors)
{
	if (!sectors || sectors >= bio_sectors(bio))
		stub_bug("%u of %u sectors are a part of a bio", sectors, bio_sectors(bio));
	bio->bi_iter.bi_size = sectors << SECTOR_SHIFT;
}

#endif
