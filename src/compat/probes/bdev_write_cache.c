// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 5.19 whether there is a volatile cache need not be read off the queue's flags. */
#include <linux/blkdev.h>

bool probe(struct block_device *bdev);

bool probe(struct block_device *bdev)
{
	return bdev_write_cache(bdev);
}
