/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_REVISION_H
#define KNARR_REVISION_H
#include "master/controllers/controller.h"
#include "master/controllers/util.h"
/*
 * ControllerRevisions: the templates that a DaemonSet or StatefulSet has had, as the patches which
 * `kubectl rollout undo` applies (k8s pkg/controller/history). They are found again by their data,
 * so a template that comes back gets its old revision with a new number.
 */
#define REVISION_HASH_LABEL "controller-revision-hash"
struct revisions {
	struct object **v; /* all that the owner has, oldest first */
	size_t n;
	struct object *now; /* that of the present template; NULL: the plan makes it */
	char *name, *hash; /* of the present one */
	struct str template_now; /* JSON of the owner's spec.template */
};
/*
 * Finds them in the cache, claims orphans, and plans the present one where it is missing (a stage
 * of its own, so that what follows may name it). Zero-initialise *r; end with revisions_done.
 */
void revisions_find(struct revisions *r, struct ctl *c, struct plan *p,
		    const struct client_kind *kind, struct object *owner,
		    const struct label_selector *sel);
void revisions_done(struct revisions *r);
struct object *revisions_get(const struct revisions *r, struct str name); /* NULL: none */
/* Plans the removal of the oldest beyond `limit` which `live` does not name and is not the present.
 */
void revisions_trim(const struct revisions *r, struct plan *p, int64_t limit,
		    bool (*live)(void *user, struct object *rev), void *user);
/* Asks for informer and indexes; the owners are enqueued when one of theirs goes or changes. */
void revisions_watch(struct ctl *c, const struct informer_handler *h);
/*
 * Writes metadata and spec of a pod made from a template: labels of the template with `extra`
 * (pairs of name and value, NULL behind the last), owner reference, and the spec's members with
 * those of `over` (raw JSON by name) in their place.
 */
struct pod_over {
	const char *name;
	struct str json;
};
void write_pod_from_template(struct jw *w, struct jv template, const struct client_kind *kind,
			     struct object *owner, struct str name, const char *const *extra,
			     const struct pod_over *over, size_t n_over);
#endif
