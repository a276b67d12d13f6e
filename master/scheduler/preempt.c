/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/preempt.h"
#include "lib/base/clock.h"
#include "master/scheduler/preempt_private.h"

struct victim {
	struct sched_pod *pod;
	int64_t started_ns;
	bool violates;
};

struct dry_run {
	struct sched_cycle cy; /* a copy: what the filters say here is about preemption */
	struct budgets *budgets;
	struct victim *v; /* pods of lower priority on the node at hand */
	size_t n, cap;
};

void sched_victims_done(struct sched_victims *v)
{
	free(v->v);
	*v = (struct sched_victims){0};
}

static int64_t started_ns(const struct sched_pod *p)
{
	int64_t ns;

	if (time_parse(jv_text(jv_get(object_status(p->obj), "startTime")), &ns) < 0)
		return INT64_MAX; /* not yet */
	return ns;
}

/* The more important first: higher priority, then who runs longer. */
static int by_importance(const void *a, const void *b)
{
	const struct victim *x = a, *y = b;

	if (x->pod->priority != y->pod->priority)
		return x->pod->priority > y->pod->priority ? -1 : 1;
	if (x->started_ns != y->started_ns)
		return x->started_ns < y->started_ns ? -1 : 1;
	return str_cmp(x->pod->obj->key, y->pod->obj->key);
}

static bool being_preempted(const struct sched_pod *p)
{
	if (p->preempted)
		return true;
	if (!p->deleting)
		return false;
	jv_for_each (c, jv_get(object_status(p->obj), "conditions"))
		if (jv_eqs(jv_get(c.value, "type"), "DisruptionTarget") &&
		    jv_eqs(jv_get(c.value, "status"), "True") &&
		    jv_eqs(jv_get(c.value, "reason"), "PreemptionByScheduler"))
			return true;
	return false;
}

static bool is_helpable(const struct sched_cycle *cy, const struct sched_node *n)
{
	for (size_t i = 0; i < cy->n_helpable; i++)
		if (cy->helpable[i] == n)
			return true;
	return false;
}

/* Why the pod may not preempt; NULL: it may. */
static const char *not_eligible(const struct sched_cycle *cy)
{
	const struct sched_pod *p = cy->pod;

	if (p->never_preempts)
		return "not eligible due to preemptionPolicy=Never.";
	if (!p->nominated || !is_helpable(cy, p->nominated))
		return NULL;
	list_for_each (it, &p->nominated->pods) {
		const struct sched_pod *v = list_entry(it, struct sched_pod, on_node);

		if (v->priority < p->priority && being_preempted(v))
			return "not eligible due to a terminating pod on the nominated node.";
	}
	return NULL;
}

static void find_lower(struct dry_run *d, struct sched_node *n)
{
	d->n = 0;
	list_for_each (it, &n->pods) {
		struct sched_pod *p = list_entry(it, struct sched_pod, on_node);

		if (p->priority < d->cy.pod->priority)
			*ARRAY_PUSH(d->v, d->n, d->cap) = (struct victim){p, started_ns(p), false};
	}
}

/* Lets back in whoever leaves room enough; the others are victims. */
static void reprieve(struct dry_run *d, struct sched_node *n, bool violating,
		     struct sched_victims *ret, bool *is_victim)
{
	for (size_t i = 0; i < d->n; i++) {
		struct sched_pod *p = d->v[i].pod;

		if (d->v[i].violates != violating)
			continue;
		sched_cache_drop(d->cy.cache, p, n);
		if (sched_fits(&d->cy, n))
			continue;
		sched_cache_lift(d->cy.cache, p);
		is_victim[i] = true;
		ret->violations += violating;
	}
}

/* False: it would not fit even without all of them (the reasons are noted). */
static bool try_node(struct dry_run *d, struct sched_node *n, struct sched_victims *ret)
{
	CLEANUP_FREE bool *is_victim = NULL;
	bool fits;

	find_lower(d, n);
	if (!d->n) {
		d->cy.explain = true;
		SCHED_REFUSE(&d->cy, false, STR("No preemption victims found for incoming pod"));
		return false;
	}
	for (size_t i = 0; i < d->n; i++)
		sched_cache_lift(d->cy.cache, d->v[i].pod);
	d->cy.explain = true;
	fits = sched_fits(&d->cy, n);
	d->cy.explain = false;
	if (!fits) {
		for (size_t i = 0; i < d->n; i++)
			sched_cache_drop(d->cy.cache, d->v[i].pod, n);
		return false;
	}
	qsort(d->v, d->n, sizeof(*d->v), by_importance);
	budgets_begin(d->budgets);
	for (size_t i = 0; i < d->n; i++)
		d->v[i].violates = budgets_violated(d->budgets, d->v[i].pod);
	*ret = (struct sched_victims){.node = n};
	is_victim = xcalloc(d->n, sizeof(*is_victim));
	reprieve(d, n, true, ret, is_victim);
	reprieve(d, n, false, ret, is_victim);
	for (size_t i = 0; i < d->n; i++) {
		if (!is_victim[i])
			continue;
		sched_cache_drop(d->cy.cache, d->v[i].pod, n);
		*ARRAY_PUSH(ret->v, ret->n, ret->cap) = d->v[i].pod;
	}
	return true;
}

static int64_t sum_of(const struct sched_victims *v)
{
	int64_t sum = 0;

	/* Moved above zero, so that a few negative ones don't outweigh a higher one. */
	for (size_t i = 0; i < v->n; i++)
		sum += (int64_t)v->v[i]->priority + INT32_MAX + 1;
	return sum;
}

/* When the first of the most important victims started. */
static int64_t earliest_ns(const struct sched_victims *v)
{
	int64_t ns = INT64_MAX;

	for (size_t i = 0; i < v->n && v->v[i]->priority == v->v[0]->priority; i++)
		ns = MIN(ns, started_ns(v->v[i]));
	return ns;
}

/* Whether a is to be taken rather than b: k8s preemption.go, pickOneNodeForPreemption. */
static bool better(const struct sched_victims *a, const struct sched_victims *b)
{
	int64_t x, y;

	if (!a->n || !b->n)
		return !a->n && b->n;
	if (a->violations != b->violations)
		return a->violations < b->violations;
	if (a->v[0]->priority != b->v[0]->priority)
		return a->v[0]->priority < b->v[0]->priority;
	x = sum_of(a);
	y = sum_of(b);
	if (x != y)
		return x < y;
	if (a->n != b->n)
		return a->n < b->n;
	return earliest_ns(a) > earliest_ns(b);
}

static void tell(struct sched_cycle *cy, struct dry_run *d)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	uint32_t rest = cy->evaluated - (uint32_t)cy->n_helpable;

	if (rest) {
		*ARRAY_PUSH(d->cy.reasons, d->cy.n_reasons, d->cy.cap_reasons) =
			(struct sched_reason){xstrdup("Preemption is not helpful for scheduling"),
					      rest};
	}
	buf_addf(&b, "0/%u nodes are available: ", cy->evaluated);
	sched_reasons_text(d->cy.reasons, d->cy.n_reasons, &b);
	buf_addc(&b, '.');
	cy->preemption = buf_take(&b);
}

static void dry_run_done(struct dry_run *d)
{
	for (size_t i = 0; i < d->cy.n_reasons; i++)
		free(d->cy.reasons[i].text);
	free(d->cy.reasons);
	free(d->v);
}

/* Nodes to choose among. */
static size_t enough(const struct sched_profile *p, size_t n)
{
	return MIN(MAX(n * p->candidates_percent / 100, (size_t)p->candidates_min), n);
}

bool sched_preempt(struct sched_framework *fw, struct budgets *b, struct sched_victims *ret,
		   bool *ret_keep)
{
	struct sched_cycle *cy = &fw->cy;
	struct dry_run d = {.cy = *cy, .budgets = b};
	size_t n = cy->n_helpable, want = enough(cy->profile, n);
	size_t start = n ? (size_t)sched_random(fw, n) : 0, found = 0, kind = 0;
	const char *why = cy->profile->no_preemption ? "" : not_eligible(cy);
	struct sched_victims best = {0}, one;

	*ret_keep = why && *why && !cy->pod->never_preempts;
	if (why) {
		cy->preemption = *why ? xstrdup(why) : NULL;
		return false;
	}
	d.cy.reasons = NULL;
	d.cy.n_reasons = d.cy.cap_reasons = 0;
	for (size_t i = 0; i < n && !(kind && found >= want); i++) {
		if (!try_node(&d, cy->helpable[(start + i) % n], &one))
			continue;
		kind += !one.violations;
		if (!found++ || better(&one, &best)) {
			sched_victims_done(&best);
			best = one;
		} else {
			sched_victims_done(&one);
		}
	}
	if (!found)
		tell(cy, &d);
	dry_run_done(&d);
	if (found)
		*ret = best;
	return found > 0;
}
