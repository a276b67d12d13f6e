/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runtime/devices.h"

#include <linux/bpf.h>
#include <sys/syscall.h>

#define INSNS_MAX 4000 /* the kernel's limit is 4096 without CAP_BPF; a rule needs at most 7 */

const struct device_rule device_defaults[] = {
	{'c', -1, -1, DEVICE_MKNOD}, {'b', -1, -1, DEVICE_MKNOD},
	{'c', 1, 3, DEVICE_ALL}, /* null */
	{'c', 1, 5, DEVICE_ALL}, /* zero */
	{'c', 1, 7, DEVICE_ALL}, /* full */
	{'c', 1, 8, DEVICE_ALL}, /* random */
	{'c', 1, 9, DEVICE_ALL}, /* urandom */
	{'c', 5, 0, DEVICE_ALL}, /* tty */
	{'c', 5, 1, DEVICE_ALL}, /* console */
	{'c', 5, 2, DEVICE_ALL}, /* ptmx */
	{'c', 136, -1, DEVICE_ALL}, /* pts */
};
const size_t n_device_defaults = ARRAY_SIZE(device_defaults);

uint8_t device_access(const char *text)
{
	uint8_t access = 0;
	if (!text || !*text)
		return DEVICE_ALL;
	for (; *text; text++)
		switch (*text) {
		case 'r':
			access |= DEVICE_READ;
			break;
		case 'w':
			access |= DEVICE_WRITE;
			break;
		case 'm':
			access |= DEVICE_MKNOD;
			break;
		default:
			return 0;
		}
	return access;
}

struct prog {
	struct bpf_insn v[INSNS_MAX + 8];
	size_t n;
};

static void emit(struct prog *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	if (p->n < ARRAY_SIZE(p->v))
		p->v[p->n++] = (struct bpf_insn){
			.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
}

/* r2 type, r3 access, r4 major, r5 minor; a jump past the rule for what doesn't match. */
static void emit_rule(struct prog *p, const struct device_rule *r)
{
	const uint8_t jne = BPF_JMP | BPF_JNE | BPF_K;
	size_t jumps[4], n = 0;

	if (r->type != 'a') {
		jumps[n++] = p->n;
		emit(p, jne, BPF_REG_2, 0, 0,
		     r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	}
	if (r->access != DEVICE_ALL) {
		/* Every access asked for must be among the allowed ones. */
		emit(p, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
		emit(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, ~r->access & DEVICE_ALL);
		jumps[n++] = p->n;
		emit(p, jne, BPF_REG_1, 0, 0, 0);
	}
	if (r->major >= 0) {
		jumps[n++] = p->n;
		emit(p, jne, BPF_REG_4, 0, 0, r->major);
	}
	if (r->minor >= 0) {
		jumps[n++] = p->n;
		emit(p, jne, BPF_REG_5, 0, 0, r->minor);
	}
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = 0; i < n; i++)
		if (jumps[i] < ARRAY_SIZE(p->v))
			p->v[jumps[i]].off = (int16_t)(p->n - jumps[i] - 1);
}

static void emit_start(struct prog *p)
{
	const uint8_t load = BPF_LDX | BPF_MEM | BPF_W;
	/* access_type: low half the kind, high half what is asked for. */
	emit(p, load, BPF_REG_2, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	emit(p, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	emit(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	emit(p, load, BPF_REG_4, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	emit(p, load, BPF_REG_5, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
}

int device_program(const struct device_rule *rules, size_t n, struct err *err)
{
	static const char license[] = "Apache-2.0";
	CLEANUP_FREE struct prog *p = NEW(struct prog);
	union bpf_attr a;
	long fd;

	emit_start(p);
	for (size_t i = 0; i < n; i++)
		emit_rule(p, &rules[i]);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	if (p->n > INSNS_MAX)
		return err_sys(err, E2BIG, "too many devices");
	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.insns = (uint64_t)(uintptr_t)p->v;
	a.insn_cnt = (uint32_t)p->n;
	a.license = (uint64_t)(uintptr_t)license;
	memcpy(a.prog_name, "knarr_devices", 14);
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	if (fd < 0)
		return err_sys(err, errno, "cannot load the device program: %s", strerror(errno));
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	return (int)fd;
}

int device_attach(int program, int cgroup_fd, struct err *err)
{
	union bpf_attr a;
	memset(&a, 0, sizeof(a));
	a.target_fd = (uint32_t)cgroup_fd;
	a.attach_bpf_fd = (uint32_t)program;
	a.attach_type = BPF_CGROUP_DEVICE;
	a.attach_flags = BPF_F_ALLOW_MULTI;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &a, sizeof(a)) < 0)
		return err_sys(err, errno, "cannot attach the device program: %s", strerror(errno));
	return 0;
}

void device_v1_text(const struct device_rule *r, char ret[40])
{
	char major[12] = "*", minor[12] = "*", access[4];
	size_t n = 0;
	if (r->major >= 0)
		snprintf(major, sizeof(major), "%d", r->major);
	if (r->minor >= 0)
		snprintf(minor, sizeof(minor), "%d", r->minor);
	if (r->access & DEVICE_READ)
		access[n++] = 'r';
	if (r->access & DEVICE_WRITE)
		access[n++] = 'w';
	if (r->access & DEVICE_MKNOD)
		access[n++] = 'm';
	access[n] = 0;
	snprintf(ret, 40, "%c %s:%s %s", r->type, major, minor, access);
}
