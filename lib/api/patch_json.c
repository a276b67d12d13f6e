/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/patch.h"
#include "lib/api/status.h"
#include "lib/json/jsonc.h"

#define MAX_OPERATIONS 10000
#define MAX_COPIED (3 * 1024 * 1024) /* bytes that copy operations may add */

/* Where a JSON pointer (RFC 6901) leads: the container, and the member or place in it. */
struct place {
	struct json_object *parent; /* NULL: the whole document */
	struct buf key; /* of an object */
	size_t index; /* of an array; its length for "-" */
	bool is_array, exists;
	struct json_object *value;
};

static void unescape(struct str s, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '~' && i + 1 < s.len && (s.p[i + 1] == '0' || s.p[i + 1] == '1'))
			buf_addc(out, s.p[++i] == '0' ? '~' : '/');
		else
			buf_addc(out, s.p[i]);
	}
}

static int array_index(struct str s, size_t len, size_t *ret)
{
	uint64_t n;

	if (str_eqs(s, "-")) {
		*ret = len;
		return 0;
	}
	if (!s.len || (s.len > 1 && s.p[0] == '0') || str_to_u64(s, &n) < 0 || n > len)
		return -EINVAL;
	*ret = (size_t)n;
	return 0;
}

static bool enter(struct place *p, struct json_object *in, struct str part)
{
	p->parent = in;
	p->exists = false;
	p->value = NULL;
	unescape(part, &p->key);
	switch (json_object_get_type(in)) {
	case json_type_object:
		p->is_array = false;
		p->exists = json_object_object_get_ex(in, p->key.p, &p->value);
		return true;
	case json_type_array:
		p->is_array = true;
		if (array_index(part, json_object_array_length(in), &p->index) < 0)
			return false;
		p->exists = p->index < json_object_array_length(in);
		if (p->exists)
			p->value = json_object_array_get_idx(in, p->index);
		return true;
	default:
		return false;
	}
}

/* True when everything but the last part is there. */
static bool resolve(struct json_object *doc, struct str path, struct place *p)
{
	struct str part;

	*p = (struct place){.key = BUF_INIT, .value = doc, .exists = true};
	if (!path.len)
		return true;
	if (path.p[0] != '/')
		return false;
	path = str_skip(path, 1);
	while (str_split(&path, '/', &part)) {
		if (!p->exists || !enter(p, p->value, part))
			return false;
	}
	return true;
}

static void insert_at(struct json_object *list, size_t at, struct json_object *v)
{
	size_t n = json_object_array_length(list);

	json_object_array_add(list, NULL);
	for (size_t i = n; i > at; i--) {
		struct json_object *e = json_object_array_get_idx(list, i - 1);

		json_object_array_put_idx(list, i, json_object_get(e));
	}
	json_object_array_put_idx(list, at, v);
}

/* Takes v. */
static void put(struct json_object **doc, struct place *p, struct json_object *v, bool replace)
{
	if (!p->parent) {
		json_object_put(*doc);
		*doc = v;
	} else if (!p->is_array) {
		json_object_object_add(p->parent, p->key.p, v);
	} else if (replace) {
		json_object_array_put_idx(p->parent, p->index, v);
	} else {
		insert_at(p->parent, p->index, v);
	}
}

static void take_out(struct place *p)
{
	if (p->is_array)
		json_object_array_del_idx(p->parent, p->index, 1);
	else
		json_object_object_del(p->parent, p->key.p);
}

static int invalid(struct err *err, const char *op, struct str path, const char *why)
{
	if (err)
		err->http_code = 422;
	return err_set(
		err, EINVAL, "Invalid",
		"the server rejected our request due to an error in our request: %s operation "
		"does not apply: doc is missing %s: %.*s: missing value",
		op, why, STR_ARG(path));
}

struct patcher {
	struct json_object *doc;
	size_t copied;
	struct err *err;
};

static size_t text_size(struct json_object *v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jsonc_write(v, &b);
	return b.len;
}

static int op_add(struct patcher *pt, struct str path, struct json_object *value, const char *name,
		  bool replace)
{
	struct place p;
	int r = 0;

	/* As upstream's library has it, an absent member may be "replaced"; an element may not. */
	if (!resolve(pt->doc, path, &p) || (replace && !p.exists && p.is_array))
		r = invalid(pt->err, name, path, replace ? "key" : "path");
	else
		put(&pt->doc, &p, jsonc_clone(value), replace);
	buf_done(&p.key);
	return r;
}

static int op_remove(struct patcher *pt, struct str path)
{
	struct place p;
	int r = 0;

	if (!resolve(pt->doc, path, &p) || !p.exists || !p.parent)
		r = invalid(pt->err, "remove", path, "path");
	else
		take_out(&p);
	buf_done(&p.key);
	return r;
}

static int op_test(struct patcher *pt, struct str path, struct json_object *value)
{
	struct place p;
	int r = 0;

	if (!resolve(pt->doc, path, &p) || !jsonc_equal(p.exists ? p.value : NULL, value)) {
		if (pt->err)
			pt->err->http_code = 422;
		r = err_set(
			pt->err, EDOM, "Invalid",
			"the server rejected our request due to an error in our request: testing "
			"path %.*s failed",
			STR_ARG(path));
	}
	buf_done(&p.key);
	return r;
}

static int op_copy(struct patcher *pt, struct str from, struct str path, bool move)
{
	CLEANUP_JSON struct json_object *v = NULL;
	struct place p;
	bool ok = resolve(pt->doc, from, &p) && p.exists;

	if (ok)
		v = jsonc_clone(p.value);
	if (ok && move) {
		bool inside =
			path.len > from.len && str_starts(path, from) && path.p[from.len] == '/';

		ok = p.parent && !inside;
		if (ok)
			take_out(&p);
	}
	buf_done(&p.key);
	if (!ok)
		return invalid(pt->err, move ? "move" : "copy", from, "from path");
	pt->copied += move ? 0 : text_size(v);
	if (pt->copied > MAX_COPIED)
		return err_set(pt->err, EFBIG, "RequestEntityTooLarge",
			       "the copy operations of the JSON patch add more than %d bytes",
			       MAX_COPIED);
	return op_add(pt, path, v, move ? "move" : "copy", false);
}

static int apply_one(struct patcher *pt, struct json_object *o)
{
	struct str op = jsonc_path_str(o, "op"), path = jsonc_path_str(o, "path");
	struct str from = jsonc_path_str(o, "from");
	struct json_object *value = jsonc_get(o, "value");
	bool has_value = json_object_is_type(o, json_type_object) &&
			 json_object_object_get_ex(o, "value", NULL);
	bool wants = str_eqs(op, "add") || str_eqs(op, "replace");

	if (str_is_null(path) || (wants && !has_value))
		return api_err_bad_request(pt->err,
					   "error decoding patch: an operation lacks its %s",
					   str_is_null(path) ? "path" : "value");
	if (str_eqs(op, "add"))
		return op_add(pt, path, value, "add", false);
	if (str_eqs(op, "replace"))
		return op_add(pt, path, value, "replace", true);
	if (str_eqs(op, "remove"))
		return op_remove(pt, path);
	if (str_eqs(op, "test"))
		return op_test(pt, path, value);
	if ((str_eqs(op, "move") || str_eqs(op, "copy")) && !str_is_null(from))
		return op_copy(pt, from, path, str_eqs(op, "move"));
	return api_err_bad_request(pt->err, "error decoding patch: unexpected kind: %.*s",
				   STR_ARG(op));
}

int api_patch_json(struct json_object *obj, struct json_object *patch, struct json_object **ret,
		   struct err *err)
{
	struct patcher pt = {.err = err};
	size_t n;
	int r = 0;

	if (!json_object_is_type(patch, json_type_array))
		return api_err_bad_request(err, "error decoding patch: a JSON patch is an array");
	n = json_object_array_length(patch);
	if (n > MAX_OPERATIONS)
		return err_set(err, EFBIG, "RequestEntityTooLarge",
			       "The allowed maximum operations in a JSON patch is %d, got %zu",
			       MAX_OPERATIONS, n);
	pt.doc = jsonc_clone(obj);
	for (size_t i = 0; i < n && r == 0; i++)
		r = apply_one(&pt, json_object_array_get_idx(patch, i));
	if (r == 0 && !json_object_is_type(pt.doc, json_type_object))
		r = api_err_bad_request(err, "the patch leaves no object");
	if (r < 0)
		json_object_put(pt.doc);
	else
		*ret = pt.doc;
	return r;
}
