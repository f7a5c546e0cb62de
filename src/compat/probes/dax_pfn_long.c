// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 6.17 dax_direct_access() gives a frame number as a plain number: pfn_t was removed. */
#include <linux/dax.h>

long probe(struct dax_device *dax, void **kaddr, unsigned long *pfn);

long probe(struct dax_device *dax, void **kaddr, unsigned long *pfn)
{
	return dax_direct_access(dax, 0, 1, DAX_RECOVERY_WRITE, kaddr, pfn);
}
