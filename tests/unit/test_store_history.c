/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/sys/file.h"
#include "master/auth/cert.h"
#include "tests/unit/history.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/*
 * Masters as processes with clients, under everything that happens to machines: SIGKILL of one and
 * of all, SIGSTOP, a network cut in one direction or both, a disk that is full or slow, clocks that
 * are set, a disk that is wiped and its master replaced, leadership handed over. Then the history
 * is checked (history.h).
 *
 *	test_store_history [SEED [SECONDS]]
 */
#define TICK_MS 10
#define HEAL_MS 30000u

static uint64_t seed = 1, seconds = 6;

enum wipe { WIPE_NONE, WIPE_REMOVE, WIPE_ADD, WIPE_PROMOTE };

struct child {
	pid_t pid; /* 0: down */
	uint64_t id;
	bool join;
	int to; /* its commands */
	uint64_t up_at, cont_at; /* 0: not to be started; not stopped */
	bool cut, disk, done;
	int err; /* of the last HIST_DONE */
};

struct run {
	uint64_t rng, began_ns;
	unsigned n; /* of slots */
	char dir[64];
	struct child c[HISTORY_SLOTS];
	uint16_t ports[HISTORY_SLOTS];
	struct buf ca_cert, ca_key;
	int pipe[2];
	uint32_t life;
	unsigned leader; /* slot of the one that said so last */
	enum wipe wipe;
	unsigned wiped;
	uint64_t asked_at; /* a member command is under way; 0: none */
	unsigned asked;
	struct history h;
	unsigned kills, stops, cuts, disks, clocks, wipes, alls, leaders;
};

static uint64_t below(struct run *r, uint64_t max)
{
	uint64_t z = (r->rng += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (z ^ z >> 31) % max;
}

static uint64_t now_ms(const struct run *r)
{
	return 1 + (clock_mono_ns(&clock_system) - r->began_ns) / NSEC_PER_MSEC;
}

/* ---- processes ---- */

static void start(struct run *r, unsigned i)
{
	struct child *c = &r->c[i];
	struct node_conf conf = {.id = c->id,
				 .life = ++r->life,
				 .join = c->join,
				 .dir = r->dir,
				 .voters = r->n,
				 .ca_cert = buf_str(&r->ca_cert),
				 .ca_key = buf_str(&r->ca_key),
				 .seed = below(r, UINT64_MAX),
				 .clients = 6,
				 .out = r->pipe[1]};
	int fds[2];

	memcpy(conf.ports, r->ports, sizeof(conf.ports));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	conf.in = fds[0];
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (!c->pid) {
		for (unsigned k = 0; k < HISTORY_SLOTS; k++)
			if (r->c[k].to > 0)
				close(r->c[k].to);
		close(fds[1]);
		close(r->pipe[0]);
		history_node_run(&conf);
	}
	close(fds[0]);
	c->to = fds[1];
	c->up_at = c->cont_at = 0;
	c->cut = c->disk = false;
}

static void stop(struct run *r, unsigned i)
{
	struct child *c = &r->c[i];

	if (!c->pid)
		return;
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->to);
	c->pid = 0;
	c->to = -1;
	c->cont_at = 0;
	if (r->asked_at && r->asked == i)
		r->asked_at = 0;
}

static void command(struct run *r, unsigned i, enum node_command_type type, int64_t a, int64_t b)
{
	struct node_command k = {type, a, b};

	if (r->c[i].pid && write(r->c[i].to, &k, sizeof(k)) != (ssize_t)sizeof(k))
		fail_msg("node %u takes no commands", i);
}

/* Who ends by itself has a reason that no fault here gives it. */
static void check_alive(struct run *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		int status;

		if (r->c[i].pid && waitpid(r->c[i].pid, &status, WNOHANG) == r->c[i].pid)
			fail_msg("seed %" PRIu64 ": node %u ended by itself: %x", seed, i, status);
	}
}

static void take(struct run *r, const struct history_rec *rec)
{
	struct child *c = &r->c[rec->node];

	switch ((enum history_kind)rec->kind) {
	case HIST_ROLE:
		if (rec->rev)
			r->leader = rec->node, r->leaders++;
		return;
	case HIST_DONE:
		c->done = true;
		c->err = rec->err;
		return;
	case HIST_BEGIN:
	case HIST_END:
	case HIST_SEES:
	case HIST_EVENT:
	case HIST_STATE:
		history_add(&r->h, rec);
		return;
	}
}

static void listen_for(struct run *r, int ms)
{
	uint64_t until = now_ms(r) + (uint64_t)ms;
	struct history_rec v[512];

	for (;;) {
		uint64_t now = now_ms(r);
		struct pollfd p = {.fd = r->pipe[0], .events = POLLIN};
		ssize_t n;

		if (now >= until || poll(&p, 1, (int)(until - now)) != 1)
			break;
		n = read(r->pipe[0], v, sizeof(v));
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(v[0]); i++)
			take(r, &v[i]);
	}
	check_alive(r);
}

/* ---- faults ---- */

static void kill_one(struct run *r, unsigned i)
{
	stop(r, i);
	r->c[i].up_at = now_ms(r) + 20 + below(r, 500);
	r->kills++;
}

static void kill_all(struct run *r)
{
	for (unsigned i = 0; i < r->n; i++)
		kill_one(r, i);
	r->alls++;
}

static void freeze(struct run *r, unsigned i)
{
	if (!r->c[i].pid || r->c[i].cont_at)
		return;
	kill(r->c[i].pid, SIGSTOP);
	r->c[i].cont_at = now_ms(r) + 20 + below(r, 900);
	r->stops++;
}

static void cut(struct run *r, unsigned i)
{
	int64_t out = (int64_t)below(r, 1u << r->n), in = (int64_t)below(r, 1u << r->n);

	if (below(r, 3) == 0)
		out = in = (1 << r->n) - 1;
	command(r, i, NODE_CUT, out, in);
	r->cuts++;
}

static void heal(struct run *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		command(r, i, NODE_CUT, 0, 0);
		command(r, i, NODE_DISK, 0, 0);
	}
}

static void wipe(struct run *r, unsigned i)
{
	CLEANUP_FREE char *dir = xasprintf("%s/%u", r->dir, i);

	if (r->wipe != WIPE_NONE)
		return;
	stop(r, i);
	r->c[i].up_at = 0;
	dir_remove_tree(AT_FDCWD, dir);
	r->wipe = WIPE_REMOVE;
	r->wiped = i;
	r->wipes++;
}

static void fault(struct run *r)
{
	unsigned i = below(r, 2) ? r->leader : (unsigned)below(r, r->n);
	int64_t hours = (int64_t)below(r, 100) - 50;
	bool wiped = r->wipe != WIPE_NONE && r->wiped == i && !r->c[i].pid;

	switch (below(r, 16)) {
	case 0:
	case 1:
	case 2:
		if (!wiped)
			kill_one(r, i);
		break;
	case 3:
	case 4:
		freeze(r, i);
		break;
	case 5:
	case 6:
	case 7:
		cut(r, i);
		break;
	case 8:
		command(r, i, NODE_DISK, 1, 0);
		r->disks++;
		break;
	case 9:
		command(r, i, NODE_DISK, 0, (int64_t)below(r, 200));
		r->disks++;
		break;
	case 10:
		command(r, i, NODE_CLOCK, hours * 3600, 0);
		r->clocks++;
		break;
	case 11:
		command(r, r->leader, NODE_TRANSFER, 0, 0);
		break;
	case 12:
		wipe(r, i);
		break;
	case 13:
		if (below(r, 3) == 0)
			kill_all(r);
		break;
	default:
		heal(r);
	}
}

/* What is due: processes to be started and to go on. */
static void due(struct run *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		struct child *c = &r->c[i];

		if (c->cont_at && c->cont_at <= now_ms(r)) {
			kill(c->pid, SIGCONT);
			c->cont_at = 0;
		}
		/* A wiped one has no directory to be started on before it was removed. */
		if (!c->pid && c->up_at && c->up_at <= now_ms(r) &&
		    !(r->wipe == WIPE_REMOVE && r->wiped == i))
			start(r, i);
	}
}

/* ---- replacing a wiped one, as an operator would ---- */

static void ask(struct run *r, enum node_command_type type, uint64_t id)
{
	r->asked = r->leader;
	r->asked_at = now_ms(r);
	r->c[r->leader].done = false;
	command(r, r->leader, type, (int64_t)id, 0);
}

/* A change is in force when asking for it once more finds nothing to do. */
static void replace(struct run *r)
{
	struct child *c = &r->c[r->wiped];
	bool answered = r->asked_at && r->c[r->asked].done;
	int err = r->c[r->asked].err;

	if (r->asked_at && !answered && now_ms(r) < r->asked_at + 1000)
		return;
	if (answered && r->wipe == WIPE_REMOVE && err == -ENOENT) {
		c->id += HISTORY_SLOTS;
		c->join = true;
		start(r, r->wiped);
		r->wipe = WIPE_ADD;
	} else if (answered && r->wipe == WIPE_ADD && err == -EINVAL) {
		r->wipe = WIPE_PROMOTE;
	} else if (answered && r->wipe == WIPE_PROMOTE && err == -EINVAL) {
		r->wipe = WIPE_NONE;
	}
	r->asked_at = 0;
	if (r->wipe == WIPE_NONE || !r->c[r->leader].pid ||
	    (r->leader == r->wiped && r->wipe != WIPE_PROMOTE))
		return;
	ask(r,
	    r->wipe == WIPE_REMOVE ? NODE_REMOVE
	    : r->wipe == WIPE_ADD  ? NODE_ADD
				   : NODE_PROMOTE,
	    c->id);
}

/* ---- the run ---- */

static void turn(struct run *r)
{
	due(r);
	if (r->wipe != WIPE_NONE)
		replace(r);
	listen_for(r, TICK_MS);
}

static void recover(struct run *r)
{
	uint64_t until = now_ms(r) + HEAL_MS;

	for (unsigned i = 0; i < r->n; i++) {
		r->c[i].cont_at = r->c[i].cont_at ? 1 : 0;
		r->c[i].up_at = r->c[i].up_at ? 1 : 0;
	}
	due(r);
	heal(r);
	while (r->wipe != WIPE_NONE) {
		turn(r);
		if (now_ms(r) > until)
			fail_msg("seed %" PRIu64 ": node %u cannot be replaced (%d: %d)", seed,
				 r->wiped, r->wipe, r->c[r->asked].err);
	}
	listen_for(r, 700);
}

/* Until each has said that it is done without an error; those who have not are asked again. */
static void ask_all(struct run *r, enum node_command_type type, const char *what)
{
	for (unsigned i = 0; i < r->n; i++) {
		uint64_t until = now_ms(r) + HEAL_MS;

		do {
			r->c[i].done = false;
			command(r, i, type, 1, 0);
			while (!r->c[i].done) {
				listen_for(r, TICK_MS);
				if (now_ms(r) > until)
					fail_msg("seed %" PRIu64 ": node %u is not %s", seed, i,
						 what);
			}
		} while (r->c[i].err);
	}
}

static void open_ports(struct run *r)
{
	int fd[HISTORY_SLOTS];

	for (unsigned i = 0; i < HISTORY_SLOTS; i++) {
		struct sockaddr_in a = {.sin_family = AF_INET};
		socklen_t len = sizeof(a);

		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		assert_int_equal(bind(fd[i], (struct sockaddr *)&a, len), 0);
		assert_int_equal(getsockname(fd[i], (struct sockaddr *)&a, &len), 0);
		r->ports[i] = ntohs(a.sin_port);
	}
	for (unsigned i = 0; i < HISTORY_SLOTS; i++)
		close(fd[i]);
}

static void run_open(struct run *r)
{
	struct err err = ERR_INIT;
	struct cert_pair ca = {.key = cert_key_new(&err)};

	*r = (struct run){.rng = seed, .n = seed % 2 ? 3 : 5};
	r->began_ns = clock_mono_ns(&clock_system);
	str_copy(r->dir, sizeof(r->dir), STR("/tmp/knarr-history-XXXXXX"));
	assert_non_null(mkdtemp(r->dir));
	ca.cert = cert_ca_new(ca.key, "test", &clock_system, 3600 * NSEC_PER_SEC, &err);
	buf_init(&r->ca_cert);
	buf_init(&r->ca_key);
	cert_to_pem(ca.cert, &r->ca_cert);
	cert_key_to_pem(ca.key, &r->ca_key);
	cert_pair_done(&ca);
	open_ports(r);
	assert_int_equal(pipe2(r->pipe, O_CLOEXEC), 0);
	fcntl(r->pipe[0], F_SETPIPE_SZ, 1 << 20);
	for (unsigned i = 0; i < r->n; i++) {
		r->c[i].id = i + 1;
		start(r, i);
	}
}

static void run_close(struct run *r)
{
	for (unsigned i = 0; i < r->n; i++)
		stop(r, i);
	close(r->pipe[0]);
	close(r->pipe[1]);
	buf_done(&r->ca_cert);
	buf_done(&r->ca_key);
	history_done(&r->h);
	dir_remove_tree(AT_FDCWD, r->dir);
}

static void test_history(void **state)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	struct history_stats st;
	static struct run r;
	uint64_t next = 500, until = seconds * 1000;

	(void)state;
	run_open(&r);
	while (now_ms(&r) < until) {
		turn(&r);
		if (now_ms(&r) < next)
			continue;
		fault(&r);
		next = now_ms(&r) + 20 + below(&r, 250);
	}
	recover(&r);
	ask_all(&r, NODE_QUIET, "done with what it began");
	ask_all(&r, NODE_STATE, "readable");
	if (!history_check(&r.h, &st, &why))
		fail_msg("seed %" PRIu64 ": %s", seed, why.p);
	print_message("%zu writes, %zu refused, %zu unknown (%zu done), %zu reads, %zu watchers, "
		      "%zu events\n%u masters, %u killed, %u times all, %u stopped, %u cuts, %u "
		      "disks, %u clocks, %u wiped, %u leaders\n",
		      st.writes, st.refused, st.unknown, st.unknown_done, st.reads, st.watchers,
		      st.events, r.n, r.kills, r.alls, r.stops, r.cuts, r.disks, r.clocks, r.wipes,
		      r.leaders);
	assert_true(st.writes > 20 * seconds && st.reads > 20 * seconds);
	run_close(&r);
}

/* ---- the checker itself ---- */

#define AT(ms) ((ms)*NSEC_PER_MSEC)

static void add(struct history *h, struct history_rec r)
{
	history_add(h, &r);
}

static void add_write(struct history *h, uint64_t op, uint64_t expect, enum history_outcome how,
		      uint64_t rev, uint64_t from, uint64_t to)
{
	add(h,
	    (struct history_rec){.kind = HIST_BEGIN, .op = op, .expect = expect, .t_ns = AT(from)});
	if (to)
		add(h, (struct history_rec){.kind = HIST_END,
					    .op = op,
					    .outcome = (uint8_t)how,
					    .seen = how == HIST_REFUSED,
					    .rev = rev,
					    .t_ns = AT(to)});
}

static void add_read(struct history *h, uint64_t op, uint64_t rev, uint64_t value, uint64_t from,
		     uint64_t to)
{
	add(h, (struct history_rec){
		       .kind = HIST_BEGIN, .what = HIST_READ, .op = op, .t_ns = AT(from)});
	add(h, (struct history_rec){
		       .kind = HIST_END, .op = op, .rev = rev, .value = value, .t_ns = AT(to)});
}

static void add_event(struct history *h, uint64_t watcher, uint64_t rev, uint64_t value)
{
	add(h, (struct history_rec){.kind = HIST_EVENT, .op = watcher, .rev = rev, .value = value});
}

/* Three writes, the last one unanswered, read and watched. */
static void good(struct history *h)
{
	add(h, (struct history_rec){.kind = HIST_SEES, .op = 100});
	add_read(h, 9, 0, 0, 1, 2);
	add_write(h, 1, 0, HIST_OK, 1, 2, 6);
	add_write(h, 2, 1, HIST_OK, 2, 7, 9);
	add_write(h, 3, 1, HIST_REFUSED, 2, 8, 12);
	add_write(h, 4, 2, HIST_OK, 3, 10, 0);
	add_read(h, 8, 2, 2, 8, 10);
	add_event(h, 100, 1, 1);
	add_event(h, 100, 2, 2);
	add_event(h, 100, 3, 4);
}

static void check(struct history *h, const char *expected)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	struct history_stats st;
	bool ok = history_check(h, &st, &why);

	if (ok != !expected || (expected && !strstr(why.p, expected)))
		fail_msg("%s, not \"%s\"", ok ? "all well" : why.p, expected ? expected : "well");
	history_done(h);
}

static void test_checker(void **state)
{
	struct history h = {0};

	(void)state;
	good(&h);
	check(&h, NULL);
	good(&h); /* a read that shows what had been replaced before it began */
	add_read(&h, 20, 1, 1, 10, 11);
	check(&h, "stands before it");
	good(&h); /* at the same time: it may */
	add_read(&h, 20, 1, 1, 8, 11);
	check(&h, NULL);
	good(&h); /* once read, never gone again */
	add_read(&h, 20, 3, 4, 12, 13);
	add_read(&h, 21, 2, 2, 14, 15);
	check(&h, "stands before it");
	good(&h); /* seen before anybody wrote it */
	add_write(&h, 5, 3, HIST_OK, 4, 20, 22);
	add_read(&h, 20, 4, 5, 17, 18);
	check(&h, "stands before it");
	good(&h);
	add_read(&h, 20, 2, 7, 12, 13);
	check(&h, "saw revision 2");
	good(&h); /* acknowledged, and another one is there */
	add_write(&h, 5, 1, HIST_OK, 2, 8, 12);
	check(&h, "which is of");
	good(&h); /* acknowledged twice */
	add_write(&h, 5, 2, HIST_OK, 4, 8, 12);
	check(&h, "was to replace 2 and replaced 3");
	good(&h); /* an order that time contradicts */
	add_write(&h, 5, 3, HIST_OK, 5, 20, 22);
	add_write(&h, 6, 5, HIST_OK, 4, 30, 32);
	check(&h, "was to replace");
	good(&h);
	add_event(&h, 100, 5, 5);
	check(&h, "saw 5 behind 3");
	good(&h);
	add_event(&h, 100, 3, 4);
	check(&h, "saw 3 behind 3");
	good(&h);
	add(&h, (struct history_rec){.kind = HIST_SEES, .op = 101, .rev = 2});
	add_event(&h, 101, 3, 3);
	check(&h, "for one and");
	good(&h);
	add_event(&h, 100, 4, 3);
	check(&h, "was refused, and stands");
	good(&h);
	add(&h, (struct history_rec){.kind = HIST_STATE, .rev = 2, .value = 2});
	check(&h, "at the end");
	good(&h);
	add(&h, (struct history_rec){.kind = HIST_STATE, .rev = 3, .value = 4});
	check(&h, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_checker),
					   cmocka_unit_test(test_history)};

	signal(SIGPIPE, SIG_IGN);
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		seconds = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
