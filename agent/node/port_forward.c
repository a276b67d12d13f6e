/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"

#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "agent/node/api_priv.h"
#include "agent/pod/pods.h"
#include "agent/runtime/runtime.h"
#include "lib/http/remotecommand.h"
/*
 * port-forward: each connection of the client becomes one to 127.0.0.1 inside the pod. Loopback
 * answers at once, but for a backlog that is full, or a pod that filters its own packets: then the
 * others are not kept waiting.
 */
#define QUEUE_HIGH (512u << 10)
#define LOOK_NS (10 * NSEC_PER_MSEC)
#define CONNECT_NS (5 * NSEC_PER_SEC)

struct forward {
	struct list in_api; /* node_api.forwards */
	struct node_api *api;
	char sandbox[RUNTIME_ID_MAX + 1];
	bool host;
	struct pf *pf;
};

struct tunnel {
	struct node_api *api;
	struct forward *f; /* lives as long as pc */
	struct pf_conn *pc; /* NULL: the client's side is over */
	struct http_stream *s; /* NULL: the pod's side is over, or not there yet */
	int fd; /* while it connects, else -1 */
	struct timer look;
	uint64_t until_ns;
	struct buf early; /* of the client, for then */
	bool early_eof;
	uint16_t port;
};

static void tunnel_maybe_free(struct tunnel *t)
{
	if (t->pc || t->s)
		return;
	timers_disarm(t->api->conf.timers, &t->look);
	if (t->fd >= 0)
		close(t->fd);
	buf_done(&t->early);
	free(t);
}

static void on_pod_data(struct http_stream *s, struct str data, void *user)
{
	struct tunnel *t = user;

	if (t->pc && pf_conn_write(t->pc, data) < 0)
		http_stream_abort(s);
	if (t->pc && pf_queued(t->f->pf) > QUEUE_HIGH)
		http_stream_pause(s, true);
}

static void on_pod_drain(struct http_stream *s, void *user)
{
	struct tunnel *t = user;

	if (t->pc)
		pf_pause(t->f->pf, false);
}

static void on_pod_close(struct http_stream *s, int err, void *user)
{
	struct tunnel *t = user;

	t->s = NULL;
	if (t->pc)
		pf_conn_end(TAKE(t->pc), NULL);
	tunnel_maybe_free(t);
}

static const struct http_stream_ops stream_ops = {
	.on_data = on_pod_data,
	.on_drain = on_pod_drain,
	.on_close = on_pod_close,
};

static int connect_here(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int connect_in_pod(struct forward *f, uint16_t port)
{
	CLEANUP_FD int own = -1, theirs = -1;
	int fd;

	if (f->host)
		return connect_here(port);
	own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	theirs = runtime_sandbox_netns(f->api->conf.rt, f->sandbox);
	if (own < 0 || theirs < 0)
		return -ENOTCONN;
	if (setns(theirs, CLONE_NEWNET) < 0)
		return -errno;
	fd = connect_here(port);
	if (setns(own, CLONE_NEWNET) < 0)
		abort(); /* going on in a pod's namespace would be worse */
	return fd;
}

static void refuse(struct pf_conn *pc, uint16_t port, int err)
{
	CLEANUP_FREE char *why = xasprintf("failed to connect to localhost:%u inside the pod: %s",
					   port, strerror(-err));

	pf_conn_end(pc, why);
}

/* 1: connected, 0: not yet. */
static int is_connected(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int err = 0;

	if (poll(&p, 1, 0) <= 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	return err ? -err : 1;
}

static int begin(struct tunnel *t)
{
	int r = http_stream_take_fd(t->api->conf.loop, TAKE_FD(t->fd), &t->s);

	if (r < 0)
		return r;
	http_stream_start(t->s, &stream_ops, t);
	if (t->early.len)
		http_stream_write(t->s, buf_str(&t->early));
	buf_done(&t->early);
	if (t->early_eof)
		http_stream_shutdown(t->s);
	return 0;
}

static void look(struct tunnel *t)
{
	struct timers *ts = t->api->conf.timers;
	int r = is_connected(t->fd);

	if (r == 0 && timers_now_ns(ts) < t->until_ns) {
		timers_arm_in(ts, &t->look, LOOK_NS);
		return;
	}
	if (t->early.len > QUEUE_HIGH)
		pf_pause(t->f->pf, false);
	r = r == 0 ? -ETIMEDOUT : r < 0 ? r : begin(t);
	if (r == 0)
		return;
	refuse(TAKE(t->pc), t->port, r);
	tunnel_maybe_free(t);
}

static void on_look(struct timer *timer)
{
	look(container_of(timer, struct tunnel, look));
}

static void on_conn(struct pf *pf, struct pf_conn *pc, uint16_t port, void *user)
{
	struct forward *f = user;
	struct tunnel *t;
	int fd = connect_in_pod(f, port);

	if (fd < 0) {
		refuse(pc, port, fd);
		return;
	}
	t = NEW(struct tunnel);
	*t = (struct tunnel){.api = f->api,
			     .f = f,
			     .pc = pc,
			     .fd = fd,
			     .port = port,
			     .early = BUF_INIT,
			     .look.fire = on_look,
			     .until_ns = timers_now_ns(f->api->conf.timers) + CONNECT_NS};
	pf_conn_set_user(pc, t);
	look(t);
}

static void on_data(struct pf_conn *pc, struct str data, void *conn_user)
{
	struct tunnel *t = conn_user;

	if (t && t->fd >= 0) {
		buf_addstr(&t->early, data);
		if (t->early.len > QUEUE_HIGH)
			pf_pause(t->f->pf, true);
	}
	if (!t || !t->s)
		return;
	http_stream_write(t->s, data);
	if (http_stream_queued(t->s) > QUEUE_HIGH)
		pf_pause(t->f->pf, true);
}

static void on_eof(struct pf_conn *pc, void *conn_user)
{
	struct tunnel *t = conn_user;

	if (t && t->s)
		http_stream_shutdown(t->s);
	else if (t)
		t->early_eof = true;
}

static void on_conn_close(struct pf_conn *pc, void *conn_user)
{
	struct tunnel *t = conn_user;

	if (!t)
		return;
	t->pc = NULL;
	if (t->s && t->api->stopping)
		http_stream_abort(t->s);
	else if (t->s)
		http_stream_close(t->s);
	tunnel_maybe_free(t);
}

static void forward_free(struct forward *f)
{
	list_remove(&f->in_api);
	free(f);
}

static void on_close(struct pf *pf, int err, void *user)
{
	forward_free(user);
}

static const struct pf_ops ops = {
	.on_conn = on_conn,
	.on_data = on_data,
	.on_eof = on_eof,
	.on_conn_close = on_conn_close,
	.on_close = on_close,
};

void api_port_forward(struct node_api *a, struct http_req *r, const struct api_target *t)
{
	struct forward *f = NEW(struct forward);
	struct err err = ERR_INIT;
	const char *sandbox;
	int n;

	list_append(&a->forwards, &f->in_api);
	n = pods_find_sandbox(a->conf.pods, t->ns, t->pod, t->uid, &sandbox, &f->host, &err);

	if (n < 0) {
		api_fail(r, 404, err_text(&err));
	} else {
		f->api = a;
		str_copy(f->sandbox, sizeof(f->sandbox), str_of(sandbox));
		n = pf_accept(r, &ops, f, &f->pf, &err);
		if (n < 0)
			api_fail(r, 400, err_text(&err));
	}
	if (n < 0)
		forward_free(f);
	err_done(&err);
}

void api_port_forward_abort_all(struct node_api *a)
{
	list_for_each (it, &a->forwards) {
		struct forward *f = list_entry(it, struct forward, in_api);

		if (f->pf)
			pf_close(f->pf);
	}
}
