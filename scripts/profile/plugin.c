// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU 7.2: counts the instructions that CPU 0, dom0's, executes, by block of
 * instructions and call stack, while a window is open (marks.h).
 *
 * usage: -accel tcg,thread=single -plugin FILE,out=FILE
 *
 * The file that it writes has the lines that software in the machine sends, and for each
 * window
 *
 *   window
 *   returns NUMBER ODD                        of CPU 0; ODD of them ended no known call
 *   node NUMBER PARENT SITE TARGET            a call: node 0 is the root
 *   block NODE ADDRESS INSTRUCTIONS RUNS      of CPU 0, in that call
 *   end
 *
 * Call stacks.  A call writes its return address to the stack, and the return reads it: the
 * address of that access tells the stack, wherever software has switched stacks, and the
 * place in it.  A shadow of each stack holds the calls by that place; a call or return drops
 * what lies below it.  The CPU's current stack is that of the last call or return.
 *
 * BEWARE: QEMU must run one CPU at a time (-icount does so): nothing here is locked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "qemu_plugin.h"

QEMU_PLUGIN_EXPORT int qemu_plugin_version = 1;

#define STACK_BITS 14 /* Linux' stacks have 16 KiB, and are aligned to it */
#define STACKS 4096
#define DEPTH 128
#define SLOTS (1u << 21)

/* A block of instructions that is executed as a whole. */
struct block {
	uint64_t address;
	uint32_t number;
	uint32_t instructions;
	enum end { OTHER, CALL, RETURN } end; /* its last instruction */
};

struct node {
	uint32_t parent;
	bool needed; /* for the window that closes */
	uint64_t site, target;
};

struct call {
	uint64_t place;
	uint64_t site;
	uint32_t node; /* 0: its target is not known yet */
};

struct stack {
	uint64_t base;
	uint32_t depth;
	struct call calls[DEPTH];
};

struct sample {
	uint32_t node;
	uint32_t block;
	uint64_t runs;
};

static FILE *out;
static bool window;
static uint64_t returns, odd_returns;

static struct block **blocks;
static uint32_t block_count, block_room;
static struct block *block_table[SLOTS];

static struct node *nodes;
static uint32_t node_count, node_room;
static uint32_t node_table[SLOTS];

static struct sample samples[SLOTS];
static uint32_t sample_count;

static struct stack *stacks[STACKS];
static struct stack *kernel_stack; /* of CPU 0 */
static struct stack xen_stack;
static uint32_t xen_root;
static const struct block *running;

static void die(const char *why)
{
	fprintf(stderr, "profile: %s\n", why);
	exit(1);
}

static void *zeroed(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		die("no memory");
	return memory;
}

/* grown(): makes room for one more. */
static void *grown(void *array, uint32_t count, uint32_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room = *room ? 2 * *room : 4096;
	array = realloc(array, *room * size);
	if (!array)
		die("no memory");
	return array;
}

static uint32_t mixed(uint64_t a, uint64_t b)
{
	uint64_t x = (a * 0x9e3779b97f4a7c15u) ^ (b * 0xc2b2ae3d27d4eb4fu);

	return (uint32_t)(x >> 40) ^ (uint32_t)(x >> 17);
}

static bool is_xen(uint64_t address)
{
	return address >> 40 == 0xffff82;
}

static bool is_user(uint64_t address)
{
	return !(address >> 63);
}

static struct block *block_at(uint64_t address, uint32_t instructions, enum end end)
{
	uint32_t slot = mixed(address, instructions);
	struct block *block;

	for (;; ++slot) {
		block = block_table[slot % SLOTS];
		if (!block)
			break;
		if (block->address == address && block->instructions == instructions &&
		    block->end == end)
			return block;
	}
	if (block_count > SLOTS / 2)
		die("too many blocks");
	blocks = grown(blocks, block_count, &block_room, sizeof(*blocks));
	block = zeroed(sizeof(*block));
	block->address = address;
	block->instructions = instructions;
	block->end = end;
	block->number = block_count;
	blocks[block_count++] = block;
	block_table[slot % SLOTS] = block;
	return block;
}

static uint32_t node_of(uint32_t parent, uint64_t site, uint64_t target)
{
	uint32_t slot = mixed(site + parent, target);
	struct node *node;

	for (;; ++slot) {
		uint32_t number = node_table[slot % SLOTS];

		if (!number)
			break;
		node = &nodes[number];
		if (node->parent == parent && node->site == site && node->target == target)
			return number;
	}
	if (node_count > SLOTS / 2)
		die("too many calls");
	nodes = grown(nodes, node_count, &node_room, sizeof(*nodes));
	node = &nodes[node_count];
	node->parent = parent;
	node->site = site;
	node->target = target;
	node->needed = false;
	node_table[slot % SLOTS] = node_count;
	return node_count++;
}

static void count(uint32_t node, const struct block *block)
{
	uint32_t slot = mixed(node, block->number);
	struct sample *sample;

	for (;; ++slot) {
		sample = &samples[slot % SLOTS];
		if (!sample->runs)
			break;
		if (sample->node == node && sample->block == block->number) {
			++sample->runs;
			return;
		}
	}
	if (++sample_count > SLOTS / 2)
		die("too many blocks and calls");
	sample->node = node;
	sample->block = block->number;
	sample->runs = 1;
}

/* --- stacks of CPU 0 ------------------------------------------------------------ */

static struct stack *stack_at(uint64_t address)
{
	const uint64_t base = address >> STACK_BITS;
	uint32_t slot = mixed(base, 0);
	struct stack *stack;
	uint32_t tries;

	for (tries = 0; tries < STACKS; ++tries, ++slot) {
		stack = stacks[slot % STACKS];
		if (!stack) {
			stack = zeroed(sizeof(*stack));
			stack->base = base;
			stacks[slot % STACKS] = stack;
		}
		if (stack->base == base)
			return stack;
	}
	/* Most of these stacks are gone. */
	for (tries = 0; tries < STACKS; ++tries) {
		free(stacks[tries]);
		stacks[tries] = NULL;
	}
	kernel_stack = NULL;
	return stack_at(address);
}

/* The call that runs on this stack. */
static uint32_t top_of(struct stack *stack, uint32_t root, uint64_t target)
{
	struct call *call;
	uint32_t parent = root;

	if (!stack || !stack->depth)
		return root;
	call = &stack->calls[stack->depth - 1];
	if (!call->node) {
		if (stack->depth > 1)
			parent = stack->calls[stack->depth - 2].node;
		call->node = node_of(parent, call->site, target);
	}
	return call->node;
}

static struct stack *stack_of_access(uint64_t place)
{
	if (is_xen(running->address))
		return &xen_stack;
	kernel_stack = stack_at(place);
	return kernel_stack;
}

/*
 * A call or return accesses its stack.  QEMU 7.2 also calls this for accesses of a later
 * instruction that it emulates in C: that is in another block.
 */
static void on_access(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t place, void *data)
{
	struct stack *stack;
	struct call *call;
	bool found = false;
	bool pushes;

	if (cpu != 0 || data != running)
		return;
	pushes = running->end == CALL;
	if (qemu_plugin_mem_is_store(info) != pushes)
		return;
	stack = stack_of_access(place);
	while (stack->depth && stack->calls[stack->depth - 1].place <= place)
		found = stack->calls[--stack->depth].place == place;
	if (running->end == RETURN) {
		++returns;
		if (!found)
			++odd_returns;
		return;
	}
	if (stack->depth == DEPTH)
		return;
	call = &stack->calls[stack->depth++];
	call->place = place;
	call->site = running->address;
	call->node = 0;
}

static void on_block(unsigned int cpu, void *data)
{
	const struct block *block = data;
	const struct block *before = running;
	uint32_t node;

	if (cpu != 0)
		return;
	running = block;
	if (is_user(block->address)) {
		node = 0;
	} else if (is_xen(block->address)) {
		if (!before || !is_xen(before->address)) {
			uint32_t caller = 0;

			if (before && !is_user(before->address))
				caller = top_of(kernel_stack, 0, before->address);
			xen_stack.depth = 0;
			xen_root = node_of(caller, before ? before->address : 0, block->address);
		}
		node = top_of(&xen_stack, xen_root, block->address);
	} else {
		node = top_of(kernel_stack, 0, block->address);
	}
	if (window)
		count(node, block);
}

/* --- windows -------------------------------------------------------------------- */

static void open_window(void)
{
	uint32_t i;

	memset(samples, 0, sizeof(samples));
	sample_count = 0;
	returns = 0;
	odd_returns = 0;
	for (i = 0; i < node_count; ++i)
		nodes[i].needed = false;
	window = true;
}

/* Marks a call and its callers. */
static void need(uint32_t node)
{
	while (node && !nodes[node].needed) {
		nodes[node].needed = true;
		node = nodes[node].parent;
	}
}

static void close_window(void)
{
	uint32_t i;

	window = false;
	for (i = 0; i < SLOTS; ++i)
		if (samples[i].runs)
			need(samples[i].node);
	fprintf(out, "window\n");
	fprintf(out, "returns %" PRIu64 " %" PRIu64 "\n", returns, odd_returns);
	for (i = 1; i < node_count; ++i)
		if (nodes[i].needed)
			fprintf(out, "node %u %u %" PRIx64 " %" PRIx64 "\n", i, nodes[i].parent,
				nodes[i].site, nodes[i].target);
	for (i = 0; i < SLOTS; ++i) {
		const struct block *block;

		if (!samples[i].runs)
			continue;
		block = blocks[samples[i].block];
		fprintf(out, "block %u %" PRIx64 " %" PRIu64 " %" PRIu64 "\n", samples[i].node,
			block->address, samples[i].runs * block->instructions, samples[i].runs);
	}
	fprintf(out, "end\n");
	fflush(out);
}

static void on_window(bool open)
{
	if (open)
		open_window();
	else
		close_window();
}

/* --- translation ---------------------------------------------------------------- */

static enum end kind_of(const uint8_t *code, size_t size)
{
	/* Prefixes that calls and returns may have. */
	while (size > 1 && (*code == 0xf2 || *code == 0xf3 || *code == 0x2e || *code == 0x3e ||
			    (*code & 0xf0) == 0x40)) {
		++code;
		--size;
	}
	if (code[0] == 0xe8 || (code[0] == 0xff && size > 1 && (code[1] >> 3 & 7) == 2))
		return CALL;
	return code[0] == 0xc3 || code[0] == 0xc2 ? RETURN : OTHER;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	const uint64_t address = qemu_plugin_tb_vaddr(tb);
	const size_t instructions = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, instructions - 1);
	struct block *block;

	(void)id;
	/* Programs are not told apart: each is at other addresses. */
	if (is_user(address))
		block = block_at(0, instructions, OTHER);
	else
		block = block_at(address, instructions,
				 kind_of(qemu_plugin_insn_data(last), qemu_plugin_insn_size(last)));
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, block);
	if (block->end != OTHER)
		qemu_plugin_register_vcpu_mem_cb(last, on_access, QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_RW, block);
	channel_translated(tb);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
					   char **argv)
{
	(void)info;
	out = channel_create(id, argc, argv, on_window);
	if (!out)
		return 1;
	nodes = grown(nodes, 0, &node_room, sizeof(*nodes));
	memset(nodes, 0, sizeof(*nodes));
	node_count = 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
