/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See what it includes. */
#ifndef STUB_CPUMASK_H
#define STUB_CPUMASK_H

#include <linux/smp.h>

#endif
