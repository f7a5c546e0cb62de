/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ordering of stores to persistent memory. */
#ifndef STUB_IO_H
#define STUB_IO_H

void pmem_wmb(void);

#endif
