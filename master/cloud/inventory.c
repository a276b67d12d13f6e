/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cloud/inventory.h"
#include "lib/api/names.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
#include "lib/json/yaml.h"

struct inventory *inventory_free(struct inventory *v)
{
	if (!v)
		return NULL;
	for (size_t i = 0; i < v->n_machines; i++) {
		struct inventory_machine *m = &v->machines[i];

		free(m->name);
		free(m->provider_id);
		free(m->type);
		free(m->zone);
		free(m->region);
		free(m->addresses);
	}
	for (size_t i = 0; i < v->n_pools; i++) {
		free(v->pools[i].name);
		free(v->pools[i].zones);
		free(v->pools[i].ranges);
	}
	free(v->machines);
	free(v->pools);
	free(v);
	return NULL;
}
DEFINE_CLEANUP(struct inventory *, inventory_freep, inventory_free)

const struct inventory_machine *inventory_machine(const struct inventory *v, struct str name)
{
	for (size_t i = 0; i < v->n_machines; i++)
		if (str_eqs(name, v->machines[i].name))
			return &v->machines[i];
	return NULL;
}

const struct inventory_pool *inventory_pool(const struct inventory *v, struct str name)
{
	for (size_t i = 0; i < v->n_pools; i++)
		if (str_eqs(name, v->pools[i].name))
			return &v->pools[i];
	return NULL;
}

const struct inventory_pool *inventory_pool_of(const struct inventory *v, struct ip ip)
{
	for (size_t i = 0; i < v->n_pools; i++)
		for (size_t j = 0; j < v->pools[i].n; j++) {
			const struct ip_range *r = &v->pools[i].ranges[j];

			if (r->first.v6 == ip.v6 && ip.n >= r->first.n && ip.n <= r->last.n)
				return &v->pools[i];
		}
	return NULL;
}

/* ---- Reading ---- */

struct where {
	const char *list;
	size_t index;
	struct err *err;
};

static int bad(const struct where *w, const char *name, const char *why)
{
	return err_sys(w->err, EINVAL, "%s[%zu].%s: %s", w->list, w->index, name, why);
}

static int check_keys(const struct where *w, struct jv obj, const char *const *known)
{
	if (jv_type(obj) != JV_OBJECT)
		return err_sys(w->err, EINVAL, "%s[%zu] is no mapping", w->list, w->index);
	jv_for_each_member (m, obj) {
		size_t i = 0;

		while (known[i] && !str_eqs(m.key, known[i]))
			i++;
		if (!known[i])
			return err_sys(w->err, EINVAL, "%s[%zu]: \"%.*s\" is no key of it", w->list,
				       w->index, STR_ARG(m.key));
	}
	return 0;
}

static int text(const struct where *w, struct jv obj, const char *name, bool label, char **ret)
{
	struct jv v = jv_get(obj, name);
	const char *why;

	if (!jv_exists(v))
		return 0;
	if (jv_type(v) != JV_STRING)
		return bad(w, name, "is no text");
	*ret = jv_strdup(v);
	why = label ? name_check_label_value(str_of(*ret)) : NULL;
	if (why || !**ret || strlen(*ret) > 253)
		return bad(w, name, why ? why : "is empty or too long");
	return 0;
}

static int add_addresses(const struct where *w, struct jv obj, const char *name, const char *type,
			 struct jw *out)
{
	struct jv list = jv_get(obj, name);

	if (jv_exists(list) && jv_type(list) != JV_ARRAY)
		return bad(w, name, "is no list");
	jv_for_each (a, list) {
		struct ip ip;

		if (!ip_parse(jv_text(a.value), &ip))
			return bad(w, name, "has what is no address");
		jw_begin_object(out);
		jw_member_str(out, "type", str_of(type));
		jw_member_str(out, "address", jv_text(a.value));
		jw_end_object(out);
	}
	return 0;
}

static int read_machine(struct inventory *v, const struct where *w, struct jv obj, struct jv region)
{
	static const char *const known[] = {
		"name",     "zone",       "region",    "type",
		"shutdown", "providerID", "addresses", "externalAddresses",
		NULL};
	CLEANUP(buf_done) struct buf list = BUF_INIT;
	struct inventory_machine *m;
	struct jw out = jw_start(&list);
	const char *why;
	int r = check_keys(w, obj, known);

	if (r < 0)
		return r;
	m = ARRAY_PUSH(v->machines, v->n_machines, v->cap_machines);
	*m = (struct inventory_machine){0};
	if ((r = text(w, obj, "name", false, &m->name)) < 0)
		return r;
	if (!m->name) {
		m->name = xstrdup("");
		return bad(w, "name", "is missing");
	}
	why = name_check_dns_subdomain(str_of(m->name));
	if (why)
		return bad(w, "name", why);
	if (inventory_machine(v, str_of(m->name)) != m)
		return bad(w, "name", "comes twice");
	if ((r = text(w, obj, "zone", true, &m->zone)) < 0 ||
	    (r = text(w, obj, "region", true, &m->region)) < 0 ||
	    (r = text(w, obj, "type", true, &m->type)) < 0 ||
	    (r = text(w, obj, "providerID", false, &m->provider_id)) < 0)
		return r;
	if (!m->region && jv_text(region).len)
		m->region = jv_strdup(region);
	if (!m->provider_id)
		m->provider_id = xasprintf("metal://%s", m->name);
	if (jv_exists(jv_get(obj, "shutdown")) && jv_type(jv_get(obj, "shutdown")) != JV_BOOL)
		return bad(w, "shutdown", "is neither true nor false");
	m->shutdown = jv_bool(jv_get(obj, "shutdown"), false);
	jw_begin_array(&out);
	if ((r = add_addresses(w, obj, "addresses", "InternalIP", &out)) < 0 ||
	    (r = add_addresses(w, obj, "externalAddresses", "ExternalIP", &out)) < 0)
		return r;
	jw_end_array(&out);
	m->addresses = buf_take(&list);
	return 0;
}

/* "192.0.2.10-192.0.2.20", "192.0.2.0/28" (without its first and last), "192.0.2.9". */
static bool read_range(struct str s, struct ip_range *r)
{
	struct str rest = s, first;
	struct ip given;
	struct cidr c;

	if (!s.len) /* no text at all */
		return false;
	if (str_chr(s, '/') >= 0) {
		str_split(&rest, '/', &first);
		if (!cidr_parse(s, &c) || !c.bits || !ip_parse(first, &given) ||
		    !ip_eq(given, c.base))
			return false;
		r->first = r->last = c.base;
		r->last.n += cidr_span(c);
		if (cidr_span(c) > 1) {
			r->first.n++;
			r->last.n -= !c.base.v6;
		}
		return true;
	}
	str_split(&rest, '-', &first);
	if (!ip_parse(first, &r->first))
		return false;
	r->last = r->first;
	return !rest.p ||
	       (ip_parse(rest, &r->last) && r->last.v6 == r->first.v6 && r->last.n >= r->first.n);
}

static bool overlaps(const struct inventory *v, const struct ip_range *n)
{
	for (size_t i = 0; i < v->n_pools; i++)
		for (size_t j = 0; j < v->pools[i].n; j++) {
			const struct ip_range *r = &v->pools[i].ranges[j];

			if (r != n && r->first.v6 == n->first.v6 && r->first.n <= n->last.n &&
			    n->first.n <= r->last.n)
				return true;
		}
	return false;
}

static int read_ranges(struct inventory *v, struct inventory_pool *p, const struct where *w,
		       struct jv list)
{
	if (jv_type(list) != JV_ARRAY || !jv_len(list))
		return bad(w, "addresses", "is no list of ranges");
	jv_for_each (a, list) {
		struct ip_range r;

		if (!read_range(jv_text(a.value), &r))
			return bad(w, "addresses",
				   "has what is no range (192.0.2.10-192.0.2.20, 192.0.2.0/28)");
		if (overlaps(v, &r))
			return bad(w, "addresses", "has addresses that another range has");
		*ARRAY_PUSH(p->ranges, p->n, p->cap) = r;
	}
	return 0;
}

static int read_zones(struct inventory_pool *p, const struct where *w, struct jv list)
{
	if (jv_exists(list) && jv_type(list) != JV_ARRAY)
		return bad(w, "zones", "is no list");
	jv_for_each (z, list)
		if (!jv_text(z.value).len || name_check_label_value(jv_text(z.value)))
			return bad(w, "zones", "has what is no name of a zone");
	p->zones = str_dup(jv_exists(list) ? jv_raw(list) : STR("[]"));
	return 0;
}

static int read_pool(struct inventory *v, const struct where *w, struct jv obj)
{
	static const char *const known[] = {"name", "addresses", "zones", "autoAssign", NULL};
	struct jv by_itself = jv_get(obj, "autoAssign");
	struct inventory_pool *p;
	int r = check_keys(w, obj, known);

	if (r < 0)
		return r;
	p = ARRAY_PUSH(v->pools, v->n_pools, v->cap_pools);
	*p = (struct inventory_pool){0};
	if ((r = text(w, obj, "name", true, &p->name)) < 0)
		return r;
	if (!p->name) {
		p->name = xstrdup("");
		return bad(w, "name", "is missing");
	}
	if (inventory_pool(v, str_of(p->name)) != p)
		return bad(w, "name", "comes twice");
	if (jv_exists(by_itself) && jv_type(by_itself) != JV_BOOL)
		return bad(w, "autoAssign", "is neither true nor false");
	p->by_hand = !jv_bool(by_itself, true);
	if ((r = read_zones(p, w, jv_get(obj, "zones"))) < 0)
		return r;
	return read_ranges(v, p, w, jv_get(obj, "addresses"));
}

static int read_lists(struct inventory *v, struct jv doc, struct err *err)
{
	struct where w = {"machines", 0, err};
	struct jv machines = jv_get(doc, "machines"), pools = jv_get(doc, "pools");
	int r;

	if (jv_exists(machines) && jv_type(machines) != JV_ARRAY)
		return err_sys(err, EINVAL, "machines is no list");
	if (jv_exists(pools) && jv_type(pools) != JV_ARRAY)
		return err_sys(err, EINVAL, "pools is no list");
	jv_for_each (m, machines) {
		r = read_machine(v, &w, m.value, jv_get(doc, "region"));
		if (r < 0)
			return r;
		w.index++;
	}
	w = (struct where){"pools", 0, err};
	jv_for_each (p, pools) {
		r = read_pool(v, &w, p.value);
		if (r < 0)
			return r;
		w.index++;
	}
	return 0;
}

int inventory_read(struct str yaml, struct inventory **ret, struct err *err)
{
	CLEANUP(inventory_freep) struct inventory *v = NEW(struct inventory);
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct jv doc, region;
	int r = yaml_to_json(yaml, &json, err);

	if (r < 0 || (r = json_scan(buf_str(&json), NULL, err)) < 0)
		return r;
	doc = jv_of(buf_str(&json));
	if (jv_type(doc) != JV_OBJECT)
		return err_sys(err, EINVAL, "there is no mapping with machines and pools");
	jv_for_each_member (m, doc)
		if (!str_eqs(m.key, "machines") && !str_eqs(m.key, "pools") &&
		    !str_eqs(m.key, "region"))
			return err_sys(err, EINVAL, "\"%.*s\" is none of machines, pools, region",
				       STR_ARG(m.key));
	region = jv_get(doc, "region");
	if (jv_exists(region) &&
	    (jv_type(region) != JV_STRING || name_check_label_value(jv_text(region))))
		return err_sys(err, EINVAL, "region is no name");
	r = read_lists(v, doc, err);
	if (r < 0)
		return r;
	*ret = TAKE(v);
	return 0;
}
