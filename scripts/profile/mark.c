// SPDX-License-Identifier: GPL-2.0
/*
 * Runs in dom0: gives text and files to the plugin of the emulator, and opens its window.
 *
 *   mark say TEXT           a line for the plugin's file
 *   mark send FILE          a file for it
 *   mark window SECONDS     opens the window for that time
 *   mark loop NUMBER        opens it for a loop of that many instructions, an even number
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "marks.h"

#define TEXT(x) TEXT_(x)
#define TEXT_(x) #x
#define OPCODE ".byte 0x0f, 0x1f, 0x84, 0x00\n"

/* The marks of all bytes, sixteen bytes of code apart. */
asm(".text\n"
    ".balign 16\n"
    "byte_marks:\n"
    ".set i, 0\n"
    ".rept 256\n"
    ".balign 16\n" OPCODE ".long " TEXT(MARK_BASE + MARK_BYTE) " + i\n"
    "ret\n"
    ".set i, i + 1\n"
    ".endr\n");
extern const char byte_marks[];

#define MARK(what) asm volatile(OPCODE ".long " TEXT(MARK_BASE + what) ::: "memory")

static void send(const char *text)
{
	for (; *text; ++text)
		((void (*)(void))(byte_marks + 16 * (unsigned char)*text))();
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
		fprintf(stderr, "usage: mark say TEXT | send FILE | window SECONDS | loop NUMBER\n");
		return 2;
	}
	return 0;
}
