/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/hpa.h"

/*
 * How fast an autoscaler may change its target (KEP-853): of the recommendations in a window the
 * mildest counts, and policies bound what is added or taken away in a period. Without
 * spec.behavior: down by the highest of five minutes, up at once, by four pods or to twice the
 * size in fifteen seconds.
 */
#define KEEP_NS (3600 * (int64_t)NSEC_PER_SEC) /* the longest window and period allowed */
#define DOWN_WINDOW_S 300

void hpa_points_add(struct hpa_points *p, int64_t at_ns, int64_t n)
{
	size_t keep = 0;

	for (size_t i = 0; i < p->n; i++)
		if (at_ns - p->v[i].at_ns <= KEEP_NS)
			p->v[keep++] = p->v[i];
	p->n = keep;
	*ARRAY_PUSH(p->v, p->n, p->cap) = (struct hpa_point){at_ns, n};
}

void hpa_note_change(struct hpa *h, int64_t from, int64_t to, int64_t now_ns)
{
	if (to > from)
		hpa_points_add(&h->ups, now_ns, to - from);
	else if (to < from)
		hpa_points_add(&h->downs, now_ns, from - to);
}

static int64_t sum(const struct hpa_points *p, int64_t since_ns)
{
	int64_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].at_ns > since_ns)
			n += p->v[i].n;
	return n;
}

/* ---- Stabilization ---- */

static int64_t window_ns(struct jv behavior, const char *side, int64_t otherwise_s)
{
	return jv_i64(jv_get(jv_get(behavior, side), "stabilizationWindowSeconds"), otherwise_s) *
	       (int64_t)NSEC_PER_SEC;
}

static int64_t stabilize(struct hpa *h, const struct hpa_limits *l, int64_t wanted)
{
	int64_t up_since = l->now_ns - window_ns(l->behavior, "scaleUp", 0);
	int64_t down_since = l->now_ns - window_ns(l->behavior, "scaleDown", DOWN_WINDOW_S);
	int64_t lowest = wanted, highest = wanted, n = l->current;

	for (size_t i = 0; i < h->wanted.n; i++) {
		const struct hpa_point *p = &h->wanted.v[i];

		if (p->at_ns > up_since)
			lowest = MIN(lowest, p->n);
		if (p->at_ns > down_since)
			highest = MAX(highest, p->n);
	}
	n = MAX(n, lowest);
	n = MIN(n, highest);
	hpa_points_add(&h->wanted, l->now_ns, wanted);
	return n;
}

/* ---- Policies ---- */

struct policy {
	bool percent;
	int64_t value, period_s;
};
static const struct policy up_defaults[] = {{false, 4, 15}, {true, 100, 15}};
static const struct policy down_defaults[] = {{true, 100, 15}};

static int64_t propose(struct hpa *h, const struct hpa_limits *l, const struct policy *p, bool up)
{
	int64_t since = l->now_ns - p->period_s * (int64_t)NSEC_PER_SEC;
	int64_t start = l->current - sum(&h->ups, since) + sum(&h->downs, since);

	if (!p->percent)
		return up ? start + p->value : start - p->value;
	if (up)
		return (start * (100 + p->value) + 99) / 100;
	return start * (100 - p->value) / 100;
}

/* The farthest size that the policies let the target have now. */
static int64_t limit(struct hpa *h, const struct hpa_limits *l, bool up)
{
	struct jv rules = jv_get(l->behavior, up ? "scaleUp" : "scaleDown");
	struct jv select = jv_get(rules, "selectPolicy"), list = jv_get(rules, "policies");
	const struct policy *v = up ? up_defaults : down_defaults;
	size_t n = up ? ARRAY_SIZE(up_defaults) : ARRAY_SIZE(down_defaults);
	CLEANUP_FREE struct policy *own = NULL;
	bool least = jv_eqs(select, "Min");
	int64_t best = 0;

	if (jv_eqs(select, "Disabled"))
		return l->current;
	if (jv_len(list)) {
		own = xcalloc(jv_len(list), sizeof(*own));
		n = 0;
		jv_for_each (p, list)
			own[n++] = (struct policy){jv_eqs(jv_get(p.value, "type"), "Percent"),
						   jv_i64(jv_get(p.value, "value"), 0),
						   jv_i64(jv_get(p.value, "periodSeconds"), 15)};
		v = own;
	}
	for (size_t i = 0; i < n; i++) {
		int64_t one = propose(h, l, &v[i], up);

		if (!i)
			best = one;
		else
			best = (up != least) ? MAX(best, one) : MIN(best, one);
	}
	return up ? MAX(best, l->current) : MIN(best, l->current);
}

struct hpa_decision hpa_decide(struct hpa *h, const struct hpa_limits *l, int64_t wanted)
{
	int64_t stable = stabilize(h, l, wanted), bound;
	struct hpa_decision d = {
		.replicas = stable,
		.stabilized = stable != wanted,
		.able_reason = "ReadyForNewScale",
		.able_message = "recommended size matches current size",
		.limit_reason = "DesiredWithinRange",
		.limit_message = "the desired count is within the acceptable range",
	};

	if (d.stabilized) {
		bool up = wanted >= l->current;

		d.able_reason = up ? "ScaleUpStabilized" : "ScaleDownStabilized";
		d.able_message =
			up ? "recent recommendations were lower than current one, applying "
			     "the lowest recent recommendation"
			   : "recent recommendations were higher than current one, applying "
			     "the highest recent recommendation";
	}
	if (stable > l->current) {
		bound = limit(h, l, true);
		d.limit_reason = bound < l->max ? "ScaleUpLimit" : "TooManyReplicas";
		d.limit_message = bound < l->max ? "the desired replica count is increasing faster "
						   "than the maximum scale rate"
						 : "the desired replica count is more than the "
						   "maximum replica count";
		bound = MIN(bound, l->max);
		d.replicas = MIN(stable, bound);
	} else if (stable < l->current) {
		bound = limit(h, l, false);
		d.limit_reason = bound > l->min ? "ScaleDownLimit" : "TooFewReplicas";
		d.limit_message = bound > l->min ? "the desired replica count is decreasing faster "
						   "than the maximum scale rate"
						 : "the desired replica count is less than the "
						   "minimum replica count";
		bound = MAX(bound, l->min);
		d.replicas = MAX(stable, bound);
	}
	d.limited = d.replicas != stable;
	if (!d.limited) {
		d.limit_reason = "DesiredWithinRange";
		d.limit_message = "the desired count is within the acceptable range";
	}
	return d;
}
