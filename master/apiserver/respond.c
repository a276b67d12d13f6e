/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/respond.h"
#include "master/apiserver/audit.h"
#include "master/apiserver/flow.h"
#include "master/apiserver/gzip.h"
#include "lib/http/server.h"
#include "lib/api/convert.h"
#include "lib/api/protobuf.h"
#include "lib/api/table.h"
#include "lib/json/yaml.h"
#include "master/apiserver/server.h"

#define MAX_HEADERS 40
#define JSON_TYPE "application/json"

/* RFC 7234 5.5 as Kubernetes uses it: 299 - "text". */
static void warning_text(const char *text, struct buf *out)
{
	buf_adds(out, "299 - \"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *text == '\n' || *text == '\r' ? ' ' : *text);
	}
	buf_addc(out, '"');
}

/* Of a document that clients may keep. */
struct kept {
	const char *etag;
	bool forever, zipped;
};

static size_t kept_headers(const struct kept *k, struct http_header *h)
{
	size_t n = 0;

	h[n++] = HTTP_HEADER("Etag", str_of(k->etag));
	h[n++] =
		HTTP_HEADER("Cache-Control", k->forever ? STR("public, immutable, max-age=31536000")
							: STR("no-cache, private"));
	h[n++] = HTTP_HEADER("Vary", STR("Accept"));
	h[n++] = HTTP_HEADER("Vary", STR("Accept-Encoding"));
	if (k->zipped)
		h[n++] = HTTP_HEADER("Content-Encoding", STR("gzip"));
	return n;
}

static void reply_kept(struct request *r, int status, const char *content_type,
		       uint32_t retry_after_s, const struct kept *kept, const struct http_piece *p,
		       size_t n_p)
{
	struct http_header h[MAX_HEADERS];
	struct buf texts[MAX_HEADERS];
	struct http_blob *zipped;
	struct http_piece one;
	char retry[16];
	size_t n = 0, n_texts = 0;

	if (r->answered || r->gone)
		return;
	r->answered = true;
	r->status = status;
	h[n++] = HTTP_HEADER("Content-Type", str_of(content_type));
	if (kept)
		n += kept_headers(kept, h + n);
	else
		h[n++] = HTTP_HEADER("Cache-Control", STR("no-cache, private"));
	if (r->flow_schema) {
		h[n++] = HTTP_HEADER("X-Kubernetes-PF-FlowSchema-UID", flow_schema_uid(r));
		h[n++] = HTTP_HEADER("X-Kubernetes-PF-PriorityLevel-UID", flow_level_uid(r));
	}
	if (retry_after_s) {
		snprintf(retry, sizeof(retry), "%u", retry_after_s);
		h[n++] = HTTP_HEADER("Retry-After", str_of(retry));
	}
	for (size_t i = 0; i < r->warnings.n && n < MAX_HEADERS - 2; i++) {
		struct buf *t = &texts[n_texts++];

		*t = BUF_INIT;
		warning_text(r->warnings.v[i], t);
		h[n++] = HTTP_HEADER("Warning", buf_str(t));
	}
	audit_answer(r, p, n_p);
	zipped = kept ? NULL : gzip_answer(r, p, n_p);
	if (zipped) {
		h[n++] = HTTP_HEADER("Content-Encoding", STR("gzip"));
		h[n++] = HTTP_HEADER("Vary", STR("Accept-Encoding"));
		one = http_piece_of(zipped);
		p = &one;
		n_p = 1;
	}
	r->front->reply(r, status, h, n, p, n_p);
	http_blob_unref(zipped);
	while (n_texts)
		buf_done(&texts[--n_texts]);
}

static void reply(struct request *r, int status, const char *content_type, uint32_t retry_after_s,
		  const struct http_piece *p, size_t n_p)
{
	reply_kept(r, status, content_type, retry_after_s, NULL, p, n_p);
}

void respond_zipped(struct request *r, const char *content_type, const char *etag, bool forever,
		    struct http_blob *gz)
{
	struct kept kept = {etag, forever, gzip_wanted(r)};
	struct http_piece piece = http_piece_of(gz);
	struct http_blob *plain = NULL;
	struct buf b = BUF_INIT;

	if (!kept.zipped) {
		gzip_unpack(piece.bytes, &b);
		plain = http_blob_take_buf(&b);
		piece = http_piece_of(plain);
	}
	reply_kept(r, 200, content_type, 0, &kept, &piece, 1);
	http_blob_unref(plain);
}

bool respond_not_modified(struct request *r, const char *etag)
{
	struct http_req *req = r->front->http ? r->front->http(r) : NULL;
	struct str rest = req ? http_req_header(req, "if-none-match") : STR_NULL, one;
	struct kept kept = {etag, false, false};

	while (rest.len && str_split(&rest, ',', &one)) {
		one = str_trim(one);
		if (str_starts(one, STR("W/")))
			one = str_skip(one, 2);
		if (!str_eqs(one, etag) && !str_eqs(one, "*"))
			continue;
		reply_kept(r, 304, "application/json", 0, &kept, NULL, 0);
		return true;
	}
	return false;
}

void respond_buf(struct request *r, int status, const char *content_type, struct buf *body)
{
	struct http_blob *blob = http_blob_take_buf(body);
	struct http_piece piece = http_piece_of(blob);

	reply(r, status, content_type, 0, &piece, 1);
	http_blob_unref(blob);
}

void respond_pieces_json(struct request *r, int status, const struct http_piece *p, size_t n)
{
	reply(r, status, JSON_TYPE, 0, p, n);
}

void respond_json(struct request *r, int status, struct buf *json)
{
	CLEANUP(buf_done) struct buf yaml = BUF_INIT;
	CLEANUP(buf_done) struct buf pb = BUF_INIT;

	if (r->accept.pb && api_pb_any_object(buf_str(json), &pb)) {
		respond_buf(r, status, API_PB_TYPE, &pb);
		return;
	}
	if (!r->accept.yaml) {
		respond_buf(r, status, JSON_TYPE, json);
		return;
	}
	json_to_yaml(buf_str(json), &yaml);
	respond_buf(r, status, "application/yaml", &yaml);
}

void respond_text(struct request *r, int status, const char *content_type, struct str body)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addstr(&b, body);
	respond_buf(r, status, content_type, &b);
}

void respond_details(const struct request *r, struct api_status_details *ret)
{
	*ret = (struct api_status_details){0};
	if (!r->info.is_resource)
		return;
	ret->name = r->info.name;
	ret->group = r->info.group;
	ret->kind = r->info.resource;
}

void respond_err_about(struct request *r, const struct err *err,
		       const struct api_status_details *details)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(buf_done) struct buf pb = BUF_INIT;
	bool is_pb;
	struct http_blob *blob;
	struct http_piece piece;

	api_status_write(err, details, &b);
	is_pb = r->accept.pb && api_pb_any_object(buf_str(&b), &pb);
	blob = http_blob_take_buf(is_pb ? &pb : &b);
	piece = http_piece_of(blob);
	reply(r, api_status_code(err), is_pb ? API_PB_TYPE : JSON_TYPE, err->retry_after_s, &piece,
	      1);
	http_blob_unref(blob);
}

/* Reasons whose Status says nothing about an object (apimachinery api/errors). */
static bool without_details(const char *reason)
{
	static const char *const list[] = {"BadRequest", "Unauthorized",  "Expired",
					   "Gone",       "NotAcceptable", "UnsupportedMediaType"};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (reason && !strcmp(reason, list[i]))
			return true;
	return false;
}

void respond_err(struct request *r, const struct err *err)
{
	const char *reason = api_status_reason(err);
	struct api_status_details d;

	respond_details(r, &d);
	if (r->kind && reason && !strcmp(reason, "Invalid"))
		d.kind = str_of(r->kind->kind);
	respond_err_about(r, err, without_details(reason) ? NULL : &d);
}

static void release_obj(void *user)
{
	store_obj_unref(user);
}

static struct str value_rv(struct str value)
{
	return jv_text(jv_path(jv_of(value), "metadata.resourceVersion"));
}

static void respond_table(struct request *r, int status, struct str value)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int include = api_table_include_parse(query_get(&r->query, "includeObject"));
	const char *version = r->accept.version;

	api_table_begin(r->kind, version, value_rv(value), STR(""), -1, true, &b);
	api_table_row(r->kind, version, server_now_ns(r->srv), jv_of(value),
		      include < 0 ? API_INCLUDE_METADATA : (enum api_table_include)include, true,
		      &b);
	api_table_end(&b);
	respond_json(r, status, &b);
}

void respond_not_acceptable(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	err_set(&e, EINVAL, "NotAcceptable",
		"only the following media types are accepted: application/json, application/yaml, "
		"application/vnd.kubernetes.protobuf");
	e.http_code = 406;
	respond_err(r, &e);
}

/* `o` (may be NULL) is what keeps the value alive; without it the bytes are copied. */
static void respond_bytes(struct request *r, int status, struct str value,
			  const struct store_obj *o)
{
	CLEANUP(buf_done) struct buf converted = BUF_INIT;
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!api_is_served_form(r->kind, value, o ? o->rev : UINT64_MAX)) {
		api_convert_bytes(r->kind, jv_of(value), &converted);
		value = buf_str(&converted);
		o = NULL;
	}
	switch (r->accept.form) {
	case ACCEPT_TABLE:
		respond_table(r, status, value);
		return;
	case ACCEPT_PARTIAL:
		api_partial_metadata(r->accept.version, jv_of(value), &b);
		respond_json(r, status, &b);
		return;
	case ACCEPT_NONE:
		respond_not_acceptable(r);
		return;
	case ACCEPT_OBJECT:
		break;
	}
	if (o && !r->accept.yaml && !r->accept.pb) {
		struct http_blob *blob = http_blob_wrap(value, release_obj, store_obj_ref(o));
		struct http_piece piece = http_piece_of(blob);

		reply(r, status, JSON_TYPE, 0, &piece, 1);
		http_blob_unref(blob);
		return;
	}
	buf_addstr(&b, value);
	respond_json(r, status, &b);
}

void respond_object(struct request *r, int status, const struct store_obj *o)
{
	respond_bytes(r, status, o->value, o);
}

void respond_value(struct request *r, int status, struct str value)
{
	respond_bytes(r, status, value, NULL);
}

void respond_deleted(struct request *r, struct str name, struct str uid)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct api_status_details d;

	respond_details(r, &d);
	d.name = name;
	d.uid = uid;
	api_status_success(&d, &b);
	respond_json(r, 200, &b);
}

void respond_not_served(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	if (!r->info.is_resource) {
		respond_text(r, 404, "text/plain; charset=utf-8", STR("404 page not found\n"));
		return;
	}
	err_set(&e, ENOENT, "NotFound", "the server could not find the requested resource");
	respond_err(r, &e);
}

void respond_not_allowed(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	err_set(&e, EINVAL, "MethodNotAllowed",
		"the server does not allow this method on the requested resource");
	e.http_code = 405;
	respond_err(r, &e);
}
