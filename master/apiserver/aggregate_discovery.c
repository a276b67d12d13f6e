/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of aggregated servers in our discovery documents. */
#include "lib/json/jw.h"
#include "master/apiserver/aggregate_internal.h"

/* Is the i-th the first of its group? Groups that we serve ourselves are left as they are. */
static bool leads_group(const struct aggregate *a, size_t i)
{
	const struct api_kind *k;

	for (size_t j = 0; j < i; j++)
		if (!strcmp(a->v[j]->group, a->v[i]->group))
			return false;
	for (size_t j = 0; (k = api_kind_at(j)); j++)
		if (k->plural && !strcmp(k->group, a->v[i]->group))
			return false;
	return true;
}

static void version_member(struct jw *w, const struct remote *r)
{
	CLEANUP_FREE char *gv = xasprintf("%s/%s", r->group, r->version);

	jw_begin_object(w);
	jw_member_str(w, "groupVersion", str_of(gv));
	jw_member_str(w, "version", str_of(r->version));
	jw_end_object(w);
}

static void plain_group(struct jw *w, const struct aggregate *a, size_t first, bool standalone)
{
	const char *group = a->v[first]->group;

	jw_begin_object(w);
	if (standalone) {
		jw_member_str(w, "kind", STR("APIGroup"));
		jw_member_str(w, "apiVersion", STR("v1"));
	}
	jw_member_str(w, "name", str_of(group));
	jw_key(w, "versions");
	jw_begin_array(w);
	for (size_t i = first; i < a->n; i++)
		if (!strcmp(a->v[i]->group, group))
			version_member(w, a->v[i]);
	jw_end_array(w);
	jw_key(w, "preferredVersion");
	version_member(w, a->v[first]);
	jw_end_object(w);
}

/* ---- the aggregated form, made of an APIResourceList ---- */

static void kind_member(struct jw *w, const struct remote *r, struct jv res)
{
	struct str group = jv_text(jv_get(res, "group"));
	struct str version = jv_text(jv_get(res, "version"));

	jw_key(w, "responseKind");
	jw_begin_object(w);
	jw_member_str(w, "group", version.len ? group : str_of(r->group));
	jw_member_str(w, "version", version.len ? version : str_of(r->version));
	jw_member_str(w, "kind", jv_text(jv_get(res, "kind")));
	jw_end_object(w);
}

static void copy_list(struct jw *w, const char *key, struct jv list)
{
	if (jv_exists(list))
		jw_member_raw(w, key, jv_raw(list));
}

static void sub_members(struct jw *w, const struct remote *r, struct jv all, struct str name)
{
	bool any = false;

	jv_for_each (res, all) {
		struct str sub = jv_text(jv_get(res.value, "name")), main;

		str_split(&sub, '/', &main);
		if (!sub.p || !str_eq(main, name))
			continue;
		if (!any) {
			jw_key(w, "subresources");
			jw_begin_array(w);
			any = true;
		}
		jw_begin_object(w);
		jw_member_str(w, "subresource", sub);
		kind_member(w, r, res.value);
		copy_list(w, "verbs", jv_get(res.value, "verbs"));
		jw_end_object(w);
	}
	if (any)
		jw_end_array(w);
}

static void aggregated_version(struct jw *w, const struct remote *r)
{
	struct jv all =
		r->resources.len ? jv_get(jv_of(buf_str(&r->resources)), "resources") : JV_NONE;

	jw_begin_object(w);
	jw_member_str(w, "version", str_of(r->version));
	jw_key(w, "resources");
	jw_begin_array(w);
	jv_for_each (res, all) {
		struct str name = jv_text(jv_get(res.value, "name"));
		struct str one = jv_text(jv_get(res.value, "singularName"));

		if (str_chr(name, '/') >= 0)
			continue;
		jw_begin_object(w);
		jw_member_str(w, "resource", name);
		kind_member(w, r, res.value);
		jw_member_str(w, "scope",
			      jv_bool(jv_get(res.value, "namespaced"), false) ? STR("Namespaced")
									      : STR("Cluster"));
		jw_member_str(w, "singularResource", one.p ? one : STR(""));
		copy_list(w, "verbs", jv_get(res.value, "verbs"));
		copy_list(w, "shortNames", jv_get(res.value, "shortNames"));
		copy_list(w, "categories", jv_get(res.value, "categories"));
		sub_members(w, r, all, name);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_member_str(w, "freshness", r->available ? STR("Current") : STR("Stale"));
	jw_end_object(w);
}

static void aggregated_group(struct jw *w, const struct aggregate *a, size_t first)
{
	const char *group = a->v[first]->group;

	jw_begin_object(w);
	jw_key(w, "metadata");
	jw_begin_object(w);
	jw_member_str(w, "name", str_of(group));
	jw_key(w, "creationTimestamp");
	jw_null(w);
	jw_end_object(w);
	jw_key(w, "versions");
	jw_begin_array(w);
	for (size_t i = first; i < a->n; i++)
		if (!strcmp(a->v[i]->group, group))
			aggregated_version(w, a->v[i]);
	jw_end_array(w);
	jw_end_object(w);
}

void aggregate_add_groups(const struct apiserver *s, enum api_discovery_form form, struct buf *doc)
{
	const struct aggregate *a = s->aggregate;
	struct str tail = STR("]}");

	for (size_t i = 0; i < a->n; i++) {
		struct jw w;

		if (!leads_group(a, i) || !str_ends(buf_str(doc), tail))
			continue;
		buf_setlen(doc, doc->len - tail.len);
		if (doc->p[doc->len - 1] != '[')
			buf_addc(doc, ',');
		w = jw_start(doc);
		if (form == API_DISCOVERY_PLAN)
			plain_group(&w, a, i, false);
		else
			aggregated_group(&w, a, i);
		buf_addstr(doc, tail);
	}
}

int aggregate_group(const struct apiserver *s, struct str group, struct buf *out)
{
	const struct aggregate *a = s->aggregate;

	for (size_t i = 0; i < a->n; i++)
		if (str_eqs(group, a->v[i]->group)) {
			struct jw w = jw_start(out);

			plain_group(&w, a, i, true);
			return 0;
		}
	return -ENOENT;
}

void aggregate_add_openapi(const struct apiserver *s, struct buf *doc)
{
	const struct aggregate *a = s->aggregate;
	struct str tail = STR("}}");

	for (size_t i = 0; i < a->n; i++) {
		const struct remote *r = a->v[i];

		if (!r->available || !str_ends(buf_str(doc), tail))
			continue;
		buf_setlen(doc, doc->len - tail.len);
		buf_addf(doc,
			 "%s\"apis/%s/%s\":{\"serverRelativeURL\":\"/openapi/v3/apis/%s/"
			 "%s?hash=%" PRIx64 "\"}",
			 doc->p[doc->len - 1] == '{' ? "" : ",", r->group, r->version, r->group,
			 r->version, str_hash(buf_str(&r->resources)));
		buf_addstr(doc, tail);
	}
}
