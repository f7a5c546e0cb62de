// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crash [-n STATES] [-s SEED] [-o CUT] [-j JOBS] [SCENARIO...] - checks so many crash states, with
 * workloads of these scenarios (all of them) and seeds from SEED on, in so many processes at once.
 * With -o the workload of that seed alone, and of its power cuts only that one.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/string.h>

#include "crash.h"
#include "test.h"

#define JOBS_MAX	64u
#define SCENARIOS_MAX	16u

/* Seconds of processor time for one workload: more, and it hangs. */
#define PATIENCE	60

struct run {
	bool chosen;
	unsigned int workloads, under_way;
	u64 states;
	bool failed;
};

struct job {
	pid_t pid;
	unsigned int scenario;
	u64 seed;
	struct report *report;
};

static struct run runs[SCENARIOS_MAX];
static struct job jobs[JOBS_MAX];
static unsigned int max_jobs = 1;
static u64 first_seed, wanted = 50000;
static s64 only = -1;
static u64 events[NR_EVENTS];

void test_failed(const char *file, int line, const char *fmt, ...)
{
	char why[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	fprintf(stderr, "%s:%d: %s\n", file, line, why);
	_exit(1);
}

static void start(struct job *job, unsigned int scenario)
{
	struct itimerval patience = { .it_value.tv_sec = PATIENCE };

	job->scenario = scenario;
	job->seed = first_seed + runs[scenario].workloads++;
	runs[scenario].under_way++;
	memset(job->report, 0, sizeof(*job->report));
	fflush(NULL);
	job->pid = fork();
	if (job->pid < 0)
		stub_bug("fork: %s", strerror(errno));
	if (job->pid)
		return;
	setitimer(ITIMER_VIRTUAL, &patience, NULL);
	crash_run(&scenarios[scenario], job->seed, only, job->report);
	_exit(0);
}

static void tell_failure(const struct job *job, int status)
{
	s64 cut = job->report->depth ? job->report->cuts : 0;

	if (WIFSIGNALED(status))
		printf("killed by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGVTALRM ? ": it hangs" : "");
	printf("crash/%s: seed %llu, %s %llu: tests/crash/run -s %llu -o %lld %s\n",
	       scenarios[job->scenario].name, job->seed,
	       cut ? "power cut" : "not in a power cut, but after", job->report->cuts, job->seed,
	       cut, scenarios[job->scenario].name);
}

static void reap(void)
{
	struct job *job = jobs;
	struct run *run;
	int status, i;
	pid_t pid = wait(&status);

	if (pid < 0)
		stub_bug("wait: %s", strerror(errno));
	while (job->pid != pid)
		job++;
	job->pid = 0;
	run = &runs[job->scenario];
	run->under_way--;
	run->states += job->report->states;
	for (i = 0; i < NR_EVENTS; i++)
		events[i] += job->report->events[i];
	if (status && !run->failed) {
		run->failed = true;
		tell_failure(job, status);
	}
}

/* The scenario that has checked the fewest states, of those that are not done; or -1. */
static int next_scenario(u64 budget)
{
	unsigned int i;
	int next = -1;

	for (i = 0; i < nr_scenarios; i++) {
		const struct run *run = &runs[i];

		if (!run->chosen || run->failed || (only >= 0 && run->workloads) ||
		    (run->workloads && run->states >= budget))
			continue;
		/* Of what is under way nobody knows how much it will be: as much as the last. */
		if (run->under_way && run->states + run->states / run->workloads >= budget)
			continue;
		if (next < 0 || run->states < runs[next].states)
			next = i;
	}
	return next;
}

static void run_all(u64 budget)
{
	unsigned int under_way = 0;

	for (;;) {
		int next = next_scenario(budget);
		struct job *job = jobs;

		if (next >= 0 && under_way < max_jobs) {
			while (job->pid)
				job++;
			start(job, next);
			under_way++;
		} else if (under_way) {
			reap();
			under_way--;
		} else {
			return;
		}
	}
}

/* What should have come, and did not: then the run has shown less than it says. */
static unsigned int tell_events(u64 shows)
{
	static const char *const text[] = {
#define CRASH_TEXT(name, text)	text,
		CRASH_EVENTS(CRASH_TEXT)
	};
	unsigned int i, missing = 0;

	for (i = 0; i < NR_EVENTS; i++) {
		bool must = shows >> i & 1;

		printf("%10llu %s%s\n", events[i], text[i],
		       events[i] || !must ? "" : " - THERE MUST BE SOME");
		missing += must && !events[i];
	}
	return missing;
}

static unsigned int choose(char **names)
{
	unsigned int i, nr = 0;

	for (i = 0; i < nr_scenarios; i++) {
		char **name;

		runs[i].chosen = !*names;
		for (name = names; *name; name++)
			runs[i].chosen |= !strcmp(*name, scenarios[i].name);
		nr += runs[i].chosen;
	}
	return nr;
}

static int usage(void)
{
	unsigned int i;

	fprintf(stderr, "usage: run [-n STATES] [-s SEED] [-o CUT] [-j JOBS] [SCENARIO...], of");
	for (i = 0; i < nr_scenarios; i++)
		fprintf(stderr, " %s", scenarios[i].name);
	fprintf(stderr, "\n");
	return 2;
}

static bool parse(int argc, char **argv)
{
	int opt;

	first_seed = time(NULL);
	while ((opt = getopt(argc, argv, "n:s:o:j:")) != -1) {
		switch (opt) {
		case 'n':
			wanted = strtoull(optarg, NULL, 0);
			break;
		case 's':
			first_seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			only = strtoll(optarg, NULL, 0);
			break;
		case 'j':
			max_jobs = clamp(strtoul(optarg, NULL, 0), 1ul, (unsigned long)JOBS_MAX);
			break;
		default:
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	unsigned int i, chosen, workloads = 0, passed = 0, failed = 0;
	struct report *reports;
	u64 states = 0, shows = 0;

	BUILD_BUG_ON(NR_EVENTS > 64);
	chosen = parse(argc, argv) ? choose(argv + optind) : 0;
	if (!chosen || nr_scenarios > SCENARIOS_MAX)
		return usage();
	stub_log_loud = getenv("VERBOSE");
	setvbuf(stdout, NULL, _IOLBF, 0);
	reports = mmap(NULL, JOBS_MAX * sizeof(*reports), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < JOBS_MAX; i++)
		jobs[i].report = &reports[i];
	run_all(DIV_ROUND_UP(wanted, chosen));
	for (i = 0; i < nr_scenarios; i++) {
		if (!runs[i].chosen)
			continue;
		printf("crash/%s ... %s: %llu states, %u workloads\n", scenarios[i].name,
		       runs[i].failed ? "FAILED" : "ok", runs[i].states, runs[i].workloads);
		passed += !runs[i].failed;
		failed += runs[i].failed;
		states += runs[i].states;
		workloads += runs[i].workloads;
		shows |= scenarios[i].shows;
	}
	/* What a failure has cut short has not shown it all. */
	if (only < 0 && !failed)
		failed += !!tell_events(shows);
	printf("%llu states, %u workloads, seed %llu\n", states, workloads, first_seed);
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed ? 1 : 0;
}
