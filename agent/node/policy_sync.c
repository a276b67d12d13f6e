/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/policy_sync.h"

#include <unistd.h>

#include "agent/node/object_file.h"
#include "agent/node/policy_rules.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/client/informer.h"
#include "lib/json/jw.h"
#include "net/policy.h"
#include "net/pod_net.h"

#define RETRY_NS NSEC_PER_SEC
#define ALONE_NS (3 * NSEC_PER_SEC)
#define COLLECT_NS NSEC_PER_SEC
#define WHOLE_EVERY_NS (200 * NSEC_PER_MSEC) /* many policies at once cost one pass */

/* A pod of this node. */
struct local {
	char *uid;
	uint32_t addr;
	struct buf json; /* trimmed, with its address */
};

struct cache {
	struct informer *in;
	struct object_file *file;
	char *path;
};

struct policy_sync {
	struct policy_sync_conf conf;
	struct policy *policy;
	struct policy_rules *rules;
	struct cache policies, pods, namespaces;
	struct informer_index *by_ns; /* of policies */
	struct local **locals;
	size_t n_locals, cap_locals;
	struct hmap *owners; /* address -> key of the pod that has it */
	struct hmap *addrs; /* key of a pod -> struct peer */
	struct hmap *dirty; /* keys of pods to look at */
	struct timer timer, alone, collect;
	uint64_t whole_at_ns; /* of the last pass */
	bool whole; /* the rules are others */
	bool in_force; /* a first pass was made */
	bool without_master; /* what the files have is good enough */
	bool stopping;
};

static void soon(struct policy_sync *s)
{
	if (!s->stopping)
		timers_soon(s->conf.timers, &s->timer);
}

static void want_whole(struct policy_sync *s)
{
	uint64_t now = timers_now_ns(s->conf.timers), next = s->whole_at_ns + WHOLE_EVERY_NS;

	s->whole = true;
	if (s->stopping)
		return;
	if (next <= now)
		soon(s);
	else if (!timer_armed(&s->timer) || s->timer.at_ns > next)
		timers_arm(s->conf.timers, &s->timer, next);
}

/* ---- pods as peers ---- */

static struct local *local_of(const struct policy_sync *s, struct str uid)
{
	for (size_t i = 0; i < s->n_locals; i++)
		if (str_eqs(uid, s->locals[i]->uid))
			return s->locals[i];
	return NULL;
}

static struct jv local_pod(const struct local *l)
{
	return jv_of(buf_str(&l->json));
}

static bool has_key(struct jv pod, struct str key)
{
	struct jv meta = jv_get(pod, "metadata");
	struct str ns, name;

	object_key_split(key, &ns, &name);
	return str_eq(jv_text(jv_get(meta, "name")), name) &&
	       str_eq(jv_text(jv_get(meta, "namespace")), ns);
}

/* Ours are known before the master tells of their addresses. */
static struct jv pod_of(const struct policy_sync *s, struct str key)
{
	struct object *o = s->pods.in ? informer_get(s->pods.in, key) : NULL;

	for (size_t i = s->n_locals; i-- > 0;)
		if (has_key(local_pod(s->locals[i]), key))
			return local_pod(s->locals[i]);
	return o ? jv_of(o->bytes) : JV_NONE;
}

static void each_pod(void *user, void (*fn)(void *arg, struct jv pod), void *arg)
{
	struct policy_sync *s = user;

	if (s->pods.in)
		informer_for_each(o, s->pods.in) fn(arg, jv_of(o->bytes));
	for (size_t i = 0; i < s->n_locals; i++)
		fn(arg, local_pod(s->locals[i]));
}

static struct jv ns_labels(void *user, struct str ns)
{
	struct policy_sync *s = user;
	struct object *o = s->namespaces.in ? informer_get(s->namespaces.in, ns) : NULL;

	return o ? jv_get(object_meta(o), "labels") : JV_NONE;
}

struct peer {
	struct ip_addr v[2];
	size_t n;
};

static struct str addr_key(const struct ip_addr *a)
{
	return str_n(a->b, sizeof(a->b));
}

/* An address goes from one pod to another without order between the two events. */
static int forget_peer(struct policy_sync *s, struct str key, struct err *err)
{
	CLEANUP_FREE struct peer *p = hmap_del(s->addrs, key);
	int r = 0;

	for (size_t i = 0; p && i < p->n && r == 0; i++) {
		char *owner = hmap_get(s->owners, addr_key(&p->v[i]));

		if (!owner || !str_eqs(key, owner))
			continue;
		free(hmap_del(s->owners, addr_key(&p->v[i])));
		r = policy_peer(s->policy, p->v[i], NULL, 0, err);
	}
	return r;
}

static int put_peer(struct policy_sync *s, struct str key, struct err *err)
{
	struct jv pod = pod_of(s, key);
	struct peer is = {0}, *had = hmap_get(s->addrs, key);
	CLEANUP_FREE uint32_t *tags = NULL;
	size_t n = policy_rules_count(s->rules);
	int r = 0;

	if (jv_exists(pod))
		is.n = policy_pod_addrs(pod, is.v);
	if (!is.n)
		return forget_peer(s, key, err);
	if (had && memcmp(had, &is, sizeof(is)) != 0)
		r = forget_peer(s, key, err);
	if (r < 0)
		return r;
	tags = xcalloc(n + 1, sizeof(*tags));
	n = policy_rules_tags(s->rules, pod, tags);
	if (!n)
		return forget_peer(s, key, err);
	free(hmap_put(s->addrs, key, xmemdup(&is, sizeof(is))));
	for (size_t i = 0; i < is.n && r == 0; i++) {
		free(hmap_put(s->owners, addr_key(&is.v[i]), str_dup(key)));
		r = policy_peer(s->policy, is.v[i], tags, n, err);
	}
	return r;
}

/* ---- what is watched while somebody asks for it ---- */

static void pod_seen(void *user, struct object *o)
{
	struct policy_sync *s = user;

	hmap_put(s->dirty, o->key, s);
	soon(s);
}
static void pod_updated(void *user, struct object *old, struct object *o)
{
	if (!str_eq(jv_raw(object_spec(old)), jv_raw(object_spec(o))) ||
	    !str_eq(jv_raw(object_status(old)), jv_raw(object_status(o))) ||
	    !str_eq(jv_raw(jv_get(object_meta(old), "labels")),
		    jv_raw(jv_get(object_meta(o), "labels"))))
		pod_seen(user, o);
}
static void ns_seen(void *user, struct object *o)
{
	want_whole(user);
}
static void ns_updated(void *user, struct object *old, struct object *o)
{
	if (!str_eq(jv_raw(jv_get(object_meta(old), "labels")),
		    jv_raw(jv_get(object_meta(o), "labels"))))
		want_whole(user);
}
static void synced(void *user)
{
	struct policy_sync *s = user;

	s->without_master = false;
	want_whole(s);
}
static const struct informer_handler pod_handler = {pod_seen, pod_updated, pod_seen, synced};
static const struct informer_handler ns_handler = {ns_seen, ns_updated, ns_seen, synced};

static void policy_seen(void *user, struct object *o)
{
	want_whole(user);
}
static void policy_updated(void *user, struct object *old, struct object *o)
{
	if (!str_eq(jv_raw(object_spec(old)), jv_raw(object_spec(o))))
		want_whole(user);
}
static const struct informer_handler policy_handler = {policy_seen, policy_updated, policy_seen,
						       synced};

static void cache_open(struct policy_sync *s, struct cache *c, const char *name,
		       const struct informer_conf *conf, const struct informer_handler *h)
{
	if (c->in)
		return;
	c->path = xasprintf("%s/%s", s->conf.data_dir, name);
	c->in = informer_new(s->conf.client, conf);
	c->file = object_file_open(c->in, s->conf.timers, c->path);
	informer_handle(c->in, h, s);
	informer_start(c->in);
}

static void cache_close(struct cache *c, bool remove)
{
	object_file_close(c->file);
	informer_free(c->in);
	if (remove && c->path)
		unlink(c->path);
	free(c->path);
	*c = (struct cache){0};
}

/* False: they are asked for and have not told yet. */
static bool peers_known(struct policy_sync *s)
{
	if (!policy_rules_need_pods(s->rules)) {
		cache_close(&s->pods, true);
		cache_close(&s->namespaces, true);
		return true;
	}
	cache_open(s, &s->pods, "policy-pods",
		   &(struct informer_conf){.kind = &client_pods, .trim = policy_pod_trim},
		   &pod_handler);
	cache_open(s, &s->namespaces, "policy-namespaces",
		   &(struct informer_conf){.kind = &client_namespaces, .metadata_only = true},
		   &ns_handler);
	return s->without_master ||
	       (informer_synced(s->pods.in) && informer_synced(s->namespaces.in));
}

/* ---- rules ---- */

static void sides_of(struct policy_sync *s, struct jv pod, struct policy_sides *ret)
{
	struct object_set v =
		informer_lookup(s->by_ns, jv_text(jv_path(pod, "metadata.namespace")));

	*ret = (struct policy_sides){0};
	for (size_t i = 0; i < v.n; i++)
		policy_rules_add(s->rules, jv_of(v.v[i]->bytes), pod, ret);
}

static int put_all(struct policy_sync *s, struct policy_sides *sides, struct err *err)
{
	struct policy_block *blocks;
	size_t n = policy_rules_blocks(s->rules, &blocks);
	int r = policy_begin(s->policy, blocks, n, err);

	free(blocks);
	hmap_free_full(s->owners, free);
	hmap_free_full(s->addrs, free);
	s->owners = hmap_new();
	s->addrs = hmap_new();
	if (s->pods.in)
		informer_for_each(o, s->pods.in) if (r == 0) r = put_peer(s, o->key, err);
	for (size_t i = 0; i < s->n_locals && r == 0 && s->pods.in; i++) {
		CLEANUP(buf_done) struct buf key = BUF_INIT;
		struct jv meta = jv_get(local_pod(s->locals[i]), "metadata");

		object_key(jv_text(jv_get(meta, "namespace")), jv_text(jv_get(meta, "name")), &key);
		r = put_peer(s, buf_str(&key), err);
	}
	for (size_t i = 0; i < s->n_locals && r == 0; i++)
		r = policy_pod(s->policy, s->locals[i]->addr, &sides[i].in, &sides[i].out, err);
	return r < 0 ? r : policy_commit(s->policy, err);
}

/* Everything from what is known: 0, or 1 when the peers have yet to be heard of. */
static int sync_whole(struct policy_sync *s, struct err *err)
{
	struct policy_sides *sides = xcalloc(s->n_locals + 1, sizeof(*sides));
	size_t n = s->n_locals;
	int r = 1;

	policy_rules_clear(s->rules);
	for (size_t i = 0; i < n; i++)
		sides_of(s, local_pod(s->locals[i]), &sides[i]);
	if (peers_known(s)) {
		r = put_all(s, sides, err);
		hmap_free(s->dirty);
		s->dirty = hmap_new();
	}
	for (size_t i = 0; i < n; i++)
		policy_sides_done(&sides[i]);
	free(sides);
	return r;
}

static bool policies_known(const struct policy_sync *s)
{
	return informer_synced(s->policies.in) || s->without_master;
}

static int sync_dirty(struct policy_sync *s, struct err *err)
{
	struct hmap *dirty = s->dirty;
	int r = 0;

	s->dirty = hmap_new();
	hmap_for_each (it, dirty) {
		struct jv pod = pod_of(s, it->key);

		if (jv_exists(pod) && !policy_rules_know_ports(s->rules, pod)) {
			hmap_free(dirty);
			want_whole(s);
			return 0;
		}
		if (r == 0)
			r = put_peer(s, it->key, err);
	}
	hmap_free(dirty);
	return r;
}

static void report(struct policy_sync *s, int r, struct err *err)
{
	if (r < 0) {
		log_warn("network policies: %s", err_text(err));
		s->whole = true;
		timers_arm_in(s->conf.timers, &s->timer, RETRY_NS);
	}
	err_done(err);
}

static void run(struct policy_sync *s)
{
	struct err err = ERR_INIT;
	int r = 0;

	if (!policies_known(s))
		return; /* what is pinned goes on */
	if (s->whole) {
		s->whole_at_ns = timers_now_ns(s->conf.timers);
		r = sync_whole(s, &err);
		if (r == 0) {
			s->whole = false;
			s->in_force = true;
			timers_arm_in(s->conf.timers, &s->collect, COLLECT_NS);
		}
	} else {
		r = sync_dirty(s, &err);
	}
	report(s, r, &err);
}

static void on_timer(struct timer *t)
{
	run(container_of(t, struct policy_sync, timer));
}

static void on_collect(struct timer *t)
{
	policy_collect(container_of(t, struct policy_sync, collect)->policy);
}

static void on_alone(struct timer *t)
{
	struct policy_sync *s = container_of(t, struct policy_sync, alone);

	if (s->in_force)
		return;
	log_notice("no master answers: network policies are enforced as last known");
	s->without_master = true;
	want_whole(s);
}

/* ---- our pods ---- */

static void local_free(struct local *l)
{
	buf_done(&l->json);
	free(l->uid);
	free(l);
}

/* The pod with the address it has just got. */
static void set_json(struct local *l, const char *ip, const char *ip6, struct jv pod)
{
	CLEANUP(buf_done) struct buf with_ip = BUF_INIT;
	struct jw w = jw_start(&with_ip);

	jw_begin_object(&w);
	jw_member_raw(&w, "metadata", jv_raw(jv_get(pod, "metadata")));
	jw_member_raw(&w, "spec", jv_raw(jv_get(pod, "spec")));
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_member_str(&w, "podIP", str_of(ip));
	if (ip6[0]) {
		const char *const v[] = {ip, ip6};

		jw_key(&w, "podIPs");
		jw_begin_array(&w);
		for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
			jw_begin_object(&w);
			jw_member_str(&w, "ip", str_of(v[i]));
			jw_end_object(&w);
		}
		jw_end_array(&w);
	}
	jw_end_object(&w);
	jw_end_object(&w);
	buf_clear(&l->json);
	policy_pod_trim(jv_of(buf_str(&with_ip)), &l->json);
}

static void forget_local(struct policy_sync *s, struct str uid)
{
	for (size_t i = 0; i < s->n_locals; i++)
		if (str_eqs(uid, s->locals[i]->uid)) {
			struct jv meta = jv_get(local_pod(s->locals[i]), "metadata");
			CLEANUP(buf_done) struct buf key = BUF_INIT;

			object_key(jv_text(jv_get(meta, "namespace")),
				   jv_text(jv_get(meta, "name")), &key);
			hmap_put(s->dirty, buf_str(&key), s);
			local_free(s->locals[i]);
			s->locals[i] = s->locals[--s->n_locals];
			soon(s);
			return;
		}
}

static int put_local(struct policy_sync *s, struct local *l, struct err *err)
{
	size_t tags = policy_rules_count(s->rules);
	struct jv pod = local_pod(l), meta = jv_get(pod, "metadata");
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct policy_sides sides;
	int r = 0;

	sides_of(s, pod, &sides);
	if (policy_rules_count(s->rules) != tags || !policy_rules_know_ports(s->rules, pod))
		s->whole = true; /* a first pod that some policy is about */
	else
		r = policy_pod(s->policy, l->addr, &sides.in, &sides.out, err);
	policy_sides_done(&sides);
	object_key(jv_text(jv_get(meta, "namespace")), jv_text(jv_get(meta, "name")), &key);
	return r < 0 || s->whole ? r : put_peer(s, buf_str(&key), err);
}

void policy_sync_pod(struct policy_sync *s, struct str uid, const char *ip, const char *ip6,
		     struct jv pod)
{
	struct err err = ERR_INIT;
	struct local *l;
	uint32_t addr;
	int r = 0;

	if (!ip || ip4_parse(str_of(ip), &addr) < 0) {
		forget_local(s, uid);
		return;
	}
	l = local_of(s, uid);
	if (!l) {
		l = NEW(struct local);
		buf_init(&l->json);
		l->uid = str_dup(uid);
		*ARRAY_PUSH(s->locals, s->n_locals, s->cap_locals) = l;
	}
	l->addr = addr;
	set_json(l, ip, ip6, pod);
	if (!policies_known(s))
		return;
	if (!s->whole && s->in_force)
		r = put_local(s, l, &err);
	report(s, r, &err);
	if (s->whole || !s->in_force) {
		s->whole = true;
		run(s);
	}
}

struct policy_sync *policy_sync_start(const struct policy_sync_conf *conf)
{
	struct policy_sync *s = NEW(struct policy_sync);
	struct err err = ERR_INIT;
	CLEANUP_FREE char *file = xasprintf("%s/networkpolicies", conf->data_dir);
	bool had_file = access(file, F_OK) == 0;

	s->conf = *conf;
	if (policy_open(conf->net, &s->policy, &err) < 0) {
		log_err("network policies are not enforced: %s", err_text(&err));
		err_done(&err);
		free(s);
		return NULL;
	}
	s->whole = true;
	s->owners = hmap_new();
	s->addrs = hmap_new();
	s->dirty = hmap_new();
	s->timer.fire = on_timer;
	s->alone.fire = on_alone;
	s->collect.fire = on_collect;
	s->rules = policy_rules_new(&(struct policy_rules_conf){
		.each_pod = each_pod, .ns_labels = ns_labels, .user = s});
	cache_open(s, &s->policies, "networkpolicies",
		   &(struct informer_conf){.kind = &client_networkpolicies}, &policy_handler);
	s->by_ns = informer_index(s->policies.in, informer_by_ns);
	/* Without a file what is pinned knows more than we do. */
	if (had_file || !policy_guarded(s->policy))
		timers_arm_in(conf->timers, &s->alone, ALONE_NS);
	return s;
}

struct policy_sync *policy_sync_stop(struct policy_sync *s)
{
	if (!s)
		return NULL;
	s->stopping = true;
	cache_close(&s->policies, false);
	cache_close(&s->pods, false);
	cache_close(&s->namespaces, false);
	timers_disarm(s->conf.timers, &s->timer);
	timers_disarm(s->conf.timers, &s->alone);
	timers_disarm(s->conf.timers, &s->collect);
	for (size_t i = 0; i < s->n_locals; i++)
		local_free(s->locals[i]);
	free(s->locals);
	hmap_free_full(s->owners, free);
	hmap_free_full(s->addrs, free);
	hmap_free(s->dirty);
	policy_rules_free(s->rules);
	policy_close(s->policy);
	free(s);
	return NULL;
}
