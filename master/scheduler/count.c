/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/count.h"
#include "master/scheduler/class.h"

struct sched_counts *sched_counts_new(void)
{
	struct sched_counts *k = NEW(struct sched_counts);

	list_init(&k->topos);
	list_init(&k->sets);
	list_init(&k->eligs);
	list_init(&k->tallies);
	list_init(&k->terms);
	k->topo_by = hmap_new();
	k->set_by = hmap_new();
	k->elig_by = hmap_new();
	k->term_by = hmap_new();
	return k;
}

/* All references have been given back: only the empty tables are left. */
void sched_counts_free(struct sched_counts *k)
{
	if (!k)
		return;
	assert(list_empty(&k->tallies) && list_empty(&k->sets) && list_empty(&k->terms));
	hmap_free(k->topo_by);
	hmap_free(k->set_by);
	hmap_free(k->elig_by);
	hmap_free(k->term_by);
	free(k->wide_sets);
	free(k->wide_terms);
	free(k);
}

/* Arrays of pointers in which order means nothing */
#define DROP(v, n, x)                                 \
	do {                                          \
		for (size_t i_ = 0; i_ < (n); i_++)   \
			if ((v)[i_] == (x)) {         \
				(v)[i_] = (v)[--(n)]; \
				break;                \
			}                             \
	} while (0)

/* Topologies */

static void place_domain(struct sched_topo *t, const struct sched_node *n)
{
	struct str value = sched_node_label(n, str_of(t->key));
	uint32_t d;

	t->of[n->slot] = SCHED_NO_DOMAIN;
	if (str_is_null(value))
		return;
	d = (uint32_t)(uintptr_t)hmap_get(t->values, value);
	if (d) {
		d--;
	} else {
		if (t->n_spare) {
			d = t->spare[--t->n_spare];
		} else {
			d = t->n_domains;
			*ARRAY_PUSH(t->domains, t->n_domains, t->cap_domains) =
				(struct sched_domain){NULL, 0};
		}
		t->domains[d].value = str_dup(value);
		hmap_put(t->values, value, (void *)(uintptr_t)(d + 1));
	}
	t->domains[d].nodes++;
	t->of[n->slot] = d;
}

static void unplace_domain(struct sched_topo *t, const struct sched_node *n)
{
	uint32_t d = t->of[n->slot];

	t->of[n->slot] = SCHED_NO_DOMAIN;
	if (d == SCHED_NO_DOMAIN || --t->domains[d].nodes)
		return;
	hmap_del(t->values, str_of(t->domains[d].value));
	free(t->domains[d].value);
	t->domains[d].value = NULL;
	*ARRAY_PUSH(t->spare, t->n_spare, t->cap_spare) = d;
}

static struct sched_topo *topo_get(struct sched_cache *c, struct str key)
{
	struct sched_counts *k = c->counts;
	struct sched_topo *t = hmap_get(k->topo_by, key);

	if (t) {
		t->refs++;
		return t;
	}
	t = NEW(struct sched_topo);
	t->key = str_dup(key);
	t->refs = 1;
	t->values = hmap_new();
	t->of = xmalloc(MAX(c->cap_slots, 1u) * sizeof(*t->of));
	memset(t->of, 0xff, c->cap_slots * sizeof(*t->of));
	list_append(&k->topos, &t->node);
	hmap_put(k->topo_by, key, t);
	for (size_t i = 0; i < c->n_nodes; i++)
		place_domain(t, c->nodes[i]);
	return t;
}

static void topo_unref(struct sched_cache *c, struct sched_topo *t)
{
	if (--t->refs)
		return;
	hmap_del(c->counts->topo_by, str_of(t->key));
	list_remove(&t->node);
	for (uint32_t i = 0; i < t->n_domains; i++)
		free(t->domains[i].value);
	hmap_free(t->values);
	free(t->domains);
	free(t->spare);
	free(t->of);
	free(t->key);
	free(t);
}

/* Eligible nodes */

static bool eligible(const struct sched_elig *e, const struct sched_node *n)
{
	for (size_t i = 0; i < e->n_labels; i++)
		if (str_is_null(sched_node_label(n, e->labels[i])))
			return false;
	return (!e->affinity || sched_spec_selects(&e->spec, n)) &&
	       (!e->taints || sched_tolerates_node(&e->spec, n));
}

/* Copies the pieces of the class that matter, so that it may go before. */
static void elig_parse(struct sched_elig *e, const struct sched_class *cl, struct str labels)
{
	struct str selector = cl->pieces[PIECE_SELECTOR], affinity = cl->pieces[PIECE_AFFINITY];
	struct str tolerations = cl->pieces[PIECE_TOLERATIONS], rest, one;
	struct buf b = BUF_INIT;
	size_t at_affinity, at_tolerations, at_labels, n = 0;

	buf_addstr(&b, selector);
	at_affinity = b.len;
	buf_addstr(&b, affinity);
	at_tolerations = b.len;
	buf_addstr(&b, tolerations);
	at_labels = b.len;
	buf_addstr(&b, labels);
	e->text = buf_take(&b);
	sched_spec_parse(&e->spec, jv_of(str_n(e->text, selector.len)),
			 jv_get(jv_of(str_n(e->text + at_affinity, affinity.len)), "nodeAffinity"),
			 jv_of(str_n(e->text + at_tolerations, tolerations.len)));
	rest = str_n(e->text + at_labels, labels.len);
	while (str_split(&rest, '\n', &one))
		if (one.len)
			*ARRAY_PUSH(e->labels, e->n_labels, n) = one;
}

struct sched_elig *sched_elig_get(struct sched_cache *c, const struct sched_class *cl,
				  bool affinity, bool taints, struct str labels)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct sched_elig *e;

	buf_addf(&key, "%d%d\x1f%.*s\x1f", affinity, taints, STR_ARG(labels));
	if (affinity)
		buf_addf(&key, "%.*s\x1f%.*s\x1f", STR_ARG(cl->pieces[PIECE_SELECTOR]),
			 STR_ARG(cl->pieces[PIECE_AFFINITY]));
	if (taints)
		buf_addstr(&key, cl->pieces[PIECE_TOLERATIONS]);
	e = hmap_get(c->counts->elig_by, buf_str(&key));
	if (e) {
		e->refs++;
		return e;
	}
	e = NEW(struct sched_elig);
	e->affinity = affinity;
	e->taints = taints;
	e->refs = 1;
	elig_parse(e, cl, labels);
	e->bits = xcalloc(sched_words(c->cap_slots) + 1, sizeof(*e->bits));
	for (size_t i = 0; i < c->n_nodes; i++)
		sched_bit_set(e->bits, c->nodes[i]->slot, eligible(e, c->nodes[i]));
	hmap_put(c->counts->elig_by, buf_str(&key), e);
	list_append(&c->counts->eligs, &e->node);
	e->key = buf_take(&key);
	return e;
}

void sched_elig_unref(struct sched_cache *c, struct sched_elig *e)
{
	if (!e || --e->refs)
		return;
	hmap_del(c->counts->elig_by, str_of(e->key));
	list_remove(&e->node);
	sched_spec_done(&e->spec);
	free(e->labels);
	free(e->bits);
	free(e->text);
	free(e->key);
	free(e);
}

/* Tallies */

static bool counted(const struct sched_tally *t, uint32_t slot)
{
	return t->topo->of[slot] != SCHED_NO_DOMAIN && (!t->elig || sched_bit(t->elig->bits, slot));
}

static void fit_domains(struct sched_tally *t)
{
	uint32_t old = t->cap;

	if (t->cap >= t->topo->n_domains)
		return;
	t->cap = MAX(t->topo->n_domains, old * 2);
	t->n = xrealloc(t->n, t->cap * sizeof(*t->n));
	t->nodes = xrealloc(t->nodes, t->cap * sizeof(*t->nodes));
	memset(t->n + old, 0, (t->cap - old) * sizeof(*t->n));
	memset(t->nodes + old, 0, (t->cap - old) * sizeof(*t->nodes));
}

static void add_pods(struct sched_tally *t, uint32_t d, int64_t delta)
{
	uint32_t was = t->n[d], now = (uint32_t)(was + delta);

	t->n[d] = now;
	t->total += (uint64_t)delta;
	if (!t->at_min || was == now)
		return;
	if (was == t->min)
		t->at_min--;
	if (now < t->min) {
		t->min = now;
		t->at_min = 1;
	} else if (now == t->min) {
		t->at_min++;
	}
}

static void add_node(struct sched_tally *t, uint32_t slot)
{
	uint32_t d = t->topo->of[slot];

	fit_domains(t);
	t->n_domains += !t->nodes[d]++;
	t->n[d] += t->set->on[slot];
	t->total += t->set->on[slot];
	t->at_min = 0;
}

static void remove_node(struct sched_tally *t, uint32_t slot)
{
	uint32_t d = t->topo->of[slot];

	t->n_domains -= !--t->nodes[d];
	t->n[d] -= t->set->on[slot];
	t->total -= t->set->on[slot];
	t->at_min = 0;
}

uint32_t sched_tally_min(struct sched_tally *t)
{
	uint32_t min = UINT32_MAX, n = 0;

	if (t->at_min)
		return t->min;
	for (uint32_t d = 0; d < t->cap; d++) {
		if (!t->nodes[d])
			continue;
		if (t->n[d] < min) {
			min = t->n[d];
			n = 0;
		}
		n += t->n[d] == min;
	}
	if (!n)
		return 0;
	t->min = min;
	t->at_min = n;
	return min;
}

struct sched_tally *sched_tally_get(struct sched_cache *c, struct sched_set *s, struct str topo_key,
				    struct sched_elig *e)
{
	struct sched_tally *t;

	for (size_t i = 0; i < s->n_tallies; i++) {
		t = s->tallies[i];
		if (t->elig != e || !str_eqs(topo_key, t->topo->key))
			continue;
		t->refs++;
		sched_set_unref(c, s);
		sched_elig_unref(c, e);
		return t;
	}
	t = NEW(struct sched_tally);
	t->set = s;
	t->topo = topo_get(c, topo_key);
	t->elig = e;
	t->refs = 1;
	fit_domains(t);
	for (size_t i = 0; i < c->n_nodes; i++)
		if (counted(t, c->nodes[i]->slot))
			add_node(t, c->nodes[i]->slot);
	*ARRAY_PUSH(s->tallies, s->n_tallies, s->cap_tallies) = t;
	list_append(&c->counts->tallies, &t->node);
	return t;
}

struct sched_tally *sched_tally_unref(struct sched_cache *c, struct sched_tally *t)
{
	if (!t || --t->refs)
		return NULL;
	DROP(t->set->tallies, t->set->n_tallies, t);
	list_remove(&t->node);
	topo_unref(c, t->topo);
	sched_elig_unref(c, t->elig);
	sched_set_unref(c, t->set);
	free(t->n);
	free(t->nodes);
	free(t);
	return NULL;
}

/* What the cache tells */

void sched_count_pod(struct sched_cache *c, const struct sched_pod *p, const struct sched_node *n,
		     int sign)
{
	const struct sched_class *cl = p->class;

	for (size_t i = 0; i < cl->n_sets; i++) {
		struct sched_set *s = cl->sets[i];

		if (s->live && p->deleting)
			continue;
		s->on[n->slot] += (uint32_t)sign;
		for (size_t k = 0; k < s->n_tallies; k++)
			if (counted(s->tallies[k], n->slot))
				add_pods(s->tallies[k], s->tallies[k]->topo->of[n->slot], sign);
	}
}

void sched_count_leave(struct sched_cache *c, const struct sched_node *n)
{
	list_for_each (it, &c->counts->tallies) {
		struct sched_tally *t = list_entry(it, struct sched_tally, node);

		if (counted(t, n->slot))
			remove_node(t, n->slot);
	}
	list_for_each (it, &c->counts->topos)
		unplace_domain(list_entry(it, struct sched_topo, node), n);
	list_for_each (it, &c->counts->eligs)
		sched_bit_set(list_entry(it, struct sched_elig, node)->bits, n->slot, false);
}

void sched_count_enter(struct sched_cache *c, const struct sched_node *n)
{
	list_for_each (it, &c->counts->topos)
		place_domain(list_entry(it, struct sched_topo, node), n);
	list_for_each (it, &c->counts->eligs) {
		struct sched_elig *e = list_entry(it, struct sched_elig, node);

		sched_bit_set(e->bits, n->slot, eligible(e, n));
	}
	list_for_each (it, &c->counts->tallies) {
		struct sched_tally *t = list_entry(it, struct sched_tally, node);

		fit_domains(t);
		if (counted(t, n->slot))
			add_node(t, n->slot);
	}
}

void sched_count_grow(struct sched_cache *c, uint32_t old_cap)
{
	size_t more = c->cap_slots - old_cap, old_words = sched_words(old_cap) + 1;
	size_t words = sched_words(c->cap_slots) + 1;

	list_for_each (it, &c->counts->topos) {
		struct sched_topo *t = list_entry(it, struct sched_topo, node);

		t->of = xrealloc(t->of, c->cap_slots * sizeof(*t->of));
		memset(t->of + old_cap, 0xff, more * sizeof(*t->of));
	}
	list_for_each (it, &c->counts->sets) {
		struct sched_set *s = list_entry(it, struct sched_set, node);

		s->on = xrealloc(s->on, c->cap_slots * sizeof(*s->on));
		memset(s->on + old_cap, 0, more * sizeof(*s->on));
	}
	list_for_each (it, &c->counts->eligs) {
		struct sched_elig *e = list_entry(it, struct sched_elig, node);

		e->bits = xrealloc(e->bits, words * sizeof(*e->bits));
		memset(e->bits + old_words, 0, (words - old_words) * sizeof(*e->bits));
	}
}

/* Sets and terms: which classes they are about */

/* The one namespace all pods of this come from; NULL: maybe several. */
static struct sched_ns *only_ns(struct sched_cache *c, const struct sched_match *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!m[i].any_ns && !m[i].by_label && m[i].n_ns == 1)
			return sched_cache_ns(c, str_of(m[i].ns[0]));
	return NULL;
}

static bool set_has(const struct sched_set *s, const struct sched_class *cl)
{
	if (s->carried) {
		for (size_t i = 0; i < cl->n_carried; i++)
			if (cl->carried[i] == s->carried)
				return true;
		return false;
	}
	for (size_t i = 0; i < s->n_matches; i++)
		if (!sched_match_class(&s->matches[i], cl))
			return false;
	return s->n_matches > 0;
}

static void set_take_class(struct sched_set *s, struct sched_class *cl)
{
	if (!set_has(s, cl))
		return;
	*ARRAY_PUSH(cl->sets, cl->n_sets, cl->cap_sets) = s;
	list_for_each (it, &cl->pods) {
		struct sched_pod *p = list_entry(it, struct sched_pod, in_class);

		if (p->node && !(s->live && p->deleting))
			s->on[p->node->slot]++;
	}
}

static struct sched_set *set_new(struct sched_cache *c, bool live)
{
	struct sched_set *s = NEW(struct sched_set);

	s->live = live;
	s->refs = 1;
	s->on = xcalloc(MAX(c->cap_slots, 1u), sizeof(*s->on));
	list_append(&c->counts->sets, &s->node);
	return s;
}

struct sched_set *sched_set_get(struct sched_cache *c, struct str key, struct sched_match *matches,
				size_t n, bool live)
{
	CLEANUP(buf_done) struct buf full = BUF_INIT;
	struct sched_counts *k = c->counts;
	struct sched_ns *ns;
	struct sched_set *s;

	buf_addf(&full, "%d\x1f", live);
	buf_addstr(&full, key);
	s = hmap_get(k->set_by, buf_str(&full));
	if (s) {
		s->refs++;
		for (size_t i = 0; i < n; i++)
			sched_match_done(&matches[i]);
		free(matches);
		return s;
	}
	s = set_new(c, live);
	s->matches = matches;
	s->n_matches = n;
	hmap_put(k->set_by, buf_str(&full), s);
	s->key = buf_take(&full);
	ns = only_ns(c, matches, n);
	if (ns) {
		*ARRAY_PUSH(ns->sets, ns->n_sets, ns->cap_sets) = s;
		list_for_each (it, &ns->classes)
			set_take_class(s, list_entry(it, struct sched_class, in_ns));
	} else {
		*ARRAY_PUSH(k->wide_sets, k->n_wide_sets, k->cap_wide_sets) = s;
		hmap_for_each (e, c->classes)
			set_take_class(s, e->value);
	}
	return s;
}

static void forget_set(struct sched_cache *c, struct sched_set *s)
{
	struct sched_ns *ns;

	if (s->carried)
		return; /* the classes whose term this was are gone */
	ns = only_ns(c, s->matches, s->n_matches);
	if (ns) {
		DROP(ns->sets, ns->n_sets, s);
		list_for_each (it, &ns->classes) {
			struct sched_class *cl = list_entry(it, struct sched_class, in_ns);

			DROP(cl->sets, cl->n_sets, s);
		}
		return;
	}
	DROP(c->counts->wide_sets, c->counts->n_wide_sets, s);
	hmap_for_each (e, c->classes) {
		struct sched_class *cl = e->value;

		DROP(cl->sets, cl->n_sets, s);
	}
}

void sched_set_unref(struct sched_cache *c, struct sched_set *s)
{
	if (--s->refs)
		return;
	forget_set(c, s);
	if (s->key)
		hmap_del(c->counts->set_by, str_of(s->key));
	list_remove(&s->node);
	for (size_t i = 0; i < s->n_matches; i++)
		sched_match_done(&s->matches[i]);
	free(s->matches);
	free(s->tallies);
	free(s->on);
	free(s->key);
	free(s);
}

static void term_meet(struct sched_pod_term *t, struct sched_class *cl)
{
	if (sched_match_class(&t->match, cl))
		*ARRAY_PUSH(cl->met, cl->n_met, cl->cap_met) = t;
}

struct sched_pod_term *sched_pod_term_get(struct sched_cache *c, struct str key,
					  enum sched_term_kind kind, int32_t weight,
					  struct str topo_key, struct sched_match *match)
{
	CLEANUP(buf_done) struct buf full = BUF_INIT;
	struct sched_counts *k = c->counts;
	struct sched_pod_term *t;
	struct sched_set *s;
	struct sched_ns *ns;

	buf_addf(&full, "%d\x1f%d\x1f%.*s\x1f", kind, weight, STR_ARG(topo_key));
	buf_addstr(&full, key);
	t = hmap_get(k->term_by, buf_str(&full));
	if (t) {
		t->refs++;
		sched_match_done(match);
		return t;
	}
	t = NEW(struct sched_pod_term);
	t->kind = kind;
	t->weight = weight;
	t->match = *match;
	t->refs = 1;
	s = set_new(c, false);
	s->carried = t;
	t->carriers = sched_tally_get(c, s, topo_key, NULL);
	hmap_put(k->term_by, buf_str(&full), t);
	t->key = buf_take(&full);
	list_append(&k->terms, &t->node);
	ns = only_ns(c, &t->match, 1);
	if (ns) {
		*ARRAY_PUSH(ns->terms, ns->n_terms, ns->cap_terms) = t;
		list_for_each (it, &ns->classes)
			term_meet(t, list_entry(it, struct sched_class, in_ns));
	} else {
		*ARRAY_PUSH(k->wide_terms, k->n_wide_terms, k->cap_wide_terms) = t;
		hmap_for_each (e, c->classes)
			term_meet(t, e->value);
	}
	return t;
}

static void forget_term(struct sched_cache *c, struct sched_pod_term *t)
{
	struct sched_ns *ns = only_ns(c, &t->match, 1);

	if (ns) {
		DROP(ns->terms, ns->n_terms, t);
		list_for_each (it, &ns->classes) {
			struct sched_class *cl = list_entry(it, struct sched_class, in_ns);

			DROP(cl->met, cl->n_met, t);
		}
		return;
	}
	DROP(c->counts->wide_terms, c->counts->n_wide_terms, t);
	hmap_for_each (e, c->classes) {
		struct sched_class *cl = e->value;

		DROP(cl->met, cl->n_met, t);
	}
}

void sched_pod_term_unref(struct sched_cache *c, struct sched_pod_term *t)
{
	if (--t->refs)
		return;
	forget_term(c, t);
	hmap_del(c->counts->term_by, str_of(t->key));
	list_remove(&t->node);
	sched_tally_unref(c, t->carriers);
	sched_match_done(&t->match);
	free(t->key);
	free(t);
}

void sched_count_class(struct sched_cache *c, struct sched_class *cl)
{
	struct sched_counts *k = c->counts;

	cl->n_sets = cl->n_met = 0;
	for (size_t i = 0; i < cl->n_carried; i++)
		*ARRAY_PUSH(cl->sets, cl->n_sets, cl->cap_sets) = cl->carried[i]->carriers->set;
	for (size_t i = 0; i < cl->ns->n_sets; i++)
		if (set_has(cl->ns->sets[i], cl))
			*ARRAY_PUSH(cl->sets, cl->n_sets, cl->cap_sets) = cl->ns->sets[i];
	for (size_t i = 0; i < k->n_wide_sets; i++)
		if (set_has(k->wide_sets[i], cl))
			*ARRAY_PUSH(cl->sets, cl->n_sets, cl->cap_sets) = k->wide_sets[i];
	for (size_t i = 0; i < cl->ns->n_terms; i++)
		term_meet(cl->ns->terms[i], cl);
	for (size_t i = 0; i < k->n_wide_terms; i++)
		term_meet(k->wide_terms[i], cl);
}
