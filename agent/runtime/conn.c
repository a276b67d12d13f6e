/* SPDX-License-Identifier: Apache-2.0 */
/* Packets to and from a supervisor. */
#include "agent/runtime/internal.h"

#include <poll.h>
#include <sys/socket.h>

struct request {
	struct list node;
	uint64_t seq;
	request_fn *fn;
	void *user;
};

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int) * POD_FDS_MAX)];
};

void msg_init(struct pod_msg *m, enum pod_msg_type type)
{
	*m = (struct pod_msg){
		.version = POD_VERSION, .size = sizeof(*m), .type = (uint16_t)type, .op = -1};
	for (size_t i = 0; i < ARRAY_SIZE(m->fd); i++)
		m->fd[i] = -1;
}

int conn_send(int sock, const struct pod_msg *m, const int *fds, size_t n_fds)
{
	union control control;
	struct iovec iov = {(void *)m, sizeof(*m)};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n_fds > POD_FDS_MAX)
		return -E2BIG;
	if (n_fds > 0) {
		struct cmsghdr *c;
		memset(&control, 0, sizeof(control));
		h.msg_control = control.buf;
		h.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	return sendmsg(sock, &h, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int receive(int sock, struct pod_msg *m, int fds[POD_FDS_MAX], int *n_fds)
{
	union control control;
	struct iovec iov = {m, sizeof(*m)};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.buf,
			   .msg_controllen = sizeof(control.buf)};
	ssize_t n;

	*n_fds = 0;
	memset(m, 0, sizeof(*m));
	n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*n_fds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), (size_t)*n_fds * sizeof(int));
	}
	if (n == 0)
		return -EPIPE;
	m->id[sizeof(m->id) - 1] = 0;
	m->text[sizeof(m->text) - 1] = 0;
	return 0;
}

int conn_receive(int sock, struct pod_msg *m, int timeout_ms)
{
	int fds[POD_FDS_MAX], n_fds, r;
	struct pollfd pfd = {sock, POLLIN, 0};

	if (poll(&pfd, 1, timeout_ms) <= 0)
		return -ETIMEDOUT;
	r = receive(sock, m, fds, &n_fds);
	for (int i = 0; i < n_fds; i++)
		close(fds[i]);
	return r;
}

int conn_request(struct sandbox *sb, struct pod_msg *m, const int *fds, size_t n_fds,
		 request_fn *fn, void *user)
{
	struct request *rq;
	int r;

	if (sb->sock < 0)
		return -ENOTCONN;
	m->seq = ++sb->rt->next_seq;
	r = conn_send(sb->sock, m, fds, n_fds);
	if (r < 0)
		return r;
	rq = NEW(struct request);
	*rq = (struct request){.seq = m->seq, .fn = fn, .user = user};
	list_append(&sb->requests, &rq->node);
	return 0;
}

static void on_reply(struct sandbox *sb, const struct pod_msg *m, int *fds, int n_fds)
{
	list_for_each_safe (it, &sb->requests) {
		struct request *rq = list_entry(it, struct request, node);
		if (rq->seq != m->seq)
			continue;
		list_remove(&rq->node);
		if (rq->fn)
			rq->fn(rq->user, m, fds, n_fds);
		free(rq);
		return;
	}
}

static void on_message(struct sandbox *sb, const struct pod_msg *m, int *fds, int n_fds)
{
	struct container *c;
	switch (m->type) {
	case POD_REPLY:
		on_reply(sb, m, fds, n_fds);
		break;
	case POD_EXITED:
		if (m->target) {
			exec_exited(sb, m);
			break;
		}
		c = container_find(sb->rt, m->id);
		if (c && c->sb == sb)
			container_exited(c, m);
		break;
	default: /* a newer supervisor's word: it speaks to newer agents too */
		break;
	}
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct sandbox *sb = poll->data;
	int fds[POD_FDS_MAX], n_fds, r = 0;
	struct pod_msg m;

	/* The sandbox may go away in a callback: then poll->data is NULL. */
	while (poll->data && r >= 0) {
		r = receive(sb->sock, &m, fds, &n_fds);
		if (r >= 0)
			on_message(sb, &m, fds, n_fds);
		for (int i = 0; i < n_fds; i++)
			if (fds[i] >= 0)
				close(fds[i]);
	}
	if (poll->data && r != -EAGAIN && r != -EINTR)
		sandbox_lost(sb);
}

int conn_adopt(struct sandbox *sb, int sock)
{
	int r;
	fcntl(sock, F_SETFL, O_NONBLOCK);
	sb->poll = NEW(uv_poll_t);
	r = uv_poll_init(sb->rt->loop, sb->poll, sock);
	if (r < 0) {
		free(TAKE(sb->poll));
		return r;
	}
	sb->poll->data = sb;
	sb->sock = sock;
	return uv_poll_start(sb->poll, UV_READABLE, on_poll);
}

static void free_handle(uv_handle_t *h)
{
	free(h);
}

void sandbox_conn_close(struct sandbox *sb)
{
	struct list lost;
	if (sb->poll) {
		sb->poll->data = NULL;
		uv_poll_stop(sb->poll);
		uv_close((uv_handle_t *)TAKE(sb->poll), free_handle);
	}
	if (sb->sock >= 0)
		close(TAKE_FD(sb->sock));
	/* Callbacks may add or free things: work on a list of our own. */
	list_init(&lost);
	while (!list_empty(&sb->requests)) {
		struct list *n = sb->requests.next;
		list_remove(n);
		list_append(&lost, n);
	}
	while (!list_empty(&lost)) {
		struct request *rq = list_first(&lost, struct request, node);
		list_remove(&rq->node);
		if (rq->fn)
			rq->fn(rq->user, NULL, NULL, 0);
		free(rq);
	}
}
