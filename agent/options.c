/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "lib/api/names.h"
#include "lib/api/node_labels.h"
#include "lib/base/log.h"
#include "net/addr.h"
#include "net/overlay.h"

#define ROW(name, letter, type, member, value, help)                                    \
	{                                                                               \
		name, letter, type, offsetof(struct agent_options, member), value, help \
	}

static const struct option_row rows[] = {
	ROW("node-name", 0, OPTION_STRING, node_name, "NAME",
	    "name of this Node (default: the host's)"),
	ROW("kubeconfig", 0, OPTION_STRING, kubeconfig, "FILE",
	    "how to reach the masters (default: /etc/knarr/agent.conf)"),
	ROW("join", 0, OPTION_STRING, join, "URL",
	    "get a certificate from this master and write the kubeconfig file, if it is not there"),
	ROW("token", 0, OPTION_STRING, token, "ID.SECRET", "bootstrap token for --join"),
	ROW("ca-hash", 0, OPTION_STRING, ca_hash, "sha256:HEX",
	    "public key of the cluster's authority, checked by --join"),
	ROW("node-ip", 0, OPTION_STRING, node_ip, "ADDRESS[,ADDRESS6]",
	    "this node's addresses (default: the one that faces the master, and its link's of "
	    "IPv6)"),
	ROW("label", 0, OPTION_LIST, labels, "KEY=VALUE", "label of the Node; may be repeated"),
	ROW("zone", 0, OPTION_STRING, zone, "NAME",
	    "zone of this node: its label topology.kubernetes.io/zone"),
	ROW("region", 0, OPTION_STRING, region, "NAME", "region of this node, likewise"),
	ROW("external-cloud", 0, OPTION_FLAG, external_cloud, NULL,
	    "a new Node takes no pods before the master's cloud provider knows it"),
	ROW("root", 0, OPTION_STRING, root, "DIR",
	    "put in front of all default directories: several agents on one machine"),
	ROW("data-dir", 0, OPTION_STRING, data_dir, "DIR",
	    "images, pods, volumes (default: /var/lib/knarr/agent)"),
	ROW("run-dir", 0, OPTION_STRING, run_dir, "DIR",
	    "sockets and state until the next reboot (default: /run/knarr/agent)"),
	ROW("kubelet-dir", 0, OPTION_STRING, kubelet_dir, "DIR",
	    "where plugins register and storage drivers mount (default: /var/lib/kubelet)"),
	ROW("log-dir", 0, OPTION_STRING, log_dir, "DIR",
	    "logs of containers (default: /var/log/pods)"),
	ROW("static-pods", 0, OPTION_STRING, static_pods, "DIR",
	    "manifests of pods to run without a master (default: /etc/knarr/manifests)"),
	ROW("cgroup-root", 0, OPTION_STRING, cgroup_root, "NAME",
	    "control group all pods are in (default: knarr)"),
	ROW("cluster-dns", 0, OPTION_STRING, cluster_dns, "ADDRESS",
	    "service address at which the cluster's DNS answers (default: 10.96.0.10)"),
	ROW("cluster-domain", 0, OPTION_STRING, cluster_domain, "DOMAIN",
	    "DNS domain of the cluster (default: cluster.local)"),
	ROW("cluster-cidr", 0, OPTION_STRING, cluster_cidr, "RANGE[,RANGE6]",
	    "addresses of all pods (default: 10.244.0.0/16)"),
	ROW("pod-cidr", 0, OPTION_STRING, pod_cidr, "RANGE[,RANGE6]",
	    "addresses of this node's pods (default: what the Node's spec.podCIDRs say)"),
	ROW("uplink", 0, OPTION_STRING, uplink, "NAME",
	    "link towards other machines (default: that of the default route)"),
	ROW("overlay", 0, OPTION_STRING, overlay, "auto|always|never",
	    "VXLAN to the pods of other nodes: of those behind a router, of all, of none"),
	ROW("vxlan-id", 0, OPTION_U64, vxlan_id, "N",
	    "VXLAN network identifier, the same on all nodes (default: 1)"),
	ROW("vxlan-port", 0, OPTION_U64, vxlan_port, "PORT",
	    "UDP port of VXLAN, the same on all nodes (default: 8472)"),
	ROW("no-network", 0, OPTION_FLAG, no_network, NULL,
	    "no pod network and no services: only pods with hostNetwork run"),
	ROW("address", 0, OPTION_STRING, api_address, "ADDRESS",
	    "where the node API listens (default: 0.0.0.0)"),
	ROW("port", 0, OPTION_U64, api_port, "PORT", "port of the node API (default: 10250)"),
	ROW("max-pods", 0, OPTION_U64, max_pods, "N", "pods this node takes (default: 110)"),
	ROW("heartbeat", 0, OPTION_DURATION, heartbeat_ns, "TIME",
	    "between two signs of life to the master (default: 1s)"),
	ROW("shutdown-grace-period", 0, OPTION_DURATION, shutdown_ns, "TIME",
	    "given to all pods when the machine goes down; 0: none (default: 30s)"),
	ROW("shutdown-grace-period-critical-pods", 0, OPTION_DURATION, shutdown_critical_ns, "TIME",
	    "the part of it that is for critical pods (default: 10s)"),
	ROW("plain-http", 0, OPTION_LIST, plain_http, "HOST",
	    "registry that is spoken to without TLS; may be repeated"),
	ROW("libexec-dir", 0, OPTION_STRING, helper_dir, "DIR",
	    "where knarr-pod and knarr-image-helper are (default: as installed)"),
	ROW("log-level", 0, OPTION_STRING, log_level, "LEVEL",
	    "err, warning, notice, info or debug (default: info)"),
};

const struct options_spec agent_options_spec = {
	.program = "knarr-agent",
	.args = "",
	.summary = "Runs the pods of this machine: the node's side of a Knarr cluster.",
	.rows = rows,
	.n_rows = ARRAY_SIZE(rows),
};

/* A default path beneath --root; what was given is taken as it is. */
static void path_default(const struct agent_options *o, const char **path, const char *dflt)
{
	if (!*path)
		*path = xasprintf("%s%s", o->root ? o->root : "", dflt);
}

static int range_check(const char *option, const char *text, struct err *err)
{
	struct str rest = str_of(text), one, two = STR_NULL;
	struct ip4_prefix p4;
	struct ip_prefix p6;

	if (!text)
		return 0;
	str_split(&rest, ',', &one);
	if (ip4_prefix_parse(one, &p4) < 0 ||
	    (str_split(&rest, ',', &two) &&
	     (ip_prefix_parse(two, &p6) < 0 || ip_prefix_is4(p6) || !str_is_null(rest))))
		return err_sys(err, EINVAL,
			       "--%s: \"%s\" is not a range like 10.244.0.0/16, or such a one and "
			       "one of IPv6 behind a comma",
			       option, text);
	return 0;
}

static int address_check(const char *option, const char *text, struct err *err)
{
	uint32_t addr;

	if (text && ip4_parse(str_of(text), &addr) < 0)
		return err_sys(err, EINVAL, "--%s: \"%s\" is not an IPv4 address", option, text);
	return 0;
}

/* One of IPv4, and maybe one of IPv6 behind a comma. */
static int addresses_check(const char *option, const char *text, struct err *err)
{
	struct str rest = str_of(text), one, two;
	struct ip_addr addr;

	if (!text)
		return 0;
	str_split(&rest, ',', &one);
	if (ip_addr_parse(one, &addr) < 0 || !ip_is4(addr) ||
	    (str_split(&rest, ',', &two) &&
	     (ip_addr_parse(two, &addr) < 0 || ip_is4(addr) || !str_is_null(rest))))
		return err_sys(
			err, EINVAL,
			"--%s: \"%s\" is no IPv4 address, with an IPv6 address behind a comma "
			"or without",
			option, text);
	return 0;
}

static int name_check(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0 || n > 253 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != n ||
	    name[0] == '-' || name[0] == '.')
		return err_sys(err, EINVAL, "--node-name: \"%s\" is not a DNS name in lower case",
			       name);
	return 0;
}

static int place_label(struct agent_options *o, const char *option, const char *value,
		       struct err *err)
{
	const char *wrong = value ? name_check_label_value(str_of(value)) : NULL;

	if (!value)
		return 0;
	if (wrong || !*value)
		return err_sys(err, EINVAL, "--%s: \"%s\": %s", option, value,
			       wrong ? wrong : "a name is needed");
	*ARRAY_PUSH(o->labels.v, o->labels.n, o->labels.cap) =
		xasprintf("topology.kubernetes.io/%s=%s", option, value);
	return 0;
}

static int label_check(const struct agent_options *o, struct err *err)
{
	for (size_t i = 0; i < o->labels.n; i++) {
		struct str value = str_of(o->labels.v[i]), key;
		const char *wrong = "KEY=VALUE is needed";

		if (str_split(&value, '=', &key) && value.p) {
			wrong = name_check_qualified(key);
			wrong = wrong ? wrong : name_check_label_value(value);
		}
		if (wrong)
			return err_sys(err, EINVAL, "--label: \"%s\": %s", o->labels.v[i], wrong);
		if (!node_label_own(key))
			return err_sys(
				err, EINVAL,
				"--label: no master lets a node give itself %.*s: try kubectl "
				"label node %s %s",
				STR_ARG(key), o->node_name, o->labels.v[i]);
	}
	return 0;
}

static int overlay_check(const struct agent_options *o, struct err *err)
{
	static const char *const words[] = {"auto", "always", "never"};
	size_t i = 0;

	while (i < ARRAY_SIZE(words) && strcmp(o->overlay, words[i]) != 0)
		i++;
	if (i == ARRAY_SIZE(words))
		return err_sys(err, EINVAL, "--overlay: \"%s\" is none of auto, always, never",
			       o->overlay);
	if (!o->vxlan_id || o->vxlan_id >= 1u << 24)
		return err_sys(err, EINVAL, "--vxlan-id: 1 to 16777215");
	if (!o->vxlan_port || o->vxlan_port > 65535)
		return err_sys(err, EINVAL, "--vxlan-port: 1 to 65535");
	return 0;
}

static char *host_name(void)
{
	char text[256] = "";

	gethostname(text, sizeof(text) - 1);
	for (char *s = text; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s | 32);
	return xstrdup(text);
}

int agent_options_read(int argc, char **argv, struct agent_options *ret, struct err *err)
{
	const char **args = NULL;
	size_t n = 0;
	int r;

	*ret = (struct agent_options){.api_port = 10250,
				      .max_pods = 110,
				      .heartbeat_ns = NSEC_PER_SEC,
				      .shutdown_ns = 30 * NSEC_PER_SEC,
				      .shutdown_critical_ns = 10 * NSEC_PER_SEC,
				      .overlay = "auto",
				      .vxlan_id = OVERLAY_ID,
				      .vxlan_port = OVERLAY_PORT};
	r = options_parse(&agent_options_spec, argc, argv, ret, &args, &n, err);
	free(args);
	if (r)
		return r;
	if (n)
		return err_sys(err, EINVAL, "knarr-agent takes options only");
	if (!ret->node_name)
		ret->node_name = host_name();
	if (!ret->log_level)
		ret->log_level = "info";
	if (!ret->cluster_domain)
		ret->cluster_domain = "cluster.local";
	if (!ret->cluster_cidr)
		ret->cluster_cidr = "10.244.0.0/16";
	if (!ret->cluster_dns)
		ret->cluster_dns = "10.96.0.10";
	if (!ret->cgroup_root)
		ret->cgroup_root = "knarr";
	if (!ret->api_address)
		ret->api_address = "0.0.0.0";
	path_default(ret, &ret->kubeconfig, "/etc/knarr/agent.conf");
	path_default(ret, &ret->data_dir, "/var/lib/knarr/agent");
	path_default(ret, &ret->run_dir, "/run/knarr/agent");
	path_default(ret, &ret->kubelet_dir, "/var/lib/kubelet");
	path_default(ret, &ret->cdi_dirs[0], "/etc/cdi");
	path_default(ret, &ret->cdi_dirs[1], "/var/run/cdi");
	path_default(ret, &ret->log_dir, "/var/log/pods");
	path_default(ret, &ret->static_pods, "/etc/knarr/manifests");
	if (log_level_parse(ret->log_level) < 0)
		return err_sys(err, EINVAL, "--log-level: \"%s\" is no level", ret->log_level);
	log_max = (enum log_level)log_level_parse(ret->log_level);
	if (ret->api_port > 65535)
		return err_sys(err, EINVAL, "--port: %" PRIu64 " is no port", ret->api_port);
	if (ret->heartbeat_ns < 100 * NSEC_PER_MSEC)
		return err_sys(err, EINVAL, "--heartbeat: at least 100ms");
	if (ret->shutdown_critical_ns > ret->shutdown_ns)
		return err_sys(err, EINVAL,
			       "--shutdown-grace-period-critical-pods: longer than "
			       "--shutdown-grace-period");
	if (ret->join && (!ret->token || !strchr(ret->token, '.')))
		return err_sys(err, EINVAL, "--join needs --token ID.SECRET");
	if ((r = name_check(ret->node_name, err)) < 0 ||
	    (r = range_check("pod-cidr", ret->pod_cidr, err)) < 0 ||
	    (r = label_check(ret, err)) < 0 || (r = place_label(ret, "zone", ret->zone, err)) < 0 ||
	    (r = place_label(ret, "region", ret->region, err)) < 0 ||
	    (r = overlay_check(ret, err)) < 0 ||
	    (r = range_check("cluster-cidr", ret->cluster_cidr, err)) < 0 ||
	    (r = addresses_check("node-ip", ret->node_ip, err)) < 0 ||
	    (r = address_check("cluster-dns", ret->cluster_dns, err)) < 0)
		return r;
	return 0;
}
