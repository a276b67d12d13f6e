/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/sim.h"

#include "master/store/transport.h"

#define SETUP_NS (NSEC_PER_MSEC / 2)
#define DEAD_NS SEC(2) /* silence after which either end gives a connection up */
#define SWEEP_NS MSEC(250)
#define CALL_TIMEOUT_NS SEC(30)
#define NO_LEADER_NS SEC(2)
#define AGAIN_NS MSEC(10)
/*
 * Clients and masters: what TCP makes of a bad network. Bytes come whole, once and in order, or the
 * connection breaks and nobody knows what was carried out. Masters among each other: messages that
 * may be lost, late or out of order.
 */
struct network network;

void network_heal(void)
{
	memset(&network, 0, sizeof(network));
}

uint64_t network_delay_ns(void)
{
	uint64_t ns = NSEC_PER_USEC * (100 + below(900));

	return chance(network.slow) ? ns + MSEC(below(400)) : ns;
}

/* ---- a call and its connection ---- */

struct link {
	struct transport base;
	struct proc *proc;
	unsigned place, next; /* master to try next */
	char *user;
	struct conn *conn;
	struct list calls; /* transport_call.of_link */
};

enum message { REQUEST, CANCEL, RESPONSE, DATA, END };
struct msg {
	struct list node;
	enum message type;
	struct transport_call *call; /* a reference */
	uint64_t at_ns;
	int status, err;
	uint32_t retry_after_s;
	struct buf bytes;
};

struct conn {
	struct list node; /* conns */
	unsigned place, master;
	uint64_t bad_since_ns; /* 0: it works */
	struct list up, down; /* struct msg */
	struct list calls; /* transport_call.of_conn */
	struct link *link;
	bool armed;
};

/* Lives while either end, or a message under way, knows it. */
struct transport_call {
	unsigned refs;
	struct list of_link, of_conn;
	struct link *link; /* NULL: it has ended there */
	struct conn *conn; /* NULL: broken */
	struct transport_req req;
	struct buf text;
	uint64_t began_ns, asked_rev;
	/* The master's end; another one than the connection's where that passes it on. */
	unsigned at;
	struct transport *local;
	struct transport_call *inner;
	int status;
	struct buf answer; /* of one that is no stream */
};

static struct list conns = {&conns, &conns};

static void call_unref(struct transport_call *c)
{
	if (--c->refs)
		return;
	list_remove(&c->of_conn);
	buf_done(&c->text);
	buf_done(&c->answer);
	free(c);
}

static void msg_free(struct msg *m)
{
	list_remove(&m->node);
	call_unref(m->call);
	buf_done(&m->bytes);
	free(m);
}

static bool conn_works(const struct conn *n)
{
	unsigned m = PLACE_MASTER + n->master;

	return !network.cut[n->place][m] && !network.cut[m][n->place] &&
	       (!n->link || n->link->proc->paused_until_ns <= world.now_ns) &&
	       master_proc(n->master)->paused_until_ns <= world.now_ns;
}

/* The client's end: the caller hears of the end, once. */
static void call_ended(struct transport_call *c, int err)
{
	struct link *l = c->link;
	struct proc *before;

	if (!l)
		return;
	c->link = NULL;
	list_remove(&c->of_link);
	before = proc_enter(l->proc);
	c->req.on_end(c->req.user, err);
	proc_leave(before);
	call_unref(c);
}

/* The master's end lets go. */
static void inner_cancel(struct transport_call *c)
{
	struct transport_call *inner = TAKE(c->inner);
	struct proc *before;

	if (!inner)
		return;
	before = proc_enter(master_proc(c->at));
	transport_cancel(c->local, inner);
	proc_leave(before);
	call_unref(c);
}

struct broken {
	struct transport_call *call; /* a reference */
	int err;
};

static void on_broken(void *arg)
{
	struct broken *b = arg;

	if (b->call->link && b->call->link->proc->paused_until_ns > world.now_ns) {
		event_at(b->call->link->proc->paused_until_ns, on_broken, b);
		return;
	}
	call_ended(b->call, b->err);
	call_unref(b->call);
	free(b);
}

static void conn_break(struct conn *n, int err)
{
	if (n->link)
		n->link->conn = NULL;
	list_for_each_safe (it, &n->calls) {
		struct transport_call *c = list_entry(it, struct transport_call, of_conn);
		struct broken *b;

		c->refs++;
		inner_cancel(c);
		list_remove(&c->of_conn);
		c->conn = NULL;
		if (!c->link) {
			call_unref(c);
			continue;
		}
		b = NEW(struct broken);
		*b = (struct broken){c, err};
		event_in(NSEC_PER_USEC * (50 + below(500)), on_broken, b);
	}
	while (!list_empty(&n->up))
		msg_free(list_entry(n->up.next, struct msg, node));
	while (!list_empty(&n->down))
		msg_free(list_entry(n->down.next, struct msg, node));
	list_remove(&n->node);
	free(n);
}

/* ---- messages on a connection ---- */

static void conn_run(void *arg);

static struct conn *conn_find(const void *key)
{
	list_for_each (it, &conns)
		if (it == key)
			return list_entry(it, struct conn, node);
	return NULL;
}

static void post(struct list *queue, struct transport_call *c, enum message type, struct msg *more)
{
	struct msg *m = NEW(struct msg);
	uint64_t last = 0;

	if (more)
		*m = *more;
	list_init(&m->node);
	if (!list_empty(queue))
		last = list_entry(queue->prev, struct msg, node)->at_ns;
	m->type = type;
	m->call = c;
	c->refs++;
	m->at_ns = MAX(last, world.now_ns + network_delay_ns());
	list_append(queue, &m->node);
	event_at(m->at_ns, conn_run, &c->conn->node);
}

/* Behind what was due before; others overtake it. */
static void post_at(struct list *queue, struct transport_call *c, enum message type, uint64_t at_ns)
{
	struct msg *m;

	post(queue, c, type, &(struct msg){.bytes = BUF_INIT});
	m = list_entry(queue->prev, struct msg, node);
	m->at_ns = at_ns;
	event_at(at_ns, conn_run, &c->conn->node);
}

static void inner_response(void *user, const struct transport_resp *r)
{
	struct transport_call *c = user;
	struct msg m = {.status = r->status, .retry_after_s = r->retry_after_s};

	buf_init(&m.bytes);
	buf_addstr(&m.bytes, r->content_type);
	c->status = r->status;
	post(&c->conn->down, c, RESPONSE, &m);
}

static void inner_data(void *user, struct str bytes)
{
	struct transport_call *c = user;
	struct msg m = {0};

	buf_init(&m.bytes);
	buf_addstr(&m.bytes, bytes);
	post(&c->conn->down, c, DATA, &m);
}

static void inner_end(void *user, int err)
{
	struct transport_call *c = user;
	struct msg m = {.err = err, .bytes = BUF_INIT};

	c->inner = NULL;
	post(&c->conn->down, c, END, &m);
	call_unref(c);
}

/*
 * What only the leader can answer is passed on to it, as master/apiserver/forward.c does; where
 * there is none it waits a moment. False: nobody answers now.
 */
static bool find_place(struct conn *n, struct transport_call *c)
{
	int lead;

	c->at = n->master;
	if (master_serves(c->at, c->req.method, c->req.path))
		return true;
	lead = master_knows_leader(c->at);
	if (lead >= 0 && master_serves((unsigned)lead, c->req.method, c->req.path) &&
	    !network.cut[n->master][lead] && !network.cut[lead][n->master]) {
		c->at = (unsigned)lead;
		return true;
	}
	return false;
}

static void deliver_request(struct conn *n, struct transport_call *c)
{
	struct transport_req req = c->req;
	struct proc *before;

	if (!c->link)
		return;
	if (!find_place(n, c)) {
		if (world.now_ns - c->began_ns > NO_LEADER_NS)
			conn_break(n, -ECONNRESET); /* stands for 503 */
		else
			post_at(&n->up, c, REQUEST, world.now_ns + AGAIN_NS);
		return;
	}
	c->local = master_local(c->at, c->link->user);
	req.timeout_ns = 0;
	req.on_response = inner_response;
	req.on_data = inner_data;
	req.on_object = NULL;
	req.on_end = inner_end;
	req.user = c;
	c->refs++;
	before = proc_enter(master_proc(c->at));
	c->inner = transport_request(c->local, &req);
	proc_leave(before);
}

static void deliver_down(struct msg *m)
{
	struct transport_call *c = m->call;
	struct proc *before;

	if (!c->link)
		return;
	before = proc_enter(c->link->proc);
	if (m->type == RESPONSE && c->req.on_response) {
		struct transport_resp r = {m->status, buf_str(&m->bytes), m->retry_after_s};

		c->req.on_response(c->req.user, &r);
	}
	if (m->type == DATA) {
		if (!c->req.stream)
			buf_addstr(&c->answer, buf_str(&m->bytes));
		c->req.on_data(c->req.user, buf_str(&m->bytes));
	}
	if (m->type == END && c->link) {
		if (m->err == 0 && !c->req.stream)
			check_answer(c->req.method, c->req.path, c->status, buf_str(&c->answer),
				     c->asked_rev);
		if (c->conn) {
			list_remove(&c->of_conn);
			c->conn = NULL;
		}
		call_ended(c, m->err);
	}
	proc_leave(before);
}

static struct msg *due(struct list *queue)
{
	struct msg *m = list_first(queue, struct msg, node);

	return m && m->at_ns <= world.now_ns ? m : NULL;
}

static void conn_run(void *key)
{
	struct conn *n;
	struct msg *m;

	while ((n = conn_find(key)) && conn_works(n)) {
		if ((m = due(&n->up))) {
			m->call->refs++;
			struct transport_call *c = m->call;
			enum message type = m->type;

			msg_free(m);
			if (type == REQUEST)
				deliver_request(n, c);
			else
				inner_cancel(c);
			call_unref(c);
		} else if ((m = due(&n->down))) {
			list_remove(&m->node);
			deliver_down(m);
			msg_free(m);
		} else {
			return;
		}
	}
}

/* ---- the life of connections ---- */

static bool sweeping;

static void sweep(void *arg)
{
	(void)arg;
	list_for_each_safe (it, &conns) {
		struct conn *n = list_entry(it, struct conn, node);

		if (conn_works(n)) {
			n->bad_since_ns = 0;
			conn_run(&n->node);
		} else if (!n->bad_since_ns) {
			n->bad_since_ns = world.now_ns;
		} else if (world.now_ns - n->bad_since_ns > DEAD_NS) {
			conn_break(n, -ETIMEDOUT);
		}
	}
	event_in(SWEEP_NS, sweep, NULL);
}

static struct conn *connect_to(struct link *l)
{
	struct conn *n;

	if (l->conn)
		return l->conn;
	if (!sweeping)
		event_in(SWEEP_NS, sweep, NULL);
	sweeping = true;
	for (unsigned i = 0; i < n_masters; i++) {
		unsigned m = l->next++ % n_masters;

		if (!master_listens(m))
			continue;
		n = NEW(struct conn);
		n->place = l->place;
		n->master = m;
		list_init(&n->up);
		list_init(&n->down);
		list_init(&n->calls);
		n->link = l;
		l->conn = n;
		list_append(&conns, &n->node);
		return n;
	}
	return NULL;
}

void links_break(unsigned place)
{
	list_for_each_safe (it, &conns) {
		struct conn *n = list_entry(it, struct conn, node);

		bool of = n->place == place || PLACE_MASTER + n->master == place;

		list_for_each (k, &n->calls) {
			struct transport_call *c = list_entry(k, struct transport_call, of_conn);

			of |= c->inner && PLACE_MASTER + c->at == place;
		}
		if (of)
			conn_break(n, -ECONNRESET);
	}
}

void links_break_one(void)
{
	unsigned n = 0;

	list_for_each (it, &conns)
		n++;
	n = (unsigned)below(n);
	list_for_each (it, &conns)
		if (n-- == 0) {
			conn_break(list_entry(it, struct conn, node), -ECONNRESET);
			return;
		}
}

void links_done(void)
{
	while (!list_empty(&conns))
		conn_break(list_entry(conns.next, struct conn, node), -ECONNRESET);
	sweeping = false;
}

/* ---- struct transport ---- */

static void copy_request(struct transport_call *c, const struct transport_req *req)
{
	struct str *to[] = {&c->req.path, &c->req.content_type, &c->req.accept, &c->req.user_agent,
			    &c->req.body};
	size_t at[ARRAY_SIZE(to)];

	c->req = *req;
	buf_init(&c->text);
	buf_init(&c->answer);
	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		at[i] = c->text.len;
		buf_addstr(&c->text, *to[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(to); i++)
		if (to[i]->p)
			*to[i] = str_n(c->text.p + at[i], to[i]->len);
}

static void on_timeout(void *arg)
{
	struct transport_call *c = arg;

	if (c->link && c->link->proc->paused_until_ns > world.now_ns) {
		event_at(c->link->proc->paused_until_ns, on_timeout, c);
		return;
	}
	if (c->link) {
		if (c->conn)
			post(&c->conn->up, c, CANCEL, &(struct msg){.bytes = BUF_INIT});
		call_ended(c, -ETIMEDOUT);
	}
	call_unref(c);
}

static struct transport_call *link_request(struct transport *t, const struct transport_req *req)
{
	struct link *l = container_of(t, struct link, base);
	struct transport_call *c = NEW(struct transport_call);

	copy_request(c, req);
	c->refs = 1;
	c->link = l;
	c->asked_rev = check_acked(c->req.path);
	c->began_ns = world.now_ns;
	list_append(&l->calls, &c->of_link);
	list_init(&c->of_conn);
	c->conn = connect_to(l);
	if (!c->conn) {
		struct broken *b = NEW(struct broken);

		c->refs++;
		*b = (struct broken){c, -ECONNREFUSED};
		event_in(SETUP_NS, on_broken, b);
		return c;
	}
	list_append(&c->conn->calls, &c->of_conn);
	post(&c->conn->up, c, REQUEST, &(struct msg){.bytes = BUF_INIT});
	if (!req->stream) {
		c->refs++;
		event_in(req->timeout_ns ? req->timeout_ns : CALL_TIMEOUT_NS, on_timeout, c);
	}
	return c;
}

static void link_cancel(struct transport *t, struct transport_call *c)
{
	(void)t;
	if (!c->link)
		return;
	c->link = NULL;
	list_remove(&c->of_link);
	if (c->conn)
		post(&c->conn->up, c, CANCEL, &(struct msg){.bytes = BUF_INIT});
	call_unref(c);
}

static void link_free(struct transport *t)
{
	struct link *l = container_of(t, struct link, base);

	while (!list_empty(&l->calls)) {
		struct transport_call *c =
			list_entry(l->calls.next, struct transport_call, of_link);

		c->link = NULL;
		list_remove(&c->of_link);
		call_unref(c);
	}
	if (l->conn)
		conn_break(l->conn, -ECONNRESET);
	free(l->user);
	free(l);
}

static const struct transport_ops link_ops = {"sim", link_request, link_cancel, link_free};

struct transport *link_new(struct proc *p, unsigned place, const char *user)
{
	struct link *l = NEW(struct link);

	l->base.ops = &link_ops;
	l->proc = p;
	l->place = place;
	l->next = (unsigned)below(MASTERS_MAX);
	l->user = xstrdup(user);
	list_init(&l->calls);
	return &l->base;
}

/* ---- among masters ---- */

struct peer {
	unsigned self;
	void (*on_message)(void *arg, uint64_t from, struct str msg);
	void *arg;
};
static struct peer peers[MASTERS_MAX];
static unsigned member[MASTERS_MAX]; /* rises with each that takes this place */

struct packet {
	unsigned from, to;
	unsigned from_member, to_member;
	struct buf bytes;
};

static bool is_lost(const struct packet *p)
{
	return network.cut[p->from][p->to] || p->from_member != member[p->from] ||
	       p->to_member != member[p->to];
}

static void on_packet(void *arg)
{
	struct packet *p = arg;
	struct peer *to = &peers[p->to];
	struct proc *proc = master_proc(p->to), *before;

	if (to->on_message && proc->alive && !is_lost(p)) {
		if (proc->paused_until_ns > world.now_ns) { /* the kernel keeps it */
			event_at(proc->paused_until_ns, on_packet, p);
			return;
		}
		before = proc_enter(proc);
		to->on_message(to->arg, p->from + 1, buf_str(&p->bytes));
		proc_leave(before);
	}
	buf_done(&p->bytes);
	free(p);
}

static int peer_start(void *user, void (*on_message)(void *arg, uint64_t from, struct str msg),
		      void *arg)
{
	struct peer *p = user;

	p->on_message = on_message;
	p->arg = arg;
	return 0;
}

static void peer_stop(void *user)
{
	((struct peer *)user)->on_message = NULL;
}

static int peer_send(void *user, uint64_t to, const char *address, const struct iovec *iov, int n)
{
	struct peer *p = user;
	struct packet *k;

	(void)address;
	if (master_proc(p->self)->closing || to < 1 || to > n_masters || to == p->self + 1)
		return 0;
	if (network.cut[p->self][to - 1] || chance(network.loss))
		return 0;
	k = NEW(struct packet);
	k->from = p->self;
	k->to = (unsigned)to - 1;
	k->from_member = member[k->from];
	k->to_member = member[k->to];
	buf_init(&k->bytes);
	for (int i = 0; i < n; i++)
		buf_add(&k->bytes, iov[i].iov_base, iov[i].iov_len);
	event_in(network_delay_ns(), on_packet, k);
	return 0;
}

void peer_transport(unsigned i, struct store_transport *ret)
{
	peers[i] = (struct peer){.self = i};
	*ret = (struct store_transport){peer_start, peer_stop, peer_send, &peers[i]};
}

void peer_reset(unsigned i)
{
	peers[i].on_message = NULL;
}

void peer_replaced(unsigned i)
{
	member[i]++;
}
