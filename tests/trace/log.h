/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of a trace: what the guest's processors did to persistent memory, in one order. Each
 * record is a head, and for a store or a mark what comes behind it. What one processor did is in
 * its order; what another did because it saw that is behind it.
 */
#ifndef LOG_H
#define LOG_H

#include <stdint.h>

enum trace_kind {
	TRACE_STORE,			/* @len bytes follow: whole words in a row, or one store */
	TRACE_STORE_NT,			/* the same, past the cache */
	TRACE_WRITE_BACK,		/* of a cache line, in effect after a fence (clwb, clflushopt) */
	TRACE_FLUSH,			/* of a cache line, in effect at once (clflush) */
	TRACE_FENCE,			/* sfence, mfence */
	TRACE_MARK,			/* four words follow: see ../vm/powerload.h */
};

struct trace_head {
	uint8_t kind;
	uint8_t vcpu;
	uint16_t device;		/* in the order in which they were named by marks */
	uint32_t len;
	uint64_t off;			/* on the device */
};

#endif
