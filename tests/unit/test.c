// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs tests, each in a process of its own, and counts. */
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/string.h>

#include "test.h"

#define EXIT_SKIPPED	77

/* What the child has to tell. */
struct verdict {
	char at[200];
	char why[200];
};

static struct test *tests;
static struct verdict *verdict;

void test_register(struct test *test)
{
	struct test **link = &tests;

	while (*link && strcmp((*link)->name, test->name) < 0)
		link = &(*link)->next;
	test->next = *link;
	*link = test;
}

void test_at(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(verdict->at, sizeof(verdict->at), fmt, args);
	va_end(args);
}

void test_failed(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	_exit(1);
}

void test_skip(const char *reason)
{
	snprintf(verdict->why, sizeof(verdict->why), "%s", reason);
	_exit(EXIT_SKIPPED);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int run(struct test *test, unsigned long long seed)
{
	int status;
	pid_t pid;

	memset(verdict, 0, sizeof(*verdict));
	pid = fork();
	if (!pid) {
		stub_seed(seed);
		test->run();
		if (stub_spinlocks || stub_migrate_disabled)
			stub_bug("the test ends with locks held or a section open");
		fflush(NULL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (WIFSIGNALED(status))
		fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static bool chosen(const struct test *test, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strstr(test->name, argv[i]))
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	unsigned int passed = 0, failed = 0, skipped = 0;
	unsigned long long seed = time(NULL);
	struct test *test;

	if (getenv("SEED"))
		seed = strtoull(getenv("SEED"), NULL, 0);
	stub_log_loud = getenv("VERBOSE");
	setvbuf(stdout, NULL, _IOLBF, 0);
	verdict = mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	for (test = tests; test; test = test->next) {
		double start = now();
		int r;

		if (!chosen(test, argc, argv))
			continue;
		r = run(test, seed);
		if (r == EXIT_SKIPPED) {
			skipped++;
			printf("unit/%s ... SKIPPED %s (%.2f)\n", test->name, verdict->why,
			       now() - start);
		} else if (r) {
			failed++;
			printf("unit/%s ... FAILED SEED=%llu %s (%.2f)\n", test->name, seed,
			       verdict->at, now() - start);
		} else {
			passed++;
			printf("unit/%s ... ok (%.2f)\n", test->name, now() - start);
		}
	}
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed ? 1 : 0;
}
