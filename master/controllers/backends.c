/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/backends.h"

static struct informer *services(struct ctl *c)
{
	return informers_get(c->informers, &client_services);
}
static struct informer *pods(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}

bool service_selects(const struct object *service)
{
	struct jv spec = object_spec(service);

	return jv_len(jv_get(spec, "selector")) && !jv_eqs(jv_get(spec, "type"), "ExternalName");
}

bool service_headless(const struct object *service)
{
	return jv_eqs(jv_get(object_spec(service), "clusterIP"), "None");
}

/* Ports */

static int64_t port_by_name(struct jv containers, struct str name, struct str protocol)
{
	jv_for_each (c, containers)
		jv_for_each (p, jv_get(c.value, "ports")) {
			struct str proto = jv_text(jv_get(p.value, "protocol"));

			if (str_eq(jv_text(jv_get(p.value, "name")), name) &&
			    str_eq(proto.len ? proto : STR("TCP"), protocol))
				return jv_i64(jv_get(p.value, "containerPort"), 0);
		}
	return 0;
}

/* The number behind targetPort in this pod; 0: it has no port of that name. */
static int64_t target_port(struct jv service_port, struct jv pod, struct str protocol)
{
	struct jv target = jv_get(service_port, "targetPort");
	int64_t n;

	if (jv_type(target) == JV_NUMBER && jv_i64(target, 0))
		return jv_i64(target, 0);
	if (jv_type(target) != JV_STRING || !jv_text(target).len)
		return jv_i64(jv_get(service_port, "port"), 0);
	n = port_by_name(jv_path(pod, "spec.containers"), jv_text(target), protocol);
	if (n)
		return n;
	jv_for_each (c, jv_path(pod, "spec.initContainers"))
		if (jv_eqs(jv_get(c.value, "restartPolicy"), "Always"))
			jv_for_each (p, jv_get(c.value, "ports"))
				if (str_eq(jv_text(jv_get(p.value, "name")), jv_text(target)))
					return jv_i64(jv_get(p.value, "containerPort"), 0);
	return 0;
}

static char *ports_of(const struct object *service, struct jv pod)
{
	struct buf out = BUF_INIT;
	struct jw w = jw_start(&out);

	jw_begin_array(&w);
	jv_for_each (p, jv_get(object_spec(service), "ports")) {
		struct str protocol = jv_text(jv_get(p.value, "protocol"));
		struct str name = jv_text(jv_get(p.value, "name"));
		struct jv app = jv_get(p.value, "appProtocol");
		int64_t n;

		protocol = protocol.len ? protocol : STR("TCP");
		n = target_port(p.value, pod, protocol);
		if (!n)
			continue;
		jw_begin_object(&w);
		jw_member_str(&w, "name", name.len ? name : STR(""));
		jw_member_i64(&w, "port", n);
		jw_member_str(&w, "protocol", protocol);
		if (jv_exists(app))
			jw_member_raw(&w, "appProtocol", jv_raw(app));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	return buf_take(&out);
}

/* Pods */

static bool is_family(struct str ip, const char *family)
{
	return ip.len && (str_chr(ip, ':') >= 0) == !strcmp(family, "IPv6");
}

static struct str ip_of(struct jv pod, const char *family)
{
	struct str ip = jv_text(jv_path(pod, "status.podIP"));

	jv_for_each (e, jv_path(pod, "status.podIPs")) {
		struct str one = jv_text(jv_get(e.value, "ip"));

		if (is_family(one, family))
			return one;
	}
	return is_family(ip, family) ? ip : STR_NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct backend *x = a, *y = b;
	int r = strcmp(x->ports, y->ports);

	r = r ? r : str_cmp(x->ip, y->ip);
	return r ? r : str_cmp(x->pod->key, y->pod->key);
}

void backends_find(struct ctl *c, const struct object *service, const char *family,
		   struct backends *ret)
{
	struct object_set all =
		informer_lookup(informer_index(pods(c), informer_by_ns), service->ns);
	struct jv spec = object_spec(service);
	bool publish_all = jv_bool(jv_get(spec, "publishNotReadyAddresses"), false);
	struct label_selector sel = {0};

	*ret = (struct backends){0};
	if (label_selector_from_map(jv_get(spec, "selector"), &sel, NULL) < 0)
		return;
	for (size_t i = 0; i < all.n; i++) {
		struct jv pod = jv_of(all.v[i]->bytes);
		struct backend b = {.pod = all.v[i]};

		if (!label_selector_match(&sel, jv_get(object_meta(all.v[i]), "labels")) ||
		    pod_ended(all.v[i]))
			continue;
		b.ip = ip_of(pod, family);
		if (!b.ip.len)
			continue;
		b.serving = pod_ready(pod);
		b.terminating = object_deleting(all.v[i]);
		b.ready = publish_all || (b.serving && !b.terminating);
		b.ports = ports_of(service, pod);
		*ARRAY_PUSH(ret->v, ret->n, ret->cap) = b;
	}
	label_selector_done(&sel);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_place);
}

void backends_done(struct backends *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->v[i].ports);
	free(b->v);
	*b = (struct backends){0};
}

struct str backend_hostname(const struct backend *b, const struct object *service)
{
	struct jv spec = object_spec(b->pod);
	struct str host = jv_text(jv_get(spec, "hostname"));

	return host.len && str_eq(jv_text(jv_get(spec, "subdomain")), service->name) ? host
										     : STR_NULL;
}

void write_target_ref(struct jw *w, const struct backend *b)
{
	jw_key(w, "targetRef");
	jw_begin_object(w);
	jw_member_str(w, "kind", STR("Pod"));
	jw_member_str(w, "namespace", b->pod->ns);
	jw_member_str(w, "name", b->pod->name);
	jw_member_str(w, "uid", object_uid(b->pod));
	jw_end_object(w);
}

/*
 * Events. Services are indexed by one pair of their selector, so that a pod finds its Services
 * through its labels and not by asking each Service of the namespace.
 */

static struct str pair_key(struct str ns, struct str key, struct str value)
{
	static struct buf text; /* valid until the next call, which is all an index asks */

	if (!text.p)
		buf_init(&text);
	buf_clear(&text);
	buf_addf(&text, "%.*s/%.*s=%.*s", STR_ARG(ns), STR_ARG(key), STR_ARG(value));
	return buf_str(&text);
}

static struct str by_selector_pair(const struct object *service)
{
	struct jv_iter it = jv_iter_start(jv_get(object_spec(service), "selector"), true);

	if (!jv_iter_next(&it))
		return STR_NULL;
	return pair_key(service->ns, it.key, jv_text(it.value));
}

static void enqueue_services_of(struct ctl *c, const struct object *pod)
{
	struct informer_index *ix = informer_index(services(c), by_selector_pair);
	struct jv labels = jv_get(object_meta(pod), "labels");

	jv_for_each_member (l, labels) {
		struct object_set set =
			informer_lookup(ix, pair_key(pod->ns, l.key, jv_text(l.value)));

		for (size_t i = 0; i < set.n; i++) {
			struct label_selector sel = {0};

			if (label_selector_from_map(jv_get(object_spec(set.v[i]), "selector"), &sel,
						    NULL) == 0 &&
			    label_selector_match(&sel, labels))
				ctl_enqueue(c, set.v[i]->key);
			label_selector_done(&sel);
		}
	}
}

void backends_enqueue_node(struct ctl *c, struct str node_name)
{
	struct object_set on =
		informer_lookup(informer_index(pods(c), informer_by_node), node_name);

	for (size_t i = 0; i < on.n; i++)
		enqueue_services_of(c, on.v[i]);
}

static void pod_one(void *user, struct object *pod)
{
	enqueue_services_of(user, pod);
}
static void pod_two(void *user, struct object *old, struct object *pod)
{
	if (!str_eq(jv_raw(jv_get(object_meta(old), "labels")),
		    jv_raw(jv_get(object_meta(pod), "labels"))))
		enqueue_services_of(user, old);
	enqueue_services_of(user, pod);
}
static const struct informer_handler on_pod = {pod_one, pod_two, pod_one, NULL};

void backends_watch(struct ctl *c)
{
	informer_index(pods(c), informer_by_ns);
	informer_index(pods(c), informer_by_node);
	informer_index(services(c), by_selector_pair);
	ctl_handle(c, services(c), &ctl_enqueue_self);
	ctl_handle(c, pods(c), &on_pod);
}
