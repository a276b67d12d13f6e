/* SPDX-License-Identifier: Apache-2.0 */
/* Services over IPv6: sockets of the node, backends at addresses of its loopback. */
#include "tests/net/lab.h"
#include "net/netns.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#define VIP "fd00:96::7"
#define NODE "fd00:9::100"

static const char *const backends[] = {"fd00:9::10", "fd00:9::11", "fd00:9::12"};

struct client {
	int fd;
	struct sockaddr_in6 peer;
};

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(str_of(text), &a), 0);
	return a;
}

static int set_up(void **state)
{
	struct lab *l = NEW(struct lab);

	lab_open(l);
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		CLEANUP_FREE char *cmd =
			xasprintf("ip -6 addr add %s/128 dev lo nodad", backends[i]);

		assert_int_equal(system(cmd), 0);
	}
	assert_int_equal(system("ip -6 addr add " NODE "/128 dev lo nodad"), 0);
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	lab_close(*state);
	free(*state);
	return 0;
}

static struct sockaddr_in6 at(const char *addr, uint16_t port)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	assert_int_equal(inet_pton(AF_INET6, addr, &sa.sin6_addr), 1);
	return sa;
}

static int listen_at(const char *addr, int type, uint16_t port)
{
	struct sockaddr_in6 sa = at(addr, port);
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 512), 0);
	return fd;
}

static void listen_three(int type, uint16_t port, int fds[3])
{
	for (int i = 0; i < 3; i++)
		fds[i] = listen_at(backends[i], type, port);
}

static void close_all(int fds[3])
{
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static int connect_to(const char *addr, uint16_t port, int type, struct client *ret)
{
	struct sockaddr_in6 sa = at(addr, port);
	socklen_t len = sizeof(ret->peer);

	ret->fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	if (connect(ret->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		int r = -errno;

		close(ret->fd);
		return r;
	}
	assert_int_equal(getpeername(ret->fd, (struct sockaddr *)&ret->peer, &len), 0);
	return 0;
}

static void put(struct lab *l, const char *vip, uint16_t port, uint8_t proto, uint32_t affinity_s,
		size_t n, uint16_t target)
{
	struct lb_backend b[3];
	struct lb_front f = {.key = {ip(vip), port, proto},
			     .affinity_s = affinity_s,
			     .backends = b,
			     .n_backends = n};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		b[i] = (struct lb_backend){ip(backends[i]), target};
	if (lb_put(l->lb, &f, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static int hit(const char *vip, uint16_t port, const int fds[3])
{
	struct client c;
	int i, r = connect_to(vip, port, SOCK_STREAM, &c);

	if (r < 0)
		return r;
	i = lab_ready(fds, 3);
	assert_true(i >= 0);
	close(accept(fds[i], NULL, NULL));
	close(c.fd);
	return i;
}

static void test_tcp(void **state)
{
	struct lab *l = *state;
	int fds[3], seen[3] = {0};
	struct client c;
	struct sockaddr_in6 want = at(VIP, 80);

	listen_three(SOCK_STREAM, 8080, fds);
	put(l, VIP, 80, LB_TCP, 0, 3, 8080);
	for (int i = 0; i < 90; i++) {
		int r = hit(VIP, 80, fds);

		assert_true(r >= 0);
		seen[r]++;
	}
	for (int i = 0; i < 3; i++)
		assert_true(seen[i] > 8);
	assert_int_equal(connect_to(VIP, 80, SOCK_STREAM, &c), 0);
	assert_memory_equal(&c.peer.sin6_addr, &want.sin6_addr, 16);
	assert_int_equal(c.peer.sin6_port, want.sin6_port);
	close(c.fd);
	/* Nobody's port; and a Service without endpoints. */
	assert_true(connect_to(VIP, 81, SOCK_STREAM, &c) < 0);
	put(l, VIP, 80, LB_TCP, 0, 0, 0);
	assert_int_equal(connect_to(VIP, 80, SOCK_STREAM, &c), -ECONNREFUSED);
	assert_int_equal(lb_del(l->lb, (struct lb_key){ip(VIP), 80, LB_TCP}, NULL), 0);
	close_all(fds);
}

/* One socket of both families: the names of IPv6 addresses are no IPv4 addresses. */
static void test_both_families(void **state)
{
	struct lab *l = *state;
	struct lb_backend b4 = {ip("127.0.0.1"), 8084};
	struct lb_front f4 = {
		.key = {ip("10.96.0.7"), 80, LB_TCP}, .backends = &b4, .n_backends = 1};
	struct client c;
	int fds[3], s4;
	struct sockaddr_in sa4 = {.sin_family = AF_INET, .sin_port = htons(8084)};

	listen_three(SOCK_STREAM, 8080, fds);
	s4 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sa4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(s4, (struct sockaddr *)&sa4, sizeof(sa4)), 0);
	assert_int_equal(listen(s4, 5), 0);
	put(l, VIP, 80, LB_TCP, 0, 3, 8080);
	assert_int_equal(lb_put(l->lb, &f4, NULL), 0);
	assert_int_equal(connect_to("::ffff:10.96.0.7", 80, SOCK_STREAM, &c), 0);
	assert_int_equal(lab_ready(&s4, 1), 0);
	assert_memory_equal(&c.peer.sin6_addr, ip("::ffff:10.96.0.7").b, 16);
	close(c.fd);
	assert_true(hit(VIP, 80, fds) >= 0);
	{
		struct lb_backend mixed = {ip("127.0.0.1"), 1};
		struct lb_front f = {
			.key = {ip(VIP), 80, LB_TCP}, .backends = &mixed, .n_backends = 1};

		assert_int_equal(lb_put(l->lb, &f, NULL), -EINVAL);
	}
	assert_true(hit(VIP, 80, fds) >= 0); /* as it was */
	assert_int_equal(lb_sync(l->lb, NULL, 0, NULL, NULL), 0);
	close(s4);
	close_all(fds);
}

static void test_node_port(void **state)
{
	struct lab *l = *state;
	struct ip_addr node = ip(NODE);
	struct client c;
	int fds[3];

	listen_three(SOCK_STREAM, 8080, fds);
	put(l, "::", 30080, LB_TCP, 0, 3, 8080);
	assert_true(connect_to(NODE, 30080, SOCK_STREAM, &c) < 0);
	assert_int_equal(lb_node_addrs(l->lb, &node, 1, NULL), 0);
	assert_true(hit(NODE, 30080, fds) >= 0);
	assert_true(hit("::1", 30080, fds) >= 0);
	/* The same of IPv4 is another front. */
	assert_true(connect_to("::ffff:127.0.0.1", 30080, SOCK_STREAM, &c) < 0);
	assert_int_equal(lb_node_addrs(l->lb, NULL, 0, NULL), 0);
	assert_true(connect_to(NODE, 30080, SOCK_STREAM, &c) < 0);
	assert_int_equal(lb_sync(l->lb, NULL, 0, NULL, NULL), 0);
	close_all(fds);
}

static void test_affinity(void **state)
{
	struct lab *l = *state;
	int fds[3], first;

	listen_three(SOCK_STREAM, 8080, fds);
	put(l, VIP, 80, LB_TCP, 60, 3, 8080);
	first = hit(VIP, 80, fds);
	assert_true(first >= 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(hit(VIP, 80, fds), first);
	assert_int_equal(lb_sync(l->lb, NULL, 0, NULL, NULL), 0);
	close_all(fds);
}

static void test_udp(void **state)
{
	struct lab *l = *state;
	struct sockaddr_in6 vip = at(VIP, 53), from = {0};
	socklen_t len = sizeof(from);
	struct client c;
	int fds[3], i, u;
	char buf[8];

	listen_three(SOCK_DGRAM, 5353, fds);
	put(l, VIP, 53, LB_UDP, 0, 3, 5353);
	/* Unconnected: one backend for the flow, and its answers come from the Service. */
	u = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int k = 0, first = -1; k < 10; k++) {
		assert_int_equal(sendto(u, "q", 1, 0, (struct sockaddr *)&vip, sizeof(vip)), 1);
		i = lab_ready(fds, 3);
		assert_true(i >= 0);
		first = first < 0 ? i : first;
		assert_int_equal(i, first);
		assert_int_equal(
			recvfrom(fds[i], buf, sizeof(buf), 0, (struct sockaddr *)&from, &len), 1);
		assert_int_equal(sendto(fds[i], "a", 1, 0, (struct sockaddr *)&from, len), 1);
		assert_int_equal(lab_ready(&u, 1), 0);
		assert_int_equal(recvfrom(u, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len),
				 1);
		assert_memory_equal(&from.sin6_addr, &vip.sin6_addr, 16);
		assert_int_equal(from.sin6_port, vip.sin6_port);
	}
	close(u);
	/* Connected: closed when its backend goes, so that a resolver asks another one. */
	assert_int_equal(connect_to(VIP, 53, SOCK_DGRAM, &c), 0);
	assert_memory_equal(&c.peer.sin6_addr, &vip.sin6_addr, 16);
	{
		size_t closed = 0;
		struct err err = ERR_INIT;

		put(l, VIP, 53, LB_UDP, 0, 0, 0);
		if (lb_kill_stale(l->lb, NULL, 0, false, &closed, &err) < 0)
			fail_msg("%s", err_text(&err));
		assert_int_equal(closed, 1);
	}
	close(c.fd);
	assert_int_equal(lb_sync(l->lb, NULL, 0, NULL, NULL), 0);
	close_all(fds);
}

static int count_views(const struct lb_front_view *f, void *user)
{
	char text[IP_TEXT];

	assert_string_equal(ip_addr_format(f->key.addr, text), VIP);
	assert_int_equal(f->key.proto, LB_TCP);
	assert_int_equal(f->n_backends, 3);
	assert_string_equal(ip_addr_format(f->backends[1].addr, text), backends[1]);
	++*(int *)user;
	return 0;
}

/* A new agent finds the names; one that is not needed any more goes, and may come again. */
static void test_restart(void **state)
{
	struct lab *l = *state;
	struct lb_conf lc;
	int fds[3], n = 0;

	listen_three(SOCK_STREAM, 8080, fds);
	put(l, VIP, 80, LB_TCP, 0, 3, 8080);
	l->lb = lb_close(l->lb);
	assert_true(hit(VIP, 80, fds) >= 0);
	lab_conf(l, &lc, NULL);
	assert_int_equal(lb_open(&lc, &l->lb, NULL), 0);
	assert_int_equal(lb_each(l->lb, count_views, &n), 0);
	assert_int_equal(n, 1);
	assert_true(hit(VIP, 80, fds) >= 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(lb_sync(l->lb, NULL, 0, NULL, NULL), 0);
	assert_true(hit(VIP, 80, fds) < 0);
	put(l, VIP, 80, LB_TCP, 0, 3, 8080);
	assert_true(hit(VIP, 80, fds) >= 0);
	assert_int_equal(lb_sync(l->lb, NULL, 0, NULL, NULL), 0);
	close_all(fds);
}

/* Addresses that come and go for a long time do not fill the maps. */
static void test_names_go(void **state)
{
	struct lab *l = *state;

	for (unsigned int i = 0; i < 3 * 32768 / 64; i++) {
		struct lb_backend b[64];
		struct lb_front f = {.key = {ip(VIP), 80, LB_TCP}, .backends = b, .n_backends = 64};
		struct err err = ERR_INIT;

		for (unsigned int k = 0; k < 64; k++) {
			b[k] = (struct lb_backend){ip("fd00:77::"), 80};
			b[k].addr.b[12] = (uint8_t)(i >> 8);
			b[k].addr.b[13] = (uint8_t)i;
			b[k].addr.b[15] = (uint8_t)k;
		}
		if (lb_put(l->lb, &f, &err) < 0)
			fail_msg("round %u: %s", i, err_text(&err));
	}
	assert_int_equal(lb_sync(l->lb, NULL, 0, NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),       cmocka_unit_test(test_both_families),
		cmocka_unit_test(test_node_port), cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_udp),       cmocka_unit_test(test_restart),
		cmocka_unit_test(test_names_go),
	};
	const char *missing = lab_missing();

	if (missing) {
		printf("[  SKIPPED ] 1 test(s): %s\n", missing);
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
