/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/bootstrap.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/json/jw.h"
#include "master/apiserver/bootstrap_roles.h"
#include "master/apiserver/server.h"
#include "master/apiserver/service_alloc.h"

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

/* A kubeconfig with the authority and no user, for those who join (see authz.c). */
static char *cluster_info(const struct apiserver *s)
{
	CLEANUP(buf_done) struct buf config = BUF_INIT;
	struct buf json = BUF_INIT;

	buf_adds(&config, "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n"
			  "    certificate-authority-data: ");
	base64_encode(pki_ca_pem(s->conf.pki), &config);
	buf_addf(&config, "\n    server: https://%s:%u\n  name: \"\"\n", s->conf.advertise_address,
		 s->conf.port);
	buf_adds(&json, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
			"\"cluster-info\"},\"data\":{\"kubeconfig\":");
	json_quote(buf_str(&config), &json);
	buf_adds(&json, "}}");
	return buf_take(&json);
}

static void add_role(void *user, const char *collection, const char *name, bool exists,
		     char *take_json)
{
	struct bootstrap *b = user;

	add(b, collection, name, exists, take_json);
	b->items[b->n - 1].putting = exists;
}

static void plan(struct bootstrap *b)
{
	static const char *const spaces[] = {"default", "kube-system", "kube-public",
					     "kube-node-lease"};
	const struct apiserver_conf *c = &b->s->conf;

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
	add(b, "/api/v1/namespaces/kube-public/configmaps", "cluster-info", true,
	    cluster_info(b->s));
	add(b, "/api/v1/namespaces/default/endpoints", "kubernetes", true,
	    xasprintf(
		    "{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\",\"metadata\":{\"name\":"
		    "\"kubernetes\",\"labels\":{\"endpointslice.kubernetes.io/"
		    "skip-mirror\":\"true\"}},"
		    "\"subsets\":[{\"addresses\":[{\"ip\":\"%s\"}],\"ports\":[{\"name\":\"https\","
		    "\"port\":%u,\"protocol\":\"TCP\"}]}]}",
		    c->advertise_address, c->port));
	add(b, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", "kubernetes", true,
	    xasprintf(
		    "{\"apiVersion\":\"discovery.k8s.io/"
		    "v1\",\"kind\":\"EndpointSlice\",\"metadata\":{"
		    "\"name\":\"kubernetes\",\"labels\":{\"kubernetes.io/service-name\":"
		    "\"kubernetes\"}},\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"%"
		    "s\"],"
		    "\"conditions\":{\"ready\":true}}],\"ports\":[{\"name\":\"https\",\"port\":%u,"
		    "\"protocol\":\"TCP\"}]}",
		    c->advertise_address, c->port));
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

	bootstrap_free(b->s);
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

void bootstrap_start(struct apiserver *s, void (*done)(void *user), void *user)
{
	struct bootstrap *b = NEW(struct bootstrap);

	s->bootstrap = b;
	b->s = s;
	b->done = done;
	b->user = user;
	b->t = apiserver_local_transport(s, "system:apiserver");
	plan(b);
	bootstrap_more(b);
}

void bootstrap_free(struct apiserver *s)
{
	struct bootstrap *b = s->bootstrap;

	if (!b)
		return;
	s->bootstrap = NULL;
	transport_free(b->t);
	timers_disarm(s->timers, &b->finish);
	for (size_t i = 0; i < b->n; i++) {
		timers_disarm(s->timers, &b->items[i].again);
		free(b->items[i].collection);
		free(b->items[i].name);
		free(b->items[i].json);
	}
	free(b->items);
	free(b);
}
