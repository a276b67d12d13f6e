/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"

#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "agent/node/api_priv.h"
#include "agent/pod/pods.h"
#include "agent/runtime/runtime.h"
#include "lib/http/remotecommand.h"
/* port-forward: each connection of the client becomes one to 127.0.0.1 inside the pod. */
#define QUEUE_HIGH (512u << 10)

struct forward {
	struct list in_api; /* node_api.forwards */
	struct node_api *api;
	char sandbox[RUNTIME_ID_MAX + 1];
	bool host;
	struct pf *pf;
};

struct tunnel {
	struct forward *f;
	struct pf_conn *pc; /* NULL: the client's side is over */
	struct http_stream *s; /* NULL: the pod's side is over */
};

static void tunnel_maybe_free(struct tunnel *t)
{
	if (!t->pc && !t->s)
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
	struct timeval second = {.tv_sec = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* Loopback answers at once; only a full backlog could make this wait. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
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

static void on_conn(struct pf *pf, struct pf_conn *pc, uint16_t port, void *user)
{
	struct forward *f = user;
	struct tunnel *t;
	int fd = connect_in_pod(f, port), r;

	if (fd < 0) {
		CLEANUP_FREE char *why =
			xasprintf("failed to connect to localhost:%u inside the pod: %s", port,
				  strerror(-fd));

		pf_conn_end(pc, why);
		return;
	}
	t = NEW(struct tunnel);
	t->f = f;
	r = http_stream_take_fd(f->api->conf.loop, fd, &t->s);
	if (r < 0) {
		free(t);
		pf_conn_end(pc, strerror(-r));
		return;
	}
	t->pc = pc;
	pf_conn_set_user(pc, t);
	http_stream_start(t->s, &stream_ops, t);
}

static void on_data(struct pf_conn *pc, struct str data, void *conn_user)
{
	struct tunnel *t = conn_user;

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
}

static void on_conn_close(struct pf_conn *pc, void *conn_user)
{
	struct tunnel *t = conn_user;

	if (!t)
		return;
	t->pc = NULL;
	if (t->s && t->f->api->stopping)
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
