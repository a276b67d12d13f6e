/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_LB_H
#define KNARR_NET_LB_H
#include "lib/base/err.h"
#include "net/addr.h"
/*
 * The service load balancer. Translation happens in connect(2), sendmsg(2), recvmsg(2) and
 * getpeername(2) of the client's socket (cgroup BPF programs, bpf/lb.bpf.c): a connection to a
 * service IS a connection to a backend, no packet is ever rewritten, and nothing is looked up
 * twice. From outside the node tc programs on the uplink do it per packet (masq.h).
 *
 * This module knows fronts, not Services: a front is one (address, port, protocol) with the list
 * of backends the caller worked out for it (Cluster and Local policy, readiness, terminating:
 * kube-proxy's CategorizeEndpoints is the caller's job). A Service with a ClusterIP, a node port
 * and two ports is four fronts.
 *
 * Everything is pinned: a killed agent's services go on as they were. lb_open finds the pinned
 * maps and links again and swaps in its own programs without a gap (bpf_link_update).
 */
struct lb;

enum lb_proto {
	LB_TCP = 6,
	LB_UDP = 17,
};

/* What a client meets when a front has no backends. */
enum lb_empty {
	LB_EMPTY_REFUSE, /* ECONNREFUSED: kube-proxy's REJECT */
	LB_EMPTY_DROP, /* Local policy and only remote backends. A socket is refused all the same
			  (nobody waits for a timeout on purpose); counted apart */
};

struct lb_backend {
	struct ip_addr addr; /* of its front's family */
	uint16_t port; /* host byte order */
};

/*
 * What names a front. An address that is all zero, 0.0.0.0 (ip_of4(0)) or ::, means every address
 * of this node of the family (NodePort, hostPort without hostIP).
 */
struct lb_key {
	struct ip_addr addr;
	uint16_t port; /* host byte order */
	uint8_t proto; /* enum lb_proto */
};

struct lb_front {
	struct lb_key key;
	uint32_t affinity_s; /* ClientIP stickiness timeout; 0: none */
	enum lb_empty empty;
	const struct lb_backend *backends; /* for clients on this node (pods and host) */
	size_t n_backends;
	/* For clients outside, when their list differs (externalTrafficPolicy: Local). */
	const struct lb_backend *outside;
	size_t n_outside;
	bool outside_differs;
	/* Ranges of clients that may use it from outside; none: all. With `external`. */
	const struct ip_prefix *sources; /* of its family; others are passed over */
	size_t n_sources;
	bool external; /* answered on the uplink too: node ports, external and balancer addresses */
};

#define LB_BACKENDS_MAX 65535 /* a front */
/* IPv6 addresses of fronts, backends and the node: 32,768 at most (bpf/abi/lb.h). */

struct lb_conf {
	const char *node; /* scopes the pins */
	const char *run_dir; /* where a bpffs is mounted if /sys/fs/bpf is none */
	const char
		*cgroup_root; /* cgroup v2 directory whose sockets are served; NULL: the v2 root */
	uint32_t max_services; /* 0: 65,536 fronts */
	uint32_t max_backends; /* 0: 262,144 backend slots */
	uint32_t max_affinity; /* 0: 65,536 */
	uint32_t max_tcp; /* TCP sockets whose service address is known; 0: 65,536 */
	uint32_t max_udp; /* flows of unconnected UDP sockets; 0: 65,536 */
};

/*
 * Make or take over the data path. The caller's network namespace is "the node": there 127.0.0.1
 * is a node-port address, in pods it is not. -EPERM, -EOPNOTSUPP (no cgroup v2, no BTF, ...) with
 * a message that says what to do.
 */
int lb_open(const struct lb_conf *conf, struct lb **ret, struct err *err);
/*
 * Only read what is pinned, beside a running agent (lb_each, lb_count, lb_backend_slots_used); no
 * other call is allowed on such a handle. -ENOENT when nothing is there.
 */
int lb_open_view(const struct lb_conf *conf, struct lb **ret, struct err *err);
/* Forget the handle; services go on being translated. NULL is fine; returns NULL. */
struct lb *lb_close(struct lb *lb);
/* Unpin and detach everything of this conf, unmount an own bpffs. 0 when there is nothing. */
int lb_reset(const struct lb_conf *conf, struct err *err);

struct lb_result {
	size_t added, changed, removed, unchanged; /* fronts */
	size_t backends_gone; /* backends that left a front: time for lb_kill_stale */
};

/*
 * Make the maps say exactly this: new backends first, then each front in one step, then what is
 * gone. Connections never see a front half changed. 10,000 fronts of 3 take some 10 ms. All or
 * nothing in memory: -EINVAL (two fronts with one key, too many backends), -ENOSPC (the maps are
 * full) change nothing. `ret` may be NULL.
 */
int lb_sync(struct lb *lb, const struct lb_front *fronts, size_t n, struct lb_result *ret,
	    struct err *err);
/* Set one front, adding or replacing it. Some 10 us. */
int lb_put(struct lb *lb, const struct lb_front *front, struct err *err);
/* Remove one front; 0 when there is none. */
int lb_del(struct lb *lb, struct lb_key key, struct err *err);
/*
 * The node's addresses, at which node ports answer (127.0.0.0/8 is known from the host; ::1 is
 * where there is an IPv6 address among these).
 */
int lb_node_addrs(struct lb *lb, const struct ip_addr *addrs, size_t n, struct err *err);

/*
 * Close sockets that still talk to backends which went away since the last call: connected UDP
 * always (a client resolving names through a dead DNS server never notices by itself), TCP only
 * with `tcp` set: a pod that ends gracefully still answers its open connections, so say so only
 * for addresses whose pod is gone. Walks the sockets of the node's namespace and of each given
 * one (0.03 to 1.4 ms each, setns there and back). *ret_closed may be NULL. With no backend gone
 * it does nothing.
 */
int lb_kill_stale(struct lb *lb, const int *netns_fds, size_t n_netns, bool tcp, size_t *ret_closed,
		  struct err *err);

/* What the maps hold now; callbacks may return non-zero to stop. For `knarrctl net`, metrics. */
struct lb_front_view {
	struct lb_key key;
	uint32_t affinity_s;
	bool external;
	const struct lb_backend *backends;
	size_t n_backends;
};
int lb_each(struct lb *lb, int (*cb)(const struct lb_front_view *f, void *user), void *user);
size_t lb_count(const struct lb *lb); /* fronts */
size_t lb_backend_slots_used(const struct lb *lb);
#endif
