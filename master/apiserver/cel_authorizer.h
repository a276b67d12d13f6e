/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CEL_AUTHORIZER_H
#define KNARR_CEL_AUTHORIZER_H
#include "lib/cel/cel.h"
#include "master/apiserver/server.h"
/*
 * `authorizer` in expressions (k8s.io/apiserver pkg/cel/library/authz.go):
 *
 *	authorizer.group('apps').resource('deployments').namespace('x').check('create').allowed()
 *	authorizer.path('/healthz').check('get').reason()
 *	authorizer.serviceAccount('ns', 'name').group('')...
 *	authorizer.requestResource.check('delete').allowed()
 */
extern const struct cel_lib cel_lib_authorizer;
struct cel_authorizer {
	struct apiserver *s;
	const struct user *user;
	struct str group, resource, sub, ns, name; /* of the request */
};
/* The variable's value, in the arena of the evaluation; `a` must live as long. */
struct cel_val cel_authorizer_value(struct arena *arena, const struct cel_authorizer *a);
#endif
