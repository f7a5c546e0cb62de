# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# The devices of a line of /etc/pcachetab, or of a device that is there.

# sys_of PATH - its folder in sysfs, which may know it by another name; fails if there is no such device
sys_of() {
	local found node
	node=$(readlink -f "$SYSTEM$1") || return 1
	if [ -b "$node" ]; then
		found=/sys/dev/block/$((0x$(stat -c %t "$node"))):$((0x$(stat -c %T "$node")))
	else
		found=$SYSTEM/sys/class/block/${node##*/}
	fi
	[ -e "$found/dev" ] && readlink -f "$found"
}

dm_of() { # NAME - the folder in sysfs of a device-mapper device
	local file
	for file in "$SYSTEM"/sys/class/block/dm-*/dm/name; do
		if [ "$(cat "$file" 2>/dev/null)" = "$1" ]; then
			readlink -f "${file%/dm/name}"
			return
		fi
	done
	return 1
}

number() { cat "$1/dev"; } # SYS - major:minor
sectors() { cat "$1/size"; } # SYS

attribute() { # SYS NAME - of the queue, which a partition has from its disk
	cat "$1/queue/$2" 2>/dev/null || cat "$1/../queue/$2" 2>/dev/null
}

# Who uses a device, or a partition of it, that only the cache NAME should use.
check_users() { # ROLE PATH SYS NAME
	local role=$1 sys holder who commands
	shift
	for sys in "$2" "$2"/"${2##*/}"*; do
		[ -e "$sys/dev" ] || continue
		who=$(awk -v dev="$(number "$sys")" -v node="/dev/${sys##*/}" '
			{ source = ""; for (i = 7; i < NF; i++) if ($i == "-") source = $(i + 2) }
			$3 == dev || source == node { print $5; exit }' "$SYSTEM/proc/self/mountinfo")
		if [ -n "$who" ]; then
			finding "The $role $1 is mounted on $who, behind the back of the cache $3." \
				"umount $who     (and mount /dev/mapper/$3 in its place; what was written so may be lost or old)"
		fi
		if grep -q "^/dev/${sys##*/} " "$SYSTEM/proc/swaps" 2>/dev/null; then
			finding "The $role $1 is used as swap, behind the back of the cache $3." "swapoff /dev/${sys##*/}"
		fi
		for holder in "$sys"/holders/*; do
			[ -e "$holder" ] || continue
			who=$(cat "$holder/dm/name" 2>/dev/null || true)
			[ "$who" != "$3" ] || continue
			mapfile -t commands < <(release_holder "$1" "$holder" "$who")
			finding "The $role $1 is held by ${who:-${holder##*/}} (/dev/${holder##*/}), and not by the cache $3 alone." \
				"${commands[@]}"
		done
	done
}

release_holder() { # PATH HOLDER DM-NAME
	case $(cat "$2/dm/uuid" 2>/dev/null || echo "${2##*/}") in
	LVM-*)
		echo "vgchange -an \$(lvs --noheadings -o vg_name /dev/mapper/$3)"
		echo "vi /etc/lvm/lvm.conf     (add \"r|^$1\$|\" to devices/global_filter)"
		;;
	CRYPT-*) echo "cryptsetup close $3" ;;
	md*) echo "mdadm --stop /dev/${2##*/}" ;;
	*) echo "dmsetup remove ${3:-${2##*/}}" ;;
	esac
}

# What a boot loader reads: it knows nothing of caches.
check_boot() { # NAME SYS
	local where
	where=$(awk -v dev="$(number "$2")" '$5 == "/" || $5 == "/boot" { at[$5] = $3 }
		END { if (at["/boot"] == dev) print "/boot"; else if (!at["/boot"] && at["/"] == dev) print "/" }' \
		"$SYSTEM/proc/self/mountinfo")
	[ -z "$where" ] ||
		finding "The kernels in /boot lie on the cache $1 (which holds $where), and a boot loader reads its origin, which is older." \
			"mount a filesystem of its own on /boot, on a disk without a cache"
}

# What the module has said last of a device that it refused. It does not say the name, which is gone with the device.
last_refusal() {
	kernel_log | sed -n 's/.*device-mapper: pcache: [0-9]*:[0-9]*: //p' |
		grep -vE '^(formatted as|what is cached and not dirty|write-back fails|segment [0-9]+ has bad blocks)' | tail -n 1
}

# A device that is not there, though its parts are as they should be. The log may tell of what has been mended since.
check_refusal() { # NAME CACHE ORIGIN OPTIONS SECTORS
	local said commands=()
	said=$(last_refusal || true)
	[[ $said != *"belongs to "* ]] || commands=("$WHICH_ORIGIN")
	finding "The device $1 has not been created.${said:+ "The kernel log says last: $said."}" \
		"${commands[@]}" "dmsetup create $1 --table '0 $5 pcache $2 $3$(tab_options "$4")'"
}

# dm_target NAME - of a device-mapper device: the target, and its first two words
dm_target() {
	local target cache origin
	read -r _ _ target cache origin _ < <(dmsetup table "$1" 2>/dev/null) || true
	echo "${target:-none} ${cache-} ${origin-}"
}

check_live() { # NAME CACHE-SYS ORIGIN-SYS
	local target devices
	read -r target devices < <(dm_target "$1")
	if [ "$target" != pcache ]; then
		finding "The name $1 is taken by a device-mapper device of another kind, $target." \
			"dmsetup rename $1 OTHER-NAME     (or dmsetup remove $1)"
	elif [ "$devices" != "$(number "$2") $(number "$3")" ]; then
		finding "The device $1 is made of other devices than /etc/pcachetab says: $devices." \
			"lsblk -o NAME,MAJ:MIN     (which are they?)"
	fi
}

check_device() { # NAME CACHE ORIGIN OPTIONS
	local before=$findings cache="" origin=""
	origin=$(sys_of "$3") ||
		finding "There is no origin $3, for the device $1." "lsblk -o NAME,SIZE,WWN,PARTUUID     (what disks there are)"
	cache=$(sys_of "$2") || check_no_pmem "$2"
	[ -z "$cache" ] || check_users "cache device" "$2" "$cache" "$1"
	[ -z "$origin" ] || check_users origin "$3" "$origin" "$1"
	[ -n "$cache" ] && [ -n "$origin" ] || return 0
	if dm_of "$1" >/dev/null; then
		check_live "$1" "$cache" "$origin"
		check_boot "$1" "$(dm_of "$1")"
	elif check_dax "$2" "$cache" && check_media "$2" "$3" "$origin"; then
		[ "$findings" -gt "$before" ] || [ -n "$module_amiss" ] || check_refusal "$@" "$(sectors "$origin")"
	fi
}

check_line() { check_device "$1" "${tab_cache[$1]}" "${tab_origin[$1]}" "${tab_opts[$1]}"; } # NAME

node_of() { echo "/dev/$(basename "$(readlink -f "$SYSTEM/sys/dev/block/$1")")"; } # MAJOR:MINOR

check_alive() { # NAME - of a device-mapper device that is not in the table
	local target cache origin
	read -r target cache origin < <(dm_target "$1")
	if [ "$target" = pcache ]; then
		check_device "$1" "$(node_of "$cache")" "$(node_of "$origin")" -
	else
		finding "The device $1 is not one of pcache, but of the target $target." "dmsetup ls --target pcache"
	fi
}

check_path() { # PATH - a cache device, be it in the table or not yet
	local sys name
	if ! sys=$(sys_of "$1"); then
		check_no_pmem "$1"
		return
	fi
	for name in "${!tab_cache[@]}"; do
		if [ "$(sys_of "${tab_cache[$name]}")" = "$sys" ] || [ "$(sys_of "${tab_origin[$name]}")" = "$sys" ]; then
			check_line "$name"
			return
		fi
	done
	if check_dax "$1" "$sys" && ! is_cache "$1"; then check_blank "$1" || true; fi
}
