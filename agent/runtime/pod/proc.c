/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes: how they start, how they end, and what is written about it. */
#include "agent/runtime/pod/pod.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define EXIT_NOT_STARTED 127

int64_t now_ns(int clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct proc *proc_find(const char *id)
{
	for (int i = 0; i < POD_PROCS; i++)
		if (pod.proc[i].state != PROC_FREE && !pod.proc[i].seq &&
		    strcmp(pod.proc[i].id, id) == 0)
			return &pod.proc[i];
	return NULL;
}

struct proc *proc_find_exec(uint64_t seq)
{
	for (int i = 0; i < POD_PROCS; i++)
		if (pod.proc[i].state != PROC_FREE && pod.proc[i].seq == seq)
			return &pod.proc[i];
	return NULL;
}

static struct proc *proc_new(void)
{
	for (int i = 0; i < POD_PROCS; i++) {
		struct proc *p = &pod.proc[i];
		if (p->state != PROC_FREE)
			continue;
		memset(p, 0, sizeof(*p));
		p->pidfd = p->in = p->peer = p->out[0] = p->out[1] = p->oom = p->kill = -1;
		p->log.dir = p->log.fd = -1;
		memset(p->attached, 0xff, sizeof(p->attached));
		return p;
	}
	return NULL;
}

/* Everything but the facts about the exit. */
static void proc_close(struct proc *p)
{
	attach_close(p);
	for (int i = 0; i < 2; i++)
		if (p->out[i] >= 0) {
			pod_unwatch(p->out[i]);
			pod_close(&p->out[i]);
		}
	pod_close(&p->pidfd);
	pod_close(&p->in);
	pod_close(&p->peer);
	pod_close(&p->oom);
	pod_close(&p->kill);
	log_close(&p->log);
}

void proc_free(struct proc *p)
{
	proc_close(p);
	p->state = PROC_FREE;
}

/* ---- the plan and its mapping ---- */

static struct plan_hdr *plan_map(int fd, int n_fds)
{
	struct stat st;
	struct plan_hdr *plan;
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*plan) || st.st_size > PLAN_SIZE_MAX)
		return NULL;
	plan = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (plan == MAP_FAILED)
		return NULL;
	if (!plan_check(plan, (uint64_t)st.st_size, n_fds)) {
		munmap(plan, (size_t)st.st_size);
		return NULL;
	}
	return plan;
}

/* Offsets in a slot array become pointers, in our private copy. */
static char **plan_pointers(struct plan_hdr *plan, uint32_t off, uint32_t n)
{
	uint64_t *slot = (uint64_t *)((char *)plan + off);
	for (uint32_t i = 0; i < n; i++)
		slot[i] += (uint64_t)(uintptr_t)plan;
	return (char **)slot;
}

/* ---- starting ---- */

/* All that a start needs besides the table's entry; descriptors are closed by start_end. */
struct start {
	struct plan_hdr *plan;
	struct child child;
	int ends[3]; /* the child's ends of pipes we made */
	int tty[2];
	struct child_result *result;
};

static int role(const struct pod_msg *m, enum pod_fd_role r, const int *fds, int n_fds)
{
	return m->fd[r] >= 0 && m->fd[r] < n_fds ? fds[m->fd[r]] : -1;
}

/* The same, taken over: the caller no longer closes it. */
static int take_role(const struct pod_msg *m, enum pod_fd_role r, int *fds, int n_fds)
{
	int fd = role(m, r, fds, n_fds);
	if (fd >= 0)
		fds[m->fd[r]] = -1;
	return fd;
}

static int make_pipes(struct proc *p, struct start *s, const struct pod_msg *m)
{
	int fd[2];
	if (m->flags & POD_F_TTY)
		return 0;
	for (int i = 0; i < 2; i++) {
		if (pipe2(fd, O_CLOEXEC) < 0)
			return -errno;
		p->out[i] = fd[0];
		s->ends[i + 1] = fd[1];
		fcntl(fd[0], F_SETFL, O_NONBLOCK);
	}
	if (m->flags & POD_F_STDIN) {
		if (pipe2(fd, O_CLOEXEC) < 0)
			return -errno;
		s->ends[0] = fd[0];
		p->in = fd[1];
		fcntl(fd[1], F_SETFL, O_NONBLOCK);
	}
	s->child.in = s->ends[0];
	s->child.out = s->ends[1];
	s->child.err = s->ends[2];
	return 0;
}

static void start_end(struct start *s)
{
	for (int i = 0; i < 3; i++)
		pod_close(&s->ends[i]);
	pod_close(&s->tty[0]);
	pod_close(&s->tty[1]);
	if (s->plan)
		munmap(s->plan, s->plan->size);
	if (s->result)
		munmap(s->result, sizeof(*s->result));
}

__attribute__((noreturn)) static void child_main(struct start *s)
{
	sigset_t none;
	int op = -1, r;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = child_run(&s->child, &op);
	s->result->op = op;
	s->result->error = r < 0 ? -r : ENOEXEC; /* a plan must end in an exec */
	_exit(EXIT_NOT_STARTED);
}

/*
 * fork-like (this process is so small that copying it costs less than the care of a shared
 * memory would), but the parent waits for execve or _exit: after it, s->result is the truth.
 */
static int start_clone(struct proc *p, struct start *s, const struct proc *target, int cgroup)
{
	struct k_clone_args a = {
		.flags = K_CLONE_VFORK | K_CLONE_PIDFD | K_CLONE_CLEAR_SIGHAND |
			 s->plan->clone_flags | (cgroup >= 0 ? K_CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&p->pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
	};
	int pidns = target ? target->pidfd : pod.pod_pidns;
	long pid;

	/* Where children are born; it does not move ourselves. */
	if (pidns >= 0 && setns(pidns, CLONE_NEWPID) < 0)
		return -errno;
	pid = k_clone3_fork(&a);
	if (pid == 0)
		child_main(s);
	if (pidns >= 0 && setns(pod.own_pidns, CLONE_NEWPID) < 0)
		abort(); /* everything started later would be in a stranger's namespace */
	if (pid < 0)
		return (int)pid;
	p->pid = (pid_t)pid;
	if (s->result->error) {
		int status;
		while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
			;
		return -s->result->error;
	}
	return 0;
}

static int receive_tty(struct start *s)
{
	static int fds[POD_FDS_MAX];
	struct pod_msg m;
	int n = 0, r = wire_recv(s->tty[0], &m, fds, &n);
	return r < 0 ? r : n == 1 ? fds[0] : -EPROTO;
}

static void watch_output(struct proc *p)
{
	for (int i = 0; i < 2; i++)
		if (p->out[i] >= 0)
			pod_watch(p->out[i], i ? SRC_ERR : SRC_OUT, (int)(p - pod.proc), EPOLLIN);
}

/* A container's terminal is ours; that of an exec goes to the agent in the reply. */
static int keep_tty(struct proc *p, int master)
{
	fcntl(master, F_SETFL, O_NONBLOCK);
	if (p->seq) {
		p->in = master;
		return 0;
	}
	p->in = master;
	p->out[0] = fcntl(master, F_DUPFD_CLOEXEC, 3);
	/* As long as we hold the other end too, closing it inside is no end of the output. */
	p->peer = ioctl(master, K_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return p->out[0] < 0 || p->peer < 0 ? -errno : 0;
}

static int start_prepare(struct proc *p, struct start *s, const struct pod_msg *m, int *fds,
			 int n_fds)
{
	int r = 0, plan = role(m, POD_FD_PLAN, fds, n_fds);
	s->plan = plan < 0 ? NULL : plan_map(plan, n_fds);
	if (!s->plan || s->plan->n_argv == 0)
		return -EBADMSG;
	s->child.plan = s->plan;
	s->child.argv = plan_pointers(s->plan, s->plan->argv_off, s->plan->n_argv);
	s->child.env = plan_pointers(s->plan, s->plan->env_off, s->plan->n_env);
	s->child.fds = fds;
	s->result = mmap(NULL, sizeof(*s->result), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->result == MAP_FAILED) {
		s->result = NULL;
		return -errno;
	}
	if (m->flags & POD_F_TTY) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->tty) < 0)
			return -errno;
		s->child.tty_sock = s->tty[1];
	} else if (m->type == POD_EXEC) {
		s->child.in = role(m, POD_FD_IN, fds, n_fds);
		s->child.out = role(m, POD_FD_OUT, fds, n_fds);
		s->child.err = role(m, POD_FD_ERR, fds, n_fds);
	} else {
		r = make_pipes(p, s, m);
	}
	if (r >= 0 && (m->flags & POD_F_LOG)) {
		p->log.dir = take_role(m, POD_FD_LOG_DIR, fds, n_fds);
		p->log.max = m->log_max_bytes ? m->log_max_bytes : 10u << 20;
		p->log.files = m->log_max_files && m->log_max_files < 100 ? m->log_max_files : 5;
		memcpy(p->log.name, m->text, sizeof(p->log.name) - 1);
		r = log_open(&p->log);
	}
	return r;
}

static int start_one(struct proc *p, const struct proc *target, const struct pod_msg *m, int *fds,
		     int n_fds, struct pod_msg *reply)
{
	struct start s = {.ends = {-1, -1, -1}, .tty = {-1, -1}};
	int r;
	s.child.in = s.child.out = s.child.err = -1;
	s.child.target_pidfd = target ? target->pidfd : -1;
	r = start_prepare(p, &s, m, fds, n_fds);
	p->started_ns = now_ns(CLOCK_REALTIME);
	if (r >= 0)
		r = start_clone(p, &s, target, role(m, POD_FD_CGROUP2, fds, n_fds));
	if (s.result && s.result->error)
		reply->op = s.result->op;
	if (r >= 0 && p->tty) {
		int master = receive_tty(&s);
		r = master < 0 ? 0 : keep_tty(p, master); /* without: it died, exit follows */
	}
	start_end(&s);
	return r < 0 ? r : 0;
}

void proc_start(const struct pod_msg *m, int *fds, int n_fds, struct pod_msg *reply)
{
	const bool exec = m->type == POD_EXEC;
	struct proc *target = exec ? proc_find(m->id) : NULL, *p;

	reply->result = -ENOTCONN;
	if (!pod.blank)
		return; /* not set up: it would be in the host's namespaces */
	reply->result = -ESRCH;
	if (exec && (!target || target->state != PROC_RUNNING))
		return;
	reply->result = -EEXIST;
	if (!exec && proc_find(m->id))
		return;
	reply->result = -EMFILE;
	p = proc_new();
	if (!p)
		return;
	memcpy(p->id, m->id, sizeof(p->id));
	p->seq = exec ? m->seq : 0;
	p->tty = m->flags & POD_F_TTY;
	p->stdin_once = m->flags & POD_F_STDIN_ONCE;
	p->oom = take_role(m, POD_FD_OOM, fds, n_fds);
	p->kill = take_role(m, POD_FD_KILL, fds, n_fds);
	reply->result = start_one(p, target, m, fds, n_fds, reply);
	if (reply->result < 0) {
		proc_free(p);
		return;
	}
	p->state = PROC_RUNNING;
	watch_output(p);
	reply->pid = p->pid;
	reply->started_ns = p->started_ns;
}

/* ---- ending ---- */

/* The number behind "oom_kill " in memory.events or memory.oom_control. */
static bool oom_killed(int fd)
{
	char text[512];
	const char *at;
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return false;
	text[n] = 0;
	at = strstr(text, "oom_kill ");
	return at && strtoul(at + 9, NULL, 10) > 0;
}

char *put_i64(char *p, int64_t v)
{
	char digits[24];
	int n = 0;
	if (v < 0) {
		*p++ = '-';
		v = -v;
	}
	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

static void write_exit_file(const struct proc *p)
{
	const int64_t v[] = {p->code, p->sig, p->oomed, p->started_ns, p->finished_ns};
	char text[128], *end = text;
	int fd, dir = openat(pod.run_dir, p->id, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		end = put_i64(end, v[i]);
		*end++ = i + 1 < sizeof(v) / sizeof(v[0]) ? ' ' : '\n';
	}
	fd = openat(dir, POD_EXIT_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0) {
		if (write(fd, text, (size_t)(end - text)) == end - text)
			renameat(dir, POD_EXIT_FILE ".new", dir, POD_EXIT_FILE);
		close(fd);
	}
	close(dir);
}

static void proc_exited(struct proc *p, int status)
{
	struct pod_msg m;

	p->finished_ns = now_ns(CLOCK_REALTIME);
	p->sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	p->code = p->sig ? 128 + p->sig : WEXITSTATUS(status);
	if (!p->seq) {
		/* Outside a pid namespace of its own others may have been left behind. */
		if (p->kill >= 0 && write(p->kill, "1", 1) < 0)
			pod_close(&p->kill); /* the group is gone already */
		/* Also when it was a child: `sh -c` then ends by itself with the child's 137. */
		p->oomed = p->code != 0 && oom_killed(p->oom);
		output_drain(p);
	}
	p->state = PROC_EXITED;
	if (!p->seq)
		write_exit_file(p);
	wire_event(&m, POD_EXITED, p);
	pod_send(&m, NULL, 0);
	if (p->seq)
		proc_free(p);
	else
		proc_close(p);
}

void proc_reap(void)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < POD_PROCS; i++)
			if (pod.proc[i].state == PROC_RUNNING && pod.proc[i].pid == pid) {
				proc_exited(&pod.proc[i], status);
				break;
			}
}

/* ---- the sandbox ---- */

/* Process 1 of a pid namespace that all containers share: it only reaps. */
__attribute__((noreturn)) static void pause_main(void)
{
	sigset_t all;
	int sig;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "pause");
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		sigwait(&all, &sig);
	}
}

static int start_pause(void)
{
	struct k_clone_args a = {.flags = K_CLONE_NEWPID | K_CLONE_PIDFD | K_CLONE_CLEAR_SIGHAND,
				 .pidfd = (uint64_t)(uintptr_t)&pod.pod_pidns,
				 .exit_signal = SIGCHLD};
	long pid = k_clone3_fork(&a);
	if (pid == 0)
		pause_main();
	return pid < 0 ? (int)pid : 0;
}

/* From here on paths of the host can't be seen: only what descriptors show. */
static int enter_blank(int blank)
{
	if (setns(blank, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0)
		return -errno;
	/* /dev/shm of all containers in the sandbox, 64 MiB as the CRI runtimes make it. */
	if (mount("shm", "/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m") <
	    0)
		return -errno;
	return 0;
}

int proc_setup(const struct pod_msg *m, int *fds, int n_fds, struct pod_msg *reply)
{
	struct child c = {.fds = fds, .in = -1, .out = -1, .err = -1, .tty_sock = -1};
	int r, plan = role(m, POD_FD_PLAN, fds, n_fds), netns = role(m, POD_FD_NETNS, fds, n_fds);
	int blank = role(m, POD_FD_BLANK, fds, n_fds);
	struct plan_hdr *p = plan < 0 ? NULL : plan_map(plan, n_fds);

	if (!p || blank < 0 || pod.blank) {
		if (p)
			munmap(p, p->size);
		return -EBADMSG;
	}
	c.plan = p;
	r = netns >= 0 && setns(netns, CLONE_NEWNET) < 0 ? -errno : 0;
	if (r >= 0)
		r = child_run(&c, &reply->op);
	munmap(p, p->size);
	if (r >= 0 && (m->flags & POD_F_ALL))
		r = start_pause();
	if (r >= 0)
		r = enter_blank(blank);
	if (r >= 0)
		pod.blank = 1;
	return r;
}
