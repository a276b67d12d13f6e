/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/bootstrap_roles.h"
#include "lib/json/jsonc.h"

#define GROUP "rbac.authorization.k8s.io"
#define AUTOUPDATE "rbac.authorization.kubernetes.io/autoupdate"

/* ---- the table's rows as objects ---- */

static struct json_object *list_of(const char *text)
{
	struct json_object *a = json_object_new_array();
	struct str rest = str_of(text), one;

	while (str_split(&rest, ',', &one))
		json_object_array_add(a, jsonc_new_str(one));
	return a;
}

static void set_list(struct json_object *at, const char *name, const char *text)
{
	if (text)
		jsonc_set(at, name, list_of(text));
}

static struct json_object *object_of(const char *kind, const char *ns, const char *name,
				     const char *label)
{
	struct json_object *o = json_object_new_object(), *meta, *labels;
	CLEANUP_FREE char *key = label ? xasprintf(GROUP "/%s", label) : NULL;

	jsonc_set_str(o, "apiVersion", STR(GROUP "/v1"));
	jsonc_set_str(o, "kind", str_of(kind));
	meta = jsonc_ensure(o, "metadata");
	jsonc_set_str(meta, "name", str_of(name));
	if (ns)
		jsonc_set_str(meta, "namespace", str_of(ns));
	labels = jsonc_ensure(meta, "labels");
	jsonc_set_str(labels, "kubernetes.io/bootstrapping", STR("rbac-defaults"));
	if (key)
		jsonc_set_str(labels, key, STR("true"));
	jsonc_set_str(jsonc_ensure(meta, "annotations"), AUTOUPDATE, STR("true"));
	return o;
}

static struct json_object *rules_of(const char *role)
{
	struct json_object *a = json_object_new_array(), *o;
	const char *of = "";

	for (size_t i = 0; i < boot_rules_n; i++) {
		const struct boot_rule *r = &boot_rules[i];

		of = r->role ? r->role : of;
		if (strcmp(of, role) != 0)
			continue;
		o = json_object_new_object();
		set_list(o, "verbs", r->verbs);
		set_list(o, "apiGroups", r->groups);
		set_list(o, "resources", r->resources);
		set_list(o, "resourceNames", r->names);
		set_list(o, "nonResourceURLs", r->urls);
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *role_of(const struct boot_role *r)
{
	struct json_object *o = object_of(r->ns ? "Role" : "ClusterRole", r->ns, r->name, r->label);
	struct json_object *sel, *list;
	CLEANUP_FREE char *key = NULL;

	if (!r->gathers) {
		jsonc_set(o, "rules", rules_of(r->name));
		return o;
	}
	key = xasprintf(GROUP "/%s", r->gathers);
	sel = json_object_new_object();
	jsonc_set_str(jsonc_ensure(sel, "matchLabels"), key, STR("true"));
	list = json_object_new_array();
	json_object_array_add(list, sel);
	jsonc_set(jsonc_ensure(o, "aggregationRule"), "clusterRoleSelectors", list);
	jsonc_set(o, "rules", json_object_new_array());
	return o;
}

static void add_subjects(struct json_object *list, const char *kind, const char *names)
{
	struct str rest = str_of(names), one;

	while (names && str_split(&rest, ',', &one)) {
		struct json_object *s = json_object_new_object();

		jsonc_set_str(s, "kind", str_of(kind));
		jsonc_set_str(s, "apiGroup", STR(GROUP));
		jsonc_set_str(s, "name", one);
		json_object_array_add(list, s);
	}
}

static struct json_object *binding_of(const struct boot_binding *b)
{
	struct json_object *o =
		object_of(b->ns ? "RoleBinding" : "ClusterRoleBinding", b->ns, b->name, NULL);
	struct json_object *list = json_object_new_array(), *ref, *s;
	struct str rest = str_of(b->account), ns;

	add_subjects(list, "Group", b->groups);
	add_subjects(list, "User", b->users);
	if (b->account && str_split(&rest, ':', &ns)) {
		s = json_object_new_object();
		jsonc_set_str(s, "kind", STR("ServiceAccount"));
		jsonc_set_str(s, "name", rest);
		jsonc_set_str(s, "namespace", ns);
		json_object_array_add(list, s);
	}
	if (json_object_array_length(list))
		jsonc_set(o, "subjects", list);
	else
		json_object_put(list);
	ref = jsonc_ensure(o, "roleRef");
	jsonc_set_str(ref, "apiGroup", STR(GROUP));
	jsonc_set_str(ref, "kind", b->of_role ? STR("Role") : STR("ClusterRole"));
	jsonc_set_str(ref, "name", str_of(b->role));
	return o;
}

/* ---- what is missing ---- */

static bool has_element(struct json_object *list, struct json_object *e)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (jsonc_equal(json_object_array_get_idx(list, i), e))
			return true;
	return false;
}

/* Adds to have[name] what want[name] has besides; true if there was something. */
static bool merge_list(struct json_object *have, struct json_object *want, const char *name)
{
	struct json_object *from = jsonc_get(want, name), *to = jsonc_get(have, name);
	bool changed = false;

	for (size_t i = 0; from && i < json_object_array_length(from); i++) {
		struct json_object *e = json_object_array_get_idx(from, i);

		if (has_element(to, e))
			continue;
		if (!to) {
			to = json_object_new_array();
			jsonc_set(have, name, to);
		}
		json_object_array_add(to, json_object_get(e));
		changed = true;
	}
	return changed;
}

static bool merge_map(struct json_object *have, struct json_object *want, const char *name)
{
	struct json_object *from = jsonc_get(want, name), *to = jsonc_ensure(have, name);
	bool changed = false;

	json_object_object_foreach(from, key, v)
	{
		if (jsonc_get(to, key))
			continue;
		jsonc_set(to, key, json_object_get(v));
		changed = true;
	}
	return changed;
}

static bool merge(struct json_object *have, struct json_object *want)
{
	struct json_object *meta = jsonc_get(have, "metadata"), *m = jsonc_get(want, "metadata");
	bool changed = false;

	if (str_eqs(jsonc_str(jsonc_get(jsonc_get(meta, "annotations"), AUTOUPDATE)), "false"))
		return false;
	changed |= merge_map(meta, m, "labels");
	changed |= merge_map(meta, m, "annotations");
	if (jsonc_get(want, "aggregationRule"))
		changed |= merge_list(jsonc_ensure(have, "aggregationRule"),
				      jsonc_get(want, "aggregationRule"), "clusterRoleSelectors");
	else
		changed |= merge_list(have, want, "rules");
	changed |= merge_list(have, want, "subjects");
	return changed;
}

struct boot {
	struct store_view *v;
	void (*add)(void *user, const char *collection, const char *name, bool exists,
		    char *take_json);
	void *user;
};

static void reconcile(struct boot *b, struct json_object *want, const char *plural, const char *ns,
		      const char *name)
{
	CLEANUP_FREE char *key = xasprintf("/" GROUP "/%s/%s/%s", plural, ns ? ns : "", name);
	CLEANUP_FREE char *path = ns ? xasprintf("/apis/" GROUP "/v1/namespaces/%s/%s", ns, plural)
				     : xasprintf("/apis/" GROUP "/v1/%s", plural);
	CLEANUP_JSON struct json_object *have = NULL;
	const struct store_obj *o = store_get(b->v, str_of(key));
	struct buf json = BUF_INIT;

	if (o) {
		if (jsonc_parse(o->value, NULL, &have, NULL) < 0 || !merge(have, want))
			return;
		json_object_object_del(jsonc_get(have, "metadata"), "resourceVersion");
	}
	jsonc_write(o ? have : want, &json);
	b->add(b->user, path, name, o, buf_take(&json));
}

void bootstrap_roles(struct store *store,
		     void (*add)(void *user, const char *collection, const char *name, bool exists,
				 char *take_json),
		     void *user)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(store);
	struct boot b = {v, add, user};

	for (size_t i = 0; i < boot_roles_n; i++) {
		const struct boot_role *r = &boot_roles[i];
		CLEANUP_JSON struct json_object *o = role_of(r);

		reconcile(&b, o, r->ns ? "roles" : "clusterroles", r->ns, r->name);
	}
	for (size_t i = 0; i < boot_bindings_n; i++) {
		const struct boot_binding *r = &boot_bindings[i];
		CLEANUP_JSON struct json_object *o = binding_of(r);

		reconcile(&b, o, r->ns ? "rolebindings" : "clusterrolebindings", r->ns, r->name);
	}
}
