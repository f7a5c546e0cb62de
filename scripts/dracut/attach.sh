#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# For dracut, each time that udev has come to rest: makes those devices whose parts have appeared.
# shellcheck source-path=SCRIPTDIR source=../pcachetab.sh
. /usr/lib/dm-pcache/pcachetab.sh

pcache_attach() { # NAME CACHE ORIGIN OPTIONS
	# What is refused is refused the next time as well, if not always.
	! tab_ready "$@" || tab_attach "$@" || sleep 5
}

modprobe -q dm-pcache
tab_lines | tab_early >/run/pcachetab
while read -r pcache_line <&3; do
	# shellcheck disable=SC2086 # it has no other blanks
	pcache_attach $pcache_line
done 3</run/pcachetab
unset pcache_line
