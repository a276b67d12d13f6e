/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/delete.h"
#include "lib/api/protobuf.h"
#include "lib/json/json_scan.h"
#include "master/apiserver/read.h"
#include "master/apiserver/verbs.h"

#define CRD_FINALIZER "customresourcecleanup.apiextensions.k8s.io"

/* ---- options ---- */

void delete_options_done(struct delete_options *o)
{
	free(o->uid);
	*o = (struct delete_options){.grace_s = -1};
}

static int parse_policy(struct str policy, struct delete_options *o, struct err *err)
{
	if (!policy.len)
		o->policy = DELETE_DEFAULT;
	else if (str_eqs(policy, "Background"))
		o->policy = DELETE_BACKGROUND;
	else if (str_eqs(policy, "Foreground"))
		o->policy = DELETE_FOREGROUND;
	else if (str_eqs(policy, "Orphan"))
		o->policy = DELETE_ORPHAN;
	else
		return api_err_bad_request(err, "invalid propagationPolicy %.*s", STR_ARG(policy));
	return 0;
}

/* DeleteOptions belong to every group and version: what apiVersion says about them is not looked
 * at. */
static int decode_options(struct request *r, struct json_object **ret, struct err *err)
{
	const struct api_kind *k = api_kind_by_gvk(STR(""), STR("v1"), STR("DeleteOptions"));
	struct str version, kind, raw;
	int e;

	if (api_pb_is(r->body)) {
		e = api_pb_envelope(r->body, &version, &kind, &raw, err);
		return e < 0 ? e : api_pb_decode(k->type, raw, ret, err);
	}
	e = json_scan(r->body, NULL, err);
	if (e == 0)
		return api_decode_type(k->type, r->body, API_IGNORE, ret, NULL, err);
	err->reason = err->reason ? err->reason : xstrdup("BadRequest");
	return e;
}

int delete_options_dry_run(struct request *r, struct json_object *list, struct err *err)
{
	static const struct api_kind options = {.group = "meta.k8s.io", .kind = "DeleteOptions"};
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct str s = jsonc_str(json_object_array_get_idx(list, i));

		if (!str_eqs(s, "All"))
			err_field(err, "dryRun", "FieldValueNotSupported",
				  "Unsupported value: [\"%.*s\"]: supported values: \"All\"",
				  STR_ARG(s));
	}
	if (err->n_fields)
		return api_err_invalid(err, &options, STR(""));
	r->dry_run = n > 0;
	return 0;
}

/* The body of DELETE; query parameters stand in for an absent one. */
int delete_options_parse(struct request *r, struct delete_options *ret, struct err *err)
{
	CLEANUP_JSON struct json_object *obj = NULL;
	struct str grace = query_get(&r->query, "gracePeriodSeconds"), rv;
	struct str policy = query_get(&r->query, "propagationPolicy");
	int e = 0;

	*ret = (struct delete_options){.grace_s = -1};
	if (r->body.len)
		e = decode_options(r, &obj, err);
	if (e < 0)
		return e;
	if (grace.len && str_to_i64(grace, &ret->grace_s) < 0)
		return api_err_bad_request(err, "gracePeriodSeconds is not a number");
	if (obj) {
		ret->grace_s = jsonc_i64(jsonc_path(obj, "gracePeriodSeconds"), ret->grace_s);
		ret->orphan_dependents =
			json_object_get_boolean(jsonc_path(obj, "orphanDependents"));
		if (jsonc_path_str(obj, "propagationPolicy").len)
			policy = jsonc_path_str(obj, "propagationPolicy");
		ret->uid = str_dup(jsonc_path_str(obj, "preconditions.uid"));
		rv = jsonc_path_str(obj, "preconditions.resourceVersion");
		if (rv.len && str_to_u64(rv, &ret->rv) < 0)
			return api_err_bad_request(err, "preconditions.resourceVersion is not a "
							"number");
	}
	e = parse_policy(policy, ret, err);
	if (e == 0)
		e = delete_options_dry_run(r, jsonc_path(obj, "dryRun"), err);
	if (e == 0 && ret->orphan_dependents)
		ret->policy = DELETE_ORPHAN;
	return e;
}

/* ---- one object ---- */

static int check_preconditions(struct write *w, const struct delete_options *o,
			       struct json_object *cur, struct err *err)
{
	struct str uid = jsonc_path_str(cur, "metadata.uid");
	CLEANUP_FREE char *why = NULL;

	if (o->uid && !str_eqs(uid, o->uid))
		why = xasprintf("Precondition failed: UID in precondition: %s, UID in object meta: "
				"%.*s",
				o->uid, STR_ARG(uid));
	else if (o->rv && o->rv != w->cur_obj->rev)
		why = xasprintf("Precondition failed: ResourceVersion in precondition: %" PRIu64
				", ResourceVersion in object meta: %" PRIu64,
				o->rv, w->cur_obj->rev);
	return why ? api_err_conflict(err, w->kind, str_of(w->name), why) : 0;
}

static bool has_finalizer(struct json_object *list, const char *name)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (str_eqs(jsonc_str(json_object_array_get_idx(list, i)), name))
			return true;
	return false;
}

/* The finalizers the garbage collector works off: one at most, as the policy says. */
static void set_gc_finalizer(struct json_object *obj, const char *want)
{
	static const char *const ours[] = {"orphan", "foregroundDeletion"};
	struct json_object *meta = jsonc_ensure(obj, "metadata");
	struct json_object *old = jsonc_get(meta, "finalizers");
	struct json_object *list = json_object_new_array();
	bool is_array = json_object_is_type(old, json_type_array);

	for (size_t i = 0; is_array && i < json_object_array_length(old); i++) {
		struct json_object *f = json_object_array_get_idx(old, i);

		if (!str_eqs(jsonc_str(f), ours[0]) && !str_eqs(jsonc_str(f), ours[1]))
			json_object_array_add(list, json_object_get(f));
	}
	if (want && !has_finalizer(list, want))
		json_object_array_add(list, jsonc_new_str(str_of(want)));
	if (json_object_array_length(list)) {
		jsonc_set(meta, "finalizers", list);
	} else {
		json_object_put(list);
		json_object_object_del(meta, "finalizers");
	}
}

/*
 * A pod gets its grace period only where an agent will use it: one that runs nowhere or has ended
 * goes at once (pkg/registry/core/pod strategy CheckGracefulDelete).
 */
static int64_t grace_of(struct write *w, const struct delete_options *o, struct json_object *cur)
{
	struct str phase = jsonc_path_str(cur, "status.phase");
	int64_t grace = o->grace_s;

	if (!(w->kind->flags & API_K_GRACEFUL))
		return 0;
	if (grace < 0)
		grace = jsonc_i64(jsonc_path(cur, "spec.terminationGracePeriodSeconds"), 30);
	if (grace < 0)
		grace = 1;
	if (!jsonc_path_str(cur, "spec.nodeName").len || str_eqs(phase, "Failed") ||
	    str_eqs(phase, "Succeeded"))
		grace = 0;
	return grace;
}

/* metadata.deletion*: set once; a later, shorter grace period moves them forward. */
static void mark_deleted(struct write *w, struct json_object *obj, int64_t grace_s)
{
	int64_t now = server_now_ns(w->srv);
	bool marked = jsonc_path(obj, "metadata.deletionTimestamp");
	int64_t had = jsonc_i64(jsonc_path(obj, "metadata.deletionGracePeriodSeconds"), INT64_MAX);
	char time[TIME_LEN + 1];

	if (marked && had <= grace_s)
		return;
	time_format(now + grace_s * (int64_t)NSEC_PER_SEC, time);
	api_set_str(obj, "metadata.deletionTimestamp", str_of(time));
	api_set(obj, "metadata.deletionGracePeriodSeconds", json_object_new_int64(grace_s));
	if (!marked && (w->kind->flags & API_K_GENERATION))
		api_set(obj, "metadata.generation",
			json_object_new_int64(jsonc_i64(jsonc_path(obj, "metadata.generation"), 0) +
					      1));
}

/* A namespace stays until the namespace controller has emptied it and cleared spec.finalizers. */
static void mark_namespace(struct write *w, struct json_object *obj)
{
	if (!*w->kind->group && !strcmp(w->kind->plural, "namespaces"))
		api_set_str(obj, "status.phase", STR("Terminating"));
}

/* A definition goes with its objects: the controller deletes them, then takes its finalizer off. */
static void mark_definition(struct write *w, struct json_object *obj)
{
	struct json_object *status, *list, *c;
	char time[TIME_LEN + 1];

	if (strcmp(w->kind->plural, "customresourcedefinitions") != 0 ||
	    jsonc_path(obj, "metadata.deletionTimestamp"))
		return;
	list = jsonc_path(obj, "metadata.finalizers");
	if (!list) {
		list = json_object_new_array();
		api_set(obj, "metadata.finalizers", list);
	}
	if (!has_finalizer(list, CRD_FINALIZER))
		json_object_array_add(list, json_object_new_string(CRD_FINALIZER));
	status = jsonc_ensure(obj, "status");
	list = jsonc_get(status, "conditions");
	if (!json_object_is_type(list, json_type_array)) {
		list = json_object_new_array();
		jsonc_set(status, "conditions", list);
	}
	time_format(server_now_ns(w->srv), time);
	c = json_object_new_object();
	jsonc_set_str(c, "type", STR("Terminating"));
	jsonc_set_str(c, "status", STR("True"));
	jsonc_set_str(c, "lastTransitionTime", str_of(time));
	jsonc_set_str(c, "reason", STR("InstanceDeletionPending"));
	jsonc_set_str(c, "message",
		      STR("CustomResourceDefinition marked for deletion; CustomResource deletion "
			  "will begin soon"));
	json_object_array_add(list, c);
}

/* Kinds from before the garbage collector leave their pods unless the client says otherwise. */
static bool orphans_by_default(struct write *w, const struct delete_options *o,
			       struct json_object *cur)
{
	if (o->policy != DELETE_DEFAULT || !(w->kind->flags & API_K_ORPHAN) ||
	    has_finalizer(jsonc_path(cur, "metadata.finalizers"), "foregroundDeletion"))
		return false;
	if (!strcmp(w->kind->plural, "jobs"))
		api_warnings_add(&w->r->warnings,
				 "child pods are preserved by default when jobs are deleted; set "
				 "propagationPolicy=Background to remove them or set "
				 "propagationPolicy=Orphan to suppress this warning");
	return true;
}

int delete_make(struct write *w, const struct delete_options *o, struct json_object *cur,
		struct json_object **ret, struct err *err)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(w->srv->store);
	CLEANUP_JSON struct json_object *obj = NULL;
	struct admission a = {.srv = w->srv,
			      .view = v,
			      .user = w->r->user,
			      .op = ADMIT_DELETE,
			      .kind = w->kind,
			      .sub = "",
			      .ns = str_of(w->ns),
			      .name = str_of(w->name),
			      .old = cur,
			      .warnings = &w->r->warnings,
			      .r = w->r};
	int e;

	if (!cur)
		return api_err_not_found(err, w->kind, str_of(w->name));
	w->phase = WRITE_PHASE_DELETE;
	e = admission_run(&a, err);
	if (e == 0)
		e = check_preconditions(w, o, cur, err);
	if (e < 0)
		return e;
	obj = jsonc_clone(cur);
	if (orphans_by_default(w, o, cur))
		set_gc_finalizer(obj, "orphan");
	else if (o->policy == DELETE_FOREGROUND)
		set_gc_finalizer(obj, "foregroundDeletion");
	else if (o->policy == DELETE_ORPHAN)
		set_gc_finalizer(obj, "orphan");
	else if (o->policy == DELETE_BACKGROUND)
		set_gc_finalizer(obj, NULL);
	mark_definition(w, obj);
	mark_deleted(w, obj, grace_of(w, o, cur));
	mark_namespace(w, obj);
	if (write_is_final(obj))
		return WRITE_DELETE;
	if (write_same(obj, cur))
		return WRITE_NONE;
	*ret = TAKE(obj);
	return WRITE_PUT;
}

/* ---- the verb ---- */

struct delete
{
	struct write w;
	struct delete_options o;
};

static void delete_free(struct write *w)
{
	struct delete *d = container_of(w, struct delete, w);

	delete_options_done(&d->o);
	free(d);
}

static int delete_one_make(struct write *w, struct json_object *cur, struct json_object **ret,
			   struct err *err)
{
	return delete_make(w, &container_of(w, struct delete, w)->o, cur, ret, err);
}

/*
 * What Kubernetes answers: the object where it lives on for a while, or the kind is one of those; a
 * Status with its uid otherwise.
 */
static void delete_answer(struct write *w, enum write_action action, struct str value,
			  const struct store_obj *o)
{
	struct jv uid = jv_path(jv_of(value), "metadata.uid");
	bool whole = action != WRITE_DELETE || (w->kind->flags & API_K_RETURN_DELETED);

	if (!whole)
		respond_deleted(w->r, str_of(w->name), jv_text(uid));
	else if (o)
		respond_object(w->r, 200, o);
	else
		respond_value(w->r, 200, value);
}

static bool delete_retry(struct write *w, int err)
{
	return true;
}

static const struct write_ops delete_ops = {
	.make = delete_one_make,
	.done = delete_answer,
	.retry = delete_retry,
	.free = delete_free,
};

void verb_delete(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(delete_options_done) struct delete_options o;
	struct delete *d;

	if (delete_options_parse(r, &o, &e) < 0) {
		respond_err(r, &e);
		return;
	}
	d = NEW(struct delete);
	d->o = o;
	o.uid = NULL;
	write_init(&d->w, r, &delete_ops);
	write_start(&d->w);
}
