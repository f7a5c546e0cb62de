/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completions. */
#ifndef STUB_COMPLETION_H
#define STUB_COMPLETION_H

#include <linux/kernel.h>

struct completion {
	unsigned int done;
};

#define DECLARE_COMPLETION_ONSTACK(c)	struct completion c = { 0 }
#define init_completion(c)		((void)((c)->done = 0))
#define reinit_completion(c)		init_completion(c)
#define complete(c)			((void)(c)->done++)
#define complete_all(c)			((void)((c)->done = U32_MAX / 2))
#define completion_done(c)		((c)->done > 0)
#define wait_for_completion(c) \
	do { \
		might_sleep(); \
		while (!(c)->done) \
			stub_wait(#c); \
		(c)->done--; \
	} while (0)
#define wait_for_completion_io(c)	wait_for_completion(c)

#endif
