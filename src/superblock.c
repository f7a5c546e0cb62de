// SPDX-License-Identifier: GPL-2.0-or-later
/* What a device says of itself: the superblock, whose cache it is, and the cache_info. */
#define pr_fmt(fmt) "device-mapper: pcache: " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "superblock.h"

/* With fewer the log and the heads would leave nothing. The smallest device has 31. */
#define SEGS_MIN		8u

/* Linux 6.18's first releases kept the second cache_info right behind the first. */
#define INFO_QUIRK_STRIDE	((u32)sizeof(struct media_cache_info))

static int read_block(struct pmem *pm, void *block, u64 off)
{
	int r = pmem_read(pm, block, off, PCACHE_BLOCK);

	if (r)
		pr_err("%s: the persistent memory is poisoned between bytes %llu and %llu\n",
		       pm->name, off, off + PCACHE_BLOCK);
	return r;
}

/* What formatting stores in the first 20 KiB before the superblock has its magic. */
static const struct {
	u32 off, len;
} own_parts[] = {
	{ PCACHE_SB_OFF, sizeof(struct media_superblock) },
	{ PCACHE_IDENTITY_OFF, sizeof(struct media_identity) },
	{ PCACHE_FORMATTING_OFF, sizeof(u64) },
	{ PCACHE_INFO_OFF, sizeof(struct media_cache_info) },
	{ PCACHE_KEY_TAIL_OFF, 4 * PCACHE_TAIL_STRIDE },
};

static void forget_own_parts(u8 *block, u64 off)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(own_parts); i++)
		if (own_parts[i].off >= off && own_parts[i].off < off + PCACHE_BLOCK)
			memset(block + own_parts[i].off - off, 0, own_parts[i].len);
}

/*
 * Only a device whose first 20 KiB are zero may be formatted (rule 11), but for what a formatting
 * that was interrupted has left there.
 */
static int check_blank(struct pmem *pm, u8 *block, bool formatting)
{
	u64 off;

	for (off = 0; off < PCACHE_SEGS_OFF; off += PCACHE_BLOCK) {
		void *odd;
		int r = read_block(pm, block, off);

		if (r)
			return r;
		if (formatting)
			forget_own_parts(block, off);
		odd = memchr_inv(block, 0, PCACHE_BLOCK);
		if (odd) {
			pr_err("%s: is neither a cache nor blank: byte %llu is not zero; to make it a cache, zero its first 20 KiB\n",
			       pm->name, off + (odd - (void *)block));
			return -EINVAL;
		}
	}
	return 0;
}

static int read_identity(struct pmem *pm, struct superblock *sb, const u8 *block)
{
	const struct media_identity *id =
		(const void *)(block + PCACHE_IDENTITY_OFF - PCACHE_SB_OFF);

	if (le32_to_cpu(id->crc) != media_crc(id, sizeof(*id)) ||
	    le64_to_cpu(id->magic) != PCACHE_IDENTITY_MAGIC)
		return 0;
	if (le32_to_cpu(id->version) != PCACHE_IDENTITY_VERSION) {
		pr_err("%s: identity: version %u is not known\n", pm->name,
		       le32_to_cpu(id->version));
		return -EINVAL;
	}
	sb->owned = true;
	memcpy(sb->uuid, id->uuid, sizeof(sb->uuid));
	sb->identity.origin_sectors = le64_to_cpu(id->origin_sectors);
	memcpy(sb->identity.origin_id, id->origin_id, PCACHE_ID_SIZE);
	return 0;
}

static int check_superblock(struct pmem *pm, struct superblock *sb, const u8 *block)
{
	const struct media_superblock *m = (const void *)block;
	bool big = IS_ENABLED(CONFIG_CPU_BIG_ENDIAN);

	if (le64_to_cpu(m->magic) != PCACHE_SB_MAGIC) {
		pr_err("%s: superblock: magic is %016llx, not %016llx\n", pm->name,
		       le64_to_cpu(m->magic), PCACHE_SB_MAGIC);
		return -EINVAL;
	}
	if (le32_to_cpu(m->crc) != media_crc(m, sizeof(*m))) {
		pr_err("%s: superblock: bad checksum\n", pm->name);
		return -EINVAL;
	}
	sb->flags = le32_to_cpu(m->flags);
	sb->seg_num = le32_to_cpu(m->seg_num);
	if (sb->flags & ~PCACHE_SB_BIG_ENDIAN) {
		pr_err("%s: superblock: unknown flags %#x\n", pm->name, sb->flags);
		return -EINVAL;
	}
	if (!!(sb->flags & PCACHE_SB_BIG_ENDIAN) != big) {
		pr_err("%s: superblock: was written by a machine of the other byte order\n",
		       pm->name);
		return -EINVAL;
	}
	/* Fewer than a cache needs: else one that is to be formatted would have no space, ever. */
	if (sb->seg_num < SEGS_MIN || sb->seg_num > PCACHE_MAX_SEGS ||
	    sb->seg_num > (pm->size - PCACHE_SEGS_OFF) / PCACHE_SEG_SIZE) {
		pr_err("%s: superblock: a device of %llu bytes does not have %u segments\n",
		       pm->name, pm->size, sb->seg_num);
		return -EINVAL;
	}
	return 0;
}

static int load_info(struct pmem *pm, struct superblock *sb, struct media_cache_info *info)
{
	struct media_cache_info quirk, far;
	struct media_slot slot;
	int r = media_load(pm, PCACHE_INFO_OFF, PCACHE_INFO_STRIDE, info, sizeof(*info),
			   &sb->info_slot);

	/*
	 * The far copy counts whenever it is good: who has stored it no longer minds the near
	 * one. A store of ours goes there first, so what it leaves is read right at any moment.
	 */
	if (!pmem_read(pm, &far, PCACHE_INFO_OFF + PCACHE_INFO_STRIDE, sizeof(far)) &&
	    far.header.crc == media_crc(&far, sizeof(far)))
		return r;
	if (!media_load(pm, PCACHE_INFO_OFF, INFO_QUIRK_STRIDE, &quirk, sizeof(quirk), &slot)) {
		*info = quirk;
		sb->info_slot = (struct media_slot){ .seq = slot.seq, .next = 1 };
		r = 0;
	}
	return r;
}

/* No cache_info at all, and nobody has used the cache: make the rest anew. */
static bool is_never_activated(struct pmem *pm, const struct superblock *sb)
{
	struct media_cache_info info[3];
	u64 far = PCACHE_INFO_OFF + PCACHE_INFO_STRIDE;

	return !sb->owned && !pmem_read(pm, info, PCACHE_INFO_OFF, 2 * sizeof(*info)) &&
	       !pmem_read(pm, info + 2, far, sizeof(*info)) && !memchr_inv(info, 0, sizeof(info));
}

static int check_info(struct pmem *pm, struct superblock *sb)
{
	struct media_cache_info info;
	u32 gc;
	int r = load_info(pm, sb, &info);

	if (r == -ENODATA && is_never_activated(pm, sb))
		return 0;
	if (r) {
		pr_err("%s: cache_info: %s\n", pm->name,
		       r == -EIO ? "the persistent memory is poisoned" : "no good copy");
		return r == -EIO ? r : -EINVAL;
	}
	sb->first_seg = info.seg_id;
	sb->n_segs = info.n_segs;
	sb->info_flags = info.flags;
	gc = (info.flags & PCACHE_INFO_GC_MASK) >> PCACHE_INFO_GC_SHIFT;
	if (!(info.flags & PCACHE_INFO_INIT))
		return 0;
	if (info.n_segs < SEGS_MIN || info.n_segs > sb->seg_num || info.seg_id >= sb->seg_num) {
		pr_err("%s: cache_info: %u segments from %u on, but the device has %u\n",
		       pm->name, info.n_segs, info.seg_id, sb->seg_num);
		return -EINVAL;
	}
	if (gc > PCACHE_GC_MAX) {
		pr_err("%s: cache_info: gc_percent is %u\n", pm->name, gc);
		return -EINVAL;
	}
	if (info.flags & ~(PCACHE_INFO_DATA_CRC | PCACHE_INFO_INIT | PCACHE_INFO_MODE_MASK |
			   PCACHE_INFO_GC_MASK)) {
		pr_err("%s: cache_info: unknown flags %#x\n", pm->name, info.flags);
		return -EINVAL;
	}
	return 0;
}

int superblock_read(struct pmem *pm, struct superblock *sb)
{
	u8 *block = kmalloc(PCACHE_BLOCK, GFP_KERNEL);
	int r;

	memset(sb, 0, sizeof(*sb));
	if (!block)
		return -ENOMEM;
	r = -EINVAL;
	if (pm->size < PCACHE_MIN_SIZE) {
		pr_err("%s: has %llu bytes, a cache needs at least %llu\n", pm->name, pm->size,
		       PCACHE_MIN_SIZE);
		goto out;
	}
	r = read_block(pm, block, PCACHE_SB_OFF);
	if (r)
		goto out;
	sb->formatting = *(u64 *)(block + PCACHE_FORMATTING_OFF - PCACHE_SB_OFF) ==
			 PCACHE_FORMATTING_MAGIC;
	if (!((struct media_superblock *)block)->magic) {
		sb->blank = true;
		r = check_blank(pm, block, sb->formatting);
		goto out;
	}
	r = check_superblock(pm, sb, block);
	if (!r)
		r = read_identity(pm, sb, block);
	if (!r)
		r = check_info(pm, sb);
out:
	kfree(block);
	return r;
}

int superblock_check_origin(struct pmem *pm, const struct superblock *sb,
			    const struct identity *who, bool told)
{
	const struct identity *known = &sb->identity;
	bool named = memchr_inv(known->origin_id, 0, PCACHE_ID_SIZE);

	if (!sb->owned)
		return 0;
	if (!told && !memcmp(known->origin_id, IDENTITY_WWN, strlen(IDENTITY_WWN)))
		named = false;
	/* An origin that had no name may have got one: newer kernels know more of them. */
	if (named && memcmp(known->origin_id, who->origin_id, PCACHE_ID_SIZE)) {
		pr_err("%s: belongs to the origin '%.*s', not to '%.*s'\n", pm->name,
		       PCACHE_ID_SIZE, known->origin_id, PCACHE_ID_SIZE, who->origin_id);
		return -EINVAL;
	}
	if (known->origin_sectors != who->origin_sectors &&
	    (!named || known->origin_sectors > who->origin_sectors)) {
		pr_err("%s: belongs to an origin of %llu sectors, not to one of %llu\n",
		       pm->name, known->origin_sectors, who->origin_sectors);
		return -EINVAL;
	}
	return 0;
}

void superblock_adopt(struct pmem *pm, struct superblock *sb, const struct identity *who)
{
	struct media_identity m = {
		.version = cpu_to_le32(PCACHE_IDENTITY_VERSION),
		.magic = cpu_to_le64(PCACHE_IDENTITY_MAGIC),
		.origin_sectors = cpu_to_le64(who->origin_sectors),
	};

	if (!sb->owned)
		get_random_bytes(sb->uuid, sizeof(sb->uuid));
	memcpy(m.uuid, sb->uuid, sizeof(m.uuid));
	memcpy(m.origin_id, who->origin_id, PCACHE_ID_SIZE);
	m.crc = cpu_to_le32(media_crc(&m, sizeof(m)));
	pmem_begin(pm);
	pmem_write(pm, PCACHE_IDENTITY_OFF, &m, sizeof(m));
	pmem_end(pm);
	sb->owned = true;
	sb->identity = *who;
}

void superblock_set_info(struct pmem *pm, struct superblock *sb, u32 info_flags)
{
	struct media_cache_info info = {
		.seg_id = sb->first_seg,
		.n_segs = sb->n_segs,
		.flags = info_flags,
	};

	media_store(pm, PCACHE_INFO_OFF, PCACHE_INFO_STRIDE, &info, sizeof(info), &sb->info_slot);
	sb->info_flags = info_flags;
}

u32 superblock_segments(const struct pmem *pm, const struct superblock *sb)
{
	if (!sb->blank)
		return sb->seg_num;
	return min_t(u64, (pm->size - PCACHE_SEGS_OFF) / PCACHE_SEG_SIZE, PCACHE_MAX_SEGS);
}

static void store_word(struct pmem *pm, u64 off, u64 word)
{
	pmem_begin(pm);
	pmem_write(pm, off, &word, sizeof(word));
	pmem_end(pm);
}

void superblock_begin(struct pmem *pm, struct superblock *sb)
{
	store_word(pm, PCACHE_FORMATTING_OFF, PCACHE_FORMATTING_MAGIC);
	sb->formatting = true;
}

void superblock_settle(struct pmem *pm, struct superblock *sb)
{
	store_word(pm, PCACHE_FORMATTING_OFF, 0);
	sb->formatting = false;
}

/* The magic comes last, in one store: before it there is no superblock, behind it a whole one. */
static void store_superblock(struct pmem *pm, const struct superblock *sb)
{
	struct media_superblock m = {
		.flags = cpu_to_le32(sb->flags),
		.magic = cpu_to_le64(PCACHE_SB_MAGIC),
		.seg_num = cpu_to_le32(sb->seg_num),
	};
	__le64 magic = m.magic;

	m.crc = cpu_to_le32(media_crc(&m, sizeof(m)));
	m.magic = 0;
	pmem_begin(pm);
	pmem_write(pm, PCACHE_SB_OFF, &m, sizeof(m));
	pmem_fence(pm);
	pmem_write(pm, PCACHE_SB_OFF + offsetof(struct media_superblock, magic), &magic,
		   sizeof(magic));
	pmem_end(pm);
}

void superblock_format(struct pmem *pm, struct superblock *sb, u32 info_flags)
{
	if (sb->blank)
		sb->flags = IS_ENABLED(CONFIG_CPU_BIG_ENDIAN) ? PCACHE_SB_BIG_ENDIAN : 0;
	sb->seg_num = superblock_segments(pm, sb);
	sb->first_seg = 0;
	sb->n_segs = sb->seg_num;
	superblock_set_info(pm, sb, info_flags | PCACHE_INFO_INIT);

	if (sb->blank)
		store_superblock(pm, sb);
	sb->blank = false;
}
