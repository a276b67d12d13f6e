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
/* Only clusterIP(s), ipFamilies and ipFamilyPolicy: what must be right before any is filled in. */
void validate_service_addresses(struct json_object *obj, struct err *err);
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

/* storage.c */
void validate_pv(struct json_object *obj, struct err *err);
void validate_pv_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_pvc(struct json_object *obj, struct err *err);
void validate_pvc_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_pvc_status(struct json_object *obj, struct json_object *old, struct err *err);
/* storage_class.c: the kinds of storage.k8s.io */
void validate_storageclass(struct json_object *obj, struct err *err);
void validate_storageclass_update(struct json_object *obj, struct json_object *old,
				  struct err *err);
void validate_csidriver(struct json_object *obj, struct err *err);
void validate_csidriver_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_csinode(struct json_object *obj, struct err *err);
void validate_csinode_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_csistoragecapacity(struct json_object *obj, struct err *err);
void validate_csistoragecapacity_update(struct json_object *obj, struct json_object *old,
					struct err *err);
void validate_volumeattachment(struct json_object *obj, struct err *err);
void validate_volumeattachment_update(struct json_object *obj, struct json_object *old,
				      struct err *err);
void validate_vac(struct json_object *obj, struct err *err);
void validate_vac_update(struct json_object *obj, struct json_object *old, struct err *err);

/* networking.c */
void validate_ingress(struct json_object *obj, struct err *err);
void validate_ingress_create(struct json_object *obj, struct err *err);
void validate_ingressclass(struct json_object *obj, struct err *err);
void validate_ingressclass_update(struct json_object *obj, struct json_object *old,
				  struct err *err);
void validate_networkpolicy(struct json_object *obj, struct err *err);
void validate_ipaddress(struct json_object *obj, struct err *err);
void validate_ipaddress_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_servicecidr(struct json_object *obj, struct err *err);
void validate_servicecidr_update(struct json_object *obj, struct json_object *old, struct err *err);

/* quota.c */
void validate_limitrange(struct json_object *obj, struct err *err);
void validate_resourcequota(struct json_object *obj, struct err *err);
void validate_resourcequota_update(struct json_object *obj, struct json_object *old,
				   struct err *err);
void validate_podtemplate(struct json_object *obj, struct err *err);
void validate_runtimeclass(struct json_object *obj, struct err *err);
void validate_runtimeclass_update(struct json_object *obj, struct json_object *old,
				  struct err *err);
void validate_hpa(struct json_object *obj, struct err *err);
void validate_hpa_v1(struct json_object *obj, struct err *err);

/* admission.c, flowcontrol.c */
void validate_validatingwebhook(struct json_object *obj, struct err *err);
void validate_mutatingwebhook(struct json_object *obj, struct err *err);
void validate_validatingpolicy(struct json_object *obj, struct err *err);
void validate_mutatingpolicy(struct json_object *obj, struct err *err);
void validate_validatingbinding(struct json_object *obj, struct err *err);
void validate_mutatingbinding(struct json_object *obj, struct err *err);
void validate_flowschema(struct json_object *obj, struct err *err);
void validate_prioritylevel(struct json_object *obj, struct err *err);
void validate_apiservice(struct json_object *obj, struct err *err);

/* devices.c, device_slices.c */
void validate_deviceclass_create(struct json_object *obj, struct err *err);
void validate_deviceclass_update(struct json_object *obj, struct json_object *old, struct err *err);
void validate_resourceclaim_create(struct json_object *obj, struct err *err);
void validate_resourceclaim_status(struct json_object *obj, struct json_object *old,
				   struct err *err);
void validate_resourceclaim_update(struct json_object *obj, struct json_object *old,
				   struct err *err);
void validate_resourceclaimtemplate_create(struct json_object *obj, struct err *err);
void validate_resourceclaimtemplate_update(struct json_object *obj, struct json_object *old,
					   struct err *err);
void validate_resourceslice(struct json_object *obj, struct err *err);
void validate_resourceslice_update(struct json_object *obj, struct json_object *old,
				   struct err *err);

/* rbac.c; a binding's roleRef may not change. */
void validate_role(struct json_object *obj, struct err *err);
void validate_clusterrole(struct json_object *obj, struct err *err);
void validate_rolebinding(struct json_object *obj, struct err *err);
void validate_clusterrolebinding(struct json_object *obj, struct err *err);
void validate_rolebinding_update(struct json_object *obj, struct json_object *old, struct err *err);
#endif
