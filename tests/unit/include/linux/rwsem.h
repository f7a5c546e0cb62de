/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_RWSEM_H
#define STUB_RWSEM_H

#include <linux/mutex.h>

#endif
