/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device says of itself: the superblock, whose cache it is, and the cache_info.
 *
 * All functions may sleep. Those that return an error have told the kernel log why.
 */
#ifndef PCACHE_SUPERBLOCK_H
#define PCACHE_SUPERBLOCK_H

#include "format.h"
#include "media.h"

/* The origin as its cache knows it (rule 14). */
struct identity {
	u64 origin_sectors;
	u8 origin_id[PCACHE_ID_SIZE];	/* zeros: it has no name of its own */
};

/* How the name of a whole disk begins, which not every kernel tells. */
#define IDENTITY_WWN		"wwn-"

struct superblock {
	u32 flags;			/* of the superblock */
	u32 seg_num;			/* segments on the device */
	u32 first_seg;			/* physical id where the chain starts */
	u32 n_segs;			/* segments in the chain */
	u32 info_flags;			/* PCACHE_INFO_*; without INIT the rest must be made anew */
	struct media_slot info_slot;
	bool blank;			/* nothing on the device: format it */
	bool formatting;		/* a formatting has begun, and not been settled */
	bool owned;			/* an identity is there */
	u8 uuid[16];			/* of the cache, if it is owned */
	struct identity identity;
};

/*
 * Read what is there, change nothing. 0, also for a device that is blank: its first 20 KiB are
 * zero, or hold what a power cut has left of an earlier formatting. -EINVAL if it is no cache
 * device, or one that can't be right; -EIO if it can't be read.
 */
int superblock_read(struct pmem *pm, struct superblock *sb);

/*
 * Is @who the origin of this cache, or may it become so? 0, or -EINVAL after a message. An origin
 * with the same name that has grown is the same, and so is one of the same size that had no name.
 * Unless it is @told, the kernel may keep the name of a disk to itself: then the size must do.
 */
int superblock_check_origin(struct pmem *pm, const struct superblock *sb,
			    const struct identity *who, bool told);

/* How many segments the device has, or will have once it is formatted. */
u32 superblock_segments(const struct pmem *pm, const struct superblock *sb);

/*
 * The device is about to be formatted. Until superblock_settle() it can be formatted again,
 * whatever a power cut leaves of it. Both are durable on return.
 */
void superblock_begin(struct pmem *pm, struct superblock *sb);
void superblock_settle(struct pmem *pm, struct superblock *sb);

/*
 * Complete the formatting of a device that is blank, or whose first activation never completed.
 * The segments and the log have been formatted before, as many as superblock_segments() says.
 * @info_flags are the data_crc and gc_percent bits. The superblock is stored last (rule 11).
 */
void superblock_format(struct pmem *pm, struct superblock *sb, u32 info_flags);

/* Note whose cache this is. Durable on return. */
void superblock_adopt(struct pmem *pm, struct superblock *sb, const struct identity *who);

/* Change the flags of the cache_info. Durable on return. The caller serialises. */
void superblock_set_info(struct pmem *pm, struct superblock *sb, u32 info_flags);

#endif
