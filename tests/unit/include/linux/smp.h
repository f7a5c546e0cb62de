/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUs, of which there is one. */
#ifndef STUB_SMP_H
#define STUB_SMP_H

#define smp_processor_id()	0
#define raw_smp_processor_id()	0
#define get_cpu()		0
#define put_cpu()		do { } while (0)
#define num_online_cpus()	1u
#define num_possible_cpus()	1u
#define nr_cpu_ids		1u
#define for_each_possible_cpu(c)	for ((c) = 0; (c) < 1; (c)++)
#define for_each_online_cpu(c)	for_each_possible_cpu(c)
#define cpu_to_node(c)		0
#define numa_node_id()		0

#endif
