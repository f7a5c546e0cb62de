// SPDX-License-Identifier: GPL-2.0-or-later
/* The origin: the slower device behind the cache. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/dm-ioctl.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat/compat.h"
#include "origin.h"

struct origin_bio {
	struct origin_io io;
	struct bio bio;
	struct bio_vec vecs[ORIGIN_IO_PIECES];
};

struct origin_io *origin_io_alloc(u32 size)
{
	struct origin_bio *ob = kzalloc(sizeof(*ob), GFP_KERNEL);

	if (!ob)
		return NULL;
	ob->io.buf = vmalloc(size);
	if (!ob->io.buf) {
		kfree(ob);
		return NULL;
	}
	return &ob->io;
}

void origin_io_free(struct origin_io *io)
{
	struct origin_bio *ob = container_of(io, struct origin_bio, io);

	vfree(io->buf);
	kfree(ob);
}

static void origin_endio(struct bio *bio)
{
	struct origin_bio *ob = container_of(bio, struct origin_bio, bio);

	ob->io.error = blk_status_to_errno(bio->bi_status);
	ob->io.done(&ob->io);
}

void origin_io_begin(struct origin_io *io, u64 sector)
{
	struct origin_bio *ob = container_of(io, struct origin_bio, io);

	bio_init(&ob->bio, NULL, ob->vecs, ORIGIN_IO_PIECES, 0);
	ob->bio.bi_iter.bi_sector = sector;
	ob->bio.bi_end_io = origin_endio;
	io->sector = sector;
	io->sectors = 0;
	io->error = 0;
}

u32 origin_io_add(struct origin_io *io, void *mem, u32 len)
{
	struct origin_bio *ob = container_of(io, struct origin_bio, io);
	bool scattered = is_vmalloc_addr(mem);
	u32 done = 0;

	len = min(len, ORIGIN_IO_SIZE - io->sectors * PCACHE_SECTOR);
	while (done < len) {
		struct page *page = scattered ? vmalloc_to_page(mem) : virt_to_page(mem);
		u32 n = len - done, off = offset_in_page(mem);

		if (scattered)
			n = min_t(u32, n, PAGE_SIZE - off);
		if (!bio_add_page(&ob->bio, page, n, off))
			break;
		mem += n;
		done += n;
	}
	io->sectors += done / PCACHE_SECTOR;
	return done;
}

bool origin_takes(struct origin *origin, const void *mem)
{
	struct block_device *bdev = origin->bdev;
	unsigned long mask = queue_dma_alignment(bdev_get_queue(bdev)) |
			     (bdev_logical_block_size(bdev) - 1);

	return !((unsigned long)mem & mask);
}

static void submit(struct origin *origin, struct origin_io *io, blk_opf_t opf)
{
	struct origin_bio *ob = container_of(io, struct origin_bio, io);

	bio_set_dev(&ob->bio, origin->bdev);
	ob->bio.bi_opf = opf;
	submit_bio_noacct(&ob->bio);
}

void origin_read(struct origin *origin, struct origin_io *io)
{
	submit(origin, io, REQ_OP_READ);
}

void origin_write(struct origin *origin, struct list_head *ios)
{
	struct blk_plug plug;

	blk_start_plug(&plug);
	while (!list_empty(ios)) {
		struct origin_io *io = list_first_entry(ios, struct origin_io, list);

		list_del(&io->list);
		submit(origin, io, REQ_OP_WRITE);
	}
	blk_finish_plug(&plug);
}

bool origin_needs_flush(struct origin *origin)
{
	return bdev_write_cache(origin->bdev);
}

int origin_flush(struct origin *origin)
{
	return origin_needs_flush(origin) ? blkdev_issue_flush(origin->bdev) : 0;
}

u32 origin_block_size(struct origin *origin)
{
	return bdev_logical_block_size(origin->bdev);
}

static void dm_identity(struct block_device *bdev, u8 *id)
{
	struct mapped_device *md = dm_get_md(bdev->bd_dev);
	char name[DM_NAME_LEN], uuid[DM_UUID_LEN];

	if (!md)
		return;
	/* What does not fit of a long one tells no two devices apart. */
	if (!dm_copy_name_and_uuid(md, name, uuid) && uuid[0])
		scnprintf(id, PCACHE_ID_SIZE, "dm-%s", uuid);
	dm_put(md);
}

static bool disk_identity(struct block_device *bdev, u8 *id)
{
	static const enum blk_unique_id types[] = { BLK_UID_NAA, BLK_UID_EUI64, BLK_UID_T10 };
	struct gendisk *disk = bdev->bd_disk;
	compat_unique_id_fn get = compat_get_unique_id(disk);
	unsigned int i;

	/* Of SCSI a newer kernel tells it since 5.16, of NVMe since 6.11, through dm since 6.17. */
	if (!get)
		return !str_has_prefix(disk->disk_name, "sd") &&
		       !str_has_prefix(disk->disk_name, "nvme") &&
		       !str_has_prefix(disk->disk_name, "dm-");
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		u8 raw[16];
		int n = get(disk, raw, types[i]);

		if (n > 0) {
			snprintf(id, PCACHE_ID_SIZE, IDENTITY_WWN "%*phN", min(n, 16), raw);
			break;
		}
	}
	return true;
}

bool origin_identity(struct origin *origin, struct identity *who)
{
	struct block_device *bdev = origin->bdev;

	memset(who, 0, sizeof(*who));
	who->origin_sectors = origin->sectors;
	if (bdev_is_partition(bdev)) {
		const char *uuid = compat_partition_uuid(bdev);

		if (uuid)
			snprintf(who->origin_id, PCACHE_ID_SIZE, "part-%s", uuid);
		return true;
	}
	dm_identity(bdev, who->origin_id);
	return who->origin_id[0] || disk_identity(bdev, who->origin_id);
}
