/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/proxy_html.h"

/* Attributes that hold a URL, by element (HTML's list of them). */
static const struct {
	const char *tag, *attrs;
} links[] = {
	{"a", "href"},
	{"applet", "codebase"},
	{"area", "href"},
	{"audio", "src"},
	{"base", "href"},
	{"blockquote", "cite"},
	{"body", "background"},
	{"button", "formaction"},
	{"command", "icon"},
	{"del", "cite"},
	{"embed", "src"},
	{"form", "action"},
	{"frame", "longdesc src"},
	{"head", "profile"},
	{"html", "manifest"},
	{"iframe", "longdesc src"},
	{"img", "longdesc src usemap"},
	{"input", "src usemap formaction"},
	{"ins", "cite"},
	{"link", "href"},
	{"object", "classid codebase data usemap"},
	{"q", "cite"},
	{"script", "src"},
	{"source", "src"},
	{"video", "poster src"},
};

bool proxy_rewrite_url(struct str url, struct str prefix, struct str host, struct buf *out)
{
	struct str path = url;
	ssize_t colon = str_chr(url, ':');
	size_t i;

	if (colon > 0 && str_starts(str_skip(url, (size_t)colon), STR("://")))
		path = str_skip(url, (size_t)colon + 1);
	if (str_starts(path, STR("//"))) {
		struct str at = str_skip(path, 2);

		for (i = 0; i < at.len && !strchr("/?#", at.p[i]); i++)
			;
		if (!str_eq(str_n(at.p, i), host))
			return false;
		path = str_skip(at, i);
		if (!path.len)
			path = STR("/");
	}
	if (!str_starts(path, STR("/")) || str_starts(path, prefix))
		return false;
	buf_addstr(out, prefix);
	buf_addstr(out, path);
	return true;
}

static bool space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static const char *attrs_of(struct str tag)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (str_eq_nocase(tag, str_of(links[i].tag)))
			return links[i].attrs;
	return NULL;
}

static bool listed(const char *attrs, struct str name)
{
	struct str rest = str_of(attrs ? attrs : ""), one;

	while (rest.len && str_split(&rest, ' ', &one))
		if (str_eq_nocase(one, name))
			return true;
	return false;
}

/* One attribute at the front of *in, copied with its value rewritten. */
static void attribute(struct str *in, const char *attrs, struct str prefix, struct str host,
		      struct buf *out)
{
	struct str name, value;
	char quote = 0;
	size_t n = 0;

	while (n < in->len && !space(in->p[n]) && !strchr("=>/", in->p[n]))
		n++;
	name = str_n(in->p, n);
	while (n < in->len && space(in->p[n]))
		n++;
	if (n == in->len || in->p[n] != '=') {
		buf_addstr(out, str_n(in->p, n));
		*in = str_skip(*in, n);
		return;
	}
	n++;
	while (n < in->len && space(in->p[n]))
		n++;
	if (n < in->len && (in->p[n] == '"' || in->p[n] == '\''))
		quote = in->p[n++];
	buf_addstr(out, str_n(in->p, n));
	*in = str_skip(*in, n);
	for (n = 0;
	     n < in->len && (quote ? in->p[n] != quote : !space(in->p[n]) && in->p[n] != '>'); n++)
		;
	value = str_n(in->p, n);
	if (!listed(attrs, name) || !proxy_rewrite_url(str_trim(value), prefix, host, out))
		buf_addstr(out, value);
	*in = str_skip(*in, n);
}

/* A start tag behind its '<'. */
static void tag(struct str *in, struct str prefix, struct str host, struct buf *out)
{
	const char *attrs;
	size_t n = 0;

	while (n < in->len && !space(in->p[n]) && !strchr("/>", in->p[n]))
		n++;
	attrs = attrs_of(str_n(in->p, n));
	buf_addstr(out, str_n(in->p, n));
	*in = str_skip(*in, n);
	while (in->len && in->p[0] != '>') {
		if (space(in->p[0]) || strchr("/=\"'", in->p[0])) {
			buf_addc(out, in->p[0]);
			*in = str_skip(*in, 1);
		} else {
			attribute(in, attrs, prefix, host, out);
		}
	}
}

void proxy_rewrite_html(struct str html, struct str prefix, struct str host, struct buf *out)
{
	while (html.len) {
		ssize_t lt = str_chr(html, '<');
		size_t n = lt < 0 ? html.len : (size_t)lt + 1;

		buf_addstr(out, str_n(html.p, n));
		html = str_skip(html, n);
		if (str_starts(html, STR("!--"))) {
			const char *end = memmem(html.p, html.len, "-->", 3);

			n = end ? (size_t)(end - html.p) : html.len;
			buf_addstr(out, str_n(html.p, n));
			html = str_skip(html, n);
		} else if (html.len && ((html.p[0] | 32) >= 'a' && (html.p[0] | 32) <= 'z')) {
			tag(&html, prefix, host, out);
		}
	}
}
