/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POLICY_TYPES_H
#define KNARR_POLICY_TYPES_H
#include "master/apiserver/server.h"
/*
 * Are the expressions of a ValidatingAdmissionPolicy right for the kinds that it is about? Checked
 * against their schemas, at most ten of them; what is wrong is no mistake but stands in the
 * policy's status.typeChecking, as kube-controller-manager's validatingadmissionpolicy-status
 * writes it (k8s.io/apiserver pkg/admission/plugin/policy/validating/typechecking.go). Nothing is
 * done where status.observedGeneration says that it has been.
 */
void policy_types_check(const struct apiserver *s, struct json_object *policy);
#endif
