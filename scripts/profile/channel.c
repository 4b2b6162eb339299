// SPDX-License-Identifier: GPL-2.0
#include "channel.h"

#include <string.h>

#include "marks.h"

static FILE *out;
static void (*on_window)(bool open);

static void at_exit(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	fclose(out);
}

FILE *channel_create(qemu_plugin_id_t id, int argc, char **argv, void (*window)(bool open))
{
	if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
		fprintf(stderr, "usage: -plugin FILE,out=FILE\n");
		return NULL;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror(argv[0] + 4);
		return NULL;
	}
	on_window = window;
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return out;
}

static void on_mark(unsigned int cpu, void *data)
{
	const uint32_t what = (uint32_t)(uintptr_t)data;

	(void)cpu;
	if (what >= MARK_OPEN)
		on_window(what == MARK_OPEN);
	else
		putc((int)what, out);
	if (what == '\n')
		fflush(out);
}

static bool is_mark(const uint8_t *code, size_t size, uint32_t *what)
{
	static const uint8_t opcode[] = { MARK_OPCODE };
	uint32_t word;

	if (size != sizeof(opcode) + sizeof(word) || memcmp(code, opcode, sizeof(opcode)) != 0)
		return false;
	memcpy(&word, code + sizeof(opcode), sizeof(word));
	*what = word - MARK_BASE;
	return *what <= MARK_CLOSE;
}

void channel_translated(const struct qemu_plugin_tb *tb)
{
	uint32_t what;
	size_t i;

	for (i = 0; i < qemu_plugin_tb_n_insns(tb); ++i) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (is_mark(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn), &what))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
							       QEMU_PLUGIN_CB_NO_REGS,
							       (void *)(uintptr_t)what);
	}
}
