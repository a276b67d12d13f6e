/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/custom.h"
#include "lib/api/openapi_parts.h"
/*
 * The published schema of a custom resource: the definition's own text, with what every object has
 * besides (apiextensions pkg/controller/openapi/builder). The v2 form leaves out what Swagger
 * cannot say.
 */
static void schema(struct jw *w, enum oa_version v, struct jv s, bool object_root);

static bool fits_v2(struct str key, bool loose)
{
	static const char *const no[] = {"nullable", "allOf", "anyOf", "oneOf", "not"};
	static const char *const fixed[] = {"type", "properties", "items", "additionalProperties"};

	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (str_eqs(key, no[i]))
			return false;
	for (size_t i = 0; loose && i < ARRAY_SIZE(fixed); i++)
		if (str_eqs(key, fixed[i]))
			return false;
	return true;
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
	bool loose = v == OA_V2 && !own && (preserve || jv_bool(jv_get(s, "nullable"), false));

	if (own && !jv_exists(jv_get(s, "properties")))
		properties(w, v, JV_NONE, true);
	jv_for_each_member (it, s) {
		if (v == OA_V2 && !fits_v2(it.key, loose))
			continue;
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
	struct jv s = custom_openapi(k);

	jw_begin_object(w);
	if (!jv_exists(s) || !jv_exists(jv_get(s, "type")))
		jw_member_str(w, "type", STR("object"));
	members(w, v, s, true);
	oa_gvk(w, k->group, k->version, k->kind, true);
	jw_end_object(w);
}
