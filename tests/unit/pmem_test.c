// SPDX-License-Identifier: GPL-2.0-or-later
/* src/pmem.c, and the model of persistent memory that all crash tests stand on. */
#include <sys/mman.h>
#include <unistd.h>

#include <linux/crc32c.h>
#include <linux/string.h>

#include "pmem_model.h"
#include "test.h"

#define SIZE	(1u << 20)

static struct pmem_model *model;
static struct pmem pm;

static void open_model(void)
{
	model = pmem_model_new(SIZE);
	pmem_model_open(model, &pm, "pmem");
}

static void close_model(void)
{
	pmem_close(&pm);
	pmem_model_free(model);
	CHECK_EQ(stub_allocated, 0);
}

static u64 word(u64 off)
{
	u64 w;

	CHECK_EQ(pmem_read(&pm, &w, off, sizeof(w)), 0);
	return w;
}

TEST(pmem_write_and_read)
{
	u8 in[3000], out[3000];
	u32 crc = 7;

	open_model();
	get_random_bytes(in, sizeof(in));
	pmem_begin(&pm);
	pmem_write(&pm, 1001, in, sizeof(in));
	CHECK_EQ(pmem_write_crc(&pm, 8192, in, sizeof(in), 7), crc32c(7, in, sizeof(in)));
	pmem_zero(&pm, 8192 + 100, 700);
	pmem_end(&pm);
	CHECK_EQ(pmem_read(&pm, out, 1001, sizeof(out)), 0);
	CHECK(!memcmp(in, out, sizeof(in)));
	memset(in + 100, 0, 700);
	CHECK_EQ(pmem_read_crc(&pm, out, 8192, sizeof(out), &crc), 0);
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK_EQ(crc, crc32c(7, in, sizeof(in)));
	close_model();
}

TEST(pmem_checksum_is_castagnoli)
{
	/* The well-known check value, for a seed of all ones and an inversion at the end. */
	CHECK_EQ(~crc32c(~0u, "123456789", 9) & 0xFFFFFFFF, 0xE3069283);
}

TEST(pmem_poison)
{
	u8 buf[256];
	u32 crc = 0;

	open_model();
	pmem_model_poison(model, 4096 + 70);
	CHECK_EQ(pmem_read(&pm, buf, 4096, 64), 0);
	CHECK_EQ(pmem_read(&pm, buf, 4096, 65), -EIO);
	CHECK_EQ(pmem_read(&pm, buf, 4096 + 127, 1), -EIO);
	CHECK_EQ(pmem_read(&pm, buf, 4096 + 128, 64), 0);
	CHECK_EQ(pmem_read_crc(&pm, NULL, 4096, 128, &crc), -EIO);
	pmem_model_heal(model, 4096 + 64);
	CHECK_EQ(pmem_read(&pm, buf, 4096, 256), 0);
	close_model();
}

TEST(pmem_refused)
{
	open_model();
	pmem_close(&pm);
	model->dax.not_synchronous = true;
	CHECK_EQ(pmem_open(&pm, &model->dax, 0, SIZE, "virtio"), -EOPNOTSUPP);
	CHECK_LOG("virtio: ");
	model->dax.not_synchronous = false;
	model->dax.no_pages = true;
	CHECK_EQ(pmem_open(&pm, &model->dax, 0, SIZE, "raw"), -EOPNOTSUPP);
	CHECK_LOG("raw: this persistent memory has no struct pages");
	model->dax.no_pages = false;
	model->dax.error = -EIO;
	CHECK_EQ(pmem_open(&pm, &model->dax, 0, SIZE, "bad"), -EIO);
	CHECK_LOG("bad: the DAX device gives no access");
	model->dax.error = -EHWPOISON;
	CHECK_EQ(pmem_open(&pm, &model->dax, 0, SIZE, "old"), -EHWPOISON);
	CHECK_LOG("old: the memory has blocks known to be bad");
	model->dax.error = 0;
	CHECK_EQ(pmem_open(&pm, &model->dax, 512, SIZE / 2, "crooked"), -EINVAL);
	CHECK_LOG("crooked: ");
	CHECK(pmem_open(&pm, &model->dax, 0, 2 * SIZE, "short"));
	CHECK_LOG("short: ");
	pmem_model_free(model);
	CHECK_EQ(stub_allocated, 0);
}

/* What a device has lost somewhere does not keep the rest from being used. */
TEST(pmem_known_bad_block)
{
	open_model();
	pmem_close(&pm);
	model->dax.bad_page = 7;
	CHECK_EQ(pmem_open(&pm, &model->dax, PAGE_SIZE, SIZE - PAGE_SIZE, "hurt"), 0);
	CHECK_EQ(pm.nr_extents, 1);
	close_model();
}

/* A device whose memory lies in pieces, and not in order. */
static struct dax_device *in_pieces(u8 **mem)
{
	static struct stub_dax_piece pieces[] = {
		{ NULL, 3 }, { NULL, 1 }, { NULL, 4 }, { NULL, 1 }, { NULL, 1 },
	};
	static const u8 at[] = { 10, 2, 6, 15, 0 };
	static struct dax_device dax = { .pieces = pieces, .nr_pieces = ARRAY_SIZE(pieces) };
	int i;

	*mem = mmap(NULL, 16 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	for (i = 0; i < 16; i++)
		(*mem)[i * PAGE_SIZE] = i;
	for (i = 0; i < ARRAY_SIZE(pieces); i++)
		pieces[i].mem = *mem + at[i] * PAGE_SIZE;
	return &dax;
}

TEST(pmem_in_pieces)
{
	static const u8 expect[] = { 11, 12, 2, 6, 7, 8, 9, 15, 0 };
	u8 *mem;
	struct dax_device *dax = in_pieces(&mem);
	struct stub_dax_piece alone = { mem + 7 * PAGE_SIZE, 1 };
	struct dax_device other = { .pieces = &alone, .nr_pieces = 1 };
	struct pmem pm2;
	int i;

	CHECK_EQ(pmem_open(&pm, dax, PAGE_SIZE, 9 * PAGE_SIZE, "pieces"), 0);
	CHECK_EQ(pm.nr_extents, 5);
	for (i = 0; i < 9; i++)
		CHECK_EQ(((u8 *)pm.base)[i * PAGE_SIZE], expect[i]);
	CHECK_EQ(pmem_open(&pm2, &other, 0, PAGE_SIZE, "other"), 0);
	CHECK(pmem_overlaps(&pm, &pm2));
	pmem_close(&pm2);
	alone.mem = mem + 13 * PAGE_SIZE;
	CHECK_EQ(pmem_open(&pm2, &other, 0, PAGE_SIZE, "other"), 0);
	CHECK(!pmem_overlaps(&pm, &pm2));
	pmem_close(&pm2);
	pmem_close(&pm);
	CHECK_EQ(stub_allocated, 0);
}

/* Each allocation fails in turn, which is said as in @said, and then none does. */
static void open_without_memory(struct dax_device *dax, u64 start, u64 size,
				const char *const *said)
{
	long n;

	for (n = 1; *said; n++, said++) {
		stub_log_clear();
		stub_fail_alloc_after(n);
		CHECK_EQ(pmem_open(&pm, dax, start, size, "poor"), -ENOMEM);
		CHECK_LOG(*said);
		CHECK_EQ(stub_allocated, 0);
	}
	stub_fail_alloc_after(n);
	CHECK_EQ(pmem_open(&pm, dax, start, size, "poor"), 0);
	stub_fail_alloc_after(-1);
	pmem_close(&pm);
	CHECK_EQ(stub_allocated, 0);
}

TEST(pmem_no_memory)
{
	static const char *const in_a_row[] = {
		"poor: no memory for a list of more than 0 pieces", NULL
	};
	static const char *const scattered[] = {
		"poor: no memory for a list of more than 0 pieces",
		"poor: no memory for a list of more than 4 pieces",
		"poor: no memory for a list of 9 pages",
		"poor: no memory for page tables, or no vmalloc space, to map 9 pages in a row", NULL
	};
	u8 *mem;

	model = pmem_model_new(SIZE);
	open_without_memory(&model->dax, 0, SIZE, in_a_row);
	open_without_memory(in_pieces(&mem), PAGE_SIZE, 9 * PAGE_SIZE, scattered);
	pmem_model_free(model);
}

/* What is in pieces can be as large as the kernel counts. None of this memory is touched. */
TEST(pmem_too_large)
{
	static const struct stub_dax_piece pieces[] = {
		{ (void *)(1ul << 45), 1ul << 30 }, { (void *)(1ul << 44), 1ul << 30 },
	};
	struct dax_device dax = { .pieces = pieces, .nr_pieces = ARRAY_SIZE(pieces) };

	stub_fail_alloc_after(2);
	CHECK_EQ(pmem_open(&pm, &dax, 0, PAGE_SIZE << 31, "huge"), -EFBIG);
	CHECK_LOG("huge: 2147483648 pages that do not lie in a row are too many");
	CHECK_EQ(stub_allocated, 0);
	stub_fail_alloc_after(2);
	CHECK_EQ(pmem_open(&pm, &dax, PAGE_SIZE, (PAGE_SIZE << 31) - PAGE_SIZE, "large"), -ENOMEM);
	CHECK_LOG("large: no memory for a list of 2147483647 pages");
	stub_fail_alloc_after(-1);
	CHECK_EQ(stub_allocated, 0);
}

/*
 * The model itself.
 */


static void store(u64 off, u64 value)
{
	pmem_write(&pm, off, &value, sizeof(value));
}

/* Each combination of the values that two words may have shows up, and nothing else. */
TEST(pmem_model_keeps_any_subset)
{
	bool seen[3][2] = { };
	int i, a, b;

	open_model();
	pmem_begin(&pm);
	for (i = 0; i < 200; i++) {
		store(64, 1);
		store(72, 1);
		pmem_fence(&pm);
		store(64, 2);
		store(72, 2);
		store(64, 3);
		pmem_model_crash(model, PMEM_KEEP_RANDOM);
		a = word(64);
		b = word(72);
		CHECK(a >= 1 && a <= 3 && b >= 1 && b <= 2);
		seen[a - 1][b - 1] = true;
	}
	pmem_end(&pm);
	for (a = 0; a < 3; a++)
		for (b = 0; b < 2; b++)
			CHECK(seen[a][b]);
	close_model();
}

TEST(pmem_model_kinds)
{
	enum pmem_keep keep;

	open_model();
	pmem_begin(&pm);
	for (keep = 0; keep < PMEM_KEEP_KINDS; keep++) {
		u64 off, kept = 0;

		pmem_zero(&pm, 0, 512);
		pmem_fence(&pm);
		for (off = 0; off < 512; off += 8)
			store(off, 1);
		CHECK_EQ(model->nr_stores, 64);
		pmem_model_crash(model, keep);
		for (off = 0; off < 512; off += 8)
			kept += word(off);
		if (keep == PMEM_KEEP_NONE)
			CHECK_EQ(kept, 0);
		if (keep == PMEM_KEEP_ALL)
			CHECK_EQ(kept, 64);
		if (keep == PMEM_KEEP_ONE_LINE)
			CHECK_EQ(kept, 8);
		if (keep == PMEM_KEEP_BUT_ONE_LINE)
			CHECK_EQ(kept, 56);
		if (keep == PMEM_KEEP_ONE_STORE || keep == PMEM_KEEP_ONE_CALL)
			CHECK_EQ(kept, 1);
		if (keep == PMEM_KEEP_BUT_ONE_STORE || keep == PMEM_KEEP_BUT_ONE_CALL)
			CHECK_EQ(kept, 63);
	}
	pmem_end(&pm);
	close_model();
}

static void expect_old(struct pmem_model *model, void *arg)
{
	if (word(64) != 5)
		_exit(1);
}

TEST(pmem_model_fork_leaves_no_trace)
{
	open_model();
	pmem_begin(&pm);
	store(64, 5);
	pmem_fence(&pm);
	store(64, 6);
	CHECK(pmem_model_fork(model, PMEM_KEEP_NONE, 1, expect_old, NULL));
	CHECK_EQ(word(64), 6);
	CHECK_EQ(model->nr_stores, 1);
	pmem_end(&pm);
	CHECK_EQ(model->nr_stores, 0);
	CHECK(!pmem_model_fork(model, PMEM_KEEP_RANDOM, 1, expect_old, NULL));
	close_model();
}
