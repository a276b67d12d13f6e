/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_RESOURCES_H
#define KNARR_RESOURCES_H
#include "agent/pod/pod_view.h"
/*
 * A pod's resources: its class of service, and the kernel's numbers that follow from requests and
 * limits (pkg/kubelet/cm/helpers_linux.go, qos/policy.go, api/v1/resource).
 */
enum qos_class { QOS_GUARANTEED, QOS_BURSTABLE, QOS_BEST_EFFORT };
const char *qos_class_name(enum qos_class q); /* "BestEffort" */
/* "kubepods/burstable", as a path beneath the node's pod cgroup; "" for guaranteed pods. */
const char *qos_class_dir(enum qos_class q);
enum qos_class pod_qos(const struct pod_view *v);

/* -1: not given. */
struct resource_amounts {
	int64_t cpu_milli_request, cpu_milli_limit;
	int64_t mem_request, mem_limit; /* bytes */
	int64_t ephemeral_limit;
};
void container_resources(const struct container_view *c, struct resource_amounts *ret);
/*
 * The whole pod: the greater of what init containers need one at a time (with the sidecars started
 * before each) and what all others need together, plus overhead. A limit is -1 unless every
 * container has one. spec.resources (pod level) wins where given.
 */
void pod_resources(const struct pod_view *v, struct resource_amounts *ret);

/* cgroup v1 terms; the runtime converts them for v2. 0: leave the kernel's default. */
struct cgroup_numbers {
	uint64_t cpu_shares; /* 2..262144 */
	int64_t cpu_quota_us; /* per 100 ms; 0: none */
	int64_t mem_limit; /* bytes; 0: none */
};
void cgroup_numbers_of(const struct resource_amounts *a, struct cgroup_numbers *ret);

/* oom_score_adj of a container's processes on a node with this much memory. */
int oom_score_adj(const struct pod_view *v, const struct container_view *c, int64_t node_mem_bytes);

/*
 * One value of resources.{limits,requests}.NAME ("limits.cpu"), divided by `divisor` and rounded
 * up; a limit that is not set is the node's allocatable amount. -EINVAL for another name.
 */
struct node_amounts {
	int64_t cpu_milli, mem_bytes, ephemeral_bytes;
};
int resource_field(const struct container_view *c, struct str resource, struct str divisor,
		   const struct node_amounts *node, struct buf *out, struct err *err);
#endif
