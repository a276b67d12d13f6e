/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec and attach. The plan of an exec is made from that of its container: the same identity,
 * limits and filter, other namespaces to enter and another program.
 */
#include "agent/runtime/internal.h"

#include "agent/runtime/plan.h"
#include "lib/sys/file.h"

#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

struct runtime_exec {
	struct list node; /* in container.execs; alone when that is gone */
	struct container *c;
	uint64_t seq;
	const struct exec_ops *ops; /* NULL: abandoned */
	void *user;
	struct runtime_streams streams; /* until on_started took them */
	int tty; /* a copy, for window sizes */
	bool started;
	struct buf plan; /* for the words of an error */
};

static const struct runtime_streams no_streams = {-1, -1, -1, -1};

static void streams_close(struct runtime_streams *s)
{
	int *const fd[] = {&s->in, &s->out, &s->err, &s->tty};
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
		if (*fd[i] >= 0)
			close(TAKE_FD(*fd[i]));
}

static void exec_free(struct runtime_exec *x)
{
	list_remove(&x->node);
	streams_close(&x->streams);
	if (x->tty >= 0)
		close(x->tty);
	buf_done(&x->plan);
	free(x);
}

static void exec_end(struct runtime_exec *x, int r, int code, const struct err *err)
{
	const struct exec_ops *ops = x->ops;
	void *user = x->user;
	exec_free(x);
	if (ops)
		ops->on_exit(user, r, code, err);
}

/* ---- the plan ---- */

static bool is_identity(uint16_t code)
{
	switch (code) {
	case PLAN_RLIMIT:
	case PLAN_BOUNDING:
	case PLAN_IDS:
	case PLAN_CAPS:
	case PLAN_NO_NEW_PRIVS:
	case PLAN_SECCOMP:
	case PLAN_CHDIR:
		return true;
	default:
		return false;
	}
}

static int copy_op(struct plan *p, const struct plan_hdr *from, const struct plan_op *op,
		   const struct exec_spec *spec)
{
	const char *s1 = plan_text(from, op->s1);
	struct plan_op *copy;
	int fd, at = -1;

	if (op->code == PLAN_SECCOMP) {
		fd = s1 ? open(s1, O_RDONLY | O_CLOEXEC) : -1;
		at = fd < 0 ? -errno : plan_fd(p, fd);
		if (at < 0)
			return at;
	}
	if (op->code == PLAN_CHDIR && spec->cwd)
		s1 = spec->cwd;
	copy = plan_add(p, (enum plan_code)op->code, s1, plan_text(from, op->s2), op->a);
	copy->fd = (int16_t)at;
	copy->b = op->code == PLAN_CHDIR ? 0 : op->b;
	copy->c = op->c;
	return 0;
}

static void copy_env(struct plan *p, const struct plan_hdr *from, const struct exec_spec *spec,
		     const char **ret_path)
{
	const uint64_t *slot = (const uint64_t *)((const char *)from + from->env_off);
	bool term = false;
	for (uint32_t i = 0; i < from->n_env; i++) {
		const char *e = (const char *)from + slot[i];
		term |= strncmp(e, "TERM=", 5) == 0;
		if (strncmp(e, "PATH=", 5) == 0)
			*ret_path = e + 5;
		plan_add_env(p, e);
	}
	if (spec->tty && !term)
		plan_add_env(p, "TERM=xterm");
	for (const char *const *e = spec->env; e && *e; e++)
		plan_add_env(p, *e);
}

static void add_stdio(struct plan *p, const struct plan_hdr *from, const struct exec_spec *spec)
{
	const struct plan_op *op = plan_ops(from);
	uint64_t uid = 0, gid = 0;
	for (size_t i = 0; i < from->n_ops; i++)
		if (op[i].code == PLAN_IDS) {
			uid = op[i].a;
			gid = op[i].b;
		}
	plan_op(p, PLAN_SETSID);
	if (spec->tty)
		plan_add(p, PLAN_TTY, NULL, NULL, uid)->b = (uint64_t)(spec->rows ? spec->rows : 24)
								    << 16 |
							    (spec->cols ? spec->cols : 80);
	else
		plan_add(p, PLAN_STDIO, NULL, NULL, uid)->b = gid;
}

static int exec_plan(struct container *c, const struct exec_spec *spec, const struct plan_hdr *from,
		     struct plan *p)
{
	const struct plan_op *op = plan_ops(from);
	const char *path = "";
	int r = 0;

	/* Written before entering: the container's own /proc may be mounted over. */
	for (size_t i = 0; i < from->n_ops; i++)
		if (op[i].code == PLAN_WRITE && op[i].b)
			plan_add(p, PLAN_WRITE, plan_text(from, op[i].s1),
				 plan_text(from, op[i].s2), 0)
				->b = 1;
	plan_add(p, PLAN_SETNS_TARGET, NULL, NULL,
		 strcmp(cgroups_version(c->sb->rt->cg), "v2") == 0 ? CLONE_NEWNS | CLONE_NEWCGROUP
								   : CLONE_NEWNS);
	add_stdio(p, from, spec);
	for (size_t i = 0; i < from->n_ops && r >= 0; i++)
		if (is_identity(op[i].code))
			r = copy_op(p, from, &op[i], spec);
	copy_env(p, from, spec, &path);
	for (const char *const *a = spec->argv; *a; a++)
		plan_add_arg(p, *a);
	plan_add(p, PLAN_EXEC, path, NULL, 0);
	return r;
}

/* ---- starting ---- */

static void on_reply(void *user, const struct pod_msg *reply, int *fds, int n_fds)
{
	struct runtime_exec *x = user;
	struct err err = ERR_INIT;
	int r;

	if (!reply || reply->result < 0) {
		r = reply ? reply->result : -ENOTCONN;
		if (reply && x->plan.len)
			compile_error((const void *)x->plan.p, reply, &err);
		else
			err_sys(&err, -r, "cannot run in the container: %s", strerror(-r));
		exec_end(x, r, 0, &err);
		err_done(&err);
		return;
	}
	x->started = true;
	buf_done(&x->plan);
	if (n_fds == 1) {
		x->streams.tty = TAKE_FD(fds[0]);
		fcntl(x->streams.tty, F_SETFL, O_NONBLOCK | O_RDWR);
		x->tty = fcntl(x->streams.tty, F_DUPFD_CLOEXEC, 3);
	}
	if (x->ops) {
		struct runtime_streams s = x->streams;
		x->streams = no_streams;
		x->ops->on_started(x->user, x, &s);
	} else {
		runtime_exec_signal(x, SIGKILL);
	}
}

/* A pipe: our end non-blocking into *ours, the other into the packet. */
static int make_stream(struct plan *p, struct pod_msg *m, enum pod_fd_role role, bool we_write,
		       int *ours)
{
	int fd[2], at;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	*ours = fd[we_write ? 1 : 0];
	fcntl(*ours, F_SETFL, O_NONBLOCK);
	at = plan_fd(p, fd[we_write ? 0 : 1]);
	m->fd[role] = (int16_t)at;
	return at < 0 ? at : 0;
}

static int add_cgroups(struct container *c, struct plan *p, struct pod_msg *m)
{
	int v2, v1[CGROUP_JOIN_MAX];
	size_t n;
	int r = cgroup_open_join(c->sb->rt->cg, c->cgroup_path, &v2, v1, &n);
	if (r < 0)
		return r;
	if (v2 >= 0)
		m->fd[POD_FD_CGROUP2] = (int16_t)plan_fd(p, v2);
	for (size_t i = 0; i < n; i++) {
		int at = plan_fd(p, v1[i]);
		plan_op(p, PLAN_CGROUP_JOIN)->fd = (int16_t)at;
	}
	return 0;
}

static int add_streams(const struct exec_spec *spec, struct runtime_exec *x, struct plan *p,
		       struct pod_msg *m)
{
	int r = 0;
	if (spec->tty)
		return 0;
	if (spec->want_in)
		r = make_stream(p, m, POD_FD_IN, true, &x->streams.in);
	if (r >= 0 && spec->want_out)
		r = make_stream(p, m, POD_FD_OUT, false, &x->streams.out);
	if (r >= 0 && spec->want_err)
		r = make_stream(p, m, POD_FD_ERR, false, &x->streams.err);
	return r;
}

static int exec_send(struct runtime_exec *x, const struct exec_spec *spec,
		     const struct plan_hdr *from, struct err *err)
{
	struct container *c = x->c;
	struct pod_msg m;
	struct plan p;
	int r, fd;

	msg_init(&m, POD_EXEC);
	plan_init(&p);
	str_copy(m.id, sizeof(m.id), str_of(c->id));
	m.flags = spec->tty ? POD_F_TTY : 0;
	r = add_cgroups(c, &p, &m);
	if (r >= 0)
		r = add_streams(spec, x, &p, &m);
	if (r >= 0)
		r = exec_plan(c, spec, from, &p);
	if (r >= 0)
		r = plan_write(&p, &x->plan);
	if (r >= 0) {
		r = fd = memfd_create("plan", MFD_CLOEXEC);
		if (fd >= 0)
			r = fd_write_all(fd, x->plan.p, x->plan.len);
		else
			r = -errno;
		if (fd >= 0)
			m.fd[POD_FD_PLAN] = (int16_t)plan_fd(&p, fd);
	}
	if (r >= 0)
		r = conn_request(c->sb, &m, p.fds, p.n_fds, on_reply, x);
	x->seq = m.seq;
	plan_done(&p);
	return r < 0 ? err_sys(err, -r, "cannot run in container %s: %s", c->id, strerror(-r)) : 0;
}

int runtime_exec(struct runtime *rt, const struct exec_spec *spec, const struct exec_ops *ops,
		 void *user, struct runtime_exec **ret, struct err *err)
{
	CLEANUP(buf_done) struct buf from = BUF_INIT;
	struct container *c = container_find(rt, spec->container_id);
	struct runtime_exec *x;
	int r;

	if (!c || c->state != RUNTIME_CONTAINER_RUNNING)
		return err_sys(err, c ? ESRCH : ENOENT, "container %s is not running",
			       spec->container_id);
	if (!spec->argv || !spec->argv[0] || !spec->argv[0][0])
		return err_sys(err, EINVAL, "no command specified");
	CLEANUP_FREE char *path = xasprintf("%s/plan", c->dir);
	r = file_read(AT_FDCWD, path, PLAN_SIZE_MAX, &from);
	if (r < 0 || !plan_check((const void *)from.p, from.len, POD_FDS_MAX))
		return err_sys(err, r < 0 ? -r : EINVAL, "cannot read %s", path);
	x = NEW(struct runtime_exec);
	*x = (struct runtime_exec){.c = c,
				   .ops = ops,
				   .user = user,
				   .streams = no_streams,
				   .tty = -1,
				   .plan = BUF_INIT};
	list_init(&x->node);
	r = exec_send(x, spec, (const void *)from.p, err);
	if (r < 0) {
		exec_free(x);
		return r;
	}
	list_append(&c->execs, &x->node);
	if (ret)
		*ret = x;
	return 0;
}

/* ---- while it runs, and the end ---- */

void exec_exited(struct sandbox *sb, const struct pod_msg *m)
{
	struct container *c = container_find(sb->rt, m->id);
	if (!c)
		return;
	list_for_each_safe (it, &c->execs) {
		struct runtime_exec *x = list_entry(it, struct runtime_exec, node);
		if (x->seq == m->target && x->started) {
			exec_end(x, 0, m->code, NULL);
			return;
		}
	}
}

/* Its init is gone, so are they; those not yet answered end with their reply. */
void exec_lost(struct container *c)
{
	list_for_each_safe (it, &c->execs) {
		struct runtime_exec *x = list_entry(it, struct runtime_exec, node);
		if (x->started)
			exec_end(x, 0, 128 + SIGKILL, NULL);
		else
			list_remove(&x->node);
	}
}

static int exec_command(struct runtime_exec *x, struct pod_msg *m)
{
	str_copy(m->id, sizeof(m->id), str_of(x->c->id));
	m->target = x->seq;
	return conn_request(x->c->sb, m, NULL, 0, NULL, NULL);
}

int runtime_exec_signal(struct runtime_exec *x, int sig)
{
	struct pod_msg m;
	if (!x->started)
		return -EAGAIN;
	msg_init(&m, POD_SIGNAL);
	m.sig = sig;
	return exec_command(x, &m);
}

int runtime_exec_resize(struct runtime_exec *x, uint16_t cols, uint16_t rows)
{
	struct winsize ws = {.ws_row = rows, .ws_col = cols};
	if (x->tty < 0)
		return -ENOTTY;
	return ioctl(x->tty, TIOCSWINSZ, &ws) < 0 ? -errno : 0;
}

void runtime_exec_abandon(struct runtime_exec *x)
{
	x->ops = NULL;
	if (x->started)
		runtime_exec_signal(x, SIGKILL);
}

/* ---- attach ---- */

struct attaching {
	runtime_attach_fn *on_attached;
	void *user;
	struct runtime_streams streams;
	bool tty;
};

static void on_attach_reply(void *user, const struct pod_msg *reply, int *fds, int n_fds)
{
	struct attaching *a = user;
	struct err err = ERR_INIT;
	int r = reply ? reply->result : -ENOTCONN;

	if (r < 0) {
		streams_close(&a->streams);
		err_sys(&err, -r, "cannot attach to the container: %s", strerror(-r));
		a->on_attached(a->user, r, &no_streams, &err);
	} else {
		if (n_fds == 1) {
			a->streams.in = TAKE_FD(fds[0]);
			fcntl(a->streams.in, F_SETFL, O_NONBLOCK | O_RDWR);
		}
		a->on_attached(a->user, 0, &a->streams, NULL);
	}
	err_done(&err);
	free(a);
}

static int attach_stream(struct plan *p, struct pod_msg *m, enum pod_fd_role role, int *ours)
{
	int fd[2], at;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) < 0)
		return -errno;
	*ours = fd[0];
	shutdown(fd[0], SHUT_WR);
	at = plan_fd(p, fd[1]);
	m->fd[role] = (int16_t)at;
	return at < 0 ? at : 0;
}

int runtime_attach(struct runtime *rt, const char *container_id, bool want_in, bool want_out,
		   bool want_err, runtime_attach_fn *on_attached, void *user, struct err *err)
{
	struct container *c = container_find(rt, container_id);
	struct attaching *a;
	struct pod_msg m;
	struct plan p;
	int r = 0;

	if (!c || c->state != RUNTIME_CONTAINER_RUNNING)
		return err_sys(err, c ? ESRCH : ENOENT, "container %s is not running",
			       container_id);
	a = NEW(struct attaching);
	*a = (struct attaching){on_attached, user, no_streams, c->tty};
	msg_init(&m, POD_ATTACH);
	plan_init(&p); /* here only to hold descriptors */
	str_copy(m.id, sizeof(m.id), str_of(c->id));
	m.flags = want_in ? POD_F_STDIN : 0;
	if (want_out)
		r = attach_stream(&p, &m, POD_FD_OUT, &a->streams.out);
	if (r >= 0 && want_err && !c->tty)
		r = attach_stream(&p, &m, POD_FD_ERR, &a->streams.err);
	if (r >= 0)
		r = conn_request(c->sb, &m, p.fds, p.n_fds, on_attach_reply, a);
	plan_done(&p);
	if (r < 0) {
		streams_close(&a->streams);
		free(a);
		return err_sys(err, -r, "cannot attach to %s: %s", container_id, strerror(-r));
	}
	return 0;
}
