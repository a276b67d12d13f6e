/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/kinds.h"

/* Order is that of discovery: core first, then groups as kubectl expects to prefer them. */
const struct api_kind *const api_builtin_kinds[] = {
	&api_kind_binding,       &api_kind_configmap,
	&api_kind_endpoints,     &api_kind_event,
	&api_kind_namespace,     &api_kind_node,
	&api_kind_pod,           &api_kind_replicationcontroller,
	&api_kind_secret,        &api_kind_serviceaccount,
	&api_kind_service,       &api_kind_delete_options,
	&api_kind_status,        &api_kind_controllerrevision,
	&api_kind_daemonset,     &api_kind_deployment,
	&api_kind_replicaset,    &api_kind_statefulset,
	&api_kind_event_v1,      &api_kind_self_review,
	&api_kind_token_review,  &api_kind_token_request,
	&api_kind_local_sar,     &api_kind_self_sar,
	&api_kind_self_rules,    &api_kind_sar,
	&api_kind_scale,         &api_kind_cronjob,
	&api_kind_job,           &api_kind_csr,
	&api_kind_lease,         &api_kind_endpointslice,
	&api_kind_eviction,      &api_kind_poddisruptionbudget,
	&api_kind_priorityclass, &api_kind_clusterrolebinding,
	&api_kind_clusterrole,   &api_kind_rolebinding,
	&api_kind_role,
};
const size_t api_builtin_n = ARRAY_SIZE(api_builtin_kinds);
