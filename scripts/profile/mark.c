// SPDX-License-Identifier: GPL-2.0
/*
 * Runs in dom0: gives text and files to the plugin of the emulator, and opens its window.
 *
 *   mark say TEXT           a line for the plugin's file
 *   mark send FILE          a file for it
 *   mark window SECONDS     opens the window for that time
 *   mark loop NUMBER        opens it for a loop of that many instructions, an even number
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "marks.h"

/* A function for each byte, which runs its mark. */
static void (*byte_mark(unsigned char byte))(void)
{
	static struct function {
		uint8_t opcode[4];
		uint32_t word;
		uint8_t ret;
		uint8_t unused[7];
	} *functions;
	int i;

	if (!functions) {
		functions = mmap(NULL, 256 * sizeof(*functions), PROT_READ | PROT_WRITE | PROT_EXEC,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (functions == MAP_FAILED) {
			perror("mmap");
			exit(1);
		}
		for (i = 0; i < 256; ++i)
			functions[i] = (struct function){ .opcode = { MARK_OPCODE },
							  .word = MARK_BASE + MARK_BYTE + i,
							  .ret = 0xc3 };
	}
	return (void (*)(void))&functions[byte];
}

static void send(const char *text)
{
	void (*mark)(void);

	for (; *text; ++text) {
		mark = byte_mark(*text);
		mark();
	}
}

static void send_file(const char *name)
{
	FILE *file = fopen(name, "r");
	static char line[4096];

	if (!file) {
		perror(name);
		exit(1);
	}
	while (fgets(line, sizeof(line), file))
		send(line);
	fclose(file);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "say")) {
		send(argv[2]);
		send("\n");
	} else if (argc == 3 && !strcmp(argv[1], "send")) {
		send_file(argv[2]);
	} else if (argc == 3 && !strcmp(argv[1], "window")) {
		MARK(MARK_OPEN);
		usleep((useconds_t)(atof(argv[2]) * 1e6));
		MARK(MARK_CLOSE);
	} else if (argc == 3 && !strcmp(argv[1], "loop")) {
		unsigned long turns = strtoul(argv[2], NULL, 10) / 2;

		MARK(MARK_OPEN);
		asm volatile("1: dec %0\n\tjnz 1b" : "+r"(turns) : : "cc");
		MARK(MARK_CLOSE);
	} else {
		fprintf(stderr,
			"usage: mark say TEXT | send FILE | window SECONDS | loop NUMBER\n");
		return 2;
	}
	return 0;
}
