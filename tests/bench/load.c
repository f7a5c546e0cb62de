// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A load of direct I/O, one operation after the other, that costs next to nothing itself: what a
 * target costs must not drown in what a load generator does around it.
 *
 *	load DEVICE [OPTION...]
 *
 *	op=read|write|sync	sync: each write is O_SYNC (write)
 *	bs=BYTES		(4096)
 *	at=MIB size=MIB		where (0, all that is behind)
 *	order=seq|once|random	once: every block once, in no order; random: as dice fall (random)
 *	count=N			operations (as many as there are blocks)
 *	seconds=N		stop then, whatever the count
 *	seed=N			(1)
 *
 * Prints one line of name=value: ops; seconds; us an operation took; the longest_ms; the mean per
 * second, and, of the whole seconds, the worst and how many were empty.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MIB		(1ULL << 20)
#define NSEC		1000000000ULL
#define MAX_SECONDS	3600

enum order { SEQ, ONCE, RANDOM };

struct load {
	const char *path;
	int flags;
	enum order order;
	uint64_t bs, at, size, count, seconds, seed;
	uint64_t blocks, mask;
	unsigned int bits;
};

struct result {
	uint64_t ops, began, ended, longest;
	uint64_t second[MAX_SECONDS];
};

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

/* A permutation of the numbers of so many bits: each step can be undone. */
static uint64_t scatter(const struct load *l, uint64_t i)
{
	unsigned int half = (l->bits + 1) / 2, round;

	for (round = 0; round < 3; round++) {
		i = (i ^ i >> half) * 0x9e3779b97f4a7c15ULL & l->mask;
		i = (i + l->seed) & l->mask;
	}
	return i ^ i >> half;
}

static uint64_t random_of(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t next_block(const struct load *l, uint64_t *state)
{
	uint64_t block;

	switch (l->order) {
	case SEQ:
		return (*state)++ % l->blocks;
	case ONCE:
		do
			block = scatter(l, (*state)++ & l->mask);
		while (block >= l->blocks);
		return block;
	default:
		return (random_of(state) >> 32) * l->blocks >> 32;
	}
}

static void run(const struct load *l, int fd, char *buf, struct result *r)
{
	int write = l->flags != O_RDONLY;
	uint64_t state = l->order == RANDOM ? l->seed * 0x9e3779b97f4a7c15ULL : 0;
	uint64_t before, after, second, end;

	r->began = before = now();
	end = l->seconds ? before + l->seconds * NSEC : UINT64_MAX;
	while (r->ops < l->count && before < end) {
		off_t off = l->at + next_block(l, &state) * l->bs;
		ssize_t n;

		*(uint64_t *)buf = r->ops;
		n = write ? pwrite(fd, buf, l->bs, off) : pread(fd, buf, l->bs, off);
		if (n != (ssize_t)l->bs)
			die("%s at %lld: %s", l->path, (long long)off,
			    n < 0 ? strerror(errno) : "short");
		after = now();
		if (after - before > r->longest)
			r->longest = after - before;
		second = (after - r->began) / NSEC;
		if (second < MAX_SECONDS)
			r->second[second]++;
		r->ops++;
		before = after;
	}
	r->ended = before;
}

static void print(const struct result *r)
{
	uint64_t elapsed = r->ended - r->began, whole = elapsed / NSEC;
	uint64_t worst = UINT64_MAX, empty = 0, i;

	if (whole > MAX_SECONDS)
		whole = MAX_SECONDS;
	for (i = 0; i < whole; i++) {
		if (r->second[i] < worst)
			worst = r->second[i];
		empty += !r->second[i];
	}
	printf("ops=%" PRIu64 " seconds=%.6f us=%.4f longest_ms=%.3f mean=%.0f ", r->ops,
	       elapsed / 1e9, elapsed / 1e3 / r->ops, r->longest / 1e6, r->ops * 1e9 / elapsed);
	printf("worst=%" PRIu64 " empty=%" PRIu64 "\n", whole ? worst : 0, empty);
}

static void set_order(struct load *l, const char *value)
{
	static const char *const names[] = { [SEQ] = "seq", [ONCE] = "once", [RANDOM] = "random" };

	for (l->order = SEQ; strcmp(names[l->order], value); l->order++)
		if (l->order == RANDOM)
			die("there is no order %s", value);
}

static void set_op(struct load *l, const char *value)
{
	if (!strcmp(value, "read"))
		l->flags = O_RDONLY;
	else if (!strcmp(value, "write"))
		l->flags = O_WRONLY;
	else if (!strcmp(value, "sync"))
		l->flags = O_WRONLY | O_SYNC;
	else
		die("there is no op %s", value);
}

static void set(struct load *l, char *option)
{
	char *value = strchr(option, '=');
	uint64_t number;

	if (!value)
		die("%s: not an option", option);
	*value++ = 0;
	number = strtoull(value, NULL, 0);
	if (!strcmp(option, "op"))
		set_op(l, value);
	else if (!strcmp(option, "order"))
		set_order(l, value);
	else if (!strcmp(option, "bs"))
		l->bs = number;
	else if (!strcmp(option, "at"))
		l->at = number * MIB;
	else if (!strcmp(option, "size"))
		l->size = number * MIB;
	else if (!strcmp(option, "count"))
		l->count = number;
	else if (!strcmp(option, "seconds"))
		l->seconds = number;
	else if (!strcmp(option, "seed"))
		l->seed = number;
	else
		die("there is no option %s", option);
}

/* What follows from the options, and from the device. */
static int prepare(struct load *l)
{
	int fd = open(l->path, l->flags | O_DIRECT);
	uint64_t bytes;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes))
		die("%s: %s", l->path, strerror(errno));
	if (!l->size)
		l->size = bytes - l->at;
	if (!l->bs || l->size < l->bs || l->at + l->size > bytes)
		die("%s: this does not fit", l->path);
	l->blocks = l->size / l->bs;
	while (l->mask < l->blocks - 1)
		l->mask = (2ULL << l->bits++) - 1;
	if (!l->count)
		l->count = l->seconds ? UINT64_MAX : l->blocks;
	return fd;
}

int main(int argc, char **argv)
{
	struct load l = { .flags = O_WRONLY, .order = RANDOM, .bs = 4096, .seed = 1 };
	static struct result r;
	char *buf;
	int fd, i;

	if (argc < 2)
		die("usage: load DEVICE [NAME=VALUE...]");
	l.path = argv[1];
	for (i = 2; i < argc; i++)
		set(&l, argv[i]);
	fd = prepare(&l);
	if (posix_memalign((void **)&buf, 4096, l.bs))
		die("no memory");
	memset(buf, 0x5a, l.bs);
	run(&l, fd, buf, &r);
	print(&r);
	return 0;
}
