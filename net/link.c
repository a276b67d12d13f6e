/* SPDX-License-Identifier: Apache-2.0 */
#include "net/link.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/link/vxlan.h>
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

static struct nl_addr *nl_of_ip(struct ip_addr addr, unsigned int len)
{
	struct nl_addr *a = ip_is4(addr) ? nl_addr_build(AF_INET, addr.b + 12, 4)
					 : nl_addr_build(AF_INET6, addr.b, sizeof(addr.b));

	if (!a)
		abort();
	nl_addr_set_prefixlen(a, (int)len);
	return a;
}

static struct nl_addr *nl_of_prefix(struct ip_prefix p)
{
	struct nl_addr *a;

	if (ip_prefix_is4(p))
		return nl_of_ip(p.addr, p.len - 96u);
	a = nl_addr_build(AF_INET6, p.addr.b, sizeof(p.addr.b));
	if (!a)
		abort();
	nl_addr_set_prefixlen(a, p.len);
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

/* By hand: libnl 3.7 does not know IFLA_VXLAN_DF. */
static bool put_vxlan(struct nl_msg *m, const char *name, const struct vxlan_info *v)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nlattr *info, *data;

	if (nlmsg_append(m, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(m, IFLA_IFNAME, name) < 0 ||
	    nla_put(m, IFLA_ADDRESS, LINK_MAC_LEN, v->link.mac) < 0 ||
	    nla_put_u32(m, IFLA_MTU, v->link.mtu) < 0 ||
	    !(info = nla_nest_start(m, IFLA_LINKINFO)) ||
	    nla_put_string(m, IFLA_INFO_KIND, "vxlan") < 0 ||
	    !(data = nla_nest_start(m, IFLA_INFO_DATA)) ||
	    nla_put_u32(m, IFLA_VXLAN_ID, v->id) < 0 ||
	    nla_put_u32(m, IFLA_VXLAN_LOCAL, v->local) < 0 ||
	    nla_put_u16(m, IFLA_VXLAN_PORT, htons(v->port)) < 0 ||
	    nla_put_u8(m, IFLA_VXLAN_LEARNING, 0) < 0 ||
	    nla_put_u8(m, IFLA_VXLAN_DF, VXLAN_DF_SET) < 0)
		return false;
	nla_nest_end(m, data);
	nla_nest_end(m, info);
	return true;
}

int link_add_vxlan(struct nl_sock *s, const char *name, const struct vxlan_info *v)
{
	struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);

	if (!m || !put_vxlan(m, name, v)) {
		nlmsg_free(m);
		return -ENOMEM;
	}
	return nl_errno(nl_send_sync(s, m)); /* frees it */
}

int link_find_vxlan(struct nl_sock *s, const char *name, struct vxlan_info *ret)
{
	struct rtnl_link *l = NULL;
	struct nl_addr *local = NULL;
	uint32_t port = 0;
	int r = link_find(s, name, &ret->link);

	if (r < 0)
		return r;
	r = rtnl_link_get_kernel(s, 0, name, &l);
	if (r < 0)
		return nl_errno(r) == -ENODEV ? -ENOENT : nl_errno(r);
	r = -ENOENT;
	if (rtnl_link_is_vxlan(l) && rtnl_link_vxlan_get_id(l, &ret->id) == 0 &&
	    rtnl_link_vxlan_get_port(l, &port) == 0 && rtnl_link_vxlan_get_local(l, &local) == 0) {
		ret->port = (uint16_t)port;
		memcpy(&ret->local, nl_addr_get_binary_addr(local), sizeof(ret->local));
		r = 0;
	}
	nl_addr_put(local);
	rtnl_link_put(l);
	return r;
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

static int addr_change(struct nl_sock *s, uint32_t ifindex, struct ip_addr addr, uint8_t prefix_len,
		       int (*change)(struct nl_sock *, struct rtnl_addr *, int))
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *local = nl_of_ip(addr, prefix_len);
	int r;

	if (!a)
		abort();
	rtnl_addr_set_ifindex(a, (int)ifindex);
	r = rtnl_addr_set_local(a, local);
	if (!ip_is4(addr))
		rtnl_addr_set_flags(a, IFA_F_NODAD);
	if (r == 0)
		r = change(s, a, 0);
	nl_addr_put(local);
	rtnl_addr_put(a);
	return nl_errno(r);
}

int ip_addr_add(struct nl_sock *s, uint32_t ifindex, struct ip_addr addr, uint8_t prefix_len)
{
	int r = addr_change(s, ifindex, addr, prefix_len, rtnl_addr_add);

	return r == -EEXIST ? 0 : r;
}

int ip_addr_del(struct nl_sock *s, uint32_t ifindex, struct ip_addr addr, uint8_t prefix_len)
{
	int r = addr_change(s, ifindex, addr, prefix_len, rtnl_addr_delete);

	return r == -EADDRNOTAVAIL ? 0 : r;
}

int addr_add(struct nl_sock *s, uint32_t ifindex, uint32_t addr, uint8_t prefix_len)
{
	return ip_addr_add(s, ifindex, ip_of4(addr), prefix_len);
}

int addr_del(struct nl_sock *s, uint32_t ifindex, uint32_t addr, uint8_t prefix_len)
{
	return ip_addr_del(s, ifindex, ip_of4(addr), prefix_len);
}

static struct rtnl_neigh *neigh_of(uint32_t ifindex, struct ip_addr addr)
{
	struct rtnl_neigh *n = rtnl_neigh_alloc();
	struct nl_addr *dst = nl_of_ip(addr, ip_is4(addr) ? 32 : 128);

	if (!n)
		abort();
	rtnl_neigh_set_ifindex(n, (int)ifindex);
	rtnl_neigh_set_dst(n, dst);
	nl_addr_put(dst);
	return n;
}

int ip_neigh_add(struct nl_sock *s, uint32_t ifindex, struct ip_addr addr,
		 const uint8_t mac[LINK_MAC_LEN])
{
	struct rtnl_neigh *n = neigh_of(ifindex, addr);
	struct nl_addr *ll = nl_mac(mac);
	int r;

	rtnl_neigh_set_lladdr(n, ll);
	rtnl_neigh_set_state(n, NUD_PERMANENT);
	r = rtnl_neigh_add(s, n, NLM_F_CREATE | NLM_F_REPLACE);
	nl_addr_put(ll);
	rtnl_neigh_put(n);
	return nl_errno(r);
}

int ip_neigh_del(struct nl_sock *s, uint32_t ifindex, struct ip_addr addr)
{
	struct rtnl_neigh *n = neigh_of(ifindex, addr);
	int r = nl_errno(rtnl_neigh_delete(s, n, 0));

	rtnl_neigh_put(n);
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

int neigh_add(struct nl_sock *s, uint32_t ifindex, uint32_t addr, const uint8_t mac[LINK_MAC_LEN])
{
	return ip_neigh_add(s, ifindex, ip_of4(addr), mac);
}

int neigh_del(struct nl_sock *s, uint32_t ifindex, uint32_t addr)
{
	return ip_neigh_del(s, ifindex, ip_of4(addr));
}

static struct rtnl_neigh *fdb_entry(uint32_t ifindex, const uint8_t mac[LINK_MAC_LEN])
{
	struct rtnl_neigh *n = rtnl_neigh_alloc();
	struct nl_addr *ll = nl_mac(mac);

	if (!n)
		abort();
	rtnl_neigh_set_family(n, AF_BRIDGE);
	rtnl_neigh_set_ifindex(n, (int)ifindex);
	rtnl_neigh_set_flags(n, NTF_SELF);
	rtnl_neigh_set_state(n, NUD_PERMANENT | NUD_NOARP);
	rtnl_neigh_set_lladdr(n, ll);
	nl_addr_put(ll);
	return n;
}

int fdb_add(struct nl_sock *s, uint32_t ifindex, const uint8_t mac[LINK_MAC_LEN], uint32_t dst)
{
	struct rtnl_neigh *n = fdb_entry(ifindex, mac);
	struct nl_addr *to = nl_of(dst, 32);
	int r;

	/* libnl compares families, but here they differ by design. */
	rtnl_neigh_set_family(n, AF_INET);
	r = rtnl_neigh_set_dst(n, to);
	rtnl_neigh_set_family(n, AF_BRIDGE);
	if (r == 0)
		r = rtnl_neigh_add(s, n, NLM_F_CREATE | NLM_F_REPLACE);
	nl_addr_put(to);
	rtnl_neigh_put(n);
	return nl_errno(r);
}

int fdb_del(struct nl_sock *s, uint32_t ifindex, const uint8_t mac[LINK_MAC_LEN])
{
	struct rtnl_neigh *n = fdb_entry(ifindex, mac);
	int r = nl_errno(rtnl_neigh_delete(s, n, 0));

	rtnl_neigh_put(n);
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

int ip_route_add(struct nl_sock *s, const struct ip_route *r)
{
	struct rtnl_route *rt = rtnl_route_alloc();
	struct rtnl_nexthop *nh = rtnl_route_nh_alloc();
	struct nl_addr *dst = nl_of_prefix(r->dst);
	int q;

	if (!rt || !nh)
		abort();
	rtnl_route_set_dst(rt, dst);
	rtnl_route_set_protocol(rt, RTPROT_STATIC);
	rtnl_route_set_scope(rt, !ip_is_none(r->via) || r->unreachable ? RT_SCOPE_UNIVERSE
								       : RT_SCOPE_LINK);
	if (r->unreachable)
		rtnl_route_set_type(rt, RTN_UNREACHABLE);
	if (r->ifindex)
		rtnl_route_nh_set_ifindex(nh, (int)r->ifindex);
	if (!ip_is_none(r->via)) {
		struct nl_addr *via = nl_of_ip(r->via, ip_is4(r->via) ? 32 : 128);

		rtnl_route_nh_set_gateway(nh, via);
		nl_addr_put(via);
	}
	if (r->onlink)
		rtnl_route_nh_set_flags(nh, RTNH_F_ONLINK);
	if (r->unreachable)
		rtnl_route_nh_free(nh);
	else
		rtnl_route_add_nexthop(rt, nh);
	if (r->mtu)
		rtnl_route_set_metric(rt, RTAX_MTU, r->mtu);
	if (!ip_is_none(r->src)) {
		struct nl_addr *src = nl_of_ip(r->src, ip_is4(r->src) ? 32 : 128);

		rtnl_route_set_pref_src(rt, src);
		nl_addr_put(src);
	}
	q = rtnl_route_add(s, rt, NLM_F_CREATE | NLM_F_REPLACE);
	nl_addr_put(dst);
	rtnl_route_put(rt);
	return nl_errno(q);
}

static int route_del_type(struct nl_sock *s, struct ip_prefix dst, uint8_t type)
{
	struct rtnl_route *rt = rtnl_route_alloc();
	struct nl_addr *a = nl_of_prefix(dst);
	int r;

	if (!rt)
		abort();
	rtnl_route_set_dst(rt, a);
	rtnl_route_set_type(rt, type);
	rtnl_route_set_scope(rt, RT_SCOPE_NOWHERE);
	r = nl_errno(rtnl_route_delete(s, rt, 0));
	nl_addr_put(a);
	rtnl_route_put(rt);
	return r == -ENOENT || r == -EIO || r == -ENODEV ? 0 : r;
}

int ip_route_del(struct nl_sock *s, struct ip_prefix dst)
{
	return route_del_type(s, dst, RTN_UNICAST);
}

int ip_route_del_unreachable(struct nl_sock *s, struct ip_prefix dst)
{
	return route_del_type(s, dst, RTN_UNREACHABLE);
}

static struct ip_addr of4_or_none(uint32_t addr)
{
	return addr ? ip_of4(addr) : (struct ip_addr){0};
}

int route_add(struct nl_sock *s, const struct route *r)
{
	return ip_route_add(s, &(struct ip_route){.dst = ip_prefix_of4(r->dst),
						  .ifindex = r->ifindex,
						  .via = of4_or_none(r->via),
						  .src = of4_or_none(r->src),
						  .mtu = r->mtu,
						  .onlink = r->onlink,
						  .unreachable = r->unreachable});
}

int route_del(struct nl_sock *s, struct ip4_prefix dst)
{
	return ip_route_del(s, ip_prefix_of4(dst));
}

int route_del_unreachable(struct nl_sock *s, struct ip4_prefix dst)
{
	return ip_route_del_unreachable(s, ip_prefix_of4(dst));
}

struct route_answer {
	struct ip_route route;
	bool local, found;
};

static struct ip_addr ip_of_attr(struct nlattr *t)
{
	struct ip_addr a = {0};

	if (t && nla_len(t) == 4)
		return ip_of4(nla_get_u32(t));
	if (t && nla_len(t) == sizeof(a.b))
		memcpy(a.b, nla_data(t), sizeof(a.b));
	return a;
}

static int on_route(struct nl_msg *m, void *user)
{
	struct route_answer *a = user;
	struct nlmsghdr *h = nlmsg_hdr(m);
	struct nlattr *t[RTA_MAX + 1];
	struct rtmsg *rtm = nlmsg_data(h);

	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*rtm), t, RTA_MAX, NULL) < 0)
		return NL_SKIP;
	a->found = true;
	a->local = rtm->rtm_type == RTN_LOCAL;
	a->route.ifindex = t[RTA_OIF] ? nla_get_u32(t[RTA_OIF]) : 0;
	a->route.via = ip_of_attr(t[RTA_GATEWAY]);
	a->route.src = ip_of_attr(t[RTA_PREFSRC]);
	return NL_OK;
}

static int ask_route(struct nl_sock *s, struct ip_addr dst, struct nl_cb *cb)
{
	bool is4 = ip_is4(dst);
	struct rtmsg rtm = {.rtm_family = is4 ? AF_INET : AF_INET6, .rtm_dst_len = is4 ? 32 : 128};
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	int r;

	if (!m || nlmsg_append(m, &rtm, sizeof(rtm), NLMSG_ALIGNTO) < 0 ||
	    nla_put(m, RTA_DST, is4 ? 4 : 16, is4 ? dst.b + 12 : dst.b) < 0) {
		nlmsg_free(m);
		return -ENOMEM;
	}
	r = nl_send_auto(s, m);
	nlmsg_free(m);
	if (r >= 0)
		r = nl_recvmsgs(s, cb);
	if (r >= 0)
		r = nl_wait_for_ack(s);
	return nl_errno(r);
}

int ip_route_get(struct nl_sock *s, struct ip_addr dst, struct ip_route *ret, bool *ret_local)
{
	struct route_answer a = {.route.dst = {dst, 128}};
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_route, &a);
	r = ask_route(s, dst, cb);
	nl_cb_put(cb);
	if (r < 0 || !a.found)
		return r < 0 ? r : -ENOENT;
	*ret = a.route;
	*ret_local = a.local;
	return 0;
}

int route_get(struct nl_sock *s, uint32_t dst, struct route *ret, bool *ret_local)
{
	struct ip_route r = {0};
	int q = ip_route_get(s, ip_of4(dst), &r, ret_local);

	if (q == 0)
		*ret = (struct route){.dst = {dst, 32},
				      .ifindex = r.ifindex,
				      .via = ip_is_none(r.via) ? 0 : ip_to4(r.via)};
	return q;
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

static int link_addr(struct nl_sock *s, uint32_t ifindex, int family, void *ret, size_t len)
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
		    rtnl_addr_get_family(a) != family ||
		    rtnl_addr_get_scope(a) != RT_SCOPE_UNIVERSE)
			continue;
		if (family == AF_INET6 &&
		    rtnl_addr_get_flags(a) & (IFA_F_TEMPORARY | IFA_F_DEPRECATED))
			continue;
		memcpy(ret, nl_addr_get_binary_addr(local), len);
		r = 0;
	}
	nl_cache_free(cache);
	return r;
}

int addr_of_link(struct nl_sock *s, uint32_t ifindex, uint32_t *ret_addr)
{
	return link_addr(s, ifindex, AF_INET, ret_addr, sizeof(*ret_addr));
}

int addr6_of_link(struct nl_sock *s, uint32_t ifindex, struct ip_addr *ret_addr)
{
	return link_addr(s, ifindex, AF_INET6, ret_addr->b, sizeof(ret_addr->b));
}
