/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_VALIDATE_POD_H
#define KNARR_API_VALIDATE_POD_H
#include "lib/api/validate/check.h"
/*
 * Pods and the templates of pods, in parts (k8s.io/kubernetes pkg/apis/core/validation). Objects
 * are borrowed; `p` is where they stand.
 */

/* A PodTemplateSpec: labels, annotations and the pod's spec, without what only pods may have. */
void validate_pod_template(const struct place *p, struct json_object *tmpl);
#endif
