/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes of crafted media: a base, edits of it, and what must come of it. In text:
 *
 *	key_unaligned			a name, where there are several recipes
 *	on small batch			the base, and how it is opened
 *	key 0.0 off +256		edits: see edit.h
 *	refused: not whole blocks	a regex of the message, or ...
 *	opens: 8 differ, 0 fail		... sectors that read differently from the base, or fail
 *
 * Bases are the golden media of tests/images, and "blank". How it is opened: "other_crc" says the
 * other setting of data_crc than the base has, "batch" is a writeback_order, "block=N" the size of
 * the origin's blocks, and "sectors=N" its size.
 */
#ifndef RECIPE_H
#define RECIPE_H

#include "edit.h"

enum recipe_verdict { RECIPE_ANY, RECIPE_REFUSED, RECIPE_OPENS };

enum { BASE_FRESH, BASE_SMALL, BASE_CRC, BASE_WRAP, BASE_BLANK, NR_BASES };

struct base {
	const char *name;
	uint64_t sectors;		/* of its origin */
	bool data_crc;
};

extern const struct base bases[NR_BASES];

#define RECIPE_EDITS	64u

struct recipe {
	char name[64];
	unsigned int base;
	bool other_crc, batch;
	uint32_t block;			/* 0: as usual */
	uint64_t sectors;		/* 0: as many as the base's */
	struct edit edits[RECIPE_EDITS];
	unsigned int nr_edits;
	enum recipe_verdict verdict;
	char regex[200];
	unsigned long differ, fail;
};

/* One line; returns whether it is one. The name is not. */
bool recipe_line(struct recipe *recipe, const char *line);

/* All lines of @text that are lines of a recipe. */
void recipe_parse(struct recipe *recipe, const char *text, size_t len);

/* What recipe_parse() reads the same; returns the length, or 0 if there is not so much room. */
size_t recipe_print(const struct recipe *recipe, char *text, size_t room);

/* Call @fn for each recipe of a file; returns whether all of its lines were understood. */
bool recipes_read(const char *path, void (*fn)(const struct recipe *recipe));

#endif
