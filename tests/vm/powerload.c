// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A write load that knows what a power cut may take from it, and the check of what it left.
 *
 *	powerload write DEVICE ACKS BOOT [THREADS [SECONDS]]
 *	powerload verify DEVICE ACKS [SEEN]
 *	powerload order DEVICE ACKS [THREADS]
 *	powerload trace ADDRESS SIZE OFFSET
 *
 * Every sector written carries a stamp: its own number and a sequence number that only grows, for
 * BOOT is its upper part. Each thread writes to a region of its own, one write at a time: of
 * two writes to a sector the later one has the higher number. Once a write is durable (it was
 * O_DSYNC, or an fdatasync() came after it) a record of it goes to ACKS, a port whose other end
 * outlives the guest.
 *
 * Afterwards a sector may hold the last stamp acknowledged for it or a later one; or, if none was,
 * nothing. A stamp once seen by "verify" must not go away again either: it is acknowledged to SEEN.
 *
 * "order" is for a device that may lag behind, as the origin of a cache does. Of a thread that had
 * each write durable before the next began, it must have no write without all that came before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "powerload.h"

#define MAX_SECTORS	128
#define MAX_BATCH	32
#define BOOT_SHIFT	40

struct worker {
	pthread_t thread;
	const char *path;
	uint32_t first, count;
	uint64_t seq;
	uint64_t random;
	int dsync;
};

static int acks_fd;
static uint32_t unit;	/* the device's logical block, in sectors */
static time_t deadline;
static pthread_mutex_t acks_lock = PTHREAD_MUTEX_INITIALIZER;

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("powerload: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void *aligned(size_t size)
{
	void *buf;

	if (posix_memalign(&buf, 4096, size))
		die("no memory");
	return buf;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void stamp(uint64_t *buf, uint32_t sector, uint64_t seq)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		buf[i] = stamp_word(sector, seq, i);
}

static void send_acks(const struct ack *acks, unsigned int n)
{
	size_t size = n * sizeof(*acks);
	unsigned int i;

	for (i = 0; i < n; i++)
		mark(MARK_ACK, acks[i].sector, acks[i].count, acks[i].seq);
	pthread_mutex_lock(&acks_lock);
	if (write(acks_fd, acks, size) != (ssize_t)size)
		die("acknowledging: %s", strerror(errno));
	pthread_mutex_unlock(&acks_lock);
}

/* Sizes are mostly a few sectors; half of the writes start as a file system's would. */
static struct ack choose(struct worker *w)
{
	uint64_t random = next_random(&w->random);
	struct ack ack = { .seq = w->seq++ };

	ack.count = 1 + random % (random >> 8 & 3 ? 16 : MAX_SECTORS);
	ack.count = (ack.count + unit - 1) / unit * unit;
	ack.sector = w->first + (random >> 16) % (w->count - MAX_SECTORS);
	ack.sector &= ~((random >> 10 & 1 ? 8 : unit) - 1);
	return ack;
}

static void *write_region(void *arg)
{
	struct worker *w = arg;
	int fd = open(w->path, O_WRONLY | O_DIRECT | (w->dsync ? O_DSYNC : 0));
	uint64_t *buf = aligned(MAX_SECTORS * SECTOR);
	struct ack acks[MAX_BATCH];
	unsigned int i, n, batch;

	if (fd < 0)
		die("%s: %s", w->path, strerror(errno));
	while (!deadline || time(NULL) < deadline) {
		batch = w->dsync ? 1 : 1 + next_random(&w->random) % MAX_BATCH;
		for (n = 0; n < batch; n++) {
			struct ack ack = choose(w);
			ssize_t size = ack.count * SECTOR;

			for (i = 0; i < ack.count; i++)
				stamp(buf + i * WORDS, ack.sector + i, ack.seq);
			if (pwrite(fd, buf, size, (off_t)ack.sector * SECTOR) != size)
				die("write of sector %u: %s", ack.sector, strerror(errno));
			acks[n] = ack;
		}
		if (!w->dsync && fdatasync(fd))
			die("fdatasync: %s", strerror(errno));
		send_acks(acks, n);
	}
	free(buf);
	close(fd);
	return NULL;
}

static uint32_t sectors_of(int fd)
{
	uint64_t bytes;
	int block;

	if (ioctl(fd, BLKGETSIZE64, &bytes) || ioctl(fd, BLKSSZGET, &block))
		die("size of the device: %s", strerror(errno));
	if (bytes / SECTOR > UINT32_MAX)
		die("the device is too large");
	unit = block / SECTOR;
	return bytes / SECTOR;
}

/* Each thread's share, in sectors. */
static uint32_t region_of(uint32_t sectors, unsigned int threads)
{
	uint32_t region = sectors / threads & ~7U;

	if (region < 2 * MAX_SECTORS)
		die("the device is too small");
	return region;
}

static int is_dsync(unsigned int thread)
{
	return !(thread & 1);
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags, 0666);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static int write_load(const char *path, const char *acks, uint64_t boot, unsigned int threads,
		      unsigned int seconds)
{
	struct worker *workers = calloc(threads, sizeof(*workers));
	int fd = open_or_die(path, O_RDONLY);
	uint32_t region = region_of(sectors_of(fd), threads);
	unsigned int i;

	if (!workers)
		die("no memory");
	close(fd);
	acks_fd = open_or_die(acks, O_WRONLY | O_APPEND | O_CREAT);
	if (seconds)
		deadline = time(NULL) + seconds;
	for (i = 0; i < threads; i++) {
		struct worker *w = &workers[i];

		w->path = path;
		w->first = i * region;
		w->count = region;
		w->seq = boot << BOOT_SHIFT;
		w->random = (boot * 1000 + i + 1) * 0x9e3779b97f4a7c15ULL ^ time(NULL);
		w->dsync = is_dsync(i);
		if (pthread_create(&w->thread, NULL, write_region, w))
			die("no thread");
	}
	for (i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	free(workers);
	return 0;
}

/*
 * For each sector the last sequence number that was acknowledged, 0 if none was. Where there are
 * @limits, one for each @region sectors, those do not count that are not below.
 */
static uint64_t *read_acks(const char *path, uint32_t sectors, const uint64_t *limits,
			   uint32_t region)
{
	uint64_t *last = calloc(sectors, sizeof(*last)), records = 0;
	FILE *file = fopen(path, "r");
	struct ack ack;
	uint32_t i;

	if (!last || !file)
		die("%s: %s", path, strerror(errno));
	/* What the cut left of a record that was on its way is no record. */
	while (fread(&ack, sizeof(ack), 1, file) == 1) {
		if (!ack.count || ack.count > sectors || ack.sector > sectors - ack.count)
			die("%s: record %" PRIu64 " is not one of ours", path, records);
		for (i = ack.sector; i < ack.sector + ack.count; i++)
			if (last[i] < ack.seq && (!limits || ack.seq < limits[i / region]))
				last[i] = ack.seq;
		records++;
	}
	fclose(file);
	printf("powerload: %" PRIu64 " acknowledgements\n", records);
	return last;
}

static void verify_sector(const uint64_t *buf, uint32_t sector, uint64_t acked)
{
	static const uint64_t nothing[WORDS];
	unsigned int i;

	if (!memcmp(buf, nothing, SECTOR)) {
		if (acked)
			die("sector %u is empty, but write %" PRIx64 " was acknowledged",
			    sector, acked);
		return;
	}
	for (i = 1; i < WORDS; i++)
		if (buf[i] != stamp_word(sector, buf[0], i))
			die("sector %u: garbage at byte %zu (stamped %" PRIx64
			    ", acknowledged %" PRIx64 ")", sector, i * sizeof(*buf), buf[0], acked);
	if (buf[0] < acked)
		die("sector %u is stale: it holds write %" PRIx64 ", but %" PRIx64
		    " was acknowledged", sector, buf[0], acked);
}

static uint32_t read_some(int fd, const char *path, uint64_t *buf, uint32_t sector,
			  uint32_t sectors)
{
	uint32_t n = sectors - sector < MAX_SECTORS ? sectors - sector : MAX_SECTORS;

	if (pread(fd, buf, n * SECTOR, (off_t)sector * SECTOR) != (ssize_t)n * SECTOR)
		die("%s: read of sector %u: %s", path, sector, strerror(errno));
	return n;
}

static int verify(const char *path, const char *acks, const char *seen)
{
	int fd = open_or_die(path, O_RDONLY | O_DIRECT);
	uint32_t sectors = sectors_of(fd), sector, i, n, written = 0;
	uint64_t *last = read_acks(acks, sectors, NULL, 0);
	uint64_t *buf = aligned(MAX_SECTORS * SECTOR);
	struct ack run = { 0 };

	acks_fd = seen ? open_or_die(seen, O_WRONLY | O_APPEND) : -1;
	for (sector = 0; sector < sectors; sector += n) {
		n = read_some(fd, path, buf, sector, sectors);
		for (i = 0; i < n; i++) {
			uint64_t seq = buf[i * WORDS];

			verify_sector(buf + i * WORDS, sector + i, last[sector + i]);
			written += !!seq;
			if (acks_fd < 0)
				continue;
			if (run.count && run.seq == seq) {
				run.count++;
				continue;
			}
			if (run.seq)
				send_acks(&run, 1);
			run = (struct ack){ sector + i, 1, seq };
		}
	}
	if (acks_fd >= 0 && run.seq)
		send_acks(&run, 1);
	printf("powerload: %u of %u sectors written, all as acknowledged or later\n",
	       written, sectors);
	free(last);
	free(buf);
	return 0;
}

static int order(const char *path, const char *acks, unsigned int threads)
{
	int fd = open_or_die(path, O_RDONLY | O_DIRECT);
	uint32_t sectors = sectors_of(fd), region = region_of(sectors, threads), sector, i, n;
	uint64_t *newest = calloc(sectors / region + 1, sizeof(*newest)), *last;
	uint64_t *buf = aligned(MAX_SECTORS * SECTOR);

	if (!newest)
		die("no memory");
	for (sector = 0; sector < sectors; sector += n) {
		n = read_some(fd, path, buf, sector, sectors);
		for (i = 0; i < n; i++) {
			uint32_t at = (sector + i) / region;

			if (is_dsync(at) && newest[at] < buf[i * WORDS])
				newest[at] = buf[i * WORDS];
		}
	}
	last = read_acks(acks, sectors, newest, region);
	for (sector = 0; sector < sectors; sector += n) {
		n = read_some(fd, path, buf, sector, sectors);
		for (i = 0; i < n; i++)
			verify_sector(buf + i * WORDS, sector + i, last[sector + i]);
	}
	for (i = 0; i < threads; i++)
		if (is_dsync(i))
			printf("powerload: thread %u: all up to write %" PRIx64 "\n", i, newest[i]);
	free(newest);
	free(last);
	free(buf);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 5 && argc <= 7 && !strcmp(argv[1], "write"))
		return write_load(argv[2], argv[3], strtoull(argv[4], NULL, 0),
				  argc > 5 ? atoi(argv[5]) : 4, argc > 6 ? atoi(argv[6]) : 0);
	if (argc >= 4 && argc <= 5 && !strcmp(argv[1], "verify"))
		return verify(argv[2], argv[3], argv[4]);
	if (argc >= 4 && argc <= 5 && !strcmp(argv[1], "order"))
		return order(argv[2], argv[3], argc > 4 ? atoi(argv[4]) : 4);
	if (argc == 5 && !strcmp(argv[1], "trace")) {
		mark(MARK_DEVICE, strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0),
		     strtoull(argv[4], NULL, 0));
		return 0;
	}
	die("usage: write DEVICE ACKS BOOT [THREADS [SECONDS]] | verify DEVICE ACKS [SEEN] | "
	    "order DEVICE ACKS [THREADS] | trace ADDRESS SIZE OFFSET");
}
