/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/device_claims.h"
#include "master/scheduler/devices.h"

/* A pod's claims as a decision needs them: once for all nodes. */

static void add_expressions(struct sched_device_claims *dc, struct sched_device_ask *a,
			    struct jv selectors)
{
	jv_for_each (s, selectors) {
		CLEANUP(buf_done) struct buf text = BUF_INIT;
		struct jv e = jv_path(s.value, "cel.expression");

		a->expressions[a->n_expressions++] =
			sched_devices_expression(dc->ds, jv_str(e, &text));
	}
}

static char *read_ask(struct sched_device_claims *dc, const struct sched_device_request *q,
		      struct sched_device_ask *a, struct jv json)
{
	struct str class = jv_text(jv_get(json, "deviceClassName"));
	struct jv own = jv_get(json, "selectors"), its;

	a->name = q->name;
	a->sub = q->alternatives ? jv_text(jv_get(json, "name")) : STR_NULL;
	if (!class.len)
		return xasprintf("request %.*s: unsupported request type", STR_ARG(q->name));
	a->class = informer_get(dc->ds->classes, class);
	if (!a->class)
		return xasprintf("request %.*s%s%.*s: device class %.*s does not exist",
				 STR_ARG(a->name), a->sub.len ? "/" : "", STR_ARG(a->sub),
				 STR_ARG(class));
	its = jv_get(object_spec(a->class), "selectors");
	a->n_of_class = jv_len(its);
	a->expressions = ARENA_ARRAY(&dc->arena, uint32_t, a->n_of_class + jv_len(own) + 1);
	add_expressions(dc, a, its);
	add_expressions(dc, a, own);
	a->all = jv_eqs(jv_get(json, "allocationMode"), "All");
	a->count = a->all ? 0 : jv_i64(jv_get(json, "count"), 1);
	a->admin = !q->alternatives && jv_bool(jv_get(json, "adminAccess"), false);
	a->tolerations = jv_get(json, "tolerations");
	a->capacity = jv_path(json, "capacity.requests");
	return NULL;
}

static char *read_request(struct sched_device_claims *dc, struct sched_device_request *q,
			  struct jv json)
{
	struct jv exact = jv_get(json, "exactly"), list = jv_get(json, "firstAvailable");
	char *why = NULL;

	q->name = jv_text(jv_get(json, "name"));
	q->alternatives = !jv_exists(exact);
	q->n = q->alternatives ? jv_len(list) : 1;
	q->v = ARENA_ARRAY(&dc->arena, struct sched_device_ask, q->n + 1);
	if (!q->alternatives)
		return read_ask(dc, q, &q->v[0], exact);
	dc->alternatives = true;
	q->n = 0;
	jv_for_each (e, list)
		if (!why)
			why = read_ask(dc, q, &q->v[q->n++], e.value);
	return why;
}

static void read_constraints(struct sched_device_claims *dc, struct sched_device_claim *c,
			     struct jv list)
{
	c->constraints = ARENA_ARRAY(&dc->arena, struct sched_device_constraint, jv_len(list) + 1);
	jv_for_each (e, list) {
		struct sched_device_constraint *k = &c->constraints[c->n_constraints++];
		struct jv same = jv_get(e.value, "matchAttribute");

		k->requests = jv_get(e.value, "requests");
		k->distinct = !jv_exists(same);
		k->attribute = jv_text(k->distinct ? jv_get(e.value, "distinctAttribute") : same);
	}
}

static char *read_open(struct sched_device_claims *dc, struct sched_device_claim *c)
{
	struct jv devices = jv_get(object_spec(c->obj), "devices");
	struct jv requests = jv_get(devices, "requests");
	char *why = NULL;

	if (hmap_has(dc->ds->pending, c->obj->key))
		return xasprintf("resource claim %.*s is in the process of being allocated",
				 STR_ARG(c->obj->key));
	c->v = ARENA_ARRAY(&dc->arena, struct sched_device_request, jv_len(requests) + 1);
	jv_for_each (r, requests)
		if (!why)
			why = read_request(dc, &c->v[c->n++], r.value);
	read_constraints(dc, c, jv_get(devices, "constraints"));
	dc->n_open++;
	return why;
}

static bool known(const struct sched_device_claims *dc, const struct object *claim)
{
	for (size_t i = 0; i < dc->n; i++)
		if (dc->v[i].obj == claim)
			return true;
	return false;
}

static char *read_claim(struct sched_device_claims *dc, const struct object *pod,
			struct object *claim)
{
	struct sched_device_claim *c = &dc->v[dc->n++];
	struct jv allocation = jv_get(object_status(claim), "allocation"), selector;

	c->obj = claim;
	c->allocated = jv_exists(allocation);
	if (!c->allocated)
		return read_open(dc, c);
	c->reserved =
		claim_reserved_for(jv_of(claim->bytes), jv_text(jv_get(object_meta(pod), "uid")));
	selector = jv_get(allocation, "nodeSelector");
	c->selective = jv_exists(selector);
	sched_spec_parse_selector(&c->nodes, selector);
	return NULL;
}

struct sched_device_claims *sched_devices_read(struct sched_devices *ds, const struct sched_pod *p,
					       char **ret_why)
{
	struct jv entries = jv_get(object_spec(p->obj), "resourceClaims");
	struct sched_device_claims *dc;

	*ret_why = NULL;
	if (!jv_len(entries) || !sched_devices_ready(ds, p->obj, ret_why))
		return NULL;
	sched_devices_begin(ds);
	dc = NEW(struct sched_device_claims);
	dc->ds = ds;
	dc->steps_left = SCHED_DEVICE_STEPS;
	dc->v = ARENA_ARRAY(&dc->arena, struct sched_device_claim, jv_len(entries) + 1);
	jv_for_each (e, entries) {
		struct pod_claim pc = pod_claim(jv_of(p->obj->bytes), e.value);
		struct object *claim =
			pc.none ? NULL : informer_get_in(ds->claims, p->obj->ns, pc.name);

		if (!*ret_why && claim && !known(dc, claim))
			*ret_why = read_claim(dc, p->obj, claim);
	}
	if (dc->n && !*ret_why)
		return dc;
	return sched_device_claims_free(dc);
}

struct sched_device_claims *sched_device_claims_free(struct sched_device_claims *dc)
{
	if (!dc)
		return NULL;
	for (size_t i = 0; i < dc->n; i++)
		sched_spec_done(&dc->v[i].nodes);
	arena_done(&dc->arena);
	arena_done(&dc->node_arena);
	free(dc);
	return NULL;
}
