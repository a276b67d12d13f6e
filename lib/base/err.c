/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/err.h"

void err_done(struct err *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_fields; i++) {
		free(e->fields[i].path);
		free(e->fields[i].reason);
		free(e->fields[i].message);
	}
	free(e->fields);
	free(e->reason);
	free(e->message);
	*e = ERR_INIT;
}

void err_clear(struct err *e)
{
	err_done(e);
}

int err_set(struct err *e, int errnum, const char *reason, const char *fmt, ...)
{
	va_list ap;

	errnum = errnum < 0 ? -errnum : errnum;
	if (e && !e->errnum) {
		e->errnum = errnum ? errnum : EINVAL;
		e->reason = xstrdup(reason);
		va_start(ap, fmt);
		if (vasprintf(&e->message, fmt, ap) < 0)
			abort();
		va_end(ap);
	}
	return errnum ? -errnum : -EINVAL;
}

void err_prefix(struct err *e, const char *fmt, ...)
{
	char *pre = NULL, *old;
	va_list ap;

	if (!e || !e->errnum)
		return;
	va_start(ap, fmt);
	if (vasprintf(&pre, fmt, ap) < 0)
		abort();
	va_end(ap);
	old = e->message;
	e->message = xasprintf("%s%s", pre, old ? old : strerror(e->errnum));
	free(pre);
	free(old);
}

void err_field(struct err *e, const char *path, const char *reason, const char *fmt, ...)
{
	struct err_field *f;
	va_list ap;

	if (!e)
		return;
	if (!e->errnum)
		e->errnum = EINVAL;
	f = ARRAY_PUSH(e->fields, e->n_fields, e->cap_fields);
	*f = (struct err_field){xstrdup(path), xstrdup(reason), NULL};
	va_start(ap, fmt);
	if (vasprintf(&f->message, fmt, ap) < 0)
		abort();
	va_end(ap);
}

void err_move(struct err *dst, struct err *src)
{
	if (!src)
		return;
	if (!dst) {
		err_done(src);
		return;
	}
	err_done(dst);
	*dst = *src;
	*src = ERR_INIT;
}

const char *err_text(const struct err *e)
{
	if (!e || !e->errnum)
		return "no error";
	if (e->message)
		return e->message;
	return e->n_fields ? e->fields[0].message : strerror(e->errnum);
}
