# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Sourced by run and by upgrade: the packages, as they are and with a higher version, in a folder that is gone afterwards.

[ "$(id -u)" = 0 ] || die "only root can enter another root"
TREE=$(realpath "${BASH_SOURCE[0]%/*}/../..")
PKG=$CACHE/pkg.$$
VERSION=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$TREE/dkms.conf")
NEXT=9.9.9
export TREE PKG VERSION NEXT
"$TREE/tests/setup" pkg
mkdir "$PKG"
trap 'rm -rf "$PKG"' EXIT

make_packages() { # tree kind... - into $PKG
	local tree=$1 kind
	shift
	for kind; do
		make -C "$tree" "$kind" BUILD="$PKG" >"$PKG/$kind.log" 2>&1 ||
			die "make $kind: $(tail -n 2 "$PKG/$kind.log" | head -n 1)"
	done
}

make_both() { # kind... (deb)
	step "making the packages"
	[ $# -gt 0 ] || set -- deb
	make_packages "$TREE" "$@"
	mkdir "$PKG/next"
	tar -xJf "$PKG/dm-pcache-$VERSION.tar.xz" -C "$PKG/next" --strip-components=1
	"$PKG/next/tests/pkg/version" "$NEXT"
	make_packages "$PKG/next" "$@"
	rm -rf "$PKG/next"
}
