/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings and memory. */
#ifndef STUB_STRING_H
#define STUB_STRING_H

#include <linux/types.h>
#include <string.h>

void *memchr_inv(const void *p, int c, size_t n);
ssize_t strscpy(char *dst, const char *src, size_t n);
void memcpy_flushcache(void *dst, const void *src, size_t n);

#endif
