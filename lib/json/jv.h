/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_JV_H
#define KNARR_JV_H
#include "lib/base/buf.h"
/*
 * Reads JSON bytes in place: no parse tree, no allocation. A jv is a borrowed cursor to one value
 * inside text that json_scan has accepted (or that we wrote ourselves); on other bytes the result
 * is undefined but never reads beyond the text. Absent values are JV_NONE, and every function
 * takes JV_NONE and answers "absent", so that paths can be chained without checks:
 *
 *	struct jv pod = jv_of(obj_bytes);
 *	struct str node = jv_text(jv_path(pod, "spec.nodeName"));
 *
 * A lookup costs a pass over the bytes before the member: take a sub-value once and go on from it.
 */
struct jv {
	const char *p, *end; /* p: first byte of the value; end: of the whole text */
};
#define JV_NONE ((struct jv){NULL, NULL})

enum jv_type { JV_ABSENT, JV_NULL, JV_BOOL, JV_NUMBER, JV_STRING, JV_ARRAY, JV_OBJECT };

struct jv jv_of(struct str json); /* the document's value */
enum jv_type jv_type(struct jv v);
/* Present and not null. */
bool jv_exists(struct jv v);
/* The exact bytes of the value. */
struct str jv_raw(struct jv v);

/* Member of an object by its (unescaped) name; JV_NONE if absent or v is no object. */
struct jv jv_get(struct jv v, const char *name);
struct jv jv_getn(struct jv v, struct str name);
/* Several members in one pass: ret[i] is names[i]'s. */
void jv_members(struct jv v, const struct str *names, size_t n, struct jv *ret);
/* "metadata.ownerReferences[0].uid": names joined by dots, [N] for elements. Names with dots:
 * jv_get. */
struct jv jv_path(struct jv v, const char *path);
size_t jv_len(struct jv v); /* elements or members */

/*
 * Text of a string. jv_text gives the bytes between the quotes and is right whenever the string
 * holds no escape (names, uids, enums: validated text); for free text use jv_str, which
 * decodes into `scratch` only when it must (appended; the view points into it until it grows
 * again). STR_NULL if v is no string.
 */
struct str jv_text(struct jv v);
struct str jv_str(struct jv v, struct buf *scratch);
char *jv_strdup(struct jv v); /* decoded, owned by the caller; NULL if v is no string */
bool jv_eqs(struct jv v, const char *text);

/* Numbers: `otherwise` if v is no number (of that kind). */
int64_t jv_i64(struct jv v, int64_t otherwise);
double jv_double(struct jv v, double otherwise);
bool jv_bool(struct jv v, bool otherwise);

/* Iteration. For objects `key` is the raw text of the member's name, escapes kept. */
struct jv_iter {
	struct jv value;
	struct str key;
	const char *next_p, *end_p;
	bool is_object;
};
struct jv_iter jv_iter_start(struct jv v, bool want_object);
bool jv_iter_next(struct jv_iter *it);
#define jv_for_each(it, array) \
	for (struct jv_iter it = jv_iter_start((array), false); jv_iter_next(&it);)
#define jv_for_each_member(it, object) \
	for (struct jv_iter it = jv_iter_start((object), true); jv_iter_next(&it);)

/* Append `raw` (the inside of a JSON string) decoded to UTF-8. */
void jv_unescape(struct str raw, struct buf *out);
#endif
