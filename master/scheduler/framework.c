/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/framework.h"
#include "master/scheduler/devices.h"
#include "master/scheduler/storage.h"

const struct sched_plugin *const sched_plugins[] = {
	&sched_node_unschedulable,
	&sched_node_name,
	&sched_taints,
	&sched_node_affinity,
	&sched_node_ports,
	&sched_resources_fit,
	&sched_volume_restrictions,
	&sched_volume_limits,
	&sched_volume_binding,
	&sched_volume_zone,
	&sched_topology_spread,
	&sched_inter_pod_affinity,
	&sched_dynamic_resources,
	&sched_balanced,
	&sched_image_locality,
	NULL,
};
_Static_assert(ARRAY_SIZE(sched_plugins) <= SCHED_PLUGINS_MAX, "bits and tables by plugin");

void sched_profile_default(struct sched_profile *p, const char *name)
{
	*p = (struct sched_profile){.name = xstrdup(name),
				    .hard_affinity_weight = 1,
				    .candidates_percent = 10,
				    .candidates_min = 100};
	for (size_t i = 0; sched_plugins[i]; i++)
		p->weight[i] = sched_plugins[i]->weight;
}

void sched_profile_done(struct sched_profile *p)
{
	free(p->name);
	free(p->default_spread);
	*p = (struct sched_profile){0};
}

/* With few nodes all are looked at; with many, enough to choose well among. */
#define ENOUGH_MIN 100

static size_t enough(const struct sched_profile *profile, size_t n_nodes)
{
	size_t percent = profile->percent;

	if (n_nodes < ENOUGH_MIN || percent >= 100)
		return n_nodes;
	if (!percent) {
		percent = n_nodes / 125;
		percent = percent < 45 ? 50 - percent : 5;
	}
	return MAX(n_nodes * percent / 100, (size_t)ENOUGH_MIN);
}

static void reasons_clear(struct sched_cycle *cy)
{
	for (size_t i = 0; i < cy->n_reasons; i++)
		free(cy->reasons[i].text);
	cy->n_reasons = cy->n_helpable = 0;
	cy->refused_by = 0;
	free(TAKE(cy->preemption));
	free(TAKE(cy->nowhere));
	free(TAKE(cy->claims_why));
	if (cy->claims)
		sched_claims_done(cy->claims);
	free(TAKE(cy->claims));
	cy->devices = sched_device_claims_free(cy->devices);
	cy->post = NULL;
	cy->n_exclusive = 0;
	cy->explain = false;
	cy->evaluated = 0;
}

void sched_framework_done(struct sched_framework *fw)
{
	reasons_clear(&fw->cy);
	free(fw->cy.reasons);
	free(fw->cy.helpable);
	free(fw->cy.spread_weights);
	free(fw->cy.images);
	free(fw->cy.exclusive);
	free(fw->cy.fit);
	free(fw->scores);
	free(fw->totals);
	*fw = (struct sched_framework){0};
}

uint64_t sched_random(struct sched_framework *fw, uint64_t n)
{
	uint64_t x = fw->random ? fw->random : 0x9e3779b97f4a7c15ull;

	x ^= x >> 12; /* Marsaglia's xorshift64*, Vigna 2016 */
	x ^= x << 25;
	x ^= x >> 27;
	fw->random = x;
	return (x * 0x2545f4914f6cdd1dull >> 32) % n;
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

	if (!cy->explain)
		return;
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

bool sched_refuse_all(struct sched_cycle *cy, char *take_why)
{
	cy->refused_by |= 1u << cy->plugin;
	if (cy->nowhere)
		free(take_why);
	else
		cy->nowhere = take_why;
	return true;
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

static bool run(struct sched_cycle *cy, const struct sched_node *n, const uint8_t *which,
		uint32_t n_which)
{
	for (uint32_t i = 0; i < n_which; i++) {
		cy->plugin = which[i];
		if (!sched_plugins[which[i]]->filter(cy, n))
			return false;
	}
	return true;
}

static bool passes_fixed(struct sched_cycle *cy, const struct sched_node *n)
{
	struct sched_wants *w = cy->wants;
	bool ok;

	if (!cy->explain && sched_bit(w->known, n->slot))
		return sched_bit(w->fits, n->slot);
	ok = run(cy, n, cy->fixed, cy->n_fixed);
	sched_bit_set(w->known, n->slot, true);
	sched_bit_set(w->fits, n->slot, ok);
	return ok;
}

/* With those counted in for which room is being made on n, and which go before this pod. */
static bool passes_with_nominated(struct sched_cycle *cy, struct sched_node *n)
{
	struct sched_pod **added = NULL;
	size_t n_added = 0, cap = 0;
	bool ok = true;

	list_for_each (it, &n->nominated) {
		struct sched_pod *p = list_entry(it, struct sched_pod, in_nominated);

		if (p == cy->pod || p->priority < cy->pod->priority || p->node)
			continue;
		sched_cache_drop(cy->cache, p, n);
		*ARRAY_PUSH(added, n_added, cap) = p;
	}
	if (n_added)
		ok = run(cy, n, cy->others, cy->n_others);
	for (size_t i = 0; i < n_added; i++)
		sched_cache_lift(cy->cache, added[i]);
	free(added);
	return ok;
}

bool sched_fits(struct sched_cycle *cy, struct sched_node *n)
{
	cy->node_hopeless = false;
	if (!passes_fixed(cy, n))
		return false;
	if (!list_empty(&n->nominated) && !passes_with_nominated(cy, n))
		return false;
	return run(cy, n, cy->others, cy->n_others);
}

static struct sched_node *node_at(const struct sched_cache *c, size_t i)
{
	return c->nodes[i < c->n_nodes ? i : i - c->n_nodes];
}

#define AHEAD 6
static inline void fetch(const struct sched_node *n)
{
	for (size_t at = 0; at < SCHED_NODE_HOT_BYTES; at += 64)
		__builtin_prefetch((const char *)n + at);
}

/* A node that was meant for the pod goes before all others. */
static bool fits_nominated(struct sched_cycle *cy)
{
	struct sched_node *n = cy->pod->nominated;

	if (!n || !n->present || !sched_fits(cy, n))
		return false;
	cy->fit[0] = n;
	cy->n_fit = 1;
	return true;
}

static void find_fit(struct sched_framework *fw, struct sched_cycle *cy)
{
	const struct sched_cache *c = cy->cache;
	size_t want = enough(cy->profile, c->n_nodes), i;

	cy->n_fit = 0;
	if (fits_nominated(cy))
		return;
	if (fw->start >= c->n_nodes)
		fw->start = 0;
	for (i = 0; i < c->n_nodes && cy->n_fit < want; i++) {
		struct sched_node *n = node_at(c, fw->start + i);

		/* Nodes lie all over the memory: the next ones are fetched while this one is looked
		 * at. */
		if (i + AHEAD < c->n_nodes)
			fetch(node_at(c, fw->start + i + AHEAD));
		if (sched_fits(cy, n))
			cy->fit[cy->n_fit++] = n;
	}
	/* The next decision goes on where this one stopped: all nodes get their turn. */
	fw->start = c->n_nodes ? (fw->start + i) % c->n_nodes : 0;
}

static void find_reasons(struct sched_cycle *cy)
{
	const struct sched_cache *c = cy->cache;

	cy->explain = true;
	cy->evaluated = (uint32_t)c->n_nodes;
	for (size_t i = 0; i < c->n_nodes; i++) {
		sched_fits(cy, c->nodes[i]);
		if (!cy->node_hopeless)
			*ARRAY_PUSH(cy->helpable, cy->n_helpable, cy->cap_helpable) = c->nodes[i];
	}
	cy->explain = false;
}

static void add_scores(struct sched_framework *fw)
{
	struct sched_cycle *cy = &fw->cy;
	const struct sched_profile *profile = cy->profile;

	memset(fw->totals, 0, cy->n_fit * sizeof(*fw->totals));
	for (uint32_t i = 0; sched_plugins[i]; i++) {
		const struct sched_plugin *pl = sched_plugins[i];

		if (!pl->score || profile->no_score[i] || !profile->weight[i] ||
		    (pl->prepare_score && !pl->prepare_score(cy)))
			continue;
		pl->score(cy, fw->scores);
		if (pl->normalise)
			pl->normalise(cy, fw->scores);
		for (size_t k = 0; k < cy->n_fit; k++)
			fw->totals[k] += fw->scores[k] * profile->weight[i];
	}
}

/* Of equals any: each with the same chance. */
static struct sched_node *best(struct sched_framework *fw)
{
	const int64_t *v = fw->totals;
	size_t n = fw->cy.n_fit, ties = 0, at = 0;
	int64_t max = v[0];

	for (size_t k = 1; k < n; k++)
		max = MAX(max, v[k]);
	for (size_t k = 0; k < n; k++)
		ties += v[k] == max;
	ties = ties > 1 ? sched_random(fw, ties) : 0;
	while (v[at] != max || ties--)
		at++;
	return fw->cy.fit[at];
}

static void make_room(struct sched_framework *fw, size_t n)
{
	if (fw->cap > n)
		return;
	fw->cap = MAX(n + 1, fw->cap * 2);
	fw->cy.fit = xrealloc(fw->cy.fit, fw->cap * sizeof(struct sched_node *));
	fw->scores = xrealloc(fw->scores, fw->cap * sizeof(*fw->scores));
	fw->totals = xrealloc(fw->totals, fw->cap * sizeof(*fw->totals));
}

static void read_claims(struct sched_cycle *cy)
{
	if (!cy->cache->storage || !cy->class->pieces[PIECE_VOLUMES].len)
		return;
	cy->claims = NEW(struct sched_claims);
	if (!sched_claims_read(cy->cache->storage, cy->pod, cy->claims, &cy->claims_why))
		free(TAKE(cy->claims));
}

static void prepare(struct sched_cycle *cy)
{
	cy->n_fixed = cy->n_others = 0;
	read_claims(cy);
	for (uint32_t i = 0; sched_plugins[i]; i++) {
		cy->plugin = i;
		if (!sched_plugins[i]->filter || cy->profile->no_filter[i] ||
		    (sched_plugins[i]->prepare && !sched_plugins[i]->prepare(cy)))
			continue;
		if (sched_plugins[i]->fixed)
			cy->fixed[cy->n_fixed++] = (uint8_t)i;
		else
			cy->others[cy->n_others++] = (uint8_t)i;
	}
}

struct sched_node *sched_decide(struct sched_framework *fw, struct sched_cache *c,
				const struct sched_profile *profile, struct sched_pod *p)
{
	struct sched_cycle *cy = &fw->cy;

	reasons_clear(cy);
	sched_cache_order(c);
	make_room(fw, c->n_nodes);
	cy->cache = c;
	cy->profile = profile;
	cy->pod = p;
	cy->class = p->class;
	cy->wants = sched_wants_get(c, p->class, p, profile->default_spread);
	prepare(cy);
	if (cy->nowhere) {
		cy->evaluated = (uint32_t)c->n_nodes;
		return NULL;
	}
	find_fit(fw, cy);
	if (!cy->n_fit) {
		find_reasons(cy);
		return NULL;
	}
	if (cy->n_fit == 1)
		return cy->fit[0];
	add_scores(fw);
	return best(fw);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void sched_reasons_text(const struct sched_reason *reasons, size_t n, struct buf *out)
{
	char **v = xcalloc(n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = xasprintf("%u %s", reasons[i].nodes, reasons[i].text);
	qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "%s%s", i ? ", " : "", v[i]);
		free(v[i]);
	}
	free(v);
}

void sched_explain(const struct sched_cycle *cy, struct buf *out)
{
	if (!cy->cache->n_nodes) {
		buf_adds(out, "no nodes available to schedule pods");
		return;
	}
	buf_addf(out, "0/%u nodes are available: ", cy->evaluated);
	if (cy->nowhere)
		buf_adds(out, cy->nowhere);
	else
		sched_reasons_text(cy->reasons, cy->n_reasons, out);
	buf_addc(out, '.');
	if (cy->post)
		buf_addf(out, " %s%s", cy->post, cy->preemption ? "," : "");
	if (cy->preemption)
		buf_addf(out, " preemption: %s", cy->preemption);
}

bool sched_may_help(struct sched_cache *c, const struct sched_profile *profile,
		    struct sched_class *cl, uint32_t refused_by, const struct sched_node *n)
{
	struct sched_cycle cy = {.cache = c, .profile = profile, .class = cl};

	if (!refused_by)
		return true; /* there was no node at all */
	if (!n->present)
		return false;
	for (uint32_t i = 0; sched_plugins[i]; i++) {
		const struct sched_plugin *pl = sched_plugins[i];

		if (refused_by & 1u << i && !pl->local)
			return true;
		if (!pl->filter || !pl->local || profile->no_filter[i] ||
		    (pl->prepare && !pl->prepare(&cy)))
			continue;
		if (!pl->filter(&cy, n))
			return false;
	}
	return true;
}

uint32_t sched_wakes(const struct sched_cycle *cy)
{
	uint32_t wakes = SCHED_EV_NODE_ADD | SCHED_EV_POD_CHANGED;

	for (uint32_t i = 0; sched_plugins[i]; i++)
		if (cy->refused_by & 1u << i)
			wakes |= sched_plugins[i]->wakes;
	return wakes;
}
