/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/api.h"
#include "lib/api/crd/custom.h"
#include "lib/api/decode.h"
#include "lib/api/protobuf.h"
#include "lib/api/status.h"
#include "lib/json/yaml.h"

#define MAX_UNKNOWN 100

enum body_form { BODY_JSON, BODY_YAML, BODY_APPLY, BODY_PROTOBUF, BODY_UNKNOWN };

int api_strictness_parse(struct str s)
{
	if (!s.len || str_eqs(s, "Warn"))
		return API_WARN;
	if (str_eqs(s, "Ignore"))
		return API_IGNORE;
	return str_eqs(s, "Strict") ? API_STRICT : -EINVAL;
}

void api_warnings_add(struct api_warnings *w, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	*ARRAY_PUSH(w->v, w->n, w->cap) = buf_take(&b);
}

void api_warnings_done(struct api_warnings *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	*w = (struct api_warnings){0};
}

static enum body_form form_of(struct str content_type, struct str body)
{
	struct str t;

	if (!str_split(&content_type, ';', &t) || !(t = str_trim(t)).len)
		return api_pb_is(body) ? BODY_PROTOBUF : BODY_JSON;
	if (str_eq_nocase(t, STR("application/vnd.kubernetes.protobuf")))
		return BODY_PROTOBUF;
	if (str_eq_nocase(t, STR("application/yaml")) || str_eq_nocase(t, STR("text/yaml")))
		return BODY_YAML;
	if (str_eq_nocase(t, STR("application/apply-patch+yaml")))
		return BODY_APPLY;
	if (str_eq_nocase(t, STR("application/json")))
		return BODY_JSON;
	return BODY_UNKNOWN;
}

static int unsupported(struct err *err)
{
	if (err)
		err->http_code = 415;
	return err_set(err, EMEDIUMTYPE, "UnsupportedMediaType",
		       "the body of the request was in an unknown format - accepted media types "
		       "include: application/json, application/yaml, "
		       "application/vnd.kubernetes.protobuf");
}

/* "Pod in version "v1" cannot be handled as a Pod: " in front of what the decoder said. */
static int cannot_handle(const struct api_kind *k, struct str kind, struct err *err)
{
	if (err && err->reason && strcmp(err->reason, "BadRequest") == 0) {
		CLEANUP(buf_done) struct buf v = BUF_INIT;

		api_kind_api_version(k, &v);
		err_prefix(err, "%.*s in version \"%s\" cannot be handled as a %s: ", STR_ARG(kind),
			   k->version, k->kind);
	}
	return -EINVAL;
}

/* The body must be of this kind; what it leaves unsaid is filled in. */
static int check_gvk(const struct api_kind *k, struct str version, struct str kind, struct err *err)
{
	CLEANUP(buf_done) struct buf want = BUF_INIT;

	api_kind_api_version(k, &want);
	if (version.len && !str_eq(version, buf_str(&want)))
		return api_err_bad_request(err,
					   "the API version in the data (%.*s) does not match the "
					   "expected API version (%s)",
					   STR_ARG(version), want.p);
	if (kind.len && !str_eqs(kind, k->kind))
		return api_err_bad_request(err,
					   "%.*s in version \"%s\" cannot be handled as a %s: "
					   "converting (%s.%.*s) to (%s.%s): unknown conversion",
					   STR_ARG(kind), k->version, k->kind, k->version,
					   STR_ARG(kind), *k->group ? k->group : "core", k->kind);
	return 0;
}

static void set_gvk(const struct api_kind *k, struct json_object *obj)
{
	CLEANUP(buf_done) struct buf v = BUF_INIT;

	api_kind_api_version(k, &v);
	jsonc_set_str(obj, "apiVersion", buf_str(&v));
	jsonc_set_str(obj, "kind", str_of(k->kind));
}

static int decode_pb(const struct api_kind *k, struct str body, struct json_object **ret,
		     struct err *err)
{
	struct str version, kind, raw;
	int r;

	r = api_pb_envelope(body, &version, &kind, &raw, err);
	if (r == 0)
		r = check_gvk(k, version, kind, err);
	if (r == 0)
		r = api_pb_decode(k->type, raw, ret, err);
	if (r == 0)
		set_gvk(k, *ret);
	return r;
}

static void on_unknown(void *user, const char *path)
{
	struct api_warnings *w = user;

	if (w->n < MAX_UNKNOWN)
		api_warnings_add(w, "unknown field \"%s\"", path);
}

/* All that strict decoding minds, as one error. */
static int refuse(const struct api_warnings *found, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	for (size_t i = 0; i < found->n && i < MAX_UNKNOWN; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", found->v[i]);
	return api_err_bad_request(err, "strict decoding error: %s", b.p);
}

/*
 * A custom resource: metadata by its table, the rest as it comes; then what the schema doesn't know
 * goes, or is refused, together with what is wrong with metadata.
 */
static int decode_custom(const struct api_kind *k, struct str body, enum api_strictness strict,
			 unsigned mode, struct json_object **ret, struct api_warnings *warnings,
			 struct err *err)
{
	struct api_warnings found = {0};
	enum api_strictness level = strict == API_STRICT ? API_WARN : strict;
	int r = api_decode_json(k->type, body, level, mode, ret, &found, err);

	if (r == 0)
		crd_prune(custom_schema(k)->root, *ret, strict == API_IGNORE ? NULL : on_unknown,
			  &found);
	for (size_t i = 0; r == 0 && strict == API_WARN && warnings && i < found.n; i++)
		api_warnings_add(warnings, "%s", found.v[i]);
	if (r == 0 && strict == API_STRICT && found.n) {
		r = refuse(&found, err);
		json_object_put(*ret);
		*ret = NULL;
	}
	api_warnings_done(&found);
	return r;
}

static int decode_text(const struct api_kind *kind, struct str body, enum api_strictness strict,
		       unsigned mode, struct json_object **ret, struct api_warnings *warnings,
		       struct err *err)
{
	CLEANUP(buf_done) struct buf tmp = BUF_INIT;
	struct jv v;
	int r;

	if (kind->custom)
		r = decode_custom(kind, body, strict, mode, ret, warnings, err);
	else
		r = api_decode_json(kind->type, body, strict, mode, ret, warnings, err);
	if (r < 0)
		return cannot_handle(kind, str_of(kind->kind), err);
	v = jv_of(body);
	r = check_gvk(kind, jv_str(jv_get(v, "apiVersion"), &tmp), jv_text(jv_get(v, "kind")), err);
	if (r < 0) {
		json_object_put(*ret);
		*ret = NULL;
		return r;
	}
	set_gvk(kind, *ret);
	return 0;
}

int api_decode(const struct api_kind *kind, struct str content_type, struct str body,
	       enum api_strictness strict, struct json_object **ret, struct api_warnings *warnings,
	       struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	enum body_form form = form_of(content_type, body);
	int r;

	if (!str_trim(body).len)
		return api_err_bad_request(err,
					   "%s in version \"%s\" cannot be handled as a %s: EOF",
					   kind->kind, kind->version, kind->kind);
	switch (form) {
	case BODY_PROTOBUF:
		if (kind->custom)
			return unsupported(err);
		return decode_pb(kind, body, ret, err);
	case BODY_UNKNOWN:
		return unsupported(err);
	case BODY_APPLY:
	case BODY_YAML:
		r = yaml_to_json(body, &json, err);
		if (r < 0) {
			if (err && !err->reason)
				err->reason = xstrdup("BadRequest");
			return r;
		}
		body = buf_str(&json);
		break;
	case BODY_JSON:
		break;
	}
	return decode_text(kind, body, strict, form == BODY_APPLY ? API_DEC_VERBATIM : 0, ret,
			   warnings, err);
}

int api_decode_tree(const struct api_kind *kind, struct json_object *tree,
		    enum api_strictness strict, struct json_object **ret,
		    struct api_warnings *warnings, struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	jsonc_write(tree, &json);
	return api_decode(kind, STR("application/json"), buf_str(&json), strict, ret, warnings,
			  err);
}

int api_decode_applied(const struct api_kind *kind, struct json_object *tree,
		       enum api_strictness strict, struct json_object **ret,
		       struct api_warnings *warnings, struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	jsonc_write(tree, &json);
	return decode_text(kind, buf_str(&json), strict, API_DEC_UNFILLED, ret, warnings, err);
}

void api_complete(const struct api_kind *kind, struct json_object *obj)
{
	if (!kind->custom)
		api_decode_fill(kind->type, obj);
}

int api_peek_gvk(struct str content_type, struct str body, struct buf *ret_api_version,
		 struct buf *ret_kind, struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct str version, kind, raw;
	struct jv v;
	int r;

	switch (form_of(content_type, body)) {
	case BODY_PROTOBUF:
		r = api_pb_envelope(body, &version, &kind, &raw, err);
		if (r < 0)
			return r;
		buf_addstr(ret_api_version, version);
		buf_addstr(ret_kind, kind);
		return 0;
	case BODY_UNKNOWN:
		return unsupported(err);
	case BODY_APPLY:
	case BODY_YAML:
		r = yaml_to_json(body, &json, err);
		if (r < 0)
			return r;
		body = buf_str(&json);
		break;
	case BODY_JSON:
		r = json_scan(body, NULL, err);
		if (r < 0)
			return r;
		break;
	}
	v = jv_of(body);
	buf_addstr(ret_api_version, jv_text(jv_get(v, "apiVersion")));
	buf_addstr(ret_kind, jv_text(jv_get(v, "kind")));
	return 0;
}
