#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For dracut: puts into an initial ramdisk what makes the devices of /etc/pcachetab. It calls these.
# shellcheck source-path=SCRIPTDIR source=../pcachetab.sh
. /usr/lib/dm-pcache/pcachetab.sh

check() {
	[ -n "$(tab_lines)" ] || return 255
	require_binaries dmsetup readlink
}

depends() { echo dm; }

installkernel() {
	# The host's hardware does not matter: the memory may have been put in a moment ago.
	hostonly='' instmods '=drivers/nvdimm' nfit dm-pcache
}

install() {
	local early
	inst_multiple dmsetup readlink
	inst_simple /usr/lib/dm-pcache/pcachetab.sh
	inst_simple /usr/lib/udev/pcache-origin
	inst_rules 63-pcache.rules
	mkdir -p "${initdir:?}/etc"
	tab_for_initrd >"$initdir/etc/pcachetab"
	early=$(tab_early <"$initdir/etc/pcachetab")
	if [ -n "$early" ] && ! modinfo -k "${kernel:?}" dm-pcache >/dev/null 2>&1; then
		dfatal "pcache: the module dm-pcache is not installed for the kernel $kernel, and without it that can't boot:" \
			"${early%% *} is needed for it (pcachectl doctor)"
		exit 1
	fi
	inst_hook cmdline 91 "${moddir:?}/wait.sh"
	inst_hook initqueue/settled 10 "$moddir/attach.sh"
	inst_hook emergency 10 "$moddir/explain.sh"
	inst_hook pre-mount 10 "$moddir/guard.sh"
	dracut_need_initqueue
}
