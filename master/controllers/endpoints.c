/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/backends.h"

/*
 * Endpoints, the older form of the same: one object a Service, addresses grouped by ports, those
 * not ready apart (k8s pkg/controller/endpoint). At most 1,000 addresses.
 */
#define ADDRESSES_MAX 1000
#define HEADLESS_LABEL "service.kubernetes.io/headless"
#define MANAGED_LABEL "endpoints.kubernetes.io/managed-by"

static struct informer *endpoints(struct ctl *c)
{
	return informers_get(c->informers, &client_endpoints);
}

static void write_address(struct jw *w, const struct backend *b, const struct object *service)
{
	struct str node = jv_text(jv_get(object_spec(b->pod), "nodeName"));
	struct str host = backend_hostname(b, service);

	jw_begin_object(w);
	jw_member_str(w, "ip", b->ip);
	if (host.len)
		jw_member_str(w, "hostname", host);
	if (node.len)
		jw_member_str(w, "nodeName", node);
	write_target_ref(w, b);
	jw_end_object(w);
}

/* The members of v[from, to) that are ready, or not, as one list; nothing when there are none. */
static void write_addresses(struct jw *w, const struct object *service, const struct backend *v,
			    size_t n, bool ready)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (v[i].ready != ready)
			continue;
		if (!any) {
			jw_key(w, ready ? "addresses" : "notReadyAddresses");
			jw_begin_array(w);
			any = true;
		}
		write_address(w, &v[i], service);
	}
	if (any)
		jw_end_array(w);
}

static void write_ports(struct jw *w, const char *ports)
{
	struct jv list = jv_of(str_of(ports));

	if (!jv_len(list))
		return;
	jw_key(w, "ports");
	jw_begin_array(w);
	jv_for_each (p, list) {
		jw_begin_object(w);
		jv_for_each_member (m, p.value) {
			if (str_eqs(m.key, "name") && !jv_text(m.value).len)
				continue;
			jw_keyn(w, m.key);
			jw_raw(w, jv_raw(m.value));
		}
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* Backends come sorted by ports: a subset is a run of equals. Pods on their way out are left away.
 */
static void write_subsets(struct ctl *c, const struct object *service, struct buf *out)
{
	bool publish_all = jv_bool(jv_get(object_spec(service), "publishNotReadyAddresses"), false);
	struct jv family = jv_path(object_spec(service), "ipFamilies[0]");
	struct jw w = jw_start(out);
	struct backends b;
	size_t n = 0;

	backends_find(c, service, jv_eqs(family, "IPv6") ? "IPv6" : "IPv4", &b);
	for (size_t i = 0; i < b.n; i++) {
		struct backend one = b.v[i];

		if (one.terminating && !publish_all)
			continue;
		/* Swapped, not copied: each keeps the ports that backends_done frees. */
		b.v[i] = b.v[n];
		b.v[n++] = one;
	}
	jw_begin_array(&w);
	n = MIN(n, (size_t)ADDRESSES_MAX);
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && !strcmp(b.v[from].ports, b.v[to].ports); to++)
			;
		jw_begin_object(&w);
		write_addresses(&w, service, b.v + from, to - from, true);
		write_addresses(&w, service, b.v + from, to - from, false);
		write_ports(&w, b.v[from].ports);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	backends_done(&b);
}

static void write_labels(struct jw *w, const struct object *service)
{
	jw_begin_object(w);
	jv_for_each_member (l, jv_get(object_meta(service), "labels")) {
		if (str_eqs(l.key, HEADLESS_LABEL) || str_eqs(l.key, MANAGED_LABEL))
			continue;
		jw_keyn(w, l.key);
		jw_raw(w, jv_raw(l.value));
	}
	jw_member_str(w, MANAGED_LABEL, STR("endpoint-controller"));
	if (service_headless(service))
		jw_member_str(w, HEADLESS_LABEL, STR(""));
	jw_end_object(w);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *service = informer_get(informers_get(c->informers, &client_services), key);
	struct object *old = informer_get(endpoints(c), key);
	CLEANUP(buf_done) struct buf subsets = BUF_INIT, labels = BUF_INIT;
	struct jw w = jw_start(&labels);
	struct plan_op *op;
	struct str ns, name, have;

	object_key_split(key, &ns, &name);
	if (!service) {
		/* Only what was made here: a user's Endpoints may come before its Service. */
		if (old && jv_eqs(jv_get(jv_get(object_meta(old), "labels"), MANAGED_LABEL),
				  "endpoint-controller"))
			plan_add(p, "DELETE", &client_endpoints, ns, name, NULL)->flags =
				PLAN_OK_ABSENT;
		return;
	}
	if (!service_selects(service) || object_deleting(service))
		return;
	write_subsets(c, service, &subsets);
	write_labels(&w, service);
	if (old) {
		have = jv_raw(jv_get(jv_of(old->bytes), "subsets"));
		if (json_same(have.len ? have : STR("[]"), buf_str(&subsets)) &&
		    json_same(jv_raw(jv_get(object_meta(old), "labels")), buf_str(&labels)))
			return;
		op = plan_add(p, "PATCH", &client_endpoints, ns, name, NULL);
		op->flags = PLAN_OK_ABSENT;
	} else {
		op = plan_add(p, "POST", &client_endpoints, ns, STR_NULL, NULL);
		op->flags = PLAN_OK_EXISTS;
	}
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", name);
	jw_member_raw(&w, "labels", buf_str(&labels));
	jw_end_object(&w);
	jw_member_raw(&w, "subsets", buf_str(&subsets));
	jw_end_object(&w);
}

static bool init(struct ctl *c)
{
	backends_watch(c);
	ctl_handle(c, endpoints(c), &ctl_enqueue_self);
	return true;
}

const struct controller endpoints_controller = {
	.name = "endpoints",
	.parallel = 16,
	.init = init,
	.sync = reconcile,
};
