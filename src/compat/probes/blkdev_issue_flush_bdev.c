// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 5.12 blkdev_issue_flush() needs no memory, and so no flags for it. */
#include <linux/blkdev.h>

int probe(struct block_device *bdev);

int probe(struct block_device *bdev)
{
	return blkdev_issue_flush(bdev);
}
