/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_VERBS_H
#define KNARR_APISERVER_VERBS_H
#include "master/apiserver/respond.h"
#include "master/apiserver/server.h"
/*
 * The last step of the pipeline: one function a verb, called when user, rights, kind and (for those
 * that have one) body are there. Each answers, now or when the store has.
 */
void verb_get(struct request *r);
void verb_list(struct request *r);
void verb_watch(struct request *r);
/*
 * How long a watch lasts: timeoutSeconds, or, where that is 0 or absent, between 30 minutes and
 * twice that, so that clients which began together do not come back together.
 */
uint64_t watch_timeout_s(uint64_t asked, const struct rng *rng);
/* The head of a watch's answer; `work` is the request's from then on, both functions get it. */
void watch_answer(struct request *r, void *work, void (*on_gone)(struct request *r),
		  void (*on_drain)(struct request *r));
void verb_create(struct request *r);
void verb_update(struct request *r); /* of the object, of status and its like */
void verb_patch(struct request *r);
void verb_delete(struct request *r);
void verb_deletecollection(struct request *r);

/* Sub-resources with a body or an effect of their own. */
void sub_scale(struct request *r);
void sub_binding(struct request *r);
void sub_eviction(struct request *r);
void sub_token(struct request *r);
void sub_approval(struct request *r);
/* Log, exec, attach, portforward: passed on to the agent. */
void sub_kubelet(struct request *r);
/* Of pods, services and nodes: the request made again to them. */
void sub_proxy(struct request *r);

/* Kinds that are answered at once: SelfSubjectReview and its like. */
void virtual_create(struct request *r);
/* get and list of ComponentStatus. */
void component_read(struct request *r);

/* What is no resource: discovery, OpenAPI, health, version, metrics. */
void paths_run(struct request *r);

/* /knarr/v1/...: the administration of the masters; begin reads the body and goes on with run. */
#define CLUSTER_PATH "/knarr/v1/"
void cluster_begin(struct request *r);
void cluster_run(struct request *r);
/* A backup, as a file; of any master, alone or not. */
#define BACKUP_PATH "/knarr/v1/snapshot"
void backup_run(struct request *r);
#endif
