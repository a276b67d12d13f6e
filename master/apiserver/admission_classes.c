/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes: what RuntimeClass, StorageClass and IngressClass objects give to pods, claims and
 * ingresses that name them, or that name none (k8s.io/kubernetes plugin/pkg/admission).
 */
#include "master/apiserver/admission.h"
#include "lib/api/quantity.h"
#include "lib/api/validate/check.h"
#include "lib/api/volumes.h"
#include "master/apiserver/server.h"

/* ---- RuntimeClass ---- */

static struct json_object *tree_of(struct jv v)
{
	struct json_object *o = NULL;

	return jv_exists(v) && jsonc_parse(jv_raw(v), NULL, &o, NULL) == 0 ? o : NULL;
}

static int set_overhead(struct admission *a, struct json_object *spec, struct jv class,
			struct err *err)
{
	CLEANUP_JSON struct json_object *fixed = tree_of(jv_path(class, "overhead.podFixed"));
	struct json_object *has = jsonc_get(spec, "overhead");

	if (has && !fixed)
		return api_err_forbidden(err, a->kind, a->name,
					 "pod rejected: Pod Overhead set without corresponding "
					 "RuntimeClass defined Overhead");
	if (has && !jsonc_equal(has, fixed))
		return api_err_forbidden(
			err, a->kind, a->name,
			"pod rejected: Pod's Overhead doesn't match RuntimeClass's "
			"defined Overhead");
	if (fixed)
		jsonc_set(spec, "overhead", TAKE(fixed));
	return 0;
}

static int set_node_selector(struct admission *a, struct json_object *spec, struct jv selector,
			     struct err *err)
{
	struct json_object *to;

	if (!jv_len(selector))
		return 0;
	to = jsonc_ensure(spec, "nodeSelector");
	jv_for_each_member (it, selector) {
		CLEANUP_FREE char *key = str_dup(it.key), *why = NULL;
		struct json_object *has = jsonc_get(to, key);
		struct str want = jv_text(it.value);

		if (has && !str_eq(jsonc_str(has), want)) {
			why = xasprintf("conflict: runtimeClass.scheduling.nodeSelector[%s] = "
					"%.*s; pod.spec.nodeSelector[%s] = %.*s",
					key, STR_ARG(want), key, STR_ARG(jsonc_str(has)));
			return api_err_forbidden(err, a->kind, a->name, why);
		}
		jsonc_set_str(to, key, want);
	}
	return 0;
}

static void add_tolerations(struct json_object *spec, struct jv list)
{
	struct json_object *to = jsonc_get(spec, "tolerations");

	if (!jv_len(list))
		return;
	if (!to) {
		to = json_object_new_array();
		jsonc_set(spec, "tolerations", to);
	}
	jv_for_each (it, list) {
		CLEANUP_JSON struct json_object *t = tree_of(it.value);
		bool there = !t;

		for (size_t i = 0; i < list_len(to) && !there; i++)
			there = jsonc_equal(list_at(to, i), t);
		if (!there)
			json_object_array_add(to, TAKE(t));
	}
}

int admit_runtime_class(struct admission *a, struct err *err)
{
	struct json_object *spec = jsonc_get(a->obj, "spec");
	struct str name = jsonc_path_str(spec, "runtimeClassName");
	const struct store_obj *o;
	CLEANUP_FREE char *why = NULL;
	struct jv class;
	int r;

	if (!name.len)
		return set_overhead(a, spec, JV_NONE, err);
	o = server_get(a->view, server_kind("node.k8s.io", "v1", "runtimeclasses"), STR(""), name);
	if (!o) {
		why = xasprintf("pod rejected: RuntimeClass \"%.*s\" not found", STR_ARG(name));
		return api_err_forbidden(err, a->kind, a->name, why);
	}
	class = jv_of(o->value);
	r = set_overhead(a, spec, class, err);
	if (r == 0)
		r = set_node_selector(a, spec, jv_path(class, "scheduling.nodeSelector"), err);
	if (r == 0)
		add_tolerations(spec, jv_path(class, "scheduling.tolerations"));
	return r;
}

/* ---- the default of several classes: the youngest, then the first by name ---- */

static const struct store_obj *default_of(struct admission *a, const struct api_kind *k,
					  const char *const *notes, size_t n)
{
	const struct store_obj *best = NULL, *o;
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	struct store_iter it;

	request_key(k, STR(""), STR(""), &prefix);
	store_range(a->view, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it))) {
		struct jv marks = jv_path(jv_of(o->value), "metadata.annotations");
		bool is_default = false;

		for (size_t i = 0; i < n; i++)
			is_default |= jv_eqs(jv_get(marks, notes[i]), "true");
		if (is_default &&
		    (!best ||
		     str_cmp(jv_text(jv_path(jv_of(o->value), "metadata.creationTimestamp")),
			     jv_text(jv_path(jv_of(best->value), "metadata.creationTimestamp"))) >
			     0))
			best = o;
	}
	return best;
}

static struct str name_of(const struct store_obj *o)
{
	return jv_text(jv_path(jv_of(o->value), "metadata.name"));
}

int admit_storage_class(struct admission *a, struct err *err)
{
	static const char *const notes[] = {"storageclass.kubernetes.io/is-default-class",
					    "storageclass.beta.kubernetes.io/is-default-class"};
	struct json_object *spec = jsonc_get(a->obj, "spec");
	struct json_object *old_way =
		jsonc_get(jsonc_path(a->obj, "metadata.annotations"), NOTE_OLD_CLASS);
	const struct store_obj *o;

	if (!spec || jsonc_get(spec, "storageClassName") || old_way)
		return 0;
	o = default_of(a, server_kind("storage.k8s.io", "v1", "storageclasses"), notes,
		       ARRAY_SIZE(notes));
	if (o)
		jsonc_set_str(spec, "storageClassName", name_of(o));
	return 0;
}

int admit_ingress_class(struct admission *a, struct err *err)
{
	static const char *const notes[] = {"ingressclass.kubernetes.io/is-default-class"};
	struct json_object *spec = jsonc_get(a->obj, "spec");
	struct json_object *old_way = jsonc_get(jsonc_path(a->obj, "metadata.annotations"),
						"kubernetes.io/ingress.class");
	const struct store_obj *o;

	if (!spec || jsonc_get(spec, "ingressClassName") || old_way)
		return 0;
	o = default_of(a, server_kind("networking.k8s.io", "v1", "ingressclasses"), notes,
		       ARRAY_SIZE(notes));
	if (o)
		jsonc_set_str(spec, "ingressClassName", name_of(o));
	return 0;
}

/* ---- claims and volumes stay as long as they are used: see controllers/volume_protection.c ----
 */

int admit_volume_protection(struct admission *a, struct err *err)
{
	const char *name =
		strcmp(a->kind->plural, "persistentvolumes") ? CLAIM_PROTECTION : VOLUME_PROTECTION;
	struct json_object *meta = jsonc_ensure(a->obj, "metadata");
	struct json_object *list = jsonc_get(meta, "finalizers");

	for (size_t i = 0; i < list_len(list); i++)
		if (str_eqs(jsonc_str(list_at(list, i)), name))
			return 0;
	if (!list) {
		list = json_object_new_array();
		jsonc_set(meta, "finalizers", list);
	}
	json_object_array_add(list, json_object_new_string(name));
	return 0;
}

/* ---- a claim grows only where its class lets it ---- */

int admit_claim_resize(struct admission *a, struct err *err)
{
	static const char path[] = "spec.resources.requests.storage";
	const struct api_kind *k = server_kind("storage.k8s.io", "v1", "storageclasses");
	struct str class = jsonc_path_str(a->old, "spec.storageClassName");
	const struct store_obj *o;
	struct quantity now, was;

	if (quantity_parse(jsonc_path_str(a->obj, path), &now) < 0 ||
	    quantity_parse(jsonc_path_str(a->old, path), &was) < 0 || quantity_cmp(now, was) <= 0)
		return 0;
	if (!str_eqs(jsonc_path_str(a->old, "status.phase"), "Bound"))
		return api_err_forbidden(err, a->kind, a->name,
					 "Only bound persistent volume claims can be expanded");
	o = class.len ? server_get(a->view, k, STR(""), class) : NULL;
	if (o && jv_bool(jv_get(jv_of(o->value), "allowVolumeExpansion"), false))
		return 0;
	return api_err_forbidden(err, a->kind, a->name,
				 "only dynamically provisioned pvc can be resized and the "
				 "storageclass that provisions the pvc must support resize");
}
