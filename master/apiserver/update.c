/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/update.h"
#include "master/apiserver/verbs.h"

static void update_free(struct write *w)
{
	free(w);
}

/* A retry is right only when the client did not say which revision it means. */
static bool update_retry(struct write *w, int err)
{
	return true;
}

int update_check_rv(struct write *w, struct json_object *obj, struct err *err)
{
	struct str rv = jsonc_path_str(obj, "metadata.resourceVersion");
	struct str uid = jsonc_path_str(obj, "metadata.uid");
	struct str cur_uid = jv_text(jv_path(jv_of(w->cur_obj->value), "metadata.uid"));
	uint64_t rev;

	if (uid.len && !str_eq(uid, cur_uid)) {
		CLEANUP_FREE char *why =
			xasprintf("Precondition failed: UID in precondition: %.*s, "
				  "UID in object meta: %.*s",
				  STR_ARG(uid), STR_ARG(cur_uid));

		return api_err_conflict(err, w->kind, str_of(w->name), why);
	}
	if (!rv.len || str_eq(rv, STR("0"))) {
		if (w->kind->flags & API_K_UNCONDITIONAL || w->sub)
			return 0;
		err_field(err, "metadata.resourceVersion", "FieldValueInvalid",
			  "Invalid value: 0: must be specified for an update");
		return api_err_invalid(err, w->kind, str_of(w->name));
	}
	if (str_to_u64(rv, &rev) == 0 && rev == w->cur_obj->rev)
		return 0;
	return api_err_conflict(
		err, w->kind, str_of(w->name),
		"the object has been modified; please apply your changes to the latest "
		"version and try again");
}

/* The name in the body must be that of the path. */
static int check_name(struct write *w, struct json_object *obj, struct err *err)
{
	struct str name = jsonc_path_str(obj, "metadata.name");
	struct str ns = jsonc_path_str(obj, "metadata.namespace");

	if (name.len && !str_eqs(name, w->name))
		return api_err_bad_request(
			err,
			"the name of the object (%.*s) does not match the name on the "
			"URL (%s)",
			STR_ARG(name), w->name);
	if (ns.len && *w->ns && api_kind_namespaced(w->kind) && !str_eqs(ns, w->ns))
		return api_err_bad_request(err, "the namespace of the provided object does not "
						"match the namespace sent on the request");
	api_set_str(obj, "metadata.name", str_of(w->name));
	if (api_kind_namespaced(w->kind))
		api_set_str(obj, "metadata.namespace", str_of(w->ns));
	return 0;
}

int update_to(struct write *w, struct json_object *cur, struct json_object *obj, struct err *err)
{
	int r = check_name(w, obj, err);

	if (r < 0)
		return r;
	if (!cur) {
		if (!(w->kind->flags & API_K_CREATE_ON_UPDATE) || w->sub)
			return api_err_not_found(err, w->kind, str_of(w->name));
		return write_begin_create(w, obj, err);
	}
	r = update_check_rv(w, obj, err);
	if (r < 0)
		return r;
	api_default(w->kind, obj);
	return write_begin_update(w, obj, cur, err);
}

static int update_make(struct write *w, struct json_object *cur, struct json_object **ret,
		       struct err *err)
{
	struct request *r = w->r;
	CLEANUP_JSON struct json_object *obj = NULL;
	int strict = write_strictness(r, err), e;

	if (strict < 0)
		return strict;
	e = api_decode(w->kind, r->content_type, r->body, (enum api_strictness)strict, &obj,
		       &r->warnings, err);
	if (e < 0)
		return e;
	e = update_to(w, cur, obj, err);
	if (e >= 0)
		*ret = TAKE(obj);
	return e;
}

static const struct write_ops update_ops = {
	.make = update_make,
	.retry = update_retry,
	.free = update_free,
};

void verb_update(struct request *r)
{
	struct write *w = NEW(struct write);

	write_init(w, r, &update_ops);
	write_start(w);
}
