// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 5.16 a disk's driver can be asked for the name that its maker gave it. */
#include <linux/blkdev.h>

int probe(struct gendisk *disk, u8 *id);

int probe(struct gendisk *disk, u8 *id)
{
	return disk->fops->get_unique_id(disk, id, BLK_UID_NAA);
}
