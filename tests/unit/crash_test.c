// SPDX-License-Identifier: GPL-2.0-or-later
/* A first look at crash states, in short; tests/crash does it at length. */
#include <linux/string.h>

#include "crash.h"
#include "test.h"

static void first_look(const char *name)
{
	static struct report report;
	struct scenario s;
	unsigned int i = 0;

	while (strcmp(scenarios[i].name, name))
		i++;
	s = scenarios[i];
	s.lives = 2;
	crash_run(&s, get_random_u64(), -1, &report);
	CHECK(report.states > 50);
}

TEST(crash_first_look)
{
	first_look("strict");
}

TEST(crash_first_look_at_the_log)
{
	first_look("log");
}
