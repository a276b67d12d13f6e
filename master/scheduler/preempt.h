/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_PREEMPT_H
#define KNARR_SCHEDULER_PREEMPT_H
#include "lib/client/informer.h"
#include "master/scheduler/framework.h"
/*
 * DefaultPreemption: when a pod fits nowhere, which pods of lower priority would have to go, and
 * from which node (k8s pkg/scheduler/framework/plugins/defaultpreemption). A pure function too: it
 * decides, the scheduler acts.
 */

/* The PodDisruptionBudgets, compiled when asked for after a change. */
struct budgets {
	struct informer *in;
	struct budget {
		struct object *obj;
		struct label_selector sel;
		int64_t allowed, left;
	} * v;
	size_t n, cap;
	bool stale;
};
void budgets_start(struct budgets *b, struct informers *informers);
void budgets_stop(struct budgets *b);

struct sched_victims {
	struct sched_node *node;
	struct sched_pod **v; /* the most important first */
	size_t n, cap;
	size_t violations; /* of them against a budget */
};
void sched_victims_done(struct sched_victims *v);
/*
 * After sched_decide found no node. True: the victims whose end makes room on ret->node. False:
 * nobody's would, and fw->cy.preemption says why; *ret_keep tells whether an earlier nomination of
 * the pod still stands (its victims are on their way out).
 */
bool sched_preempt(struct sched_framework *fw, struct budgets *b, struct sched_victims *ret,
		   bool *ret_keep);
#endif
