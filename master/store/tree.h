/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_TREE_H
#define KNARR_STORE_TREE_H
#include "master/store/obj.h"
/*
 * A copy-on-write B+tree of objects in key order. A root is a version of the whole map: whoever
 * holds a reference to one can read it for ever. A change copies the nodes on the path to the leaf,
 * except those that nobody else refers to, which are changed in place; so without views a put
 * copies nothing.
 *
 *	inner   [min|min|min]            min: the first object of each child (borrowed from the
 *leaf) |   |   |               count: objects below, for O(log n) ranks leaf    [obj obj obj] ...
 *owns one reference to each object
 *
 * The main thread alone changes trees and reference counts. Another thread may read nodes of a
 * root for as long as the main thread holds a reference to it: shared nodes never change.
 */
struct tree_node;
struct tree {
	struct tree_node *root; /* NULL: empty */
};

/* Insert or replace; takes the reference to `o`. Returns what it replaced, its reference with it.
 */
struct obj *tree_put(struct tree *t, struct obj *o);
/* Remove; returns the object with its reference, or NULL when the key is not there. */
struct obj *tree_del(struct tree *t, struct str key);

struct obj *tree_get(const struct tree_node *root, struct str key); /* borrowed */
uint64_t tree_count(const struct tree_node *root);
/* Roots are NULL for the empty tree; all functions take that. */
struct tree_node *tree_ref(struct tree_node *root);
void tree_unref(struct tree_node *root);

/* A place between keys: every key is below or above it. */
enum tree_bound_mode {
	TREE_LT, /* keys less than key are below */
	TREE_LE, /* and the key itself */
	TREE_PREFIX, /* and all that begin with key */
};
struct tree_bound {
	struct str key;
	enum tree_bound_mode mode;
};
/* How many keys are below the bound. */
uint64_t tree_rank(const struct tree_node *root, struct tree_bound b);
/* Put the iterator on the first object above the bound. */
void tree_seek(const struct tree_node *root, struct tree_bound b, struct store_iter *it);
/* The object the iterator stands on, and step. NULL at the end. */
struct obj *tree_next(struct store_iter *it);
/* Every invariant of the structure; asserts. For tests. */
void tree_check(const struct tree_node *root);
#endif
