/* SPDX-License-Identifier: Apache-2.0 */
/* Rules between pods, with real sockets (lab.h). */
#include "tests/net/lab.h"
#include "net/counters.h"
#include "net/policy.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#define PORT 8080
#define TAG_FRIEND 1u
#define TAG_BLOCK 2u

static struct lab lab;
static struct policy *policy;
static int listener; /* of pod 0 */

static const struct policy_side open_side = {0}, deny = {.isolated = true};
static const uint32_t friend_tag[] = {TAG_FRIEND}, block_tag[] = {TAG_BLOCK};
static const struct policy_range tcp_8080[] = {{.min = PORT, .max = PORT, .proto = IPPROTO_TCP}};
static const struct policy_rule from_friends[] = {
	{.tags = friend_tag, .n_tags = 1, .ports = tcp_8080, .n_ports = 1}};
static const struct policy_rule from_block[] = {{.tags = block_tag, .n_tags = 1}};
static const struct policy_side friends = {.isolated = true, .rules = from_friends, .n = 1};
static const struct policy_side of_block = {.isolated = true, .rules = from_block, .n = 1};

static uint64_t dropped(void)
{
	struct net_counters c;

	assert_int_equal(net_counters_read(LAB_NODE, lab.dir, &c, NULL), 0);
	return c.n[NET_REASON_POLICY_IN] + c.n[NET_REASON_POLICY_OUT];
}

/* Pod `from` (-1: the node) to a port of pod `to`: refused sends are seen in the counters. */
static bool reaches(int from, int to, uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr =
					 to < 0 ? pod_net_node_addr(lab.net) : lab.addr[to]};
	CLEANUP_FD int fd = lab_socket(&lab, from, SOCK_STREAM);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint64_t before = dropped();

	connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	for (int i = 0; i < 3000; i++) {
		if (poll(&p, 1, 10) > 0)
			return true; /* refused is reached, too */
		if (dropped() > before)
			return false;
	}
	fail_msg("neither connected nor dropped");
	return false;
}

static void pod(int i, const struct policy_side *in, const struct policy_side *out)
{
	assert_int_equal(policy_pod(policy, lab.addr[i], in, out, NULL), 0);
}

static void begin(const struct policy_block *b, size_t n)
{
	assert_int_equal(policy_begin(policy, b, n, NULL), 0);
}

static void commit(void)
{
	assert_int_equal(policy_commit(policy, NULL), 0);
	policy_collect(policy);
}

/* Each test begins without rules. */
static int no_rules(void **state)
{
	for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
		close(fd);
	begin(NULL, 0);
	for (int i = 0; i < (int)lab.n_pods; i++)
		pod(i, &open_side, &open_side);
	commit();
	return 0;
}

static int set_up(void **state)
{
	lab_open(&lab);
	lab_add_pods(&lab, 3);
	listener = lab_listen(&lab, 0, SOCK_STREAM, PORT);
	assert_int_equal(policy_open(lab.net, &policy, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	close(listener);
	policy = policy_close(policy);
	lab_close(&lab);
	return 0;
}

static void test_deny_and_open(void **state)
{
	assert_true(reaches(1, 0, PORT));
	begin(NULL, 0);
	pod(0, &deny, &open_side);
	assert_true(reaches(1, 0, PORT)); /* not yet */
	commit();
	assert_int_equal(policy_guarded(policy), 1);
	assert_false(reaches(1, 0, PORT));
	assert_true(reaches(-1, 0, PORT)); /* the node */
	assert_true(reaches(0, 1, PORT)); /* the other direction, with its answers */
	assert_true(reaches(0, -1, PORT));
	assert_true(reaches(1, 2, PORT));
	begin(NULL, 0);
	pod(0, &open_side, &deny);
	commit();
	assert_true(reaches(1, 0, PORT));
	assert_true(reaches(-1, 0, PORT));
	assert_false(reaches(0, 1, PORT));
	assert_true(reaches(0, -1, PORT)); /* its own node */
	begin(NULL, 0);
	pod(0, &open_side, &open_side);
	commit();
	assert_true(reaches(0, 1, PORT));
	assert_int_equal(policy_guarded(policy), 0);
}

static void test_peers(void **state)
{
	begin(NULL, 0);
	pod(0, &friends, &open_side);
	commit();
	assert_false(reaches(1, 0, PORT));
	assert_int_equal(policy_peer(policy, ip_of4(lab.addr[1]), friend_tag, 1, NULL), 0);
	assert_true(reaches(1, 0, PORT));
	assert_false(reaches(1, 0, PORT + 1));
	assert_false(reaches(2, 0, PORT));
	/* Both ends have rules: the receiver's are not enough. */
	pod(1, &open_side, &deny);
	assert_false(reaches(1, 0, PORT));
	pod(1, &open_side, &open_side);
	assert_true(reaches(1, 0, PORT));
	assert_int_equal(policy_peer(policy, ip_of4(lab.addr[1]), NULL, 0, NULL), 0);
	assert_false(reaches(1, 0, PORT));
}

static void test_blocks(void **state)
{
	struct ip_prefix except = {ip_of4(lab.addr[1]), 128};
	struct policy_block b = {.tag = TAG_BLOCK, .except = &except, .n_except = 1};

	assert_int_equal(ip_prefix_parse(STR("10.244.9.0/24"), &b.range), 0);
	begin(&b, 1);
	pod(0, &of_block, &open_side);
	commit();
	assert_false(reaches(1, 0, PORT));
	assert_true(reaches(2, 0, PORT));
	/* An address with tags of its own is still in the block, or excepted. */
	assert_int_equal(policy_peer(policy, ip_of4(lab.addr[1]), friend_tag, 1, NULL), 0);
	assert_int_equal(policy_peer(policy, ip_of4(lab.addr[2]), friend_tag, 1, NULL), 0);
	assert_false(reaches(1, 0, PORT));
	assert_true(reaches(2, 0, PORT));
}

/* An open connection ends with the rule that allowed it, and lives with one that still does. */
static void test_connection_ends(void **state)
{
	CLEANUP_FD int c = lab_socket(&lab, 1, SOCK_STREAM), a = -1;
	uint64_t before;
	char ch = 'x';

	begin(NULL, 0);
	assert_int_equal(policy_peer(policy, ip_of4(lab.addr[1]), friend_tag, 1, NULL), 0);
	pod(0, &friends, &open_side);
	commit();
	assert_int_equal(lab_connect(c, lab.addr[0], PORT), 0);
	a = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(a >= 0);
	begin(NULL, 0);
	assert_int_equal(policy_peer(policy, ip_of4(lab.addr[1]), friend_tag, 1, NULL), 0);
	pod(0, &friends, &deny);
	commit();
	assert_int_equal(send(c, &ch, 1, 0), 1);
	assert_int_equal(lab_ready(&a, 1), 0);
	assert_int_equal(recv(a, &ch, 1, 0), 1);
	begin(NULL, 0);
	pod(0, &deny, &open_side);
	commit();
	before = dropped();
	assert_int_equal(send(c, &ch, 1, 0), 1);
	for (int i = 0; i < 3000 && dropped() == before; i++)
		poll(NULL, 0, 10);
	assert_true(dropped() > before);
	assert_int_equal(recv(a, &ch, 1, MSG_DONTWAIT), -1);
}

/* Many ports: more than a chunk, and those that touch become one. */
static void test_many_ports(void **state)
{
	struct policy_range v[100];
	struct policy_rule r = {.anyone = true, .ports = v, .n_ports = ARRAY_SIZE(v)};
	struct policy_side side = {.isolated = true, .rules = &r, .n = 1};

	for (uint16_t i = 0; i < ARRAY_SIZE(v); i++)
		v[i] = (struct policy_range){.min = (uint16_t)(9000 + 2 * i),
					     .max = (uint16_t)(9000 + 2 * i),
					     .proto = IPPROTO_TCP};
	begin(NULL, 0);
	pod(0, &side, &open_side);
	commit();
	assert_true(reaches(1, 0, 9000));
	assert_true(reaches(1, 0, 9198));
	assert_false(reaches(1, 0, 9199));
	assert_false(reaches(1, 0, PORT));
	assert_false(reaches(1, 0, 9001));
}

static void reopen(bool closed)
{
	struct pod_net_conf nc;

	policy = policy_close(policy);
	lab.net = pod_net_close(lab.net);
	lab_conf(&lab, NULL, &nc);
	nc.closed = closed;
	assert_int_equal(pod_net_open(&nc, &lab.net, NULL), 0);
}

/* The agent is away, comes back, and says the same again. */
static void test_restart(void **state)
{
	struct pod_net_addr again;

	begin(NULL, 0);
	assert_int_equal(policy_peer(policy, ip_of4(lab.addr[1]), friend_tag, 1, NULL), 0);
	pod(0, &friends, &open_side);
	commit();
	reopen(true);
	assert_true(reaches(1, 0, PORT));
	assert_false(reaches(2, 0, PORT));
	assert_int_equal(policy_open(lab.net, &policy, NULL), 0);
	assert_int_equal(pod_net_attach(lab.net, STR("pod-0"), lab.pod[0], &again, NULL), 0);
	assert_true(reaches(1, 0, PORT));
	assert_false(reaches(2, 0, PORT));
	begin(NULL, 0);
	assert_int_equal(policy_peer(policy, ip_of4(lab.addr[2]), friend_tag, 1, NULL), 0);
	pod(0, &friends, &open_side);
	commit();
	assert_true(reaches(2, 0, PORT));
	assert_false(reaches(1, 0, PORT));
	/* A pod that is new is closed until it is told otherwise, but not for the node. */
	lab_add_pods(&lab, 1);
	assert_false(reaches(1, 3, PORT));
	assert_false(reaches(3, 1, PORT));
	assert_true(reaches(-1, 3, PORT));
	pod(3, &open_side, &open_side);
	assert_true(reaches(1, 3, PORT));
	assert_true(reaches(3, 1, PORT));
}

/* More peers than there is room for: what was stays in force, and the next state fits again. */
static void test_full(void **state)
{
	int r = 0;

	begin(NULL, 0);
	assert_int_equal(policy_peer(policy, ip_of4(lab.addr[1]), friend_tag, 1, NULL), 0);
	pod(0, &friends, &open_side);
	commit();
	begin(NULL, 0);
	for (uint32_t i = 0; r == 0 && i < 1000000; i++)
		r = policy_peer(policy, ip_of4(htonl(0x0b000000 + i)), friend_tag, 1, NULL);
	assert_true(r == -E2BIG || r == -ENOSPC);
	assert_true(reaches(1, 0, PORT));
	assert_false(reaches(2, 0, PORT));
	begin(NULL, 0);
	assert_int_equal(policy_peer(policy, ip_of4(lab.addr[2]), friend_tag, 1, NULL), 0);
	pod(0, &friends, &open_side);
	commit();
	assert_true(reaches(2, 0, PORT));
	assert_false(reaches(1, 0, PORT));
}

static void test_unknown_pod(void **state)
{
	assert_int_equal(policy_pod(policy, lab_ip("10.244.9.77"), &deny, &deny, NULL), -ENOENT);
	assert_int_equal(policy_guarded(policy), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_deny_and_open, no_rules),
		cmocka_unit_test_setup(test_peers, no_rules),
		cmocka_unit_test_setup(test_blocks, no_rules),
		cmocka_unit_test_setup(test_connection_ends, no_rules),
		cmocka_unit_test_setup(test_many_ports, no_rules),
		cmocka_unit_test_setup(test_restart, no_rules),
		cmocka_unit_test_setup(test_full, no_rules),
		cmocka_unit_test_setup(test_unknown_pod, no_rules),
	};
	const char *missing = lab_missing();

	if (missing) {
		printf("[  SKIPPED ] 1 test(s): %s\n", missing);
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
