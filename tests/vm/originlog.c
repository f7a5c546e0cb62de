// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What reaches an origin, and when: the log that dm-log-writes keeps of it, and a load to look for
 * in there.
 *
 *	originlog write DEVICE RECORDS SECONDS
 *	originlog check LOG RECORDS strict|batch
 *	originlog flushes LOG
 *	originlog apply LOG DEVICE FROM TO [SEED]
 *
 * The flushes of a log cut it into groups: what was written between two of them is on the medium
 * when the second is done, and may or may not be there before. "apply" brings a device from what
 * it was after FROM flushes to what it is after TO. With SEED each write in between is left out or
 * not, by chance: so a power cut might leave it.
 *
 * "write" writes numbered records, some to where others were before. Each sector is stamped with
 * its own number and the record's. A clock that ticks at each event tells when a record was begun,
 * and when a flush that covers it was done: that goes to the file RECORDS.
 *
 * "check" demands that no record, nor a part of one, is ever there without all those, or newer ones
 * in their place, that were durable when it was begun. Any subset of the sectors of a group may be
 * on the medium, the newest record alone for instance: so all that this one demands must be there
 * before the group begins. That covers every prefix of the log and every subset at once. With
 * "batch" only the ends of groups count.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SECTOR		512
#define WORDS		(SECTOR / sizeof(uint64_t))

/* The log's format, as Documentation/admin-guide/device-mapper/log-writes.rst has it. */
#define LOG_MAGIC	0x6a736677736872ULL
#define LOG_FLUSH	1
#define LOG_MARK	8

struct log_super {
	uint64_t magic;
	uint64_t version;
	uint64_t nr_entries;
	uint32_t sector_size;
};

struct log_entry {
	uint64_t sector;
	uint64_t nr_sectors;
	uint64_t flags;
	uint64_t data_len;
};

struct log {
	int fd;
	uint64_t left;		/* entries */
	uint64_t pos;		/* sector of the next one */
	uint64_t flushes;	/* so far */
	uint64_t *data;		/* of the last entry that was a write */
	size_t room;
};

struct record {
	uint32_t sector, count;
	uint64_t begun, durable;
};

#define THREADS		4
#define MAX_SECTORS	128
#define MAX_RECORDS	(1U << 20)

/* Writes without a flush between them, at most: more than a set of the cache's log can hold. */
#define MAX_INTERVAL	160

struct writer {
	pthread_t thread;
	const char *path;
	uint32_t first, count;
	unsigned int seed;
	bool dsync;
};

/* By number, from 1: a sector that was never written says 0. */
static struct record *records;
static atomic_uint nr_records;
static atomic_ullong now;
static time_t deadline;

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("originlog: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags, 0666);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void *zalloc(size_t n, size_t size)
{
	void *mem = calloc(n, size);

	if (!mem)
		die("no memory");
	return mem;
}

static uint32_t sectors_of(int fd)
{
	uint64_t bytes;

	if (ioctl(fd, BLKGETSIZE64, &bytes) || bytes / SECTOR > UINT32_MAX)
		die("the device has no size, or too much of it");
	return bytes / SECTOR;
}

/* The records */

static uint64_t word(uint32_t sector, uint64_t id, unsigned int i)
{
	return (id + i) * 0x9e3779b97f4a7c15ULL ^ (uint64_t)sector << 32;
}

static void stamp(uint64_t *buf, uint32_t sector, uint64_t id)
{
	unsigned int i;

	buf[0] = id;
	for (i = 1; i < WORDS; i++)
		buf[i] = word(sector, id, i);
}

/* Begins a record, and writes it. Returns which it is. */
static uint32_t write_record(struct writer *w, int fd, uint64_t *buf)
{
	uint32_t id = atomic_fetch_add(&nr_records, 1), i;
	struct record *r = &records[id];
	ssize_t size;

	if (id >= MAX_RECORDS)
		die("too many records");
	r->count = 1 + rand_r(&w->seed) % (rand_r(&w->seed) % 4 ? 16 : MAX_SECTORS);
	r->sector = w->first + rand_r(&w->seed) % (w->count - r->count);
	for (i = 0; i < r->count; i++)
		stamp(buf + i * WORDS, r->sector + i, id);
	size = r->count * SECTOR;
	r->begun = atomic_fetch_add(&now, 1);
	if (pwrite(fd, buf, size, (off_t)r->sector * SECTOR) != size)
		die("write of record %u: %s", id, strerror(errno));
	return id;
}

/* To a part of the device that nobody else writes to: a higher number is newer there. */
static void *write_records(void *arg)
{
	struct writer *w = arg;
	int fd = open_or_die(w->path, O_WRONLY | O_DIRECT | (w->dsync ? O_DSYNC : 0));
	uint32_t ids[MAX_INTERVAL], i, n;
	uint64_t *buf;

	if (posix_memalign((void **)&buf, 4096, MAX_SECTORS * SECTOR))
		die("no memory");
	while (time(NULL) < deadline) {
		n = w->dsync ? 1 : 1 + rand_r(&w->seed) % (rand_r(&w->seed) % 8 ? 8 : MAX_INTERVAL);
		for (i = 0; i < n; i++)
			ids[i] = write_record(w, fd, buf);
		if (!w->dsync && fdatasync(fd))
			die("fdatasync: %s", strerror(errno));
		for (i = 0; i < n; i++)
			records[ids[i]].durable = atomic_fetch_add(&now, 1);
	}
	free(buf);
	close(fd);
	return NULL;
}

static void write_load(const char *path, const char *to, unsigned int seconds)
{
	struct writer writers[THREADS];
	int fd = open_or_die(path, O_RDONLY), i;
	uint32_t part = sectors_of(fd) / THREADS;
	size_t size;

	close(fd);
	records = zalloc(MAX_RECORDS, sizeof(*records));
	nr_records = 1;
	deadline = time(NULL) + seconds;
	for (i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){
			.path = path, .first = i * part, .count = part,
			.seed = time(NULL) + i, .dsync = i & 1,
		};
		if (pthread_create(&writers[i].thread, NULL, write_records, &writers[i]))
			die("no thread");
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(writers[i].thread, NULL);
	fd = open_or_die(to, O_WRONLY | O_CREAT | O_TRUNC);
	size = nr_records * sizeof(*records);
	if (write(fd, records, size) != (ssize_t)size)
		die("%s: %s", to, strerror(errno));
	close(fd);
	free(records);
}

/* The log */

static void read_at(struct log *log, void *buf, size_t size, uint64_t sector)
{
	if (pread(log->fd, buf, size, sector * SECTOR) != (ssize_t)size)
		die("the log ends at sector %" PRIu64, sector);
}

static struct log log_open(const char *path)
{
	struct log log = { .fd = open_or_die(path, O_RDONLY), .pos = 1 };
	struct log_super super;

	read_at(&log, &super, sizeof(super), 0);
	if (le64toh(super.magic) != LOG_MAGIC || le32toh(super.sector_size) != SECTOR)
		die("%s is no log of sectors", path);
	log.left = le64toh(super.nr_entries);
	return log;
}

static bool log_next(struct log *log, struct log_entry *e)
{
	if (!log->left)
		return false;
	log->left--;
	read_at(log, e, sizeof(*e), log->pos);
	e->sector = le64toh(e->sector);
	e->nr_sectors = le64toh(e->nr_sectors);
	e->flags = le64toh(e->flags);
	if (e->flags & ~(LOG_FLUSH | LOG_MARK) || (e->flags && e->nr_sectors))
		die("the log has an entry with flags %" PRIx64 " and %" PRIu64 " sectors",
		    e->flags, e->nr_sectors);
	log->pos += 1 + e->nr_sectors;
	log->flushes += e->flags & LOG_FLUSH;
	return true;
}

static uint64_t *log_data(struct log *log, const struct log_entry *e)
{
	size_t size = e->nr_sectors * SECTOR;

	if (size > log->room) {
		free(log->data);
		log->data = zalloc(1, size);
		log->room = size;
	}
	read_at(log, log->data, size, log->pos - e->nr_sectors);
	return log->data;
}

static void log_close(struct log *log)
{
	free(log->data);
	close(log->fd);
}

static void flushes(const char *path)
{
	struct log log = log_open(path);
	struct log_entry e;

	while (log_next(&log, &e))
		;
	printf("%" PRIu64 "\n", log.flushes);
	log_close(&log);
}

static void apply(const char *path, const char *device, uint64_t from, uint64_t to,
		  unsigned int seed)
{
	struct log log = log_open(path);
	int fd = open_or_die(device, O_WRONLY);
	unsigned int random = seed;
	struct log_entry e;

	while (log_next(&log, &e) && log.flushes < to) {
		ssize_t size = e.nr_sectors * SECTOR;

		if (log.flushes < from || !size || (seed && rand_r(&random) & 1))
			continue;
		if (pwrite(fd, log_data(&log, &e), size, e.sector * SECTOR) != size)
			die("%s: %s", device, strerror(errno));
	}
	if (fsync(fd))
		die("%s: %s", device, strerror(errno));
	close(fd);
	log_close(&log);
}

/* The check */

struct check {
	uint32_t *by_durable;	/* the records in order of their flushes */
	uint32_t next;		/* the first of them that nothing demands yet */
	uint32_t *demanded;	/* for each sector, which record must be there */
	uint32_t *found;	/* which one is */
	uint32_t sectors;
	struct {
		uint32_t sector, id;
	} *group;
	uint32_t nr_group, room;
	bool batch;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = records[*(const uint32_t *)a].durable;
	uint64_t y = records[*(const uint32_t *)b].durable;

	return (x > y) - (x < y);
}

static void read_records(struct check *c, const char *path)
{
	int fd = open_or_die(path, O_RDONLY);
	ssize_t size = lseek(fd, 0, SEEK_END);
	uint32_t i;

	nr_records = size / sizeof(*records);
	records = zalloc(nr_records, sizeof(*records));
	if (pread(fd, records, size, 0) != size || nr_records < 2)
		die("%s: no records", path);
	close(fd);
	c->by_durable = zalloc(nr_records, sizeof(uint32_t));
	for (i = 1; i < nr_records; i++) {
		c->by_durable[i - 1] = i;
		if (c->sectors < records[i].sector + records[i].count)
			c->sectors = records[i].sector + records[i].count;
	}
	qsort(c->by_durable, nr_records - 1, sizeof(uint32_t), compare);
	c->demanded = zalloc(c->sectors, sizeof(uint32_t));
	c->found = zalloc(c->sectors, sizeof(uint32_t));
}

static void must_hold(struct check *c, uint32_t sector, uint32_t id, uint64_t at)
{
	if (id < c->demanded[sector])
		die("after %" PRIu64 " flushes sector %u may hold %u, not %u, with a later record",
		    at, sector, id, c->demanded[sector]);
}

/* What was durable before @begun must be there now. */
static void demand(struct check *c, uint64_t begun, uint64_t at)
{
	for (; c->next < nr_records - 1; c->next++) {
		uint32_t id = c->by_durable[c->next], i;
		const struct record *r = &records[id];

		if (r->durable >= begun)
			return;
		for (i = r->sector; i < r->sector + r->count; i++) {
			if (c->demanded[i] < id)
				c->demanded[i] = id;
			must_hold(c, i, c->found[i], at);
		}
	}
}

static void end_group(struct check *c, uint64_t at)
{
	uint64_t newest = 0;
	uint32_t i;

	for (i = 0; i < c->nr_group; i++)
		if (newest < records[c->group[i].id].begun)
			newest = records[c->group[i].id].begun;
	if (!c->batch)
		demand(c, newest, at);
	for (i = 0; i < c->nr_group; i++)
		c->found[c->group[i].sector] = c->group[i].id;
	if (c->batch)
		demand(c, newest, at);
	for (i = 0; i < c->nr_group; i++) {
		uint32_t sector = c->group[i].sector;

		must_hold(c, sector, c->batch ? c->found[sector] : c->group[i].id, at);
	}
	c->nr_group = 0;
}

static void add_sector(struct check *c, uint32_t sector, const uint64_t *data)
{
	const struct record *r = &records[data[0]];
	unsigned int i;

	if (!data[0] || data[0] >= nr_records || sector - r->sector >= r->count)
		die("sector %u was written with what is no record of it", sector);
	for (i = 1; i < WORDS; i++)
		if (data[i] != word(sector, data[0], i))
			die("sector %u of record %" PRIu64 " is torn at byte %zu", sector, data[0],
			    i * sizeof(*data));
	if (c->nr_group == c->room) {
		c->room = c->room * 2 + 1024;
		c->group = realloc(c->group, c->room * sizeof(*c->group));
		if (!c->group)
			die("no memory");
	}
	c->group[c->nr_group].sector = sector;
	c->group[c->nr_group++].id = data[0];
}

static void check(const char *path, const char *record_file, bool batch)
{
	struct check c = { .batch = batch };
	struct log log = log_open(path);
	uint64_t writes = 0;
	struct log_entry e;
	uint32_t i;

	read_records(&c, record_file);
	while (log_next(&log, &e)) {
		const uint64_t *data = log_data(&log, &e);

		for (i = 0; i < e.nr_sectors; i++)
			add_sector(&c, e.sector + i, data + i * WORDS);
		writes += !!e.nr_sectors;
		if (e.flags & LOG_FLUSH)
			end_group(&c, log.flushes - !batch);
	}
	if (c.nr_group)
		die("writes after the last flush");
	demand(&c, UINT64_MAX, log.flushes);
	printf("originlog: %u records, in order in %" PRIu64 " writes with %" PRIu64 " flushes\n",
	       nr_records - 1, writes, log.flushes);
	log_close(&log);
	free(c.by_durable);
	free(c.demanded);
	free(c.found);
	free(c.group);
	free(records);
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "write"))
		write_load(argv[2], argv[3], atoi(argv[4]));
	else if (argc == 5 && !strcmp(argv[1], "check"))
		check(argv[2], argv[3], !strcmp(argv[4], "batch"));
	else if (argc == 3 && !strcmp(argv[1], "flushes"))
		flushes(argv[2]);
	else if ((argc == 6 || argc == 7) && !strcmp(argv[1], "apply"))
		apply(argv[2], argv[3], strtoull(argv[4], NULL, 0), strtoull(argv[5], NULL, 0),
		      argc == 7 ? atoi(argv[6]) : 0);
	else
		die("usage: write DEVICE RECORDS SECONDS | check LOG RECORDS strict|batch | "
		    "flushes LOG | apply LOG DEVICE FROM TO [SEED]");
	return 0;
}
