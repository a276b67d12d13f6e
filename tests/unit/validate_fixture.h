/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_VALIDATE_FIXTURE_H
#define KNARR_VALIDATE_FIXTURE_H
/*
 * Tables of validation tests: a good object, a change to it, and what is then wrong with it.
 *
 * `change` has a line a step: "/spec/replicas -1" sets (and, behind the last of a list, appends
 * with "-"), "-/spec/selector" removes. `want` is every cause as "path: message", one a line; ""
 * means that the object is still good.
 */
#include "lib/base/base.h"
#include "lib/api/api.h"
#include "lib/api/patch.h"
#include "lib/api/strategy.h"
#include "tests/unit/test.h"

struct vcase {
	const char *change;
	const char *want;
};

static const struct api_kind *v_kind(const char *group, const char *plural)
{
	const struct api_kind *k = api_kind_find(str_of(group), STR("v1"), str_of(plural));

	assert_non_null(k);
	return k;
}

static struct json_object *v_parse(const char *json)
{
	struct json_object *o = NULL;
	struct err e = ERR_INIT;

	if (jsonc_parse(str_of(json), NULL, &o, &e) < 0)
		fail_msg("%s: %s", json, err_text(&e));
	err_done(&e);
	return o;
}

/* The change as an RFC 6902 patch. */
static struct json_object *v_patch(const char *change)
{
	struct json_object *list = json_object_new_array();
	struct str rest = str_of(change), line, path;

	while (rest.len && str_split(&rest, '\n', &line)) {
		struct json_object *op = json_object_new_object();
		bool remove = str_starts(line, STR("-"));

		if (remove)
			line = str_skip(line, 1);
		str_split(&line, ' ', &path);
		jsonc_set_str(op, "op", remove ? STR("remove") : STR("add"));
		jsonc_set_str(op, "path", path);
		if (!remove) {
			CLEANUP_FREE char *json = str_dup(line);

			jsonc_set(op, "value", v_parse(json));
		}
		json_object_array_add(list, op);
	}
	return list;
}

/* base with the change, decoded and defaulted as a request would be. */
static struct json_object *v_object(const struct api_kind *k, const char *base, const char *change)
{
	CLEANUP_JSON struct json_object *b = v_parse(base), *p = v_patch(change), *m = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct json_object *o = NULL;
	struct err e = ERR_INIT;

	if (api_patch_json(b, p, &m, &e) < 0)
		fail_msg("%s: %s", change, err_text(&e));
	jsonc_write(m, &text);
	if (api_decode(k, STR(""), buf_str(&text), API_STRICT, &o, NULL, &e) < 0)
		fail_msg("%s: %s", change, err_text(&e));
	err_done(&e);
	api_default(k, o);
	return o;
}

static inline void v_expect(const struct err *e, const char *what, const char *want)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT;

	for (size_t i = 0; i < e->n_fields; i++)
		buf_addf(&got, "%s%s: %s", i ? "\n" : "", e->fields[i].path, e->fields[i].message);
	if (strcmp(got.p, want) != 0)
		fail_msg("%s\n--- got:\n%s\n--- want:\n%s", what, got.p, want);
}

static inline void v_create(const struct api_kind *k, const char *base, const struct vcase *cases,
			    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP_JSON struct json_object *o = v_object(k, base, cases[i].change);
		struct err e = ERR_INIT;

		api_validate_create(k, o, &e);
		v_expect(&e, cases[i].change, cases[i].want);
		err_done(&e);
	}
}

/* The update from base to base with the change. */
static inline void v_update(const struct api_kind *k, const char *sub, const char *base,
			    const struct vcase *cases, size_t n)
{
	CLEANUP_JSON struct json_object *old = v_object(k, base, "");
	const struct api_subresource *s = sub ? api_subresource_find(k, str_of(sub)) : NULL;

	for (size_t i = 0; i < n; i++) {
		CLEANUP_JSON struct json_object *o = v_object(k, base, cases[i].change);
		struct err e = ERR_INIT;

		api_validate_update(k, s, o, old, &e);
		v_expect(&e, cases[i].change, cases[i].want);
		err_done(&e);
	}
}
#define V_CREATE(kind, base, cases) v_create(kind, base, cases, ARRAY_SIZE(cases))
#define V_UPDATE(kind, sub, base, cases) v_update(kind, sub, base, cases, ARRAY_SIZE(cases))
#endif
