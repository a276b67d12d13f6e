/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new process does before it becomes its program. Raw system calls where libc keeps state
 * of threads (set*id); no allocation. One function an operation, one table.
 */
#include "agent/runtime/pod/pod.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#define CAP_VERSION_3 0x20080522
#define SECCOMP_SET_FILTER 1
#define BPF_INSN_SIZE 8
#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_RAISE 2
#endif

const char *plan_s(const struct plan_hdr *plan, uint32_t off)
{
	return off ? (const char *)plan + off : NULL;
}

static int check(long r)
{
	return r < 0 ? -errno : 0;
}

static int op_nop(const struct child *c, const struct plan_op *op)
{
	(void)c, (void)op;
	return 0;
}

static int op_cgroup_join(const struct child *c, const struct plan_op *op)
{
	return check(write(c->fds[op->fd], "0", 1));
}

static int op_unshare(const struct child *c, const struct plan_op *op)
{
	(void)c;
	return check(unshare((int)op->a));
}

static int op_setns_target(const struct child *c, const struct plan_op *op)
{
	return check(setns(c->target_pidfd, (int)op->a));
}

static int op_write(const struct child *c, const struct plan_op *op)
{
	const char *text = plan_s(c->plan, op->s2);
	int r = 0, fd = open(plan_s(c->plan, op->s1), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || (text && write(fd, text, strlen(text)) < 0))
		r = -errno;
	pod_close(&fd);
	return op->b ? 0 : r;
}

static int op_hostname(const struct child *c, const struct plan_op *op)
{
	const char *name = plan_s(c->plan, op->s1);
	return check(sethostname(name, strlen(name)));
}

static int op_rlimit(const struct child *c, const struct plan_op *op)
{
	struct rlimit want = {op->b, op->c}, have;
	(void)c;
	if (setrlimit((int)op->a, &want) == 0)
		return 0;
	if (errno != EPERM || getrlimit((int)op->a, &have) < 0)
		return -errno;
	/* Not allowed to raise it (no CAP_SYS_RESOURCE): as far as we may. */
	if (want.rlim_max > have.rlim_max)
		want.rlim_max = have.rlim_max;
	if (want.rlim_cur > want.rlim_max)
		want.rlim_cur = want.rlim_max;
	return check(setrlimit((int)op->a, &want));
}

static int install(int fd, int as, const struct plan_op *op)
{
	int null = -1;
	if (fd < 0) {
		null = fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	} else if ((op->a || op->b) && fchown(fd, (uid_t)op->a, (gid_t)op->b) < 0 &&
		   errno != EPERM && errno != EROFS) {
		return -errno; /* so that /dev/stdout can be opened by its user */
	}
	if (dup2(fd, as) < 0)
		return -errno;
	pod_close(&null);
	return 0;
}

static int op_stdio(const struct child *c, const struct plan_op *op)
{
	const int fd[3] = {c->in, c->out, c->err};
	for (int i = 0; i < 3; i++) {
		int r = install(fd[i], i, op);
		if (r < 0)
			return r;
	}
	return 0;
}

static int send_fd(int sock, int fd)
{
	struct pod_msg m;
	wire_event(&m, POD_REPLY, NULL);
	return wire_send(sock, &m, &fd, 1);
}

static int op_tty(const struct child *c, const struct plan_op *op)
{
	struct winsize ws = {.ws_row = op->b >> 16 & 0xffff, .ws_col = op->b & 0xffff};
	struct statfs fs;
	struct stat st;
	int r, zero = 0, peer, master;

	/* The container may have put anything at this path. */
	master = k_openat2(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0,
			   K_RESOLVE_NO_SYMLINKS);
	if (master < 0)
		return master;
	if (fstatfs(master, &fs) < 0 || fstat(master, &st) < 0 ||
	    fs.f_type != K_DEVPTS_SUPER_MAGIC || st.st_rdev != makedev(5, 2))
		return -ENODEV;
	if (ioctl(master, TIOCSPTLCK, &zero) < 0)
		return -errno;
	peer = ioctl(master, K_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0 || fchown(peer, (uid_t)op->a, (gid_t)-1) < 0)
		return -errno;
	ioctl(master, TIOCSWINSZ, &ws);
	r = send_fd(c->tty_sock, master);
	if (r < 0)
		return r;
	close(master);
	if (ioctl(peer, TIOCSCTTY, 0) < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (dup2(peer, i) < 0)
			return -errno;
	close(peer);
	return 0;
}

/*
 * "/proc/self/fd/5" names a folder of the host as long as we have one open (CVE-2024-21626): the
 * kernel says then that it can't be reached from our root.
 */
static int change_dir(const char *dir)
{
	char at[4096];
	if (chdir(dir) < 0 || syscall(SYS_getcwd, at, sizeof(at)) < 0)
		return -errno;
	return at[0] == '/' ? 0 : -EXDEV;
}

static int op_chdir(const struct child *c, const struct plan_op *op)
{
	const char *dir = plan_s(c->plan, op->s1);
	int r = change_dir(dir);
	if (r != -ENOENT || !op->b)
		return r;
	r = make_dirs(dir, 0755);
	return r < 0 ? r : change_dir(dir);
}

static int op_setsid(const struct child *c, const struct plan_op *op)
{
	(void)c, (void)op;
	return check(setsid());
}

static int op_bounding(const struct child *c, const struct plan_op *op)
{
	(void)c;
	for (int cap = 0; cap < 64; cap++)
		if (!(op->a >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break; /* beyond the kernel's last one */
			return -errno;
		}
	return 0;
}

static int op_ids(const struct child *c, const struct plan_op *op)
{
	const char *list = plan_s(c->plan, op->s1);
	static gid_t groups[1024];
	size_t n = 0;
	while (list && *list && n < sizeof(groups) / sizeof(groups[0])) {
		char *end;
		groups[n++] = (gid_t)strtoul(list, &end, 10);
		list = *end ? end + 1 : end;
	}
	if (syscall(SYS_setgroups, n, groups) < 0)
		return -errno;
	if (syscall(SYS_setresgid, (gid_t)op->b, (gid_t)op->b, (gid_t)op->b) < 0)
		return -errno;
	return check(syscall(SYS_setresuid, (uid_t)op->a, (uid_t)op->a, (uid_t)op->a));
}

static int op_caps(const struct child *c, const struct plan_op *op)
{
	struct {
		uint32_t version;
		int pid;
	} head = {CAP_VERSION_3, 0};
	struct {
		uint32_t effective, permitted, inheritable;
	} data[2];
	uint64_t have = 0;
	(void)c;
	/* Never ask for more than there is: the agent may have been given less than all. */
	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	have = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	for (int i = 0; i < 2; i++) {
		data[i].effective = data[i].permitted = (uint32_t)((op->a & have) >> (32 * i));
		data[i].inheritable = (uint32_t)((op->b & have) >> (32 * i));
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return -errno;
	for (int cap = 0; cap < 64; cap++)
		if (op->b >> cap & 1)
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	return 0;
}

static int op_no_new_privs(const struct child *c, const struct plan_op *op)
{
	(void)c, (void)op;
	return check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static int op_seccomp(const struct child *c, const struct plan_op *op)
{
	struct {
		unsigned short len;
		void *filter;
	} prog;
	struct stat st;
	if (fstat(c->fds[op->fd], &st) < 0)
		return -errno;
	prog.len = (unsigned short)(st.st_size / BPF_INSN_SIZE);
	prog.filter = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, c->fds[op->fd], 0);
	if (prog.filter == MAP_FAILED)
		return -errno;
	return check(syscall(SYS_seccomp, SECCOMP_SET_FILTER, 0, &prog));
}

static int op_umask(const struct child *c, const struct plan_op *op)
{
	(void)c;
	umask((mode_t)op->a);
	return 0;
}

static int op_loopback_up(const struct child *c, const struct plan_op *op)
{
	struct ifreq ifr = {.ifr_name = "lo"};
	int r, s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)c, (void)op;
	if (s < 0)
		return -errno;
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	r = check(ioctl(s, SIOCSIFFLAGS, &ifr));
	close(s);
	return r;
}

static int op_exec(const struct child *c, const struct plan_op *op)
{
	const char *name = c->argv[0], *path = plan_s(c->plan, op->s1);
	char full[4096];
	int seen = ENOENT;

	/* Not only on exec: the program's own path could lead through one of them. */
	if (syscall(SYS_close_range, 3u, ~0u, 0u) < 0)
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
	if (strchr(name, '/')) {
		execve(name, c->argv, c->env);
		return -errno;
	}
	while (path && *path) {
		size_t dir = strcspn(path, ":"), len = strlen(name);
		if (dir > 0 && dir + len + 2 <= sizeof(full)) {
			memcpy(full, path, dir);
			full[dir] = '/';
			memcpy(full + dir + 1, name, len + 1);
			execve(full, c->argv, c->env);
			if (errno != ENOENT && errno != ENOTDIR)
				seen = errno;
		}
		path += dir + (path[dir] == ':');
	}
	return -seen;
}

static int (*const ops[PLAN_MAX])(const struct child *, const struct plan_op *) = {
	[PLAN_NOP] = op_nop,
	[PLAN_CGROUP_JOIN] = op_cgroup_join,
	[PLAN_UNSHARE] = op_unshare,
	[PLAN_SETNS_TARGET] = op_setns_target,
	[PLAN_MOUNT_FD] = op_mount_fd,
	[PLAN_PIVOT] = op_pivot,
	[PLAN_MOUNT] = op_mount,
	[PLAN_BIND] = op_bind,
	[PLAN_MKDIR] = op_mkdir,
	[PLAN_MKNOD] = op_mknod,
	[PLAN_SYMLINK] = op_symlink,
	[PLAN_SETATTR] = op_setattr,
	[PLAN_MASK] = op_mask,
	[PLAN_READONLY] = op_readonly,
	[PLAN_WRITE] = op_write,
	[PLAN_HOSTNAME] = op_hostname,
	[PLAN_RLIMIT] = op_rlimit,
	[PLAN_STDIO] = op_stdio,
	[PLAN_TTY] = op_tty,
	[PLAN_CHDIR] = op_chdir,
	[PLAN_SETSID] = op_setsid,
	[PLAN_BOUNDING] = op_bounding,
	[PLAN_IDS] = op_ids,
	[PLAN_CAPS] = op_caps,
	[PLAN_NO_NEW_PRIVS] = op_no_new_privs,
	[PLAN_SECCOMP] = op_seccomp,
	[PLAN_UMASK] = op_umask,
	[PLAN_LOOPBACK_UP] = op_loopback_up,
	[PLAN_EXEC] = op_exec,
};

/* Which operations read c->fds, s1, s2: a plan that leaves them out is refused, not crashed on. */
static int operands_ok(const struct plan_op *op)
{
	switch (op->code) {
	case PLAN_CGROUP_JOIN:
	case PLAN_SECCOMP:
		return op->fd >= 0;
	case PLAN_MOUNT_FD:
		return op->fd >= 0 && op->s1;
	case PLAN_MOUNT:
	case PLAN_BIND:
	case PLAN_SYMLINK:
		return op->s1 && op->s2;
	case PLAN_PIVOT:
	case PLAN_MKDIR:
	case PLAN_MKNOD:
	case PLAN_SETATTR:
	case PLAN_MASK:
	case PLAN_READONLY:
	case PLAN_WRITE:
	case PLAN_HOSTNAME:
	case PLAN_CHDIR:
		return op->s1 != 0;
	default:
		return 1;
	}
}

int child_run(const struct child *c, int *ret_op)
{
	const struct plan_op *op = plan_ops(c->plan);
	for (int i = 0; i < c->plan->n_ops; i++) {
		int r = operands_ok(&op[i]) ? ops[op[i].code](c, &op[i]) : -EBADMSG;
		if (r < 0) {
			*ret_op = i;
			return r;
		}
	}
	*ret_op = -1;
	return 0;
}
