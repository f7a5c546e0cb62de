/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_EXPORT_H
#define STUB_EXPORT_H

#include <linux/kernel.h>

#endif
