/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runtime/plan.h"

static const char *const code_names[PLAN_MAX] = {
	[PLAN_NOP] = "nop",
	[PLAN_CGROUP_JOIN] = "cgroup-join",
	[PLAN_UNSHARE] = "unshare",
	[PLAN_SETNS_TARGET] = "setns-target",
	[PLAN_MOUNT_FD] = "mount-fd",
	[PLAN_PIVOT] = "pivot",
	[PLAN_MOUNT] = "mount",
	[PLAN_BIND] = "bind",
	[PLAN_MKDIR] = "mkdir",
	[PLAN_MKNOD] = "mknod",
	[PLAN_SYMLINK] = "symlink",
	[PLAN_SETATTR] = "setattr",
	[PLAN_MASK] = "mask",
	[PLAN_READONLY] = "readonly",
	[PLAN_WRITE] = "write",
	[PLAN_HOSTNAME] = "hostname",
	[PLAN_RLIMIT] = "rlimit",
	[PLAN_STDIO] = "stdio",
	[PLAN_TTY] = "tty",
	[PLAN_CHDIR] = "chdir",
	[PLAN_SETSID] = "setsid",
	[PLAN_BOUNDING] = "bounding",
	[PLAN_IDS] = "ids",
	[PLAN_CAPS] = "caps",
	[PLAN_NO_NEW_PRIVS] = "no-new-privs",
	[PLAN_SECCOMP] = "seccomp",
	[PLAN_UMASK] = "umask",
	[PLAN_LOOPBACK_UP] = "loopback-up",
	[PLAN_EXEC] = "exec",
};

const char *plan_code_name(enum plan_code code)
{
	return code < PLAN_MAX ? code_names[code] : "?";
}

void plan_init(struct plan *p)
{
	*p = (struct plan){.strings = BUF_INIT};
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n_fds; i++)
		close(p->fds[i]);
	free(p->ops);
	free(p->argv);
	free(p->env);
	buf_done(&p->strings);
	plan_init(p);
}

struct plan_op *plan_op(struct plan *p, enum plan_code code)
{
	struct plan_op *op = ARRAY_PUSH(p->ops, p->n_ops, p->cap_ops);
	*op = (struct plan_op){.code = (uint16_t)code, .fd = -1};
	return op;
}

/* Until plan_write knows where the strings go, a reference is the position plus one. */
uint32_t plan_string(struct plan *p, const char *s)
{
	uint32_t at = (uint32_t)p->strings.len + 1;
	if (!s)
		return 0;
	buf_add(&p->strings, s, strlen(s) + 1);
	return at;
}

struct plan_op *plan_add(struct plan *p, enum plan_code code, const char *s1, const char *s2,
			 uint64_t a)
{
	struct plan_op *op = plan_op(p, code);
	op->s1 = plan_string(p, s1);
	op->s2 = plan_string(p, s2);
	op->a = a;
	return op;
}

int plan_fd(struct plan *p, int fd)
{
	if (p->n_fds == POD_FDS_MAX) {
		close(fd);
		return -EMFILE;
	}
	p->fds[p->n_fds] = fd;
	return (int)p->n_fds++;
}

void plan_add_arg(struct plan *p, const char *s)
{
	uint32_t ref = plan_string(p, s);
	*ARRAY_PUSH(p->argv, p->n_argv, p->cap_argv) = ref;
}

void plan_add_env(struct plan *p, const char *s)
{
	uint32_t ref = plan_string(p, s);
	*ARRAY_PUSH(p->env, p->n_env, p->cap_env) = ref;
}

static void write_slots(struct buf *out, const uint32_t *refs, size_t n, uint32_t base)
{
	for (size_t i = 0; i <= n; i++) {
		uint64_t slot = i < n ? refs[i] - 1 + (uint64_t)base : 0;
		buf_add(out, &slot, sizeof(slot));
	}
}

int plan_write(const struct plan *p, struct buf *out)
{
	const size_t slots = sizeof(struct plan_hdr) + p->n_ops * sizeof(struct plan_op);
	const size_t base = slots + (p->n_argv + 1 + p->n_env + 1) * sizeof(uint64_t);
	struct plan_hdr h = {
		.magic = PLAN_MAGIC,
		.size = (uint32_t)(base + p->strings.len + 1),
		.version = POD_VERSION,
		.n_ops = (uint16_t)p->n_ops,
		.argv_off = (uint32_t)slots,
		.n_argv = (uint32_t)p->n_argv,
		.env_off = (uint32_t)(slots + (p->n_argv + 1) * sizeof(uint64_t)),
		.n_env = (uint32_t)p->n_env,
		.clone_flags = p->clone_flags,
	};

	if (p->n_ops > PLAN_OPS_MAX || base + p->strings.len + 1 > PLAN_SIZE_MAX)
		return -E2BIG;
	buf_clear(out);
	buf_add(out, &h, sizeof(h));
	for (size_t i = 0; i < p->n_ops; i++) {
		struct plan_op op = p->ops[i];
		op.s1 += op.s1 ? (uint32_t)base - 1 : 0;
		op.s2 += op.s2 ? (uint32_t)base - 1 : 0;
		op.s3 += op.s3 ? (uint32_t)base - 1 : 0;
		buf_add(out, &op, sizeof(op));
	}
	write_slots(out, p->argv, p->n_argv, (uint32_t)base);
	write_slots(out, p->env, p->n_env, (uint32_t)base);
	buf_addstr(out, buf_str(&p->strings));
	buf_addc(out, 0);
	return 0;
}

static void format_slots(const struct plan_hdr *plan, const char *what, uint32_t off, uint32_t n,
			 struct buf *out)
{
	const uint64_t *slot = (const uint64_t *)((const char *)plan + off);
	for (uint32_t i = 0; i < n; i++)
		buf_addf(out, "%s %s\n", what, (const char *)plan + slot[i]);
}

void plan_format(const struct plan_hdr *plan, struct buf *out)
{
	const struct plan_op *op = plan_ops(plan);
	buf_addf(out, "clone %#" PRIx64 "\n", plan->clone_flags);
	for (size_t i = 0; i < plan->n_ops; i++, op++) {
		const uint32_t s[] = {op->s1, op->s2, op->s3};
		buf_adds(out, code_names[op->code]);
		if (op->fd >= 0)
			buf_adds(out, " fd");
		for (size_t k = 0; k < ARRAY_SIZE(s); k++)
			if (s[k])
				buf_addf(out, " %s", plan_text(plan, s[k]));
		if (op->a || op->b || op->c)
			buf_addf(out, " %#" PRIx64, op->a);
		if (op->b || op->c)
			buf_addf(out, " %#" PRIx64, op->b);
		if (op->c)
			buf_addf(out, " %#" PRIx64, op->c);
		buf_addc(out, '\n');
	}
	format_slots(plan, "argv", plan->argv_off, plan->n_argv, out);
	format_slots(plan, "env", plan->env_off, plan->n_env, out);
}
