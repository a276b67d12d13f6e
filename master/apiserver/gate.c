/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/gate.h"
#include "master/apiserver/admission_webhook.h"
#include "master/apiserver/policies.h"
#include "master/apiserver/webhooks.h"

struct gate {
	struct write w; /* never started: it is what admission looks at */
	gate_cb cb;
	void *user;
};

bool gate_is_open(const struct request *r)
{
	struct webhook_config *const *v;

	return !webhooks_configs(r->srv->webhooks, false, &v) &&
	       !webhooks_configs(r->srv->webhooks, true, &v) && !policies_any(r->srv->policies);
}

static void finish(struct gate *g, const struct err *refusal)
{
	struct write *w = &g->w;

	g->cb(g->user, w->seen, w->edited, refusal);
	json_object_put(w->seen);
	store_view_unref(w->view);
	free(w->ns);
	free(w->name);
	request_unref(w->r);
	free(g);
}

static void validated(struct write *w, const struct err *refusal)
{
	finish(container_of(w, struct gate, w), refusal);
}

static void mutated(struct write *w, const struct err *refusal)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	if (!refusal && policies_validate(w, &e) < 0)
		refusal = &e;
	if (refusal)
		finish(container_of(w, struct gate, w), refusal);
	else
		admission_webhooks(w, false, validated);
}

void gate_pass(struct request *r, enum gate_op op, const struct api_kind *kind,
	       struct json_object *take, gate_cb cb, void *user)
{
	struct gate *g = NEW(struct gate);

	g->cb = cb;
	g->user = user;
	write_init(&g->w, r, NULL);
	g->w.seen_kind = kind;
	g->w.seen = take;
	g->w.phase = op == GATE_CREATE ? WRITE_PHASE_CREATE : WRITE_PHASE_CONNECT;
	g->w.view = store_view(r->srv->store);
	admission_webhooks(&g->w, true, mutated);
}

/* ---- options of a connect ---- */

#define ONE(name_, type_)                            \
	{                                            \
		.name = (name_), .type = API_##type_ \
	}
#define LIST(name_, type_)                                              \
	{                                                               \
		.name = (name_), .type = API_##type_, .shape = API_LIST \
	}
static const struct api_field exec_fields[] = {
	ONE("apiVersion", STRING), ONE("kind", STRING),     ONE("stdin", BOOL),
	ONE("stdout", BOOL),       ONE("stderr", BOOL),     ONE("tty", BOOL),
	ONE("container", STRING),  LIST("command", STRING), /* the last is not of PodAttachOptions
							     */
};
static const struct api_field port_fields[] = {ONE("apiVersion", STRING), ONE("kind", STRING),
					       LIST("ports", INT32)};
static const struct api_field proxy_fields[] = {ONE("apiVersion", STRING), ONE("kind", STRING),
						ONE("path", STRING)};

static const struct api_type exec_type = {.name = "PodExecOptions",
					  .fields = exec_fields,
					  .n_fields = ARRAY_SIZE(exec_fields)},
			     attach_type = {.name = "PodAttachOptions",
					    .fields = exec_fields,
					    .n_fields = ARRAY_SIZE(exec_fields) - 1},
			     port_type = {.name = "PodPortForwardOptions",
					  .fields = port_fields,
					  .n_fields = ARRAY_SIZE(port_fields)},
			     proxy_type = {.name = "ProxyOptions",
					   .fields = proxy_fields,
					   .n_fields = ARRAY_SIZE(proxy_fields)};
#define OPTIONS(k, t)                                                   \
	{                                                               \
		.group = "", .version = "v1", .kind = (k), .type = &(t) \
	}
static const struct api_kind options_kinds[] = {
	OPTIONS("PodExecOptions", exec_type),        OPTIONS("PodAttachOptions", attach_type),
	OPTIONS("PodPortForwardOptions", port_type), OPTIONS("PodProxyOptions", proxy_type),
	OPTIONS("ServiceProxyOptions", proxy_type),  OPTIONS("NodeProxyOptions", proxy_type),
};

static const struct api_kind *options_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options_kinds); i++)
		if (!strcmp(options_kinds[i].kind, name))
			return &options_kinds[i];
	return NULL;
}

static void add_option(struct request *r, const struct api_field *f, struct json_object *o)
{
	struct json_object *list = NULL;

	for (size_t i = 0; i < r->query.n; i++) {
		const struct query_param *p = &r->query.v[i];
		uint64_t port;

		if (!str_eqs(p->name, f->name))
			continue;
		if (f->shape != API_LIST) {
			jsonc_set_str(o, f->name, p->value);
			return;
		}
		list = list ? list : json_object_new_array();
		if (f->type == API_STRING)
			json_object_array_add(list, jsonc_new_str(p->value));
		else if (str_to_u64(p->value, &port) == 0 && port <= UINT16_MAX)
			json_object_array_add(list, json_object_new_int64((int64_t)port));
	}
	if (list)
		jsonc_set(o, f->name, list);
}

/* As the query has them. */
static struct json_object *options_of(struct request *r, const struct api_kind *k)
{
	struct json_object *o = json_object_new_object();

	jsonc_set_str(o, "kind", str_of(k->kind));
	jsonc_set_str(o, "apiVersion", STR("v1"));
	if (k->type == &proxy_type) {
		if (r->info.rest.len)
			jsonc_set_str(o, "path", r->info.rest);
		return o;
	}
	for (size_t i = 2; i < k->type->n_fields; i++) {
		const struct api_field *f = &k->type->fields[i];

		if (f->type != API_BOOL)
			add_option(r, f, o);
		else if (query_bool(&r->query, f->name))
			jsonc_set(o, f->name, json_object_new_boolean(true));
	}
	return o;
}

static void add_param(struct buf *out, const char *name, struct str value)
{
	buf_addf(out, "%s%s=", out->len ? "&" : "", name);
	for (size_t i = 0; i < value.len; i++)
		buf_addf(out, "%%%02X", (unsigned char)value.p[i]);
}

static void add_value(struct buf *out, const char *name, struct json_object *v)
{
	if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++)
			add_value(out, name, json_object_array_get_idx(v, i));
	} else if (json_object_is_type(v, json_type_string)) {
		add_param(out, name, jsonc_str(v));
	} else {
		add_param(out, name, str_of(json_object_to_json_string(v)));
	}
}

/* The query as the options have it now; a proxy's path stays. */
static void take_options(struct request *r, const struct api_kind *k, struct json_object *o)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct query q = {0};

	if (k->type == &proxy_type)
		return;
	for (size_t i = 2; i < k->type->n_fields; i++) {
		struct json_object *v = jsonc_get(o, k->type->fields[i].name);

		if (v)
			add_value(&text, k->type->fields[i].name, v);
	}
	if (query_parse(buf_str(&text), &q) < 0) {
		query_done(&q);
		return;
	}
	query_done(&r->query);
	r->query = q;
}

struct connect {
	struct request *r; /* a reference */
	const struct api_kind *kind;
	void (*fn)(struct request *r);
};

static void connect_admitted(void *user, struct json_object *obj, bool edited,
			     const struct err *refusal)
{
	struct connect *c = user;
	struct request *r = c->r;

	if (r->gone || r->answered) {
		; /* nobody waits any more */
	} else if (refusal) {
		respond_err(r, refusal);
	} else {
		r->admitted = true;
		if (edited)
			take_options(r, c->kind, obj);
		c->fn(r);
	}
	free(c);
	request_unref(r);
}

bool gate_connect(struct request *r, void (*fn)(struct request *r))
{
	const struct api_kind *k = r->sub && r->sub->kind ? options_kind(r->sub->kind) : NULL;
	struct connect *c;

	if (r->admitted || !k || gate_is_open(r))
		return false;
	c = NEW(struct connect);
	*c = (struct connect){request_ref(r), k, fn};
	gate_pass(r, GATE_CONNECT, k, options_of(r, k), connect_admitted, c);
	return true;
}
