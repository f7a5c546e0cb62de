# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What a system boots with that boots from a cache.

# make_initrd KERNEL FILE - the command that makes it anew
make_initrd() {
	if [[ $1 = *kdump ]]; then
		echo "kdumpctl rebuild"
	elif [ ! -d "$SYSTEM/lib/modules/$1" ]; then
		echo "rm $2     (and what the boot loader has of it)"
	elif [ -e "$SYSTEM/usr/sbin/update-initramfs" ]; then
		echo "update-initramfs -u -k $1"
	else
		echo "dracut -f $2 $1"
	fi
}

first_initrd() { # KERNEL - the command that makes one where there is none
	if [ -e "$SYSTEM/usr/sbin/update-initramfs" ]; then
		echo "update-initramfs -c -k $1"
	else
		echo "kernel-install add $1 /lib/modules/$1/vmlinuz"
	fi
}

has_initrd() { # KERNEL
	local file
	for file in "$SYSTEM"/boot/{"initrd.img-$1","initrd-$1","initramfs-$1.img"}; do
		[ ! -f "$file" ] || return 0
	done
	return 1
}

check_initrds() {
	local early file kernel
	early=$(tab_for_initrd | tab_early)
	[ -n "$early" ] && [ -n "$(command -v lsinitramfs lsinitrd)" ] || return 0
	for file in "$SYSTEM"/boot/{initrd.img,initrd,initramfs}-*; do
		if [ -f "$file" ] && ! initrd_holds "$file" etc/pcachetab; then
			kernel=${file#*/boot/*-}
			file=${file#"$SYSTEM"}
			finding "The initial ramdisk $file knows nothing of caches: it finds what lies behind ${early%% *}, which is older." \
				"$(make_initrd "${kernel%.img}" "$file")"
		fi
	done
	for file in "$SYSTEM"/boot/vmlinuz-*; do
		kernel=${file#*/boot/vmlinuz-}
		[ ! -d "$SYSTEM/lib/modules/$kernel" ] || has_initrd "$kernel" ||
			finding "The kernel $kernel has no initial ramdisk, and can't boot from ${early%% *} without." "$(first_initrd "$kernel")"
	done
}
