/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_OBJECTS_H
#define KNARR_POD_OBJECTS_H
#include "agent/volume/source.h"
/*
 * The ConfigMaps, Secrets, claims, volumes and service account tokens that the pods of this node
 * refer to. Each
 * object is watched by its name as long as a pod uses it (the API server lets a node read only
 * those), and its pods are kicked when it comes or changes. Tokens are asked for by TokenRequest,
 * bound to the pod, and renewed when 80 % of their time has passed.
 *
 * While no master has answered for ALONE_NS, what was last known (kept.h) is given instead, a token
 * even when it has expired: nobody is there to refuse it, the clock of a machine that has just
 * booted may be wrong, and the pod's service matters more. All of it is brought up to date when a
 * master is back. A token on disk that is good for longer is used after a restart, too: a thousand
 * agents that start at once ask for none.
 */
struct objects;
struct pod;
struct client;

struct objects *objects_new(struct client *client); /* client NULL: everything answers -EAGAIN */
struct objects *objects_free(struct objects *o);

/* For the pod_source of a pod; see source.h for the answers. */
int refs_object(struct pod *p, enum source_kind kind, struct str name, struct jv *ret,
		struct err *err);
void refs_release(struct pod *p, enum source_kind kind, struct str name);
int refs_token(struct pod *p, struct str audience, int64_t expiration_s, struct buf *out,
	       struct err *err);
/* One at a time for a pod; one that failed is made again when its volumes are looked at next. */
void refs_claim_status(struct pod *p, struct str claim, struct str body);
/* Let go of everything the pod used. */
void refs_free(struct pod *p);
#endif
