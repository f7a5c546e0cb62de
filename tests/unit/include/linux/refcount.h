/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_REFCOUNT_H
#define STUB_REFCOUNT_H

#include <linux/atomic.h>

#endif
