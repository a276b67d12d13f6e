/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/server.h"
#include "lib/api/api.h"
#include "lib/api/index.h"
#include "master/apiserver/admission.h"
#include "master/apiserver/admission_plugins.h"
#include "master/apiserver/aggregate.h"
#include "master/apiserver/authn_remote.h"
#include "master/apiserver/authz_remote.h"
#include "master/apiserver/bootstrap.h"
#include "master/apiserver/customs.h"
#include "master/apiserver/forward.h"
#include "master/apiserver/docs.h"
#include "master/apiserver/flow.h"
#include "master/apiserver/kubelet.h"
#include "master/apiserver/usage.h"
#include "master/apiserver/metrics.h"
#include "master/apiserver/node_facts.h"
#include "master/apiserver/node_routes.h"
#include "master/apiserver/pages.h"
#include "master/apiserver/policies.h"
#include "master/apiserver/quota.h"
#include "master/apiserver/roles.h"
#include "master/apiserver/service_alloc.h"
#include "master/apiserver/webhooks.h"

#define NODE_PORT_FIRST 30000
#define NODE_PORT_LAST 32767

const struct api_kind *server_kind(const char *group, const char *version, const char *plural)
{
	const struct api_kind *k = api_kind_find(str_of(group), str_of(version), str_of(plural));

	assert(k);
	return k;
}

void server_rewrite(struct apiserver *s, const struct api_kind *k, const struct store_obj *o,
		    struct json_object *obj,
		    void (*done)(void *user, const struct store_result *res), void *user)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT, meta = BUF_INIT;
	struct store_op op;
	size_t rv_at;

	api_encode(obj, &value, &rv_at);
	api_index_extract(k, obj, &meta);
	op = (struct store_op){.type = STORE_PUT,
			       .expect = o->rev,
			       .key = o->key,
			       .value = buf_str(&value),
			       .meta = buf_str(&meta),
			       .rv_at = (uint32_t)rv_at};
	store_txn(s->store, &op, 1, done, user);
}

const struct api_kinds *server_kinds(const struct apiserver *s)
{
	return customs_kinds(s->customs);
}

/* A token's service account, pod or secret, for authn. */
static bool lookup(void *user, const char *plural, struct str ns, struct str name, struct buf *json)
{
	struct apiserver *s = user;
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(s->store);
	const struct store_obj *o = server_get(v, server_kind("", "v1", plural), ns, name);

	if (o)
		buf_addstr(json, o->value);
	return o;
}

int apiserver_new(const struct apiserver_conf *conf, struct apiserver **ret, struct err *err)
{
	struct apiserver *s = NEW(struct apiserver);
	const char *domain = conf->cluster_domain ? conf->cluster_domain : "cluster.local";
	int r;

	s->conf = *conf;
	s->store = conf->store;
	s->timers = conf->timers;
	s->clock = conf->timers->clock;
	s->audit = conf->audit;
	r = admission_plugins_parse(conf->enable_plugins, conf->disable_plugins, &s->plugins_off,
				    err);
	if (r < 0) {
		free(s);
		return r;
	}
	admission_setup(s);
	s->started_ns = clock_mono_ns(s->clock);
	list_init(&s->requests);
	s->issuer = xasprintf("https://kubernetes.default.svc.%s", domain);
	s->authn = (struct authn_conf){.sa_key = pki_sa_key(conf->pki),
				       .sa_keys = pki_sa_keys(conf->pki),
				       .issuer = s->issuer,
				       .clock = s->clock,
				       .lookup = lookup,
				       .user = s};
	node_facts_init(&s->facts, s);
	s->roles = roles_new(s->store);
	s->facts.rbac = roles_rbac(s->roles);
	s->quotas = quota_keeper_new(s);
	s->aggregate = aggregate_new(s);
	s->flow = flow_control_new(s);
	s->policies = policies_new(s);
	s->webhooks = webhooks_new(s->store);
	s->webhook_client = webhook_client_new(s);
	s->customs = customs_new(s);
	s->pages = pages_new(s->timers);
	s->metrics = metrics_new();
	s->docs = docs_new(s);
	r = service_alloc_new(s->store, conf->service_cidr,
			      conf->node_port_first ? conf->node_port_first : NODE_PORT_FIRST,
			      conf->node_port_last ? conf->node_port_last : NODE_PORT_LAST,
			      &s->services, err);
	if (r < 0) {
		apiserver_free(s);
		return r;
	}
	s->kubelet = kubelet_client_new(s);
	r = conf->authn_remote ? authn_remote_new(s, conf->authn_remote, &s->authn_remote, err) : 0;
	if (r == 0 && conf->authz_remote)
		r = authz_remote_new(s, conf->authz_remote, &s->authz_remote, err);
	if (r < 0) {
		apiserver_free(s);
		return r;
	}
	s->usage = usage_cache_new();
	s->forward = forward_new(s);
	apiserver_set_masters(
		s, &(struct apiserver_master){s->conf.advertise_address, s->conf.port}, 1);
	*ret = s;
	return 0;
}

static void bootstrap_ready(void *user)
{
	((struct apiserver *)user)->ready = true;
}

void apiserver_lead(struct apiserver *s)
{
	service_alloc_recount(s->services);
	quota_keeper_lead(s->quotas);
	if (s->bootstrap)
		bootstrap_free(&s->bootstrap);
	bootstrap_start(s, bootstrap_ready, s);
}

void apiserver_follow(struct apiserver *s)
{
	bootstrap_free(&s->bootstrap);
	bootstrap_free(&s->publishing);
}

void apiserver_caught_up(struct apiserver *s)
{
	s->ready = true;
}

void apiserver_lost(struct apiserver *s, bool lost)
{
	s->lost = lost;
	if (!lost)
		return;
	list_for_each_safe (it, &s->requests) {
		struct request *r = list_entry(it, struct request, node);

		if (r->streaming && !r->gone && r->info.verb && !strcmp(r->info.verb, "watch"))
			r->front->end(r);
	}
}

static void forget_masters(struct apiserver *s)
{
	for (size_t i = 0; i < s->n_masters; i++)
		free((char *)s->masters[i].address);
	free(s->masters);
	s->masters = NULL;
	s->n_masters = 0;
}

static void published(void *user)
{
	struct apiserver *s = user;

	if (s->publish_again)
		bootstrap_publish(s, published, s);
	s->publish_again = false;
}

static bool same_masters(const struct apiserver *s, const struct apiserver_master *v, size_t n)
{
	bool same = n == s->n_masters;

	for (size_t i = 0; same && i < n; i++)
		same = v[i].port == s->masters[i].port &&
		       !strcmp(v[i].address, s->masters[i].address);
	return same;
}

void apiserver_set_masters(struct apiserver *s, const struct apiserver_master *v, size_t n)
{
	struct apiserver_master *copy;

	if (same_masters(s, v, n))
		return;
	copy = xcalloc(n, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = (struct apiserver_master){xstrdup(v[i].address), v[i].port};
	forget_masters(s);
	s->masters = copy;
	s->n_masters = n;
	/* Before the first bootstrap is over it will be there, or comes right behind it. */
	if (!s->ready || !s->conf.cluster || !s->conf.cluster->leads(s->conf.cluster->user))
		return;
	if (s->publishing)
		s->publish_again = true;
	else
		bootstrap_publish(s, published, s);
}

void apiserver_stop(struct apiserver *s)
{
	s->stopping = true;
	s->ready = false;
	list_for_each_safe (it, &s->requests) {
		struct request *r = list_entry(it, struct request, node);

		if (r->streaming && !r->gone && r->front->end)
			r->front->end(r);
	}
}

struct apiserver *apiserver_free(struct apiserver *s)
{
	if (!s)
		return NULL;
	webhook_client_free(s->webhook_client);
	authn_remote_free(s->authn_remote);
	authz_remote_free(s->authz_remote);
	webhooks_free(s->webhooks);
	policies_free(s->policies);
	quota_keeper_free(s->quotas);
	docs_free(s->docs);
	aggregate_free(s->aggregate);
	flow_control_free(s->flow);
	kubelet_client_free(s->kubelet);
	usage_cache_free(s->usage);
	node_routes_free(s->node_routes);
	bootstrap_free(&s->bootstrap);
	bootstrap_free(&s->publishing);
	forward_free(s->forward);
	forget_masters(s);
	service_alloc_free(s->services);
	roles_free(s->roles);
	customs_free(s->customs);
	pages_free(s->pages);
	metrics_free(s->metrics);
	free(s->issuer);
	free(s);
	return NULL;
}

void apiserver_set_port(struct apiserver *s, uint16_t port)
{
	s->conf.port = port;
	for (size_t i = 0; i < s->n_masters; i++)
		s->masters[i].port = port; /* so far there is only this one */
}

bool apiserver_is_ready(const struct apiserver *s)
{
	return s->ready;
}
