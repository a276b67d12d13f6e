/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_POD_NET_H
#define KNARR_NET_POD_NET_H
#include "lib/base/err.h"
#include "net/addr.h"
/*
 * The pods' side of the network: one veth pair a pod, no bridge.
 *
 *   pod netns                    node netns
 *   eth0 10.244.1.7/32 <-veth-> kn3f9a1c0b2d7e   route 10.244.1.7/32 -> it, fixed neighbour
 *   default via 169.254.1.1      tc ingress: pod_out (bpf/pod.bpf.c)
 *   fixed neighbour for it       lo 10.244.1.1/32: the node's own address in the range
 *
 * With a range of IPv6 a pod has an address of it, too: at the same place in it as its IPv4 address
 * has in pod_range, so that there is one list of who has what. Its gateway is fe80::1, as fixed as
 * the other; nothing is solicited, advertised or looked for twice on the pair.
 *
 * Guarded pods (policy.h) have pod_in at the tc egress, too.
 *
 * pod_out checks that a pod sends from its own address, hands packets to another local pod with
 * bpf_redirect_peer (they never enter the node's IP stack), and lets the rest go up to the stack
 * for routing. All calls block for some netlink round trips (attach 0.6 ms in all; detach: see
 * there): where they work in another namespace they setns there and back, so the caller has one
 * thread.
 *
 * What is set up belongs to the kernel and stays when the agent ends. The next pod_net_open finds
 * pods again by the IPAM file and the links themselves.
 */
struct pod_net;

#define POD_NET_GATEWAY "169.254.1.1" /* what a pod's default route names; exists nowhere */
#define POD_NET_GATEWAY6 "fe80::1"
#define POD_NET_IFNAME_MAX 16

enum pod_net_overlay {
	POD_NET_OVERLAY_AUTO, /* for nodes behind a router */
	POD_NET_OVERLAY_ALWAYS, /* for all others, too */
	POD_NET_OVERLAY_NEVER,
};

struct pod_net_conf {
	const char *node; /* scopes pins and link names: several agents on one machine */
	const char *run_dir; /* state; made if missing. "<run_dir>/net/..." */
	struct ip4_prefix pod_range; /* of this node: Node.spec.podCIDR */
	struct ip4_prefix cluster_range; /* of all pods; len 0: same as pod_range */
	/* The same of IPv6; len 0: pods have none. At least as many addresses as pod_range. */
	struct ip_prefix pod_range6, cluster_range6;
	const char *uplink; /* NULL: the link of the default route; "" or none found: no uplink */
	unsigned int mtu; /* 0: the uplink's, else 1500 */
	bool masquerade; /* pod_net_masquerade may work; else it does nothing */
	/* New pods talk to nobody but the node until policy_pod (policy.h) was called for them. */
	bool closed;
	/* Nodes that are not on a link of ours (overlay.h). */
	enum pod_net_overlay overlay;
	uint32_t addr; /* outer source: this node's address; 0: no overlay */
	uint32_t vxlan_id; /* 0: OVERLAY_ID */
	uint16_t vxlan_port; /* 0: OVERLAY_PORT */
	/*
	 * Namespaces of the pods that are attached, asked for when the first such node is met:
	 * their packets to other pods must be smaller from then on. An array to be freed, the
	 * descriptors to be closed by us. May be NULL.
	 */
	size_t (*netns_fds)(void *user, int **ret);
	void *user;
};

/* What a pod got. */
struct pod_net_addr {
	uint32_t addr; /* network byte order */
	struct ip_addr addr6; /* none without a range */
	uint32_t host_ifindex; /* of the node's end */
	char host_ifname[POD_NET_IFNAME_MAX];
};

/*
 * Make or find: directories, bpffs, programs, the node's address, forwarding sysctls of the node's
 * namespace. Works on the network namespace the caller is in. Errors: -EPERM (needs root),
 * -EINVAL (ranges), -EOPNOTSUPP (no BTF or BPF: the message says what is missing).
 */
int pod_net_open(const struct pod_net_conf *conf, struct pod_net **ret, struct err *err);
/* Forget the handle; the network goes on. NULL is fine; returns NULL. */
struct pod_net *pod_net_close(struct pod_net *n);
/*
 * Connect the namespace behind `netns_fd` under `id` (pod UID, at most 48 bytes): address, routes,
 * loopback up. Idempotent: for an id that is attached it mends what is missing and gives the same
 * address. On failure nothing is left. The link in the pod is "eth0".
 */
int pod_net_attach(struct pod_net *n, struct str id, int netns_fd, struct pod_net_addr *ret,
		   struct err *err);
/*
 * Take it all away and free the address; 0 when there is nothing. Removing a live
 * link makes the kernel wait for an RCU grace period, 10 to 30 ms; once the pod's namespace is gone
 * (closed by its last holder) the kernel has done that by itself, and this is a map entry and a
 * file write: so let the namespace go first.
 */
int pod_net_detach(struct pod_net *n, struct str id, struct err *err);
/* The address of an attached id, or -ENOENT. */
int pod_net_get(struct pod_net *n, struct str id, struct pod_net_addr *ret);
/* Detach each id for which `keep` says false: what a restarted agent does once it knows its pods.
 */
int pod_net_gc(struct pod_net *n, bool (*keep)(struct str id, void *user), void *user);
/* The node's own address in the pod range (on lo): pods reach the agent there. */
uint32_t pod_net_node_addr(const struct pod_net *n);
struct ip_addr pod_net_node_addr6(const struct pod_net *n); /* none without a range */
/* The link towards other machines, 0 if there is none. */
uint32_t pod_net_uplink(const struct pod_net *n);
/*
 * Put the programs of masq.h on the uplink: what pods send outside cluster_range leaves with the
 * node's address, and fronts marked external answer on it. Needs lb_open to have run (it shares
 * the balancer's maps). Does nothing, and is 0, without conf.masquerade or an uplink.
 */
int pod_net_masquerade(struct pod_net *n, struct err *err);
/* Give back ports of connections that idled out: every 10 s or so; under a millisecond. */
void pod_net_collect(struct pod_net *n);
enum pod_net_way {
	POD_NET_DIRECT, /* a plain route: the node is on a link of ours */
	POD_NET_VXLAN,
	POD_NET_SELF, /* its address is ours: its pods have routes of their own here (tests) */
};
/*
 * Another node's pod range, reached by way of its address: a plain route where that is on a link of
 * ours, by the overlay otherwise; kept by the kernel, and nothing is masqueraded on the way.
 * Calling it again for a range replaces the former way. `ret_way` may be NULL.
 */
int pod_net_route(struct pod_net *n, struct ip4_prefix range, uint32_t via,
		  enum pod_net_way *ret_way, struct err *err);
int pod_net_unroute(struct pod_net *n, struct ip4_prefix range, struct err *err);
/*
 * The same of a range of IPv6; `via` the node's IPv6 address, `range4` and `via4` its others: by
 * the overlay, whose outer packets are IPv4, where those are behind a router or there is no `via`.
 * Without a range of our own nothing is done.
 */
int pod_net_route6(struct pod_net *n, struct ip_prefix range, struct ip_addr via,
		   struct ip4_prefix range4, uint32_t via4, struct err *err);
int pod_net_unroute6(struct pod_net *n, struct ip_prefix range, struct err *err);
/*
 * A node with a direct route to our pods: no masquerade towards its address (masq_peer). Nodes
 * behind a router have none: they see this node. 0 where nothing is masqueraded.
 */
int pod_net_peer(struct pod_net *n, uint32_t addr, bool is, struct err *err);
/*
 * Remove everything an agent of this conf ever made: links, routes, pins, bpffs mount, state.
 * For `knarrctl reset`; no handle may be open. 0 when there is nothing.
 */
int pod_net_reset(const struct pod_net_conf *conf, struct err *err);
#endif
