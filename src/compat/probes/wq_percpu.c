// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 6.17 a workqueue says that it is per CPU, what was understood before; not a macro. */
#include <linux/workqueue.h>

unsigned int probe(void);

unsigned int probe(void)
{
	return WQ_PERCPU;
}
