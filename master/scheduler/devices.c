/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/devices.h"
#include "lib/api/device_cel.h"
#include "lib/api/device_claims.h"

#define COST_MAX 2000000u /* of one decision's expressions, in CEL's units */
#define COST_EACH 25 /* of an evaluation, besides */

/* ---- slices ---- */

static void slices_drop(struct sched_slices *l, const struct sched_slice *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == s)
			l->v[i--] = l->v[--l->n];
}

static void slices_add(struct sched_slices *l, struct sched_slice *s)
{
	*ARRAY_PUSH(l->v, l->n, l->cap) = s;
}

static void slices_free(void *p)
{
	struct sched_slices *l = p;

	free(l->v);
	free(l);
}

static struct sched_slices *slices_of(struct hmap *m, struct str key)
{
	struct sched_slices *l = hmap_get(m, key);

	if (!l) {
		l = NEW(struct sched_slices);
		hmap_put(m, key, l);
	}
	return l;
}

static void leave(struct hmap *m, struct str key, const struct sched_slice *s)
{
	struct sched_slices *l = hmap_get(m, key);

	if (!l)
		return;
	slices_drop(l, s);
	if (!l->n)
		slices_free(hmap_del(m, key));
}

static void slice_free(void *p)
{
	struct sched_slice *s = p;

	for (size_t i = 0; i < s->n; i++) {
		sched_spec_done(&s->v[i].nodes);
		free(s->v[i].id);
	}
	sched_spec_done(&s->nodes);
	free(s->v);
	free(s->pool_id);
	object_unref(s->obj);
	free(s);
}

static void parse_device(struct sched_slice *s, struct sched_device *d, struct jv json)
{
	struct jv selector = jv_get(json, "nodeSelector");

	*d = (struct sched_device){.slice = s, .json = json};
	d->name = jv_text(jv_get(json, "name"));
	d->id = xasprintf("%s/%.*s", s->pool_id, STR_ARG(d->name));
	d->taints = jv_get(json, "taints");
	d->consumes = jv_get(json, "consumesCounters");
	d->binds_to_node = jv_bool(jv_get(json, "bindsToNode"), false);
	d->shared = jv_bool(jv_get(json, "allowMultipleAllocations"), false);
	d->conditional = jv_len(jv_get(json, "bindingConditions")) > 0;
	if (!s->by_device)
		return;
	d->node_name = jv_text(jv_get(json, "nodeName"));
	d->all_nodes = jv_bool(jv_get(json, "allNodes"), false);
	d->selective = jv_exists(selector);
	sched_spec_parse_selector(&d->nodes, selector);
}

static struct sched_slice *slice_new(struct object *o)
{
	struct sched_slice *s = NEW(struct sched_slice);
	struct jv spec = object_spec(o), pool = jv_get(spec, "pool");
	struct jv devices = jv_get(spec, "devices"), selector = jv_get(spec, "nodeSelector");
	size_t i = 0;

	s->obj = object_ref(o);
	s->driver = jv_text(jv_get(spec, "driver"));
	s->pool = jv_text(jv_get(pool, "name"));
	s->pool_id = xasprintf("%.*s/%.*s", STR_ARG(s->driver), STR_ARG(s->pool));
	s->generation = jv_i64(jv_get(pool, "generation"), 0);
	s->count = jv_i64(jv_get(pool, "resourceSliceCount"), 0);
	s->node_name = jv_text(jv_get(spec, "nodeName"));
	s->all_nodes = jv_bool(jv_get(spec, "allNodes"), false);
	s->by_device = jv_bool(jv_get(spec, "perDeviceNodeSelection"), false);
	s->selective = jv_exists(selector);
	sched_spec_parse_selector(&s->nodes, selector);
	s->counters = jv_get(spec, "sharedCounters");
	s->v = xcalloc(jv_len(devices) + 1, sizeof(*s->v));
	jv_for_each (d, devices)
		parse_device(s, &s->v[i++], d.value);
	s->n = i;
	return s;
}

static void slice_in(struct sched_devices *ds, struct object *o)
{
	struct sched_slice *s = slice_new(o);

	hmap_put(ds->parsed, o->name, s);
	slices_add(slices_of(ds->by_pool, str_of(s->pool_id)), s);
	slices_add(s->node_name.len ? slices_of(ds->by_node, s->node_name) : &ds->spread, s);
}

static void slice_out(struct sched_devices *ds, struct str name)
{
	struct sched_slice *s = hmap_del(ds->parsed, name);

	if (!s)
		return;
	leave(ds->by_pool, str_of(s->pool_id), s);
	if (s->node_name.len)
		leave(ds->by_node, s->node_name, s);
	else
		slices_drop(&ds->spread, s);
	slice_free(s);
}

/* ---- expressions ---- */

static void drop_expressions(struct sched_devices *ds)
{
	for (size_t i = 0; i < ds->n_expressions; i++) {
		cel_program_free(ds->expressions[i].program);
		free(ds->expressions[i].text);
		free(ds->expressions[i].why);
	}
	ds->n_expressions = 0;
	hmap_for_each (it, ds->parsed) {
		struct sched_slice *s = it->value;

		for (size_t i = 0; i < s->n; i++)
			s->v[i].known = s->v[i].fits = 0;
	}
}

uint32_t sched_devices_expression(struct sched_devices *ds, struct str text)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct sched_expression *e;

	for (size_t i = 0; i < ds->n_expressions; i++)
		if (str_eqs(text, ds->expressions[i].text))
			return (uint32_t)i;
	e = ARRAY_PUSH(ds->expressions, ds->n_expressions, ds->cap_expressions);
	*e = (struct sched_expression){.text = str_dup(text)};
	if (device_cel_compile(text, &e->program, &err) < 0)
		e->why = xasprintf("CEL compile error: %s", err_text(&err));
	return (uint32_t)ds->n_expressions - 1;
}

int sched_device_matches(struct sched_devices *ds, struct sched_device *d, uint32_t at,
			 char **ret_why)
{
	const struct sched_expression *e = &ds->expressions[at];
	CLEANUP(err_done) struct err err = ERR_INIT;
	uint64_t bit = at < SCHED_EXPRESSIONS ? 1ull << at : 0, cost = 0;
	int r;

	if (d->known & bit)
		return (d->fits & bit) != 0;
	if (!e->program) {
		*ret_why = xstrdup(e->why);
		return -EINVAL;
	}
	if (ds->cost_left < COST_EACH)
		return -EDQUOT;
	r = device_cel_match(e->program, d->slice->driver, d->json, &ds->scratch, &cost, &err);
	cost += COST_EACH;
	ds->cost_left -= MIN(ds->cost_left, cost);
	if (r < 0) {
		*ret_why = xasprintf("on device %s: CEL runtime error: %s", d->id, err_text(&err));
		return r;
	}
	d->known |= bit;
	if (r)
		d->fits |= bit;
	return r;
}

/* ---- what is in use ---- */

static void use_free(void *p)
{
	struct sched_device_use *u = p;

	for (size_t i = 0; i < u->n; i++)
		free(u->taken[i].name);
	free(u->taken);
	free(u);
}

const struct sched_device_use *sched_device_use(const struct sched_devices *ds, const char *id)
{
	return hmap_get(ds->in_use, str_of(id));
}

static void count_amounts(struct sched_device_use *u, struct jv consumed, int sign)
{
	jv_for_each_member (m, consumed) {
		struct quantity q = {0};
		size_t i = 0;

		quantity_parse(jv_text(m.value), &q);
		while (i < u->n && !str_eqs(m.key, u->taken[i].name))
			i++;
		if (i == u->n)
			*ARRAY_PUSH(u->taken, u->n, u->cap) =
				(struct sched_amount){str_dup(m.key), {.format = q.format}};
		u->taken[i].q.nano += sign * q.nano;
	}
}

void sched_devices_count(struct sched_devices *ds, struct jv allocation, int sign)
{
	jv_for_each (r, jv_path(allocation, "devices.results")) {
		CLEANUP(buf_done) struct buf id = BUF_INIT;
		struct sched_device_use *u;

		if (jv_bool(jv_get(r.value, "adminAccess"), false))
			continue;
		buf_addf(&id, "%.*s/%.*s/%.*s", STR_ARG(jv_text(jv_get(r.value, "driver"))),
			 STR_ARG(jv_text(jv_get(r.value, "pool"))),
			 STR_ARG(jv_text(jv_get(r.value, "device"))));
		u = hmap_get(ds->in_use, buf_str(&id));
		if (!u) {
			u = NEW(struct sched_device_use);
			hmap_put(ds->in_use, buf_str(&id), u);
		}
		if (jv_exists(jv_get(r.value, "shareID"))) {
			u->shares += (uint32_t)sign;
			count_amounts(u, jv_get(r.value, "consumedCapacity"), sign);
		} else {
			u->whole += (uint32_t)sign;
		}
		if (!u->whole && !u->shares)
			use_free(hmap_del(ds->in_use, buf_str(&id)));
	}
}

static void pending_drop(struct sched_devices *ds, struct str key)
{
	struct sched_pending *p = hmap_del(ds->pending, key);

	if (!p)
		return;
	sched_devices_count(ds, jv_of(str_of(p->allocation)), -1);
	free(p->allocation);
	free(p);
}

void sched_devices_assume(struct sched_devices *ds, struct str claim_key, struct str allocation)
{
	struct sched_pending *p = NEW(struct sched_pending);

	pending_drop(ds, claim_key);
	p->allocation = str_dup(allocation);
	hmap_put(ds->pending, claim_key, p);
	sched_devices_count(ds, jv_of(str_of(p->allocation)), 1);
}

void sched_devices_settle(struct sched_devices *ds, struct str claim_key, uint64_t rv)
{
	struct sched_pending *p = hmap_get(ds->pending, claim_key);
	const struct object *claim = informer_get(ds->claims, claim_key);

	if (!p)
		return;
	p->rv = rv;
	if (!rv || !claim || claim->rv >= rv)
		pending_drop(ds, claim_key);
}

/* ---- events ---- */

static struct jv allocation_of(const struct object *claim)
{
	return jv_get(object_status(claim), "allocation");
}

static void claim_in(void *user, struct object *o)
{
	struct sched_devices *ds = user;

	sched_devices_count(ds, allocation_of(o), 1);
	ds->changed(ds->user, o, NULL);
}
static void claim_changed(void *user, struct object *old, struct object *o)
{
	struct sched_devices *ds = user;
	const struct sched_pending *p = hmap_get(ds->pending, o->key);

	sched_devices_count(ds, allocation_of(o), 1);
	sched_devices_count(ds, allocation_of(old), -1);
	if (p && p->rv && o->rv >= p->rv)
		pending_drop(ds, o->key);
	ds->changed(ds->user, o, old);
}
static void claim_out(void *user, struct object *o)
{
	struct sched_devices *ds = user;
	const struct sched_pending *p = hmap_get(ds->pending, o->key);

	sched_devices_count(ds, allocation_of(o), -1);
	if (p && p->rv)
		pending_drop(ds, o->key);
	if (jv_exists(allocation_of(o)))
		ds->changed(ds->user, NULL, NULL);
}
static const struct informer_handler on_claims = {claim_in, claim_changed, claim_out, NULL};

static void slice_here(void *user, struct object *o)
{
	struct sched_devices *ds = user;

	slice_out(ds, o->name);
	slice_in(ds, o);
	ds->changed(ds->user, NULL, NULL);
}
static void slice_changed(void *user, struct object *old, struct object *o)
{
	slice_here(user, o);
}
static void slice_gone(void *user, struct object *o)
{
	struct sched_devices *ds = user;

	slice_out(ds, o->name);
	/* The rest of a pool may be all of it now. */
	ds->changed(ds->user, NULL, NULL);
}
static const struct informer_handler on_slices = {slice_here, slice_changed, slice_gone, NULL};

static void class_here(void *user, struct object *o)
{
	struct sched_devices *ds = user;

	ds->changed(ds->user, NULL, NULL);
}
static void class_changed(void *user, struct object *old, struct object *o)
{
	class_here(user, o);
}
static const struct informer_handler on_classes = {class_here, class_changed, NULL, NULL};

void sched_devices_start(struct sched_devices *ds, struct informers *informers)
{
	ds->claims = informers_get(informers, &client_resourceclaims);
	ds->slices = informers_get(informers, &client_resourceslices);
	ds->classes = informers_get(informers, &client_deviceclasses);
	ds->parsed = hmap_new();
	ds->by_node = hmap_new();
	ds->by_pool = hmap_new();
	ds->in_use = hmap_new();
	ds->pending = hmap_new();
	informer_handle(ds->claims, &on_claims, ds);
	informer_handle(ds->slices, &on_slices, ds);
	informer_handle(ds->classes, &on_classes, ds);
}

static void pending_free(void *p)
{
	free(((struct sched_pending *)p)->allocation);
	free(p);
}

void sched_devices_stop(struct sched_devices *ds)
{
	informer_unhandle(ds->claims, &on_claims, ds);
	informer_unhandle(ds->slices, &on_slices, ds);
	informer_unhandle(ds->classes, &on_classes, ds);
	drop_expressions(ds);
	free(ds->expressions);
	hmap_free_full(ds->by_node, slices_free);
	hmap_free_full(ds->by_pool, slices_free);
	hmap_free_full(ds->parsed, slice_free);
	free(ds->spread.v);
	hmap_free_full(ds->in_use, use_free);
	hmap_free_full(ds->pending, pending_free);
	arena_done(&ds->scratch);
}

/* ---- a pod's claims ---- */

bool sched_devices_ready(struct sched_devices *ds, const struct object *pod, char **ret_why)
{
	struct jv json = jv_of(pod->bytes);
	struct str uid = jv_text(jv_get(object_meta(pod), "uid"));

	*ret_why = NULL;
	jv_for_each (e, jv_get(object_spec(pod), "resourceClaims")) {
		struct pod_claim pc = pod_claim(json, e.value);
		const struct object *claim;

		if (pc.none)
			continue;
		if (!pc.name.len) {
			*ret_why = xasprintf("pod \"%.*s/%.*s\": ResourceClaim not created yet",
					     STR_ARG(pod->ns), STR_ARG(pod->name));
			return false;
		}
		claim = informer_get_in(ds->claims, pod->ns, pc.name);
		if (!claim)
			*ret_why = xasprintf("resourceclaim.resource.k8s.io \"%.*s\" not found",
					     STR_ARG(pc.name));
		else if (claim->deleting)
			*ret_why = xasprintf("resourceclaim \"%.*s\" is being deleted",
					     STR_ARG(pc.name));
		else if (pc.generated && !claim_is_for(jv_of(claim->bytes), uid))
			*ret_why = xasprintf("ResourceClaim %.*s/%.*s was not created for Pod "
					     "%.*s/%.*s (Pod is not owner)",
					     STR_ARG(pod->ns), STR_ARG(pc.name), STR_ARG(pod->ns),
					     STR_ARG(pod->name));
		if (*ret_why)
			return false;
	}
	return true;
}

bool sched_devices_names(const struct object *pod, const struct object *claim)
{
	if (!str_eq(pod->ns, claim->ns))
		return false;
	jv_for_each (e, jv_get(object_spec(pod), "resourceClaims")) {
		struct pod_claim pc = pod_claim(jv_of(pod->bytes), e.value);

		if (str_eq(pc.name, claim->name))
			return true;
	}
	return false;
}

void sched_devices_begin(struct sched_devices *ds)
{
	ds->cost_left = COST_MAX;
	if (ds->n_expressions > SCHED_EXPRESSIONS)
		drop_expressions(ds);
}
