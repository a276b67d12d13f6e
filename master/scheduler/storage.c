/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/storage.h"
#include "lib/api/labels.h"
#include "lib/api/quantity.h"
#include "lib/api/volumes.h"
#include "master/scheduler/class.h"

static const struct client_kind csinodes = {"storage.k8s.io", "v1", "csinodes", "CSINode", false};

static const struct client_kind csidrivers = {"storage.k8s.io", "v1", "csidrivers", "CSIDriver",
					      false};
static const struct client_kind capacities = {"storage.k8s.io", "v1", "csistoragecapacities",
					      "CSIStorageCapacity", true};

#define NO_PROVISIONER "kubernetes.io/no-provisioner"

/* Watching */

static void changed(void *user, struct object *o)
{
	struct sched_storage *st = user;

	st->changed(st->user);
}
static void updated(void *user, struct object *old, struct object *o)
{
	changed(user, o);
}
static const struct informer_handler handler = {changed, updated, changed, NULL};

void sched_storage_start(struct sched_storage *st, struct informers *informers)
{
	st->claims = informers_get(informers, &client_pvcs);
	st->volumes = informers_get(informers, &client_pvs);
	st->classes = informers_get(informers, &client_storageclasses);
	st->csinodes = informers_get(informers, &csinodes);
	st->csidrivers = informers_get(informers, &csidrivers);
	st->capacities = informers_get(informers, &capacities);
	st->taken = hmap_new();
	st->chosen = hmap_new();
	informer_handle(st->claims, &handler, st);
	informer_handle(st->volumes, &handler, st);
	informer_handle(st->classes, &handler, st);
	informer_handle(st->csinodes, &handler, st);
	informer_handle(st->csidrivers, &handler, st);
	informer_handle(st->capacities, &handler, st);
}

void sched_storage_stop(struct sched_storage *st)
{
	informer_unhandle(st->claims, &handler, st);
	informer_unhandle(st->volumes, &handler, st);
	informer_unhandle(st->classes, &handler, st);
	informer_unhandle(st->csinodes, &handler, st);
	informer_unhandle(st->csidrivers, &handler, st);
	informer_unhandle(st->capacities, &handler, st);
	hmap_free_full(st->taken, free);
	hmap_free_full(st->chosen, free);
}

/* Reading */

static struct jv of(const struct object *o)
{
	return jv_of(o->bytes);
}

bool sched_claim_bound(const struct object *claim)
{
	return jv_text(jv_get(object_spec(claim), "volumeName")).len &&
	       jv_exists(volume_note(of(claim), NOTE_BIND_COMPLETED));
}

bool sched_claim_name(const struct sched_pod *p, struct jv volume, struct buf *out)
{
	struct jv claim = jv_get(volume, "persistentVolumeClaim");

	if (jv_exists(claim)) {
		buf_addstr(out, jv_text(jv_get(claim, "claimName")));
		return true;
	}
	if (!jv_exists(jv_get(volume, "ephemeral")))
		return false;
	buf_addf(out, "%.*s-%.*s", STR_ARG(p->obj->name), STR_ARG(jv_text(jv_get(volume, "name"))));
	return true;
}

static struct object *class_of(struct sched_storage *st, const struct object *claim)
{
	struct str name = volume_class(of(claim));

	return name.len ? informer_get(st->classes, name) : NULL;
}

static bool is_delayed(struct sched_storage *st, const struct object *claim)
{
	struct object *class = class_of(st, claim);

	/* One that names its volume is bound by the controller, whatever its class says. */
	return class && !jv_text(jv_get(object_spec(claim), "volumeName")).len &&
	       jv_eqs(jv_get(jv_of(class->bytes), "volumeBindingMode"), "WaitForFirstConsumer");
}

/* Candidates */

/* Reserved for this claim: 1, for another: -1, for nobody: 0. */
static int reserved(struct sched_storage *st, const struct object *volume,
		    const struct object *claim)
{
	const char *assumed = hmap_get(st->taken, volume->name);

	if (assumed)
		return str_eqs(claim->key, assumed) ? 1 : -1;
	return volume_claimed(of(volume), of(claim));
}

static bool could_serve(struct sched_storage *st, const struct object *volume,
			const struct sched_claim *c, const struct label_selector *sel)
{
	int for_us = reserved(st, volume, c->obj);

	if (for_us < 0 || volume_mismatch(of(volume), of(c->obj)))
		return false;
	return for_us || (jv_eqs(jv_get(object_status(volume), "phase"), "Available") &&
			  label_selector_match(sel, jv_get(object_meta(volume), "labels")));
}

static int by_bytes(const void *a, const void *b)
{
	const struct sched_volume *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	return str_cmp(x->obj->name, y->obj->name);
}

static void find_candidates(struct sched_storage *st, struct sched_claim *c)
{
	struct jv selector = jv_get(object_spec(c->obj), "selector");
	struct label_selector sel = {0};

	if (jv_exists(selector) && label_selector_from_object(selector, &sel, NULL) < 0)
		sel.nothing = true;
	informer_for_each(o, st->volumes)
	{
		struct sched_volume *v;

		if (!could_serve(st, o, c, &sel))
			continue;
		v = ARRAY_PUSH(c->v, c->n, c->cap);
		*v = (struct sched_volume){.obj = o, .bytes = volume_capacity(of(o))};
		sched_spec_parse_selector(&v->nodes,
					  jv_path(object_spec(o), "nodeAffinity.required"));
	}
	label_selector_done(&sel);
	if (c->n)
		qsort(c->v, c->n, sizeof(*c->v), by_bytes);
}

/* A pod's claims */

/* Is there enough for one volume of so many bytes? (binder.go capacitySufficient) */
static bool is_enough(struct jv capacity, int64_t bytes)
{
	struct jv most = jv_get(capacity, "maximumVolumeSize");
	struct jv all = jv_exists(most) ? most : jv_get(capacity, "capacity");

	return jv_exists(all) && quantity_str_value(jv_text(all)) >= bytes;
}

/* Where could the claim's driver make it? (binder.go hasEnoughCapacity) */
static void find_spaces(struct sched_storage *st, struct sched_claim *c)
{
	struct str by = c->class ? jv_text(jv_get(of(c->class), "provisioner")) : STR_NULL;
	struct object *driver = by.len ? informer_get(st->csidrivers, by) : NULL;

	if (!driver || !c->bytes || !jv_bool(jv_get(object_spec(driver), "storageCapacity"), false))
		return;
	c->counted = true;
	informer_for_each(o, st->capacities)
	{
		struct jv where = jv_get(of(o), "nodeTopology");
		struct label_selector sel;

		if (!jv_exists(where) ||
		    !str_eq(jv_text(jv_get(of(o), "storageClassName")), c->class->name) ||
		    !is_enough(of(o), c->bytes) ||
		    label_selector_from_object(where, &sel, NULL) < 0)
			continue;
		*ARRAY_PUSH(c->spaces, c->n_spaces, c->cap_spaces) = sel;
	}
}

static char *read_claim(struct sched_storage *st, const struct sched_pod *p, struct jv volume,
			struct str name, struct sched_claims *ret)
{
	struct object *o = informer_get_in(st->claims, p->obj->ns, name);
	const char *assumed;
	struct sched_claim *c;
	struct str volume_name;

	if (!o && jv_exists(jv_get(volume, "ephemeral")))
		return xasprintf("waiting for ephemeral volume controller to create the "
				 "persistentvolumeclaim \"%.*s\"",
				 STR_ARG(name));
	if (!o)
		return xasprintf("persistentvolumeclaim \"%.*s\" not found", STR_ARG(name));
	volume_name = jv_text(jv_get(object_spec(o), "volumeName"));
	if (jv_eqs(jv_get(object_status(o), "phase"), "Lost"))
		return xasprintf("persistentvolumeclaim \"%.*s\" bound to non-existent "
				 "persistentvolume \"%.*s\"",
				 STR_ARG(name), STR_ARG(volume_name));
	if (o->deleting)
		return xasprintf("persistentvolumeclaim \"%.*s\" is being deleted", STR_ARG(name));
	if (!sched_claim_bound(o) && !is_delayed(st, o))
		return xstrdup("pod has unbound immediate PersistentVolumeClaims");
	c = ARRAY_PUSH(ret->v, ret->n, ret->cap);
	*c = (struct sched_claim){.obj = o, .bound = sched_claim_bound(o)};
	c->bytes = claim_request(of(o));
	c->class = class_of(st, o);
	if (c->bound) {
		c->volume = informer_get(st->volumes, volume_name);
		if (c->volume)
			sched_spec_parse_selector(&c->nodes, jv_path(object_spec(c->volume),
								     "nodeAffinity.required"));
		return NULL;
	}
	assumed = hmap_get(st->chosen, o->key);
	c->selected = assumed ? xstrdup(assumed)
			      : str_dup(jv_text(volume_note(of(o), NOTE_SELECTED_NODE)));
	find_candidates(st, c);
	find_spaces(st, c);
	return NULL;
}

/* Small ones first: a large volume is not given to a claim that a small one would do for. */
static int by_request(const void *a, const void *b)
{
	const struct sched_claim *x = a, *y = b;

	return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

bool sched_claims_read(struct sched_storage *st, const struct sched_pod *p,
		       struct sched_claims *ret, char **ret_why)
{
	struct str rest = p->class->pieces[PIECE_VOLUMES], line;
	bool some = false;

	*ret = (struct sched_claims){0};
	*ret_why = NULL;
	while (!*ret_why && str_split(&rest, '\n', &line)) {
		CLEANUP(buf_done) struct buf name = BUF_INIT;

		if (!line.len || !sched_claim_name(p, jv_of(line), &name))
			continue;
		some = true;
		*ret_why = read_claim(st, p, jv_of(line), buf_str(&name), ret);
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_request);
	return some;
}

void sched_claims_each(struct sched_storage *st, const struct sched_pod *p,
		       void (*fn)(void *user, struct object *claim), void *user)
{
	struct str rest = p->class->pieces[PIECE_VOLUMES], line;

	while (str_split(&rest, '\n', &line)) {
		CLEANUP(buf_done) struct buf name = BUF_INIT;
		struct object *o;

		if (!line.len || !sched_claim_name(p, jv_of(line), &name))
			continue;
		o = informer_get_in(st->claims, p->obj->ns, buf_str(&name));
		if (o)
			fn(user, o);
	}
}

void sched_claims_done(struct sched_claims *cs)
{
	for (size_t i = 0; i < cs->n; i++) {
		struct sched_claim *c = &cs->v[i];

		for (size_t k = 0; k < c->n; k++)
			sched_spec_done(&c->v[k].nodes);
		for (size_t k = 0; k < c->n_spaces; k++)
			label_selector_done(&c->spaces[k]);
		free(c->spaces);
		sched_spec_done(&c->nodes);
		free(c->v);
		free(c->selected);
	}
	free(cs->v);
	*cs = (struct sched_claims){0};
}

/* On a node */

static bool chosen_before(const struct sched_volume *v, const struct sched_volume **choice,
			  size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (choice[i] && choice[i]->obj == v->obj)
			return true;
	return false;
}

/* allowedTopologies: any term, of which all keys must have one of their values. */
static bool class_allows(const struct object *class, const struct sched_node *n)
{
	struct jv terms = jv_get(jv_of(class->bytes), "allowedTopologies");
	bool any = !jv_len(terms);

	jv_for_each (t, terms) {
		bool all = true;

		jv_for_each (e, jv_get(t.value, "matchLabelExpressions")) {
			struct str have = sched_node_label(n, jv_text(jv_get(e.value, "key")));
			bool in = false;

			jv_for_each (v, jv_get(e.value, "values"))
				in |= !str_is_null(have) && str_eq(jv_text(v.value), have);
			all &= in;
		}
		any |= all;
	}
	return any;
}

static bool can_make(const struct sched_claim *c, const struct sched_node *n)
{
	struct str by = jv_text(jv_get(jv_of(c->class->bytes), "provisioner"));

	return by.len && !str_eqs(by, NO_PROVISIONER) && class_allows(c->class, n);
}

static struct str label_of(void *user, struct str key)
{
	return sched_node_label(user, key);
}

/* A new volume: 0, or why not. */
static int make(const struct sched_claim *c, const struct sched_node *n)
{
	if (!can_make(c, n))
		return CLAIMS_NO_VOLUME;
	for (size_t i = 0; i < c->n_spaces; i++)
		if (label_selector_match_fn(&c->spaces[i], label_of, (void *)(uintptr_t)n))
			return 0;
	return c->counted ? CLAIMS_NO_SPACE : 0;
}

static int serve(const struct sched_claim *c, const struct sched_node *n,
		 const struct sched_volume **choice, size_t at)
{
	if (c->selected)
		return str_eqs(n->name, c->selected) ? make(c, n) : CLAIMS_NO_VOLUME;
	for (size_t i = 0; i < c->n; i++) {
		if (chosen_before(&c->v[i], choice, at) || !sched_spec_selects(&c->v[i].nodes, n))
			continue;
		choice[at] = &c->v[i];
		return 0;
	}
	return make(c, n);
}

int sched_claims_fit(const struct sched_claims *cs, const struct sched_node *n,
		     const struct sched_volume **choice)
{
	const struct sched_volume *here[16];
	CLEANUP_FREE const struct sched_volume **many = NULL;
	int r = CLAIMS_FIT;

	if (!choice)
		choice = cs->n <= ARRAY_SIZE(here)
				 ? here
				 : (many = xcalloc(cs->n, sizeof(struct sched_volume *)));
	for (size_t i = 0; i < cs->n; i++) {
		const struct sched_claim *c = &cs->v[i];

		choice[i] = NULL;
		if (!c->bound)
			r |= serve(c, n, choice, i);
		else if (!c->volume)
			r |= CLAIMS_LOST;
		else if (!sched_spec_selects(&c->nodes, n))
			r |= CLAIMS_WRONG_NODE;
	}
	return r;
}

bool sched_claim_csi(struct sched_storage *st, const struct sched_claim *c, struct str *ret_driver,
		     struct str *ret_handle)
{
	struct jv csi = c->volume ? jv_get(object_spec(c->volume), "csi") : JV_NONE;

	if (jv_exists(csi)) {
		*ret_driver = jv_text(jv_get(csi, "driver"));
		*ret_handle = jv_text(jv_get(csi, "volumeHandle"));
		return true;
	}
	if (c->bound || !c->class)
		return false;
	*ret_driver = jv_text(jv_get(jv_of(c->class->bytes), "provisioner"));
	*ret_handle = c->obj->key;
	return ret_driver->len > 0;
}
