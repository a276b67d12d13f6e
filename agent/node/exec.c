/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"

#include <sys/types.h>
#include <uv.h>

#include "agent/node/api_priv.h"
#include "agent/pod/pods.h"
#include "agent/runtime/runtime.h"
#include "lib/http/remotecommand.h"
/*
 * exec and attach: bytes between a client's remotecommand session and the descriptors that the
 * runtime hands out. Both directions stop reading when the other side is slow.
 */
#define QUEUE_HIGH (256u << 10)
#define ARGS_MAX 256

enum end { END_IN, END_OUT, END_ERR, END_TTY, END_MAX };

struct session {
	struct list in_api; /* node_api.sessions */
	struct node_api *api;
	struct rc *rc; /* NULL: gone */
	struct runtime_exec *x;
	bool attach, tty, want_in, want_out, want_err;
	char id[RUNTIME_ID_MAX + 1];
	char **argv;
	uv_poll_t poll[END_MAX];
	int fds[END_MAX];
	int armed[END_MAX]; /* events polled for */
	unsigned closing;
	struct buf in; /* stdin not yet taken by the program */
	bool in_eof, exited, ended;
	int code;
	uint16_t cols, rows;
};

static void maybe_free(struct session *s)
{
	if (s->rc || s->x || s->closing)
		return;
	for (int i = 0; i < END_MAX; i++)
		if (s->fds[i] >= 0)
			return;
	list_remove(&s->in_api);
	for (char **p = s->argv; p && *p; p++)
		free(*p);
	free(s->argv);
	buf_done(&s->in);
	free(s);
}

static void on_end_closed(uv_handle_t *h)
{
	struct session *s = h->data;

	s->closing--;
	maybe_free(s);
}

static void end_close(struct session *s, enum end e)
{
	if (s->fds[e] < 0)
		return;
	uv_poll_stop(&s->poll[e]);
	close(s->fds[e]);
	s->fds[e] = -1;
	s->closing++;
	uv_close((uv_handle_t *)&s->poll[e], on_end_closed);
}

static void on_poll(uv_poll_t *h, int status, int events);

static void end_arm(struct session *s, enum end e, int events)
{
	if (s->fds[e] < 0 || s->armed[e] == events)
		return;
	s->armed[e] = events;
	if (events)
		uv_poll_start(&s->poll[e], events, on_poll);
	else
		uv_poll_stop(&s->poll[e]);
}

static enum end in_end(const struct session *s)
{
	return s->fds[END_TTY] >= 0 ? END_TTY : END_IN;
}

static void arm_all(struct session *s)
{
	bool slow = s->rc && rc_queued(s->rc) > QUEUE_HIGH;
	int read_ev = slow ? 0 : UV_READABLE;

	end_arm(s, END_OUT, read_ev);
	end_arm(s, END_ERR, read_ev);
	end_arm(s, END_TTY, read_ev | (s->in.len ? UV_WRITABLE : 0));
	end_arm(s, END_IN, s->in.len ? UV_WRITABLE : 0);
}

/* The end is told once the program has ended and all its output was read. */
static void maybe_end(struct session *s)
{
	if (s->fds[END_OUT] >= 0 || s->fds[END_ERR] >= 0 || s->fds[END_TTY] >= 0)
		return;
	if (s->attach)
		s->exited = true;
	if (!s->exited || s->ended)
		return;
	s->ended = true;
	end_close(s, END_IN);
	if (s->rc)
		rc_exit(s->rc, s->code);
}

static void read_end(struct session *s, enum end e)
{
	char chunk[16384];

	for (int i = 0; i < 8; i++) {
		ssize_t n = read(s->fds[e], chunk, sizeof(chunk));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) { /* EIO: the last user of a terminal has left */
			end_close(s, e);
			maybe_end(s);
			return;
		}
		if (s->rc)
			rc_write(s->rc, e == END_ERR ? RC_STDERR : RC_STDOUT,
				 str_n(chunk, (size_t)n));
		if (s->rc && rc_queued(s->rc) > QUEUE_HIGH)
			return;
	}
}

static void write_in(struct session *s)
{
	enum end e = in_end(s);
	ssize_t n;

	while (s->in.len && s->fds[e] >= 0) {
		n = write(s->fds[e], s->in.p, s->in.len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) {
			buf_clear(&s->in);
			if (e == END_IN)
				end_close(s, e);
			break;
		}
		buf_consume(&s->in, (size_t)n);
	}
	if (s->rc)
		rc_pause_stdin(s->rc, s->in.len > QUEUE_HIGH);
	if (!s->in.len && s->in_eof && s->fds[END_IN] >= 0)
		end_close(s, END_IN);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct session *s = h->data;
	enum end e = (enum end)(h - s->poll);

	if ((events & UV_WRITABLE) && s->fds[e] >= 0)
		write_in(s);
	if (((events & UV_READABLE) || status < 0) && s->fds[e] >= 0 && e != END_IN)
		read_end(s, e);
	else if (status < 0 && s->fds[e] >= 0)
		end_close(s, e);
	arm_all(s);
	maybe_free(s);
}

static void take_streams(struct session *s, const struct runtime_streams *st)
{
	const int fds[END_MAX] = {st->in, st->out, st->err, st->tty};

	for (int i = 0; i < END_MAX; i++) {
		if (fds[i] < 0)
			continue;
		s->fds[i] = fds[i];
		uv_poll_init(s->api->conf.loop, &s->poll[i], fds[i]);
		s->poll[i].data = s;
	}
	if (!s->rc) { /* the client has gone meanwhile */
		for (int i = 0; i < END_MAX; i++)
			end_close(s, (enum end)i);
		return;
	}
	write_in(s);
	arm_all(s);
}

/* ---- the runtime's side ---- */

static void on_started(void *user, struct runtime_exec *x, const struct runtime_streams *st)
{
	take_streams(user, st);
}

static void on_ended(void *user, int r, int code, const struct err *err)
{
	struct session *s = user;

	s->x = NULL;
	s->exited = true;
	s->code = code;
	if (r < 0 && !s->ended) {
		s->ended = true;
		for (int i = 0; i < END_MAX; i++)
			end_close(s, (enum end)i);
		if (s->rc)
			rc_fail(s->rc, err_text(err));
		maybe_free(s);
		return;
	}
	/* A background child may hold the pipes open: what is there now is what is sent. */
	for (int i = END_OUT; i <= END_TTY; i++)
		if (s->fds[i] >= 0)
			read_end(s, (enum end)i);
	for (int i = END_OUT; i <= END_TTY; i++)
		end_close(s, (enum end)i);
	maybe_end(s);
	maybe_free(s);
}

static const struct exec_ops exec_ops = {.on_started = on_started, .on_exit = on_ended};

static void on_attached(void *user, int r, const struct runtime_streams *st, const struct err *err)
{
	struct session *s = user;

	s->closing--; /* held since runtime_attach: this call was to come */
	if (r < 0) {
		s->ended = true;
		if (s->rc)
			rc_fail(s->rc, err_text(err));
		maybe_free(s);
		return;
	}
	take_streams(s, st);
	maybe_free(s);
}

/* ---- the client's side ---- */

static void begin(struct session *s)
{
	struct runtime *rt = s->api->conf.rt;
	struct err err = ERR_INIT;
	int r;

	if (s->attach) {
		r = runtime_attach(rt, s->id, s->want_in, s->want_out, s->want_err, on_attached, s,
				   &err);
		if (r == 0)
			s->closing++;
	} else {
		struct exec_spec spec = {
			.container_id = s->id,
			.argv = (const char *const *)s->argv,
			.want_in = s->want_in,
			.want_out = s->want_out,
			.want_err = s->want_err,
			.tty = s->tty,
			.cols = s->cols,
			.rows = s->rows,
		};

		r = runtime_exec(rt, &spec, &exec_ops, s, &s->x, &err);
	}
	if (r < 0) {
		s->x = NULL;
		s->ended = true;
		rc_fail(s->rc, err_text(&err));
	}
	err_done(&err);
}

static void on_open(struct rc *rc, void *user)
{
	begin(user);
}

static void on_stdin(struct rc *rc, struct str data, void *user)
{
	struct session *s = user;

	buf_addstr(&s->in, data);
	write_in(s);
	arm_all(s);
}

static void on_stdin_eof(struct rc *rc, void *user)
{
	struct session *s = user;

	s->in_eof = true;
	write_in(s);
	arm_all(s);
}

static void on_resize(struct rc *rc, uint16_t cols, uint16_t rows, void *user)
{
	struct session *s = user;

	s->cols = cols;
	s->rows = rows;
	if (s->x)
		runtime_exec_resize(s->x, cols, rows);
	else if (s->attach && s->tty)
		runtime_container_resize(s->api->conf.rt, s->id, cols, rows);
}

static void on_drain(struct rc *rc, void *user)
{
	arm_all(user);
}

static void on_close(struct rc *rc, int err, void *user)
{
	struct session *s = user;

	s->rc = NULL;
	/* The client left: the program gets end of file and a hang-up, as through a terminal. */
	for (int i = 0; i < END_MAX; i++)
		end_close(s, (enum end)i);
	if (s->x) {
		runtime_exec_abandon(s->x);
		s->x = NULL;
	}
	maybe_free(s);
}

static const struct rc_ops rc_ops = {on_open,   on_stdin, on_stdin_eof,
				     on_resize, on_drain, on_close};

static char **read_command(struct http_req *r)
{
	char **argv = xcalloc(ARGS_MAX + 1, sizeof(*argv));

	for (size_t i = 0; i < ARGS_MAX; i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		if (!api_query(r, "command", i, &b))
			break;
		argv[i] = xstrndup(b.p, b.len);
	}
	return argv;
}

/* The kubelet's names (input=1) and the API's (stdin=true) both come here. */
static bool wants(struct http_req *r, const char *kubelet, const char *api)
{
	return api_query_bool(r, kubelet) || api_query_bool(r, api);
}

static void run(struct node_api *a, struct http_req *r, const struct api_target *t, bool attach)
{
	struct session *s;
	struct err err = ERR_INIT;
	struct container_info info;
	const char *id;
	int n = pods_find_container(a->conf.pods, t->ns, t->pod, t->uid, t->container, false, &id,
				    NULL, &err);

	if (n == 0 && (runtime_container_get(a->conf.rt, id, &info) < 0 ||
		       info.state != RUNTIME_CONTAINER_RUNNING))
		n = err_sys(&err, ENOENT, "container not found (\"%.*s\")", STR_ARG(t->container));
	if (n < 0) {
		api_fail(r, 404, err_text(&err));
		err_done(&err);
		return;
	}
	s = NEW(struct session);
	s->api = a;
	list_append(&a->sessions, &s->in_api);
	s->attach = attach;
	for (int i = 0; i < END_MAX; i++)
		s->fds[i] = -1;
	buf_init(&s->in);
	str_copy(s->id, sizeof(s->id), str_of(id));
	s->tty = attach ? info.tty : wants(r, "tty", "tty");
	s->want_in = wants(r, "input", "stdin");
	s->want_out = wants(r, "output", "stdout");
	s->want_err = wants(r, "error", "stderr") && !s->tty;
	if (!attach)
		s->argv = read_command(r);
	if (!attach && !s->argv[0])
		n = err_sys(&err, EINVAL, "you must specify at least 1 command");
	else if (!attach && s->argv[ARGS_MAX - 1]) /* half a command may mean another */
		n = err_sys(&err, E2BIG, "a command may have %d words", ARGS_MAX - 1);
	else
		n = rc_accept(r,
			      &(struct rc_conf){.want_stdin = s->want_in,
						.want_stdout = s->want_out,
						.want_stderr = s->want_err,
						.tty = s->tty},
			      &rc_ops, s, &s->rc, &err);
	if (n < 0) {
		s->rc = NULL;
		api_fail(r, 400, err_text(&err));
		maybe_free(s);
	}
	err_done(&err);
}

void api_exec(struct node_api *a, struct http_req *r, const struct api_target *t)
{
	run(a, r, t, false);
}

void api_attach(struct node_api *a, struct http_req *r, const struct api_target *t)
{
	run(a, r, t, true);
}

void api_exec_abort_all(struct node_api *a)
{
	list_for_each (it, &a->sessions) {
		struct session *s = list_entry(it, struct session, in_api);

		if (s->rc)
			rc_abort(s->rc);
	}
}
