#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# For dracut, before it gives the user a shell.
# shellcheck source-path=SCRIPTDIR source=../pcachetab.sh
. /usr/lib/dm-pcache/pcachetab.sh

tab_early | while read -r name cache origin _; do
	[ ! -e "/dev/mapper/$name" ] || continue
	warn "pcache: the device $name can't be made. What is on $origin is old without it, and must not be used."
	tab_missing "$name" "$cache" "$origin"
done
