/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_JW_H
#define KNARR_JW_H
#include "lib/base/buf.h"
/*
 * Writes JSON into a buffer: commas and escapes are the writer's business. Nesting is checked by
 * assert (it is our own code that writes).
 *
 *	struct jw w = jw_start(&buf);
 *	jw_begin_object(&w);
 *	jw_member_str(&w, "kind", STR("Pod"));
 *	jw_key(&w, "items");
 *	jw_begin_array(&w); ... jw_end_array(&w);
 *	jw_end_object(&w);
 */
struct jw {
	struct buf *out;
	uint64_t has_items; /* a bit a level: something was written on it */
	uint8_t depth;
	bool after_key;
};

struct jw jw_start(struct buf *out);
void jw_begin_object(struct jw *w);
void jw_end_object(struct jw *w);
void jw_begin_array(struct jw *w);
void jw_end_array(struct jw *w);
void jw_key(struct jw *w, const char *name);
void jw_keyn(struct jw *w, struct str name);
void jw_str(struct jw *w, struct str s); /* any UTF-8; STR_NULL writes null */
void jw_i64(struct jw *w, int64_t v);
void jw_u64(struct jw *w, uint64_t v);
void jw_double(struct jw *w, double v); /* the shortest text that reads back the same */
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
void jw_raw(struct jw *w, struct str json); /* one complete, valid value */

static inline void jw_member_str(struct jw *w, const char *name, struct str s)
{
	jw_key(w, name);
	jw_str(w, s);
}
static inline void jw_member_i64(struct jw *w, const char *name, int64_t v)
{
	jw_key(w, name);
	jw_i64(w, v);
}
static inline void jw_member_bool(struct jw *w, const char *name, bool v)
{
	jw_key(w, name);
	jw_bool(w, v);
}
static inline void jw_member_raw(struct jw *w, const char *name, struct str json)
{
	jw_key(w, name);
	jw_raw(w, json);
}
/* Append s as a quoted JSON string. */
void json_quote(struct str s, struct buf *out);
/* Append a double as the shortest decimal text that reads back the same. */
void json_double(double v, struct buf *out);
#endif
