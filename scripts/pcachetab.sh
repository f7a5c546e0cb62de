# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# What reads /etc/pcachetab, see pcachetab(5), and makes its devices. Others source it, some of them in an initial
# ramdisk, where there are the shell's builtins, dmesg, readlink and dmsetup.

PCACHETAB=${PCACHETAB:-/etc/pcachetab}

# tab_lines - the lines that name a device: NAME CACHE ORIGIN OPTIONS, with - where there are no options
tab_lines() {
	local name cache origin options rest
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

# tab_early - of such lines, those of the devices that an initial ramdisk makes
tab_early() {
	local line
	while read -r line; do
		case ",${line##* }," in *,x-initrd.attach,*) echo "$line" ;; esac
	done
}

# block_name PATH - what sysfs calls a block device; fails if there is none
block_name() {
	local node
	node=$(readlink -f "$1") && [ -b "$node" ] && echo "${node##*/}"
}

# block_below NAME - that device of sysfs and all that it lies on, a partition's disk included
block_below() {
	local below
	echo "$1"
	if [ -e "/sys/class/block/$1/partition" ]; then
		below=$(readlink -f "/sys/class/block/$1/..")
		block_below "${below##*/}"
	fi
	for below in "/sys/class/block/$1/slaves"/*; do
		[ ! -e "$below" ] || block_below "${below##*/}"
	done
}

# block_among PATH NAMES - whether that device is one of those of sysfs
block_among() {
	local name
	name=$(block_name "$1") || return 1
	case "
$2
" in *"
$name
"*) ;; *) return 1 ;; esac
}

# mounted_from DIR... - what they are mounted from now, and what /etc/fstab says
mounted_from() {
	local dir
	for dir; do
		findmnt -nvo SOURCE "$dir"
		findmnt -snveo SOURCE "$dir"
	done 2>/dev/null || :
}

# block_peers NAME - that device of sysfs and, if btrfs has it, all that the same filesystem is on
block_peers() {
	local peer
	echo "$1"
	for peer in /sys/fs/btrfs/*/devices/"$1"; do
		[ ! -e "$peer" ] || ls "${peer%/*}"
	done
}

# root_known - whether it can be told what / lies on: ZFS does not say
root_known() {
	local name
	for name in $(mounted_from /); do
		! block_name "$name" >/dev/null || return 0
	done
	return 1
}

# tab_for_initrd - the lines, with x-initrd.attach for each device that / or /usr lies on, or will if it lies on the
# origin until now
tab_for_initrd() {
	local below name cache origin options
	below=$(for name in $(mounted_from / /usr); do
		! name=$(block_name "$name") || block_peers "$name"
	done)
	below=$(for name in $below; do block_below "$name"; done)
	tab_lines | while read -r name cache origin options; do
		if block_among "/dev/mapper/$name" "$below" || block_among "$origin" "$below"; then
			options=$options,x-initrd.attach
		fi
		echo "$name $cache $origin $options"
	done
}

# tab_may_go - fails, and says why, if the next boot would take an origin for its cache without what is in this folder
tab_may_go() {
	local early
	early=$(tab_for_initrd | tab_early | while read -r name _; do echo "$name"; done)
	# shellcheck disable=SC2086 # in one line
	[ -z "$early" ] || {
		echo "dm-pcache: not removed: the system boots with the caches" $early "of /etc/pcachetab, and without this it" \
			"would boot with what lies behind them, which is older. Flush and remove each first, and take its line" \
			"out: pcachetab(5) tells how." >&2
		return 1
	}
}

# module_fits KERNEL - whether modprobe finds this module for it, and neither the kernel's own nor one built for another
module_fits() {
	local vermagic
	vermagic=$(modinfo -k "$1" -F vermagic dm-pcache 2>/dev/null) || return 1
	[ "${vermagic%% *}" = "$1" ] && [ "$(modinfo -k "$1" -F intree dm-pcache)" != Y ]
}

# initrd_holds FILE PATH - whether an initial ramdisk has such a file
initrd_holds() { [ "$({ lsinitramfs "$1" || lsinitrd "$1"; } 2>/dev/null | grep -Ec "(^|[ /])$2\$")" != 0 ]; }

# initrd_stays FILE... - what becomes of the initial ramdisk of a kernel that has no module: it is left as it is, unless
# it would boot from an origin, or stop as the new one will. A new kernel is better off with none: its package fails.
initrd_stays() {
	local file
	for file; do
		[ -f "$file" ] || continue
		{ initrd_holds "$file" etc/pcachetab && initrd_holds "$file" 'dm-pcache\.ko.*'; } || return 1
	done
}

# tab_ready NAME CACHE ORIGIN [OPTIONS] - whether what the device is made of is there
tab_ready() { block_name "$2" >/dev/null && block_name "$3" >/dev/null; }

# tab_attach NAME CACHE ORIGIN OPTIONS - makes the device, unless it is there
tab_attach() {
	local sectors
	[ ! -e "/dev/mapper/$1" ] || return 0
	read -r sectors <"/sys/class/block/$(block_name "$3")/size" || return 1
	dmsetup create "$1" --table "0 $sectors pcache $2 $3$(tab_options "$4")"
}

# tab_missing NAME CACHE ORIGIN [OPTIONS] - says why the device can't be there
tab_missing() {
	block_name "$2" >/dev/null || echo "there is no cache device $2"
	block_name "$3" >/dev/null || echo "there is no origin $3"
	dmesg | while read -r line; do
		case $line in *"device-mapper: pcache: "*) echo "$line" ;; esac
	done
}

# tab_trap PATH - says which device of the table a block device bypasses, for it lies on the origin and not on the cache
tab_trap() {
	local below name origin
	below=$(block_name "$1") && below=$(block_below "$below") || return 0
	tab_lines | while read -r name _ origin _; do
		if block_among "$origin" "$below" && ! block_among "/dev/mapper/$name" "$below"; then
			echo "$name"
		fi
	done
}
