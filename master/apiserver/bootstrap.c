/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/bootstrap.h"
#include "lib/base/cidr.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/json/jsonc.h"
#include "lib/json/jw.h"
#include "master/apiserver/bootstrap_flow.h"
#include "master/apiserver/bootstrap_roles.h"
#include "master/apiserver/server.h"
#include "master/apiserver/service_alloc.h"

#define SLICES "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
#define RANGES "/apis/networking.k8s.io/v1/servicecidrs"
#define RETRY_NS (500 * NSEC_PER_MSEC)

/* One object to create, or (with `replace`) to bring to this state. */
struct item {
	struct bootstrap *b;
	char *collection, *name, *json;
	bool replace, putting;
	int status;
	struct timer again;
};

struct bootstrap {
	struct apiserver *s;
	struct bootstrap **place; /* in struct apiserver */
	struct transport *t;
	struct item *items; /* all there before the first is sent */
	size_t n, cap, next, running;
	size_t n_first; /* namespaces: the others wait for them */
	void (*done)(void *user);
	void *user;
	struct timer finish;
};

static void bootstrap_more(struct bootstrap *b);

static void add(struct bootstrap *b, const char *collection, const char *name, bool replace,
		char *take_json)
{
	*ARRAY_PUSH(b->items, b->n, b->cap) = (struct item){.b = b,
							    .collection = xstrdup(collection),
							    .name = xstrdup(name),
							    .json = take_json,
							    .replace = replace};
}

static void add_url(const struct apiserver_master *m, struct buf *out)
{
	CLEANUP_FREE char *at = host_port_join(m->address, m->port);

	buf_addf(out, "https://%s", at);
}

/* A kubeconfig with the authority and no user, for those who join (see authz.c). */
static char *cluster_info(const struct apiserver *s)
{
	CLEANUP(buf_done) struct buf config = BUF_INIT;
	struct buf json = BUF_INIT;

	buf_adds(&config, "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n"
			  "    certificate-authority-data: ");
	base64_encode(pki_trust_pem(s->conf.pki), &config);
	buf_adds(&config, "\n    server: ");
	add_url(&s->masters[0], &config);
	if (s->n_masters > 1)
		buf_adds(&config, "\n    knarr-servers:");
	for (size_t i = 1; i < s->n_masters; i++) {
		buf_adds(&config, "\n    - ");
		add_url(&s->masters[i], &config);
	}
	buf_adds(&config, "\n  name: \"\"\n");
	buf_adds(&json, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
			"\"cluster-info\"},\"data\":{\"kubeconfig\":");
	json_quote(buf_str(&config), &json);
	buf_adds(&json, "}}");
	return buf_take(&json);
}

/*
 * A slice has addresses of one family, and Endpoints those of the Service's first: masters of
 * another family than the first one's are found by the others only.
 */
static bool is_endpoint(const struct apiserver *s, size_t i)
{
	return !strchr(s->masters[i].address, ':') == !strchr(s->masters[0].address, ':');
}

static bool seen_port(const struct apiserver *s, size_t upto, uint16_t port)
{
	for (size_t i = 0; i < upto; i++)
		if (s->masters[i].port == port && is_endpoint(s, i))
			return true;
	return false;
}

/* Masters whose port is the same belong together in an Endpoints' subset. */
static char *endpoints(const struct apiserver *s)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\",\"metadata\":{\"name\":"
		     "\"kubernetes\",\"labels\":{\"endpointslice.kubernetes.io/skip-mirror\":"
		     "\"true\"}},\"subsets\":[");
	for (size_t i = 0, n = 0; i < s->n_masters; i++) {
		uint16_t port = s->masters[i].port;

		if (seen_port(s, i, port) || !is_endpoint(s, i))
			continue;
		buf_addf(&b, "%s{\"addresses\":[", n++ ? "," : "");
		for (size_t k = i; k < s->n_masters; k++)
			if (s->masters[k].port == port && is_endpoint(s, k))
				buf_addf(&b, "%s{\"ip\":\"%s\"}", k > i ? "," : "",
					 s->masters[k].address);
		buf_addf(&b, "],\"ports\":[{\"name\":\"https\",\"port\":%u,\"protocol\":\"TCP\"}]}",
			 port);
	}
	buf_adds(&b, "]}");
	return buf_take(&b);
}

/* A slice has one list of ports: one for each port that masters have. */
static char *slice(const struct apiserver *s, uint16_t port, const char *name, bool empty)
{
	struct buf b = BUF_INIT;
	size_t n = 0;

	buf_addf(&b,
		 "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{"
		 "\"name\":\"%s\",\"labels\":{\"kubernetes.io/service-name\":\"kubernetes\"}},"
		 "\"addressType\":\"%s\",\"endpoints\":[",
		 name, ip_family(strchr(s->masters[0].address, ':')));
	for (size_t i = 0; i < s->n_masters && !empty; i++)
		if (s->masters[i].port == port && is_endpoint(s, i))
			buf_addf(&b, "%s{\"addresses\":[\"%s\"],\"conditions\":{\"ready\":true}}",
				 n++ ? "," : "", s->masters[i].address);
	buf_addf(&b, "],\"ports\":[{\"name\":\"https\",\"port\":%u,\"protocol\":\"TCP\"}]}", port);
	return buf_take(&b);
}

static void add_slice(struct bootstrap *b, uint16_t port, bool empty)
{
	CLEANUP_FREE char *name = xasprintf("kubernetes-%u", port);

	add(b, SLICES, name, true, slice(b->s, port, name, empty));
}

/* Masters at other ports than the first; and those ports at which there is none any more. */
static void plan_odd_ports(struct bootstrap *b)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(b->s->store);
	struct str prefix = STR("/discovery.k8s.io/endpointslices/default/kubernetes-");
	const struct apiserver *s = b->s;
	const struct store_obj *o;
	struct store_iter it;
	uint64_t port;

	for (size_t i = 1; i < s->n_masters; i++)
		if (!seen_port(s, i, s->masters[i].port) && is_endpoint(s, i))
			add_slice(b, s->masters[i].port, false);
	store_range(v, prefix, STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		if (str_to_u64(str_skip(o->key, prefix.len), &port) == 0 && port && port < 65536 &&
		    (port == s->masters[0].port || !seen_port(s, s->n_masters, (uint16_t)port)))
			add_slice(b, (uint16_t)port, true);
}

static void plan_masters(struct bootstrap *b)
{
	const struct apiserver *s = b->s;

	add(b, "/api/v1/namespaces/kube-public/configmaps", "cluster-info", true, cluster_info(s));
	if (str_starts(str_of(s->masters[0].address), STR("127.")) ||
	    strcmp(s->masters[0].address, "::1") == 0)
		return; /* no address that others could use; the API refuses it as an endpoint */
	add(b, "/api/v1/namespaces/default/endpoints", "kubernetes", true, endpoints(s));
	add(b, SLICES, "kubernetes", true, slice(s, s->masters[0].port, "kubernetes", false));
	plan_odd_ports(b);
}

static void add_role(void *user, const char *collection, const char *name, bool exists,
		     char *take_json)
{
	struct bootstrap *b = user;

	add(b, collection, name, exists, take_json);
	b->items[b->n - 1].putting = exists;
}

/* What aggregated API servers read to know whom the master speaks for (front-proxy-client). */
static char *front_proxy(const struct apiserver *s)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
		     "\"extension-apiserver-authentication\"},\"data\":{\"client-ca-file\":");
	json_quote(pki_trust_pem(s->conf.pki), &b);
	buf_adds(&b, ",\"requestheader-client-ca-file\":");
	json_quote(pki_trust_pem(s->conf.pki), &b);
	buf_adds(&b, ",\"requestheader-allowed-names\":\"[\\\"front-proxy-client\\\"]\","
		     "\"requestheader-username-headers\":\"[\\\"X-Remote-User\\\"]\","
		     "\"requestheader-uid-headers\":\"[\\\"X-Remote-Uid\\\"]\","
		     "\"requestheader-group-headers\":\"[\\\"X-Remote-Group\\\"]\","
		     "\"requestheader-extra-headers-prefix\":\"[\\\"X-Remote-Extra-\\\"]\"}}");
	return buf_take(&b);
}

/* The ranges that the master was given, as an object. */
static char *service_cidr(const struct apiserver *s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char now[TIME_LEN + 1], text[CIDR_TEXT];
	struct cidr_pair p;

	time_format(server_now_ns(s), now);
	if (cidr_pair_parse("service-cidr", s->conf.service_cidr, &p, NULL) < 0)
		return xstrdup("{}"); /* service_alloc_new refused it */
	buf_adds(&b, "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"ServiceCIDR\","
		     "\"metadata\":{\"name\":\"kubernetes\"},\"spec\":{\"cidrs\":[");
	for (size_t i = 0; i < p.n; i++)
		buf_addf(&b, "%s\"%s\"", i ? "," : "", cidr_text(p.v[i], text));
	buf_addf(&b,
		 "]},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
		 "\"reason\":\"\",\"message\":\"Kubernetes Service CIDR is ready\","
		 "\"lastTransitionTime\":\"%s\"}]}}",
		 now);
	return buf_take(&b);
}

/* The master was given a second family: that object gets it too. NULL: there is nothing to do. */
static char *wider_cidr(const struct apiserver *s)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(s->store);
	const struct store_obj *o =
		server_get(v, server_kind("networking.k8s.io", "v1", "servicecidrs"), STR(""),
			   STR("kubernetes"));
	CLEANUP_JSON struct json_object *obj = NULL;
	struct json_object *list;
	struct buf out = BUF_INIT;
	char text[CIDR_TEXT];
	struct cidr_pair p;

	if (!o || cidr_pair_parse("service-cidr", s->conf.service_cidr, &p, NULL) < 0 || p.n < 2 ||
	    jsonc_parse(o->value, NULL, &obj, NULL) < 0)
		return NULL;
	list = jsonc_path(obj, "spec.cidrs");
	if (!list || json_object_array_length(list) != 1 ||
	    !str_eqs(jsonc_str(json_object_array_get_idx(list, 0)), cidr_text(p.v[0], text)))
		return NULL;
	json_object_array_add(list, json_object_new_string(cidr_text(p.v[1], text)));
	jsonc_write(obj, &out);
	return buf_take(&out);
}

/* An APIService for each group and version that the master serves itself. */
static void plan_apiservices(struct bootstrap *b)
{
	const struct api_kind *k, *o;

	for (size_t i = 0; (k = api_kind_at(i)); i++) {
		CLEANUP_FREE char *name = xasprintf("%s.%s", k->version, k->group);
		bool seen = !k->plural;

		for (size_t j = 0; j < i && !seen; j++) {
			o = api_kind_at(j);
			seen = o->plural && !strcmp(o->group, k->group) &&
			       !strcmp(o->version, k->version);
		}
		if (!seen)
			add(b, "/apis/apiregistration.k8s.io/v1/apiservices", name, false,
			    xasprintf("{\"apiVersion\":\"apiregistration.k8s.io/v1\",\"kind\":"
				      "\"APIService\",\"metadata\":{\"name\":\"%s\",\"labels\":{"
				      "\"kube-aggregator.kubernetes.io/automanaged\":\"onstart\"}},"
				      "\"spec\":{\"group\":\"%s\",\"version\":\"%s\","
				      "\"groupPriorityMinimum\":%d,\"versionPriority\":%d}}",
				      name, k->group, k->version, *k->group ? 17000 : 18000,
				      strchr(k->version, 'a') || strchr(k->version, 'b') ? 9 : 15));
	}
}

static void add_flow(void *user, const char *collection, const char *name, char *take_json)
{
	add(user, collection, name, false, take_json);
}

static void plan(struct bootstrap *b)
{
	static const char *const spaces[] = {"default", "kube-system", "kube-public",
					     "kube-node-lease"};
	const struct apiserver_conf *c = &b->s->conf;
	char *wider;

	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++)
		add(b, "/api/v1/namespaces", spaces[i], false,
		    xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{"
			      "\"name\":\"%s\"}}",
			      spaces[i]));
	b->n_first = b->n;
	bootstrap_roles(b->s->store, add_role, b);
	add(b, "/apis/scheduling.k8s.io/v1/priorityclasses", "system-cluster-critical", false,
	    xstrdup("{\"apiVersion\":\"scheduling.k8s.io/"
		    "v1\",\"kind\":\"PriorityClass\",\"metadata\":{"
		    "\"name\":\"system-cluster-critical\"},\"value\":2000000000,\"description\":"
		    "\"Used "
		    "for system critical pods that must run in the cluster, but can be moved to "
		    "another node if necessary.\"}"));
	add(b, "/apis/scheduling.k8s.io/v1/priorityclasses", "system-node-critical", false,
	    xstrdup("{\"apiVersion\":\"scheduling.k8s.io/"
		    "v1\",\"kind\":\"PriorityClass\",\"metadata\":{"
		    "\"name\":\"system-node-critical\"},\"value\":2000001000,\"description\":"
		    "\"Used for "
		    "system critical pods that must not be moved from their current node.\"}"));
	add(b, "/api/v1/namespaces/default/services", "kubernetes", false,
	    xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":"
		      "\"kubernetes\","
		      "\"labels\":{\"component\":\"apiserver\",\"provider\":\"kubernetes\"}},"
		      "\"spec\":{"
		      "\"clusterIP\":\"%s\",\"ports\":[{\"name\":\"https\",\"protocol\":\"TCP\","
		      "\"port\":443,\"targetPort\":%u}]}}",
		      service_alloc_first_ip(b->s->services), c->port));
	add(b, RANGES, "kubernetes", false, service_cidr(b->s));
	wider = wider_cidr(b->s);
	if (wider) {
		add(b, RANGES, "kubernetes", true, wider);
		b->items[b->n - 1].putting = true;
	}
	add(b, "/api/v1/namespaces/kube-system/configmaps", "extension-apiserver-authentication",
	    true, front_proxy(b->s));
	plan_apiservices(b);
	bootstrap_flow(add_flow, b);
	plan_masters(b);
}

static void item_send(struct item *i);

static void again(struct timer *t)
{
	item_send(container_of(t, struct item, again));
}

static void on_response(void *user, const struct transport_resp *resp)
{
	((struct item *)user)->status = resp->status;
}

static void on_data(void *user, struct str bytes)
{
	struct item *i = user;

	if (i->status >= 400 && i->status != 409)
		log_warn("cannot create %s/%s: %.*s", i->collection, i->name, STR_ARG(bytes));
}

static void on_end(void *user, int r)
{
	struct item *i = user;
	struct bootstrap *b = i->b;

	if (r < 0 || i->status == 429 || i->status >= 500) {
		i->again.fire = again;
		timers_arm_in(b->s->timers, &i->again, RETRY_NS);
		return;
	}
	if (i->status == 409 && i->replace && !i->putting) {
		i->putting = true;
		item_send(i);
		return;
	}
	b->running--;
	bootstrap_more(b);
}

static void item_send(struct item *i)
{
	CLEANUP_FREE char *path =
		i->putting ? xasprintf("%s/%s", i->collection, i->name) : xstrdup(i->collection);
	struct transport_req req = {.method = i->putting ? "PUT" : "POST",
				    .path = str_of(path),
				    .content_type = STR("application/json"),
				    .body = str_of(i->json),
				    .user_agent = STR("knarr-master/bootstrap"),
				    .on_response = on_response,
				    .on_data = on_data,
				    .on_end = on_end,
				    .user = i};

	i->status = 0;
	transport_request(i->b->t, &req);
}

static void finish(struct timer *t)
{
	struct bootstrap *b = container_of(t, struct bootstrap, finish);
	void (*done)(void *user) = b->done;
	void *user = b->user;

	bootstrap_free(b->place);
	done(user);
}

static void bootstrap_more(struct bootstrap *b)
{
	size_t end = b->next < b->n_first ? b->n_first : b->n;

	if (b->running)
		return;
	if (b->next == b->n) {
		b->finish.fire = finish;
		timers_soon(b->s->timers, &b->finish);
		return;
	}
	while (b->next < end) {
		b->running++;
		item_send(&b->items[b->next++]);
	}
}

static struct bootstrap *begin(struct apiserver *s, struct bootstrap **place,
			       void (*done)(void *user), void *user)
{
	struct bootstrap *b = NEW(struct bootstrap);

	bootstrap_free(place);
	*place = b;
	b->s = s;
	b->place = place;
	b->done = done;
	b->user = user;
	b->t = apiserver_local_transport(s, "system:apiserver");
	return b;
}

void bootstrap_start(struct apiserver *s, void (*done)(void *user), void *user)
{
	struct bootstrap *b = begin(s, &s->bootstrap, done, user);

	plan(b);
	bootstrap_more(b);
}

void bootstrap_publish(struct apiserver *s, void (*done)(void *user), void *user)
{
	struct bootstrap *b = begin(s, &s->publishing, done, user);

	plan_masters(b);
	bootstrap_more(b);
}

void bootstrap_free(struct bootstrap **place)
{
	struct bootstrap *b = *place;
	struct timers *ts;

	if (!b)
		return;
	*place = NULL;
	ts = b->s->timers;
	transport_free(b->t);
	timers_disarm(ts, &b->finish);
	for (size_t i = 0; i < b->n; i++) {
		timers_disarm(ts, &b->items[i].again);
		free(b->items[i].collection);
		free(b->items[i].name);
		free(b->items[i].json);
	}
	free(b->items);
	free(b);
}
