// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Crafted media in the core: each recipe of the files that are named, in a process of its own.
 * Words that follow a "--" choose the recipes whose names contain one of them.
 */
#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/string.h>

#include "ordeal.h"
#include "test.h"

#define CPU_MAX		15u		/* seconds that a recipe may take */
#define PIECE		256u		/* sectors read at once */

static char **chosen;
static unsigned int passed, failed;

/* What a base reads as, over an origin of zeros. */
static u8 *contents[NR_BASES];

void test_failed(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, " (%s:%d)\n", file, line);
	_exit(1);
}

/* What fails to read is left as it is in @data. Returns how many sectors that are. */
static unsigned long read_all(struct ordeal_media *media, u64 sectors, u8 *data)
{
	static u8 buf[PIECE * PCACHE_SECTOR];
	unsigned long failed = 0;
	struct pcache c;
	u64 at, i;

	CHECK_EQ(rig_open(&c, media->model, media->bdev, &media->opt), 0);
	for (at = 0; at < sectors; at += PIECE) {
		if (!rig_read(&c, at, PIECE, buf, false)) {
			memcpy(data + at * PCACHE_SECTOR, buf, sizeof(buf));
			continue;
		}
		for (i = at; i < at + PIECE; i++)
			if (rig_read(&c, i, 1, buf, false))
				failed++;
			else
				memcpy(data + i * PCACHE_SECTOR, buf, PCACHE_SECTOR);
	}
	rig_close(&c);
	return failed;
}

static void read_base(unsigned int base)
{
	const struct recipe recipe = { .base = base };
	struct ordeal_media media = ordeal_prepare(&recipe);

	contents[base] = calloc(bases[base].sectors, PCACHE_SECTOR);
	CHECK_EQ(read_all(&media, bases[base].sectors, contents[base]), 0);
}

/* Sectors that fail to read count as such. */
static void check_cost(const struct recipe *recipe)
{
	const u64 sectors = bases[recipe->base].sectors;
	struct ordeal_media media = ordeal_prepare(recipe);
	u8 *data = malloc(sectors * PCACHE_SECTOR);
	unsigned long differ = 0;
	u64 i;

	memcpy(data, contents[recipe->base], sectors * PCACHE_SECTOR);
	CHECK_EQ(read_all(&media, sectors, data), recipe->fail);
	for (i = 0; i < sectors; i++)
		differ += !!memcmp(data + i * PCACHE_SECTOR,
				   contents[recipe->base] + i * PCACHE_SECTOR, PCACHE_SECTOR);
	CHECK_EQ(differ, recipe->differ);
	free(data);
}

static void check_regex(const struct recipe *recipe)
{
	regex_t regex;

	CHECK_EQ(regcomp(&regex, recipe->regex, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&regex, stub_log(), 0, NULL, 0))
		test_failed(__FILE__, __LINE__, "no '%s' in: %s", recipe->regex, stub_log());
	regfree(&regex);
}

static void run(const struct recipe *recipe)
{
	struct ordeal_media media;
	int r;

	setrlimit(RLIMIT_CPU, &(struct rlimit){ CPU_MAX, CPU_MAX });
	media = ordeal_prepare(recipe);
	CHECK_EQ(media.missed, 0);
	r = ordeal_run(&media, UINT_MAX);
	if (r && recipe->verdict != RECIPE_REFUSED)
		test_failed(__FILE__, __LINE__, "refused: %s", stub_log());
	if (!r && recipe->verdict != RECIPE_OPENS)
		test_failed(__FILE__, __LINE__, "it opens");
	if (r)
		check_regex(recipe);
	else
		check_cost(recipe);
}

static bool is_chosen(const char *name)
{
	char **word;

	for (word = chosen; word && *word; word++)
		if (strstr(name, *word))
			return true;
	return !chosen || !*chosen;
}

static void run_recipe(const struct recipe *recipe)
{
	clock_t began = clock();
	int status;
	pid_t pid;

	if (!is_chosen(recipe->name))
		return;
	if (recipe->verdict == RECIPE_OPENS && !contents[recipe->base])
		read_base(recipe->base);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		run(recipe);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
	if (status)
		failed++;
	else
		passed++;
	printf("crafted/%s ... %s (%.2f)\n", recipe->name, status ? "FAILED" : "ok",
	       (double)(clock() - began) / CLOCKS_PER_SEC);
}

int main(int argc, char **argv)
{
	int i, files;

	setvbuf(stdout, NULL, _IOLBF, 0);
	stub_log_loud = getenv("VERBOSE");
	for (files = 1; files < argc && strcmp(argv[files], "--"); files++)
		;
	chosen = files < argc ? argv + files + 1 : NULL;
	for (i = 1; i < files; i++) {
		if (recipes_read(argv[i], run_recipe))
			continue;
		fprintf(stderr, "%s can't be read\n", argv[i]);
		failed++;
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed || !passed;
}
