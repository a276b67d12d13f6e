/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_CLASS_H
#define KNARR_SCHEDULER_CLASS_H
#include "master/scheduler/count.h"
/*
 * Pods that a decision cannot tell apart: same namespace, labels, controller, requests, selectors,
 * affinities, tolerations, constraints, ports, images and claims. Found by the text of these; what
 * is parsed stands here once.
 */
enum sched_piece {
	PIECE_NS,
	PIECE_OWNER, /* uid of the controller */
	PIECE_LABELS,
	PIECE_SELECTOR,
	PIECE_AFFINITY,
	PIECE_TOLERATIONS,
	PIECE_SPREAD,
	PIECE_VOLUMES, /* raw volumes that restrict the choice of nodes, one a line */
	PIECE_CLAIMS, /* spec.resourceClaims */
	PIECE_SCHEDULER, /* spec.schedulerName: which profile */
	PIECE_IMAGES, /* one a line */
	PIECE_DEMAND, /* numbers */
	PIECE_MAX,
};

struct sched_class {
	char *key;
	size_t key_len;
	struct str pieces[PIECE_MAX]; /* of key */
	struct sched_ns *ns;
	struct list in_ns, pods;
	size_t n_pods;
	struct jv labels;
	struct sched_spec spec;
	struct sched_demand demand;
	char **images;
	size_t n_images, cap_images;
	/* Terms its pods carry; with references. */
	struct sched_pod_term **carried;
	size_t n_carried, cap_carried;
	/* Sets that count its pods; terms of others that match its pods. */
	struct sched_set **sets;
	struct sched_pod_term **met;
	size_t n_sets, cap_sets, n_met, cap_met;
	struct sched_wants *wants; /* wants.h; NULL until one of its pods is decided on */
};

/* The class of a pod, made if need be. labels: their JSON text; spec: sched_pod_members. */
struct sched_class *sched_class_of(struct sched_cache *c, const struct object *pod,
				   struct str labels, const struct jv spec[POD_MEMBERS]);
/* One pod more or less; a class without pods is freed. */
void sched_class_add(struct sched_cache *c, struct sched_class *cl, struct sched_pod *p);
void sched_class_remove(struct sched_cache *c, struct sched_pod *p);

/* An entry of podAffinity or podAntiAffinity as a match, with its text for sharing. */
void sched_affinity_match(const struct sched_class *cl, struct jv term, struct sched_match *ret,
			  struct buf *key);
/* A label selector and the keys whose values come from the pod, added to m->sel and key. */
void sched_selector_match(const struct sched_class *cl, struct jv selector, struct jv keys,
			  struct jv not_keys, struct sched_match *m, struct buf *key);
/* Value of one of the class's labels, or STR_NULL. */
struct str sched_class_label(const struct sched_class *cl, struct str key);
#endif
