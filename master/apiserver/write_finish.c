/* SPDX-License-Identifier: Apache-2.0 */
/* What creates and updates have in common: between the decoded object and the proposed one. */
#include "lib/api/apply.h"
#include "lib/api/strategy.h"
#include "master/apiserver/policies.h"
#include "master/apiserver/service_alloc.h"
#include "master/apiserver/write.h"

struct str write_manager(const struct request *r)
{
	struct str given = query_get(&r->query, "fieldManager"), word = r->user_agent;

	if (given.len)
		return given;
	if (!word.len)
		return STR("unknown");
	for (size_t i = 0; i < word.len; i++)
		if (word.p[i] == '/' || word.p[i] == ' ')
			return str_n(word.p, i);
	return str_n(word.p, MIN(word.len, (size_t)128));
}

int write_strictness(struct request *r, struct err *err)
{
	struct str v = query_get(&r->query, "fieldValidation");
	struct str dry = query_get(&r->query, "dryRun");
	int s = api_strictness_parse(v.p ? v : STR(""));

	if (s < 0)
		return api_err_bad_request(
			err,
			"fieldValidation: Unsupported value: \"%.*s\": supported "
			"values: \"Ignore\", \"Strict\", \"Warn\"",
			STR_ARG(v));
	if (dry.len && !str_eqs(dry, "All"))
		return api_err_bad_request(err,
					   "dryRun: Unsupported value: \"%.*s\": supported "
					   "values: \"All\"",
					   STR_ARG(dry));
	return s;
}

bool write_is_final(struct json_object *obj)
{
	struct json_object *meta = jsonc_get(obj, "metadata");
	struct json_object *fin = jsonc_get(meta, "finalizers");
	struct json_object *spec_fin = jsonc_path(obj, "spec.finalizers");

	return jsonc_get(meta, "deletionTimestamp") &&
	       jsonc_i64(jsonc_get(meta, "deletionGracePeriodSeconds"), 0) == 0 &&
	       (!fin || !json_object_array_length(fin)) &&
	       !(json_object_is_type(spec_fin, json_type_array) &&
		 json_object_array_length(spec_fin));
}

/* managedFields with the times left out, as text. */
static void managers_text(struct json_object *obj, struct buf *out)
{
	CLEANUP_JSON struct json_object *m = jsonc_clone(jsonc_path(obj, "metadata.managedFields"));

	for (size_t i = 0; m && i < json_object_array_length(m); i++)
		json_object_object_del(json_object_array_get_idx(m, i), "time");
	if (m)
		jsonc_write(m, out);
}

bool write_same(struct json_object *obj, struct json_object *cur)
{
	CLEANUP(buf_done) struct buf a = BUF_INIT;
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!api_unchanged(obj, cur))
		return false;
	managers_text(obj, &a);
	managers_text(cur, &b);
	return str_eq(buf_str(&a), buf_str(&b));
}

static int admit(struct write *w, enum admission_op op, bool late, struct json_object *obj,
		 struct json_object *old, struct err *err)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(w->srv->store);
	struct admission a = {.srv = w->srv,
			      .view = v,
			      .user = w->r->user,
			      .op = op,
			      .late = late,
			      .kind = w->kind,
			      .sub = w->sub ? w->sub->name : "",
			      .ns = str_of(w->ns),
			      .name = str_of(w->name),
			      .obj = obj,
			      .old = old,
			      .warnings = &w->r->warnings,
			      .r = w->r};

	return admission_run(&a, err);
}

static void own_fields(struct write *w, struct json_object *obj, struct json_object *old)
{
	const char *sub = w->sub ? w->sub->name : w->managed_sub ? w->managed_sub : "";
	struct api_manager by = {write_manager(w->r), str_of(sub), server_now_ns(w->srv)};
	bool apply = str_eqs(w->r->method, "PATCH") &&
		     str_starts(w->r->content_type, STR("application/apply-patch"));

	if (!apply)
		api_managed_fields_update(w->kind, old, obj, &by);
}

static void strategy_warnings(struct write *w, struct json_object *obj, struct json_object *old)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str rest, line;

	if (!w->kind->strategy || !w->kind->strategy->warnings)
		return;
	w->kind->strategy->warnings(obj, old, &b);
	rest = buf_str(&b);
	while (rest.len && str_split(&rest, '\n', &line))
		if (line.len)
			api_warnings_add(&w->r->warnings, "%.*s", STR_ARG(line));
}

int write_admit(struct write *w, struct err *err)
{
	bool create = w->phase == WRITE_PHASE_CREATE;

	if (!w->obj)
		return 0; /* a gate's */
	return admit(w, create ? ADMIT_CREATE : ADMIT_UPDATE, false, w->obj, create ? NULL : w->cur,
		     err);
}

int write_begin_update(struct write *w, struct json_object *obj, struct json_object *cur,
		       struct err *err)
{
	int r;

	if (w->sub)
		api_prepare_update_sub(w->kind, w->sub, obj, cur);
	else
		api_prepare_update(w->kind, obj, cur);
	r = admit(w, ADMIT_UPDATE, false, obj, cur, err);
	if (r < 0)
		return r;
	w->phase = WRITE_PHASE_UPDATE;
	return WRITE_PUT;
}

static int finish_update(struct write *w, struct err *err)
{
	struct json_object *obj = w->obj, *cur = w->cur;
	int r;

	own_fields(w, obj, cur);
	r = service_alloc_prepare(w->srv->services, w->kind, w->sub, obj, cur, &w->held, err);
	if (r < 0)
		return r;
	/* One that changes nothing still moves the object to the encryption key in force. */
	if (write_same(obj, cur) && !(w->cur_obj && store_stale(w->srv->store, w->cur_obj)))
		return WRITE_NONE;
	r = api_validate_update(w->kind, w->sub, obj, cur, err);
	if (r == 0)
		r = admit(w, ADMIT_UPDATE, true, obj, cur, err);
	if (r == 0 && !w->sub)
		r = policies_check(w->srv, w->kind, obj, err);
	if (r < 0)
		return r;
	strategy_warnings(w, obj, cur);
	if (w->kind->strategy && w->kind->strategy->canonicalise)
		w->kind->strategy->canonicalise(obj);
	if (write_is_final(obj))
		return WRITE_DELETE;
	return WRITE_PUT;
}

/* generateName, uid and times: set by the server alone. True when the name is our choice. */
static bool stamp(struct write *w, struct json_object *obj)
{
	struct str name = jsonc_path_str(obj, "metadata.name");
	struct str prefix = jsonc_path_str(obj, "metadata.generateName");
	char uid[UUID_LEN + 1], time[TIME_LEN + 1], suffix[6];
	bool generated;

	generated = !name.len && prefix.len;
	if (generated) {
		CLEANUP_FREE char *full = NULL;

		rng_name_suffix(&rng_system, suffix, 5);
		suffix[5] = 0;
		full = xasprintf("%.*s%s", (int)MIN(prefix.len, (size_t)58), prefix.p, suffix);
		api_set_str(obj, "metadata.name", str_of(full));
		name = jsonc_path_str(obj, "metadata.name");
	}
	rng_uuid(&rng_system, uid);
	time_format(server_now_ns(w->srv), time);
	api_set_str(obj, "metadata.uid", str_of(uid));
	api_set_str(obj, "metadata.creationTimestamp", str_of(time));
	write_set_name(w, str_of(w->ns), name);
	return generated;
}

static bool exists(struct write *w)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(w->srv->store);

	return *w->name && server_get(v, w->kind, str_of(w->ns), str_of(w->name));
}

/* A namespace in the body must be that of the path; absent it is filled in. */
static int check_namespace(struct write *w, struct json_object *obj, struct err *err)
{
	struct str ns = jsonc_path_str(obj, "metadata.namespace");

	if (!api_kind_namespaced(w->kind)) {
		if (ns.len)
			api_del(obj, "metadata.namespace");
		return 0;
	}
	if (ns.len && !str_eqs(ns, w->ns))
		return api_err_bad_request(err, "the namespace of the provided object does not "
						"match the namespace sent on the request");
	if (!ns.len)
		api_set_str(obj, "metadata.namespace", str_of(w->ns));
	return 0;
}

int write_begin_create(struct write *w, struct json_object *obj, struct err *err)
{
	bool generated;
	int r;

	if (jsonc_path_str(obj, "metadata.resourceVersion").len)
		return api_err_bad_request(
			err, "resourceVersion should not be set on objects to be created");
	r = check_namespace(w, obj, err);
	if (r < 0)
		return r;
	api_default(w->kind, obj);
	generated = stamp(w, obj);
	api_prepare_create(w->kind, obj);
	/* Decided again when it is stored; known now, nothing is set aside for it. */
	if (!generated && exists(w))
		return api_err_already_exists(err, w->kind, str_of(w->name));
	r = admit(w, ADMIT_CREATE, false, obj, NULL, err);
	if (r < 0)
		return r;
	w->phase = WRITE_PHASE_CREATE;
	return WRITE_PUT;
}

static int finish_create(struct write *w, struct err *err)
{
	struct json_object *obj = w->obj;
	int r;

	api_default(w->kind, obj);
	own_fields(w, obj, NULL);
	r = service_alloc_prepare(w->srv->services, w->kind, w->sub, obj, NULL, &w->held, err);
	if (r == 0)
		r = api_validate_create(w->kind, obj, err);
	if (r == 0)
		r = admit(w, ADMIT_CREATE, true, obj, NULL, err);
	if (r == 0)
		r = policies_check(w->srv, w->kind, obj, err);
	if (r < 0)
		return r;
	strategy_warnings(w, obj, NULL);
	if (w->kind->strategy && w->kind->strategy->canonicalise)
		w->kind->strategy->canonicalise(obj);
	w->created = true;
	return WRITE_PUT;
}

bool write_edit(struct write *w, struct json_object *take)
{
	static const char *const fixed[] = {"metadata.name", "metadata.namespace", "metadata.uid",
					    "metadata.creationTimestamp"};
	CLEANUP(buf_done) struct buf before = BUF_INIT, after = BUF_INIT;

	struct json_object **seen = w->seen_kind ? &w->seen : &w->obj;

	api_default(write_seen_kind(w), take);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		struct str s = jsonc_path_str(*seen, fixed[i]);

		if (s.p)
			api_set_str(take, fixed[i], s);
		else
			api_del(take, fixed[i]);
	}
	jsonc_write(*seen, &before);
	jsonc_write(take, &after);
	if (str_eq(buf_str(&before), buf_str(&after))) {
		json_object_put(take);
		return false;
	}
	json_object_put(*seen);
	*seen = take;
	w->edited = true;
	return true;
}

/* What others made of it goes by the same rules as what the client sent. */
static void prepare_again(struct write *w)
{
	if (w->phase == WRITE_PHASE_CREATE)
		api_prepare_create(w->kind, w->obj);
	else if (w->sub)
		api_prepare_update_sub(w->kind, w->sub, w->obj, w->cur);
	else
		api_prepare_update(w->kind, w->obj, w->cur);
}

int write_finish(struct write *w, struct err *err)
{
	if (w->edited)
		prepare_again(w);
	return w->phase == WRITE_PHASE_CREATE ? finish_create(w, err) : finish_update(w, err);
}
