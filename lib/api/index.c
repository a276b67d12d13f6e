/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/index.h"
#include "lib/json/jsonc.h"

#define HEAD 5 /* tag and two lengths */

static void add(struct buf *meta, char tag, const char *key, struct str value)
{
	size_t klen = strlen(key);

	if (klen > UINT16_MAX)
		return;
	value.len = MIN(value.len, (size_t)UINT16_MAX);
	buf_addc(meta, tag);
	buf_addc(meta, (char)(klen & 0xff));
	buf_addc(meta, (char)(klen >> 8));
	buf_addc(meta, (char)(value.len & 0xff));
	buf_addc(meta, (char)(value.len >> 8));
	buf_add(meta, key, klen);
	buf_addstr(meta, value);
}

/*
 * A scalar as the text field selectors compare with. Fields which are always there in
 * Kubernetes' form of the object (booleans, counts) have their zero when absent.
 */
static struct str scalar(struct json_object *v, char tmp[32])
{
	switch (json_object_get_type(v)) {
	case json_type_string:
		return jsonc_str(v);
	case json_type_boolean:
		return json_object_get_boolean(v) ? STR("true") : STR("false");
	case json_type_int:
		snprintf(tmp, 32, "%" PRId64, json_object_get_int64(v));
		return str_of(tmp);
	case json_type_null:
	case json_type_double:
	case json_type_object:
	case json_type_array:
		break;
	}
	return STR_NULL;
}

void api_index_extract(const struct api_kind *kind, struct json_object *obj, struct buf *meta)
{
	struct json_object *labels = jsonc_path(obj, "metadata.labels");
	char tmp[32];

	for (const char *const *p = kind->selectable; p && *p; p++) {
		struct json_object *v = jsonc_path(obj, *p);
		struct str s = scalar(v, tmp);

		if (!v) {
			const struct api_field *f = api_field_path(kind->type, str_of(*p));

			if (f && f->type == API_BOOL)
				s = STR("false");
			else if (f && (f->type == API_INT32 || f->type == API_INT64))
				s = STR("0");
		}
		if (s.len)
			add(meta, 'F', *p, s);
	}
	if (!json_object_is_type(labels, json_type_object))
		return;
	json_object_object_foreach(labels, key, v) add(meta, 'L', key, v ? jsonc_str(v) : STR(""));
}

static struct str find(struct str meta, char tag, struct str key)
{
	while (meta.len >= HEAD) {
		const unsigned char *p = (const unsigned char *)meta.p;
		size_t klen = p[1] | (size_t)p[2] << 8, vlen = p[3] | (size_t)p[4] << 8;

		if (meta.len < HEAD + klen + vlen)
			break;
		if (meta.p[0] == tag && str_eq(key, str_n(meta.p + HEAD, klen)))
			return str_n(meta.p + HEAD + klen, vlen);
		meta = str_skip(meta, HEAD + klen + vlen);
	}
	return STR_NULL;
}

void api_index_with_field(struct str meta, const char *path, struct str value, struct buf *out)
{
	if (value.len)
		add(out, 'F', path, value);
	while (meta.len >= HEAD) {
		const unsigned char *p = (const unsigned char *)meta.p;
		size_t klen = p[1] | (size_t)p[2] << 8, vlen = p[3] | (size_t)p[4] << 8;
		size_t len = HEAD + klen + vlen;

		if (meta.len < len)
			break;
		if (meta.p[0] != 'F' || !str_eqs(str_n(meta.p + HEAD, klen), path))
			buf_add(out, meta.p, len);
		meta = str_skip(meta, len);
	}
}

struct str api_index_field(struct str meta, struct str path)
{
	return find(meta, 'F', path);
}

struct str api_index_label(struct str meta, struct str key)
{
	return find(meta, 'L', key);
}

static struct str get_label(void *user, struct str key)
{
	return find(*(struct str *)user, 'L', key);
}

bool api_index_match(struct str meta, struct str ns, struct str name,
		     const struct label_selector *labels, const struct field_selector *fields)
{
	for (size_t i = 0; fields && i < fields->n; i++) {
		const struct field_req *r = &fields->reqs[i];
		struct str v;

		if (strcmp(r->path, "metadata.name") == 0)
			v = name;
		else if (strcmp(r->path, "metadata.namespace") == 0)
			v = ns;
		else
			v = find(meta, 'F', str_of(r->path));
		if (str_eqs(v, r->value) == r->negate)
			return false;
	}
	return !labels || label_selector_match_fn(labels, get_label, &meta);
}
