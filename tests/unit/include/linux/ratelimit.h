/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No message is too many. */
#ifndef STUB_RATELIMIT_H
#define STUB_RATELIMIT_H

#define DEFINE_RATELIMIT_STATE(name, interval, burst)	int name = (burst)
#define __ratelimit(state)	((void)(state), true)

#endif
