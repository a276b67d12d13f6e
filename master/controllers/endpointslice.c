/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/endpoint_hints.h"

/*
 * EndpointSlices of Services with a selector (KEP-752; k8s staging endpointslice/reconciler.go).
 * Pods that resolve the Service's ports alike share slices. An endpoint stays in the slice it is
 * in, new ones fill slices with room, so that a change touches as few slices as can be.
 */
#define MANAGER "endpointslice-controller.k8s.io"
#define NAME_LABEL "kubernetes.io/service-name"
#define MANAGED_LABEL "endpointslice.kubernetes.io/managed-by"

struct slice { /* an existing one, and what it is to become */
	struct object *o; /* NULL: a new one */
	const char *family, *ports; /* ports: JSON */
	char *own_ports;
	struct buf endpoints; /* members of the new array, comma-separated */
	size_t n;
	bool used;
	const char *asked; /* ports that were compared with these last, and the outcome */
	bool same;
};

struct slice_step {
	struct ctl *c;
	struct plan *p;
	struct object *service;
	struct slice *v;
	size_t n, cap, max;
	struct hmap *homes[2]; /* by family (IPv6 last): uid of a pod -> position in v, plus one */
	enum hints_mode mode;
};

static struct informer *slices(struct ctl *c)
{
	return informers_get(c->informers, &client_endpointslices);
}

/* The Service of a slice, as "ns/name"; absent if somebody else manages it. */
static struct str by_service(const struct object *slice)
{
	static struct buf text;
	struct jv labels = jv_get(object_meta(slice), "labels");
	struct str name = jv_text(jv_get(labels, NAME_LABEL));

	if (!name.len || !jv_eqs(jv_get(labels, MANAGED_LABEL), MANAGER))
		return STR_NULL;
	if (!text.p)
		buf_init(&text);
	buf_clear(&text);
	object_key(slice->ns, name, &text);
	return buf_str(&text);
}

static bool is_v6(const char *family)
{
	return strcmp(family, "IPv6") == 0;
}

static void load_existing(struct slice_step *s)
{
	struct object_set set =
		informer_lookup(informer_index(slices(s->c), by_service), s->service->key);

	for (size_t i = 0; i < set.n; i++) {
		struct jv v = jv_of(set.v[i]->bytes);
		struct slice *sl;

		if (object_deleting(set.v[i]))
			continue;
		sl = ARRAY_PUSH(s->v, s->n, s->cap);
		*sl = (struct slice){.o = set.v[i]};
		sl->family = jv_eqs(jv_get(v, "addressType"), "IPv6") ? "IPv6" : "IPv4";
		sl->own_ports = str_dup(jv_exists(jv_get(v, "ports")) ? jv_raw(jv_get(v, "ports"))
								      : STR("[]"));
		sl->ports = sl->own_ports;
		buf_init(&sl->endpoints);
		jv_for_each (e, jv_get(v, "endpoints"))
			hmap_put(s->homes[is_v6(sl->family)],
				 jv_text(jv_path(e.value, "targetRef.uid")),
				 (void *)(uintptr_t)s->n);
	}
}

static bool takes(struct slice *sl, const struct backend *b, const char *family)
{
	if (strcmp(sl->family, family) != 0)
		return false;
	if (!sl->asked || strcmp(sl->asked, b->ports) != 0) {
		sl->asked = b->ports;
		sl->same = json_same(str_of(sl->ports), str_of(b->ports));
	}
	return sl->same;
}

/* Which of the existing slices has the endpoint of this pod now. */
static struct slice *home_of(struct slice_step *s, const struct backend *b, const char *family)
{
	size_t at = (size_t)(uintptr_t)hmap_get(s->homes[is_v6(family)], object_uid(b->pod));

	return at && takes(&s->v[at - 1], b, family) ? &s->v[at - 1] : NULL;
}

static struct slice *with_room(struct slice_step *s, const struct backend *b, const char *family)
{
	struct slice *best = NULL;

	/* The fullest that has room: few slices, well filled. */
	for (size_t i = 0; i < s->n; i++) {
		struct slice *sl = &s->v[i];

		if (sl->n < s->max && (!best || sl->n > best->n) && takes(sl, b, family))
			best = sl;
	}
	if (best)
		return best;
	best = ARRAY_PUSH(s->v, s->n, s->cap);
	*best = (struct slice){.family = family, .own_ports = xstrdup(b->ports)};
	best->ports = best->own_ports;
	buf_init(&best->endpoints);
	return best;
}

/* hint: the zone whose clients it is for; absent: all. */
static void write_endpoint(struct slice_step *s, struct slice *sl, const struct backend *b,
			   struct str hint)
{
	struct str node_name = jv_text(jv_get(object_spec(b->pod), "nodeName")), host, zone;
	struct jw w;

	if (sl->n++)
		buf_addc(&sl->endpoints, ',');
	sl->used = true;
	w = jw_start(&sl->endpoints);
	jw_begin_object(&w);
	jw_key(&w, "addresses");
	jw_begin_array(&w);
	jw_str(&w, b->ip);
	jw_end_array(&w);
	jw_key(&w, "conditions");
	jw_begin_object(&w);
	jw_member_bool(&w, "ready", b->ready);
	jw_member_bool(&w, "serving", b->serving);
	jw_member_bool(&w, "terminating", b->terminating);
	jw_end_object(&w);
	host = backend_hostname(b, s->service);
	if (host.len)
		jw_member_str(&w, "hostname", host);
	write_target_ref(&w, b);
	if (node_name.len) {
		jw_member_str(&w, "nodeName", node_name);
		zone = zone_of_node(s->c, node_name);
		if (zone.len)
			jw_member_str(&w, "zone", zone);
	}
	if (b->ready)
		write_hints(&w, s->mode, hint, node_name);
	jw_end_object(&w);
}

static void distribute(struct slice_step *s, const char *family)
{
	struct backends all;
	struct str *hints;
	bool *placed;

	backends_find(s->c, s->service, family, &all);
	placed = xcalloc(all.n + 1, sizeof(*placed));
	hints = xcalloc(all.n + 1, sizeof(*hints));
	hints_zones(s->c, s->mode, &all, hints);
	for (size_t i = 0; i < all.n; i++) {
		struct slice *sl = home_of(s, &all.v[i], family);

		if (!sl || sl->n >= s->max)
			continue;
		write_endpoint(s, sl, &all.v[i], hints[i]);
		placed[i] = true;
	}
	for (size_t i = 0; i < all.n; i++)
		if (!placed[i])
			write_endpoint(s, with_room(s, &all.v[i], family), &all.v[i], hints[i]);
	/* A Service without endpoints still has a slice, which says so. */
	if (!all.n) {
		struct backend none = {.ports = (char *)"[]"};

		with_room(s, &none, family)->used = true;
	}
	for (size_t i = 0; i < s->n; i++)
		s->v[i].asked = NULL;
	free(hints);
	free(placed);
	backends_done(&all);
}

static void write_labels(struct slice_step *s, struct jw *w)
{
	jw_key(w, "labels");
	jw_begin_object(w);
	jv_for_each_member (l, jv_get(object_meta(s->service), "labels")) {
		if (str_eqs(l.key, NAME_LABEL) || str_eqs(l.key, MANAGED_LABEL) ||
		    str_eqs(l.key, "service.kubernetes.io/headless"))
			continue;
		jw_keyn(w, l.key);
		jw_raw(w, jv_raw(l.value));
	}
	jw_member_str(w, MANAGED_LABEL, STR(MANAGER));
	jw_member_str(w, NAME_LABEL, s->service->name);
	if (service_headless(s->service))
		jw_member_str(w, "service.kubernetes.io/headless", STR(""));
	jw_end_object(w);
}

static void plan_slice(struct slice_step *s, struct slice *sl)
{
	CLEANUP(buf_done) struct buf endpoints = BUF_INIT, labels = BUF_INIT, prefix = BUF_INIT;
	struct jw lw = jw_start(&labels), w;
	struct plan_op *op;
	struct jv old;

	buf_addf(&endpoints, "[%s]", sl->endpoints.p);
	jw_begin_object(&lw);
	write_labels(s, &lw);
	jw_end_object(&lw);
	if (sl->o) {
		old = jv_of(sl->o->bytes);
		if (json_same(jv_exists(jv_get(old, "endpoints")) ? jv_raw(jv_get(old, "endpoints"))
								  : STR("[]"),
			      buf_str(&endpoints)) &&
		    json_same(jv_raw(jv_path(old, "metadata.labels")),
			      jv_raw(jv_get(jv_of(buf_str(&labels)), "labels"))))
			return;
		op = plan_add(s->p, "PATCH", &client_endpointslices, sl->o->ns, sl->o->name, NULL);
		op->flags = PLAN_OK_ABSENT;
	} else {
		op = plan_add(s->p, "POST", &client_endpointslices, s->service->ns, STR_NULL, NULL);
	}
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	write_labels(s, &w);
	if (!sl->o) {
		buf_addf(&prefix, "%.*s-", STR_ARG(s->service->name));
		jw_member_str(&w, "generateName", buf_str(&prefix));
		jw_key(&w, "ownerReferences");
		jw_begin_array(&w);
		write_controller_ref(&w, &client_services, s->service);
		jw_end_array(&w);
	}
	jw_end_object(&w);
	if (!sl->o) {
		jw_member_str(&w, "apiVersion", STR("discovery.k8s.io/v1"));
		jw_member_str(&w, "kind", STR("EndpointSlice"));
		jw_member_str(&w, "addressType", str_of(sl->family));
	}
	jw_member_raw(&w, "endpoints", buf_str(&endpoints));
	jw_member_raw(&w, "ports", str_of(sl->ports));
	jw_end_object(&w);
}

static void plan_all(struct slice_step *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct slice *sl = &s->v[i];

		if (sl->used)
			plan_slice(s, sl);
		else if (sl->o)
			plan_add(s->p, "DELETE", &client_endpointslices, sl->o->ns, sl->o->name,
				 NULL)
				->flags = PLAN_OK_ABSENT;
	}
}

static void step_done(struct slice_step *s)
{
	for (size_t i = 0; i < s->n; i++) {
		buf_done(&s->v[i].endpoints);
		free(s->v[i].own_ports);
	}
	free(s->v);
	hmap_free(s->homes[0]);
	hmap_free(s->homes[1]);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct slice_step s = {.c = c, .p = p};
	struct jv spec, families;

	s.service = informer_get(informers_get(c->informers, &client_services), key);
	s.max = c->conf->max_endpoints_per_slice ? c->conf->max_endpoints_per_slice : 100;
	if (!s.service || object_deleting(s.service))
		return; /* the garbage collector takes the slices */
	spec = object_spec(s.service);
	/* Without a selector the slices are the user's, and those from before stay. */
	if (!service_selects(s.service) && !jv_eqs(jv_get(spec, "type"), "ExternalName"))
		return;
	s.homes[0] = hmap_new();
	s.homes[1] = hmap_new();
	s.mode = hints_mode(s.service);
	load_existing(&s);
	families = jv_get(spec, "ipFamilies");
	if (service_selects(s.service)) {
		jv_for_each (f, families)
			distribute(&s, jv_eqs(f.value, "IPv6") ? "IPv6" : "IPv4");
		if (!jv_len(families))
			distribute(&s, "IPv4");
	}
	plan_all(&s);
	step_done(&s);
}

static void slice_one(void *user, struct object *slice)
{
	struct str key = by_service(slice);

	if (key.len)
		ctl_enqueue(user, key);
}
static void slice_two(void *user, struct object *old, struct object *slice)
{
	slice_one(user, old);
	slice_one(user, slice);
}
static const struct informer_handler on_slice = {slice_one, slice_two, slice_one, NULL};

/* Shares of traffic depend on all nodes, zones of endpoints on their own. */
static void node_changed(struct ctl *c, const struct object *n)
{
	informer_for_each(s, informers_get(c->informers, &client_services)) if (hints_mode(s) ==
										HINTS_AUTO)
		ctl_enqueue(c, s->key);
	backends_enqueue_node(c, n->name);
}
static void node_one(void *user, struct object *n)
{
	node_changed(user, n);
}
static void node_two(void *user, struct object *old, struct object *n)
{
	if (hints_node_differs(old, n))
		node_changed(user, n);
}
static const struct informer_handler on_node = {node_one, node_two, node_one, NULL};

static bool init(struct ctl *c)
{
	backends_watch(c);
	informer_index(slices(c), by_service);
	ctl_handle(c, informers_get(c->informers, &client_nodes), &on_node);
	ctl_handle(c, slices(c), &on_slice);
	return true;
}

const struct controller endpointslice_controller = {
	.name = "endpointslice",
	.parallel = 16,
	.init = init,
	.sync = reconcile,
};
