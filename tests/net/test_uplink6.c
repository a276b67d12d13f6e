/* SPDX-License-Identifier: Apache-2.0 */
/* Fronts over IPv6 for clients outside: a namespace beyond a veth pair, which also has a backend
 * "on another node". The balancer's address is announced, nobody has it. */
#include "lib/sys/file.h"
#include "lib/sys/timers_uv.h"
#include "net/announce.h"
#include "net/masq.h"
#include "net/netns.h"
#include "net/policy.h"
#include "tests/net/lab.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <uv.h>

#define WAIT_MS 30000
#define NODE "fd09::1"
#define CLIENT "fd09::2"
#define REMOTE "fd09::3"
#define VIP "fd09::200"

static struct lab lab;
static struct masq *masq;
static struct masq_conf conf;
static uv_loop_t loop;
static struct timers timers;
static struct timers_uv *timers_uv;
static struct announce *announce;
static int outside;

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(str_of(text), &a), 0);
	return a;
}

static void enter(int netns)
{
	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
}

static void sh(const char *cmd)
{
	if (system(cmd) != 0)
		fail_msg("failed: %s", cmd);
}

static void make_links(void)
{
	CLEANUP_FREE char *move = NULL;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	outside = netns_current();
	enter(lab.node);
	sh("ip link add up0 type veth peer name out0; ip addr add 192.168.77.1/24 dev up0;"
	   "ip addr add " NODE "/64 dev up0 nodad; ip link set up0 up");
	move = xasprintf("ip link set out0 netns /proc/%d/fd/%d", getpid(), outside);
	sh(move);
	enter(outside);
	sh("ip link set lo up; ip addr add " CLIENT "/64 dev out0 nodad;"
	   "ip addr add " REMOTE "/64 dev out0 nodad preferred_lft 0; ip link set out0 up");
	enter(lab.node);
}

static void open_announce(void)
{
	struct announce_conf ac = {.loop = &loop, .timers = &timers, .run_dir = lab.dir};
	CLEANUP_FREE char *dir = xasprintf("%s/net", lab.dir);
	struct ip_addr vip = ip(VIP);
	struct err err = ERR_INIT;

	uv_loop_init(&loop);
	timers_init(&timers, &clock_system);
	timers_uv = timers_uv_attach(&timers, &loop);
	ac.uplink = if_nametoindex("up0");
	assert_int_equal(dir_make(dir, 0700), 0);
	if (announce_open(&ac, &announce, &err) < 0 || announce_set(announce, &vip, 1, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static int set_up(void **state)
{
	struct ip_addr addrs[2];
	struct pod_net_conf nc;
	struct err err = ERR_INIT;

	lab_open(&lab);
	lab_add_pods(&lab, 3);
	make_links();
	lab_conf(&lab, NULL, &nc);
	conf = (struct masq_conf){.node = nc.node,
				  .run_dir = nc.run_dir,
				  .uplink = if_nametoindex("up0"),
				  .addr = lab_ip("192.168.77.1"),
				  .addr6 = ip(NODE),
				  .inner6 = pod_net_node_addr6(lab.net)};
	assert_int_equal(ip4_prefix_parse(STR("10.244.0.0/16"), &conf.cluster_range), 0);
	if (masq_open(&conf, &masq, &err) < 0)
		fail_msg("%s", err_text(&err));
	addrs[0] = ip(NODE);
	addrs[1] = conf.inner6;
	assert_int_equal(lb_node_addrs(lab.lb, addrs, 2, NULL), 0);
	open_announce();
	return 0;
}

static void close_handle(uv_handle_t *h, void *user)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static int tear_down(void **state)
{
	announce_close(announce);
	timers_uv = timers_uv_detach(timers_uv);
	uv_walk(&loop, close_handle, NULL);
	while (uv_run(&loop, UV_RUN_NOWAIT))
		;
	assert_int_equal(uv_loop_close(&loop), 0);
	timers_done(&timers);
	masq_close(masq);
	assert_int_equal(masq_reset(&conf, NULL), 0);
	close(outside);
	lab_close(&lab);
	return 0;
}

/* Wait for one of these while the announcer answers; -1: nothing came. */
static int ready(const int *fds, size_t n, short events, int ms)
{
	struct pollfd p[4];

	for (; ms > 0; ms -= 5) {
		uv_run(&loop, UV_RUN_NOWAIT);
		for (size_t i = 0; i < n; i++)
			p[i] = (struct pollfd){.fd = fds[i], .events = events};
		if (poll(p, n, 5) <= 0)
			continue;
		for (size_t i = 0; i < n; i++)
			if (p[i].revents)
				return (int)i;
	}
	return -1;
}

static int socket_in(int netns, int type)
{
	int fd;

	lab_served(&lab, netns != outside);
	enter(netns);
	fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enter(lab.node);
	lab_served(&lab, true);
	assert_true(fd >= 0);
	return fd;
}

static struct sockaddr_in6 at(struct ip_addr addr, uint16_t port)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memcpy(&sa.sin6_addr, addr.b, sizeof(addr.b));
	return sa;
}

/* Outside it is the other node's server. */
static int listen_in(int netns, int type, uint16_t port)
{
	struct sockaddr_in6 sa = at(netns == outside ? ip(REMOTE) : ip_any(false), port);
	int fd = socket_in(netns, type), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 64), 0);
	return fd;
}

/* Of a client outside: 0 and the socket, or why not. */
static int dial(const char *addr, uint16_t port, int ms, int *ret)
{
	struct sockaddr_in6 sa = at(ip(addr), port);
	int fd = socket_in(outside, SOCK_STREAM), e = -ETIMEDOUT;
	socklen_t len = sizeof(e);

	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), -1);
	assert_int_equal(errno, EINPROGRESS);
	if (ready(&fd, 1, POLLOUT, ms) == 0)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
	if (e)
		close(fd);
	else
		*ret = fd;
	return e < 0 ? e : -e;
}

static bool is_dropped(const char *addr, uint16_t port)
{
	int fd;

	return dial(addr, port, 500, &fd) == -ETIMEDOUT;
}

static void put(const char *addr, uint16_t port, uint8_t proto, struct lb_front more,
		struct ip_addr backend, uint16_t target)
{
	struct lb_backend b = {backend, target};
	struct err err = ERR_INIT;

	more.key = (struct lb_key){ip(addr), port, proto};
	more.external = true;
	if (!more.n_backends) {
		more.backends = &b;
		more.n_backends = 1;
	}
	if (lb_put(lab.lb, &more, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static void same(const struct sockaddr_in6 *sa, struct ip_addr want)
{
	assert_memory_equal(&sa->sin6_addr, want.b, sizeof(want.b));
}

#define LARGE 300000 /* bytes: segments of many packets */

static void carry(int from, int to)
{
	static char out[LARGE], in[LARGE];
	size_t sent = 0, got = 0;

	for (size_t i = 0; i < LARGE; i++)
		out[i] = (char)(i * 7 + i / 251);
	while (got < LARGE) {
		ssize_t n = sent < LARGE ? send(from, out + sent, LARGE - sent, 0) : 0;

		sent += n > 0 ? (size_t)n : 0;
		assert_int_equal(ready(&to, 1, POLLIN, WAIT_MS), 0);
		n = recv(to, in + got, LARGE - got, 0);
		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_memory_equal(in, out, LARGE);
}

/* A connection to the front, with data both ways; the server sees `peer`. */
static void talk(const char *addr, uint16_t port, int listener, struct ip_addr peer)
{
	struct sockaddr_in6 sa = {0};
	socklen_t len = sizeof(sa);
	int c, s;

	assert_int_equal(dial(addr, port, WAIT_MS, &c), 0);
	assert_int_equal(ready(&listener, 1, POLLIN, WAIT_MS), 0);
	s = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK);
	assert_true(s >= 0);
	same(&sa, peer);
	carry(c, s);
	carry(s, c);
	close(c);
	close(s);
}

static void talk_udp(const char *addr, uint16_t port, int server, struct ip_addr peer)
{
	struct sockaddr_in6 to = at(ip(addr), port), from = {0};
	socklen_t len = sizeof(from);
	int c = socket_in(outside, SOCK_DGRAM);
	char b[4];

	assert_int_equal(sendto(c, "ask", 3, 0, (struct sockaddr *)&to, sizeof(to)), 3);
	assert_int_equal(ready(&server, 1, POLLIN, WAIT_MS), 0);
	assert_int_equal(recvfrom(server, b, sizeof(b), 0, (struct sockaddr *)&from, &len), 3);
	same(&from, peer);
	assert_int_equal(sendto(server, "say", 3, 0, (struct sockaddr *)&from, len), 3);
	assert_int_equal(ready(&c, 1, POLLIN, WAIT_MS), 0);
	assert_int_equal(recvfrom(c, b, sizeof(b), 0, (struct sockaddr *)&from, &len), 3);
	assert_memory_equal(b, "say", 3);
	same(&from, ip(addr));
	assert_int_equal(from.sin6_port, htons(port));
	close(c);
}

/* A local backend sees the client, one elsewhere this node, so that answers come back here. */
static void both_places(const char *front, const char *addr, uint16_t port)
{
	const struct lb_front plain = {0};
	int l = listen_in(lab.pod[0], SOCK_STREAM, 8080), u = listen_in(lab.pod[0], SOCK_DGRAM, 53);
	int l2 = listen_in(outside, SOCK_STREAM, 8080), u2 = listen_in(outside, SOCK_DGRAM, 53);

	put(front, port, LB_TCP, plain, lab.addr6[0], 8080);
	put(front, port, LB_UDP, plain, lab.addr6[0], 53);
	talk(addr, port, l, ip(CLIENT));
	talk_udp(addr, port, u, ip(CLIENT));
	put(front, port, LB_TCP, plain, ip(REMOTE), 8080);
	put(front, port, LB_UDP, plain, ip(REMOTE), 53);
	talk(addr, port, l2, ip(NODE));
	talk_udp(addr, port, u2, ip(NODE));
	assert_int_equal(lb_sync(lab.lb, NULL, 0, NULL, NULL), 0);
	close(l);
	close(u);
	close(l2);
	close(u2);
}

static void test_balancer_address(void **state)
{
	both_places(VIP, VIP, 80);
}

static void test_node_port(void **state)
{
	both_places("::", NODE, 30080);
}

static void test_sources(void **state)
{
	struct ip_prefix me = {ip(CLIENT), 128}, me4 = {ip_of4(lab_ip("192.168.77.2")), 128};
	struct ip_prefix net = {ip("fd09::"), 64}, other = {ip("fd0a::"), 64};
	struct lb_front f = {.sources = &other, .n_sources = 1};
	int l = listen_in(lab.pod[0], SOCK_STREAM, 8080);

	put(VIP, 81, LB_TCP, f, lab.addr6[0], 8080);
	assert_true(is_dropped(VIP, 81));
	f.sources = &net;
	put(VIP, 81, LB_TCP, f, lab.addr6[0], 8080);
	talk(VIP, 81, l, ip(CLIENT));
	f.sources = &me;
	put(VIP, 81, LB_TCP, f, lab.addr6[0], 8080);
	talk(VIP, 81, l, ip(CLIENT));
	f.sources = &me4;
	put(VIP, 81, LB_TCP, f, lab.addr6[0], 8080);
	assert_true(is_dropped(VIP, 81));
	assert_int_equal(lb_sync(lab.lb, NULL, 0, NULL, NULL), 0);
	close(l);
}

/* externalTrafficPolicy Local: outside has another list, which may be empty. */
static void test_local(void **state)
{
	struct lb_backend out = {lab.addr6[1], 8080};
	struct lb_front f = {
		.outside_differs = true, .outside = &out, .n_outside = 1, .empty = LB_EMPTY_DROP};
	int l = listen_in(lab.pod[1], SOCK_STREAM, 8080);

	put(VIP, 82, LB_TCP, f, ip(REMOTE), 8080);
	talk(VIP, 82, l, ip(CLIENT));
	f.n_outside = 0;
	put(VIP, 82, LB_TCP, f, ip(REMOTE), 8080);
	assert_true(is_dropped(VIP, 82));
	assert_int_equal(lb_sync(lab.lb, NULL, 0, NULL, NULL), 0);
	close(l);
}

static void test_affinity(void **state)
{
	struct lb_backend b[3];
	struct lb_front f = {.affinity_s = 600, .backends = b, .n_backends = 3};
	int l[3], first = -1;

	for (int i = 0; i < 3; i++) {
		b[i] = (struct lb_backend){lab.addr6[i], 8080};
		l[i] = listen_in(lab.pod[i], SOCK_STREAM, 8080);
	}
	put(VIP, 83, LB_TCP, f, ip_any(false), 0);
	for (int k = 0; k < 12; k++) {
		int c, i;

		assert_int_equal(dial(VIP, 83, WAIT_MS, &c), 0);
		i = ready(l, 3, POLLIN, WAIT_MS);
		assert_true(i >= 0);
		close(accept(l[i], NULL, NULL));
		close(c);
		first = first < 0 ? i : first;
		assert_int_equal(i, first);
	}
	assert_int_equal(lb_sync(lab.lb, NULL, 0, NULL, NULL), 0);
	for (int i = 0; i < 3; i++)
		close(l[i]);
}

/* A guarded pod's rules are asked about the client, whose address it sees. */
static void test_guarded(void **state)
{
	const uint32_t tag = 1;
	const struct policy_rule r = {.tags = &tag, .n_tags = 1};
	const struct policy_side in = {.isolated = true, .rules = &r, .n = 1}, none = {0};
	struct policy_block b = {.range = {ip("fd0a::"), 64}, .tag = 1};
	int l = listen_in(lab.pod[0], SOCK_STREAM, 8080);
	struct policy *p;

	assert_int_equal(policy_open(lab.net, &p, NULL), 0);
	put(VIP, 84, LB_TCP, (struct lb_front){0}, lab.addr6[0], 8080);
	assert_int_equal(policy_begin(p, &b, 1, NULL), 0);
	assert_int_equal(policy_pod(p, lab.addr[0], &in, &none, NULL), 0);
	assert_int_equal(policy_commit(p, NULL), 0);
	assert_true(is_dropped(VIP, 84));
	b.range = (struct ip_prefix){ip(CLIENT), 128};
	assert_int_equal(policy_begin(p, &b, 1, NULL), 0);
	assert_int_equal(policy_pod(p, lab.addr[0], &in, &none, NULL), 0);
	assert_int_equal(policy_commit(p, NULL), 0);
	talk(VIP, 84, l, ip(CLIENT));
	assert_int_equal(policy_pod(p, lab.addr[0], &none, &none, NULL), 0);
	policy_close(p);
	assert_int_equal(lb_sync(lab.lb, NULL, 0, NULL, NULL), 0);
	close(l);
}

/* Ports of connections that are still used stay; what nobody serves is left to the node. */
static void test_rest(void **state)
{
	size_t n = 99;
	int l = listen_in(lab.node, SOCK_STREAM, 9090), fd;

	assert_int_equal(masq_collect(masq, &n), 0);
	assert_int_equal(n, 0);
	talk(NODE, 9090, l, ip(CLIENT));
	assert_int_equal(dial(NODE, 9091, WAIT_MS, &fd), -ECONNREFUSED);
	close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_balancer_address),
		cmocka_unit_test(test_node_port),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_guarded),
		cmocka_unit_test(test_rest),
	};
	const char *missing = lab_missing();

	if (missing) {
		printf("[  SKIPPED ] 1 test(s): %s\n", missing);
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
