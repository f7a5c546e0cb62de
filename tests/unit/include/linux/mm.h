/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages: a frame number is an address of this process without its low bits. */
#ifndef STUB_MM_H
#define STUB_MM_H

#include <linux/io.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

struct page;

bool pfn_valid(unsigned long pfn);

static inline struct page *pfn_to_page(unsigned long pfn)
{
	return (struct page *)(pfn << PAGE_SHIFT);
}

static inline unsigned long page_to_pfn(const struct page *page)
{
	return (unsigned long)page >> PAGE_SHIFT;
}

#endif
