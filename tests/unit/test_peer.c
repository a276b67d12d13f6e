/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/auth/cert.h"
#include "master/cluster/peer.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

/* Masters on loopback: who may talk, what arrives, and what happens when one is away. */

#define BIG (5u << 20)
#define WAIT_MS 10000u

struct authority {
	struct cert_pair ca;
	struct buf pem;
};

struct master {
	struct peers *p;
	char address[64];
	pthread_mutex_t lock;
	struct buf got; /* "FROM:LENGTH:FIRST-BYTE " of each message */
	unsigned n;
};

static struct authority own, other;
static bool later; /* of the next master_up */

static void authority_make(struct authority *a)
{
	struct err err = ERR_INIT;

	a->ca.key = cert_key_new(&err);
	a->ca.cert = cert_ca_new(a->ca.key, "test", &clock_system, 3600 * NSEC_PER_SEC, &err);
	assert_non_null(a->ca.cert);
	buf_init(&a->pem);
	cert_to_pem(a->ca.cert, &a->pem);
}

static void on_message(void *arg, uint64_t from, struct str msg)
{
	struct master *m = arg;

	pthread_mutex_lock(&m->lock);
	buf_addf(&m->got, "%" PRIu64 ":%zu:%c ", from, msg.len, msg.len ? msg.p[0] : '-');
	m->n++;
	pthread_mutex_unlock(&m->lock);
}

/* A master with id `id` whose certificate is for `cert_id` and `org`, of `a`. */
static void master_up(struct master *m, uint64_t id, const struct authority *a, uint64_t cert_id,
		      const char *org, uint16_t port)
{
	CLEANUP(buf_done) struct buf cert = BUF_INIT, key = BUF_INIT;
	CLEANUP(err_done) struct err err = ERR_INIT;
	const char *orgs[] = {org, NULL};
	char cn[PEER_NAME_LEN];
	struct cert_spec spec = {.common_name = cn,
				 .organizations = orgs,
				 .server = true,
				 .client = true,
				 .valid_ns = 3600 * NSEC_PER_SEC};
	CLEANUP(cert_pkey_freep) EVP_PKEY *k = cert_key_new(&err);
	CLEANUP(cert_x509_freep) X509 *x = NULL;
	struct peers_conf conf = {.id = id,
				  .bind = "127.0.0.1",
				  .port = port,
				  .queue_bytes = 8u << 20,
				  .later = later};

	peer_common_name(cert_id, cn);
	x = cert_issue(&a->ca, k, &spec, &clock_system, &err);
	assert_non_null(x);
	cert_to_pem(x, &cert);
	cert_key_to_pem(k, &key);
	conf.cert_pem = buf_str(&cert);
	conf.key_pem = buf_str(&key);
	conf.ca_pem = buf_str(&own.pem);
	pthread_mutex_init(&m->lock, NULL);
	buf_init(&m->got);
	m->n = 0;
	if (peers_new(&conf, &m->p, &err) < 0)
		fail_msg("%s", err_text(&err));
	snprintf(m->address, sizeof(m->address), "127.0.0.1:%u", (unsigned)peers_port(m->p));
	assert_int_equal(peers_transport(m->p)->start(peers_transport(m->p)->user, on_message, m),
			 0);
}

static void master_down(struct master *m)
{
	m->p = peers_free(m->p);
	buf_done(&m->got);
	pthread_mutex_destroy(&m->lock);
}

static int send_to(struct master *from, uint64_t to, const char *address, char c, size_t len)
{
	const struct store_transport *t = peers_transport(from->p);
	CLEANUP_FREE char *bytes = xmalloc(len);
	struct iovec iov[2] = {{bytes, len / 2}, {bytes + len / 2, len - len / 2}};

	memset(bytes, c, len);
	return t->send(t->user, to, address, iov, 2);
}

static unsigned count(struct master *m)
{
	unsigned n;

	pthread_mutex_lock(&m->lock);
	n = m->n;
	pthread_mutex_unlock(&m->lock);
	return n;
}

static void wait_for(struct master *m, unsigned n)
{
	for (unsigned ms = 0; count(m) < n; ms++) {
		if (ms > WAIT_MS)
			fail_msg("%u messages of %u: %s", count(m), n, m->got.p);
		usleep(1000);
	}
}

static uint64_t refusals(struct master *m)
{
	struct peers_stats s;

	peers_stats(m->p, &s);
	return s.refused;
}

static void wait_refusals(struct master *m, uint64_t n)
{
	for (unsigned ms = 0; refusals(m) < n; ms++) {
		struct peers_stats s;

		peers_stats(m->p, &s);
		if (ms >= WAIT_MS)
			fail_msg("%" PRIu64 " of %" PRIu64 " refusals, %" PRIu64 " dials, %" PRIu64
				 " accepted",
				 s.refused, n, s.dials, s.accepted);
		usleep(1000);
	}
}

static void wait_refused(struct master *m)
{
	wait_refusals(m, 1);
}

static void test_exchange(void **state)
{
	struct master a, b;

	(void)state;
	master_up(&a, 1, &own, 1, PEER_ORGANIZATION, 0);
	master_up(&b, 0xabcdef0123456789, &own, 0xabcdef0123456789, PEER_ORGANIZATION, 0);
	assert_int_equal(send_to(&a, 0xabcdef0123456789, b.address, 'x', 1), 0);
	assert_int_equal(send_to(&a, 0xabcdef0123456789, b.address, 'y', BIG), 0);
	assert_int_equal(send_to(&a, 0xabcdef0123456789, b.address, 'z', 0), 0);
	assert_int_equal(send_to(&a, 0xabcdef0123456789, "", 'w', 70000), 0);
	assert_int_equal(send_to(&b, 1, a.address, 'r', 12), 0);
	wait_for(&b, 4);
	wait_for(&a, 1);
	assert_string_equal(b.got.p, "1:1:x 1:5242880:y 1:0:- 1:70000:w ");
	assert_string_equal(a.got.p, "12379813738877118345:12:r ");
	assert_int_equal(refusals(&a) + refusals(&b), 0);
	master_down(&a);
	master_down(&b);
}

/* Each of these speaks TLS as well as any master; none gets a message through. */
static void test_strangers(void **state)
{
	static const struct {
		const struct authority *ca;
		uint64_t cert_id;
		const char *org;
	} bad[] = {
		{&other, 2, PEER_ORGANIZATION}, /* of another cluster */
		{&own, 2, "system:nodes"}, /* no master */
		{&own, 3, PEER_ORGANIZATION}, /* another master than it says */
	};
	struct master a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		master_up(&a, 1, &own, 1, PEER_ORGANIZATION, 0);
		master_up(&b, 2, bad[i].ca, bad[i].cert_id, bad[i].org, 0);
		assert_int_equal(send_to(&b, 1, a.address, 'x', 10), 0);
		wait_refused(&a);
		assert_int_equal(send_to(&a, 2, b.address, 'x', 10), 0);
		wait_refusals(&a, 2); /* nor is anything sent to it */
		assert_int_equal(count(&a), 0);
		assert_int_equal(count(&b), 0);
		master_down(&b);
		master_down(&a);
	}
	master_up(&a, 1, &own, 1, PEER_ORGANIZATION, 0);
	master_up(&b, 2, &own, 2, PEER_ORGANIZATION, 0);
	assert_int_equal(send_to(&b, 7, a.address, 'x', 10), 0); /* meant for another */
	wait_refused(&b);
	assert_int_equal(count(&a), 0);
	master_down(&b);
	master_down(&a);
}

/* A copy of a master, with its keys, beside the master itself: the second one is refused. */
static void test_copy(void **state)
{
	struct master a, b, copy;

	(void)state;
	master_up(&a, 1, &own, 1, PEER_ORGANIZATION, 0);
	master_up(&b, 2, &own, 2, PEER_ORGANIZATION, 0);
	master_up(&copy, 2, &own, 2, PEER_ORGANIZATION, 0);
	assert_int_equal(send_to(&b, 1, a.address, 'x', 10), 0);
	wait_for(&a, 1);
	assert_int_equal(send_to(&copy, 1, a.address, 'y', 10), 0);
	wait_refused(&a);
	assert_int_equal(send_to(&b, 1, a.address, 'z', 10), 0);
	wait_for(&a, 2);
	assert_string_equal(a.got.p, "2:10:x 2:10:z ");
	/* When the first one is gone, it is no copy any more. */
	master_down(&b);
	for (unsigned ms = 0; count(&a) < 3; ms++) {
		assert_true(ms < WAIT_MS);
		send_to(&copy, 1, a.address, 'y', 10);
		usleep(1000);
	}
	master_down(&copy);
	master_down(&a);
}

static void test_no_tls(void **state)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct master a;
	char c;

	(void)state;
	master_up(&a, 1, &own, 1, PEER_ORGANIZATION, 0);
	to.sin_port = htons(peers_port(a.p));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	wait_refused(&a);
	while (read(fd, &c, 1) > 0) /* an alert, then the end */
		;
	assert_int_equal(count(&a), 0);
	master_down(&a);
}

static void test_restart(void **state)
{
	struct master a, b;
	uint16_t port;
	unsigned ms;

	(void)state;
	master_up(&a, 1, &own, 1, PEER_ORGANIZATION, 0);
	master_up(&b, 2, &own, 2, PEER_ORGANIZATION, 0);
	send_to(&a, 2, b.address, 'x', 10);
	wait_for(&b, 1);
	port = peers_port(b.p);
	master_down(&b);
	for (ms = 0; send_to(&a, 2, "", 'x', 10) != -ENOTCONN; ms++) {
		assert_true(ms < WAIT_MS); /* it is noticed, and then nothing queues */
		usleep(1000);
	}
	master_up(&b, 2, &own, 2, PEER_ORGANIZATION, port);
	for (ms = 0; count(&b) == 0; ms++) {
		assert_true(ms < WAIT_MS);
		send_to(&a, 2, "", 'x', 10);
		usleep(1000);
	}
	master_down(&a);
	master_down(&b);
}

/* Alone, a master has no port; who dials it is known by what its hello says. */
static void test_later(void **state)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct master a, b;
	char at[64];

	(void)state;
	later = true;
	master_up(&a, 1, &own, 1, PEER_ORGANIZATION, 0);
	later = false;
	assert_int_equal(peers_port(a.p), 0);
	assert_int_equal(send_to(&a, 2, "127.0.0.1:9", 'x', 1), -ENOTCONN);
	assert_int_equal(peers_heard_ns(a.p, 2), 0);
	assert_int_equal(peers_listen(a.p, &err), 0);
	assert_int_equal(peers_listen(a.p, &err), 0);
	snprintf(at, sizeof(at), "127.0.0.1:%u", (unsigned)peers_port(a.p));
	assert_string_equal(peers_address(a.p), at);
	master_up(&b, 2, &own, 2, PEER_ORGANIZATION, 0);
	assert_int_equal(send_to(&b, 1, at, 'x', 1), 0);
	wait_for(&a, 1);
	assert_true(peers_heard_ns(a.p, 2) > 0);
	assert_int_equal(send_to(&a, 2, "", 'y', 1), 0); /* no address but its own word */
	wait_for(&b, 1);
	assert_int_equal(send_to(&a, 2, "127.0.0.1:9", 'y', 1), 0); /* which counts more */
	wait_for(&b, 2);
	master_down(&a);
	master_down(&b);
}

/* A listener that never answers: the queue is bounded, and stopping doesn't wait for it. */
static void test_deaf(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);
	struct master a;
	char address[64];
	unsigned n = 0;
	int r;

	(void)state;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(at.sin_port));
	master_up(&a, 1, &own, 1, PEER_ORGANIZATION, 0);
	while ((r = send_to(&a, 2, address, 'x', 1u << 20)) == 0)
		assert_true(++n <= 9);
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(send_to(&a, 3, "nonsense", 'x', 1), 0); /* found out later */
	assert_int_equal(send_to(&a, 4, "", 'x', 1), -ENOTCONN);
	assert_int_equal(send_to(&a, 2, address, 'x', 41u << 20), -EMSGSIZE);
	master_down(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange), cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_copy),     cmocka_unit_test(test_no_tls),
		cmocka_unit_test(test_restart),  cmocka_unit_test(test_deaf),
		cmocka_unit_test(test_later),
	};
	int r;

	signal(SIGPIPE, SIG_IGN);
	authority_make(&own);
	authority_make(&other);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	cert_pair_done(&own.ca);
	cert_pair_done(&other.ca);
	buf_done(&own.pem);
	buf_done(&other.pem);
	return r;
}
