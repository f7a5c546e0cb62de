#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# For dracut, right before the root filesystem is mounted: that must not be from the origin of a cache. dracut has waited for
# it; where the user has told it not to, systemd does, which never sees an origin come (63-pcache.rules).
# shellcheck source-path=SCRIPTDIR source=../pcachetab.sh
. /usr/lib/dm-pcache/pcachetab.sh

# shellcheck disable=SC2154 # dracut knows it
trap_name=$(tab_trap "${root#block:}")
[ -z "$trap_name" ] || die "pcache: ${root#block:} lies on the origin of $trap_name, and what is there is old without the cache:" \
	"boot with root=/dev/mapper/$trap_name"
unset trap_name
