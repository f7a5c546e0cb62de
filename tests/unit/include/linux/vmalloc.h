/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mapping pages in a row. */
#ifndef STUB_VMALLOC_H
#define STUB_VMALLOC_H

#include <linux/mm.h>

void *vm_map_ram(struct page **pages, unsigned int count, int node);
void vm_unmap_ram(const void *mem, unsigned int count);

#endif
