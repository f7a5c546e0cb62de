/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two CPUs, of which stub_cpu is the one that everything runs on until a test says otherwise. Where
 * they are only counted there is one, or as many as a test says.
 */
#ifndef STUB_SMP_H
#define STUB_SMP_H

#include "stub.h"

#define smp_processor_id()	stub_cpu
#define raw_smp_processor_id()	stub_cpu
#define get_cpu()		stub_cpu
#define put_cpu()		do { } while (0)
#define num_online_cpus()	1u
#define num_possible_cpus()	stub_possible_cpus
#define nr_cpu_ids		2u
#define for_each_possible_cpu(c)	for ((c) = 0; (c) < 1; (c)++)
#define for_each_online_cpu(c)	for_each_possible_cpu(c)
#define cpu_to_node(c)		0
#define numa_node_id()		0

#endif
