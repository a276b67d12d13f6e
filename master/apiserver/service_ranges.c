/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/service_ranges.h"
#include "lib/api/api.h"
#include "lib/api/apply.h"
#include "lib/api/strategy.h"

#define MANAGED_BY "ipallocator.k8s.io"

static const struct api_kind *range_kind(void)
{
	return server_kind("networking.k8s.io", "v1", "servicecidrs");
}

static const struct api_kind *address_kind(void)
{
	return server_kind("networking.k8s.io", "v1", "ipaddresses");
}

/* ---- ranges ---- */

static bool is_ready(struct jv o)
{
	if (jv_exists(jv_path(o, "metadata.deletionTimestamp")))
		return false;
	jv_for_each (c, jv_path(o, "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), "Ready"))
			return jv_eqs(jv_get(c.value, "status"), "True");
	return true; /* there may be no controller to say so */
}

static void add(struct service_ranges *r, struct cidr4 c, struct str name, uint64_t rev)
{
	*ARRAY_PUSH(r->v, r->n, r->cap) =
		(struct service_range){c, name.len ? str_dup(name) : NULL, rev};
}

void service_ranges_get(const struct store_view *v, struct cidr4 configured,
			struct service_ranges *ret)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;
	struct store_iter it;
	bool own = false;
	struct cidr4 c;

	*ret = (struct service_ranges){0};
	request_key(range_kind(), STR_NULL, STR_NULL, &prefix);
	store_range(v, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it))) {
		struct jv obj = jv_of(o->value);
		struct str name = jv_text(jv_path(obj, "metadata.name"));

		own |= str_eqs(name, "kubernetes");
		if (!is_ready(obj))
			continue;
		jv_for_each (t, jv_path(obj, "spec.cidrs"))
			if (cidr4_parse(jv_text(t.value), &c))
				add(ret, c, name, o->rev);
	}
	if (!own)
		add(ret, configured, STR_NULL, 0);
}

void service_ranges_done(struct service_ranges *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i].name);
	free(r->v);
	*r = (struct service_ranges){0};
}

/* ---- addresses ---- */

static const struct store_obj *find(const struct store_view *v, struct str ip)
{
	return server_get(v, address_kind(), STR(""), ip);
}

bool service_address_taken(const struct store_view *v, uint32_t address)
{
	char ip[INET_ADDRSTRLEN];

	return find(v, str_of(cidr4_text(address, ip)));
}

/* The cluster address of a Service; empty: it has none. */
static struct str address_of(struct json_object *svc)
{
	struct str ip = jsonc_path_str(svc, "spec.clusterIP");
	uint32_t at;

	if (str_eqs(jsonc_path_str(svc, "spec.type"), "ExternalName") || !cidr4_address(ip, &at))
		return STR("");
	return ip;
}

static void also(struct write *w, enum store_op_type type, const struct api_kind *k,
		 struct str name, uint64_t rev, struct json_object *obj)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	request_key(k, STR(""), name, &key);
	write_also(w, type, k, buf_str(&key), rev, obj);
}

static struct json_object *address_object(struct write *w, struct str ip)
{
	struct json_object *o = json_object_new_object(), *meta, *labels, *ref;
	const struct api_kind *k = address_kind();
	struct api_manager by = {STR("knarr-master"), STR(""), server_now_ns(w->srv)};
	char uid[UUID_LEN + 1], time[TIME_LEN + 1];

	rng_uuid(&rng_system, uid);
	time_format(server_now_ns(w->srv), time);
	jsonc_set_str(o, "apiVersion", STR("networking.k8s.io/v1"));
	jsonc_set_str(o, "kind", str_of(k->kind));
	meta = jsonc_ensure(o, "metadata");
	jsonc_set_str(meta, "name", ip);
	jsonc_set_str(meta, "uid", str_of(uid));
	jsonc_set_str(meta, "creationTimestamp", str_of(time));
	labels = jsonc_ensure(meta, "labels");
	jsonc_set_str(labels, "ipaddress.kubernetes.io/ip-family", STR("IPv4"));
	jsonc_set_str(labels, "ipaddress.kubernetes.io/managed-by", STR(MANAGED_BY));
	ref = jsonc_ensure(jsonc_ensure(o, "spec"), "parentRef");
	jsonc_set_str(ref, "resource", STR("services"));
	jsonc_set_str(ref, "namespace", str_of(w->ns));
	jsonc_set_str(ref, "name", str_of(w->name));
	api_default(k, o);
	api_prepare_create(k, o);
	api_managed_fields_update(k, NULL, o, &by);
	return o;
}

static void make(struct write *w, struct str ip)
{
	CLEANUP_JSON struct json_object *o = address_object(w, ip);

	also(w, STORE_PUT, address_kind(), ip, STORE_ABSENT, o);
}

/* Only what is this Service's. */
static void drop(struct write *w, struct str ip)
{
	const struct store_obj *o = find(w->view, ip);
	struct jv ref = o ? jv_path(jv_of(o->value), "spec.parentRef") : JV_NONE;

	if (o && jv_eqs(jv_get(ref, "resource"), "services") &&
	    str_eqs(jv_text(jv_get(ref, "namespace")), w->ns) &&
	    str_eqs(jv_text(jv_get(ref, "name")), w->name))
		also(w, STORE_DELETE, address_kind(), ip, o->rev, NULL);
}

void service_address_charge(struct write *w, const struct service_range *from)
{
	struct str is, was;

	if (*w->kind->group || strcmp(w->kind->plural, "services") != 0)
		return;
	is = w->action == WRITE_PUT ? address_of(w->obj) : STR("");
	was = w->cur ? address_of(w->cur) : STR("");
	if (str_eq(is, was) || request_dry_run(w->r))
		return;
	if (was.len)
		drop(w, was);
	if (is.len)
		make(w, is);
	if (is.len && from && from->name)
		also(w, STORE_CHECK, range_kind(), str_of(from->name), from->rev, NULL);
}
