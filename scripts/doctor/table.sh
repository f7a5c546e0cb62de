# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# What is written in /etc/pcachetab.

# bad_line REASON - of the line that is being looked at
bad_line() {
	finding "Line $line of /etc/pcachetab: $1." "man 5 pcachetab     (NAME CACHE-DEVICE ORIGIN [OPTION=VALUE,...])"
	return 1
}

options_fit() { # OPTIONS
	local option seen=,
	local -a options
	IFS=, read -ra options <<<"$1"
	for option in "${options[@]}"; do
		[[ $seen != *,${option%%=*},* ]] || bad_line "the option '${option%%=*}' is given more than once" || return
		seen+=${option%%=*},
		case $option in
		- | x-*) ;;
		cache_mode=writeback | data_crc=true | data_crc=false | writeback_order=strict | writeback_order=batch) ;;
		gc_percent=*)
			[[ ${option#*=} =~ ^([0-9]|[1-8][0-9]|90)$ ]] ||
				bad_line "gc_percent must be a number from 0 to 90, not '${option#*=}'" || return
			;;
		cache_mode=*) bad_line "cache_mode must be writeback" || return ;;
		data_crc=*) bad_line "data_crc must be true or false, not '${option#*=}'" || return ;;
		writeback_order=*) bad_line "writeback_order must be strict or batch, not '${option#*=}'" || return ;;
		*) bad_line "there is no option '$option'" || return ;;
		esac
	done
}

path_fits() { # ROLE PATH
	case $2 in
	/dev/disk/by-uuid/* | /dev/disk/by-label/* | UUID=* | LABEL=*)
		bad_line "$1 '$2' is named by the filesystem on it, which the cache shows as well; /dev/disk/by-id names the device"
		;;
	/dev/?*) ;;
	*) bad_line "$1 '$2' is no path that begins with /dev/" ;;
	esac
}

# Fails if the line can't be used.
line_fits() { # NAME CACHE ORIGIN OPTIONS [MORE...]
	[ $# -gt 3 ] && [ -n "$3" ] || bad_line "a name, a cache device and an origin are needed" || return
	[ $# = 4 ] || bad_line "there are $# words; the options are one word, with commas" || return
	[[ $1 =~ ^[A-Za-z0-9#+.:=@_-]{1,127}$ ]] || bad_line "'$1' can't be the name of a device" || return
	path_fits "the cache device" "$2" && path_fits "the origin" "$3" || return
	[ "$2" != "$3" ] || bad_line "cache device and origin are the same" || return
	[[ " ${!tab_cache[*]} " != *" $1 "* ]] || bad_line "there is another line for '$1'" || return
	[[ " ${tab_cache[*]} " != *" $2 "* ]] || bad_line "another line has the cache device $2 as well" || return
	[[ " ${tab_origin[*]} " != *" $3 "* ]] || bad_line "another line has the origin $3 as well" || return
	options_fit "$4"
}

declare -A tab_cache=() tab_origin=() tab_opts=()

read_table() {
	local line=0 text
	local -a words
	while IFS= read -r text || [ -n "$text" ]; do
		line=$((line + 1))
		read -ra words <<<"$text"
		case ${words[0]-} in '' | '#'*) continue ;; esac
		[ ${#words[@]} != 3 ] || words+=(-)
		line_fits "${words[@]}" || continue
		tab_cache[${words[0]}]=${words[1]}
		tab_origin[${words[0]}]=${words[2]}
		tab_opts[${words[0]}]=${words[3]}
	done < <(cat "$PCACHETAB" 2>/dev/null)
}
