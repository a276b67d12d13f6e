/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/sys/file.h"
#include "master/auth/cert.h"
#include "master/cluster/peer.h"
#include "master/store/le.h"
#include "master/store/store.h"
#include "tests/unit/faulty_disk.h"
#include "tests/unit/history.h"

#include <signal.h>
#include <sys/prctl.h>
#include <uv.h>

/* One master, its clients and a watcher; told what to do and to suffer by the parent. */

#define PREFIX "/h/r/n/"

struct node {
	struct node_conf conf;
	unsigned slot;
	uv_loop_t loop;
	uv_timer_t tick;
	uv_poll_t poll;
	struct peers *peers;
	struct store *s;
	struct store_watch *watch;
	struct faulty_disk disk;
	struct clock clock;
	struct rng rng;
	_Atomic int64_t clock_off_s;
	uint64_t state; /* of the random numbers */
	uint64_t next_op;
	unsigned busy; /* operations under way */
	bool quiet, told_quiet;
	/* Between the store and the peers. */
	struct store_transport transport;
	const struct store_transport *below;
	void (*on_message)(void *arg, uint64_t from, struct str msg);
	void *arg;
	_Atomic int64_t cut_out, cut_in;
};

struct op {
	struct node *n;
	uint64_t id;
	uint32_t key;
};

static uint64_t below(struct node *n, uint64_t max)
{
	uint64_t z = (n->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) % max;
}

static void tell(struct node *n, struct history_rec r)
{
	r.node = n->slot;
	if (!r.t_ns)
		r.t_ns = clock_mono_ns(&clock_system);
	if (write(n->conf.out, &r, sizeof(r)) != (ssize_t)sizeof(r))
		_exit(3); /* the parent is gone */
}

static const char *key_name(uint32_t key, char out[32])
{
	snprintf(out, 32, PREFIX "%02u", key);
	return out;
}

static uint32_t key_number(struct str key)
{
	const char *p = key.p + strlen(PREFIX); /* two digits, and no NUL behind them */

	return (uint32_t)(p[0] - '0') * 10 + (uint32_t)(p[1] - '0');
}

/* Revision of a key and its value, in the present state. */
static uint64_t look(struct node *n, uint32_t key, uint64_t *ret_value)
{
	struct store_view *v = store_view(n->s);
	char name[32];
	const struct store_obj *o = store_get(v, str_of(key_name(key, name)));
	uint64_t rev = o ? o->rev : 0;

	*ret_value = o ? le64_get(o->value.p) : 0;
	store_view_unref(v);
	return rev;
}

/* ---- clients ---- */

static void end_op(struct op *o, struct history_rec r)
{
	r.kind = HIST_END;
	r.op = o->id;
	o->n->busy--;
	tell(o->n, r);
	free(o);
}

static void on_written(void *user, const struct store_result *r)
{
	struct history_rec rec = {.outcome = HIST_UNKNOWN, .err = r->err};

	if (r->err == 0) {
		rec.outcome = HIST_OK;
		rec.rev = r->rev;
	} else if (r->err == -EAGAIN || r->err == -EEXIST || r->err == -ENOENT) {
		rec.outcome = HIST_REFUSED;
		rec.seen = 1;
		rec.rev = r->current ? r->current->rev : 0;
	} else if (r->err == -EREMOTE) {
		rec.outcome = HIST_REFUSED;
	}
	end_op(user, rec);
}

static void on_read(void *user, int err)
{
	struct op *o = user;
	struct history_rec rec = {.outcome = err ? HIST_UNKNOWN : HIST_OK, .err = err};

	if (!err)
		rec.rev = look(o->n, o->key, &rec.value);
	end_op(o, rec);
}

static struct op *begin_op(struct node *n, enum history_what what, uint32_t key, uint64_t expect)
{
	struct op *o = NEW(struct op);

	*o = (struct op){n, (uint64_t)n->conf.life << 40 | ++n->next_op, key};
	n->busy++;
	tell(n,
	     (struct history_rec){
		     .kind = HIST_BEGIN, .what = what, .op = o->id, .key = key, .expect = expect});
	return o;
}

static void write_one(struct node *n, uint32_t key)
{
	uint64_t value, rev = look(n, key, &value);
	struct store_op op = {.type = STORE_PUT, .rv_at = STORE_NO_RV};
	char name[32], bytes[8 + 512] = {0};
	struct op *o;

	if (below(n, 20) == 0)
		rev = rev ? rev - 1 : 1; /* mistaken */
	o = begin_op(n, HIST_CAS, key, rev);
	le64_put(bytes, o->id);
	op.key = str_of(key_name(key, name));
	op.value = str_n(bytes, 8 + below(n, 512));
	op.expect = rev;
	if (store_txn(n->s, &op, 1, on_written, o) < 0)
		end_op(o, (struct history_rec){.outcome = HIST_REFUSED});
}

static void on_tick(uv_timer_t *t)
{
	struct node *n = t->data;

	for (unsigned i = 0; !n->quiet && n->busy < n->conf.clients && i < 4; i++) {
		uint32_t key = (uint32_t)below(n, HISTORY_KEYS);

		if (store_role(n->s) == STORE_LEADER && below(n, 2))
			write_one(n, key);
		else if (below(n, 3) == 0)
			store_read_barrier(n->s, on_read, begin_op(n, HIST_READ, key, 0));
	}
	if (n->quiet && !n->busy && !n->told_quiet) {
		n->told_quiet = true;
		tell(n, (struct history_rec){.kind = HIST_DONE});
	}
}

/* ---- the watcher ---- */

static void begin_watch(struct node *n);

static void on_event(void *user, const struct store_event *ev, int err)
{
	struct node *n = user;

	if (ev) {
		tell(n, (struct history_rec){.kind = HIST_EVENT,
					     .op = n->conf.life,
					     .rev = ev->rev,
					     .key = key_number(ev->obj->key),
					     .value = le64_get(ev->obj->value.p)});
		return;
	}
	store_unwatch(n->watch);
	n->watch = NULL;
	if (err == -ESTALE)
		begin_watch(n);
}

static void begin_watch(struct node *n)
{
	struct store_watch_spec spec = {.prefix = STR("/h/r/"), .from_rev = store_rev(n->s)};

	tell(n, (struct history_rec){.kind = HIST_SEES, .op = n->conf.life, .rev = spec.from_rev});
	if (store_watch(n->s, &spec, on_event, n, &n->watch) < 0)
		_exit(4);
}

/* ---- the network ---- */

static int net_start(void *user, void (*on_message)(void *arg, uint64_t from, struct str msg),
		     void *arg);

static bool is_cut(int64_t mask, uint64_t id)
{
	return mask >> ((id - 1) % HISTORY_SLOTS) & 1;
}

static void net_message(void *arg, uint64_t from, struct str msg)
{
	struct node *n = arg;

	if (!is_cut(atomic_load(&n->cut_in), from))
		n->on_message(n->arg, from, msg);
}

static int net_start(void *user, void (*on_message)(void *arg, uint64_t from, struct str msg),
		     void *arg)
{
	struct node *n = user;

	n->on_message = on_message;
	n->arg = arg;
	return n->below->start(n->below->user, net_message, n);
}

static void net_stop(void *user)
{
	struct node *n = user;

	n->below->stop(n->below->user);
}

static int net_send(void *user, uint64_t to, const char *address, const struct iovec *iov, int k)
{
	struct node *n = user;

	if (is_cut(atomic_load(&n->cut_out), to))
		return 0;
	return n->below->send(n->below->user, to, address, iov, k);
}

/* ---- clock, randomness ---- */

static uint64_t mono(void *user)
{
	(void)user;
	return clock_mono_ns(&clock_system);
}

static int64_t real(void *user)
{
	struct node *n = user;

	return clock_real_ns(&clock_system) + atomic_load(&n->clock_off_s) * (int64_t)NSEC_PER_SEC;
}

/* ---- the parent's commands ---- */

static void on_member(void *user, int err)
{
	tell(user, (struct history_rec){.kind = HIST_DONE, .err = err});
}

static void tell_state(struct node *n, int err)
{
	for (uint32_t key = 0; !err && key < HISTORY_KEYS; key++) {
		struct history_rec r = {.kind = HIST_STATE, .key = key};

		r.rev = look(n, key, &r.value);
		tell(n, r);
	}
	tell(n, (struct history_rec){.kind = HIST_DONE, .err = err});
}

static void on_confirmed(void *user, int err)
{
	tell_state(user, err);
}

static void obey(struct node *n, const struct node_command *c)
{
	char address[32];
	struct store_member m = {(uint64_t)c->a, address, STORE_STANDBY};

	snprintf(address, sizeof(address), "127.0.0.1:%u",
		 n->conf.ports[((uint64_t)c->a + HISTORY_SLOTS - 1) % HISTORY_SLOTS]);
	switch ((enum node_command_type)c->type) {
	case NODE_CUT:
		atomic_store(&n->cut_out, c->a);
		atomic_store(&n->cut_in, c->b);
		return;
	case NODE_DISK:
		atomic_store(&n->disk.full, c->a != 0);
		atomic_store(&n->disk.slow_ms, (unsigned)c->b);
		return;
	case NODE_CLOCK:
		atomic_store(&n->clock_off_s, c->a);
		return;
	case NODE_QUIET:
		n->quiet = c->a;
		n->told_quiet = false;
		return;
	case NODE_STATE:
		store_read_barrier(n->s, on_confirmed, n);
		return;
	case NODE_PROMOTE:
		m.role = STORE_VOTER;
		store_set_member(n->s, &m, on_member, n);
		return;
	case NODE_ADD:
		store_set_member(n->s, &m, on_member, n);
		return;
	case NODE_REMOVE:
		store_remove_member(n->s, (uint64_t)c->a, on_member, n);
		return;
	case NODE_TRANSFER:
		store_transfer(n->s, 0, on_member, n);
		return;
	}
}

static void on_command(uv_poll_t *p, int status, int events)
{
	struct node *n = p->data;
	struct node_command c;
	ssize_t got;

	(void)status, (void)events;
	got = read(n->conf.in, &c, sizeof(c));
	if (got != (ssize_t)sizeof(c))
		_exit(0); /* the parent is gone, or wants no more */
	obey(n, &c);
}

/* ---- life ---- */

static void on_role(void *user, enum store_role role)
{
	tell(user, (struct history_rec){.kind = HIST_ROLE, .rev = role == STORE_LEADER});
}

static void on_fatal(void *user, int error, const char *msg)
{
	(void)user, (void)error;
	fprintf(stderr, "%s\n", msg);
	_exit(5);
}

static void open_peers(struct node *n, struct err *err)
{
	CLEANUP(buf_done) struct buf cert = BUF_INIT, key = BUF_INIT;
	const char *orgs[] = {PEER_ORGANIZATION, NULL};
	char cn[PEER_NAME_LEN];
	struct cert_spec spec = {.common_name = cn,
				 .organizations = orgs,
				 .server = true,
				 .client = true,
				 .valid_ns = 3600 * NSEC_PER_SEC};
	struct cert_pair ca = {.cert = cert_from_pem(n->conf.ca_cert, err),
			       .key = cert_key_from_pem(n->conf.ca_key, err)};
	EVP_PKEY *k = cert_key_new(err);
	struct peers_conf pc = {
		.id = n->conf.id, .bind = "127.0.0.1", .port = n->conf.ports[n->slot]};
	X509 *x;

	peer_common_name(n->conf.id, cn);
	x = cert_issue(&ca, k, &spec, &clock_system, err);
	cert_to_pem(x, &cert);
	cert_key_to_pem(k, &key);
	pc.cert_pem = buf_str(&cert);
	pc.key_pem = buf_str(&key);
	pc.ca_pem = n->conf.ca_cert;
	if (peers_new(&pc, &n->peers, err) < 0)
		return;
	n->below = peers_transport(n->peers);
	n->transport = (struct store_transport){net_start, net_stop, net_send, n};
	X509_free(x);
	EVP_PKEY_free(k);
	cert_pair_done(&ca);
}

static void open_store(struct node *n, struct err *err)
{
	struct store_member members[HISTORY_SLOTS];
	char addresses[HISTORY_SLOTS][32];
	char dir[256];
	struct store_io io = faulty_io(&n->disk);
	struct store_conf sc = {.dir = dir,
				.loop = &n->loop,
				.io = &io,
				.clock = &n->clock,
				.id = n->conf.id,
				.transport = &n->transport,
				.members = n->conf.join ? NULL : members,
				.n_members = n->conf.join ? 0 : n->conf.voters,
				.join = n->conf.join,
				.segment_bytes = 128u << 10,
				.snapshot_log_bytes = 256u << 10,
				.reserve_bytes = 1u << 20,
				.election_ms = 100,
				.on_role = on_role,
				.on_fatal = on_fatal,
				.user = n};

	for (unsigned i = 0; i < HISTORY_SLOTS; i++) {
		snprintf(addresses[i], sizeof(addresses[i]), "127.0.0.1:%u", n->conf.ports[i]);
		members[i] = (struct store_member){i + 1, addresses[i], STORE_VOTER};
	}
	sc.address = addresses[n->slot];
	n->clock = (struct clock){mono, real, n};
	snprintf(dir, sizeof(dir), "%s/%u", n->conf.dir, n->slot);
	if (store_io_files(dir, &n->disk.files) < 0 || store_open(&sc, &n->s, err) < 0) {
		fprintf(stderr, "node %u: %s\n", n->slot, err_text(err));
		_exit(6);
	}
}

void history_node_run(const struct node_conf *conf)
{
	static struct node node;
	struct node *n = &node;
	struct err err = ERR_INIT;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	n->conf = *conf;
	n->slot = (unsigned)((conf->id - 1) % HISTORY_SLOTS);
	n->state = conf->seed;
	uv_loop_init(&n->loop);
	open_peers(n, &err);
	if (!n->peers) {
		fprintf(stderr, "node %u: %s\n", n->slot, err_text(&err));
		_exit(6);
	}
	open_store(n, &err);
	begin_watch(n);
	uv_timer_init(&n->loop, &n->tick);
	uv_poll_init(&n->loop, &n->poll, conf->in);
	n->tick.data = n->poll.data = n;
	uv_timer_start(&n->tick, on_tick, 1, 1);
	uv_poll_start(&n->poll, UV_READABLE, on_command);
	uv_run(&n->loop, UV_RUN_DEFAULT);
	_exit(7);
}
