/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runtime/pod/pod.h"

#include <sys/socket.h>

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int) * POD_FDS_MAX)];
};

int wire_recv(int sock, struct pod_msg *m, int fds[POD_FDS_MAX], int *n_fds)
{
	static union control control;
	struct iovec iov = {m, sizeof(*m)};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.buf,
			   .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *c;
	ssize_t n;

	memset(m, 0, sizeof(*m));
	*n_fds = 0;
	n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	for (c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*n_fds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), (size_t)*n_fds * sizeof(int));
	}
	if (n == 0)
		return -EPIPE;
	/* An older agent knows fewer fields; the rest stays zero. */
	if (n < (ssize_t)offsetof(struct pod_msg, target) || m->size > n)
		return -EBADMSG;
	m->id[sizeof(m->id) - 1] = 0;
	m->text[sizeof(m->text) - 1] = 0;
	return 0;
}

int wire_send(int sock, const struct pod_msg *m, const int *fds, int n_fds)
{
	union control control;
	struct iovec iov = {(void *)m, sizeof(*m)};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n_fds > 0) {
		struct cmsghdr *c;
		h.msg_control = control.buf;
		h.msg_controllen = CMSG_SPACE((size_t)n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)n_fds * sizeof(int));
	}
	return sendmsg(sock, &h, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

void wire_event(struct pod_msg *m, enum pod_msg_type type, const struct proc *p)
{
	memset(m, 0, sizeof(*m));
	m->version = POD_VERSION;
	m->size = sizeof(*m);
	m->type = type;
	m->op = -1;
	for (int i = 0; i < POD_FD_ROLES; i++)
		m->fd[i] = -1;
	if (!p)
		return;
	memcpy(m->id, p->id, sizeof(m->id));
	m->target = p->seq;
	m->pid = p->pid;
	m->code = p->code;
	m->sig = p->sig;
	m->started_ns = p->started_ns;
	m->finished_ns = p->finished_ns;
	if (p->oomed)
		m->flags |= POD_F_OOM;
	if (p->tty)
		m->flags |= POD_F_TTY;
	if (p->state == PROC_RUNNING)
		m->flags |= POD_F_RUNNING;
}

void pod_send(const struct pod_msg *m, const int *fds, int n_fds)
{
	if (pod.agent >= 0 && wire_send(pod.agent, m, fds, n_fds) < 0) {
		pod_unwatch(pod.agent);
		pod_close(&pod.agent);
	}
}
