/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/status.h"
#include "lib/json/jsonc.h"
#include "lib/json/jw.h"
#include "master/apiserver/authz_remote.h"
#include "master/apiserver/verbs.h"
#include "master/apiserver/write.h"

/* Reviews: questions in the form of objects, answered at once and never stored. */

static void set_user(struct json_object *at, const struct user *u)
{
	struct json_object *groups = json_object_new_array(), *extra, *list;

	jsonc_set_str(at, "username", str_of(u->name));
	if (u->uid)
		jsonc_set_str(at, "uid", str_of(u->uid));
	for (size_t i = 0; i < u->n_groups; i++)
		json_object_array_add(groups, json_object_new_string(u->groups[i]));
	jsonc_set(at, "groups", groups);
	for (size_t i = 0; i < u->n_extra; i++) {
		extra = jsonc_ensure(at, "extra");
		list = json_object_new_array();
		json_object_array_add(list, json_object_new_string(u->extra[i].value));
		jsonc_set(extra, u->extra[i].key, list);
	}
}

static int self_review(struct request *r, struct json_object *obj)
{
	set_user(jsonc_ensure(jsonc_ensure(obj, "status"), "userInfo"), r->user);
	return 0;
}

/* ---- access reviews ---- */

static int decide(struct request *r, struct json_object *obj, const struct user *u)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *status = jsonc_ensure(obj, "status");
	struct json_object *res = jsonc_get(spec, "resourceAttributes");
	struct json_object *non = jsonc_get(spec, "nonResourceAttributes");
	struct json_object *of = res ? res : non;
	CLEANUP_FREE char *verb = str_dup(jsonc_path_str(of, "verb"));
	struct authz_attrs a = {.verb = verb ? verb : "",
				.is_resource = res,
				.group = jsonc_path_str(res, "group"),
				.version = jsonc_path_str(res, "version"),
				.resource = jsonc_path_str(res, "resource"),
				.subresource = jsonc_path_str(res, "subresource"),
				.ns = jsonc_path_str(res, "namespace"),
				.name = jsonc_path_str(res, "name"),
				.path = jsonc_path_str(non, "path")};
	const char *why = NULL, *failure;
	enum authz_decision d;

	if (r->srv->authz_remote)
		authz_remote_begin(r->srv->authz_remote);
	d = of ? authz_decide(&r->srv->facts, u, &a, &why) : AUTHZ_NO_OPINION;
	if (d == AUTHZ_ASK)
		return -EINPROGRESS;
	jsonc_set(status, "allowed", json_object_new_boolean(d == AUTHZ_ALLOW));
	if (d == AUTHZ_DENY)
		jsonc_set(status, "denied", json_object_new_boolean(true));
	if (why)
		jsonc_set_str(status, "reason", str_of(why));
	failure = r->srv->authz_remote ? authz_remote_failure(r->srv->authz_remote) : NULL;
	if (failure)
		jsonc_set_str(status, "evaluationError", str_of(failure));
	return 0;
}

static int self_access_review(struct request *r, struct json_object *obj)
{
	return decide(r, obj, r->user);
}

static int access_review(struct request *r, struct json_object *obj)
{
	CLEANUP(user_unrefp) struct user *u = user_new(jsonc_path_str(obj, "spec.user"));
	struct json_object *groups = jsonc_path(obj, "spec.groups");
	struct json_object *extra = jsonc_path(obj, "spec.extra");
	struct str uid = jsonc_path_str(obj, "spec.uid");

	for (size_t i = 0; groups && i < json_object_array_length(groups); i++)
		user_add_group(u, jsonc_str(json_object_array_get_idx(groups, i)));
	if (uid.len)
		user_set_uid(u, uid);
	if (extra) {
		json_object_object_foreach(extra, key, values)
		{
			for (size_t i = 0; i < json_object_array_length(values); i++)
				user_add_extra(u, key,
					       jsonc_str(json_object_array_get_idx(values, i)));
		}
	}
	return decide(r, obj, u);
}

/* ---- rules ---- */

static void set_list(struct json_object *at, const char *name, const struct rbac_list *l)
{
	struct json_object *a;

	if (!l->n)
		return;
	a = json_object_new_array();
	for (size_t i = 0; i < l->n; i++)
		json_object_array_add(a, jsonc_new_str(l->v[i]));
	jsonc_set(at, name, a);
}

static bool add_rule(void *user, const struct rbac_rule *rule)
{
	struct json_object *status = user, *o = json_object_new_object();

	set_list(o, "verbs", &rule->verbs);
	set_list(o, "apiGroups", &rule->groups);
	set_list(o, "resources", &rule->resources);
	set_list(o, "resourceNames", &rule->names);
	set_list(o, "nonResourceURLs", &rule->paths);
	json_object_array_add(
		jsonc_get(status, rule->paths.n ? "nonResourceRules" : "resourceRules"), o);
	return true;
}

static int rules_review(struct request *r, struct json_object *obj)
{
	struct json_object *status = jsonc_ensure(obj, "status");
	bool node = user_node_name(r->user).len > 0;

	jsonc_set(status, "resourceRules", json_object_new_array());
	jsonc_set(status, "nonResourceRules", json_object_new_array());
	jsonc_set(status, "incomplete", json_object_new_boolean(node));
	if (node)
		jsonc_set_str(status, "evaluationError",
			      STR("node authorizer does not support user rule resolution"));
	rbac_visit(r->srv->facts.rbac, r->user, jsonc_path_str(obj, "spec.namespace"), add_rule,
		   status);
	return 0;
}

/* ---- tokens ---- */

static int token_review(struct request *r, struct json_object *obj)
{
	struct json_object *status = jsonc_ensure(obj, "status");
	struct json_object *auds = jsonc_path(obj, "spec.audiences"), *list;
	struct str aud = auds && json_object_array_length(auds)
				 ? jsonc_str(json_object_array_get_idx(auds, 0))
				 : STR_NULL;
	const char *why = "no token given";
	struct str token = jsonc_path_str(obj, "spec.token");
	CLEANUP(user_unrefp)
	struct user *u = token.len ? authn_token(&r->srv->authn, token, aud, &why) : NULL;

	jsonc_set(status, "authenticated", json_object_new_boolean(u != NULL));
	if (!u) {
		jsonc_set_str(status, "error", str_of(why));
		return 0;
	}
	set_user(jsonc_ensure(status, "user"), u);
	list = json_object_new_array();
	json_object_array_add(list, jsonc_new_str(aud.len ? aud : str_of(r->srv->issuer)));
	jsonc_set(status, "audiences", list);
	return 0;
}

static const struct {
	const char *kind;
	/* -EINPROGRESS: an authorization webhook has to be waited for */
	int (*answer)(struct request *r, struct json_object *obj);
} reviews[] = {
	{"SelfSubjectReview", self_review},       {"SelfSubjectAccessReview", self_access_review},
	{"SubjectAccessReview", access_review},   {"LocalSubjectAccessReview", access_review},
	{"SelfSubjectRulesReview", rules_review}, {"TokenReview", token_review},
};

static void check_question(struct request *r, struct json_object *spec, struct err *err)
{
	bool res = jsonc_get(spec, "resourceAttributes"),
	     self = r->kind->kind[0] == 'S' && r->kind->kind[1] == 'e';
	struct json_object *groups = jsonc_get(spec, "groups");

	if (res && jsonc_get(spec, "nonResourceAttributes"))
		err_field(err, "spec.nonResourceAttributes", "FieldValueInvalid",
			  "Invalid value: cannot be specified in combination with "
			  "resourceAttributes");
	if (!res && !jsonc_get(spec, "nonResourceAttributes"))
		err_field(err, "spec.resourceAttributes", "FieldValueInvalid",
			  "Invalid value: null: exactly one of nonResourceAttributes or "
			  "resourceAttributes must be specified");
	if (!self && !jsonc_path_str(spec, "user").len &&
	    !(groups && json_object_array_length(groups)))
		err_field(err, "spec.user", "FieldValueInvalid",
			  "Invalid value: \"\": at least one of user or group must be specified");
}

/* Access reviews (pkg/apis/authorization/validation). */
static int check_access(struct request *r, struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	size_t n = strlen(r->kind->kind), m = strlen("AccessReview");

	if (n < m || strcmp(r->kind->kind + n - m, "AccessReview") != 0)
		return 0;
	check_question(r, spec, err);
	/* Who may ask about one namespace is answered about no other. */
	if (!strcmp(r->kind->kind, "LocalSubjectAccessReview") &&
	    jsonc_get(spec, "resourceAttributes") &&
	    !str_eq(jsonc_path_str(obj, "spec.resourceAttributes.namespace"), r->info.ns))
		err_field(err, "spec.resourceAttributes.namespace", "FieldValueInvalid",
			  "Invalid value: \"%.*s\": must match metadata.namespace",
			  STR_ARG(jsonc_path_str(obj, "spec.resourceAttributes.namespace")));
	if (!strcmp(r->kind->kind, "LocalSubjectAccessReview") &&
	    jsonc_get(spec, "nonResourceAttributes"))
		err_field(err, "spec.nonResourceAttributes", "FieldValueInvalid",
			  "Invalid value: disallowed on this kind of request");
	return err->n_fields ? api_err_invalid(err, r->kind, STR("")) : 0;
}

/* From the beginning: the decoding says again what it warned of. */
static void asked(void *user)
{
	struct request *r = user;

	if (!r->gone && !r->answered) {
		api_warnings_done(&r->warnings);
		virtual_create(r);
	}
	request_unref(r);
}

void virtual_create(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_JSON struct json_object *obj = NULL;
	int strict = write_strictness(r, &e);

	if (r->accept.form != ACCEPT_OBJECT) { /* a review has no other form than itself */
		respond_not_acceptable(r);
		return;
	}
	if (strict < 0 ||
	    api_decode(r->kind, r->content_type, r->body, (enum api_strictness)strict, &obj,
		       &r->warnings, &e) < 0 ||
	    check_access(r, obj, &e) < 0) {
		respond_err(r, &e);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(reviews); i++)
		if (!strcmp(r->kind->kind, reviews[i].kind)) {
			if (reviews[i].answer(r, obj) == -EINPROGRESS) {
				authz_remote_ask(r->srv->authz_remote, asked, request_ref(r));
				return;
			}
			jsonc_ensure(obj, "metadata");
			jsonc_write(obj, &b);
			respond_json(r, 201, &b);
			return;
		}
	respond_not_served(r);
}
