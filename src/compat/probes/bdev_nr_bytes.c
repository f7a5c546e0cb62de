// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 5.16 a block device's size has a function; before, it is that of an inode. */
#include <linux/blkdev.h>

loff_t probe(struct block_device *bdev);

loff_t probe(struct block_device *bdev)
{
	return bdev_nr_bytes(bdev);
}
