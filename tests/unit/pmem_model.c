// SPDX-License-Identifier: GPL-2.0-or-later
/* Persistent memory that knows what a power cut may leave of it. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "pmem_model.h"

#define PIECE	8u
#define LINE	64u

static struct pmem_model *models;

static struct pmem_model *model_add(void *mem, u64 size)
{
	struct pmem_model *model = calloc(1, sizeof(*model));

	model->mem = mem;
	model->size = size;
	model->piece = (struct stub_dax_piece){ mem, size >> PAGE_SHIFT };
	model->dax = (struct dax_device){ .pieces = &model->piece, .nr_pieces = 1 };
	model->next = models;
	models = model;
	return model;
}

/* Private mappings: children get copies of what is written, at no cost for what is not. */
struct pmem_model *pmem_model_new(u64 size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : model_add(mem, size);
}

struct pmem_model *pmem_model_of_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *mem = MAP_FAILED;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st))
		mem = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
			   fd, 0);
	close(fd);
	return mem == MAP_FAILED ? NULL : model_add(mem, st.st_size);
}

void pmem_model_free(struct pmem_model *model)
{
	struct pmem_model **link = &models;

	while (*link != model)
		link = &(*link)->next;
	*link = model->next;
	munmap(model->mem, model->size);
	free(model->stores);
	free(model->undo);
	free(model->poisoned);
	free(model);
}

void pmem_model_open(struct pmem_model *model, struct pmem *pm, const char *name)
{
	int r = pmem_open(pm, &model->dax, 0, model->size, name);

	if (r)
		stub_bug("the model of %s does not open: %d: %s", name, r, stub_log());
}

static struct pmem_model *model_of(const void *addr)
{
	struct pmem_model *model;

	for (model = models; model; model = model->next)
		if ((u8 *)addr >= model->mem && (u8 *)addr < model->mem + model->size)
			return model;
	return NULL;
}

/* Has this CPU stored what it has not fenced? */
static bool has_stored(const struct pmem_model *model)
{
	size_t i = model->nr_stores;

	while (i && model->stores[i - 1].cpu != stub_cpu)
		i--;
	return i;
}

/*
 * What the core calls.
 */

void migrate_disable(void)
{
	stub_migrate_disabled++;
}

void migrate_enable(void)
{
	struct pmem_model *model;

	if (!stub_migrate_disabled--)
		stub_bug("migrate_enable() without migrate_disable()");
	for (model = models; model && !stub_migrate_disabled; model = model->next)
		if (has_stored(model))
			stub_bug("a section ends with stores that are not fenced");
}

static void note_undo(struct pmem_model *model, u64 off, u64 old)
{
	if (!model->cuts)
		return;
	if (model->nr_undo == model->max_undo) {
		model->max_undo = max_t(size_t, 1024, model->max_undo * 2);
		model->undo = realloc(model->undo, model->max_undo * sizeof(*model->undo));
	}
	model->undo[model->nr_undo++] = (struct pmem_undo){ off, old };
}

static void note_store(struct pmem_model *model, u64 off, u64 old, u64 new)
{
	note_undo(model, off, old);
	if (model->nr_stores == model->max_stores) {
		model->max_stores = max_t(size_t, 1024, model->max_stores * 2);
		model->stores = realloc(model->stores,
					model->max_stores * sizeof(*model->stores));
	}
	model->stores[model->nr_stores++] = (struct pmem_store){ off, old, new, model->calls,
							       stub_cpu };
}

void memcpy_flushcache(void *dst, const void *src, size_t n)
{
	struct pmem_model *model = model_of(dst);
	u64 off, at, end;

	if (!model)
		stub_bug("memcpy_flushcache() to memory that is not persistent");
	if (!stub_migrate_disabled)
		stub_bug("a store outside of a section");
	model->calls++;
	off = (u8 *)dst - model->mem;
	end = off + n;
	if (end > model->size)
		stub_bug("a store behind the end of the device");
	while (off < end) {
		u64 part, old, new;

		at = round_down(off, PIECE);
		part = min_t(u64, at + PIECE, end) - off;
		memcpy(&old, model->mem + at, PIECE);
		memcpy(model->mem + off, src, part);
		memcpy(&new, model->mem + at, PIECE);
		/* What does not change a thing need not be told from what was not stored. */
		if (old != new)
			note_store(model, at, old, new);
		off += part;
		src = (const u8 *)src + part;
	}
}

void pmem_wmb(void)
{
	struct pmem_model *model;
	size_t i, left;

	for (model = models; model; model = model->next) {
		if (!has_stored(model))
			continue;
		model->fences++;
		if (model->on_fence)
			model->on_fence(model, model->arg);
		for (i = left = 0; i < model->nr_stores; i++)
			if (model->stores[i].cpu != stub_cpu)
				model->stores[left++] = model->stores[i];
		model->nr_stores = left;
	}
}

unsigned long copy_mc_to_kernel(void *dst, const void *src, unsigned int n)
{
	struct pmem_model *model = model_of(src);
	unsigned int good = n;
	u64 off;
	size_t i;

	if (!model)
		stub_bug("copy_mc_to_kernel() from memory that is not persistent");
	off = (u8 *)src - model->mem;
	if (off + n > model->size)
		stub_bug("a read behind the end of the device");
	for (i = 0; i < model->nr_poisoned; i++) {
		u64 line = model->poisoned[i];

		if (line < off + good && off < line + LINE)
			good = line > off ? line - off : 0;
	}
	memcpy(dst, src, good);
	if (good < n && model->on_poison)
		model->on_poison();
	return n - good;
}

/*
 * Damage.
 */

/* One of the calls, each as likely: large ones must not hide the small ones. */
static const struct pmem_store *choose_call(const struct pmem_model *model)
{
	const struct pmem_store *first = model->stores, *last = first + model->nr_stores - 1;
	unsigned long call = first->call + get_random_u32_below(last->call - first->call + 1);

	while (first < last && first->call < call)
		first++;
	return first;
}

static int by_place_and_age(const void *a, const void *b)
{
	const struct pmem_store *x = *(const struct pmem_store **)a;
	const struct pmem_store *y = *(const struct pmem_store **)b;

	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	return x < y ? -1 : x > y;
}

/*
 * How many of the @n stores to the eight bytes at the place of @last, the newest of them, are kept.
 * @chosen is the odd one out.
 */
static size_t keep_how_many(enum pmem_keep keep, const struct pmem_store *last, size_t n,
			    const struct pmem_store *chosen)
{
	bool same_line = last->off / LINE == chosen->off / LINE;

	switch (keep) {
	case PMEM_KEEP_NONE:
		return 0;
	case PMEM_KEEP_ALL:
		return n;
	case PMEM_KEEP_ONE_LINE:
		return same_line ? n : 0;
	case PMEM_KEEP_BUT_ONE_LINE:
		return same_line ? 0 : n;
	case PMEM_KEEP_ONE_STORE:
		return last->off == chosen->off ? n : 0;
	case PMEM_KEEP_BUT_ONE_STORE:
		return last->off == chosen->off ? 0 : n;
	case PMEM_KEEP_ONE_CALL:
		return last->call == chosen->call ? n : 0;
	case PMEM_KEEP_BUT_ONE_CALL:
		return last->call == chosen->call ? n - 1 : n;
	default:
		return get_random_u32_below(n + 1);
	}
}

/* The stores by place, and by age where they went to the same. They mostly came that way. */
static const struct pmem_store **sort_stores(const struct pmem_model *model)
{
	const struct pmem_store **sorted = malloc(model->nr_stores * sizeof(*sorted));
	bool ascending = true;
	size_t i;

	for (i = 0; i < model->nr_stores; i++) {
		sorted[i] = &model->stores[i];
		ascending &= !i || sorted[i - 1]->off < sorted[i]->off;
	}
	if (!ascending)
		qsort(sorted, model->nr_stores, sizeof(*sorted), by_place_and_age);
	return sorted;
}

static void crash(struct pmem_model *model, enum pmem_keep keep, const struct pmem_store *chosen)
{
	const struct pmem_store **sorted = sort_stores(model);
	size_t i, n, nr = model->nr_stores;

	for (i = 0; i < nr; i += n) {
		u64 off = sorted[i]->off, was;
		size_t kept;

		for (n = 1; i + n < nr && sorted[i + n]->off == off; n++)
			;
		kept = keep_how_many(keep, sorted[i + n - 1], n, chosen);
		memcpy(&was, model->mem + off, PIECE);
		note_undo(model, off, was);
		memcpy(model->mem + off, kept ? &sorted[i + kept - 1]->new : &sorted[i]->old,
		       PIECE);
	}
	free(sorted);
	model->nr_stores = 0;
}

void pmem_model_crash(struct pmem_model *model, enum pmem_keep keep)
{
	const struct pmem_store *chosen;

	if (!model->nr_stores)
		return;
	if (keep == PMEM_KEEP_ONE_CALL || keep == PMEM_KEEP_BUT_ONE_CALL)
		chosen = choose_call(model);
	else
		chosen = &model->stores[get_random_u32_below(model->nr_stores)];
	crash(model, keep, chosen);
}

void pmem_model_cut(struct pmem_model *model, enum pmem_keep keep, size_t store,
		    struct pmem_past *past)
{
	*past = (struct pmem_past){
		.stores = model->stores,
		.nr_stores = model->nr_stores,
		.max_stores = model->max_stores,
		.nr_undo = model->nr_undo,
	};
	model->cuts++;
	if (model->nr_stores)
		crash(model, keep, &model->stores[store]);
	model->stores = NULL;
	model->max_stores = 0;
}

void pmem_model_mend(struct pmem_model *model, const struct pmem_past *past)
{
	while (model->nr_undo > past->nr_undo) {
		const struct pmem_undo *undo = &model->undo[--model->nr_undo];

		memcpy(model->mem + undo->off, &undo->old, PIECE);
	}
	model->cuts--;
	free(model->stores);
	model->stores = past->stores;
	model->nr_stores = past->nr_stores;
	model->max_stores = past->max_stores;
}

bool pmem_model_fork(struct pmem_model *model, enum pmem_keep keep, u64 seed,
		     void (*check)(struct pmem_model *model, void *arg), void *arg)
{
	struct pmem_model *other;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		stub_forget();
		stub_seed(seed);
		for (other = models; other; other = other->next) {
			other->on_fence = NULL;
			pmem_model_crash(other, keep);
		}
		check(model, arg);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		stub_bug("fork: %s", strerror(errno));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void pmem_model_poison(struct pmem_model *model, u64 off)
{
	model->poisoned = realloc(model->poisoned, (model->nr_poisoned + 1) * sizeof(u64));
	model->poisoned[model->nr_poisoned++] = round_down(off, LINE);
}

void pmem_model_heal(struct pmem_model *model, u64 off)
{
	size_t i;

	for (i = 0; i < model->nr_poisoned; i++)
		if (model->poisoned[i] == round_down(off, LINE))
			model->poisoned[i--] = model->poisoned[--model->nr_poisoned];
}
