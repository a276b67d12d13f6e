/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/wants.h"

#define WANTS_MAX 256 /* classes remembered; each costs a few numbers a node */
#define HOSTNAME "kubernetes.io/hostname"

/* Spreading */

/* The system's defaults (k8s pkg/scheduler/framework/plugins/podtopologyspread/plugin.go). */
static const struct {
	const char *key;
	int64_t max_skew;
} defaults[] = {{HOSTNAME, 3}, {"topology.kubernetes.io/zone", 5}};

static bool is_hard(struct jv constraint)
{
	return jv_eqs(jv_get(constraint, "whenUnsatisfiable"), "DoNotSchedule");
}

/* A node counts only if it has the keys of all constraints of the kind. */
static void constraint_keys(struct jv list, bool hard, struct buf *ret)
{
	jv_for_each (t, list)
		if (is_hard(t.value) == hard)
			buf_addf(ret, "%.*s\n", STR_ARG(jv_text(jv_get(t.value, "topologyKey"))));
}

static struct sched_set *spread_set(struct sched_cache *c, struct sched_class *cl, struct jv t)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct sched_match *m = NEW(struct sched_match);

	buf_addf(&key, "%s\x1f", cl->ns->name);
	*ARRAY_PUSH(m->ns, m->n_ns, m->cap_ns) = xstrdup(cl->ns->name);
	sched_selector_match(cl, jv_get(t, "labelSelector"), jv_get(t, "matchLabelKeys"), JV_NONE,
			     m, &key);
	return sched_set_get(c, buf_str(&key), m, 1, true);
}

static struct sched_elig *elig_of(struct sched_cache *c, struct sched_class *cl, bool affinity,
				  bool taints, struct str labels)
{
	bool asks = cl->pieces[PIECE_SELECTOR].len ||
		    (cl->pieces[PIECE_AFFINITY].len && cl->spec.has_required);

	if (!(affinity && asks) && !taints && !labels.len)
		return NULL;
	return sched_elig_get(c, cl, affinity && asks, taints, labels);
}

/* Takes a reference of the set. */
static void want_constraint(struct sched_cache *c, struct sched_class *cl, struct jv t,
			    struct sched_set *set, struct str labels)
{
	struct sched_wants *w = cl->wants;
	struct str topo = jv_text(jv_get(t, "topologyKey"));
	struct sched_spread *s = is_hard(t) ? ARRAY_PUSH(w->hard, w->n_hard, w->cap_hard)
					    : ARRAY_PUSH(w->soft, w->n_soft, w->cap_soft);

	*s = (struct sched_spread){.set = set,
				   .max_skew = jv_i64(jv_get(t, "maxSkew"), 1),
				   .min_domains = jv_i64(jv_get(t, "minDomains"), 1),
				   .self = sched_match_class(set->matches, cl),
				   .host = str_eqs(topo, HOSTNAME)};
	s->tally =
		sched_tally_get(c, set, topo,
				elig_of(c, cl, !jv_eqs(jv_get(t, "nodeAffinityPolicy"), "Ignore"),
					jv_eqs(jv_get(t, "nodeTaintsPolicy"), "Honor"), labels));
}

static void want_own_spread(struct sched_cache *c, struct sched_class *cl, struct jv list)
{
	CLEANUP(buf_done) struct buf hard = BUF_INIT, soft = BUF_INIT;

	constraint_keys(list, true, &hard);
	constraint_keys(list, false, &soft);
	jv_for_each (t, list)
		want_constraint(c, cl, t.value, spread_set(c, cl, t.value),
				buf_str(is_hard(t.value) ? &hard : &soft));
}

/* The pods of p's Services and controller; NULL: it has none. */
static struct sched_set *workload_set(struct sched_cache *c, struct sched_class *cl,
				      struct sched_pod *p)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct sched_match *m;

	if (!c->workload_selector)
		return NULL;
	m = NEW(struct sched_match);
	buf_addf(&key, "%s\x1f", cl->ns->name);
	c->workload_selector(c->user, p, &m->sel, &key);
	if (!m->sel.n || m->sel.nothing) {
		sched_match_done(m);
		free(m);
		return NULL;
	}
	*ARRAY_PUSH(m->ns, m->n_ns, m->cap_ns) = xstrdup(cl->ns->name);
	return sched_set_get(c, buf_str(&key), m, 1, true);
}

static void want_system_spread(struct sched_cache *c, struct sched_class *cl, struct sched_set *set)
{
	struct sched_wants *w = cl->wants;

	w->defaulted = true;
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		struct sched_spread *s = ARRAY_PUSH(w->soft, w->n_soft, w->cap_soft);

		*s = (struct sched_spread){.set = set,
					   .max_skew = defaults[i].max_skew,
					   .min_domains = 1,
					   .host = !strcmp(defaults[i].key, HOSTNAME)};
		set->refs++;
		if (!s->host)
			s->tally = sched_tally_get(c, set, str_of(defaults[i].key),
						   elig_of(c, cl, true, false, STR_NULL));
	}
}

/* Those of the profile: as if they were the pod's own, but for the selector. */
static void want_listed_spread(struct sched_cache *c, struct sched_class *cl, struct sched_set *set,
			       struct jv list)
{
	CLEANUP(buf_done) struct buf hard = BUF_INIT, soft = BUF_INIT;

	constraint_keys(list, true, &hard);
	constraint_keys(list, false, &soft);
	jv_for_each (t, list) {
		set->refs++;
		want_constraint(c, cl, t.value, set, buf_str(is_hard(t.value) ? &hard : &soft));
	}
}

/* Pods of Services and controllers, which say nothing about it, spread over nodes and zones. */
static void want_default_spread(struct sched_cache *c, struct sched_class *cl, struct sched_pod *p,
				const char *listed)
{
	struct sched_set *set = workload_set(c, cl, p);

	if (!set)
		return;
	if (listed)
		want_listed_spread(c, cl, set, jv_of(str_of(listed)));
	else
		want_system_spread(c, cl, set);
	sched_set_unref(c, set);
}

/* Affinity */

static struct jv affinity_of(const struct sched_class *cl, const char *which)
{
	return cl->pieces[PIECE_AFFINITY].len ? jv_get(jv_of(cl->pieces[PIECE_AFFINITY]), which)
					      : JV_NONE;
}

/* Only pods which fulfil all required terms at once count for any of them. */
static void want_affinity(struct sched_cache *c, struct sched_class *cl, struct jv list)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct sched_wants *w = cl->wants;
	struct sched_match *m = NULL;
	struct sched_set *set;
	size_t n = 0, cap = 0;

	jv_for_each (t, list) {
		sched_affinity_match(cl, t.value, ARRAY_PUSH(m, n, cap), &key);
		buf_addc(&key, '\x1e');
	}
	if (!n)
		return;
	set = sched_set_get(c, buf_str(&key), m, n, false);
	w->affinity_self = true;
	for (size_t i = 0; i < n; i++)
		w->affinity_self &= sched_match_class(&set->matches[i], cl);
	jv_for_each (t, list) {
		set->refs++;
		*ARRAY_PUSH(w->affinity, w->n_affinity, w->cap_affinity) =
			sched_tally_get(c, set, jv_text(jv_get(t.value, "topologyKey")), NULL);
	}
	sched_set_unref(c, set);
}

static struct sched_tally *term_tally(struct sched_cache *c, struct sched_class *cl, struct jv term)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct sched_match *m = NEW(struct sched_match);
	struct sched_set *set;

	sched_affinity_match(cl, term, m, &key);
	buf_addc(&key, '\x1e');
	set = sched_set_get(c, buf_str(&key), m, 1, false);
	return sched_tally_get(c, set, jv_text(jv_get(term, "topologyKey")), NULL);
}

static void want_preferred(struct sched_cache *c, struct sched_class *cl, struct jv list, int sign)
{
	struct sched_wants *w = cl->wants;

	jv_for_each (t, list) {
		struct sched_tally *tally = term_tally(c, cl, jv_get(t.value, "podAffinityTerm"));

		*ARRAY_PUSH(w->preferred, w->n_preferred, w->cap_preferred) =
			(struct sched_preference){tally,
						  sign * jv_i64(jv_get(t.value, "weight"), 0)};
	}
}

static void want_all_affinity(struct sched_cache *c, struct sched_class *cl)
{
	static const char required[] = "requiredDuringSchedulingIgnoredDuringExecution";
	static const char preferred[] = "preferredDuringSchedulingIgnoredDuringExecution";
	struct jv with = affinity_of(cl, "podAffinity"), apart = affinity_of(cl, "podAntiAffinity");
	struct sched_wants *w = cl->wants;

	want_affinity(c, cl, jv_get(with, required));
	jv_for_each (t, jv_get(apart, required)) {
		struct sched_tally *tally = term_tally(c, cl, t.value);

		*ARRAY_PUSH(w->anti, w->n_anti, w->cap_anti) = tally;
	}
	want_preferred(c, cl, jv_get(with, preferred), 1);
	want_preferred(c, cl, jv_get(apart, preferred), -1);
}

/* Life */

static void spreads_done(struct sched_cache *c, struct sched_spread *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].tally)
			sched_tally_unref(c, v[i].tally);
		else
			sched_set_unref(c, v[i].set);
	}
	free(v);
}

void sched_wants_free(struct sched_cache *c, struct sched_class *cl)
{
	struct sched_wants *w = TAKE(cl->wants);

	if (!w)
		return;
	list_remove(&w->lru);
	c->n_wants--;
	spreads_done(c, w->hard, w->n_hard);
	spreads_done(c, w->soft, w->n_soft);
	for (size_t i = 0; i < w->n_affinity; i++)
		sched_tally_unref(c, w->affinity[i]);
	for (size_t i = 0; i < w->n_anti; i++)
		sched_tally_unref(c, w->anti[i]);
	for (size_t i = 0; i < w->n_preferred; i++)
		sched_tally_unref(c, w->preferred[i].tally);
	free(w->affinity);
	free(w->anti);
	free(w->preferred);
	free(w->known);
	free(w->fits);
	free(w->failed_text);
	free(w);
}

static struct sched_wants *wants_new(struct sched_cache *c, struct sched_class *cl,
				     struct sched_pod *p, const char *default_spread)
{
	struct sched_wants *w = NEW(struct sched_wants);
	size_t words = sched_words(c->cap_slots) + 1;
	struct jv spread = cl->pieces[PIECE_SPREAD].len ? jv_of(cl->pieces[PIECE_SPREAD]) : JV_NONE;

	if (c->n_wants >= WANTS_MAX)
		sched_wants_free(c, list_first(&c->wants, struct sched_wants, lru)->class);
	cl->wants = w;
	w->class = cl;
	w->workloads = cl->ns->workloads;
	w->known = xcalloc(words, sizeof(*w->known));
	w->fits = xcalloc(words, sizeof(*w->fits));
	list_append(&c->wants, &w->lru);
	c->n_wants++;
	if (jv_len(spread))
		want_own_spread(c, cl, spread);
	else
		want_default_spread(c, cl, p, default_spread);
	want_all_affinity(c, cl);
	return w;
}

struct sched_wants *sched_wants_get(struct sched_cache *c, struct sched_class *cl,
				    struct sched_pod *p, const char *default_spread)
{
	struct sched_wants *w = cl->wants;

	if (w && w->workloads != cl->ns->workloads && !cl->pieces[PIECE_SPREAD].len)
		sched_wants_free(c, cl);
	w = cl->wants;
	if (!w)
		return wants_new(c, cl, p, default_spread);
	list_remove(&w->lru);
	list_append(&c->wants, &w->lru);
	return w;
}

static bool counts(const struct sched_class *who, const struct sched_set *set)
{
	for (size_t i = 0; i < who->n_sets; i++)
		if (who->sets[i] == set)
			return true;
	return false;
}

bool sched_is_counted(const struct sched_class *cl, const struct sched_class *who)
{
	const struct sched_wants *w = cl->wants;

	if (!w)
		return true;
	for (size_t i = 0; i < w->n_hard; i++)
		if (counts(who, w->hard[i].set))
			return true;
	/* All required terms share one set. Anti-affinity is never helped by who comes. */
	return w->n_affinity && counts(who, w->affinity[0]->set);
}

void sched_wants_node_changed(struct sched_cache *c, uint32_t slot)
{
	list_for_each (it, &c->wants)
		sched_bit_set(list_entry(it, struct sched_wants, lru)->known, slot, false);
}

static uint64_t *grown(uint64_t *bits, size_t old, size_t words)
{
	bits = xrealloc(bits, words * sizeof(*bits));
	memset(bits + old, 0, (words - old) * sizeof(*bits));
	return bits;
}

void sched_wants_grow(struct sched_cache *c, uint32_t old_cap)
{
	size_t old = sched_words(old_cap) + 1, words = sched_words(c->cap_slots) + 1;

	list_for_each (it, &c->wants) {
		struct sched_wants *w = list_entry(it, struct sched_wants, lru);

		w->known = grown(w->known, old, words);
		w->fits = grown(w->fits, old, words);
	}
}
