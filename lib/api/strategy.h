/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_STRATEGY_H
#define KNARR_API_STRATEGY_H
#include "lib/api/api.h"
/*
 * The rules that hold for every kind around the kind's own strategy
 * (k8s.io/apiserver/pkg/registry/rest create.go, update.go). Called with defaulted objects.
 */

/*
 * Before create: drops what clients may not set (generation, status, deletion fields, selfLink),
 * sets generation 1 where the kind counts, then the kind's own. Name, namespace, uid and
 * creationTimestamp have been set by the caller: a Job's selector is made of them.
 */
void api_prepare_create(const struct api_kind *k, struct json_object *obj);
/*
 * Before update of the main resource: keeps what is immutable in metadata (uid,
 * creationTimestamp, deletion fields, generation), keeps status where /status exists, counts
 * generation when something outside metadata and status changed, then the kind's own.
 */
void api_prepare_update(const struct api_kind *k, struct json_object *obj, struct json_object *old);
/*
 * Before update of a subresource of the same kind. "status": everything but status,
 * labels, annotations of the old object stays (labels stay too); others: the kind's own rule.
 */
void api_prepare_update_sub(const struct api_kind *k, const struct api_subresource *sub,
			    struct json_object *obj, struct json_object *old);
/* True when both are equal leaving out resourceVersion, managedFields and generation. */
bool api_unchanged(struct json_object *a, struct json_object *b);
#endif
