// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 5.18 bio_init() sets the device and the operation, too. */
#include <linux/bio.h>

void probe(struct bio *bio, struct block_device *bdev);

void probe(struct bio *bio, struct block_device *bdev)
{
	bio_init(bio, bdev, NULL, 0, REQ_OP_WRITE);
}
