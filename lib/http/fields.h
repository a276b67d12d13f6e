/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_FIELDS_H
#define KNARR_HTTP_FIELDS_H
#include "lib/http/message.h"
/*
 * Inside lib/http: the header fields of a message in one block of memory, in the order they came,
 * names in lower case. Pseudo fields of HTTP/2 (":path") stand among them; HTTP/1.1's request
 * line is stored under the same names. Records: {u32 name length, u32 value length, name, value}.
 */
struct fields {
	struct buf b;
	size_t last; /* where the record begins that *_more add to */
	bool in_value;
};

void fields_init(struct fields *f);
void fields_done(struct fields *f);
void fields_add(struct fields *f, struct str name, struct str value);
/* As a parser delivers them: pieces of a name, then pieces of its value. */
void fields_name_more(struct fields *f, struct str part);
void fields_value_more(struct fields *f, struct str part);
/* Walk: *pos starts at 0. */
bool fields_next(const struct fields *f, size_t *pos, struct http_header *ret);
/* The first of this name (lower case), or absent. */
struct str fields_get(const struct fields *f, struct str name);
/* Number i of those that are not pseudo fields. */
bool fields_at(const struct fields *f, size_t i, struct http_header *ret);
/* Give back what was allocated beyond the length. */
void fields_shrink(struct fields *f);
#endif
