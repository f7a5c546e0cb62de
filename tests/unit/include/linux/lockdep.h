/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_LOCKDEP_H
#define STUB_LOCKDEP_H

#include <linux/spinlock.h>

#endif
