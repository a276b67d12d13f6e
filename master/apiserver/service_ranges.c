/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/service_ranges.h"
#include "lib/api/api.h"
#include "lib/api/apply.h"
#include "lib/api/strategy.h"

#define MANAGED_BY "ipallocator.k8s.io"
#define V6_BITS_MIN 64

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

/* One so large that Kubernetes has no allocator for it gives out nothing. */
static void add(struct service_ranges *r, struct cidr c, struct str name, uint64_t rev)
{
	if (!c.base.v6 || c.bits >= V6_BITS_MIN)
		*ARRAY_PUSH(r->v, r->n, r->cap) =
			(struct service_range){c, name.len ? str_dup(name) : NULL, rev};
}

void service_ranges_get(const struct store_view *v, const struct cidr_pair *configured,
			struct service_ranges *ret)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;
	struct store_iter it;
	bool own = false;
	struct cidr c;

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
			if (cidr_parse(jv_text(t.value), &c))
				add(ret, c, name, o->rev);
	}
	for (size_t i = 0; !own && i < configured->n; i++)
		add(ret, configured->v[i], STR_NULL, 0);
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

bool service_address_taken(const struct store_view *v, struct ip address)
{
	char ip[IP_TEXT];

	return find(v, str_of(ip_text(address, ip)));
}

/* The cluster addresses of a Service, two at most. */
static size_t addresses_of(struct json_object *svc, struct ip ret[2])
{
	struct json_object *list = jsonc_path(svc, "spec.clusterIPs");
	size_t n = 0;

	if (str_eqs(jsonc_path_str(svc, "spec.type"), "ExternalName"))
		return 0;
	for (size_t i = 0; list && n < 2 && i < json_object_array_length(list); i++)
		n += ip_parse(jsonc_str(json_object_array_get_idx(list, i)), &ret[n]);
	return n;
}

static bool is_among(struct ip ip, const struct ip *v, size_t n)
{
	while (n--)
		if (ip_eq(v[n], ip))
			return true;
	return false;
}

static void also(struct write *w, enum store_op_type type, const struct api_kind *k,
		 struct str name, uint64_t rev, struct json_object *obj)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	request_key(k, STR(""), name, &key);
	write_also(w, type, k, buf_str(&key), rev, obj);
}

static struct json_object *address_object(struct write *w, struct str ip, bool v6)
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
	jsonc_set_str(labels, "ipaddress.kubernetes.io/ip-family", str_of(ip_family(v6)));
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

static void make(struct write *w, struct ip address)
{
	char text[IP_TEXT];
	struct str ip = str_of(ip_text(address, text));
	CLEANUP_JSON struct json_object *o = address_object(w, ip, address.v6);

	also(w, STORE_PUT, address_kind(), ip, STORE_ABSENT, o);
}

/* Only what is this Service's. */
static void drop(struct write *w, struct ip address)
{
	char text[IP_TEXT];
	struct str ip = str_of(ip_text(address, text));
	const struct store_obj *o = find(w->view, ip);
	struct jv ref = o ? jv_path(jv_of(o->value), "spec.parentRef") : JV_NONE;

	if (o && jv_eqs(jv_get(ref, "resource"), "services") &&
	    str_eqs(jv_text(jv_get(ref, "namespace")), w->ns) &&
	    str_eqs(jv_text(jv_get(ref, "name")), w->name))
		also(w, STORE_DELETE, address_kind(), ip, o->rev, NULL);
}

void service_address_charge(struct write *w, const struct service_range *from, size_t n_from)
{
	struct ip is[2], was[2];
	size_t n_is, n_was, n_new = 0;

	if (*w->kind->group || strcmp(w->kind->plural, "services") != 0 || request_dry_run(w->r))
		return;
	n_is = w->action == WRITE_PUT ? addresses_of(w->obj, is) : 0;
	n_was = w->cur ? addresses_of(w->cur, was) : 0;
	for (size_t i = 0; i < n_was; i++)
		if (!is_among(was[i], is, n_is))
			drop(w, was[i]);
	for (size_t i = 0; i < n_is; i++)
		if (!is_among(is[i], was, n_was)) {
			make(w, is[i]);
			n_new++;
		}
	for (size_t i = 0; n_new && i < n_from; i++)
		if (from[i].name &&
		    (!i || !from[0].name || strcmp(from[0].name, from[i].name) != 0))
			also(w, STORE_CHECK, range_kind(), str_of(from[i].name), from[i].rev, NULL);
}
