/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AGENT_H
#define KNARR_AGENT_H
#include "lib/base/err.h"
#include "lib/sys/options.h"
/* The agent's settings: options.c reads them, main.c puts the parts together by them. */
struct agent_options {
	const char *node_name, *kubeconfig, *node_ip, *root, *data_dir, *run_dir, *log_dir;
	const char *kubelet_dir;
	const char *cdi_dirs[3]; /* NULL-terminated */
	const char *cgroup_root, *static_pods, *cluster_dns, *cluster_domain, *pod_cidr;
	const char *cluster_cidr, *api_address, *log_level, *uplink;
	const char *join, *token, *ca_hash, *helper_dir, *overlay;
	const char *zone, *region;
	struct option_list labels, plain_http;
	uint64_t api_port, max_pods, heartbeat_ns, vxlan_id, vxlan_port;
	uint64_t shutdown_ns, shutdown_critical_ns;
	bool no_network, external_cloud;
};
extern const struct options_spec agent_options_spec;
/* Fill from argv; strings that were made (defaults, --root) live for ever. OPTIONS_DONE after
 * --help. Errors name the option. */
int agent_options_read(int argc, char **argv, struct agent_options *ret, struct err *err);
#endif
