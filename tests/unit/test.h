/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests: functions that end by returning, or by a CHECK() that does not hold. Each runs in a
 * process of its own, so that nothing is left behind and a crash is just another failure.
 *
 * SEED=n repeats the random numbers of a run, VERBOSE=1 shows the kernel log, and arguments of the
 * program choose the tests whose names contain them.
 */
#ifndef TEST_H
#define TEST_H

#include <linux/kernel.h>
#include <linux/random.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *test);

#define TEST(id) \
	static void id(void); \
	__attribute__((constructor)) static void register_##id(void) \
	{ \
		static struct test test = { #id, id, NULL }; \
\
		test_register(&test); \
	} \
	static void id(void)

/* Where the test is, for the message of a failure: "op 4711". Printed as given here. */
__attribute__((format(printf, 1, 2))) void test_at(const char *fmt, ...);

__attribute__((noreturn, format(printf, 3, 4)))
void test_failed(const char *file, int line, const char *fmt, ...);

__attribute__((noreturn)) void test_skip(const char *reason);

#define CHECK(cond) \
	do { \
		if (!(cond)) \
			test_failed(__FILE__, __LINE__, "%s", #cond); \
	} while (0)

#define CHECK_EQ(a, b) \
	do { \
		long long _x = (long long)(a), _y = (long long)(b); \
\
		if (_x != _y) \
			test_failed(__FILE__, __LINE__, "%s is %lld, not %lld", #a, _x, _y); \
	} while (0)

/* The kernel log has @text. */
#define CHECK_LOG(text) \
	do { \
		if (!stub_log_has(text)) \
			test_failed(__FILE__, __LINE__, "no '%s' in the log, but: %s", text, \
				    stub_log()); \
	} while (0)

#endif
