/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/framework.h"

const struct sched_plugin *const sched_plugins[] = {
	&sched_node_unschedulable, &sched_node_name,  &sched_taints,
	&sched_node_affinity,      &sched_node_ports, &sched_resources_fit,
	&sched_balanced,           &sched_spread,     NULL,
};

/* With few nodes all are looked at; with many, enough to choose well among. */
#define ENOUGH_MIN 100

static size_t enough(size_t n_nodes)
{
	size_t percent = n_nodes / 125;

	if (n_nodes < ENOUGH_MIN)
		return n_nodes;
	percent = percent < 45 ? 50 - percent : 5;
	return MAX(n_nodes * percent / 100, (size_t)ENOUGH_MIN);
}

static void cycle_clear(struct sched_cycle *cy)
{
	for (size_t i = 0; i < cy->n_reasons; i++)
		free(cy->reasons[i].text);
	free(cy->reasons);
	*cy = (struct sched_cycle){0};
}

void sched_framework_done(struct sched_framework *fw)
{
	cycle_clear(&fw->cy);
	free(fw->fit);
	free(fw->scores);
	free(fw->totals);
	*fw = (struct sched_framework){0};
}

static bool is_text(const char *text, const struct str *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (parts[i].len && strncmp(text, parts[i].p, parts[i].len) != 0)
			return false;
		text += parts[i].len;
	}
	return !*text;
}

void sched_refuse(struct sched_cycle *cy, bool resolvable, const struct str *parts, size_t n)
{
	struct buf text = BUF_INIT;

	cy->refused_by |= 1u << cy->plugin;
	cy->node_hopeless |= !resolvable;
	for (size_t i = 0; i < cy->n_reasons; i++) {
		if (!is_text(cy->reasons[i].text, parts, n))
			continue;
		cy->reasons[i].nodes++;
		return;
	}
	for (size_t i = 0; i < n; i++)
		buf_addstr(&text, parts[i]);
	*ARRAY_PUSH(cy->reasons, cy->n_reasons, cy->cap_reasons) =
		(struct sched_reason){buf_take(&text), 1};
}

void sched_normalise(int64_t *scores, size_t n, bool reverse)
{
	int64_t max = 0;

	for (size_t i = 0; i < n; i++)
		max = MAX(max, scores[i]);
	for (size_t i = 0; i < n; i++) {
		if (max)
			scores[i] = scores[i] * SCHED_SCORE_MAX / max;
		if (reverse)
			scores[i] = SCHED_SCORE_MAX - scores[i];
	}
}

static bool passes(struct sched_cycle *cy, uint32_t active, const struct sched_node *n)
{
	for (uint32_t i = 0; sched_plugins[i]; i++) {
		if (!(active & 1u << i) || !sched_plugins[i]->filter)
			continue;
		cy->plugin = i;
		cy->node_hopeless = false;
		if (!sched_plugins[i]->filter(cy, n)) {
			cy->hopeless += cy->node_hopeless;
			return false;
		}
	}
	return true;
}

static size_t find_fit(struct sched_framework *fw, const struct sched_cache *c, uint32_t active)
{
	size_t want = enough(c->n_nodes), n = 0, i;
	struct sched_cycle *cy = &fw->cy;

	if (fw->start >= c->n_nodes)
		fw->start = 0;
	for (i = 0; i < c->n_nodes && n < want; i++) {
		size_t at = fw->start + i;
		struct sched_node *node = c->nodes[at < c->n_nodes ? at : at - c->n_nodes];

		cy->evaluated++;
		if (passes(cy, active, node))
			fw->fit[n++] = node;
	}
	/* The next decision goes on where this one stopped: all nodes get their turn. */
	fw->start = c->n_nodes ? (fw->start + i) % c->n_nodes : 0;
	return n;
}

static void add_scores(struct sched_framework *fw, uint32_t active, size_t n)
{
	struct sched_cycle *cy = &fw->cy;

	memset(fw->totals, 0, n * sizeof(*fw->totals));
	for (uint32_t i = 0; sched_plugins[i]; i++) {
		const struct sched_plugin *pl = sched_plugins[i];

		if (!(active & 1u << i) || !pl->score)
			continue;
		for (size_t k = 0; k < n; k++)
			fw->scores[k] = pl->score(cy, fw->fit[k]);
		if (pl->normalise)
			pl->normalise(cy, fw->scores, n);
		for (size_t k = 0; k < n; k++)
			fw->totals[k] += fw->scores[k] * pl->weight;
	}
}

struct sched_node *sched_decide(struct sched_framework *fw, struct sched_cache *c,
				struct sched_pod *p)
{
	struct sched_cycle *cy = &fw->cy;
	uint32_t active = 0;
	size_t n, best = 0;

	cycle_clear(cy);
	cy->cache = c;
	cy->pod = p;
	cy->stamp = ++fw->stamp;
	if (fw->cap < c->n_nodes) {
		fw->cap = MAX(c->n_nodes, fw->cap * 2);
		fw->fit = xrealloc(fw->fit, fw->cap * sizeof(*fw->fit));
		fw->scores = xrealloc(fw->scores, fw->cap * sizeof(*fw->scores));
		fw->totals = xrealloc(fw->totals, fw->cap * sizeof(*fw->totals));
	}
	for (uint32_t i = 0; sched_plugins[i]; i++)
		if (!sched_plugins[i]->prepare || sched_plugins[i]->prepare(cy))
			active |= 1u << i;
	n = find_fit(fw, c, active);
	cy->feasible = (uint32_t)n;
	if (!n)
		return NULL;
	if (n > 1)
		add_scores(fw, active, n);
	else
		fw->totals[0] = 0;
	/* Of equals the first: the walk starts elsewhere each time, which spreads them. */
	for (size_t k = 1; k < n; k++)
		if (fw->totals[k] > fw->totals[best])
			best = k;
	return fw->fit[best];
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void sched_explain(const struct sched_cycle *cy, struct buf *out)
{
	uint32_t n = cy->evaluated, helpable = n - MIN(cy->hopeless, n);
	char **v;

	if (!cy->cache->n_nodes) {
		buf_adds(out, "no nodes available to schedule pods");
		return;
	}
	v = xcalloc(cy->n_reasons + 1, sizeof(*v));
	for (size_t i = 0; i < cy->n_reasons; i++)
		v[i] = xasprintf("%u %s", cy->reasons[i].nodes, cy->reasons[i].text);
	qsort(v, cy->n_reasons, sizeof(*v), by_text);
	buf_addf(out, "0/%u nodes are available: ", n);
	for (size_t i = 0; i < cy->n_reasons; i++) {
		buf_addf(out, "%s%s", i ? ", " : "", v[i]);
		free(v[i]);
	}
	free(v);
	buf_addf(out, ". preemption: 0/%u nodes are available: ", n);
	if (helpable)
		buf_addf(out, "%u No preemption victims found for incoming pod%s", helpable,
			 helpable < n ? ", " : "");
	if (helpable < n)
		buf_addf(out, "%u Preemption is not helpful for scheduling", n - helpable);
	buf_addc(out, '.');
}

uint32_t sched_wakes(const struct sched_cycle *cy)
{
	uint32_t wakes = SCHED_EV_NODE_ADD | SCHED_EV_POD_CHANGED;

	for (uint32_t i = 0; sched_plugins[i]; i++)
		if (cy->refused_by & 1u << i)
			wakes |= sched_plugins[i]->wakes;
	return wakes;
}
