// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 5.11 the same in sectors. */
#include <linux/blkdev.h>

sector_t probe(struct block_device *bdev);

sector_t probe(struct block_device *bdev)
{
	return bdev_nr_sectors(bdev);
}
