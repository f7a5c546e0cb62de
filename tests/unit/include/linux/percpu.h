/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Variables of each CPU, of which there is one. */
#ifndef STUB_PERCPU_H
#define STUB_PERCPU_H

#include <linux/slab.h>
#include <linux/smp.h>

#define alloc_percpu(type)		((type *)kzalloc(sizeof(type), GFP_KERNEL))
#define alloc_percpu_gfp(type, gfp)	((type *)kzalloc(sizeof(type), gfp))
#define free_percpu(p)			kfree(p)
#define per_cpu_ptr(p, c)		((void)(c), (p))
#define this_cpu_ptr(p)			(p)
#define raw_cpu_ptr(p)			(p)
#define get_cpu_ptr(p)			(p)
#define put_cpu_ptr(p)			do { (void)(p); } while (0)
#define this_cpu_add(v, n)		((v) += (n))
#define this_cpu_inc(v)			((v)++)
#define this_cpu_dec(v)			((v)--)
#define this_cpu_sub(v, n)		((v) -= (n))
#define this_cpu_read(v)		(v)

#endif
