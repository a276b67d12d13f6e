/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POLICIES_H
#define KNARR_POLICIES_H
#include "master/apiserver/write.h"
/*
 * ValidatingAdmissionPolicy (admissionregistration.k8s.io/v1, KEP-3488): rules in CEL that the
 * server itself evaluates. A policy says what to look at, its bindings where, with which parameters
 * and what follows; policies are compiled once, in step with the store.
 */
struct policies;
struct policies *policies_new(struct apiserver *s);
struct policies *policies_free(struct policies *p); /* takes NULL, returns NULL */

/* Refusal as Kubernetes words it (422 by default), warnings, notes in the audit log. */
int policies_validate(struct write *w, struct err *err);
/*
 * Do the expressions of a new policy compile? Otherwise Invalid, naming the field. For writes of
 * policies themselves.
 */
int policies_check(const struct api_kind *kind, struct json_object *obj, struct err *err);
#endif
