/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/admission.h"
#include "lib/api/api.h"
#include "lib/api/status.h"
#include "master/apiserver/server.h"

/* What admission adds to a new pod: its service account and token, tolerations and priority. */
#define TOKEN_MOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define TOKEN_SECONDS 3607

static bool is_mirror(struct json_object *pod)
{
	return jsonc_get(jsonc_path(pod, "metadata.annotations"), "kubernetes.io/config.mirror");
}

/* ---- ServiceAccount ---- */

static struct json_object *item(const char *key, const char *path)
{
	struct json_object *list = json_object_new_array(), *o = json_object_new_object();

	jsonc_set_str(o, "key", str_of(key));
	jsonc_set_str(o, "path", str_of(path));
	json_object_array_add(list, o);
	return list;
}

/* The projected volume every pod sees: token, the cluster's CA, its namespace. */
static struct json_object *token_volume(const char *name)
{
	struct json_object *vol = json_object_new_object(), *proj = json_object_new_object();
	struct json_object *sources = json_object_new_array();
	struct json_object *s, *in, *ref;

	s = json_object_new_object();
	in = jsonc_ensure(s, "serviceAccountToken");
	jsonc_set(in, "expirationSeconds", json_object_new_int64(TOKEN_SECONDS));
	jsonc_set_str(in, "path", STR("token"));
	json_object_array_add(sources, s);

	s = json_object_new_object();
	in = jsonc_ensure(s, "configMap");
	jsonc_set_str(in, "name", STR("kube-root-ca.crt"));
	jsonc_set(in, "items", item("ca.crt", "ca.crt"));
	json_object_array_add(sources, s);

	s = json_object_new_object();
	in = json_object_new_object();
	jsonc_set_str(in, "path", STR("namespace"));
	ref = jsonc_ensure(in, "fieldRef");
	jsonc_set_str(ref, "apiVersion", STR("v1"));
	jsonc_set_str(ref, "fieldPath", STR("metadata.namespace"));
	ref = json_object_new_array();
	json_object_array_add(ref, in);
	jsonc_set(jsonc_ensure(s, "downwardAPI"), "items", ref);
	json_object_array_add(sources, s);

	jsonc_set(proj, "sources", sources);
	jsonc_set(proj, "defaultMode", json_object_new_int64(420));
	jsonc_set_str(vol, "name", str_of(name));
	jsonc_set(vol, "projected", proj);
	return vol;
}

static bool has_mount(struct json_object *container)
{
	struct json_object *mounts = jsonc_get(container, "volumeMounts");

	for (size_t i = 0; mounts && i < json_object_array_length(mounts); i++)
		if (str_eqs(jsonc_path_str(json_object_array_get_idx(mounts, i), "mountPath"),
			    TOKEN_MOUNT))
			return true;
	return false;
}

static struct json_object *ensure_array(struct json_object *o, const char *name)
{
	struct json_object *a = jsonc_get(o, name);

	if (!json_object_is_type(a, json_type_array)) {
		a = json_object_new_array();
		jsonc_set(o, name, a);
	}
	return a;
}

/* Mounts the token where nothing is mounted yet; true when it was needed anywhere. */
static bool mount_token(struct json_object *containers, const char *volume)
{
	bool used = false;

	for (size_t i = 0; containers && i < json_object_array_length(containers); i++) {
		struct json_object *c = json_object_array_get_idx(containers, i), *m;

		if (has_mount(c))
			continue;
		m = json_object_new_object();
		jsonc_set_str(m, "name", str_of(volume));
		jsonc_set(m, "readOnly", json_object_new_boolean(true));
		jsonc_set_str(m, "mountPath", STR(TOKEN_MOUNT));
		json_object_array_add(ensure_array(c, "volumeMounts"), m);
		used = true;
	}
	return used;
}

static bool wants_token(struct json_object *spec, struct jv account)
{
	struct json_object *own = jsonc_get(spec, "automountServiceAccountToken");

	if (own)
		return json_object_get_boolean(own);
	return jv_bool(jv_get(account, "automountServiceAccountToken"), true);
}

static void add_token(struct json_object *spec)
{
	char suffix[6] = "", name[32];
	struct json_object *vol = jsonc_get(spec, "volumes");
	bool used;

	for (size_t i = 0; vol && i < json_object_array_length(vol); i++)
		if (str_starts(jsonc_path_str(json_object_array_get_idx(vol, i), "name"),
			       STR("kube-api-access-")))
			return;
	rng_name_suffix(&rng_system, suffix, 5);
	snprintf(name, sizeof(name), "kube-api-access-%s", suffix);
	used = mount_token(jsonc_get(spec, "initContainers"), name);
	used |= mount_token(jsonc_get(spec, "containers"), name);
	if (used)
		json_object_array_add(ensure_array(spec, "volumes"), token_volume(name));
}

static void add_pull_secrets(struct json_object *spec, struct jv account)
{
	struct json_object *own = jsonc_get(spec, "imagePullSecrets"), *list = NULL;
	struct str raw = jv_raw(jv_get(account, "imagePullSecrets"));

	if ((own && json_object_array_length(own)) || !raw.len)
		return;
	if (jsonc_parse(raw, NULL, &list, NULL) == 0 && list)
		jsonc_set(spec, "imagePullSecrets", list);
}

int admit_service_account(struct admission *a, struct err *err)
{
	const struct api_kind *k = server_kind("", "v1", "serviceaccounts");
	struct json_object *spec = jsonc_ensure(a->obj, "spec");
	struct str name = jsonc_path_str(spec, "serviceAccountName");
	const struct store_obj *o;
	CLEANUP_FREE char *why = NULL;
	CLEANUP_FREE char *copy = NULL;

	if (is_mirror(a->obj))
		return 0;
	if (!name.len)
		name = jsonc_path_str(spec, "serviceAccount");
	copy = name.len ? str_dup(name) : xstrdup("default");
	jsonc_set_str(spec, "serviceAccountName", str_of(copy));
	jsonc_set_str(spec, "serviceAccount", str_of(copy));
	o = server_get(a->view, k, a->ns, str_of(copy));
	if (!o) {
		why = xasprintf(
			"error looking up service account %.*s/%s: serviceaccount \"%s\" not "
			"found",
			STR_ARG(a->ns), copy, copy);
		return api_err_forbidden(err, a->kind, a->name, why);
	}
	if (wants_token(spec, jv_of(o->value)))
		add_token(spec);
	add_pull_secrets(spec, jv_of(o->value));
	return 0;
}

/* ---- DefaultTolerationSeconds ---- */

static bool tolerates(struct json_object *list, const char *key)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *t = json_object_array_get_idx(list, i);
		struct str k = jsonc_path_str(t, "key"), effect = jsonc_path_str(t, "effect");

		if ((str_eqs(k, key) || !k.len) && (str_eqs(effect, "NoExecute") || !effect.len))
			return true;
	}
	return false;
}

int admit_tolerations(struct admission *a, struct err *err)
{
	const struct {
		const char *key;
		uint32_t seconds;
	} rows[] = {
		{"node.kubernetes.io/not-ready", a->srv->conf.not_ready_toleration_s},
		{"node.kubernetes.io/unreachable", a->srv->conf.unreachable_toleration_s},
	};
	struct json_object *spec = jsonc_ensure(a->obj, "spec"), *t;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && !is_mirror(a->obj); i++) {
		if (tolerates(jsonc_get(spec, "tolerations"), rows[i].key))
			continue;
		t = json_object_new_object();
		jsonc_set_str(t, "key", str_of(rows[i].key));
		jsonc_set_str(t, "operator", STR("Exists"));
		jsonc_set_str(t, "effect", STR("NoExecute"));
		jsonc_set(t, "tolerationSeconds", json_object_new_int64(rows[i].seconds));
		json_object_array_add(ensure_array(spec, "tolerations"), t);
	}
	return 0;
}

/* ---- Priority ---- */

/* The class marked globalDefault (the lowest of them), or NULL. */
static const struct store_obj *default_class(struct admission *a, const struct api_kind *k)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o, *best = NULL;
	struct store_iter it;

	request_key(k, STR(""), STR(""), &prefix);
	store_range(a->view, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it))) {
		struct jv c = jv_of(o->value);

		if (jv_bool(jv_get(c, "globalDefault"), false) &&
		    (!best || jv_i64(jv_get(c, "value"), 0) <
				      jv_i64(jv_get(jv_of(best->value), "value"), 0)))
			best = o;
	}
	return best;
}

int admit_priority(struct admission *a, struct err *err)
{
	const struct api_kind *k = server_kind("scheduling.k8s.io", "v1", "priorityclasses");
	struct json_object *spec = jsonc_ensure(a->obj, "spec");
	struct str name = jsonc_path_str(spec, "priorityClassName");
	const struct store_obj *o =
		name.len ? server_get(a->view, k, STR(""), name) : default_class(a, k);
	int64_t given = jsonc_i64(jsonc_get(spec, "priority"), INT64_MIN), value = 0;
	CLEANUP_FREE char *why = NULL;
	struct jv c;

	if (name.len && !o) {
		why = xasprintf("no PriorityClass with name %.*s was found", STR_ARG(name));
		return api_err_forbidden(err, a->kind, a->name, why);
	}
	c = o ? jv_of(o->value) : JV_NONE;
	value = jv_i64(jv_get(c, "value"), 0);
	if (given != INT64_MIN && given != value && !is_mirror(a->obj))
		return api_err_forbidden(
			err, a->kind, a->name,
			"the integer value of priority must not be provided in pod "
			"spec; priority admission controller computed another value "
			"from the given PriorityClass name");
	jsonc_set(spec, "priority", json_object_new_int64(value));
	if (o && !name.len)
		jsonc_set_str(spec, "priorityClassName", jv_text(jv_path(c, "metadata.name")));
	if (!jsonc_get(spec, "preemptionPolicy"))
		jsonc_set_str(spec, "preemptionPolicy",
			      jv_exists(jv_get(c, "preemptionPolicy"))
				      ? jv_text(jv_get(c, "preemptionPolicy"))
				      : STR("PreemptLowerPriority"));
	return 0;
}
