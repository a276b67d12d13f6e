/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_RULES_H
#define KNARR_API_RULES_H
#include "lib/base/err.h"
/*
 * The kinds' own rules, as the strategies and subresources call them (struct api_strategy and
 * struct api_subresource in kind.h): objects are defaulted, mistakes are added to err. Each file
 * follows k8s.io/kubernetes pkg/apis/<group>/validation.
 */
struct json_object;

/* apps.c */
void validate_deployment(struct json_object *obj, struct err *err);
void validate_deployment_status(struct json_object *obj, struct json_object *old, struct err *err);
void validate_replicaset(struct json_object *obj, struct err *err);
void validate_replicaset_status(struct json_object *obj, struct json_object *old, struct err *err);
void validate_daemonset(struct json_object *obj, struct err *err);
void validate_daemonset_status(struct json_object *obj, struct json_object *old, struct err *err);
void validate_statefulset(struct json_object *obj, struct err *err);
void validate_statefulset_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_statefulset_status(struct json_object *obj, struct json_object *old, struct err *err);
void validate_controllerrevision_update(struct json_object *obj, struct json_object *old,
					struct err *err);
/* spec.selector may not change; for all of them. */
void validate_selector_update(struct json_object *obj, struct json_object *old, struct err *err);

void validate_replicationcontroller(struct json_object *obj, struct err *err);

/* batch.c */
struct buf;
void validate_job(struct json_object *obj, struct err *err);
void validate_job_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_job_status(struct json_object *obj, struct json_object *old, struct err *err);
void validate_cronjob(struct json_object *obj, struct err *err);
void cronjob_warnings(struct json_object *obj, struct json_object *old, struct buf *out);

/* policy.c */
void validate_pdb(struct json_object *obj, struct err *err);

/* pod.c, pod_update.c */
void validate_pod(struct json_object *obj, struct err *err);
void validate_pod_create(struct json_object *obj, struct err *err);
void validate_pod_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_pod_status(struct json_object *obj, struct json_object *old, struct err *err);
void validate_pod_ephemeral(struct json_object *obj, struct json_object *old, struct err *err);
void validate_pod_resize(struct json_object *obj, struct json_object *old, struct err *err);

/* service.c; addresses and ports that the server chooses may still be missing. */
void validate_service(struct json_object *obj, struct err *err);
void validate_service_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_service_status(struct json_object *obj, struct json_object *old, struct err *err);

/* endpoints.c */
void validate_endpoints(struct json_object *obj, struct err *err);
void validate_endpointslice(struct json_object *obj, struct err *err);
void validate_endpointslice_update(struct json_object *obj, struct json_object *old,
				   struct err *err);

/* config.c */
void validate_namespace(struct json_object *obj, struct err *err);
void validate_namespace_finalize(struct json_object *obj, struct json_object *old, struct err *err);
void validate_namespace_status(struct json_object *obj, struct json_object *old, struct err *err);
void validate_configmap(struct json_object *obj, struct err *err);
void validate_configmap_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_secret(struct json_object *obj, struct err *err);
void validate_secret_update(struct json_object *obj, struct json_object *old, struct err *err);

/* cluster.c */
void validate_node(struct json_object *obj, struct err *err);
void validate_node_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_node_status(struct json_object *obj, struct json_object *old, struct err *err);
void validate_lease(struct json_object *obj, struct err *err);
void validate_priorityclass(struct json_object *obj, struct err *err);
void validate_priorityclass_update(struct json_object *obj, struct json_object *old,
				   struct err *err);
void validate_binding(struct json_object *obj, struct err *err);

/* event.c: v1 and events.k8s.io/v1, each in its own field names */
void validate_event(struct json_object *obj, struct err *err);
void validate_event_v1(struct json_object *obj, struct err *err);
void validate_event_v1_create(struct json_object *obj, struct err *err);
void validate_event_v1_update(struct json_object *obj, struct json_object *old, struct err *err);

/* csr.c; the update is also that of /status and /approval */
void validate_csr(struct json_object *obj, struct err *err);
void validate_csr_update(struct json_object *obj, struct json_object *old, struct err *err);

/* rbac.c; a binding's roleRef may not change. */
void validate_role(struct json_object *obj, struct err *err);
void validate_clusterrole(struct json_object *obj, struct err *err);
void validate_rolebinding(struct json_object *obj, struct err *err);
void validate_clusterrolebinding(struct json_object *obj, struct err *err);
void validate_rolebinding_update(struct json_object *obj, struct json_object *old, struct err *err);
#endif
