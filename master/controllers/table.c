/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"

/* One a line: each adds a line of its own. */
extern const struct controller attachdetach_controller;
extern const struct controller cloud_node_controller;
extern const struct controller cloud_route_controller;
extern const struct controller clusterip_controller;
extern const struct controller clusterrole_controller;
extern const struct controller crd_controller;
extern const struct controller csr_cleaner_controller;
extern const struct controller endpointslice_mirror_controller;
extern const struct controller token_cleaner_controller;
extern const struct controller cronjob_controller;
extern const struct controller daemonset_controller;
extern const struct controller deployment_controller;
extern const struct controller disruption_controller;
extern const struct controller endpoints_controller;
extern const struct controller endpointslice_controller;
extern const struct controller ephemeral_volume_controller;
extern const struct controller eviction_controller;
extern const struct controller gc_controller;
extern const struct controller hpa_controller;
extern const struct controller job_controller;
extern const struct controller namespace_controller;
extern const struct controller nodeipam_controller;
extern const struct controller nodelifecycle_controller;
extern const struct controller podgc_controller;
extern const struct controller pv_binder_controller;
extern const struct controller pv_protection_controller;
extern const struct controller pvc_protection_controller;
extern const struct controller replicaset_controller;
extern const struct controller replicationcontroller_controller;
extern const struct controller resourceclaim_controller;
extern const struct controller root_ca_controller;
extern const struct controller service_lb_controller;
extern const struct controller serviceaccount_controller;
extern const struct controller servicecidr_controller;
extern const struct controller statefulset_controller;

/* Those that want whole objects stand before those that share what there is (namespace, gc). */
const struct controller *const controllers_table[] = {
	&deployment_controller,
	&replicaset_controller,
	&daemonset_controller,
	&statefulset_controller,
	&replicationcontroller_controller,
	&pv_binder_controller,
	&pvc_protection_controller,
	&pv_protection_controller,
	&attachdetach_controller,
	&ephemeral_volume_controller,
	&resourceclaim_controller,
	&job_controller,
	&cronjob_controller,
	&disruption_controller,
	&hpa_controller,
	&endpointslice_controller,
	&endpoints_controller,
	&endpointslice_mirror_controller,
	&token_cleaner_controller,
	&csr_cleaner_controller,
	&clusterrole_controller,
	&serviceaccount_controller,
	&root_ca_controller,
	&nodeipam_controller,
	&servicecidr_controller,
	&clusterip_controller,
	&nodelifecycle_controller,
	&eviction_controller,
	&podgc_controller,
	&crd_controller,
	&cloud_node_controller,
	&cloud_route_controller,
	&service_lb_controller,
	&namespace_controller,
	&gc_controller,
	NULL,
};
