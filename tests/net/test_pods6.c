/* SPDX-License-Identifier: Apache-2.0 */
/* Pods with addresses of both families: what they reach over IPv6, and what policies let them. */
#include "net/policy.h"
#include "tests/net/lab.h"
#include "net/counters.h"
#include "net/netns.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#define PORT 8080

static struct lab lab;
static struct policy *policy;

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(str_of(text), &a), 0);
	return a;
}

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	lab_open(&lab);
	lab_add_pods(&lab, 4);
	if (policy_open(lab.net, &policy, &err) < 0)
		fail_msg("%s", err_text(&err));
	return 0;
}

static int tear_down(void **state)
{
	policy = policy_close(policy);
	lab_close(&lab);
	return 0;
}

static void enter(int pod)
{
	assert_int_equal(setns(pod < 0 ? lab.node : lab.pod[pod], CLONE_NEWNET), 0);
}

static int socket_in(int pod, int type)
{
	int fd;

	enter(pod);
	fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enter(-1);
	assert_true(fd >= 0);
	return fd;
}

static struct sockaddr_in6 at(struct ip_addr addr, uint16_t port)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memcpy(&sa.sin6_addr, addr.b, sizeof(addr.b));
	return sa;
}

static int listen_in(int pod, int type, uint16_t port)
{
	struct sockaddr_in6 sa = at(ip_any(false), port);
	int fd = socket_in(pod, type), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 64), 0);
	return fd;
}

/* A connection from there: 0, -ETIMEDOUT when nothing comes back within `ms`, or what was said. */
static int dial(int from, struct ip_addr addr, uint16_t port, int ms, int *ret_fd)
{
	struct sockaddr_in6 sa = at(addr, port);
	int fd = socket_in(from, SOCK_STREAM), e = 0, r;
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(e);

	r = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	if (r == -EINPROGRESS) {
		r = poll(&p, 1, ms) > 0 ? 0 : -ETIMEDOUT;
		if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) == 0)
			r = -e;
	}
	if (ret_fd && r == 0)
		*ret_fd = fd;
	else
		close(fd);
	return r;
}

static int reach(int from, struct ip_addr addr, uint16_t port)
{
	return dial(from, addr, port, 10000, NULL);
}

/* Dropped: nobody answers. Packets of one machine: the answer would be there at once. */
static bool is_dropped(int from, struct ip_addr addr, uint16_t port)
{
	return dial(from, addr, port, 300, NULL) == -ETIMEDOUT;
}

static uint64_t counted(enum net_reason r)
{
	struct net_counters c;

	assert_int_equal(net_counters_read(LAB_NODE, lab.dir, &c, NULL), 0);
	return c.n[r];
}

/* Packets may be on their way for a moment. */
static void wait_counted(enum net_reason r, uint64_t n)
{
	for (int i = 0; counted(r) < n && i < 3000; i++)
		usleep(10000);
	assert_true(counted(r) >= n);
}

static void test_reach(void **state)
{
	struct ip_addr node = pod_net_node_addr6(lab.net);
	uint64_t peer = counted(NET_REASON_PEER), spoofed = counted(NET_REASON_SPOOFED);
	int l0 = listen_in(0, SOCK_STREAM, PORT), ln = listen_in(-1, SOCK_STREAM, PORT);
	struct sockaddr_in6 from = {0};
	socklen_t len = sizeof(from);
	struct pollfd p = {.fd = l0, .events = POLLIN};
	int c, s;

	assert_int_equal(dial(1, lab.addr6[0], PORT, 10000, &c), 0);
	assert_int_equal(poll(&p, 1, 10000), 1);
	s = accept(l0, (struct sockaddr *)&from, &len);
	assert_memory_equal(&from.sin6_addr, lab.addr6[1].b, 16); /* the pod itself */
	close(s);
	close(c);
	assert_true(counted(NET_REASON_PEER) > peer);
	assert_int_equal(reach(-1, lab.addr6[0], PORT), 0);
	assert_int_equal(reach(1, node, PORT), 0);
	assert_int_equal(reach(0, lab.addr6[0], PORT), 0);
	assert_int_equal(counted(NET_REASON_SPOOFED),
			 spoofed); /* nothing the kernel says by itself */
	close(l0);
	close(ln);
}

/* The same place in both ranges, kept by a new agent. */
static void test_addresses(void **state)
{
	struct pod_net_addr a;
	struct pod_net_conf nc;
	struct ip_addr want = ip("fd00:244:0:9::");
	int l0;

	want.b[15] = (uint8_t)(ntohl(lab.addr[2]) & 255);
	assert_true(ip_eq(lab.addr6[2], want));
	policy = policy_close(policy);
	lab.net = pod_net_close(lab.net);
	lab_conf(&lab, NULL, &nc);
	assert_int_equal(pod_net_open(&nc, &lab.net, NULL), 0);
	assert_int_equal(policy_open(lab.net, &policy, NULL), 0);
	assert_int_equal(pod_net_get(lab.net, STR("pod-2"), &a), 0);
	assert_true(ip_eq(a.addr6, want));
	assert_int_equal(pod_net_attach(lab.net, STR("pod-2"), lab.pod[2], &a, NULL), 0);
	assert_true(ip_eq(a.addr6, want));
	l0 = listen_in(2, SOCK_STREAM, PORT);
	assert_int_equal(reach(1, want, PORT), 0);
	close(l0);
}

static void test_spoofed(void **state)
{
	int u = socket_in(1, SOCK_DGRAM), l = listen_in(0, SOCK_DGRAM, PORT), on = 1;
	struct sockaddr_in6 me = at(ip("fd00:244:0:9::77"), 1234), to = at(lab.addr6[0], PORT);
	uint64_t spoofed = counted(NET_REASON_SPOOFED);

	assert_int_equal(setsockopt(u, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)), 0);
	assert_int_equal(bind(u, (struct sockaddr *)&me, sizeof(me)), 0);
	assert_int_equal(sendto(u, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	wait_counted(NET_REASON_SPOOFED, spoofed + 1);
	close(u);
	close(l);
}

static void test_service(void **state)
{
	struct ip_addr vip = ip("fd00:96::7");
	struct lb_backend b[2] = {{lab.addr6[0], PORT}, {lab.addr6[1], PORT}};
	struct lb_front f = {.key = {vip, 80, LB_TCP}, .backends = b, .n_backends = 2};
	int l0 = listen_in(0, SOCK_STREAM, PORT), l1 = listen_in(1, SOCK_STREAM, PORT);

	assert_int_equal(lb_put(lab.lb, &f, NULL), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(reach(i % 4 - 1, vip, 80), 0); /* the node, pods, backends */
	assert_int_equal(lb_del(lab.lb, f.key, NULL), 0);
	close(l0);
	close(l1);
}

enum { TAG_FRIEND, TAG_BLOCK };

static void rules(const struct policy_block *blocks, size_t n, uint32_t tag, uint16_t port)
{
	const struct policy_range range = {.min = port, .max = port, .proto = 6};
	const struct policy_rule r = {.tags = &tag, .n_tags = 1, .ports = &range, .n_ports = 1};
	const struct policy_side in = {.isolated = true, .rules = &r, .n = 1}, out = {0};
	struct err err = ERR_INIT;

	if (policy_begin(policy, blocks, n, &err) < 0 ||
	    policy_peer(policy, lab.addr6[1], (const uint32_t[]){TAG_FRIEND}, 1, &err) < 0 ||
	    policy_peer(policy, ip_of4(lab.addr[1]), (const uint32_t[]){TAG_FRIEND}, 1, &err) < 0 ||
	    policy_pod(policy, lab.addr[0], &in, &out, &err) < 0 || policy_commit(policy, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static void no_rules(void)
{
	const struct policy_side none = {0};

	assert_int_equal(policy_begin(policy, NULL, 0, NULL), 0);
	assert_int_equal(policy_pod(policy, lab.addr[0], &none, &none, NULL), 0);
	assert_int_equal(policy_commit(policy, NULL), 0);
	policy_collect(policy);
}

static void test_policy_peer(void **state)
{
	int l = listen_in(0, SOCK_STREAM, PORT), other = listen_in(0, SOCK_STREAM, 81);
	int l1 = listen_in(1, SOCK_STREAM, PORT);
	int c;

	rules(NULL, 0, TAG_FRIEND, PORT);
	assert_int_equal(dial(1, lab.addr6[0], PORT, 10000, &c), 0);
	assert_true(is_dropped(1, lab.addr6[0], 81));
	assert_true(is_dropped(2, lab.addr6[0], PORT));
	assert_int_equal(reach(-1, lab.addr6[0], 81), 0); /* its own node */
	assert_int_equal(reach(0, lab.addr6[1], PORT), 0); /* what it begins, with its answers */
	assert_int_equal(reach(0, pod_net_node_addr6(lab.net), 9), -ECONNREFUSED);
	/* No longer a friend: the connection that is there ends, too. */
	{
		struct pollfd p = {.fd = l, .events = POLLIN};
		char buf[4];
		int s;

		assert_int_equal(poll(&p, 1, 10000), 1);
		s = accept(l, NULL, NULL);
		assert_int_equal(send(c, "a", 1, 0), 1);
		p.fd = s;
		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(recv(s, buf, sizeof(buf), 0), 1);
		assert_int_equal(policy_peer(policy, lab.addr6[1], NULL, 0, NULL), 0);
		assert_int_equal(send(c, "b", 1, 0), 1);
		assert_int_equal(poll(&p, 1, 300), 0);
		close(s);
	}
	assert_true(is_dropped(1, lab.addr6[0], PORT));
	no_rules();
	assert_int_equal(reach(2, lab.addr6[0], 81), 0);
	close(c);
	close(l);
	close(l1);
	close(other);
}

static void test_policy_block(void **state)
{
	struct ip_prefix except = {lab.addr6[2], 128};
	struct policy_block b = {.tag = TAG_BLOCK, .except = &except, .n_except = 1};
	int l = listen_in(0, SOCK_STREAM, PORT), l4 = lab_listen(&lab, 0, SOCK_STREAM, 82), c;

	assert_int_equal(ip_prefix_parse(STR("fd00:244::/56"), &b.range), 0);
	rules(&b, 1, TAG_BLOCK, PORT);
	assert_int_equal(reach(1, lab.addr6[0], PORT), 0);
	assert_int_equal(reach(3, lab.addr6[0], PORT), 0);
	assert_true(is_dropped(2, lab.addr6[0], PORT));
	/* A block of one family says nothing of the other. */
	c = lab_socket(&lab, 3, SOCK_STREAM);
	rules(&b, 1, TAG_BLOCK, 82);
	assert_int_equal(lab_connect(c, lab.addr[0], 82), -ETIMEDOUT);
	close(c);
	no_rules();
	close(l);
	close(l4);
}

/* Ports behind extension headers are found. */
static void test_extension_headers(void **state)
{
	static const uint8_t hop[8] = {0, 0, 1, 4}; /* PadN */
	struct sockaddr_in6 to = at(lab.addr6[0], PORT);
	const struct policy_range range = {.min = PORT, .max = PORT, .proto = 17};
	const uint32_t tag = TAG_FRIEND;
	const struct policy_rule r = {.tags = &tag, .n_tags = 1, .ports = &range, .n_ports = 1};
	const struct policy_side in = {.isolated = true, .rules = &r, .n = 1}, out = {0};
	int l = listen_in(0, SOCK_DGRAM, PORT), l2 = listen_in(0, SOCK_DGRAM, 81);
	int u = socket_in(1, SOCK_DGRAM);
	struct pollfd p = {.fd = l, .events = POLLIN};
	uint64_t dropped;

	assert_int_equal(policy_begin(policy, NULL, 0, NULL), 0);
	assert_int_equal(policy_peer(policy, lab.addr6[1], &tag, 1, NULL), 0);
	assert_int_equal(policy_pod(policy, lab.addr[0], &in, &out, NULL), 0);
	assert_int_equal(policy_commit(policy, NULL), 0);
	assert_int_equal(setsockopt(u, IPPROTO_IPV6, IPV6_DSTOPTS, hop, sizeof(hop)), 0);
	assert_int_equal(sendto(u, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	assert_int_equal(poll(&p, 1, 10000), 1);
	dropped = counted(NET_REASON_POLICY_IN);
	to.sin6_port = htons(81);
	assert_int_equal(sendto(u, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	wait_counted(NET_REASON_POLICY_IN, dropped + 1);
	no_rules();
	close(u);
	close(l);
	close(l2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_spoofed),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_policy_peer),
		cmocka_unit_test(test_policy_block),
		cmocka_unit_test(test_extension_headers),
	};
	const char *missing = lab_missing();

	if (missing) {
		printf("[  SKIPPED ] 1 test(s): %s\n", missing);
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
