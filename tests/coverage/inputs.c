// SPDX-License-Identifier: GPL-2.0-or-later
/* Inputs of the fuzzer, one after the other, without libFuzzer: the compiler that counts has none. */
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>

#define INPUT_MAX	65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* For what makes new inputs, which is not called here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
	abort();
}

int main(int argc, char **argv)
{
	static uint8_t input[INPUT_MAX];
	int i;

	for (i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "r");
		size_t size;

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		size = fread(input, 1, sizeof(input), file);
		fclose(file);
		LLVMFuzzerTestOneInput(input, size);
	}
	printf("%d inputs\n", argc - 1);
	return 0;
}
