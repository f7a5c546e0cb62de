/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_ALIGN_H
#define STUB_ALIGN_H

#include <linux/kernel.h>

#endif
