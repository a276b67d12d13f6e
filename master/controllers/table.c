/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"

extern const struct controller clusterrole_controller, crd_controller, daemonset_controller,
	deployment_controller, disruption_controller, endpoints_controller,
	endpointslice_controller, eviction_controller, gc_controller, job_controller,
	cronjob_controller, replicationcontroller_controller, namespace_controller,
	nodeipam_controller, nodelifecycle_controller, podgc_controller, replicaset_controller,
	root_ca_controller, serviceaccount_controller, statefulset_controller;

/* Those that want whole objects stand before those that share what there is (namespace, gc). */
const struct controller *const controllers_table[] = {
	&deployment_controller,
	&replicaset_controller,
	&daemonset_controller,
	&statefulset_controller,
	&replicationcontroller_controller,
	&job_controller,
	&cronjob_controller,
	&disruption_controller,
	&endpointslice_controller,
	&endpoints_controller,
	&clusterrole_controller,
	&serviceaccount_controller,
	&root_ca_controller,
	&nodeipam_controller,
	&nodelifecycle_controller,
	&eviction_controller,
	&podgc_controller,
	&crd_controller,
	&namespace_controller,
	&gc_controller,
	NULL,
};
