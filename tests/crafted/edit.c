// SPDX-License-Identifier: GPL-2.0-or-later
/* Edits: changes of media, structure by structure. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/crc32c.h>

#include "edit.h"

enum {
	SUPERBLOCK, IDENTITY, FORMATTING, INFO, KEY_TAIL, DIRTY_TAIL, SEGMENT, GENERATION, SET, KEY,
	DATA, MEDIA
};

#define SIZE(type, field)	sizeof(((struct type *)0)->field)
#define FIELD(type, field)	{ #field, offsetof(struct type, field), SIZE(type, field) }
#define WORD(type, field)	{ #field, offsetof(struct type, field), 8 }
#define HEADER(type) \
	{ "crc", 0, 4 }, { "seq", 4, 1 }, { "version", 5, 1 }, { "reserved", 6, 2 }

const struct edit_kind edit_kinds[] = {
	[SUPERBLOCK] = { "superblock", sizeof(struct media_superblock), 0, false, {
		FIELD(media_superblock, crc), FIELD(media_superblock, flags),
		FIELD(media_superblock, magic), FIELD(media_superblock, seg_num),
		FIELD(media_superblock, pad) } },
	[IDENTITY] = { "identity", sizeof(struct media_identity), 0, false, {
		FIELD(media_identity, crc), FIELD(media_identity, version),
		FIELD(media_identity, magic), WORD(media_identity, uuid),
		FIELD(media_identity, origin_sectors), WORD(media_identity, origin_id) } },
	[FORMATTING] = { "formatting", 8, 0, false, { { "word", 0, 8 } } },
	[INFO] = { "cache_info", sizeof(struct media_cache_info), 1, true, {
		HEADER(media_cache_info), FIELD(media_cache_info, seg_id),
		FIELD(media_cache_info, n_segs), FIELD(media_cache_info, flags),
		{ "tail", offsetof(struct media_cache_info, reserved), 4 } } },
	[KEY_TAIL] = { "key_tail", sizeof(struct media_position), 1, true, {
		HEADER(media_position), FIELD(media_position, cache_seg_id),
		FIELD(media_position, seg_off) } },
	[DIRTY_TAIL] = { "dirty_tail", sizeof(struct media_position), 1, true, {
		HEADER(media_position), FIELD(media_position, cache_seg_id),
		FIELD(media_position, seg_off) } },
	[SEGMENT] = { "segment", sizeof(struct media_segment_info), 2, true, {
		HEADER(media_segment_info), FIELD(media_segment_info, flags),
		FIELD(media_segment_info, next_seg) } },
	[GENERATION] = { "generation", sizeof(struct media_generation), 2, true, {
		HEADER(media_generation), FIELD(media_generation, gen) } },
	[SET] = { "set", sizeof(struct media_kset), 1, false, {
		FIELD(media_kset, crc), FIELD(media_kset, key_num), FIELD(media_kset, next_seg),
		FIELD(media_kset, magic), FIELD(media_kset, flags) } },
	[KEY] = { "key", sizeof(struct media_key), 2, false, {
		FIELD(media_key, off), FIELD(media_key, len), FIELD(media_key, flags),
		FIELD(media_key, cache_seg_id), FIELD(media_key, cache_seg_off),
		FIELD(media_key, seg_gen), FIELD(media_key, data_crc),
		FIELD(media_key, reserved) } },
	[DATA] = { "data", 8, 2, false, { { "word", 0, 8 } } },
	[MEDIA] = { "media", 8, 1, false, { { "word", 0, 8 } } },
	{ }
};

static const char * const op_names[] = {
	[EDIT_COPY] = "copy", [EDIT_SWAP] = "swap",
	[EDIT_CUT] = "cut", [EDIT_APPEND] = "append", [EDIT_LAST] = "last",
};

/*
 * Text.
 */

/* The next word of the line, or "". */
static const char *next_word(const char **line, char *word, size_t size)
{
	size_t n = 0;

	while (isspace((unsigned char)**line))
		(*line)++;
	for (; **line && !isspace((unsigned char)**line); (*line)++)
		if (n + 1 < size)
			word[n++] = **line;
	word[n] = 0;
	return word;
}

static bool parse_number(const char *word, uint64_t *value)
{
	char *end;

	*value = strtoull(word, &end, 0);
	return end != word && !*end;
}

/* Which one of a kind; returns false if there are too few numbers, or too many. */
static bool parse_which(const struct edit_kind *kind, const char **line, uint32_t which[2])
{
	unsigned int n, given = 0;
	char word[40], *at = word;

	if (isdigit((unsigned char)*(*line + strspn(*line, " \t"))) && kind->indices)
		next_word(line, word, sizeof(word));
	else
		word[0] = 0;
	for (n = 0; n < kind->indices && *at; n++, given++) {
		which[n] = strtoul(at, &at, 0);
		if (*at == '.')
			at++;
	}
	if (kind->replicated && given + 1 == kind->indices)
		which[given++] = EDIT_NEWEST;
	return given == kind->indices && !*at;
}

static bool parse_kind(struct edit *e, const char *word)
{
	for (e->kind = 0; edit_kinds[e->kind].name; e->kind++)
		if (!strcmp(edit_kinds[e->kind].name, word))
			return true;
	return false;
}

static bool parse_field(struct edit *e, const char *word)
{
	const struct edit_field *fields = edit_kinds[e->kind].fields;

	for (e->field = 0; fields[e->field].name; e->field++)
		if (!strcmp(fields[e->field].name, word))
			return true;
	return false;
}

static bool parse_value(struct edit *e, const char *word)
{
	if (*word != '+' && *word != '-')
		return parse_number(word, &e->value);
	e->op = EDIT_ADD;
	if (!parse_number(word + 1, &e->value))
		return false;
	if (*word == '-')
		e->value = -e->value;
	return true;
}

/* The rest of the line, behind the word that says what to do. */
static bool parse_op(struct edit *e, const char *line)
{
	const struct edit_kind *kind;
	char word[40];

	if (e->op >= EDIT_CUT)
		return parse_number(next_word(&line, word, sizeof(word)), &e->value);
	if (!parse_kind(e, next_word(&line, word, sizeof(word))))
		return false;
	kind = &edit_kinds[e->kind];
	return kind->indices && parse_which(kind, &line, e->which) &&
	       parse_which(kind, &line, e->other);
}

bool edit_parse(struct edit *e, const char *line)
{
	char word[40];

	memset(e, 0, sizeof(*e));
	next_word(&line, word, sizeof(word));
	for (e->op = EDIT_COPY; e->op < NR_EDIT_OPS; e->op++)
		if (!strcmp(op_names[e->op], word))
			return parse_op(e, line);
	e->op = EDIT_SET;
	e->raw = !strcmp(word, "raw");
	if (e->raw)
		next_word(&line, word, sizeof(word));
	return parse_kind(e, word) && parse_which(&edit_kinds[e->kind], &line, e->which) &&
	       parse_field(e, next_word(&line, word, sizeof(word))) &&
	       parse_value(e, next_word(&line, word, sizeof(word)));
}

static char *print_which(const struct edit_kind *kind, const uint32_t which[2], char *to)
{
	unsigned int n = kind->indices;

	if (kind->replicated && which[n - 1] == EDIT_NEWEST)
		n--;
	if (n)
		to += sprintf(to, " %u", which[0]);
	if (n > 1)
		to += sprintf(to, ".%u", which[1]);
	return to;
}

void edit_print(const struct edit *e, char *line)
{
	const struct edit_kind *kind = &edit_kinds[e->kind];

	if (e->op >= EDIT_CUT) {
		sprintf(line, "%s %" PRIu64, op_names[e->op], e->value);
	} else if (e->op >= EDIT_COPY) {
		line += sprintf(line, "%s %s", op_names[e->op], kind->name);
		line = print_which(kind, e->which, line);
		print_which(kind, e->other, line);
	} else {
		line += sprintf(line, "%s%s", e->raw ? "raw " : "", kind->name);
		line = print_which(kind, e->which, line);
		line += sprintf(line, " %s ", kind->fields[e->field].name);
		if (e->op == EDIT_SET)
			sprintf(line, "%" PRIu64, e->value);
		else if ((int64_t)e->value < 0)
			sprintf(line, "-%" PRIu64, -e->value);
		else
			sprintf(line, "+%" PRIu64, e->value);
	}
}

/*
 * Places.
 */

static uint32_t record_crc(const void *record, size_t size)
{
	return crc32c(PCACHE_CRC_SEED, (const uint8_t *)record + 4, size - 4);
}

static bool is_good(const void *record, size_t size)
{
	uint32_t crc;

	memcpy(&crc, record, sizeof(crc));
	return crc == record_crc(record, size);
}

static uint64_t segment_off(const struct image *image, uint64_t seg)
{
	uint64_t off = PCACHE_SEGS_OFF + seg * PCACHE_SEG_SIZE;

	return off + PCACHE_SEG_SIZE <= image->size ? off : 0;
}

/* Where the first copy of a record lies, and how far behind it the second. 0: nowhere. */
static uint64_t record_off(const struct image *image, const struct edit *e, const uint32_t which[2],
			   uint32_t *stride)
{
	uint64_t off;

	switch (e->kind) {
	case INFO:
		*stride = PCACHE_INFO_STRIDE;
		return PCACHE_INFO_OFF;
	case KEY_TAIL:
		*stride = PCACHE_TAIL_STRIDE;
		return PCACHE_KEY_TAIL_OFF;
	case DIRTY_TAIL:
		*stride = PCACHE_TAIL_STRIDE;
		return PCACHE_DIRTY_TAIL_OFF;
	case SEGMENT:
		*stride = PCACHE_SEG_INFO_STRIDE;
		return segment_off(image, which[0]);
	default:
		*stride = PCACHE_SEG_GEN_STRIDE;
		off = segment_off(image, which[0]);
		return off ? off + PCACHE_SEG_GEN_OFF : 0;
	}
}

static uint64_t copy_off(const struct image *image, const struct edit *e, const uint32_t which[2])
{
	const struct edit_kind *kind = &edit_kinds[e->kind];
	uint32_t copy = which[kind->indices - 1], stride;
	uint64_t off = record_off(image, e, which, &stride);
	const uint8_t *first = image->mem + off, *second = first + stride;

	/* The second copy in the place where Linux 6.18's first releases had it. */
	if (e->kind == INFO && copy == 2)
		return off + kind->size;
	if (!off || copy > EDIT_NEWEST)
		return 0;
	if (copy == EDIT_NEWEST)
		copy = is_good(second, kind->size) &&
		       (!is_good(first, kind->size) || (int8_t)(second[4] - first[4]) > 0);
	return off + (copy ? stride : 0);
}

static uint64_t key_off(const struct image *image, const uint32_t which[2])
{
	uint64_t off = which[0] < image->nr_sets ? image->sets[which[0]] : 0;
	uint64_t end = off - (off - PCACHE_SEGS_OFF) % PCACHE_SEG_SIZE + PCACHE_SEG_SIZE;

	if (!off || which[1] >= PCACHE_KSET_KEYS || off + PCACHE_KSET_SIZE(which[1] + 1) > end)
		return 0;
	return off + PCACHE_KSET_SIZE(which[1]);
}

static uint64_t data_off(const struct image *image, const uint32_t which[2])
{
	uint64_t off = key_off(image, which);
	struct media_key key;

	if (!off)
		return 0;
	memcpy(&key, image->mem + off, sizeof(key));
	off = segment_off(image, key.cache_seg_id);
	if (!off || key.cache_seg_off > PCACHE_SEG_DATA_SIZE - 8)
		return 0;
	return off + PCACHE_SEG_DATA_OFF + key.cache_seg_off;
}

/* 0: there is no such place. */
static uint64_t place(const struct image *image, const struct edit *e, const uint32_t which[2])
{
	switch (e->kind) {
	case SUPERBLOCK:
		return PCACHE_SB_OFF;
	case IDENTITY:
		return PCACHE_IDENTITY_OFF;
	case FORMATTING:
		return PCACHE_FORMATTING_OFF;
	case SET:
		return which[0] < image->nr_sets ? image->sets[which[0]] : 0;
	case KEY:
		return key_off(image, which);
	case DATA:
		return data_off(image, which);
	case MEDIA:
		return which[0] <= image->size - 8 ? which[0] : 0;
	default:
		return copy_off(image, e, which);
	}
}

/*
 * Changes.
 */

static void store(struct image *image, uint64_t off, const void *src, size_t len)
{
	if (image->on_change)
		image->on_change(image, off, len);
	memmove(image->mem + off, src, len);
}

static void seal_set(struct image *image, uint64_t off)
{
	uint64_t room = PCACHE_SEG_SIZE - (off - PCACHE_SEGS_OFF) % PCACHE_SEG_SIZE;
	struct media_kset set;
	uint64_t size;
	uint32_t crc;

	memcpy(&set, image->mem + off, sizeof(set));
	size = sizeof(set) + (set.flags & PCACHE_KSET_LAST ? 0 : 40ull * set.key_num);
	crc = record_crc(image->mem + off, size < room ? size : room);
	store(image, off, &crc, sizeof(crc));
}

static void seal(struct image *image, const struct edit *e, const uint32_t which[2], uint64_t off)
{
	uint32_t crc;

	if (e->kind == SET) {
		seal_set(image, off);
	} else if (e->kind == KEY) {
		seal_set(image, image->sets[which[0]]);
	} else if (!strcmp(edit_kinds[e->kind].fields[0].name, "crc")) {
		crc = record_crc(image->mem + off, edit_kinds[e->kind].size);
		store(image, off, &crc, sizeof(crc));
	}
}

static bool set_field(struct image *image, const struct edit *e)
{
	const struct edit_field *field = &edit_kinds[e->kind].fields[e->field];
	uint64_t off = place(image, e, e->which), value = 0;

	if (!off)
		return false;
	memcpy(&value, image->mem + off + field->off, field->size);
	value = e->op == EDIT_ADD ? value + e->value : e->value;
	store(image, off + field->off, &value, field->size);
	if (!e->raw && strcmp(field->name, "crc"))
		seal(image, e, e->which, off);
	return true;
}

static bool copy_or_swap(struct image *image, const struct edit *e)
{
	uint64_t to = place(image, e, e->which), from = place(image, e, e->other);
	size_t size = edit_kinds[e->kind].size;
	uint8_t kept[128];

	if (!to || !from)
		return false;
	memcpy(kept, image->mem + to, size);
	store(image, to, image->mem + from, size);
	if (e->op == EDIT_SWAP)
		store(image, from, kept, size);
	/* What has its checksum in itself keeps it. */
	if (e->kind == SET || e->kind == KEY) {
		seal(image, e, e->which, to);
		seal(image, e, e->other, from);
	}
	return true;
}

/* How many bytes are left in the data area from @off on. */
static uint64_t data_room(uint64_t off)
{
	return PCACHE_SEG_SIZE - (off - PCACHE_SEGS_OFF) % PCACHE_SEG_SIZE;
}

static bool cut(struct image *image, const struct edit *e)
{
	static const struct media_kset nothing;

	if (e->value >= image->nr_sets)
		return false;
	image->nr_sets = e->value;
	image->end = image->sets[e->value];
	store(image, image->end, &nothing, sizeof(nothing));
	return true;
}

/* A key of what was not mapped before, or is now mapped elsewhere, in the device's last segment. */
static struct media_key good_key(struct image *image)
{
	const struct edit gen_of = { .kind = GENERATION };
	const uint32_t seg = (image->size - PCACHE_SEGS_OFF) / PCACHE_SEG_SIZE - 1;
	const uint32_t which[2] = { seg, EDIT_NEWEST };
	struct media_generation gen;
	uint64_t at = image->appended++ * PCACHE_BLOCK;
	struct media_key key = {
		.off = at,
		.len = PCACHE_BLOCK,
		.cache_seg_id = seg,
		.cache_seg_off = at % (PCACHE_SEG_DATA_SIZE - PCACHE_SEG_DATA_SIZE % PCACHE_BLOCK),
	};

	memcpy(&gen, image->mem + place(image, &gen_of, which), sizeof(gen));
	if (is_good(&gen, sizeof(gen)))
		key.seg_gen = gen.gen;
	key.data_crc = crc32c(PCACHE_CRC_SEED, image->mem + segment_off(image, seg) +
			      PCACHE_SEG_DATA_OFF + key.cache_seg_off, PCACHE_BLOCK);
	return key;
}

static bool add_set(struct image *image, const struct media_kset *set, size_t size)
{
	static const struct media_kset nothing;

	if (!image->end || image->nr_sets == IMAGE_SETS ||
	    data_room(image->end) < size + sizeof(nothing))
		return false;
	store(image, image->end, set, size);
	seal_set(image, image->end);
	image->sets[image->nr_sets++] = image->end;
	image->end += size;
	return true;
}

static bool append(struct image *image, const struct edit *e)
{
	union {
		struct media_kset set;
		uint8_t room[PCACHE_KSET_SIZE(PCACHE_KSET_KEYS + 1)];
	} u = { .set = { .magic = PCACHE_KSET_MAGIC } };
	struct media_key key;
	uint32_t i, n = e->value;

	if (!n || e->value > PCACHE_KSET_KEYS)
		return false;
	u.set.key_num = n;
	for (i = 0; i < n; i++) {
		key = good_key(image);
		memcpy(u.room + PCACHE_KSET_SIZE(i), &key, sizeof(key));
	}
	return add_set(image, &u.set, PCACHE_KSET_SIZE(n));
}

static bool lead_on(struct image *image, const struct edit *e)
{
	const struct media_kset last = {
		.next_seg = e->value,
		.magic = PCACHE_KSET_MAGIC,
		.flags = PCACHE_KSET_LAST,
	};

	if (!add_set(image, &last, sizeof(last)))
		return false;
	image->end = segment_off(image, last.next_seg);
	if (image->end)
		image->end += PCACHE_SEG_DATA_OFF;
	return true;
}

/*
 * The log as it is found.
 */

static uint64_t position(const struct image *image, uint32_t seg, uint32_t off)
{
	uint64_t start = segment_off(image, seg);

	return start && off < PCACHE_SEG_DATA_SIZE ? start + PCACHE_SEG_DATA_OFF + off : 0;
}

/* Where the set at @off leaves the log, or 0 if there is no good one. */
static uint64_t behind_set(const struct image *image, uint64_t off)
{
	const uint64_t room = data_room(off);
	struct media_kset set;
	uint64_t size;

	if (room < sizeof(set))
		return 0;
	memcpy(&set, image->mem + off, sizeof(set));
	size = sizeof(set) + (set.flags & PCACHE_KSET_LAST ? 0 : 40ull * set.key_num);
	if (set.magic != PCACHE_KSET_MAGIC || size > room || !is_good(image->mem + off, size))
		return 0;
	return set.flags & PCACHE_KSET_LAST ? position(image, set.next_seg, 0) : off + size;
}

/* From the key_tail on. */
static void find_log(struct image *image)
{
	const struct edit tail = { .kind = KEY_TAIL };
	const uint32_t newest[2] = { EDIT_NEWEST };
	struct media_position pos;
	uint64_t next;

	image->nr_sets = 0;
	image->end = 0;
	memcpy(&pos, image->mem + place(image, &tail, newest), sizeof(pos));
	if (!is_good(&pos, sizeof(pos)))
		return;
	image->end = position(image, pos.cache_seg_id, pos.seg_off);
	while (image->end && image->nr_sets < IMAGE_SETS) {
		next = behind_set(image, image->end);
		if (!next)
			break;
		image->sets[image->nr_sets++] = image->end;
		image->end = next;
	}
}

void image_init(struct image *image, void *mem, uint64_t size)
{
	memset(image, 0, sizeof(*image));
	image->mem = mem;
	image->size = size;
	find_log(image);
}

bool image_edit(struct image *image, const struct edit *e)
{
	switch (e->op) {
	case EDIT_COPY:
	case EDIT_SWAP:
		return copy_or_swap(image, e);
	case EDIT_CUT:
		return cut(image, e);
	case EDIT_APPEND:
		return append(image, e);
	case EDIT_LAST:
		return lead_on(image, e);
	default:
		if (!set_field(image, e))
			return false;
		if (e->kind == KEY_TAIL)
			find_log(image);
		return true;
	}
}
