/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/http/relay.h"
#include "master/apiserver/aggregate_internal.h"
#include "master/apiserver/flow.h"
#include "master/apiserver/respond.h"

#define PREFIX "/apiregistration.k8s.io/apiservices/"
#define RENEW_NS (24 * 3600 * NSEC_PER_SEC)
#define YEAR_NS (365 * 24 * 3600 * NSEC_PER_SEC)

/* ---- who serves what ---- */

struct remote *aggregate_find(const struct aggregate *a, struct str group, struct str version)
{
	for (size_t i = 0; i < a->n; i++)
		if (str_eqs(group, a->v[i]->group) && str_eqs(version, a->v[i]->version))
			return a->v[i];
	return NULL;
}

static void remote_free(struct remote *r)
{
	aggregate_look_stop(r);
	http_client_free(r->client);
	free(r->key);
	free(r->group);
	free(r->version);
	free(r->ns);
	free(r->name);
	free(r->ca_pem);
	buf_done(&r->urls);
	buf_done(&r->resources);
	buf_done(&r->listed);
	buf_done(&r->fresh);
	free(r);
}

static bool is_available(struct jv obj)
{
	jv_for_each (c, jv_path(obj, "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), "Available"))
			return jv_eqs(jv_get(c.value, "status"), "True");
	return false;
}

static void set_ca(struct remote *r, struct jv spec)
{
	CLEANUP(buf_done) struct buf pem = BUF_INIT;

	if (base64_decode(jv_text(jv_get(spec, "caBundle")), &pem) == 0 && pem.len)
		r->ca_pem = buf_take(&pem);
}

static struct remote *remote_new(struct aggregate *a, const struct store_obj *o)
{
	struct jv obj = jv_of(o->value), spec = jv_get(obj, "spec");
	struct jv svc = jv_get(spec, "service");
	struct remote *r = NEW(struct remote);

	*r = (struct remote){.all = a,
			     .key = str_dup(o->key),
			     .group = jv_strdup(jv_get(spec, "group")),
			     .version = jv_strdup(jv_get(spec, "version")),
			     .ns = jv_strdup(jv_get(svc, "namespace")),
			     .name = jv_strdup(jv_get(svc, "name")),
			     .port = (uint16_t)jv_i64(jv_get(svc, "port"), 443),
			     .insecure = jv_bool(jv_get(spec, "insecureSkipTLSVerify"), false),
			     .group_priority = jv_i64(jv_get(spec, "groupPriorityMinimum"), 0),
			     .version_priority = jv_i64(jv_get(spec, "versionPriority"), 0),
			     .urls = BUF_INIT,
			     .resources = BUF_INIT,
			     .listed = BUF_INIT,
			     .fresh = BUF_INIT,
			     .available = is_available(obj),
			     .look.fire = aggregate_on_look};
	set_ca(r, spec);
	return r;
}

static bool before(const struct remote *a, const struct remote *b)
{
	int c;

	if (a->group_priority != b->group_priority)
		return a->group_priority > b->group_priority;
	c = strcmp(a->group, b->group);
	if (c)
		return c < 0;
	if (a->version_priority != b->version_priority)
		return a->version_priority > b->version_priority;
	return strcmp(a->version, b->version) < 0;
}

static void insert(struct aggregate *a, struct remote *r)
{
	size_t i = a->n;

	(void)ARRAY_PUSH(a->v, a->n, a->cap);
	while (i && before(r, a->v[i - 1])) {
		a->v[i] = a->v[i - 1];
		i--;
	}
	a->v[i] = r;
}

static void del(struct aggregate *a, struct str key)
{
	for (size_t i = 0; i < a->n; i++)
		if (str_eqs(key, a->v[i]->key)) {
			remote_free(a->v[i]);
			a->n--;
			memmove(a->v + i, a->v + i + 1, (a->n - i) * sizeof(*a->v));
			return;
		}
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Nothing but its status is new: connection and documents stay. */
static bool same_spec(const struct remote *a, const struct remote *b)
{
	return same_text(a->ns, b->ns) && same_text(a->name, b->name) && a->port == b->port &&
	       same_text(a->ca_pem, b->ca_pem) && a->insecure == b->insecure &&
	       a->group_priority == b->group_priority && a->version_priority == b->version_priority;
}

static void put(struct aggregate *a, const struct store_obj *o)
{
	struct remote *r, *old;

	if (!jv_exists(jv_path(jv_of(o->value), "spec.service"))) {
		del(a, o->key); /* our own */
		aggregate_tell(a->s, o->key, true, "Local",
			       "Local APIServices are always available");
		return;
	}
	r = remote_new(a, o);
	if (!r->group || !r->version || !r->ns || !r->name) {
		remote_free(r);
		return;
	}
	old = aggregate_find(a, str_of(r->group), str_of(r->version));
	if (old && str_eqs(o->key, old->key) && same_spec(old, r)) {
		old->available = r->available;
		remote_free(r);
		return;
	}
	del(a, o->key);
	insert(a, r);
	timers_soon(a->s->timers, &r->look);
}

/* ---- in step with the store ---- */

static void on_put(void *user, const struct store_obj *o)
{
	put(user, o);
}

static void on_del(void *user, const struct store_obj *gone)
{
	del(user, gone->key);
}

static void clear(struct aggregate *a)
{
	while (a->n)
		remote_free(a->v[--a->n]);
}

static void on_begin(void *user, const struct store_view *v)
{
	clear(user);
}

static const struct follow_ops follow_ops = {.begin = on_begin, .put = on_put, .del = on_del};

/* ---- the way there ---- */

/* The certificate with which the master speaks for others; made once, renewed long before. */
static void load_certificate(struct aggregate *a)
{
	struct cert_spec spec = {
		.common_name = "front-proxy-client", .client = true, .valid_ns = YEAR_NS};
	CLEANUP(err_done) struct err e = ERR_INIT;

	if (pki_ensure(a->s->conf.pki, "front-proxy-client", &spec, &a->cert, &a->key, &e) < 0)
		log_err("aggregated API servers get no certificate: %s", err_text(&e));
}

static void on_renew(struct timer *t)
{
	struct aggregate *a = container_of(t, struct aggregate, renew);

	load_certificate(a);
	timers_arm_in(a->s->timers, t, RENEW_NS);
}

static int connect_to(struct remote *r, const char *const *urls, size_t n, struct err *err)
{
	struct aggregate *a = r->all;
	CLEANUP_FREE char *host = xasprintf("%s.%s.svc", r->name, r->ns);
	struct tls_conf tc = {.ca_pem = str_of(r->ca_pem),
			      .server_name = host,
			      .insecure = r->insecure,
			      .cert_pem = buf_str(&a->cert),
			      .key_pem = buf_str(&a->key)};
	struct http_client_conf hc = {
		.loop = a->s->conf.loop, .endpoints = urls, .n_endpoints = n, .wait_timeout_ns = 1};
	int e;

	if (!a->cert.len)
		load_certificate(a);
	tc.cert_pem = buf_str(&a->cert);
	tc.key_pem = buf_str(&a->key);
	e = tls_client_new(&tc, &hc.tls, err);
	if (e < 0)
		return e;
	e = http_client_new(&hc, &r->client, err);
	tls_ctx_unref(hc.tls);
	return e;
}

static int point_at(struct remote *r, char **urls, size_t n, struct err *err)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT;
	int e = 0;

	for (size_t i = 0; i < n; i++)
		buf_addf(&all, "%s\n", urls[i]);
	if (!r->client)
		e = connect_to(r, (const char *const *)urls, n, err);
	else if (!str_eq(buf_str(&all), buf_str(&r->urls)))
		e = http_client_set_endpoints(r->client, (const char *const *)urls, n, err);
	if (e == 0) {
		buf_clear(&r->urls);
		buf_addstr(&r->urls, buf_str(&all));
	}
	return e;
}

struct http_client *aggregate_client(struct remote *r, const char **ret_reason, struct buf *why)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(r->all->s->store);
	CLEANUP(err_done) struct err err = ERR_INIT;
	char *urls[SERVICE_URLS_MAX];
	struct str port_name;
	enum service_fault f;
	bool fine = false;
	size_t n = 0;

	f = service_urls(v, str_of(r->ns), str_of(r->name), r->port, urls, &n, &port_name);
	switch (f) {
	case SERVICE_FINE:
		*ret_reason = "FailedDiscoveryCheck";
		fine = point_at(r, urls, n, &err) == 0;
		if (!fine)
			buf_adds(why, err_text(&err));
		break;
	case SERVICE_EXTERNAL:
	case SERVICE_NOT_FOUND:
		*ret_reason = "ServiceNotFound";
		buf_addf(why, "service/%s in \"%s\" is not present", r->name, r->ns);
		break;
	case SERVICE_NO_PORT:
		*ret_reason = "ServicePortError";
		buf_addf(why, "service/%s in \"%s\" is not listening on port %u", r->name, r->ns,
			 r->port);
		break;
	case SERVICE_NO_ENDPOINTS:
		*ret_reason = "EndpointsNotFound";
		buf_addf(why, "cannot find endpointslices for service/%s in \"%s\"", r->name,
			 r->ns);
		break;
	case SERVICE_NOT_READY:
		*ret_reason = "MissingEndpoints";
		buf_addf(why,
			 "endpointslices for service/%s in \"%s\" have no addresses with port "
			 "name \"%.*s\"",
			 r->name, r->ns, STR_ARG(port_name));
		break;
	}
	for (size_t i = 0; i < n; i++)
		free(urls[i]);
	return fine ? r->client : NULL;
}

/* ---- one request ---- */

/* "/apis/G/V" and what is beneath, "/openapi/v3/apis/G/V". */
static struct remote *remote_of(const struct request *r)
{
	struct str rest = r->info.path, group, version;

	if (str_starts(rest, STR("/openapi/v3/apis/")))
		rest = str_skip(rest, strlen("/openapi/v3/apis/"));
	else if (str_starts(rest, STR("/apis/")))
		rest = str_skip(rest, strlen("/apis/"));
	else
		return NULL;
	if (!str_split(&rest, '/', &group) || !rest.p || !str_split(&rest, '/', &version))
		return NULL;
	return aggregate_find(r->srv->aggregate, group, version);
}

bool aggregate_wanted(const struct request *r)
{
	return r->srv->aggregate->n && remote_of(r);
}

struct exchange {
	struct request *r;
	struct http_relay *relay;
};

static void exchange_free(struct exchange *x)
{
	x->r->work = NULL;
	x->r->on_gone = NULL;
	request_unref(x->r);
	free(x);
}

static void exchange_gone(struct request *r)
{
	struct exchange *x = r->work;

	http_relay_cancel(x->relay);
	exchange_free(x);
}

static void on_headers(void *user, int status)
{
	struct request *r = ((struct exchange *)user)->r;

	r->answered = r->streaming = true;
	r->status = status;
}

static void unavailable(struct request *r, const char *why, int code)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	err_set(&e, EBUSY, "ServiceUnavailable", "%s", why);
	e.http_code = code;
	r->long_running = false;
	respond_err(r, &e);
}

static void on_end(void *user, enum http_relay_end end, const char *why)
{
	struct exchange *x = user;
	struct request *r = x->r;

	x->relay = NULL;
	if (end == RELAY_UPGRADED) {
		r->answered = true;
		r->status = 101;
		request_ref(r);
		exchange_free(x);
		request_taken(r);
		return;
	}
	if (end == RELAY_FAILED) {
		CLEANUP_FREE char *text = xasprintf("error trying to reach service: %s", why);

		unavailable(r, text, 503);
	} else if (end == RELAY_REDIRECTED) {
		unavailable(r, why, 502);
	}
	exchange_free(x);
}

static const struct http_relay_ops relay_ops = {.on_headers = on_headers, .on_end = on_end};

/* A key of user.extra in a field's name: what is no token there is %-escaped. */
static char *extra_field(const char *key)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "X-Remote-Extra-");
	for (; *key; key++)
		if ((*key >= 'a' && *key <= 'z') || (*key >= '0' && *key <= '9') ||
		    (*key >= 'A' && *key <= 'Z') || strchr("!#$&'*+-.^_`|~", *key))
			buf_addc(&b, *key);
		else
			buf_addf(&b, "%%%02x", (unsigned char)*key);
	return buf_take(&b);
}

static void begin(struct request *r, struct http_client *client)
{
	const struct user *u = r->user;
	size_t max = 3 + u->n_groups + u->n_extra, n = 0;
	struct http_header *h = xcalloc(max, sizeof(*h));
	char **names = xcalloc(u->n_extra + 1, sizeof(*names));
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	struct http_relay_conf conf = {.req = r->front->http(r),
				       .client = client,
				       .body = r->body,
				       .no_redirects = true,
				       .ops = &relay_ops};
	struct exchange *x = NEW(struct exchange);

	h[n++] = HTTP_HEADER("X-Remote-User", str_of(u->name));
	if (u->uid)
		h[n++] = HTTP_HEADER("X-Remote-Uid", str_of(u->uid));
	for (size_t i = 0; i < u->n_groups; i++)
		h[n++] = HTTP_HEADER("X-Remote-Group", str_of(u->groups[i]));
	for (size_t i = 0; i < u->n_extra; i++) {
		names[i] = extra_field(u->extra[i].key);
		h[n++] = (struct http_header){str_of(names[i]), str_of(u->extra[i].value)};
	}
	/* What the client gave is passed on with its other fields. */
	if (!http_req_header(conf.req, "audit-id").len)
		h[n++] = HTTP_HEADER("Audit-Id", str_of(r->audit_id));
	buf_addstr(&path, r->path);
	if (r->query_text.len)
		buf_addf(&path, "?%.*s", STR_ARG(r->query_text));
	conf.path = path.p;
	conf.headers = h;
	conf.n_headers = n;
	x->r = request_ref(r);
	conf.user = x;
	r->work = x;
	r->on_gone = exchange_gone;
	r->long_running = true;
	flow_release(r);
	x->relay = http_relay_start(&conf);
	for (size_t i = 0; i < u->n_extra; i++)
		free(names[i]);
	free(names);
	free(h);
}

void aggregate_run(struct request *r)
{
	struct remote *to = remote_of(r);
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	struct http_client *client;
	const char *reason;

	if (!to || !r->front->http) {
		unavailable(r, "service unavailable", 503);
		return;
	}
	if (!r->body.p && !http_relay_is_upgrade(r->front->http(r)) &&
	    http_relay_has_body(r->front->http(r))) {
		r->aggregated = true;
		r->front->read_body(r, 0); /* request_body comes back here */
		return;
	}
	client = aggregate_client(to, &reason, &why);
	if (client)
		begin(r, client);
	else
		unavailable(r, "service unavailable", 503);
}

/* ---- life ---- */

struct aggregate *aggregate_new(struct apiserver *s)
{
	struct aggregate *a = NEW(struct aggregate);

	a->s = s;
	a->cert = BUF_INIT;
	a->key = BUF_INIT;
	a->renew.fire = on_renew;
	follow_start(&a->follow, s->store, STR(PREFIX), &follow_ops, a);
	timers_arm_in(s->timers, &a->renew, RENEW_NS);
	return a;
}

struct aggregate *aggregate_free(struct aggregate *a)
{
	if (!a)
		return NULL;
	follow_stop(&a->follow);
	timers_disarm(a->s->timers, &a->renew);
	clear(a);
	free(a->v);
	buf_done(&a->cert);
	buf_done(&a->key);
	free(a);
	return NULL;
}
