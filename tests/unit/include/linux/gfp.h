/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_GFP_H
#define STUB_GFP_H

#include <linux/slab.h>

#endif
