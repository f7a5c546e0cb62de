/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests may ask of the stubs of the kernel, and how the stubs complain. */
#ifndef STUB_STUB_H
#define STUB_STUB_H

#include <stdbool.h>
#include <stddef.h>

/* Something that the kernel would not forgive: say what, and end the test. */
__attribute__((noreturn, format(printf, 1, 2))) void stub_bug(const char *fmt, ...);

/* Spinlocks held, and pmem sections (migrate_disable()) open. There is one thread. */
extern int stub_spinlocks, stub_migrate_disabled;
/* Which CPU this is: 0 or 1. */
extern int stub_cpu;
/* How many there may be, for who only counts them: 1. */
extern unsigned int stub_possible_cpus;
/* As a child of a simulated crash: locks and queued work of the life before are of no concern. */
void stub_forget(void);

/*
 * One life within another: stub_begin_life() puts what the stubs know aside and starts afresh,
 * stub_end_life() complains of what the inner life has left behind and brings the outer one back.
 */
struct stub_life;
struct stub_life *stub_begin_life(void);
void stub_end_life(struct stub_life *outer);

/*
 * The @n-th allocation from now on fails if it can, and all after it, until this is called with a
 * negative number. Returns how many were left of the last call's, or a negative number.
 */
long stub_fail_alloc_after(long n);
/* No more than the first of them fails. */
extern bool stub_fail_once;
/* Told by anything that allocates. Returns whether it shall fail. */
bool stub_alloc_fails(void);
/* Bytes and objects allocated and not freed. */
extern long stub_allocated;
/* More than so many bytes at once are never to be had. */
extern size_t stub_largest_alloc;

/* What the kernel log has got since the last stub_log_clear(). */
const char *stub_log(void);
void stub_log_clear(void);
bool stub_log_has(const char *text);
/* Copy the log to stderr as it is written; set by VERBOSE=1. */
extern bool stub_log_loud;
__attribute__((format(printf, 1, 2))) int stub_printk(const char *fmt, ...);

/* Run what was queued and is due, including what that queues. Returns how many items. */
unsigned int run_pending_work(void);
/* Time goes on; what gets due runs. */
void stub_sleep(unsigned long ms);
/* Somebody waits for another: let that happen, or complain that it never will. */
void stub_wait(const char *what);
/* Called by stub_wait() when no work is due: returns whether it got anything done. */
extern bool (*stub_wait_hook)(void);

void stub_seed(unsigned long long seed);

#endif
