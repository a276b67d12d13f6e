/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * What every namespace has: the ServiceAccount "default" (k8s pkg/controller/serviceaccount) and
 * the ConfigMap "kube-root-ca.crt" with which pods check the API server
 * (k8s pkg/controller/certificates/rootcacertpublisher).
 */
#define ROOT_CA "kube-root-ca.crt"

static bool alive(struct ctl *c, struct str name)
{
	struct object *ns = informer_get(informers_get(c->informers, &client_namespaces), name);

	return ns && !object_deleting(ns);
}

/* Both controllers have namespaces as keys; an object of theirs that changes brings its own. */
static void ns_of_object(void *user, struct object *o)
{
	ctl_enqueue(user, o->ns);
}

static void sync_account(struct ctl *c, struct str key, struct plan *p)
{
	struct plan_op *op;

	if (!alive(c, key) || informer_get_in(informers_get(c->informers, &client_serviceaccounts),
					      key, STR("default")))
		return;
	op = plan_add(p, "POST", &client_serviceaccounts, key, STR_NULL, NULL);
	op->flags = PLAN_OK_EXISTS;
	buf_adds(&op->body, "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\","
			    "\"metadata\":{\"name\":\"default\"}}");
}

static void account_gone(void *user, struct object *o)
{
	if (str_eqs(o->name, "default"))
		ns_of_object(user, o);
}
static const struct informer_handler on_account = {.deleted = account_gone};

static bool init_account(struct ctl *c)
{
	ctl_handle(c, informers_get(c->informers, &client_namespaces), &ctl_enqueue_self);
	ctl_handle(c, informers_get(c->informers, &client_serviceaccounts), &on_account);
	return true;
}

const struct controller serviceaccount_controller = {
	.name = "serviceaccount",
	.init = init_account,
	.sync = sync_account,
};

static void sync_root_ca(struct ctl *c, struct str key, struct plan *p)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	struct informer *in = informers_get(c->informers, &client_configmaps);
	struct object *have;
	struct plan_op *op;
	struct jw w;

	if (!alive(c, key))
		return;
	have = informer_get_in(in, key, STR(ROOT_CA));
	if (have && str_eq(jv_str(jv_get(jv_get(jv_of(have->bytes), "data"), "ca.crt"), &scratch),
			   c->conf->ca_pem))
		return;
	if (have)
		op = plan_add(p, "PATCH", &client_configmaps, key, STR(ROOT_CA), NULL);
	else
		op = plan_add(p, "POST", &client_configmaps, key, STR_NULL, NULL);
	op->flags = PLAN_OK_EXISTS | PLAN_OK_ABSENT;
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", STR(ROOT_CA));
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	jw_member_str(&w, "kubernetes.io/description",
		      STR("Contains a CA bundle that can be used to verify the kube-apiserver when "
			  "using internal endpoints such as the internal service IP or "
			  "kubernetes.default.svc. No other usage is guaranteed across "
			  "distributions of Kubernetes clusters."));
	jw_end_object(&w);
	jw_end_object(&w);
	jw_key(&w, "data");
	jw_begin_object(&w);
	jw_member_str(&w, "ca.crt", c->conf->ca_pem);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void config_map_one(void *user, struct object *o)
{
	if (str_eqs(o->name, ROOT_CA))
		ns_of_object(user, o);
}
static void config_map_two(void *user, struct object *old, struct object *o)
{
	config_map_one(user, o);
}
static const struct informer_handler on_config_map = {
	.updated = config_map_two,
	.deleted = config_map_one,
};

static bool init_root_ca(struct ctl *c)
{
	if (!c->conf->ca_pem.len)
		return false;
	ctl_handle(c, informers_get(c->informers, &client_namespaces), &ctl_enqueue_self);
	ctl_handle(c, informers_get(c->informers, &client_configmaps), &on_config_map);
	return true;
}

const struct controller root_ca_controller = {
	.name = "root-ca",
	.init = init_root_ca,
	.sync = sync_root_ca,
};
