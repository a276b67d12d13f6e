/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/node.h"

#include "agent/image/image.h"
#include "lib/base/kubernetes.h"
#include "lib/base/log.h"
#include "lib/client/client.h"
#include "lib/client/informer.h"
#include "lib/client/lease.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"

#define STATUS_PERIOD (300 * NSEC_PER_SEC)
#define AGAIN_MAX (7 * NSEC_PER_SEC)
#define BUSY_MAX (3 * NSEC_PER_SEC)
#define IMAGES_MAX 50
#define MEM_RESERVED_MAX (100ll << 20)

enum cond { COND_MEMORY, COND_DISK, COND_PID, COND_READY, COND_MAX };

struct cond_state {
	bool value;
	const char *reason;
	char *message;
	int64_t since_ns;
};

struct node {
	struct node_conf conf;
	struct client_call *call;
	struct timer timer; /* the next try, or the next full report */
	uint64_t delay_ns;
	bool registered, dirty;
	char *uid;
	struct cond_state cond[COND_MAX];
	struct lease_renewer *lease;
	struct informer *self; /* the Node as others change it: podCIDR, deletion */
};

static const char *const cond_types[] = {"MemoryPressure", "DiskPressure", "PIDPressure", "Ready"};

static void amounts_json(struct jw *w, const char *key, const struct node_info *i, bool allocatable)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int64_t mem = i->mem_bytes - (allocatable ? MIN(MEM_RESERVED_MAX, i->mem_bytes / 10) : 0);
	int64_t disk = allocatable ? i->ephemeral_bytes / 10 * 9 : i->ephemeral_bytes;

	jw_key(w, key);
	jw_begin_object(w);
	buf_addf(&b, "%" PRId64, i->cpus);
	jw_member_str(w, "cpu", buf_str(&b));
	buf_clear(&b);
	buf_addf(&b, "%" PRId64 "Ki", mem / 1024);
	jw_member_str(w, "memory", buf_str(&b));
	buf_clear(&b);
	if (allocatable)
		buf_addf(&b, "%" PRId64, disk);
	else
		buf_addf(&b, "%" PRId64 "Ki", disk / 1024);
	jw_member_str(w, "ephemeral-storage", buf_str(&b));
	buf_clear(&b);
	buf_addf(&b, "%" PRIu64, i->max_pods);
	jw_member_str(w, "pods", buf_str(&b));
	jw_member_str(w, "hugepages-2Mi", STR("0"));
	jw_member_str(w, "hugepages-1Gi", STR("0"));
	jw_end_object(w);
}

static void info_json(struct jw *w, const struct node_info *i)
{
	const struct {
		const char *key, *value;
	} rows[] = {{"machineID", i->machine_id},
		    {"systemUUID", i->system_uuid},
		    {"bootID", i->boot_id},
		    {"kernelVersion", i->kernel},
		    {"osImage", i->os_image},
		    {"containerRuntimeVersion", "knarr://" PACKAGE_VERSION},
		    {"kubeletVersion", KUBERNETES_VERSION PACKAGE_VERSION},
		    {"kubeProxyVersion", ""},
		    {"operatingSystem", "linux"},
		    {"architecture", i->arch}};

	jw_key(w, "nodeInfo");
	jw_begin_object(w);
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
		jw_member_str(w, rows[k].key, str_of(rows[k].value));
	jw_end_object(w);
}

/* What a cloud provider has added; the list is replaced as a whole. */
static void others_addresses(struct jw *w, const struct node *n)
{
	if (!n->self)
		return;
	informer_for_each(o, n->self) jv_for_each (a, jv_get(object_status(o), "addresses"))
	{
		struct jv type = jv_get(a.value, "type");

		if (!jv_eqs(type, "InternalIP") && !jv_eqs(type, "Hostname"))
			jw_raw(w, jv_raw(a.value));
	}
}

/*
 * The patch would merge addresses by type, which is wrong as soon as there are two of one: then
 * the list is replaced.
 */
static void addresses_json(struct jw *w, const struct node *n)
{
	const struct node_conf *c = &n->conf;
	const struct {
		const char *type, *value;
	} rows[] = {{"InternalIP", c->ip}, {"InternalIP", c->ip6}, {"Hostname", c->name}};

	jw_key(w, "addresses");
	jw_begin_array(w);
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
		if (!rows[k].value || !rows[k].value[0])
			continue;
		jw_begin_object(w);
		jw_member_str(w, "type", str_of(rows[k].type));
		jw_member_str(w, "address", str_of(rows[k].value));
		jw_end_object(w);
	}
	if (c->ip6 && *c->ip6) {
		others_addresses(w, n);
		jw_raw(w, STR("{\"$patch\":\"replace\"}"));
	}
	jw_end_array(w);
}

static void images_json(struct jw *w, struct image_store *s)
{
	size_t n = 0;

	jw_key(w, "images");
	jw_begin_array(w);
	for (const struct image_info *i = NULL; s && n < IMAGES_MAX && (i = image_next(s, i));
	     n++) {
		jw_begin_object(w);
		jw_key(w, "names");
		jw_begin_array(w);
		for (const char *const *d = i->repo_digests; *d; d++)
			jw_str(w, str_of(*d));
		for (const char *const *d = i->names; *d; d++)
			jw_str(w, str_of(*d));
		jw_end_array(w);
		jw_member_i64(w, "sizeBytes", (int64_t)i->size_bytes);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void conditions_json(struct jw *w, const struct node *n)
{
	char now[TIME_LEN + 1], since[TIME_LEN + 1];

	time_format(clock_real_ns(n->conf.timers->clock), now);
	jw_key(w, "conditions");
	jw_begin_array(w);
	for (int k = 0; k < COND_MAX; k++) {
		time_format(n->cond[k].since_ns, since);
		jw_begin_object(w);
		jw_member_str(w, "type", str_of(cond_types[k]));
		jw_member_str(w, "status", n->cond[k].value ? STR("True") : STR("False"));
		jw_member_str(w, "lastHeartbeatTime", str_of(now));
		jw_member_str(w, "lastTransitionTime", str_of(since));
		jw_member_str(w, "reason", str_of(n->cond[k].reason));
		jw_member_str(w, "message", str_of(n->cond[k].message));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void labels_json(struct jw *w, const struct node_conf *c)
{
	const struct {
		const char *key, *value;
	} rows[] = {{"beta.kubernetes.io/arch", c->info->arch},
		    {"beta.kubernetes.io/os", "linux"},
		    {"kubernetes.io/arch", c->info->arch},
		    {"kubernetes.io/hostname", c->name},
		    {"kubernetes.io/os", "linux"}};

	jw_key(w, "labels");
	jw_begin_object(w);
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
		jw_member_str(w, rows[k].key, str_of(rows[k].value));
	for (size_t k = 0; k < c->n_labels; k++) {
		struct str rest = str_of(c->labels[k]), key;

		if (str_split(&rest, '=', &key) && !str_is_null(rest)) {
			jw_keyn(w, key);
			jw_str(w, rest);
		}
	}
	jw_end_object(w);
}

void node_object_json(const struct node_conf *c, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("Node"));
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", str_of(c->name));
	labels_json(&w, c);
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	if (c->unschedulable)
		jw_member_bool(&w, "unschedulable", true);
	if (c->external_cloud)
		jw_member_raw(&w, "taints",
			      STR("[{\"key\":\"node.cloudprovider.kubernetes.io/uninitialized\","
				  "\"value\":\"true\",\"effect\":\"NoSchedule\"}]"));
	jw_end_object(&w);
	jw_end_object(&w);
}

static void status_patch(const struct node *n, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	labels_json(&w, &n->conf);
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	amounts_json(&w, "capacity", n->conf.info, false);
	amounts_json(&w, "allocatable", n->conf.info, true);
	conditions_json(&w, n);
	addresses_json(&w, n);
	jw_key(&w, "daemonEndpoints");
	jw_begin_object(&w);
	jw_key(&w, "kubeletEndpoint");
	jw_begin_object(&w);
	jw_member_i64(&w, "Port", n->conf.api_port);
	jw_end_object(&w);
	jw_end_object(&w);
	info_json(&w, n->conf.info);
	images_json(&w, n->conf.images);
	if (n->conf.status)
		n->conf.status(n->conf.user, &w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void step(struct node *n);

static void on_timer(struct timer *t)
{
	struct node *n = container_of(t, struct node, timer);

	n->dirty = true;
	step(n);
}

static void again(struct node *n, const struct err *e, const char *what)
{
	if (n->delay_ns == 0 || !client_err_transient(e))
		log_warn("cannot %s: %s", what, err_text(e));
	if (n->delay_ns && !client_err_offline(e))
		n->delay_ns = MIN(n->delay_ns * 2, client_err_transient(e) ? BUSY_MAX : AGAIN_MAX);
	else
		n->delay_ns = 200 * NSEC_PER_MSEC;
	timers_arm_in(n->conf.timers, &n->timer,
		      n->delay_ns / 2 + rng_below(client_rng(n->conf.client), n->delay_ns));
}

static void start_lease(struct node *n)
{
	uint64_t period_ns = n->conf.heartbeat_ns ? n->conf.heartbeat_ns : NSEC_PER_SEC;
	CLEANUP(buf_done) struct buf owner = BUF_INIT;

	if (n->lease)
		return;
	buf_adds(&owner, "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"name\":");
	json_quote(str_of(n->conf.name), &owner);
	buf_addf(&owner, ",\"uid\":\"%s\"}", n->uid);
	n->lease = lease_renewer_start(
		n->conf.client,
		&(struct lease_renewer_conf){
			.ns = STR("kube-node-lease"),
			.name = str_of(n->conf.name),
			.holder = str_of(n->conf.name),
			.owner_json = buf_str(&owner),
			.period_ns = period_ns,
			.duration_s = (uint32_t)MAX(5 * period_ns / NSEC_PER_SEC, 1ull),
		});
}

static void tell_place(struct node *n, struct jv obj)
{
	struct jv labels = jv_path(obj, "metadata.labels");
	CLEANUP(buf_done) struct buf cidrs = BUF_INIT;

	jv_for_each (it, jv_path(obj, "spec.podCIDRs"))
		buf_addf(&cidrs, "%s%.*s", cidrs.len ? "," : "", STR_ARG(jv_text(it.value)));
	if (!cidrs.len)
		buf_addstr(&cidrs, jv_text(jv_path(obj, "spec.podCIDR")));
	if (cidrs.len && n->conf.pod_cidr)
		n->conf.pod_cidr(n->conf.user, cidrs.p);
	if (n->conf.zone)
		n->conf.zone(n->conf.user, jv_text(jv_get(labels, "topology.kubernetes.io/zone")));
}

static void on_self(void *user, struct object *o)
{
	struct node *n = user;

	tell_place(n, jv_of(o->bytes));
	/* Declared silent: by being here we say that we are not. */
	jv_for_each (c, jv_get(object_status(o), "conditions"))
		if (jv_eqs(jv_get(c.value, "status"), "Unknown"))
			n->dirty = true;
	step(n);
}

static void on_self_updated(void *user, struct object *old, struct object *o)
{
	on_self(user, o);
}

/* Somebody deleted the Node: while this agent runs there is one. */
static void on_self_deleted(void *user, struct object *o)
{
	struct node *n = user;

	n->registered = false;
	n->dirty = true;
	step(n);
}

static const struct informer_handler self_handler = {
	.added = on_self,
	.updated = on_self_updated,
	.deleted = on_self_deleted,
};

static void watch_self(struct node *n)
{
	CLEANUP(buf_done) struct buf query = BUF_INIT, field = BUF_INIT;

	if (n->self)
		return;
	buf_addf(&field, "metadata.name=%s", n->conf.name);
	client_query_add(&query, "fieldSelector", buf_str(&field));
	n->self = informer_new(
		n->conf.client,
		&(struct informer_conf){.kind = &client_nodes, .query = query.p, .page = 1});
	informer_handle(n->self, &self_handler, n);
	informer_start(n->self);
}

static void seen(struct node *n, struct str body)
{
	struct jv obj = jv_of(body);

	if (json_scan(body, NULL, NULL) < 0)
		return;
	n->delay_ns = 0;
	n->registered = true;
	free(n->uid);
	n->uid = jv_strdup(jv_path(obj, "metadata.uid"));
	tell_place(n, obj);
	start_lease(n);
	watch_self(n);
	if (n->conf.registered)
		n->conf.registered(n->conf.user, str_of(n->uid));
}

static void on_status(void *user, const struct err *e, struct str body)
{
	struct node *n = user;

	n->call = NULL;
	if (e->errnum == ENOENT) { /* somebody deleted the Node: register anew */
		n->registered = false;
		step(n);
		return;
	}
	if (e->errnum) {
		n->dirty = true;
		again(n, e, "report the node's status");
		return;
	}
	seen(n, body);
	if (n->conf.reported)
		n->conf.reported(n->conf.user);
	if (n->dirty)
		step(n);
	else
		timers_arm_in(n->conf.timers, &n->timer, STATUS_PERIOD);
}

static void on_created(void *user, const struct err *e, struct str body)
{
	struct node *n = user;

	n->call = NULL;
	if (e->errnum && e->errnum != EEXIST) {
		again(n, e, "register the node");
		return;
	}
	if (!e->errnum)
		log_notice("registered as node %s", n->conf.name);
	n->registered = true;
	n->dirty = true;
	step(n);
}

static void step(struct node *n)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;

	if (n->call || !n->dirty)
		return;
	if (!n->registered) {
		node_object_json(&n->conf, &body);
		n->call = client_create(n->conf.client, &client_nodes, STR_NULL, buf_str(&body),
					on_created, n);
		return;
	}
	n->dirty = false;
	status_patch(n, &body);
	n->call = client_do(n->conf.client,
			    &(struct client_req){
				    .method = "PATCH",
				    .kind = &client_nodes,
				    .name = str_of(n->conf.name),
				    .sub = "status",
				    .content_type = CLIENT_STRATEGIC_PATCH,
				    .body = buf_str(&body),
			    },
			    on_status, n);
}

static void cond_set(struct node *n, enum cond k, bool value, const char *reason,
		     const char *message)
{
	struct cond_state *c = &n->cond[k];
	bool same = c->message && c->value == value && strcmp(c->message, message) == 0;

	if (same)
		return;
	if (!c->message || c->value != value)
		c->since_ns = clock_real_ns(n->conf.timers->clock);
	c->value = value;
	c->reason = reason;
	free(c->message);
	c->message = xstrdup(message);
	n->dirty = true;
	if (n->registered)
		step(n);
}

void node_set_ready(struct node *n, bool ready, const char *reason, const char *message)
{
	cond_set(n, COND_READY, ready, reason, message);
}

void node_set_pressure(struct node *n, bool disk, bool memory, bool pids)
{
	cond_set(n, COND_DISK, disk, disk ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
		 disk ? "kubelet has disk pressure" : "kubelet has no disk pressure");
	cond_set(n, COND_MEMORY, memory,
		 memory ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
		 memory ? "kubelet has insufficient memory available"
			: "kubelet has sufficient memory available");
	cond_set(n, COND_PID, pids, pids ? "KubeletHasInsufficientPID" : "KubeletHasSufficientPID",
		 pids ? "kubelet has insufficient PID available"
		      : "kubelet has sufficient PID available");
}

bool node_is_connected(const struct node *n)
{
	uint64_t period_ns = n->conf.heartbeat_ns ? n->conf.heartbeat_ns : NSEC_PER_SEC;
	uint64_t last = n->lease ? lease_renewer_last_ns(n->lease) : 0;

	return last && timers_now_ns(n->conf.timers) - last < 5 * period_ns;
}

void node_images_changed(struct node *n)
{
	node_status_changed(n);
}

void node_status_changed(struct node *n)
{
	n->dirty = true;
	if (n->registered)
		step(n);
}

struct node *node_start(const struct node_conf *conf)
{
	struct node *n = NEW(struct node);

	n->conf = *conf;
	n->timer.fire = on_timer;
	node_set_pressure(n, false, false, false);
	node_set_ready(n, false, "KubeletNotReady", "the pod network is not set up yet");
	n->dirty = true;
	step(n);
	return n;
}

struct node *node_stop(struct node *n)
{
	if (!n)
		return NULL;
	if (n->call)
		client_cancel(n->conf.client, n->call);
	timers_disarm(n->conf.timers, &n->timer);
	lease_renewer_stop(n->lease);
	informer_free(n->self);
	for (int k = 0; k < COND_MAX; k++)
		free(n->cond[k].message);
	free(n->uid);
	free(n);
	return NULL;
}
