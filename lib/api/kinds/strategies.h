/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_KINDS_STRATEGIES_H
#define KNARR_API_KINDS_STRATEGIES_H
#include "lib/api/kind.h"
/* What kinds do on create and update, beyond the generic rules of strategy.h. */
extern const struct api_strategy pod_strategy, namespace_strategy, configmap_strategy,
	secret_strategy, node_strategy, service_strategy, endpoints_strategy,
	endpointslice_strategy, event_strategy, event_v1_strategy, lease_strategy,
	controllerrevision_strategy, poddisruptionbudget_strategy, daemonset_strategy,
	statefulset_strategy, deployment_strategy, replicaset_strategy, priorityclass_strategy,
	csr_strategy;

/* Subresources: what may change is taken from obj, the rest from old. */
void pod_prepare_ephemeral(struct json_object *obj, struct json_object *old);
void pod_prepare_resize(struct json_object *obj, struct json_object *old);
void pod_prepare_status(struct json_object *obj, struct json_object *old);
void namespace_prepare_finalize(struct json_object *obj, struct json_object *old);
void csr_prepare_approval(struct json_object *obj, struct json_object *old);
void csr_prepare_status(struct json_object *obj, struct json_object *old);
/* "Guaranteed", "Burstable" or "BestEffort" from a pod's spec. */
const char *pod_qos_class(struct json_object *spec);
#endif
