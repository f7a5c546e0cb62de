#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For dracut: puts into an initial ramdisk what makes the devices of /etc/pcachetab. It calls these.
# shellcheck source-path=SCRIPTDIR source=../pcachetab.sh
. /usr/lib/dm-pcache/pcachetab.sh || exit 1

check() {
	[ -n "$(tab_lines)" ] || return 255
	require_binaries dmsetup readlink || exit 1
}

depends() { echo dm; }

installkernel() {
	# The host's hardware does not matter: the memory may have been put in a moment ago.
	hostonly='' instmods '=drivers/nvdimm' '=drivers/cxl' nfit
	# The kernel's own comes with what dracut has of device-mapper.
	rm -rf "${initdir:?}/lib/modules/${kernel:?}/kernel/drivers/md/dm-pcache"
	! module_fits "$kernel" || hostonly='' instmods dm-pcache
}

install() {
	local early said
	# What is made must be whole, or it fails open.
	inst_multiple dmsetup readlink /usr/lib/dm-pcache/pcachetab.sh /usr/lib/udev/pcache-origin \
		/usr/lib/udev/rules.d/63-pcache.rules && mkdir -p "${initdir:?}/etc" &&
		tab_for_initrd >"$initdir/etc/pcachetab" || exit 1
	root_known ||
		dwarn "pcache: it can't be told what / lies on: what it needs of /etc/pcachetab must have x-initrd.attach"
	early=$(tab_early <"$initdir/etc/pcachetab")
	if [ -n "$early" ] && ! module_fits "${kernel:?}"; then
		said="pcache: the kernel $kernel has no module dm-pcache, and ${early%% *} needs it (pcachectl doctor)"
		if initrd_stays "${outfile-}" "/boot/initramfs-$kernel.img"; then
			dfatal "$said: its initial ramdisk is left as it is"
			exit 1
		fi
		derror "$said: UNTIL THEN IT WILL STOP IN THE RESCUE SHELL, and not boot from an origin as its old initial" \
			"ramdisk might"
	fi
	inst_hook cmdline 91 "${moddir:?}/wait.sh"
	inst_hook initqueue/settled 10 "$moddir/attach.sh"
	inst_hook emergency 10 "$moddir/explain.sh"
	inst_hook pre-mount 10 "$moddir/guard.sh"
	dracut_need_initqueue
}
