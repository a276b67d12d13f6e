/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/* NodeAffinity: spec.nodeSelector and required node affinity must match; preferred one scores. */

static bool prepare(struct sched_cycle *cy)
{
	const struct sched_spec *s = cy->pod->spec;

	return s->n_selector || s->has_required || s->n_preferred;
}

static bool selector_match(const struct sched_spec *s, const struct sched_node *n)
{
	for (size_t i = 0; i < s->n_selector; i++) {
		struct str value = sched_node_label(n, s->selector[i].key);

		if (str_is_null(value) || !str_eq(value, s->selector[i].value))
			return false;
	}
	return true;
}

static bool required_match(const struct sched_spec *s, const struct sched_node *n)
{
	if (!s->has_required)
		return true;
	for (size_t i = 0; i < s->n_required; i++)
		if (sched_term_match(&s->required[i], n))
			return true;
	return false;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	const struct sched_spec *s = cy->pod->spec;

	if (selector_match(s, n) && required_match(s, n))
		return true;
	SCHED_REFUSE(cy, false, STR("node(s) didn't match Pod's node affinity/selector"));
	return false;
}

static int64_t score(struct sched_cycle *cy, const struct sched_node *n)
{
	const struct sched_spec *s = cy->pod->spec;
	int64_t sum = 0;

	for (size_t i = 0; i < s->n_preferred; i++)
		if (s->preferred[i].weight && sched_term_match(&s->preferred[i], n))
			sum += s->preferred[i].weight;
	return sum;
}

static void normalise(struct sched_cycle *cy, int64_t *scores, size_t n)
{
	sched_normalise(scores, n, false);
}

const struct sched_plugin sched_node_affinity = {
	.name = "NodeAffinity",
	.weight = 2,
	.wakes = SCHED_EV_NODE_LABELS,
	.prepare = prepare,
	.filter = filter,
	.score = score,
	.normalise = normalise,
};
