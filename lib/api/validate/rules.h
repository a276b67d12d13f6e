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
/* spec.selector may not change; for both. */
void validate_selector_update(struct json_object *obj, struct json_object *old, struct err *err);

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
#endif
