/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_JOB_H
#define KNARR_JOB_H
#include "lib/api/indexes.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"
/*
 * The parts of the Job controller: job.c decides what is due, job_pods.c looks at pods, makes and
 * removes them, job_policy.c matches failures and successes against the Job's policies,
 * job_status.c writes how far it is.
 *
 * A pod keeps the finalizer until the Job has counted it, so that none is lost or counted twice
 * (KEP-2307):
 *
 *	ended pod with finalizer --> its uid in status.uncountedTerminatedPods
 *	                         --> finalizer off
 *	                         --> uid out, counter up
 */
#define JOB_FINALIZER "batch.kubernetes.io/job-tracking"
#define JOB_INDEX "batch.kubernetes.io/job-completion-index"
#define JOB_INDEX_FAILURES "batch.kubernetes.io/job-index-failure-count"
#define JOB_INDEX_IGNORED "batch.kubernetes.io/job-index-ignored-failure-count"
#define JOB_MANAGER "kubernetes.io/job-controller"

enum job_action { JOB_COUNT, JOB_IGNORE, JOB_FAIL_INDEX, JOB_FAIL_JOB };

struct job_pod {
	struct object *o;
	int64_t index; /* -1: none, or beyond completions */
	int64_t failures, ignored; /* of its index before it */
	int64_t finished_ns; /* of an ended one */
	bool tracked; /* has the finalizer */
	bool succeeded, failed; /* as the Job counts them */
	bool active; /* neither ended nor being deleted */
	bool terminating; /* being deleted, not ended */
	bool uncounted; /* its uid stands in status.uncountedTerminatedPods */
	bool drop; /* the plan deletes it */
	bool release; /* the plan takes the finalizer off */
	bool delayed; /* its failures are still to be handed to the next pod of its index */
	enum job_action action;
};

/* What a Job comes to. */
struct job_end {
	const char *type; /* "FailureTarget", "SuccessCriteriaMet"; NULL: still running */
	char *reason, *message; /* owned */
};

/* How often pods failed since one succeeded; kept as long as the process leads. */
struct job_backoff {
	int64_t failures, last_ns;
	int64_t next_failures, next_last_ns; /* once status has taken them in */
};

struct job_step {
	struct ctl *c;
	struct plan *p;
	struct object *job;
	struct jv spec, status;
	struct job_pod *pods;
	size_t n_pods;
	struct job_pod **delayed; /* those of pods, by index */
	size_t n_delayed;
	int64_t completions; /* -1: not given */
	int64_t parallelism, now_ns, generation;
	int64_t active, ready, terminating;
	int64_t succeeded, failed; /* with what is not counted yet */
	int64_t new_failed; /* of those */
	bool indexed, per_index, suspended, only_failed; /* only_failed: replace ended pods alone */
	bool resumed; /* startTime begins anew */
	struct indexes done, broken; /* completed and failed indexes */
	struct job_end end;
	struct job_backoff *backoff;
};

/* job_pods.c */
void job_look(struct job_step *s, struct object **pods, size_t n);
bool job_has_finalizer(const struct object *pod);
/* Plans the pod without the finalizer. */
void job_release(struct plan *p, const struct object *pod);
/* Too many, ended or suspended: plans deletions. True when there was one. */
bool job_remove_pods(struct job_step *s);
/* Plans what is missing, a backoff allowing. */
void job_create_pods(struct job_step *s);
/* When an ended pod ended, Unix nanoseconds. */
int64_t job_finished_ns(const struct object *pod);

/* job_policy.c */
/* What podFailurePolicy says of a failed pod; *ret_message (may be NULL) is set for FailJob. */
enum job_action job_failure_action(struct job_step *s, const struct job_pod *p, char **ret_message);
/* The number of the rule of successPolicy that is met, or -1. */
int64_t job_success_rule(const struct job_step *s);
/* Nanoseconds to wait after the n-th failure in a row at `last_ns`; 0: none. */
uint64_t job_backoff_left(int64_t failures, int64_t last_ns, int64_t now_ns);

/* job_status.c: plans status, finalizers and status again; and tells the end by an event. */
void job_track(struct job_step *s);
bool job_finished(const struct object *job); /* Complete or Failed */
#endif
