# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# Is the module there, for this kernel, and is it ours?

distribution() ( # debian, fedora, suse or another word: whose commands are said
	# shellcheck source=/dev/null
	. "$SYSTEM/etc/os-release" 2>/dev/null || true
	case " ${ID-} ${ID_LIKE-} " in
	*\ debian\ * | *\ ubuntu\ *) echo debian ;;
	*\ fedora\ * | *\ rhel\ *) echo fedora ;;
	*\ suse\ * | *\ opensuse\ *) echo suse ;;
	*) echo unknown ;;
	esac
)

install_headers() {
	case $(distribution) in
	debian) echo "apt install linux-headers-$release" ;;
	fedora) echo "dnf install kernel-devel-$release" ;;
	suse) echo "zypper install kernel-${release##*-}-devel" ;;
	*) echo "install the headers of the kernel $release" ;;
	esac
}

install_package() {
	case $(distribution) in
	debian) echo "apt install dm-pcache-dkms" ;;
	fedora) echo "dnf install dkms-dm-pcache" ;;
	suse) echo "zypper install dkms-dm-pcache" ;;
	*) echo "make install, in the source of dm-pcache" ;;
	esac
}

kernel_config() { # the configuration of the running kernel, if it is to be found
	local file
	for file in "$SYSTEM/boot/config-$release" "$modules/config" "$modules/build/.config"; do
		[ ! -r "$file" ] || { cat "$file"; return; }
	done
	[ ! -r "$SYSTEM/proc/config.gz" ] || zcat "$SYSTEM/proc/config.gz"
}

kernel_log() { dmesg 2>/dev/null || true; }

info() { modinfo -k "$release" -F "$1" dm-pcache 2>/dev/null; } # field - of the module that modprobe would load

check_kernel() { # fails if no module of ours can ever be loaded
	local config option missing=()
	[[ $release =~ ^([0-9]+)\.([0-9]+) ]] || die "what kernel is '$release'?"
	if ((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] < 5010)); then
		finding "The kernel $release is too old: the module needs Linux 5.10 or newer." "boot a newer kernel"
		return 1
	fi
	config=$(kernel_config)
	[ -n "$config" ] || return 0
	for option in BLK_DEV_DM DAX FS_DAX BLK_DEV_PMEM ARCH_HAS_PMEM_API; do
		grep -q "^CONFIG_$option=[ym]" <<<"$config" || missing+=("CONFIG_$option")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	finding "The kernel $release is built without ${missing[*]}: no block device of it is persistent memory with DAX." \
		"grep ${missing[0]}= /boot/config-*     (which kernel has it? boot that one)"
	return 1
}

# complaints LOG - the lines of a build's log that matter
complaints() {
	local lines
	lines=$(grep -E 'dm-pcache: error:' "$1") ||
		lines=$(grep -E 'error:|not found|No such file|No space left|Error [0-9]+$|^ERROR' "$1") || lines=$(tail -n 3 "$1")
	head -n 5 <<<"$lines" | sed 's/^/  | /'
}

build_log() { # TREE - of a build for this kernel that DKMS has not come to the end of
	local log
	for log in "$1/build/make.log" "$1/$release.log" "$1/$release"/*/log/make.log; do
		if [ -r "$log" ] && grep -qF " $release " < <(head -n 5 "$log") && [ ! -e "${log%/log/*}/module" ]; then
			echo "$log"
			return
		fi
	done
}

# The module is not installed for this kernel: how far has DKMS come?
check_dkms() {
	local tree version log
	tree=$(find "$SYSTEM/var/lib/dkms/dm-pcache" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*' 2>/dev/null |
		sort -V | tail -n 1)
	if [ -z "$tree" ]; then
		finding "The module dm-pcache is not installed for the kernel $release, and DKMS has no source of it." \
			"$(install_package)"
		return
	fi
	version=${tree##*/}
	if [ ! -e "$modules/build/Makefile" ]; then
		finding "The module dm-pcache is not built for the kernel $release: its headers are missing." \
			"$(install_headers)" "dkms install dm-pcache/$version -k $release"
		return
	fi
	log=$(build_log "$tree")
	if [ -n "$log" ]; then
		finding "DKMS could not build the module dm-pcache for the kernel $release. ${log#"$SYSTEM"} says:"
		complaints "$log"
		printf '    %s\n' "dkms install dm-pcache/$version -k $release     (when that is mended)"
		return
	fi
	finding "DKMS has the module dm-pcache and has not installed it for the kernel $release." \
		"dkms install dm-pcache/$version -k $release"
}

# Whether only signed modules can be loaded.
signatures_wanted() {
	[ "$(cat "$SYSTEM/sys/module/module/parameters/sig_enforce" 2>/dev/null)" = Y ] ||
		grep -qE '\[(integrity|confidentiality)\]' "$SYSTEM/sys/kernel/security/lockdown" 2>/dev/null
}

# The certificate that DKMS signs with: that of its configuration, which it sources with a kernel in mind, or its own.
certificate() (
	set +eu
	# shellcheck disable=SC2034
	mok_certificate="" kernelver=$release
	for conf in "$SYSTEM"/etc/os-release "$SYSTEM"/etc/dkms/framework.conf "$SYSTEM"/etc/dkms/framework.conf.d/*.conf; do
		# shellcheck source=/dev/null
		[ ! -r "$conf" ] || . "$conf" >&2
	done
	if [ -n "$mok_certificate" ]; then
		echo "$mok_certificate"
	elif [ "$ID" = ubuntu ]; then
		echo /var/lib/shim-signed/mok/MOK.der
	else
		echo /var/lib/dkms/mok.pub
	fi
)

is_trusted() { # CERTIFICATE - as far as that can be told without loading anything
	! grep -qE 'dm.pcache: .* is rejected' < <(kernel_log) || return 1
	! command -v mokutil >/dev/null || grep -q 'already enrolled' < <(LC_ALL=C mokutil --test-key "$SYSTEM$1" 2>&1)
}

check_signature() {
	local cert version
	cert=$(certificate)
	version=$(info version || true)
	if [ -z "$(info signer || true)" ]; then
		finding "The module dm-pcache is not signed, and this machine loads only modules that are (Secure Boot)." \
			"dkms build --force dm-pcache/$version -k $release && dkms install --force dm-pcache/$version -k $release" \
			"mokutil --import $cert     (then reboot, and choose 'Enroll MOK')"
	elif ! is_trusted "$cert"; then
		finding "The module dm-pcache is signed with a key that this machine does not trust ('Key was rejected by service')." \
			"mokutil --import $cert     (then reboot, and choose 'Enroll MOK')"
	fi
}

check_installed() { # the file that modprobe would load; fails if it is not there
	local vermagic
	if ! info filename >/dev/null; then
		check_dkms
		return 1
	fi
	if [ "$(info intree || true)" = Y ]; then
		finding "The kernel $release has a pcache target of its own, and modprobe would load that: ours is not installed for it."
		check_dkms
		return 1
	fi
	vermagic=$(info vermagic || true)
	if [ "${vermagic%% *}" != "$release" ]; then
		finding "The module dm-pcache that is installed for the kernel $release was built for ${vermagic%% *}." \
			"dkms install --force dm-pcache/$(info version) -k $release"
		return 1
	fi
}

check_loaded() {
	local sys=$SYSTEM/sys/module/dm_pcache version
	if [ ! -e "$sys" ]; then
		if signatures_wanted; then check_signature; fi
		# Whoever creates a device loads it: that it is not here needs no other reason.
		[ "$findings" -gt 0 ] || finding "The module dm-pcache is installed and not loaded." "modprobe dm-pcache"
		return
	fi
	if [[ $(cat "$sys/taint" 2>/dev/null) != *O* ]]; then
		finding "The kernel's own dm-pcache is loaded, and not this one." \
			"dmsetup remove NAME     (each that 'dmsetup ls --target pcache' prints)" \
			"modprobe -r dm-pcache && modprobe dm-pcache"
		return
	fi
	version=$(cat "$sys/version" 2>/dev/null || true)
	if [ "$(cat "$sys/srcversion" 2>/dev/null)" != "$(info srcversion || true)" ]; then
		finding "The module dm-pcache that is loaded ($version) is another than the one installed ($(info version))." \
			"dmsetup remove NAME     (each that 'dmsetup ls --target pcache' prints)" \
			"modprobe -r dm-pcache && modprobe dm-pcache"
	fi
}

check_module() {
	check_kernel || return 0
	if grep -q '/dm-pcache\.ko$' "$modules/modules.builtin" 2>/dev/null; then
		finding "The kernel $release has a pcache target built in: no other can be loaded beside it." \
			"grep DM_PCACHE /boot/config-*     (which kernel has it as a module, or not? boot that one)"
		return
	fi
	check_installed || return 0
	check_loaded
}
