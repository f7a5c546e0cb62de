/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See kernel.h. */
#ifndef STUB_BUG_H
#define STUB_BUG_H

#include <linux/kernel.h>

#endif
