/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Edits: changes of media, structure by structure, a line of text each.
 *
 *	KIND WHICH FIELD VALUE		superblock flags 2; key 3.7 len +512; segment 5.0 next_seg 6
 *	copy KIND WHICH OTHER		all of one structure, checksum included, over another
 *	swap KIND WHICH OTHER		two structures change places
 *	cut N				the log ends in front of its set N
 *	append N			a set of N good keys goes to the end of the log
 *	last N				a set goes there that leads the log on to segment N
 *
 * The kinds and their fields are those of src/format.h. WHICH counts from 0: a set by its place in
 * the log, a key by its set and its place there, what belongs to a segment by the segment's
 * physical id. "data" is the data of a key, "media" the eight bytes at an offset. Of a record in
 * two copies the copy is named, too, or, if it is left out, the newest good one is meant.
 * Signed values are added to what is there. When the key_tail moves, the log is what lies there.
 *
 * The checksum of what was changed is made good again, unless the line begins with "raw" or the
 * field is the checksum. Nothing here trusts the media: an edit of what is not there does nothing.
 */
#ifndef EDIT_H
#define EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"

enum edit_op {
	EDIT_SET,
	EDIT_ADD,
	EDIT_COPY,
	EDIT_SWAP,
	EDIT_CUT,
	EDIT_APPEND,
	EDIT_LAST,
	NR_EDIT_OPS
};

struct edit_field {
	const char *name;
	uint8_t off, size;
};

#define EDIT_FIELDS	9

struct edit_kind {
	const char *name;
	uint8_t size;			/* of the structure */
	uint8_t indices;		/* numbers in WHICH */
	bool replicated;		/* the last of them is the copy */
	struct edit_field fields[EDIT_FIELDS + 1];
};

/* Ends with one that has no name. */
extern const struct edit_kind edit_kinds[];

/* In place of the number of a copy: the newest good one. */
#define EDIT_NEWEST	3u

struct edit {
	enum edit_op op;
	bool raw;
	unsigned int kind, field;
	uint32_t which[2], other[2];
	uint64_t value;
};

/* The most that a line of edit_print() has, with its end. */
#define EDIT_LINE	128

bool edit_parse(struct edit *e, const char *line);
void edit_print(const struct edit *e, char *line);

#define IMAGE_SETS	4096u

/* A device in memory. */
struct image {
	uint8_t *mem;
	uint64_t size;
	/* Where the sets of the log lie, as it was found and as edits have made it. */
	uint64_t sets[IMAGE_SETS];
	unsigned int nr_sets;
	uint64_t end;			/* where the log ends; 0: nowhere */
	uint64_t appended;		/* keys */
	/* Told before something changes, unless NULL. */
	void (*on_change)(struct image *image, uint64_t off, size_t len);
};

/* Look at the log of what is in @mem, whose segments are in a row. */
void image_init(struct image *image, void *mem, uint64_t size);

/* Returns whether there was such a place. */
bool image_edit(struct image *image, const struct edit *e);

#endif
