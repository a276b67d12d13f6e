/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/store_internal.h"

#include "lib/base/log.h"

/* Entries on their way at a time: one being written, one waiting, and those being answered. */
#define IN_FLIGHT_MAX 4u
#define BATCH_BYTES (1u << 20)

struct txn {
	struct list node;
	store_txn_cb cb;
	void *user;
};

/* An entry in flight and who waits for it; log_entry.user. */
struct batch {
	struct list node;
	struct list txns;
	size_t bytes;
};

static void answer(struct store *s, struct txn *t, const struct store_result *r)
{
	(void)s;
	list_remove(&t->node);
	if (t->cb)
		t->cb(t->user, r);
	free(t);
}

static void fail_list(struct store *s, struct list *txns, int err)
{
	struct store_result res = {.err = err, .rev = s->machine.rev};
	struct txn *t;

	while ((t = list_first(txns, struct txn, node)))
		answer(s, t, &res);
}

static void on_prepare(uv_prepare_t *h)
{
	store_txn_flush(h->data);
}

static void on_check(uv_check_t *h)
{
	store_txn_flush(h->data);
}

/*
 * What is asked for in one turn of the loop becomes one entry: it is sent when the loop has
 * handled all that came in (check), or before it sleeps (prepare).
 */
static void arm(struct store *s)
{
	uv_prepare_start(&s->prepare, on_prepare);
	uv_check_start(&s->check, on_check);
}

/* Make what was collected an entry and send it to the raft thread. */
static void send_batch(struct store *s)
{
	struct batch *b;
	struct log_entry *e;
	struct txn *t;

	b = NEW(struct batch);
	list_init(&b->txns);
	while ((t = list_first(&s->batch_txns, struct txn, node))) {
		list_remove(&t->node);
		list_append(&b->txns, &t->node);
	}
	b->bytes = s->batch.len;
	e = log_entry_new(LOG_ENTRY_COMMAND, NULL, (uint32_t)s->batch.len);
	e->data = buf_take(&s->batch);
	e->user = b;
	list_append(&s->batches, &b->node);
	s->n_in_flight++;
	replica_submit(s->replica, e);
}

void store_txn_flush(struct store *s)
{
	uv_prepare_stop(&s->prepare);
	uv_check_stop(&s->check);
	if (s->batch.len && s->n_in_flight < IN_FLIGHT_MAX)
		send_batch(s); /* else when one of those in flight is back */
}

int store_txn(struct store *s, const struct store_op *ops, size_t n, store_txn_cb cb, void *user)
{
	bool grows = false;
	struct txn *t;
	size_t bytes, before;
	int r = ops_check(ops, n, &bytes);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		grows |= ops[i].type == STORE_PUT;
	if (replica_is_dead(s->replica))
		return -EIO;
	if (s->role != STORE_LEADER)
		return -EREMOTE;
	if (bytes > wal_entry_max(replica_wal(s->replica)) / 4)
		return -EMSGSIZE;
	if (s->pending_bytes + bytes > s->conf.pending_bytes)
		return -EBUSY;
	r = store_check_space(s, grows, bytes);
	if (r < 0)
		return r;

	/* A full batch goes even if all slots are taken: entries stay small. */
	if (s->batch.len && s->batch.len + bytes > MIN((size_t)BATCH_BYTES,
						       wal_entry_max(replica_wal(s->replica)) / 4))
		send_batch(s);
	if (!s->batch.len)
		arm(s);
	before = s->batch.len;
	r = ops_encode(ops, n, clock_real_ns(s->conf.clock) / (int64_t)NSEC_PER_SEC, s->conf.seal,
		       &s->batch);
	if (r < 0)
		return r;
	t = NEW(struct txn);
	t->cb = cb;
	t->user = user;
	list_append(&s->batch_txns, &t->node);
	s->pending_bytes += s->batch.len - before;
	return 0;
}

/* ---- applying ---- */

static void publish(struct store *s, const struct changes *c)
{
	bool unreadable = false;

	for (size_t i = 0; i < c->n; i++) {
		const struct change *ch = &c->v[i];

		if (ch->type == STORE_CHECK || !ch->obj)
			continue;
		hub_add(&s->hub, ch->type == STORE_PUT ? STORE_EVENT_PUT : STORE_EVENT_DELETE,
			ch->obj, ch->prev);
		unreadable |=
			obj_is_locked(&ch->obj->pub) || (ch->prev && obj_is_locked(&ch->prev->pub));
	}
	/* Nobody may be told what is in such an event: who was to be, begins anew. */
	if (unreadable)
		hub_reset(&s->hub, s->machine.rev);
}

/* One decoded transaction; t is who waits for it, or NULL. */
static void apply_txn(struct store *s, const struct ops_array *ops, struct txn *t)
{
	struct store_result res = {0};
	struct changes changes = {0};
	const struct store_obj **objs = NULL;
	struct obj *current = NULL;
	size_t n_locked = s->machine.n_locked;

	/* The cached view would keep the root shared, and every path would have to be copied. */
	store_view_drop(s);
	res.err = machine_apply(&s->machine, ops, &changes, &res.failed, &current);
	s->stats.txns += res.err == 0;
	s->stats.txns_failed += res.err != 0;
	if (!res.err)
		publish(s, &changes);
	if (s->machine.n_locked > n_locked && s->conf.on_locked)
		s->conf.on_locked(s->conf.user);
	if (t) {
		res.rev = s->machine.rev;
		res.current = current ? store_obj_ref(&obj_open(current)->pub) : NULL;
		if (!res.err) {
			objs = xcalloc(changes.n, sizeof(*objs));
			for (size_t i = 0; i < changes.n; i++)
				objs[i] =
					changes.v[i].obj ? &obj_open(changes.v[i].obj)->pub : NULL;
			res.objs = objs;
			res.n_objs = changes.n;
		}
		answer(s, t, &res);
		store_obj_unref(res.current);
		free(objs);
	}
	changes_clear(&changes);
	free(changes.v);
}

static int apply_command(struct store *s, const struct log_entry *e, struct batch *b)
{
	struct str in = str_n(e->data, e->len);
	struct ops_array ops = {0};
	int r = 0;

	while (in.len) {
		r = ops_decode(&in, s->conf.seal, &ops);
		if (r < 0)
			break; /* summed by the log, so written so: another version's */
		apply_txn(s, &ops, b ? list_first(&b->txns, struct txn, node) : NULL);
	}
	ops_done(&ops);
	return MIN(r, 0);
}

static int apply_entry(struct store *s, const struct log_entry *e, struct batch *b)
{
	int r = 0;

	switch (e->type) {
	case LOG_ENTRY_COMMAND:
		r = apply_command(s, e, b);
		break;
	case LOG_ENTRY_CONFIG:
		s->applied.conf_index = e->index;
		buf_clear(&s->applied.conf);
		buf_add(&s->applied.conf, e->data, e->len);
		store_configured(s);
		break;
	case LOG_ENTRY_BARRIER:
	case LOG_ENTRY_RESET:
		break;
	}
	s->applied.index = e->index;
	s->applied.term = e->term;
	s->log_bytes += e->len + 48;
	return r;
}

int store_apply_entry(struct store *s, const struct log_entry *e)
{
	return apply_entry(s, e, NULL);
}

void store_txn_committed(struct store *s, struct log_entry *e)
{
	struct batch *b = e->user;

	if (e->type == LOG_ENTRY_RESET) {
		store_install(s, e->user);
		log_entry_free(e);
		return;
	}
	if (b) {
		list_remove(&b->node);
		s->n_in_flight--;
		s->pending_bytes -= b->bytes;
	}
	if (e->err) {
		fail_list(s, &b->txns, e->err);
	} else if (apply_entry(s, e, b) < 0) {
		log_err("store: log entry %" PRIu64 " is not readable by this version", e->index);
		abort();
	}
	if (b)
		fail_list(s, &b->txns, -EIO); /* none is left */
	free(b);
	log_entry_free(e);
}

void store_txn_fail_all(struct store *s, int err)
{
	struct batch *b;

	list_for_each (it, &s->batches) {
		b = list_entry(it, struct batch, node);
		fail_list(s, &b->txns, err);
	}
	fail_list(s, &s->batch_txns, err);
	s->pending_bytes -= s->batch.len;
	buf_clear(&s->batch);
}
