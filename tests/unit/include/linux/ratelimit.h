/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No message is too many. */
#ifndef STUB_RATELIMIT_H
#define STUB_RATELIMIT_H

struct ratelimit_state { };

#define ratelimit_state_init(state, interval, burst)	((void)(state))
#define __ratelimit(state)				((void)(state), true)

#endif
