/* SPDX-License-Identifier: Apache-2.0 */
#include "net/overlay.h"
#include "net/link.h"

#include "lib/base/buf.h"
#include "net/netns.h"

struct overlay {
	struct nl_sock *rt;
	uint32_t ifindex, mtu, inner;
	char name[LINK_NAME_MAX];
};

/* FNV-1a of the node's name: several nodes may share a namespace (tests). */
static void name_of(const char *node, char ret[LINK_NAME_MAX])
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (const char *p = node; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3ull;
	snprintf(ret, LINK_NAME_MAX, "knx%010" PRIx64, (uint64_t)(h & 0xffffffffffull));
}

static void mac_of(uint32_t inner, uint8_t ret[LINK_MAC_LEN])
{
	ret[0] = 0x0a; /* locally administered */
	ret[1] = 0x4b;
	memcpy(ret + 2, &inner, sizeof(inner));
}

static bool same(const struct vxlan_info *a, const struct vxlan_info *b)
{
	return a->id == b->id && a->port == b->port && a->local == b->local &&
	       a->link.mtu == b->link.mtu && memcmp(a->link.mac, b->link.mac, LINK_MAC_LEN) == 0;
}

static int make(struct overlay *o, const char *name, const struct vxlan_info *want)
{
	struct vxlan_info is = {0};
	int r = link_find_vxlan(o->rt, name, &is);

	if (r == 0 && !same(&is, want)) {
		r = link_del(o->rt, is.link.ifindex);
		if (r == 0)
			r = -ENOENT;
	}
	if (r == -ENOENT) {
		r = link_add_vxlan(o->rt, name, want);
		link_sysctl6(name, "disable_ipv6", "1"); /* until overlay_add6 */
		if (r == 0)
			r = link_find_vxlan(o->rt, name, &is);
	}
	if (r < 0)
		return r;
	o->ifindex = is.link.ifindex;
	return link_up(o->rt, o->ifindex);
}

DEFINE_CLEANUP(struct overlay *, overlay_closep, overlay_close)

int overlay_open(const struct overlay_conf *conf, struct overlay **ret, struct err *err)
{
	CLEANUP(overlay_closep) struct overlay *o = NEW(struct overlay);
	struct vxlan_info want = {.id = conf->id,
				  .port = conf->port,
				  .local = conf->local,
				  .link.mtu = conf->mtu - OVERLAY_HEADERS};
	const char *name;
	int r;

	if (!conf->id || conf->id >= 1u << 24 || !conf->port || !conf->local || conf->mtu < 200)
		return err_sys(err, EINVAL, "an overlay needs an id, a port and an address");
	r = rt_open(&o->rt);
	if (r < 0)
		return err_sys(err, -r, "cannot open rtnetlink: %s", strerror(-r));
	name_of(conf->node, o->name);
	name = o->name;
	mac_of(conf->inner, want.link.mac);
	o->mtu = want.link.mtu;
	o->inner = conf->inner;
	r = make(o, name, &want);
	if (r == -EEXIST || r == -EADDRINUSE)
		return err_sys(err, EADDRINUSE,
			       "another VXLAN device has id %u at port %u (see --vxlan-id, "
			       "--vxlan-port)",
			       conf->id, conf->port);
	if (r < 0)
		return err_sys(err, -r, "cannot make the VXLAN device %s: %s", name, strerror(-r));
	/* What the outer path told us is for the pods: without it routers keep it to themselves. */
	sysctl_write("net/ipv4/ip_forward_use_pmtu", "1");
	*ret = TAKE(o);
	return 0;
}

struct overlay *overlay_close(struct overlay *o)
{
	if (!o)
		return NULL;
	rt_close(o->rt);
	free(o);
	return NULL;
}

uint32_t overlay_ifindex(const struct overlay *o)
{
	return o->ifindex;
}

uint32_t overlay_mtu(const struct overlay *o)
{
	return o->mtu;
}

int overlay_add(struct overlay *o, struct ip4_prefix range, uint32_t via)
{
	uint32_t first = ip4_prefix_nth(range, 1);
	uint8_t mac[LINK_MAC_LEN];
	int r;

	mac_of(first, mac);
	r = fdb_add(o->rt, o->ifindex, mac, via);
	if (r == 0)
		r = neigh_add(o->rt, o->ifindex, first, mac);
	return r < 0 ? r
		     : route_add(o->rt, &(struct route){.dst = range,
							.ifindex = o->ifindex,
							.via = first,
							.src = o->inner,
							.onlink = true});
}

int overlay_add6(struct overlay *o, struct ip_prefix range6, struct ip4_prefix range, uint32_t via,
		 struct ip_addr src)
{
	struct ip_addr first = ip_prefix_nth(range6, 1);
	uint8_t mac[LINK_MAC_LEN];
	int r;

	mac_of(ip4_prefix_nth(range, 1), mac);
	link_sysctl6(o->name, "addr_gen_mode", "1"); /* no address of its own */
	link_sysctl6(o->name, "accept_ra", "0");
	link_sysctl6(o->name, "disable_ipv6", "0");
	r = fdb_add(o->rt, o->ifindex, mac, via);
	if (r == 0)
		r = ip_neigh_add(o->rt, o->ifindex, first, mac);
	return r < 0 ? r
		     : ip_route_add(o->rt, &(struct ip_route){.dst = range6,
							      .ifindex = o->ifindex,
							      .via = first,
							      .src = src,
							      .onlink = true});
}

int overlay_del(struct overlay *o, struct ip4_prefix range)
{
	uint32_t first = ip4_prefix_nth(range, 1);
	uint8_t mac[LINK_MAC_LEN];
	int r, r1;

	mac_of(first, mac);
	r = fdb_del(o->rt, o->ifindex, mac);
	r1 = neigh_del(o->rt, o->ifindex, first);
	return r < 0 ? r : r1;
}

static int find(const char *node, struct nl_sock **rt, struct vxlan_info *ret)
{
	char name[LINK_NAME_MAX];
	int r = rt_open(rt);

	if (r < 0)
		return r;
	name_of(node, name);
	return link_find_vxlan(*rt, name, ret);
}

bool overlay_exists(const char *node)
{
	struct vxlan_info is;
	struct nl_sock *rt = NULL;
	int r = find(node, &rt, &is);

	rt_close(rt);
	return r == 0;
}

int overlay_reset(const char *node, struct err *err)
{
	struct vxlan_info is;
	struct nl_sock *rt = NULL;
	int r = find(node, &rt, &is);

	if (r == 0)
		r = link_del(rt, is.link.ifindex);
	rt_close(rt);
	return r < 0 && r != -ENOENT
		       ? err_sys(err, -r, "cannot remove the VXLAN device: %s", strerror(-r))
		       : 0;
}
