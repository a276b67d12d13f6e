/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/strategy.h"

/* dst[name] = src[name], or nothing when src has none. */
static void keep(struct json_object *dst, struct json_object *src, const char *name)
{
	struct json_object *v = jsonc_get(src, name);

	if (!dst)
		return;
	if (v)
		jsonc_set(dst, name, json_object_get(v));
	else
		json_object_object_del(dst, name);
}

void api_prepare_create(const struct api_kind *k, struct json_object *obj)
{
	static const char *const reset[] = {"generation", "deletionTimestamp", "selfLink",
					    "deletionGracePeriodSeconds"};
	struct json_object *meta = jsonc_ensure(obj, "metadata");

	for (size_t i = 0; i < ARRAY_SIZE(reset); i++)
		json_object_object_del(meta, reset[i]);
	if ((k->flags & API_K_STATUS) && !(k->flags & API_K_STATUS_ON_CREATE))
		json_object_object_del(obj, "status");
	if (k->flags & API_K_GENERATION)
		jsonc_set(meta, "generation", json_object_new_int64(1));
	if (k->strategy && k->strategy->prepare_create)
		k->strategy->prepare_create(obj);
}

/* Does anything but metadata (and status) differ? */
static bool content_changed(struct json_object *a, struct json_object *b, bool with_status)
{
	size_t na = 0, nb = 0;

	json_object_object_foreach(a, key, v)
	{
		if (!v || strcmp(key, "metadata") == 0 ||
		    (!with_status && strcmp(key, "status") == 0))
			continue;
		na++;
		if (!jsonc_equal(v, jsonc_get(b, key)))
			return true;
	}
	json_object_object_foreach(b, key2, v2) nb +=
		v2 && strcmp(key2, "metadata") != 0 && (with_status || strcmp(key2, "status") != 0);
	return na != nb;
}

static void keep_system_metadata(struct json_object *obj, struct json_object *old)
{
	static const char *const kept[] = {"uid", "creationTimestamp", "generation",
					   "deletionTimestamp", "deletionGracePeriodSeconds"};
	struct json_object *meta = jsonc_ensure(obj, "metadata");
	struct json_object *old_meta = jsonc_get(old, "metadata");

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		keep(meta, old_meta, kept[i]);
	json_object_object_del(meta, "selfLink");
	if (!jsonc_get(meta, "name"))
		keep(meta, old_meta, "name");
	if (!jsonc_get(meta, "namespace"))
		keep(meta, old_meta, "namespace");
}

static void count_generation(const struct api_kind *k, struct json_object *obj,
			     struct json_object *old, bool annotations)
{
	struct json_object *meta = jsonc_get(obj, "metadata");
	int64_t gen = jsonc_i64(jsonc_path(old, "metadata.generation"), 0);

	bool ann = annotations && k->flags & API_K_GENERATION_ANN &&
		   !jsonc_equal(jsonc_get(meta, "annotations"),
				jsonc_path(old, "metadata.annotations"));

	/* Of a custom resource without the subresource, status is a field like others. */
	bool status = k->custom && !(k->flags & API_K_STATUS);

	if (k->flags & API_K_GENERATION && (ann || content_changed(obj, old, status)))
		jsonc_set(meta, "generation", json_object_new_int64(gen + 1));
}

void api_prepare_update(const struct api_kind *k, struct json_object *obj, struct json_object *old)
{
	keep_system_metadata(obj, old);
	if (k->flags & API_K_STATUS)
		keep(obj, old, "status");
	if (k->strategy && k->strategy->prepare_update)
		k->strategy->prepare_update(obj, old);
	count_generation(k, obj, old, true);
}

static void status_only(struct json_object *obj, struct json_object *old)
{
	struct json_object *status = json_object_get(jsonc_get(obj, "status"));
	struct json_object *meta = json_object_get(jsonc_ensure(obj, "metadata"));

	/* Out with everything, in with the old object but for its status. */
	json_object_object_foreach(old, key, v)
	{
		if (strcmp(key, "status") != 0 && strcmp(key, "metadata") != 0)
			jsonc_set(obj, key, json_object_get(v));
	}
	keep(meta, jsonc_get(old, "metadata"), "ownerReferences");
	keep(meta, jsonc_get(old, "metadata"), "finalizers");
	jsonc_set(obj, "metadata", meta);
	if (status)
		jsonc_set(obj, "status", status);
	else
		json_object_object_del(obj, "status");
}

/* The status of a custom resource brings no metadata along but who wrote it. */
static void custom_metadata(struct json_object *obj, struct json_object *old)
{
	struct json_object *managers = jsonc_path(obj, "metadata.managedFields");
	struct json_object *rv = jsonc_path(obj, "metadata.resourceVersion");
	struct json_object *meta = jsonc_clone(jsonc_get(old, "metadata"));

	if (managers)
		jsonc_set(meta, "managedFields", json_object_get(managers));
	if (rv)
		jsonc_set(meta, "resourceVersion", json_object_get(rv));
	jsonc_set(obj, "metadata", meta);
}

void api_prepare_update_sub(const struct api_kind *k, const struct api_subresource *sub,
			    struct json_object *obj, struct json_object *old)
{
	keep_system_metadata(obj, old);
	if (k->custom) {
		status_only(obj, old);
		custom_metadata(obj, old);
	} else if (sub->prepare_update)
		sub->prepare_update(obj, old);
	else if (strcmp(sub->name, "status") == 0)
		status_only(obj, old);
	count_generation(k, obj, old, false);
}

static bool same_metadata(struct json_object *a, struct json_object *b)
{
	static const char *const skip[] = {"resourceVersion", "managedFields", "generation"};
	CLEANUP_JSON struct json_object *x = jsonc_clone(a), *y = jsonc_clone(b);

	for (size_t i = 0; i < ARRAY_SIZE(skip); i++) {
		json_object_object_del(x, skip[i]);
		json_object_object_del(y, skip[i]);
	}
	return jsonc_equal(x, y);
}

bool api_unchanged(struct json_object *a, struct json_object *b)
{
	return !content_changed(a, b, false) &&
	       jsonc_equal(jsonc_get(a, "status"), jsonc_get(b, "status")) &&
	       same_metadata(jsonc_get(a, "metadata"), jsonc_get(b, "metadata"));
}
