/* SPDX-License-Identifier: Apache-2.0 */
#include "net/masq.h"
#include "lib/base/clock.h"
#include "lib/sys/file.h"
#include "net/pins.h"
#include "bpf/abi/lb.h"
#include "bpf/abi/pod.h"
#include "bpf/abi/uplink.h"
#include "bpf/uplink.skel.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>

#define DIR_NAME(part, v) part "-v" #v
#define DIR_OF(part, v) DIR_NAME(part, v)
#define UPLINK_DIR DIR_OF("uplink", UPLINK_LAYOUT)

/* Ours among whatever else hangs on the uplink. */
#define TC_PRIORITY 0x4b4e
#define TC_HANDLE 1

#define PORT_MIN 61000
#define PORT_MAX 65535

struct masq {
	struct uplink_bpf *skel;
	int ct_fd, ports_fd, peers_fd;
	int ct6_fd, ports6_fd; /* 0: no IPv6 */
};

/* Tables of IPv6 are only pinned, and have their size, where there is some. */
static int use_maps6(struct masq *m, bool on, const char *pod_dir, const char *dir)
{
	int r;

	if (!on) {
		bpf_map__set_max_entries(m->skel->maps.conntrack6, 1);
		bpf_map__set_max_entries(m->skel->maps.snat_ports6, 1);
		return pins_use_map(m->skel->maps.pods6, pod_dir, "pods6");
	}
	r = pins_use_map(m->skel->maps.pods6, pod_dir, "pods6");
	if (r == 0)
		r = pins_use_map(m->skel->maps.conntrack6, dir, "conntrack6");
	return r < 0 ? r : pins_use_map(m->skel->maps.snat_ports6, dir, "snat_ports6");
}

static int use_maps(struct masq *m, const char *node_dir, const char *dir, bool ip6)
{
	CLEANUP_FREE char *lb = xasprintf("%s/" DIR_OF("lb", LB_LAYOUT), node_dir);
	CLEANUP_FREE char *pod = xasprintf("%s/" DIR_OF("pod", POD_LAYOUT), node_dir);
	const struct {
		struct bpf_map *map;
		const char *dir, *name;
	} maps[] = {
		{m->skel->maps.services, lb, "services"},
		{m->skel->maps.backends, lb, "backends"},
		{m->skel->maps.affinity, lb, "affinity"},
		{m->skel->maps.node_addrs, lb, "node_addrs"},
		{m->skel->maps.sources, lb, "sources"},
		{m->skel->maps.sources6, lb, "sources6"},
		{m->skel->maps.names6, lb, "names6"},
		{m->skel->maps.addrs6, lb, "addrs6"},
		{m->skel->maps.pods, pod, "pods"},
		{m->skel->maps.conntrack, dir, "conntrack"},
		{m->skel->maps.snat_ports, dir, "snat_ports"},
		{m->skel->maps.peers, dir, "peers"},
		{m->skel->maps.counters, node_dir, "counters"},
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(maps) && r == 0; i++) {
		if (maps[i].dir != dir && access(maps[i].dir, F_OK) < 0)
			return -ENOENT; /* lb_open and pod_net_open come first */
		r = pins_use_map(maps[i].map, maps[i].dir, maps[i].name);
	}
	return r < 0 ? r : use_maps6(m, ip6, pod, dir);
}

static void settings(struct masq *m, const struct masq_conf *conf)
{
	uint16_t min = conf->port_min ? conf->port_min : PORT_MIN;
	uint16_t max = conf->port_max ? conf->port_max : PORT_MAX;

	m->skel->rodata->node_addr = conf->addr;
	m->skel->rodata->cluster_addr = conf->cluster_range.addr;
	m->skel->rodata->cluster_mask = ip4_mask(conf->cluster_range.len);
	m->skel->rodata->port_min = min;
	m->skel->rodata->port_count = (uint16_t)(max - min + 1);
	m->skel->rodata->uplink = conf->uplink;
	m->skel->rodata->has_ip6 = !ip_is_none(conf->inner6);
	memcpy((void *)m->skel->rodata->node_addr6, conf->addr6.b, sizeof(conf->addr6.b));
	memcpy((void *)m->skel->rodata->inner_addr6, conf->inner6.b, sizeof(conf->inner6.b));
}

/* Marks that the clsact qdisc is ours to remove. */
static char *clsact_mark(const char *run_dir)
{
	return xasprintf("%s/clsact", run_dir);
}

static int attach(struct masq *m, const struct masq_conf *conf)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)conf->uplink,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, in, .handle = TC_HANDLE, .priority = TC_PRIORITY,
		    .flags = BPF_TC_F_REPLACE,
		    .prog_fd = bpf_program__fd(m->skel->progs.uplink_in));
	LIBBPF_OPTS(bpf_tc_opts, out, .handle = TC_HANDLE, .priority = TC_PRIORITY,
		    .flags = BPF_TC_F_REPLACE,
		    .prog_fd = bpf_program__fd(m->skel->progs.uplink_out));
	CLEANUP_FREE char *mark = clsact_mark(conf->run_dir);
	int r = bpf_tc_hook_create(&hook);

	if (r == 0)
		r = file_write_atomic(AT_FDCWD, mark, STR("ours\n"), 0600);
	if (r < 0 && r != -EEXIST)
		return r;
	hook.attach_point = BPF_TC_INGRESS;
	r = bpf_tc_attach(&hook, &in);
	hook.attach_point = BPF_TC_EGRESS;
	return r < 0 ? r : bpf_tc_attach(&hook, &out);
}

static int load(struct masq *m, const struct masq_conf *conf, struct err *err)
{
	CLEANUP(buf_done) struct buf node_dir = BUF_INIT;
	CLEANUP_FREE char *dir = NULL;
	int r = pins_dir(conf->node, conf->run_dir, true, &node_dir, err);

	if (r < 0)
		return r;
	dir = xasprintf("%s/" UPLINK_DIR, node_dir.p);
	r = dir_make(dir, 0700);
	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", dir, strerror(-r));
	m->skel = uplink_bpf__open();
	if (!m->skel)
		return err_sys(err, errno, "cannot open the uplink BPF object");
	r = use_maps(m, node_dir.p, dir, !ip_is_none(conf->inner6));
	if (r < 0)
		return err_sys(err, -r, "cannot use the maps in %s: %s", node_dir.p, strerror(-r));
	settings(m, conf);
	r = bpf_load(m->skel->skeleton, "uplink", err);
	if (r < 0)
		return r;
	m->ct_fd = bpf_map__fd(m->skel->maps.conntrack);
	m->ports_fd = bpf_map__fd(m->skel->maps.snat_ports);
	m->peers_fd = bpf_map__fd(m->skel->maps.peers);
	if (!ip_is_none(conf->inner6)) {
		m->ct6_fd = bpf_map__fd(m->skel->maps.conntrack6);
		m->ports6_fd = bpf_map__fd(m->skel->maps.snat_ports6);
	}
	pins_remove_other(node_dir.p, "uplink-v", UPLINK_DIR);
	return 0;
}

DEFINE_CLEANUP(struct masq *, masq_closep, masq_close)

int masq_open(const struct masq_conf *conf, struct masq **ret, struct err *err)
{
	CLEANUP(masq_closep) struct masq *m = NEW(struct masq);
	int r = bpf_usable(err);

	if (r < 0)
		return r;
	if (!conf->uplink || !conf->addr || !conf->cluster_range.len ||
	    (conf->port_max && conf->port_max < conf->port_min))
		return err_sys(err, EINVAL, "masquerade needs a link, an address and a range");
	r = load(m, conf, err);
	if (r < 0)
		return r;
	r = attach(m, conf);
	if (r < 0)
		return err_sys(err, -r, "cannot attach to the uplink: %s", strerror(-r));
	*ret = TAKE(m);
	return 0;
}

struct masq *masq_close(struct masq *m)
{
	if (m)
		uplink_bpf__destroy(m->skel);
	free(m);
	return NULL;
}

/* nf_conntrack's defaults, but a day instead of five for an idle TCP connection. */
static uint64_t timeout_ns(uint8_t proto, uint32_t flags)
{
	if (proto == IPPROTO_TCP)
		return (flags & CT_CLOSING ? 60 : 86400) * NSEC_PER_SEC;
	return (proto == IPPROTO_UDP ? 120 : 30) * NSEC_PER_SEC;
}

static struct ct_key turned(const struct ct_key *k)
{
	return (struct ct_key){k->daddr, k->saddr, k->dport, k->sport, k->proto, {0}};
}

static struct ct_key6 turned6(const struct ct_key6 *k)
{
	struct ct_key6 ret = {.sport = k->dport, .dport = k->sport, .proto = k->proto};

	memcpy(ret.saddr, k->daddr, sizeof(ret.saddr));
	memcpy(ret.daddr, k->saddr, sizeof(ret.daddr));
	return ret;
}

static bool is_used(uint8_t proto, uint32_t flags, uint64_t used, uint64_t now)
{
	return now < used || now - used < timeout_ns(proto, flags);
}

/* Is either direction of the connection alive? Ended ones are taken out. */
static bool is_alive(struct masq *m, const struct ct_key *from, uint64_t now)
{
	struct ct_entry out, in = {0};
	struct ct_key back;

	if (bpf_map_lookup_elem(m->ct_fd, from, &out) < 0)
		return false; /* evicted: nothing can use the port any more */
	back = turned(&out.to);
	bpf_map_lookup_elem(m->ct_fd, &back, &in);
	if (is_used(from->proto, out.flags | in.flags, MAX(out.used_ns, in.used_ns), now))
		return true;
	bpf_map_delete_elem(m->ct_fd, from);
	bpf_map_delete_elem(m->ct_fd, &back);
	return false;
}

static bool is_alive6(struct masq *m, const struct ct_key6 *from, uint64_t now)
{
	struct ct_entry6 out, in = {0};
	struct ct_key6 back;

	if (bpf_map_lookup_elem(m->ct6_fd, from, &out) < 0)
		return false;
	back = turned6(&out.to);
	bpf_map_lookup_elem(m->ct6_fd, &back, &in);
	if (is_used(from->proto, out.flags | in.flags, MAX(out.used_ns, in.used_ns), now))
		return true;
	bpf_map_delete_elem(m->ct6_fd, from);
	bpf_map_delete_elem(m->ct6_fd, &back);
	return false;
}

int masq_overlay(struct masq *m, uint32_t ifindex, uint32_t addr, uint32_t mtu)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, in, .handle = TC_HANDLE, .priority = TC_PRIORITY,
		    .flags = BPF_TC_F_REPLACE,
		    .prog_fd = bpf_program__fd(m->skel->progs.uplink_in));
	int r = bpf_tc_hook_create(&hook);

	m->skel->bss->overlay_addr = addr;
	m->skel->bss->overlay_mtu = mtu;
	m->skel->bss->overlay = ifindex;
	return r < 0 && r != -EEXIST ? r : bpf_tc_attach(&hook, &in);
}

int masq_peer(struct masq *m, uint32_t addr, bool is)
{
	uint8_t one = 1;

	if (is)
		return bpf_map_update_elem(m->peers_fd, &addr, &one, BPF_ANY) < 0 ? -errno : 0;
	return bpf_map_delete_elem(m->peers_fd, &addr) < 0 && errno != ENOENT ? -errno : 0;
}

static size_t collect6(struct masq *m, uint64_t now)
{
	struct snat_key6 key, next, *at = NULL, *drop = NULL;
	size_t n = 0, cap = 0;

	while (m->ports6_fd && bpf_map_get_next_key(m->ports6_fd, at, &next) == 0) {
		struct ct_key6 from;

		key = next;
		at = &key;
		if (bpf_map_lookup_elem(m->ports6_fd, &key, &from) == 0 &&
		    !is_alive6(m, &from, now))
			*ARRAY_PUSH(drop, n, cap) = key;
	}
	for (size_t i = 0; i < n; i++)
		bpf_map_delete_elem(m->ports6_fd, &drop[i]);
	free(drop);
	return n;
}

int masq_collect(struct masq *m, size_t *ret_removed)
{
	struct snat_key key, next, *at = NULL, *drop = NULL;
	uint64_t now = clock_mono_ns(&clock_system);
	size_t n = 0, cap = 0;

	while (bpf_map_get_next_key(m->ports_fd, at, &next) == 0) {
		struct ct_key from;

		key = next;
		at = &key;
		if (bpf_map_lookup_elem(m->ports_fd, &key, &from) == 0 && !is_alive(m, &from, now))
			*ARRAY_PUSH(drop, n, cap) = key;
	}
	for (size_t i = 0; i < n; i++)
		bpf_map_delete_elem(m->ports_fd, &drop[i]);
	free(drop);
	n += collect6(m, now);
	if (ret_removed)
		*ret_removed = n;
	return 0;
}

int masq_reset(const struct masq_conf *conf, struct err *err)
{
	CLEANUP_FREE char *mark = clsact_mark(conf->run_dir);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)conf->uplink,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	if (conf->uplink) {
		bpf_tc_detach(&hook, &opts);
		hook.attach_point = BPF_TC_EGRESS;
		bpf_tc_detach(&hook, &opts);
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		if (access(mark, F_OK) == 0)
			bpf_tc_hook_destroy(&hook);
	}
	unlink(mark);
	return pins_remove(conf->node, conf->run_dir, "uplink-v", err);
}
