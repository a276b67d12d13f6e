/* SPDX-License-Identifier: Apache-2.0 */
/* Output of containers: read, logged, copied to attached clients with back-pressure. */
#include "agent/runtime/pod/pod.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SLOW_CLIENT_NS 10000000000ll
static char chunk[POD_CHUNK];

static int proc_index(const struct proc *p)
{
	return (int)(p - pod.proc);
}

static void attach_drop(struct proc *p, int i, int k)
{
	pod_unwatch(p->attached[i][k]);
	pod_close(&p->attached[i][k]);
}

/* Is there room for a whole chunk in each client's socket? (unix(7): writable = half empty) */
static bool attach_ready(struct proc *p, int i)
{
	for (int k = 0; k < POD_ATTACHED; k++) {
		struct pollfd pfd = {p->attached[i][k], POLLOUT, 0};
		if (pfd.fd < 0 || poll(&pfd, 1, 0) < 0)
			continue;
		if (pfd.revents & (POLLERR | POLLHUP))
			attach_drop(p, i, k);
		else if (!(pfd.revents & POLLOUT))
			return false;
	}
	return true;
}

static void attach_copy(struct proc *p, int i, size_t len)
{
	for (int k = 0; k < POD_ATTACHED; k++) {
		int fd = p->attached[i][k];
		if (fd >= 0 && send(fd, chunk, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
			attach_drop(p, i, k);
	}
}

static void stall(struct proc *p, int i)
{
	if (!p->stalled[0] && !p->stalled[1])
		p->stalled_ns = now_ns(CLOCK_MONOTONIC);
	p->stalled[i] = true;
	pod_unwatch(p->out[i]);
	for (int k = 0; k < POD_ATTACHED; k++)
		if (p->attached[i][k] >= 0)
			pod_watch(p->attached[i][k], SRC_ATTACHED, proc_index(p), EPOLLOUT);
}

static void unstall(struct proc *p, int i)
{
	p->stalled[i] = false;
	for (int k = 0; k < POD_ATTACHED; k++)
		if (p->attached[i][k] >= 0)
			pod_unwatch(p->attached[i][k]);
	if (p->out[i] >= 0)
		pod_watch(p->out[i], i ? SRC_ERR : SRC_OUT, proc_index(p), EPOLLIN);
}

bool output_read(struct proc *p, int i)
{
	ssize_t n;
	if (p->out[i] < 0)
		return false;
	if (!attach_ready(p, i)) {
		stall(p, i);
		return true;
	}
	n = read(p->out[i], chunk, sizeof(chunk));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n > 0) {
		log_write(&p->log, i == 1, chunk, (size_t)n);
		attach_copy(p, i, (size_t)n);
		return true;
	}
	pod_unwatch(p->out[i]);
	pod_close(&p->out[i]);
	return false;
}

/* After the process ended: what is still in the pipes, without waiting for anyone. */
void output_drain(struct proc *p)
{
	for (int i = 0; i < 2; i++) {
		struct pollfd pfd = {p->out[i], POLLIN, 0};
		if (p->out[i] >= 0 && p->stalled[i])
			unstall(p, i);
		while (p->out[i] >= 0 && poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLIN)) {
			if (!attach_ready(p, i))
				for (int k = 0; k < POD_ATTACHED; k++)
					if (p->attached[i][k] >= 0)
						attach_drop(p, i, k);
			if (!output_read(p, i))
				break;
		}
		if (p->out[i] >= 0) {
			pod_unwatch(p->out[i]);
			pod_close(&p->out[i]);
		}
	}
}

int attach_add(struct proc *p, int i, int fd)
{
	int room = POD_CHUNK * 8;
	for (int k = 0; k < POD_ATTACHED; k++)
		if (p->attached[i][k] < 0) {
			setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
			p->attached[i][k] = fd;
			return 0;
		}
	return -EBUSY;
}

void attach_event(struct proc *p)
{
	for (int i = 0; i < 2; i++)
		if (p->stalled[i] && attach_ready(p, i))
			unstall(p, i);
}

void attach_expire(void)
{
	int64_t now = now_ns(CLOCK_MONOTONIC);
	for (int n = 0; n < POD_PROCS; n++) {
		struct proc *p = &pod.proc[n];
		for (int i = 0; p->state == PROC_RUNNING && i < 2; i++) {
			if (!p->stalled[i] || now - p->stalled_ns < SLOW_CLIENT_NS)
				continue;
			for (int k = 0; k < POD_ATTACHED; k++) {
				struct pollfd pfd = {p->attached[i][k], POLLOUT, 0};
				if (pfd.fd >= 0 && poll(&pfd, 1, 0) == 0)
					attach_drop(p, i, k);
			}
			unstall(p, i);
		}
	}
}

void attach_close(struct proc *p)
{
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < POD_ATTACHED; k++)
			if (p->attached[i][k] >= 0)
				attach_drop(p, i, k);
}
