/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/custom.h"
#include "lib/api/openapi_parts.h"
/*
 * The published schema of a custom resource: the definition's own text, with what every object has
 * besides (apiextensions pkg/controller/openapi/builder). The v2 form leaves out what Swagger
 * cannot say.
 */
static void schema(struct jw *w, enum oa_version v, struct jv s, bool object_root);

/* Why a v2 client must not see all of a schema (apiextensions pkg/apiserver/openapi/v2). */
enum loose {
	LOOSE_NO,
	LOOSE_FIELDS, /* unknown members are kept: kubectl would refuse them beside known ones */
	LOOSE_TYPE, /* null is a value */
};

static bool fits_v2(struct str key, enum loose loose)
{
	static const char *const no[] = {"nullable", "allOf", "anyOf", "oneOf", "not"};

	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (str_eqs(key, no[i]))
			return false;
	if (loose && (str_eqs(key, "properties") || str_eqs(key, "items")))
		return false;
	return loose != LOOSE_TYPE || !str_eqs(key, "type");
}

static bool is_nullable(struct jv props, struct jv name)
{
	CLEANUP(buf_done) struct buf tmp = BUF_INIT;

	return jv_bool(jv_get(jv_getn(props, jv_str(name, &tmp)), "nullable"), false);
}

/* Without what may be null. */
static void required_v2(struct jw *w, struct jv list, struct jv props)
{
	bool any = false;

	jv_for_each (it, list)
		any |= !is_nullable(props, it.value);
	if (!any)
		return;
	jw_key(w, "required");
	jw_begin_array(w);
	jv_for_each (it, list)
		if (!is_nullable(props, it.value))
			jw_raw(w, jv_raw(it.value));
	jw_end_array(w);
}

static void text_property(struct jw *w, const char *name, const char *help)
{
	jw_key(w, name);
	jw_begin_object(w);
	jw_member_str(w, "description", str_of(help));
	jw_member_str(w, "type", STR("string"));
	jw_end_object(w);
}

static void own_properties(struct jw *w, enum oa_version v)
{
	text_property(w, "apiVersion", "Group and version of this object's form.");
	text_property(w, "kind", "What kind of object this is.");
	jw_key(w, "metadata");
	jw_begin_object(w);
	jw_member_str(w, "description", STR("Standard object's metadata."));
	if (v == OA_V3) {
		jw_key(w, "allOf");
		jw_begin_array(w);
		oa_ref(w, v, OA_META "ObjectMeta");
		jw_end_array(w);
	} else {
		jw_member_str(w, "$ref", STR("#/definitions/" OA_META "ObjectMeta"));
	}
	jw_end_object(w);
}

static void properties(struct jw *w, enum oa_version v, struct jv list, bool own)
{
	jw_key(w, "properties");
	jw_begin_object(w);
	if (own)
		own_properties(w, v);
	jv_for_each_member (it, list) {
		if (own && (str_eqs(it.key, "apiVersion") || str_eqs(it.key, "kind") ||
			    str_eqs(it.key, "metadata")))
			continue;
		jw_keyn(w, it.key);
		schema(w, v, it.value, false);
	}
	jw_end_object(w);
}

static void members(struct jw *w, enum oa_version v, struct jv s, bool own)
{
	bool preserve = jv_bool(jv_get(s, "x-kubernetes-preserve-unknown-fields"), false);
	bool nullable = jv_bool(jv_get(s, "nullable"), false);
	enum loose loose = v != OA_V2 ? LOOSE_NO
			   : nullable ? LOOSE_TYPE
			   : preserve ? LOOSE_FIELDS
				      : LOOSE_NO;

	if (own && (loose || !jv_exists(jv_get(s, "properties"))))
		properties(w, v, JV_NONE, true);
	jv_for_each_member (it, s) {
		if (v == OA_V2 && !fits_v2(it.key, loose))
			continue;
		if (v == OA_V2 && str_eqs(it.key, "required")) {
			required_v2(w, it.value, jv_get(s, "properties"));
			continue;
		}
		if (str_eqs(it.key, "properties")) {
			properties(w, v, it.value, own);
			continue;
		}
		jw_keyn(w, it.key);
		if (str_eqs(it.key, "items") ||
		    (str_eqs(it.key, "additionalProperties") && jv_type(it.value) == JV_OBJECT))
			schema(w, v, it.value, false);
		else
			jw_raw(w, jv_raw(it.value));
	}
}

static void schema(struct jw *w, enum oa_version v, struct jv s, bool object_root)
{
	jw_begin_object(w);
	members(w, v, s,
		object_root || jv_bool(jv_get(s, "x-kubernetes-embedded-resource"), false));
	jw_end_object(w);
}

void custom_openapi_write(struct jw *w, enum oa_version v, const struct api_kind *k)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	struct jv s = custom_openapi(k, &scratch);
	/* Said of apiVersion and the like, kubectl would take nothing else. */
	bool anything =
		v == OA_V2 && jv_bool(jv_get(s, "x-kubernetes-preserve-unknown-fields"), false);

	jw_begin_object(w);
	if (!jv_exists(s) || !jv_exists(jv_get(s, "type")) || anything)
		jw_member_str(w, "type", STR("object"));
	if (!anything)
		members(w, v, s, true);
	oa_gvk(w, k->group, k->version, k->kind, true);
	jw_end_object(w);
}
