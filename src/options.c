// SPDX-License-Identifier: GPL-2.0-or-later
/* The options of a table line. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/device-mapper.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "options.h"
#include "pcache.h"

static int set_cache_mode(struct pcache_options *opt, const char *value)
{
	return strcmp(value, "writeback") ? -EINVAL : 0;
}

/* Which of two words it is: 0 or 1. */
static int choose(const char *value, const char *no, const char *yes, bool *chosen)
{
	*chosen = !strcmp(value, yes);
	return *chosen || !strcmp(value, no) ? 0 : -EINVAL;
}

static int set_data_crc(struct pcache_options *opt, const char *value)
{
	return choose(value, "false", "true", &opt->data_crc);
}

static int set_gc_percent(struct pcache_options *opt, const char *value)
{
	opt->gc_percent_set = true;
	return options_parse_gc(value, &opt->gc_percent);
}

static int set_writeback_order(struct pcache_options *opt, const char *value)
{
	return choose(value, "strict", "batch", &opt->batch_order);
}

static const struct option {
	const char *name;
	int (*set)(struct pcache_options *opt, const char *value);
	char *error;
} options[] = {
	{ "cache_mode", set_cache_mode, "cache_mode must be writeback" },
	{ "data_crc", set_data_crc, "data_crc must be true or false" },
	{ "gc_percent", set_gc_percent, "gc_percent must be a number from 0 to 90" },
	{ "writeback_order", set_writeback_order, "writeback_order must be strict or batch" },
};

int options_parse_gc(const char *word, u8 *percent)
{
	return kstrtou8(word, 10, percent) || *percent > PCACHE_GC_MAX ? -EINVAL : 0;
}

static int parse_option(struct pcache_options *opt, const char *name, const char *value,
			unsigned long *seen, const char *dev, char **error)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(name, options[i].name))
			break;
	if (i == ARRAY_SIZE(options)) {
		pr_err("%s: there is no option '%s'\n", dev, name);
		*error = "Unknown option";
		return -EINVAL;
	}
	if (!value) {
		pr_err("%s: the option '%s' lacks a value\n", dev, name);
		*error = "An option lacks its value";
		return -EINVAL;
	}
	if (__test_and_set_bit(i, seen)) {
		pr_err("%s: the option '%s' is given more than once\n", dev, name);
		*error = "An option is given more than once";
		return -EINVAL;
	}
	if (options[i].set(opt, value)) {
		pr_err("%s: %s '%s' is not supported: %s\n", dev, name, value, options[i].error);
		*error = options[i].error;
		return -EINVAL;
	}
	return 0;
}

int options_parse(struct pcache_options *opt, unsigned int argc, char **argv, const char *dev,
		  char **error)
{
	unsigned long seen = 0;
	unsigned int i, count;

	opt->data_crc = false;
	opt->batch_order = false;
	opt->gc_percent = PCACHE_GC_DEFAULT;
	opt->gc_percent_set = false;
	if (!argc)
		return 0;
	if (kstrtouint(argv[0], 10, &count)) {
		pr_err("%s: '%s' is not a count of option words\n", dev, argv[0]);
		*error = "The devices must be followed by the number of option words";
		return -EINVAL;
	}
	if (count != argc - 1) {
		pr_err("%s: %u option words are announced, %u follow\n", dev, count, argc - 1);
		*error = "The number of option words is wrong";
		return -EINVAL;
	}
	for (i = 1; i < argc; i += 2)
		if (parse_option(opt, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &seen, dev,
				 error))
			return -EINVAL;
	return 0;
}

unsigned int options_print(const struct pcache_options *opt, char *result, unsigned int maxlen)
{
	unsigned int words = 4 + 2 * opt->gc_percent_set + 2 * opt->batch_order, sz = 0;

	DMEMIT("%u cache_mode writeback data_crc %s", words, opt->data_crc ? "true" : "false");
	if (opt->gc_percent_set)
		DMEMIT(" gc_percent %u", opt->gc_percent);
	if (opt->batch_order)
		DMEMIT(" writeback_order batch");
	return sz;
}
