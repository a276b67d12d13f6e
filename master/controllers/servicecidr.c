/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/cidr.h"
#include "lib/base/clock.h"
#include "master/controllers/controller.h"
#include "master/controllers/kinds.h"
#include "master/controllers/util.h"

/*
 * ServiceCIDRs (k8s pkg/controller/servicecidrs): a finalizer keeps a range while addresses of it
 * are in use that no other range has, and a Ready condition says so.
 *
 * The last look, before the finalizer goes, is at the API and not at the cache, which may be behind
 * in addresses. From a range that is being deleted the API gives no new ones, so this look is
 * final.
 */
#define FINALIZER "networking.k8s.io/service-cidr-finalizer"
#define IN_USE                                                                                     \
	"There are still IPAddresses referencing the ServiceCIDR, please remove them or create a " \
	"new ServiceCIDR"

struct state {
	char *clear; /* uid of the range in which the API had no address */
};

static const struct client_kind *range_kind(void)
{
	return kinds_find(STR("networking.k8s.io/v1"), STR("ServiceCIDR"));
}

static const struct client_kind *address_kind(void)
{
	return kinds_find(STR("networking.k8s.io/v1"), STR("IPAddress"));
}

static struct informer *ranges(struct ctl *c)
{
	return informers_get(c->informers, range_kind());
}

static struct informer *addresses(struct ctl *c)
{
	return informers_get(c->informers, address_kind());
}

/* ---- what depends on a range ---- */

static bool in_another(struct ctl *c, const struct object *range, struct cidr inner)
{
	struct cidr outer;

	informer_for_each(o, ranges(c))
	{
		if (str_eq(o->name, range->name))
			continue;
		jv_for_each (t, jv_get(object_spec(o), "cidrs"))
			if (cidr_parse(jv_text(t.value), &outer) && cidr_within(inner, outer))
				return true;
	}
	return false;
}

/* Is the whole of `range` in other ones too? */
static bool has_parent(struct ctl *c, const struct object *range)
{
	struct cidr one;

	jv_for_each (t, jv_get(object_spec(range), "cidrs"))
		if (cidr_parse(jv_text(t.value), &one) && !in_another(c, range, one))
			return false;
	return true;
}

static bool has_host(const struct object *range, struct ip ip)
{
	struct cidr one;

	jv_for_each (t, jv_get(object_spec(range), "cidrs"))
		if (cidr_parse(jv_text(t.value), &one) && cidr_has_host(one, ip))
			return true;
	return false;
}

/* Would this address be in no range any more? */
static bool depends(struct ctl *c, const struct object *range, struct jv address)
{
	struct jv meta = jv_get(address, "metadata");
	struct ip ip;

	if (!jv_eqs(jv_get(jv_get(meta, "labels"), "ipaddress.kubernetes.io/managed-by"),
		    "ipallocator.k8s.io") ||
	    !ip_parse(jv_text(jv_get(meta, "name")), &ip) || !has_host(range, ip))
		return false;
	informer_for_each(o, ranges(c)) if (!str_eq(o->name, range->name) &&
					    has_host(o, ip)) return false;
	return true;
}

static bool in_use(struct ctl *c, const struct object *range)
{
	informer_for_each(o, addresses(c)) if (depends(c, range, jv_of(o->bytes))) return true;
	return false;
}

/* ---- writing ---- */

static void set_ready(struct ctl *c, const struct object *range, bool ready, struct plan *p)
{
	struct jv status = jv_get(jv_of(range->bytes), "status");
	struct jv had = condition_get(jv_of(range->bytes), "Ready");
	char now[TIME_LEN + 1];
	struct plan_op *op;
	struct jw w;

	if (jv_eqs(jv_get(had, "status"), ready ? "True" : "False"))
		return;
	time_format(client_real_ns(c->client), now);
	op = plan_add(p, "PATCH", range_kind(), STR_NULL, range->name, "status");
	op->content_type = CLIENT_MERGE_PATCH;
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body,
		 "{\"metadata\":{\"resourceVersion\":\"%.*s\"},\"status\":{\"conditions\":",
		 STR_ARG(jv_text(jv_get(object_meta(range), "resourceVersion"))));
	w = jw_start(&op->body);
	jw_begin_array(&w);
	jv_for_each (t, jv_get(status, "conditions"))
		if (!jv_eqs(jv_get(t.value, "type"), "Ready"))
			jw_raw(&w, jv_raw(t.value));
	jw_begin_object(&w);
	jw_member_str(&w, "type", STR("Ready"));
	jw_member_str(&w, "status", ready ? STR("True") : STR("False"));
	jw_member_str(&w, "reason", ready ? STR("") : STR("Terminating"));
	jw_member_str(&w, "message", ready ? STR("Kubernetes Service CIDR is ready") : STR(IN_USE));
	jw_member_str(&w, "lastTransitionTime", str_of(now));
	jw_end_object(&w);
	jw_end_array(&w);
	buf_adds(&op->body, "}}");
}

static bool has_finalizer(const struct object *o)
{
	jv_for_each (f, jv_get(object_meta(o), "finalizers"))
		if (jv_eqs(f.value, FINALIZER))
			return true;
	return false;
}

static void set_finalizer(const struct object *range, bool on, struct plan *p)
{
	struct plan_op *op;
	struct jw w;

	if (has_finalizer(range) == on)
		return;
	op = plan_add(p, "PATCH", range_kind(), STR_NULL, range->name, NULL);
	op->content_type = CLIENT_MERGE_PATCH;
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body, "{\"metadata\":{\"resourceVersion\":\"%.*s\",\"finalizers\":",
		 STR_ARG(jv_text(jv_get(object_meta(range), "resourceVersion"))));
	w = jw_start(&op->body);
	jw_begin_array(&w);
	jv_for_each (f, jv_get(object_meta(range), "finalizers"))
		if (!jv_eqs(f.value, FINALIZER))
			jw_raw(&w, jv_raw(f.value));
	if (on)
		jw_str(&w, STR(FINALIZER));
	jw_end_array(&w);
	buf_adds(&op->body, "}}");
}

/* ---- deletion ---- */

static void listed(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct state *s = c->state;
	struct object *range = informer_get(ranges(c), str_of(op->user_text));

	if (e->errnum || !range)
		return;
	jv_for_each (o, jv_get(jv_of(body), "items"))
		if (depends(c, range, o.value))
			return;
	free(s->clear);
	s->clear = str_dup(object_uid(range));
}

static void sync_deletion(struct ctl *c, const struct object *range, struct plan *p)
{
	struct state *s = c->state;
	struct plan_op *op;

	if (!has_finalizer(range))
		return;
	if (has_parent(c, range) || (s->clear && str_eqs(object_uid(range), s->clear))) {
		set_finalizer(range, false, p);
		return;
	}
	if (in_use(c, range)) {
		set_ready(c, range, false, p);
		return;
	}
	op = plan_add(p, "GET", address_kind(), STR_NULL, STR_NULL, NULL);
	op->result = listed;
	op->user = c;
	op->user_text = str_dup(range->key);
	plan_again_in(p, NSEC_PER_SEC / 10);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *range = informer_get(ranges(c), key);

	if (!range)
		return;
	if (object_deleting(range)) {
		sync_deletion(c, range, p);
		return;
	}
	set_finalizer(range, true, p);
	if (!p->n)
		set_ready(c, range, true, p);
}

/* ---- events ---- */

/* What is being deleted may be free now, or not free any more. */
static void look_again(struct ctl *c)
{
	informer_for_each(o, ranges(c)) if (object_deleting(o)) ctl_enqueue(c, o->key);
}

static void one(void *user, struct object *o)
{
	look_again(user);
}
static void two(void *user, struct object *old, struct object *o)
{
	look_again(user);
}
static const struct informer_handler on_range = {.added = one, .updated = two, .deleted = one};
static const struct informer_handler on_address = {.added = one, .deleted = one};

static bool init(struct ctl *c)
{
	c->state = NEW(struct state);
	ctl_handle(c, ranges(c), &ctl_enqueue_self);
	ctl_handle(c, ranges(c), &on_range);
	ctl_handle(c, addresses(c), &on_address);
	return true;
}

static void done(struct ctl *c)
{
	struct state *s = c->state;

	free(s->clear);
	free(s);
	c->state = NULL;
}

const struct controller servicecidr_controller = {
	.name = "service-cidr",
	.parallel = 1,
	.init = init,
	.sync = reconcile,
	.done = done,
};
