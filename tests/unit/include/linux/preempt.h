/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_PREEMPT_H
#define STUB_PREEMPT_H

#include <linux/sched.h>

#endif
