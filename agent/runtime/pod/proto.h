/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_PROTO_H
#define KNARR_POD_PROTO_H
#include <stdint.h>
/*
 * What the agent and the supervisor knarr-pod say to each other, and the plan of a process. The
 * only place where these structs exist; both sides are on one machine, so byte order and
 * alignment are the machine's.
 *
 * Transport: a SOCK_SEQPACKET socket in the sandbox's run directory ("sock"), one agent at a time
 * (a new connection replaces the old one). One packet is one struct pod_msg, descriptors beside it
 * by SCM_RIGHTS. A supervisor outlives the agent that started it, so a newer agent must speak
 * every version that can still be running: fields are only ever added at the end, and `size` says
 * how many bytes the sender knew. What is missing is zero.
 */
#define POD_VERSION 1
#define POD_ID_MAX 64
#define POD_TEXT_MAX 256
#define POD_FDS_MAX 250 /* SCM_MAX_FD is 253 */

enum pod_msg_type {
	/* agent -> supervisor; each is answered by POD_REPLY with the same seq */
	POD_SETUP = 1, /* plan: namespaces, host name, sysctls of the sandbox; once, first */
	POD_START, /* start a container: id, flags, log_*, text = log file's name */
	POD_EXEC, /* run a process in container id; the process is known by seq from then on */
	POD_SIGNAL, /* id, or target (seq of an exec); sig. flags POD_F_ALL: cgroup.kill */
	POD_ATTACH, /* id; POD_FD_OUT/ERR: copies of output go there. Reply may carry stdin */
	POD_RESIZE, /* id or target; cols, rows */
	POD_ROTATE, /* id: new log file */
	POD_STATE, /* POD_STATE_ITEM for every container, then POD_REPLY */
	POD_FORGET, /* drop an exited container's entry */
	POD_QUIT, /* end; only when no container runs (else -EBUSY) */
	/* supervisor -> agent */
	POD_REPLY = 64, /* result; op and step when a plan failed; pid; descriptors */
	POD_EXITED, /* id or target; code, sig, flags POD_F_OOM; times */
	POD_STATE_ITEM,
};

/* Which of the packet's descriptors has which role: index, or -1. */
enum pod_fd_role {
	POD_FD_PLAN, /* the plan, mmap-able */
	POD_FD_CGROUP2, /* directory of the v2 cgroup to be born in */
	POD_FD_LOG_DIR,
	POD_FD_OOM, /* file with a line "oom_kill N" (memory.events, v1 memory.oom_control) */
	POD_FD_KILL, /* cgroup.kill of the container, for writing */
	POD_FD_NETNS, /* SETUP: join this network namespace */
	POD_FD_BLANK, /* SETUP: a blank mount namespace to copy */
	POD_FD_IN, /* EXEC: stdio of the process; ATTACH: out and err */
	POD_FD_OUT,
	POD_FD_ERR,
	POD_FD_ROLES,
};

enum pod_flag {
	POD_F_TTY = 1 << 0,
	POD_F_STDIN = 1 << 1, /* START: make a stdin; ATTACH: wants it */
	POD_F_STDIN_ONCE = 1 << 2,
	POD_F_OOM = 1 << 3,
	POD_F_ALL = 1 << 4,
	POD_F_RUNNING = 1 << 5, /* STATE_ITEM; in the REPLY to STATE: SETUP was done */
	POD_F_LOG = 1 << 6, /* START: there is a log */
};

struct pod_msg {
	uint16_t version; /* POD_VERSION of the sender */
	uint16_t size; /* sizeof(struct pod_msg) of the sender */
	uint16_t type; /* enum pod_msg_type */
	uint16_t flags; /* enum pod_flag */
	uint64_t seq; /* of a command and its reply; 0 for events */
	uint64_t target; /* seq of the POD_EXEC meant; 0: the container `id` itself */
	int32_t result; /* REPLY: 0 or a negative errno */
	int32_t op; /* REPLY: index of the plan's operation that failed, or -1 */
	int32_t pid; /* as the supervisor sees it, i.e. the host's */
	int32_t code; /* exit code */
	int32_t sig;
	uint16_t cols, rows;
	int64_t started_ns, finished_ns; /* Unix time */
	uint64_t log_max_bytes;
	uint32_t log_max_files;
	int16_t fd[12]; /* by enum pod_fd_role; -1: none */
	char id[POD_ID_MAX + 4];
	char text[POD_TEXT_MAX];
};
_Static_assert(POD_FD_ROLES <= 12, "pod_msg.fd is full");
_Static_assert(sizeof(struct pod_msg) == 424, "the wire format changed: raise POD_VERSION");

/*
 * The exit file RUN/POD/CONTAINER/exit, written beside and renamed into place before the EXITED
 * event: one line of decimal numbers.
 */
#define POD_EXIT_FILE "exit"
/* code, signal, oom, started_ns, finished_ns */

/*
 * A plan: what a new process does between clone and execve, compiled by the agent so that the
 * child is a loop over a table without parsing or memory allocation.
 *
 *	struct plan_hdr | ops | argv slots | env slots | strings
 *
 * String references are byte offsets from the start, 0 = none; every string is NUL-terminated and
 * the plan's last byte is NUL. argv and env slots are uint64_t: offsets in the file, turned into
 * pointers in the supervisor's private mapping.
 */
#define PLAN_MAGIC 0x4e4c504bu /* "KPLN" */
#define PLAN_SIZE_MAX (4u << 20) /* argv and env of up to ARG_MAX, and the rest */
#define PLAN_OPS_MAX 4096

enum plan_code {
	/* a = flags and so on: as each row says; fd = index in the packet's descriptors */
	PLAN_NOP,
	PLAN_CGROUP_JOIN, /* fd: v1 tasks, open for writing */
	PLAN_UNSHARE, /* a: CLONE_NEW* */
	PLAN_SETNS_TARGET, /* a: CLONE_NEW* of the container an exec goes into */
	PLAN_MOUNT_FD, /* fd: detached mount -> s1; b: enum plan_target */
	PLAN_PIVOT, /* root becomes s1, the old root stays under its /proc, to be covered */
	PLAN_MOUNT, /* new file system of type s1 on s2, options s3 "k=v,flag", a: MOUNT_ATTR */
	PLAN_BIND, /* s1 -> s2 inside the container; a: MOUNT_ATTR; b: 1 = s1 may be missing */
	PLAN_MKDIR, /* s1, a: mode; there already: fine */
	PLAN_MKNOD, /* s1, a: mode with type, b: dev_t; there already: fine */
	PLAN_SYMLINK, /* s1 = text, s2 = path; there already: fine */
	PLAN_SETATTR, /* s1, a: MOUNT_ATTR to set */
	PLAN_MASK, /* s1: hide a file (by /dev/null) or a directory (by an empty tmpfs) */
	PLAN_READONLY, /* s1: bind on itself, read-only; missing: fine */
	PLAN_WRITE, /* text s2 into file s1; b: 1 = an error is ignored */
	PLAN_HOSTNAME, /* s1 */
	PLAN_RLIMIT, /* a: resource (low 32), b -> soft, c -> hard; refused: raised as far as may be
		      */
	PLAN_STDIO, /* install stdin, stdout, stderr; a: uid, b: gid that own the pipes */
	PLAN_TTY, /* a new terminal from /dev/ptmx as stdio; a: uid; b: rows << 16 | cols */
	PLAN_CHDIR, /* s1; b: 1 = make it if missing */
	PLAN_SETSID,
	PLAN_BOUNDING, /* a: capabilities to keep */
	PLAN_IDS, /* a: uid, b: gid, s1: supplementary groups "1,2,3" or 0 */
	PLAN_CAPS, /* a: permitted and effective, b: inheritable and ambient */
	PLAN_NO_NEW_PRIVS,
	PLAN_SECCOMP, /* fd: file with struct sock_filter[], mmap-able */
	PLAN_UMASK, /* a */
	PLAN_LOOPBACK_UP,
	PLAN_EXEC, /* argv[0] by PATH (s1) */
	PLAN_MAX,
};

enum plan_target {
	PLAN_TARGET_DIR, /* make the target as a directory when missing */
	PLAN_TARGET_FILE, /* as an empty file */
	PLAN_TARGET_AS_IS, /* it exists; no link may be in its path (our own /proc, /dev, /sys) */
};

struct plan_op {
	uint16_t code; /* enum plan_code */
	int16_t fd;
	uint32_t s1, s2, s3;
	uint64_t a, b, c;
};
_Static_assert(sizeof(struct plan_op) == 40, "plan_op has no holes");

struct plan_hdr {
	uint32_t magic, size;
	uint16_t version, n_ops;
	uint32_t argv_off, n_argv; /* slots, without the closing NULL (which is there) */
	uint32_t env_off, n_env;
	uint32_t pad;
	uint64_t clone_flags; /* CLONE_NEW* for the clone itself */
};
_Static_assert(sizeof(struct plan_hdr) == 40, "plan_hdr has no holes");

static inline const struct plan_op *plan_ops(const struct plan_hdr *p)
{
	return (const struct plan_op *)(p + 1);
}

/* Is the string at this offset inside the plan? (The last byte is NUL, so it ends there.) */
static inline int plan_str_ok(const struct plan_hdr *p, uint32_t off)
{
	return off == 0 || (off >= sizeof(*p) && off < p->size);
}

static inline int plan_slots_ok(const struct plan_hdr *p, uint32_t off, uint32_t n)
{
	const uint64_t *slot;
	if (off % 8 || off < sizeof(*p) || off >= p->size || n >= (p->size - off) / 8)
		return 0;
	slot = (const uint64_t *)((const char *)p + off);
	for (uint32_t i = 0; i < n; i++)
		if (slot[i] < sizeof(*p) || slot[i] >= p->size)
			return 0;
	return slot[n] == 0;
}

/*
 * Check every offset of a plan of `size` bytes before anything is done with it. 1: good. The
 * supervisor trusts the agent, yet a torn file must not make it jump about.
 */
static inline int plan_check(const struct plan_hdr *p, uint64_t size, int n_fds)
{
	const struct plan_op *op;
	if (size < sizeof(*p) || size > PLAN_SIZE_MAX || p->magic != PLAN_MAGIC ||
	    p->version != POD_VERSION || p->size != size || ((const char *)p)[size - 1] != 0)
		return 0;
	if (p->n_ops > PLAN_OPS_MAX ||
	    sizeof(*p) + (uint64_t)p->n_ops * sizeof(struct plan_op) > size)
		return 0;
	op = plan_ops(p);
	for (unsigned int i = 0; i < p->n_ops; i++)
		if (op[i].code >= PLAN_MAX || op[i].fd < -1 || op[i].fd >= n_fds ||
		    !plan_str_ok(p, op[i].s1) || !plan_str_ok(p, op[i].s2) ||
		    !plan_str_ok(p, op[i].s3))
			return 0;
	return plan_slots_ok(p, p->argv_off, p->n_argv) && plan_slots_ok(p, p->env_off, p->n_env);
}
#endif
