// SPDX-License-Identifier: GPL-2.0-or-later
/* Since 6.0 a bio's operation and flags have a type of their own. */
#include <linux/blk_types.h>

blk_opf_t probe(void);

blk_opf_t probe(void)
{
	return REQ_OP_WRITE;
}
