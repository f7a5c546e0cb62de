/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel log goes to a buffer. */
#ifndef STUB_PRINTK_H
#define STUB_PRINTK_H

#include <stub.h>

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
#define printk(...)		stub_printk(__VA_ARGS__)
#define pr_err(fmt, ...)	stub_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)	stub_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...)	stub_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)	stub_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_debug(fmt, ...)	stub_printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err_ratelimited	pr_err
#define pr_warn_ratelimited	pr_warn
#define pr_err_once		pr_err
#define pr_warn_once		pr_warn

#endif
