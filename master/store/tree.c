/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/tree.h"

#define FANOUT 32u
#define UNDERFULL 10u /* a node with fewer is merged with a neighbour if both fit in one */

struct tree_node {
	uint32_t refs;
	uint16_t n;
	bool leaf;
	uint64_t count; /* objects in this subtree */
	/* Of a leaf: its objects. Of an inner node: the first object of each child. */
	struct obj *obj[FANOUT];
	struct tree_node *child[]; /* FANOUT of them in an inner node, none in a leaf */
};

static struct tree_node *node_new(bool leaf)
{
	struct tree_node *n =
		xmalloc(sizeof(*n) + (leaf ? 0 : FANOUT * sizeof(struct tree_node *)));

	n->refs = 1;
	n->n = 0;
	n->leaf = leaf;
	n->count = 0;
	return n;
}

struct tree_node *tree_ref(struct tree_node *n)
{
	if (n)
		n->refs++;
	return n;
}

void tree_unref(struct tree_node *n)
{
	if (!n || --n->refs)
		return;
	for (unsigned i = 0; i < n->n; i++) {
		if (n->leaf)
			obj_unref(n->obj[i]);
		else
			tree_unref(n->child[i]);
	}
	free(n);
}

/*
 * A node that may be changed: n itself if nobody else refers to it, else a copy. `n` is the
 * caller's reference and is replaced by the result's. Callers come down from the root, so that a
 * node with one reference below writable nodes really belongs to this tree alone.
 */
static struct tree_node *writable(struct tree_node *n)
{
	struct tree_node *c;

	if (n->refs == 1)
		return n;
	c = node_new(n->leaf);
	c->n = n->n;
	c->count = n->count;
	memcpy(c->obj, n->obj, n->n * sizeof(n->obj[0]));
	if (n->leaf) {
		for (unsigned i = 0; i < n->n; i++)
			obj_ref(n->obj[i]);
	} else {
		memcpy(c->child, n->child, n->n * sizeof(n->child[0]));
		for (unsigned i = 0; i < n->n; i++)
			n->child[i]->refs++;
	}
	n->refs--;
	return c;
}

static bool below(const struct obj *o, struct tree_bound b)
{
	struct str k = o->pub.key;
	int c;

	if (b.mode == TREE_PREFIX)
		k.len = MIN(k.len, b.key.len);
	c = str_cmp(k, b.key);
	return c < 0 || (c == 0 && b.mode != TREE_LT);
}

/* How many of the node's slots have their (first) key below the bound. */
static unsigned slots_below(const struct tree_node *n, struct tree_bound b)
{
	unsigned lo = 0, hi = n->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (below(n->obj[mid], b))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Which child has the place of the bound: the last whose first key is below it. */
static unsigned child_of(const struct tree_node *n, struct tree_bound b)
{
	unsigned i = slots_below(n, b);

	return i ? i - 1 : 0;
}

static void slot_insert(struct tree_node *n, unsigned at, struct obj *o, struct tree_node *child)
{
	memmove(&n->obj[at + 1], &n->obj[at], (n->n - at) * sizeof(n->obj[0]));
	n->obj[at] = o;
	if (!n->leaf) {
		memmove(&n->child[at + 1], &n->child[at], (n->n - at) * sizeof(n->child[0]));
		n->child[at] = child;
	}
	n->n++;
}

static void slot_remove(struct tree_node *n, unsigned at)
{
	n->n--;
	memmove(&n->obj[at], &n->obj[at + 1], (n->n - at) * sizeof(n->obj[0]));
	if (!n->leaf)
		memmove(&n->child[at], &n->child[at + 1], (n->n - at) * sizeof(n->child[0]));
}

static uint64_t slot_count(const struct tree_node *n, unsigned i)
{
	return n->leaf ? 1 : n->child[i]->count;
}

/*
 * Move the upper part of a full node into a new one. Where the new slot comes last (keys arrive
 * in order when a snapshot is read) the left node stays full.
 */
static struct tree_node *split(struct tree_node *n, unsigned at)
{
	struct tree_node *right = node_new(n->leaf);
	unsigned keep = at == n->n ? n->n - 1u : n->n / 2u;

	right->n = (uint16_t)(n->n - keep);
	memcpy(right->obj, &n->obj[keep], right->n * sizeof(n->obj[0]));
	if (!n->leaf)
		memcpy(right->child, &n->child[keep], right->n * sizeof(n->child[0]));
	n->n = (uint16_t)keep;
	for (unsigned i = 0; i < right->n; i++)
		right->count += slot_count(right, i);
	n->count -= right->count;
	return right;
}

/* Add a slot to a writable node; what had to be split off to its right is returned, or NULL. */
static struct tree_node *slot_add(struct tree_node *n, unsigned at, struct obj *o,
				  struct tree_node *child)
{
	struct tree_node *right = NULL, *into = n;

	if (n->n == FANOUT) {
		right = split(n, at);
		if (at > n->n) {
			at -= n->n;
			into = right;
		}
	}
	slot_insert(into, at, o, child);
	into->count += child ? child->count : 1;
	return right;
}

/*
 * Put into the subtree *np (the caller's writable reference). Sets *old to what was replaced.
 * Returns what was split off to the right.
 */
static struct tree_node *put(struct tree_node **np, struct obj *o, struct obj **old)
{
	struct tree_node *n = *np = writable(*np);
	unsigned at;

	if (n->leaf) {
		at = slots_below(n, (struct tree_bound){o->pub.key, TREE_LT});
		if (at < n->n && str_eq(n->obj[at]->pub.key, o->pub.key)) {
			*old = n->obj[at];
			n->obj[at] = o;
			return NULL;
		}
		return slot_add(n, at, o, NULL);
	}

	at = child_of(n, (struct tree_bound){o->pub.key, TREE_LE});
	uint64_t before = n->child[at]->count;
	struct tree_node *right = put(&n->child[at], o, old);

	n->obj[at] = n->child[at]->obj[0];
	n->count += n->child[at]->count - before;
	return right ? slot_add(n, at + 1, right->obj[0], right) : NULL;
}

struct obj *tree_put(struct tree *t, struct obj *o)
{
	struct tree_node *right;
	struct obj *old = NULL;

	if (!t->root)
		t->root = node_new(true);
	right = put(&t->root, o, &old);
	if (right) {
		struct tree_node *top = node_new(false);

		slot_add(top, 0, t->root->obj[0], t->root);
		slot_add(top, 1, right->obj[0], right);
		t->root = top;
	}
	return old;
}

/* Merge child `at` of a writable node with a neighbour if it is underfull and both fit in one. */
static void merge(struct tree_node *n, unsigned at)
{
	struct tree_node *l, *r;

	if (n->child[at]->n >= UNDERFULL || n->n < 2)
		return;
	if (at + 1u == n->n)
		at--;
	if (n->child[at]->n + n->child[at + 1]->n > FANOUT)
		return;
	l = n->child[at] = writable(n->child[at]);
	r = n->child[at + 1] = writable(n->child[at + 1]);
	memcpy(&l->obj[l->n], r->obj, r->n * sizeof(r->obj[0]));
	if (!l->leaf)
		memcpy(&l->child[l->n], r->child, r->n * sizeof(r->child[0]));
	l->n = (uint16_t)(l->n + r->n);
	l->count += r->count;
	free(r); /* its references moved to l */
	slot_remove(n, at + 1);
}

/* The key is known to be there. */
static struct obj *del(struct tree_node **np, struct str key)
{
	struct tree_node *n = *np = writable(*np);
	struct obj *o;
	unsigned at;

	n->count--;
	if (n->leaf) {
		at = slots_below(n, (struct tree_bound){key, TREE_LT});
		o = n->obj[at];
		slot_remove(n, at);
		return o;
	}
	at = child_of(n, (struct tree_bound){key, TREE_LE});
	o = del(&n->child[at], key);
	if (n->child[at]->n == 0) {
		tree_unref(n->child[at]);
		slot_remove(n, at);
	} else {
		n->obj[at] = n->child[at]->obj[0];
		merge(n, at);
	}
	return o;
}

struct obj *tree_del(struct tree *t, struct str key)
{
	struct tree_node *top;
	struct obj *o;

	if (!tree_get(t->root, key))
		return NULL;
	o = del(&t->root, key);
	while (t->root && !t->root->leaf && t->root->n == 1) {
		top = t->root;
		t->root = top->child[0];
		free(top);
	}
	if (t->root->n == 0) {
		tree_unref(t->root);
		t->root = NULL;
	}
	return o;
}

struct obj *tree_get(const struct tree_node *n, struct str key)
{
	unsigned at;

	if (!n)
		return NULL;
	while (!n->leaf)
		n = n->child[child_of(n, (struct tree_bound){key, TREE_LE})];
	at = slots_below(n, (struct tree_bound){key, TREE_LT});
	return at < n->n && str_eq(n->obj[at]->pub.key, key) ? n->obj[at] : NULL;
}

uint64_t tree_count(const struct tree_node *n)
{
	return n ? n->count : 0;
}

uint64_t tree_rank(const struct tree_node *n, struct tree_bound b)
{
	uint64_t rank = 0;

	if (!n)
		return 0;
	while (!n->leaf) {
		unsigned at = child_of(n, b);

		for (unsigned i = 0; i < at; i++)
			rank += n->child[i]->count;
		n = n->child[at];
	}
	return rank + slots_below(n, b);
}

/* While the top of the path is past its node's end, go up and one to the right, then down left. */
static void settle(struct store_iter *it)
{
	while (it->depth) {
		const struct tree_node *n = it->path[it->depth - 1].node;
		unsigned at = it->path[it->depth - 1].at;

		if (at >= n->n) {
			if (--it->depth)
				it->path[it->depth - 1].at++;
			continue;
		}
		if (n->leaf)
			return;
		assert(it->depth < STORE_TREE_DEPTH);
		it->path[it->depth].node = n->child[at];
		it->path[it->depth].at = 0;
		it->depth++;
	}
}

void tree_seek(const struct tree_node *n, struct tree_bound b, struct store_iter *it)
{
	it->depth = 0;
	while (n) {
		unsigned at = n->leaf ? slots_below(n, b) : child_of(n, b);

		assert(it->depth < STORE_TREE_DEPTH);
		it->path[it->depth].node = n;
		it->path[it->depth].at = at;
		it->depth++;
		n = n->leaf ? NULL : n->child[at];
	}
	settle(it);
}

struct obj *tree_next(struct store_iter *it)
{
	const struct tree_node *n;
	struct obj *o;

	if (!it->depth)
		return NULL;
	n = it->path[it->depth - 1].node;
	o = n->obj[it->path[it->depth - 1].at++];
	settle(it);
	return o;
}

static unsigned check(const struct tree_node *n, const struct obj **last)
{
	uint64_t count = 0;
	unsigned depth = 0;

	assert(n->refs > 0 && n->n > 0 && n->n <= FANOUT);
	for (unsigned i = 0; i < n->n; i++) {
		if (n->leaf) {
			assert(!*last || str_cmp((*last)->pub.key, n->obj[i]->pub.key) < 0);
			assert(n->obj[i]->refs > 0);
			*last = n->obj[i];
		} else {
			unsigned d = check(n->child[i], last);

			assert(!i || d == depth);
			assert(n->obj[i] == n->child[i]->obj[0]);
			depth = d;
		}
		count += slot_count(n, i);
	}
	assert(count == n->count);
	return depth + 1;
}

void tree_check(const struct tree_node *root)
{
	const struct obj *last = NULL;

	if (root)
		check(root, &last);
}
