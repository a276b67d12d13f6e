/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/openapi.h"
#include "lib/api/crd/custom.h"
#include "lib/api/openapi_parts.h"
#include "lib/base/codec.h"
#include "lib/base/hmap.h"
#include "lib/base/kubernetes.h"

#define INFO "{\"title\":\"Kubernetes\",\"version\":\"" KUBERNETES_RELEASE "\"}"

void api_openapi_hash(const struct api_kinds *ks, struct str group, struct str version,
		      struct buf *out)
{
	const struct api_kind *k;
	uint32_t crc = crc32c(0, PACKAGE_VERSION, strlen(PACKAGE_VERSION));

	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++) {
		if (!str_is_null(group) &&
		    (!str_eqs(group, k->group) || !str_eqs(version, k->version)))
			continue;
		crc = crc32c(crc, k->kind, strlen(k->kind));
		crc = crc32c(crc, &k->type->n_fields, sizeof(k->type->n_fields));
		if (k->custom) {
			uint32_t own = custom_openapi_crc(k);

			crc = crc32c(crc, &own, sizeof(own));
		}
	}
	buf_addf(out, "%08X", crc);
}

static void group_path(const struct api_kind *k, struct buf *out)
{
	if (*k->group)
		buf_addf(out, "apis/%s/%s", k->group, k->version);
	else
		buf_addf(out, "api/%s", k->version);
}

static bool is_first(const struct api_kinds *ks, size_t at)
{
	const struct api_kind *k = api_kinds_at(ks, at), *o;

	for (size_t i = 0; i < at; i++) {
		o = api_kinds_at(ks, i);
		if (o->plural && strcmp(o->group, k->group) == 0 &&
		    strcmp(o->version, k->version) == 0)
			return false;
	}
	return k->plural;
}

void api_openapi_v3_index(const struct api_kinds *ks, struct buf *out)
{
	struct jw w = jw_start(out);
	const struct api_kind *k;

	jw_begin_object(&w);
	jw_key(&w, "paths");
	jw_begin_object(&w);
	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++) {
		CLEANUP(buf_done) struct buf path = BUF_INIT, url = BUF_INIT;

		if (!is_first(ks, i))
			continue;
		group_path(k, &path);
		buf_addf(&url, "/openapi/v3/%s?hash=", path.p);
		api_openapi_hash(ks, str_of(k->group), str_of(k->version), &url);
		jw_key(&w, path.p);
		jw_begin_object(&w);
		jw_member_str(&w, "serverRelativeURL", buf_str(&url));
		jw_end_object(&w);
	}
	jw_end_object(&w);
	jw_end_object(&w);
}

int api_openapi_v3(const struct api_kinds *ks, struct str group, struct str version,
		   struct buf *out)
{
	const struct api_kind *k = NULL;
	struct jw w;

	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++)
		if (k->plural && str_eqs(group, k->group) && str_eqs(version, k->version))
			break;
	if (!k)
		return -ENOENT;
	w = jw_start(out);
	jw_begin_object(&w);
	jw_member_str(&w, "openapi", STR("3.0.0"));
	jw_member_raw(&w, "info", STR(INFO));
	jw_key(&w, "paths");
	jw_begin_object(&w);
	oa_paths(ks, &w, OA_V3, k->group, k->version);
	jw_end_object(&w);
	jw_key(&w, "components");
	jw_begin_object(&w);
	jw_key(&w, "schemas");
	jw_begin_object(&w);
	oa_schemas(ks, &w, OA_V3, k->group, k->version);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	return 0;
}

void api_openapi_v2_json(const struct api_kinds *ks, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_member_str(&w, "swagger", STR("2.0"));
	jw_member_raw(&w, "info", STR(INFO));
	jw_key(&w, "paths");
	jw_begin_object(&w);
	oa_paths(ks, &w, OA_V2, NULL, NULL);
	jw_end_object(&w);
	jw_key(&w, "definitions");
	jw_begin_object(&w);
	oa_schemas(ks, &w, OA_V2, NULL, NULL);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* ---- several servers' documents as one ---- */

/*
 * Members of `obj` that are objects, as all are here, and whose names nobody has written yet;
 * beneath a prefix, if one is given.
 */
static void add_members(struct jw *w, struct hmap *seen, struct jv obj, const char *prefix)
{
	jv_for_each_member (it, obj) {
		if ((prefix && !str_starts(it.key, str_of(prefix))) || hmap_has(seen, it.key) ||
		    jv_type(it.value) != JV_OBJECT)
			continue;
		hmap_put(seen, it.key, seen);
		jw_keyn(w, it.key);
		jw_raw(w, jv_raw(it.value));
	}
}

static void merge_member(struct jw *w, struct str name, struct jv own,
			 const struct api_openapi_other *others, size_t n)
{
	bool paths = str_eqs(name, "paths");
	struct hmap *seen = hmap_new();

	jw_keyn(w, name);
	jw_begin_object(w);
	add_members(w, seen, own, NULL);
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *prefix =
			xasprintf("/apis/%s/%s/", others[i].group, others[i].version);

		add_members(w, seen, jv_getn(jv_of(others[i].json), name), paths ? prefix : NULL);
	}
	jw_end_object(w);
	hmap_free(seen);
}

void api_openapi_v2_merge(struct str own, const struct api_openapi_other *others, size_t n,
			  struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jv_for_each_member (it, jv_of(own)) {
		if (str_eqs(it.key, "paths") || str_eqs(it.key, "definitions")) {
			merge_member(&w, it.key, it.value, others, n);
			continue;
		}
		jw_keyn(&w, it.key);
		jw_raw(&w, jv_raw(it.value));
	}
	jw_end_object(&w);
}
