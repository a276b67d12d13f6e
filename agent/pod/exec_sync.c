/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/exec_sync.h"

#include <uv.h>

#include "lib/base/buf.h"

#define OUTPUT_MAX (16u << 10)

struct exec_sync {
	struct uv_loop_s *loop;
	struct timers *timers;
	struct runtime_exec *x; /* NULL: not begun or over */
	struct timer timeout, refuse;
	uv_poll_t poll[2];
	int fds[2]; /* -1: not open */
	unsigned closing; /* handles whose close callback is to come */
	struct buf output;
	bool done_called;
	struct err err;
	exec_sync_fn *done;
	void *user;
};

static void maybe_free(struct exec_sync *e)
{
	if (!e->done_called || e->closing || e->x)
		return;
	timers_disarm(e->timers, &e->timeout);
	timers_disarm(e->timers, &e->refuse);
	buf_done(&e->output);
	err_done(&e->err);
	free(e);
}

static void on_poll_closed(uv_handle_t *h)
{
	struct exec_sync *e = h->data;

	e->closing--;
	maybe_free(e);
}

static void drain(struct exec_sync *e, int i)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(e->fds[i], chunk, sizeof(chunk))) > 0)
		if (e->output.len < OUTPUT_MAX)
			buf_add(&e->output, chunk, MIN((size_t)n, OUTPUT_MAX - e->output.len));
}

static void stream_close(struct exec_sync *e, int i)
{
	if (e->fds[i] < 0)
		return;
	drain(e, i);
	uv_poll_stop(&e->poll[i]);
	close(e->fds[i]);
	e->fds[i] = -1;
	e->closing++;
	uv_close((uv_handle_t *)&e->poll[i], on_poll_closed);
}

static void finish(struct exec_sync *e, int r, int code, const struct err *err)
{
	timers_disarm(e->timers, &e->timeout);
	for (int i = 0; i < 2; i++)
		stream_close(e, i);
	if (!e->done_called) {
		e->done_called = true;
		e->done(e->user, r, code, buf_str(&e->output), err);
	}
	maybe_free(e);
}

static void on_readable(uv_poll_t *h, int status, int events)
{
	struct exec_sync *e = h->data;
	int i = h == &e->poll[1];
	char chunk[4096];
	ssize_t n = read(e->fds[i], chunk, sizeof(chunk));

	if (n > 0 && e->output.len < OUTPUT_MAX)
		buf_add(&e->output, chunk, MIN((size_t)n, OUTPUT_MAX - e->output.len));
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || status < 0)
		uv_poll_stop(h); /* closed with the rest when the program has ended */
}

static void on_started(void *user, struct runtime_exec *x, const struct runtime_streams *s)
{
	struct exec_sync *e = user;
	int fds[2] = {s->out, s->err};

	if (s->in >= 0)
		close(s->in);
	for (int i = 0; i < 2; i++) {
		if (fds[i] < 0)
			continue;
		e->fds[i] = fds[i];
		uv_poll_init(e->loop, &e->poll[i], fds[i]);
		e->poll[i].data = e;
		uv_poll_start(&e->poll[i], UV_READABLE, on_readable);
	}
}

static void on_ended(void *user, int r, int code, const struct err *err)
{
	struct exec_sync *e = user;

	e->x = NULL;
	finish(e, r, code, err);
}

static const struct exec_ops ops = {.on_started = on_started, .on_exit = on_ended};

static void on_timeout(struct timer *t)
{
	struct exec_sync *e = container_of(t, struct exec_sync, timeout);
	struct err err = ERR_INIT;

	if (e->x)
		runtime_exec_abandon(e->x);
	e->x = NULL;
	err_sys(&err, ETIMEDOUT, "command timed out");
	finish(e, -ETIMEDOUT, -1, &err);
	err_done(&err);
}

static void on_refused(struct timer *t)
{
	struct exec_sync *e = container_of(t, struct exec_sync, refuse);

	finish(e, -e->err.errnum, -1, &e->err);
}

struct exec_sync *exec_sync_start(struct runtime *rt, struct uv_loop_s *loop, struct timers *timers,
				  const char *container_id, const char *const *argv,
				  uint64_t timeout_ns, exec_sync_fn *done, void *user)
{
	struct exec_sync *e = NEW(struct exec_sync);
	struct exec_spec spec = {
		.container_id = container_id,
		.argv = argv,
		.want_out = true,
		.want_err = true,
	};

	e->loop = loop;
	e->timers = timers;
	e->fds[0] = e->fds[1] = -1;
	e->done = done;
	e->user = user;
	e->timeout.fire = on_timeout;
	e->refuse.fire = on_refused;
	buf_init(&e->output);
	if (runtime_exec(rt, &spec, &ops, e, &e->x, &e->err) < 0) {
		e->x = NULL;
		if (!e->err.errnum)
			err_sys(&e->err, EIO, "cannot run the command");
		timers_soon(timers, &e->refuse);
	} else if (timeout_ns) {
		timers_arm_in(timers, &e->timeout, timeout_ns);
	}
	return e;
}

void exec_sync_cancel(struct exec_sync *e)
{
	if (e->x)
		runtime_exec_abandon(e->x);
	e->x = NULL;
	timers_disarm(e->timers, &e->timeout);
	timers_disarm(e->timers, &e->refuse);
	e->done_called = true;
	for (int i = 0; i < 2; i++)
		stream_close(e, i);
	maybe_free(e);
}
