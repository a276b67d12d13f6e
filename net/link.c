/* SPDX-License-Identifier: Apache-2.0 */
#include "net/link.h"

#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

/* libnl's error numbers are its own; only those a caller tells apart are translated. */
static int nl_errno(int r)
{
	switch (-r) {
	case 0:
		return 0;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_NODEV:
		return -ENODEV;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	case NLE_NOADDR:
		return -EADDRNOTAVAIL;
	case NLE_BUSY:
		return -EBUSY;
	}
	return r < 0 ? -EIO : 0;
}

int rt_open(struct nl_sock **ret)
{
	struct nl_sock *s = nl_socket_alloc();
	int r;

	if (!s)
		return -ENOMEM;
	r = nl_connect(s, NETLINK_ROUTE);
	if (r < 0) {
		nl_socket_free(s);
		return nl_errno(r);
	}
	fcntl(nl_socket_get_fd(s), F_SETFD, FD_CLOEXEC);
	*ret = s;
	return 0;
}

struct nl_sock *rt_close(struct nl_sock *s)
{
	if (s)
		nl_socket_free(s);
	return NULL;
}

static struct nl_addr *nl_of(uint32_t addr, uint8_t len)
{
	struct nl_addr *a = nl_addr_build(AF_INET, &addr, sizeof(addr));

	if (!a)
		abort();
	nl_addr_set_prefixlen(a, len);
	return a;
}

static struct nl_addr *nl_mac(const uint8_t mac[LINK_MAC_LEN])
{
	struct nl_addr *a = nl_addr_build(AF_LLC, (void *)mac, LINK_MAC_LEN);

	if (!a)
		abort();
	return a;
}

static void set_mac(struct rtnl_link *l, const uint8_t mac[LINK_MAC_LEN])
{
	struct nl_addr *a = nl_mac(mac);

	rtnl_link_set_addr(l, a);
	nl_addr_put(a);
}

int link_find(struct nl_sock *s, const char *name, struct link_info *ret)
{
	struct rtnl_link *l = NULL;
	struct nl_addr *mac;
	int r = rtnl_link_get_kernel(s, 0, name, &l);

	if (r < 0) {
		r = nl_errno(r);
		return r == -ENODEV ? -ENOENT : r;
	}
	*ret = (struct link_info){
		.ifindex = (uint32_t)rtnl_link_get_ifindex(l),
		.mtu = rtnl_link_get_mtu(l),
		.up = rtnl_link_get_flags(l) & 1, /* IFF_UP */
	};
	mac = rtnl_link_get_addr(l);
	if (mac && nl_addr_get_len(mac) == LINK_MAC_LEN)
		memcpy(ret->mac, nl_addr_get_binary_addr(mac), LINK_MAC_LEN);
	rtnl_link_put(l);
	return 0;
}

int link_add_veth(struct nl_sock *s, const char *name, const uint8_t mac[LINK_MAC_LEN],
		  const char *peer_name, const uint8_t peer_mac[LINK_MAC_LEN], int peer_netns,
		  uint32_t mtu)
{
	struct rtnl_link *l = rtnl_link_veth_alloc(), *peer;
	int r;

	if (!l)
		return -ENOMEM;
	peer = rtnl_link_veth_get_peer(l);
	rtnl_link_set_name(l, name);
	rtnl_link_set_name(peer, peer_name);
	set_mac(l, mac);
	set_mac(peer, peer_mac);
	rtnl_link_set_mtu(l, mtu);
	rtnl_link_set_mtu(peer, mtu);
	rtnl_link_set_ns_fd(peer, peer_netns);
	r = rtnl_link_add(s, l, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(peer);
	rtnl_link_put(l);
	return nl_errno(r);
}

int link_up(struct nl_sock *s, uint32_t ifindex)
{
	struct rtnl_link *old = rtnl_link_alloc(), *l = rtnl_link_alloc();
	int r;

	if (!old || !l)
		abort();
	rtnl_link_set_ifindex(old, (int)ifindex);
	rtnl_link_set_flags(l, 1 /* IFF_UP */);
	r = rtnl_link_change(s, old, l, 0);
	rtnl_link_put(old);
	rtnl_link_put(l);
	return nl_errno(r);
}

int link_del(struct nl_sock *s, uint32_t ifindex)
{
	struct rtnl_link *l = rtnl_link_alloc();
	int r;

	if (!l)
		abort();
	rtnl_link_set_ifindex(l, (int)ifindex);
	r = nl_errno(rtnl_link_delete(s, l));
	rtnl_link_put(l);
	return r == -ENODEV || r == -ENOENT ? 0 : r;
}

static int addr_change(struct nl_sock *s, uint32_t ifindex, uint32_t addr, uint8_t prefix_len,
		       int (*change)(struct nl_sock *, struct rtnl_addr *, int))
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *local = nl_of(addr, prefix_len);
	int r;

	if (!a)
		abort();
	rtnl_addr_set_ifindex(a, (int)ifindex);
	r = rtnl_addr_set_local(a, local);
	if (r == 0)
		r = change(s, a, 0);
	nl_addr_put(local);
	rtnl_addr_put(a);
	return nl_errno(r);
}

int addr_add(struct nl_sock *s, uint32_t ifindex, uint32_t addr, uint8_t prefix_len)
{
	int r = addr_change(s, ifindex, addr, prefix_len, rtnl_addr_add);

	return r == -EEXIST ? 0 : r;
}

int addr_del(struct nl_sock *s, uint32_t ifindex, uint32_t addr, uint8_t prefix_len)
{
	int r = addr_change(s, ifindex, addr, prefix_len, rtnl_addr_delete);

	return r == -EADDRNOTAVAIL ? 0 : r;
}

int neigh_add(struct nl_sock *s, uint32_t ifindex, uint32_t addr, const uint8_t mac[LINK_MAC_LEN])
{
	struct rtnl_neigh *n = rtnl_neigh_alloc();
	struct nl_addr *dst = nl_of(addr, 32), *ll = nl_mac(mac);
	int r;

	if (!n)
		abort();
	rtnl_neigh_set_ifindex(n, (int)ifindex);
	rtnl_neigh_set_dst(n, dst);
	rtnl_neigh_set_lladdr(n, ll);
	rtnl_neigh_set_state(n, NUD_PERMANENT);
	r = rtnl_neigh_add(s, n, NLM_F_CREATE | NLM_F_REPLACE);
	nl_addr_put(dst);
	nl_addr_put(ll);
	rtnl_neigh_put(n);
	return nl_errno(r);
}

int route_add(struct nl_sock *s, const struct route *r)
{
	struct rtnl_route *rt = rtnl_route_alloc();
	struct rtnl_nexthop *nh = rtnl_route_nh_alloc();
	struct nl_addr *dst = nl_of(r->dst.addr, r->dst.len);
	int q;

	if (!rt || !nh)
		abort();
	rtnl_route_set_dst(rt, dst);
	rtnl_route_set_protocol(rt, RTPROT_STATIC);
	rtnl_route_set_scope(rt, r->via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
	if (r->ifindex)
		rtnl_route_nh_set_ifindex(nh, (int)r->ifindex);
	if (r->via) {
		struct nl_addr *via = nl_of(r->via, 32);

		rtnl_route_nh_set_gateway(nh, via);
		nl_addr_put(via);
	}
	if (r->onlink)
		rtnl_route_nh_set_flags(nh, RTNH_F_ONLINK);
	rtnl_route_add_nexthop(rt, nh);
	if (r->src) {
		struct nl_addr *src = nl_of(r->src, 32);

		rtnl_route_set_pref_src(rt, src);
		nl_addr_put(src);
	}
	q = rtnl_route_add(s, rt, NLM_F_CREATE | NLM_F_REPLACE);
	nl_addr_put(dst);
	rtnl_route_put(rt);
	return nl_errno(q);
}

int route_del(struct nl_sock *s, struct ip4_prefix dst)
{
	struct rtnl_route *rt = rtnl_route_alloc();
	struct nl_addr *a = nl_of(dst.addr, dst.len);
	int r;

	if (!rt)
		abort();
	rtnl_route_set_dst(rt, a);
	rtnl_route_set_scope(rt, RT_SCOPE_NOWHERE);
	r = nl_errno(rtnl_route_delete(s, rt, 0));
	nl_addr_put(a);
	rtnl_route_put(rt);
	return r == -ENOENT || r == -EIO || r == -ENODEV ? 0 : r;
}

int route_default_link(struct nl_sock *s, uint32_t *ret_ifindex)
{
	struct nl_cache *cache = NULL;
	uint32_t best = UINT32_MAX;
	int r = rtnl_route_alloc_cache(s, AF_INET, 0, &cache);

	if (r < 0)
		return nl_errno(r);
	r = -ENOENT;
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_route *rt = (struct rtnl_route *)o;
		struct nl_addr *dst = rtnl_route_get_dst(rt);
		struct rtnl_nexthop *nh = rtnl_route_nexthop_n(rt, 0);

		if (!nh || (dst && nl_addr_get_prefixlen(dst)) ||
		    rtnl_route_get_type(rt) != RTN_UNICAST ||
		    rtnl_route_get_table(rt) != RT_TABLE_MAIN || rtnl_route_get_priority(rt) > best)
			continue;
		best = rtnl_route_get_priority(rt);
		*ret_ifindex = (uint32_t)rtnl_route_nh_get_ifindex(nh);
		r = 0;
	}
	nl_cache_free(cache);
	return r;
}

int addr_of_link(struct nl_sock *s, uint32_t ifindex, uint32_t *ret_addr)
{
	struct nl_cache *cache = NULL;
	int r = rtnl_addr_alloc_cache(s, &cache);

	if (r < 0)
		return nl_errno(r);
	r = -ENOENT;
	for (struct nl_object *o = nl_cache_get_first(cache); o && r < 0;
	     o = nl_cache_get_next(o)) {
		struct rtnl_addr *a = (struct rtnl_addr *)o;
		struct nl_addr *local = rtnl_addr_get_local(a);

		if ((uint32_t)rtnl_addr_get_ifindex(a) != ifindex || !local ||
		    rtnl_addr_get_family(a) != AF_INET ||
		    rtnl_addr_get_scope(a) != RT_SCOPE_UNIVERSE)
			continue;
		memcpy(ret_addr, nl_addr_get_binary_addr(local), sizeof(*ret_addr));
		r = 0;
	}
	nl_cache_free(cache);
	return r;
}
