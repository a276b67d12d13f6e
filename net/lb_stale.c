/* SPDX-License-Identifier: Apache-2.0 */
/* Closing the sockets of backends that went away: bpf/reap.bpf.c over each network namespace. */
#include "net/lb_priv.h"
#include "net/netns.h"
#include "net/pins.h"
#include "bpf/reap.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int key_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lb_gone_key));
}

/* Sort, drop doubles, and drop what some front still has. */
static void settle_gone(struct lb *lb)
{
	CLEANUP_FREE bool *in_use = NULL;
	size_t n = 0;

	if (!lb->n_gone)
		return;
	qsort(lb->gone, lb->n_gone, sizeof(*lb->gone), key_cmp);
	for (size_t i = 0; i < lb->n_gone; i++)
		if (n == 0 || key_cmp(&lb->gone[n - 1], &lb->gone[i]) != 0)
			lb->gone[n++] = lb->gone[i];
	lb->n_gone = n;
	in_use = xcalloc(n + 1, sizeof(*in_use));
	for (uint32_t i = 0; i < lb->rows.cap; i++) {
		const struct lb_row *row = &lb->rows.v[i];

		for (uint32_t j = 0; row->epoch && j < row->count; j++) {
			struct lb_gone_key k = {.proto = row->key.proto}, *hit;
			uint64_t raw = lb->slot[row->base + j];
			struct lb_slot s;

			memcpy(&s, &raw, sizeof(s));
			k.addr = s.addr;
			k.port = s.port;
			hit = bsearch(&k, lb->gone, lb->n_gone, sizeof(k), key_cmp);
			if (hit)
				in_use[hit - lb->gone] = true;
		}
	}
	n = 0;
	for (size_t i = 0; i < lb->n_gone; i++)
		if (!in_use[i])
			lb->gone[n++] = lb->gone[i];
	lb->n_gone = n;
}

static int load_reap(struct lb *lb, struct err *err)
{
	struct reap_bpf *skel = reap_bpf__open();
	int r;

	if (!skel)
		return err_sys(err, errno, "cannot open the reap BPF object");
	r = bpf_map__reuse_fd(skel->maps.sockets, lb->sockets_fd);
	if (r == 0)
		r = bpf_map__reuse_fd(skel->maps.tcp_peers, lb->tcp_peers_fd);
	if (r == 0)
		r = pins_use_map(skel->maps.counters, lb->node_dir, "counters");
	if (r < 0)
		r = err_sys(err, -r, "cannot share the sockets map: %s", strerror(-r));
	else
		r = bpf_load(skel->skeleton, "socket closing", err);
	if (r < 0) {
		reap_bpf__destroy(skel);
		return r;
	}
	lb->reap = skel;
	return 0;
}

/* Run one iterator program over the current network namespace. */
static int run_iter(struct bpf_program *prog)
{
	CLEANUP_FD int link = bpf_link_create(bpf_program__fd(prog), 0, BPF_TRACE_ITER, NULL);
	CLEANUP_FD int it = -1;
	char buf[64];
	ssize_t n;

	if (link < 0)
		return -errno;
	it = bpf_iter_create(link);
	if (it < 0)
		return -errno;
	do
		n = read(it, buf, sizeof(buf));
	while (n > 0 || (n < 0 && errno == EAGAIN));
	return n < 0 ? -errno : 0;
}

static int run_iter_in(int netns_fd, struct bpf_program *prog)
{
	int back, r = netns_enter(netns_fd, &back);

	if (r < 0)
		return r;
	r = run_iter(prog);
	netns_leave(back);
	return r;
}

/* The node's namespace first (its resolver serves the whole machine), then the pods'. */
static int run_everywhere(struct bpf_program *prog, const int *netns_fds, size_t n, struct err *err)
{
	int r = run_iter(prog);

	for (size_t i = 0; i < n && r == 0; i++)
		r = run_iter_in(netns_fds[i], prog);
	return r < 0 ? err_sys(err, -r, "cannot walk the sockets: %s", strerror(-r)) : 0;
}

static int fill_gone(struct lb *lb, int fd)
{
	uint8_t one = 1;

	for (size_t i = 0; i < lb->n_gone; i++)
		if (bpf_map_update_elem(fd, &lb->gone[i], &one, BPF_ANY) < 0)
			return -errno;
	return 0;
}

int lb_kill_stale(struct lb *lb, const int *netns_fds, size_t n_netns, bool tcp, size_t *ret_closed,
		  struct err *err)
{
	uint64_t before;
	int r = 0, fd;

	if (ret_closed)
		*ret_closed = 0;
	settle_gone(lb);
	if (!lb->n_gone)
		return 0;
	if (!lb->reap)
		r = load_reap(lb, err);
	if (r < 0)
		return r;
	fd = bpf_map__fd(lb->reap->maps.gone);
	before = lb->reap->bss->closed;
	r = fill_gone(lb, fd);
	if (r < 0)
		err_sys(err, -r, "cannot note the backends that are gone: %s", strerror(-r));
	if (r == 0)
		r = run_everywhere(lb->reap->progs.reap_udp, netns_fds, n_netns, err);
	if (r == 0 && tcp)
		r = run_everywhere(lb->reap->progs.reap_tcp, netns_fds, n_netns, err);
	for (size_t i = 0; i < lb->n_gone; i++)
		bpf_map_delete_elem(fd, &lb->gone[i]);
	if (r == 0) {
		lb->n_gone = 0;
		if (ret_closed)
			*ret_closed = lb->reap->bss->closed - before;
	}
	return r;
}
