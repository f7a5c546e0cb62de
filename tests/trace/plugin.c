// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCG plugin for QEMU that logs what the guest's kernel does to persistent memory: stores,
 * write-backs of cache lines, fences, and the marks that programs of the guest leave.
 *
 *	-plugin file=plugin.so,log=FILE
 *
 * Tracing begins when a mark names a device. Processors run at the same time: one lock makes one
 * order of it. A store is logged when it has been done and before its processor does anything else,
 * a fence and a write-back before they are, so who saw the effect of one is logged behind it.
 *
 * Locked instructions are no fences here, although on this processor they are: what the kernel
 * promises to make stores durable is pmem_wmb(), and it must not be missing by luck.
 *
 * Stores of programs are not looked at. The emulator does write-backs as if they were nothing: from
 * their bytes follows where the address is, and from the stores before them where that lies.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vm/powerload.h"
#include "log.h"
#include "plugin.h"

#define DEVICES_MAX	4
#define RUN_MAX		65536
#define LINE		64
#define KERNEL		(1ULL << 63)	/* and all addresses above it */

struct device {
	uint64_t phys, size;
	uint64_t virt;			/* where the kernel has it mapped, once it has stored there */
};

/* A write-back: a register holds the address, less @disp. */
struct write_back {
	enum trace_kind kind;
	unsigned int reg;
	int32_t disp;
};

EXPORT int qemu_plugin_version = 4;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *log_file;
static struct device devices[DEVICES_MAX];
static unsigned int nr_devices;
static struct qemu_plugin_register *registers[16];	/* numbered as instructions do it */

/* Stores of one processor to words in a row. */
static struct trace_head run;
static uint8_t run_data[RUN_MAX];

__attribute__((noreturn)) static void die(const char *why)
{
	fprintf(stderr, "trace: %s\n", why);
	exit(1);
}

static void put(const struct trace_head *head, const void *data)
{
	if (fwrite(head, sizeof(*head), 1, log_file) != 1 ||
	    (head->len && fwrite(data, head->len, 1, log_file) != 1))
		die("the log can't be written");
}

static void end_run(void)
{
	if (run.len)
		put(&run, run_data);
	run.len = 0;
}

static void add_store(struct trace_head head, const void *data)
{
	bool words = !(head.off % 8) && !(head.len % 8);

	if (!run.len || !words || run.kind != head.kind || run.vcpu != head.vcpu ||
	    run.device != head.device || run.off + run.len != head.off ||
	    run.len + head.len > RUN_MAX) {
		end_run();
		run = head;
		run.len = 0;
	}
	memcpy(run_data + run.len, data, head.len);
	run.len += head.len;
	if (!words)
		end_run();
}

static void on_store(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *kind)
{
	struct trace_head head = { .kind = (uintptr_t)kind, .vcpu = vcpu };
	unsigned int i, n = __atomic_load_n(&nr_devices, __ATOMIC_ACQUIRE);
	struct qemu_plugin_mem_value value;
	struct qemu_plugin_hwaddr *where;
	uint64_t phys;

	where = n ? qemu_plugin_get_hwaddr(info, vaddr) : NULL;
	if (!where)
		return;
	phys = qemu_plugin_hwaddr_phys_addr(where);
	for (i = 0; i < n && phys - devices[i].phys >= devices[i].size; i++)
		;
	if (i == n)
		return;
	head.device = i;
	head.off = phys - devices[i].phys;
	head.len = 1u << qemu_plugin_mem_size_shift(info);
	value = qemu_plugin_mem_get_value(info);
	pthread_mutex_lock(&lock);
	if (devices[i].virt && devices[i].virt != vaddr - head.off)
		die("the device is mapped twice");
	devices[i].virt = vaddr - head.off;
	add_store(head, value.bytes);
	pthread_mutex_unlock(&lock);
}

static uint64_t read_register(unsigned int reg)
{
	static __thread struct g_array *buf;
	uint64_t value;

	if (!buf)
		buf = g_byte_array_new();
	g_byte_array_set_size(buf, 0);
	if (qemu_plugin_read_register(registers[reg], buf) != sizeof(value))
		die("a register can't be read");
	memcpy(&value, buf->data, sizeof(value));
	return value;
}

static void on_write_back(unsigned int vcpu, void *data)
{
	const struct write_back *wb = data;
	uint64_t at = read_register(wb->reg) + wb->disp;
	struct trace_head head = { .kind = wb->kind, .vcpu = vcpu };
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nr_devices; i++) {
		if (!devices[i].virt || at - devices[i].virt >= devices[i].size)
			continue;
		head.device = i;
		head.off = (at - devices[i].virt) / LINE * LINE;
		end_run();
		put(&head, NULL);
	}
	pthread_mutex_unlock(&lock);
}

static void on_fence(unsigned int vcpu, void *data)
{
	const struct trace_head head = { .kind = TRACE_FENCE, .vcpu = vcpu };

	pthread_mutex_lock(&lock);
	if (nr_devices) {
		end_run();
		put(&head, NULL);
	}
	pthread_mutex_unlock(&lock);
}

static void add_device(uint64_t phys, uint64_t size)
{
	if (nr_devices == DEVICES_MAX)
		die("too many devices");
	devices[nr_devices] = (struct device){ .phys = phys, .size = size };
	__atomic_store_n(&nr_devices, nr_devices + 1, __ATOMIC_RELEASE);
}

static void on_mark(unsigned int vcpu, void *data)
{
	/* rdi, rsi, rdx, rcx */
	uint64_t words[4] = {
		read_register(7), read_register(6), read_register(2), read_register(1)
	};
	struct trace_head head = { .kind = TRACE_MARK, .vcpu = vcpu, .len = sizeof(words) };

	pthread_mutex_lock(&lock);
	if (words[0] == MARK_DEVICE)
		add_device(words[1], words[2]);
	end_run();
	put(&head, words);
	pthread_mutex_unlock(&lock);
}

/* An instruction as far as it is looked at: its operation, and where a memory operand lies. */
struct decoded {
	uint8_t prefix;			/* of those that make it another one, or 0 */
	unsigned int rex;
	unsigned int op;		/* 0x0Fxx */
	unsigned int modrm;
	const uint8_t *rest;		/* behind it */
};

/* Of the instructions with two bytes, which all that matter here are. */
static bool decode(const uint8_t *code, const uint8_t *end, struct decoded *insn)
{
	static const uint8_t prefixes[] = {
		0x66, 0xF2, 0xF3, 0xF0, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0x67
	};

	memset(insn, 0, sizeof(*insn));
	for (; code < end && memchr(prefixes, *code, sizeof(prefixes)); code++)
		if (memchr(prefixes, *code, 3))
			insn->prefix = *code;
	if (code < end && *code >> 4 == 4)
		insn->rex = *code++;
	if (end - code < 3 || *code != 0x0F)
		return false;
	insn->op = code[1];
	insn->modrm = code[2];
	insn->rest = code + 3;
	return true;
}

static bool is_memory(const struct decoded *insn)
{
	return insn->modrm < 0xC0;
}

static unsigned int group(const struct decoded *insn)
{
	return insn->modrm >> 3 & 7;
}

/* mfence, sfence */
static bool is_fence(const struct decoded *insn)
{
	return insn->op == 0xAE && !insn->prefix && !is_memory(insn) && group(insn) >= 6;
}

/* movnti, movntq and movntdq, movntps and movntpd */
static bool is_non_temporal(const struct decoded *insn)
{
	return is_memory(insn) && (insn->op == 0xC3 || insn->op == 0xE7 || insn->op == 0x2B);
}

static bool is_flush(const struct decoded *insn)
{
	return insn->op == 0xAE && !insn->prefix && is_memory(insn) && group(insn) == 7;
}

/* clwb, clflushopt */
static bool is_write_back(const struct decoded *insn)
{
	return insn->op == 0xAE && insn->prefix == 0x66 && is_memory(insn) && group(insn) >= 6;
}

static bool is_mark(const struct decoded *insn)
{
	const uint32_t magic = MARK_MAGIC;

	return insn->op == 0x1F && insn->modrm == 0x80 && !memcmp(insn->rest, &magic, 4);
}

/* The kernel has the address in a register; what else there may be is not understood. */
static struct write_back *write_back(const struct decoded *insn)
{
	struct write_back *wb = calloc(1, sizeof(*wb));
	unsigned int rm = insn->modrm & 7, mod = insn->modrm >> 6;

	if (rm == 4 || (rm == 5 && !mod))
		die("a write-back has an address that is not understood");
	wb->kind = is_flush(insn) ? TRACE_FLUSH : TRACE_WRITE_BACK;
	wb->reg = rm | (insn->rex & 1) << 3;
	if (mod == 1)
		wb->disp = (int8_t)*insn->rest;
	else if (mod == 2)
		memcpy(&wb->disp, insn->rest, sizeof(wb->disp));
	return wb;
}

static void on_insn(struct qemu_plugin_insn *insn, bool kernel)
{
	enum trace_kind kind = TRACE_STORE;
	struct decoded decoded;
	uint8_t code[16] = { 0 };
	size_t len = qemu_plugin_insn_data(insn, code, sizeof(code));
	bool known = decode(code, code + len, &decoded);

	if (known && is_mark(&decoded))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, QEMU_PLUGIN_CB_R_REGS, NULL);
	if (!kernel)
		return;
	if (known && is_fence(&decoded))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_fence, QEMU_PLUGIN_CB_NO_REGS, NULL);
	if (known && (is_write_back(&decoded) || is_flush(&decoded)))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_write_back, QEMU_PLUGIN_CB_R_REGS,
						       write_back(&decoded));
	if (known && is_non_temporal(&decoded))
		kind = TRACE_STORE_NT;
	qemu_plugin_register_vcpu_mem_cb(insn, on_store, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_W,
					 (void *)(uintptr_t)kind);
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	bool kernel = qemu_plugin_tb_vaddr(tb) >= KERNEL;
	size_t i;

	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
		on_insn(qemu_plugin_tb_get_insn(tb, i), kernel);
}

static void on_vcpu(qemu_plugin_id_t id, unsigned int vcpu)
{
	static const char *const names[16] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
	};
	const struct g_array *found = qemu_plugin_get_registers();
	const struct qemu_plugin_reg_descriptor *reg = found->data;
	unsigned int i, n;

	for (i = 0; i < 16; i++) {
		for (n = 0; n < found->len && strcmp(reg[n].name, names[i]); n++)
			;
		if (n == found->len)
			die("QEMU names no registers");
		registers[i] = reg[n].handle;
	}
}

static void on_exit_of_guest(qemu_plugin_id_t id, void *data)
{
	pthread_mutex_lock(&lock);
	end_run();
	if (fclose(log_file))
		die("the log can't be written");
	nr_devices = 0;
	pthread_mutex_unlock(&lock);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
			       char **argv)
{
	if (argc != 1 || strncmp(argv[0], "log=", 4))
		die("usage: -plugin file=plugin.so,log=FILE");
	log_file = fopen(argv[0] + 4, "w");
	if (!log_file)
		die("the log can't be written");
	setvbuf(log_file, NULL, _IOFBF, 1 << 20);
	qemu_plugin_register_vcpu_init_cb(id, on_vcpu);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_exit_of_guest, NULL);
	return 0;
}
