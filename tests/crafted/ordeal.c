// SPDX-License-Identifier: GPL-2.0-or-later
/* What any media is put through. */
#include <stdlib.h>
#include <sys/mman.h>

#include <linux/crc32c.h>
#include <linux/jiffies.h>
#include <linux/string.h>

#include "ordeal.h"
#include "test.h"

#define DEVICE_SIZE	570425344u	/* of the golden media */
#define ORIGIN_MAX	(1ull << 34)	/* sectors */
#define READ_MAX	64u		/* sectors of an extent that are read */
#define WRITE_MAX	304u

/* Batches of replay stay small: what is allocated for them is most of what opening takes. */
#define LARGEST_ALLOC	(384u << 10)

/*
 * Preparing.
 */

/* As if it had just been made: what was written to a private mapping goes. */
static void forget(void *mem, u64 size)
{
	if (mprotect(mem, size, PROT_READ | PROT_WRITE) || madvise(mem, size, MADV_DONTNEED))
		stub_bug("%s", strerror(errno));
}

static struct pmem_model *base_model(unsigned int base)
{
	static struct pmem_model *models[NR_BASES];
	char path[300];

	if (models[base]) {
		forget(models[base]->mem, models[base]->size);
		models[base]->calls = 0;
		return models[base];
	}
	snprintf(path, sizeof(path), BASES "/%s.img", bases[base].name);
	if (base == BASE_BLANK)
		models[base] = pmem_model_new(DEVICE_SIZE);
	else
		models[base] = pmem_model_of_file(path);
	if (!models[base])
		stub_bug("there is no %s", path);
	return models[base];
}

static struct block_device *origin(u64 sectors, u32 block)
{
	static struct block_device *bdev;

	if (!bdev) {
		bdev = fake_origin_new(ORIGIN_MAX);
		madvise(bdev->mem, ORIGIN_MAX * PCACHE_SECTOR, MADV_NOHUGEPAGE);
	}
	forget(bdev->mem, ORIGIN_MAX * PCACHE_SECTOR);
	bdev->nr_stores = 0;
	bdev->sectors = sectors && sectors <= ORIGIN_MAX ? sectors : ORIGIN_MAX;
	bdev->block = block == PCACHE_BLOCK ? PCACHE_BLOCK : PCACHE_SECTOR;
	return bdev;
}

struct ordeal_media ordeal_prepare(const struct recipe *recipe)
{
	const struct base *base = &bases[recipe->base];
	static struct image untouched[NR_BASES], image;
	struct ordeal_media media = {
		.model = base_model(recipe->base),
		.bdev = origin(recipe->sectors ? recipe->sectors : base->sectors, recipe->block),
		.opt = {
			.data_crc = base->data_crc != recipe->other_crc,
			.batch_order = recipe->batch,
		},
	};
	unsigned int i;

	stub_forget();
	stub_seed(1);
	stub_jiffies = 1000;
	stub_largest_alloc = LARGEST_ALLOC;
	if (!untouched[recipe->base].mem)
		image_init(&untouched[recipe->base], media.model->mem, media.model->size);
	image = untouched[recipe->base];
	for (i = 0; i < recipe->nr_edits; i++)
		media.missed += !image_edit(&image, &recipe->edits[i]);
	return media;
}

/*
 * What was found.
 */

struct note {
	u64 start;
	u32 len;
	bool dirty;
	int r;				/* of reading it */
	u32 crc;			/* of its data */
};

struct notes {
	struct note *note;
	unsigned int nr, max;
};

static u8 buf[WRITE_MAX * PCACHE_SECTOR];

static int read_crc(struct pcache *c, u64 start, u32 len, u32 *crc)
{
	int r = rig_read(c, start, len, buf, false);

	*crc = r ? 0 : crc32c(0, buf, len * PCACHE_SECTOR);
	CHECK(!r || (r == -EIO && c->opt.data_crc));
	return r;
}

static void take_note(struct notes *notes, const struct extent *e)
{
	if (notes->nr == notes->max) {
		notes->max = 2 * notes->max + 64;
		notes->note = realloc(notes->note, notes->max * sizeof(*notes->note));
	}
	notes->note[notes->nr++] = (struct note){
		.start = e->start,
		.len = min(e->len, READ_MAX),
		.dirty = !e->clean,
	};
}

static void take_notes(struct pcache *c, struct notes *notes, unsigned int extents)
{
	unsigned int i;

	notes->nr = 0;
	for (i = 0; i < c->nr_shards; i++) {
		struct index_cursor at = { };
		struct extent e;

		while (notes->nr < extents && index_walk(&c->shards[i].index, &at, &e))
			take_note(notes, &e);
	}
	for (i = 0; i < notes->nr; i++) {
		struct note *note = &notes->note[i];

		note->r = read_crc(c, note->start, note->len, &note->crc);
	}
}

/*
 * What is written: over what is there, across a boundary of chunks, and at the end.
 */

struct piece_written {
	u64 start;
	u32 len;
};

#define NR_WRITES	3u

static void choose_writes(const struct block_device *bdev, const struct notes *notes,
			  struct piece_written writes[NR_WRITES])
{
	const u64 whole = round_down(bdev->sectors, 8);

	writes[0] = (struct piece_written){
		notes->nr ? round_down(notes->note[notes->nr / 2].start, 8) : 0, 8 };
	writes[1] = (struct piece_written){
		round_down(whole / 2, SHARD_CHUNK_SECTORS), WRITE_MAX };
	if (writes[1].start)
		writes[1].start -= 16;
	writes[2] = (struct piece_written){ whole - 16, 16 };
}

static const u8 *content(const struct piece_written *piece)
{
	static u64 data[WRITE_MAX * PCACHE_SECTOR / sizeof(u64)];
	u32 i;

	for (i = 0; i < piece->len * PCACHE_SECTOR / sizeof(u64); i++)
		data[i] = piece->start * 64 + i + 1;
	return (const u8 *)data;
}

static bool is_overwritten(const struct note *note, const struct piece_written writes[NR_WRITES])
{
	unsigned int i;

	for (i = 0; i < NR_WRITES; i++)
		if (note->start < writes[i].start + writes[i].len &&
		    writes[i].start < note->start + note->len)
			return true;
	return false;
}

static void check_notes(struct pcache *c, const struct notes *notes,
			const struct piece_written writes[NR_WRITES])
{
	unsigned int i;
	u32 crc;

	for (i = 0; i < notes->nr; i++) {
		const struct note *note = &notes->note[i];
		int r;

		if (!note->dirty || is_overwritten(note, writes))
			continue;
		r = read_crc(c, note->start, note->len, &crc);
		if (r != note->r || crc != note->crc)
			test_failed(__FILE__, __LINE__,
				    "dirty sectors %llu+%u read as %08x, %d, and were %08x, %d",
				    note->start, note->len, crc, r, note->crc, note->r);
	}
}

static void check_writes(struct pcache *c, const struct piece_written writes[NR_WRITES])
{
	unsigned int i;

	for (i = NR_WRITES; i--;) {
		if (i < 2 && writes[i].start + writes[i].len > writes[2].start)
			continue;
		if (!i && writes[0].start < writes[1].start + writes[1].len &&
		    writes[1].start < writes[0].start + writes[0].len)
			continue;
		CHECK_EQ(rig_read(c, writes[i].start, writes[i].len, buf, false), 0);
		CHECK(!memcmp(buf, content(&writes[i]), writes[i].len * PCACHE_SECTOR));
	}
}

/* All that was dirty and could be read is on the origin. */
static void check_origin(const struct block_device *bdev, const struct notes *notes,
			 const struct piece_written writes[NR_WRITES])
{
	unsigned int i;

	for (i = 0; i < notes->nr; i++) {
		const struct note *note = &notes->note[i];
		u32 crc = crc32c(0, bdev->mem + note->start * PCACHE_SECTOR,
				 note->len * PCACHE_SECTOR);

		if (note->dirty && !note->r && crc != note->crc && !is_overwritten(note, writes))
			test_failed(__FILE__, __LINE__,
				    "dirty sectors %llu+%u are %08x on the origin, not %08x",
				    note->start, note->len, crc, note->crc);
	}
}

/*
 * Refused.
 */

/* One line, of the device, that names what can't be right. */
static void check_message(void)
{
	static const char * const culprits[] = {
		"superblock: ", "identity: ", "cache_info: ", "the chain of segments ", "segment ",
		"key_tail: ", "dirty_tail ", "dirty_tail: ", "key log: ", "is neither a cache ",
		"belongs to ", "the cache has data_crc ",
	};
	static const char start[] = "device-mapper: pcache: rig: ";
	const char *line = stub_log(), *end = strchr(line, '\n');
	unsigned int i;

	if (!end || end[1] || strncmp(line, start, strlen(start)))
		test_failed(__FILE__, __LINE__, "not one message: '%s'", line);
	for (i = 0; i < ARRAY_SIZE(culprits); i++)
		if (!strncmp(line + strlen(start), culprits[i], strlen(culprits[i])))
			return;
	test_failed(__FILE__, __LINE__, "names nobody: '%s'", line);
}

static int open_it(struct pcache *c, struct ordeal_media *media, bool read_only)
{
	struct pcache_options opt = media->opt;

	opt.read_only = read_only;
	stub_log_clear();
	return rig_open(c, media->model, media->bdev, &opt);
}

/* While the media is mapped read-only: a store ends the process. */
static int look(struct ordeal_media *media, struct notes *notes, unsigned int extents)
{
	struct pcache c;
	int r = open_it(&c, media, true);

	notes->nr = 0;
	if (!r) {
		rig_check(&c);
		take_notes(&c, notes, extents);
		rig_close(&c);
	} else if (r != -EROFS) {
		CHECK_EQ(open_it(&c, media, false), r);
		check_message();
	}
	CHECK_EQ(media->model->calls, 0);
	return r == -EROFS ? 0 : r;
}

/*
 * Opened.
 */

static void serve(struct pcache *c, const struct piece_written writes[NR_WRITES])
{
	unsigned int i;
	int r;

	for (i = 0; i < NR_WRITES; i++) {
		rig_write(c, writes[i].start, writes[i].len, content(&writes[i]));
		rig_check(c);
	}
	CHECK(!rig_read(c, c->origin.sectors / 4, 8, buf, true) || c->opt.data_crc);
	rig_flush(c);
	rig_check(c);
	r = writeback_flush(c);
	CHECK(!r || (r == -EIO && c->opt.data_crc));
	rig_check(c);
}

static void first_life(struct ordeal_media *media, const struct notes *notes,
		       const struct piece_written writes[NR_WRITES])
{
	struct pcache c;

	CHECK_EQ(open_it(&c, media, false), 0);
	rig_check(&c);
	serve(&c, writes);
	check_origin(media->bdev, notes, writes);
	check_notes(&c, notes, writes);
	/* Reclaim all that can be; what was just read moves to the head. */
	pcache_set_gc_percent(&c, 0);
	stub_sleep(1000);
	rig_check(&c);
	check_notes(&c, notes, writes);
	check_writes(&c, writes);
	rig_close(&c);
}

static void second_life(struct ordeal_media *media, const struct notes *notes,
			const struct piece_written writes[NR_WRITES])
{
	struct pcache c;

	CHECK_EQ(open_it(&c, media, false), 0);
	rig_check(&c);
	check_notes(&c, notes, writes);
	check_writes(&c, writes);
	rig_close(&c);
}

int ordeal_run(struct ordeal_media *media, unsigned int extents)
{
	static struct notes notes;
	struct piece_written writes[NR_WRITES];
	long allocated = stub_allocated;
	int r;

	mprotect(media->model->mem, media->model->size, PROT_READ);
	r = look(media, &notes, extents);
	mprotect(media->model->mem, media->model->size, PROT_READ | PROT_WRITE);
	if (!r) {
		choose_writes(media->bdev, &notes, writes);
		first_life(media, &notes, writes);
		second_life(media, &notes, writes);
	}
	CHECK_EQ(stub_allocated, allocated);
	return r;
}
