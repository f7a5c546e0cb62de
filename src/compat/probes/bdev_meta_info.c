// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 5.11 a partition is a block_device and no hd_struct, so its uuid is found there. */
#include <linux/blkdev.h>

const char *probe(struct block_device *bdev);

const char *probe(struct block_device *bdev)
{
	return bdev->bd_meta_info->uuid;
}
