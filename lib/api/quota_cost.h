/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_QUOTA_COST_H
#define KNARR_API_QUOTA_COST_H
#include "lib/api/kind.h"
#include "lib/api/quantity.h"
#include "lib/base/err.h"
#include "lib/json/jv.h"
/*
 * What objects cost in the terms of a ResourceQuota (k8s.io/kubernetes pkg/quota/v1): counts
 * ("count/deployments.apps", "pods", "services.nodeports"), and of pods and claims also what they
 * ask for ("requests.cpu", "limits.memory", "gold.storageclass.storage.k8s.io/requests.storage").
 */
struct quota_item {
	char *name;
	struct quantity q;
};
struct quota_use {
	struct quota_item *v;
	size_t n, cap;
};
void quota_use_done(struct quota_use *u);
/* Add to what is there under the name; `times` may be negative. */
void quota_use_add(struct quota_use *u, struct str name, struct quantity q, int times);
const struct quantity *quota_use_get(const struct quota_use *u, struct str name); /* or NULL */

/*
 * The cost of an object, added to ret. A pod that has ended costs only its count, and so does one
 * that should have been gone by now_ns (Unix time).
 */
void quota_cost(const struct api_kind *k, struct jv obj, int64_t now_ns, struct quota_use *ret);
/* Whether the quota's scopes and scopeSelector take this object in. */
bool quota_matches(struct jv quota, const struct api_kind *k, struct jv obj);
/*
 * Where a quota limits cpu or memory, each container must say what it wants of them:
 * "must specify limits.cpu for: a,b; requests.memory for: a". -EINVAL.
 */
int quota_check_pod(struct jv quota, struct jv pod, struct err *err);
/* The kind whose objects count for a resource name; NULL: none that is known. */
const struct api_kind *quota_kind_of(struct str name);
#endif
