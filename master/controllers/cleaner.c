/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/codec.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * What is over goes: bootstrap tokens at their expiration (k8s
 * pkg/controller/bootstrap/tokencleaner.go), certificate signing requests some time after they
 * were decided, or were not (pkg/controller/certificates/cleaner).
 */
#define DECIDED_NS (3600 * (int64_t)NSEC_PER_SEC)
#define UNDECIDED_NS (24 * 3600 * (int64_t)NSEC_PER_SEC)

static void remove_at(struct ctl *c, struct plan *p, const struct client_kind *k,
		      const struct object *o, int64_t due_ns)
{
	int64_t now_ns = client_real_ns(c->client);
	struct plan_op *op;

	if (now_ns < due_ns) {
		plan_again_in(p, (uint64_t)(due_ns - now_ns));
		return;
	}
	op = plan_add(p, "DELETE", k, o->ns, o->name, NULL);
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body, "{\"preconditions\":{\"uid\":\"%.*s\"}}", STR_ARG(object_uid(o)));
}

/* ---- Bootstrap tokens ---- */

static bool is_token(const struct object *secret)
{
	return str_eqs(secret->ns, "kube-system") &&
	       jv_eqs(jv_get(jv_of(secret->bytes), "type"), "bootstrap.kubernetes.io/token");
}

static void sync_token(struct ctl *c, struct str key, struct plan *p)
{
	struct object *s = informer_get(informers_get(c->informers, &client_secrets), key);
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct jv v;
	int64_t due_ns;

	if (!s || !is_token(s) || object_deleting(s))
		return;
	v = jv_path(jv_of(s->bytes), "data.expiration");
	if (!jv_exists(v) || base64_decode(jv_text(v), &text) < 0 || !text.len)
		return; /* for ever */
	/* What cannot be read as a time is taken for over. */
	if (time_parse(buf_str(&text), &due_ns) < 0)
		due_ns = 0;
	remove_at(c, p, &client_secrets, s, due_ns);
}

static void token_one(void *user, struct object *s)
{
	if (is_token(s))
		ctl_enqueue(user, s->key);
}
static void token_two(void *user, struct object *old, struct object *s)
{
	token_one(user, s);
}
static const struct informer_handler on_token = {token_one, token_two, NULL, NULL};

static bool init_token(struct ctl *c)
{
	ctl_handle(c, informers_get(c->informers, &client_secrets), &on_token);
	return true;
}

const struct controller token_cleaner_controller = {
	.name = "token-cleaner",
	.init = init_token,
	.sync = sync_token,
};

/* ---- Certificate signing requests ---- */

static int64_t decided_ns(const struct object *csr)
{
	static const char *const types[] = {"Approved", "Denied", "Failed"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct jv cond = condition_get(jv_of(csr->bytes), types[i]);
		int64_t t = time_ns(jv_get(cond, "lastUpdateTime"));

		if (jv_exists(cond))
			return t ? t : object_created_ns(csr);
	}
	return 0;
}

static void sync_csr(struct ctl *c, struct str key, struct plan *p)
{
	struct object *csr = informer_get(informers_get(c->informers, &client_csrs), key);
	int64_t decided;

	if (!csr || object_deleting(csr))
		return;
	decided = decided_ns(csr);
	remove_at(c, p, &client_csrs, csr,
		  decided ? decided + DECIDED_NS : object_created_ns(csr) + UNDECIDED_NS);
}

static bool init_csr(struct ctl *c)
{
	ctl_handle(c, informers_get(c->informers, &client_csrs), &ctl_enqueue_self);
	return true;
}

const struct controller csr_cleaner_controller = {
	.name = "csr-cleaner",
	.init = init_csr,
	.sync = sync_csr,
};
