/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_BOOTSTRAP_FLOW_H
#define KNARR_BOOTSTRAP_FLOW_H
/*
 * The priority levels and FlowSchemas that every cluster has (k8s.io/apiserver/pkg/apis/
 * flowcontrol/bootstrap): add is told each as collection, name and JSON that it may keep.
 */
void bootstrap_flow(void (*add)(void *user, const char *collection, const char *name,
				char *take_json),
		    void *user);
#endif
