# SPDX-License-Identifier: GPL-2.0-or-later
#
# The golden media, unpacked below OUT: for the makefiles of programs that begin with them.

IMAGES := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))/../images
BASES := $(addprefix $(OUT)/bases/,$(addsuffix .img,fresh small crc wrap))
CPPFLAGS += -DBASES=\"$(OUT)/bases\"

all:

$(OUT)/bases/%.img: $(IMAGES)/%.cache.zst
	@mkdir -p $(@D)
	zstd -q -d -f --sparse -o $@.new $<
	mv $@.new $@
