/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/kinds.h"
#include "lib/api/labels.h"
#include "lib/base/clock.h"

void column_age(const struct api_table_ctx *c, struct jv time, struct buf *out)
{
	int64_t t;

	if (!jv_exists(time) || time_parse(jv_text(time), &t) < 0)
		buf_adds(out, "<unknown>");
	else
		duration_human(c->now_ns - t, out);
}

void cell_age(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	column_age(c, jv_path(obj, "metadata.creationTimestamp"), &b);
	jw_str(w, buf_str(&b));
}

void cell_data_count(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_u64(w, jv_len(jv_get(obj, "data")) + jv_len(jv_get(obj, "binaryData")));
}

void column_map(struct jv map, struct buf *out)
{
	size_t n = 0;

	jv_for_each_member (it, map) {
		buf_addf(out, "%s%.*s=%.*s", n++ ? "," : "", STR_ARG(it.key),
			 STR_ARG(jv_text(it.value)));
	}
	if (!n)
		buf_adds(out, "<none>");
}

static void join_containers(struct jv obj, const char *member, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	size_t n = 0;

	jv_for_each (it, jv_path(obj, "spec.template.spec.containers")) {
		if (n++)
			buf_addc(&b, ',');
		buf_addstr(&b, jv_text(jv_get(it.value, member)));
	}
	jw_str(w, buf_str(&b));
}

void cell_containers(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	join_containers(obj, "name", w);
}

void cell_images(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	join_containers(obj, "image", w);
}

void cell_selector(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct label_selector s = {0};

	if (label_selector_from_object(jv_path(obj, "spec.selector"), &s, NULL) == 0)
		label_selector_format(&s, &b);
	label_selector_done(&s);
	jw_str(w, b.len ? buf_str(&b) : STR("<none>"));
}

void cell_text(struct jw *w, struct jv text, const char *none)
{
	jw_str(w, jv_text(text).len ? jv_text(text) : str_of(none));
}

void cell_access_modes(struct jv modes, struct jw *w)
{
	static const char *const shown[][2] = {{"ReadWriteOnce", "RWO"},
					       {"ReadOnlyMany", "ROX"},
					       {"ReadWriteMany", "RWX"},
					       {"ReadWriteOncePod", "RWOP"}};
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		jv_for_each (it, modes)
			if (jv_eqs(it.value, shown[i][0])) {
				buf_addf(&b, "%s%s", b.len ? "," : "", shown[i][1]);
				break;
			}
	jw_str(w, buf_str(&b));
}
