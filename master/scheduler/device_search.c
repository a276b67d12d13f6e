/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/device_claims.h"
#include "master/scheduler/devices.h"

/*
 * Which devices of a node meet a pod's claims (k8s.io/dynamic-resource-allocation/structured): one
 * claim after the other, one request after the other, one device after the other, in the order of
 * pools, slices and devices; whatever leads nowhere is taken back, and the first way that works is
 * taken. Devices of one request are taken in order only, so that no set is tried twice.
 */
enum found {
	FOUND_FAILED = -1, /* something is wrong: why */
	FOUND_NO,
	FOUND_YES,
	FOUND_TOO_MANY, /* more devices than a claim may have */
};

struct pool {
	const struct sched_slice *any;
	struct sched_slice **v; /* those with devices for the node, of the newest generation */
	size_t n;
	bool partial, broken;
};

/* How many devices an ask takes here, and which, if it is all of them. */
struct taking {
	size_t n;
	struct sched_device **all;
};

struct search {
	struct sched_device_claims *dc;
	struct sched_devices *ds;
	const struct sched_node *node;
	struct arena *arena;
	struct pool *pools;
	size_t n_pools;
	struct taking ***taking; /* claim, request, alternative */
	struct sched_device_result *v; /* taken so far */
	size_t n, cap;
	char *why;
	bool late; /* out of steps */
};

/* Where one is: the at-th device of an alternative of a request of a claim. */
struct place {
	uint32_t claim, request, alternative;
	size_t at;
	bool within; /* the alternative is chosen */
	size_t pool, slice, device; /* go on from there */
};

static enum found fail(struct search *s, char *take_why)
{
	free(s->why);
	s->why = take_why;
	return FOUND_FAILED;
}

static bool step(struct search *s)
{
	if (s->dc->steps_left) {
		s->dc->steps_left--;
		return true;
	}
	s->late = true;
	return false;
}

/* ---- pools ---- */

static bool reaches(const struct sched_node *n, struct str node_name, bool all, bool selective,
		    const struct sched_spec *nodes)
{
	if (node_name.len)
		return str_eq(node_name, n->name);
	return all || (selective && sched_spec_selects(nodes, n));
}

static bool device_reaches(const struct sched_device *d, const struct sched_node *n)
{
	return reaches(n, d->node_name, d->all_nodes, d->selective, &d->nodes);
}

static bool slice_reaches(const struct sched_slice *s, const struct sched_node *n)
{
	if (!s->by_device)
		return reaches(n, s->node_name, s->all_nodes, s->selective, &s->nodes);
	for (size_t i = 0; i < s->n; i++)
		if (device_reaches(&s->v[i], n))
			return true;
	return false;
}

static int by_pool(const void *a, const void *b)
{
	const struct sched_slice *x = *(struct sched_slice *const *)a;
	const struct sched_slice *y = *(struct sched_slice *const *)b;
	int r = str_cmp(x->driver, y->driver);

	r = r ? r : str_cmp(x->pool, y->pool);
	if (!r)
		r = x->generation == y->generation ? 0 : x->generation > y->generation ? -1 : 1;
	return r ? r : str_cmp(x->obj->name, y->obj->name);
}

/* All slices that the pool has of that generation; -1: there is a newer one. */
static int64_t whole_pool(const struct search *s, const struct sched_slice *any)
{
	const struct sched_slices *l = hmap_get(s->ds->by_pool, str_of(any->pool_id));
	int64_t n = 0;

	for (size_t i = 0; l && i < l->n; i++) {
		if (l->v[i]->generation > any->generation)
			return -1;
		n += l->v[i]->generation == any->generation;
	}
	return n;
}

/* A device that is there twice would be given out twice. */
static bool has_twins(const struct pool *p)
{
	CLEANUP(hmap_freep) struct hmap *names = NULL;

	if (p->n < 2)
		return false; /* within a slice they are told apart by validation */
	names = hmap_new();
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->v[i]->n; k++)
			if (hmap_put(names, p->v[i]->v[k].name, names))
				return true;
	return false;
}

static void add_pool(struct search *s, struct sched_slice **v, size_t n)
{
	struct pool p = {.any = v[0], .v = v};
	int64_t whole;

	while (p.n < n && v[p.n]->generation == v[0]->generation)
		p.n++;
	whole = whole_pool(s, v[0]);
	if (whole < 0)
		return;
	p.partial = whole != v[0]->count;
	p.broken = !p.partial && has_twins(&p);
	s->pools[s->n_pools++] = p;
}

static void gather(struct search *s)
{
	const struct sched_slices *own = hmap_get(s->ds->by_node, s->node->name);
	size_t max = (own ? own->n : 0) + s->ds->spread.n, n = 0, i = 0;
	struct sched_slice **v = ARENA_ARRAY(s->arena, struct sched_slice *, max + 1);

	for (size_t k = 0; own && k < own->n; k++)
		v[n++] = own->v[k];
	for (size_t k = 0; k < s->ds->spread.n; k++)
		if (slice_reaches(s->ds->spread.v[k], s->node))
			v[n++] = s->ds->spread.v[k];
	if (n)
		qsort(v, n, sizeof(*v), by_pool);
	s->pools = ARENA_ARRAY(s->arena, struct pool, n + 1);
	while (i < n) {
		size_t k = i + 1;

		while (k < n && !strcmp(v[k]->pool_id, v[i]->pool_id))
			k++;
		add_pool(s, v + i, k - i);
		i = k;
	}
}

/* ---- one device ---- */

/* 1, 0, or -1 with why. */
static int selectable(struct search *s, const struct sched_device_claim *c,
		      const struct sched_device_ask *a, struct sched_device *d)
{
	if (d->conditional)
		return 0;
	for (size_t i = 0; i < a->n_expressions; i++) {
		CLEANUP_FREE char *why = NULL;
		int r = sched_device_matches(s->ds, d, a->expressions[i], &why);
		bool of_class = i < a->n_of_class;
		const struct object *o = of_class ? a->class : c->obj;

		if (r == -EDQUOT) {
			s->late = true;
			return 0;
		}
		if (r < 0)
			fail(s,
			     xasprintf("%s %.*s: selector #%zu%s %s", of_class ? "class" : "claim",
				       STR_ARG(o->key), of_class ? i : i - a->n_of_class,
				       str_starts(str_of(why), STR("on ")) ? "" : ":", why));
		if (r <= 0)
			return r < 0 ? -1 : 0;
	}
	return !d->slice->by_device || device_reaches(d, s->node);
}

static bool tolerates(struct jv tolerations, struct jv taint)
{
	jv_for_each (t, tolerations) {
		struct str effect = jv_text(jv_get(t.value, "effect"));
		struct str key = jv_text(jv_get(t.value, "key"));

		if (effect.len && !str_eq(effect, jv_text(jv_get(taint, "effect"))))
			continue;
		if (key.len && !str_eq(key, jv_text(jv_get(taint, "key"))))
			continue;
		if (jv_eqs(jv_get(t.value, "operator"), "Exists") ||
		    str_eq(jv_text(jv_get(t.value, "value")), jv_text(jv_get(taint, "value"))))
			return true;
	}
	return false;
}

static bool kept_away(const struct sched_device *d, struct jv tolerations)
{
	jv_for_each (t, d->taints) {
		struct jv effect = jv_get(t.value, "effect");

		if ((jv_eqs(effect, "NoSchedule") || jv_eqs(effect, "NoExecute")) &&
		    !tolerates(tolerations, t.value))
			return true;
	}
	return false;
}

/* Of the name as constraints have it: with a domain, which is the driver's where none is given. */
static struct jv attribute_of(const struct sched_device *d, struct str name)
{
	struct jv all = jv_get(d->json, "attributes"), v = jv_getn(all, name);
	ssize_t slash = str_chr(name, '/');

	if (jv_exists(v) || slash < 0 || !str_eq(str_n(name.p, (size_t)slash), d->slice->driver))
		return v;
	return jv_getn(all, str_skip(name, (size_t)slash + 1));
}

static bool is_scalar(struct jv attribute)
{
	jv_for_each_member (m, attribute)
		return jv_type(m.value) != JV_ARRAY;
	return false;
}

static bool concerns(struct jv requests, const struct sched_device_ask *a)
{
	if (!jv_len(requests))
		return true;
	jv_for_each (r, requests) {
		struct str name = jv_text(r.value);

		if (str_eq(name, a->name))
			return true;
		if (a->sub.len && name.len == a->name.len + 1 + a->sub.len &&
		    str_starts(name, a->name) && name.p[a->name.len] == '/' &&
		    str_ends(name, a->sub))
			return true;
	}
	return false;
}

static bool constraint_holds(const struct search *s, uint32_t claim,
			     const struct sched_device_constraint *k,
			     const struct sched_device_ask *a, const struct sched_device *d)
{
	struct jv mine;

	if (!concerns(k->requests, a))
		return true;
	mine = attribute_of(d, k->attribute);
	if (!jv_exists(mine))
		return false;
	for (size_t i = s->n; i > 0 && s->v[i - 1].claim == claim; i--) {
		const struct sched_device_result *r = &s->v[i - 1];
		struct jv other;

		if (!concerns(k->requests, r->ask))
			continue;
		other = attribute_of(r->device, k->attribute);
		if (!is_scalar(mine) || str_eq(jv_raw(mine), jv_raw(other)) == k->distinct)
			return false;
		if (!k->distinct)
			break; /* like one of them, like all */
	}
	return true;
}

static bool in_use(const struct search *s, const struct sched_device_ask *a,
		   const struct sched_device *d, uint32_t claim)
{
	const struct sched_device_use *u;

	for (size_t i = 0; !d->shared && i < s->n; i++)
		if (s->v[i].device == d && (!a->admin || s->v[i].claim == claim))
			return true;
	if (a->admin)
		return false;
	u = sched_device_use(s->ds, d->id);
	return u && u->whole;
}

/* Takes d if nothing speaks against it. It is selectable. */
static bool take(struct search *s, const struct place *pl, struct sched_device *d)
{
	const struct sched_device_claim *c = &s->dc->v[pl->claim];
	const struct sched_device_ask *a = &c->v[pl->request].v[pl->alternative];

	if (in_use(s, a, d, pl->claim) || kept_away(d, a->tolerations))
		return false;
	if (jv_len(d->consumes) && !sched_device_counters_left(s->ds, d, s->v, s->n))
		return false;
	if ((d->shared || jv_len(a->capacity)) &&
	    !sched_device_has_room(s->ds, d, a->capacity, s->v, s->n))
		return false;
	for (size_t i = 0; i < c->n_constraints; i++)
		if (!constraint_holds(s, pl->claim, &c->constraints[i], a, d))
			return false;
	if (s->n == s->cap)
		return false; /* cannot be: as many as the claims may have */
	s->v[s->n++] = (struct sched_device_result){.device = d,
						    .ask = a,
						    .claim = pl->claim,
						    .request = pl->request,
						    .alternative = pl->alternative};
	return true;
}

/* ---- the search ---- */

static size_t taken_by(const struct search *s, uint32_t claim)
{
	size_t n = 0;

	for (size_t i = s->n; i > 0 && s->v[i - 1].claim == claim; i--)
		n++;
	return n;
}

static enum found go(struct search *s, struct place pl);

static enum found next_request(struct search *s, struct place pl)
{
	return go(s, (struct place){.claim = pl.claim, .request = pl.request + 1});
}

static enum found any_alternative(struct search *s, struct place pl,
				  const struct sched_device_request *q)
{
	bool too_many = true;

	for (uint32_t i = 0; i < q->n; i++) {
		enum found r = go(s, (struct place){.claim = pl.claim,
						    .request = pl.request,
						    .alternative = i,
						    .within = true});

		if (r == FOUND_YES || r == FOUND_FAILED)
			return r;
		too_many &= r == FOUND_TOO_MANY;
	}
	return too_many ? FOUND_TOO_MANY : FOUND_NO;
}

static enum found all_of(struct search *s, struct place pl, const struct taking *t)
{
	enum found r;

	if (!take(s, &pl, t->all[pl.at]))
		return FOUND_NO;
	pl.at++;
	r = go(s, pl);
	if (r != FOUND_YES)
		s->n--;
	return r;
}

/* One after the other of a pool's devices, from where pl stands. */
static enum found one_of(struct search *s, struct place pl, const struct sched_device_ask *a)
{
	const struct sched_device_claim *c = &s->dc->v[pl.claim];

	for (; pl.pool < s->n_pools; pl.pool++, pl.slice = 0, pl.device = 0) {
		const struct pool *p = &s->pools[pl.pool];

		if (p->partial || p->broken)
			continue;
		for (; pl.slice < p->n; pl.slice++, pl.device = 0) {
			struct sched_slice *sl = p->v[pl.slice];

			for (; pl.device < sl->n; pl.device++) {
				struct sched_device *d = &sl->v[pl.device];
				struct place next = pl;
				enum found r;
				int ok;

				if (!step(s))
					return FOUND_NO;
				if (in_use(s, a, d, pl.claim))
					continue;
				ok = selectable(s, c, a, d);
				if (ok < 0)
					return FOUND_FAILED;
				if (!ok || !take(s, &pl, d))
					continue;
				next.at++;
				next.device++;
				r = go(s, next);
				if (r == FOUND_YES)
					return r;
				s->n--;
				if (r != FOUND_NO)
					return r;
			}
		}
	}
	return FOUND_NO;
}

static enum found go(struct search *s, struct place pl)
{
	const struct sched_device_claim *c;
	const struct sched_device_request *q;
	const struct sched_device_ask *a;
	const struct taking *t;
	enum found r;

	if (!step(s))
		return FOUND_NO;
	if (pl.claim == s->dc->n)
		return FOUND_YES;
	c = &s->dc->v[pl.claim];
	if (pl.request == c->n) { /* at once for those that have what they need */
		r = go(s, (struct place){.claim = pl.claim + 1});
		return r == FOUND_TOO_MANY ? FOUND_NO : r;
	}
	q = &c->v[pl.request];
	if (q->alternatives && !pl.within)
		return any_alternative(s, pl, q);
	a = &q->v[pl.alternative];
	t = &s->taking[pl.claim][pl.request][pl.alternative];
	if (a->all && !t->n)
		return FOUND_NO;
	if (pl.at == t->n)
		return next_request(s, pl);
	if (taken_by(s, pl.claim) + t->n - pl.at > CLAIM_RESULTS_MAX)
		return FOUND_TOO_MANY;
	return a->all ? all_of(s, pl, t) : one_of(s, pl, a);
}

/* ---- before the search ---- */

static bool list_all(struct search *s, const struct sched_device_claim *c,
		     const struct sched_device_ask *a, struct taking *t)
{
	size_t max = 0;

	for (size_t i = 0; i < s->n_pools; i++) {
		const struct pool *p = &s->pools[i];

		if (p->partial || p->broken) {
			fail(s, xasprintf("claim %.*s, request %.*s: asks for all devices, but "
					  "resource pool %s is currently %s",
					  STR_ARG(c->obj->key), STR_ARG(a->name), p->any->pool_id,
					  p->partial ? "being updated" : "invalid"));
			return false;
		}
		for (size_t k = 0; k < p->n; k++)
			max += p->v[k]->n;
	}
	t->all = ARENA_ARRAY(s->arena, struct sched_device *, max + 1);
	for (size_t i = 0; i < s->n_pools; i++)
		for (size_t k = 0; k < s->pools[i].n; k++)
			for (size_t j = 0; j < s->pools[i].v[k]->n; j++) {
				struct sched_device *d = &s->pools[i].v[k]->v[j];
				int ok = selectable(s, c, a, d);

				if (ok < 0)
					return false;
				if (ok)
					t->all[t->n++] = d;
			}
	return true;
}

static bool count_request(struct search *s, const struct sched_device_claim *c,
			  const struct sched_device_request *q, struct taking **ret, size_t *least)
{
	size_t min = SIZE_MAX;

	*ret = ARENA_ARRAY(s->arena, struct taking, q->n + 1);
	for (size_t i = 0; i < q->n; i++) {
		struct taking *t = &(*ret)[i];

		if (q->v[i].all) {
			if (!list_all(s, c, &q->v[i], t))
				return false;
		} else {
			t->n = (size_t)MAX(q->v[i].count, (int64_t)0);
		}
		min = MIN(min, t->n);
	}
	*least = MIN(*least + min, SIZE_MAX / 64);
	return true;
}

static bool count_all(struct search *s)
{
	s->taking = ARENA_ARRAY(s->arena, struct taking **, s->dc->n + 1);
	for (size_t i = 0; i < s->dc->n; i++) {
		const struct sched_device_claim *c = &s->dc->v[i];
		size_t least = 0;

		s->taking[i] = ARENA_ARRAY(s->arena, struct taking *, c->n + 1);
		for (size_t k = 0; k < c->n; k++)
			if (!count_request(s, c, &c->v[k], &s->taking[i][k], &least))
				return false;
		if (least > CLAIM_RESULTS_MAX) {
			fail(s, xasprintf("claim %.*s: number of requested devices %zu exceeds "
					  "the claim limit of %d",
					  STR_ARG(c->obj->key), least, CLAIM_RESULTS_MAX));
			return false;
		}
	}
	return true;
}

static bool allocated_elsewhere(struct sched_device_claims *dc, const struct sched_node *n)
{
	bool away = false;

	for (size_t i = 0; i < dc->n; i++) {
		if (!dc->v[i].selective || sched_spec_selects(&dc->v[i].nodes, n))
			continue;
		dc->unavailable |= i < 64 ? 1ull << i : 0;
		away = true;
	}
	return away;
}

static enum sched_devices_fit outcome(struct search *s, enum found r, char **ret_why)
{
	if (r == FOUND_YES)
		return DEVICES_FIT;
	if (s->late && !s->why)
		fail(s, xstrdup("timed out trying to allocate devices"));
	for (size_t i = 0; !s->why && i < s->n_pools; i++)
		if (s->pools[i].broken)
			fail(s, xstrdup("invalid resource pools were encountered"));
	if (!s->why)
		return DEVICES_NONE;
	*ret_why = s->why;
	return DEVICES_FAILED;
}

enum sched_devices_fit sched_devices_fit(struct sched_device_claims *dc, const struct sched_node *n,
					 struct sched_device_grant *grant, char **ret_why)
{
	struct search s = {.dc = dc, .ds = dc->ds, .node = n, .arena = &dc->node_arena};
	enum sched_devices_fit r = DEVICES_FIT;
	bool away = allocated_elsewhere(dc, n);

	*ret_why = NULL;
	if (grant)
		*grant = (struct sched_device_grant){0};
	if (dc->n_open) {
		arena_reset(s.arena);
		s.cap = dc->n_open * CLAIM_RESULTS_MAX;
		s.v = ARENA_ARRAY(s.arena, struct sched_device_result, s.cap);
		gather(&s);
		r = outcome(&s, count_all(&s) ? go(&s, (struct place){0}) : FOUND_FAILED, ret_why);
	}
	if (r == DEVICES_FIT && away)
		return DEVICES_WRONG_NODE;
	if (r == DEVICES_FIT && grant)
		*grant = (struct sched_device_grant){s.v, s.n};
	return r;
}
