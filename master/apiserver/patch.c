/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/patch.h"
#include "lib/api/apply.h"
#include "lib/api/patch.h"
#include "lib/json/yaml.h"
#include "master/apiserver/update.h"
#include "master/apiserver/verbs.h"

enum patch_type { PATCH_JSON, PATCH_MERGE, PATCH_STRATEGIC, PATCH_APPLY };

static const struct {
	const char *media;
	enum patch_type type;
} media_types[] = {
	{"application/json-patch+json", PATCH_JSON},
	{"application/merge-patch+json", PATCH_MERGE},
	{"application/strategic-merge-patch+json", PATCH_STRATEGIC},
	{"application/apply-patch+yaml", PATCH_APPLY},
};

struct patch {
	struct write w;
	enum patch_type type;
	struct json_object *doc;
};

static void patch_free(struct write *w)
{
	struct patch *p = container_of(w, struct patch, w);

	json_object_put(p->doc);
	free(p);
}

int patch_apply(int type, const struct api_kind *kind, struct json_object *cur,
		struct json_object *patch, struct json_object **ret, struct err *err)
{
	switch ((enum patch_type)type) {
	case PATCH_JSON:
		return api_patch_json(cur, patch, ret, err);
	case PATCH_STRATEGIC:
		return api_patch_strategic(kind->type, cur, patch, ret, err);
	case PATCH_MERGE:
	case PATCH_APPLY:
		return api_patch_merge(cur, patch, ret, err);
	}
	return -EINVAL;
}

static int patch_make(struct write *w, struct json_object *cur, struct json_object **ret,
		      struct err *err)
{
	struct patch *p = container_of(w, struct patch, w);
	CLEANUP_JSON struct json_object *raw = NULL;
	CLEANUP_JSON struct json_object *obj = NULL;
	int strict = write_strictness(w->r, err), e;

	if (strict < 0)
		return strict;
	if (!cur)
		return api_err_not_found(err, w->kind, str_of(w->name));
	e = patch_apply(p->type, w->kind, cur, p->doc, &raw, err);
	if (e == 0)
		e = api_decode_tree(w->kind, raw, (enum api_strictness)strict, &obj,
				    &w->r->warnings, err);
	if (e == 0)
		e = update_to(w, cur, obj, err);
	if (e >= 0)
		*ret = TAKE(obj);
	return e;
}

/* Server-side apply: creates what is not there. */
static int apply_make(struct write *w, struct json_object *cur, struct json_object **ret,
		      struct err *err)
{
	struct patch *p = container_of(w, struct patch, w);
	struct api_manager by = {query_get(&w->r->query, "fieldManager"),
				 w->sub ? str_of(w->sub->name) : STR(""), server_now_ns(w->srv)};
	CLEANUP_JSON struct json_object *applied = NULL;
	CLEANUP_JSON struct json_object *obj = NULL;
	int strict = write_strictness(w->r, err), e;

	if (strict < 0)
		return strict;
	if (!by.name.len)
		return api_err_bad_request(err,
					   "PatchOptions.meta.k8s.io \"\" is invalid: "
					   "fieldManager: Required value: is required for apply "
					   "patch");
	if (!cur && w->sub)
		return api_err_not_found(err, w->kind, str_of(w->name));
	e = api_decode_applied(w->kind, p->doc, (enum api_strictness)strict, &applied,
			       &w->r->warnings, err);
	if (e == 0 && jsonc_path_str(applied, "metadata.managedFields").p)
		e = api_err_bad_request(err, "metadata.managedFields must be nil");
	if (e == 0)
		e = api_apply(w->kind, cur, applied, &by, query_bool(&w->r->query, "force"), &obj,
			      err);
	if (e < 0)
		return e;
	api_complete(w->kind, obj);
	if (cur) {
		e = update_to(w, cur, obj, err);
	} else {
		api_set_str(obj, "metadata.name", str_of(w->name));
		e = write_begin_create(w, obj, err);
	}
	if (e >= 0)
		*ret = TAKE(obj);
	return e;
}

/* Another writer came first: only a patch that named no revision may be tried on the new state. */
static bool patch_retry(struct write *w, int err)
{
	return true;
}

static const struct write_ops patch_ops = {
	.make = patch_make,
	.retry = patch_retry,
	.free = patch_free,
};
static const struct write_ops apply_ops = {
	.make = apply_make,
	.retry = patch_retry,
	.free = patch_free,
};

int patch_parse(struct request *r, struct json_object **ret, bool *ret_apply, struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct str media = r->content_type, rest = media;
	struct str body = r->body;
	int type = -1, e;

	if (media.len)
		str_split(&rest, ';', &media);
	for (size_t i = 0; i < ARRAY_SIZE(media_types); i++)
		if (str_eqs(str_trim(media), media_types[i].media))
			type = (int)media_types[i].type;
	if (type < 0) {
		err_set(err, EMEDIUMTYPE, "UnsupportedMediaType",
			"the body of the request was in an unknown format - accepted media types "
			"include: application/json-patch+json, application/merge-patch+json, "
			"application/strategic-merge-patch+json, application/apply-patch+yaml");
		if (err)
			err->http_code = 415;
		return -EMEDIUMTYPE;
	}
	if (type == PATCH_APPLY && (!body.len || body.p[0] != '{')) {
		e = yaml_to_json(body, &json, err);
		if (e < 0) {
			err_prefix(err, "error decoding YAML: ");
			return e;
		}
		body = buf_str(&json);
	}
	e = jsonc_parse(body, NULL, ret, err);
	if (e < 0) {
		CLEANUP_FREE char *text = xstrdup(err_text(err));

		err_clear(err);
		return api_err_bad_request(err, "error decoding patch: %s", text);
	}
	if (type == PATCH_STRATEGIC && r->kind->custom) {
		json_object_put(*ret);
		*ret = NULL;
		err_set(err, EMEDIUMTYPE, "UnsupportedMediaType",
			"the body of the request was in an unknown format - accepted media types "
			"include: application/json-patch+json, application/merge-patch+json, "
			"application/apply-patch+yaml");
		if (err)
			err->http_code = 415;
		return -EMEDIUMTYPE;
	}
	*ret_apply = type == PATCH_APPLY;
	return type;
}

void verb_patch(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP_JSON struct json_object *doc = NULL;
	struct patch *p;
	bool apply;
	int type = patch_parse(r, &doc, &apply, &e);

	if (type < 0) {
		respond_err(r, &e);
		return;
	}
	p = NEW(struct patch);
	p->type = (enum patch_type)type;
	p->doc = TAKE(doc);
	write_init(&p->w, r, apply ? &apply_ops : &patch_ops);
	write_start(&p->w);
}
