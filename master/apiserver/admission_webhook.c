/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/admission_webhook.h"
#include "master/apiserver/admission_plugins.h"
#include "lib/api/patch.h"
#include "lib/base/codec.h"
#include "master/apiserver/admission_request.h"
#include "master/apiserver/admission_version.h"
#include "master/apiserver/audit.h"
#include "master/apiserver/policies.h"
#include "master/apiserver/policy_eval.h"

#define REVIEW_GROUP "admission.k8s.io"

struct run;

/* One webhook in a run. */
struct asked {
	struct run *run;
	struct webhook_config *config;
	const struct webhook *hook;
	char uid[UUID_LEN + 1];
	bool called;
	const struct api_kind *as; /* the version it wants to see; NULL: the request's */
	unsigned seen; /* edits of the object when it had answered */
	struct json_object *raw; /* as the patch left it, in that version, to be converted back */
	struct buf patch; /* JSON */
};

/* One write's way through its webhooks of one sort. */
struct run {
	struct write *w;
	bool mutating, again; /* again: the round of those asked once more */
	admission_webhooks_cb then;
	struct asked *v;
	size_t n, at, pending;
	struct policies_round policies;
	unsigned edits; /* how often the object was changed */
	struct err refusal;
};

static bool matches(struct run *run, struct asked *q)
{
	const struct webhook *h = q->hook;
	CLEANUP(buf_done) struct buf labels = BUF_INIT, old_labels = BUF_INIT;
	struct webhook_attrs a;

	admission_attrs(run->w, &a, &labels, &old_labels);
	if (!webhook_matches(h, &a))
		return false;
	q->as = admission_version(run->w, h, &a);
	return true;
}

static void review(struct asked *a, struct buf *out)
{
	struct jw jw = jw_start(out);

	jw_begin_object(&jw);
	jw_member_str(&jw, "kind", STR("AdmissionReview"));
	jw_member_str(&jw, "apiVersion",
		      a->hook->beta ? STR(REVIEW_GROUP "/v1beta1") : STR(REVIEW_GROUP "/v1"));
	jw_key(&jw, "request");
	admission_request_write(a->run->w, str_of(a->uid), a->as, true, &jw);
	jw_end_object(&jw);
}

/* ---- the answer ---- */

static void refuse_internal(struct run *run, const char *name, const char *why)
{
	if (run->refusal.errnum)
		return;
	err_set(&run->refusal, EIO, "InternalError",
		"Internal error occurred: failed calling webhook \"%s\": %s", name, why);
	run->refusal.http_code = 500;
}

/* ---- what the audit log is told (webhook/mutating/dispatcher.go) ---- */

/* "KIND/round_0_index_1": which webhook, in which round. */
static char *note_key(const struct asked *a, const char *kind)
{
	return xasprintf("%s/round_%d_index_%td", kind, a->run->again, a - a->run->v);
}

static void note_begin(const struct asked *a, struct jw *w)
{
	struct str config = a->config->o->key;

	jw_begin_object(w);
	jw_member_str(w, "configuration", str_skip(config, (size_t)str_rchr(config, '/') + 1));
	jw_member_str(w, "webhook", a->hook->name);
}

/* patch: what was done to the object, as JSON; absent: nothing. */
static void note_mutation(const struct asked *a, bool mutated, struct str patch)
{
	struct request *r = a->run->w->r;
	CLEANUP_FREE char *key = note_key(a, "mutation.webhook.admission.k8s.io");
	CLEANUP_FREE char *patch_key = note_key(a, "patch.webhook.admission.k8s.io");
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct jw w = jw_start(&text);

	note_begin(a, &w);
	jw_member_bool(&w, "mutated", mutated);
	jw_end_object(&w);
	audit_note(r, key, text.p);
	if (!patch.len || !audit_tells_bodies(r))
		return;
	buf_clear(&text);
	w = jw_start(&text);
	note_begin(a, &w);
	jw_member_raw(&w, "patch", patch);
	jw_member_str(&w, "patchType", STR("JSONPatch"));
	jw_end_object(&w);
	audit_note(r, patch_key, text.p);
}

/* What the webhook itself wants to be told: under its own name. */
static void note_own(const struct asked *a, struct jv notes)
{
	jv_for_each_member (it, notes) {
		CLEANUP(buf_done) struct buf key = BUF_INIT;
		CLEANUP_FREE char *value = jv_strdup(it.value);

		buf_addf(&key, "%.*s/%.*s", STR_ARG(a->hook->name), STR_ARG(it.key));
		if (value)
			audit_note(a->run->w->r, key.p, value);
	}
}

/* No answer, or none that can be read: the policy decides. */
static void failed(struct asked *a, const char *why)
{
	CLEANUP_FREE char *name = str_dup(a->hook->name);

	if (a->hook->fail) {
		refuse_internal(a->run, name, why);
	} else if (a->run->w->r->audit) {
		CLEANUP_FREE char *key = note_key(
			a, a->run->mutating ? "failed-open.mutating.webhook.admission.k8s.io"
					    : "failed-open.validating.webhook.admission.k8s.io");

		audit_note(a->run->w->r, key, name);
	}
}

/* The texts of k8s.io/apiserver's ToStatusErr. */
static void denied(struct asked *a, struct jv status)
{
	struct run *run = a->run;
	CLEANUP_FREE char *message = jv_strdup(jv_get(status, "message"));
	CLEANUP_FREE char *reason = jv_strdup(jv_get(status, "reason"));
	int64_t code = jv_i64(jv_get(status, "code"), 0);
	const char *text = message && *message ? message : reason && *reason ? reason : NULL;

	if (run->refusal.errnum)
		return;
	err_set(&run->refusal, EPERM, reason ? reason : "",
		"admission webhook \"%.*s\" denied the request%s%s", STR_ARG(a->hook->name),
		text ? ": " : " ", text ? text : "without explanation");
	run->refusal.http_code = code >= 400 && code < 600 ? (int)code : 400;
}

/*
 * a->raw, if it can be had in the request's version, becomes the object. 0: it did, or it is
 * lacking (w->lack) and a->raw stays.
 */
static int take_patched(struct asked *a, struct err *err)
{
	struct write *w = a->run->w;
	struct json_object *raw, *obj = NULL;
	bool mutated;
	int r;

	raw = a->as ? admission_from_version(w, a->as, json_object_get(a->raw))
		    : json_object_get(a->raw);
	if (w->lack.to)
		return 0;
	json_object_put(TAKE(a->raw));
	if (!raw)
		return err_sys(err, EPROTO, "%s",
			       w->lack.fault ? w->lack.fault : "no such version");
	r = api_decode_tree(write_seen_kind(w), raw, API_IGNORE, &obj, NULL, err);
	json_object_put(raw);
	if (r < 0)
		return r;
	mutated = write_edit(w, obj);
	a->run->edits += mutated;
	if (w->r->audit)
		note_mutation(a, mutated, buf_str(&a->patch));
	return 0;
}

/* Replaces w->obj by what the patch makes of it; with a->raw set afterwards, later. */
static int patch(struct asked *a, struct str base64, struct err *err)
{
	struct write *w = a->run->w;
	CLEANUP_JSON struct json_object *doc = NULL, *other = NULL;
	int r;

	buf_clear(&a->patch);
	if (base64_decode(base64, &a->patch) < 0)
		return err_sys(err, EINVAL, "the patch is no base64");
	r = jsonc_parse(buf_str(&a->patch), NULL, &doc, err);
	if (a->as)
		other = admission_in_version(w, a->as, write_seen(w));
	if (r == 0)
		r = api_patch_json(a->as ? other : write_seen(w), doc, &a->raw, err);
	return r < 0 ? r : take_patched(a, err);
}

/* What is wrong with a v1 answer's patch, or NULL. */
static const char *patch_fault(const struct asked *a, struct jv res)
{
	bool patched = jv_text(jv_get(res, "patch")).len, typed;
	struct jv type = jv_get(res, "patchType");

	typed = jv_exists(type) && jv_type(type) != JV_NULL;
	if (!a->run->mutating)
		return patched ? "validating webhook may not return response.patch"
		       : typed ? "validating webhook may not return response.patchType"
			       : NULL;
	if (patched != typed)
		return patched ? "webhook returned response.patch but not response.patchType"
			       : "webhook returned response.patchType but not response.patch";
	if (typed && !jv_eqs(type, "JSONPatch"))
		return "webhook returned invalid response.patchType";
	return NULL;
}

/*
 * What is wrong with an answer (webhook/request/admissionreview.go), or NULL. Of v1beta1 neither
 * uid nor type was ever looked at, so nothing there may be refused for that.
 */
static char *answer_fault(const struct asked *a, struct jv top)
{
	struct jv res = jv_get(top, "response");
	struct str version = jv_text(jv_get(top, "apiVersion"));
	struct str kind = jv_text(jv_get(top, "kind"));
	struct str uid = jv_text(jv_get(res, "uid"));
	const char *why;

	if (jv_type(res) != JV_OBJECT)
		return xstrdup("webhook response was absent");
	if (a->hook->beta)
		return NULL;
	if (!str_eqs(uid, a->uid))
		return xasprintf("expected response.uid=\"%s\", got \"%.*s\"", a->uid,
				 STR_ARG(uid));
	if (!str_eqs(version, REVIEW_GROUP "/v1") || !str_eqs(kind, "AdmissionReview"))
		return xasprintf("expected webhook response of " REVIEW_GROUP
				 "/v1, Kind=AdmissionReview, got %s%.*s, Kind=%.*s",
				 str_chr(version, '/') < 0 ? "/" : "", STR_ARG(version),
				 STR_ARG(kind));
	why = patch_fault(a, res);
	return why ? xstrdup(why) : NULL;
}

/* An answer in good form. */
static void take_answer(struct asked *a, struct jv res)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	CLEANUP_FREE char *name = str_dup(a->hook->name);
	struct write *w = a->run->w;
	struct str text = jv_text(jv_get(res, "patch"));

	jv_for_each (warning, jv_get(res, "warnings")) {
		CLEANUP_FREE char *t = jv_strdup(warning.value);

		if (t)
			api_warnings_add(&w->r->warnings, "%s", t);
	}
	if (w->r->audit)
		note_own(a, jv_get(res, "auditAnnotations"));
	if (!jv_bool(jv_get(res, "allowed"), false)) {
		denied(a, jv_get(res, "status"));
		return;
	}
	if (a->run->mutating && !text.len && w->r->audit)
		note_mutation(a, false, STR_NULL);
	if (!text.len || !a->run->mutating)
		return;
	if (w->phase == WRITE_PHASE_DELETE && !a->run->refusal.errnum) {
		err_set(&a->run->refusal, EIO, "InternalError",
			"Internal error occurred: admission webhook \"%s\" attempted to modify the "
			"object, which is not supported for this operation",
			name);
		a->run->refusal.http_code = 500;
	} else if (patch(a, text, &err) < 0) {
		refuse_internal(a->run, name, err_text(&err));
	}
}

static void read_answer(struct asked *a, struct str body)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	CLEANUP_FREE char *fault = NULL, *why = NULL;

	if (json_scan(body, NULL, &err) < 0)
		fault = xstrdup(err_text(&err));
	else
		fault = answer_fault(a, jv_of(body));
	if (!fault) {
		take_answer(a, jv_get(jv_of(body), "response"));
		return;
	}
	why = xasprintf("received invalid webhook response: %s", fault);
	failed(a, why);
}

static void next(struct run *run);

static void answered(struct asked *a)
{
	struct run *run = a->run;

	a->seen = run->edits;
	run->pending--;
	if (run->mutating || !run->pending)
		next(run);
}

/* The patched object in the request's version. */
static void patched_back(void *user, const struct err *e)
{
	struct asked *a = user;
	CLEANUP_FREE char *name = str_dup(a->hook->name);
	CLEANUP(err_done) struct err err = ERR_INIT;

	(void)e;
	if (take_patched(a, &err) < 0)
		refuse_internal(a->run, name, err_text(&err));
	answered(a);
}

static void on_answer(void *user, int err, int status, struct str body, const char *why)
{
	struct asked *a = user;
	struct run *run = a->run;

	if (err < 0 || status != 200) {
		CLEANUP_FREE char *text =
			err < 0 ? xasprintf("failed to call webhook: %s", why)
				: xasprintf("failed to call webhook: the server answered %d %s",
					    status, http_status_text(status));

		failed(a, text);
	} else {
		read_answer(a, body);
	}
	if (a->raw)
		admission_lack_fill(run->w, patched_back, a);
	else
		answered(a);
}

/* ---- the run ---- */

static void finish(struct run *run)
{
	struct write *w = run->w;
	admission_webhooks_cb then = run->then;
	struct err refusal = run->refusal;

	for (size_t i = 0; i < run->n; i++) {
		webhook_config_unref(run->v[i].config);
		buf_done(&run->v[i].patch);
	}
	free(run->v);
	policies_round_done(&run->policies);
	free(run);
	then(w, refusal.errnum ? &refusal : NULL);
	err_done(&refusal);
}

/* True when an answer is to be waited for. */
static bool ask(struct asked *a)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct run *run = a->run;
	const struct webhook *h = a->hook;

	if (h->side_effects && request_dry_run(run->w->r)) {
		err_set(&run->refusal, EINVAL, "BadRequest",
			"admission webhook \"%.*s\" does not support dry run", STR_ARG(h->name));
		return false;
	}
	if (h->fault) {
		failed(a, h->fault);
		return false;
	}
	rng_uuid(&rng_system, a->uid);
	review(a, &body);
	a->called = true;
	run->pending++;
	webhook_post(run->w->srv->webhook_client, &h->target, h->timeout_s, buf_str(&body),
		     on_answer, a);
	return true;
}

/* The expressions of the webhook itself; an error among them is the failurePolicy's to judge. */
static bool conditions_hold(struct asked *a)
{
	struct policy_eval e = {.w = a->run->w};
	const struct policy_expr *bad = NULL;
	enum policy_match match;
	struct cel_val v;

	if (!a->hook->conditions.n)
		return true;
	policy_eval_prepare(&e);
	policy_eval_version(&e, a->as);
	match = policy_eval_conditions(&e, &a->hook->conditions, &bad, &v);
	if (match == POLICY_MATCH_ERROR) {
		CLEANUP_FREE char *why = xasprintf(
			"match condition \"%s\": %.*s", bad->name ? bad->name : "",
			STR_ARG(v.kind == CEL_ERR ? v.s : STR("does not evaluate to a bool")));

		failed(a, why);
	}
	policy_eval_done(&e);
	return match == POLICY_MATCH;
}

/* Conversion is not the webhook's business, nor its failurePolicy's. */
static bool version_fault(struct run *run, const struct api_kind *as)
{
	const struct write *w = run->w;

	if (!as || !w->lack.fault || w->lack.fault_to != as)
		return false;
	err_set(&run->refusal, EPROTO, "InternalError", "Internal error occurred: %s",
		w->lack.fault);
	run->refusal.http_code = 500;
	return true;
}

static void form_came(void *user, const struct err *e)
{
	struct run *run = user;

	(void)e;
	run->pending--;
	next(run);
}

/* Is it this one's turn? Negative: not before it can be seen in the version it wants. */
static int turn(struct run *run, struct asked *a)
{
	if (run->again && (!a->called || !a->hook->reinvoke || a->seen == run->edits))
		return false;
	if (!matches(run, a))
		return false;
	if (!a->as || admission_version_at_hand(run->w, a->as))
		return true;
	if (version_fault(run, a->as))
		return false;
	run->pending++;
	admission_lack_fill(run->w, form_came, run);
	return -EINPROGRESS;
}

static bool ask_policies(struct run *run);

static void policies_on(void *user, const struct err *e)
{
	struct run *run = user;

	(void)e;
	run->pending--;
	if (ask_policies(run))
		next(run);
}

/*
 * Mutating policies come before the webhooks, each time. False: they wait for a conversion; what
 * they did meanwhile is undone.
 */
static bool ask_policies(struct run *run)
{
	struct write *w = run->w;
	struct json_object *before = NULL;
	size_t n = run->policies.n;
	int edits;

	if (!run->mutating || !policies_any_mutating(w->srv->policies))
		return true;
	if (custom_has_webhook(w->kind) && w->obj && !w->seen_kind)
		before = jsonc_clone(w->obj);
	edits = policies_mutate(w, &run->policies, &run->refusal);
	if (!w->lack.to) {
		json_object_put(before);
		run->edits += (unsigned)MAX(edits, 0);
		return true;
	}
	json_object_put(w->obj);
	w->obj = before;
	err_clear(&run->refusal);
	while (run->policies.n > n)
		free(run->policies.keys[--run->policies.n]);
	run->pending++;
	admission_lack_fill(w, policies_on, run);
	return false;
}

/* The built-in plugins look at what others made of the object. */
static bool admit_again(struct run *run)
{
	CLEANUP(buf_done) struct buf before = BUF_INIT, after = BUF_INIT;
	struct write *w = run->w;

	if (w->seen_kind)
		return true; /* not what they look at */
	jsonc_write(w->obj, &before);
	if (write_admit(w, &run->refusal) < 0)
		return false;
	jsonc_write(w->obj, &after);
	run->edits += !str_eq(buf_str(&before), buf_str(&after));
	return true;
}

/*
 * All have spoken once. If anything was changed there is a second round, of those policies and
 * webhooks that wish so; of webhooks only those after which something came. False: not now.
 */
static bool begin_again(struct run *run)
{
	if (!run->mutating || run->again || !run->edits)
		return false;
	run->again = run->policies.again = true;
	run->at = 0;
	return admit_again(run) && ask_policies(run);
}

static void next(struct run *run)
{
	do {
		while (!run->refusal.errnum && run->at < run->n) {
			struct asked *a = &run->v[run->at];
			int r = turn(run, a);

			if (r < 0)
				return;
			run->at++;
			if (r && conditions_hold(a) && ask(a) && run->mutating)
				return;
		}
	} while (!run->refusal.errnum && !run->pending && begin_again(run));
	if (!run->pending)
		finish(run);
}

/* The objects that say who is asked are not themselves subject to it. */
static bool is_exempt(const struct write *w)
{
	return w->phase == WRITE_PHASE_OTHER ||
	       !strcmp(w->kind->group, "admissionregistration.k8s.io");
}

void admission_webhooks(struct write *w, bool mutating, admission_webhooks_cb then)
{
	struct webhook_config *const *configs;
	size_t n = webhooks_configs(w->srv->webhooks, mutating, &configs), hooks = 0;
	struct run *run;

	if (admission_plugin_off(w->srv->plugins_off,
				 mutating ? PLUGIN_MUTATING_WEBHOOK : PLUGIN_VALIDATING_WEBHOOK))
		n = 0;
	for (size_t i = 0; i < n; i++)
		hooks += configs[i]->n;
	if (is_exempt(w) || (!hooks && !(mutating && policies_any_mutating(w->srv->policies)))) {
		then(w, NULL);
		return;
	}
	run = NEW(struct run);
	*run = (struct run){.w = w, .mutating = mutating, .then = then, .refusal = ERR_INIT};
	run->v = xcalloc(hooks ? hooks : 1, sizeof(*run->v));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < configs[i]->n; j++)
			run->v[run->n++] = (struct asked){.run = run,
							  .config = webhook_config_ref(configs[i]),
							  .hook = &configs[i]->hooks[j],
							  .patch = BUF_INIT};
	if (ask_policies(run))
		next(run);
}
