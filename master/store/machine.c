/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/machine.h"
#include "master/store/pack.h"

void changes_clear(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		obj_unref(c->v[i].obj);
		obj_unref(c->v[i].prev);
	}
	c->n = 0;
}

/* ---- expiry heap ---- */

static void heap_set(struct machine *m, size_t at, struct obj *o)
{
	m->expiring[at] = o;
	o->expiry_pos = (uint32_t)at;
}

static bool sooner(const struct obj *a, const struct obj *b)
{
	return a->pub.expires_s < b->pub.expires_s;
}

static void heap_up(struct machine *m, size_t at, struct obj *o)
{
	while (at && sooner(o, m->expiring[(at - 1) / 2])) {
		heap_set(m, at, m->expiring[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_set(m, at, o);
}

static void heap_down(struct machine *m, size_t at, struct obj *o)
{
	for (;;) {
		size_t kid = 2 * at + 1;

		if (kid + 1 < m->n_expiring && sooner(m->expiring[kid + 1], m->expiring[kid]))
			kid++;
		if (kid >= m->n_expiring || !sooner(m->expiring[kid], o))
			break;
		heap_set(m, at, m->expiring[kid]);
		at = kid;
	}
	heap_set(m, at, o);
}

static void expiry_add(struct machine *m, struct obj *o)
{
	if (!o->pub.expires_s || o->expiry_pos != OBJ_NOT_QUEUED)
		return;
	*ARRAY_PUSH(m->expiring, m->n_expiring, m->cap_expiring) = o;
	heap_up(m, m->n_expiring - 1, o);
}

void machine_expiry_drop(struct machine *m, struct obj *o)
{
	size_t at = o->expiry_pos;
	struct obj *last;

	if (at == OBJ_NOT_QUEUED)
		return;
	o->expiry_pos = OBJ_NOT_QUEUED;
	last = m->expiring[--m->n_expiring];
	if (last == o)
		return;
	if (at && sooner(last, m->expiring[(at - 1) / 2]))
		heap_up(m, at, last);
	else
		heap_down(m, at, last);
}

struct obj *machine_expiring(const struct machine *m)
{
	return m->n_expiring ? m->expiring[0] : NULL;
}

void machine_expiry_retry(struct machine *m, struct str key, uint64_t rev)
{
	struct obj *o = tree_get(m->tree.root, key);

	if (o && o->pub.rev == rev)
		expiry_add(m, o);
}

/* ---- state ---- */

void machine_done(struct machine *m)
{
	tree_unref(m->tree.root);
	free(m->expiring);
	*m = (struct machine){0};
}

static bool locked(const struct obj *o)
{
	return o->pub.sealed_by >= STORE_REFUSED;
}

int machine_restore(struct machine *m, const struct store_obj *t)
{
	struct obj *o = obj_restore(t), *old;

	m->bytes += obj_bytes(o);
	m->n_locked += locked(o);
	expiry_add(m, o);
	pack_add(m->pack, o);
	old = tree_put(&m->tree, o);
	if (!old)
		return 0;
	machine_expiry_drop(m, old);
	obj_unref(old);
	return -EBADMSG; /* a key twice */
}

static int compare(const struct store_op *op, const struct obj *cur)
{
	if (op->expect == STORE_ABSENT)
		return cur ? -EEXIST : 0;
	if (!cur)
		return op->expect == STORE_ANY && op->type == STORE_PUT ? 0 : -ENOENT;
	return op->expect == STORE_ANY || op->expect == cur->pub.rev ? 0 : -EAGAIN;
}

/* Change the tree alone: what has to be undone if a later operation fails is just the root. */
static void change_tree(struct machine *m, const struct ops_op *op, struct obj *cur,
			struct change *ret)
{
	*ret = (struct change){.type = op->op.type, .prev = cur ? obj_ref(cur) : NULL};
	switch (op->op.type) {
	case STORE_PUT: {
		struct store_obj t = {.key = op->op.key,
				      .value = op->op.value,
				      .meta = op->op.meta,
				      .rv_at = op->op.rv_at,
				      .rev = ++m->rev,
				      .sealed_by = op->sealed_by,
				      .expires_s = op->expires_s};

		t.create_rev = cur ? cur->pub.create_rev : t.rev;
		ret->obj = obj_new(&t);
		pack_add(m->pack, ret->obj);
		obj_unref(tree_put(&m->tree, obj_ref(ret->obj)));
		return;
	}
	case STORE_DELETE:
		if (!cur)
			return; /* absence was expected, and is what there is */
		ret->obj = obj_tombstone(cur, ++m->rev);
		pack_add(m->pack, ret->obj);
		obj_unref(tree_del(&m->tree, op->op.key));
		return;
	case STORE_CHECK:
		ret->obj = cur ? obj_ref(cur) : NULL;
		return;
	}
}

/* The transaction holds: account for it. */
static void settle(struct machine *m, const struct changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct change *ch = &c->v[i];

		if (ch->type == STORE_CHECK)
			continue;
		if (ch->prev) {
			machine_expiry_drop(m, ch->prev);
			m->bytes -= obj_bytes(ch->prev);
			m->n_locked -= locked(ch->prev);
		}
		if (ch->type == STORE_PUT) {
			m->bytes += obj_bytes(ch->obj);
			m->n_locked += locked(ch->obj);
			expiry_add(m, ch->obj);
		}
	}
}

int machine_apply(struct machine *m, const struct ops_array *txn, struct changes *ret,
		  size_t *failed, struct obj **current)
{
	/* Only a transaction of several operations can have something to undo. */
	struct tree_node *before = txn->n > 1 ? tree_ref(m->tree.root) : NULL;
	uint64_t rev = m->rev;

	ret->n = 0;
	for (size_t i = 0; i < txn->n; i++) {
		const struct ops_op *op = &txn->v[i];
		struct obj *cur = tree_get(m->tree.root, op->op.key);
		int r = compare(&op->op, cur);

		if (r == 0) {
			change_tree(m, op, cur, ARRAY_PUSH(ret->v, ret->n, ret->cap));
			continue;
		}
		if (i) {
			changes_clear(ret);
			tree_unref(m->tree.root);
			m->tree.root = before;
			m->rev = rev;
			/* What the caller sees is what stays. */
			cur = tree_get(before, op->op.key);
		} else {
			tree_unref(before);
		}
		*failed = i;
		*current = cur;
		return r;
	}
	tree_unref(before);
	settle(m, ret);
	return 0;
}
