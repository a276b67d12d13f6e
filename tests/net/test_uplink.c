/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink's programs: a namespace "outside" behind a veth pair plays the rest of the world. */
#include "tests/net/lab.h"
#include "net/counters.h"
#include "net/link.h"
#include "net/masq.h"
#include "net/netns.h"
#include "net/policy.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#define NODE_IP "192.168.77.1"
#define CLIENT_IP "192.168.77.2"
#define REMOTE_IP "192.168.77.3" /* a backend "on another node" */

struct world {
	struct lab lab;
	struct masq *masq;
	struct masq_conf conf;
	int outside;
};

static void set_addr(const char *name, const char *const *ips, size_t n)
{
	struct nl_sock *rt = NULL;
	struct link_info link;

	assert_int_equal(rt_open(&rt), 0);
	assert_int_equal(link_find(rt, name, &link), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(addr_add(rt, link.ifindex, lab_ip(ips[i]), 24), 0);
	assert_int_equal(link_up(rt, link.ifindex), 0);
	assert_int_equal(link_up(rt, 1), 0);
	rt_close(rt);
}

static int set_up(void **state)
{
	static const char *const node[] = {NODE_IP}, *const outside[] = {CLIENT_IP, REMOTE_IP};
	static const uint8_t mac[] = {2, 0, 0, 0, 0, 1}, peer_mac[] = {2, 0, 0, 0, 0, 2};
	struct world *w = NEW(struct world);
	struct lb_conf lc;
	struct nl_sock *rt = NULL;
	struct link_info link;
	uint32_t addr = lab_ip(NODE_IP);
	struct ip_addr node_ip = ip_of4(addr);

	lab_open(&w->lab);
	lab_add_pods(&w->lab, 3);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	w->outside = netns_current();
	assert_int_equal(setns(w->lab.node, CLONE_NEWNET), 0);
	assert_int_equal(rt_open(&rt), 0);
	assert_int_equal(link_add_veth(rt, "up0", mac, "out0", peer_mac, w->outside, 1500), 0);
	assert_int_equal(link_find(rt, "up0", &link), 0);
	rt_close(rt);
	set_addr("up0", node, 1);
	assert_int_equal(setns(w->outside, CLONE_NEWNET), 0);
	set_addr("out0", outside, 2);
	assert_int_equal(setns(w->lab.node, CLONE_NEWNET), 0);
	lab_conf(&w->lab, &lc, NULL);
	w->conf = (struct masq_conf){
		.node = lc.node, .run_dir = lc.run_dir, .uplink = link.ifindex, .addr = addr};
	assert_int_equal(ip4_prefix_parse(STR("10.244.0.0/16"), &w->conf.cluster_range), 0);
	{
		struct err err = ERR_INIT;

		if (masq_open(&w->conf, &w->masq, &err) < 0)
			print_error("%s\n", err_text(&err));
		err_done(&err);
	}
	assert_non_null(w->masq);
	assert_int_equal(lb_node_addrs(w->lab.lb, &node_ip, 1, NULL), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	masq_close(w->masq);
	assert_int_equal(masq_reset(&w->conf, NULL), 0);
	close(w->outside);
	lab_close(&w->lab);
	free(w);
	return 0;
}

/* The outside stands as pod 7 in the lab's table, for its socket helpers. */
static int outside(struct world *w)
{
	w->lab.pod[7] = w->outside;
	return 7;
}

/* A connection both of whose directions carry data; the peer the server sees. */
static void talk(int c, int listener, uint32_t *ret_peer)
{
	uint16_t port;
	char b[3];
	int s;

	assert_int_equal(lab_ready(&listener, 1), 0);
	s = accept(listener, NULL, NULL);
	assert_true(s >= 0);
	lab_peer(s, ret_peer, &port);
	assert_int_equal(send(c, "abc", 3, 0), 3);
	assert_int_equal(lab_ready(&s, 1), 0);
	assert_int_equal(recv(s, b, 3, 0), 3);
	assert_int_equal(send(s, "xyz", 3, 0), 3);
	assert_int_equal(lab_ready(&c, 1), 0);
	assert_int_equal(recv(c, b, 3, 0), 3);
	assert_memory_equal(b, "xyz", 3);
	close(s);
}

static void test_masquerade_tcp(void **state)
{
	struct world *w = *state;
	int l = lab_listen(&w->lab, outside(w), SOCK_STREAM, 443);
	int c = lab_socket(&w->lab, 0, SOCK_STREAM);
	uint32_t peer;

	assert_int_equal(lab_connect(c, lab_ip(CLIENT_IP), 443), 0);
	talk(c, l, &peer);
	assert_int_equal(peer, lab_ip(NODE_IP));
	close(c);
	close(l);
}

static void test_masquerade_udp(void **state)
{
	struct world *w = *state;
	int l = lab_listen(&w->lab, outside(w), SOCK_DGRAM, 53);
	int c = lab_socket(&w->lab, 0, SOCK_DGRAM);
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char b[2];

	assert_int_equal(lab_connect(c, lab_ip(CLIENT_IP), 53), 0);
	assert_int_equal(send(c, "hi", 2, 0), 2);
	assert_int_equal(lab_ready(&l, 1), 0);
	assert_int_equal(recvfrom(l, b, 2, 0, (struct sockaddr *)&from, &len), 2);
	assert_int_equal(from.sin_addr.s_addr, lab_ip(NODE_IP));
	assert_true(ntohs(from.sin_port) >= 61000);
	assert_int_equal(sendto(l, "yo", 2, 0, (struct sockaddr *)&from, len), 2);
	assert_int_equal(lab_ready(&c, 1), 0);
	close(c);
	close(l);
}

static void test_masquerade_ping(void **state)
{
	struct world *w = *state;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = lab_ip(CLIENT_IP)};
	struct icmphdr h = {.type = ICMP_ECHO, .un.echo = {htons(77), htons(1)}};
	int c;

	h.checksum = (uint16_t) ~(htons(0x0800) + htons(77) + htons(1));
	assert_int_equal(setns(w->lab.pod[0], CLONE_NEWNET), 0);
	c = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	assert_int_equal(setns(w->lab.node, CLONE_NEWNET), 0);
	assert_int_equal(sendto(c, &h, sizeof(h), 0, (struct sockaddr *)&to, sizeof(to)),
			 sizeof(h));
	assert_int_equal(lab_ready(&c, 1), 0);
	close(c);
}

static uint16_t checksum(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(b[i] << 8 | b[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* A router says that a datagram `from`:`sport` -> `to`:`dport` was too large. */
static void too_big(struct world *w, uint32_t from, uint16_t sport, uint32_t to, uint16_t dport,
		    uint16_t mtu)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		uint16_t sport, dport, len, check;
	} m = {
		.icmp = {.type = ICMP_DEST_UNREACH,
			 .code = ICMP_FRAG_NEEDED,
			 .un.frag.mtu = htons(mtu)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .tot_len = htons(1400),
		       .frag_off = htons(0x4000),
		       .ttl = 60,
		       .protocol = IPPROTO_UDP,
		       .saddr = from,
		       .daddr = to},
		.sport = htons(sport),
		.dport = htons(dport),
		.len = htons(1380),
	};
	struct sockaddr_in node = {.sin_family = AF_INET, .sin_addr.s_addr = lab_ip(NODE_IP)};
	int fd;

	m.ip.check = checksum(&m.ip, sizeof(m.ip));
	m.icmp.checksum = checksum(&m, sizeof(m));
	assert_int_equal(setns(w->outside, CLONE_NEWNET), 0);
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	assert_int_equal(setns(w->lab.node, CLONE_NEWNET), 0);
	assert_int_equal(sendto(fd, &m, sizeof(m), 0, (struct sockaddr *)&node, sizeof(node)),
			 sizeof(m));
	close(fd);
}

/* The kernel comes to know the way of a connected socket to be so narrow. */
static void wait_path_mtu(int fd, int want)
{
	int mtu = 0;

	for (int i = 0; i < 300; i++) {
		socklen_t len = sizeof(mtu);

		assert_int_equal(getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &len), 0);
		if (mtu == want)
			return;
		usleep(10000);
	}
	fail_msg("path MTU %d, not %d", mtu, want);
}

/* A pod learns that the path to the world is narrow, and so does one that answers a node port. */
static void test_icmp_errors(void **state)
{
	struct world *w = *state;
	static uint16_t mtu = 1400; /* paths stay narrow: a second time it is less */
	int l = lab_listen(&w->lab, outside(w), SOCK_DGRAM, 54), zero = 0, c;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char b[2];

	mtu -= 100;
	c = lab_socket(&w->lab, 0, SOCK_DGRAM);
	assert_int_equal(lab_connect(c, lab_ip(CLIENT_IP), 54), 0);
	assert_int_equal(send(c, "hi", 2, 0), 2);
	assert_int_equal(lab_ready(&l, 1), 0);
	assert_int_equal(recvfrom(l, b, 2, 0, (struct sockaddr *)&from, &len), 2);
	/* About somebody else's packet: nothing to do with the pod. */
	too_big(w, lab_ip(NODE_IP), (uint16_t)(ntohs(from.sin_port) ^ 1), lab_ip(CLIENT_IP), 54,
		1000);
	too_big(w, lab_ip(NODE_IP), ntohs(from.sin_port), lab_ip(CLIENT_IP), 54, mtu);
	wait_path_mtu(c, mtu);
	close(c);
	close(l);
	/* The other way round: node port 30082 of a server in pod 0, which answers its client. */
	lab_put(&w->lab, NULL, 30082, LB_UDP, 0, &zero, 1, 8082);
	l = lab_listen(&w->lab, 0, SOCK_DGRAM, 8082);
	lab_served(&w->lab, false);
	c = lab_socket(&w->lab, outside(w), SOCK_DGRAM);
	lab_served(&w->lab, true);
	assert_int_equal(lab_connect(c, lab_ip(NODE_IP), 30082), 0);
	assert_int_equal(send(c, "hi", 2, 0), 2);
	assert_int_equal(lab_ready(&l, 1), 0);
	assert_int_equal(recvfrom(l, b, 2, 0, (struct sockaddr *)&from, &len), 2);
	assert_int_equal(sendto(l, "yo", 2, 0, (struct sockaddr *)&from, len), 2);
	assert_int_equal(connect(l, (struct sockaddr *)&from, len), 0);
	too_big(w, lab_ip(NODE_IP), 30082, from.sin_addr.s_addr, ntohs(from.sin_port),
		(uint16_t)(mtu - 50));
	wait_path_mtu(l, mtu - 50);
	close(c);
	close(l);
}

/* A client on another machine: no program translates its connect. */
static int client_outside(struct world *w)
{
	int fd;

	lab_served(&w->lab, false);
	fd = lab_socket(&w->lab, outside(w), SOCK_STREAM);
	lab_served(&w->lab, true);
	return fd;
}

static void test_node_port(void **state)
{
	struct world *w = *state;
	struct lb_backend remote = {ip_of4(lab_ip(REMOTE_IP)), 8080};
	struct lb_front f = {.key = {ip_of4(0), 30081, LB_TCP},
			     .backends = &remote,
			     .n_backends = 1,
			     .external = true};
	int zero = 0, l, c;
	uint32_t peer, addr;
	uint16_t port;

	/* A local backend sees the client itself. */
	lab_put(&w->lab, NULL, 30080, LB_TCP, 0, &zero, 1, 8080);
	l = lab_listen(&w->lab, 0, SOCK_STREAM, 8080);
	c = client_outside(w);
	assert_int_equal(lab_connect(c, lab_ip(NODE_IP), 30080), 0);
	talk(c, l, &peer);
	assert_int_equal(peer, lab_ip(CLIENT_IP));
	close(c);
	close(l);
	/* One elsewhere sees this node, so that its answers come back here. */
	assert_int_equal(lb_put(w->lab.lb, &f, NULL), 0);
	l = lab_listen(&w->lab, outside(w), SOCK_STREAM, 8080);
	c = client_outside(w);
	assert_int_equal(lab_connect(c, lab_ip(NODE_IP), 30081), 0);
	talk(c, l, &peer);
	assert_int_equal(peer, lab_ip(NODE_IP));
	lab_peer(c, &addr, &port);
	assert_int_equal(addr, lab_ip(NODE_IP));
	assert_int_equal(port, 30081);
	close(c);
	close(l);
}

static int try_port(struct world *w, uint16_t port)
{
	int c = client_outside(w), r = lab_connect(c, lab_ip(NODE_IP), port);

	close(c);
	return r;
}

/* Who is not in a front's ranges gets no answer; pods are not asked. */
static void test_sources(void **state)
{
	struct world *w = *state;
	struct ip_prefix me = {ip_of4(lab_ip(CLIENT_IP)), 128};
	struct ip_prefix other = {ip_of4(lab_ip(REMOTE_IP)), 128};
	struct lb_backend b = {ip_of4(w->lab.addr[0]), 8083};
	struct lb_front f = {.key = {ip_of4(0), 30083, LB_TCP},
			     .backends = &b,
			     .n_backends = 1,
			     .sources = &other,
			     .n_sources = 1,
			     .external = true};
	int l = lab_listen(&w->lab, 0, SOCK_STREAM, 8083), c;

	assert_int_equal(lb_put(w->lab.lb, &f, NULL), 0);
	assert_true(try_port(w, 30083) < 0);
	f.sources = &me;
	assert_int_equal(lb_put(w->lab.lb, &f, NULL), 0);
	assert_int_equal(try_port(w, 30083), 0);
	f.sources = &other;
	assert_int_equal(lb_put(w->lab.lb, &f, NULL), 0);
	assert_true(try_port(w, 30083) < 0);
	c = lab_socket(&w->lab, 1, SOCK_STREAM);
	assert_int_equal(lab_connect(c, lab_ip(NODE_IP), 30083), 0);
	close(c);
	f.n_sources = 0;
	assert_int_equal(lb_put(w->lab.lb, &f, NULL), 0);
	assert_int_equal(try_port(w, 30083), 0);
	assert_int_equal(lb_del(w->lab.lb, f.key, NULL), 0);
	close(l);
}

static void guard(struct policy *p, struct world *w, const char *who)
{
	const uint32_t tags[] = {1};
	const struct policy_rule r = {.tags = tags, .n_tags = 1};
	const struct policy_side side = {.isolated = true, .rules = &r, .n = 1};
	struct policy_block b = {.range = {ip_of4(lab_ip(who)), 128}, .tag = 1};

	assert_int_equal(policy_begin(p, &b, 1, NULL), 0);
	assert_int_equal(policy_pod(p, w->lab.addr[0], &side, &side, NULL), 0);
	assert_int_equal(policy_commit(p, NULL), 0);
}

/* All of this works for a pod with rules that allow it, and ends with them. */
static void test_guarded(void **state)
{
	struct world *w = *state;
	struct net_counters before, after;
	struct policy *p;
	int zero = 0, c;

	assert_int_equal(policy_open(w->lab.net, &p, NULL), 0);
	guard(p, w, CLIENT_IP);
	test_masquerade_tcp(state);
	test_masquerade_udp(state);
	test_masquerade_ping(state);
	test_icmp_errors(state);
	test_node_port(state);
	guard(p, w, REMOTE_IP);
	lab_put(&w->lab, NULL, 30084, LB_TCP, 0, &zero, 1, 8084);
	assert_int_equal(net_counters_read(LAB_NODE, w->lab.dir, &before, NULL), 0);
	after = before;
	c = client_outside(w);
	assert_int_equal(lab_connect(c, lab_ip(NODE_IP), 30084), -ETIMEDOUT);
	close(c);
	assert_int_equal(net_counters_read(LAB_NODE, w->lab.dir, &after, NULL), 0);
	assert_true(after.n[NET_REASON_POLICY_IN] > before.n[NET_REASON_POLICY_IN]);
	assert_int_equal(policy_pod(p, w->lab.addr[0], &(struct policy_side){0},
				    &(struct policy_side){0}, NULL),
			 0);
	policy_close(p);
}

static void test_collect(void **state)
{
	struct world *w = *state;
	size_t n = 99;

	struct pod_net_conf nc;
	struct pod_net *net = NULL;

	/* The agent's way to the same: found by name, opened over what is there. */
	lab_conf(&w->lab, NULL, &nc);
	nc.uplink = "up0";
	nc.masquerade = true;
	nc.cluster_range = w->conf.cluster_range;
	assert_int_equal(pod_net_open(&nc, &net, NULL), 0);
	assert_int_equal(pod_net_uplink(net), w->conf.uplink);
	assert_int_equal(pod_net_masquerade(net, NULL), 0);
	pod_net_collect(net);
	pod_net_close(net);
	test_masquerade_udp(state);
	assert_int_equal(masq_collect(w->masq, &n), 0);
	assert_int_equal(n, 0); /* nothing has idled out yet */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masquerade_tcp),  cmocka_unit_test(test_masquerade_udp),
		cmocka_unit_test(test_masquerade_ping), cmocka_unit_test(test_node_port),
		cmocka_unit_test(test_icmp_errors),     cmocka_unit_test(test_sources),
		cmocka_unit_test(test_guarded),         cmocka_unit_test(test_collect),
	};
	const char *missing = lab_missing();

	if (missing) {
		printf("[  SKIPPED ] 1 test(s): %s\n", missing); /* as tests/run counts */
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
