/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services: how long the maps take to fill, and connections a second (connect, one byte, close)
 * from a pod to another through a ClusterIP among 10,000 services, beside the pod's own address in
 * the same run, and beside rules of the shape kube-proxy writes, in the same node namespace. Then
 * network policies: both pods with 100 of them, and none.
 *
 *	net [--quick]		JSON lines; --quick leaves out the rules
 */
#include "tests/net/lab.h"
#include "lib/base/clock.h"
#include "net/netns.h"
#include "net/policy.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <sched.h>
#include <sys/socket.h>

#define N_SERVICES 10000u
#define N_NFT 1000u
#define BATCH 1500
#define ROUNDS 15
#define PORT 8080
#define N_POLICIES 100u
#define STREAM_NS (30 * NSEC_PER_MSEC)
/* Services of the rules are at 10.97.x.y, which the balancer does not know. */
#define VIP(net, i) htonl((10u << 24 | (net) << 16) + (i))

static struct lab lab;
static int listener;

static uint64_t now_ns(void)
{
	return clock_mono_ns(&clock_system);
}

static void line(const char *name, double value, const char *unit, const char *peer,
		 double peer_value)
{
	printf("{\"name\":\"%s\",\"value\":%.4g,\"unit\":\"%s\"", name, value, unit);
	if (peer)
		printf(",\"peer\":\"%s\",\"peer_value\":%.4g,\"ratio\":%.3f}\n", peer, peer_value,
		       value / peer_value);
	else
		printf(",\"peer\":null,\"peer_value\":null,\"ratio\":null}\n");
	fflush(stdout);
}

static int cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), cmp);
	return v[n / 2];
}

/* Connections a second from pod 1. */
static double rate_to(const void *sa, int family, socklen_t len, int at)
{
	struct linger now = {1, 0}; /* no TIME_WAIT: the ports last */
	uint64_t began;

	setns(lab.pod[1], CLONE_NEWNET);
	began = now_ns();
	for (int i = 0; i < BATCH; i++) {
		int c = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), s;
		char b = 'x';

		if (connect(c, sa, len) < 0) {
			perror("connect");
			exit(1);
		}
		s = accept4(at, NULL, NULL, SOCK_CLOEXEC);
		if (send(c, &b, 1, 0) != 1 || recv(s, &b, 1, 0) != 1)
			exit(1);
		setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(c);
		close(s);
	}
	began = now_ns() - began;
	setns(lab.node, CLONE_NEWNET);
	return BATCH * 1e9 / (double)began;
}

static double rate(uint32_t addr, uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = addr};

	return rate_to(&sa, AF_INET, sizeof(sa), listener);
}

static struct sockaddr_in6 sockaddr6(struct ip_addr addr, uint16_t port)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memcpy(&sa.sin6_addr, addr.b, sizeof(addr.b));
	return sa;
}

/* A ClusterIP of each family, and the pod's own address of IPv6. */
static void compare6(uint32_t vip4)
{
	struct lb_backend b = {lab.addr6[0], PORT + 1};
	struct lb_front f = {.key = {.port = 80, .proto = LB_TCP}, .backends = &b, .n_backends = 1};
	struct sockaddr_in6 own = sockaddr6(lab.addr6[0], PORT + 1), vip;
	double v6[ROUNDS], v4[ROUNDS], direct[ROUNDS];
	int fd, one = 1;

	assert_int_equal(ip_addr_parse(STR("fd00:96::7"), &f.key.addr), 0);
	assert_int_equal(lb_put(lab.lb, &f, NULL), 0);
	vip = sockaddr6(f.key.addr, 80);
	setns(lab.pod[0], CLONE_NEWNET);
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setns(lab.node, CLONE_NEWNET);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(listen(fd, 512), 0);
	for (int i = 0; i < ROUNDS; i++) {
		v4[i] = rate(vip4, 80);
		v6[i] = rate_to(&vip, AF_INET6, sizeof(vip), fd);
		direct[i] = rate_to(&own, AF_INET6, sizeof(own), fd);
	}
	line("ClusterIP over IPv6 among 10,000", median(v6, ROUNDS), "connections/s",
	     "pod's own address over IPv6", median(direct, ROUNDS));
	line("ClusterIP over IPv6 among 10,000, beside IPv4", median(v6, ROUNDS), "connections/s",
	     "over IPv4", median(v4, ROUNDS));
	close(fd);
}

static double direct_rate(void)
{
	double v[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		v[i] = rate(lab.addr[0], PORT);
	return median(v, ROUNDS);
}

/* Through `vip` and directly, in turns, so that both meet the same noise. */
static void compare(const char *name, uint32_t vip)
{
	double through[ROUNDS], direct[ROUNDS];

	rate(vip, 80);
	for (int i = 0; i < ROUNDS; i++) {
		direct[i] = rate(lab.addr[0], PORT);
		through[i] = rate(vip, 80);
	}
	line(name, median(through, ROUNDS), "connections/s", "pod's own address",
	     median(direct, ROUNDS));
}

static void sync_times(void)
{
	struct lb_front *f = xcalloc(N_SERVICES, sizeof(*f)), more;
	struct lb_backend b[3];
	double sync[5], put[101], same[5];
	uint64_t t;

	for (int i = 0; i < 3; i++)
		b[i] = (struct lb_backend){ip_of4(lab.addr[0]), PORT};
	for (uint32_t i = 0; i < N_SERVICES; i++)
		f[i] = (struct lb_front){
			.key = {ip_of4(VIP(96, i)), 80, LB_TCP}, .backends = b, .n_backends = 3};
	for (int i = 0; i < 5; i++) {
		assert_int_equal(lb_sync(lab.lb, NULL, 0, NULL, NULL), 0);
		t = now_ns();
		assert_int_equal(lb_sync(lab.lb, f, N_SERVICES, NULL, NULL), 0);
		sync[i] = (double)(now_ns() - t) / 1e6;
		t = now_ns();
		assert_int_equal(lb_sync(lab.lb, f, N_SERVICES, NULL, NULL), 0);
		same[i] = (double)(now_ns() - t) / 1e6;
	}
	line("services: 10,000 x 3 from nothing", median(sync, 5), "ms", "mark", 20);
	line("services: 10,000 x 3, nothing new", median(same, 5), "ms", NULL, 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(put); i++) {
		more = f[0];
		more.key.addr = ip_of4(VIP(96, N_SERVICES + i));
		t = now_ns();
		assert_int_equal(lb_put(lab.lb, &more, NULL), 0);
		put[i] = (double)(now_ns() - t) / 1e3;
	}
	line("services: one more among 10,000", median(put, ARRAY_SIZE(put)), "us", "mark", 200);
	free(f);
}

/* Connecting a pod and taking it off again, its namespace being there. */
static void attach_times(void)
{
	double on[21], off[21];

	for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
		struct pod_net_addr a;
		uint64_t t;
		int ns;

		assert_int_equal(unshare(CLONE_NEWNET), 0);
		ns = netns_current();
		setns(lab.node, CLONE_NEWNET);
		t = now_ns();
		assert_int_equal(pod_net_attach(lab.net, STR("bench"), ns, &a, NULL), 0);
		on[i] = (double)(now_ns() - t) / 1e6;
		t = now_ns();
		assert_int_equal(pod_net_detach(lab.net, STR("bench"), NULL), 0);
		off[i] = (double)(now_ns() - t) / 1e6;
		close(ns);
	}
	line("pod network: attach", median(on, ARRAY_SIZE(on)), "ms", NULL, 0);
	line("pod network: detach", median(off, ARRAY_SIZE(off)), "ms", NULL, 0);
}

/* MB a second through one connection from pod 1. */
static double stream(void)
{
	static char block[1 << 16];
	int c = lab_socket(&lab, 1, SOCK_STREAM), s;
	uint64_t began, n = 0;

	assert_int_equal(lab_connect(c, lab.addr[0], PORT), 0);
	s = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	began = now_ns();
	while (now_ns() - began < STREAM_NS) {
		while (send(c, block, sizeof(block), MSG_DONTWAIT) > 0)
			;
		for (ssize_t r; (r = recv(s, block, sizeof(block), 0)) > 0;)
			n += (uint64_t)r;
	}
	began = now_ns() - began;
	close(c);
	close(s);
	return (double)n * 1e3 / (double)began;
}

/* Both pods are selected by all; the last one's peer and port is what is connected to. */
static void put_policies(struct policy *p, bool on)
{
	struct policy_block blocks[N_POLICIES];
	struct policy_range ports[N_POLICIES];
	struct policy_rule rules[N_POLICIES];
	struct policy_side side = {.isolated = on, .rules = rules, .n = N_POLICIES};
	uint32_t tags[N_POLICIES], mine = N_POLICIES - 1;
	struct policy_side always = {.isolated = true};

	for (uint32_t i = 0; i < N_POLICIES; i++) {
		tags[i] = i;
		blocks[i] = (struct policy_block){.range = {ip_of4(htonl(10u << 24 | i << 8)), 120},
						  .tag = i};
		ports[i] = (struct policy_range){.min = (uint16_t)(PORT - N_POLICIES + 1 + i),
						 .max = (uint16_t)(PORT - N_POLICIES + 1 + i),
						 .proto = IPPROTO_TCP};
		rules[i] = (struct policy_rule){
			.tags = &tags[i], .n_tags = 1, .ports = &ports[i], .n_ports = 1};
	}
	assert_int_equal(policy_begin(p, blocks, N_POLICIES, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(policy_peer(p, ip_of4(lab.addr[i]), &mine, 1, NULL), 0);
		assert_int_equal(policy_pod(p, lab.addr[i], &side, &side, NULL), 0);
	}
	/* Another is guarded all the time: the table of connections stays. */
	assert_int_equal(policy_pod(p, lab.addr[2], &always, &always, NULL), 0);
	assert_int_equal(policy_commit(p, NULL), 0);
	policy_collect(p);
}

static void put_peers(struct policy *p)
{
	const uint32_t tag = 1;
	struct policy_rule r = {.tags = &tag, .n_tags = 1};
	struct policy_side side = {.isolated = true, .rules = &r, .n = 1};

	assert_int_equal(policy_begin(p, NULL, 0, NULL), 0);
	for (uint32_t i = 0; i < N_SERVICES; i++)
		assert_int_equal(policy_peer(p, ip_of4(VIP(97, i)), &tag, 1, NULL), 0);
	assert_int_equal(policy_pod(p, lab.addr[0], &side, &side, NULL), 0);
	assert_int_equal(policy_commit(p, NULL), 0);
	policy_collect(p);
}

static void policies(void)
{
	double with[ROUNDS], without[ROUNDS], fast[ROUNDS], free_[ROUNDS], put[ROUNDS];
	struct policy *p;

	assert_int_equal(policy_open(lab.net, &p, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t = now_ns();

		put_policies(p, true);
		put[i] = (double)(now_ns() - t) / 1e6;
		with[i] = rate(lab.addr[0], PORT);
		fast[i] = stream();
		put_policies(p, false);
		without[i] = rate(lab.addr[0], PORT);
		free_[i] = stream();
	}
	line("network policies: 100 on both ends", median(with, ROUNDS), "connections/s", "none",
	     median(without, ROUNDS));
	line("network policies: 100 on both ends, one stream", median(fast, ROUNDS), "MB/s", "none",
	     median(free_, ROUNDS));
	line("network policies: all 100 anew", median(put, ROUNDS), "ms", NULL, 0);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t = now_ns();

		put_peers(p);
		put[i] = (double)(now_ns() - t) / 1e6;
	}
	line("network policies: 10,000 peers anew", median(put, ROUNDS), "ms", NULL, 0);
	put_policies(p, false);
	policy_close(p);
}

static FILE *tool(const char *command)
{
	FILE *f = popen(command, "we");

	assert_non_null(f);
	return f;
}

/* kube-proxy's chains: KUBE-SERVICES -> KUBE-SVC-x -> KUBE-SEP-x -> DNAT. */
static bool iptables(uint32_t n)
{
	char to[IP4_TEXT], vip[IP4_TEXT];
	FILE *f = tool("iptables-legacy-restore >/dev/null 2>&1");

	ip4_format(lab.addr[0], to);
	fprintf(f, "*nat\n:KUBE-SERVICES - [0:0]\n-A PREROUTING -j KUBE-SERVICES\n");
	for (uint32_t i = 0; i < n; i++) {
		fprintf(f, ":S%u - [0:0]\n", i);
		for (int e = 0; e < 3; e++)
			fprintf(f, ":E%u-%d - [0:0]\n", i, e);
	}
	for (uint32_t i = 0; i < n; i++) {
		ip4_format(VIP(97, i), vip);
		fprintf(f, "-A KUBE-SERVICES -d %s/32 -p tcp -m tcp --dport 80 -j S%u\n", vip, i);
		fprintf(f, "-A S%u -m statistic --mode random --probability 0.333 -j E%u-0\n", i,
			i);
		fprintf(f, "-A S%u -m statistic --mode random --probability 0.5 -j E%u-1\n", i, i);
		fprintf(f, "-A S%u -j E%u-2\n", i, i);
		for (int e = 0; e < 3; e++)
			fprintf(f, "-A E%u-%d -p tcp -m tcp -j DNAT --to-destination %s:%d\n", i, e,
				to, PORT);
	}
	fprintf(f, "COMMIT\n");
	return pclose(f) == 0;
}

static bool nftables(uint32_t n)
{
	char to[IP4_TEXT], vip[IP4_TEXT];
	FILE *f = tool("nft -f - >/dev/null 2>&1");

	ip4_format(lab.addr[0], to);
	fprintf(f, "table ip kube {\n");
	for (uint32_t i = 0; i < n; i++) {
		for (int e = 0; e < 3; e++)
			fprintf(f, " chain e%u_%d { meta l4proto tcp dnat to %s:%d\n }\n", i, e, to,
				PORT);
		fprintf(f,
			" chain s%u { numgen random mod 3 vmap "
			"{ 0 : goto e%u_0, 1 : goto e%u_1, 2 : goto e%u_2 }\n }\n",
			i, i, i, i);
	}
	fprintf(f, " map services { type ipv4_addr . inet_proto . inet_service : verdict\n"
		   "  elements = {");
	for (uint32_t i = 0; i < n; i++)
		fprintf(f, "%s %s . tcp . 80 : goto s%u", i ? "," : "", ip4_format(VIP(97, i), vip),
			i);
	fprintf(f, " }\n }\n chain pre { type nat hook prerouting priority dstnat;\n"
		   "  ip daddr . meta l4proto . th dport vmap @services\n }\n}\n");
	return pclose(f) == 0;
}

/* The direct rate is taken before: with rules loaded, direct connections walk them, too. */
static void with_rules(const char *name, const char *load_name, bool (*load)(uint32_t), uint32_t n)
{
	double direct = direct_rate(), v[ROUNDS];
	uint64_t t = now_ns();

	if (!load(n)) {
		fprintf(stderr, "skip: %s: the tool is missing or failed\n", name);
		return;
	}
	line(load_name, (double)(now_ns() - t) / 1e6, "ms", NULL, 0);
	for (int i = 0; i < ROUNDS; i++)
		v[i] = rate(VIP(97, n / 2), 80);
	line(name, median(v, ROUNDS), "connections/s", "pod's own address, no rules", direct);
}

/* Rules need both directions in the stack: pod to pod by redirect would go around them. */
static void take_off_programs(void)
{
	if (system("for d in $(ip -o link show | grep -o 'kn[0-9a-f]*'); do"
		   " tc qdisc del dev $d clsact; done") != 0)
		fprintf(stderr, "cannot take the programs off the pods' links\n");
}

int main(int argc, char **argv)
{
	const char *missing = lab_missing();
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;

	if (missing) {
		fprintf(stderr, "skip: %s\n", missing);
		return 77;
	}
	lab_open(&lab);
	lab_add_pods(&lab, 3);
	listener = lab_listen(&lab, 0, SOCK_STREAM, PORT);
	fcntl(listener, F_SETFL, 0);
	attach_times();
	sync_times();
	compare("ClusterIP among 10,000, BPF", VIP(96, N_SERVICES / 2));
	compare6(VIP(96, N_SERVICES / 2));
	policies();
	if (!quick) {
		take_off_programs();
		with_rules("ClusterIP among 1,000, nftables of kube-proxy's shape",
			   "nftables: 1,000 x 3 from nothing", nftables, N_NFT);
		if (system("nft delete table ip kube >/dev/null 2>&1") != 0)
			fprintf(stderr, "cannot remove the nftables rules\n");
		with_rules("ClusterIP among 10,000, iptables of kube-proxy's shape",
			   "iptables-legacy: 10,000 x 3 from nothing", iptables, N_SERVICES);
	}
	close(listener);
	lab_close(&lab);
	return 0;
}
