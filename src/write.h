/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes and flushes of the user. A write is done when its data is stored and fenced, and its keys
 * are in the index and on their way to the log; with FUA, and for a flush, when the log has been
 * committed; both fail while a part of the log can't be read. What finds no space waits in line,
 * and is served first come, first served.
 */
#ifndef PCACHE_WRITE_H
#define PCACHE_WRITE_H

struct bio;
struct dm_target;
struct pcache;

int write_init(struct pcache *c);
void write_exit(struct pcache *c);

/*
 * Do what @bio, whose sectors are the origin's, asks for: a write, or an empty flush. May sleep for
 * commits of others; never waits for space here. Returns DM_MAPIO_SUBMITTED.
 */
int write_map(struct pcache *c, struct bio *bio);

/*
 * A suspend of @ti has begun: if it is one without flush, the device-mapper core has back what
 * would wait for space, and what waits already. NULL: the suspend is done, or has been given up.
 */
void write_suspend(struct pcache *c, struct dm_target *ti);

#endif
