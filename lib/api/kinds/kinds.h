/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_KINDS_KINDS_H
#define KNARR_API_KINDS_KINDS_H
#include "lib/api/kind.h"
/*
 * The list of built-in kinds, and what their files share.
 *
 * To add one: its types as tables in a *_types.c (declared in types.h), the struct api_kind with
 * its columns in a *_kinds.c, a line here and in builtin.c; what create and update do beyond
 * the generic rules goes to strategies.c, validation to a hook of its struct api_strategy (tools:
 * lib/api/validate.h), defaults that depend on other fields to defaults.c. Discovery, OpenAPI,
 * patches, apply, protobuf and printing follow from the tables.
 */
extern const struct api_kind *const api_builtin_kinds[];
extern const size_t api_builtin_n;

/* core_kinds.c, node_kinds.c, service_kinds.c, apps_kinds.c, batch_kinds.c, auth_kinds.c,
 * rbac_kinds.c */
extern const struct api_kind api_kind_binding, api_kind_configmap, api_kind_csr,
	api_kind_controllerrevision, api_kind_daemonset, api_kind_deployment, api_kind_statefulset,
	api_kind_endpoints, api_kind_endpointslice, api_kind_event, api_kind_event_v1,
	api_kind_eviction, api_kind_lease, api_kind_namespace, api_kind_node, api_kind_pod,
	api_kind_poddisruptionbudget, api_kind_priorityclass, api_kind_replicaset, api_kind_scale,
	api_kind_secret, api_kind_self_sar, api_kind_self_review, api_kind_self_rules,
	api_kind_service, api_kind_serviceaccount, api_kind_token_request, api_kind_token_review,
	api_kind_sar, api_kind_local_sar, api_kind_delete_options, api_kind_status, api_kind_role,
	api_kind_clusterrole, api_kind_rolebinding, api_kind_clusterrolebinding, api_kind_job,
	api_kind_cronjob, api_kind_replicationcontroller;

/* storage_kinds.c, networking_kinds.c, quota_kinds.c, autoscaling_kinds.c */
extern const struct api_kind api_kind_persistentvolume, api_kind_persistentvolumeclaim,
	api_kind_storageclass, api_kind_csidriver, api_kind_csinode, api_kind_csistoragecapacity,
	api_kind_volumeattachment, api_kind_volumeattributesclass, api_kind_ingress,
	api_kind_ingressclass, api_kind_networkpolicy, api_kind_ipaddress, api_kind_servicecidr,
	api_kind_limitrange, api_kind_resourcequota, api_kind_podtemplate, api_kind_componentstatus,
	api_kind_runtimeclass, api_kind_hpa_v2, api_kind_hpa_v1;
/* admission_kinds.c, flowcontrol_kinds.c, resource_kinds.c, apiregistration_kinds.c */
extern const struct api_kind api_kind_validatingwebhook, api_kind_mutatingwebhook,
	api_kind_validatingpolicy, api_kind_validatingbinding, api_kind_mutatingpolicy,
	api_kind_mutatingbinding, api_kind_flowschema, api_kind_prioritylevel, api_kind_deviceclass,
	api_kind_resourceclaim, api_kind_resourceclaimtemplate, api_kind_resourceslice,
	api_kind_apiservice, api_kind_node_metrics, api_kind_pod_metrics;

/* apiextensions_kinds.c */
extern const struct api_kind api_kind_crd;

/* What most kinds say of themselves in the same words. */
#define KIND_NAMES(group_, version_, kind_, plural_, singular_)                         \
	.group = (group_), .version = (version_), .kind = (kind_), .plural = (plural_), \
	.singular = (singular_), .list_kind = kind_ "List", .verbs = API_VERB_ALL
#define KIND_COLUMNS(columns_) .columns = (columns_), .n_columns = ARRAY_SIZE(columns_)
#define KIND_SUBS(subs_) .subresources = (subs_), .n_subresources = ARRAY_SIZE(subs_)
#define KIND_TEXTS(...)           \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

/* Cells several kinds use (columns.c). */
void cell_text(struct jw *w, struct jv text, const char *none); /* or what stands for absence */
/* "RWO,ROX" of a list of volume access modes. */
void cell_access_modes(struct jv modes, struct jw *w);
void cell_age(const struct api_table_ctx *c, struct jv obj, struct jw *w);
void cell_data_count(const struct api_table_ctx *c, struct jv obj, struct jw *w);
/* Age of a timestamp as kubectl prints it, "<unknown>" if it is none. */
void column_age(const struct api_table_ctx *c, struct jv time, struct buf *out);
/* "k=v,k2=v2" of a map; "<none>" when empty. */
void column_map(struct jv map, struct buf *out);
/* Names or images of spec.template's containers, joined by commas. */
void cell_containers(const struct api_table_ctx *c, struct jv obj, struct jw *w);
void cell_images(const struct api_table_ctx *c, struct jv obj, struct jw *w);
void cell_selector(const struct api_table_ctx *c, struct jv obj, struct jw *w); /* LabelSelector */
#define COLUMN_NAME                                                 \
	{                                                           \
		"Name", "string", "name", 0, "metadata.name", NULL, \
			"Name, unique within a namespace"           \
	}
#define COLUMN_AGE                                                              \
	{                                                                       \
		"Age", "string", NULL, 0, NULL, cell_age, "Time since creation" \
	}
/* With -o wide, of what has a pod template. */
#define COLUMNS_TEMPLATE                                                                     \
	{"Containers", "string", NULL, 1, NULL, cell_containers, "Names of its containers"}, \
	{                                                                                    \
		"Images", "string", NULL, 1, NULL, cell_images, "Images of its containers"   \
	}
#define COLUMN_SELECTOR(cell)                                                   \
	{                                                                       \
		"Selector", "string", NULL, 1, NULL, cell, "Labels of its pods" \
	}
#define SUB_STATUS                                         \
	{                                                  \
		.name = "status", .verbs = API_VERB_STATUS \
	}
#define SUB_PROXY(kind_)                                                                     \
	{                                                                                    \
		.name = "proxy",                                                             \
		.verbs = API_VERB_CREATE | API_VERB_GET | API_VERB_STATUS | API_VERB_DELETE, \
		.group = "", .version = "v1", .kind = (kind_)                                \
	}
#define SUB_SCALE                                                                  \
	{                                                                          \
		.name = "scale", .verbs = API_VERB_STATUS, .group = "autoscaling", \
		.version = "v1", .kind = "Scale"                                   \
	}
#endif
