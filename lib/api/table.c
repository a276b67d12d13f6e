/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/table.h"
#include "lib/api/jsonpath.h"
#include "lib/api/kinds/kinds.h"

static const struct api_column default_columns[] = {COLUMN_NAME, COLUMN_AGE};

static const struct api_column *columns_of(const struct api_kind *k, size_t *ret_n)
{
	*ret_n = k->columns ? k->n_columns : ARRAY_SIZE(default_columns);
	return k->columns ? k->columns : default_columns;
}

int api_table_include_parse(struct str s)
{
	if (!s.len || str_eqs(s, "Metadata"))
		return API_INCLUDE_METADATA;
	if (str_eqs(s, "Object"))
		return API_INCLUDE_OBJECT;
	return str_eqs(s, "None") ? API_INCLUDE_NONE : -EINVAL;
}

static void write_columns(const struct api_kind *k, struct jw *w)
{
	size_t n;
	const struct api_column *c = columns_of(k, &n);

	jw_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		jw_begin_object(w);
		jw_member_str(w, "name", str_of(c[i].name));
		jw_member_str(w, "type", str_of(c[i].type));
		jw_member_str(w, "format", c[i].format ? str_of(c[i].format) : STR(""));
		jw_member_str(w, "description", str_of(c[i].help));
		jw_member_i64(w, "priority", c[i].priority);
		jw_end_object(w);
	}
	jw_end_array(w);
}

void api_table_begin(const struct api_kind *k, const char *version, struct str rv,
		     struct str continue_token, int64_t remaining, bool with_columns,
		     struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("Table"));
	jw_key(&w, "apiVersion");
	jw_str(&w, strcmp(version, "v1beta1") == 0 ? STR("meta.k8s.io/v1beta1")
						   : STR("meta.k8s.io/v1"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	if (rv.len)
		jw_member_str(&w, "resourceVersion", rv);
	if (continue_token.len)
		jw_member_str(&w, "continue", continue_token);
	if (remaining >= 0)
		jw_member_i64(&w, "remainingItemCount", remaining);
	jw_end_object(&w);
	jw_key(&w, "columnDefinitions");
	if (with_columns)
		write_columns(k, &w);
	else
		jw_null(&w);
	buf_adds(out, ",\"rows\":[");
}

/* A custom column: the value by the column's type, null when it has another. */
static void cell_of_path(const struct api_table_ctx *ctx, const struct api_column *c,
			 const struct jsonpath *path, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv v = jsonpath_first(path, obj);
	enum jv_type t = jv_type(v);

	if (!strcmp(c->type, "date") && t == JV_STRING) {
		column_age(ctx, v, &b);
		jw_str(w, str_eqs(buf_str(&b), "<unknown>") ? STR("<invalid>") : buf_str(&b));
	} else if (!strcmp(c->type, "integer") && t == JV_NUMBER) {
		jw_i64(w, jv_i64(v, (int64_t)jv_double(v, 0)));
	} else if (!strcmp(c->type, "string") && jv_exists(v)) {
		jw_str(w, t == JV_STRING ? jv_str(v, &b) : jv_raw(v));
	} else if ((!strcmp(c->type, "number") && t == JV_NUMBER) ||
		   (!strcmp(c->type, "boolean") && t == JV_BOOL)) {
		jw_raw(w, jv_raw(v));
	} else {
		jw_null(w);
	}
}

void api_table_row(const struct api_kind *k, const char *version, int64_t now_ns, struct jv obj,
		   enum api_table_include include, bool first, struct buf *out)
{
	struct api_table_ctx ctx = {now_ns};
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	const struct api_column *c;
	struct jw w;
	size_t n;

	if (!first)
		buf_addc(out, ',');
	w = jw_start(out);
	c = columns_of(k, &n);
	jw_begin_object(&w);
	jw_key(&w, "cells");
	jw_begin_array(&w);
	for (size_t i = 0; i < n; i++) {
		struct str s;

		if (k->column_paths && k->column_paths[i]) {
			cell_of_path(&ctx, &c[i], k->column_paths[i], obj, &w);
			continue;
		}
		if (!c[i].path) {
			c[i].cell(&ctx, obj, &w);
			continue;
		}
		buf_clear(&scratch);
		s = jv_str(jv_path(obj, c[i].path), &scratch);
		jw_str(&w, s.p ? s : STR(""));
	}
	jw_end_array(&w);
	if (include == API_INCLUDE_OBJECT) {
		jw_member_raw(&w, "object", jv_raw(obj));
	} else if (include == API_INCLUDE_METADATA) {
		CLEANUP(buf_done) struct buf meta = BUF_INIT;

		api_partial_metadata(version, obj, &meta);
		jw_member_raw(&w, "object", buf_str(&meta));
	}
	jw_end_object(&w);
}

void api_table_end(struct buf *out)
{
	buf_adds(out, "]}");
}

void api_partial_metadata(const char *version, struct jv obj, struct buf *out)
{
	struct jv meta = jv_get(obj, "metadata");

	buf_addf(out, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/%s\"",
		 version);
	if (jv_exists(meta)) {
		buf_adds(out, ",\"metadata\":");
		buf_addstr(out, jv_raw(meta));
	}
	buf_addc(out, '}');
}
