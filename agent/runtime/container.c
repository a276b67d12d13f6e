/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: start, signals, stop, removal. */
#include "agent/runtime/internal.h"

#include "agent/runtime/plan.h"
#include "lib/sys/file.h"

#include <signal.h>
#include <sys/stat.h>

/* ---- start ---- */

static struct container *container_new(struct sandbox *sb, const struct container_spec *spec)
{
	struct container *c = NEW(struct container);
	c->sb = sb;
	c->state = RUNTIME_CONTAINER_CREATED;
	c->created_ns = now_real_ns();
	list_init(&c->node);
	list_init(&c->waiters);
	list_init(&c->execs);
	str_copy(c->id, sizeof(c->id), str_of(spec->id));
	c->note = xstrdup(spec->note);
	c->log_path = xstrdup(spec->log_path);
	c->cgroup_path = xasprintf("%s/%s", sb->cgroup_path, spec->id);
	c->dir = xasprintf("%s/%s", sb->dir, spec->id);
	c->layer_dir = xasprintf("%s/containers/%s", sb->rt->root_dir, spec->id);
	c->tty = spec->tty;
	c->stdin_once = spec->stdin_once;
	return c;
}

static int make_dirs(struct container *c, struct err *err)
{
	CLEANUP_FREE char *upper = xasprintf("%s/upper", c->layer_dir);
	CLEANUP_FREE char *work = xasprintf("%s/work", c->layer_dir);
	const char *const dirs[] = {c->dir, upper, work};
	trash_put(c->sb->rt, c->layer_dir); /* of a start that a crash cut short */
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int r = dir_make(dirs[i], i == 1 ? 0755 : 0700);
		if (r < 0)
			return err_sys(err, -r, "cannot make %s: %s", dirs[i], strerror(-r));
	}
	return 0;
}

static int open_log(const struct container_spec *spec, struct plan *p, struct pod_msg *m,
		    struct err *err)
{
	struct str path = str_of(spec->log_path), name;
	ssize_t slash;
	int fd;

	if (!spec->log_path)
		return 0;
	slash = str_rchr(path, '/');
	name = str_skip(path, (size_t)(slash + 1));
	if (slash < 0 || name.len == 0 || name.len >= 190 ||
	    str_copy(m->text, sizeof(m->text), name) < 0)
		return err_sys(err, EINVAL, "log path \"%s\" has no usable file name",
			       spec->log_path);
	CLEANUP_FREE char *dir = xstrndup(path.p, slash > 0 ? (size_t)slash : 1);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open log directory %s: %s", dir,
			       strerror(errno));
	m->fd[POD_FD_LOG_DIR] = (int16_t)plan_fd(p, fd);
	m->flags |= POD_F_LOG;
	m->log_max_bytes = spec->log_max_bytes;
	m->log_max_files = spec->log_max_files;
	return 0;
}

/* The plan stays on disk as long as the container: execs and the next agent read it. */
static int save_plan(struct container *c, const struct plan *p, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/plan", c->dir);
	int fd, r = plan_write(p, &b);
	if (r < 0)
		return err_sys(err, -r, "arguments and environment are too long");
	r = state_write(c->dir, "plan", buf_str(&b));
	if (r < 0)
		return err_sys(err, -r, "cannot write %s: %s", path, strerror(-r));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "cannot open %s: %s", path, strerror(errno)) : fd;
}

/* What the kernel refused while starting; see op_rlimit and the write of oom_score_adj. */
static void note_refusals(struct container *c, const struct container_spec *spec)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, now = BUF_INIT;
	char path[64];
	int64_t have;
	if (spec->oom_score_adj == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)c->pid);
	if (file_read(AT_FDCWD, path, 64, &now) < 0 ||
	    str_to_i64(str_trim(buf_str(&now)), &have) < 0 || have == spec->oom_score_adj)
		return;
	buf_addf(&b, "oom_score_adj is %" PRId64 " instead of %d (CAP_SYS_RESOURCE is missing)",
		 have, spec->oom_score_adj);
	free(c->warning);
	c->warning = buf_take(&b);
}

struct starting {
	struct container *c;
	int oom_score_adj;
	runtime_done_fn *done;
	void *user;
};

static int start_failed(struct container *c, const struct pod_msg *reply, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/plan", c->dir);
	const struct plan_hdr *plan = (const void *)b.p;
	if (file_read(AT_FDCWD, path, PLAN_SIZE_MAX, &b) < 0 ||
	    (plan = (const void *)b.p, !plan_check(plan, b.len, POD_FDS_MAX)))
		return err_sys(err, -reply->result, "cannot start the process: %s",
			       strerror(-reply->result));
	return compile_error(plan, reply, err);
}

static void on_started(void *user, const struct pod_msg *reply, int *fds, int n_fds)
{
	struct starting *s = user;
	struct container *c = s->c;
	struct err err = ERR_INIT;
	int r = reply ? reply->result : -ENOTCONN;

	if (r == 0) {
		struct container_spec spec = {.oom_score_adj = s->oom_score_adj};
		c->state = RUNTIME_CONTAINER_RUNNING;
		c->pid = reply->pid;
		c->started_ns = reply->started_ns;
		note_refusals(c, &spec);
		s->done(s->user, 0, NULL);
	} else if (!reply) {
		err_sys(&err, ENOTCONN, "the sandbox's supervisor ended");
		s->done(s->user, c->sb->rt->closing ? -ECANCELED : -ENOTCONN, &err);
	} else {
		struct sandbox *sb = c->sb;
		r = start_failed(c, reply, &err);
		container_destroy(c);
		s->done(s->user, r, &err);
		sandbox_step(sb);
	}
	err_done(&err);
	free(s);
}

static int start(struct container *c, const struct container_spec *spec, runtime_done_fn *done,
		 void *user, struct err *err)
{
	struct pod_msg m;
	struct plan p;
	struct starting *s;
	int r;

	msg_init(&m, POD_START);
	plan_init(&p);
	str_copy(m.id, sizeof(m.id), str_of(c->id));
	m.flags = (uint16_t)((spec->tty ? POD_F_TTY : 0) | (spec->stdin_open ? POD_F_STDIN : 0) |
			     (spec->stdin_once ? POD_F_STDIN_ONCE : 0));
	r = compile_container(c, spec, &p, &m, err);
	if (r >= 0)
		r = open_log(spec, &p, &m, err);
	if (r >= 0)
		r = save_plan(c, &p, err);
	if (r >= 0) {
		r = plan_fd(&p, r);
		m.fd[POD_FD_PLAN] = (int16_t)r;
	}
	if (r >= 0)
		r = state_save_container(c, err);
	if (r >= 0) {
		s = NEW(struct starting);
		*s = (struct starting){c, spec->oom_score_adj, done, user};
		r = conn_request(c->sb, &m, p.fds, p.n_fds, on_started, s);
		if (r < 0)
			free(s);
	}
	plan_done(&p);
	return r < 0 ? err_sys(err, -r, "cannot start container %s: %s", c->id, strerror(-r)) : 0;
}

int runtime_container_start(struct runtime *rt, const struct container_spec *spec,
			    runtime_done_fn *done, void *user, struct err *err)
{
	struct sandbox *sb = sandbox_find(rt, spec->sandbox_id);
	struct container *c;
	int r = id_check("container", spec->id, err);
	if (r < 0)
		return r;
	if (container_find(rt, spec->id))
		return err_sys(err, EEXIST, "container %s exists", spec->id);
	if (!sb || sb->state != RUNTIME_SANDBOX_READY || sb->stopping)
		return err_sys(err, ENOTCONN, "sandbox %s is not ready",
			       spec->sandbox_id ? spec->sandbox_id : "");
	if (!spec->argv || !spec->argv[0] || !spec->argv[0][0])
		return err_sys(err, EINVAL, "no command specified");
	c = container_new(sb, spec);
	container_insert(c);
	r = make_dirs(c, err);
	if (r >= 0)
		r = cgroup_apply(rt->cg, c->cgroup_path, &spec->resources, err);
	if (r >= 0)
		r = start(c, spec, done, user, err);
	if (r < 0)
		container_destroy(c);
	return r;
}

/* ---- the end ---- */

void container_exited(struct container *c, const struct pod_msg *m)
{
	struct runtime *rt = c->sb->rt;
	struct sandbox *sb = c->sb;
	char id[RUNTIME_ID_MAX + 1];

	c->state = RUNTIME_CONTAINER_EXITED;
	c->started_ns = m->started_ns;
	c->finished_ns = m->finished_ns;
	c->exit_code = m->code;
	c->exit_signal = m->sig;
	c->oom_killed = m->flags & POD_F_OOM;
	timer_free(&c->kill_timer);
	exec_lost(c);
	memcpy(id, c->id, sizeof(id));
	runtime_emit(rt, RUNTIME_EXITED, sb->id, id);
	/* The event's receiver may have removed it. */
	c = container_find(rt, id);
	if (c)
		waiters_run(&c->waiters, 0, NULL);
	sb = sandbox_find(rt, sb->id) == sb ? sb : NULL;
	if (sb)
		sandbox_step(sb);
}

void container_destroy(struct container *c)
{
	struct pod_msg m;
	msg_init(&m, POD_FORGET);
	str_copy(m.id, sizeof(m.id), str_of(c->id));
	if (c->state == RUNTIME_CONTAINER_EXITED)
		conn_request(c->sb, &m, NULL, 0, NULL, NULL);
	runtime_later(c->sb->rt, TAKE(c->cgroup_path), 0, NULL);
	dir_remove_tree(AT_FDCWD, c->dir);
	trash_put(c->sb->rt, c->layer_dir);
	container_free(c);
}

int runtime_container_remove(struct runtime *rt, const char *id, struct err *err)
{
	struct container *c = container_find(rt, id);
	if (!c)
		return 0;
	if (c->state != RUNTIME_CONTAINER_EXITED)
		return err_sys(err, EBUSY, "container %s is running", id);
	container_destroy(c);
	return 0;
}

/* ---- signals ---- */

static int send_signal(struct container *c, int sig, bool all)
{
	struct pod_msg m;
	msg_init(&m, POD_SIGNAL);
	str_copy(m.id, sizeof(m.id), str_of(c->id));
	m.sig = sig;
	m.flags = all ? POD_F_ALL : 0;
	return conn_request(c->sb, &m, NULL, 0, NULL, NULL);
}

int runtime_container_signal(struct runtime *rt, const char *id, int sig)
{
	struct container *c = container_find(rt, id);
	if (!c || c->state != RUNTIME_CONTAINER_RUNNING)
		return -ESRCH;
	return send_signal(c, sig, false);
}

static void kill_now(struct container *c)
{
	send_signal(c, SIGKILL, true);
	cgroup_kill(c->sb->rt->cg, c->cgroup_path);
}

static void on_grace_over(uv_timer_t *t)
{
	kill_now(t->data);
}

int runtime_container_stop(struct runtime *rt, const char *id, int sig, uint64_t grace_ns,
			   runtime_done_fn *done, void *user, struct err *err)
{
	struct container *c = container_find(rt, id);
	uint64_t at;
	if (!c || c->state == RUNTIME_CONTAINER_EXITED) {
		runtime_defer(rt, done, user, 0);
		return 0;
	}
	waiters_add(&c->waiters, done, user);
	uv_update_time(rt->loop);
	at = uv_now(rt->loop) * NSEC_PER_MSEC + grace_ns;
	if (grace_ns == 0) {
		c->kill_at_ns = at;
		kill_now(c);
		return 0;
	}
	if (!c->kill_at_ns)
		send_signal(c, sig ? sig : SIGTERM, false);
	else if (at >= c->kill_at_ns)
		return 0;
	c->kill_at_ns = at;
	if (!c->kill_timer)
		c->kill_timer = timer_new(rt->loop, c);
	uv_timer_start(c->kill_timer, on_grace_over, (grace_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC,
		       0);
	return 0;
}

/* ---- small things ---- */

int runtime_container_update(struct runtime *rt, const char *id,
			     const struct runtime_resources *res, struct err *err)
{
	struct container *c = container_find(rt, id);
	if (!c)
		return err_sys(err, ENOENT, "no container %s", id);
	return cgroup_apply(rt->cg, c->cgroup_path, res, err);
}

static int simple_request(struct runtime *rt, const char *id, struct pod_msg *m)
{
	struct container *c = container_find(rt, id);
	if (!c || c->state != RUNTIME_CONTAINER_RUNNING)
		return -ESRCH;
	str_copy(m->id, sizeof(m->id), str_of(c->id));
	return conn_request(c->sb, m, NULL, 0, NULL, NULL);
}

int runtime_container_rotate_log(struct runtime *rt, const char *id)
{
	struct pod_msg m;
	msg_init(&m, POD_ROTATE);
	return simple_request(rt, id, &m);
}

int runtime_container_resize(struct runtime *rt, const char *id, uint16_t cols, uint16_t rows)
{
	struct pod_msg m;
	msg_init(&m, POD_RESIZE);
	m.cols = cols;
	m.rows = rows;
	return simple_request(rt, id, &m);
}

int runtime_container_stats(struct runtime *rt, const char *id, struct runtime_stats *ret)
{
	struct container *c = container_find(rt, id);
	int r = c ? cgroup_stats(rt->cg, c->cgroup_path, ret) : -ENOENT;
	if (r >= 0)
		usage_read(c, ret);
	return r;
}
