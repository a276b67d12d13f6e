/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sandboxes.
 *
 *	STARTING --SETUP answered--> READY --stop: kill all, wait for exits, QUIT--> STOPPED
 *	    \--failed: freed            \--connection ends unasked: LOST, kill all--> STOPPED
 */
#include "agent/runtime/internal.h"

#include "agent/runtime/plan.h"
#include "agent/runtime/spawn.h"
#include "lib/sys/file.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* ---- starting the supervisor ---- */

static int listen_at(const char *dir)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	CLEANUP_FD int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dirfd < 0 || s < 0)
		return -errno;
	/* Through the descriptor: run directories may be longer than sun_path. */
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/sock", dirfd);
	unlinkat(dirfd, "sock", 0);
	if (bind(s, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(s, 4) < 0)
		return -errno;
	return TAKE_FD(s);
}

static int spawn_supervisor(struct sandbox *sb, struct err *err)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CLEANUP_FD int listener = listen_at(sb->dir);
	CLEANUP_FD int dir = open(sb->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int leaf = cgroup_open_leaf(sb->rt->cg, CGROUP_SUPERVISORS);
	static const char *const argv[] = {"knarr-pod", NULL};
	int pair[2], r;

	if (null < 0 || listener < 0 || dir < 0)
		return err_sys(err, listener < 0 ? -listener : errno, "cannot prepare %s", sb->dir);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "socketpair: %s", strerror(errno));
	struct spawn s = {.program = sb->rt->pod_program,
			  .argv = argv,
			  .fds = {null, null, null, pair[1], listener, dir},
			  .cgroup = leaf};
	r = spawn_start(&s, &sb->pid);
	close(pair[1]);
	sb->is_child = sb->pid > 0;
	if (r >= 0)
		r = conn_adopt(sb, pair[0]);
	else
		close(pair[0]);
	if (r < 0)
		return err_sys(err, -r, "cannot start %s: %s", sb->rt->pod_binary, strerror(-r));
	return 0;
}

/* ---- setup ---- */

static void setup_sysctl(struct plan *p, const struct runtime_pair *s)
{
	CLEANUP_FREE char *path = xasprintf("/proc/sys/%s", s->name);
	/* "net.ipv4.conf.eth0/1.x": a slash anywhere in a dotted name stands for a dot. */
	for (char *c = path + strlen("/proc/sys/"); *c; c++)
		if (*c == '.' || *c == '/')
			*c = *c == '.' ? '/' : strchr(s->name, '.') ? '.' : '/';
	plan_add(p, PLAN_WRITE, path, s->value, 0);
}

static void setup_plan(const struct sandbox_spec *spec, struct plan *p)
{
	uint64_t ns = 0;
	if (spec->net == RUNTIME_NS_POD)
		ns |= CLONE_NEWNET;
	if (spec->ipc == RUNTIME_NS_POD)
		ns |= CLONE_NEWIPC;
	if (spec->uts == RUNTIME_NS_POD)
		ns |= CLONE_NEWUTS;
	if (ns)
		plan_add(p, PLAN_UNSHARE, NULL, NULL, ns);
	if (spec->net == RUNTIME_NS_POD)
		plan_op(p, PLAN_LOOPBACK_UP);
	if (spec->hostname && spec->uts == RUNTIME_NS_POD)
		plan_add(p, PLAN_HOSTNAME, spec->hostname, NULL, 0);
	for (size_t i = 0; i < spec->n_sysctls; i++)
		setup_sysctl(p, &spec->sysctls[i]);
}

static int plan_memfd(struct plan *p)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int r = plan_write(p, &b);
	CLEANUP_FD int fd = r < 0 ? r : memfd_create("plan", MFD_CLOEXEC);
	if (fd < 0)
		return r < 0 ? r : -errno;
	r = fd_write_all(fd, b.p, b.len);
	return r < 0 ? r : TAKE_FD(fd);
}

static void sandbox_discard(struct sandbox *sb);

static void on_setup(void *user, const struct pod_msg *reply, int *fds, int n_fds)
{
	struct sandbox *sb = user;
	struct err err = ERR_INIT;

	if (reply && reply->result == 0) {
		sb->state = RUNTIME_SANDBOX_READY;
		waiters_run(&sb->waiters, 0, NULL);
		return;
	}
	if (sb->rt->closing)
		return; /* sandbox_free tells the waiters */
	err_sys(&err, reply ? -reply->result : ENOTCONN, "cannot set up the sandbox: %s",
		reply ? strerror(-reply->result) : "its supervisor ended");
	waiters_run(&sb->waiters, reply ? reply->result : -ENOTCONN, &err);
	err_done(&err);
	if (reply) /* otherwise sandbox_lost is at work */
		sandbox_discard(sb);
}

static int send_setup(struct sandbox *sb, const struct sandbox_spec *spec, struct err *err)
{
	struct plan p;
	struct pod_msg m;
	int r, netns = -1, blank = fcntl(sb->rt->blank_ns, F_DUPFD_CLOEXEC, 3);

	msg_init(&m, POD_SETUP);
	plan_init(&p);
	setup_plan(spec, &p);
	r = plan_memfd(&p);
	if (r >= 0)
		m.fd[POD_FD_PLAN] = (int16_t)plan_fd(&p, r);
	if (blank >= 0)
		m.fd[POD_FD_BLANK] = (int16_t)plan_fd(&p, blank);
	if (r >= 0 && spec->net == RUNTIME_NS_PATH) {
		netns = open(spec->netns_path, O_RDONLY | O_CLOEXEC);
		r = netns < 0 ? -errno : 0;
		if (r >= 0)
			m.fd[POD_FD_NETNS] = (int16_t)plan_fd(&p, netns);
		else
			err_sys(err, -r, "cannot open network namespace %s: %s", spec->netns_path,
				strerror(-r));
	}
	if (spec->pid == RUNTIME_NS_POD)
		m.flags |= POD_F_ALL;
	if (r >= 0)
		r = conn_request(sb, &m, p.fds, p.n_fds, on_setup, sb);
	plan_done(&p);
	return r < 0 ? err_sys(err, -r, "cannot set up the sandbox: %s", strerror(-r)) : 0;
}

static struct sandbox *sandbox_new(struct runtime *rt, const struct sandbox_spec *spec)
{
	struct sandbox *sb = NEW(struct sandbox);
	sb->rt = rt;
	sb->sock = -1;
	sb->state = RUNTIME_SANDBOX_STARTING;
	sb->created_ns = now_real_ns();
	list_init(&sb->node);
	list_init(&sb->requests);
	list_init(&sb->waiters);
	str_copy(sb->id, sizeof(sb->id), str_of(spec->id));
	sb->note = xstrdup(spec->note);
	sb->hostname = xstrdup(spec->hostname);
	sb->cgroup_path = xstrdup(spec->cgroup_path ? spec->cgroup_path : spec->id);
	sb->dir = xasprintf("%s/pods/%s", rt->run_dir, spec->id);
	sb->ipc = spec->ipc;
	sb->pid_ns = spec->pid;
	return sb;
}

int runtime_sandbox_start(struct runtime *rt, const struct sandbox_spec *spec,
			  runtime_done_fn *done, void *user, struct err *err)
{
	struct sandbox *sb;
	int r = id_check("sandbox", spec->id, err);
	if (r < 0)
		return r;
	if (sandbox_find(rt, spec->id))
		return err_sys(err, EEXIST, "sandbox %s exists", spec->id);
	sb = sandbox_new(rt, spec);
	r = dir_make(sb->dir, 0700);
	if (r < 0)
		err_sys(err, -r, "cannot make %s: %s", sb->dir, strerror(-r));
	if (r >= 0)
		r = cgroup_apply(rt->cg, sb->cgroup_path, &spec->resources, err);
	if (r >= 0)
		r = spawn_supervisor(sb, err);
	if (r >= 0)
		r = state_save_sandbox(sb, err);
	if (r >= 0)
		r = send_setup(sb, spec, err);
	if (r < 0) {
		sandbox_discard(sb);
		return r;
	}
	sandbox_insert(sb);
	waiters_add(&sb->waiters, done, user);
	return 0;
}

/* ---- the end ---- */

/* Away with everything of a sandbox that has no containers left. */
static void sandbox_discard(struct sandbox *sb)
{
	struct runtime *rt = sb->rt;
	char *cgroup = TAKE(sb->cgroup_path), *dir = TAKE(sb->dir);
	pid_t child = sb->is_child ? sb->pid : 0;

	sandbox_free(sb); /* first: from here on its cgroup is nobody's, or another sandbox's */
	if (child > 0) {
		kill(child, SIGKILL); /* it has no containers */
		runtime_later(rt, NULL, child, NULL);
	}
	runtime_later(rt, cgroup, 0, dir);
}

static void sandbox_remove_now(struct sandbox *sb)
{
	struct list waiters;
	list_for_each_safe (it, &sb->rt->containers) {
		struct container *c = list_entry(it, struct container, node);
		if (c->sb == sb)
			container_destroy(c);
	}
	list_init(&waiters);
	while (!list_empty(&sb->waiters)) {
		struct list *n = sb->waiters.next;
		list_remove(n);
		list_append(&waiters, n);
	}
	sandbox_discard(sb);
	waiters_run(&waiters, 0, NULL);
}

bool sandbox_has_cgroup(struct runtime *rt, const char *path, const struct sandbox *except,
			bool any)
{
	list_for_each (it, &rt->sandboxes) {
		const struct sandbox *sb = list_entry(it, struct sandbox, node);
		if (sb != except && (any || sb->state != RUNTIME_SANDBOX_STOPPED) &&
		    strcmp(sb->cgroup_path, path) == 0)
			return true;
	}
	return false;
}

/* v1 has no way to kill beneath a group, so each container's is named too. */
void sandbox_kill(struct sandbox *sb)
{
	bool shared = sandbox_has_cgroup(sb->rt, sb->cgroup_path, sb, false);
	if (!shared)
		cgroup_kill(sb->rt->cg, sb->cgroup_path);
	list_for_each (it, &sb->rt->containers) {
		struct container *c = list_entry(it, struct container, node);
		if (c->sb == sb && c->state != RUNTIME_CONTAINER_EXITED &&
		    (shared || !cgroups_v2_root(sb->rt->cg)))
			cgroup_kill(sb->rt->cg, c->cgroup_path);
	}
}

static void sandbox_stopped(struct sandbox *sb)
{
	sb->state = RUNTIME_SANDBOX_STOPPED;
	sb->stopping = false;
	sandbox_conn_close(sb);
	if (sb->is_child)
		runtime_later(sb->rt, NULL, sb->pid, NULL);
	sb->is_child = false;
	sandbox_kill(sb);
	if (sb->remove_after)
		sandbox_remove_now(sb);
	else
		waiters_run(&sb->waiters, 0, NULL);
}

static bool has_running(const struct sandbox *sb)
{
	list_for_each (it, &sb->rt->containers) {
		const struct container *c = list_entry(it, struct container, node);
		if (c->sb == sb && c->state != RUNTIME_CONTAINER_EXITED)
			return true;
	}
	return false;
}

void sandbox_step(struct sandbox *sb)
{
	struct pod_msg m;
	if (!sb->stopping || sb->quit_sent || has_running(sb))
		return;
	msg_init(&m, POD_QUIT);
	sb->quit_sent = true;
	if (conn_request(sb, &m, NULL, 0, NULL, NULL) < 0)
		sandbox_stopped(sb);
	/* else its end of the connection closes: sandbox_lost */
}

void sandbox_lost(struct sandbox *sb)
{
	struct runtime *rt = sb->rt;
	bool asked = sb->stopping, starting = sb->state == RUNTIME_SANDBOX_STARTING;
	struct pod_msg m;
	char id[RUNTIME_ID_MAX + 1];

	memcpy(id, sb->id, sizeof(id));
	sandbox_conn_close(sb);
	sandbox_kill(sb);
	if (starting) {
		sandbox_discard(sb);
		return;
	}
	msg_init(&m, POD_EXITED);
	m.code = 128 + SIGKILL;
	m.sig = SIGKILL;
	list_for_each_safe (it, &rt->containers) {
		struct container *c = list_entry(it, struct container, node);
		if (c->sb != sb || c->state == RUNTIME_CONTAINER_EXITED)
			continue;
		m.started_ns = c->started_ns;
		m.finished_ns = now_real_ns();
		if (state_read_exit(c) == 0) { /* it had ended, only the event was lost */
			m.code = c->exit_code;
			m.sig = c->exit_signal;
			m.flags = c->oom_killed ? POD_F_OOM : 0;
			m.finished_ns = c->finished_ns;
		}
		container_exited(c, &m);
	}
	sb->quit_sent = true;
	sandbox_stopped(sb);
	if (!asked)
		runtime_emit(rt, RUNTIME_SANDBOX_LOST, id, NULL);
}

static int stop(struct sandbox *sb, bool remove, runtime_done_fn *done, void *user)
{
	sb->remove_after |= remove;
	waiters_add(&sb->waiters, done, user);
	if (sb->stopping)
		return 0;
	sb->stopping = true;
	sandbox_kill(sb);
	sandbox_step(sb);
	return 0;
}

int runtime_sandbox_stop(struct runtime *rt, const char *id, runtime_done_fn *done, void *user,
			 struct err *err)
{
	struct sandbox *sb = sandbox_find(rt, id);
	if (!sb || sb->state == RUNTIME_SANDBOX_STOPPED) {
		runtime_defer(rt, done, user, 0);
		return 0;
	}
	return stop(sb, false, done, user);
}

int runtime_sandbox_remove(struct runtime *rt, const char *id, runtime_done_fn *done, void *user,
			   struct err *err)
{
	struct sandbox *sb = sandbox_find(rt, id);
	if (sb && sb->state != RUNTIME_SANDBOX_STOPPED)
		return stop(sb, true, done, user);
	if (sb)
		sandbox_remove_now(sb);
	runtime_defer(rt, done, user, 0);
	return 0;
}

/* ---- small questions ---- */

int runtime_sandbox_netns_path(struct runtime *rt, const char *id, char *ret, size_t size)
{
	struct sandbox *sb = sandbox_find(rt, id);
	if (!sb || sb->state != RUNTIME_SANDBOX_READY)
		return -ENOENT;
	snprintf(ret, size, "/proc/%d/ns/net", (int)sb->pid);
	return 0;
}

int runtime_sandbox_netns(struct runtime *rt, const char *id)
{
	char path[64];
	int fd, r = runtime_sandbox_netns_path(rt, id, path, sizeof(path));
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int runtime_sandbox_update(struct runtime *rt, const char *id, const struct runtime_resources *res,
			   struct err *err)
{
	struct sandbox *sb = sandbox_find(rt, id);
	if (!sb)
		return err_sys(err, ENOENT, "no sandbox %s", id);
	return cgroup_apply(rt->cg, sb->cgroup_path, res, err);
}
