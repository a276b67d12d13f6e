/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_FIELDSET_H
#define KNARR_API_FIELDSET_H
#include "lib/api/kind.h"
/*
 * Sets of field paths, as managedFields' fieldsV1 writes them: a tree whose edges are path
 * elements ("f:name" a field, `k:{"name":"x"}` a list-map element, `v:"x"` a set element); a node
 * may itself be a member. JSON: {"f:spec":{"f:replicas":{}}}; "." marks a member with children.
 */
struct fieldset {
	char *elem; /* path element leading here, in the same allocation; NULL at the root */
	bool member;
	struct fieldset **children; /* sorted by elem */
	size_t n, cap;
};

struct fieldset *fieldset_new(void);
struct fieldset *fieldset_free(struct fieldset *s);
DEFINE_CLEANUP(struct fieldset *, fieldset_freep, fieldset_free)
struct fieldset *fieldset_clone(const struct fieldset *s);
struct fieldset *fieldset_child(const struct fieldset *s, const char *elem); /* or NULL */
struct fieldset *fieldset_ensure(struct fieldset *s, const char *elem);
bool fieldset_empty(const struct fieldset *s);
void fieldset_tidy(struct fieldset *s); /* drops nodes without a member at or below them */
bool fieldset_equal(const struct fieldset *a, const struct fieldset *b);
void fieldset_add(struct fieldset *a, const struct fieldset *b); /* a = a + b */
/* The same, but b may be left with anything in it. */
void fieldset_move(struct fieldset *a, struct fieldset *b);
void fieldset_subtract(struct fieldset *a, const struct fieldset *b); /* a = a - b */
/* Take a path and all below it out: "f:metadata", "f:name", NULL. */
void fieldset_remove_tree(struct fieldset *s, const char *const *path);
struct fieldset *fieldset_intersect(const struct fieldset *a, const struct fieldset *b);

/* Depth is bounded by json_scan. Elements of a kind that is not known are left out. */
struct fieldset *fieldset_from_json(struct json_object *fields_v1);
void fieldset_write(const struct fieldset *s, struct buf *out);
struct json_object *fieldset_to_json(const struct fieldset *s); /* kept as text */
/* fn for every member, with its path as messages show it: .spec.containers[name="x"].image */
void fieldset_each(const struct fieldset *s, void (*fn)(void *user, const char *path), void *user);
#endif
