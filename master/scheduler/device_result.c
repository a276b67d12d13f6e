/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/clock.h"
#include "lib/json/jw.h"
#include "master/scheduler/devices.h"

/* What is found is written as a claim's status.allocation. */

static void copy(struct jw *w, const char *name, struct jv from)
{
	if (jv_exists(from) && jv_len(from))
		jw_member_raw(w, name, jv_raw(from));
}

static void ask_name(const struct sched_device_ask *a, struct buf *out)
{
	buf_addstr(out, a->name);
	if (a->sub.len)
		buf_addf(out, "/%.*s", STR_ARG(a->sub));
}

static void write_result(const struct sched_devices *ds, const struct sched_device_result *r,
			 struct jw *w)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;
	const struct sched_slice *s = r->device->slice;

	ask_name(r->ask, &name);
	jw_begin_object(w);
	jw_member_str(w, "request", buf_str(&name));
	jw_member_str(w, "driver", s->driver);
	jw_member_str(w, "pool", s->pool);
	jw_member_str(w, "device", r->device->name);
	if (r->ask->admin)
		jw_member_bool(w, "adminAccess", true);
	copy(w, "tolerations", r->ask->tolerations);
	if (r->device->shared) {
		char id[UUID_LEN + 1];

		rng_uuid(ds->rng ? ds->rng : &rng_system, id);
		jw_member_str(w, "shareID", str_of(id));
		if (jv_len(jv_get(r->device->json, "capacity"))) {
			jw_key(w, "consumedCapacity");
			sched_device_write_taken(r->device, r->ask->capacity, w);
		}
	}
	jw_end_object(w);
}

/* ---- configuration ---- */

/* The alternative of a request that was taken. */
static const struct sched_device_ask *taken_of(const struct sched_device_grant *g, uint32_t claim,
					       uint32_t request)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].claim == claim && g->v[i].request == request)
			return g->v[i].ask;
	return NULL;
}

static bool names(struct jv requests, const struct sched_device_ask *a)
{
	CLEANUP(buf_done) struct buf full = BUF_INIT;

	ask_name(a, &full);
	jv_for_each (r, requests)
		if (str_eq(jv_text(r.value), a->name) || str_eq(jv_text(r.value), buf_str(&full)))
			return true;
	return false;
}

static void write_settings(struct jw *w, const char *source, struct jv config)
{
	jw_begin_object(w);
	jw_member_str(w, "source", str_of(source));
	if (jv_exists(jv_get(config, "opaque")))
		jw_member_raw(w, "opaque", jv_raw(jv_get(config, "opaque")));
}

/* A class's settings stand once, with the requests that they are for; none: all. */
static void write_class(const struct sched_device_grant *g, const struct sched_device_claim *c,
			uint32_t claim, const struct object *class, struct jv config, struct jw *w)
{
	bool all = true;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct sched_device_ask *a = taken_of(g, claim, i);

		all &= a && a->class == class;
	}
	write_settings(w, "FromClass", config);
	if (!all) {
		jw_key(w, "requests");
		jw_begin_array(w);
		for (uint32_t i = 0; i < c->n; i++) {
			const struct sched_device_ask *a = taken_of(g, claim, i);
			CLEANUP(buf_done) struct buf name = BUF_INIT;

			if (!a || a->class != class)
				continue;
			ask_name(a, &name);
			jw_str(w, buf_str(&name));
		}
		jw_end_array(w);
	}
	jw_end_object(w);
}

static void write_own(const struct sched_device_grant *g, const struct sched_device_claim *c,
		      uint32_t claim, struct jv config, struct jw *w)
{
	struct jv requests = jv_get(config, "requests");
	bool some = !jv_len(requests), all = true;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct sched_device_ask *a = taken_of(g, claim, i);
		bool named = a && names(requests, a);

		some |= named;
		all &= named;
	}
	if (!some)
		return; /* for alternatives that were not taken */
	write_settings(w, "FromClaim", config);
	if (jv_len(requests) && !all)
		jw_member_raw(w, "requests", jv_raw(requests));
	jw_end_object(w);
}

static bool class_before(const struct sched_device_grant *g, uint32_t claim, uint32_t request,
			 const struct object *class)
{
	for (uint32_t i = 0; i < request; i++) {
		const struct sched_device_ask *a = taken_of(g, claim, i);

		if (a && a->class == class)
			return true;
	}
	return false;
}

static void write_configs(const struct sched_device_claims *dc, const struct sched_device_grant *g,
			  uint32_t claim, struct jw *w)
{
	const struct sched_device_claim *c = &dc->v[claim];

	jw_begin_array(w);
	for (uint32_t i = 0; i < c->n; i++) {
		const struct sched_device_ask *a = taken_of(g, claim, i);

		if (!a || class_before(g, claim, i, a->class))
			continue;
		jv_for_each (e, jv_get(object_spec(a->class), "config"))
			write_class(g, c, claim, a->class, e.value, w);
	}
	jv_for_each (e, jv_path(object_spec(c->obj), "devices.config"))
		write_own(g, c, claim, e.value, w);
	jw_end_array(w);
}

/* ---- from where it is reached ---- */

static void write_requirements(const struct sched_device_grant *g, uint32_t claim, const char *what,
			       struct jw *w, bool *some)
{
	CLEANUP(hmap_freep) struct hmap *seen = hmap_new();
	bool begun = false;

	for (size_t i = 0; i < g->n; i++) {
		const struct sched_device *d = g->v[i].device;
		struct jv from = d->slice->by_device ? d->json : object_spec(d->slice->obj);

		if (g->v[i].claim != claim)
			continue;
		jv_for_each (r, jv_get(jv_path(from, "nodeSelector.nodeSelectorTerms[0]"), what)) {
			if (hmap_put(seen, jv_raw(r.value), seen))
				continue;
			if (!begun) {
				jw_key(w, what);
				jw_begin_array(w);
			}
			begun = *some = true;
			jw_raw(w, jv_raw(r.value));
		}
	}
	if (begun)
		jw_end_array(w);
}

static bool is_local(const struct sched_device_grant *g, uint32_t claim)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct sched_device *d = g->v[i].device;

		if (g->v[i].claim == claim &&
		    (d->binds_to_node ||
		     (d->slice->by_device ? d->node_name : d->slice->node_name).len))
			return true;
	}
	return false;
}

static void write_this_node(const struct sched_node *n, struct jw *w)
{
	jw_begin_object(w);
	jw_key(w, "matchFields");
	jw_begin_array(w);
	jw_begin_object(w);
	jw_member_str(w, "key", STR("metadata.name"));
	jw_member_str(w, "operator", STR("In"));
	jw_key(w, "values");
	jw_begin_array(w);
	jw_str(w, n->name);
	jw_end_array(w);
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
}

static void write_nodes(const struct sched_device_grant *g, uint32_t claim,
			const struct sched_node *n, struct jw *out)
{
	CLEANUP(buf_done) struct buf term = BUF_INIT;
	struct jw w = jw_start(&term);
	bool some = false;

	if (is_local(g, claim)) {
		write_this_node(n, &w);
		some = true;
	} else {
		jw_begin_object(&w);
		write_requirements(g, claim, "matchExpressions", &w, &some);
		write_requirements(g, claim, "matchFields", &w, &some);
		jw_end_object(&w);
	}
	if (!some)
		return;
	jw_key(out, "nodeSelector");
	jw_begin_object(out);
	jw_key(out, "nodeSelectorTerms");
	jw_begin_array(out);
	jw_raw(out, buf_str(&term));
	jw_end_array(out);
	jw_end_object(out);
}

void sched_devices_allocation(const struct sched_device_claims *dc,
			      const struct sched_device_grant *g, uint32_t claim,
			      const struct sched_node *n, struct jw *w)
{
	CLEANUP(buf_done) struct buf config = BUF_INIT;
	struct jw cw = jw_start(&config);

	jw_begin_object(w);
	jw_key(w, "devices");
	jw_begin_object(w);
	jw_key(w, "results");
	jw_begin_array(w);
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].claim == claim)
			write_result(dc->ds, &g->v[i], w);
	jw_end_array(w);
	write_configs(dc, g, claim, &cw);
	if (config.len > 2)
		jw_member_raw(w, "config", buf_str(&config));
	jw_end_object(w);
	write_nodes(g, claim, n, w);
	jw_end_object(w);
}
