/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error numbers. The C library's own header includes this one. */
#include <asm/errno.h>
