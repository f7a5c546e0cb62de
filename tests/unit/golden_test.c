// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Media that Linux's own target has written (tests/images): the core must find the same positions
 * and the same data, change nothing before it may, and write the same data back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/string.h>

#include "rig.h"
#include "test.h"

#define PIECE	256u			/* sectors read at once */

struct golden {
	u64 sectors;
	unsigned int sb_flags, seg_total, n_segs, used, gc, flags;
	struct log_pos head, dirty_tail, key_tail;
	char sha256[65];
};

static void read_line(const char *name, const char *suffix, char *line, int size)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), IMAGES "/%s.%s", name, suffix);
	f = fopen(path, "r");
	if (!f || !fgets(line, size, f))
		test_failed(__FILE__, __LINE__, "%s can't be read", path);
	fclose(f);
}

static void golden_read(const char *name, struct golden *g)
{
	char line[200];

	read_line(name, "status", line, sizeof(line));
	CHECK_EQ(sscanf(line, "0 %llu pcache %x %u %u %u %u %x %u:%u %u:%u %u:%u", &g->sectors,
			&g->sb_flags, &g->seg_total, &g->n_segs, &g->used, &g->gc, &g->flags,
			&g->head.seg, &g->head.off, &g->dirty_tail.seg, &g->dirty_tail.off,
			&g->key_tail.seg, &g->key_tail.off), 13);
	read_line(name, "sha256", g->sha256, sizeof(g->sha256));
}

/* Unpack @file into a file without a name, and map it. NULL: there is no such image. */
static struct pmem_model *unpack(const char *file)
{
	char tmp[] = "/tmp/pcache-unit-XXXXXX", cmd[400], path[300];
	struct pmem_model *model;
	int fd;

	snprintf(path, sizeof(path), IMAGES "/%s.zst", file);
	if (access(path, R_OK))
		return NULL;
	if (system("zstd --version >/dev/null 2>&1"))
		test_skip("zstd is not installed");
	fd = mkstemp(tmp);
	CHECK(fd >= 0);
	snprintf(cmd, sizeof(cmd), "zstd -q -d -f --sparse -o %s %s", tmp, path);
	CHECK_EQ(system(cmd), 0);
	close(fd);
	model = pmem_model_of_file(tmp);
	unlink(tmp);
	CHECK(model);
	return model;
}

static FILE *sha256_start(char *out)
{
	char cmd[100];
	FILE *pipe;
	int fd;

	strcpy(out, "/tmp/pcache-unit-XXXXXX");
	fd = mkstemp(out);
	CHECK(fd >= 0);
	close(fd);
	snprintf(cmd, sizeof(cmd), "sha256sum >%s", out);
	pipe = popen(cmd, "w");
	CHECK(pipe);
	return pipe;
}

static void sha256_end(FILE *pipe, const char *out, const char *expect)
{
	char sum[65] = "";
	FILE *f;

	CHECK_EQ(pclose(pipe), 0);
	f = fopen(out, "r");
	CHECK(f && fgets(sum, sizeof(sum), f));
	fclose(f);
	unlink(out);
	if (strcmp(sum, expect))
		test_failed(__FILE__, __LINE__, "the device reads as %s, not %s", sum, expect);
}

static void check_through_cache(struct pcache *c, const struct golden *g)
{
	static u8 buf[PIECE * PCACHE_SECTOR];
	char out[40];
	FILE *pipe = sha256_start(out);
	u64 at;

	for (at = 0; at < g->sectors; at += PIECE) {
		CHECK_EQ(rig_read(c, at, PIECE, buf, false), 0);
		CHECK_EQ(fwrite(buf, sizeof(buf), 1, pipe), 1);
	}
	sha256_end(pipe, out, g->sha256);
}

static void check_origin(const struct block_device *bdev, const struct golden *g)
{
	char out[40];
	FILE *pipe = sha256_start(out);

	CHECK_EQ(fwrite(bdev->mem, g->sectors * PCACHE_SECTOR, 1, pipe), 1);
	sha256_end(pipe, out, g->sha256);
}

static void check_status(struct pcache *c, const struct golden *g)
{
	CHECK_EQ(c->sb.flags, g->sb_flags);
	CHECK_EQ(c->sb.seg_num, g->seg_total);
	CHECK_EQ(c->segs.nr, g->n_segs);
	CHECK_EQ(c->opt.gc_percent, g->gc);
	CHECK_EQ(c->sb.info_flags, g->flags);
	CHECK(log_pos_equal(keylog_head(&c->log), g->head));
	CHECK(log_pos_equal(keylog_dirty_tail(&c->log), g->dirty_tail));
	CHECK(log_pos_equal(keylog_key_tail(&c->log), g->key_tail));
}

static struct block_device *golden_origin(const char *name, const struct golden *g)
{
	struct block_device *bdev = fake_origin_new(g->sectors);
	struct pmem_model *content;
	char file[100];

	snprintf(file, sizeof(file), "%s.origin", name);
	content = unpack(file);
	if (content) {
		CHECK_EQ(content->size, g->sectors * PCACHE_SECTOR);
		memcpy(bdev->mem, content->mem, content->size);
		pmem_model_free(content);
	}
	return bdev;
}

static void golden(const char *name)
{
	char file[100];
	struct pcache_options opt = { .read_only = true };
	struct pmem_model *model;
	struct block_device *bdev;
	struct golden g;
	struct pcache c;

	golden_read(name, &g);
	opt.data_crc = g.flags & PCACHE_INFO_DATA_CRC;
	snprintf(file, sizeof(file), "%s.cache", name);
	model = unpack(file);
	CHECK(model);
	bdev = golden_origin(name, &g);

	/* Reading alone changes nothing. */
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	check_status(&c, &g);
	rig_check(&c);
	check_through_cache(&c, &g);
	rig_close(&c);
	CHECK_EQ(model->fences, 0);
	CHECK_EQ(bdev->writes, 0);

	opt.read_only = false;
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	check_status(&c, &g);
	rig_drain(&c);
	rig_check(&c);
	check_through_cache(&c, &g);
	rig_close(&c);
	check_origin(bdev, &g);

	/* And what that has made of it opens again. */
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	CHECK_EQ(writeback_dirty(&c), 0);
	check_through_cache(&c, &g);
	rig_close(&c);
	pmem_model_free(model);
	fake_origin_free(bdev);
	CHECK_EQ(stub_allocated, 0);
}

TEST(golden_fresh)
{
	golden("fresh");
}

TEST(golden_small)
{
	golden("small");
}

TEST(golden_crc)
{
	golden("crc");
}

TEST(golden_wrap)
{
	golden("wrap");
}
