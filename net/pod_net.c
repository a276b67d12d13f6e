/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pod_net.h"
#include "lib/sys/file.h"
#include "net/announce.h"
#include "net/ipam.h"
#include "net/link.h"
#include "net/masq.h"
#include "net/netns.h"
#include "net/overlay.h"
#include "net/pins.h"
#include "net/pod_net_priv.h"
#include "bpf/abi/pod.h"
#include "bpf/pod.skel.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>

#define LO_IFINDEX 1u /* in every namespace */
#define POD_DIR_NAME(v) "pod-v" #v
#define POD_DIR_OF(v) POD_DIR_NAME(v)
#define POD_DIR POD_DIR_OF(POD_LAYOUT)

struct pod_net {
	char *node, *run_dir;
	struct ip4_prefix pod_range, cluster_range;
	struct ip_prefix pod_range6, cluster_range6; /* len 0: no IPv6 */
	bool may_masquerade, closed;
	struct masq *masq; /* NULL until pod_net_masquerade */
	struct nl_sock *rt; /* the node's namespace */
	struct ipam *ipam;
	struct pod_bpf *skel;
	int pods_fd, pods6_fd, guards_fd;
	uint32_t node_addr, uplink, mtu;
	/* the overlay: NULL until a node needs it */
	struct overlay *overlay;
	enum pod_net_overlay mode;
	struct overlay_conf oc;
	size_t (*netns_fds)(void *user, int **ret);
	void *user;
};

/* The same id always gets the same link name: what is found there is ours. */
static void name_of(const struct pod_net *n, struct str id, char ret[POD_NET_IFNAME_MAX])
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a over node, 0, id: must survive restarts */

	for (const char *p = n->node;; p++) {
		h = (h ^ (uint8_t)*p) * 0x100000001b3ull;
		if (!*p)
			break;
	}
	for (size_t i = 0; i < id.len; i++)
		h = (h ^ (uint8_t)id.p[i]) * 0x100000001b3ull;
	snprintf(ret, POD_NET_IFNAME_MAX, "kn%012" PRIx64, (uint64_t)(h & 0xffffffffffffull));
}

/* Locally administered; 02:4b for the pod's end, 06:4b for ours, then the pod's address. */
static void mac_of(uint32_t addr, bool pod_side, uint8_t ret[LINK_MAC_LEN])
{
	ret[0] = pod_side ? 0x02 : 0x06;
	ret[1] = 0x4b;
	memcpy(ret + 2, &addr, sizeof(addr));
}

/* What a pod with this address has of IPv6. */
static struct ip_addr addr6_of(const struct pod_net *n, uint32_t addr)
{
	if (!n->pod_range6.len)
		return ip_any(false);
	return ip_prefix_nth(n->pod_range6, ntohl(addr) - ntohl(n->pod_range.addr));
}

static struct ip_addr gateway6(void)
{
	struct ip_addr gw = {{0}};

	ip_addr_parse(STR(POD_NET_GATEWAY6), &gw);
	return gw;
}

static struct ip_prefix whole(struct ip_addr addr)
{
	return (struct ip_prefix){addr, 128};
}

static struct ip4_prefix host_prefix(uint32_t addr)
{
	return (struct ip4_prefix){addr, 32};
}

/* pod_in, on its way out of the node's end; removing what is not there is 0. */
static int attach_in(const struct pod_net *n, uint32_t ifindex, bool on)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	int r;

	if (on) {
		opts.flags = BPF_TC_F_REPLACE;
		opts.prog_fd = bpf_program__fd(n->skel->progs.pod_in);
		return bpf_tc_attach(&hook, &opts);
	}
	r = bpf_tc_detach(&hook, &opts);
	return r == -ENOENT || r == -EINVAL ? 0 : r;
}

static int attach_progs(const struct pod_net *n, uint32_t ifindex, bool guarded)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE,
		    .prog_fd = bpf_program__fd(n->skel->progs.pod_out));
	int r = bpf_tc_hook_create(&hook);

	if (r < 0 && r != -EEXIST)
		return r;
	r = bpf_tc_attach(&hook, &opts);
	return r == 0 && guarded ? attach_in(n, ifindex, true) : r;
}

/* Pods of an earlier agent get this one's programs; links that are just going away don't. */
static void renew_progs(const struct pod_net *n)
{
	uint32_t addr, next, *at = NULL;
	struct pod_entry e;

	while (bpf_map_get_next_key(n->pods_fd, at, &next) == 0) {
		addr = next;
		at = &addr;
		if (bpf_map_lookup_elem(n->pods_fd, &addr, &e) == 0)
			attach_progs(n, e.ifindex, e.flags & POD_GUARDED);
	}
}

/* Entries of a former range, or of pods that went while there was none. */
static void sweep_entries6(const struct pod_net *n)
{
	struct ip_addr addr, next, *at = NULL;
	struct pod_entry6 e6;
	struct pod_entry e;
	CLEANUP(buf_done) struct buf gone = BUF_INIT;

	while (bpf_map_get_next_key(n->pods6_fd, at, &next) == 0) {
		addr = next;
		at = &addr;
		if (bpf_map_lookup_elem(n->pods6_fd, &addr, &e6) < 0 ||
		    !ip_eq(addr, addr6_of(n, e6.addr4)) ||
		    bpf_map_lookup_elem(n->pods_fd, &e6.addr4, &e) < 0)
			buf_add(&gone, &addr, sizeof(addr));
	}
	for (size_t i = 0; i < gone.len; i += sizeof(addr))
		bpf_map_delete_elem(n->pods6_fd, gone.p + i);
}

void pod_net_maps(const struct pod_net *n, struct pod_maps *ret)
{
	*ret = (struct pod_maps){.pods = n->pods_fd,
				 .guards = n->guards_fd,
				 .ids = bpf_map__fd(n->skel->maps.ids),
				 .blocks = bpf_map__fd(n->skel->maps.blocks),
				 .rows = bpf_map__fd(n->skel->maps.rows),
				 .conns = bpf_map__fd(n->skel->maps.conns),
				 .epoch = bpf_map__fd(n->skel->maps.epoch),
				 .ids6 = bpf_map__fd(n->skel->maps.ids6),
				 .blocks6 = bpf_map__fd(n->skel->maps.blocks6),
				 .conns6 = bpf_map__fd(n->skel->maps.conns6)};
}

/* The pod's entry by its IPv6 address says the same. */
static int put_entry6(const struct pod_net *n, uint32_t addr, const struct pod_entry *e)
{
	struct ip_addr addr6 = addr6_of(n, addr);
	struct pod_entry6 e6 = {.ifindex = e->ifindex, .flags = e->flags, .addr4 = addr};

	if (ip_is_none(addr6))
		return 0;
	return bpf_map_update_elem(n->pods6_fd, addr6.b, &e6, BPF_ANY) < 0 ? -errno : 0;
}

static void del_entry6(const struct pod_net *n, uint32_t addr)
{
	struct ip_addr addr6 = addr6_of(n, addr);

	if (!ip_is_none(addr6))
		bpf_map_delete_elem(n->pods6_fd, addr6.b);
}

int pod_net_guard(struct pod_net *n, uint32_t addr, bool on)
{
	struct pod_entry e;
	bool was;
	int r = 0;

	if (bpf_map_lookup_elem(n->pods_fd, &addr, &e) < 0)
		return -errno;
	was = e.flags & POD_GUARDED;
	if (was == on)
		return 0;
	if (on)
		r = attach_in(n, e.ifindex, true);
	e.flags ^= POD_GUARDED;
	if (r == 0 && bpf_map_update_elem(n->pods_fd, &addr, &e, BPF_EXIST) < 0)
		r = -errno;
	if (r == 0)
		r = put_entry6(n, addr, &e);
	if (r == 0 && !on)
		r = attach_in(n, e.ifindex, false);
	return r;
}

/* A pod that is there keeps its guard; a new one at the address begins anew. */
static uint32_t flags_of(const struct pod_net *n, uint32_t addr, uint32_t ifindex)
{
	struct pod_entry e;

	if (bpf_map_lookup_elem(n->pods_fd, &addr, &e) == 0 && e.ifindex == ifindex)
		return e.flags;
	bpf_map_delete_elem(n->guards_fd, &addr);
	return n->closed ? POD_GUARDED : 0;
}

static int use_maps(struct pod_bpf *s, const char *node_dir, const char *dir)
{
	const struct {
		struct bpf_map *map;
		const char *name;
	} maps[] = {
		{s->maps.pods, "pods"},       {s->maps.guards, "guards"}, {s->maps.ids, "ids"},
		{s->maps.rows, "rows"},       {s->maps.blocks, "blocks"}, {s->maps.conns, "conns"},
		{s->maps.epoch, "epoch"},     {s->maps.pods6, "pods6"},   {s->maps.ids6, "ids6"},
		{s->maps.blocks6, "blocks6"}, {s->maps.conns6, "conns6"},
	};
	int r = pins_use_map(s->maps.counters, node_dir, "counters");

	for (size_t i = 0; i < ARRAY_SIZE(maps) && r == 0; i++)
		r = pins_use_map(maps[i].map, dir, maps[i].name);
	return r;
}

static int load(struct pod_net *n, const struct pod_net_conf *conf, struct err *err)
{
	CLEANUP(buf_done) struct buf node_dir = BUF_INIT;
	CLEANUP_FREE char *dir = NULL;
	int r = pins_dir(conf->node, conf->run_dir, true, &node_dir, err);

	if (r < 0)
		return r;
	dir = xasprintf("%s/" POD_DIR, node_dir.p);
	r = dir_make(dir, 0700);
	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", dir, strerror(-r));
	n->skel = pod_bpf__open();
	if (!n->skel)
		return err_sys(err, errno, "cannot open the pod BPF object");
	r = use_maps(n->skel, node_dir.p, dir);
	if (r < 0)
		return err_sys(err, -r, "cannot use the maps in %s: %s", dir, strerror(-r));
	r = bpf_load(n->skel->skeleton, "pod", err);
	if (r < 0)
		return r;
	n->pods_fd = bpf_map__fd(n->skel->maps.pods);
	n->pods6_fd = bpf_map__fd(n->skel->maps.pods6);
	n->guards_fd = bpf_map__fd(n->skel->maps.guards);
	pins_remove_other(node_dir.p, "pod-v", POD_DIR);
	renew_progs(n);
	sweep_entries6(n);
	return 0;
}

static int open_ipam(struct pod_net *n, const struct pod_net_conf *conf, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/net", conf->run_dir);
	CLEANUP_FREE char *path = xasprintf("%s/addresses", dir);
	struct ipam_conf ic = {
		.path = path, .range = conf->pod_range, .quarantine_ns = IPAM_QUARANTINE_NS};
	int r = dir_make(dir, 0700);

	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", dir, strerror(-r));
	return ipam_open(&ic, &n->ipam, err);
}

/* The link conf means, or 0. */
static uint32_t find_uplink(struct nl_sock *rt, const struct pod_net_conf *conf)
{
	struct link_info link = {0};
	uint32_t ifindex = 0;

	if (!conf->uplink)
		route_default_link(rt, &ifindex);
	else if (conf->uplink[0] && link_find(rt, conf->uplink, &link) == 0)
		ifindex = link.ifindex;
	return ifindex;
}

/* What pod_net_reset must take off lo again: the range is only known to whoever opened. */
#define NODE_ADDR_FILE "node-address"

static int remember_node_addr(const struct pod_net_conf *conf, uint32_t addr)
{
	CLEANUP_FREE char *path = xasprintf("%s/net/" NODE_ADDR_FILE, conf->run_dir);

	return file_write_atomic(AT_FDCWD, path, str_n(&addr, sizeof(addr)), 0600);
}

#define NODE_ADDR6_FILE "node-address6"

/* Another range, or none any more: the former address goes. `now` none: as it does at a reset. */
static void change_node_addr6(const struct pod_net_conf *conf, struct nl_sock *rt,
			      struct ip_addr now)
{
	CLEANUP_FREE char *path = xasprintf("%s/net/" NODE_ADDR6_FILE, conf->run_dir);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct ip_addr was;

	if (file_read(AT_FDCWD, path, sizeof(was), &b) == 0 && b.len == sizeof(was)) {
		memcpy(&was, b.p, sizeof(was));
		if (!ip_eq(was, now))
			ip_addr_del(rt, LO_IFINDEX, was, 128);
	}
	if (ip_is_none(now))
		unlink(path);
	else
		file_write_atomic(AT_FDCWD, path, str_n(now.b, sizeof(now.b)), 0600);
}

/* A machine that forwards heeds routers on its uplink only if told so expressly. */
static void keep_routers(const struct pod_net *n)
{
	char name[IF_NAMESIZE];
	CLEANUP_FREE char *path = NULL;
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!n->uplink || !if_indextoname(n->uplink, name))
		return;
	path = xasprintf("/proc/sys/net/ipv6/conf/%s/accept_ra", name);
	if (file_read(AT_FDCWD, path, 16, &b) == 0 && str_eqs(str_trim(buf_str(&b)), "1"))
		link_sysctl6(name, "accept_ra", "2");
}

static int set_up_node6(struct pod_net *n, const struct pod_net_conf *conf, struct err *err)
{
	int r;

	change_node_addr6(conf, n->rt, pod_net_node_addr6(n));
	if (!n->pod_range6.len)
		return 0;
	keep_routers(n);
	link_sysctl6("lo", "disable_ipv6", "0");
	r = sysctl_write("net/ipv6/conf/all/forwarding", "1");
	if (r == 0)
		r = ip_addr_add(n->rt, LO_IFINDEX, pod_net_node_addr6(n), 128);
	return r < 0 ? err_sys(err, -r, "cannot use IPv6 on this node: %s", strerror(-r)) : 0;
}

static void remove_node_addr(const struct pod_net_conf *conf, struct nl_sock *rt)
{
	CLEANUP_FREE char *path = xasprintf("%s/net/" NODE_ADDR_FILE, conf->run_dir);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	uint32_t addr;

	if (file_read(AT_FDCWD, path, sizeof(addr), &b) < 0 || b.len != sizeof(addr))
		return;
	memcpy(&addr, b.p, sizeof(addr));
	addr_del(rt, LO_IFINDEX, addr, 32);
}

/* Uplink, MTU, the node's own address in the pod range (on lo), forwarding. */
static int set_up_node(struct pod_net *n, const struct pod_net_conf *conf, struct err *err)
{
	struct link_info link = {0};
	char name[IF_NAMESIZE];
	int r = 0;

	n->uplink = find_uplink(n->rt, conf);
	if (!n->uplink && conf->uplink && conf->uplink[0])
		return err_sys(err, ENOENT, "no link %s", conf->uplink);
	if (n->uplink)
		link_find(n->rt, if_indextoname(n->uplink, name) ? name : "", &link);
	n->mtu = conf->mtu ? conf->mtu : link.mtu ? link.mtu : 1500;
	n->node_addr = ip4_prefix_nth(conf->pod_range, 1);
	r = remember_node_addr(conf, n->node_addr);
	if (r == 0)
		r = addr_add(n->rt, LO_IFINDEX, n->node_addr, 32);
	if (r == 0)
		r = link_up(n->rt, LO_IFINDEX);
	if (r < 0)
		return err_sys(err, -r, "cannot give the node its address in the pod range: %s",
			       strerror(-r));
	r = sysctl_write("net/ipv4/ip_forward", "1");
	if (r < 0)
		return err_sys(err, -r, "cannot switch on net.ipv4.ip_forward: %s", strerror(-r));
	return set_up_node6(n, conf, err);
}

static void overlay_settings(struct pod_net *n, const struct pod_net_conf *conf)
{
	n->mode = conf->addr && n->uplink ? conf->overlay : POD_NET_OVERLAY_NEVER;
	n->netns_fds = conf->netns_fds;
	n->user = conf->user;
	n->oc = (struct overlay_conf){.node = n->node,
				      .id = conf->vxlan_id ? conf->vxlan_id : OVERLAY_ID,
				      .port = conf->vxlan_port ? conf->vxlan_port : OVERLAY_PORT,
				      .local = conf->addr,
				      .inner = n->node_addr,
				      .mtu = n->mtu};
}

DEFINE_CLEANUP(struct pod_net *, pod_net_closep, pod_net_close)

int pod_net_open(const struct pod_net_conf *conf, struct pod_net **ret, struct err *err)
{
	CLEANUP(pod_net_closep) struct pod_net *n = NEW(struct pod_net);
	int r = bpf_usable(err);

	if (r < 0)
		return r;
	n->node = xstrdup(conf->node);
	n->run_dir = xstrdup(conf->run_dir);
	n->cluster_range = conf->cluster_range.len ? conf->cluster_range : conf->pod_range;
	n->pod_range = conf->pod_range;
	n->pod_range6 = conf->pod_range6;
	n->cluster_range6 = conf->cluster_range6.len ? conf->cluster_range6 : conf->pod_range6;
	if (n->pod_range6.len && 128 - n->pod_range6.len < 32 - n->pod_range.len)
		return err_sys(err, EINVAL, "the range of IPv6 is smaller than that of IPv4");
	n->may_masquerade = conf->masquerade;
	n->closed = conf->closed;
	r = rt_open(&n->rt);
	if (r < 0)
		return err_sys(err, -r, "cannot open rtnetlink: %s", strerror(-r));
	r = open_ipam(n, conf, err);
	if (r < 0)
		return r;
	r = set_up_node(n, conf, err);
	if (r == 0)
		r = load(n, conf, err);
	if (r < 0)
		return r;
	overlay_settings(n, conf);
	if (n->mode == POD_NET_OVERLAY_NEVER)
		overlay_reset(n->node, NULL);
	else if (overlay_exists(n->node))
		r = overlay_open(&n->oc, &n->overlay, err);
	if (r < 0)
		return r;
	*ret = TAKE(n);
	return 0;
}

struct pod_net *pod_net_close(struct pod_net *n)
{
	if (!n)
		return NULL;
	masq_close(n->masq);
	overlay_close(n->overlay);
	rt_close(n->rt);
	ipam_close(n->ipam);
	pod_bpf__destroy(n->skel);
	free(n->node);
	free(n->run_dir);
	free(n);
	return NULL;
}

static int narrow_routes6(const struct pod_net *n, struct nl_sock *rt, uint32_t ifindex)
{
	struct ip_route far = {.dst = n->cluster_range6, .ifindex = ifindex, .via = gateway6()};
	struct ip_route near = {.dst = n->pod_range6, .ifindex = ifindex, .via = gateway6()};
	int r;

	if (!n->pod_range6.len || far.dst.len == near.dst.len)
		return 0;
	far.mtu = overlay_mtu(n->overlay);
	r = ip_route_add(rt, &near);
	return r < 0 ? r : ip_route_add(rt, &far);
}

/*
 * What a pod sends to pods of other nodes must fit into the overlay; its link keeps the whole size,
 * for its own node's pods and the world.
 */
static int narrow_routes(const struct pod_net *n, struct nl_sock *rt, uint32_t ifindex, uint32_t gw)
{
	struct route far = {.dst = n->cluster_range, .ifindex = ifindex, .via = gw};
	struct route near = {.dst = n->pod_range, .ifindex = ifindex, .via = gw};
	int r = 0;

	if (!n->overlay || far.dst.len == near.dst.len)
		return 0;
	far.mtu = overlay_mtu(n->overlay);
	r = route_add(rt, &near);
	if (r == 0)
		r = route_add(rt, &far);
	return r < 0 ? r : narrow_routes6(n, rt, ifindex);
}

static int set_up_pod6(const struct pod_net *n, struct nl_sock *rt, uint32_t ifindex, uint32_t addr,
		       const uint8_t gw_mac[LINK_MAC_LEN])
{
	struct ip_addr addr6 = addr6_of(n, addr);
	int r;

	if (ip_is_none(addr6))
		return 0;
	r = ip_addr_add(rt, ifindex, addr6, 128);
	if (r == 0)
		r = ip_neigh_add(rt, ifindex, gateway6(), gw_mac);
	return r < 0 ? r
		     : ip_route_add(rt, &(struct ip_route){.ifindex = ifindex, .via = gateway6()});
}

/* In the pod's namespace: loopback, address, routes. `rt` was opened there. */
static int set_up_pod(const struct pod_net *n, struct nl_sock *rt, uint32_t addr)
{
	struct link_info eth = {0};
	uint8_t gw_mac[LINK_MAC_LEN];
	uint32_t gw;
	int r = ip4_parse(STR(POD_NET_GATEWAY), &gw);

	mac_of(addr, false, gw_mac);
	if (r == 0)
		r = link_up(rt, LO_IFINDEX);
	if (r == 0)
		r = link_find(rt, "eth0", &eth);
	if (r == 0)
		r = addr_add(rt, eth.ifindex, addr, 32);
	if (r == 0)
		r = link_up(rt, eth.ifindex);
	if (r == 0)
		r = neigh_add(rt, eth.ifindex, gw, gw_mac);
	if (r == 0)
		r = route_add(rt, &(struct route){.dst = host_prefix(gw), .ifindex = eth.ifindex});
	if (r == 0)
		r = route_add(rt, &(struct route){.ifindex = eth.ifindex, .via = gw});
	if (r == 0)
		r = set_up_pod6(n, rt, eth.ifindex, addr, gw_mac);
	if (r == 0)
		r = narrow_routes(n, rt, eth.ifindex, gw);
	return r;
}

/* IPv6 on a link of the pair: without routers and without waiting for anybody to object. */
static void quiet6(const char *link)
{
	static const char *const rows[][2] = {{"accept_ra", "0"},
					      {"accept_dad", "0"},
					      {"dad_transmits", "0"},
					      {"disable_ipv6", "0"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		link_sysctl6(link, rows[i][0], rows[i][1]);
}

static int enter_and_set_up(const struct pod_net *n, int netns_fd, uint32_t addr)
{
	struct nl_sock *rt = NULL;
	int back, r = netns_enter(netns_fd, &back);

	if (r < 0)
		return r;
	/* Without an address it would only send router solicitations into nowhere. */
	if (!n->pod_range6.len)
		link_sysctl6("eth0", "disable_ipv6", "1");
	else
		quiet6("eth0");
	r = rt_open(&rt);
	netns_leave(back);
	if (r == 0)
		r = set_up_pod(n, rt, addr);
	rt_close(rt);
	return r;
}

/* Make the pair unless it is there, in this very namespace, from an earlier try. */
static int make_pair(struct pod_net *n, const char *name, uint32_t addr, int netns_fd,
		     struct link_info *ret)
{
	uint8_t mac[LINK_MAC_LEN], pod_mac[LINK_MAC_LEN];
	int r = link_find(n->rt, name, ret);

	mac_of(addr, false, mac);
	mac_of(addr, true, pod_mac);
	if (r == 0 && enter_and_set_up(n, netns_fd, addr) < 0) {
		/* Its other end is elsewhere, in a namespace that is on its way out. */
		r = link_del(n->rt, ret->ifindex);
		if (r == 0)
			r = -ENOENT;
	}
	if (r == -ENOENT) {
		r = link_add_veth(n->rt, name, mac, "eth0", pod_mac, netns_fd, n->mtu);
		if (r == 0)
			r = link_find(n->rt, name, ret);
		if (r == 0)
			r = enter_and_set_up(n, netns_fd, addr);
	}
	return r;
}

static int set_up_host_end(struct pod_net *n, const char *name, uint32_t addr,
			   const struct link_info *link)
{
	struct pod_entry entry = {.ifindex = link->ifindex,
				  .flags = flags_of(n, addr, link->ifindex)};
	struct ip_addr addr6 = addr6_of(n, addr);
	uint8_t pod_mac[LINK_MAC_LEN];
	int r;

	if (ip_is_none(addr6)) {
		link_sysctl6(name, "disable_ipv6", "1");
	} else {
		link_sysctl6(name, "addr_gen_mode", "1"); /* none of its own */
		quiet6(name);
	}
	mac_of(addr, true, pod_mac);
	r = bpf_map_update_elem(n->pods_fd, &addr, &entry, BPF_ANY) < 0 ? -errno : 0;
	if (r == 0)
		r = put_entry6(n, addr, &entry);
	if (r == 0)
		r = attach_progs(n, link->ifindex, entry.flags & POD_GUARDED);
	if (r == 0)
		r = link_up(n->rt, link->ifindex);
	if (r == 0)
		r = neigh_add(n->rt, link->ifindex, addr, pod_mac);
	if (r == 0)
		r = route_add(n->rt, &(struct route){.dst = host_prefix(addr),
						     .ifindex = link->ifindex,
						     .src = n->node_addr});
	if (r < 0 || ip_is_none(addr6))
		return r;
	r = ip_neigh_add(n->rt, link->ifindex, addr6, pod_mac);
	return r < 0 ? r
		     : ip_route_add(n->rt, &(struct ip_route){.dst = whole(addr6),
							      .ifindex = link->ifindex,
							      .src = pod_net_node_addr6(n)});
}

int pod_net_attach(struct pod_net *n, struct str id, int netns_fd, struct pod_net_addr *ret,
		   struct err *err)
{
	struct pod_net_addr a = {0};
	struct link_info link = {0};
	int r = ipam_take(n->ipam, id, &a.addr, err);

	if (r < 0)
		return r;
	name_of(n, id, a.host_ifname);
	r = make_pair(n, a.host_ifname, a.addr, netns_fd, &link);
	if (r == 0)
		r = set_up_host_end(n, a.host_ifname, a.addr, &link);
	if (r < 0) {
		pod_net_detach(n, id, NULL);
		return err_sys(err, -r, "cannot connect pod %.*s to the network: %s", STR_ARG(id),
			       strerror(-r));
	}
	a.host_ifindex = link.ifindex;
	a.addr6 = addr6_of(n, a.addr);
	*ret = a;
	return 0;
}

int pod_net_detach(struct pod_net *n, struct str id, struct err *err)
{
	char name[POD_NET_IFNAME_MAX];
	struct link_info link;
	uint32_t addr;
	int r;

	name_of(n, id, name);
	if (ipam_get(n->ipam, id, &addr) == 0) {
		bpf_map_delete_elem(n->pods_fd, &addr);
		bpf_map_delete_elem(n->guards_fd, &addr);
		del_entry6(n, addr);
	}
	r = link_find(n->rt, name, &link);
	if (r == 0)
		r = link_del(n->rt, link.ifindex); /* with it go route, neighbour, filter */
	if (r < 0 && r != -ENOENT)
		return err_sys(err, -r, "cannot remove the link %s: %s", name, strerror(-r));
	r = ipam_give(n->ipam, id);
	return r < 0 ? err_sys(err, -r, "cannot free the address: %s", strerror(-r)) : 0;
}

int pod_net_get(struct pod_net *n, struct str id, struct pod_net_addr *ret)
{
	struct pod_net_addr a = {0};
	struct link_info link;
	int r = ipam_get(n->ipam, id, &a.addr);

	if (r < 0)
		return r;
	name_of(n, id, a.host_ifname);
	r = link_find(n->rt, a.host_ifname, &link);
	if (r < 0)
		return r;
	a.host_ifindex = link.ifindex;
	a.addr6 = addr6_of(n, a.addr);
	*ret = a;
	return 0;
}

int pod_net_gc(struct pod_net *n, bool (*keep)(struct str id, void *user), void *user)
{
	size_t pos = 0;
	struct str owner;
	uint32_t addr;
	int ret = 0;

	while (ipam_next(n->ipam, &pos, &owner, &addr)) {
		CLEANUP_FREE char *id = str_dup(owner); /* the record changes under it */
		int r = keep(owner, user) ? 0 : pod_net_detach(n, str_of(id), NULL);

		if (r < 0 && ret == 0)
			ret = r;
	}
	return ret;
}

uint32_t pod_net_node_addr(const struct pod_net *n)
{
	return n->node_addr;
}

struct ip_addr pod_net_node_addr6(const struct pod_net *n)
{
	return n->pod_range6.len ? ip_prefix_nth(n->pod_range6, 1) : ip_any(false);
}

uint32_t pod_net_uplink(const struct pod_net *n)
{
	return n->uplink;
}

int pod_net_masquerade(struct pod_net *n, struct err *err)
{
	struct masq_conf conf = {.node = n->node,
				 .run_dir = n->run_dir,
				 .uplink = n->uplink,
				 .inner6 = pod_net_node_addr6(n),
				 .cluster_range = n->cluster_range};
	int r;

	if (!n->may_masquerade || !n->uplink || n->masq)
		return 0;
	r = addr_of_link(n->rt, n->uplink, &conf.addr);
	if (r < 0)
		return err_sys(err, -r, "the uplink has no IPv4 address");
	if (addr6_of_link(n->rt, n->uplink, &conf.addr6) < 0)
		conf.addr6 = ip_any(false);
	r = masq_open(&conf, &n->masq, err);
	if (r == 0 && n->overlay) {
		r = masq_overlay(n->masq, overlay_ifindex(n->overlay), n->node_addr,
				 overlay_mtu(n->overlay));
		if (r < 0)
			return err_sys(err, -r, "cannot attach to the overlay: %s", strerror(-r));
	}
	return r;
}

void pod_net_collect(struct pod_net *n)
{
	if (n->masq)
		masq_collect(n->masq, NULL);
}

/* The pods that are there already. They may be going away just now: each for itself. */
static void narrow_pods(struct pod_net *n)
{
	int *fds = NULL;
	size_t n_fds = n->netns_fds ? n->netns_fds(n->user, &fds) : 0;
	uint32_t gw = 0;

	ip4_parse(STR(POD_NET_GATEWAY), &gw);
	for (size_t i = 0; i < n_fds; i++) {
		struct link_info eth = {0};
		struct nl_sock *rt = NULL;
		int back;

		if (netns_enter(fds[i], &back) == 0) {
			int r = rt_open(&rt);

			netns_leave(back);
			if (r == 0 && link_find(rt, "eth0", &eth) == 0)
				narrow_routes(n, rt, eth.ifindex, gw);
			rt_close(rt);
		}
		close(fds[i]);
	}
	free(fds);
}

static int need_overlay(struct pod_net *n, struct err *err)
{
	int r;

	if (n->overlay)
		return 0;
	r = overlay_open(&n->oc, &n->overlay, err);
	if (r < 0)
		return r;
	narrow_pods(n);
	if (n->masq)
		r = masq_overlay(n->masq, overlay_ifindex(n->overlay), n->node_addr,
				 overlay_mtu(n->overlay));
	return r < 0 ? err_sys(err, -r, "cannot attach to the overlay: %s", strerror(-r)) : 0;
}

static int way_to(struct pod_net *n, uint32_t via, enum pod_net_way *ret)
{
	struct route at = {0};
	bool local = false;
	int r = route_get(n->rt, via, &at, &local);

	if (r < 0)
		return r;
	*ret = local ? POD_NET_SELF : POD_NET_DIRECT;
	if (!local &&
	    (n->mode == POD_NET_OVERLAY_ALWAYS || (at.via && n->mode == POD_NET_OVERLAY_AUTO)))
		*ret = POD_NET_VXLAN;
	return 0;
}

int pod_net_route(struct pod_net *n, struct ip4_prefix range, uint32_t via,
		  enum pod_net_way *ret_way, struct err *err)
{
	struct route rt = {.dst = range, .via = via, .src = n->node_addr};
	enum pod_net_way way = POD_NET_DIRECT;
	char text[IP4_TEXT];
	int r = way_to(n, via, &way);

	if (r == 0 && way == POD_NET_VXLAN) {
		r = need_overlay(n, err);
		if (r < 0)
			return r;
		r = overlay_add(n->overlay, range, via);
	} else if (r == 0 && way == POD_NET_DIRECT) {
		r = route_add(n->rt, &rt);
		if (r == 0 && n->overlay)
			r = overlay_del(n->overlay, range);
	}
	if (r < 0)
		return err_sys(err, -r, "cannot route the pods at %s/%u: %s",
			       ip4_format(range.addr, text), range.len, strerror(-r));
	if (ret_way)
		*ret_way = way;
	return 0;
}

int pod_net_unroute(struct pod_net *n, struct ip4_prefix range, struct err *err)
{
	int r = n->overlay ? overlay_del(n->overlay, range) : 0;
	char text[IP4_TEXT];

	if (r == 0)
		r = route_del(n->rt, range);
	return r < 0 ? err_sys(err, -r, "cannot remove the route to %s/%u: %s",
			       ip4_format(range.addr, text), range.len, strerror(-r))
		     : 0;
}

static int cannot_route6(struct ip_prefix range, int r, struct err *err)
{
	char text[IP_TEXT];

	return err_sys(err, -r, "cannot change the route to %s/%u: %s",
		       ip_addr_format(range.addr, text), range.len, strerror(-r));
}

int pod_net_route6(struct pod_net *n, struct ip_prefix range, struct ip_addr via,
		   struct ip4_prefix range4, uint32_t via4, struct err *err)
{
	struct ip_route rt = {.dst = range, .via = via, .src = pod_net_node_addr6(n)}, at = {0};
	enum pod_net_way way = POD_NET_DIRECT;
	bool local = false;
	int r;

	if (!n->pod_range6.len)
		return 0;
	r = way_to(n, via4, &way);
	if (r == 0 && way == POD_NET_DIRECT && !ip_is_none(via))
		r = ip_route_get(n->rt, via, &at, &local);
	/* Its IPv6 address may be elsewhere, or unknown, where the other one is on our link. */
	if (way == POD_NET_DIRECT && n->mode != POD_NET_OVERLAY_NEVER &&
	    (ip_is_none(via) || r < 0 || (!local && !ip_is_none(at.via))))
		way = POD_NET_VXLAN, r = 0;
	if (r == 0 && way == POD_NET_VXLAN) {
		r = need_overlay(n, err);
		if (r < 0)
			return r;
		r = overlay_add6(n->overlay, range, range4, via4, pod_net_node_addr6(n));
	} else if (r == 0 && way == POD_NET_DIRECT && !local) {
		r = ip_route_add(n->rt, &rt);
	}
	return r < 0 ? cannot_route6(range, r, err) : 0;
}

int pod_net_unroute6(struct pod_net *n, struct ip_prefix range, struct err *err)
{
	int r = n->pod_range6.len ? ip_route_del(n->rt, range) : 0;

	return r < 0 ? cannot_route6(range, r, err) : 0;
}

int pod_net_peer(struct pod_net *n, uint32_t addr, bool is, struct err *err)
{
	int r = n->masq ? masq_peer(n->masq, addr, is) : 0;

	return r < 0 ? err_sys(err, -r, "cannot note a node's address: %s", strerror(-r)) : 0;
}

/* Every link an agent of this conf made: by the owners in its file. */
static void remove_links(const struct pod_net_conf *conf, struct nl_sock *rt, struct ipam *ipam)
{
	struct pod_net n = {.node = (char *)conf->node};
	struct str owner;
	uint32_t addr;
	size_t pos = 0;
	struct link_info link;

	while (ipam && ipam_next(ipam, &pos, &owner, &addr)) {
		char name[POD_NET_IFNAME_MAX];

		name_of(&n, owner, name);
		if (link_find(rt, name, &link) == 0)
			link_del(rt, link.ifindex);
	}
	addr_del(rt, LO_IFINDEX, ip4_prefix_nth(conf->pod_range, 1), 32);
}

int pod_net_reset(const struct pod_net_conf *conf, struct err *err)
{
	struct masq_conf mc = {.node = conf->node, .run_dir = conf->run_dir};
	struct pod_net n = {0};
	CLEANUP_FREE char *state = xasprintf("%s/net", conf->run_dir);
	int r = bpf_usable(err);

	if (r < 0)
		return r;
	r = rt_open(&n.rt);
	if (r < 0)
		return err_sys(err, -r, "cannot open rtnetlink: %s", strerror(-r));
	if (access(state, F_OK) == 0)
		open_ipam(&n, conf, NULL);
	remove_links(conf, n.rt, n.ipam);
	remove_node_addr(conf, n.rt);
	change_node_addr6(conf, n.rt, ip_any(false));
	mc.uplink = find_uplink(n.rt, conf);
	masq_reset(&mc, NULL);
	overlay_reset(conf->node, NULL);
	announce_reset(conf->run_dir);
	ipam_close(n.ipam);
	rt_close(n.rt);
	r = dir_remove_tree(AT_FDCWD, state);
	if (r < 0)
		return err_sys(err, -r, "cannot remove %s: %s", state, strerror(-r));
	return pins_remove(conf->node, conf->run_dir, "pod-v", err);
}
