/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/labels.h"
#include "lib/api/patch.h"
#include "master/apiserver/patch.h"
#include "master/apiserver/read.h"
#include "master/apiserver/update.h"
#include "master/apiserver/verbs.h"

/* autoscaling/v1 Scale: spec.replicas of an object behind a form that is the same for all kinds. */
struct scale {
	struct write w;
	struct json_object *patch; /* PATCH; NULL: PUT, the body is a Scale */
	int type;
};

static const struct api_kind *scale_kind(void)
{
	return api_kind_by_gvk(STR("autoscaling"), STR("v1"), STR("Scale"));
}

static const struct api_scale_paths usual = {"spec.replicas", "status.replicas", NULL};

/* The selector as text: of the object's own form, or where a custom resource has the text. */
static void scale_selector(const struct api_kind *k, struct jv o, struct buf *text)
{
	CLEANUP(label_selector_done) struct label_selector sel = {0};
	struct jv selector = jv_path(o, "spec.selector");
	bool plain = jv_eqs(jv_get(o, "kind"), "ReplicationController");

	if (k->scale) {
		CLEANUP(buf_done) struct buf tmp = BUF_INIT;

		if (k->scale->selector)
			buf_addstr(text, jv_str(jv_path(o, k->scale->selector), &tmp));
	} else if ((plain ? label_selector_from_map : label_selector_from_object)(selector, &sel,
										  NULL) == 0) {
		label_selector_format(&sel, text);
	}
}

static void scale_write(const struct api_kind *k, struct str value, struct buf *out)
{
	static const char *const meta[] = {"name", "namespace", "uid", "resourceVersion",
					   "creationTimestamp"};
	const struct api_scale_paths *paths = k->scale ? k->scale : &usual;
	struct jv o = jv_of(value);
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct jw w = jw_start(out);

	scale_selector(k, o, &text);
	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("Scale"));
	jw_member_str(&w, "apiVersion", STR("autoscaling/v1"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	for (size_t i = 0; i < ARRAY_SIZE(meta); i++)
		jw_member_str(&w, meta[i], jv_text(jv_get(jv_get(o, "metadata"), meta[i])));
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_member_i64(&w, "replicas", jv_i64(jv_path(o, paths->spec_replicas), 0));
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_member_i64(&w, "replicas", jv_i64(jv_path(o, paths->status_replicas), 0));
	if (text.len)
		jw_member_str(&w, "selector", buf_str(&text));
	jw_end_object(&w);
	jw_end_object(&w);
}

static void scale_respond(struct request *r, struct str value)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	scale_write(r->kind, value, &b);
	respond_json(r, 200, &b);
}

static void scale_get(struct request *r)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(r->srv->store);
	CLEANUP(err_done) struct err e = ERR_INIT;
	const struct store_obj *o = server_get(v, r->kind, r->info.ns, r->info.name);

	if (o) {
		scale_respond(r, o->value);
		return;
	}
	api_err_not_found(&e, r->kind, r->info.name);
	respond_err(r, &e);
}

/* The Scale as the client wants it. */
static int wanted(struct scale *s, struct json_object **ret, struct err *err)
{
	struct request *r = s->w.r;
	CLEANUP(buf_done) struct buf now = BUF_INIT;
	CLEANUP_JSON struct json_object *cur = NULL;
	CLEANUP_JSON struct json_object *raw = NULL;
	int strict = write_strictness(r, err), e;

	if (strict < 0)
		return strict;
	if (!s->patch)
		return api_decode(scale_kind(), r->content_type, r->body,
				  (enum api_strictness)strict, ret, &r->warnings, err);
	scale_write(s->w.kind, s->w.cur_obj->value, &now);
	e = jsonc_parse(buf_str(&now), &json_stored_limits, &cur, err);
	if (e == 0)
		e = patch_apply(s->type, scale_kind(), cur, s->patch, &raw, err);
	if (e == 0)
		e = api_decode_tree(scale_kind(), raw, (enum api_strictness)strict, ret,
				    &r->warnings, err);
	return e;
}

static int check_replicas(struct write *w, struct json_object *scale, int64_t *ret, struct err *err)
{
	*ret = jsonc_i64(jsonc_path(scale, "spec.replicas"), 0);
	if (*ret >= 0)
		return 0;
	err_field(err, "spec.replicas", "FieldValueInvalid",
		  "Invalid value: %" PRId64 ": must be greater than or equal to 0", *ret);
	return api_err_invalid(err, scale_kind(), str_of(w->name));
}

static void set_replicas(const struct api_kind *k, struct json_object *obj, int64_t replicas)
{
	api_set(obj, k && k->scale ? k->scale->spec_replicas : "spec.replicas",
		json_object_new_int64(replicas));
}

static int scale_make(struct write *w, struct json_object *cur, struct json_object **ret,
		      struct err *err)
{
	struct scale *s = container_of(w, struct scale, w);
	CLEANUP_JSON struct json_object *want = NULL;
	CLEANUP_JSON struct json_object *obj = NULL;
	CLEANUP(buf_done) struct buf old = BUF_INIT;
	int64_t replicas;
	int e;

	if (!cur)
		return api_err_not_found(err, w->kind, str_of(w->name));
	e = wanted(s, &want, err);
	if (e == 0)
		e = update_check_rv(w, want, err);
	if (e < 0)
		return e;
	e = check_replicas(w, want, &replicas, err);
	if (e < 0)
		return e;
	obj = jsonc_clone(cur);
	set_replicas(w->kind, obj, replicas);
	e = write_begin_update(w, obj, cur, err);
	if (e < 0)
		return e;
	scale_write(w->kind, w->cur_obj->value, &old);
	w->seen_kind = scale_kind();
	jsonc_parse(buf_str(&old), NULL, &w->seen_old, NULL);
	w->seen = jsonc_clone(w->seen_old);
	set_replicas(NULL, w->seen, replicas);
	*ret = TAKE(obj);
	return e;
}

/* Admission has made another Scale of it. */
static int scale_unsee(struct write *w, struct err *err)
{
	int64_t replicas;
	int e = check_replicas(w, w->seen, &replicas, err);

	if (e == 0)
		set_replicas(w->kind, w->obj, replicas);
	return e;
}

static void scale_done(struct write *w, enum write_action a, struct str value,
		       const struct store_obj *o)
{
	scale_respond(w->r, value);
}

static bool scale_retry(struct write *w, int err)
{
	return true;
}

static void scale_free(struct write *w)
{
	struct scale *s = container_of(w, struct scale, w);

	json_object_put(s->patch);
	free(s);
}

static const struct write_ops scale_ops = {.make = scale_make,
					   .unsee = scale_unsee,
					   .done = scale_done,
					   .retry = scale_retry,
					   .free = scale_free};

void sub_scale(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct json_object *patch = NULL;
	struct scale *s;
	bool apply;
	int type = 0;

	if (!strcmp(r->info.verb, "get")) {
		read_consistent(r, scale_get);
		return;
	}
	if (!strcmp(r->info.verb, "patch")) {
		type = patch_parse(r, &patch, &apply, &e);
		if (type < 0) {
			respond_err(r, &e);
			return;
		}
	}
	s = NEW(struct scale);
	s->patch = patch;
	s->type = type;
	write_init(&s->w, r, &scale_ops);
	s->w.sub = NULL; /* it is the object's own spec that changes */
	s->w.managed_sub = "scale";
	write_start(&s->w);
}
