/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"

extern const struct controller deployment_controller, endpoints_controller,
	endpointslice_controller, replicaset_controller;

const struct controller *const controllers_table[] = {
	&deployment_controller,
	&replicaset_controller,
	&endpointslice_controller,
	&endpoints_controller,
	NULL,
};
