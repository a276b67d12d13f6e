/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knarr-pod: started by the agent with
 *	fd 3	the first connection (SOCK_SEQPACKET)
 *	fd 4	the listening socket for later agents
 *	fd 5	the sandbox's run directory
 * and /dev/null as stdio. Started by hand it says what it is and ends.
 */
#include "agent/runtime/pod/pod.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct pod pod; /* all zero until start(): pages that nobody touches are not there */

void pod_watch(int fd, enum pod_source src, int index, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = (uint64_t)index << 8 | src};
	epoll_ctl(pod.epoll, EPOLL_CTL_ADD, fd, &ev);
}

void pod_unwatch(int fd)
{
	epoll_ctl(pod.epoll, EPOLL_CTL_DEL, fd, NULL);
}

void pod_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static struct proc *target_of(const struct pod_msg *m)
{
	struct proc *p = m->target ? proc_find_exec(m->target) : proc_find(m->id);
	return p && p->state == PROC_RUNNING ? p : NULL;
}

static int do_signal(const struct pod_msg *m)
{
	struct proc *p = target_of(m);
	if (!p)
		return -ESRCH;
	if ((m->flags & POD_F_ALL) && p->kill >= 0 && write(p->kill, "1", 1) == 1)
		return 0;
	return k_pidfd_signal(p->pidfd, m->sig);
}

static int do_resize(const struct pod_msg *m)
{
	struct winsize ws = {.ws_row = m->rows, .ws_col = m->cols};
	struct proc *p = target_of(m);
	if (!p)
		return -ESRCH;
	return p->tty && p->in >= 0 && ioctl(p->in, TIOCSWINSZ, &ws) == 0 ? 0 : -ENOTTY;
}

/* Copies of output; stdin (or the terminal) goes along with the reply as *ret_in. */
static int do_attach(const struct pod_msg *m, int *fds, int n_fds, int *ret_in)
{
	struct proc *p = proc_find(m->id);
	if (!p || p->state != PROC_RUNNING)
		return -ESRCH;
	for (int i = 0; i < 2; i++) {
		int at = m->fd[i ? POD_FD_ERR : POD_FD_OUT];
		if (at < 0 || at >= n_fds)
			continue;
		int r = attach_add(p, i, fds[at]);
		if (r < 0)
			return r;
		fds[at] = -1;
	}
	if (!(m->flags & POD_F_STDIN) || p->in < 0)
		return 0;
	*ret_in = p->stdin_once && !p->tty ? p->in : fcntl(p->in, F_DUPFD_CLOEXEC, 3);
	if (p->stdin_once && !p->tty)
		p->in = -1;
	return *ret_in < 0 ? -errno : 0;
}

static int do_state(void)
{
	struct pod_msg m;
	for (int i = 0; i < POD_PROCS; i++)
		if (pod.proc[i].state != PROC_FREE && !pod.proc[i].seq) {
			wire_event(&m, POD_STATE_ITEM, &pod.proc[i]);
			pod_send(&m, NULL, 0);
		}
	return 0;
}

static int do_forget(const struct pod_msg *m)
{
	struct proc *p = proc_find(m->id);
	if (p && p->state == PROC_RUNNING)
		return -EBUSY;
	if (p)
		proc_free(p);
	return 0;
}

static int do_quit(void)
{
	for (int i = 0; i < POD_PROCS; i++)
		if (pod.proc[i].state == PROC_RUNNING)
			return -EBUSY;
	if (pod.pod_pidns >= 0)
		k_pidfd_signal(pod.pod_pidns, SIGKILL);
	pod.quit = true;
	return 0;
}

static void command(const struct pod_msg *m, int *fds, int n_fds)
{
	struct proc *p;
	struct pod_msg r;
	int out = -1;

	wire_event(&r, POD_REPLY, NULL);
	r.seq = m->seq;
	memcpy(r.id, m->id, sizeof(r.id));
	switch (m->type) {
	case POD_SETUP:
		r.result = proc_setup(m, fds, n_fds, &r);
		break;
	case POD_START:
	case POD_EXEC:
		proc_start(m, fds, n_fds, &r);
		p = m->type == POD_EXEC && r.result == 0 ? proc_find_exec(m->seq) : NULL;
		if (p && p->tty && p->in >= 0)
			out = fcntl(p->in, F_DUPFD_CLOEXEC, 3);
		break;
	case POD_SIGNAL:
		r.result = do_signal(m);
		break;
	case POD_ATTACH:
		r.result = do_attach(m, fds, n_fds, &out);
		break;
	case POD_RESIZE:
		r.result = do_resize(m);
		break;
	case POD_ROTATE:
		p = target_of(m);
		r.result = p ? log_rotate(&p->log) : -ESRCH;
		break;
	case POD_STATE:
		r.result = do_state();
		r.flags = pod.blank ? POD_F_RUNNING : 0;
		break;
	case POD_FORGET:
		r.result = do_forget(m);
		break;
	case POD_QUIT:
		r.result = do_quit();
		break;
	default:
		r.result = -ENOSYS; /* a newer agent's word */
	}
	pod_send(&r, &out, out >= 0);
	pod_close(&out);
}

static void on_agent(void)
{
	static int fds[POD_FDS_MAX];
	struct pod_msg m;
	int n_fds = 0, r = wire_recv(pod.agent, &m, fds, &n_fds);

	if (r == 0)
		command(&m, fds, n_fds);
	for (int i = 0; i < n_fds; i++)
		pod_close(&fds[i]);
	if (r < 0 && r != -EAGAIN && r != -EINTR && pod.agent >= 0) {
		pod_unwatch(pod.agent);
		pod_close(&pod.agent);
	}
}

static void on_listener(void)
{
	int fd = accept4(pod.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (pod.agent >= 0) {
		pod_unwatch(pod.agent);
		pod_close(&pod.agent);
	}
	pod.agent = fd;
	pod_watch(fd, SRC_AGENT, 0, EPOLLIN);
}

static void on_event(const struct epoll_event *ev)
{
	struct proc *p = &pod.proc[ev->data.u64 >> 8 & (POD_PROCS - 1)];
	struct signalfd_siginfo si;

	switch ((enum pod_source)(ev->data.u64 & 0xff)) {
	case SRC_LISTENER:
		on_listener();
		break;
	case SRC_AGENT:
		on_agent();
		break;
	case SRC_SIGNALS:
		while (read(pod.signals, &si, sizeof(si)) == sizeof(si))
			;
		proc_reap();
		break;
	case SRC_OUT:
		output_read(p, 0);
		break;
	case SRC_ERR:
		output_read(p, 1);
		break;
	case SRC_ATTACHED:
		attach_event(p);
		break;
	}
}

static bool any_stalled(void)
{
	for (int i = 0; i < POD_PROCS; i++)
		if (pod.proc[i].state == PROC_RUNNING &&
		    (pod.proc[i].stalled[0] || pod.proc[i].stalled[1]))
			return true;
	return false;
}

static int start(void)
{
	static const int fds[] = {3, 4, 5};
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	struct stat st;
	sigset_t chld, all;

	pod.agent = 3;
	pod.listener = 4;
	pod.run_dir = 5;
	pod.pod_pidns = -1;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fstat(fds[i], &st) < 0 || fcntl(fds[i], F_SETFD, FD_CLOEXEC) < 0)
			return -EBADF;
	/* Containers must not inherit what the agent ignores (SIGPIPE). */
	for (int s = 1; s < 32; s++)
		sigaction(s, &dfl, NULL);
	/* Neither the agent's process group nor a terminal's signals end a pod. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	umask(022);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_DUMPABLE, 0);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	pod.signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	pod.epoll = epoll_create1(EPOLL_CLOEXEC);
	pod.own_pidns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (pod.signals < 0 || pod.epoll < 0 || pod.own_pidns < 0)
		return -errno;
	fcntl(pod.agent, F_SETFL, O_NONBLOCK);
	pod_watch(pod.agent, SRC_AGENT, 0, EPOLLIN);
	pod_watch(pod.listener, SRC_LISTENER, 0, EPOLLIN);
	pod_watch(pod.signals, SRC_SIGNALS, 0, EPOLLIN);
	return 0;
}

int main(int argc, char **argv)
{
	static const char usage[] =
		"knarr-pod is the supervisor of a pod; knarr-agent starts it.\n";
	struct epoll_event ev[8];

	prctl(PR_SET_NAME, "knarr-pod"); /* we run from a nameless copy */
	if (argc == 3 && strcmp(argv[1], "remove") == 0)
		return remove_main(argv[2]);
	if (argc == 3 && strcmp(argv[1], "usage") == 0)
		return usage_main(argv[2]);
	if (start() < 0)
		return write(2, usage, sizeof(usage) - 1) < 0 ? 2 : 2;
	while (!pod.quit) {
		int n = epoll_wait(pod.epoll, ev, 8, any_stalled() ? 1000 : -1);
		for (int i = 0; i < n; i++)
			on_event(&ev[i]);
		attach_expire();
	}
	return 0;
}
