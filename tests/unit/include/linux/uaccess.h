/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading memory that may be poisoned. */
#ifndef STUB_UACCESS_H
#define STUB_UACCESS_H

#include <linux/types.h>

#define CONFIG_ARCH_HAS_COPY_MC	1

/* Returns how many bytes at the end were not copied. */
unsigned long copy_mc_to_kernel(void *dst, const void *src, unsigned int n);

#endif
