/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"
#include "lib/client/client.h"

#define DISCOVERY_ACCEPT "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

void resource_done(struct resource *r)
{
	free(r->group);
	free(r->version);
	free(r->plural);
	free(r->singular);
	free(r->kind);
	*r = (struct resource){0};
}

/* What a search through discovery asks of each resource. */
struct wanted {
	struct str word; /* plural, singular, short name or kind; absent: by kind */
	struct str group; /* absent: any */
	struct str version, kind; /* for a search by apiVersion and kind */
};

static bool has_short_name(struct jv res, struct str word)
{
	jv_for_each (it, jv_get(res, "shortNames"))
		if (str_eq(jv_text(it.value), word))
			return true;
	return false;
}

static bool fits(const struct wanted *w, struct jv res)
{
	if (str_is_null(w->word))
		return str_eq(jv_text(jv_path(res, "responseKind.kind")), w->kind);
	return str_eq_nocase(jv_text(jv_get(res, "resource")), w->word) ||
	       str_eq_nocase(jv_text(jv_get(res, "singularResource")), w->word) ||
	       str_eq_nocase(jv_text(jv_path(res, "responseKind.kind")), w->word) ||
	       has_short_name(res, w->word);
}

static bool search_group(const struct wanted *w, struct jv group, struct resource *ret)
{
	struct str name = jv_text(jv_path(group, "metadata.name"));

	if (str_is_null(name))
		name = STR("");
	if (!str_is_null(w->group) && !str_eq(w->group, name))
		return false;
	jv_for_each (v, jv_get(group, "versions")) {
		if (!str_is_null(w->version) &&
		    !str_eq(w->version, jv_text(jv_get(v.value, "version"))))
			continue;
		jv_for_each (res, jv_get(v.value, "resources")) {
			if (!fits(w, res.value))
				continue;
			*ret = (struct resource){
				.group = str_dup(name),
				.version = jv_strdup(jv_get(v.value, "version")),
				.plural = jv_strdup(jv_get(res.value, "resource")),
				.singular = jv_strdup(jv_get(res.value, "singularResource")),
				.kind = jv_strdup(jv_path(res.value, "responseKind.kind")),
				.namespaced = jv_eqs(jv_get(res.value, "scope"), "Namespaced"),
			};
			return true;
		}
	}
	return false;
}

/* 1 found, 0 not, negative errno when discovery failed. */
static int search(struct session *s, const struct wanted *w, struct resource *ret, struct err *err)
{
	static const char *const roots[] = {"/api", "/apis"};

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		struct session_req req = {
			.method = "GET", .path = roots[i], .accept = DISCOVERY_ACCEPT};
		int r = session_do(s, &req, &b, err);

		if (r < 0)
			return r;
		jv_for_each (it, jv_get(jv_of(buf_str(&b)), "items"))
			if (search_group(w, it.value, ret))
				return 1;
	}
	return 0;
}

int session_resource(struct session *s, struct str word, struct resource *ret, struct err *err)
{
	ssize_t dot = str_chr(word, '.');
	struct wanted w = {.word = word};
	int r;

	if (dot >= 0) {
		w.word.len = (size_t)dot;
		w.group = str_skip(word, (size_t)dot + 1);
	}
	r = search(s, &w, ret, err);
	if (r == 0)
		return err_set(err, ENOENT, NULL,
			       "the server doesn't have a resource type \"%.*s\"", STR_ARG(word));
	return r < 0 ? r : 0;
}

int session_resource_of_kind(struct session *s, struct str api_version, struct str kind,
			     struct resource *ret, struct err *err)
{
	ssize_t slash = str_chr(api_version, '/');
	struct wanted w = {.group = STR(""), .version = api_version, .kind = kind};
	int r;

	if (slash >= 0) {
		w.group = str_n(api_version.p, (size_t)slash);
		w.version = str_skip(api_version, (size_t)slash + 1);
	}
	r = search(s, &w, ret, err);
	if (r == 0)
		return err_set(err, ENOENT, NULL,
			       "no matches for kind \"%.*s\" in version \"%.*s\"", STR_ARG(kind),
			       STR_ARG(api_version));
	return r < 0 ? r : 0;
}

void resource_path(const struct resource *r, const char *ns, struct str name, struct buf *out)
{
	if (*r->group)
		buf_addf(out, "/apis/%s/%s", r->group, r->version);
	else
		buf_addf(out, "/api/%s", r->version);
	if (r->namespaced && ns)
		buf_addf(out, "/namespaces/%s", ns);
	buf_addf(out, "/%s", r->plural);
	if (name.p)
		buf_addf(out, "/%.*s", STR_ARG(name));
}

void path_query(struct buf *path, const char *name, struct str value)
{
	CLEANUP(buf_done) struct buf q = BUF_INIT;

	client_query_add(&q, name, value);
	buf_addc(path, str_chr(buf_str(path), '?') < 0 ? '?' : '&');
	buf_addstr(path, buf_str(&q));
}

int session_target(struct session *s, const char **args, size_t n, struct resource *ret,
		   struct str *ret_name, size_t *used, struct err *err)
{
	struct str type, name = STR_NULL;
	ssize_t slash;

	if (!n)
		return err_set(err, EINVAL, NULL, "name a resource: TYPE, TYPE NAME or TYPE/NAME");
	type = str_of(args[0]);
	slash = str_chr(type, '/');
	*used = 1;
	if (slash >= 0) {
		name = str_skip(type, (size_t)slash + 1);
		type.len = (size_t)slash;
	} else if (n > 1) {
		name = str_of(args[1]);
		*used = 2;
	}
	if (name.p && (!name.len || str_chr(name, '/') >= 0))
		return err_set(err, EINVAL, NULL, "\"%s\" is not TYPE/NAME", args[0]);
	*ret_name = name;
	return session_resource(s, type, ret, err);
}
