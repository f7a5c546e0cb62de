/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An extent: a range of the origin and where its data lies; and the same in little space. */
#ifndef PCACHE_EXTENT_H
#define PCACHE_EXTENT_H

#include <linux/types.h>

/* A key, or what later keys have left of it. In sectors of 512 bytes, but for the checksum. */
struct extent {
	u64 start;		/* on the origin */
	u32 len;		/* 1 to 8192; an extent never crosses a multiple of 8192 */
	u32 seg;		/* cache segment id, below 2^20 */
	u32 sect;		/* of the first sector, in the segment's data area, below 2^15 */
	bool clean;		/* the origin held this data when the key was written */
	bool hit;		/* read since it was inserted */
	bool verified;		/* the checksum has been compared once */
	bool lost;		/* dirty, can't be read: an older key must not take it away */
	/* The checksum of the whole key's data: kept only where the index has checksums, else 0. */
	u32 crc;
	u32 skip;		/* sectors of the key's data before the extent's first */
	u32 key_len;		/* sectors of the key's data */
};

/* An extent, packed. */
struct entry {
	u64 start;
	u64 val;
	u64 sum;
};

/*
 * What an entry maps to. The length is lowest and the place right above it, so that cutting n
 * sectors off the front is a single addition: n to the place, -n to the length.
 */
#define VAL_LEN_BITS		13
#define VAL_SECT_SHIFT		13
#define VAL_SECT_BITS		15
#define VAL_SEG_SHIFT		28
#define VAL_SEG_BITS		20
#define VAL_CLEAN		(1ULL << 48)
#define VAL_HIT			(1ULL << 49)
#define VAL_VERIFIED		(1ULL << 50)
#define VAL_LOST		(1ULL << 51)

/* The checksum of the key, lowest, and which part of the key's data this is. */
#define SUM_SKIP_SHIFT		32
#define SUM_SKIP_BITS		13
#define SUM_KEY_LEN_SHIFT	45
#define SUM_KEY_LEN_BITS	13

#define ENTRY_FIELD(word, shift, bits)	((u32)((word) >> (shift)) & ((1u << (bits)) - 1))

static inline u32 val_len(u64 val)
{
	return ENTRY_FIELD(val, 0, VAL_LEN_BITS) + 1;
}

static inline u32 val_seg(u64 val)
{
	return ENTRY_FIELD(val, VAL_SEG_SHIFT, VAL_SEG_BITS);
}

static inline u32 val_sect(u64 val)
{
	return ENTRY_FIELD(val, VAL_SECT_SHIFT, VAL_SECT_BITS);
}

static inline u64 val_cut_front(u64 val, u32 n)
{
	return val + ((u64)n << VAL_SECT_SHIFT) - n;
}

static inline u64 sum_cut_front(u64 sum, u32 n)
{
	return sum + ((u64)n << SUM_SKIP_SHIFT);
}

static inline struct entry extent_pack(const struct extent *e)
{
	return (struct entry){
		.start = e->start,
		.val = (e->len - 1) | (u64)e->sect << VAL_SECT_SHIFT |
		       (u64)e->seg << VAL_SEG_SHIFT | (e->clean ? VAL_CLEAN : 0) |
		       (e->hit ? VAL_HIT : 0) | (e->verified ? VAL_VERIFIED : 0) |
		       (e->lost ? VAL_LOST : 0),
		.sum = e->crc | (u64)e->skip << SUM_SKIP_SHIFT |
		       (u64)(e->key_len - 1) << SUM_KEY_LEN_SHIFT,
	};
}

static __always_inline void val_unpack(u64 val, struct extent *e)
{
	e->len = val_len(val);
	e->seg = val_seg(val);
	e->sect = val_sect(val);
	e->clean = val & VAL_CLEAN;
	e->hit = val & VAL_HIT;
	e->verified = val & VAL_VERIFIED;
	e->lost = val & VAL_LOST;
}

static __always_inline void sum_unpack(u64 sum, struct extent *e)
{
	e->crc = (u32)sum;
	e->skip = ENTRY_FIELD(sum, SUM_SKIP_SHIFT, SUM_SKIP_BITS);
	e->key_len = ENTRY_FIELD(sum, SUM_KEY_LEN_SHIFT, SUM_KEY_LEN_BITS) + 1;
}

static inline void entry_unpack(const struct entry *ent, struct extent *e)
{
	e->start = ent->start;
	val_unpack(ent->val, e);
	sum_unpack(ent->sum, e);
}

#endif
