/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/objects.h"

#include "agent/pod/pod.h"
#include "lib/base/hmap.h"
#include "lib/client/client.h"
#include "lib/client/informer.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"

#define TOKEN_RENEW_MAX (24 * 3600 * NSEC_PER_SEC)
static const struct backoff_conf backoff_token = {NSEC_PER_SEC, 60 * NSEC_PER_SEC};

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
};

struct object_use {
	struct list in_watch, in_refs;
	struct object_watch *watch;
	struct pod *pod;
	enum source_kind kind;
	char *name;
};

struct token {
	struct list in_refs;
	struct pod *pod;
	char *audience;
	int64_t expiration_s;
	char *value; /* NULL: none yet */
	int64_t expires_ns; /* real time */
	struct client_call *call;
	struct timer renew;
	struct backoff backoff;
	struct err err; /* why the last request failed */
};

struct pod_refs {
	struct list uses, tokens;
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
						.kind = kind == SOURCE_SECRET ? &client_secrets
									      : &client_configmaps,
						.ns = ns,
						.query = query.p,
						.page = 1,
					});
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
	free(u);
	if (!list_empty(&w->users))
		return;
	hmap_del(w->all->watches, str_of(w->key));
	informer_free(w->in);
	free(w->key);
	free(w);
}

int refs_object(struct pod *p, enum source_kind kind, struct str name, struct jv *ret,
		struct err *err)
{
	const char *word = kind == SOURCE_SECRET ? "secret" : "configmap";
	struct pod_refs *refs = refs_of(p);
	struct object_use *use = NULL;
	struct object *o;

	if (!p->all->objects->client)
		return err_sys(err, EAGAIN, "%s \"%.*s\": this node has no master", word,
			       STR_ARG(name));
	list_for_each (it, &refs->uses) {
		struct object_use *u = list_entry(it, struct object_use, in_refs);

		if (u->kind == kind && str_eqs(name, u->name))
			use = u;
	}
	if (!use) {
		use = NEW(struct object_use);
		use->pod = p;
		use->kind = kind;
		use->name = str_dup(name);
		use->watch = watch_get(p->all->objects, kind, p->view->ns, name);
		list_append(&use->watch->users, &use->in_watch);
		list_append(&refs->uses, &use->in_refs);
	}
	o = informer_get_in(use->watch->in, p->view->ns, name);
	if (o) {
		*ret = jv_of(o->bytes);
		return 0;
	}
	if (!informer_synced(use->watch->in))
		return err_sys(err, EAGAIN, "waiting for %s \"%.*s\"", word, STR_ARG(name));
	return err_sys(err, ENOENT, "%s \"%.*s\" not found", word, STR_ARG(name));
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

static void on_token(void *user, const struct err *e, struct str body)
{
	struct token *t = user;
	struct timers *ts = t->pod->all->conf.timers;
	struct jv status = jv_get(jv_of(body), "status");
	char *value;
	uint64_t life;

	t->call = NULL;
	err_clear(&t->err);
	value = e->errnum || json_scan(body, NULL, NULL) < 0 ? NULL
							     : jv_strdup(jv_get(status, "token"));
	if (!value) {
		err_set(&t->err, e->errnum ? e->errnum : EPROTO, NULL, "failed to fetch token: %s",
			e->errnum ? err_text(e) : "no token in answer");
		backoff_fail(&t->backoff, &backoff_token, timers_now_ns(ts));
		timers_arm_in(ts, &t->renew, t->backoff.delay_ns);
		pod_changed(t->pod);
		return;
	}
	backoff_reset(&t->backoff);
	free(t->value);
	t->value = value;
	if (time_parse(jv_text(jv_get(status, "expirationTimestamp")), &t->expires_ns) < 0)
		t->expires_ns = clock_real_ns(ts->clock) + t->expiration_s * (int64_t)NSEC_PER_SEC;
	life = (uint64_t)MAX(t->expires_ns - clock_real_ns(ts->clock), 0);
	timers_arm_in(ts, &t->renew, MIN(MAX(life / 5 * 4, NSEC_PER_SEC), TOKEN_RENEW_MAX));
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
		list_append(&refs->tokens, &t->in_refs);
		token_ask(t);
	}
	if (t->value && t->expires_ns > pods_real_ns(p->all)) {
		buf_adds(out, t->value);
		return 0;
	}
	if (t->err.errnum)
		return err_set(err, t->err.errnum == EAGAIN ? EBUSY : t->err.errnum, t->err.reason,
			       "%s", err_text(&t->err));
	return err_sys(err, EAGAIN, "waiting for a service account token");
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
	free(p->refs);
	p->refs = NULL;
}
