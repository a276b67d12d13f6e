/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

#include <math.h>

/*
 * PodTopologySpread: pods that match a constraint's selector are spread over the domains of its
 * topology key. DoNotSchedule filters by the skew against the emptiest domain; ScheduleAnyway (and
 * the defaults for pods of Services and controllers) scores
 * (k8s pkg/scheduler/framework/plugins/podtopologyspread).
 */

static bool prepare(struct sched_cycle *cy)
{
	return cy->wants->n_hard > 0;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	const struct sched_wants *w = cy->wants;

	for (size_t i = 0; i < w->n_hard; i++) {
		const struct sched_spread *s = &w->hard[i];
		int64_t min;

		if (sched_tally_domain(s->tally, n) == SCHED_NO_DOMAIN) {
			SCHED_REFUSE(cy, false,
				     STR("node(s) didn't match pod topology spread constraints "
					 "(missing required label)"));
			return false;
		}
		min = s->tally->n_domains < s->min_domains ? 0 : sched_tally_min(s->tally);
		if (sched_tally_at(s->tally, n) + s->self - min <= s->max_skew)
			continue;
		SCHED_REFUSE(cy, true, STR("node(s) didn't match pod topology spread constraints"));
		return false;
	}
	return true;
}

/* The pod's own constraints leave nodes out of the score that lack one of the keys. */
static bool ignored(const struct sched_wants *w, const struct sched_node *n)
{
	for (size_t i = 0; !w->defaulted && i < w->n_soft; i++)
		if (sched_tally_domain(w->soft[i].tally, n) == SCHED_NO_DOMAIN)
			return true;
	return false;
}

/* How many domains the nodes that fit are in; a missing label is one, when that is allowed. */
static size_t domains_seen(struct sched_cycle *cy, const struct sched_tally *t)
{
	CLEANUP_FREE uint64_t *seen = xcalloc(sched_words(t->topo->n_domains + 1) + 1, 8);
	size_t n = 0;

	for (size_t k = 0; k < cy->n_fit; k++) {
		uint32_t d = sched_tally_domain(t, cy->fit[k]);

		d = d == SCHED_NO_DOMAIN ? 0 : d + 1;
		if (ignored(cy->wants, cy->fit[k]) || sched_bit(seen, d))
			continue;
		sched_bit_set(seen, d, true);
		n++;
	}
	return n;
}

/* Few domains must not drown beside many: ln(domains + 2). */
static bool prepare_score(struct sched_cycle *cy)
{
	const struct sched_wants *w = cy->wants;

	if (!w->n_soft)
		return false;
	if (cy->cap_spread < w->n_soft) {
		cy->cap_spread = w->n_soft;
		cy->spread_weights =
			xrealloc(cy->spread_weights, w->n_soft * sizeof(*cy->spread_weights));
	}
	for (size_t i = 0; i < w->n_soft; i++) {
		size_t n = 0;

		if (!w->soft[i].host)
			n = domains_seen(cy, w->soft[i].tally);
		else if (w->defaulted)
			n = cy->n_fit;
		else
			for (size_t k = 0; k < cy->n_fit; k++)
				n += !ignored(w, cy->fit[k]);
		cy->spread_weights[i] = log((double)n + 2);
	}
	return true;
}

#define IGNORED -1

static void score(struct sched_cycle *cy, int64_t *scores)
{
	const struct sched_wants *w = cy->wants;

	for (size_t k = 0; k < cy->n_fit; k++) {
		const struct sched_node *n = cy->fit[k];
		double sum = 0;

		for (size_t i = 0; i < w->n_soft; i++) {
			const struct sched_spread *s = &w->soft[i];
			uint32_t pods = s->host ? s->set->on[n->slot] : 0;

			if (!s->host) {
				if (sched_tally_domain(s->tally, n) == SCHED_NO_DOMAIN)
					continue;
				pods = sched_tally_at(s->tally, n);
			}
			sum += pods * cy->spread_weights[i] + (double)(s->max_skew - 1);
		}
		scores[k] = ignored(w, n) ? IGNORED : (int64_t)(sum + 0.5);
	}
}

static void normalise(struct sched_cycle *cy, int64_t *scores)
{
	int64_t min = INT64_MAX, max = 0;

	for (size_t k = 0; k < cy->n_fit; k++) {
		if (scores[k] == IGNORED)
			continue;
		min = MIN(min, scores[k]);
		max = MAX(max, scores[k]);
	}
	for (size_t k = 0; k < cy->n_fit; k++) {
		if (scores[k] == IGNORED)
			scores[k] = 0;
		else if (!max)
			scores[k] = SCHED_SCORE_MAX;
		else
			scores[k] = SCHED_SCORE_MAX * (max + min - scores[k]) / max;
	}
}

const struct sched_plugin sched_topology_spread = {
	.name = "PodTopologySpread",
	.weight = 2,
	.wakes = SCHED_EV_NODE_LABELS | SCHED_EV_NODE_TAINTS | SCHED_EV_POD_GONE |
		 SCHED_EV_POD_PLACED,
	.prepare = prepare,
	.prepare_score = prepare_score,
	.filter = filter,
	.score = score,
	.normalise = normalise,
};
