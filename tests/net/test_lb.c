/* SPDX-License-Identifier: Apache-2.0 */
/* The balancer and the pod network with real namespaces, sockets and programs. */
#include "tests/net/lab.h"
#include "net/counters.h"
#include "net/netns.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

static const int three[] = {0, 1, 2};

static int set_up(void **state)
{
	struct lab *l = NEW(struct lab);

	lab_open(l);
	lab_add_pods(l, 4);
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	lab_close(*state);
	free(*state);
	return 0;
}

static uint64_t counted(struct lab *l, enum net_reason r)
{
	struct net_counters c;

	assert_int_equal(net_counters_read(LAB_NODE, l->dir, &c, NULL), 0);
	return c.n[r];
}

static void listen_three(struct lab *l, int type, uint16_t port, int fds[3])
{
	for (int i = 0; i < 3; i++)
		fds[i] = lab_listen(l, i, type, port);
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* One connection from there; which listener got it. */
static int hit(struct lab *l, int from, uint32_t addr, uint16_t port, const int *fds, size_t n)
{
	CLEANUP_FD int c = lab_socket(l, from, SOCK_STREAM);
	CLEANUP_FD int s = -1;
	int i, r = lab_connect(c, addr, port);

	if (r < 0)
		return r;
	i = lab_ready(fds, n);
	assert_true(i >= 0);
	s = accept(fds[i], NULL, NULL);
	assert_true(s >= 0);
	return i;
}

static void test_direct(void **state)
{
	struct lab *l = *state;
	int fds[3];
	uint64_t peer;

	listen_three(l, SOCK_STREAM, 80, fds);
	assert_int_equal(hit(l, -1, l->addr[1], 80, fds, 3), 1);
	peer = counted(l, NET_REASON_PEER);
	assert_int_equal(hit(l, 3, l->addr[2], 80, fds, 3), 2);
	assert_true(counted(l, NET_REASON_PEER) > peer);
	assert_int_equal(hit(l, 2, l->addr[2], 80, fds, 3), 2);
	close_all(fds, 3);
	/* A pod reaches the node at its address in the pod range. */
	fds[0] = lab_listen(l, -1, SOCK_STREAM, 5300);
	assert_int_equal(hit(l, 3, pod_net_node_addr(l->net), 5300, fds, 1), 0);
	close(fds[0]);
}

static void test_tcp(void **state)
{
	struct lab *l = *state;
	int fds[3], seen[3] = {0};
	uint32_t addr;
	uint16_t port;
	int c;

	listen_three(l, SOCK_STREAM, 8080, fds);
	lab_put(l, LAB_VIP, 80, LB_TCP, 0, three, 3, 8080);
	/* From another pod, from the node, from a backend itself (hairpin). */
	for (int i = 0; i < 90; i++)
		seen[hit(l, i % 3 == 0 ? 3 : i % 3 == 1 ? -1 : 0, lab_ip(LAB_VIP), 80, fds, 3)]++;
	for (int i = 0; i < 3; i++)
		assert_true(seen[i] > 8);
	c = lab_socket(l, 3, SOCK_STREAM);
	assert_int_equal(lab_connect(c, lab_ip(LAB_VIP), 80), 0);
	lab_peer(c, &addr, &port);
	assert_int_equal(addr, lab_ip(LAB_VIP));
	assert_int_equal(port, 80);
	close(c);
	/* Another port of the address is no service. */
	c = lab_socket(l, 3, SOCK_STREAM);
	assert_int_not_equal(lab_connect(c, lab_ip(LAB_VIP), 81), 0);
	close(c);
	close_all(fds, 3);
}

static void test_v4_mapped(void **state)
{
	struct lab *l = *state;
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	socklen_t len = sizeof(sa);
	int fds[3], c;

	listen_three(l, SOCK_STREAM, 8080, fds);
	lab_put(l, LAB_VIP, 80, LB_TCP, 0, three, 3, 8080);
	assert_int_equal(inet_pton(AF_INET6, "::ffff:" LAB_VIP, &sa.sin6_addr), 1);
	setns(l->pod[3], CLONE_NEWNET);
	c = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setns(l->node, CLONE_NEWNET);
	assert_int_equal(connect(c, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_true(lab_ready(fds, 3) >= 0);
	assert_int_equal(getpeername(c, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(((uint32_t *)&sa.sin6_addr)[3], lab_ip(LAB_VIP));
	close(c);
	close_all(fds, 3);
}

static void test_empty(void **state)
{
	struct lab *l = *state;
	uint64_t n = counted(l, NET_REASON_NO_ENDPOINTS);
	int c = lab_socket(l, 3, SOCK_STREAM);

	lab_put(l, "10.96.0.8", 80, LB_TCP, 0, NULL, 0, 0);
	assert_int_equal(lab_connect(c, lab_ip("10.96.0.8"), 80), -ECONNREFUSED);
	assert_int_equal(counted(l, NET_REASON_NO_ENDPOINTS), n + 1);
	close(c);
}

static void test_affinity(void **state)
{
	struct lab *l = *state;
	int fds[3], first, other, without[2];

	listen_three(l, SOCK_STREAM, 8080, fds);
	lab_put(l, LAB_VIP, 80, LB_TCP, 1, three, 3, 8080);
	first = hit(l, 3, lab_ip(LAB_VIP), 80, fds, 3);
	for (int i = 0; i < 20; i++)
		assert_int_equal(hit(l, 3, lab_ip(LAB_VIP), 80, fds, 3), first);
	/* A backend that is gone loses its clients, the order of the list does not matter. */
	without[0] = (first + 2) % 3;
	without[1] = (first + 1) % 3;
	lab_put(l, LAB_VIP, 80, LB_TCP, 1, without, 2, 8080);
	other = hit(l, 3, lab_ip(LAB_VIP), 80, fds, 3);
	assert_int_not_equal(other, first);
	lab_put(l, LAB_VIP, 80, LB_TCP, 1, three, 3, 8080);
	for (int i = 0; i < 20; i++)
		assert_int_equal(hit(l, 3, lab_ip(LAB_VIP), 80, fds, 3), other);
	close_all(fds, 3);
}

static void test_node_port(void **state)
{
	struct lab *l = *state;
	uint32_t node = pod_net_node_addr(l->net);
	struct ip_addr node_ip = ip_of4(node);
	int fds[3], c;

	listen_three(l, SOCK_STREAM, 8080, fds);
	assert_int_equal(lb_node_addrs(l->lb, &node_ip, 1, NULL), 0);
	lab_put(l, NULL, 30080, LB_TCP, 0, three, 3, 8080);
	assert_true(hit(l, 3, node, 30080, fds, 3) >= 0);
	assert_true(hit(l, -1, node, 30080, fds, 3) >= 0);
	assert_true(hit(l, -1, lab_ip("127.0.0.1"), 30080, fds, 3) >= 0);
	/* In a pod 127.0.0.1 is the pod. */
	c = lab_socket(l, 3, SOCK_STREAM);
	assert_int_equal(lab_connect(c, lab_ip("127.0.0.1"), 30080), -ECONNREFUSED);
	close(c);
	assert_int_equal(lb_node_addrs(l->lb, NULL, 0, NULL), 0);
	assert_int_equal(lb_del(l->lb, (struct lb_key){ip_of4(0), 30080, LB_TCP}, NULL), 0);
	close_all(fds, 3);
}

static struct sockaddr_in at(const char *ip, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = lab_ip(ip)};
}

/* Send from an unconnected socket, answer at the server, return which; checks the source. */
static int ask(int c, const char *vip, const int *fds)
{
	struct sockaddr_in to = at(vip, 53), from;
	struct pollfd p = {.fd = c, .events = POLLIN};
	socklen_t len = sizeof(from);
	char buf[8];
	int i;

	assert_int_equal(sendto(c, "hi", 2, 0, (struct sockaddr *)&to, sizeof(to)), 2);
	i = lab_ready(fds, 3);
	assert_true(i >= 0);
	assert_int_equal(recvfrom(fds[i], buf, sizeof(buf), 0, (struct sockaddr *)&from, &len), 2);
	assert_int_equal(sendto(fds[i], "yo", 2, 0, (struct sockaddr *)&from, len), 2);
	assert_int_equal(poll(&p, 1, 3000), 1);
	len = sizeof(from);
	assert_int_equal(recvfrom(c, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len), 2);
	assert_int_equal(from.sin_addr.s_addr, to.sin_addr.s_addr);
	assert_int_equal(from.sin_port, to.sin_port);
	return i;
}

static void test_udp(void **state)
{
	struct lab *l = *state;
	int fds[3], c, first, one[1];
	struct sockaddr_in to = at(LAB_VIP, 53);
	uint32_t addr;
	uint16_t port;

	listen_three(l, SOCK_DGRAM, 5353, fds);
	lab_put(l, LAB_VIP, 53, LB_UDP, 0, three, 3, 5353);
	c = lab_socket(l, 3, SOCK_DGRAM);
	first = ask(c, LAB_VIP, fds);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ask(c, LAB_VIP, fds), first);
	/* Its backend goes: the next datagram of the same socket finds another one. */
	one[0] = (first + 1) % 3;
	lab_put(l, LAB_VIP, 53, LB_UDP, 0, one, 1, 5353);
	assert_int_equal(ask(c, LAB_VIP, fds), one[0]);
	close(c);
	c = lab_socket(l, 3, SOCK_DGRAM);
	assert_int_equal(connect(c, (struct sockaddr *)&to, sizeof(to)), 0);
	lab_peer(c, &addr, &port);
	assert_int_equal(addr, lab_ip(LAB_VIP));
	assert_int_equal(send(c, "hi", 2, 0), 2);
	assert_int_equal(lab_ready(fds, 3), one[0]);
	close(c);
	close_all(fds, 3);
}

static void test_kill_stale(void **state)
{
	struct lab *l = *state;
	struct sockaddr_in to = at(LAB_VIP, 53);
	int fds[3], udp, tcp, tfds[3];
	size_t closed = 0;
	struct err err = ERR_INIT;

	listen_three(l, SOCK_DGRAM, 5353, fds);
	listen_three(l, SOCK_STREAM, 8080, tfds);
	lab_put(l, LAB_VIP, 53, LB_UDP, 0, &three[0], 1, 5353);
	lab_put(l, LAB_VIP, 80, LB_TCP, 0, &three[0], 1, 8080);
	udp = lab_socket(l, 3, SOCK_DGRAM);
	assert_int_equal(connect(udp, (struct sockaddr *)&to, sizeof(to)), 0);
	tcp = lab_socket(l, -1, SOCK_STREAM);
	assert_int_equal(lab_connect(tcp, lab_ip(LAB_VIP), 80), 0);
	assert_int_equal(lb_kill_stale(l->lb, l->pod, l->n_pods, true, &closed, &err), 0);
	assert_int_equal(closed, 0);
	lab_put(l, LAB_VIP, 53, LB_UDP, 0, &three[1], 1, 5353);
	lab_put(l, LAB_VIP, 80, LB_TCP, 0, &three[1], 1, 8080);
	if (lb_kill_stale(l->lb, l->pod, l->n_pods, true, &closed, &err) < 0) {
		print_message("no bpf_sock_destroy here: %s\n", err_text(&err));
		skip();
	}
	assert_int_equal(closed, 2);
	assert_int_equal(send(udp, "hi", 2, 0), -1);
	assert_int_equal(send(tcp, "hi", 2, MSG_NOSIGNAL), -1);
	close(udp);
	close(tcp);
	close_all(fds, 3);
	close_all(tfds, 3);
	err_done(&err);
}

/* The owner goes, the path stays; the next owner finds it and takes only the difference. */
static void test_restart(void **state)
{
	struct lab *l = *state;
	struct pod_net_addr a, again;
	struct pod_net_conf nc;
	struct lb_conf lc;
	struct lb_result res;
	struct lb_backend b[3];
	int fds[3];
	size_t slots;
	struct lb_front f = {
		.key = {ip_of4(lab_ip(LAB_VIP)), 80, LB_TCP}, .backends = b, .n_backends = 3};

	for (int i = 0; i < 3; i++)
		b[i] = (struct lb_backend){ip_of4(l->addr[i]), 8080};
	listen_three(l, SOCK_STREAM, 8080, fds);
	assert_int_equal(lb_sync(l->lb, &f, 1, NULL, NULL), 0);
	assert_int_equal(lb_count(l->lb), 1);
	slots = lb_backend_slots_used(l->lb);
	assert_int_equal(slots, 4);
	assert_int_equal(pod_net_get(l->net, STR("pod-1"), &a), 0);
	l->lb = lb_close(l->lb);
	l->net = pod_net_close(l->net);
	for (int i = 0; i < 10; i++)
		assert_true(hit(l, 3, lab_ip(LAB_VIP), 80, fds, 3) >= 0);
	lab_conf(l, &lc, &nc);
	assert_int_equal(lb_open_view(&lc, &l->lb, NULL), 0);
	assert_int_equal(lb_count(l->lb), 1);
	l->lb = lb_close(l->lb);
	assert_int_equal(lb_open(&lc, &l->lb, NULL), 0);
	assert_int_equal(pod_net_open(&nc, &l->net, NULL), 0);
	assert_int_equal(lb_count(l->lb), 1);
	assert_int_equal(lb_backend_slots_used(l->lb), slots);
	assert_int_equal(lb_sync(l->lb, &f, 1, &res, NULL), 0);
	assert_int_equal(res.unchanged, 1);
	assert_int_equal(res.added + res.changed + res.removed, 0);
	assert_int_equal(pod_net_attach(l->net, STR("pod-1"), l->pod[1], &again, NULL), 0);
	assert_memory_equal(&a, &again, sizeof(a));
	assert_true(hit(l, 3, lab_ip(LAB_VIP), 80, fds, 3) >= 0);
	assert_int_equal(lb_sync(l->lb, NULL, 0, &res, NULL), 0);
	assert_int_equal(res.removed, 1);
	assert_int_equal(lb_backend_slots_used(l->lb), 0);
	close_all(fds, 3);
}

static void test_spoof(void **state)
{
	struct lab *l = *state;
	uint64_t n = counted(l, NET_REASON_SPOOFED);
	struct sockaddr_in from = at("10.244.9.200", 0), to = at("10.244.9.1", 9);
	int fd = lab_socket(l, 3, SOCK_DGRAM), one = 1;

	assert_int_equal(setsockopt(fd, SOL_IP, 19 /* IP_TRANSPARENT */, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	for (int i = 0; i < 50 && counted(l, NET_REASON_SPOOFED) == n; i++)
		usleep(2000);
	assert_int_equal(counted(l, NET_REASON_SPOOFED), n + 1);
	close(fd);
}

static bool keep_none(struct str id, void *user)
{
	return false;
}

static void test_gc(void **state)
{
	struct lab *l = *state;
	struct pod_net_addr a;

	assert_int_equal(pod_net_gc(l->net, keep_none, NULL), 0);
	assert_int_equal(pod_net_get(l->net, STR("pod-1"), &a), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_direct),    cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_v4_mapped), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_affinity),  cmocka_unit_test(test_node_port),
		cmocka_unit_test(test_udp),       cmocka_unit_test(test_kill_stale),
		cmocka_unit_test(test_restart),   cmocka_unit_test(test_spoof),
		cmocka_unit_test(test_gc),
	};
	const char *missing = lab_missing();

	if (missing) {
		printf("[  SKIPPED ] 1 test(s): %s\n", missing); /* as tests/run counts */
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
