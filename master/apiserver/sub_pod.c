/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/delete.h"
#include "lib/api/validate/rules.h"
#include "master/apiserver/verbs.h"

/* Sub-resources of a pod that are acts: binding to a node, eviction. */
struct act {
	struct write w;
	struct json_object *body; /* Binding or Eviction */
	struct delete_options o;
};

static void act_free(struct write *w)
{
	struct act *a = container_of(w, struct act, w);

	json_object_put(a->body);
	delete_options_done(&a->o);
	free(a);
}

static void act_done(struct write *w, enum write_action action, struct str value,
		     const struct store_obj *o)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	api_status_success(NULL, &b);
	respond_json(w->r, 201, &b);
}

static bool act_retry(struct write *w, int err)
{
	return true;
}

static struct act *act_new(struct request *r, const char *group, const char *version,
			   const char *kind)
{
	const struct api_kind *k = api_kind_by_gvk(str_of(group), str_of(version), str_of(kind));
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct json_object *body = NULL;
	struct act *a;

	if (!k) {
		respond_not_served(r);
		return NULL;
	}
	if (write_strictness(r, &e) < 0 ||
	    api_decode(k, r->content_type, r->body, API_IGNORE, &body, &r->warnings, &e) < 0) {
		respond_err(r, &e);
		return NULL;
	}
	a = NEW(struct act);
	a->body = body;
	a->o.grace_s = -1;
	return a;
}

/* ---- binding ---- */

static void set_scheduled(struct write *w, struct json_object *pod)
{
	struct json_object *status = jsonc_ensure(pod, "status"), *c = NULL;
	struct json_object *list = jsonc_get(status, "conditions");
	char time[TIME_LEN + 1];

	if (!json_object_is_type(list, json_type_array)) {
		list = json_object_new_array();
		jsonc_set(status, "conditions", list);
	}
	for (size_t i = 0; !c && i < json_object_array_length(list); i++) {
		c = json_object_array_get_idx(list, i);
		if (!str_eqs(jsonc_path_str(c, "type"), "PodScheduled"))
			c = NULL;
	}
	if (!c) {
		c = json_object_new_object();
		json_object_array_add(list, c);
	}
	time_format(server_now_ns(w->srv), time);
	jsonc_set_str(c, "type", STR("PodScheduled"));
	jsonc_set_str(c, "status", STR("True"));
	jsonc_set_str(c, "lastTransitionTime", str_of(time));
	json_object_object_del(c, "reason");
	json_object_object_del(c, "message");
}

static void add_annotations(struct json_object *pod, struct json_object *notes)
{
	struct json_object *to = jsonc_ensure(jsonc_ensure(pod, "metadata"), "annotations");

	json_object_object_foreach(notes, key, val)
	{
		jsonc_set(to, key, json_object_get(val));
	}
}

static int binding_make(struct write *w, struct json_object *cur, struct json_object **ret,
			struct err *err)
{
	struct act *a = container_of(w, struct act, w);
	struct str node = jsonc_path_str(a->body, "target.name");
	struct str uid = jsonc_path_str(a->body, "metadata.uid");
	struct json_object *notes = jsonc_path(a->body, "metadata.annotations");
	struct str bound = jsonc_path_str(cur, "spec.nodeName");
	CLEANUP_FREE char *why = NULL;
	CLEANUP_JSON struct json_object *obj = NULL;

	if (!cur)
		return api_err_not_found(err, w->kind, str_of(w->name));
	validate_binding(a->body, err);
	if (err->n_fields)
		return api_err_invalid(err, w->kind, str_of(w->name));
	if (uid.len && !str_eq(uid, jsonc_path_str(cur, "metadata.uid")))
		why = xstrdup("Precondition failed: UID in precondition does not match");
	else if (jsonc_path(cur, "metadata.deletionTimestamp"))
		why = xasprintf("pod %s is being deleted, cannot be assigned to a host", w->name);
	else if (bound.len)
		why = xasprintf("pod %s is already assigned to node \"%.*s\"", w->name,
				STR_ARG(bound));
	if (why)
		return api_err_conflict(err, w->kind, str_of(w->name), why);
	obj = jsonc_clone(cur);
	api_set_str(obj, "spec.nodeName", node);
	if (notes)
		add_annotations(obj, notes);
	set_scheduled(w, obj);
	*ret = TAKE(obj);
	return WRITE_PUT;
}

static const struct write_ops binding_ops = {binding_make, act_done, act_retry, act_free};

void sub_binding(struct request *r)
{
	struct act *a = act_new(r, "", "v1", "Binding");

	if (!a)
		return;
	write_init(&a->w, r, &binding_ops);
	write_start(&a->w);
}

/* ---- eviction: a deletion that asks first (policy/v1) ---- */

static int eviction_make(struct write *w, struct json_object *cur, struct json_object **ret,
			 struct err *err)
{
	return delete_make(w, &container_of(w, struct act, w)->o, cur, ret, err);
}

static const struct write_ops eviction_ops = {eviction_make, act_done, act_retry, act_free};

void sub_eviction(struct request *r)
{
	struct act *a = act_new(r, "policy", "v1", "Eviction");
	struct str uid;

	if (!a)
		return;
	a->o.grace_s = jsonc_i64(jsonc_path(a->body, "deleteOptions.gracePeriodSeconds"), -1);
	uid = jsonc_path_str(a->body, "deleteOptions.preconditions.uid");
	a->o.uid = str_dup(uid);
	write_init(&a->w, r, &eviction_ops);
	write_start(&a->w);
}
