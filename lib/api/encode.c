/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/api.h"
#include "lib/json/jw.h"

static void member(struct buf *out, const char *key, struct json_object *v, bool *first)
{
	if (!*first)
		buf_addc(out, ',');
	*first = false;
	json_quote(str_of(key), out);
	buf_addc(out, ':');
	jsonc_write(v, out);
}

static void encode_metadata(struct json_object *meta, struct buf *out, size_t start,
			    size_t *ret_rv_at)
{
	bool first = true;

	buf_addc(out, '{');
	if (json_object_is_type(meta, json_type_object)) {
		json_object_object_foreach(meta, key, v)
		{
			if (v && strcmp(key, "resourceVersion") != 0)
				member(out, key, v, &first);
		}
	}
	if (!first)
		buf_addc(out, ',');
	buf_adds(out, "\"resourceVersion\":\"");
	if (ret_rv_at)
		*ret_rv_at = out->len - start;
	buf_adds(out, "\"}");
}

void api_encode(struct json_object *obj, struct buf *out, size_t *ret_rv_at)
{
	static const char *const lead[] = {"apiVersion", "kind"};
	size_t start = out->len;
	bool first = true;

	buf_addc(out, '{');
	for (size_t i = 0; i < ARRAY_SIZE(lead); i++) {
		struct json_object *v = jsonc_get(obj, lead[i]);

		if (v)
			member(out, lead[i], v, &first);
	}
	if (!first)
		buf_addc(out, ',');
	buf_adds(out, "\"metadata\":");
	first = false;
	encode_metadata(jsonc_get(obj, "metadata"), out, start, ret_rv_at);
	json_object_object_foreach(obj, key, v)
	{
		if (v && strcmp(key, "apiVersion") != 0 && strcmp(key, "kind") != 0 &&
		    strcmp(key, "metadata") != 0)
			member(out, key, v, &first);
	}
	buf_addc(out, '}');
}
