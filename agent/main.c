/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <uv.h>

#include "agent/image/image.h"
#include "agent/node/announce_sync.h"
#include "agent/node/api.h"
#include "agent/node/dns_records.h"
#include "agent/node/health_ports.h"
#include "agent/node/housekeeping.h"
#include "agent/node/join.h"
#include "agent/node/masters.h"
#include "agent/node/node.h"
#include "agent/node/object_file.h"
#include "agent/node/policy_sync.h"
#include "agent/node/route_sync.h"
#include "agent/node/service_sync.h"
#include "agent/node/shutdown.h"
#include "agent/plugin/csi.h"
#include "agent/plugin/dra.h"
#include "agent/plugin/registry.h"
#include "agent/pod/pods.h"
#include "agent/runtime/runtime.h"
#include "lib/base/log.h"
#include "lib/client/client.h"
#include "lib/client/informer.h"
#include "lib/client/kubeconfig.h"
#include "lib/client/transport_http.h"
#include "lib/http/client.h"
#include "lib/sys/file.h"
#include "lib/sys/memory.h"
#include "lib/sys/timers_uv.h"
#include "net/lb.h"
#include "net/link.h"
#include "net/pod_net.h"
/*
 * knarr-agent: one thread, one loop. This file only puts the parts together and takes them apart;
 * containers, addresses and services live in the kernel and go on without it.
 */
#define COLLECT_NS (10 * NSEC_PER_SEC)
#define TRIM_ROUNDS 6 /* of those: what pods that came and went took goes back to the system */
#define SPREAD_NS (2 * NSEC_PER_SEC)
#define NICE (-10)
#define CLOSE_TURNS 16
#define SETTLED_NS (2 * NSEC_PER_SEC)

struct agent {
	struct agent_options o;
	uv_loop_t loop;
	struct timers timers;
	struct timers_uv *timers_uv;
	uv_signal_t sigterm, sigint;
	struct kubeconfig kc;
	bool has_master;
	struct transport *transport;
	struct client *client;
	struct runtime *rt;
	struct image_store *images;
	struct informer *services, *slices;
	struct lb *lb;
	struct pod_net *net;
	struct pods *pods;
	struct csi_node *csi;
	struct dra *dra;
	struct plugin_registry *plugins;
	struct node_info info;
	struct node *node;
	struct service_sync *service_sync;
	struct policy_sync *policy_sync;
	struct dns_records *dns;
	struct route_sync *routes;
	struct object_file *services_file, *slices_file;
	struct masters *masters;
	struct node_api *api;
	struct renewer *renewer;
	struct housekeeping *housekeeping;
	struct node_shutdown *shutdown;
	struct health_ports *health;
	struct announce_sync *announce;
	bool again; /* start anew by exec: the node's certificate is another */
	struct timer watchdog, collect, settled;
	unsigned rounds; /* of collect */
	uint64_t watchdog_ns;
	char node_ip[48], node_ip6[48], net_dns[IP4_TEXT], cidr[96];
	const char *cidr_file, *routes_file, *services_mark;
};

static int check_host(struct err *err)
{
	if (geteuid() != 0)
		return err_sys(
			err, EPERM,
			"knarr-agent makes namespaces, mounts and BPF programs and must run "
			"as root: start it by systemd (systemctl start knarr-agent) or sudo");
	return 0;
}

static int make_dirs(struct agent *a, struct err *err)
{
	const char *dirs[] = {a->o.data_dir, a->o.run_dir};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int r = dir_make(dirs[i], 0755);

		if (r < 0)
			return err_sys(err, -r, "cannot make %s: %s", dirs[i], strerror(-r));
	}
	a->cidr_file = xasprintf("%s/pod-cidr", a->o.data_dir);
	a->routes_file = xasprintf("%s/routes", a->o.data_dir);
	return 0;
}

static struct str before_comma(const char *s)
{
	return str_n(s, strcspn(s, ","));
}

/* The second of a list of two; "" if there is none. */
static const char *behind_comma(const char *s)
{
	const char *comma = strchr(s, ',');

	return comma ? comma + 1 : "";
}

/* The address from which packets to the master (or anywhere) would go. */
static void find_node_ip(struct agent *a)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(6443)}, me;
	CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(me);
	char host[64] = "192.0.2.1";
	const char *s = a->has_master ? strstr(a->kc.server, "://") : NULL;

	if (s)
		str_copy(host, sizeof(host), str_n(s + 3, strcspn(s + 3, ":/")));
	if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
		inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
	str_copy(a->node_ip, sizeof(a->node_ip), STR("127.0.0.1"));
	if (a->o.node_ip)
		str_copy(a->node_ip, sizeof(a->node_ip), before_comma(a->o.node_ip));
	else if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
		 getsockname(fd, (struct sockaddr *)&me, &len) == 0)
		inet_ntop(AF_INET, &me.sin_addr, a->node_ip, sizeof(a->node_ip));
}

/* An IPv6 address of the link that has the node's other one; none is fine. */
static void find_node_ip6(struct agent *a)
{
	struct ifaddrs *list = NULL;
	const char *link = NULL;
	struct ip_addr is, addr;
	struct nl_sock *rt = NULL;

	if (ip_addr_parse(str_of(a->node_ip), &is) < 0 || getifaddrs(&list) < 0)
		return;
	for (struct ifaddrs *i = list; i && !link; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET &&
		    ((struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr == ip_to4(is))
			link = i->ifa_name;
	if (link && rt_open(&rt) == 0 && addr6_of_link(rt, if_nametoindex(link), &addr) == 0)
		ip_addr_format(addr, a->node_ip6);
	rt_close(rt);
	freeifaddrs(list);
}

/* What an agent that finds no master balances and names by. */
static void open_files(struct agent *a)
{
	CLEANUP_FREE char *services = xasprintf("%s/services", a->o.data_dir);
	CLEANUP_FREE char *slices = xasprintf("%s/endpointslices", a->o.data_dir);

	a->services_file = object_file_open(a->services, &a->timers, services);
	a->slices_file = object_file_open(a->slices, &a->timers, slices);
	a->services_mark = xasprintf("%s/services-balanced", a->o.run_dir);
}

static int open_client(struct agent *a, struct err *err)
{
	struct http_client *hc;
	int r;

	if (a->o.join && access(a->o.kubeconfig, R_OK) < 0) {
		r = join_cluster(&(struct join_conf){.server = a->o.join,
						     .token = a->o.token,
						     .ca_hash = a->o.ca_hash,
						     .node_name = a->o.node_name,
						     .kubeconfig = a->o.kubeconfig,
						     .loop = &a->loop,
						     .timers = &a->timers},
				 err);
		if (r < 0)
			return r;
	}
	if (access(a->o.kubeconfig, F_OK) < 0) {
		log_notice("there is no %s: running static pods only (see --join, --kubeconfig)",
			   a->o.kubeconfig);
		return 0;
	}
	r = kubeconfig_load(a->o.kubeconfig, NULL, &a->kc, err);
	if (r < 0)
		return r;
	r = kubeconfig_http_client(&a->kc, &a->loop, "knarr-agent", false, &hc, err);
	if (r < 0)
		return r;
	a->has_master = true;
	a->transport = transport_http_new(hc);
	a->client = client_new(&(struct client_conf){.transport = a->transport,
						     .timers = &a->timers,
						     .user_agent = "knarr-agent",
						     .spread_ns = SPREAD_NS});
	a->services = informer_new(a->client, &(struct informer_conf){.kind = &client_services});
	a->slices =
		informer_new(a->client, &(struct informer_conf){.kind = &client_endpointslices});
	open_files(a);
	a->masters = masters_start(&(struct masters_conf){.slices = a->slices,
							  .http = hc,
							  .node_name = a->o.node_name,
							  .server = a->kc.server});
	return 0;
}

static void on_runtime_event(void *user, const struct runtime_event *ev)
{
	struct agent *a = user;

	if (a->pods)
		pods_runtime_event(a->pods, ev);
}

static char *helper(const struct agent *a, const char *name)
{
	return a->o.helper_dir ? xasprintf("%s/%s", a->o.helper_dir, name) : NULL;
}

static int open_runtime(struct agent *a, struct err *err)
{
	CLEANUP_FREE char *root = xasprintf("%s/runtime", a->o.data_dir);
	CLEANUP_FREE char *run = xasprintf("%s/runtime", a->o.run_dir);
	CLEANUP_FREE char *images = xasprintf("%s/images", a->o.data_dir);
	CLEANUP_FREE char *seccomp = xasprintf("%s/seccomp", a->o.data_dir);
	CLEANUP_FREE char *pod = helper(a, "knarr-pod");
	CLEANUP_FREE char *image_helper = helper(a, "knarr-image-helper");
	CLEANUP_FREE struct image_registry *regs = xcalloc(a->o.plain_http.n + 1, sizeof(*regs));
	int r;

	for (size_t i = 0; i < a->o.plain_http.n; i++)
		regs[i] = (struct image_registry){.host = a->o.plain_http.v[i], .plain_http = true};
	r = image_store_open(&(struct image_conf){.dir = images,
						  .helper = image_helper,
						  .loop = &a->loop,
						  .registries = regs,
						  .n_registries = a->o.plain_http.n},
			     &a->images, err);
	if (r < 0)
		return r;
	r = runtime_open(&(struct runtime_conf){.root_dir = root,
						.run_dir = run,
						.cgroup_root = a->o.cgroup_root,
						.pod_binary = pod,
						.seccomp_dir = seccomp,
						.loop = &a->loop,
						.on_event = on_runtime_event,
						.user = a},
			 &a->rt, err);
	return r < 0 ? r : runtime_recover(a->rt, err);
}

static size_t netns_fds(void *user, int **ret)
{
	struct agent *a = user;

	return a->pods ? pods_netns_fds(a->pods, ret) : 0;
}

/* The data path of services: what is pinned goes on until both informers have synced. */
static int open_services(struct agent *a, struct err *err)
{
	struct lb_conf conf = {.node = a->o.node_name,
			       .run_dir = a->o.run_dir,
			       .cgroup_root = runtime_cgroup2_path(a->rt)};
	struct ip_addr addr[2];
	size_t n = 0;
	int r;

	/* Services are for the whole machine, host processes too, unless it is shared by --root. */
	if (!a->o.root)
		conf.cgroup_root = NULL;
	r = lb_open(&conf, &a->lb, err);
	if (r < 0)
		return r;
	if (ip_addr_parse(str_of(a->node_ip), &addr[n]) == 0)
		n++;
	if (ip_addr_parse(str_of(a->node_ip6), &addr[n]) == 0)
		n++;
	lb_node_addrs(a->lb, addr, n, NULL); /* open_net adds those for pods */
	a->health = health_ports_new(&a->loop);
	if (a->client)
		a->service_sync =
			service_sync_start(&(struct service_sync_conf){.client = a->client,
								       .timers = &a->timers,
								       .lb = a->lb,
								       .services = a->services,
								       .slices = a->slices,
								       .node_name = a->o.node_name,
								       .mark = a->services_mark,
								       .netns_fds = netns_fds,
								       .health = a->health,
								       .user = a});
	/* Until a master has said it: as it was given. */
	for (size_t i = 0; i < a->o.labels.n; i++)
		if (str_starts(str_of(a->o.labels.v[i]), STR("topology.kubernetes.io/zone=")))
			service_sync_zone(a->service_sync,
					  str_skip(str_of(a->o.labels.v[i]),
						   strlen("topology.kubernetes.io/zone=")));
	return 0;
}

/* hostPort: a front at the node's addresses that leads to the pod. */
static void add_host_ports(struct jv spec, const char *ip, struct host_port **v, size_t *n,
			   size_t *cap)
{
	struct ip_addr addr, host;

	if (ip && ip_addr_parse(str_of(ip), &addr) == 0)
		jv_for_each (c, jv_get(spec, "containers"))
			jv_for_each (p, jv_get(c.value, "ports")) {
				struct host_port hp = {
					.host_port =
						(uint16_t)jv_i64(jv_get(p.value, "hostPort"), 0),
					.port = (uint16_t)jv_i64(jv_get(p.value, "containerPort"),
								 0),
					.proto = jv_eqs(jv_get(p.value, "protocol"), "UDP")
							 ? LB_UDP
							 : LB_TCP,
					.addr = addr,
					.host_addr = ip_any(ip_is4(addr)),
				};

				/* 0.0.0.0 and :: are what is meant by none */
				if (ip_addr_parse(jv_text(jv_get(p.value, "hostIP")), &host) == 0 &&
				    !ip_is_none(host) && !ip_eq(host, ip_of4(0)))
					hp.host_addr = host;
				if (hp.host_port && ip_is4(hp.host_addr) == ip_is4(addr))
					*ARRAY_PUSH(*v, *n, *cap) = hp;
			}
}

static void on_host_ports(void *user, struct str uid, const char *ip, const char *ip6,
			  struct jv spec)
{
	struct agent *a = user;
	CLEANUP_FREE struct host_port *v = NULL;
	size_t n = 0, cap = 0;

	if (!a->service_sync)
		return;
	add_host_ports(spec, ip, &v, &n, &cap);
	if (ip)
		add_host_ports(spec, ip6, &v, &n, &cap);
	service_sync_host_ports(a->service_sync, uid, v, n);
}

static void on_connected(void *user, struct str uid, const char *ip, const char *ip6, struct jv pod)
{
	struct agent *a = user;

	if (a->policy_sync)
		policy_sync_pod(a->policy_sync, uid, ip, ip6, pod);
}

/* Ports of masqueraded connections that idled out go back. */
static void on_collect(struct timer *t)
{
	struct agent *a = container_of(t, struct agent, collect);

	pod_net_collect(a->net);
	if (++a->rounds % TRIM_ROUNDS == 0)
		memory_trim();
	timers_arm_in(&a->timers, &a->collect, COLLECT_NS);
}

/* Traffic of the uplink: masquerade, node ports. */
static void open_uplink(struct agent *a)
{
	struct ip_addr addrs[4] = {ip_of4(pod_net_node_addr(a->net))};
	struct err err = ERR_INIT;
	size_t n = 1;

	n += ip_addr_parse(str_of(a->node_ip), &addrs[n]) == 0;
	n += ip_addr_parse(str_of(a->node_ip6), &addrs[n]) == 0;
	addrs[n] = pod_net_node_addr6(a->net);
	n += !ip_is_none(addrs[n]);
	if (lb_node_addrs(a->lb, addrs, n, &err) < 0 || pod_net_masquerade(a->net, &err) < 0)
		log_warn("uplink: %s", err_text(&err));
	err_done(&err);
	if (!pod_net_uplink(a->net))
		return;
	a->collect.fire = on_collect;
	timers_arm_in(&a->timers, &a->collect, COLLECT_NS);
}

static enum pod_net_overlay overlay_mode(const char *word)
{
	if (strcmp(word, "always") == 0)
		return POD_NET_OVERLAY_ALWAYS;
	return strcmp(word, "never") == 0 ? POD_NET_OVERLAY_NEVER : POD_NET_OVERLAY_AUTO;
}

/* The node's range is known: from the option, the last run or the Node. */
static int open_net(struct agent *a, const char *cidr, struct err *err)
{
	struct pod_net_conf conf = {.node = a->o.node_name,
				    .run_dir = a->o.run_dir,
				    .uplink = a->o.uplink,
				    .masquerade = true,
				    .closed = a->client != NULL,
				    .overlay = overlay_mode(a->o.overlay),
				    .vxlan_id = (uint32_t)a->o.vxlan_id,
				    .vxlan_port = (uint16_t)a->o.vxlan_port,
				    .netns_fds = netns_fds,
				    .user = a};
	int r;

	if (ip4_prefix_parse(before_comma(cidr), &conf.pod_range) < 0 ||
	    (behind_comma(cidr)[0] &&
	     ip_prefix_parse(str_of(behind_comma(cidr)), &conf.pod_range6) < 0))
		return err_sys(err, EINVAL, "the node's pod range \"%s\" is none", cidr);
	str_copy(a->cidr, sizeof(a->cidr), str_of(cidr));
	ip4_prefix_parse(before_comma(a->o.cluster_cidr), &conf.cluster_range);
	ip_prefix_parse(str_of(behind_comma(a->o.cluster_cidr)), &conf.cluster_range6);
	ip4_parse(str_of(a->node_ip), &conf.addr);
	r = pod_net_open(&conf, &a->net, err);
	if (r < 0)
		return r;
	if (a->client)
		a->policy_sync =
			policy_sync_start(&(struct policy_sync_conf){.client = a->client,
								     .timers = &a->timers,
								     .net = a->net,
								     .data_dir = a->o.data_dir});
	if (a->client && !a->policy_sync) /* pods stay closed */
		return err_sys(err, EIO, "network policies cannot be enforced");
	ip4_format(pod_net_node_addr(a->net), a->net_dns);
	open_uplink(a);
	file_write_atomic(AT_FDCWD, a->cidr_file, str_of(cidr), 0644);
	if (a->client && dns_records_start(&(struct dns_records_conf){.loop = &a->loop,
								      .services = a->services,
								      .slices = a->slices,
								      .addr = a->net_dns,
								      .domain = a->o.cluster_domain,
								      .vip = a->o.cluster_dns,
								      .sync = a->service_sync},
					   &a->dns, err) < 0) {
		log_warn("cluster DNS does not run: %s", err_text(err));
		err_clear(err);
	}
	a->routes = route_sync_start(&(struct route_sync_conf){.client = a->client,
							       .timers = &a->timers,
							       .net = a->net,
							       .node_name = a->o.node_name,
							       .file = a->routes_file});
	a->announce =
		announce_sync_start(&(struct announce_sync_conf){.loop = &a->loop,
								 .timers = &a->timers,
								 .services = a->services,
								 .node = a->node,
								 .node_name = a->o.node_name,
								 .run_dir = a->o.run_dir,
								 .uplink = pod_net_uplink(a->net)});
	pods_set_net(a->pods, a->net, a->dns ? a->net_dns : NULL);
	if (a->node)
		node_set_ready(a->node, true, "KubeletReady", "kubelet is posting ready status");
	return 0;
}

static void on_pod_cidr(void *user, const char *cidr)
{
	struct agent *a = user;
	struct err err = ERR_INIT;

	if (a->o.no_network || a->o.pod_cidr || strcmp(cidr, a->cidr) == 0)
		return;
	if (a->net) {
		/* Given another range: begin anew with it. */
		log_notice("the node's pod range is %s now, not %s", cidr, a->cidr);
		file_write_atomic(AT_FDCWD, a->cidr_file, str_of(cidr), 0644);
		a->again = true;
		uv_stop(&a->loop);
		return;
	}
	if (open_net(a, cidr, &err) < 0) {
		log_err("no pod network: %s", err_text(&err));
		node_set_ready(a->node, false, "KubeletNotReady", err_text(&err));
	}
	err_done(&err);
}

static void on_zone(void *user, struct str zone)
{
	struct agent *a = user;

	service_sync_zone(a->service_sync, zone);
}

static void on_volumes_changed(void *user, struct str pod_uid)
{
	struct agent *a = user;

	if (a->pods)
		pods_volumes_changed(a->pods, pod_uid);
}

static void on_in_use_changed(void *user)
{
	struct agent *a = user;

	if (a->node)
		node_status_changed(a->node);
}

static void on_node_registered(void *user, struct str uid)
{
	struct agent *a = user;

	csi_node_registered(a->csi, uid);
	if (a->pods)
		pods_set_node_uid(a->pods, uid);
}

static void on_node_reported(void *user)
{
	csi_in_use_reported(((struct agent *)user)->csi);
}

static void on_node_status(void *user, struct jw *w)
{
	csi_in_use(((struct agent *)user)->csi, w);
}

static void open_csi(struct agent *a)
{
	a->csi = csi_node_new(&(struct csi_conf){.loop = &a->loop,
						 .timers = &a->timers,
						 .client = a->client,
						 .node_name = a->o.node_name,
						 .kubelet_dir = a->o.kubelet_dir,
						 .changed = on_volumes_changed,
						 .in_use_changed = on_in_use_changed,
						 .user = a});
}

static void on_driver(void *user, const char *driver)
{
	struct agent *a = user;

	if (a->pods)
		pods_driver_here(a->pods);
}

/* Plugins find the directories of a kubelet, and their pods' manifests may name them. */
static int open_plugins(struct agent *a, struct err *err)
{
	static const char *const dirs[] = {"plugins", "pods"};
	CLEANUP_FREE char *registry = xasprintf("%s/plugins_registry", a->o.kubelet_dir);
	const struct plugin_handler_row rows[] = {{&csi_plugin_handler, a->csi},
						  {&dra_plugin_handler, a->dra}};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		CLEANUP_FREE char *dir = xasprintf("%s/%s", a->o.kubelet_dir, dirs[i]);
		int r = dir_make(dir, 0750);

		if (r < 0)
			return err_sys(err, -r, "cannot make %s: %s", dir, strerror(-r));
	}
	return plugin_registry_start(&(struct plugin_registry_conf){.loop = &a->loop,
								    .timers = &a->timers,
								    .dir = registry,
								    .rows = rows,
								    .n_rows = ARRAY_SIZE(rows)},
				     &a->plugins, err);
}

static int open_pods(struct agent *a, struct err *err)
{
	struct pods_conf conf = {
		.loop = &a->loop,
		.timers = &a->timers,
		.client = a->client,
		.rt = a->rt,
		.images = a->images,
		.services = a->services,
		.node_name = a->o.node_name,
		.data_dir = a->o.data_dir,
		.log_dir = a->o.log_dir,
		.static_dir = a->o.static_pods,
		.host_ip = a->node_ip,
		.host_ip6 = a->node_ip6,
		.cluster_domain = a->o.cluster_domain,
		.host_ports = on_host_ports,
		.connected = on_connected,
		.csi = a->csi,
		.dra = a->dra,
		.cdi_dirs = a->o.cdi_dirs,
		.kubelet_dir = a->o.kubelet_dir,
		.user = a,
		.node_cpu_milli = a->info.cpus * 1000,
		.node_mem_bytes = a->info.mem_bytes,
		.node_ephemeral_bytes = a->info.ephemeral_bytes,
	};
	int r = pods_new(&conf, &a->pods, err);

	return r < 0 ? r : pods_start(a->pods, err);
}

static int open_node(struct agent *a, struct err *err)
{
	CLEANUP(buf_done) struct buf cidr = BUF_INIT;
	const char *known = a->o.pod_cidr;
	int r;

	if (a->client)
		a->node = node_start(&(struct node_conf){.client = a->client,
							 .timers = &a->timers,
							 .images = a->images,
							 .name = a->o.node_name,
							 .ip = a->node_ip,
							 .ip6 = a->node_ip6,
							 .labels = a->o.labels.v,
							 .n_labels = a->o.labels.n,
							 .api_port = (uint16_t)a->o.api_port,
							 .info = &a->info,
							 .heartbeat_ns = a->o.heartbeat_ns,
							 .external_cloud = a->o.external_cloud,
							 .pod_cidr = on_pod_cidr,
							 .zone = on_zone,
							 .registered = on_node_registered,
							 .reported = on_node_reported,
							 .status = on_node_status,
							 .user = a});
	if (a->o.no_network) {
		if (a->node)
			node_set_ready(a->node, true, "KubeletReady",
				       "kubelet is posting ready status");
		return 0;
	}
	/* The last range is kept, so that pods get addresses without any master. */
	if (!known && file_read(AT_FDCWD, a->cidr_file, sizeof(a->cidr), &cidr) == 0)
		known = cidr.p;
	if (!known)
		return 0;
	r = open_net(a, known, err);
	if (r < 0 && !a->o.pod_cidr) {
		log_warn("cannot use the former pod range %s: %s", known, err_text(err));
		err_clear(err);
		return 0;
	}
	return r;
}

/* Containers and data path do not notice a restart, so it is also how new certificates come in. */
static void on_renewed(void *user)
{
	struct agent *a = user;

	a->again = true;
	uv_stop(&a->loop);
}

static void on_pods_ended(void *user)
{
	struct agent *a = user;

	sd_notify(0, "STOPPING=1");
	uv_stop(&a->loop);
}

static int open_api(struct agent *a, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/pki", a->o.data_dir);

	if (!a->has_master)
		return 0; /* without an authority nobody could be told from a stranger */
	return node_api_start(&(struct node_api_conf){.loop = &a->loop,
						      .timers = &a->timers,
						      .pods = a->pods,
						      .rt = a->rt,
						      .images = a->images,
						      .info = &a->info,
						      .node_name = a->o.node_name,
						      .node_ip = a->node_ip,
						      .address = a->o.api_address,
						      .port = (uint16_t)a->o.api_port,
						      .client_ca = buf_str(&a->kc.ca_pem),
						      .pki_dir = dir},
			      &a->api, err);
}

/*
 * Heartbeats and probes are on time on a machine whose processors are all taken: this process goes
 * first, its children (containers, helpers) do not.
 */
static void go_first(void)
{
	const struct sched_param none = {0};

	if (setpriority(PRIO_PROCESS, 0, NICE) == 0)
		sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
}

static int open_all(struct agent *a, struct err *err)
{
	int r;

	if ((r = check_host(err)) < 0 || (r = make_dirs(a, err)) < 0 ||
	    (r = open_client(a, err)) < 0)
		return r;
	go_first();
	find_node_ip(a);
	if (a->o.node_ip && behind_comma(a->o.node_ip)[0])
		str_copy(a->node_ip6, sizeof(a->node_ip6), str_of(behind_comma(a->o.node_ip)));
	else
		find_node_ip6(a);
	node_info_read(a->o.data_dir, &a->info);
	a->info.max_pods = a->o.max_pods;
	if ((r = open_runtime(a, err)) < 0)
		return r;
	if (!a->o.no_network && (r = open_services(a, err)) < 0)
		return r;
	open_csi(a);
	a->dra = dra_new(&(struct dra_conf){.loop = &a->loop,
					    .timers = &a->timers,
					    .client = a->client,
					    .node_name = a->o.node_name,
					    .registered = on_driver,
					    .user = a});
	if ((r = open_pods(a, err)) < 0 || (r = open_node(a, err)) < 0 ||
	    (r = open_plugins(a, err)) < 0 || (r = open_api(a, err)) < 0)
		return r;
	a->housekeeping = housekeeping_start(&(struct housekeeping_conf){
		.timers = &a->timers, .images = a->images, .pods = a->pods, .node = a->node});
	a->shutdown = node_shutdown_start(
		&(struct node_shutdown_conf){.loop = &a->loop,
					     .timers = &a->timers,
					     .pods = a->pods,
					     .node = a->node,
					     .grace_ns = a->o.shutdown_ns,
					     .critical_ns = a->o.shutdown_critical_ns,
					     .set_delay = !a->o.root,
					     .ended = on_pods_ended,
					     .user = a});
	if (a->client) {
		a->renewer = renewer_start(&(struct renewer_conf){.client = a->client,
								  .timers = &a->timers,
								  .kc = &a->kc,
								  .node_name = a->o.node_name,
								  .path = a->o.kubeconfig,
								  .renewed = on_renewed,
								  .user = a});
		informer_start(a->services);
		informer_start(a->slices);
	}
	return 0;
}

/* Containers run on: only handles are let go, in the opposite order of open_all. */
static void close_all(struct agent *a)
{
	a->housekeeping = housekeeping_stop(a->housekeeping);
	a->renewer = renewer_stop(a->renewer);
	node_api_stop(a->api);
	node_shutdown_stop(a->shutdown);
	timers_disarm(&a->timers, &a->collect);
	a->announce = announce_sync_stop(a->announce);
	a->plugins = plugin_registry_stop(a->plugins);
	a->node = node_stop(a->node);
	pods_stop(a->pods);
	a->routes = route_sync_stop(a->routes);
	a->dns = dns_records_stop(a->dns);
	a->service_sync = service_sync_stop(a->service_sync);
	a->policy_sync = policy_sync_stop(a->policy_sync);
	a->health = health_ports_free(a->health);
	a->masters = masters_stop(a->masters);
	object_file_close(a->services_file);
	object_file_close(a->slices_file);
	informer_free(a->services);
	informer_free(a->slices);
	a->net = pod_net_close(a->net);
	a->lb = lb_close(a->lb);
	a->rt = runtime_close(a->rt);
	a->images = image_store_close(a->images);
	a->pods = pods_free(a->pods);
	a->csi = csi_node_free(a->csi);
	a->dra = dra_free(a->dra);
	a->client = client_free(a->client);
	a->transport = transport_free(a->transport);
	kubeconfig_done(&a->kc);
	node_info_done(&a->info);
	timers_disarm(&a->timers, &a->watchdog);
	timers_disarm(&a->timers, &a->settled);
	timers_disarm(&a->timers, &a->collect);
}

static void on_signal(uv_signal_t *h, int sig)
{
	log_notice("stopping by signal %d; containers run on", sig);
	sd_notify(0, "STOPPING=1");
	uv_stop(h->loop);
}

/* Lists were read, programs loaded: what that took is not needed again. */
static void on_settled(struct timer *t)
{
	memory_trim();
}

static void on_watchdog(struct timer *t)
{
	struct agent *a = container_of(t, struct agent, watchdog);

	sd_notify(0, "WATCHDOG=1");
	timers_arm_in(&a->timers, &a->watchdog, a->watchdog_ns);
}

static void start_watchdog(struct agent *a)
{
	uint64_t us = 0;

	sd_notify(0, "READY=1\nSTATUS=running pods");
	a->settled.fire = on_settled;
	timers_arm_in(&a->timers, &a->settled, SETTLED_NS);
	if (sd_watchdog_enabled(0, &us) <= 0)
		return;
	a->watchdog_ns = us * NSEC_PER_USEC / 2;
	a->watchdog.fire = on_watchdog;
	timers_arm_in(&a->timers, &a->watchdog, a->watchdog_ns);
}

static void close_handle(uv_handle_t *h, void *user)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

int main(int argc, char **argv)
{
	static struct agent a;
	struct err err = ERR_INIT;
	int r = agent_options_read(argc, argv, &a.o, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0) {
		fprintf(stderr, "knarr-agent: %s\n", err_text(&err));
		err_done(&err);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	uv_loop_init(&a.loop);
	timers_init(&a.timers, &clock_system);
	a.timers_uv = timers_uv_attach(&a.timers, &a.loop);
	r = open_all(&a, &err);
	if (r < 0) {
		log_err("%s", err_text(&err));
	} else {
		uv_signal_init(&a.loop, &a.sigterm);
		uv_signal_init(&a.loop, &a.sigint);
		uv_signal_start(&a.sigterm, on_signal, SIGTERM);
		uv_signal_start(&a.sigint, on_signal, SIGINT);
		log_notice("node %s (%s), cgroup %s", a.o.node_name, a.node_ip,
			   runtime_cgroup_version(a.rt));
		start_watchdog(&a);
		uv_run(&a.loop, UV_RUN_DEFAULT);
	}
	close_all(&a);
	/* Closed connections and handles tell their owners from the loop, some of them in turns. */
	for (int i = 0; i < CLOSE_TURNS; i++)
		uv_run(&a.loop, UV_RUN_NOWAIT);
	a.timers_uv = timers_uv_detach(a.timers_uv);
	uv_run(&a.loop, UV_RUN_NOWAIT);
	uv_walk(&a.loop, close_handle, NULL);
	uv_run(&a.loop, UV_RUN_NOWAIT);
	a.api = node_api_free(a.api);
	a.shutdown = node_shutdown_free(a.shutdown);
	uv_loop_close(&a.loop);
	timers_done(&a.timers);
	err_done(&err);
	if (a.again)
		execv("/proc/self/exe", argv);
	return r < 0 ? 1 : 0;
}
