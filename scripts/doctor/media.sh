# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What a cache device holds.

# As in the module's format.h.
SB_MAGIC_OFF=4104
SB_MAGIC=65b05efa96c596ef
IDENTITY_MAGIC_OFF=4360
IDENTITY_MAGIC=796c6e4f6d655043
IDENTITY_SECTORS_OFF=4384
IDENTITY_ID_OFF=4392
FORMATTING_OFF=4608
FORMATTING_MAGIC=676e6974746d7246
BLANK_BYTES=20480

word_at() { od -An --endian=little -tx8 -j "$2" -N 8 "$1" 2>/dev/null | tr -d ' '; } # FILE OFFSET

# origin_id SYS PATH - what the module calls it, if that can be told from here
origin_id() {
	local wwid
	if [ -e "$1/partition" ]; then
		wwid=$(blkid -po value -s PART_ENTRY_UUID "$2" 2>/dev/null) || return 0
		echo "part-$wwid"
	elif [ -s "$1/dm/uuid" ]; then
		wwid=dm-$(cat "$1/dm/uuid")
		echo "${wwid:0:63}"
	else
		wwid=$(cat "$1/device/wwid" 2>/dev/null || cat "$1/wwid" 2>/dev/null) || return 0
		case $wwid in naa.* | eui.*) echo "wwn-${wwid#*.}" ;; esac
	fi
}

check_blank() { # PATH - fails if formatting it would destroy something
	local file=$SYSTEM$1 type
	! cmp -s -n $BLANK_BYTES "$file" /dev/zero || return 0
	# A formatting that the power has cut short is gone on with.
	[ "$(word_at "$file" $FORMATTING_OFF)" != $FORMATTING_MAGIC ] || return 0
	type=$(blkid -po value -s TYPE -s PTTYPE "$file" 2>/dev/null | paste -sd ' ' || true)
	finding "The cache device $1 is neither a cache nor blank: it holds something else${type:+ ($type)}." \
		"wipefs $1     (shows what it is)" \
		"dd if=/dev/zero of=$1 bs=4K count=5 oflag=direct     (gives it up)"
	return 1
}

is_cache() { [ "$(word_at "$SYSTEM$1" $SB_MAGIC_OFF)" = $SB_MAGIC ]; } # PATH

# Fails if the module would not take what is on the cache device.
check_media() { # PATH ORIGIN ORIGIN-SYS
	local file=$SYSTEM$1 known who size
	is_cache "$1" || { check_blank "$1"; return; }
	[ "$(word_at "$file" $IDENTITY_MAGIC_OFF)" = $IDENTITY_MAGIC ] || return 0
	size=$((0x$(word_at "$file" $IDENTITY_SECTORS_OFF)))
	known=$(dd if="$file" iflag=skip_bytes,count_bytes skip=$IDENTITY_ID_OFF count=64 status=none | tr '\0' '\n' | head -n 1)
	who=$(origin_id "$3" "$2")
	if [[ -n $known && -n $who && $known != "$who" ]]; then
		foreign "$1" "'$known', and $2 is '$who'"
	elif [ "$size" -gt "$(sectors "$3")" ] || [[ -z $known && $size != $(sectors "$3") ]]; then
		foreign "$1" "${known:+"'$known', "}one of $size sectors, and $2 has $(sectors "$3")"
	fi
}

WHICH_ORIGIN="lsblk -o NAME,SIZE,WWN,PARTUUID     (which is it? /etc/pcachetab must name that one)"

foreign() { # PATH TEXT
	finding "The cache $1 belongs to another origin: to $2." "$WHICH_ORIGIN"
	return 1
}
