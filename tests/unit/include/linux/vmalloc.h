/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mapping pages in a row. */
#ifndef STUB_VMALLOC_H
#define STUB_VMALLOC_H

#include <linux/mm.h>

#define VM_MAP		0
#define PAGE_KERNEL	0

void *vmap(struct page **pages, unsigned int n, unsigned long flags, int prot);
void vunmap(const void *addr);

#endif
