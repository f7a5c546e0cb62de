/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads of the user. What is in the cache is copied with no lock held, its segment pinned. What is
 * not is read from the origin: into pages of the module if it is to be cached (rule 13), else
 * straight to where the user wants it.
 */
#ifndef PCACHE_READ_H
#define PCACHE_READ_H

#include <linux/types.h>

struct bio;
struct pcache;

int read_init(struct pcache *c);
void read_exit(struct pcache *c);

/* Bytes that each bio carries for us. */
size_t read_bio_size(void);

/* Read @bio, whose sectors are the origin's. Never waits for space. Returns a DM_MAPIO_. */
int read_map(struct pcache *c, struct bio *bio);

/* Wait until what was read is cached, or has been given up. No reads are under way. */
void read_quiesce(struct pcache *c);

#endif
