/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/log.h"
#include "master/store/store_internal.h"

#define WINDOW_BYTES (32u << 20)
#define SEGMENT_BYTES (64u << 20)
#define SNAPSHOT_LOG_BYTES (48u << 20)
#define RESERVE_BYTES (64u << 20)
#define PENDING_BYTES (64u << 20)

/* ---- views ---- */

struct store_view {
	uint32_t refs;
	uint64_t rev;
	struct tree_node *root;
	struct pack *pack;
};

struct store_view *store_view(struct store *s)
{
	if (!s->view) {
		s->view = NEW(struct store_view);
		s->view->refs = 1;
		s->view->rev = s->machine.rev;
		s->view->root = tree_ref(s->machine.tree.root);
		s->view->pack = pack_ref(s->machine.pack);
	}
	return store_view_ref(s->view);
}

/*
 * Take back what event `e` did. Of a key that changed several times since `rev` only the first
 * change counts: what was there before a later one came after `rev` itself.
 */
static void undo(struct tree *t, const struct event *e, uint64_t rev)
{
	const struct store_obj *prev = e->pub.prev;

	if (prev && prev->rev > rev)
		return;
	obj_unref(prev ? tree_put(t, obj_ref(obj_of(prev))) : tree_del(t, e->pub.obj->key));
}

int store_view_at(struct store *s, uint64_t rev, struct str prefix, uint64_t max_age_ns,
		  struct store_view **ret)
{
	struct tree t = {s->machine.tree.root};
	int r = hub_reaches(&s->hub, rev);

	if (r < 0)
		return r;
	if (rev == s->machine.rev) {
		*ret = store_view(s);
		return 0;
	}
	if (max_age_ns &&
	    clock_mono_ns(s->hub.clock) - hub_event(&s->hub, rev + 1)->added_ns > max_age_ns)
		return -ESTALE;
	tree_ref(t.root);
	for (uint64_t at = s->machine.rev; at > rev; at--) {
		const struct event *e = hub_event(&s->hub, at);

		if (str_starts(e->pub.obj->key, prefix))
			undo(&t, e, rev);
	}
	*ret = NEW(struct store_view);
	**ret = (struct store_view){.rev = rev, .root = t.root, .pack = pack_ref(s->pack)};
	store_view_ref(*ret);
	return 0;
}

struct store_view *store_view_ref(struct store_view *v)
{
	v->refs++;
	v->pack->views++;
	return v;
}

static void view_unref(struct store_view *v)
{
	if (--v->refs)
		return;
	tree_unref(v->root);
	pack_unref(v->pack);
	free(v);
}

void store_view_unref(struct store_view *v)
{
	if (!v)
		return;
	v->pack->views--;
	view_unref(v);
}

void store_view_drop(struct store *s)
{
	struct store_view *v = TAKE(s->view);

	if (v)
		view_unref(v);
}

uint64_t store_view_rev(const struct store_view *v)
{
	return v->rev;
}

const struct store_obj *store_get(const struct store_view *v, struct str key)
{
	struct obj *o = obj_open(tree_get(v->root, key));

	return o ? &o->pub : NULL;
}

static struct tree_bound range_start(struct str prefix, struct str after_key)
{
	if (!str_is_null(after_key) && str_cmp(after_key, prefix) >= 0)
		return (struct tree_bound){after_key, TREE_LE};
	return (struct tree_bound){prefix, TREE_LT};
}

uint64_t store_count(const struct store_view *v, struct str prefix, struct str after_key)
{
	uint64_t from = tree_rank(v->root, range_start(prefix, after_key));
	uint64_t to = tree_rank(v->root, (struct tree_bound){prefix, TREE_PREFIX});

	return to > from ? to - from : 0;
}

void store_range(const struct store_view *v, struct str prefix, struct str after_key,
		 struct store_iter *it)
{
	it->prefix = prefix;
	tree_seek(v->root, range_start(prefix, after_key), it);
}

const struct store_obj *store_iter_next(struct store_iter *it)
{
	struct obj *o = tree_next(it);

	if (o && !str_starts(o->pub.key, it->prefix)) {
		it->depth = 0;
		return NULL;
	}
	return o ? &obj_open(o)->pub : NULL;
}

uint64_t store_rev(const struct store *s)
{
	return s->machine.rev;
}

size_t store_locked(const struct store *s, struct str *ret_key, struct str *ret_sealed)
{
	struct store_iter it;
	const struct obj *o;

	if (!s->machine.n_locked)
		return 0;
	tree_seek(s->machine.tree.root, (struct tree_bound){STR(""), TREE_LT}, &it);
	while ((o = tree_next(&it)) && o->pub.sealed_by < STORE_REFUSED)
		;
	if (o) {
		*ret_key = o->pub.key;
		*ret_sealed = obj_is_locked(&o->pub) ? obj_sealed(&o->pub) : STR_NULL;
	}
	return s->machine.n_locked;
}

bool store_stale(const struct store *s, const struct store_obj *o)
{
	const struct store_seal *seal = s->conf.seal;

	return (seal ? seal->write_id(seal->user, o->key) : 0) != o->sealed_by;
}

enum store_role store_role(const struct store *s)
{
	return s->role;
}

uint64_t store_leader(const struct store *s)
{
	return replica_leader(s->replica);
}

_Static_assert((int)STORE_OTHER_CLUSTER == (int)REPLICA_OTHER_CLUSTER &&
		       (int)STORE_OTHER_DATA == (int)REPLICA_OTHER_DATA,
	       "reasons go through unchanged");

enum store_refusal store_refused(const struct store *s, uint64_t *ret_by)
{
	return (enum store_refusal)replica_refused(s->replica, ret_by);
}

uint64_t store_cluster(const struct store *s)
{
	return replica_cluster(s->replica);
}

void store_read_barrier(struct store *s, void (*cb)(void *user, int err), void *user)
{
	if (!s->conf.transport || (s->alone && s->proven)) {
		/* The only voter has applied everything it ever acknowledged. */
		cb(user, s->role == STORE_LEADER ? 0 : -EREMOTE);
		return;
	}
	*ARRAY_PUSH(s->barriers, s->n_barriers, s->cap_barriers) =
		(struct barrier){replica_ask(s->replica), UINT64_MAX, cb, user};
}

/* End the n oldest reads. The callbacks may begin new ones. */
static void end_barriers(struct store *s, size_t n, int err)
{
	while (n--) {
		struct barrier b = s->barriers[0];

		s->n_barriers--;
		memmove(s->barriers, s->barriers + 1, s->n_barriers * sizeof(b));
		b.cb(b.user, err);
	}
}

static void answer_barriers(struct store *s)
{
	struct replica_read got;
	size_t n;

	while (replica_take_reads(s->replica, &got, 1)) {
		for (n = 0; n < s->n_barriers && s->barriers[n].ticket <= got.ticket; n++)
			if (s->barriers[n].index == UINT64_MAX)
				s->barriers[n].index = got.index;
		if (got.err)
			end_barriers(s, n, got.err);
		else if (s->role == STORE_LEADER && got.index <= s->applied.index)
			s->proven = true;
	}
	for (n = 0; n < s->n_barriers && s->barriers[n].index <= s->applied.index; n++)
		;
	end_barriers(s, n, 0);
}

int store_watch(struct store *s, const struct store_watch_spec *spec, store_watch_cb cb, void *user,
		struct store_watch **ret)
{
	return hub_watch(&s->hub, spec, cb, user, ret);
}

void store_stats(const struct store *s, struct store_stats *ret)
{
	*ret = s->stats;
	ret->rev = s->machine.rev;
	ret->objects = tree_count(s->machine.tree.root);
	ret->bytes = s->machine.bytes;
	wal_counters(replica_wal(s->replica), &ret->log_entries, &ret->log_bytes, &ret->log_syncs);
	ret->window_events = s->hub.n;
	ret->window_bytes = s->hub.bytes;
	ret->window_first_rev = s->hub.first_rev;
	ret->watches = s->hub.n_watches;
	ret->events_delivered = s->hub.delivered;
	ret->watches_stale = s->hub.stale;
	ret->pending_bytes = s->pending_bytes;
	ret->raft_index = s->applied.index;
	ret->raft_term = s->applied.term;
	ret->disk_full = s->disk_full;
}

/* ---- masters ---- */

_Static_assert((int)STORE_STANDBY == (int)MEMBER_STANDBY && (int)STORE_VOTER == (int)MEMBER_VOTER,
	       "roles go through unchanged");

size_t store_members(const struct store *s, struct store_member *ret, size_t max)
{
	struct consensus_member v[CONSENSUS_MEMBERS_MAX];
	size_t n = consensus_conf_members(buf_str(&s->applied.conf), v, MIN(max, ARRAY_SIZE(v)));

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct store_member){v[i].id, v[i].address,
					       (enum store_member_role)v[i].role};
	return n;
}

void store_configured(struct store *s)
{
	struct consensus_member v[2];

	s->alone = consensus_conf_members(buf_str(&s->applied.conf), v, 2) == 1 &&
		   v[0].id == s->conf.id && v[0].role == MEMBER_VOTER;
}

static void command(struct store *s, enum replica_command_type type, const struct store_member *m,
		    store_member_cb cb, void *user)
{
	struct replica_command *c = NEW(struct replica_command);

	s->alone = false; /* until the next configuration says so again */
	c->type = type;
	c->id = m->id;
	c->role = (enum member_role)m->role;
	str_copy(c->address, sizeof(c->address), str_of(m->address));
	c->cb = cb;
	c->user = user;
	replica_command(s->replica, c);
}

void store_set_member(struct store *s, const struct store_member *m, store_member_cb cb, void *user)
{
	command(s, REPLICA_SET_MEMBER, m, cb, user);
}

void store_remove_member(struct store *s, uint64_t id, store_member_cb cb, void *user)
{
	command(s, REPLICA_REMOVE_MEMBER, &(struct store_member){id, "", STORE_VOTER}, cb, user);
}

void store_transfer(struct store *s, uint64_t id, store_member_cb cb, void *user)
{
	command(s, REPLICA_TRANSFER, &(struct store_member){id, "", STORE_VOTER}, cb, user);
}

/* All of the list have been answered, or the store is closing. */
static void end_commands(struct list *done, int err)
{
	struct replica_command *c;

	while ((c = list_first(done, struct replica_command, node))) {
		list_remove(&c->node);
		c->cb(c->user, err ? err : c->err);
		free(c);
	}
}

/* ---- the loop ---- */

static void on_idle(uv_idle_t *h)
{
	struct store *s = h->data;

	if (!hub_dispatch(&s->hub))
		uv_idle_stop(&s->idle);
}

static void wake_hub(struct hub *h)
{
	struct store *s = container_of(h, struct store, hub);

	uv_idle_start(&s->idle, on_idle);
}

static void update_role(struct store *s)
{
	enum store_role role = replica_is_leader(s->replica) ? STORE_LEADER : STORE_FOLLOWER;

	if (role == s->role)
		return;
	s->role = role;
	s->proven = false;
	if (role == STORE_FOLLOWER) /* what becomes of them is decided elsewhere now */
		store_txn_fail_all(s, -ECANCELED);
	store_expiry_arm(s);
	if (s->conf.on_role)
		s->conf.on_role(s->conf.user, role);
}

static void tell_refused(struct store *s)
{
	uint64_t by;
	enum store_refusal why = store_refused(s, &by);

	if (why == s->refused)
		return;
	s->refused = why;
	if (s->conf.on_refused)
		s->conf.on_refused(s->conf.user, by, why);
}

static void tell_leader(struct store *s)
{
	uint64_t leader = store_leader(s);

	if (leader == s->leader)
		return;
	s->leader = leader;
	if (s->conf.on_leader)
		s->conf.on_leader(s->conf.user);
}

/* Something came from the raft or the snapshot thread. */
static void on_async(uv_async_t *a)
{
	struct store *s = a->data;
	struct log_entry *e;
	struct list got, commands;

	list_init(&commands);
	list_init(&got);
	replica_take(s->replica, &got);
	while ((e = list_first(&got, struct log_entry, node))) {
		list_remove(&e->node);
		store_txn_committed(s, e);
	}
	store_txn_flush(s);
	if (replica_is_dead(s->replica) && !s->dead_told) {
		s->dead_told = true;
		store_txn_fail_all(s, -EIO);
	}
	replica_take_commands(s->replica, &commands);
	end_commands(&commands, 0);
	answer_barriers(s);
	update_role(s);
	tell_refused(s);
	tell_leader(s);
	store_snapshot_reap(s);
	store_maybe_snapshot(s);
	store_expiry_arm(s);
	if (uv_is_active((uv_handle_t *)&s->idle) && !hub_dispatch(&s->hub))
		uv_idle_stop(&s->idle);
}

static void wake_main(void *user)
{
	struct store *s = user;

	uv_async_send(&s->async);
}

static void on_fatal(void *user, int error, const char *msg)
{
	struct store *s = user;

	if (s->conf.on_fatal) {
		s->conf.on_fatal(s->conf.user, error, msg);
		return;
	}
	log_err("store: %s", msg);
	abort();
}

/* ---- opening and closing ---- */

static int load_object(void *user, const struct store_obj *o)
{
	struct store *s = user;

	return machine_restore(&s->machine, o);
}

static int load_entry(void *user, const struct log_entry *e)
{
	return store_apply_entry(user, e);
}

static void set_defaults(struct store *s)
{
	struct store_conf *c = &s->conf;

	c->clock = c->clock ? c->clock : &clock_system;
	c->rng = c->rng ? c->rng : &rng_system;
	c->id = c->id ? c->id : 1;
	c->window_bytes = c->window_bytes ? c->window_bytes : WINDOW_BYTES;
	c->segment_bytes = c->segment_bytes ? c->segment_bytes : SEGMENT_BYTES;
	c->segment_bytes = MAX(c->segment_bytes, (size_t)WAL_SEGMENT_MIN);
	c->snapshot_log_bytes = c->snapshot_log_bytes ? c->snapshot_log_bytes : SNAPSHOT_LOG_BYTES;
	c->reserve_bytes = c->reserve_bytes ? c->reserve_bytes : RESERVE_BYTES;
	c->pending_bytes = c->pending_bytes ? c->pending_bytes : PENDING_BYTES;
}

static void init_handles(struct store *s)
{
	uv_loop_t *l = s->conf.loop;

	uv_async_init(l, &s->async, on_async);
	uv_prepare_init(l, &s->prepare);
	uv_check_init(l, &s->check);
	uv_idle_init(l, &s->idle);
	uv_timer_init(l, &s->timer);
	uv_timer_init(l, &s->pack_timer);
	s->async.data = s->prepare.data = s->check.data = s->idle.data = s->timer.data =
		s->pack_timer.data = s;
	s->n_handles = 6;
}

static int recover(struct store *s, struct err *err)
{
	struct consensus_member members[CONSENSUS_MEMBERS_MAX];
	struct snapshot_head head = {0};
	struct replica_conf rc = {
		.io = &s->io,
		.clock = s->conf.clock,
		.id = s->conf.id,
		.segment_bytes = s->conf.segment_bytes,
		.address = s->conf.address,
		.transport = s->conf.transport,
		.members = members,
		.n_members = s->conf.n_members,
		.join = s->conf.join,
		.election_ms = s->conf.election_ms,
		.heartbeat_ms = s->conf.heartbeat_ms,
		.cluster = s->conf.cluster,
		.reserve_bytes = s->conf.reserve_bytes,
		.load = store_load,
		.unload = store_unload,
		.seed = rng_u64(s->conf.rng),
		.wake = wake_main,
		.fatal = on_fatal,
		.user = s,
	};
	int r, had;

	if (s->conf.n_members > CONSENSUS_MEMBERS_MAX)
		return err_sys(err, EINVAL, "more than %u masters", CONSENSUS_MEMBERS_MAX);
	for (size_t i = 0; i < s->conf.n_members; i++)
		members[i] = (struct consensus_member){s->conf.members[i].id,
						       s->conf.members[i].address, MEMBER_VOTER};
	r = had = snapshot_read(&s->io, s->conf.seal, &head, load_object, s, err);
	if (r < 0)
		return r;
	if (had) {
		s->machine.rev = head.rev;
		s->snapshot_bytes = s->machine.bytes;
		s->applied = head.at; /* the bytes move */
		head.at.conf = BUF_INIT;
		buf_addstr(&head.at.conf, buf_str(&s->applied.conf));
		hub_set_rev(&s->hub, head.rev);
		store_configured(s);
	}
	r = replica_open(&rc, had ? &head.at : NULL, load_entry, s, &s->replica, err);
	if (had)
		snapshot_head_done(&head);
	if (r < 0)
		return r;
	hub_skip(&s->hub);
	r = replica_start(s->replica);
	return r < 0 ? err_sys(err, -r, "cannot start the store's threads") : 0;
}

int store_open(const struct store_conf *conf, struct store **ret, struct err *err)
{
	struct store *s = NEW(struct store);
	int r = 0;

	s->conf = *conf;
	set_defaults(s);
	s->role = STORE_FOLLOWER;
	buf_init(&s->batch);
	buf_init(&s->applied.conf);
	list_init(&s->batch_txns);
	list_init(&s->batches);
	hub_init(&s->hub, s->conf.window_bytes, s->conf.clock);
	s->hub.index_value = conf->index_value;
	s->hub.user = conf->user;
	if (conf->io) {
		s->io = *conf->io;
	} else {
		r = store_io_files(conf->dir, &s->io);
		s->own_io = r == 0;
	}
	init_handles(s);
	store_pack_init(s);
	if (r == -EWOULDBLOCK)
		err_sys(err, EWOULDBLOCK, "%s is in use by another process", conf->dir);
	else if (r < 0)
		err_sys(err, -r, "cannot open the directory %s", conf->dir);
	else
		r = recover(s, err);
	s->hub.wake = wake_hub;
	if (r < 0) {
		store_close(s);
		return r;
	}
	update_role(s);
	store_expiry_arm(s);
	*ret = s;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct store *s = h->data;

	if (--s->n_handles == 0)
		free(s);
}

struct store *store_close(struct store *s)
{
	struct log_entry *e;
	struct list rest, commands;

	if (!s)
		return NULL;
	store_snapshot_stop(s);
	s->role = STORE_FOLLOWER; /* callbacks that write again get -EREMOTE */
	end_barriers(s, s->n_barriers, -ECANCELED);
	store_txn_fail_all(s, -ECANCELED);
	list_init(&rest);
	list_init(&commands);
	s->replica = replica_close(s->replica, &rest, &commands);
	end_commands(&commands, -ECANCELED);
	while ((e = list_first(&rest, struct log_entry, node))) {
		list_remove(&e->node);
		e->err = e->user ? -ECANCELED : 0;
		if (e->type == LOG_ENTRY_RESET) {
			store_unload(s, e->user);
			log_entry_free(e);
		} else if (e->err)
			store_txn_committed(s, e);
		else
			log_entry_free(e);
	}
	free(s->barriers);
	hub_done(&s->hub, -ECANCELED);
	store_view_drop(s);
	machine_done(&s->machine);
	s->pack->wake = NULL;
	pack_unref(s->pack);
	buf_done(&s->batch);
	buf_done(&s->applied.conf);
	if (s->own_io)
		store_io_files_done(&s->io);
	uv_close((uv_handle_t *)&s->async, on_closed);
	uv_close((uv_handle_t *)&s->prepare, on_closed);
	uv_close((uv_handle_t *)&s->check, on_closed);
	uv_close((uv_handle_t *)&s->idle, on_closed);
	uv_close((uv_handle_t *)&s->timer, on_closed);
	uv_close((uv_handle_t *)&s->pack_timer, on_closed);
	return NULL;
}
