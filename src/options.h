/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of a table line: how they are read, and how they are said again. */
#ifndef PCACHE_OPTIONS_H
#define PCACHE_OPTIONS_H

#include <linux/types.h>

struct pcache_options;

/*
 * Read what follows the two devices in the table line: nothing, or a count and that many words.
 * What is not named gets its default; read_only is left alone. Returns 0, or -EINVAL with a
 * sentence in *@error, after a message about @dev that names the culprit.
 */
int options_parse(struct pcache_options *opt, unsigned int argc, char **argv, const char *dev,
		  char **error);

/* Read a gc_percent. Returns 0 or -EINVAL. */
int options_parse_gc(const char *word, u8 *percent);

/*
 * Print the count and the words that options_parse() makes @opt of: always those that Linux prints,
 * then gc_percent if it is set, and what is not the default. Returns how many bytes, as scnprintf()
 * does.
 */
unsigned int options_print(const struct pcache_options *opt, char *result, unsigned int maxlen);

#endif
