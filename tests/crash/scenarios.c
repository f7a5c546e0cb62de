// SPDX-License-Identifier: GPL-2.0-or-later
/* Who works with the cache, and how. */
#include "crash.h"

#define ALWAYS	(EVENT(cut_data) | EVENT(cut_set) | EVENT(cut_dirty_tail) | EVENT(written_back) | \
		 EVENT(flush) | EVENT(cut_origin) | EVENT(gone_on) | EVENT(closed))
#define MIXED	"wwwwwwwWffffaarrsuk"

const struct scenario scenarios[] = {
	{
		.name = "strict", .script = "", .mix = MIXED,
		.ops = 60, .lives = 6, .fences = 80, .segments = 8,
		.shows = ALWAYS | EVENT(fua) | EVENT(flush_beside) | EVENT(fill) |
			 EVENT(cut_recovery),
	}, {
		.name = "batch", .script = "", .mix = MIXED,
		.ops = 60, .lives = 6, .fences = 80, .segments = 16, .opt.batch_order = true,
		.shows = ALWAYS | EVENT(fua) | EVENT(flush_beside) | EVENT(fill),
	}, {
		.name = "crc", .script = "", .mix = MIXED "jg",
		.ops = 60, .lives = 6, .fences = 80, .segments = 10, .opt.data_crc = true,
		.shows = ALWAYS | EVENT(cut_key_tail) | EVENT(cut_info),
	}, {
		/* The log goes from segment to segment, and comes back. */
		.name = "log", .script = "lwfawfwafwflawafwfwafwf", .mix = "wwaaffffsuRrl",
		.ops = 20, .lives = 4, .fences = 2000, .segments = 8,
		.shows = ALWAYS | EVENT(moved) | EVENT(moved_back) | EVENT(cut_next) |
			 EVENT(cut_last) | EVENT(cut_key_tail),
	}, {
		/* Reclaim never stops, so that segments are used again and again. */
		.name = "reclaim", .script = "gjR0fwjjjj", .mix = "wwwwffarrRsukj0",
		.ops = 40, .lives = 4, .fences = 400, .segments = 8,
		.opt = { .gc_percent_set = true },
		.shows = ALWAYS | EVENT(gc_zero) | EVENT(released) | EVENT(reused) |
			 EVENT(reinserted) | EVENT(cut_generation) | EVENT(cut_key_tail),
	}, {
		/* What was read is overwritten; reclaim then forgets the newer key first, if it can. */
		.name = "overwritten", .script = "GRr0fjjjjjdRwgkkwj0fjjjjjdgkk", .mix = "Rwr0fjdgkG",
		.ops = 20, .lives = 3, .fences = 500, .segments = 16,
		.shows = ALWAYS | EVENT(fill) | EVENT(gc_zero) | EVENT(released) |
			 EVENT(cut_generation),
	}, {
		/* What comes first after opening. */
		.name = "lives", .script = "wfdgwaGdk", .mix = "wfduGkso",
		.ops = 3, .lives = 20, .fences = 12, .segments = 8,
		.shows = ALWAYS | EVENT(cut_first_tail) | EVENT(cut_info) | EVENT(cut_key_tail),
	}, {
		.name = "format", .script = "xwf", .mix = "wwfadrGkx",
		.ops = 3, .lives = 6, .fences = 120,
		.shows = EVENT(cut_format) | EVENT(cut_segment_info) | EVENT(cut_superblock) |
			 EVENT(cut_identity) | EVENT(cut_mark) | EVENT(cut_recovery) |
			 EVENT(gone_on),
	}, {
		.name = "bad-origin", .script = "", .mix = MIXED,
		.ops = 60, .lives = 6, .fences = 80, .segments = 8,
		.slow = true, .fail_writes = 40, .fail_flushes = 4,
		.shows = ALWAYS | EVENT(origin_error),
	}, {
		/* A batch that has begun is finished before order counts again. */
		.name = "bad-batch", .script = "", .mix = MIXED,
		.ops = 60, .lives = 6, .fences = 80, .segments = 8, .opt.batch_order = true,
		.slow = true, .fail_writes = 20, .fail_flushes = 2,
		.shows = ALWAYS | EVENT(origin_error),
	}, {
		/* What it has taken is durable at once: nothing hides that a flush was forgotten. */
		.name = "write-through", .script = "", .mix = MIXED,
		.ops = 60, .lives = 6, .fences = 80, .segments = 8,
		.slow = true, .write_through = true,
		.shows = ALWAYS,
	},
};

const unsigned int nr_scenarios = ARRAY_SIZE(scenarios);
