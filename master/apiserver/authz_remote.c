/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/authz_remote.h"
#include "lib/api/cel_libs.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/json/json_scan.h"
#include "lib/json/jsonc.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"

#include <openssl/evp.h>

#define CACHE_MAX 8192u
#define KEY_MAX (64u << 10)
/* Long enough for the decision to be made again. */
#define KEEP_LEAST_NS NSEC_PER_SEC
#define UNASKED "the authorization webhook was not asked yet: try again"

/* What a webhook said of one question. */
struct answer {
	enum authz_decision decision;
	char *reason, *failure; /* NULL: none */
	uint64_t until_ns;
};

struct webhook {
	const struct authz_webhook_conf *conf;
	struct cel_program **conditions;
};

struct authz_remote {
	struct apiserver *s;
	const struct authz_remote_conf *conf;
	struct webhook *webhooks;
	struct hmap *answers; /* by the digest of number and question */
	struct hmap *asks; /* the same, under way: struct ask */
	/* What the last decision lacked, and what failed in it. */
	unsigned want;
	struct buf question;
	char key[2 * 32 + 1]; /* its digest: what strangers write is not kept */
	const char *failure;
	bool closing;
};

struct waiter {
	void (*cb)(void *user);
	void *user;
};
struct ask {
	struct authz_remote *z;
	unsigned n;
	char *key;
	struct waiter *v;
	size_t n_waiters, cap_waiters;
};

void authz_remote_conf_done(struct authz_remote_conf *c)
{
	for (size_t i = 0; i < c->n_webhooks; i++) {
		struct authz_webhook_conf *w = &c->webhooks[i];

		for (size_t j = 0; j < w->n_conditions; j++)
			free(w->conditions[j]);
		free(w->conditions);
		free(w->name);
		webhook_target_done(&w->target);
	}
	free(c->webhooks);
	free(c->steps);
	*c = (struct authz_remote_conf){0};
}

/* ---- the question ---- */

/* With `all` also what is empty, as expressions see it. */
static void member(struct jw *w, const char *name, struct str v, bool all)
{
	if (v.len || all)
		jw_member_str(w, name, v.p ? v : STR(""));
}

static void write_node_selector(struct jw *w, struct str node)
{
	jw_key(w, "fieldSelector");
	jw_begin_object(w);
	jw_key(w, "requirements");
	jw_begin_array(w);
	jw_begin_object(w);
	jw_member_str(w, "key", STR("spec.nodeName"));
	jw_member_str(w, "operator", STR("In"));
	jw_key(w, "values");
	jw_begin_array(w);
	jw_str(w, node);
	jw_end_array(w);
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
}

static void write_attributes(struct jw *w, const struct authz_attrs *a, bool all)
{
	jw_key(w, a->is_resource ? "resourceAttributes" : "nonResourceAttributes");
	jw_begin_object(w);
	if (!a->is_resource) {
		member(w, "path", a->path, all);
		member(w, "verb", str_of(a->verb), all);
		jw_end_object(w);
		return;
	}
	member(w, "namespace", a->ns, all);
	member(w, "verb", str_of(a->verb), all);
	member(w, "group", a->group, all);
	member(w, "version", a->version, all);
	member(w, "resource", a->resource, all);
	member(w, "subresource", a->subresource, all);
	member(w, "name", a->name, all);
	if (a->field_node.len)
		write_node_selector(w, a->field_node);
	jw_end_object(w);
}

static void write_extra(struct jw *w, const struct user *u)
{
	jw_key(w, "extra");
	jw_begin_object(w);
	for (size_t i = 0; i < u->n_extra; i++) {
		bool again = false;

		for (size_t j = 0; j < i; j++)
			again |= !strcmp(u->extra[j].key, u->extra[i].key);
		if (again)
			continue;
		jw_key(w, u->extra[i].key);
		jw_begin_array(w);
		for (size_t j = i; j < u->n_extra; j++)
			if (!strcmp(u->extra[j].key, u->extra[i].key))
				jw_str(w, str_of(u->extra[j].value));
		jw_end_array(w);
	}
	jw_end_object(w);
}

static void write_spec(const struct user *u, const struct authz_attrs *a, bool all, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	write_attributes(&w, a, all);
	member(&w, "user", str_of(u->name), all);
	if (u->n_groups || all) {
		jw_key(&w, "groups");
		jw_begin_array(&w);
		for (size_t i = 0; i < u->n_groups; i++)
			jw_str(&w, str_of(u->groups[i]));
		jw_end_array(&w);
	}
	if (u->n_extra || all)
		write_extra(&w, u);
	member(&w, "uid", u->uid ? str_of(u->uid) : STR_NULL, all);
	jw_end_object(&w);
}

/* ---- match conditions ---- */

int authz_condition_compile(const char *text, struct cel_program **ret, struct err *err)
{
	static const struct cel_var vars[] = {{"request", &cel_t_dyn}};
	const struct cel_lib *libs[API_CEL_LIBS + 1] = {NULL};
	struct cel_env env = {vars, ARRAY_SIZE(vars), libs};
	struct cel_program *p;
	enum cel_kind kind;
	int r;

	for (size_t i = 0; i < API_CEL_LIBS && api_cel_libs[i]; i++)
		libs[i] = api_cel_libs[i];
	r = cel_compile(&env, str_of(text), &p, err);
	if (r < 0) {
		err_prefix(err, "compilation failed: ");
		return r;
	}
	kind = (enum cel_kind)cel_program_type(p)->kind;
	if (kind != CEL_BOOL && kind != CEL_DYN) {
		cel_program_free(p);
		return err_sys(err, EINVAL, "must evaluate to bool");
	}
	*ret = p;
	return 0;
}

enum match { MATCH, NO_MATCH, MATCH_ERROR };

/* One that says no decides, whatever is wrong with others. */
static enum match conditions(struct authz_remote *z, const struct webhook *w, const struct user *u,
			     const struct authz_attrs *a)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	CLEANUP_JSON struct json_object *spec = NULL;
	struct arena arena = {0};
	struct cel_run r = {.arena = &arena,
			    .cost_max = API_CEL_CALL_BUDGET,
			    .now_s = server_now_ns(z->s) / (int64_t)NSEC_PER_SEC};
	enum match m = MATCH;
	struct cel_val request;

	if (!w->conf->n_conditions)
		return MATCH;
	write_spec(u, a, true, &text);
	if (jsonc_parse(buf_str(&text), NULL, &spec, NULL) < 0)
		return MATCH_ERROR;
	request = cel_of_json(&r, spec, NULL);
	for (size_t i = 0; m != NO_MATCH && i < w->conf->n_conditions; i++) {
		struct cel_val v = cel_eval(w->conditions[i], &request, &r);

		if (v.kind != CEL_BOOL)
			m = MATCH_ERROR;
		else if (!v.b)
			m = NO_MATCH;
	}
	arena_done(&arena);
	return m;
}

/* ---- answers ---- */

static void answer_free(void *p)
{
	struct answer *a = p;

	free(a->reason);
	free(a->failure);
	free(a);
}

static void remember(struct authz_remote *z, const char *key, struct answer *take)
{
	struct answer *old;

	if (hmap_len(z->answers) >= CACHE_MAX) { /* rarely: begin anew rather than keep an order */
		hmap_free_full(z->answers, answer_free);
		z->answers = hmap_new();
	}
	old = hmap_put(z->answers, str_of(key), take);
	if (old)
		answer_free(old);
}

static struct answer *recall(struct authz_remote *z, struct str key)
{
	struct answer *a = hmap_get(z->answers, key);

	if (a && a->until_ns < timers_now_ns(z->s->timers)) {
		answer_free(hmap_del(z->answers, key));
		a = NULL;
	}
	return a;
}

static void digest(struct str text, char ret[2 * 32 + 1])
{
	CLEANUP(buf_done) struct buf hex = BUF_INIT;
	unsigned char md[32];

	EVP_Digest(text.p, text.len, md, NULL, EVP_sha256(), NULL);
	hex_encode(str_n(md, sizeof(md)), &hex);
	str_copy(ret, 2 * 32 + 1, buf_str(&hex));
}

static enum authz_decision failed(struct authz_remote *z, const struct authz_webhook_conf *c,
				  const char *why)
{
	z->failure = why;
	return c->deny_on_failure ? AUTHZ_DENY : AUTHZ_NO_OPINION;
}

static void ask(struct authz_remote *z);

/* authz_facts.webhook; who can wait for the answer says so next, by authz_remote_ask. */
static enum authz_decision opinion(void *user, unsigned n, const struct user *u,
				   const struct authz_attrs *a, const char **ret_why)
{
	struct authz_remote *z = user;
	const struct webhook *w = &z->webhooks[n];
	enum match m = conditions(z, w, u, a);
	struct answer *known;

	if (m == NO_MATCH)
		return AUTHZ_NO_OPINION;
	if (m == MATCH_ERROR)
		return failed(z, w->conf, "a match condition can't be evaluated");
	z->want = n;
	buf_clear(&z->question);
	buf_addf(&z->question, "%u\n", n);
	write_spec(u, a, false, &z->question);
	if (z->question.len > KEY_MAX)
		return failed(z, w->conf, "the question for the webhook is too long");
	digest(buf_str(&z->question), z->key);
	known = recall(z, str_of(z->key));
	if (!known) {
		ask(z);
		*ret_why = UNASKED;
		return AUTHZ_ASK;
	}
	if (known->failure)
		return failed(z, w->conf, known->failure);
	if (known->reason)
		*ret_why = known->reason;
	return known->decision;
}

void authz_remote_begin(struct authz_remote *z)
{
	z->failure = NULL;
}

const char *authz_remote_failure(const struct authz_remote *z)
{
	return z->failure;
}

/* ---- asking ---- */

static void read_answer(const struct ask *q, int err, int status, struct str body, const char *why,
			struct answer *ret)
{
	const struct authz_webhook_conf *c = q->z->webhooks[q->n].conf;
	uint64_t keep = 0;
	struct jv st;
	bool allowed, denied;

	if (err < 0 || status < 200 || status > 299 || json_scan(body, NULL, NULL) < 0) {
		ret->failure =
			err < 0 ? xstrdup(why) : xasprintf("it answers with status %d", status);
	} else {
		st = jv_get(jv_of(body), "status");
		allowed = jv_bool(jv_get(st, "allowed"), false);
		denied = jv_bool(jv_get(st, "denied"), false);
		ret->decision = denied ? AUTHZ_DENY : allowed ? AUTHZ_ALLOW : AUTHZ_NO_OPINION;
		if (jv_text(jv_get(st, "reason")).len)
			ret->reason = jv_strdup(jv_get(st, "reason"));
		if (allowed && denied)
			ret->failure = xstrdup("it both allows and denies");
		keep = allowed ? c->allowed_ns : c->denied_ns;
	}
	if (ret->failure)
		log_warn("authorization webhook %s: %s", c->name, ret->failure);
	ret->until_ns = timers_now_ns(q->z->s->timers) +
			MAX(ret->failure ? 0 : keep, (uint64_t)KEEP_LEAST_NS);
}

static void on_answer(void *user, int err, int status, struct str body, const char *why)
{
	struct ask *q = user;
	struct answer *a;

	hmap_del(q->z->asks, str_of(q->key));
	if (err == -ECANCELED) {
		q->z->closing = true; /* who waits must not ask again */
	} else {
		a = NEW(struct answer);
		read_answer(q, err, status, body, why, a);
		remember(q->z, q->key, a);
	}
	for (size_t i = 0; i < q->n_waiters; i++)
		q->v[i].cb(q->v[i].user);
	free(q->v);
	free(q->key);
	free(q);
}

static void ask(struct authz_remote *z)
{
	const struct authz_webhook_conf *c = z->webhooks[z->want].conf;
	struct str key = str_of(z->key), text = buf_str(&z->question);
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct ask *q;

	if (z->closing || hmap_get(z->asks, key))
		return;
	q = NEW(struct ask);
	*q = (struct ask){.z = z, .n = z->want, .key = str_dup(key)};
	hmap_put(z->asks, key, q);
	buf_adds(&body, "{\"kind\":\"SubjectAccessReview\",\"apiVersion\":"
			"\"authorization.k8s.io/v1\",\"metadata\":{\"creationTimestamp\":null},"
			"\"spec\":");
	buf_addstr(&body, str_skip(text, (size_t)str_chr(text, '\n') + 1));
	buf_adds(&body, ",\"status\":{\"allowed\":false}}");
	webhook_post(z->s->webhook_client, &c->target, c->timeout_s, buf_str(&body), on_answer, q);
}

void authz_remote_ask(struct authz_remote *z, void (*cb)(void *user), void *user)
{
	struct ask *q = hmap_get(z->asks, str_of(z->key));

	if (q)
		*ARRAY_PUSH(q->v, q->n_waiters, q->cap_waiters) = (struct waiter){cb, user};
	else
		cb(user); /* the server is ending */
}

/* ---- life ---- */

int authz_remote_new(struct apiserver *s, const struct authz_remote_conf *conf,
		     struct authz_remote **ret, struct err *err)
{
	struct authz_remote *z = NEW(struct authz_remote);

	z->s = s;
	z->conf = conf;
	z->answers = hmap_new();
	z->asks = hmap_new();
	buf_init(&z->question);
	z->webhooks = xcalloc(conf->n_webhooks ? conf->n_webhooks : 1, sizeof(*z->webhooks));
	for (size_t i = 0; i < conf->n_webhooks; i++) {
		const struct authz_webhook_conf *c = &conf->webhooks[i];
		struct webhook *w = &z->webhooks[i];
		int r = 0;

		w->conf = c;
		w->conditions = xcalloc(c->n_conditions + 1, sizeof(*w->conditions));
		for (size_t j = 0; r == 0 && j < c->n_conditions; j++)
			r = authz_condition_compile(c->conditions[j], &w->conditions[j], err);
		if (r < 0) {
			authz_remote_free(z);
			return r;
		}
	}
	s->facts.steps = conf->steps;
	s->facts.n_steps = conf->n_steps;
	s->facts.webhook = opinion;
	s->facts.webhook_user = z;
	*ret = z;
	return 0;
}

struct authz_remote *authz_remote_free(struct authz_remote *z)
{
	if (!z)
		return NULL;
	for (size_t i = 0; i < z->conf->n_webhooks; i++) {
		struct cel_program **p = z->webhooks[i].conditions;

		for (size_t j = 0; p && j < z->conf->webhooks[i].n_conditions; j++)
			cel_program_free(p[j]);
		free(p);
	}
	free(z->webhooks);
	hmap_free_full(z->answers, answer_free);
	hmap_free(z->asks); /* empty: the calls ended with the webhook client */
	buf_done(&z->question);
	free(z);
	return NULL;
}
