/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/objects.h"

#include "agent/pod/kept.h"
#include "agent/pod/pod.h"
#include "lib/base/hmap.h"
#include "lib/client/client.h"
#include "lib/client/informer.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"

#define ALONE_NS (3 * NSEC_PER_SEC)
#define TOKEN_RENEW_MAX (24 * 3600 * NSEC_PER_SEC)
static const struct backoff_conf backoff_token = {NSEC_PER_SEC, 60 * NSEC_PER_SEC};

/* Kind, and what it is called here, on disk and in messages. */
static const struct {
	const struct client_kind *kind;
	const char *word;
} kinds[SOURCE_KIND_MAX] = {
	[SOURCE_CONFIG_MAP] = {&client_configmaps, "configmap"},
	[SOURCE_SECRET] = {&client_secrets, "secret"},
	[SOURCE_CLAIM] = {&client_pvcs, "persistentvolumeclaim"},
	[SOURCE_VOLUME] = {&client_pvs, "persistentvolume"},
	[SOURCE_DEVICE_CLAIM] = {&client_resourceclaims, "resourceclaim"},
};

struct objects {
	struct client *client;
	struct hmap *watches; /* "kind/ns/name" -> struct object_watch */
};

/* One watched object and the pods that use it. */
struct object_watch {
	struct objects *all;
	char *key;
	struct informer *in;
	struct list users; /* struct object_use.in_watch */
	uint64_t since_ns;
	struct timer alone; /* no master has answered so far */
};

struct object_use {
	struct list in_watch, in_refs;
	struct object_watch *watch;
	struct pod *pod;
	enum source_kind kind;
	char *name;
	uint64_t kept_rv; /* what is on disk */
	struct buf kept; /* what was there, in use until a master answers */
};

struct token {
	struct list in_refs;
	struct pod *pod;
	char *audience;
	int64_t expiration_s;
	char *value; /* NULL: none yet */
	int64_t expires_ns; /* real time */
	uint64_t since_ns; /* when it was wanted first */
	struct client_call *call;
	struct timer renew;
	struct backoff backoff;
	struct err err; /* why the last request failed */
};

struct pod_refs {
	struct list uses, tokens;
	struct client_call *status; /* of a claim */
};

struct objects *objects_new(struct client *client)
{
	struct objects *o = NEW(struct objects);

	o->client = client;
	o->watches = hmap_new();
	return o;
}

struct objects *objects_free(struct objects *o)
{
	if (!o)
		return NULL;
	assert(hmap_len(o->watches) == 0);
	hmap_free(o->watches);
	free(o);
	return NULL;
}

static struct pod_refs *refs_of(struct pod *p)
{
	if (!p->refs) {
		p->refs = NEW(struct pod_refs);
		list_init(&p->refs->uses);
		list_init(&p->refs->tokens);
	}
	return p->refs;
}

static void pod_changed(struct pod *p)
{
	p->volumes_dirty = true;
	/* What failed for want of an object or a key need not wait any more. */
	for (size_t i = 0; i < p->n; i++)
		if (p->containers[i]->state == CONTAINER_WAITING)
			backoff_reset(&p->containers[i]->create);
	pod_kick(p);
}

static void kick_users(struct object_watch *w)
{
	list_for_each (it, &w->users)
		pod_changed(list_entry(it, struct object_use, in_watch)->pod);
}

static void on_object(void *user, struct object *o)
{
	kick_users(user);
}

static void on_updated(void *user, struct object *old, struct object *o)
{
	kick_users(user);
}

static void on_synced(void *user)
{
	kick_users(user);
}

static const struct informer_handler handler = {
	.added = on_object,
	.updated = on_updated,
	.deleted = on_object,
	.synced = on_synced,
};

static void on_alone(struct timer *t)
{
	struct object_watch *w = container_of(t, struct object_watch, alone);

	if (!informer_synced(w->in))
		kick_users(w);
}

static struct object_watch *watch_get(struct objects *o, enum source_kind kind, struct str ns,
				      struct str name)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT, query = BUF_INIT, field = BUF_INIT;
	struct object_watch *w;

	buf_addf(&key, "%d/%.*s/%.*s", (int)kind, STR_ARG(ns), STR_ARG(name));
	w = hmap_get(o->watches, buf_str(&key));
	if (w)
		return w;
	w = NEW(struct object_watch);
	w->all = o;
	list_init(&w->users);
	buf_addf(&field, "metadata.name=%.*s", STR_ARG(name));
	client_query_add(&query, "fieldSelector", buf_str(&field));
	w->in = informer_new(o->client, &(struct informer_conf){
						.kind = kinds[kind].kind,
						.ns = ns,
						.query = query.p,
						.page = 1,
					});
	w->since_ns = client_now_ns(o->client);
	w->alone.fire = on_alone;
	timers_arm_in(client_timers(o->client), &w->alone, ALONE_NS);
	hmap_put(o->watches, buf_str(&key), w);
	w->key = buf_take(&key);
	informer_handle(w->in, &handler, w);
	informer_start(w->in);
	return w;
}

static void use_free(struct object_use *u)
{
	struct object_watch *w = u->watch;

	list_remove(&u->in_watch);
	list_remove(&u->in_refs);
	free(u->name);
	buf_done(&u->kept);
	free(u);
	if (!list_empty(&w->users))
		return;
	hmap_del(w->all->watches, str_of(w->key));
	timers_disarm(client_timers(w->all->client), &w->alone);
	informer_free(w->in);
	free(w->key);
	free(w);
}

static struct str ns_of(const struct pod *p, enum source_kind kind)
{
	return kinds[kind].kind->namespaced ? p->view->ns : STR_NULL;
}

static struct object_use *use_get(struct pod *p, enum source_kind kind, struct str name)
{
	struct pod_refs *refs = refs_of(p);
	struct object_use *use;

	list_for_each (it, &refs->uses) {
		use = list_entry(it, struct object_use, in_refs);
		if (use->kind == kind && str_eqs(name, use->name))
			return use;
	}
	use = NEW(struct object_use);
	use->pod = p;
	use->kind = kind;
	use->name = str_dup(name);
	use->watch = watch_get(p->all->objects, kind, ns_of(p, kind), name);
	list_append(&use->watch->users, &use->in_watch);
	list_append(&refs->uses, &use->in_refs);
	return use;
}

static void use_keep(struct object_use *use, const char *word, const struct object *o)
{
	CLEANUP_FREE char *file = xasprintf("%s-%s", word, use->name);

	buf_done(&use->kept);
	use->kept = (struct buf)BUF_INIT;
	if (use->kept_rv != o->rv)
		kept_write(use->pod->dir, file, o->bytes);
	use->kept_rv = o->rv;
}

/* What is on disk: when no master answers. */
static int use_kept(struct object_use *use, const char *word, struct jv *ret, struct err *err)
{
	CLEANUP_FREE char *file = xasprintf("%s-%s", word, use->name);
	struct pod *p = use->pod;

	if (pods_now_ns(p->all) - use->watch->since_ns < ALONE_NS || !kept_any(p->dir))
		return err_sys(err, EAGAIN, "waiting for %s \"%s\"", word, use->name);
	if (!use->kept.len && (kept_read(p->dir, file, &use->kept) < 0 ||
			       json_scan(buf_str(&use->kept), NULL, NULL) < 0)) {
		buf_clear(&use->kept);
		return err_sys(err, ENOENT, "%s \"%s\" was not there when a master last answered",
			       word, use->name);
	}
	*ret = jv_of(buf_str(&use->kept));
	return 0;
}

int refs_object(struct pod *p, enum source_kind kind, struct str name, struct jv *ret,
		struct err *err)
{
	const char *word = kinds[kind].word;
	struct object_use *use;
	struct object *o;

	if (!p->all->objects->client)
		return err_sys(err, EAGAIN, "%s \"%.*s\": this node has no master", word,
			       STR_ARG(name));
	use = use_get(p, kind, name);
	o = informer_get_in(use->watch->in, ns_of(p, kind), name);
	if (o) {
		use_keep(use, word, o);
		*ret = jv_of(o->bytes);
		return 0;
	}
	if (!informer_synced(use->watch->in))
		return use_kept(use, word, ret, err);
	return err_sys(err, ENOENT, "%s \"%.*s\" not found", word, STR_ARG(name));
}

void refs_release(struct pod *p, enum source_kind kind, struct str name)
{
	list_for_each_safe (it, &refs_of(p)->uses) {
		struct object_use *use = list_entry(it, struct object_use, in_refs);

		if (use->kind == kind && str_eqs(name, use->name))
			use_free(use);
	}
}

/* ---- tokens ---- */

static void token_body(const struct token *t, struct buf *out)
{
	struct jw w = jw_start(out);
	const struct pod_view *v = t->pod->view;

	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("authentication.k8s.io/v1"));
	jw_member_str(&w, "kind", STR("TokenRequest"));
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_key(&w, "audiences");
	jw_begin_array(&w);
	if (t->audience[0])
		jw_str(&w, str_of(t->audience));
	jw_end_array(&w);
	jw_member_i64(&w, "expirationSeconds", t->expiration_s);
	jw_key(&w, "boundObjectRef");
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Pod"));
	jw_member_str(&w, "name", v->name);
	jw_member_str(&w, "uid", v->uid);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void token_ask(struct token *t);

/* "<expiry, ns> <token>": of this audience and time. */
static char *token_file(const struct token *t)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (const char *c = t->audience; *c; c++)
		h = (h ^ (uint8_t)*c) * 0x100000001b3ull;
	return xasprintf("token-%016" PRIx64 "-%" PRId64, h, t->expiration_s);
}

static void token_keep(const struct token *t)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *file = token_file(t);

	buf_addf(&b, "%" PRId64 " %s", t->expires_ns, t->value);
	kept_write(t->pod->dir, file, buf_str(&b));
}

static void token_arm(struct token *t)
{
	struct timers *ts = t->pod->all->conf.timers;
	int64_t now = clock_real_ns(ts->clock), early = t->expiration_s * (NSEC_PER_SEC / 5);
	uint64_t left = (uint64_t)MAX(t->expires_ns - early - now, 0);

	timers_arm_in(ts, &t->renew, MIN(MAX(left, NSEC_PER_SEC), TOKEN_RENEW_MAX));
}

/* The one of an earlier agent. True: it is good for so long that no other is needed yet. */
static bool token_load(struct token *t)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *file = token_file(t);
	struct str rest, expires;
	uint64_t at;

	if (kept_read(t->pod->dir, file, &b) < 0)
		return false;
	rest = buf_str(&b);
	if (!str_split(&rest, ' ', &expires) || str_to_u64(expires, &at) < 0 || !rest.len)
		return false;
	t->value = str_dup(rest);
	t->expires_ns = (int64_t)at;
	if (t->expires_ns - t->expiration_s * (int64_t)(NSEC_PER_SEC / 5) <=
	    pods_real_ns(t->pod->all))
		return false;
	token_arm(t);
	return true;
}

static void token_failed(struct token *t, const struct err *e)
{
	struct timers *ts = t->pod->all->conf.timers;

	err_set(&t->err, e->errnum ? e->errnum : EPROTO, NULL, "failed to fetch token: %s",
		e->errnum ? err_text(e) : "no token in answer");
	backoff_fail(&t->backoff, &backoff_token, timers_now_ns(ts));
	timers_arm_in(ts, &t->renew,
		      t->backoff.delay_ns / 2 + rng_below(&rng_system, t->backoff.delay_ns));
	pod_changed(t->pod);
}

static void on_token(void *user, const struct err *e, struct str body)
{
	struct token *t = user;
	struct jv status = jv_get(jv_of(body), "status");
	char *value;

	t->call = NULL;
	err_clear(&t->err);
	value = e->errnum || json_scan(body, NULL, NULL) < 0 ? NULL
							     : jv_strdup(jv_get(status, "token"));
	if (!value) {
		token_failed(t, e);
		return;
	}
	backoff_reset(&t->backoff);
	free(t->value);
	t->value = value;
	if (time_parse(jv_text(jv_get(status, "expirationTimestamp")), &t->expires_ns) < 0)
		t->expires_ns = pods_real_ns(t->pod->all) + t->expiration_s * (int64_t)NSEC_PER_SEC;
	token_keep(t);
	token_arm(t);
	pod_changed(t->pod);
}

static void token_ask(struct token *t)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;

	token_body(t, &body);
	t->call = client_do(t->pod->all->objects->client,
			    &(struct client_req){
				    .method = "POST",
				    .kind = &client_serviceaccounts,
				    .ns = t->pod->view->ns,
				    .name = t->pod->view->service_account,
				    .sub = "token",
				    .body = buf_str(&body),
			    },
			    on_token, t);
}

static void on_renew(struct timer *timer)
{
	struct token *t = container_of(timer, struct token, renew);

	if (!t->call)
		token_ask(t);
}

/* Nobody answers, so nobody refuses an old one either. */
static bool token_alone(const struct token *t)
{
	return t->err.errnum && client_err_transient(&t->err) &&
	       pods_now_ns(t->pod->all) - t->since_ns >= ALONE_NS;
}

int refs_token(struct pod *p, struct str audience, int64_t expiration_s, struct buf *out,
	       struct err *err)
{
	struct pod_refs *refs = refs_of(p);
	struct token *t = NULL;

	if (!p->all->objects->client)
		return err_sys(err, EAGAIN, "token: this node has no master");
	list_for_each (it, &refs->tokens) {
		struct token *x = list_entry(it, struct token, in_refs);

		if (str_eqs(audience, x->audience) && x->expiration_s == expiration_s)
			t = x;
	}
	if (!t) {
		t = NEW(struct token);
		t->pod = p;
		t->audience = xstrndup(audience.p ? audience.p : "", audience.len);
		t->expiration_s = expiration_s;
		t->renew.fire = on_renew;
		t->since_ns = pods_now_ns(p->all);
		list_append(&refs->tokens, &t->in_refs);
		if (!token_load(t))
			token_ask(t);
	}
	if (t->value && (t->expires_ns > pods_real_ns(p->all) || token_alone(t))) {
		buf_adds(out, t->value);
		return 0;
	}
	if (t->err.errnum && !client_err_transient(&t->err))
		return err_set(err, t->err.errnum, t->err.reason, "%s", err_text(&t->err));
	return err_sys(err, EAGAIN, "waiting for a service account token%s%s",
		       t->err.errnum ? ": " : "", t->err.errnum ? err_text(&t->err) : "");
}

static void on_claim_status(void *user, const struct err *e, struct str body)
{
	struct pod *p = user;

	p->refs->status = NULL;
	if (!e->errnum)
		return;
	pod_log(LOG_LEVEL_WARN, p, 0, "cannot write the status of a claim: %s", err_text(e));
	p->volumes_dirty = true;
	pod_wake_at(p, pods_now_ns(p->all) + 2 * NSEC_PER_SEC);
}

void refs_claim_status(struct pod *p, struct str claim, struct str body)
{
	struct pod_refs *refs = refs_of(p);

	if (refs->status || !p->all->objects->client)
		return;
	refs->status = client_do(p->all->objects->client,
				 &(struct client_req){
					 .method = "PATCH",
					 .kind = &client_pvcs,
					 .ns = p->view->ns,
					 .name = claim,
					 .sub = "status",
					 .content_type = CLIENT_MERGE_PATCH,
					 .body = body,
				 },
				 on_claim_status, p);
}

static void token_free(struct token *t)
{
	if (t->call)
		client_cancel(t->pod->all->objects->client, t->call);
	timers_disarm(t->pod->all->conf.timers, &t->renew);
	list_remove(&t->in_refs);
	err_done(&t->err);
	free(t->audience);
	free(t->value);
	free(t);
}

void refs_free(struct pod *p)
{
	if (!p->refs)
		return;
	list_for_each_safe (it, &p->refs->uses)
		use_free(list_entry(it, struct object_use, in_refs));
	list_for_each_safe (it, &p->refs->tokens)
		token_free(list_entry(it, struct token, in_refs));
	if (p->refs->status)
		client_cancel(p->all->objects->client, p->refs->status);
	free(p->refs);
	p->refs = NULL;
}
