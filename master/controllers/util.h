/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CONTROLLERS_UTIL_H
#define KNARR_CONTROLLERS_UTIL_H
#include "lib/api/labels.h"
#include "lib/client/informer.h"
#include "lib/client/plan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
/* What several controllers ask about objects and write into them. */

static inline struct str object_uid(const struct object *o)
{
	return jv_text(jv_get(object_meta(o), "uid"));
}
static inline bool object_deleting(const struct object *o)
{
	return o->deleting;
}
/* Unix nanoseconds of metadata.creationTimestamp; 0 when there is none. */
int64_t object_created_ns(const struct object *o);
struct str object_annotation(const struct object *o, const char *name);

/* The element of status.conditions of a type; JV_NONE. */
struct jv condition_get(struct jv obj, const char *type);
bool condition_true(struct jv obj, const char *type);
/* Nanoseconds of a time string; 0 when absent or broken. */
int64_t time_ns(struct jv v);

/* Somebody says by a taint that it is down for good: what it holds may be taken. */
bool node_out_of_service(const struct object *node);

bool pod_ended(const struct object *pod); /* Succeeded or Failed */
bool pod_active(const struct object *pod); /* neither ended nor being deleted */
bool pod_ready(struct jv pod);
/*
 * Ready for min_ready_s seconds? If only time is missing, *ret_wait_ns (may be NULL) is how long.
 */
bool pod_available(struct jv pod, int64_t min_ready_s, int64_t now_ns, uint64_t *ret_wait_ns);

/* One OwnerReference with controller and blockOwnerDeletion true. */
void write_controller_ref(struct jw *w, const struct client_kind *kind, const struct object *owner);
/*
 * Plan: other owners, on what was looked at: open within the list, which wants its references
 * and three ends: array, object, object.
 */
struct jw plan_owners(struct plan *p, const struct client_kind *kind, const struct object *o);
/* Objects of a namespace that have no controller: who might be adopted. */
informer_index_fn index_orphans;
/*
 * Claim what a selector names (controllerRef manager): objects whose controller is `owner` and that
 * match stay, those that no longer match are released, orphans that match are adopted (both by
 * patches added to p). Returns the claimed ones, borrowed, in *ret; the caller frees the array.
 */
size_t claim(struct plan *p, const struct client_kind *owner_kind, const struct object *owner,
	     const struct label_selector *sel, const struct client_kind *kind, struct informer *in,
	     struct object ***ret);
/* The same for owners which also look at names. */
size_t claim_named(struct plan *p, const struct client_kind *owner_kind, const struct object *owner,
		   const struct label_selector *sel, const struct client_kind *kind,
		   struct informer *in,
		   bool (*fits)(const struct object *o, const struct object *owner),
		   struct object ***ret);
/* Kubernetes' rand.SafeEncodeString of an FNV-1a hash; NUL-terminated. */
void hash_name(struct str bytes, int64_t salt, char ret[16]);
/* intstr: 25% of total, rounded up or down, or the number; `otherwise` when absent. */
int64_t int_or_percent(struct jv v, int64_t total, bool up, int64_t otherwise);
/* True when `patch` (the JSON of a status) equals have, compared as values. */
bool json_same(struct str a, struct str b);
#endif
