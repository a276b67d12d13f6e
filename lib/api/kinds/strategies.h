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
/* plain_strategies.c */
extern const struct api_strategy persistentvolume_strategy, persistentvolumeclaim_strategy,
	storageclass_strategy, csidriver_strategy, csinode_strategy, csistoragecapacity_strategy,
	volumeattachment_strategy, volumeattributesclass_strategy, ingress_strategy,
	ingressclass_strategy, networkpolicy_strategy, ipaddress_strategy, servicecidr_strategy,
	limitrange_strategy, resourcequota_strategy, podtemplate_strategy, runtimeclass_strategy,
	hpa_strategy, hpa_v1_strategy, validatingwebhook_strategy, mutatingwebhook_strategy,
	validatingpolicy_strategy, validatingbinding_strategy, mutatingpolicy_strategy,
	mutatingbinding_strategy, flowschema_strategy, prioritylevel_strategy, deviceclass_strategy,
	resourceclaim_strategy, resourceclaimtemplate_strategy, resourceslice_strategy,
	apiservice_strategy;

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
