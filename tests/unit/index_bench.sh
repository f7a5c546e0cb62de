#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Instructions per operation of the index: index_bench.sh PROGRAM
set -eu

n=100000

count() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 |
		sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

for crc in '' crc; do
	for op in lookup overwrite append replace; do
		base=$(count "$1" none "$n" $crc)
		with=$(count "$1" "$op" "$n" $crc)
		echo "$op${crc:+ with checksums}: $(((with - base) / n)) instructions"
	done
done
