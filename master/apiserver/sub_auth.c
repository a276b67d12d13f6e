/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/audit.h"
#include "master/apiserver/gate.h"
#include "master/apiserver/update.h"
#include "master/apiserver/verbs.h"

/* Sub-resources about identity: a service account's token, the approval of a certificate. */
#define TOKEN_DEFAULT_S 3600
#define TOKEN_MIN_S 600
#define TOKEN_MAX_S (1ull << 32)

/* The pod must run as the service account, and on the node if it is a node that asks. */
static int check_pod(struct request *r, struct jv pod, struct str node, struct err *err)
{
	struct str account = jv_text(jv_path(pod, "spec.serviceAccountName"));

	if (!str_eq(account, r->info.name))
		return api_err_bad_request(err,
					   "cannot bind token for serviceaccount \"%.*s\" to pod "
					   "running with different serviceaccount name.",
					   STR_ARG(r->info.name));
	if (!node.len || str_eq(jv_text(jv_path(pod, "spec.nodeName")), node))
		return 0;
	err_set(err, EACCES, "Forbidden",
		"node requested token bound to a pod scheduled on a "
		"different node");
	err->http_code = 403;
	return -EACCES;
}

/* The object a token is bound to must exist now and have the uid given (or any). */
static int bind_token(struct request *r, struct store_view *v, struct json_object *spec,
		      struct authn_sa_claims *c, const struct store_obj **keep, struct err *err)
{
	struct str kind = jsonc_path_str(spec, "boundObjectRef.kind");
	struct str name = jsonc_path_str(spec, "boundObjectRef.name");
	struct str uid = jsonc_path_str(spec, "boundObjectRef.uid"), has;
	struct str node = user_node_name(r->user);
	const struct api_kind *k;
	const struct store_obj *o;

	if (node.len && (!str_eqs(kind, "Pod") || !uid.len)) {
		err_set(err, EACCES, "Forbidden",
			"node requested token not bound to a pod by name and UID");
		err->http_code = 403;
		return -EACCES;
	}
	if (!kind.len)
		return 0;
	if (!str_eqs(kind, "Pod") && !str_eqs(kind, "Secret") && !str_eqs(kind, "Node"))
		return api_err_bad_request(err, "cannot bind token for object of type %.*s",
					   STR_ARG(kind));
	k = server_kind("", "v1",
			str_eqs(kind, "Pod")    ? "pods"
			: str_eqs(kind, "Node") ? "nodes"
						: "secrets");
	o = server_get(v, k, str_eqs(kind, "Node") ? STR("") : r->info.ns, name);
	if (!o)
		return api_err_not_found(err, k, name);
	has = jv_text(jv_path(jv_of(o->value), "metadata.uid"));
	if (uid.len && !str_eq(uid, has))
		return api_err_conflict(
			err, k, name,
			"the UID in the bound object reference does not match the UID "
			"in record");
	*keep = o;
	if (str_eqs(kind, "Pod")) {
		if (check_pod(r, jv_of(o->value), node, err) < 0)
			return -EACCES;
		c->pod_name = name;
		c->pod_uid = has;
		c->node_name = jv_text(jv_path(jv_of(o->value), "spec.nodeName"));
	} else if (str_eqs(kind, "Node")) {
		c->node_name = name;
	} else {
		c->secret_name = name;
		c->secret_uid = has;
	}
	return 0;
}

static int make_token(struct request *r, struct json_object *req, struct err *err)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(r->srv->store);
	CLEANUP(buf_done) struct buf token = BUF_INIT;
	const struct store_obj *o = server_get(v, r->kind, r->info.ns, r->info.name), *bound, *node;
	struct json_object *spec = jsonc_ensure(req, "spec");
	struct json_object *auds = jsonc_get(spec, "audiences");
	size_t n = auds ? json_object_array_length(auds) : 0;
	CLEANUP_FREE struct str *list = xcalloc(n + 1, sizeof(*list));
	struct authn_sa_claims c = {.ns = r->info.ns, .sa_name = r->info.name};
	uint64_t want =
		(uint64_t)jsonc_i64(jsonc_path(req, "spec.expirationSeconds"), TOKEN_DEFAULT_S);
	char time[TIME_LEN + 1], jti[UUID_LEN + 1], id[UUID_LEN + 8];
	int64_t expires;
	int e;

	rng_uuid(&rng_system, jti);
	snprintf(id, sizeof(id), "JTI=%s", jti);
	c.jti = str_of(jti);
	if (!o)
		return api_err_not_found(err, r->kind, r->info.name);
	if (want < TOKEN_MIN_S || want > TOKEN_MAX_S) {
		err_field(err, "spec.expirationSeconds", "FieldValueInvalid",
			  "Invalid value: %" PRIu64 ": may not specify a duration %s", want,
			  want < TOKEN_MIN_S ? "less than 10 minutes" : "larger than 2^32 seconds");
		return api_err_invalid(err, r->kind, r->info.name);
	}
	for (size_t i = 0; i < n; i++)
		list[i] = jsonc_str(json_object_array_get_idx(auds, i));
	c.audiences = list;
	c.n_audiences = n;
	c.valid_s = want;
	c.sa_uid = jv_text(jv_path(jv_of(o->value), "metadata.uid"));
	e = bind_token(r, v, spec, &c, &bound, err);
	if (e < 0)
		return e;
	node = c.node_name.len ? server_get(v, server_kind("", "v1", "nodes"), STR(""), c.node_name)
			       : NULL;
	c.node_uid = node ? jv_text(jv_path(jv_of(node->value), "metadata.uid")) : STR_NULL;
	e = authn_sa_token(&r->srv->authn, &c, &token, &expires, err);
	if (e < 0)
		return e;
	audit_note(r, "authentication.kubernetes.io/issued-credential-id", id);
	time_format(expires * (int64_t)NSEC_PER_SEC, time);
	if (!n) {
		auds = json_object_new_array();
		json_object_array_add(auds, json_object_new_string(r->srv->issuer));
		jsonc_set(spec, "audiences", auds);
	}
	jsonc_set(spec, "expirationSeconds", json_object_new_int64((int64_t)want));
	api_set_str(req, "metadata.name", r->info.name);
	api_set_str(req, "metadata.namespace", r->info.ns);
	api_set_str(req, "status.token", buf_str(&token));
	api_set_str(req, "status.expirationTimestamp", str_of(time));
	return 0;
}

static void token_answer(struct request *r, struct json_object *req)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (make_token(r, req, &e) < 0) {
		respond_err(r, &e);
		return;
	}
	jsonc_write(req, &b);
	respond_json(r, 201, &b);
}

static void token_admitted(void *user, struct json_object *obj, bool edited,
			   const struct err *refusal)
{
	struct request *r = user;

	if (refusal && !r->gone)
		respond_err(r, refusal);
	else if (!r->gone)
		token_answer(r, obj);
	request_unref(r);
}

void sub_token(struct request *r)
{
	const struct api_kind *k =
		api_kind_by_gvk(STR("authentication.k8s.io"), STR("v1"), STR("TokenRequest"));
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP_JSON struct json_object *req = NULL;

	if (!k || api_decode(k, r->content_type, r->body, API_IGNORE, &req, &r->warnings, &e) < 0)
		respond_err(r, &e);
	else if (gate_is_open(r))
		token_answer(r, req);
	else
		gate_pass(r, GATE_CREATE, k, TAKE(req), token_admitted, request_ref(r));
}

/* Only status.conditions of what comes in count (certificates strategy for /approval). */
void sub_approval(struct request *r)
{
	if (!strcmp(r->info.verb, "get"))
		verb_get(r);
	else if (!strcmp(r->info.verb, "patch"))
		verb_patch(r);
	else
		verb_update(r);
}
