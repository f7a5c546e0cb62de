/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a load of powerload leaves on a device and tells the world, for those who check it from
 * outside of the guest.
 */
#ifndef POWERLOAD_H
#define POWERLOAD_H

#include <stdint.h>

#define SECTOR		512
#define WORDS		(SECTOR / sizeof(uint64_t))

/* Every sector says where it belongs and which write it came with. Word 0 is the number of that. */
static inline uint64_t stamp_word(uint32_t sector, uint64_t seq, unsigned int i)
{
	if (!i)
		return seq;
	return (seq + i) * 0x9e3779b97f4a7c15ULL ^ (uint64_t)sector << 32 ^ 0x706f7765726c6f61ULL;
}

/* A write that is durable. */
struct ack {
	uint32_t sector;
	uint32_t count;
	uint64_t seq;
};

/*
 * A word to whoever traces the guest's instructions: "nopl MARK_MAGIC(%rax)" does nothing, and has
 * what it is about in rdi, rsi, rdx and rcx. No other processor is traced.
 */
enum mark {
	MARK_DEVICE,			/* trace stores: physical address, bytes, place in its image */
	MARK_ACK,			/* sector, count, seq */
};

#define MARK_MAGIC	0x43504d54

static inline void mark(enum mark what, uint64_t a, uint64_t b, uint64_t c)
{
#ifdef __x86_64__
	asm volatile("nopl %c[magic](%%rax)"
		     : : [magic] "i" (MARK_MAGIC), "D" ((uint64_t)what), "S" (a), "d" (b), "c" (c)
		     : "memory");
#endif
}

#endif
