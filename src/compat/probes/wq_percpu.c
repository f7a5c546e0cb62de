// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 6.17 a workqueue must say that it is per CPU, where that was understood; an enum, no macro. */
#include <linux/workqueue.h>

unsigned int probe(void);

unsigned int probe(void)
{
	return WQ_PERCPU;
}
