/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_KINDS_DEFAULTS_H
#define KNARR_API_KINDS_DEFAULTS_H
#include "lib/base/base.h"
/*
 * Defaults that depend on other fields of the same object (k8s.io/kubernetes pkg/apis/.../
 * defaults.go); constants stand in the tables. Each works on one object of its type, in place.
 */
struct json_object;

/* api_type.defaults */
void default_pod_spec(struct json_object *obj);
void default_container(struct json_object *obj);
void default_volume(struct json_object *obj);
void default_service_spec(struct json_object *obj);
void default_service_port(struct json_object *obj);
void default_node_status(struct json_object *obj);
void default_deployment_strategy(struct json_object *obj);
void default_rolling_update(struct json_object *obj);
void default_stateful_set_spec(struct json_object *obj);
void default_limit_range_item(struct json_object *obj);
void default_network_policy_spec(struct json_object *obj);
void default_priority_level_spec(struct json_object *obj);
void default_limit_response(struct json_object *obj);
void default_device_request(struct json_object *obj);
void default_hpa_spec(struct json_object *obj);
void default_failure_pattern(struct json_object *obj); /* of a Job's podFailurePolicy */
/* api_kind.defaults */
void default_hpa(struct json_object *obj);
void default_pod(struct json_object *obj);
void default_namespace(struct json_object *obj);
#endif
