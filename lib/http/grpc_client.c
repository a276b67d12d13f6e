/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/grpc.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

#include "lib/http/grpc_call.h"

#define AGAIN_NS (20 * NSEC_PER_MSEC) /* the server's queue is full */

struct grpc_client {
	uv_loop_t *loop;
	struct timers *timers;
	char *path;
	struct list conns;
	struct conn *conn; /* the one for new calls; NULL: none yet */
	bool retired;
};

struct conn {
	struct list in_client;
	struct grpc_client *client; /* NULL: it is being closed */
	struct timers *timers;
	struct grpc_session *session;
	struct timer step; /* connect, or write what is there */
	uv_pipe_t pipe;
	bool open;
	char chunk[16384];
};

struct write {
	uv_write_t req;
	struct buf bytes;
};

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

static void conn_close(struct conn *c)
{
	struct grpc_client *client = c->client;

	if (client->conn == c)
		client->conn = NULL;
	c->client = NULL;
	list_remove(&c->in_client);
	c->session = grpc_session_free(c->session);
	timers_disarm(c->timers, &c->step);
	if (c->open)
		uv_close((uv_handle_t *)&c->pipe, on_closed);
	else
		free(c);
	if (client->retired && list_empty(&client->conns))
		grpc_client_free(client);
}

static void lost(struct conn *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void lost(struct conn *c, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	struct grpc_session *s = TAKE(c->session);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&why, fmt, ap);
	va_end(ap);
	grpc_session_set_step(s, NULL, NULL);
	/* New calls, those from the callbacks of these too, get a new connection. */
	conn_close(c);
	grpc_session_lost(s, GRPC_UNAVAILABLE, buf_str(&why));
	grpc_session_free(s);
}

static void on_written(uv_write_t *req, int status)
{
	struct write *w = container_of(req, struct write, req);

	buf_done(&w->bytes);
	free(w); /* who reads finds out that the connection is gone */
}

static void send_out(struct conn *c)
{
	struct write *w = NEW(struct write);
	uv_buf_t b;

	buf_init(&w->bytes);
	grpc_session_drain(c->session, &w->bytes);
	b = uv_buf_init(w->bytes.p, (unsigned)w->bytes.len);
	if (!w->bytes.len || uv_write(&w->req, (uv_stream_t *)&c->pipe, &b, 1, on_written) < 0)
		on_written(&w->req, 0);
}

static void go_on(struct conn *c)
{
	if (grpc_session_calls(c->session))
		send_out(c);
	else
		conn_close(c);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	struct conn *c = h->data;

	*b = uv_buf_init(c->chunk, sizeof(c->chunk));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = stream->data;

	if (n == 0 || !c->client)
		return;
	if (n < 0) {
		lost(c, "error reading from server: %s", uv_strerror((int)n));
		return;
	}
	if (grpc_session_feed(c->session, str_n(b->base, (size_t)n)) < 0) {
		if (c->client)
			lost(c, "error reading server preface: this is no HTTP/2");
		return;
	}
	/* The users' callbacks may have closed it. */
	if (c->client)
		go_on(c);
}

/* A socket's address has 107 characters; longer paths are opened from their directory. */
static int dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CLEANUP_FD int dir = -1;
	const char *base = strrchr(path, '/');
	int r = 0;

	if (fd < 0)
		return -errno;
	if (strlen(path) < sizeof(a.sun_path)) {
		str_copy(a.sun_path, sizeof(a.sun_path), str_of(path));
	} else {
		CLEANUP_FREE char *parent = base ? xstrndup(path, (size_t)(base - path)) : NULL;

		dir = parent ? open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		if (dir < 0)
			return parent ? -errno : -ENAMETOOLONG;
		if (snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d%s", dir, base) >=
		    (int)sizeof(a.sun_path))
			return -ENAMETOOLONG;
	}
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		r = -errno;
	return r < 0 ? r : TAKE_FD(fd);
}

static void on_step(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, step);
	int r;

	if (c->open || !grpc_session_calls(c->session)) {
		go_on(c);
		return;
	}
	r = dial(c->client->path);
	if (r == -EAGAIN) {
		timers_arm_in(c->timers, &c->step, AGAIN_NS);
		return;
	}
	if (r < 0) {
		CLEANUP_FREE char *path = xstrdup(c->client->path);

		lost(c,
		     "connection error: desc = \"transport: Error while dialing: dial unix %s: "
		     "connect: %s\"",
		     path, strerror(-r));
		return;
	}
	uv_pipe_init(c->client->loop, &c->pipe, 0);
	c->pipe.data = c;
	c->open = true;
	uv_pipe_open(&c->pipe, r);
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
	send_out(c);
}

struct grpc_client *grpc_client_new(struct uv_loop_s *loop, struct timers *timers, const char *path)
{
	struct grpc_client *c = NEW(struct grpc_client);

	c->loop = loop;
	c->timers = timers;
	c->path = xstrdup(path);
	list_init(&c->conns);
	return c;
}

struct grpc_client *grpc_client_free(struct grpc_client *c)
{
	if (!c)
		return NULL;
	c->retired = false;
	list_for_each_safe (it, &c->conns)
		conn_close(list_entry(it, struct conn, in_client));
	free(c->path);
	free(c);
	return NULL;
}

void grpc_client_retire(struct grpc_client *c)
{
	if (list_empty(&c->conns))
		grpc_client_free(c);
	else
		c->retired = true;
}

static void on_deadline(struct timer *t)
{
	struct grpc_call *call = container_of(t, struct grpc_call, deadline);

	grpc_call_end(call, GRPC_DEADLINE_EXCEEDED, STR("context deadline exceeded"));
}

static void begin(struct grpc_client *c)
{
	struct conn *n = NEW(struct conn);

	n->client = c;
	n->timers = c->timers;
	n->session = grpc_session_new();
	n->step.fire = on_step;
	grpc_session_set_step(n->session, n->timers, &n->step);
	list_append(&c->conns, &n->in_client);
	c->conn = n;
}

struct grpc_call *grpc_client_call(struct grpc_client *c, const struct grpc_req *req)
{
	struct grpc_call *call;

	if (!c->conn)
		begin(c);
	call = grpc_session_call(c->conn->session, req);
	if (!call) { /* a connection that was said goodbye to ends with its calls */
		begin(c);
		call = grpc_session_call(c->conn->session, req);
	}
	if (req->timeout_ns) {
		call->timers = c->timers;
		call->deadline.fire = on_deadline;
		timers_arm_in(c->timers, &call->deadline, req->timeout_ns);
	}
	if (!timer_armed(&c->conn->step))
		timers_soon(c->timers, &c->conn->step);
	return call;
}
