// SPDX-License-Identifier: GPL-2.0-or-later
/* Compiles with no kernel: if it does, every probe for a function would find it. */
#include <linux/device-mapper.h>

int control(struct dm_target *ti);

int control(struct dm_target *ti)
{
	return pcache_no_such_function(ti);
}
