/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/*
 * InterPodAffinity: required terms of the pod, and required anti-affinity of those that are there,
 * filter; preferred terms of both sides score, and required affinity of those that are there does
 * so a little (k8s pkg/scheduler/framework/plugins/interpodaffinity).
 */

static bool prepare(struct sched_cycle *cy)
{
	const struct sched_class *cl = cy->class;

	if (cy->wants->n_affinity || cy->wants->n_anti)
		return true;
	for (size_t i = 0; i < cl->n_met; i++)
		if (cl->met[i]->kind == TERM_ANTI)
			return true;
	return false;
}

/* Every term has a matching pod in the node's domain; the first pod of its kind may go anywhere. */
static bool affine(const struct sched_wants *w, const struct sched_node *n)
{
	bool there = true, any = false;

	for (size_t i = 0; i < w->n_affinity; i++) {
		if (sched_tally_domain(w->affinity[i], n) == SCHED_NO_DOMAIN)
			return false;
		there &= sched_tally_at(w->affinity[i], n) > 0;
		any |= w->affinity[i]->total > 0;
	}
	return there || (!any && w->affinity_self);
}

static bool apart(const struct sched_wants *w, const struct sched_node *n)
{
	for (size_t i = 0; i < w->n_anti; i++)
		if (sched_tally_at(w->anti[i], n))
			return false;
	return true;
}

static bool welcome(const struct sched_class *cl, const struct sched_node *n)
{
	for (size_t i = 0; i < cl->n_met; i++)
		if (cl->met[i]->kind == TERM_ANTI && sched_tally_at(cl->met[i]->carriers, n))
			return false;
	return true;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	if (!affine(cy->wants, n)) {
		SCHED_REFUSE(cy, false, STR("node(s) didn't match pod affinity rules"));
		return false;
	}
	if (!apart(cy->wants, n)) {
		SCHED_REFUSE(cy, true, STR("node(s) didn't match pod anti-affinity rules"));
		return false;
	}
	if (!welcome(cy->class, n)) {
		SCHED_REFUSE(cy, true,
			     STR("node(s) didn't satisfy existing pods anti-affinity rules"));
		return false;
	}
	return true;
}

static int64_t weight_of(const struct sched_cycle *cy, const struct sched_pod_term *t)
{
	switch (t->kind) {
	case TERM_AFFINITY:
		return cy->profile->hard_affinity_weight;
	case TERM_PREFER:
		return t->weight;
	case TERM_AVOID:
		return -t->weight;
	case TERM_ANTI:
		break;
	}
	return 0;
}

static bool prepare_score(struct sched_cycle *cy)
{
	for (size_t i = 0; i < cy->wants->n_preferred; i++)
		if (cy->wants->preferred[i].tally->total)
			return true;
	for (size_t i = 0; i < cy->class->n_met; i++)
		if (weight_of(cy, cy->class->met[i]) && cy->class->met[i]->carriers->total)
			return true;
	return false;
}

static void score(struct sched_cycle *cy, int64_t *scores)
{
	const struct sched_wants *w = cy->wants;
	const struct sched_class *cl = cy->class;

	memset(scores, 0, cy->n_fit * sizeof(*scores));
	for (size_t i = 0; i < w->n_preferred; i++)
		for (size_t k = 0; k < cy->n_fit; k++)
			scores[k] += w->preferred[i].weight *
				     sched_tally_at(w->preferred[i].tally, cy->fit[k]);
	for (size_t i = 0; i < cl->n_met; i++) {
		int64_t weight = weight_of(cy, cl->met[i]);

		for (size_t k = 0; weight && k < cy->n_fit; k++)
			scores[k] += weight * sched_tally_at(cl->met[i]->carriers, cy->fit[k]);
	}
}

static void normalise(struct sched_cycle *cy, int64_t *scores)
{
	int64_t min = INT64_MAX, max = INT64_MIN;

	for (size_t k = 0; k < cy->n_fit; k++) {
		min = MIN(min, scores[k]);
		max = MAX(max, scores[k]);
	}
	for (size_t k = 0; k < cy->n_fit; k++)
		scores[k] = max > min ? SCHED_SCORE_MAX * (scores[k] - min) / (max - min) : 0;
}

const struct sched_plugin sched_inter_pod_affinity = {
	.name = "InterPodAffinity",
	.weight = 2,
	.wakes =
		SCHED_EV_NODE_LABELS | SCHED_EV_POD_GONE | SCHED_EV_POD_PLACED | SCHED_EV_NAMESPACE,
	.prepare = prepare,
	.prepare_score = prepare_score,
	.filter = filter,
	.score = score,
	.normalise = normalise,
};
