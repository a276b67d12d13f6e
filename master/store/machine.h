/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_MACHINE_H
#define KNARR_STORE_MACHINE_H
#include "master/store/ops.h"
#include "master/store/tree.h"
/*
 * The state machine: the tree, the revision, and what expires when. Applying a transaction depends
 * on nothing but the state and the transaction: every replica decides the same.
 */
struct machine {
	struct tree tree;
	uint64_t rev, bytes;
	size_t n_locked; /* objects that must not be served */
	/* A heap of the objects with an expiry, the next one first. Borrowed from the tree. */
	struct obj **expiring;
	size_t n_expiring, cap_expiring;
	struct pack *pack; /* borrowed; NULL: nothing is packed */
};

/* One change a transaction made. References belong to the change. */
struct change {
	struct obj *obj; /* put: the new object; delete: the tombstone; check: what is there */
	struct obj *prev; /* NULL: none */
	enum store_op_type type;
};
struct changes {
	struct change *v;
	size_t n, cap;
};
void changes_clear(struct changes *c);

void machine_done(struct machine *m);
/* From a snapshot, in key order. */
int machine_restore(struct machine *m, const struct store_obj *o);
/*
 * Apply one transaction. 0 and the changes, one for each operation; or, with nothing changed,
 * -EEXIST, -ENOENT or -EAGAIN, *failed, and *current (borrowed, may be NULL).
 */
int machine_apply(struct machine *m, const struct ops_array *txn, struct changes *ret,
		  size_t *failed, struct obj **current);
/* The object that expires next; NULL: none. Borrowed. */
struct obj *machine_expiring(const struct machine *m);
/* Leave it out of the heap; its expiry is being dealt with. */
void machine_expiry_drop(struct machine *m, struct obj *o);
/* Put it back, if it is still what the tree has. */
void machine_expiry_retry(struct machine *m, struct str key, uint64_t rev);
#endif
