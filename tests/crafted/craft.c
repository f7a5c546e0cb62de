// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Crafted media on a real device, for pcache/071-crafted:
 *
 *	craft apply FILE RECIPE DEVICE UNDO	edit the device, which holds the base, and note what was there
 *	craft undo DEVICE UNDO
 *	craft compare DEVICE REFERENCE		how many sectors differ and how many fail, as recipes say it
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "recipe.h"

/* <linux/fs.h> stands beside headers that are not the kernel's here. */
#define BLKFLSBUF	_IO(0x12, 97)

struct undo {
	uint64_t off;
	uint64_t len;
	uint8_t old[256];
};

static FILE *undo_file;
static const char *wanted;
static struct image image;
static unsigned int found;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint8_t *map(const char *path, int *fd, uint64_t *size)
{
	uint8_t *mem;

	*fd = open(path, O_RDWR);
	if (*fd < 0)
		fail(path);
	*size = lseek(*fd, 0, SEEK_END);
	mem = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (mem == MAP_FAILED)
		fail(path);
	return mem;
}

/* The module stores to the memory past the block device's page cache. */
static void unmap(uint8_t *mem, int fd, uint64_t size)
{
	if (msync(mem, size, MS_SYNC) || munmap(mem, size) || fsync(fd) || ioctl(fd, BLKFLSBUF, 0))
		fail("unmap");
	close(fd);
}

static void note(struct image *image, uint64_t off, size_t len)
{
	struct undo undo = { .off = off };

	for (; len; off += undo.len, len -= undo.len) {
		undo.off = off;
		undo.len = len < sizeof(undo.old) ? len : sizeof(undo.old);
		memcpy(undo.old, image->mem + off, undo.len);
		if (fwrite(&undo, sizeof(undo), 1, undo_file) != 1)
			fail("undo");
	}
}

static void apply_recipe(const struct recipe *recipe)
{
	unsigned int i;

	if (strcmp(recipe->name, wanted))
		return;
	found++;
	for (i = 0; i < recipe->nr_edits; i++)
		if (!image_edit(&image, &recipe->edits[i]))
			fail("an edit has no place");
}

static void apply(const char *file, const char *name, const char *device, const char *undo)
{
	uint64_t size;
	int fd;
	uint8_t *mem = map(device, &fd, &size);

	undo_file = fopen(undo, "w");
	if (!undo_file)
		fail(undo);
	wanted = name;
	image_init(&image, mem, size);
	image.on_change = note;
	if (!recipes_read(file, apply_recipe) || found != 1)
		fail(name);
	if (fclose(undo_file))
		fail(undo);
	unmap(mem, fd, size);
}

static void take_back(const char *device, const char *path)
{
	uint64_t size;
	struct undo undo;
	int fd;
	uint8_t *mem = map(device, &fd, &size);
	FILE *f = fopen(path, "r");
	long at;

	if (!f || fseek(f, 0, SEEK_END))
		fail(path);
	for (at = ftell(f) - sizeof(undo); at >= 0; at -= sizeof(undo)) {
		if (fseek(f, at, SEEK_SET) || fread(&undo, sizeof(undo), 1, f) != 1)
			fail(path);
		memcpy(mem + undo.off, undo.old, undo.len);
	}
	fclose(f);
	unmap(mem, fd, size);
}

/* Past the page cache, which might read ahead of an error. */
static void compare(const char *device, const char *reference)
{
	static uint8_t data[256][PCACHE_SECTOR] __attribute__((aligned(4096))), expect[256][PCACHE_SECTOR];
	int fd = open(device, O_RDONLY | O_DIRECT), ref = open(reference, O_RDONLY);
	unsigned long differ = 0, failing = 0;
	off_t at;
	ssize_t n;

	if (fd < 0 || ref < 0)
		fail(device);
	for (at = 0; (n = pread(ref, expect, sizeof(expect), at)) > 0; at += n) {
		ssize_t i, whole = pread(fd, data, n, at);

		for (i = 0; i < n / (ssize_t)PCACHE_SECTOR; i++) {
			if (whole != n && pread(fd, data[i], PCACHE_SECTOR, at + i * PCACHE_SECTOR) < 0)
				failing++;
			else
				differ += !!memcmp(data[i], expect[i], PCACHE_SECTOR);
		}
	}
	printf("%lu differ, %lu fail\n", differ, failing);
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "apply"))
		apply(argv[2], argv[3], argv[4], argv[5]);
	else if (argc == 4 && !strcmp(argv[1], "undo"))
		take_back(argv[2], argv[3]);
	else if (argc == 4 && !strcmp(argv[1], "compare"))
		compare(argv[2], argv[3]);
	else
		return 2;
	return 0;
}
