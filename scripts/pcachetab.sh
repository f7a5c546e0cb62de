# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# What reads /etc/pcachetab, see pcachetab(5). Others source it, some of them in an initial ramdisk, where the shell may
# have nothing but its builtins.

PCACHETAB=${PCACHETAB:-/etc/pcachetab}

# tab_lines - the lines that name a device: NAME CACHE ORIGIN OPTIONS, with - where there are no options
tab_lines() {
	[ -r "$PCACHETAB" ] || return 0
	while read -r name cache origin options rest || [ -n "$name" ]; do
		case $name in '' | '#'*) continue ;; esac
		echo "$name $cache $origin ${options:--}${rest:+ $rest}"
	done <"$PCACHETAB"
}

# tab_options OPTIONS - the part of a table line that stands behind the devices
tab_options() (
	set -f
	IFS=,
	words='' count=0
	for option in $1; do
		case $option in
		- | x-*) ;;
		*=*) words="$words ${option%%=*} ${option#*=}" count=$((count + 2)) ;;
		*) words="$words $option" count=$((count + 1)) ;;
		esac
	done
	[ $count = 0 ] || echo " $count$words"
)
