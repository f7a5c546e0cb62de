/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of the user. Their memory is given out as the kernel does: in pieces, none of which crosses a page. */
#ifndef STUB_BIO_H
#define STUB_BIO_H

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>

struct block_device;
typedef u32 blk_opf_t;
typedef u8 blk_status_t;

#define REQ_FUA			1u
#define REQ_PREFLUSH		2u
#define BLK_STS_OK		((blk_status_t)0)
#define BLK_STS_IOERR		((blk_status_t)10)
#define BLK_STS_DM_REQUEUE	((blk_status_t)11)
#define errno_to_blk_status(e)	((e) ? BLK_STS_IOERR : BLK_STS_OK)

struct bio_vec {
	struct page *bv_page;
	u32 bv_len, bv_offset;
};

struct bvec_iter {
	sector_t bi_sector;
	u32 bi_size, bi_done;
};

struct bio {
	struct bio *bi_next;
	struct block_device *bi_bdev;
	blk_opf_t bi_opf;
	blk_status_t bi_status;
	struct bvec_iter bi_iter;
	void *mem;				/* all of it, and it may begin anywhere */
	void (*bi_end_io)(struct bio *bio);
	u64 per_bio_data[4];			/* the target's own */
};

#define bio_sectors(bio)	((bio)->bi_iter.bi_size >> SECTOR_SHIFT)
#define bio_set_dev(bio, bdev)	((bio)->bi_bdev = (bdev))
#define bio_endio(bio)		((bio)->bi_end_io(bio))

static inline struct bio_vec bio_iter_iovec(struct bio *bio, struct bvec_iter iter)
{
	unsigned long at = (unsigned long)bio->mem + iter.bi_done;
	u32 off = at & ~PAGE_MASK;

	return (struct bio_vec){
		.bv_page = pfn_to_page(at >> PAGE_SHIFT),
		.bv_len = min(iter.bi_size, (u32)PAGE_SIZE - off),
		.bv_offset = off,
	};
}

/* As in the kernel, sectors that are advanced by less each time are not counted. */
static inline void bio_advance_iter(struct bio *bio, struct bvec_iter *iter, u32 bytes)
{
	if (bytes > iter->bi_size)
		stub_bug("a bio is advanced by %u of %u bytes", bytes, iter->bi_size);
	iter->bi_done += bytes;
	iter->bi_size -= bytes;
	iter->bi_sector += bytes >> SECTOR_SHIFT;
}

#define bio_advance_iter_single	bio_advance_iter

struct bio_list {
	struct bio *head, *tail;
};

static inline void bio_list_init(struct bio_list *list)
{
	list->head = NULL;
	list->tail = NULL;
}

static inline void bio_list_add(struct bio_list *list, struct bio *bio)
{
	bio->bi_next = NULL;
	if (list->head)
		list->tail->bi_next = bio;
	else
		list->head = bio;
	list->tail = bio;
}

static inline void bio_list_add_head(struct bio_list *list, struct bio *bio)
{
	bio->bi_next = list->head;
	list->head = bio;
	if (!bio->bi_next)
		list->tail = bio;
}

static inline struct bio *bio_list_pop(struct bio_list *list)
{
	struct bio *bio = list->head;

	if (bio)
		list->head = bio->bi_next;
	return bio;
}

#endif
