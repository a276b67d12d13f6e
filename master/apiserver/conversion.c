/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/conversion.h"
#include "lib/base/codec.h"
#include "lib/json/jw.h"
#include "master/apiserver/respond.h"
#include "master/apiserver/server.h"
#include "master/apiserver/webhook_client.h"

#define TIMEOUT_S 30
#define REVIEW_GROUP "apiextensions.k8s.io"
#define GROUP_MAX (1u << 20) /* bytes of objects in one request */

struct conversion {
	struct apiserver *srv;
	const struct api_kind *kind;
	struct custom_def *def; /* a reference */
	struct buf *values;
	size_t n, at, sent; /* answered so far; of the group under way */
	struct webhook_target target;
	char uid[UUID_LEN + 1];
	bool beta; /* speaks v1beta1, of whose answers neither uid nor type was ever looked at */
	conversion_cb *cb;
	void *user;
};

static void finish(struct conversion *c, const struct err *e)
{
	c->cb(c->user, e);
	for (size_t i = 0; i < c->n; i++)
		buf_done(&c->values[i]);
	free(c->values);
	webhook_target_done(&c->target);
	custom_def_unref(c->def);
	free(c);
}

static void fail(struct conversion *c, const char *why)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	err_set(&e, EPROTO, "InternalError", "conversion webhook for %s/%s, Kind=%s failed: %s",
		c->kind->group, c->kind->version, c->kind->kind, why);
	e.http_code = 500;
	finish(c, &e);
}

static void send_group(struct conversion *c);

/* Is it still the same object? */
static const char *not_the_same(struct jv was, struct jv got)
{
	static const struct {
		const char *name, *why;
	} same[] = {{"name", "returned invalid object: must have the same name"},
		    {"namespace", "returned invalid object: must have the same namespace"},
		    {"uid", "returned invalid object: must have the same UID"}};
	struct jv a = jv_get(was, "metadata"), b = jv_get(got, "metadata");

	if (jv_type(b) != JV_OBJECT)
		return "returned invalid metadata: missing metadata in converted object";
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (!str_eq(jv_text(jv_get(a, same[i].name)), jv_text(jv_get(b, same[i].name))))
			return same[i].why;
	return NULL;
}

/* What nobody may change on the way: everything of the metadata but labels and annotations. */
static bool restore(struct conversion *c, struct jv was, struct jv got, struct buf *out)
{
	CLEANUP_JSON struct json_object *a = NULL, *b = NULL;
	CLEANUP(buf_done) struct buf version = BUF_INIT;
	static const char *const theirs[] = {"labels", "annotations"};
	struct json_object *meta;

	api_kind_api_version(c->kind, &version);
	if (!str_eq(jv_text(jv_get(got, "apiVersion")), buf_str(&version)) ||
	    !jv_eqs(jv_get(got, "kind"), c->kind->kind) ||
	    jsonc_parse(jv_raw(was), NULL, &a, NULL) < 0 ||
	    jsonc_parse(jv_raw(got), NULL, &b, NULL) < 0)
		return false;
	meta = jsonc_clone(jsonc_get(a, "metadata"));
	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++) {
		struct json_object *v = jsonc_get(jsonc_get(b, "metadata"), theirs[i]);

		json_object_object_del(meta, theirs[i]);
		if (v)
			jsonc_set(meta, theirs[i], json_object_get(v));
	}
	jsonc_set(b, "metadata", meta);
	custom_read_tree(c->kind, b);
	jsonc_write(b, out);
	return true;
}

/* NULL: all of the group came back. */
static const char *take_answer(struct conversion *c, struct str body, struct buf *tmp)
{
	struct jv resp, result;
	size_t i = 0;

	if (json_scan(body, NULL, NULL) < 0)
		return "the answer is no JSON";
	resp = jv_get(jv_of(body), "response");
	result = jv_get(resp, "result");
	if (jv_type(resp) != JV_OBJECT)
		return "no response provided";
	if (!c->beta && (!jv_eqs(jv_get(jv_of(body), "kind"), "ConversionReview") ||
			 !jv_eqs(jv_get(jv_of(body), "apiVersion"), REVIEW_GROUP "/v1")))
		return "expected webhook response of " REVIEW_GROUP "/v1, Kind=ConversionReview";
	if (!c->beta && !jv_eqs(jv_get(resp, "uid"), c->uid))
		return "the answer's response.uid is not that of the request";
	if (!jv_eqs(jv_get(result, "status"), "Success")) {
		struct str m = jv_str(jv_get(result, "message"), tmp);

		return m.len ? m.p : "the answer's response.result.status is not Success";
	}
	if (jv_len(jv_get(resp, "convertedObjects")) != c->sent)
		return "the answer has another number of objects";
	jv_for_each (it, jv_get(resp, "convertedObjects")) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		struct str was = buf_str(&c->values[c->at + i++]);
		const char *why = not_the_same(jv_of(was), it.value);

		if (why)
			return why;
		if (!restore(c, jv_of(was), it.value, &b))
			return "a converted object has another apiVersion or kind";
		custom_converted(c->kind, was, buf_str(&b));
	}
	return NULL;
}

static void on_answer(void *user, int err, int status, struct str body, const char *why)
{
	struct conversion *c = user;
	CLEANUP(buf_done) struct buf tmp = BUF_INIT;

	if (!err && status != 200) {
		buf_addf(&tmp, "the server answered with status %d", status);
		why = tmp.p;
	} else if (!err) {
		why = take_answer(c, body, &tmp);
	}
	if (err || why) {
		CLEANUP_FREE char *text = xstrdup(why ? why : strerror(-err));

		fail(c, text);
		return;
	}
	c->at += c->sent;
	if (c->at < c->n)
		send_group(c);
	else
		finish(c, NULL);
}

static struct jv hook_of(const struct conversion *c, struct buf *scratch)
{
	return jv_path(jv_of(custom_def_json(c->def, scratch)), "spec.conversion.webhook");
}

static void send_group(struct conversion *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, version = BUF_INIT, def = BUF_INIT;
	struct jw w = jw_start(&b);
	size_t size = 0;

	jv_for_each (it, jv_get(hook_of(c, &def), "conversionReviewVersions")) {
		if (jv_eqs(it.value, "v1") || jv_eqs(it.value, "v1beta1")) {
			c->beta = jv_eqs(it.value, "v1beta1");
			break;
		}
	}
	rng_uuid(&rng_system, c->uid);
	api_kind_api_version(c->kind, &version);
	buf_addf(&b,
		 "{\"kind\":\"ConversionReview\",\"apiVersion\":\"" REVIEW_GROUP "/%s\","
		 "\"request\":{\"uid\":\"%s\",\"desiredAPIVersion\":\"%s\",\"objects\":",
		 c->beta ? "v1beta1" : "v1", c->uid, version.p);
	w = jw_start(&b);
	jw_begin_array(&w);
	for (c->sent = 0; c->at + c->sent < c->n && (!c->sent || size < GROUP_MAX); c->sent++) {
		struct str v = buf_str(&c->values[c->at + c->sent]);

		jw_raw(&w, v);
		size += v.len;
	}
	jw_end_array(&w);
	buf_adds(&b, "}}");
	webhook_post(c->srv->webhook_client, &c->target, TIMEOUT_S, buf_str(&b), on_answer, c);
}

bool conversion_ensure(struct apiserver *s, const struct api_kind *k, const struct str *values,
		       size_t n, conversion_cb *cb, void *user)
{
	CLEANUP(buf_done) struct buf def = BUF_INIT;
	struct conversion *c;
	size_t want = 0;

	for (size_t i = 0; i < n; i++)
		want += custom_wants_webhook(k, values[i]);
	if (!want)
		return false;
	custom_trim_converted(k);
	c = NEW(struct conversion);
	*c = (struct conversion){
		.srv = s, .kind = k, .def = custom_def_of(k), .cb = cb, .user = user};
	custom_def_ref(c->def);
	c->values = xcalloc(n, sizeof(*c->values));
	for (size_t i = 0; i < n; i++) {
		if (!custom_wants_webhook(k, values[i]))
			continue;
		c->values[c->n] = BUF_INIT;
		buf_addstr(&c->values[c->n++], values[i]);
	}
	/* A broken clientConfig was refused when the definition was written. */
	webhook_target_parse(jv_get(hook_of(c, &def), "clientConfig"), &c->target, NULL);
	send_group(c);
	return true;
}

/* ---- for reading requests ---- */

struct waiting {
	struct request *r; /* a reference */
	void (*again)(struct request *r);
};

static void waited(void *user, const struct err *e)
{
	struct waiting *x = user;

	if (x->r->gone)
		;
	else if (e)
		respond_err(x->r, e);
	else
		x->again(x->r);
	request_unref(x->r);
	free(x);
}

bool conversion_wait(struct request *r, const struct store_obj *const *objs, size_t n,
		     void (*again)(struct request *r))
{
	CLEANUP_FREE struct str *values = NULL;
	struct waiting *x;

	if (!custom_has_webhook(r->kind))
		return false;
	values = xcalloc(n + 1, sizeof(*values));
	for (size_t i = 0; i < n; i++)
		values[i] = objs[i]->value;
	x = NEW(struct waiting);
	*x = (struct waiting){request_ref(r), again};
	if (conversion_ensure(r->srv, r->kind, values, n, waited, x))
		return true;
	request_unref(r);
	free(x);
	return false;
}
