/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_MODULE_H
#define STUB_MODULE_H

#include <linux/kernel.h>

#endif
