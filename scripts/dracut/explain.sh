#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# For dracut, before it gives the user a shell.
[ -r /usr/lib/dm-pcache/pcachetab.sh ] || return 0
# shellcheck source-path=SCRIPTDIR source=../pcachetab.sh
. /usr/lib/dm-pcache/pcachetab.sh

tab_lines | while read -r name cache origin options; do
	[ ! -e "/dev/mapper/$name" ] || continue
	case ,$options, in
	*,x-initrd.attach,*)
		warn "pcache: the device $name can't be made. What is on $origin is old without it, and must not be used."
		tab_missing "$name" "$cache" "$origin" | while read -r line; do warn "pcache: $line"; done
		;;
	*)
		warn "pcache: what is on $origin is hidden. If it is needed here, $name needs the option x-initrd.attach in" \
			"/etc/pcachetab when this initial ramdisk is made."
		;;
	esac
done
