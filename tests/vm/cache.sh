# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts of the tests share: first of all the folder that keeps what was fetched and built. All of it can be
# deleted at any time: whoever needs something makes it again.

# What others print is read.
export LC_ALL=C.UTF-8

CACHE=${PCACHE_CACHE:-$HOME/.cache/dm-pcache}
mkdir -p "$CACHE"

# Lines that no kernel prints in good health.
BAD='BUG:|WARNING:|Oops|[Cc]all [Tt]race|Kernel panic|KASAN:|KCSAN:|UBSAN:|blocked for more than|detected stall'
BAD+='|soft lockup|hard LOCKUP|general protection fault|[Uu]nable to handle|corruption'

step() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { printf '%s: error: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# codename - the machine's own Debian release
codename() (
	# shellcheck source=/dev/null
	. /etc/os-release
	echo "${VERSION_CODENAME:?this is not a Debian machine}"
)

# home_of KVER - the release whose compiler and libraries the packaged kernel KVER was made with
home_of() {
	case $1 in
	*-debug | *-kcsan) codename ;;
	6.1 | 6.1-*) echo bookworm ;;
	6.12 | 6.12-*) codename ;;
	*) echo trixie ;;
	esac
}

# fetch_home_of KVER - the same for all that there are headers of: a release, or RELEASE-arm64. Called so, it is no part of
# the recipe of what has been fetched without it.
fetch_home_of() {
	case $1 in
	5.10) echo bullseye ;;
	*-arm64) echo trixie-arm64 ;;
	*-deb13) echo trixie ;;
	*) home_of "$1" ;;
	esac
}

# fetch_verdict KVER - what it is if that can't be fetched: skipped, for Debian does not keep the kernels of all releases
# for ever; but failed, if it is one of the machine's own
fetch_verdict() {
	if [ "$(fetch_home_of "$1")" = "$(codename)" ]; then echo failed; else echo skipped; fi
}

# own_kver - the kernel of that release
own_kver() {
	case $(codename) in
	bookworm) echo 6.1 ;;
	*) echo 6.12 ;;
	esac
}
