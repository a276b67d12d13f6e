/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_VALIDATE_POD_H
#define KNARR_API_VALIDATE_POD_H
#include "lib/api/validate/check.h"
/*
 * Pods and the templates of pods, in parts (k8s.io/kubernetes pkg/apis/core/validation). Objects
 * are borrowed; `p` is where they stand.
 */
struct hmap;

/* What the parts of a pod's spec need to know of each other. */
struct pod_ctx {
	struct json_object *spec;
	bool is_pod;
	bool host_users, host_network;
	bool has_grace;
	int64_t grace_s;
	struct str restart_policy;
	struct hmap *volumes; /* name -> volume, of those that are good */
	struct json_object *claims;
};

/* A PodTemplateSpec: labels, annotations and the pod's spec, without what only pods may have. */
void validate_pod_template(const struct place *p, struct json_object *tmpl);
/* apps.c: the pods of spec.template must be those that spec.selector finds; p is that of spec. */
void check_selected(const struct place *p, struct json_object *spec);

/* pod_container.c */
void validate_containers(const struct place *spec, const struct pod_ctx *c);
void validate_init_containers(const struct place *spec, const struct pod_ctx *c);
void validate_ephemeral_containers(const struct place *spec, const struct pod_ctx *c);
bool container_restarts(struct json_object *init); /* restartPolicy: Always, a sidecar */

/* pod_env.c */
void validate_env(const struct place *p, struct json_object *list);
void validate_env_from(const struct place *p, struct json_object *list);
void validate_field_ref(const struct place *p, struct json_object *ref, bool volume);
void validate_resource_ref(const struct place *p, struct json_object *ref, bool volume);

/* pod_placement.c: a NodeSelector */
void check_node_selector(const struct place *p, struct json_object *selector);

/* pod_probe.c */
enum probe_kind {
	PROBE_LIVENESS,
	PROBE_READINESS,
	PROBE_STARTUP,
};
void validate_probe(const struct place *p, struct json_object *probe, enum probe_kind kind);
void validate_lifecycle(const struct place *p, struct json_object *lifecycle,
			const struct pod_ctx *c);

/* pod_volume.c */
/* Checks spec.volumes and fills c->volumes. */
void validate_volumes(const struct place *p, struct json_object *list, struct pod_ctx *c);
void validate_volume_mounts(const struct place *container, struct json_object *ctr,
			    const struct pod_ctx *c);

/* pod_resources.c */
void validate_container_resources(const struct place *p, struct json_object *r,
				  struct json_object *claims);
void validate_pod_resources(const struct place *p, struct json_object *spec);
void validate_overhead(const struct place *p, struct json_object *overhead);
void validate_resource_quantity(const struct place *p, const char *resource, struct str quantity);

/* pod_security.c */
void validate_pod_security(const struct place *p, struct json_object *sc, struct json_object *spec);
void validate_container_security(const struct place *p, struct json_object *sc, bool host_users);
void validate_os(const struct place *spec, struct json_object *pod_spec);
void validate_pod_annotations(const struct place *p, struct json_object *notes,
			      struct json_object *spec);

/* pod_placement.c */
void validate_affinity(const struct place *p, struct json_object *affinity);
void validate_tolerations(const struct place *p, struct json_object *list);
void validate_topology_spread(const struct place *p, struct json_object *list);
void validate_taints(const struct place *p, struct json_object *list);
#endif
