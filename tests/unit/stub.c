// SPDX-License-Identifier: GPL-2.0-or-later
/* What the stubs of the kernel do that does not fit into a header. */
#include <stdarg.h>
#include <sys/mman.h>

#include <linux/bitops.h>
#include <linux/crc32c.h>
#include <linux/dax.h>
#include <linux/list.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

int stub_spinlocks, stub_migrate_disabled, stub_cpu;
unsigned int stub_possible_cpus = 1;
unsigned long stub_jiffies = 1000;

/*
 * Complaints and the log.
 */

bool stub_log_loud;
static char log_buf[1 << 16];
static size_t log_len;

void stub_bug(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "BUG: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	abort();
}

int stub_printk(const char *fmt, ...)
{
	size_t room = sizeof(log_buf) - log_len;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(log_buf + log_len, room, fmt, args);
	va_end(args);
	if (stub_log_loud)
		fputs(log_buf + log_len, stderr);
	log_len += min_t(size_t, n, room - 1);
	if (log_len > sizeof(log_buf) / 2) {
		memmove(log_buf, log_buf + log_len / 2, log_len - log_len / 2 + 1);
		log_len -= log_len / 2;
	}
	return n;
}

const char *stub_log(void)
{
	return log_buf;
}

void stub_log_clear(void)
{
	log_len = 0;
	log_buf[0] = 0;
}

bool stub_log_has(const char *text)
{
	return strstr(log_buf, text);
}

/*
 * What must not be done where.
 */

void might_sleep(void)
{
	if (stub_spinlocks)
		stub_bug("sleeps under a spinlock");
	if (stub_migrate_disabled)
		stub_bug("sleeps in a pmem section");
}

/*
 * Memory.
 */

long stub_allocated;
size_t stub_largest_alloc = SIZE_MAX;
bool stub_fail_once;
static long fail_after = -1;

long stub_fail_alloc_after(long n)
{
	long left = fail_after;

	fail_after = n;
	return left;
}

bool stub_alloc_fails(void)
{
	if (stub_spinlocks)
		stub_bug("allocates under a spinlock");
	if (stub_migrate_disabled)
		stub_bug("allocates in a pmem section");
	if (fail_after < 0)
		return false;
	if (fail_after)
		fail_after--;
	if (fail_after)
		return false;
	if (stub_fail_once)
		fail_after = -1;
	return true;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	void *p;

	if (stub_alloc_fails() || size > stub_largest_alloc)
		return NULL;
	/* As large as asked for, so that the sanitizer sees what is behind. */
	p = gfp & __GFP_ZERO ? calloc(1, size) : malloc(size);
	if (!p)
		stub_bug("out of memory");
	if (!(gfp & __GFP_ZERO))
		memset(p, 0xA5, size);
	stub_allocated++;
	return p;
}

void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	if (size && n > SIZE_MAX / size)
		return NULL;
	return kmalloc(n * size, gfp);
}

void kfree(const void *p)
{
	if (p)
		stub_allocated--;
	free((void *)p);
}

char *kstrdup(const char *s, gfp_t gfp)
{
	char *p = kmalloc(strlen(s) + 1, gfp);

	return p ? strcpy(p, s) : NULL;
}

struct kmem_cache {
	struct list_head list;
	char name[32];
	unsigned int size;
	long used;
};

static LIST_HEAD(caches);

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*ctor)(void *))
{
	struct kmem_cache *cache, *other;

	list_for_each_entry(other, &caches, list)
		if (!strcmp(other->name, name))
			stub_bug("two kmem_caches are called '%s'", name);
	cache = kzalloc(sizeof(*cache), GFP_KERNEL);
	if (!cache)
		return NULL;
	snprintf(cache->name, sizeof(cache->name), "%s", name);
	cache->size = size;
	list_add(&cache->list, &caches);
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	if (!cache)
		return;
	if (cache->used)
		stub_bug("%ld objects of '%s' were not freed", cache->used, cache->name);
	list_del(&cache->list);
	kfree(cache);
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *p = kmalloc(cache->size, gfp);

	if (p)
		cache->used++;
	return p;
}

void kmem_cache_free(struct kmem_cache *cache, void *p)
{
	cache->used--;
	kfree(p);
}

static void *pool_new(mempool_t *pool, gfp_t gfp)
{
	return pool->cache ? kmem_cache_alloc(pool->cache, gfp) : kmalloc(pool->size, gfp);
}

static void pool_del(mempool_t *pool, void *p)
{
	if (pool->cache)
		kmem_cache_free(pool->cache, p);
	else
		kfree(p);
}

static int pool_fill(mempool_t *pool, int min)
{
	pool->min = min;
	pool->nr = 0;
	pool->spare = kcalloc(min + 1, sizeof(*pool->spare), GFP_KERNEL);
	if (!pool->spare)
		return -ENOMEM;
	while (pool->nr < min) {
		void *p = pool_new(pool, GFP_KERNEL);

		if (!p) {
			mempool_exit(pool);
			return -ENOMEM;
		}
		pool->spare[pool->nr++] = p;
	}
	return 0;
}

int mempool_init_slab_pool(mempool_t *pool, int min, struct kmem_cache *cache)
{
	*pool = (mempool_t){ .cache = cache };
	return pool_fill(pool, min);
}

int mempool_init_kmalloc_pool(mempool_t *pool, int min, size_t size)
{
	*pool = (mempool_t){ .size = size };
	return pool_fill(pool, min);
}

void mempool_exit(mempool_t *pool)
{
	while (pool->nr)
		pool_del(pool, pool->spare[--pool->nr]);
	kfree(pool->spare);
	pool->spare = NULL;
}

static mempool_t *pool_create(int min, struct kmem_cache *cache, size_t size)
{
	mempool_t *pool = kzalloc(sizeof(*pool), GFP_KERNEL);

	if (!pool)
		return NULL;
	pool->cache = cache;
	pool->size = size;
	if (!pool_fill(pool, min))
		return pool;
	kfree(pool);
	return NULL;
}

mempool_t *mempool_create_slab_pool(int min, struct kmem_cache *cache)
{
	return pool_create(min, cache, 0);
}

mempool_t *mempool_create_kmalloc_pool(int min, size_t size)
{
	return pool_create(min, NULL, size);
}

void mempool_destroy(mempool_t *pool)
{
	if (!pool)
		return;
	mempool_exit(pool);
	kfree(pool);
}

void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	for (;;) {
		void *p = pool_new(pool, gfp);

		if (!p && pool->nr)
			p = pool->spare[--pool->nr];
		if (p || !(gfp & __GFP_DIRECT_RECLAIM))
			return p;
		stub_wait("mempool_alloc()");
	}
}

void mempool_free(void *p, mempool_t *pool)
{
	if (!p)
		return;
	if (pool->nr < pool->min)
		pool->spare[pool->nr++] = p;
	else
		pool_del(pool, p);
}

/*
 * Work.
 */

struct workqueue_struct {
	int queued, running, max_active;
};

static struct workqueue_struct the_system_wq;
struct workqueue_struct *system_wq = &the_system_wq;
struct workqueue_struct *system_unbound_wq = &the_system_wq;
struct workqueue_struct *system_long_wq = &the_system_wq;

bool (*stub_wait_hook)(void);
static LIST_HEAD(pending_work);

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...)
{
	struct workqueue_struct *wq = kzalloc(sizeof(*wq), GFP_KERNEL);

	if (wq)
		wq->max_active = max_active;
	return wq;
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	flush_workqueue(wq);
	kfree(wq);
}

bool stub_queue_later(struct workqueue_struct *wq, struct work_struct *work, unsigned long delay)
{
	if (!list_empty(&work->entry))
		return false;
	work->wq = wq;
	work->expires = jiffies + delay;
	wq->queued++;
	list_add_tail(&work->entry, &pending_work);
	return true;
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	return stub_queue_later(wq, work, 0);
}

/* Items that wait for another, which runs meanwhile. An item that runs does not run once more. */
static struct work_struct *running[16];
static unsigned int nr_running;

static bool may_run(const struct work_struct *work)
{
	unsigned int i;

	for (i = 0; i < nr_running; i++)
		if (running[i] == work)
			return false;
	return !work->wq->max_active || work->wq->running < work->wq->max_active;
}

static void run_work(struct work_struct *work)
{
	struct workqueue_struct *wq = work->wq;

	if (nr_running == ARRAY_SIZE(running))
		stub_bug("too many items of work wait for each other");
	list_del_init(&work->entry);
	wq->queued--;
	wq->running++;
	running[nr_running++] = work;
	/* The item may free itself. */
	work->func(work);
	nr_running--;
	wq->running--;
	if (stub_spinlocks || stub_migrate_disabled)
		stub_bug("work ends with %d spinlocks held and %d sections open", stub_spinlocks,
			 stub_migrate_disabled);
}

/* What may run and is due first; of what is due by now, what was queued first. */
static struct work_struct *next_work(void)
{
	struct work_struct *work, *next = NULL;

	list_for_each_entry(work, &pending_work, entry) {
		if (!may_run(work))
			continue;
		if (time_before_eq(work->expires, jiffies))
			return work;
		if (!next || time_before(work->expires, next->expires))
			next = work;
	}
	return next;
}

unsigned int run_pending_work(void)
{
	struct work_struct *work;
	unsigned int n = 0;

	while ((work = next_work()) && time_before_eq(work->expires, jiffies)) {
		run_work(work);
		n++;
	}
	return n;
}

void stub_sleep(unsigned long ms)
{
	unsigned long end = jiffies + ms;
	struct work_struct *work;

	run_pending_work();
	while ((work = next_work()) && time_before_eq(work->expires, end)) {
		stub_jiffies = max(stub_jiffies, work->expires);
		run_pending_work();
	}
	stub_jiffies = end;
}

bool flush_work(struct work_struct *work)
{
	might_sleep();
	if (list_empty(&work->entry))
		return false;
	run_work(work);
	return true;
}

void flush_workqueue(struct workqueue_struct *wq)
{
	might_sleep();
	while (wq->queued) {
		struct work_struct *work;

		list_for_each_entry(work, &pending_work, entry)
			if (work->wq == wq)
				break;
		run_work(work);
	}
}

bool cancel_work_sync(struct work_struct *work)
{
	if (list_empty(&work->entry))
		return false;
	list_del_init(&work->entry);
	work->wq->queued--;
	return true;
}

void stub_wait(const char *what)
{
	struct work_struct *work = next_work();

	might_sleep();
	if (work && time_before_eq(work->expires, jiffies)) {
		run_work(work);
	} else if (stub_wait_hook && stub_wait_hook()) {
		return;
	} else if (work) {
		stub_jiffies = work->expires;
		run_work(work);
	} else {
		stub_bug("waits for ever for: %s", what);
	}
}

void stub_forget(void)
{
	stub_spinlocks = 0;
	stub_migrate_disabled = 0;
	stub_cpu = 0;
	INIT_LIST_HEAD(&pending_work);
	nr_running = 0;
	fail_after = -1;
}

static u64 random_state = 1;

struct stub_life {
	int spinlocks, migrate_disabled, cpu;
	struct list_head pending_work;
	struct work_struct *running[ARRAY_SIZE(running)];
	unsigned int nr_running;
	unsigned long jiffies;
	u64 random_state;
	long allocated;
};

struct stub_life *stub_begin_life(void)
{
	struct stub_life *outer = malloc(sizeof(*outer));

	outer->spinlocks = stub_spinlocks;
	outer->migrate_disabled = stub_migrate_disabled;
	outer->cpu = stub_cpu;
	INIT_LIST_HEAD(&outer->pending_work);
	list_splice_init(&pending_work, &outer->pending_work);
	memcpy(outer->running, running, sizeof(running));
	outer->nr_running = nr_running;
	outer->jiffies = stub_jiffies;
	outer->random_state = random_state;
	outer->allocated = stub_allocated;
	stub_forget();
	return outer;
}

void stub_end_life(struct stub_life *outer)
{
	if (stub_spinlocks || stub_migrate_disabled || !list_empty(&pending_work))
		stub_bug("a life ends with locks held, a section open or work queued");
	if (stub_allocated != outer->allocated)
		stub_bug("a life ends with %ld allocations too many",
			 stub_allocated - outer->allocated);
	stub_spinlocks = outer->spinlocks;
	stub_migrate_disabled = outer->migrate_disabled;
	stub_cpu = outer->cpu;
	list_splice_init(&outer->pending_work, &pending_work);
	memcpy(running, outer->running, sizeof(running));
	nr_running = outer->nr_running;
	stub_jiffies = outer->jiffies;
	random_state = outer->random_state;
	free(outer);
}

/*
 * Numbers and strings.
 */

void stub_seed(unsigned long long seed)
{
	random_state = seed * 2 + 1;
}

u64 get_random_u64(void)
{
	u64 x = random_state += 0x9E3779B97F4A7C15ull;

	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
	x = (x ^ x >> 27) * 0x94D049BB133111EBull;
	return x ^ x >> 31;
}

u32 get_random_u32(void)
{
	return get_random_u64() >> 32;
}

u32 get_random_u32_below(u32 n)
{
	return (get_random_u64() >> 32) * n >> 32;
}

void get_random_bytes(void *buf, size_t n)
{
	u8 *p = buf;

	while (n--)
		*p++ = get_random_u64();
}

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *b = p;

	for (; n; n--, b++)
		if (*b != (u8)c)
			return (void *)b;
	return NULL;
}

ssize_t strscpy(char *dst, const char *src, size_t n)
{
	size_t len = strnlen(src, n);

	if (len == n) {
		memcpy(dst, src, n - 1);
		dst[n - 1] = 0;
		return -E2BIG;
	}
	memcpy(dst, src, len + 1);
	return len;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return size ? min_t(int, n, size - 1) : 0;
}

int kstrtoull(const char *s, unsigned int base, unsigned long long *res)
{
	char *end;

	errno = 0;
	*res = strtoull(s, &end, base);
	return errno || end == s || *end || *s == '-' ? -EINVAL : 0;
}

int kstrtouint(const char *s, unsigned int base, unsigned int *res)
{
	unsigned long long wide;
	int r = kstrtoull(s, base, &wide);

	if (!r && wide > U32_MAX)
		r = -ERANGE;
	if (!r)
		*res = wide;
	return r;
}

u32 crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

#ifdef __SSE4_2__
	for (; len >= 8; len -= 8, p += 8) {
		u64 word;

		memcpy(&word, p, 8);
		crc = __builtin_ia32_crc32di(crc, word);
	}
	for (; len; len--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
#else
	static u32 table[256];

	if (!table[1]) {
		u32 i, bit;

		for (i = 0; i < 256; i++) {
			u32 rest = i;

			for (bit = 0; bit < 8; bit++)
				rest = rest >> 1 ^ (rest & 1 ? 0x82F63B78u : 0);
			table[i] = rest;
		}
	}
	for (; len; len--)
		crc = table[(u8)crc ^ *p++] ^ crc >> 8;
#endif
	return crc;
}

/*
 * DAX devices and pages.
 */

static int dax_readers;

int dax_read_lock(void)
{
	return ++dax_readers;
}

void dax_read_unlock(int id)
{
	if (id != dax_readers--)
		stub_bug("dax_read_unlock() of another's");
}

bool dax_synchronous(struct dax_device *dax)
{
	return !dax->not_synchronous;
}

static const struct dax_device *last_dax;

long dax_direct_access(struct dax_device *dax, pgoff_t pgoff, long nr_pages,
		       enum dax_access_mode mode, void **kaddr, unsigned long *pfn)
{
	unsigned int i;

	if (!dax_readers)
		stub_bug("dax_direct_access() without dax_read_lock()");
	last_dax = dax;
	if (dax->error)
		return dax->error;
	if (dax->bad_page && pgoff <= dax->bad_page && dax->bad_page < pgoff + nr_pages) {
		if (mode != DAX_RECOVERY_WRITE)
			return -EHWPOISON;
		nr_pages = max_t(long, dax->bad_page - pgoff, 1);
	}
	for (i = 0; i < dax->nr_pieces; i++) {
		const struct stub_dax_piece *piece = &dax->pieces[i];

		if (pgoff < piece->pages) {
			void *addr = (char *)piece->mem + pgoff * PAGE_SIZE;

			*kaddr = addr;
			*pfn = (unsigned long)addr >> PAGE_SHIFT;
			return min_t(long, nr_pages, piece->pages - pgoff);
		}
		pgoff -= piece->pages;
	}
	return -ERANGE;
}

bool pfn_valid(unsigned long pfn)
{
	return !last_dax->no_pages;
}

/* The kernel's mapping is a second name for the same memory; here the memory moves there. */
void *vm_map_ram(struct page **pages, unsigned int count, int node)
{
	char *all;
	unsigned int i;

	might_sleep();
	if (stub_alloc_fails())
		return NULL;
	all = mmap(NULL, count * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < count; i++)
		if (mremap(pages[i], 0, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			   all + i * PAGE_SIZE) == MAP_FAILED)
			stub_bug("vm_map_ram: %s", strerror(errno));
	stub_allocated += count;
	return all;
}

void vm_unmap_ram(const void *mem, unsigned int count)
{
	might_sleep();
	stub_allocated -= count;
	munmap((void *)mem, count * PAGE_SIZE);
}
