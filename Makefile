# SPDX-License-Identifier: GPL-2.0-or-later
#
#	make [KDIR=...]		build src/dm-pcache.ko for a kernel, by default the running one
#	make install		install it for that kernel, so that modprobe finds it
#	make clean
#	make unit		the core's tests, in userspace
#	make check		the tests: the core and its crash states in userspace, hostile media, the module in booted
#				kernels
#	make check-all		the same with more kernels and more power cuts
#	make mutants		plants bugs that those tests must find, one at a time
#	make coverage		which lines of the source all those tests execute, and which they do not
#	make bench		the module beside dm-linear and dm-writecache, in figures
#	make demo		what the module is for, in two minutes
#	make lint		what checks the source without running it

KDIR ?= /lib/modules/$(shell uname -r)/build
kbuild = $(if $(wildcard $(KDIR)/Makefile),$(MAKE) -C $(KDIR) M=$(CURDIR)/src,\
	 $(error there are no kernel headers in $(KDIR): install them, or name others with KDIR=))

# What the kernel calls itself, which is not what Debian's headers say elsewhere.
release = $(shell cut -d'"' -f2 $(KDIR)/include/generated/utsrelease.h)

all:
	$(kbuild) modules

# Kernel headers have no System.map, and without it kbuild leaves depmod to us.
install: all
	$(kbuild) modules_install
	depmod -b $(or $(INSTALL_MOD_PATH),/) $(release)

clean:
	$(kbuild) clean

unit:
	$(MAKE) --no-print-directory -C tests/unit check

check:
	tests/setup
	tests/run -c 'make -s unit' -c tests/crash/run -c tests/crafted/run -c 'tests/fuzz/run -t 180' -c tests/trace/run

# Of the cases, by the first digits of their names: those that know the kernel, without what takes minutes and asks
# nothing of it; those in which accesses may race; and those that go where little is tested else.
KERNEL_CASES = 00[1245789] 01[0124] 02 03[1-5] 04[012] 05 06 08
RACE_CASES = 012 014 031 041 053 055 081
FAULT_CASES = 004 033 041 055 090

check-all:
	tests/setup
	PCACHE_CUTS=11 tests/run -c 'make -s unit' -c 'tests/crash/run -n 1000000' -c tests/crafted/run \
		-c 'tests/fuzz/run -t 300' -c 'tests/trace/run -n 10000' -c 'tests/run -k 7.3 $(KERNEL_CASES)' \
		-c 'PCACHE_CUTS= tests/run -k 6.12 $(KERNEL_CASES)' -c 'tests/run -k 6.1-rt,7.3-rt $(RACE_CASES)' \
		-c 'tests/run -k 7.3-kcsan $(RACE_CASES)' -c 'tests/run -k 7.3-debug $(FAULT_CASES)' -k 6.1

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
	tests/lint

.PHONY: all install clean unit check check-all mutants coverage bench demo lint
