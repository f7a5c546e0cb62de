// SPDX-License-Identifier: GPL-2.0-or-later
/* The persistent memory of a cache device: its mapping, and the only stores to it. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/crc32c.h>
#include <linux/dax.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "compat/compat.h"
#include "pmem.h"

/* A piece that is checked and copied while it stays in the first-level cache. */
#define BOUNCE	512u

struct mapping {
	struct pmem_extent *extents;
	unsigned int nr_extents, max_extents;
};

static int map_add(struct mapping *map, unsigned long pfn, unsigned long nr)
{
	struct pmem_extent *last = map->extents + map->nr_extents - 1;

	if (map->nr_extents && last->pfn + last->nr == pfn) {
		last->nr += nr;
		return 0;
	}
	if (map->nr_extents == map->max_extents) {
		unsigned int max = max(4u, map->max_extents * 2);
		struct pmem_extent *extents = kvcalloc(max, sizeof(*extents), GFP_KERNEL);

		if (!extents)
			return -ENOMEM;
		if (map->nr_extents)
			memcpy(extents, map->extents, map->nr_extents * sizeof(*extents));
		kvfree(map->extents);
		map->extents = extents;
		map->max_extents = max;
	}
	map->extents[map->nr_extents++] = (struct pmem_extent){ pfn, nr };
	return 0;
}

static void explain_no_access(const struct pmem *pm, u64 at, long error)
{
	if (error == -EHWPOISON)
		pr_err("%s: the memory has blocks known to be bad, and Linux maps such only since 5.19: use a newer kernel, or 'ndctl clear-errors NAMESPACE', which zeroes them\n",
		       pm->name);
	else
		pr_err("%s: the DAX device gives no access at byte %llu: error %ld\n", pm->name,
		       at, error);
}

/*
 * Ask the DAX device for all pages from @start on: as one who can bear bad ones, so that blocks it
 * knows to be bad do not keep what else is dirty from the origin. Reads here survive them.
 */
static int map_extents(struct pmem *pm, struct mapping *map)
{
	pgoff_t first = pm->start >> PAGE_SHIFT;
	unsigned long done = 0, nr = pm->size >> PAGE_SHIFT;

	while (done < nr) {
		unsigned long pfn;
		void *kaddr;
		long got = dax_direct_access(pm->dax, first + done, nr - done,
					     DAX_RECOVERY_WRITE, &kaddr, &pfn);
		int r;

		if (got <= 0) {
			explain_no_access(pm, pm->start + ((u64)done << PAGE_SHIFT), got);
			return got ? (int)got : -EIO;
		}
		if (!pfn_valid(pfn)) {
			pr_err("%s: this persistent memory has no struct pages; 'ndctl create-namespace -f -e NAMESPACE -m fsdax' makes it fsdax and erases it\n",
			       pm->name);
			return -EOPNOTSUPP;
		}
		got = min_t(unsigned long, got, nr - done);
		if (!done)
			pm->base = kaddr;
		r = map_add(map, pfn, got);
		if (r) {
			pr_err("%s: no memory for a list of more than %u pieces\n", pm->name,
			       map->nr_extents);
			return r;
		}
		done += got;
	}
	return 0;
}

static struct page **list_pages(const struct mapping *map, unsigned long nr)
{
	struct page **pages = vmalloc(nr * sizeof(*pages));
	unsigned long i, n = 0;
	unsigned int e;

	if (!pages)
		return NULL;
	for (e = 0; e < map->nr_extents; e++)
		for (i = 0; i < map->extents[e].nr; i++)
			pages[n++] = pfn_to_page(map->extents[e].pfn + i);
	return pages;
}

/*
 * The extents do not lie in a row: make them do so for us. vmap() maps no more pages than there are
 * of RAM, though these are none of it. Both ways the kernel counts them in an int.
 */
static int map_virtually(struct pmem *pm, const struct mapping *map)
{
	unsigned long nr = pm->size >> PAGE_SHIFT;
	struct page **pages;

	if (nr > INT_MAX) {
		pr_err("%s: %lu pages that do not lie in a row are too many: %d can be mapped\n",
		       pm->name, nr, INT_MAX);
		return -EFBIG;
	}
	pages = list_pages(map, nr);
	if (!pages) {
		pr_err("%s: no memory for a list of %lu pages\n", pm->name, nr);
		return -ENOMEM;
	}
	pm->mapped = vm_map_ram(pages, nr, NUMA_NO_NODE);
	vfree(pages);
	if (!pm->mapped) {
		pr_err("%s: no memory for page tables, or no vmalloc space, to map %lu pages in a row\n",
		       pm->name, nr);
		return -ENOMEM;
	}
	pm->base = pm->mapped;
	return 0;
}

int pmem_open(struct pmem *pm, struct dax_device *dax, u64 start, u64 size, const char *name)
{
	struct mapping map = { };
	int id, r;

	memset(pm, 0, sizeof(*pm));
	pm->name = name;
	pm->size = size;
	pm->dax = dax;
	pm->start = start;
	if (!dax_synchronous(dax)) {
		pr_err("%s: stores to this device are not durable after a fence (virtio-pmem?)\n",
		       name);
		return -EOPNOTSUPP;
	}
	if ((start | size) & ~PAGE_MASK) {
		pr_err("%s: start and size must be multiples of the page size of %lu bytes\n",
		       name, PAGE_SIZE);
		return -EINVAL;
	}
	id = dax_read_lock();
	r = map_extents(pm, &map);
	dax_read_unlock(id);
	if (!r && map.nr_extents > 1)
		r = map_virtually(pm, &map);
	pm->extents = map.extents;
	pm->nr_extents = map.nr_extents;
	if (r)
		pmem_close(pm);
	return r;
}

void pmem_close(struct pmem *pm)
{
	if (pm->mapped)
		vm_unmap_ram(pm->mapped, pm->size >> PAGE_SHIFT);
	kvfree(pm->extents);
	pm->mapped = NULL;
	pm->extents = NULL;
	pm->nr_extents = 0;
}

bool pmem_known_bad(const struct pmem *pm, u64 off, u64 len)
{
	pgoff_t page = (pm->start + off) >> PAGE_SHIFT;
	pgoff_t end = DIV_ROUND_UP(pm->start + off + len, PAGE_SIZE);
	int id = dax_read_lock();
	long got = 1;

	while (got > 0 && page < end) {
		unsigned long pfn;
		void *kaddr;

		got = dax_direct_access(pm->dax, page, end - page, DAX_ACCESS, &kaddr, &pfn);
		page += got;
	}
	dax_read_unlock(id);
	return got <= 0;
}

bool pmem_overlaps(const struct pmem *a, const struct pmem *b)
{
	unsigned int i, j;

	for (i = 0; i < a->nr_extents; i++)
		for (j = 0; j < b->nr_extents; j++)
			if (a->extents[i].pfn < b->extents[j].pfn + b->extents[j].nr &&
			    b->extents[j].pfn < a->extents[i].pfn + a->extents[i].nr)
				return true;
	return false;
}

/*
 * A section is short, so where spinlocks do not sleep it costs least to keep everyone else off the
 * CPU meanwhile.
 */
void pmem_begin(struct pmem *pm)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		migrate_disable();
	else
		preempt_disable();
}

void pmem_fence(struct pmem *pm)
{
	pmem_wmb();
}

void pmem_end(struct pmem *pm)
{
	pmem_wmb();
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		migrate_enable();
	else
		preempt_enable();
}

void pmem_write(struct pmem *pm, u64 off, const void *src, size_t len)
{
	memcpy_flushcache(pm->base + off, src, len);
}

void pmem_zero(struct pmem *pm, u64 off, size_t len)
{
	static const u8 zeros[BOUNCE] __aligned(64);

	while (len) {
		size_t n = min_t(size_t, len, BOUNCE);

		memcpy_flushcache(pm->base + off, zeros, n);
		off += n;
		len -= n;
	}
}

#ifdef CONFIG_X86_64
/* What copy_nt_crc() copies in one turn. */
#define COPY_NT_SIZE	256

/*
 * Copy, past the cache, and checksum in one go: each word is loaded once, so what is summed up is
 * what is stored. @dst is a multiple of 8, @len of COPY_NT_SIZE. The turns are long and count up to
 * zero: a word takes three instructions, and next to nothing else is executed.
 */
static u32 copy_nt_crc(void *dst, const void *src, size_t len, u32 crc)
{
	u64 sum = crc, word;
	long at;

	dst += len;
	src += len;
	for (at = -(long)len; at; at += COPY_NT_SIZE)
		asm volatile(".set .Lword, 0\n\t"
			     ".rept %c[words]\n\t"
			     "movq .Lword(%[src],%[at]), %[word]\n\t"
			     "crc32q %[word], %[sum]\n\t"
			     "movnti %[word], .Lword(%[dst],%[at])\n\t"
			     ".set .Lword, .Lword + 8\n\t"
			     ".endr"
			     : [sum] "+r" (sum), [word] "=&r" (word)
			     : [src] "r" (src), [dst] "r" (dst), [at] "r" (at),
			       [words] "i" (COPY_NT_SIZE / 8)
			     : "memory");
	return sum;
}

static bool can_copy_nt_crc(const void *dst, size_t len)
{
	return cpu_feature_enabled(X86_FEATURE_XMM4_2) && !((unsigned long)dst % 8) &&
	       !(len % COPY_NT_SIZE);
}
#else
static u32 copy_nt_crc(void *dst, const void *src, size_t len, u32 crc)
{
	return crc;
}

static bool can_copy_nt_crc(const void *dst, size_t len)
{
	return false;
}
#endif

/* The same in pieces that are checked and stored while they stay in the first-level cache. */
static noinline u32 copy_bounce_crc(void *dst, const void *src, size_t len, u32 crc)
{
	u8 bounce[BOUNCE] __aligned(8);

	while (len) {
		size_t n = min_t(size_t, len, BOUNCE);

		memcpy(bounce, src, n);
		crc = crc32c(crc, bounce, n);
		memcpy_flushcache(dst, bounce, n);
		src += n;
		dst += n;
		len -= n;
	}
	return crc;
}

u32 pmem_write_crc(struct pmem *pm, u64 off, const void *src, size_t len, u32 crc)
{
	void *dst = pm->base + off;

	if (can_copy_nt_crc(dst, len))
		return copy_nt_crc(dst, src, len, crc);
	return copy_bounce_crc(dst, src, len, crc);
}

int pmem_read(struct pmem *pm, void *dst, u64 off, size_t len)
{
	return copy_mc_to_kernel(dst, pm->base + off, len) ? -EIO : 0;
}

#if defined(CONFIG_X86_64) && defined(EX_TYPE_DEFAULT_MCE_SAFE)
/* Load a word of each line: that tells as much as a copy does. There are four lines, or more. */
static int touch(const void *at, const void *end)
{
	u64 word;

#define TOUCH(n, line)									\
	#n ":	movq " #line "*64(%[at]), %[word]\n"					\
	_ASM_EXTABLE_TYPE(n ## b, 5f, EX_TYPE_DEFAULT_MCE_SAFE)
	asm volatile("0:\n"
		     TOUCH(1, 0) TOUCH(2, 1) TOUCH(3, 2) TOUCH(4, 3)
		     "	addq $256, %[at]\n"
		     "	cmpq %[end], %[at]\n"
		     "	jb 0b\n"
		     "5:\n"
		     : [at] "+r" (at), [word] "=&r" (word)
		     : [end] "r" (end)
		     : "memory", "cc");
#undef TOUCH
	return at < end ? -EIO : 0;
}

int pmem_check(struct pmem *pm, u64 off, size_t len)
{
	return touch(pmem_at(pm, off), pmem_at(pm, off + len));
}
#elif defined(CONFIG_ARCH_HAS_COPY_MC)
int pmem_check(struct pmem *pm, u64 off, size_t len)
{
	u8 bounce[BOUNCE];
	int r = 0;

	for (; !r && len; off += BOUNCE, len -= BOUNCE)
		r = pmem_read(pm, bounce, off, BOUNCE);
	return r;
}
#else
/* Here nobody survives reading bad memory, in whatever way. */
int pmem_check(struct pmem *pm, u64 off, size_t len)
{
	return 0;
}
#endif

int pmem_read_crc(struct pmem *pm, void *dst, u64 off, size_t len, u32 *crc)
{
	u8 bounce[BOUNCE] __aligned(8);

	while (len) {
		size_t n = min_t(size_t, len, BOUNCE);

		if (copy_mc_to_kernel(bounce, pm->base + off, n))
			return -EIO;
		*crc = crc32c(*crc, bounce, n);
		if (dst) {
			memcpy(dst, bounce, n);
			dst += n;
		}
		off += n;
		len -= n;
	}
	return 0;
}
