#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# For dracut, when it reads the command line: the devices that must be there before a root filesystem is mounted.
[ -r /usr/lib/dm-pcache/pcachetab.sh ] ||
	die "pcache: this initial ramdisk is not whole, and might mount what lies behind a cache. Boot with another one."
# shellcheck source-path=SCRIPTDIR source=../pcachetab.sh
. /usr/lib/dm-pcache/pcachetab.sh

for pcache_name in $(tab_lines | tab_early | while read -r name _; do echo "$name"; done); do
	wait_for_dev "/dev/mapper/$pcache_name"
done
unset pcache_name
