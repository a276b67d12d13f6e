/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/sys/file.h"
#include "master/auth/cert.h"
#include "master/cluster/peer.h"
#include "master/store/store.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <uv.h>

/*
 * Three processes with real disks, talking over TLS on loopback. Whoever leads writes without end
 * and says what was acknowledged; the leader is killed with SIGKILL again and again. At the end all
 * that was acknowledged is there.
 *
 *	test_masters_kill [ROUNDS]
 */
#define MASTERS 3u
#define ROUNDS_MAX 100u
#define WRITERS 8u
#define ROUND_ACKS 100u
#define WAIT_MS 30000

static unsigned rounds = 5;
static struct cert_pair ca;
static char dir[] = "/tmp/knarr-kill3-XXXXXX";
static char addresses[MASTERS][64];
static uint16_t ports[MASTERS];

struct master {
	unsigned i;
	struct peers *peers;
	struct store *s;
	uv_loop_t loop;
	uv_timer_t tick;
	int out; /* child: lines to the parent */
	uint64_t next;
	unsigned under_way;
	int err;
	bool answered;
};

static void master_up(struct master *m)
{
	CLEANUP(buf_done) struct buf cert = BUF_INIT, key = BUF_INIT, ca_pem = BUF_INIT;
	CLEANUP(err_done) struct err err = ERR_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/%u", dir, m->i + 1);
	const char *orgs[] = {PEER_ORGANIZATION, NULL};
	char cn[PEER_NAME_LEN];
	struct cert_spec spec = {.common_name = cn,
				 .organizations = orgs,
				 .server = true,
				 .client = true,
				 .valid_ns = 3600 * NSEC_PER_SEC};
	CLEANUP(cert_pkey_freep) EVP_PKEY *k = cert_key_new(&err);
	CLEANUP(cert_x509_freep) X509 *x = NULL;
	struct peers_conf pc = {.id = m->i + 1, .bind = "127.0.0.1", .port = ports[m->i]};
	struct store_member members[MASTERS];
	struct store_conf sc = {.dir = path,
				.loop = &m->loop,
				.id = m->i + 1,
				.address = addresses[m->i],
				.members = members,
				.n_members = MASTERS,
				.segment_bytes = 4u << 20};

	peer_common_name(m->i + 1, cn);
	x = cert_issue(&ca, k, &spec, &clock_system, &err);
	cert_to_pem(x, &cert);
	cert_key_to_pem(k, &key);
	cert_to_pem(ca.cert, &ca_pem);
	pc.cert_pem = buf_str(&cert);
	pc.key_pem = buf_str(&key);
	pc.ca_pem = buf_str(&ca_pem);
	for (unsigned i = 0; i < MASTERS; i++)
		members[i] = (struct store_member){i + 1, addresses[i], STORE_VOTER};
	uv_loop_init(&m->loop);
	if (peers_new(&pc, &m->peers, &err) == 0) {
		sc.transport = peers_transport(m->peers);
		if (store_open(&sc, &m->s, &err) == 0)
			return;
	}
	fprintf(stderr, "master %u: %s\n", m->i + 1, err_text(&err));
	_exit(1);
}

/* ---- a child ---- */

struct write {
	struct master *m;
	uint64_t n;
};

static void write_done(void *user, const struct store_result *r)
{
	struct write *w = user;
	struct master *m = w->m;

	m->under_way--;
	if (r->err == 0)
		dprintf(m->out, "A %u %" PRIu64 "\n", m->i + 1, w->n);
	free(w);
}

static void on_tick(uv_timer_t *t)
{
	struct master *m = t->data;

	while (store_role(m->s) == STORE_LEADER && m->under_way < WRITERS) {
		struct write *w = NEW(struct write);
		char key[64];
		struct store_op op = {.type = STORE_PUT,
				      .expect = STORE_ABSENT,
				      .value = STR("v"),
				      .rv_at = STORE_NO_RV};

		*w = (struct write){m, m->next++};
		snprintf(key, sizeof(key), "/g/r/%u/%" PRIu64, m->i + 1, w->n);
		op.key = str_of(key);
		if (store_txn(m->s, &op, 1, write_done, w) < 0) {
			free(w);
			return;
		}
		m->under_way++;
	}
}

static pid_t child(unsigned i, unsigned life, int out)
{
	struct master m = {.i = i, .out = out, .next = (uint64_t)life * 1000000u};
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	master_up(&m);
	uv_timer_init(&m.loop, &m.tick);
	m.tick.data = &m;
	uv_timer_start(&m.tick, on_tick, 1, 1);
	uv_run(&m.loop, UV_RUN_DEFAULT);
	_exit(0);
}

/* ---- the parent ---- */

struct ack {
	unsigned id;
	uint64_t n;
};

static struct ack *acks;
static size_t n_acks, cap_acks;

static void take_line(const char *line)
{
	struct ack a;

	if (sscanf(line, "A %u %" SCNu64, &a.id, &a.n) != 2)
		fail_msg("odd line: %s", line);
	*ARRAY_PUSH(acks, n_acks, cap_acks) = a;
}

static void read_acks(FILE *in, size_t upto)
{
	char line[64];

	while (n_acks < upto) {
		struct pollfd p = {.fd = fileno(in), .events = POLLIN};

		/* The stream is unbuffered, so that poll sees all there is. */
		if (poll(&p, 1, WAIT_MS) != 1)
			fail_msg("no write is acknowledged any more");
		if (!fgets(line, sizeof(line), in))
			fail_msg("the masters are gone");
		take_line(line);
	}
}

static void on_barrier(void *user, int err)
{
	struct master *m = user;

	m->answered = true;
	m->err = err;
}

static void nothing(uv_timer_t *t)
{
	(void)t;
}

/* All three in this process: one leads, and its confirmed state has everything. */
static void check_all(void)
{
	struct master m[MASTERS] = {{0}};
	struct store_view *v;
	bool read = false;

	for (unsigned i = 0; i < MASTERS; i++) {
		m[i].i = i;
		master_up(&m[i]);
		uv_timer_init(&m[i].loop, &m[i].tick);
		uv_timer_start(&m[i].tick, nothing, 2, 2);
	}
	for (unsigned at = 0; !read; at = (at + 1) % MASTERS) {
		struct master *x = &m[at];

		uv_run(&x->loop, UV_RUN_ONCE);
		if (store_role(x->s) != STORE_LEADER)
			continue;
		x->answered = false;
		store_read_barrier(x->s, on_barrier, x);
		while (!x->answered)
			uv_run(&x->loop, UV_RUN_ONCE);
		if (x->err)
			continue;
		v = store_view(x->s);
		for (size_t i = 0; i < n_acks; i++) {
			char key[64];

			snprintf(key, sizeof(key), "/g/r/%u/%" PRIu64, acks[i].id, acks[i].n);
			if (!store_get(v, str_of(key)))
				fail_msg("%s was acknowledged and is gone", key);
		}
		store_view_unref(v);
		read = true;
	}
	for (unsigned i = 0; i < MASTERS; i++) {
		store_close(m[i].s);
		peers_free(m[i].peers);
		uv_close((uv_handle_t *)&m[i].tick, NULL);
		uv_run(&m[i].loop, UV_RUN_DEFAULT);
		uv_loop_close(&m[i].loop);
	}
}

static void free_ports(void)
{
	int fd[MASTERS];

	for (unsigned i = 0; i < MASTERS; i++) {
		struct sockaddr_in a = {.sin_family = AF_INET};
		socklen_t len = sizeof(a);

		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		assert_int_equal(bind(fd[i], (struct sockaddr *)&a, len), 0);
		assert_int_equal(getsockname(fd[i], (struct sockaddr *)&a, &len), 0);
		ports[i] = ntohs(a.sin_port);
		snprintf(addresses[i], sizeof(addresses[i]), "127.0.0.1:%u", ports[i]);
	}
	for (unsigned i = 0; i < MASTERS; i++)
		close(fd[i]);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void test_kill(void **state)
{
	struct err err = ERR_INIT;
	pid_t pids[MASTERS];
	uint64_t gaps[ROUNDS_MAX];
	int pipes[2];
	FILE *in;

	(void)state;
	assert_non_null(mkdtemp(dir));
	free_ports();
	ca.key = cert_key_new(&err);
	ca.cert = cert_ca_new(ca.key, "test", &clock_system, 3600 * NSEC_PER_SEC, &err);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	in = fdopen(pipes[0], "r");
	setvbuf(in, NULL, _IONBF, 0);
	for (unsigned i = 0; i < MASTERS; i++)
		pids[i] = child(i, 0, pipes[1]);
	for (unsigned round = 1; round <= rounds; round++) {
		uint64_t began;
		unsigned lead;

		read_acks(in, n_acks + ROUND_ACKS);
		lead = acks[n_acks - 1].id - 1;
		began = clock_mono_ns(&clock_system);
		kill(pids[lead], SIGKILL);
		waitpid(pids[lead], NULL, 0);
		while (acks[n_acks - 1].id == lead + 1) /* what it still said */
			read_acks(in, n_acks + 1);
		gaps[round - 1] = clock_mono_ns(&clock_system) - began;
		read_acks(in, n_acks + ROUND_ACKS); /* the others go on */
		pids[lead] = child(lead, round, pipes[1]);
	}
	for (unsigned i = 0; i < MASTERS; i++)
		kill(pids[i], SIGKILL);
	for (unsigned i = 0; i < MASTERS; i++)
		waitpid(pids[i], NULL, 0);
	check_all();
	qsort(gaps, rounds, sizeof(gaps[0]), by_size);
	print_message("%zu acknowledged writes, %u leaders killed, without a write for %" PRIu64
		      " ms (median), %" PRIu64 " ms (most)\n",
		      n_acks, rounds, gaps[rounds / 2] / (uint64_t)NSEC_PER_MSEC,
		      gaps[rounds - 1] / (uint64_t)NSEC_PER_MSEC);
	fclose(in);
	close(pipes[1]);
	free(acks);
	cert_pair_done(&ca);
	dir_remove_tree(AT_FDCWD, dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill)};

	if (argc > 1)
		rounds = MIN(MAX((unsigned)atoi(argv[1]), 1u), ROUNDS_MAX);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
