/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/replica_internal.h"
#include "lib/base/log.h"
#include "master/store/snapshot.h"

/*
 * The thread that carries snapshots, so that neither raft's nor the writer's waits for their files.
 *
 *	raft thread                        ship thread
 *	ops.send_snapshot  --request-->    ship_out: chunks, one at a time
 *	                                   ship_in: chunks -> file -> checked and loaded
 *	consensus_receive  <--offer--
 *	ops.install        --verdict-->    the file gets its name (from here on it counts)
 *	LOG_ENTRY_RESET    <--adopted-     |
 *	   |-> writer -> consensus_installed, and the state to the main thread
 */
#define INBOX_BYTES (8u << 20)
#define STACK_BYTES (256u << 10)
#define RETRY_MS 500u

enum request_type { SHIP_SEND, SHIP_CANCEL, SHIP_VERDICT };
struct ship_request {
	struct list node;
	enum request_type type;
	uint64_t to, term;
	char address[SHIP_ADDRESS_MAX];
	bool installing;
};

/* ---- what the flows need ---- */

static void on_send(void *user, uint64_t to, const char *address, const struct peer_msg *m)
{
	struct replica *r = user;

	replica_send(r, &r->ship.bytes, to, address, m);
}

static int on_open(void *user, struct consensus_point *ret_at, uint64_t *ret_size)
{
	struct replica *r = user;

	return snapshot_open(r->conf.io, ret_at, ret_size);
}

static int on_check(void *user, const struct consensus_point *at)
{
	struct replica *r = user;

	return r->conf.load(r->conf.user, SHIP_FILE, at, &r->ship.loaded);
}

static void on_offer(void *user, uint64_t from, uint64_t term, const struct consensus_point *at)
{
	struct ship_offer *o = NEW(struct ship_offer);
	struct replica *r = user;

	o->from = from;
	o->term = term;
	o->at = *at;
	buf_init(&o->at.conf);
	buf_addstr(&o->at.conf, buf_str(&at->conf));
	pthread_mutex_lock(&r->raft_door.lock);
	replica_ship_free_offer(r->offer);
	r->offer = o;
	replica_ring(&r->raft_door);
}

static void on_forget(void *user)
{
	struct replica *r = user;

	if (r->ship.loaded)
		r->conf.unload(r->conf.user, r->ship.loaded);
	r->ship.loaded = NULL;
}

void replica_ship_free_offer(struct ship_offer *o)
{
	if (o)
		buf_done(&o->at.conf);
	free(o);
}

/* ---- the thread ---- */

static void add_request(struct replica *r, struct ship_request *q)
{
	list_init(&q->node);
	pthread_mutex_lock(&r->ship.door.lock);
	list_append(&r->ship.requests, &q->node);
	replica_ring(&r->ship.door);
}

/* The stream to a follower, or a free one. */
static struct ship_out *find_out(struct shipping *s, uint64_t to)
{
	struct ship_out *free_one = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(s->out); i++) {
		if (ship_out_runs(&s->out[i]) && s->out[i].to == to)
			return &s->out[i];
		if (!free_one && !ship_out_runs(&s->out[i]))
			free_one = &s->out[i];
	}
	return free_one;
}

static void send_to(struct replica *r, const struct ship_request *q)
{
	struct ship_out *o = find_out(&r->ship, q->to);
	bool runs = o && ship_out_runs(o);
	int x = o ? ship_out_begin(o, q->to, q->address, q->term, replica_now_ms(r)) : -EMFILE;

	if (x < 0)
		log_warn_r(x, "store: cannot send a snapshot to master %016" PRIx64, q->to);
	else if (!runs)
		log_info("store: master %016" PRIx64
			 " is behind the log and gets the snapshot of entry %" PRIu64,
			 q->to, o->place.index);
}

/* Raft wants what has been received: now it counts. */
static void adopt(struct replica *r)
{
	struct shipping *s = &r->ship;
	int x = snapshot_adopt(r->conf.io, SHIP_FILE, s->in.place.index);

	if (x < 0) {
		replica_fatal(r, x, "cannot install a snapshot");
		return;
	}
	log_info("store: the snapshot of entry %" PRIu64 " from master %016" PRIx64
		 " is in place of what was here",
		 s->in.place.index, s->in.from);
	ship_in_installed(&s->in);
	pthread_mutex_lock(&r->raft_door.lock);
	r->adopted = TAKE(s->loaded);
	replica_ring(&r->raft_door);
}

static void do_request(struct replica *r, struct ship_request *q)
{
	switch (q->type) {
	case SHIP_SEND:
		send_to(r, q);
		break;
	case SHIP_CANCEL:
		for (size_t i = 0; i < ARRAY_SIZE(r->ship.out); i++)
			ship_out_end(&r->ship.out[i]);
		break;
	case SHIP_VERDICT:
		ship_in_verdict(&r->ship.in, q->installing);
		if (q->installing)
			adopt(r);
		break;
	}
	free(q);
}

static void do_message(struct replica *r, struct inmsg *in)
{
	struct peer_entry v[PEER_ENTRIES_MAX];
	struct peer_msg m;
	struct ship_out *o;
	int x = 0;

	if (peer_msg_decode(str_n(in->bytes, in->len), v, &m) < 0)
		return;
	if (m.type == PEER_SNAPSHOT && consensus_conf_valid(m.snapshot.conf)) {
		x = ship_in_chunk(&r->ship.in, in->from, &m, replica_now_ms(r));
		if (x < 0)
			replica_fatal(r, x, "cannot store a snapshot");
	} else if (m.type == PEER_SNAPSHOT_RESULT) {
		o = find_out(&r->ship, in->from);
		if (o && o->to == in->from)
			x = ship_out_result(o, &m, replica_now_ms(r));
		if (x < 0)
			log_warn_r(x, "store: cannot send a snapshot to master %016" PRIx64,
				   in->from);
	}
}

/* What the streams need of the log: all behind their snapshots. */
static void update_hold(struct shipping *s)
{
	uint64_t hold = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->out); i++)
		if (ship_out_runs(&s->out[i]))
			hold = hold ? MIN(hold, s->out[i].place.index) : s->out[i].place.index;
	atomic_store(&s->hold, hold);
}

static uint64_t next_timeout(const struct shipping *s)
{
	uint64_t at = UINT64_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(s->out); i++)
		at = MIN(at, ship_out_timeout(&s->out[i]));
	return at;
}

static void tick(struct replica *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(r->ship.out); i++) {
		struct ship_out *o = &r->ship.out[i];
		int x = ship_out_tick(o, replica_now_ms(r));

		if (x < 0)
			log_warn_r(x, "store: cannot send a snapshot to master %016" PRIx64, o->to);
	}
}

/* Whether to go on. */
static bool wait_for_work(struct shipping *s, struct list *inbox, struct list *requests)
{
	struct door *d = &s->door;
	bool stop;

	replica_wait(d, next_timeout(s));
	stop = d->stop;
	replica_move_commands(&s->inbox, inbox);
	replica_move_commands(&s->requests, requests);
	s->inbox_bytes = 0;
	pthread_mutex_unlock(&d->lock);
	return !stop;
}

static void *ship_main(void *arg)
{
	struct replica *r = arg;
	struct list inbox, requests;
	bool on = true;

	pthread_setname_np(pthread_self(), "ship");
	list_init(&inbox);
	list_init(&requests);
	while (on) {
		on = wait_for_work(&r->ship, &inbox, &requests);
		while (!list_empty(&requests)) {
			struct ship_request *q =
				list_entry(requests.next, struct ship_request, node);

			list_remove(&q->node);
			do_request(r, q);
		}
		while (!list_empty(&inbox)) {
			struct inmsg *in = list_entry(inbox.next, struct inmsg, node);

			list_remove(&in->node);
			if (on && !atomic_load(&r->dead))
				do_message(r, in);
			free(in);
		}
		tick(r);
		update_hold(&r->ship);
	}
	return NULL;
}

/* ---- from other threads ---- */

void replica_ship_init(struct replica *r)
{
	struct shipping *s = &r->ship;

	replica_door_init(&s->door);
	list_init(&s->inbox);
	list_init(&s->requests);
	buf_init(&s->bytes);
	s->ops = (struct ship_ops){on_send, on_open, on_check, on_offer, on_forget, r};
	ship_in_init(&s->in, r->conf.io, &s->ops, r->conf.reserve_bytes);
	for (size_t i = 0; i < ARRAY_SIZE(s->out); i++)
		ship_out_init(&s->out[i], r->conf.io, &s->ops, SHIP_CHUNK,
			      MAX(2 * r->conf.election_ms, RETRY_MS));
}

int replica_ship_start(struct replica *r)
{
	pthread_attr_t attr;
	int x;

	/* What an earlier life had not finished. */
	r->conf.io->unlink(r->conf.io->user, SHIP_FILE);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	x = pthread_create(&r->ship.thread, &attr, ship_main, r);
	pthread_attr_destroy(&attr);
	r->ship.runs = x == 0;
	return -x;
}

void replica_ship_done(struct replica *r)
{
	struct shipping *s = &r->ship;

	replica_stop_thread(&s->door, &s->runs, s->thread);
	for (size_t i = 0; i < ARRAY_SIZE(s->out); i++)
		ship_out_end(&s->out[i]);
	ship_in_end(&s->in);
	on_forget(r);
	while (!list_empty(&s->inbox)) {
		struct inmsg *in = list_entry(s->inbox.next, struct inmsg, node);

		list_remove(&in->node);
		free(in);
	}
	while (!list_empty(&s->requests)) {
		struct ship_request *q = list_entry(s->requests.next, struct ship_request, node);

		list_remove(&q->node);
		free(q);
	}
	buf_done(&s->bytes);
	replica_door_done(&s->door);
}

void replica_ship_message(struct replica *r, uint64_t from, struct str msg)
{
	struct shipping *s = &r->ship;
	struct inmsg *m = replica_inmsg(from, msg);

	pthread_mutex_lock(&s->door.lock);
	if (s->inbox_bytes + msg.len > INBOX_BYTES) { /* it comes again */
		pthread_mutex_unlock(&s->door.lock);
		free(m);
		return;
	}
	s->inbox_bytes += msg.len;
	list_append(&s->inbox, &m->node);
	replica_ring(&s->door);
}

void replica_ship_cancel(struct replica *r)
{
	struct ship_request *q = NEW(struct ship_request);

	q->type = SHIP_CANCEL;
	add_request(r, q);
}

/* ---- of the raft thread ---- */

void replica_on_send_snapshot(void *user, uint64_t to, const char *address, uint64_t term)
{
	struct ship_request *q = NEW(struct ship_request);

	q->type = SHIP_SEND;
	q->to = to;
	q->term = term;
	str_copy(q->address, sizeof(q->address), str_of(address));
	add_request(user, q);
}

/* Raft has decided: what is in the log, or on its way there, is of no more interest. */
void replica_on_install(void *user, const struct consensus_point *p, struct str data)
{
	struct replica *r = user;

	(void)data;
	while (!list_empty(&r->waiting)) {
		struct list *first = r->waiting.next;

		list_remove(first);
		list_append(&r->doomed, first);
	}
	r->installing = replica_point_dup(p);
}

int replica_take_offer(struct replica *r, struct ship_offer *take_offer)
{
	struct ship_request *q = NEW(struct ship_request);
	struct peer_msg m = {.type = PEER_SNAPSHOT, .term = take_offer->term};
	bool busy = r->installing; /* with the one before: this one comes again if it is needed */
	int x = 0;

	m.snapshot.last_index = take_offer->at.index;
	m.snapshot.last_term = take_offer->at.term;
	m.snapshot.conf_index = take_offer->at.conf_index;
	m.snapshot.conf = buf_str(&take_offer->at.conf);
	m.snapshot.last = true;
	if (!busy && !atomic_load(&r->dead))
		x = consensus_receive(r->consensus, take_offer->from, &m, replica_now_ms(r));
	q->type = SHIP_VERDICT;
	q->installing = !busy && r->installing;
	add_request(r, q);
	replica_ship_free_offer(take_offer);
	return x == -EBADMSG ? 0 : x;
}

void replica_adopted(struct replica *r, void *loaded)
{
	struct log_entry *e = log_entry_new(LOG_ENTRY_RESET, NULL, 0);

	e->index = r->installing->index;
	e->term = r->installing->term;
	e->user = loaded;
	r->reset_sent = e;
	pthread_mutex_lock(&r->writer_door.lock);
	list_append(&r->to_write, &e->write_node);
	replica_ring(&r->writer_door);
}

int replica_installed(struct replica *r, struct log_entry *reset)
{
	uint64_t index = reset->index;

	replica_know(r, buf_str(&r->installing->conf));
	replica_point_free(TAKE(r->installing));
	r->reset_sent = NULL;
	r->delivered = index;
	r->committed = MAX(r->committed, index);
	pthread_mutex_lock(&r->out_lock);
	list_append(&r->out, &reset->node);
	pthread_mutex_unlock(&r->out_lock);
	r->conf.wake(r->conf.user);
	return consensus_installed(r->consensus, replica_now_ms(r));
}
