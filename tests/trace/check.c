// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Power cuts of the real module. A trace of the stores that it did in a booted kernel is played
 * back, and at fences the power fails: what the memory may hold then is opened by the core in
 * userspace, and must have all that the load in the guest had been told is durable.
 *
 *	check format IMAGE			a small cache whose log soon gets to the end of a segment
 *	check trace DIR STATES SEED [crc]	play DIR/log, with power cuts
 *	check sample DIR STATES SEED TO [crc]	the same, and leave three of the states in TO
 *
 * Device 0 of a trace is the cache and device 1 its origin. They begin with what is in
 * DIR/disk0.img, if there is such a file, and with zeros; when all is played they must be equal to
 * DIR/pmem0.img and DIR/pmem1.img, or the trace has not seen all.
 *
 * A store is durable when it went past the cache, or its line was written back, and after that the
 * processor which did so has fenced. Until then each eight aligned bytes hold what any of their
 * stores has left there. The origin is a block device whose driver fences when it is flushed, on
 * whatever processor that is, so there a fence of any processor counts.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/string.h>

#include "../unit/rig.h"
#include "../unit/test.h"
#include "../vm/powerload.h"
#include "log.h"

#define WORD		8u
#define LINE		64u
#define SAMPLES		3u
#define RARE_STATES	6u		/* at a fence of which there are few */
#define FAILURES	3u		/* after which there is no point in going on */
#define DEVICES		2u

/* Fences that a store has seen without being written back. */
#define AGE_LOST	2
#define AGE_MAX		64

/* A cache that wraps soon: segments, and bytes for the log in that where it begins. */
#define SEGMENTS	8u
#define LOG_LEFT	(64u << 10)

/* A store to a word that is not durable yet. */
struct pending {
	u64 off, old, new;
	u32 seq;			/* of all stores */
	u32 call;			/* of the record it came with */
	u8 vcpu;			/* whose fence makes it durable, once it is written back */
	u8 age;				/* fences of that since, without a write-back */
	bool ready;			/* past the cache, or written back */
};

struct device {
	struct pmem_model *model;
	u64 in_image;			/* where its first byte lies there */
	struct pending *pending;	/* oldest first */
	size_t nr_pending, max_pending;
	u32 *durable;			/* of each word: the last store that is */
	bool any_vcpu;
	unsigned long lost_lines;	/* that no fence makes durable */
};

struct trace {
	const char *dir;
	const u8 *log, *at, *end;
	struct device devices[DEVICES];
	unsigned int nr_devices;
	struct block_device *bdev;
	struct pcache_options opt;
	u64 *acked;			/* of each sector: the last write that is durable */
	u32 seq, calls;
	unsigned long stores, bytes, write_backs, fences, acks;
	unsigned long busy_fences;	/* those with something to make durable, counted beforehand */
	unsigned long wanted, states, failed;
	const char *samples;		/* where they go */
	unsigned int nr_samples;
};

static char position[100];

void test_failed(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, " (%s)\n", position);
	_exit(1);
}

static u32 below(u32 n)
{
	return get_random_u32_below(n);
}

/*
 * The life after a power cut.
 */

static void check_sector(struct trace *t, const u64 *data, u32 sector)
{
	static const u64 nothing[WORDS];
	unsigned int i;

	if (!t->acked[sector] && !memcmp(data, nothing, SECTOR))
		return;
	for (i = 1; i < WORDS; i++)
		if (data[i] != stamp_word(sector, data[0], i))
			test_failed(__FILE__, __LINE__, "sector %u: garbage at byte %u", sector,
				    i * WORD);
	if (data[0] < t->acked[sector])
		test_failed(__FILE__, __LINE__, "sector %u is of write %llx; durable was %llx",
			    sector, data[0], t->acked[sector]);
}

static void check_cache(struct trace *t, struct pcache *c)
{
	static u64 data[PCACHE_KEY_SECTORS * WORDS];
	u64 sector;
	u32 i;

	for (sector = 0; sector < t->bdev->sectors; sector += PCACHE_KEY_SECTORS) {
		CHECK_EQ(rig_read(c, sector, PCACHE_KEY_SECTORS, data, false), 0);
		for (i = 0; i < PCACHE_KEY_SECTORS; i++)
			check_sector(t, data + i * WORDS, sector + i);
	}
}

static void check_origin(struct trace *t)
{
	u64 sector;

	for (sector = 0; sector < t->bdev->sectors; sector++)
		check_sector(t, (u64 *)(t->bdev->mem + sector * SECTOR), sector);
}

static void next_life(struct pmem_model *model, void *arg)
{
	struct trace *t = arg;
	struct pcache c;
	int r;

	stub_log_clear();
	r = rig_open(&c, model, t->bdev, &t->opt);
	if (r)
		test_failed(__FILE__, __LINE__, "it does not open: %d: %s", r, stub_log());
	rig_check(&c);
	check_cache(t, &c);
	if (below(8))
		return;
	rig_drain(&c);
	rig_check(&c);
	check_cache(t, &c);
	check_origin(t);
}

/* One more power cut, soon after the first. */
static void next_life_but_one(struct pmem_model *model, void *arg)
{
	struct trace *t = arg;
	struct pcache c;
	u32 i;

	CHECK_EQ(rig_open(&c, model, t->bdev, &t->opt), 0);
	for (i = below(10); i; i--) {
		if (below(2))
			stub_sleep(below(5000));
		else
			writeback_urge(&c);
	}
	CHECK(pmem_model_fork(model, PMEM_KEEP_RANDOM, get_random_u64(), next_life, t));
}

/*
 * Samples, to be booted.
 */

static int open_image(const char *dir, const char *name, unsigned int nr, int flags)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s%u.img", dir, name, nr);
	fd = open(path, flags | O_CLOEXEC, 0666);
	if (fd < 0 && !(errno == ENOENT && flags == O_RDONLY))
		stub_bug("%s: %s", path, strerror(errno));
	return fd;
}

/* Make a part of a file what the memory holds. What is equal stays a hole. */
static void save(int fd, u64 off, const u8 *mem, u64 size)
{
	u8 page[PAGE_SIZE];

	for (; size; size -= PAGE_SIZE, off += PAGE_SIZE, mem += PAGE_SIZE) {
		ssize_t n = pread(fd, page, PAGE_SIZE, off);

		if (n != PAGE_SIZE || memcmp(page, mem, PAGE_SIZE))
			CHECK_EQ(pwrite(fd, mem, PAGE_SIZE, off), PAGE_SIZE);
	}
	close(fd);
}

static void save_acks(struct trace *t, int fd)
{
	struct ack ack = { .count = 1 };
	u64 sector, size = 0;

	for (sector = 0; sector < t->bdev->sectors; sector++) {
		if (!t->acked[sector])
			continue;
		ack.sector = sector;
		ack.seq = t->acked[sector];
		CHECK_EQ(write(fd, &ack, sizeof(ack)), sizeof(ack));
		size += sizeof(ack);
	}
	/* It becomes a disk, which has whole blocks. */
	for (; ack.seq && size % PAGE_SIZE; size += sizeof(ack))
		CHECK_EQ(write(fd, &ack, sizeof(ack)), sizeof(ack));
	close(fd);
}

static void save_sample(struct pmem_model *model, void *arg)
{
	struct trace *t = arg;
	unsigned int nr = t->nr_samples;
	const struct device *cache = &t->devices[0], *origin = &t->devices[1];

	save(open_image(t->samples, "pmem", nr, O_RDWR), cache->in_image, cache->model->mem,
	     cache->model->size);
	save(open_image(t->samples, "pmem", SAMPLES + nr, O_RDWR | O_CREAT), origin->in_image,
	     origin->model->mem, origin->model->size);
	save_acks(t, open_image(t->samples, "disk", nr, O_RDWR | O_CREAT | O_TRUNC));
}

/*
 * Power cuts.
 */

/* The model gets to know what is not durable. */
static void tell_model(struct device *dev)
{
	struct pmem_model *model = dev->model;
	size_t i;

	if (model->max_stores < dev->nr_pending) {
		model->max_stores = dev->max_pending;
		model->stores = realloc(model->stores, model->max_stores * sizeof(*model->stores));
	}
	for (i = 0; i < dev->nr_pending; i++) {
		const struct pending *p = &dev->pending[i];

		model->stores[i] = (struct pmem_store){ p->off, p->old, p->new, p->call };
	}
	model->nr_stores = dev->nr_pending;
}

static void cut_power(struct trace *t, enum pmem_keep keep)
{
	struct pmem_model *model = t->devices[0].model;
	u64 seed = get_random_u64();

	tell_model(&t->devices[0]);
	tell_model(&t->devices[1]);
	t->states++;
	snprintf(position, sizeof(position), "state %lu, before fence %lu, after %lu acknowledgements, kept %d",
		 t->states, t->fences, t->acks, keep);
	if (!pmem_model_fork(model, keep, seed, below(8) ? next_life : next_life_but_one, t))
		t->failed++;
	if (t->samples && t->nr_samples < SAMPLES &&
	    (t->at - t->log) / (t->nr_samples + 1) > (t->end - t->log) / (SAMPLES + 1)) {
		CHECK(pmem_model_fork(model, keep, seed, save_sample, t));
		t->nr_samples++;
	}
}

static u64 in_segment(u64 off)
{
	return (off - PCACHE_SEGS_OFF) % PCACHE_SEG_SIZE;
}

/* Something else than data, sets and tails: that is rare, and worth a look. */
static bool is_rare(const struct device *dev)
{
	size_t i;

	for (i = 0; i < dev->nr_pending; i++) {
		const struct pending *p = &dev->pending[i];

		if (p->off < PCACHE_KEY_TAIL_OFF || (!p->new && p->old))
			return true;
		if (p->off >= PCACHE_SEGS_OFF && in_segment(p->off) < PCACHE_SEG_DATA_OFF)
			return true;
	}
	return false;
}

static void cut_power_perhaps(struct trace *t)
{
	unsigned long n = t->wanted / t->busy_fences;

	if (!t->devices[0].nr_pending && !t->devices[1].nr_pending)
		return;
	n += below(t->busy_fences) < t->wanted % t->busy_fences;
	for (; n; n--)
		cut_power(t, below(2) ? PMEM_KEEP_RANDOM : below(PMEM_KEEP_KINDS));
	if (!is_rare(&t->devices[0]))
		return;
	for (n = 0; n < RARE_STATES; n++)
		cut_power(t, n % 2 ? PMEM_KEEP_ONE_CALL : n % 4 ? PMEM_KEEP_BUT_ONE_CALL :
			  PMEM_KEEP_RANDOM);
}

/*
 * Playing.
 */

static void note_store(struct trace *t, struct device *dev, const struct trace_head *head, u64 off,
		       const u8 *data, u64 len)
{
	u8 *mem = dev->model->mem;
	struct pending *p;

	if (dev->nr_pending == dev->max_pending) {
		dev->max_pending = max_t(size_t, 1024, dev->max_pending * 2);
		dev->pending = realloc(dev->pending, dev->max_pending * sizeof(*p));
	}
	p = &dev->pending[dev->nr_pending++];
	*p = (struct pending){
		.off = round_down(off, WORD),
		.seq = ++t->seq,
		.call = t->calls,
		.vcpu = head->vcpu,
		.ready = head->kind == TRACE_STORE_NT,
	};
	memcpy(&p->old, mem + p->off, WORD);
	memcpy(mem + off, data, len);
	memcpy(&p->new, mem + p->off, WORD);
}

static void play_store(struct trace *t, struct device *dev, const struct trace_head *head,
		       const u8 *data)
{
	u64 off = head->off, end = off + head->len;

	t->calls++;
	t->bytes += head->len;
	while (off < end) {
		u64 part = min_t(u64, round_down(off, WORD) + WORD, end) - off;

		t->stores++;
		note_store(t, dev, head, off, data, part);
		off += part;
		data += part;
	}
}

/* What is durable, and what is older at the same place, is not pending any more. */
static void forget_durable(struct device *dev)
{
	size_t i, n = 0;

	for (i = 0; i < dev->nr_pending; i++) {
		const struct pending *p = &dev->pending[i];

		if (p->seq > dev->durable[p->off / WORD])
			dev->pending[n++] = *p;
	}
	dev->nr_pending = n;
}

static void play_write_back(struct device *dev, const struct trace_head *head)
{
	size_t i;

	for (i = 0; i < dev->nr_pending; i++) {
		struct pending *p = &dev->pending[i];

		if (p->off / LINE != head->off / LINE || p->ready)
			continue;
		p->ready = true;
		p->vcpu = head->vcpu;
		if (head->kind == TRACE_FLUSH)
			dev->durable[p->off / WORD] = p->seq;
	}
	if (head->kind == TRACE_FLUSH)
		forget_durable(dev);
}

/*
 * A section has ended, and left something behind? Once may be an interrupt's fence. After many it
 * counts as written back: whoever forgets it always would have all of it looked at for ever.
 */
static void note_left_behind(struct device *dev, struct pending *p)
{
	static u64 last_line;

	if (++p->age == AGE_MAX)
		dev->durable[p->off / WORD] = p->seq;
	if (p->age != AGE_LOST || (dev->lost_lines && last_line == p->off / LINE))
		return;
	last_line = p->off / LINE;
	if (!dev->lost_lines++)
		fprintf(stderr, "the line at byte %llu is not written back\n", last_line * LINE);
}

static void play_fence(struct device *dev, u8 vcpu)
{
	size_t i;

	for (i = 0; i < dev->nr_pending; i++) {
		struct pending *p = &dev->pending[i];

		if (!dev->any_vcpu && p->vcpu != vcpu)
			continue;
		if (p->ready)
			dev->durable[p->off / WORD] = p->seq;
		else
			note_left_behind(dev, p);
	}
	forget_durable(dev);
}

static void play_ack(struct trace *t, const u64 *words)
{
	u64 sector;

	CHECK(words[1] + words[2] <= t->bdev->sectors);
	for (sector = words[1]; sector < words[1] + words[2]; sector++)
		t->acked[sector] = max(t->acked[sector], words[3]);
	t->acks++;
}

static void load_image(struct device *dev, int fd)
{
	off_t at = 0, end;

	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		end = lseek(fd, at, SEEK_HOLE);
		CHECK_EQ(pread(fd, dev->model->mem + at, end - at, at), end - at);
		at = end;
	}
	close(fd);
}

static void play_device(struct trace *t, const u64 *words)
{
	struct device *dev = &t->devices[t->nr_devices];
	u64 size = words[2];
	int fd;

	CHECK(t->nr_devices < DEVICES);
	dev->model = pmem_model_new(size);
	/* There are many forks: small tables of pages make them cheap. */
	madvise(dev->model->mem, size, MADV_HUGEPAGE);
	dev->in_image = words[3];
	dev->durable = mmap(NULL, size / WORD * sizeof(u32), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	madvise(dev->durable, size / WORD * sizeof(u32), MADV_DONTFORK);
	dev->any_vcpu = t->nr_devices;
	if (!t->nr_devices++) {
		fd = open_image(t->dir, "disk", 0, O_RDONLY);
		if (fd >= 0)
			load_image(dev, fd);
		return;
	}
	t->bdev = fake_origin_new(size / SECTOR);
	t->bdev->mem = dev->model->mem;
	t->acked = calloc(t->bdev->sectors, sizeof(*t->acked));
}

static void play_mark(struct trace *t, const u64 *words)
{
	if (words[0] == MARK_DEVICE)
		play_device(t, words);
	else
		play_ack(t, words);
}

/* The record at *@at, and on to the next. NULL at the end. */
static const struct trace_head *next_record(const struct trace *t, const u8 **at)
{
	const struct trace_head *head = (const void *)*at;

	if (*at == t->end)
		return NULL;
	CHECK(*at + sizeof(*head) <= t->end);
	*at += sizeof(*head) + head->len;
	CHECK(*at <= t->end);
	return head;
}

static void count_fences(struct trace *t)
{
	const struct trace_head *head;
	const u8 *at = t->log;
	bool busy = false;

	while ((head = next_record(t, &at))) {
		t->busy_fences += head->kind == TRACE_FENCE && busy;
		busy = head->kind == TRACE_STORE || head->kind == TRACE_STORE_NT ||
		       (busy && head->kind != TRACE_FENCE);
	}
	CHECK(t->busy_fences);
}

static void play(struct trace *t, const struct trace_head *head)
{
	struct device *dev = &t->devices[head->device];
	unsigned int i;

	switch (head->kind) {
	case TRACE_STORE:
	case TRACE_STORE_NT:
		play_store(t, dev, head, (const u8 *)(head + 1));
		break;
	case TRACE_WRITE_BACK:
	case TRACE_FLUSH:
		t->write_backs++;
		play_write_back(dev, head);
		break;
	case TRACE_FENCE:
		if (t->nr_devices == DEVICES)
			cut_power_perhaps(t);
		t->fences++;
		for (i = 0; i < t->nr_devices; i++)
			play_fence(&t->devices[i], head->vcpu);
		break;
	case TRACE_MARK:
		play_mark(t, (const u64 *)(head + 1));
		break;
	default:
		test_failed(__FILE__, __LINE__, "no such record: %u", head->kind);
	}
}

/* What was played is what the guest has left. */
static void check_end(struct trace *t)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		struct device *dev = &t->devices[i];
		int fd = open_image(t->dir, "pmem", i, O_RDONLY);
		u64 size = dev->model->size, off;
		u8 *image = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, dev->in_image);

		CHECK(image != MAP_FAILED);
		for (off = 0; off < size; off += PAGE_SIZE)
			if (memcmp(image + off, dev->model->mem + off, PAGE_SIZE))
				test_failed(__FILE__, __LINE__,
					    "the trace has missed a store: device %u differs in the page at %llu",
					    i, off);
		close(fd);
	}
	/* All sections have ended. */
	for (i = 0; i < t->devices[0].nr_pending; i++) {
		struct pending *p = &t->devices[0].pending[i];

		p->age = max(p->age, AGE_LOST - 1);
		note_left_behind(&t->devices[0], p);
	}
}

static void map_log(struct trace *t)
{
	char path[300];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/log", t->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && !fstat(fd, &st) && st.st_size);
	t->log = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(t->log != MAP_FAILED);
	t->end = t->log + st.st_size;
	close(fd);
}

static int play_all(struct trace *t)
{
	const struct trace_head *head;

	map_log(t);
	count_fences(t);
	t->at = t->log;
	while ((head = next_record(t, &t->at)) && t->failed < FAILURES)
		play(t, head);
	if (!t->failed) {
		check_end(t);
		CHECK(t->acks && (!t->samples || t->nr_samples == SAMPLES));
	}
	printf("%lu stores, %lu MB, %lu write-backs, %lu fences (%lu busy), %lu acknowledgements, %lu states checked, %lu failed, %lu lines never durable\n",
	       t->stores, t->bytes >> 20, t->write_backs, t->fences, t->busy_fences, t->acks,
	       t->states, t->failed, t->devices[0].lost_lines);
	return t->failed || t->devices[0].lost_lines;
}

/*
 * The beginning.
 */

/*
 * Good sets that an earlier use of the memory has left where the log may come, with keys that look
 * alive and lead to what nobody has written. None may ever be replayed.
 */
static void plant_stale_sets(struct pmem_model *model, u32 seg, u32 off, u32 end)
{
	u8 *data = model->mem + PCACHE_SEGS_OFF + (u64)seg * PCACHE_SEG_SIZE + PCACHE_SEG_DATA_OFF;
	const u32 size = PCACHE_KSET_SIZE(1);

	for (; off + size <= end; off += size) {
		struct media_kset *set = (void *)(data + off);

		*set = (struct media_kset){ .key_num = 1, .magic = PCACHE_KSET_MAGIC };
		set->keys[0] = (struct media_key){
			.off = (u64)below(1000) * PCACHE_SECTOR,
			.len = PCACHE_SECTOR,
			.cache_seg_id = SEGMENTS - 1,
			.cache_seg_off = PCACHE_SEG_SIZE / 2,
		};
		set->crc = media_crc(set, size);
	}
}

static void format(const char *path)
{
	struct log_pos log = { SEGMENTS / 2, PCACHE_SEG_DATA_SIZE - LOG_LEFT };
	struct pmem_model *model = pmem_model_new(PCACHE_MIN_SIZE);
	struct block_device *bdev = fake_origin_new((16 << 20) / SECTOR);
	struct pcache_options opt = { };
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	u64 size = PCACHE_SEGS_OFF + (u64)SEGMENTS * PCACHE_SEG_SIZE;
	u32 i;

	CHECK(fd >= 0 && !ftruncate(fd, size));
	rig_format(model, bdev, &opt, SEGMENTS, log);
	for (i = 0; i < SEGMENTS; i++)
		if (i != log.seg)
			plant_stale_sets(model, i, 0, 2 * LOG_LEFT);
	plant_stale_sets(model, log.seg, log.off + PCACHE_KSET_SIZE(0), PCACHE_SEG_DATA_SIZE);
	memset(model->mem + size - PCACHE_SEG_SIZE / 2, 0xEE, PCACHE_SEG_SIZE / 4);
	save(fd, 0, model->mem, size);
}

int main(int argc, char **argv)
{
	struct trace t = { };

	stub_log_loud = getenv("VERBOSE");
	if (argc == 3 && !strcmp(argv[1], "format")) {
		format(argv[2]);
		return 0;
	}
	if (argc < 5) {
		fputs("usage: check format IMAGE | trace DIR STATES SEED [crc] | sample DIR STATES SEED TO [crc]\n",
		      stderr);
		return 2;
	}
	t.dir = argv[2];
	t.wanted = strtoul(argv[3], NULL, 0);
	stub_seed(strtoull(argv[4], NULL, 0));
	if (!strcmp(argv[1], "sample"))
		t.samples = argv[5];
	t.opt.data_crc = !strcmp(argv[argc - 1], "crc");
	return play_all(&t);
}
