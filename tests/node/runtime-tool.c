/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime on stdin and stdout, for tests: each line in is a JSON command {"do":..., ...}, each
 * line out an answer {"re":...} or an event. Commands run in order of arrival and overlap.
 *
 *	runtime-tool ROOT_DIR RUN_DIR CGROUP_ROOT KNARR_POD [SECCOMP_DIR]
 */
#include "agent/runtime/runtime.h"

#include "lib/base/buf.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <uv.h>

static struct runtime *rt;
static uv_loop_t loop;
static struct buf input = BUF_INIT;

/* An answer in the making: what was asked, and the caller's tag. */
struct answer {
	char *re, *tag;
	struct buf out, err;
	int r, code, open;
};

static void emit(struct buf *b)
{
	buf_addc(b, '\n');
	fwrite(b->p, 1, b->len, stdout);
	fflush(stdout);
	buf_done(b);
}

static struct answer *answer_new(struct jv cmd)
{
	struct answer *a = NEW(struct answer);
	a->re = jv_strdup(jv_get(cmd, "do"));
	a->tag = jv_strdup(jv_get(cmd, "tag"));
	a->out = a->err = BUF_INIT;
	return a;
}

static void answer(void *user, int r, const struct err *err)
{
	struct answer *a = user;
	struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	jw_begin_object(&w);
	jw_member_str(&w, "re", str_of(a->re));
	jw_member_str(&w, "tag", str_of(a->tag));
	jw_member_i64(&w, "r", r);
	if (r < 0)
		jw_member_str(&w, "error", str_of(err ? err_text(err) : strerror(-r)));
	jw_member_i64(&w, "code", a->code);
	jw_member_str(&w, "out", buf_str(&a->out));
	jw_member_str(&w, "err", buf_str(&a->err));
	jw_end_object(&w);
	emit(&b);
	free(a->re);
	free(a->tag);
	buf_done(&a->out);
	buf_done(&a->err);
	free(a);
}

static void info_to(struct jw *w, const struct container_info *i)
{
	jw_begin_object(w);
	jw_member_str(w, "id", str_of(i->id));
	jw_member_str(w, "sandbox", str_of(i->sandbox_id));
	jw_member_str(w, "note", str_of(i->note));
	jw_member_str(w, "warning", str_of(i->warning));
	jw_member_i64(w, "state", i->state);
	jw_member_i64(w, "pid", i->pid);
	jw_member_i64(w, "code", i->exit_code);
	jw_member_i64(w, "signal", i->exit_signal);
	jw_member_bool(w, "oom", i->oom_killed);
	jw_member_i64(w, "uid", i->uid);
	jw_member_i64(w, "started", i->started_ns);
	jw_member_i64(w, "finished", i->finished_ns);
	jw_end_object(w);
}

static void on_event(void *user, const struct runtime_event *ev)
{
	static const char *const names[] = {"exited", "oom", "lost"};
	struct container_info i;
	struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	jw_begin_object(&w);
	jw_member_str(&w, "event", str_of(names[ev->type]));
	jw_member_str(&w, "sandbox", str_of(ev->sandbox_id));
	if (ev->container_id && runtime_container_get(rt, ev->container_id, &i) == 0) {
		jw_key(&w, "container");
		info_to(&w, &i);
	}
	jw_end_object(&w);
	emit(&b);
}

/* ---- reading commands ---- */

/* Strings of a command live until it has been run: the runtime borrows them no longer. */
static void **kept;
static size_t n_kept, cap_kept;

static void *keep(void *p)
{
	*ARRAY_PUSH(kept, n_kept, cap_kept) = p;
	return p;
}

static void free_kept(void)
{
	while (n_kept > 0)
		free(kept[--n_kept]);
}

static const char *text(struct jv cmd, const char *name)
{
	return keep(jv_strdup(jv_get(cmd, name)));
}

static const char *const *texts(struct jv list)
{
	const char **v = keep(xcalloc(jv_len(list) + 1, sizeof(*v)));
	size_t n = 0;
	jv_for_each (it, list)
		v[n++] = keep(jv_strdup(it.value));
	return v;
}

static enum runtime_ns ns_of(struct jv v, enum runtime_ns otherwise)
{
	return jv_eqs(v, "host")        ? RUNTIME_NS_HOST
	       : jv_eqs(v, "pod")       ? RUNTIME_NS_POD
	       : jv_eqs(v, "container") ? RUNTIME_NS_CONTAINER
	       : jv_eqs(v, "path")      ? RUNTIME_NS_PATH
					: otherwise;
}

static struct runtime_resources resources_of(struct jv cmd)
{
	return (struct runtime_resources){
		.mem_limit_bytes = (uint64_t)jv_i64(jv_get(cmd, "memory"), 0),
		.pids_limit = (uint64_t)jv_i64(jv_get(cmd, "pids"), 0),
		.cpu_shares = (uint64_t)jv_i64(jv_get(cmd, "shares"), 0),
		.cpu_quota_us = (uint64_t)jv_i64(jv_get(cmd, "quota"), 0),
	};
}

static int do_sandbox(struct jv cmd, struct answer *a, struct err *err)
{
	struct runtime_pair sysctl[8];
	struct sandbox_spec s = {
		.id = text(cmd, "id"),
		.note = text(cmd, "note"),
		.hostname = text(cmd, "hostname"),
		.net = ns_of(jv_get(cmd, "net"), RUNTIME_NS_POD),
		.ipc = ns_of(jv_get(cmd, "ipc"), RUNTIME_NS_POD),
		.uts = ns_of(jv_get(cmd, "uts"), RUNTIME_NS_POD),
		.pid = ns_of(jv_get(cmd, "pid"), RUNTIME_NS_CONTAINER),
		.netns_path = text(cmd, "netns"),
		.cgroup_path = text(cmd, "cgroup"),
		.sysctls = sysctl,
		.resources = resources_of(cmd),
	};
	jv_for_each_member (it, jv_get(cmd, "sysctls")) {
		if (s.n_sysctls == ARRAY_SIZE(sysctl))
			break;
		sysctl[s.n_sysctls++] =
			(struct runtime_pair){keep(str_dup(it.key)), keep(jv_strdup(it.value))};
	}
	return runtime_sandbox_start(rt, &s, answer, a, err);
}

static size_t mounts_of(struct jv list, struct runtime_mount *m, size_t max)
{
	size_t n = 0;
	jv_for_each (it, list) {
		if (n == max)
			break;
		m[n++] = (struct runtime_mount){
			.type = jv_eqs(jv_get(it.value, "type"), "tmpfs") ? RUNTIME_MOUNT_TMPFS
									  : RUNTIME_MOUNT_BIND,
			.source = text(it.value, "source"),
			.sub_path = text(it.value, "subPath"),
			.target = text(it.value, "target"),
			.options = text(it.value, "options"),
			.read_only = jv_bool(jv_get(it.value, "ro"), false),
			.propagation = (enum runtime_propagation)jv_i64(
				jv_get(it.value, "propagation"), 0),
		};
	}
	return n;
}

static int do_container(struct jv cmd, struct answer *a, struct err *err)
{
	struct runtime_mount mounts[64];
	uint32_t groups[16];
	struct runtime_device device = {.host_path = text(cmd, "device"),
					.access = text(cmd, "access")};
	struct runtime_rlimit rl = {.resource = RLIMIT_NOFILE};
	const char *seccomp = text(cmd, "seccomp");
	struct container_spec s = {
		.id = text(cmd, "id"),
		.sandbox_id = text(cmd, "sandbox"),
		.note = text(cmd, "note"),
		.lower_dirs = texts(jv_get(cmd, "lower")),
		.n_lower_dirs = jv_len(jv_get(cmd, "lower")),
		.read_only_root = jv_bool(jv_get(cmd, "readOnly"), false),
		.argv = texts(jv_get(cmd, "argv")),
		.env = texts(jv_get(cmd, "env")),
		.cwd = text(cmd, "cwd"),
		.user = text(cmd, "user"),
		.uid = jv_i64(jv_get(cmd, "uid"), -1),
		.gid = jv_i64(jv_get(cmd, "gid"), -1),
		.groups = groups,
		.mounts = mounts,
		.n_mounts = mounts_of(jv_get(cmd, "mounts"), mounts, ARRAY_SIZE(mounts)),
		.caps = RUNTIME_CAPS_DEFAULT,
		.privileged = jv_bool(jv_get(cmd, "privileged"), false),
		.no_new_privs = jv_bool(jv_get(cmd, "noNewPrivs"), false),
		.seccomp = !seccomp                             ? RUNTIME_SECCOMP_DEFAULT
			   : strcmp(seccomp, "unconfined") == 0 ? RUNTIME_SECCOMP_UNCONFINED
								: RUNTIME_SECCOMP_LOCALHOST,
		.seccomp_profile = seccomp,
		.oom_score_adj = (int)jv_i64(jv_get(cmd, "oomScoreAdj"), 0),
		.resources = resources_of(cmd),
		.tty = jv_bool(jv_get(cmd, "tty"), false),
		.stdin_open = jv_bool(jv_get(cmd, "stdin"), false),
		.stdin_once = jv_bool(jv_get(cmd, "stdinOnce"), false),
		.log_path = text(cmd, "log"),
		.log_max_bytes = (uint64_t)jv_i64(jv_get(cmd, "logMax"), 0),
		.log_max_files = (uint32_t)jv_i64(jv_get(cmd, "logFiles"), 0),
		.rlimits = &rl,
		.devices = &device,
		.n_devices = device.host_path != NULL,
	};
	jv_for_each (it, jv_get(cmd, "groups"))
		groups[s.n_groups++ % 16] = (uint32_t)jv_i64(it.value, 0);
	rl.soft = rl.hard = (uint64_t)jv_i64(jv_get(cmd, "nofile"), 0);
	s.n_rlimits = rl.soft > 0;
	jv_for_each (it, jv_get(cmd, "caps")) {
		uint64_t m = 0;
		if (runtime_cap_mask(keep(jv_strdup(it.value)), &m) == 0)
			s.caps |= m;
	}
	return runtime_container_start(rt, &s, answer, a, err);
}

/* ---- exec and attach: read everything, then answer ---- */

struct reader {
	struct answer *a;
	struct buf *to;
	int fd;
	uv_poll_t poll;
	char *input; /* to write to a terminal or stdin */
};

static void maybe_answer(struct answer *a)
{
	if (--a->open == 0)
		answer(a, a->r, NULL);
}

static void on_closed(uv_handle_t *h)
{
	struct reader *rd = h->data;
	close(rd->fd);
	maybe_answer(rd->a);
	free(rd);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct reader *rd = p->data;
	char b[65536];
	ssize_t n = read(rd->fd, b, sizeof(b));
	if (n > 0)
		buf_add(rd->to, b, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		uv_close((uv_handle_t *)p, on_closed);
}

static void read_all(struct answer *a, int fd, struct buf *to)
{
	struct reader *rd = NEW(struct reader);
	rd->a = a;
	rd->to = to;
	rd->fd = fd;
	rd->poll.data = rd;
	a->open++;
	uv_poll_init(&loop, &rd->poll, fd);
	uv_poll_start(&rd->poll, UV_READABLE, on_readable);
}

static void take_streams(struct answer *a, const struct runtime_streams *s)
{
	int in = s->in >= 0 ? s->in : s->tty;
	if (in >= 0 && a->tag && str_starts(str_of(a->tag), STR("in:")) &&
	    write(in, a->tag + 3, strlen(a->tag + 3)) < 0)
		a->r = -errno;
	if (s->in >= 0)
		close(s->in);
	if (s->out >= 0)
		read_all(a, s->out, &a->out);
	if (s->err >= 0)
		read_all(a, s->err, &a->err);
	if (s->tty >= 0)
		read_all(a, s->tty, &a->out);
}

static void exec_started(void *user, struct runtime_exec *x, const struct runtime_streams *s)
{
	take_streams(user, s);
}

static void exec_exit(void *user, int r, int code, const struct err *err)
{
	struct answer *a = user;
	a->r = r;
	a->code = code;
	if (r < 0) {
		answer(a, r, err);
		return;
	}
	maybe_answer(a);
}

static const struct exec_ops exec_ops = {exec_started, exec_exit};

static int do_exec(struct jv cmd, struct answer *a, struct err *err)
{
	struct exec_spec s = {
		.container_id = text(cmd, "id"),
		.argv = texts(jv_get(cmd, "argv")),
		.cwd = text(cmd, "cwd"),
		.tty = jv_bool(jv_get(cmd, "tty"), false),
		.want_in = true,
		.want_out = true,
		.want_err = true,
	};
	a->open = 1;
	return runtime_exec(rt, &s, &exec_ops, a, NULL, err);
}

static void on_attached(void *user, int r, const struct runtime_streams *s, const struct err *err)
{
	struct answer *a = user;
	if (r < 0) {
		answer(a, r, err);
		return;
	}
	a->open = 1;
	take_streams(a, s);
	maybe_answer(a);
}

static int do_attach(struct jv cmd, struct answer *a, struct err *err)
{
	return runtime_attach(rt, text(cmd, "id"), true, true, true, on_attached, a, err);
}

/* ---- the rest ---- */

static int do_list(struct answer *a)
{
	struct container_info ci;
	struct sandbox_info si;
	struct jw w = jw_start(&a->out);
	CLEANUP_FREE char *last = NULL;

	jw_begin_object(&w);
	jw_key(&w, "sandboxes");
	jw_begin_array(&w);
	while (runtime_sandbox_next(rt, last, &si) == 0) {
		free(last);
		last = xstrdup(si.id);
		jw_begin_object(&w);
		jw_member_str(&w, "id", str_of(si.id));
		jw_member_str(&w, "note", str_of(si.note));
		jw_member_i64(&w, "state", si.state);
		jw_member_i64(&w, "pid", si.supervisor);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_key(&w, "containers");
	jw_begin_array(&w);
	free(TAKE(last));
	while (runtime_container_next(rt, last, &ci) == 0) {
		free(last);
		last = xstrdup(ci.id);
		info_to(&w, &ci);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	answer(a, 0, NULL);
	return 0;
}

static int do_stats(const char *id, struct answer *a)
{
	struct runtime_stats s;
	int r = runtime_container_stats(rt, id, &s);
	struct jw w = jw_start(&a->out);
	jw_begin_object(&w);
	jw_member_i64(&w, "cpu", (int64_t)s.cpu_usage_ns);
	jw_member_i64(&w, "memory", (int64_t)s.mem_usage_bytes);
	jw_member_i64(&w, "limit", (int64_t)s.mem_limit_bytes);
	jw_member_i64(&w, "pids", (int64_t)s.pids);
	jw_member_i64(&w, "disk", (int64_t)s.rootfs_bytes);
	jw_member_i64(&w, "inodes", (int64_t)s.rootfs_inodes);
	jw_end_object(&w);
	answer(a, r, NULL);
	return 0;
}

static int run(struct jv cmd, struct answer *a, struct err *err)
{
	struct jv op = jv_get(cmd, "do");
	const char *id = text(cmd, "id");
	int sig = (int)jv_i64(jv_get(cmd, "signal"), 0);
	int r;

	if (jv_eqs(op, "sandbox"))
		return do_sandbox(cmd, a, err);
	if (jv_eqs(op, "container"))
		return do_container(cmd, a, err);
	if (jv_eqs(op, "exec"))
		return do_exec(cmd, a, err);
	if (jv_eqs(op, "attach"))
		return do_attach(cmd, a, err);
	if (jv_eqs(op, "stop"))
		return runtime_container_stop(
			rt, id, sig, (uint64_t)jv_i64(jv_get(cmd, "graceMs"), 0) * NSEC_PER_MSEC,
			answer, a, err);
	if (jv_eqs(op, "sandbox-stop"))
		return runtime_sandbox_stop(rt, id, answer, a, err);
	if (jv_eqs(op, "sandbox-remove"))
		return runtime_sandbox_remove(rt, id, answer, a, err);
	if (jv_eqs(op, "list"))
		return do_list(a);
	if (jv_eqs(op, "stats"))
		return do_stats(id, a);
	if (jv_eqs(op, "recover"))
		r = runtime_recover(rt, err);
	else if (jv_eqs(op, "signal"))
		r = runtime_container_signal(rt, id, sig);
	else if (jv_eqs(op, "remove"))
		r = runtime_container_remove(rt, id, err);
	else if (jv_eqs(op, "cgroup-remove"))
		r = runtime_cgroup_remove(rt, id, err);
	else if (jv_eqs(op, "rotate"))
		r = runtime_container_rotate_log(rt, id);
	else if (jv_eqs(op, "resize"))
		r = runtime_container_resize(rt, id, 100, 40);
	else
		r = err_sys(err, EINVAL, "no such command");
	if (r >= 0)
		answer(a, 0, NULL);
	return r;
}

static void on_line(struct str line)
{
	struct err err = ERR_INIT;
	struct answer *a;
	int r = json_scan(line, NULL, &err);
	if (r < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		exit(2);
	}
	a = answer_new(jv_of(line));
	r = run(jv_of(line), a, &err);
	if (r < 0)
		answer(a, r, &err);
	err_done(&err);
	free_kept();
}

static void on_stdin(uv_poll_t *p, int status, int events)
{
	ssize_t n = read(0, buf_reserve(&input, 65536), 65536), nl;
	if (n <= 0) {
		uv_stop(&loop);
		return;
	}
	buf_setlen(&input, input.len + (size_t)n);
	while ((nl = str_chr(buf_str(&input), '\n')) >= 0) {
		CLEANUP_FREE char *line = xstrndup(input.p, (size_t)nl);
		buf_consume(&input, (size_t)nl + 1);
		on_line(str_of(line));
	}
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	static uv_poll_t in;
	if (argc < 5) {
		fprintf(stderr, "usage: runtime-tool ROOT RUN CGROUP KNARR_POD [SECCOMP]\n");
		return 2;
	}
	struct runtime_conf conf = {.root_dir = argv[1],
				    .run_dir = argv[2],
				    .cgroup_root = argv[3],
				    .pod_binary = argv[4],
				    .seccomp_dir = argc > 5 ? argv[5] : NULL,
				    .loop = &loop,
				    .on_event = on_event};
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&loop);
	if (runtime_open(&conf, &rt, &err) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		return 1;
	}
	uv_poll_init(&loop, &in, 0);
	uv_poll_start(&in, UV_READABLE, on_stdin);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&in, NULL);
	rt = runtime_close(rt);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	free(kept);
	buf_done(&input);
	return 0;
}
