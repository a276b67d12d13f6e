/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/quota_line.h"
#include "lib/api/crd/custom.h"
#include "lib/api/index.h"
#include "lib/base/arena.h"
#include "master/apiserver/quota.h"

#define BATCH_MAX 64u
#define BATCH_BYTES (2u << 20)

struct quota_lines {
	struct timers *timers;
	struct store *store;
	struct hmap *by_ns; /* struct quota_line */
};

struct member {
	struct write *w;
	quota_done_fn *done;
	size_t at, n; /* its operations */
};

/* Writes and what they make of the quotas; lives until the store has answered. */
struct batch {
	struct quota_line *l; /* NULL: it is gone */
	struct arena arena; /* the operations' bytes */
	size_t bytes;
	struct store_op *ops;
	size_t n_ops, cap_ops;
	struct member *v;
	size_t n, cap;
	struct quota_due *dues;
	size_t n_dues;
};

struct quota_line {
	struct quota_lines *all;
	char *ns;
	struct list waiting; /* struct write.quota_node */
	struct list turns; /* the same: those who have it and have not joined a batch */
	struct batch *open; /* being filled, from within on_next */
	bool closed; /* somebody has to wait until it is through */
	struct batch *under_way;
	size_t max; /* of the next batch */
	struct timer next;
};

/* ---- dues ---- */

void quota_due_add(struct quota_due **v, size_t *n, const struct store_obj *o,
		   struct quota_use take_used)
{
	*v = xrealloc(*v, (*n + 1) * sizeof(**v));
	(*v)[(*n)++] = (struct quota_due){store_obj_ref(o), take_used};
}

void quota_dues_done(struct quota_due **v, size_t *n)
{
	while (*n) {
		struct quota_due *d = &(*v)[--*n];

		store_obj_unref(d->o);
		quota_use_done(&d->used);
	}
	free(TAKE(*v));
}

static struct quota_due *find_due(const struct batch *b, const struct store_obj *o)
{
	for (size_t i = 0; b && i < b->n_dues; i++)
		if (b->dues[i].o == o)
			return &b->dues[i];
	return NULL;
}

const struct quota_due *quota_line_due(const struct write *w, const struct store_obj *o)
{
	return w->quota_line ? find_due(w->quota_line->open, o) : NULL;
}

bool quota_line_shared(const struct write *w)
{
	return w->quota_line && w->quota_line->open && w->quota_line->open->n;
}

/* What the write makes of the quotas is what the next one begins with. */
static void take_dues(struct batch *b, struct write *w)
{
	for (size_t i = 0; i < w->n_dues; i++) {
		struct quota_due *had = find_due(b, w->dues[i].o);

		if (!had) {
			quota_due_add(&b->dues, &b->n_dues, w->dues[i].o, w->dues[i].used);
			w->dues[i].used = (struct quota_use){0};
			continue;
		}
		for (size_t j = 0; j < w->dues[i].used.n; j++) {
			const struct quota_item *x = &w->dues[i].used.v[j];
			const struct quantity *old = quota_use_get(&had->used, str_of(x->name));

			if (old) /* adds the difference */
				quota_use_add(&had->used, str_of(x->name), *old, -1);
			quota_use_add(&had->used, str_of(x->name), x->q, 1);
		}
	}
}

/* ---- a batch's transaction ---- */

static struct str copied(struct batch *b, struct str s)
{
	b->bytes += s.len;
	return s.len ? arena_str(&b->arena, s) : s;
}

static void add_op(struct batch *b, const struct store_op *op)
{
	struct store_op *to = ARRAY_PUSH(b->ops, b->n_ops, b->cap_ops);

	*to = *op;
	to->key = copied(b, op->key);
	to->value = copied(b, op->value);
	to->meta = copied(b, op->meta);
}

static void set_quantity(struct json_object *list, const char *name, struct quantity q)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	q.nano = MAX(q.nano, (__int128)0);
	quantity_format(q, &text);
	jsonc_set_str(list, name, buf_str(&text));
}

/* The quota with the new numbers goes along with the writes. */
static int add_quota(struct batch *b, const struct quota_due *d)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT, meta = BUF_INIT;
	CLEANUP_JSON struct json_object *obj = NULL;
	struct json_object *list;
	size_t rv_at;
	int r = jsonc_parse(d->o->value, NULL, &obj, NULL);

	if (r < 0)
		return r;
	list = jsonc_ensure(jsonc_ensure(obj, "status"), "used");
	for (size_t i = 0; i < d->used.n; i++)
		set_quantity(list, d->used.v[i].name, d->used.v[i].q);
	api_encode(obj, &value, &rv_at);
	api_index_extract(quota_kind(), obj, &meta);
	add_op(b, &(struct store_op){.type = STORE_PUT,
				     .expect = d->o->rev,
				     .key = d->o->key,
				     .value = buf_str(&value),
				     .meta = buf_str(&meta),
				     .rv_at = (uint32_t)rv_at});
	return 0;
}

static void batch_free(struct batch *b)
{
	arena_done(&b->arena);
	quota_dues_done(&b->dues, &b->n_dues);
	free(b->ops);
	free(b->v);
	free(b);
}

static void line_look(struct quota_line *l);

static bool is_refusal(int err)
{
	return err == -EAGAIN || err == -EEXIST || err == -ENOENT;
}

/* What the store said of all of them, as it concerns one. */
static void tell(const struct member *m, const struct store_result *all)
{
	struct store_result r = *all;

	if (!r.err) {
		r.objs = all->objs + m->at;
		r.n_objs = m->n;
	} else if (is_refusal(r.err) && r.failed >= m->at && r.failed < m->at + m->n) {
		r.failed -= m->at;
	} else if (is_refusal(r.err)) {
		/* Another one's fault, or somebody changed the quota: as if that were its own. */
		r.err = -EAGAIN;
		r.failed = 1;
		r.current = NULL;
	}
	m->done(m->w, &r);
}

static void on_stored(void *user, const struct store_result *res)
{
	struct batch *b = user;

	for (size_t i = 0; i < b->n; i++)
		tell(&b->v[i], res);
	if (b->l) {
		b->l->max = res->err ? 1 : MIN(2 * b->l->max, (size_t)BATCH_MAX);
		b->l->under_way = NULL;
		line_look(b->l);
	}
	batch_free(b);
}

/* The batch is complete. */
static void flush(struct quota_line *l, struct batch *b)
{
	int r = 0;

	if (!b->n) {
		batch_free(b);
		return;
	}
	for (size_t i = 0; i < b->n_dues && r == 0; i++)
		r = add_quota(b, &b->dues[i]);
	l->under_way = b;
	if (r == 0)
		r = store_txn(l->all->store, b->ops, b->n_ops, on_stored, b);
	if (r < 0)
		on_stored(b, &(struct store_result){.err = r});
}

static void join(struct batch *b, struct write *w, const struct store_op *ops, size_t n,
		 quota_done_fn *done, void (*joined)(struct write *w))
{
	*ARRAY_PUSH(b->v, b->n, b->cap) = (struct member){w, done, b->n_ops, n};
	for (size_t i = 0; i < n; i++)
		add_op(b, &ops[i]);
	take_dues(b, w);
	quota_dues_done(&w->dues, &w->n_dues);
	list_remove(&w->quota_node);
	w->quota_line = NULL;
	joined(w);
}

bool quota_propose(struct write *w, const struct store_op *ops, size_t n, quota_done_fn *done,
		   void (*joined)(struct write *w))
{
	struct quota_line *l = w->quota_line;
	struct batch *b;

	if (!l || !w->n_dues)
		return false;
	if (l->open) {
		join(l->open, w, ops, n, done, joined);
		return true;
	}
	b = NEW(struct batch);
	b->l = l;
	join(b, w, ops, n, done, joined);
	flush(l, b);
	return true;
}

/* ---- the line ---- */

static void line_free(struct quota_line *l)
{
	timers_disarm(l->all->timers, &l->next);
	if (l->under_way)
		l->under_way->l = NULL;
	free(l->ns);
	free(l);
}

/* Somebody's time has come, or it is needed no more. */
static void line_look(struct quota_line *l)
{
	if (l->open || l->under_way || !list_empty(&l->turns))
		return;
	if (!list_empty(&l->waiting)) {
		timers_soon(l->all->timers, &l->next);
		return;
	}
	hmap_del(l->all->by_ns, str_of(l->ns));
	line_free(l);
}

static void on_next(struct timer *t)
{
	struct quota_line *l = container_of(t, struct quota_line, next);
	struct batch *b = NEW(struct batch);
	struct write *w;

	b->l = l;
	l->open = b;
	l->closed = false;
	while (!l->closed && list_empty(&l->turns) && b->n < l->max && b->bytes < BATCH_BYTES &&
	       (w = list_first(&l->waiting, struct write, quota_node))) {
		list_remove(&w->quota_node);
		list_append(&l->turns, &w->quota_node);
		w->quota_go_on(w);
	}
	flush(l, b);
	l->open = NULL;
	line_look(l);
}

static struct quota_line *line_new(struct quota_lines *ls, const char *ns)
{
	struct quota_line *l = NEW(struct quota_line);

	l->all = ls;
	l->ns = xstrdup(ns);
	l->max = 1;
	l->next.fire = on_next;
	list_init(&l->waiting);
	list_init(&l->turns);
	hmap_put(ls->by_ns, str_of(ns), l);
	return l;
}

static void wait(struct quota_line *l, struct write *w, bool first)
{
	quota_dues_done(&w->dues, &w->n_dues);
	if (first)
		list_prepend(&l->waiting, &w->quota_node);
	else
		list_append(&l->waiting, &w->quota_node);
}

/* One of the batch has changed this object already, or this one's operations come later. */
static bool disturbs(const struct batch *b, const struct write *w)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	if (w->kind->storage && custom_has_webhook(w->kind))
		return true;
	request_key(w->kind, str_of(w->ns), str_of(w->name), &key);
	for (size_t i = 0; i < b->n_ops; i++)
		if (str_eq(b->ops[i].key, buf_str(&key)))
			return true;
	for (size_t i = 0; i < b->n_dues; i++)
		if (str_eq(b->dues[i].o->key, buf_str(&key)))
			return true;
	return false;
}

bool quota_lines_turn(struct quota_lines *ls, struct write *w, void (*go_on)(struct write *w))
{
	struct quota_line *l = w->quota_line;

	if (l && (w->quota_again || (l->open && l->open->n && disturbs(l->open, w)))) {
		w->quota_again = false;
		l->closed = true;
		list_remove(&w->quota_node);
		wait(l, w, true);
		return false;
	}
	if (l || !w->n_dues)
		return true;
	l = hmap_get(ls->by_ns, str_of(w->ns));
	w->quota_line = l ? l : line_new(ls, w->ns);
	if (!l) {
		list_append(&w->quota_line->turns, &w->quota_node);
		return true;
	}
	w->quota_go_on = go_on;
	wait(l, w, false);
	return false;
}

void quota_leave(struct write *w)
{
	struct quota_line *l = TAKE(w->quota_line);

	quota_dues_done(&w->dues, &w->n_dues);
	if (!l)
		return;
	list_remove(&w->quota_node);
	line_look(l);
}

struct quota_lines *quota_lines_new(struct timers *timers, struct store *store)
{
	struct quota_lines *ls = NEW(struct quota_lines);

	ls->timers = timers;
	ls->store = store;
	ls->by_ns = hmap_new();
	return ls;
}

struct quota_lines *quota_lines_free(struct quota_lines *ls)
{
	hmap_for_each (it, ls->by_ns) {
		struct quota_line *l = it->value;

		list_for_each (n, &l->waiting)
			list_entry(n, struct write, quota_node)->quota_line = NULL;
		list_for_each (n, &l->turns)
			list_entry(n, struct write, quota_node)->quota_line = NULL;
		line_free(l);
	}
	hmap_free(ls->by_ns);
	free(ls);
	return NULL;
}
