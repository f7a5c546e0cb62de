/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The on-media format, shared by the module and the tools. Nothing else lives here.
 *
 * It is the format that Linux has used since 6.18. Integers are in the byte order of the CPU that
 * wrote them, but for the superblock, which is little-endian. Structures are naturally aligned and
 * none is packed. Offsets and lengths are in bytes unless a name says otherwise.
 *
 * Every structure starts with its checksum: crc32c as the kernel computes it, seeded with
 * PCACHE_CRC_SEED, without a final inversion, over all that follows the checksum field, padding
 * included.
 */
#ifndef PCACHE_FORMAT_H
#define PCACHE_FORMAT_H

#include <linux/types.h>

#define PCACHE_CRC_SEED		0x3B15Au

#define PCACHE_SECTOR		512u
#define PCACHE_BLOCK		4096u

/* The whole device. */
#define PCACHE_SB_OFF		(1 * PCACHE_BLOCK)	/* superblock, and our identity behind it */
#define PCACHE_INFO_OFF		(2 * PCACHE_BLOCK)	/* cache_info, two copies */
#define PCACHE_INFO_STRIDE	PCACHE_BLOCK
#define PCACHE_KEY_TAIL_OFF	(4 * PCACHE_BLOCK)	/* position, two copies */
#define PCACHE_DIRTY_TAIL_OFF	(PCACHE_KEY_TAIL_OFF + 2 * PCACHE_TAIL_STRIDE)
#define PCACHE_TAIL_STRIDE	16u
#define PCACHE_SEGS_OFF		(5 * PCACHE_BLOCK)	/* the first segment */
#define PCACHE_MIN_SIZE		(512ULL << 20)
#define PCACHE_MAX_SEGS		(1u << 20)

/* A segment. */
#define PCACHE_SEG_SIZE		(16u << 20)
#define PCACHE_SEG_INFO_STRIDE	PCACHE_BLOCK		/* segment_info, two copies, at offset 0 */
#define PCACHE_SEG_GEN_OFF	(2 * PCACHE_BLOCK)	/* generation, two copies */
#define PCACHE_SEG_GEN_STRIDE	16u
#define PCACHE_SEG_DATA_OFF	(3 * PCACHE_BLOCK)
#define PCACHE_SEG_DATA_SIZE	(PCACHE_SEG_SIZE - PCACHE_SEG_DATA_OFF)

/* A key never crosses such a boundary of the origin. */
#define PCACHE_CHUNK		(4u << 20)

/* What starts a replicated record; of two good copies, the one whose seq is ahead is newer. */
struct media_header {
	__u32 crc;
	__u8 seq;
	__u8 version;
	__u16 reserved;
};

#define PCACHE_SB_MAGIC		0x65B05EFA96C596EFULL
#define PCACHE_SB_BIG_ENDIAN	(1u << 0)	/* the rest of the media is big-endian */

struct media_superblock {
	__le32 crc;
	__le32 flags;
	__le64 magic;
	__le32 seg_num;
	__le32 pad;
};

/*
 * Whose cache this is. Ours alone: it lies in the superblock's block, where Linux's own target
 * neither reads nor writes. A copy that does not fit its checksum counts as absent.
 */
#define PCACHE_IDENTITY_OFF	(PCACHE_SB_OFF + 256)
#define PCACHE_IDENTITY_MAGIC	0x796C6E4F6D655043ULL
#define PCACHE_IDENTITY_VERSION	1u
#define PCACHE_ID_SIZE		64

struct media_identity {
	__le32 crc;
	__le32 version;
	__le64 magic;
	__u8 uuid[16];			/* of the cache, random */
	__le64 origin_sectors;
	__u8 origin_id[PCACHE_ID_SIZE];	/* what the origin calls itself; zeros: no name */
};

/*
 * While a device is being formatted this word of the superblock's block, ours alone as well, holds
 * the magic: so what a power cut has left of it can be told from what belongs to somebody else.
 */
#define PCACHE_FORMATTING_OFF	(PCACHE_SB_OFF + 512)
#define PCACHE_FORMATTING_MAGIC	0x676E6974746D7246ULL

#define PCACHE_INFO_DATA_CRC	(1u << 0)
#define PCACHE_INFO_INIT	(1u << 1)	/* the first activation has completed */
#define PCACHE_INFO_MODE_SHIFT	2
#define PCACHE_INFO_MODE_MASK	(0xFu << PCACHE_INFO_MODE_SHIFT)	/* 0 is writeback */
#define PCACHE_INFO_GC_SHIFT	6
#define PCACHE_INFO_GC_MASK	(0x7Fu << PCACHE_INFO_GC_SHIFT)
#define PCACHE_GC_MAX		90
#define PCACHE_GC_DEFAULT	70

struct media_cache_info {
	struct media_header header;
	__u32 seg_id;			/* physical id of the first segment of the chain */
	__u32 n_segs;			/* how many are chained */
	__u32 flags;
	__u32 reserved;
};

/* A place in the log, for key_tail and dirty_tail. */
struct media_position {
	struct media_header header;
	__u32 cache_seg_id;
	__u32 seg_off;			/* from the start of the segment's data area */
};

#define PCACHE_SEG_HAS_NEXT	(1u << 0)
#define PCACHE_SEG_TYPE_SHIFT	1
#define PCACHE_SEG_TYPE_MASK	(0xFu << PCACHE_SEG_TYPE_SHIFT)
#define PCACHE_SEG_TYPE_CACHE	(1u << PCACHE_SEG_TYPE_SHIFT)

struct media_segment_info {
	struct media_header header;
	__u32 flags;
	__u32 next_seg;			/* physical id */
};

struct media_generation {
	struct media_header header;
	__u64 gen;
};

#define PCACHE_KEY_EMPTY	(1u << 0)	/* never on media */
#define PCACHE_KEY_CLEAN	(1u << 1)	/* the origin already holds this data */

/* A range of the origin and where its data lies. off and len are multiples of a sector. */
struct media_key {
	__u64 off;
	__u32 len;
	__u32 flags;
	__u32 cache_seg_id;
	__u32 cache_seg_off;
	__u64 seg_gen;			/* dead if below the segment's generation */
	__u32 data_crc;
	__u32 reserved;
};

#define PCACHE_KSET_MAGIC	0x676894A64E164F1AULL
#define PCACHE_KSET_LAST	(1ULL << 0)	/* no keys; the log goes on in segment next_seg */
#define PCACHE_KSET_KEYS	128u

struct media_kset {
	__u32 crc;
	union {
		__u32 key_num;
		__u32 next_seg;		/* cache segment id */
	};
	__u64 magic;
	__u64 flags;
	struct media_key keys[];
};

#define PCACHE_KSET_SIZE(n)	((__u32)(sizeof(struct media_kset) + \
					 (n) * sizeof(struct media_key)))

#endif
