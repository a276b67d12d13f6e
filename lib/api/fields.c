/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/fields.h"
#include "lib/api/status.h"

void field_selector_done(struct field_selector *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->reqs[i].path);
		free(s->reqs[i].value);
	}
	free(s->reqs);
	*s = (struct field_selector){0};
}

static bool selectable(const struct api_kind *k, struct str path)
{
	if (str_eqs(path, "metadata.name") || str_eqs(path, "metadata.namespace"))
		return true;
	for (const char *const *p = k->selectable; p && *p; p++)
		if (str_eqs(path, *p))
			return true;
	return false;
}

/* Up to the next comma that is not escaped. */
static struct str next_term(struct str *rest)
{
	struct str term = *rest;
	size_t i = 0;

	for (; i < rest->len && rest->p[i] != ','; i++)
		if (rest->p[i] == '\\')
			i++;
	i = MIN(i, rest->len);
	term.len = i;
	*rest = str_skip(*rest, i + 1);
	return term;
}

static int unescape(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\\') {
			i++;
			if (i == s.len || (s.p[i] != '\\' && s.p[i] != ',' && s.p[i] != '='))
				return -EINVAL;
		} else if (s.p[i] == '=' || s.p[i] == ',') {
			return -EINVAL;
		}
		buf_addc(out, s.p[i]);
	}
	return 0;
}

/* Selectors are matched against what is stored, where a field may have another name. */
static char *stored_path(const struct api_kind *k, struct str path)
{
	for (const struct api_rename *r = k ? k->renames : NULL; r && r->name; r++) {
		size_t n = strlen(r->name);

		if (str_starts(path, str_of(r->name)) && (path.len == n || path.p[n] == '.'))
			return xasprintf("%s%.*s", r->stored, STR_ARG(str_skip(path, n)));
	}
	return str_dup(path);
}

static int parse_term(struct str term, const struct api_kind *kind, struct field_selector *s,
		      struct err *err)
{
	struct buf value = BUF_INIT;
	struct field_req r = {0};
	ssize_t eq = str_chr(term, '=');
	size_t name, skip;

	if (eq < 0)
		return api_err_bad_request(err, "invalid selector: '%.*s'; can't understand '%.*s'",
					   STR_ARG(term), STR_ARG(term));
	name = (size_t)eq;
	skip = name + 1;
	if (name && term.p[name - 1] == '!') {
		r.negate = true;
		name--;
	} else if (skip < term.len && term.p[skip] == '=') {
		skip++;
	}
	if (unescape(str_skip(term, skip), &value) < 0) {
		buf_done(&value);
		return api_err_bad_request(err, "invalid field selector: '%.*s'", STR_ARG(term));
	}
	term.len = name;
	if (kind && !selectable(kind, term)) {
		buf_done(&value);
		return api_err_bad_request(err, "field label not supported: %.*s", STR_ARG(term));
	}
	r.path = stored_path(kind, term);
	r.value = buf_take(&value);
	*ARRAY_PUSH(s->reqs, s->n, s->cap) = r;
	return 0;
}

int field_selector_parse(struct str text, const struct api_kind *kind, struct field_selector *ret,
			 struct err *err)
{
	struct field_selector s = {0};

	while (text.len) {
		struct str term = next_term(&text);

		if (term.len && parse_term(term, kind, &s, err) < 0) {
			field_selector_done(&s);
			return -EINVAL;
		}
	}
	*ret = s;
	return 0;
}

void field_selector_add(struct field_selector *s, const char *path, struct str value)
{
	*ARRAY_PUSH(s->reqs, s->n, s->cap) =
		(struct field_req){.path = xstrdup(path), .value = str_dup(value)};
}

struct str field_selector_exact(const struct field_selector *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->reqs[i].negate && strcmp(s->reqs[i].path, path) == 0)
			return str_of(s->reqs[i].value);
	return STR_NULL;
}
