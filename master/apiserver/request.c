/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/request.h"
#include "lib/api/fields.h"
#include "lib/api/protobuf.h"
#include "master/apiserver/aggregate.h"
#include "master/apiserver/audit.h"
#include "master/apiserver/authz_remote.h"
#include "master/apiserver/customs.h"
#include "master/apiserver/flow.h"
#include "master/apiserver/flow_config.h"
#include "master/apiserver/forward.h"
#include "master/apiserver/fresh.h"
#include "master/apiserver/impersonate.h"
#include "master/apiserver/metrics.h"
#include "master/apiserver/server.h"
#include "master/apiserver/usage.h"
#include "master/apiserver/verbs.h"

#define BODY_MAX (3u << 20)

struct route {
	const char *verb;
	enum api_verb bit;
	void (*run)(struct request *r);
	bool body, collection;
};

static const struct route routes[] = {
	{"get", API_VERB_GET, verb_get, false, false},
	{"list", API_VERB_LIST, verb_list, false, true},
	{"watch", API_VERB_WATCH, verb_watch, false, true},
	{"create", API_VERB_CREATE, verb_create, true, true},
	{"update", API_VERB_UPDATE, verb_update, true, false},
	{"patch", API_VERB_PATCH, verb_patch, true, false},
	{"delete", API_VERB_DELETE, verb_delete, true, false},
	{"deletecollection", API_VERB_DELETECOLLECTION, verb_deletecollection, true, true},
};

struct sub_route {
	const char *name;
	void (*run)(struct request *r); /* NULL: the verb's own function */
	bool stream; /* no body is read, the connection may be taken over */
	bool any; /* whatever the method */
};

static const struct sub_route sub_routes[] = {
	{.name = "status"},
	{.name = "ephemeralcontainers"},
	{.name = "resize"},
	{.name = "finalize"},
	{.name = "scale", .run = sub_scale},
	{.name = "binding", .run = sub_binding},
	{.name = "eviction", .run = sub_eviction},
	{.name = "token", .run = sub_token},
	{.name = "approval", .run = sub_approval},
	{.name = "log", .run = sub_kubelet, .stream = true},
	{.name = "exec", .run = sub_kubelet, .stream = true},
	{.name = "attach", .run = sub_kubelet, .stream = true},
	{.name = "portforward", .run = sub_kubelet, .stream = true},
	{.name = "proxy", .run = sub_proxy, .stream = true, .any = true},
};

void request_init(struct request *r, struct apiserver *srv, const struct request_front *front)
{
	*r = (struct request){.srv = srv, .front = front, .refs = 1};
	list_init(&r->node);
	r->query.text = BUF_INIT;
	r->info.text = BUF_INIT;
}

struct request *request_ref(struct request *r)
{
	r->refs++;
	return r;
}

void request_unref(struct request *r)
{
	if (--r->refs)
		return;
	if (!list_empty(&r->node)) {
		list_remove(&r->node);
		r->srv->n_requests--;
	}
	custom_def_unref(custom_def_of(r->kind));
	user_unref(r->user);
	user_unref(r->as);
	user_unref(r->real_user);
	flow_schema_unref(r->flow_schema);
	flow_level_unref(r->flow_level);
	query_done(&r->query);
	request_info_done(&r->info);
	api_warnings_done(&r->warnings);
	r->front->free(r);
}

void request_gone(struct request *r)
{
	if (r->gone)
		return;
	r->gone = true;
	metrics_request(r->srv->metrics, r);
	flow_release(r);
	r->srv->lists_bytes -= r->list_bytes;
	r->list_bytes = 0;
	audit_end(r);
	if (r->on_gone)
		r->on_gone(r);
}

void request_taken(struct request *r)
{
	request_ref(r); /* on_gone drops the verb's own */
	request_gone(r);
	request_unref(r);
	request_unref(r);
}

bool request_dry_run(const struct request *r)
{
	return r->dry_run || str_eqs(query_get(&r->query, "dryRun"), "All");
}

void request_key(const struct api_kind *k, struct str ns, struct str name, struct buf *out)
{
	const struct api_kind *st = request_storage(k);

	buf_addc(out, '/');
	buf_adds(out, *st->group ? st->group : "core");
	buf_addc(out, '/');
	buf_adds(out, st->plural);
	buf_addc(out, '/');
	if (!api_kind_namespaced(k))
		ns = STR("");
	else if (!ns.len)
		return;
	buf_addstr(out, ns);
	buf_addc(out, '/');
	buf_addstr(out, name);
}

static void fail(struct request *r, int errnum, int code, const char *reason, const char *text)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	err_set(&e, errnum, reason, "%s", text);
	e.http_code = code;
	if (code == 503 || code == 429)
		e.retry_after_s = 1;
	respond_err(r, &e);
}

static const struct route *route_find(const char *verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (!strcmp(routes[i].verb, verb))
			return &routes[i];
	return NULL;
}

static const struct sub_route *sub_route_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(sub_routes); i++)
		if (!strcmp(sub_routes[i].name, name))
			return &sub_routes[i];
	return NULL;
}

/* ---- may he? ---- */

/*
 * The node a list of pods is narrowed to: read by the parser that the list itself uses, as an
 * escaped comma begins no new term.
 */
static struct str selected_node(const struct request *r, struct field_selector *s)
{
	struct str text = query_get(&r->query, "fieldSelector");

	if (!text.len || field_selector_parse(text, NULL, s, NULL) < 0)
		return STR_NULL;
	return field_selector_exact(s, "spec.nodeName");
}

static void serve(struct request *r);
static void decide(struct request *r);

/* Answers of webhooks are there: decide again. */
static void asked_again(struct request *r, void (*fn)(struct request *r))
{
	if (!r->gone && !r->answered)
		fn(r);
	request_unref(r);
}

static void asked_serve(void *user)
{
	asked_again(user, serve);
}

static void asked_decide(void *user)
{
	asked_again(user, decide);
}

/* A refusal because a webhook could not be asked is a failure of ours. */
static bool undecided(struct request *r)
{
	const char *why = r->srv->authz_remote ? authz_remote_failure(r->srv->authz_remote) : NULL;
	CLEANUP_FREE char *text = NULL;

	if (!why)
		return false;
	text = xasprintf("Internal Server Error: \"%.*s\": %s", STR_ARG(r->path), why);
	fail(r, EIO, 500, "InternalError", text);
	return true;
}

static bool authorise(struct request *r)
{
	const struct request_info *i = &r->info;
	CLEANUP(field_selector_done) struct field_selector fields = {0};
	struct authz_attrs a = {.verb = i->verb,
				.is_resource = i->is_resource,
				.group = i->group,
				.version = i->version,
				.resource = i->resource,
				.subresource = i->subresource,
				.ns = i->ns,
				.name = i->name,
				.path = i->path,
				.field_node = selected_node(r, &fields)};
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	enum authz_decision decision;
	const char *why = NULL;

	if (r->srv->authz_remote)
		authz_remote_begin(r->srv->authz_remote);
	decision = authz_decide(&r->srv->facts, r->user, &a, &why);
	if (decision == AUTHZ_ALLOW) {
		audit_allowed(r, true, why);
		return true;
	}
	if (decision == AUTHZ_ASK) {
		authz_remote_ask(r->srv->authz_remote, asked_serve, request_ref(r));
		return false;
	}
	/* Not from the start: it has its seat already. */
	if (fresh_first(r, serve))
		return false;
	audit_allowed(r, false, why);
	if (undecided(r))
		return false;
	if (i->is_resource) {
		buf_addstr(&text, i->resource);
		if (i->group.len)
			buf_addf(&text, ".%.*s", STR_ARG(i->group));
		if (i->name.len)
			buf_addf(&text, " \"%.*s\"", STR_ARG(i->name));
		buf_adds(&text, " is forbidden: ");
	} else {
		buf_adds(&text, "forbidden: ");
	}
	authz_message(r->user, &a, why, &text);
	err_set(&e, EACCES, "Forbidden", "%s", text.p);
	e.http_code = 403;
	respond_err(r, &e);
	return false;
}

/* Impersonation: from here on the request is that of somebody else. */
static bool become(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	int result;

	if (!r->as)
		return true;
	result = impersonate_check(r->srv, r->user, r->as, &e);
	if (result == -EINPROGRESS) {
		authz_remote_ask(r->srv->authz_remote, asked_decide, request_ref(r));
		return false;
	}
	if (result < 0) {
		respond_err(r, &e);
		return false;
	}
	r->real_user = r->user;
	r->user = TAKE(r->as);
	return true;
}

/* ---- which kind, which function? ---- */

static void read_body(struct request *r)
{
	r->front->read_body(r, BODY_MAX);
}

static void run_verb(struct request *r)
{
	const struct sub_route *sr;

	if (r->sub) {
		sr = sub_route_find(r->sub->name);
		if (sr && sr->run) {
			sr->run(r);
			return;
		}
	}
	if (!strcmp(r->kind->group, "metrics.k8s.io")) {
		usage_run(r);
		return;
	}
	if (!*r->kind->group && !strcmp(r->kind->plural, "componentstatuses")) {
		component_read(r);
		return;
	}
	if (r->kind->flags & API_K_VIRTUAL) {
		virtual_create(r);
		return;
	}
	route_find(r->info.verb)->run(r);
}

/* Any master passes such a request on; none of it concerns the store. */
static bool is_proxied(const struct request *r)
{
	const struct sub_route *sr = r->sub ? sub_route_find(r->sub->name) : NULL;

	return sr && sr->any;
}

void request_body(struct request *r, int err, struct str body)
{
	if (r->gone || r->answered)
		return;
	if (err == -EFBIG) {
		fail(r, EFBIG, 413, "RequestEntityTooLarge",
		     "Request entity too large: limit is 3145728");
		return;
	}
	if (err)
		return; /* the front reports the loss by request_gone */
	r->body = body;
	if (r->aggregated)
		aggregate_run(r);
	else if (!r->info.is_resource)
		cluster_run(r);
	else if (!(r->kind->flags & API_K_VIRTUAL) && !is_proxied(r) && forward_wanted(r))
		forward_start(r, run_verb);
	else
		run_verb(r);
}

/* A write that this master began and could not propose: it leads no more. Nothing was done. */
void request_to_leader(struct request *r)
{
	forward_start(r, run_verb);
}

/* Does the path's form fit the kind? POST goes to a collection, PUT to an object, and so on. */
static bool shape_fits(const struct request *r, const struct route *route)
{
	const struct request_info *i = &r->info;
	bool namespaced = api_kind_namespaced(r->kind);
	bool is_namespace = !*r->kind->group && !strcmp(r->kind->plural, "namespaces");

	if (!namespaced && i->ns.len && !is_namespace)
		return false;
	if (route->bit == API_VERB_CREATE && i->name.len && !i->subresource.len)
		return false;
	if (route->collection && (!i->subresource.len || (r->kind->flags & API_K_VIRTUAL)))
		return !namespaced || i->ns.len || (route->bit & (API_VERB_LIST | API_VERB_WATCH));
	return i->name.len && (!namespaced || i->ns.len);
}

/* The definition stays as it is for this request, whatever becomes of it meanwhile. */
static bool begin_custom(struct request *r)
{
	custom_def_ref(custom_def_of(r->kind));
	if (custom_warning(r->kind))
		api_warnings_add(&r->warnings, "%s", custom_warning(r->kind));
	if (strcmp(r->info.verb, "create") != 0 || !customs_is_terminating(r->kind))
		return true;
	fail(r, EINVAL, 405, "MethodNotAllowed",
	     "create not allowed while custom resource definition is terminating");
	return false;
}

static void run_resource(struct request *r)
{
	const struct request_info *i = &r->info;
	const struct route *route = route_find(i->verb);
	const struct sub_route *sr = NULL;
	uint16_t allowed;

	r->kind = api_kinds_find(server_kinds(r->srv), i->group, i->version, i->resource);
	if (!r->kind) {
		if (!fresh_first(r, serve))
			respond_not_served(r);
		return;
	}
	r->accept = accept_parse(r->accept_text, api_pb_has(r->kind->type));
	if (r->kind->custom && !begin_custom(r))
		return;
	allowed = r->kind->verbs;
	if (i->subresource.len) {
		r->sub = api_subresource_find(r->kind, i->subresource);
		sr = r->sub ? sub_route_find(r->sub->name) : NULL;
		if (!sr) {
			respond_not_served(r);
			return;
		}
		allowed = r->sub->verbs;
	}
	if (sr && sr->any && i->name.len) {
		sr->run(r);
		return;
	}
	if (!route || !(allowed & route->bit) || !shape_fits(r, route)) {
		respond_not_allowed(r);
		return;
	}
	if (sr && sr->stream)
		sr->run(r);
	else if (route->body)
		read_body(r);
	else
		run_verb(r);
}

static void serve(struct request *r)
{
	struct apiserver *s = r->srv;

	if (r->gone || !authorise(r))
		return;
	if (aggregate_wanted(r))
		aggregate_run(r);
	else if (r->info.is_resource)
		run_resource(r);
	else if (str_eqs(r->info.path, BACKUP_PATH))
		backup_run(r);
	else if (s->conf.cluster && str_starts(r->info.path, STR(CLUSTER_PATH)))
		cluster_begin(r);
	else
		paths_run(r);
}

void request_run(struct request *r)
{
	struct apiserver *s = r->srv;

	r->began_ns = clock_mono_ns(s->clock);
	list_append(&s->requests, &r->node);
	s->n_requests++;
	r->accept = accept_parse(r->accept_text, false);
	if (query_parse(r->query_text, &r->query) < 0 ||
	    request_info_parse(r->method, r->path, &r->query, &r->info) < 0) {
		fail(r, EINVAL, 400, "BadRequest", "the request's path or query cannot be read");
		return;
	}
	audit_begin(r);
	decide(r);
}

static void decide(struct request *r)
{
	struct apiserver *s = r->srv;

	if (!r->user && r->fresh && r->front->authenticate)
		r->user = r->front->authenticate(r);
	if (!r->user) {
		if (!r->front->authenticate || !fresh_first(r, decide))
			fail(r, EACCES, 401, "Unauthorized", "Unauthorized");
		return;
	}
	if (s->stopping && r->info.is_resource) {
		fail(r, EBUSY, 503, "ServiceUnavailable", "the server is shutting down");
		return;
	}
	if (become(r))
		flow_run(r, serve);
}
