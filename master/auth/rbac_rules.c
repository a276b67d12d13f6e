/* SPDX-License-Identifier: Apache-2.0 */
#include "master/auth/rbac_rules.h"
#include "lib/json/jv.h"

/* ---- reading ---- */

/* Where the texts of all rules go: counted first, so that pointers stay. */
struct arena {
	struct buf text;
	struct buf scratch;
	struct str *strs;
	size_t n, cap;
};

/* Texts are kept as offsets until all are there: the arena moves while it grows. */
static struct rbac_list read_list(struct arena *a, struct jv list)
{
	struct rbac_list l = {NULL, 0};

	jv_for_each (it, list) {
		struct str s;

		buf_clear(&a->scratch);
		s = jv_str(it.value, &a->scratch);
		*ARRAY_PUSH(a->strs, a->n, a->cap) = (struct str){NULL, s.len};
		buf_addstr(&a->text, s);
		l.n++;
	}
	return l;
}

/* Lists stand in the arena in the order they were read. */
static void settle(struct rbac_list *l, struct str **at)
{
	l->v = *at;
	*at += l->n;
}

void rbac_rules_parse(struct str json, struct rbac_rules *ret)
{
	struct arena a = {.text = BUF_INIT, .scratch = BUF_INIT};
	struct jv list = json.p ? jv_of(json) : JV_NONE;
	const char *text;
	struct str *at;
	size_t i = 0;

	*ret = (struct rbac_rules){.n = jv_len(list)};
	ret->v = xcalloc(ret->n + 1, sizeof(*ret->v));
	jv_for_each (it, list)
		ret->v[i++] = (struct rbac_rule){
			.verbs = read_list(&a, jv_get(it.value, "verbs")),
			.groups = read_list(&a, jv_get(it.value, "apiGroups")),
			.resources = read_list(&a, jv_get(it.value, "resources")),
			.names = read_list(&a, jv_get(it.value, "resourceNames")),
			.paths = read_list(&a, jv_get(it.value, "nonResourceURLs")),
		};
	buf_addc(&a.text, 0);
	ret->strs = at = a.strs;
	ret->text = buf_take(&a.text);
	text = ret->text;
	for (i = 0; i < a.n; i++) {
		at[i].p = text;
		text += at[i].len;
	}
	for (i = 0; i < ret->n; i++) {
		settle(&ret->v[i].verbs, &at);
		settle(&ret->v[i].groups, &at);
		settle(&ret->v[i].resources, &at);
		settle(&ret->v[i].names, &at);
		settle(&ret->v[i].paths, &at);
	}
	buf_done(&a.scratch);
}

void rbac_rules_done(struct rbac_rules *rules)
{
	free(rules->v);
	free(rules->strs);
	free(rules->text);
	*rules = (struct rbac_rules){0};
}

/* ---- matching ---- */

static bool has(const struct rbac_list *l, struct str s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i], s))
			return true;
	return false;
}

static bool has_or_all(const struct rbac_list *l, struct str s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eqs(l->v[i], "*") || str_eq(l->v[i], s))
			return true;
	return false;
}

/* "pods", "pods/log", "*" (sub-resources too), "*" "/scale". */
static bool resource_fits(struct str pattern, const struct rbac_wish *w)
{
	struct str rest = pattern, head = STR_NULL;

	if (str_eqs(pattern, "*"))
		return true;
	if (!w->subresource.len)
		return str_eq(pattern, w->resource);
	return str_split(&rest, '/', &head) && !str_is_null(rest) && str_eq(rest, w->subresource) &&
	       (str_eqs(head, "*") || str_eq(head, w->resource));
}

static bool path_fits(struct str pattern, struct str path)
{
	if (pattern.len && pattern.p[pattern.len - 1] == '*')
		return str_starts(path, str_n(pattern.p, pattern.len - 1));
	return str_eq(pattern, path);
}

bool rbac_rule_allows(const struct rbac_rule *rule, const struct rbac_wish *w)
{
	if (!has_or_all(&rule->verbs, w->verb))
		return false;
	if (w->is_path) {
		for (size_t i = 0; i < rule->paths.n; i++)
			if (path_fits(rule->paths.v[i], w->path))
				return true;
		return false;
	}
	if (!has_or_all(&rule->groups, w->group) ||
	    (rule->names.n && (!w->name.len || !has(&rule->names, w->name))))
		return false;
	for (size_t i = 0; i < rule->resources.n; i++)
		if (resource_fits(rule->resources.v[i], w))
			return true;
	return false;
}

/* ---- taking apart ---- */

typedef void wish_fn(void *user, const struct rbac_wish *w);

static void split_names(const struct rbac_rule *rule, struct rbac_wish w, wish_fn *fn, void *user)
{
	for (size_t v = 0; v < rule->verbs.n; v++) {
		w.verb = rule->verbs.v[v];
		if (!rule->names.n)
			fn(user, &w);
		for (size_t i = 0; i < rule->names.n; i++) {
			w.name = rule->names.v[i];
			fn(user, &w);
		}
	}
}

void rbac_rule_split(const struct rbac_rule *rule, wish_fn *fn, void *user)
{
	struct rbac_wish w = {.is_path = true};

	for (size_t i = 0; i < rule->paths.n; i++)
		for (size_t v = 0; v < rule->verbs.n; v++) {
			w.path = rule->paths.v[i];
			w.verb = rule->verbs.v[v];
			fn(user, &w);
		}
	w = (struct rbac_wish){0};
	for (size_t g = 0; g < rule->groups.n; g++)
		for (size_t i = 0; i < rule->resources.n; i++) {
			struct str rest = rule->resources.v[i];

			w.group = rule->groups.v[g];
			w.resource = rest;
			w.subresource = STR_NULL;
			if (str_chr(rest, '/') >= 0) {
				str_split(&rest, '/', &w.resource);
				w.subresource = rest;
			}
			split_names(rule, w, fn, user);
		}
}

/* ---- what is missing ---- */

static bool same_thing(const struct rbac_wish *a, const struct rbac_wish *b)
{
	return !a->is_path && !b->is_path && str_eq(a->group, b->group) &&
	       str_eq(a->resource, b->resource) && str_eq(a->subresource, b->subresource) &&
	       str_eq(a->name, b->name);
}

void rbac_missing_add(struct rbac_missing *m, const struct rbac_wish *w)
{
	struct rbac_miss *at = NULL;

	for (size_t i = 0; i < m->n; i++)
		if (same_thing(&m->v[i].w, w))
			at = &m->v[i];
	if (!at) {
		at = ARRAY_PUSH(m->v, m->n, m->cap);
		*at = (struct rbac_miss){.w = *w};
	}
	for (size_t i = 0; i < at->n; i++)
		if (str_eq(at->verbs[i], w->verb))
			return;
	*ARRAY_PUSH(at->verbs, at->n, at->cap) = w->verb;
}

static char *miss_line(const struct rbac_miss *m)
{
	struct buf b = BUF_INIT;
	const struct rbac_wish *w = &m->w;

	if (w->is_path) {
		buf_addf(&b, "{NonResourceURLs:[\"%.*s\"]", STR_ARG(w->path));
	} else {
		buf_addf(&b, "{APIGroups:[\"%.*s\"], Resources:[\"%.*s%s%.*s\"]", STR_ARG(w->group),
			 STR_ARG(w->resource), w->subresource.len ? "/" : "",
			 STR_ARG(w->subresource));
		if (w->name.len)
			buf_addf(&b, ", ResourceNames:[\"%.*s\"]", STR_ARG(w->name));
	}
	buf_adds(&b, ", Verbs:[");
	for (size_t i = 0; i < m->n; i++)
		buf_addf(&b, "%s\"%.*s\"", i ? " " : "", STR_ARG(m->verbs[i]));
	buf_adds(&b, "]}");
	return buf_take(&b);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void rbac_missing_format(const struct rbac_missing *m, struct buf *out)
{
	CLEANUP_FREE char **lines = xcalloc(m->n + 1, sizeof(*lines));

	for (size_t i = 0; i < m->n; i++)
		lines[i] = miss_line(&m->v[i]);
	qsort(lines, m->n, sizeof(*lines), by_text);
	for (size_t i = 0; i < m->n; i++) {
		if (!i || strcmp(lines[i], lines[i - 1]) != 0)
			buf_addf(out, "%s%s", i ? "\n" : "", lines[i]);
		if (i)
			free(lines[i - 1]);
	}
	if (m->n)
		free(lines[m->n - 1]);
}

void rbac_missing_done(struct rbac_missing *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].verbs);
	free(m->v);
}
