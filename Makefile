# SPDX-License-Identifier: GPL-2.0-or-later
#
#	make [KDIR=...]		build src/dm-pcache.ko for a kernel, by default the running one
#	make install		install it for that kernel, so that modprobe finds it; make uninstall
#	make -C scripts install	install pcachectl and what belongs beside the module
#	make clean
#	make unit		the core's tests, in userspace
#	make check		the tests: the core and its crash states in userspace, hostile media, the packages, the module compiled
#				for each kernel that it is made for, and in booted ones
#	make check-all		the same with all kernels and more of everything
#	make check-kernels	all cases on all kernels, which takes hours, and README's table from it
#	make check-debug	all cases on kernels that check each access, which takes as long
#	make check-compat	compiles the module for each kernel that it is made for
#	make mutants		plants bugs that those tests must find, one at a time
#	make coverage		which lines of the source all those tests execute, and which they do not
#	make bench		the module beside dm-linear and dm-writecache, in figures
#	make demo		what the module is for, in two minutes
#	make lint		what checks the source without running it
#	make dist deb rpm	in build/: the source as a tarball, packages for Debian and its kin, for Fedora, RHEL and SUSE
#	make check-pkg		installs, upgrades and removes those in roots of Debian and of rpm
#	make check-upgrade	does it in a machine that boots, with a cache in use

KDIR ?= /lib/modules/$(shell uname -r)/build
kbuild = $(if $(wildcard $(KDIR)/Makefile),$(MAKE) -C $(KDIR) M=$(CURDIR)/src,\
	 $(error there are no kernel headers in $(KDIR): install them, or name others with KDIR=))

# What the kernel calls itself, which is not what Debian's headers say elsewhere.
release = $(shell cut -d'"' -f2 $(KDIR)/include/generated/utsrelease.h)

# Only with a + does make share its jobs with a make that it finds in a variable.
all:
	+$(kbuild) modules

# Kernel headers have no System.map, and without it kbuild leaves depmod to us.
install: all
	+$(kbuild) modules_install
	depmod -b $(or $(INSTALL_MOD_PATH),/) $(release)

# Kernels before 6.1 have it among what is extra.
uninstall:
	rm -f $(foreach dir,updates extra,$(INSTALL_MOD_PATH)/lib/modules/$(release)/$(dir)/dm-pcache.ko*)
	depmod -b $(or $(INSTALL_MOD_PATH),/) $(release)

clean:
	$(kbuild) clean

unit:
	$(MAKE) --no-print-directory -C tests/unit check

# Of no kernel that is booted, and short.
SHORT = -c 'make -s unit' -c tests/doctor/run -c tests/compat/run -c tests/crafted/run

check:
	tests/setup
	tests/run $(SHORT) -c 'tests/pkg/run deb rpm' -c tests/crash/run -c 'tests/fuzz/run -t 180' -c tests/trace/run \
		-c 'tests/run -k 5.10 $(FEW_CASES)'

# Of the cases, by the first digits of their names: those that know the kernel, without what takes minutes and asks
# nothing of it; fewer, for one between two others; a few, where another kernel differs in little else than its
# configuration; those in which accesses may race; those that go where little is tested else; and those that cut the
# power at little cost, which must be done 200 times in all.
KERNEL_CASES = 00[124578] 01[146] 02 03[12] 04[01] 05[01567] 065 08
OTHER_CASES = 00[128] 01[14] 020 041 055
FEW_CASES = 001 011 014
RACE_CASES = 012 041
FAULT_CASES = 004 090
CUT_CASES = 02[0-467] 06[01]

check-all:
	tests/setup
	tests/run -b tests/pkg/upgrade $(SHORT) -c tests/pkg/run -c 'tests/crash/run -n 1000000' \
		-c 'tests/fuzz/run -t 210' -c 'tests/trace/run -n 10000' -c tests/boot/run \
		-c 'PCACHE_CUTS=17 tests/run $(CUT_CASES)' -c 'tests/run -k 7.3 $(KERNEL_CASES)' -c 'tests/run -k 6.12 $(OTHER_CASES)' \
		-c 'tests/run -k 5.10,6.1-cloud,6.12-rt,6.12-cloud,6.12-deb13,6.12-arm64,7.2,7.3-cloud,7.3-arm64 $(FEW_CASES)' \
		-c 'tests/run -k 6.1-rt,7.3-rt,7.3-kcsan $(RACE_CASES)' -c 'tests/run -k 7.3-debug $(FAULT_CASES)' -k 6.1

check-kernels:
	tests/setup
	tests/run -c 'tests/run -k 6.12-arm64,7.3-arm64 $(OTHER_CASES)' \
		-k 5.10,6.1,6.1-rt,6.1-cloud,6.12,6.12-rt,6.12-cloud,6.12-deb13,7.2,7.3,7.3-rt,7.3-cloud; \
		status=$$?; tests/compat/run -w && exit $$status

check-debug:
	tests/setup
	tests/run -k 7.3-debug,7.3-kcsan

check-compat:
	tests/setup
	tests/compat/run

mutants:
	tests/setup
	tests/mutants/run

coverage:
	tests/setup coverage
	tests/coverage/run

bench:
	tests/setup
	tests/bench/run

demo:
	tests/demo/run

lint:
	tests/setup lint
	tests/lint

check-pkg:
	tests/setup pkg
	tests/pkg/run

check-upgrade:
	tests/setup pkg
	tests/pkg/upgrade

# It is the same in src/target.c, dkms.conf, debian/changelog and rpm/dm-pcache.spec.
version = $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
name = dm-pcache-$(version)
BUILD = $(CURDIR)/build

# What a package puts where DKMS looks for it; dkms.conf too, where no tool of the distribution does that.
install-source:
	install -d $(DESTDIR)/usr/src/$(name)/scripts $(DESTDIR)/usr/share/dkms/modules_to_force_install
	cp -r Makefile src $(DESTDIR)/usr/src/$(name)
	cp -r scripts/dkms $(DESTDIR)/usr/src/$(name)/scripts
	rm $(DESTDIR)/usr/src/$(name)/src/DESIGN.md
	echo dm-pcache_version-override >$(DESTDIR)/usr/share/dkms/modules_to_force_install/dm-pcache

# Whoever builds from a tarball has no git, or one that knows another tree around this.
dist:
	tests/pkg/version
	mkdir -p $(BUILD)
	{ { [ -e .git ] && git -c safe.directory='*' ls-files -co --exclude-standard; } 2>/dev/null || \
		find . \( -path ./build -o -name .git \) -prune -o -type f -printf '%P\n'; } | \
		while read -r file; do [ ! -f "$$file" ] || echo "$$file"; done | sort | \
		tar -cJf $(BUILD)/$(name).tar.xz --owner=root:0 --group=root:0 --transform 's|^|$(name)/|' -T -

# dpkg-buildpackage leaves what it makes one folder above the source.
deb: dist
	rm -rf $(BUILD)/$(name)
	tar -xJf $(BUILD)/$(name).tar.xz -C $(BUILD)
	cd $(BUILD)/$(name) && dpkg-buildpackage --no-sign
	rm -rf $(BUILD)/$(name)

rpm: dist
	rpmbuild -ta --nodeps --define '_topdir $(BUILD)/rpmbuild' --define '_rpmdir $(BUILD)' --define '_srcrpmdir $(BUILD)' \
		--define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' $(BUILD)/$(name).tar.xz
	rm -rf $(BUILD)/rpmbuild

.PHONY: all install uninstall clean unit check check-all check-kernels check-debug check-compat mutants coverage bench demo lint \
	check-pkg check-upgrade install-source dist deb rpm
