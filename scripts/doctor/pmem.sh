# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Is it persistent memory that the module can use?

MIN_BYTES=$((512 << 20))	# as in the module's format.h

# The namespaces of the persistent memory that exist, with their modes as ndctl calls them.
namespaces() {
	local ns mode
	for ns in "$SYSTEM"/sys/bus/nd/devices/namespace*; do
		[ "$(cat "$ns/size" 2>/dev/null)" -gt 0 ] 2>/dev/null || continue
		mode=$(cat "$ns/mode" 2>/dev/null || true)
		case $mode in
		memory) mode=fsdax ;;
		dax) mode=devdax ;;
		safe) mode=sector ;;
		esac
		echo "${ns##*/} ${mode:-raw}"
	done
}

to_fsdax() { echo "ndctl create-namespace -f -e $1 -m fsdax     (erases what is on it)"; } # NAMESPACE

check_no_pmem() { # PATH - of a cache device that is not there
	local found ns mode
	found=$(namespaces)
	if [ ! -e "$SYSTEM/sys/bus/nd" ]; then
		finding "There is no cache device $1: the drivers of persistent memory are not loaded." "modprobe -a nfit nd_pmem"
		return
	elif [ -z "$found" ]; then
		finding "There is no cache device $1, and the persistent memory has no namespace." "ndctl create-namespace -m fsdax"
		return
	fi
	while read -r ns mode; do
		[ "$(name_of_namespace "$ns")" = "${1##*/}" ] || continue
		case $mode in
		devdax | sector)
			finding "There is no cache device $1: its namespace is in $mode mode, and not in fsdax mode." "$(to_fsdax "$ns")" ;;
		*) finding "There is no cache device $1: the driver of persistent memory is not loaded." "modprobe nd_pmem" ;;
		esac
		return
	done <<<"$found"
	finding "There is no cache device $1. The namespaces are: $(paste -sd, <<<"$found" | sed 's/,/, /g')." "ndctl list -N"
}

name_of_namespace() { # namespaceX.Y - what its block device is called
	local number=${1#namespace}
	echo "pmem${number%.0}"
}

check_dax() { # PATH SYS - fails if it can't be a cache
	local parent device
	if [ "$(attribute "$2" dax)" = 1 ]; then
		[ $(($(sectors "$2") * 512)) -lt $MIN_BYTES ] || return 0
		finding "The cache device $1 is too small: it has $(($(sectors "$2") >> 11)) MiB, and needs $((MIN_BYTES >> 20))."
		return 1
	fi
	device=$2/device
	[ ! -e "$2/partition" ] || device=$2/../device
	parent=$(basename "$(readlink -f "$device")")
	case $parent in
	namespace*) finding "The cache device $1 is in raw mode, and not in fsdax mode." "$(to_fsdax "$parent")" ;;
	btt*) finding "The cache device $1 is in sector mode, and not in fsdax mode." \
		"$(to_fsdax "$(cat "$device/namespace" 2>/dev/null || echo NAMESPACE)")" ;;
	*) finding "The cache device $1 is no persistent memory with DAX." "ndctl list -N     (what persistent memory there is)" ;;
	esac
	return 1
}
