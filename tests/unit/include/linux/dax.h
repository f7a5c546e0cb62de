/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A DAX device over memory of this process. */
#ifndef STUB_DAX_H
#define STUB_DAX_H

#include <linux/mm.h>

/* One stretch of the device's memory. */
struct stub_dax_piece {
	void *mem;
	unsigned long pages;
};

struct dax_device {
	const struct stub_dax_piece *pieces;
	unsigned int nr_pieces;
	bool not_synchronous;
	bool no_pages;			/* its memory has no struct pages */
	unsigned long bad_page;		/* known to be, so only mapped to recover it; 0: none */
	long error;			/* of each access */
};

enum dax_access_mode { DAX_ACCESS, DAX_RECOVERY_WRITE };

int dax_read_lock(void);
void dax_read_unlock(int id);
bool dax_synchronous(struct dax_device *dax);
long dax_direct_access(struct dax_device *dax, pgoff_t pgoff, long nr_pages,
		       enum dax_access_mode mode, void **kaddr, unsigned long *pfn);

#endif
