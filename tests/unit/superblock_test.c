// SPDX-License-Identifier: GPL-2.0-or-later
/* What a device says of itself: formatting it, and refusing what can't be right. */
#include <unistd.h>

#include <linux/string.h>

#include "rig.h"
#include "test.h"

#define ORIGIN	12345678u

static struct pmem_model *model;
static struct pmem pm;
static struct superblock sb;

static void start(void)
{
	model = pmem_model_new(PCACHE_MIN_SIZE);
	pmem_model_open(model, &pm, "dev");
}

static void format(void)
{
	struct identity who = { .origin_sectors = ORIGIN };

	start();
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK(sb.blank);
	superblock_adopt(&pm, &sb, &who);
	superblock_format(&pm, &sb, PCACHE_GC_DEFAULT << PCACHE_INFO_GC_SHIFT);
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK(!sb.blank);
}

static void expect(int r, const char *text)
{
	unsigned long fences = model->fences;

	stub_log_clear();
	CHECK_EQ(superblock_read(&pm, &sb), r);
	CHECK_LOG("dev: ");
	CHECK_LOG(text);
	/* What is refused is not changed. */
	CHECK_EQ(model->fences, fences);
}

static struct media_superblock *media(void)
{
	return (void *)(model->mem + PCACHE_SB_OFF);
}

static void seal(void)
{
	media()->crc = media_crc(media(), sizeof(*media()));
}

static struct media_cache_info *info(int copy)
{
	return (void *)(model->mem + PCACHE_INFO_OFF + copy * PCACHE_INFO_STRIDE);
}

static void seal_info(struct media_cache_info *info)
{
	info->header.crc = media_crc(info, sizeof(*info));
}

TEST(superblock_format_and_read)
{
	format();
	CHECK_EQ(sb.seg_num, 31);
	CHECK_EQ(sb.n_segs, 31);
	CHECK_EQ(sb.first_seg, 0);
	CHECK_EQ(sb.flags, 0);
	CHECK_EQ(sb.info_flags,
		 PCACHE_INFO_INIT | PCACHE_GC_DEFAULT << PCACHE_INFO_GC_SHIFT);
	CHECK(sb.owned);
	CHECK_EQ(sb.identity.origin_sectors, ORIGIN);
	CHECK(memchr_inv(sb.uuid, 0, sizeof(sb.uuid)));
}

/* Any byte of the first 20 KiB that is not zero belongs to somebody. */
TEST(superblock_not_blank)
{
	static const u32 at[] = { 0, 510, 4095, PCACHE_SB_OFF + 24, 8192, 12000, 16384, 20479 };
	char text[32];
	unsigned int i;

	start();
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		model->mem[at[i]] = 1;
		snprintf(text, sizeof(text), "byte %u", at[i]);
		expect(-EINVAL, text);
		model->mem[at[i]] = 0;
	}
	model->mem[20480] = 1;
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK(sb.blank);
	pmem_model_poison(model, 16384);
	expect(-EIO, "poisoned");
}

TEST(superblock_refused)
{
	struct media_superblock good;

	format();
	good = *media();
	media()->magic ^= 1ull << 40;
	seal();
	expect(-EINVAL, "magic");
	*media() = good;
	media()->pad = 1;
	expect(-EINVAL, "checksum");
	*media() = good;
	media()->flags = 2;
	seal();
	expect(-EINVAL, "unknown flags");
	media()->flags = PCACHE_SB_BIG_ENDIAN;
	seal();
	expect(-EINVAL, "byte order");
	*media() = good;
	media()->seg_num = 32;
	seal();
	expect(-EINVAL, "32 segments");
	media()->seg_num = 0;
	seal();
	expect(-EINVAL, "0 segments");
	*media() = good;
	pmem_model_poison(model, PCACHE_SB_OFF + 1024);
	expect(-EIO, "poisoned");
	pmem_model_heal(model, PCACHE_SB_OFF + 1024);
	pm.size -= PCACHE_BLOCK;
	expect(-EINVAL, "at least");
}

TEST(superblock_info_refused)
{
	struct media_cache_info *near, good;

	format();
	near = info(0);
	good = *near;
	near->n_segs = 32;
	seal_info(near);
	expect(-EINVAL, "32 segments from 0 on");
	near->n_segs = 0;
	seal_info(near);
	expect(-EINVAL, "cache_info");
	*near = good;
	near->seg_id = 31;
	seal_info(near);
	expect(-EINVAL, "from 31 on");
	*near = good;
	near->flags |= 100u << PCACHE_INFO_GC_SHIFT;
	near->flags |= PCACHE_INFO_GC_MASK;
	seal_info(near);
	expect(-EINVAL, "gc_percent is 127");
	*near = good;
	near->flags |= 1u << 20;
	seal_info(near);
	expect(-EINVAL, "unknown flags");
	*near = good;
	pmem_model_poison(model, PCACHE_INFO_OFF);
	expect(-EIO, "cache_info");
}

/* A formatted device that was never activated is no error: the rest is made again. */
TEST(superblock_never_activated)
{
	format();
	/* Somebody has used it: what was in it would be gone. */
	memset(info(0), 0, sizeof(*info(0)));
	expect(-EINVAL, "cache_info: no good copy");
	memset(model->mem + PCACHE_IDENTITY_OFF, 0, sizeof(struct media_identity));
	info(1)->flags = 1;
	expect(-EINVAL, "cache_info: no good copy");
	memset(info(1), 0, sizeof(*info(1)));
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK(!sb.blank && !(sb.info_flags & PCACHE_INFO_INIT));
	superblock_format(&pm, &sb, PCACHE_INFO_DATA_CRC);
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK_EQ(sb.info_flags, PCACHE_INFO_INIT | PCACHE_INFO_DATA_CRC);
}

TEST(superblock_info_changes)
{
	u32 i;

	format();
	for (i = 0; i < 600; i++) {
		u32 flags = PCACHE_INFO_INIT | i % 91 << PCACHE_INFO_GC_SHIFT;

		superblock_set_info(&pm, &sb, flags);
		if (i % 3)
			continue;
		CHECK_EQ(superblock_read(&pm, &sb), 0);
		CHECK_EQ(sb.info_flags, flags);
		CHECK_EQ(sb.n_segs, 31);
	}
}

/* The second copy right behind the first, as Linux 6.18's first releases wrote it. */
TEST(superblock_info_quirk)
{
	struct media_cache_info *odd, *near;

	format();
	near = info(0);
	odd = near + 1;
	memset(info(1), 0, sizeof(*info(1)));
	*odd = *near;
	odd->header.seq = near->header.seq + 1;
	odd->flags = PCACHE_INFO_INIT | 33u << PCACHE_INFO_GC_SHIFT;
	seal_info(odd);
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK_EQ(sb.info_flags, odd->flags);
	/* After a change of ours, that is what is read; and after the next. */
	superblock_set_info(&pm, &sb, PCACHE_INFO_INIT | 44u << PCACHE_INFO_GC_SHIFT);
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK_EQ(sb.info_flags, PCACHE_INFO_INIT | 44u << PCACHE_INFO_GC_SHIFT);
	superblock_set_info(&pm, &sb, PCACHE_INFO_INIT | 55u << PCACHE_INFO_GC_SHIFT);
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK_EQ(sb.info_flags, PCACHE_INFO_INIT | 55u << PCACHE_INFO_GC_SHIFT);
}

/* Of a device that is larger than a cache can be, the rest is not used. */
TEST(superblock_most_segments)
{
	struct identity who = { .origin_sectors = ORIGIN };

	model = pmem_model_new(PCACHE_SEGS_OFF + (PCACHE_MAX_SEGS + 1ull) * PCACHE_SEG_SIZE);
	pmem_model_open(model, &pm, "dev");
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	superblock_adopt(&pm, &sb, &who);
	superblock_format(&pm, &sb, 0);
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK_EQ(sb.seg_num, PCACHE_MAX_SEGS);
	media()->seg_num++;
	seal();
	expect(-EINVAL, "does not have 1048577 segments");
}

static struct identity origin(u64 sectors, const char *id)
{
	struct identity who = { .origin_sectors = sectors };

	strscpy((char *)who.origin_id, id, sizeof(who.origin_id));
	return who;
}

static bool is_origin(u64 sectors, const char *id)
{
	struct identity who = origin(sectors, id);
	int r = superblock_check_origin(&pm, &sb, &who, true);

	CHECK(!r || r == -EINVAL);
	return !r;
}

TEST(superblock_identity)
{
	struct identity who = origin(1000, "disk-a");
	u8 uuid[16];

	format();
	CHECK(is_origin(ORIGIN, ""));
	CHECK(!is_origin(ORIGIN + 1, ""));
	CHECK_LOG("belongs to an origin of 12345678 sectors, not to one of 12345679");
	/* One that had no name may have got one. */
	CHECK(is_origin(ORIGIN, "disk-a"));
	CHECK(!is_origin(ORIGIN + 1, "disk-a"));

	memcpy(uuid, sb.uuid, sizeof(uuid));
	superblock_adopt(&pm, &sb, &who);
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK(!memcmp(uuid, sb.uuid, sizeof(uuid)));
	CHECK(is_origin(1000, "disk-a"));
	CHECK(is_origin(2000, "disk-a"));
	CHECK(!is_origin(999, "disk-a"));
	CHECK(!is_origin(1000, "disk-b"));
	CHECK_LOG("belongs to the origin 'disk-a', not to 'disk-b'");
	CHECK(!is_origin(1000, ""));

	/* A bad one counts as none: so it is with media that Linux's own target has made. */
	model->mem[PCACHE_IDENTITY_OFF + 20]++;
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	CHECK(!sb.owned);
	CHECK(is_origin(7, "disk-c"));
}

/* A kernel that does not tell a disk's name must do with the size; but a disk is nothing else. */
TEST(superblock_name_untold)
{
	struct identity disk = origin(1000, "wwn-a"), part = origin(1000, "part-a");
	struct identity same = origin(1000, ""), other = origin(1001, "");

	format();
	superblock_adopt(&pm, &sb, &disk);
	CHECK_EQ(superblock_check_origin(&pm, &sb, &same, false), 0);
	CHECK_EQ(superblock_check_origin(&pm, &sb, &same, true), -EINVAL);
	CHECK_EQ(superblock_check_origin(&pm, &sb, &other, false), -EINVAL);
	CHECK_LOG("belongs to an origin of 1000 sectors, not to one of 1001");
	superblock_adopt(&pm, &sb, &part);
	CHECK_EQ(superblock_check_origin(&pm, &sb, &same, false), -EINVAL);
	CHECK_LOG("belongs to the origin 'part-a', not to ''");
}

/* Who goes back to an older kernel, and comes again, finds the name still noted. */
TEST(superblock_name_kept)
{
	struct block_device *bdev = fake_origin_new(1ull << 19);
	struct pcache_options opt = { };
	struct pcache c;

	strscpy(bdev->id, "wwn-a", sizeof(bdev->id));
	model = pmem_model_new(PCACHE_MIN_SIZE);
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	rig_close(&c);
	bdev->name_untold = true;
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	c.origin.sectors++;
	pcache_adopt(&c);
	c.origin.sectors--;
	pcache_adopt(&c);
	rig_close(&c);
	bdev->name_untold = false;
	strscpy(bdev->id, "wwn-b", sizeof(bdev->id));
	CHECK_EQ(rig_open(&c, model, bdev, &opt), -EINVAL);
	CHECK_LOG("belongs to the origin 'wwn-a', not to 'wwn-b'");
	strscpy(bdev->id, "wwn-a", sizeof(bdev->id));
	CHECK_EQ(rig_open(&c, model, bdev, &opt), 0);
	rig_close(&c);
	fake_origin_free(bdev);
}

/* A power cut while formatting leaves a device that can be formatted, or is complete. */
static void crashed(struct pmem_model *model, void *arg)
{
	struct superblock found;

	if (superblock_read(&pm, &found))
		_exit(1);
	if (found.blank)
		return;
	CHECK(found.info_flags & PCACHE_INFO_INIT);
	CHECK_EQ(found.n_segs, 31);
	CHECK(found.owned);
}

static void on_fence(struct pmem_model *model, void *arg)
{
	int *refused = arg;
	enum pmem_keep keep;

	for (keep = 0; keep < PMEM_KEEP_KINDS; keep++)
		*refused += !pmem_model_fork(model, keep, get_random_u64(), crashed, NULL);
}

TEST(superblock_power_cut_while_formatting)
{
	struct identity who = { .origin_sectors = ORIGIN };
	int refused = 0;

	start();
	CHECK_EQ(superblock_read(&pm, &sb), 0);
	model->on_fence = on_fence;
	model->arg = &refused;
	superblock_begin(&pm, &sb);
	superblock_adopt(&pm, &sb, &who);
	superblock_format(&pm, &sb, 0);
	superblock_settle(&pm, &sb);
	CHECK_EQ(refused, 0);
	/* Whoever wipes the superblock later has no formatting under way. */
	media()->magic = 0;
	expect(-EINVAL, "neither a cache nor blank");
}
