/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One node. */
#ifndef STUB_NUMA_H
#define STUB_NUMA_H

#define NUMA_NO_NODE	(-1)

#endif
