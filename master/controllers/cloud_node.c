/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/cloud_ask.h"
#include "master/controllers/util.h"

/*
 * Nodes as the cloud provider knows them (k8s staging cloud-provider/controllers/node and
 * nodelifecycle):
 *
 *	exists		providerID, labels of place and type, further addresses; the taint
 *			"uninitialized" off
 *	shutdown	the taint "shutdown" on, and off again
 *	is gone		a node that is not ready is deleted; one that is ready is not believed to be
 *			gone
 */
#define UNINITIALIZED "node.cloudprovider.kubernetes.io/uninitialized"
#define SHUTDOWN "node.cloudprovider.kubernetes.io/shutdown"
#define READY_AGE_NS (300 * NSEC_PER_SEC)
#define NOT_READY_AGE_NS (5 * NSEC_PER_SEC) /* is it gone? */

struct node_step {
	struct ctl *c;
	struct plan *p;
	struct object *n;
	struct jv spec;
	struct cloud_instance i;
	bool new_one; /* the provider has the word about labels */
};

static struct informer *nodes_in(struct ctl *c)
{
	return informers_get(c->informers, &client_nodes);
}

static bool is_ready(const struct object *n)
{
	return condition_true(jv_of(n->bytes), "Ready");
}

static bool has_taint(struct jv spec, const char *key)
{
	jv_for_each (t, jv_get(spec, "taints"))
		if (jv_eqs(jv_get(t.value, "key"), key))
			return true;
	return false;
}

static void write_question(const struct object *n, struct buf *out)
{
	struct jv labels = jv_get(object_meta(n), "labels");
	struct jv addresses = jv_get(object_status(n), "addresses");
	struct jv id = jv_get(object_spec(n), "providerID");
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_key(&w, "node");
	jw_begin_object(&w);
	jw_member_str(&w, "name", n->name);
	if (jv_exists(id))
		jw_member_raw(&w, "providerID", jv_raw(id));
	jw_member_raw(&w, "labels", jv_exists(labels) ? jv_raw(labels) : STR("{}"));
	jw_member_raw(&w, "addresses", jv_exists(addresses) ? jv_raw(addresses) : STR("[]"));
	jw_end_object(&w);
	jw_end_object(&w);
}

/* ---- What an existing machine's node is to be ---- */

struct label {
	const char *key;
	struct str value;
};

static size_t wanted_labels(const struct node_step *s, struct label v[6])
{
	const struct label all[] = {
		{"topology.kubernetes.io/zone", s->i.zone},
		{"failure-domain.beta.kubernetes.io/zone", s->i.zone},
		{"topology.kubernetes.io/region", s->i.region},
		{"failure-domain.beta.kubernetes.io/region", s->i.region},
		{"node.kubernetes.io/instance-type", s->i.type},
		{"beta.kubernetes.io/instance-type", s->i.type},
	};
	struct jv have = jv_get(object_meta(s->n), "labels");
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct jv old = jv_get(have, all[i].key);

		/* Later changes are the administrator's. */
		if (!all[i].value.len || str_eq(jv_text(old), all[i].value) ||
		    (jv_exists(old) && !s->new_one))
			continue;
		v[n++] = all[i];
	}
	return n;
}

static void write_taints(struct node_step *s, struct jw *w, bool shutdown)
{
	char now[TIME_LEN + 1];

	time_format(client_real_ns(s->c->client), now);
	jw_key(w, "taints");
	jw_begin_array(w);
	jv_for_each (t, jv_get(s->spec, "taints")) {
		struct jv key = jv_get(t.value, "key");

		if (!jv_eqs(key, UNINITIALIZED) && (shutdown || !jv_eqs(key, SHUTDOWN)))
			jw_raw(w, jv_raw(t.value));
	}
	if (shutdown && !has_taint(s->spec, SHUTDOWN)) {
		jw_begin_object(w);
		jw_member_str(w, "key", STR(SHUTDOWN));
		jw_member_str(w, "effect", STR("NoSchedule"));
		jw_member_str(w, "timeAdded", str_of(now));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void bring_up_to_date(struct node_step *s)
{
	struct label labels[6];
	size_t n = wanted_labels(s, labels);
	bool id = s->i.provider_id.len && !jv_text(jv_get(s->spec, "providerID")).len;
	/* A machine that answers is not shut down, whatever is said of it. */
	bool shutdown = s->i.shutdown && !is_ready(s->n);
	bool taints = has_taint(s->spec, UNINITIALIZED) || has_taint(s->spec, SHUTDOWN) != shutdown;
	struct plan_op *op;
	struct jw w;

	if (!n && !id && !taints)
		return;
	op = plan_add(s->p, "PATCH", &client_nodes, STR_NULL, s->n->name, NULL);
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "resourceVersion", jv_text(jv_get(object_meta(s->n), "resourceVersion")));
	jw_key(&w, "labels");
	jw_begin_object(&w);
	for (size_t i = 0; i < n; i++)
		jw_member_str(&w, labels[i].key, labels[i].value);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	if (id)
		jw_member_str(&w, "providerID", s->i.provider_id);
	if (taints)
		write_taints(s, &w, shutdown);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* The agent tells its own address and name; what else the provider knows is added. */
static bool is_ours(struct node_step *s, struct jv address)
{
	struct jv type = jv_get(address, "type");

	if (jv_eqs(type, "InternalIP") || jv_eqs(type, "Hostname"))
		return false;
	jv_for_each (a, jv_get(object_status(s->n), "addresses"))
		if (str_eq(jv_text(jv_get(a.value, "type")), jv_text(type)) &&
		    str_eq(jv_text(jv_get(a.value, "address")),
			   jv_text(jv_get(address, "address"))))
			return false;
	return true;
}

static void add_addresses(struct node_step *s)
{
	struct plan_op *op;
	struct jw w;
	size_t n = 0;

	jv_for_each (a, s->i.addresses)
		n += is_ours(s, a.value);
	if (!n)
		return;
	plan_next_stage(s->p);
	op = plan_add(s->p, "PATCH", &client_nodes, STR_NULL, s->n->name, "status");
	op->content_type = CLIENT_STRATEGIC_PATCH;
	op->flags = PLAN_OK_ABSENT;
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_key(&w, "addresses");
	jw_begin_array(&w);
	jv_for_each (a, s->i.addresses)
		if (is_ours(s, a.value))
			jw_raw(&w, jv_raw(a.value));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void remove_node(struct node_step *s)
{
	struct plan_op *op;

	if (is_ready(s->n) || object_deleting(s->n))
		return;
	recorder_event_for(s->c->events, &client_nodes, s->n, EVENT_NORMAL, "DeletingNode",
			   "Deleting node %.*s because it does not exist in the cloud provider",
			   STR_ARG(s->n->name));
	op = plan_add(s->p, "DELETE", &client_nodes, STR_NULL, s->n->name, NULL);
	op->flags = PLAN_OK_ABSENT;
	buf_addf(&op->body, "{\"preconditions\":{\"uid\":\"%.*s\"}}", STR_ARG(object_uid(s->n)));
}

static int check_instance(struct jv result, struct err *err)
{
	struct cloud_instance i;

	return cloud_read_instance(result, &i, err);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct node_step s = {.c = c, .p = p, .n = informer_get(nodes_in(c), key)};
	CLEANUP(buf_done) struct buf params = BUF_INIT;
	struct ask q = {.key = key, .verb = CLOUD_INSTANCE, .check = check_instance};
	enum ask_state state;

	if (!s.n) {
		asks_forget(c->state, key);
		return;
	}
	s.spec = object_spec(s.n);
	write_question(s.n, &params);
	q.params = buf_str(&params);
	q.same = object_uid(s.n); /* labels and addresses alone make no new question */
	q.max_age_ns = is_ready(s.n) ? READY_AGE_NS : NOT_READY_AGE_NS;
	state = ask(c->state, p, &q);
	if (state == ASK_FAILED && q.fresh)
		recorder_event_for(c->events, &client_nodes, s.n, EVENT_WARNING,
				   "CloudProviderFailed", "Error asking for the node's machine: %s",
				   q.error);
	if (state != ASK_OK || cloud_read_instance(q.result, &s.i, NULL) < 0)
		return;
	if (!s.i.exists) {
		remove_node(&s);
		return;
	}
	s.new_one = has_taint(s.spec, UNINITIALIZED);
	bring_up_to_date(&s);
	add_addresses(&s);
}

static void node_one(void *user, struct object *n)
{
	ctl_enqueue(user, n->key);
}
static void node_two(void *user, struct object *old, struct object *n)
{
	struct ctl *c = user;

	if (!str_eq(object_uid(old), object_uid(n)))
		asks_forget(c->state, n->key);
	/* A heartbeat alone is no news. */
	if (is_ready(old) != is_ready(n) ||
	    !str_eq(jv_raw(object_spec(old)), jv_raw(object_spec(n))) ||
	    !str_eq(jv_raw(jv_get(object_meta(old), "labels")),
		    jv_raw(jv_get(object_meta(n), "labels"))) ||
	    !str_eq(jv_raw(jv_get(object_status(old), "addresses")),
		    jv_raw(jv_get(object_status(n), "addresses"))))
		ctl_enqueue(c, n->key);
}
static const struct informer_handler on_node = {node_one, node_two, node_one, NULL};

static bool init(struct ctl *c)
{
	if (!c->conf->cloud || !cloud_does(c->conf->cloud, CLOUD_INSTANCE))
		return false;
	c->state = asks_new(c);
	ctl_handle(c, nodes_in(c), &on_node);
	return true;
}

static void cloud_changed(struct ctl *c)
{
	asks_expire(c->state);
}

static void done(struct ctl *c)
{
	asks_free(c->state);
}

const struct controller cloud_node_controller = {
	.name = "cloud-node",
	.component = "cloud-node-controller",
	.parallel = 8,
	.init = init,
	.sync = reconcile,
	.done = done,
	.cloud_changed = cloud_changed,
};
