/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/status.h"
#include "lib/base/hmap.h"

/* The first row that fits is taken: by reason, by errno, by code. */
static const struct {
	const char *reason;
	int code, errnum;
} reasons[] = {
	{"NotFound", 404, ENOENT},
	{"AlreadyExists", 409, EEXIST},
	{"Conflict", 409, ESTALE},
	{"Invalid", 422, 0},
	{"BadRequest", 400, EINVAL},
	{"Forbidden", 403, EACCES},
	{"Forbidden", 403, EPERM},
	{"Unauthorized", 401, EKEYREJECTED},
	{"MethodNotAllowed", 405, EOPNOTSUPP},
	{"NotAcceptable", 406, 0},
	{"UnsupportedMediaType", 415, EMEDIUMTYPE},
	{"Expired", 410, 0},
	{"Gone", 410, 0},
	{"RequestEntityTooLarge", 413, EFBIG},
	{"RequestEntityTooLarge", 413, EMSGSIZE},
	{"TooManyRequests", 429, EAGAIN},
	{"TooManyRequests", 429, EBUSY},
	{"ServerTimeout", 500, 0},
	{"Timeout", 504, ETIMEDOUT},
	{"ServiceUnavailable", 503, ENOSPC},
	{"ServiceUnavailable", 503, ECONNREFUSED},
	{"InternalError", 500, EIO},
};

int api_status_code(const struct err *err)
{
	if (err->http_code)
		return err->http_code;
	for (size_t i = 0; err->reason && i < ARRAY_SIZE(reasons); i++)
		if (strcmp(err->reason, reasons[i].reason) == 0)
			return reasons[i].code;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].errnum && err->errnum == reasons[i].errnum)
			return reasons[i].code;
	return 500;
}

const char *api_status_reason(const struct err *err)
{
	if (err->reason)
		return err->reason;
	for (size_t i = 0; err->http_code && i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].code == err->http_code)
			return reasons[i].reason;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].errnum && err->errnum == reasons[i].errnum)
			return reasons[i].reason;
	return "InternalError";
}

static void write_causes(struct jw *w, const struct err *err)
{
	jw_key(w, "causes");
	jw_begin_array(w);
	for (size_t i = 0; i < err->n_fields; i++) {
		jw_begin_object(w);
		if (*err->fields[i].reason)
			jw_member_str(w, "reason", str_of(err->fields[i].reason));
		jw_member_str(w, "message", str_of(err->fields[i].message));
		if (*err->fields[i].path)
			jw_member_str(w, "field", str_of(err->fields[i].path));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_details(struct jw *w, const struct err *err, const struct api_status_details *d)
{
	if ((!d || d->next.len) && !(err && (err->n_fields || err->retry_after_s)))
		return;
	jw_key(w, "details");
	jw_begin_object(w);
	if (d && d->name.len)
		jw_member_str(w, "name", d->name);
	if (d && d->group.len)
		jw_member_str(w, "group", d->group);
	if (d && d->kind.len)
		jw_member_str(w, "kind", d->kind);
	if (d && d->uid.len)
		jw_member_str(w, "uid", d->uid);
	if (err && err->n_fields)
		write_causes(w, err);
	if (err && err->retry_after_s)
		jw_member_i64(w, "retryAfterSeconds", err->retry_after_s);
	jw_end_object(w);
}

static struct jw begin(struct buf *out, const char *status, struct str next)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("Status"));
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	if (next.len)
		jw_member_str(&w, "continue", next);
	jw_end_object(&w);
	jw_member_str(&w, "status", str_of(status));
	return w;
}

void api_status_write(const struct err *err, const struct api_status_details *details,
		      struct buf *out)
{
	struct jw w = begin(out, "Failure", details ? details->next : STR_NULL);

	jw_member_str(&w, "message", str_of(err_text(err)));
	jw_member_str(&w, "reason", str_of(api_status_reason(err)));
	write_details(&w, err, details);
	jw_member_i64(&w, "code", api_status_code(err));
	jw_end_object(&w);
}

void api_status_success(const struct api_status_details *details, struct buf *out)
{
	struct jw w = begin(out, "Success", STR_NULL);

	write_details(&w, NULL, details);
	jw_end_object(&w);
}

static int errno_of(const char *reason, int code)
{
	for (size_t i = 0; reason && i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].errnum && strcmp(reason, reasons[i].reason) == 0)
			return reasons[i].errnum;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].errnum && reasons[i].code == code)
			return reasons[i].errnum;
	return code == 422 ? EINVAL : code == 410 ? ESTALE : EIO;
}

int api_status_parse(struct jv status, int http_code, struct err *err)
{
	CLEANUP_FREE char *reason = jv_strdup(jv_get(status, "reason"));
	CLEANUP_FREE char *message = jv_strdup(jv_get(status, "message"));
	struct jv details = jv_get(status, "details");
	int code = (int)jv_i64(jv_get(status, "code"), http_code), errnum = errno_of(reason, code);

	if (!err)
		return -errnum;
	err_set(err, errnum, reason, "%s", message ? message : "the server gave no reason");
	err->http_code = code;
	err->retry_after_s = (uint32_t)jv_i64(jv_get(details, "retryAfterSeconds"), 0);
	jv_for_each (it, jv_get(details, "causes")) {
		CLEANUP_FREE char *why = jv_strdup(jv_get(it.value, "reason"));
		CLEANUP_FREE char *text = jv_strdup(jv_get(it.value, "message"));
		CLEANUP_FREE char *path = jv_strdup(jv_get(it.value, "field"));

		err_field(err, path ? path : "", why, "%s", text ? text : "");
	}
	return -errnum;
}

int api_err_not_found(struct err *e, const struct api_kind *k, struct str name)
{
	CLEANUP(buf_done) struct buf q = BUF_INIT;

	api_kind_qualified(k, &q);
	return err_set(e, ENOENT, "NotFound", "%s \"%.*s\" not found", q.p, STR_ARG(name));
}

int api_err_already_exists(struct err *e, const struct api_kind *k, struct str name)
{
	CLEANUP(buf_done) struct buf q = BUF_INIT;

	api_kind_qualified(k, &q);
	return err_set(e, EEXIST, "AlreadyExists", "%s \"%.*s\" already exists", q.p,
		       STR_ARG(name));
}

int api_err_conflict(struct err *e, const struct api_kind *k, struct str name, const char *why)
{
	CLEANUP(buf_done) struct buf q = BUF_INIT;

	api_kind_qualified(k, &q);
	if (!why)
		why = "the object has been modified; please apply your changes to the latest "
		      "version "
		      "and try again";
	return err_set(e, ESTALE, "Conflict", "Operation cannot be fulfilled on %s \"%.*s\": %s",
		       q.p, STR_ARG(name), why);
}

int api_err_forbidden(struct err *e, const struct api_kind *k, struct str name, const char *why)
{
	CLEANUP(buf_done) struct buf q = BUF_INIT;

	api_kind_qualified(k, &q);
	if (name.len)
		return err_set(e, EACCES, "Forbidden", "%s \"%.*s\" is forbidden: %s", q.p,
			       STR_ARG(name), why);
	return err_set(e, EACCES, "Forbidden", "%s is forbidden: %s", q.p, why);
}

int api_err_bad_request(struct err *e, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	return err_set(e, EINVAL, "BadRequest", "%s", b.p);
}

int api_err_gone(struct err *e, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	return err_set(e, ESTALE, "Expired", "%s", b.p);
}

int api_err_invalid(struct err *e, const struct api_kind *k, struct str name)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(buf_done) struct buf list = BUF_INIT;
	CLEANUP(hmap_freep) struct hmap *said = hmap_new(); /* the same text twice is said once */
	size_t n = 0;

	if (!e)
		return -EINVAL;
	for (size_t i = 0; i < e->n_fields; i++) {
		size_t len = list.len, text = len + (n ? 2 : 0);

		if (!*e->fields[i].path) { /* the object as a whole, in Go's words */
			free(e->fields[i].path);
			e->fields[i].path = xstrdup("<nil>");
		}
		buf_addf(&list, "%s%s: %s", n ? ", " : "", e->fields[i].path, e->fields[i].message);
		if (hmap_put(said, str_skip(buf_str(&list), text), e))
			buf_setlen(&list, len);
		else
			n++;
	}
	buf_adds(&b, k->kind);
	if (*k->group)
		buf_addf(&b, ".%s", k->group);
	buf_addc(&b, ' ');
	json_quote(name, &b);
	buf_addf(&b, " is invalid: %s%s%s", n > 1 ? "[" : "", list.p, n > 1 ? "]" : "");
	free(e->message);
	e->message = buf_take(&b);
	free(e->reason);
	e->reason = xstrdup("Invalid");
	e->errnum = EINVAL;
	return -EINVAL;
}
