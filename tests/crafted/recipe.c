// SPDX-License-Identifier: GPL-2.0-or-later
/* Recipes of crafted media, in text. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipe.h"

#define GOLDEN_SECTORS	196608u

const struct base bases[NR_BASES] = {
	[BASE_FRESH] = { "fresh", GOLDEN_SECTORS, false },
	[BASE_SMALL] = { "small", GOLDEN_SECTORS, false },
	[BASE_CRC] = { "crc", GOLDEN_SECTORS, true },
	[BASE_WRAP] = { "wrap", 524288, false },
	[BASE_BLANK] = { "blank", GOLDEN_SECTORS, false },
};

static bool parse_option(struct recipe *recipe, const char *word)
{
	if (!strcmp(word, "other_crc"))
		recipe->other_crc = true;
	else if (!strcmp(word, "batch"))
		recipe->batch = true;
	else if (sscanf(word, "block=%" SCNu32, &recipe->block) != 1 &&
		 sscanf(word, "sectors=%" SCNu64, &recipe->sectors) != 1)
		return false;
	return true;
}

static bool parse_base(struct recipe *recipe, const char *words)
{
	char copy[EDIT_LINE], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", words);
	word = strsep(&rest, " ");
	for (recipe->base = 0; recipe->base < NR_BASES; recipe->base++)
		if (!strcmp(bases[recipe->base].name, word))
			break;
	while (recipe->base < NR_BASES && (word = strsep(&rest, " ")))
		if (!parse_option(recipe, word))
			return false;
	return recipe->base < NR_BASES;
}

bool recipe_line(struct recipe *recipe, const char *line)
{
	if (!strncmp(line, "on ", 3))
		return parse_base(recipe, line + 3);
	if (sscanf(line, "refused: %199[^\n]", recipe->regex) == 1) {
		recipe->verdict = RECIPE_REFUSED;
		return true;
	}
	if (sscanf(line, "opens: %lu differ, %lu fail", &recipe->differ, &recipe->fail) == 2) {
		recipe->verdict = RECIPE_OPENS;
		return true;
	}
	if (recipe->nr_edits == RECIPE_EDITS ||
	    !edit_parse(&recipe->edits[recipe->nr_edits], line))
		return false;
	recipe->nr_edits++;
	return true;
}

void recipe_parse(struct recipe *recipe, const char *text, size_t len)
{
	char line[EDIT_LINE];

	memset(recipe, 0, sizeof(*recipe));
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		recipe_line(recipe, line);
		if (recipe->base == NR_BASES)
			recipe->base = 0;
		n += !!end;
		text += n;
		len -= n;
	}
}

size_t recipe_print(const struct recipe *recipe, char *text, size_t room)
{
	char line[EDIT_LINE];
	size_t len = 0;
	unsigned int i;

	if (room < EDIT_LINE)
		return 0;
	len += sprintf(text, "on %s%s%s", bases[recipe->base].name,
		       recipe->other_crc ? " other_crc" : "", recipe->batch ? " batch" : "");
	if (recipe->block)
		len += sprintf(text + len, " block=%" PRIu32, recipe->block);
	if (recipe->sectors)
		len += sprintf(text + len, " sectors=%" PRIu64, recipe->sectors);
	text[len++] = '\n';
	for (i = 0; i < recipe->nr_edits; i++) {
		size_t n;

		edit_print(&recipe->edits[i], line);
		n = strlen(line);
		if (len + n + 1 > room)
			return 0;
		memcpy(text + len, line, n);
		len += n;
		text[len++] = '\n';
	}
	return len;
}

bool recipes_read(const char *path, void (*fn)(const struct recipe *recipe))
{
	static struct recipe recipe;
	char line[300];
	bool good = true;
	FILE *f = fopen(path, "r");

	if (!f)
		return false;
	memset(&recipe, 0, sizeof(recipe));
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '#' || !line[0])
			continue;
		if (!recipe.name[0]) {
			snprintf(recipe.name, sizeof(recipe.name), "%.63s", line);
		} else if (!recipe_line(&recipe, line)) {
			fprintf(stderr, "%s: %s: what is '%s'?\n", path, recipe.name, line);
			good = false;
		}
		if (recipe.verdict) {
			fn(&recipe);
			memset(&recipe, 0, sizeof(recipe));
		}
	}
	fclose(f);
	return good && !recipe.name[0];
}
