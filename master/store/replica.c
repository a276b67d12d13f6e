/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/replica_internal.h"
#include "lib/base/log.h"

#define STACK_BYTES (256u << 10)
#define GROUP_MAX 512u /* entries in one write */
#define HOLD_SEGMENTS 8u
#define SPACE_WAIT_NS 200000000l

void replica_door_init(struct door *d)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->cond, &attr);
	pthread_condattr_destroy(&attr);
}

void replica_door_done(struct door *d)
{
	pthread_cond_destroy(&d->cond);
	pthread_mutex_destroy(&d->lock);
}

/* Unlocks; the lock is held. In this order, so that who wakes finds the door open. */
void replica_ring(struct door *d)
{
	d->ring = true;
	pthread_mutex_unlock(&d->lock);
	pthread_cond_signal(&d->cond);
}

void replica_fatal(struct replica *r, int error, const char *what)
{
	if (!atomic_exchange(&r->dead, true)) {
		CLEANUP_FREE char *msg =
			xasprintf("%s: %s; ending, because what is not in the log must not be "
				  "acknowledged",
				  what, strerror(-error));

		r->conf.fatal(r->conf.user, error, msg);
	}
	r->conf.wake(r->conf.user);
}

uint64_t replica_now_ms(const struct replica *r)
{
	return clock_mono_ns(r->conf.clock) / NSEC_PER_MSEC;
}

/* ---- what consensus asks for ---- */

static int on_save_vote(void *user, uint64_t term, uint64_t voted_for)
{
	struct replica *r = user;
	int err = vote_save(&r->vote, term, voted_for);

	if (err < 0)
		replica_fatal(r, err, "cannot write raft's vote");
	return err;
}

static void on_append(void *user, struct log_entry *e)
{
	struct replica *r = user;

	/* What it replaces may still be with the writer. */
	while (!list_empty(&r->waiting)) {
		struct log_entry *last = list_entry(r->waiting.prev, struct log_entry, node);

		if (last->index < e->index)
			break;
		list_remove(&last->node);
		list_append(&r->doomed, &last->node);
	}
	list_append(&r->waiting, &e->node);
	pthread_mutex_lock(&r->writer_door.lock);
	list_append(&r->to_write, &e->write_node);
	replica_ring(&r->writer_door);
}

static void on_commit(void *user, uint64_t index)
{
	struct replica *r = user;

	r->committed = MAX(r->committed, index);
}

static void on_role(void *user, bool leader)
{
	struct replica *r = user;

	atomic_store(&r->leader, leader);
	r->conf.wake(r->conf.user);
	if (!leader)
		replica_ship_cancel(r);
}

/* ---- raft thread ---- */

/* Hand out what is committed and written here, so that the writer no longer reads it. */
static int deliver(struct replica *r)
{
	uint64_t upto;
	struct list done;
	struct log_entry *e;
	int err;

	r->durable = consensus_durable(r->consensus);
	upto = MIN(r->committed, r->durable);
	if (upto <= r->delivered)
		return 0;
	list_init(&done);
	err = replica_read_back(r, upto, &done);
	if (err < 0) { /* nothing at all: what follows may not be applied over a gap */
		while ((e = list_first(&done, struct log_entry, node))) {
			list_remove(&e->node);
			log_entry_free(e);
		}
		return err;
	}
	while ((e = list_first(&r->waiting, struct log_entry, node)) && e->index <= upto) {
		list_remove(&e->node);
		list_append(&done, &e->node);
		r->delivered = e->index;
	}
	list_for_each (it, &done) {
		e = list_entry(it, struct log_entry, node);
		if (!err && e->type == LOG_ENTRY_CONFIG)
			err = consensus_configured(r->consensus, e->index, e->data, e->len,
						   replica_now_ms(r));
		if (e->type == LOG_ENTRY_CONFIG)
			replica_know(r, str_n(e->data, e->len));
	}
	pthread_mutex_lock(&r->out_lock);
	while ((e = list_first(&done, struct log_entry, node))) {
		list_remove(&e->node);
		list_append(&r->out, &e->node);
	}
	pthread_mutex_unlock(&r->out_lock);
	r->conf.wake(r->conf.user);
	return err;
}

static void refuse(struct replica *r, struct log_entry *e, int err)
{
	e->err = err;
	e->index = 0;
	pthread_mutex_lock(&r->out_lock);
	list_append(&r->out, &e->node);
	pthread_mutex_unlock(&r->out_lock);
	r->conf.wake(r->conf.user);
}

/* Entries that were replaced, and that the writer is done with. */
static void reap(struct replica *r)
{
	struct log_entry *e;

	while ((e = list_first(&r->doomed, struct log_entry, node)) && e->seq <= r->seen) {
		list_remove(&e->node);
		if (e->user)
			refuse(r, e, -ECANCELED);
		else
			log_entry_free(e);
	}
}

/* What was behind the door when the raft thread looked. */
struct work {
	struct list submitted, inbox, commands;
	uint64_t asked;
	uint64_t written;
	struct consensus_point *snapshot;
	uint64_t snapshot_first;
	struct ship_offer *offer;
	void *adopted;
	struct log_entry *reset;
	bool stop;
};

void replica_point_free(struct consensus_point *p)
{
	if (p)
		buf_done(&p->conf);
	free(p);
}

struct consensus_point *replica_point_dup(const struct consensus_point *point)
{
	struct consensus_point *p = NEW(struct consensus_point);

	*p = *point;
	buf_init(&p->conf);
	buf_addstr(&p->conf, buf_str(&point->conf));
	return p;
}

void replica_wait(struct door *d, uint64_t at_ms)
{
	pthread_mutex_lock(&d->lock);
	while (!d->ring && !d->stop) {
		struct timespec ts = {(time_t)(at_ms / 1000), (long)(at_ms % 1000 * NSEC_PER_MSEC)};

		if (at_ms == UINT64_MAX)
			pthread_cond_wait(&d->cond, &d->lock);
		else if (pthread_cond_timedwait(&d->cond, &d->lock, &ts) == ETIMEDOUT)
			break;
	}
	d->ring = false;
}

static void wait_for_work(struct replica *r, struct work *w)
{
	struct door *d = &r->raft_door;
	struct log_entry *e;

	list_init(&w->submitted);
	list_init(&w->inbox);
	list_init(&w->commands);
	replica_wait(d, consensus_timeout(r->consensus));
	w->stop = d->stop;
	while ((e = list_first(&r->submitted, struct log_entry, node))) {
		list_remove(&e->node);
		list_append(&w->submitted, &e->node);
	}
	while (!list_empty(&r->inbox)) {
		struct list *first = r->inbox.next;

		list_remove(first);
		list_append(&w->inbox, first);
	}
	r->inbox_bytes = 0;
	replica_move_commands(&r->commands, &w->commands);
	w->offer = TAKE(r->offer);
	w->adopted = TAKE(r->adopted);
	w->reset = TAKE(r->reset);
	w->asked = r->asked;
	w->written = r->written;
	w->snapshot = NULL;
	if (r->snapshot && r->snapshot_released) {
		w->snapshot = TAKE(r->snapshot);
		w->snapshot_first = r->snapshot_first;
		r->snapshot_released = false;
	}
	pthread_mutex_unlock(&d->lock);
}

static void tell_leader(struct replica *r)
{
	uint64_t leader = consensus_leader(r->consensus);

	if (atomic_exchange(&r->leader_id, leader) != leader)
		r->conf.wake(r->conf.user);
}

static void do_work(struct replica *r, struct work *w)
{
	struct log_entry *e;
	int err = 0;

	if (w->written > r->seen) {
		r->seen = w->written;
		err = consensus_written(r->consensus, w->written, replica_now_ms(r));
		reap(r);
	}
	if (!err && w->reset)
		err = replica_installed(r, w->reset);
	if (!err)
		err = replica_take_messages(r, &w->inbox);
	if (w->offer)
		err = MIN(err, replica_take_offer(r, w->offer));
	if (w->adopted)
		replica_adopted(r, w->adopted);
	if (!err)
		err = deliver(r);
	if (!err && w->snapshot)
		err = consensus_snapshotted(r->consensus, w->snapshot, w->snapshot_first,
					    replica_now_ms(r));
	while ((e = list_first(&w->submitted, struct log_entry, node))) {
		int sub = atomic_load(&r->dead) ? -EIO : 0;

		list_remove(&e->node);
		if (!sub)
			sub = consensus_submit(r->consensus, e, replica_now_ms(r));
		if (sub < 0)
			refuse(r, e, sub);
	}
	replica_run_commands(r, &w->commands);
	replica_put_question(r, w->asked);
	if (!err && replica_now_ms(r) >= consensus_timeout(r->consensus))
		err = consensus_tick(r->consensus, replica_now_ms(r));
	if (!err)
		err = deliver(r);
	tell_leader(r);
	if (err < 0)
		replica_fatal(r, err, "raft failed");
}

static void *raft_main(void *arg)
{
	struct replica *r = arg;
	struct work w = {0};

	pthread_setname_np(pthread_self(), "raft");
	for (;;) {
		wait_for_work(r, &w);
		do_work(r, &w);
		replica_point_free(w.snapshot);
		if (w.stop)
			return NULL;
	}
}

/* ---- writer thread ---- */

/*
 * Nothing of the entries was written, and nothing is lost: they wait here. Nobody is told that they
 * are durable, and what comes next is refused (store_check_space) or, from a leader, not sent.
 */
static void wait_for_space(struct replica *r)
{
	struct door *d = &r->writer_door;
	struct timespec ts;

	if (!r->stalled)
		log_warn("store: no room for the log; writing waits for space");
	r->stalled = true;
	atomic_store(&r->prepare_err, -ENOSPC);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += SPACE_WAIT_NS;
	if (ts.tv_nsec >= (long)NSEC_PER_SEC)
		ts.tv_sec++, ts.tv_nsec -= (long)NSEC_PER_SEC;
	pthread_mutex_lock(&d->lock);
	if (!d->stop)
		pthread_cond_timedwait(&d->cond, &d->lock, &ts);
	pthread_mutex_unlock(&d->lock);
}

static void write_entries(struct replica *r, struct list *queue)
{
	struct wal_entry v[GROUP_MAX] = {0};
	struct log_entry *e;
	struct log_entry *reset = NULL;
	uint64_t seq = 0;
	size_t n = 0, bytes = 0;
	int err;

	list_for_each (it, queue) {
		e = list_entry(it, struct log_entry, write_node);
		bytes += e->len;
		if (n && bytes > wal_entry_max(r->wal) / 4)
			break;
		seq = MAX(seq, e->seq);
		reset = e->type == LOG_ENTRY_RESET ? e : reset;
		v[n++] = (struct wal_entry){.index = e->index,
					    .term = e->term,
					    .type = (uint8_t)e->type,
					    .len = e->len,
					    .data = e->data};
		if (n == GROUP_MAX)
			break;
	}
	err = wal_append(r->wal, v, n);
	if (err == -ENOSPC) {
		wait_for_space(r);
		return;
	}
	if (r->stalled)
		log_info("store: there is room for the log again");
	r->stalled = false;
	if (err < 0) {
		replica_fatal(r, err, "cannot write the store's log");
		return;
	}
	for (size_t i = 0; i < n; i++)
		list_remove(queue->next);
	/* From here on the raft thread may give the entries away. */
	pthread_mutex_lock(&r->raft_door.lock);
	r->written = MAX(r->written, seq);
	r->reset = reset ? reset : r->reset;
	replica_ring(&r->raft_door);
}

static void release_segments(struct replica *r, uint64_t index)
{
	uint64_t first;

	pthread_mutex_lock(&r->read_lock);
	first = wal_release(r->wal, index);
	pthread_mutex_unlock(&r->read_lock);
	pthread_mutex_lock(&r->raft_door.lock);
	r->snapshot_first = first;
	r->snapshot_released = true;
	replica_ring(&r->raft_door);
}

static void *writer_main(void *arg)
{
	struct replica *r = arg;
	struct door *d = &r->writer_door;
	struct list queue;
	struct log_entry *e;

	pthread_setname_np(pthread_self(), "log-writer");
	list_init(&queue);
	for (;;) {
		uint64_t release;
		bool prepare, ask;

		pthread_mutex_lock(&d->lock);
		while (!d->ring && !d->stop && list_empty(&queue))
			pthread_cond_wait(&d->cond, &d->lock);
		d->ring = false;
		if (d->stop &&
		    (((list_empty(&r->to_write) || atomic_load(&r->dead)) && list_empty(&queue)) ||
		     r->stalled)) {
			pthread_mutex_unlock(&d->lock);
			return NULL;
		}
		while ((e = list_first(&r->to_write, struct log_entry, write_node))) {
			list_remove(&e->write_node);
			list_append(&queue, &e->write_node);
		}
		release = r->release;
		r->release = 0;
		ask = prepare = r->prepare;
		r->prepare = false;
		pthread_mutex_unlock(&d->lock);

		if (atomic_load(&r->dead)) {
			while (!list_empty(&queue))
				list_remove(queue.next);
			continue;
		}
		if (!list_empty(&queue)) {
			write_entries(r, &queue);
			prepare = true;
		}
		if (release)
			release_segments(r, release);
		if (prepare)
			/* No space is no harm yet: writes are refused before it hurts. */
			atomic_store(&r->prepare_err, wal_prepare(r->wal, ask));
	}
}

/* ---- opening and closing ---- */

static int recover_entry(void *user, const struct wal_entry *e)
{
	struct replica *r = user;

	return consensus_recover(r->consensus, e->index, e->term, e->type, e->data, e->len);
}

struct replay {
	struct replica *r;
	int (*apply)(void *user, const struct log_entry *e);
	void *user;
};

static int replay_entry(void *user, const struct wal_entry *w)
{
	struct replay *p = user;
	struct log_entry e = {.index = w->index,
			      .term = w->term,
			      .type = w->type,
			      .len = w->len,
			      .data = (void *)(uintptr_t)w->data};
	int x = p->apply(p->user, &e);

	if (x == 0 && e.type == LOG_ENTRY_CONFIG)
		x = consensus_configured(p->r->consensus, e.index, e.data, e.len,
					 replica_now_ms(p->r));
	if (e.type == LOG_ENTRY_CONFIG)
		replica_know(p->r, str_n(e.data, e.len));
	return x;
}

/* A new store: the vote first, so that an entry's term is never newer than it. */
static int bootstrap(struct replica *r, struct err *err)
{
	struct log_entry *e = r->conf.n_members
				      ? consensus_conf_entry(r->conf.members, r->conf.n_members)
				      : consensus_bootstrap(r->consensus);
	struct wal_entry w;
	int x;

	if (!e)
		return err_sys(err, EINVAL, "these are no members of a cluster");
	e->index = e->term = 1;
	w = (struct wal_entry){e->index, e->term, (uint8_t)e->type, e->len, e->data};
	x = r->vote.term ? 0 : vote_save(&r->vote, 1, 0);

	if (!x)
		x = wal_append(r->wal, &w, 1);
	if (!x)
		x = consensus_recover(r->consensus, e->index, e->term, e->type, e->data, e->len);
	log_entry_free(e);
	return x < 0 ? err_sys(err, -x, "cannot write the first log entry") : 0;
}

static int recover(struct replica *r, const struct consensus_point *point,
		   int (*apply)(void *user, const struct log_entry *e), void *user, struct err *err)
{
	struct replay p = {r, apply, user};
	uint64_t from = point ? point->index + 1 : 1;
	int x = vote_open(r->conf.io, &r->vote, err);

	if (!x)
		x = wal_open(r->conf.io, r->conf.segment_bytes, r->conf.seed, recover_entry, r,
			     &r->wal, err);
	if (!x)
		x = replica_identify(r, r->conf.join && !point && consensus_is_empty(r->consensus),
				     err);
	if (!x && !point && !r->conf.join && consensus_is_empty(r->consensus))
		x = bootstrap(r, err);
	if (!x)
		x = consensus_start(r->consensus, r->vote.term, r->vote.voted_for, point,
				    replica_now_ms(r), err);
	if (x < 0)
		return x;
	if (consensus_was_cut(r->consensus)) {
		struct wal_entry w = {point->index, point->term, LOG_ENTRY_RESET, 0, NULL};

		x = wal_append(r->wal, &w, 1);
		if (x < 0)
			return err_sys(err, -x, "cannot begin the log anew");
	}
	if (!wal_space(r->wal)) /* a restored directory: be ready for the first write */
		(void)wal_prepare(r->wal, true);
	if (point)
		replica_know(r, buf_str(&point->conf));
	r->durable = consensus_last_index(r->consensus);
	r->delivered = r->committed;
	if (from <= r->committed)
		x = wal_read(r->wal, from, r->committed, replay_entry, &p);
	return x < 0 ? err_sys(err, -x, "cannot replay the log") : 0;
}

int replica_open(const struct replica_conf *conf, const struct consensus_point *point,
		 int (*apply)(void *user, const struct log_entry *e), void *user,
		 struct replica **ret, struct err *err)
{
	struct replica *r = NEW(struct replica);
	struct consensus_ops ops = {.save_vote = on_save_vote,
				    .append = on_append,
				    .commit = on_commit,
				    .role = on_role,
				    .send = replica_on_send,
				    .read = replica_on_read,
				    .send_snapshot = replica_on_send_snapshot,
				    .install = replica_on_install,
				    .confirmed = replica_on_confirmed,
				    .user = r};
	struct list rest, commands;
	int x;

	r->conf = *conf;
	r->vote.fd = -1;
	replica_door_init(&r->raft_door);
	replica_door_init(&r->writer_door);
	pthread_mutex_init(&r->out_lock, NULL);
	list_init(&r->submitted);
	list_init(&r->to_write);
	list_init(&r->waiting);
	list_init(&r->out);
	list_init(&r->inbox);
	list_init(&r->commands);
	list_init(&r->commands_done);
	list_init(&r->doomed);
	list_init(&rest);
	list_init(&commands);
	buf_init(&r->bytes);
	pthread_mutex_init(&r->read_lock, NULL);
	pthread_mutex_init(&r->id_lock, NULL);
	replica_ship_init(r);
	r->consensus = consensus_new(conf->id, conf->address ? conf->address : "", &ops,
				     (uint32_t)conf->seed);
	if (conf->election_ms)
		consensus_set_timeouts(r->consensus, conf->election_ms,
				       conf->heartbeat_ms ? conf->heartbeat_ms
							  : MAX(conf->election_ms / 3, 1u));
	x = recover(r, point, apply, user, err);
	if (x < 0) {
		replica_close(r, &rest, &commands);
		return x;
	}
	*ret = r;
	return 0;
}

int replica_start(struct replica *r)
{
	pthread_attr_t attr;
	int x;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	x = pthread_create(&r->writer_thread, &attr, writer_main, r);
	r->writer_runs = x == 0;
	if (!x) {
		x = pthread_create(&r->raft_thread, &attr, raft_main, r);
		r->raft_runs = x == 0;
	}
	pthread_attr_destroy(&attr);
	if (!x && r->conf.transport)
		x = -replica_ship_start(r);
	if (!x && r->conf.transport)
		x = -r->conf.transport->start(r->conf.transport->user, replica_on_message, r);
	r->listens = !x && r->conf.transport;
	return -x;
}

void replica_stop_thread(struct door *d, bool *runs, pthread_t t)
{
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	replica_ring(d);
	if (*runs)
		pthread_join(t, NULL);
	*runs = false;
}

static void move_all(struct list *from, struct list *to)
{
	struct log_entry *e;

	while ((e = list_first(from, struct log_entry, node))) {
		list_remove(&e->node);
		list_append(to, &e->node);
	}
}

struct replica *replica_close(struct replica *r, struct list *ret_rest, struct list *ret_commands)
{
	if (!r)
		return NULL;
	if (r->listens)
		r->conf.transport->stop(r->conf.transport->user);
	replica_stop_thread(&r->raft_door, &r->raft_runs, r->raft_thread);
	replica_ship_done(r);
	replica_stop_thread(&r->writer_door, &r->writer_runs, r->writer_thread);
	move_all(&r->out, ret_rest);
	if (r->reset_sent)
		list_append(ret_rest, &r->reset_sent->node);
	if (r->adopted)
		r->conf.unload(r->conf.user, r->adopted);
	move_all(&r->waiting, ret_rest);
	move_all(&r->doomed, ret_rest);
	move_all(&r->submitted, ret_rest);
	replica_move_commands(&r->commands_done, ret_commands);
	replica_move_commands(&r->commands, ret_commands);
	consensus_free(r->consensus);
	wal_close(r->wal);
	vote_done(&r->vote);
	replica_point_free(r->snapshot);
	while (!list_empty(&r->inbox)) {
		struct inmsg *m = list_entry(r->inbox.next, struct inmsg, node);

		list_remove(&m->node);
		free(m);
	}
	free(r->reads);
	free(r->questions);
	buf_done(&r->bytes);
	pthread_mutex_destroy(&r->read_lock);
	pthread_mutex_destroy(&r->id_lock);
	replica_point_free(r->installing);
	replica_ship_free_offer(r->offer);
	replica_door_done(&r->raft_door);
	replica_door_done(&r->writer_door);
	pthread_mutex_destroy(&r->out_lock);
	free(r);
	return NULL;
}

/* ---- from the main thread ---- */

void replica_submit(struct replica *r, struct log_entry *e)
{
	pthread_mutex_lock(&r->raft_door.lock);
	list_append(&r->submitted, &e->node);
	replica_ring(&r->raft_door);
}

void replica_take(struct replica *r, struct list *out)
{
	pthread_mutex_lock(&r->out_lock);
	move_all(&r->out, out);
	pthread_mutex_unlock(&r->out_lock);
}

static bool has_room(const struct replica *r)
{
	int64_t space = r->conf.io->free_bytes(r->conf.io->user);

	return space < 0 || (uint64_t)space > HOLD_SEGMENTS * r->conf.segment_bytes;
}

void replica_snapshotted(struct replica *r, const struct consensus_point *point)
{
	struct consensus_point *p = replica_point_dup(point);
	uint64_t hold = atomic_load(&r->ship.hold);

	pthread_mutex_lock(&r->raft_door.lock);
	replica_point_free(r->snapshot);
	r->snapshot = p;
	r->snapshot_released = false;
	pthread_mutex_unlock(&r->raft_door.lock);
	pthread_mutex_lock(&r->writer_door.lock);
	/* What a follower will need behind the snapshot it is getting stays, within reason. */
	r->release = hold && has_room(r) ? MIN(point->index, hold) : point->index;
	replica_ring(&r->writer_door);
}

void replica_prepare(struct replica *r)
{
	pthread_mutex_lock(&r->writer_door.lock);
	r->prepare = true;
	replica_ring(&r->writer_door);
}

int replica_prepare_error(const struct replica *r)
{
	return atomic_load(&((struct replica *)(uintptr_t)r)->prepare_err);
}

bool replica_is_leader(const struct replica *r)
{
	return atomic_load(&((struct replica *)(uintptr_t)r)->leader);
}

bool replica_is_dead(const struct replica *r)
{
	return atomic_load(&((struct replica *)(uintptr_t)r)->dead);
}

const struct wal *replica_wal(const struct replica *r)
{
	return r->wal;
}
