/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Endpoints that people write for a Service without a selector, as EndpointSlices, which is what
 * agents read (k8s pkg/controller/endpointslicemirroring). A slice a family and set of ports.
 */
#define MANAGER "endpointslicemirroring-controller.k8s.io"
#define NAME_LABEL "kubernetes.io/service-name"
#define MANAGED_LABEL "endpointslice.kubernetes.io/managed-by"
#define SKIP_LABEL "endpointslice.kubernetes.io/skip-mirror"
#define LEADER_NOTE "control-plane.alpha.kubernetes.io/leader"
#define ADDRESSES_MAX 1000 /* of a subset; more are left away */

struct mirror { /* a slice that shall be */
	bool v6;
	char *ports; /* JSON */
	struct buf endpoints; /* members of the array */
	size_t n;
	struct object *old; /* the one there is */
};

struct mirror_step {
	struct ctl *c;
	struct plan *p;
	struct object *ep;
	struct mirror *v;
	size_t n, cap;
};

static struct informer *endpoints_in(struct ctl *c)
{
	return informers_get(c->informers, &client_endpoints);
}
static struct informer *slices_in(struct ctl *c)
{
	return informers_get(c->informers, &client_endpointslices);
}

/* "ns/name" of the Endpoints that a slice mirrors. */
static struct str by_mirrored(const struct object *slice)
{
	static struct buf text; /* valid until the next call, which is all an index asks */
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

static bool is_mirrored(struct ctl *c, const struct object *ep)
{
	struct object *svc = informer_get(informers_get(c->informers, &client_services), ep->key);

	return svc && !object_deleting(svc) && !object_deleting(ep) &&
	       !jv_len(jv_get(object_spec(svc), "selector")) &&
	       !jv_eqs(jv_get(jv_get(object_meta(ep), "labels"), SKIP_LABEL), "true") &&
	       !jv_exists(jv_get(jv_get(object_meta(ep), "annotations"), LEADER_NOTE));
}

/* ---- What shall be ---- */

static char *ports_of(struct jv subset)
{
	struct buf out = BUF_INIT;
	struct jw w = jw_start(&out);

	jw_begin_array(&w);
	jv_for_each (p, jv_get(subset, "ports")) {
		struct str name = jv_text(jv_get(p.value, "name"));
		struct str protocol = jv_text(jv_get(p.value, "protocol"));
		struct jv app = jv_get(p.value, "appProtocol");

		jw_begin_object(&w);
		jw_member_str(&w, "name", name.len ? name : STR(""));
		jw_member_i64(&w, "port", jv_i64(jv_get(p.value, "port"), 0));
		jw_member_str(&w, "protocol", protocol.len ? protocol : STR("TCP"));
		if (jv_exists(app))
			jw_member_raw(&w, "appProtocol", jv_raw(app));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	return buf_take(&out);
}

static struct mirror *mirror_get(struct mirror_step *s, bool v6, const char *ports)
{
	struct mirror *m;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].v6 == v6 && !strcmp(s->v[i].ports, ports))
			return &s->v[i];
	m = ARRAY_PUSH(s->v, s->n, s->cap);
	*m = (struct mirror){.v6 = v6, .ports = xstrdup(ports)};
	buf_init(&m->endpoints);
	return m;
}

static void add_address(struct mirror *m, struct jv address, bool ready)
{
	static const char *const copied[] = {"hostname", "nodeName", "targetRef"};
	struct jw w;

	if (m->n++)
		buf_addc(&m->endpoints, ',');
	w = jw_start(&m->endpoints);
	jw_begin_object(&w);
	jw_key(&w, "addresses");
	jw_begin_array(&w);
	jw_str(&w, jv_text(jv_get(address, "ip")));
	jw_end_array(&w);
	jw_key(&w, "conditions");
	jw_begin_object(&w);
	jw_member_bool(&w, "ready", ready);
	jw_end_object(&w);
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
		if (jv_exists(jv_get(address, copied[i])))
			jw_member_raw(&w, copied[i], jv_raw(jv_get(address, copied[i])));
	jw_end_object(&w);
}

static void add_list(struct mirror_step *s, struct jv list, bool ready, const char *ports,
		     size_t *left)
{
	jv_for_each (a, list) {
		struct str ip = jv_text(jv_get(a.value, "ip"));

		if (!ip.len || !*left)
			continue;
		(*left)--;
		add_address(mirror_get(s, str_chr(ip, ':') >= 0, ports), a.value, ready);
	}
}

static void look(struct mirror_step *s)
{
	jv_for_each (sub, jv_get(jv_of(s->ep->bytes), "subsets")) {
		CLEANUP_FREE char *ports = ports_of(sub.value);
		size_t left = ADDRESSES_MAX;

		add_list(s, jv_get(sub.value, "addresses"), true, ports, &left);
		add_list(s, jv_get(sub.value, "notReadyAddresses"), false, ports, &left);
	}
}

/* ---- Writing ---- */

static void write_map(struct jw *w, const char *member, struct jv map, const char *const *without)
{
	jv_for_each_member (m, map) {
		bool skip = false;

		for (size_t i = 0; without[i]; i++)
			skip |= str_eqs(m.key, without[i]);
		if (skip)
			continue;
		jw_keyn(w, m.key);
		jw_raw(w, jv_raw(m.value));
	}
}

static void write_meta(struct mirror_step *s, struct jw *w)
{
	static const char *const no_labels[] = {NAME_LABEL, MANAGED_LABEL, SKIP_LABEL,
						"service.kubernetes.io/headless", NULL};
	static const char *const no_notes[] = {"endpoints.kubernetes.io/last-change-trigger-time",
					       "kubectl.kubernetes.io/last-applied-configuration",
					       NULL};

	jw_key(w, "labels");
	jw_begin_object(w);
	write_map(w, "labels", jv_get(object_meta(s->ep), "labels"), no_labels);
	jw_member_str(w, NAME_LABEL, s->ep->name);
	jw_member_str(w, MANAGED_LABEL, STR(MANAGER));
	jw_end_object(w);
	jw_key(w, "annotations");
	jw_begin_object(w);
	write_map(w, "annotations", jv_get(object_meta(s->ep), "annotations"), no_notes);
	jw_end_object(w);
}

static bool same(struct mirror_step *s, const struct mirror *m, struct str endpoints)
{
	CLEANUP(buf_done) struct buf meta = BUF_INIT;
	struct jv v = jv_of(m->old->bytes), have = jv_get(v, "endpoints"), want;
	struct jv notes = jv_path(v, "metadata.annotations");
	struct jw w = jw_start(&meta);

	jw_begin_object(&w);
	write_meta(s, &w);
	jw_end_object(&w);
	want = jv_of(buf_str(&meta));
	return json_same(jv_exists(have) ? jv_raw(have) : STR("[]"), endpoints) &&
	       json_same(jv_raw(jv_path(v, "metadata.labels")), jv_raw(jv_get(want, "labels"))) &&
	       json_same(jv_exists(notes) ? jv_raw(notes) : STR("{}"),
			 jv_raw(jv_get(want, "annotations")));
}

static void write_slice(struct mirror_step *s, const struct mirror *m)
{
	CLEANUP(buf_done) struct buf endpoints = BUF_INIT, prefix = BUF_INIT;
	struct plan_op *op;
	struct jw w;

	buf_addf(&endpoints, "[%s]", m->endpoints.p);
	if (m->old && same(s, m, buf_str(&endpoints)))
		return;
	op = plan_add(s->p, m->old ? "PATCH" : "POST", &client_endpointslices, s->ep->ns,
		      m->old ? m->old->name : STR_NULL, NULL);
	op->flags = m->old ? PLAN_OK_ABSENT : 0;
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	write_meta(s, &w);
	if (!m->old) {
		buf_addf(&prefix, "%.*s-", STR_ARG(s->ep->name));
		jw_member_str(&w, "generateName", buf_str(&prefix));
		jw_key(&w, "ownerReferences");
		jw_begin_array(&w);
		write_controller_ref(&w, &client_endpoints, s->ep);
		jw_end_array(&w);
	}
	jw_end_object(&w);
	if (!m->old) {
		jw_member_str(&w, "apiVersion", STR("discovery.k8s.io/v1"));
		jw_member_str(&w, "kind", STR("EndpointSlice"));
		jw_member_str(&w, "addressType", m->v6 ? STR("IPv6") : STR("IPv4"));
	}
	jw_member_raw(&w, "endpoints", buf_str(&endpoints));
	jw_member_raw(&w, "ports", str_of(m->ports));
	jw_end_object(&w);
}

/* The slice there is for each that shall be; the others go. */
static void match(struct mirror_step *s, struct str key)
{
	struct object_set have = informer_lookup(informer_index(slices_in(s->c), by_mirrored), key);

	for (size_t i = 0; i < have.n; i++) {
		struct jv v = jv_of(have.v[i]->bytes), ports = jv_get(v, "ports");
		bool v6 = jv_eqs(jv_get(v, "addressType"), "IPv6"), used = false;

		if (object_deleting(have.v[i]))
			continue;
		for (size_t k = 0; k < s->n && !used; k++) {
			struct mirror *m = &s->v[k];

			used = !m->old && m->v6 == v6 &&
			       json_same(jv_exists(ports) ? jv_raw(ports) : STR("[]"),
					 str_of(m->ports));
			if (used)
				m->old = have.v[i];
		}
		if (!used)
			plan_add(s->p, "DELETE", &client_endpointslices, have.v[i]->ns,
				 have.v[i]->name, NULL)
				->flags = PLAN_OK_ABSENT;
	}
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct mirror_step s = {.c = c, .p = p, .ep = informer_get(endpoints_in(c), key)};

	if (s.ep && is_mirrored(c, s.ep))
		look(&s);
	match(&s, key);
	for (size_t i = 0; i < s.n; i++) {
		write_slice(&s, &s.v[i]);
		free(s.v[i].ports);
		buf_done(&s.v[i].endpoints);
	}
	free(s.v);
}

static void slice_one(void *user, struct object *slice)
{
	struct str key = by_mirrored(slice);

	if (key.len)
		ctl_enqueue(user, key);
}
static void slice_two(void *user, struct object *old, struct object *slice)
{
	slice_one(user, old);
	slice_one(user, slice);
}
static const struct informer_handler on_slice = {slice_one, slice_two, slice_one, NULL};

static bool init(struct ctl *c)
{
	informer_index(slices_in(c), by_mirrored);
	ctl_handle(c, endpoints_in(c), &ctl_enqueue_self);
	ctl_handle(c, informers_get(c->informers, &client_services), &ctl_enqueue_self);
	ctl_handle(c, slices_in(c), &on_slice);
	return true;
}

const struct controller endpointslice_mirror_controller = {
	.name = "endpointslice-mirroring",
	.init = init,
	.sync = reconcile,
};
