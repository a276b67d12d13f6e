/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of aggregated servers in our discovery documents. */
#include "lib/base/hmap.h"
#include "lib/json/json_scan.h"
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
	if (jv_type(list) == JV_ARRAY)
		jw_member_raw(w, key, jv_raw(list));
}

static bool is_text(struct jv v)
{
	return !jv_exists(v) || jv_type(v) == JV_NULL || jv_type(v) == JV_STRING;
}

static bool are_texts(struct jv list)
{
	if (!jv_exists(list) || jv_type(list) == JV_NULL)
		return true;
	if (jv_type(list) != JV_ARRAY)
		return false;
	jv_for_each (x, list)
		if (jv_type(x.value) != JV_STRING)
			return false;
	return true;
}

static bool is_resource(struct jv res)
{
	static const char *const texts[] = {"group", "version", "kind", "singularName"};
	static const char *const lists[] = {"verbs", "shortNames", "categories"};

	if (jv_type(res) != JV_OBJECT || !jv_text(jv_get(res, "name")).len)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!is_text(jv_get(res, texts[i])))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (!are_texts(jv_get(res, lists[i])))
			return false;
	return true;
}

static void buf_delete(void *b)
{
	buf_done(b);
	free(b);
}

/* "flunders/status" is kept with "flunders". */
static void keep_sub(struct hmap *subs, const struct remote *r, struct jv res)
{
	struct str sub = jv_text(jv_get(res, "name")), main;
	struct buf *of;
	struct jw w;

	str_split(&sub, '/', &main);
	of = hmap_get(subs, main);
	if (!of) {
		of = NEW(struct buf);
		*of = BUF_INIT;
		hmap_put(subs, main, of);
	}
	if (of->len)
		buf_addc(of, ',');
	w = jw_start(of);
	jw_begin_object(&w);
	jw_member_str(&w, "subresource", sub);
	kind_member(&w, r, res);
	copy_list(&w, "verbs", jv_get(res, "verbs"));
	jw_end_object(&w);
}

static void list_one(struct jw *w, const struct remote *r, struct jv res, const struct hmap *subs)
{
	struct str name = jv_text(jv_get(res, "name"));
	struct str one = jv_text(jv_get(res, "singularName"));
	const struct buf *own = hmap_get(subs, name);

	jw_begin_object(w);
	jw_member_str(w, "resource", name);
	kind_member(w, r, res);
	jw_member_str(w, "scope",
		      jv_bool(jv_get(res, "namespaced"), false) ? STR("Namespaced")
								: STR("Cluster"));
	jw_member_str(w, "singularResource", one.p ? one : STR(""));
	copy_list(w, "verbs", jv_get(res, "verbs"));
	copy_list(w, "shortNames", jv_get(res, "shortNames"));
	copy_list(w, "categories", jv_get(res, "categories"));
	if (own) {
		jw_key(w, "subresources");
		jw_begin_array(w);
		jw_raw(w, buf_str(own));
		jw_end_array(w);
	}
	jw_end_object(w);
}

int aggregate_understand(const struct remote *r, struct str json, struct buf *out)
{
	struct hmap *subs;
	struct jv all;

	if (json_scan(json, NULL, NULL) < 0 || jv_type(jv_of(json)) != JV_OBJECT)
		return -EINVAL;
	all = jv_get(jv_of(json), "resources");
	if (jv_type(all) != JV_ARRAY)
		return -EINVAL;
	jv_for_each (res, all)
		if (!is_resource(res.value))
			return -EINVAL;
	subs = hmap_new();
	jv_for_each (res, all)
		if (str_chr(jv_text(jv_get(res.value, "name")), '/') >= 0)
			keep_sub(subs, r, res.value);
	jv_for_each (res, all) {
		struct jw w = jw_start(out);

		if (str_chr(jv_text(jv_get(res.value, "name")), '/') >= 0)
			continue;
		if (out->len)
			buf_addc(out, ',');
		list_one(&w, r, res.value, subs);
	}
	hmap_free_full(subs, buf_delete);
	return 0;
}

static void aggregated_version(struct jw *w, const struct remote *r)
{
	jw_begin_object(w);
	jw_member_str(w, "version", str_of(r->version));
	jw_key(w, "resources");
	jw_begin_array(w);
	if (r->listed.len)
		jw_raw(w, buf_str(&r->listed));
	jw_end_array(w);
	jw_member_str(w, "freshness",
		      r->available && r->resources.len ? STR("Current") : STR("Stale"));
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
