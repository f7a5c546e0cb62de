# SPDX-License-Identifier: GPL-2.0-or-later
#
# How the core of the module is compiled for userspace: for the makefiles of the tests that do, in folders beside
# this one. They say OUT, where what is compiled goes, and have a rule for $(OUT)/KIND/NAME.o of their own.

UNIT := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
SRC := $(UNIT)/../../src
# Each tree has its own folder: what another one compiled may be newer than this one's source.
CACHE := $(if $(PCACHE_CACHE),$(PCACHE_CACHE),$(HOME)/.cache/dm-pcache)
TREE := $(subst /,-,$(abspath $(UNIT)/../..))

CORE := cache head index index_pool keylog leaf media pmem read reclaim replay segment superblock write writeback
HAVE := $(foreach c,$(CORE),$(if $(wildcard $(SRC)/$c.c),$c))
STUBS := stub stub_rbtree

# include/ stands in for the kernel's headers. The guard of src/compat/compat.h is set beforehand,
# so that it is empty: userspace has no older kernels to make up for.
CPPFLAGS := -D_GNU_SOURCE -DIMAGES=\"$(abspath $(UNIT)/../images)\" -DPCACHE_COMPAT_H -I$(UNIT)/include -I$(SRC)
CFLAGS := -std=gnu11 -g -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	  -Wno-missing-field-initializers -fno-strict-aliasing -fwrapv
ARCH := $(shell uname -m)
CFLAGS += $(if $(filter x86_64,$(ARCH)),-msse4.2)
# Pointers wrap in the kernel, as integers do.
SAN := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
       -fno-sanitize=pointer-overflow
FAST := -O2
