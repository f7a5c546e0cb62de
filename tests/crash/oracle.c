// SPDX-License-Identifier: GPL-2.0-or-later
/* What the user was told, and so what may be found after a power cut. */
#include <stdlib.h>

#include <linux/string.h>

#include "oracle.h"
#include "test.h"

u64 slot_sector(u32 slot)
{
	return (u64)(slot / CHUNK_USED + 1) * SHARD_CHUNK_SECTORS - CHUNK_USED + slot % CHUNK_USED;
}

u32 slot_rest(u32 slot)
{
	return CHUNK_USED - slot % CHUNK_USED;
}

static void *grow(void *array, u32 nr, u32 *max, size_t size)
{
	if (nr < *max)
		return array;
	*max = *max ? 2 * *max : 16;
	return realloc(array, *max * size);
}

void oracle_write(struct oracle *o, u32 slot, u32 len, u64 *data)
{
	u32 i, word;

	o->last_write++;
	for (i = slot; i < slot + len; i++) {
		struct history *h = &o->slots[i];

		h->writes = grow(h->writes, h->nr, &h->max, sizeof(*h->writes));
		h->writes[h->nr++] = o->last_write;
		for (word = 0; word < SECTOR_WORDS; word++)
			*data++ = slot_sector(i) << 32 | o->last_write;
	}
}

void oracle_done(struct oracle *o)
{
	o->acked = o->last_write;
}

static void add_barrier(struct oracle *o)
{
	o->barriers = grow(o->barriers, o->nr_barriers, &o->max_barriers, sizeof(*o->barriers));
	o->barriers[o->nr_barriers++] = (struct barrier){ o->acked, o->last_write };
}

void oracle_flushed(struct oracle *o)
{
	o->flushed = o->acked;
	add_barrier(o);
}

void oracle_kept(struct oracle *o, u32 slot, u32 len)
{
	u32 i;

	for (i = slot; i < slot + len; i++)
		o->slots[i].kept = o->acked;
	add_barrier(o);
}

/* Of which write a sector is. */
static u32 sector_write(const u64 *data, u64 sector)
{
	u64 differ = 0;
	unsigned int i;

	for (i = 1; i < SECTOR_WORDS; i++)
		differ |= data[i] ^ data[0];
	if (differ)
		test_failed(__FILE__, __LINE__, "sector %llu is torn, or was never written: %llx ...",
			    sector, data[0]);
	if (data[0] && data[0] >> 32 != sector)
		test_failed(__FILE__, __LINE__, "sector %llu has data of sector %llu", sector,
			    data[0] >> 32);
	return (u32)data[0];
}

static bool ever_written(const struct history *h, u32 write)
{
	u32 i = h->nr;

	while (i && h->writes[i - 1] != write)
		i--;
	return i || !write;
}

/* The last write of the slot up to @limit. */
static u32 last_of(const struct history *h, u32 limit)
{
	u32 i = h->nr;

	while (i && h->writes[i - 1] > limit)
		i--;
	return i ? h->writes[i - 1] : 0;
}

void oracle_check_read(const struct oracle *o, u32 slot, u32 len, const u64 *data)
{
	u32 i;

	for (i = slot; i < slot + len; i++, data += SECTOR_WORDS)
		CHECK_EQ(sector_write(data, slot_sector(i)), last_of(&o->slots[i], o->last_write));
}

static u32 check_slot(const struct oracle *o, u32 slot, const u64 *data)
{
	const struct history *h = &o->slots[slot];
	u32 is = sector_write(data, slot_sector(slot));
	u32 least = max(last_of(h, o->flushed), h->kept);

	if (is < least || !ever_written(h, is))
		test_failed(__FILE__, __LINE__,
			    "sector %llu is of write %u; durable was %u, the last is %u",
			    slot_sector(slot), is, least, last_of(h, o->last_write));
	return is;
}

static u32 found[SLOTS];		/* of which write each slot is */

void oracle_check_cache(const struct oracle *o, struct pcache *c)
{
	static u64 data[CHUNK_USED * SECTOR_WORDS];
	u32 slot, i;

	for (slot = 0; slot < SLOTS; slot += CHUNK_USED) {
		CHECK_EQ(rig_read(c, slot_sector(slot), CHUNK_USED, data, false), 0);
		for (i = 0; i < CHUNK_USED; i++)
			found[slot + i] = check_slot(o, slot + i, data + i * SECTOR_WORDS);
	}
}

void oracle_learn(struct oracle *o, struct pcache *c)
{
	u32 slot;

	oracle_check_cache(o, c);
	for (slot = 0; slot < SLOTS; slot++) {
		struct history *h = &o->slots[slot];

		while (h->nr && h->writes[h->nr - 1] > found[slot])
			h->nr--;
	}
	o->acked = o->last_write;
	oracle_flushed(o);
}

void oracle_check_drained(struct pcache *c)
{
	static u8 data[CHUNK_USED * PCACHE_SECTOR];
	u32 slot;

	for (slot = 0; slot < SLOTS; slot += CHUNK_USED) {
		u64 sector = slot_sector(slot);

		CHECK_EQ(rig_read(c, sector, CHUNK_USED, data, false), 0);
		CHECK(!memcmp(data, c->origin.bdev->mem + sector * PCACHE_SECTOR, sizeof(data)));
	}
}

void oracle_check_origin(const struct oracle *o, const struct block_device *bdev, bool ordered)
{
	u32 is[SLOTS], slot, newest = 0, i, must = 0;

	for (slot = 0; slot < SLOTS; slot++) {
		u64 sector = slot_sector(slot);

		is[slot] = sector_write((u64 *)(bdev->mem + sector * PCACHE_SECTOR), sector);
		CHECK(ever_written(&o->slots[slot], is[slot]));
		newest = max(newest, is[slot]);
	}
	for (i = o->nr_barriers; i && o->barriers[i - 1].after >= newest; i--)
		;
	if (i && ordered)
		must = o->barriers[i - 1].before;
	for (slot = 0; slot < SLOTS; slot++)
		if (is[slot] < last_of(&o->slots[slot], must))
			test_failed(__FILE__, __LINE__,
				    "the origin has write %u of sector %llu, and write %u of another, with a barrier after write %u between",
				    is[slot], slot_sector(slot), newest, must);
}
