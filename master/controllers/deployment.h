/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_DEPLOYMENT_H
#define KNARR_DEPLOYMENT_H
#include "master/controllers/controller.h"
#include "master/controllers/util.h"
/*
 * The parts of the Deployment controller: deployment.c decides which step is due, deployment_sets.c
 * finds, makes, scales and removes ReplicaSets, deployment_status.c tells how far it is.
 */
struct deploy_set { /* a ReplicaSet of the Deployment */
	struct object *o; /* NULL: the new one that this plan makes */
	struct jv spec, status;
	int64_t spec_replicas; /* as this plan leaves it */
	int64_t was_replicas; /* as the cache has it */
	int64_t replicas, ready, available, revision;
};

struct deploy_step {
	struct ctl *c;
	struct plan *p;
	struct object *d;
	struct jv spec, status;
	struct deploy_set *sets; /* old ones, oldest first */
	size_t n_sets, cap_sets;
	struct deploy_set *new_set; /* NULL: none yet */
	struct deploy_set new_store;
	struct object **claimed;
	int64_t replicas, max_surge, max_unavailable, min_ready_s;
	bool paused, recreate;
	/* For status */
	const char *progress_reason; /* what happened in this step; NULL: nothing of note */
	char *new_name;
	bool collision; /* raise collisionCount */
	struct buf annotations; /* "key":"value" members to patch on the Deployment */
};

/* Fills sets and new_set from the caches, adopting. */
void deploy_find_sets(struct deploy_step *s);
/* Makes the new set if there is none (with `replicas`), or brings its annotations up to date. */
void deploy_ensure_new_set(struct deploy_step *s);
/* Plans spec.replicas of a set, with an event; true if that is a change. */
bool deploy_scale(struct deploy_step *s, struct deploy_set *set, int64_t replicas);
/* The desired size changed or the rollout is paused: scale all sets in proportion. */
void deploy_scale_all(struct deploy_step *s);
bool deploy_is_scaling(struct deploy_step *s);
/* Removes old sets beyond revisionHistoryLimit. */
void deploy_clean_up(struct deploy_step *s);
/* Rolled out: all replicas are of the new set and available. */
bool deploy_complete(struct deploy_step *s);
int64_t deploy_total(const struct deploy_step *s, bool of_spec);
int64_t deploy_available(const struct deploy_step *s);
void deploy_update_status(struct deploy_step *s);

#define DEPLOY_REVISION "deployment.kubernetes.io/revision"
#define DEPLOY_REVISION_HISTORY "deployment.kubernetes.io/revision-history"
#define DEPLOY_DESIRED "deployment.kubernetes.io/desired-replicas"
#define DEPLOY_MAX "deployment.kubernetes.io/max-replicas"
#define DEPLOY_HASH_LABEL "pod-template-hash"
#endif
