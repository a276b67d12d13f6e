/* SPDX-License-Identifier: Apache-2.0 */
/* Guarded pods: packets in, verdict out (BPF_PROG_TEST_RUN), with rules written by hand. */
#include "lib/base/base.h"
#include "bpf/abi/pod.h"
#include "bpf/abi/policy.h"
#include "bpf/abi/reason.h"
#include "bpf/pod.skel.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#define POD 0x0af40902u /* 10.244.9.2, guarded */
#define FRIEND 0x0af40a03u /* tagged */
#define BLOCKED 0x0a000001u /* in a block */
#define FAR 0x08080808u
#define LO 1 /* where a test run's packets come from */

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	union {
		struct tcphdr tcp;
		struct udphdr udp;
		struct {
			struct icmphdr head;
			struct iphdr ip;
			uint16_t sport, dport;
			uint32_t rest;
		} icmp;
		uint8_t raw[48];
	};
} __attribute__((packed));

static struct pod_bpf *s;
static int conns;

static struct frame frame_of(uint8_t proto, uint32_t from, uint16_t sport, uint32_t to,
			     uint16_t dport)
{
	struct frame f = {
		.eth.h_proto = htons(ETH_P_IP),
		.ip = {.version = 4,
		       .ihl = 5,
		       .ttl = 64,
		       .protocol = proto,
		       .tot_len = htons(sizeof(struct frame) - ETH_HLEN),
		       .saddr = htonl(from),
		       .daddr = htonl(to)},
	};

	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP) {
		f.udp.source = htons(sport); /* where TCP and SCTP have them, too */
		f.udp.dest = htons(dport);
	}
	if (proto == IPPROTO_TCP) {
		f.tcp.doff = 5;
		f.tcp.syn = 1;
	}
	return f;
}

static bool passes(struct bpf_program *prog, const struct frame *f, uint32_t came_by)
{
	struct __sk_buff ctx = {.ingress_ifindex = came_by};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f, .data_size_in = sizeof(*f), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &o), 0);
	assert_true(o.retval == TC_ACT_OK || o.retval == TC_ACT_SHOT);
	return o.retval == TC_ACT_OK;
}

static bool out(const struct frame *f)
{
	return passes(s->progs.pod_out, f, 0);
}
static bool in(const struct frame *f)
{
	return passes(s->progs.pod_in, f, LO);
}

static void put(struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

static void guard(uint32_t in_group, uint32_t out_group)
{
	struct policy_guard g = {.space = 1, .in = in_group, .out = out_group};
	uint32_t addr = htonl(POD);

	put(s->maps.guards, &addr, &g);
}

static void row(uint32_t group, uint32_t id, uint32_t chunk, uint8_t proto, uint16_t min,
		uint16_t max, bool more)
{
	struct policy_row_key k = {.space = 1, .group = group, .id = id, .chunk = chunk};
	struct policy_row r = {
		.n = 1, .more = more, .ranges = {{.min = min, .max = max, .proto = proto}}};

	put(s->maps.rows, &k, &r);
}

static void new_epoch(void)
{
	static uint32_t e;
	uint32_t zero = 0;

	e++;
	put(s->maps.epoch, &zero, &e);
}

static int set_up(void **state)
{
	struct pod_entry pod = {.ifindex = LO, .flags = POD_GUARDED};
	struct policy_id_key friend = {.space = 1, .addr = htonl(FRIEND)};
	struct policy_id id = {.id = 7, .addr = htonl(FRIEND)};
	struct policy_block_key block = {.prefixlen = 40, .space = 1, .addr = htonl(0x0a000000)};
	uint32_t addr = htonl(POD), zero = 0, eight = 8;

	s = pod_bpf__open_and_load();
	assert_non_null(s);
	put(s->maps.pods, &addr, &pod);
	put(s->maps.ids, &friend, &id);
	put(s->maps.blocks, &block, &eight);
	conns = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "c", sizeof(struct policy_conn_key),
			       sizeof(struct policy_conn), 1024, NULL);
	assert_true(conns >= 0);
	put(s->maps.conns, &zero, &conns);
	return 0;
}

static int tear_down(void **state)
{
	close(conns);
	pod_bpf__destroy(s);
	return 0;
}

static void test_no_rules_yet(void **state)
{
	struct frame f = frame_of(IPPROTO_TCP, POD, 4000, FAR, 80);

	assert_false(out(&f));
	f = frame_of(IPPROTO_TCP, FAR, 4000, POD, 80);
	assert_false(in(&f));
	/* The node's own: nothing brought it here. And the pod answers. */
	assert_true(passes(s->progs.pod_in, &f, 0));
	f = frame_of(IPPROTO_TCP, POD, 80, FAR, 4000);
	f.tcp.ack = 1;
	assert_true(out(&f));
	new_epoch();
	assert_true(out(&f));
}

static void test_rows(void **state)
{
	struct frame f;

	guard(5, 6);
	row(5, 0, 0, IPPROTO_TCP, 80, 80, false); /* anyone */
	row(5, 7, 0, IPPROTO_TCP, 80, 90, true);
	row(5, 7, 1, IPPROTO_UDP, 53, 53, false);
	row(5, 8, 0, 0, 0, 65535, false);
	f = frame_of(IPPROTO_TCP, FAR, 4000, POD, 80);
	assert_true(in(&f));
	f = frame_of(IPPROTO_TCP, FAR, 4000, POD, 81);
	assert_false(in(&f));
	f = frame_of(IPPROTO_UDP, FAR, 4000, POD, 80);
	assert_false(in(&f));
	f = frame_of(IPPROTO_TCP, FRIEND, 4000, POD, 90);
	assert_true(in(&f));
	f = frame_of(IPPROTO_TCP, FRIEND, 4000, POD, 91);
	assert_false(in(&f));
	f = frame_of(IPPROTO_UDP, FRIEND, 4000, POD, 53); /* the second chunk */
	assert_true(in(&f));
	f = frame_of(IPPROTO_SCTP, BLOCKED, 4000, POD, 9999);
	assert_true(in(&f));
	f = frame_of(IPPROTO_ESP, BLOCKED, 0, POD, 0);
	assert_true(in(&f));
	f = frame_of(IPPROTO_ESP, FRIEND, 0, POD, 0);
	assert_false(in(&f));
	f = frame_of(IPPROTO_UDP, POD, 4000, BLOCKED, 1); /* the other direction has no rows */
	assert_false(out(&f));
	guard(5, 0);
	assert_true(out(&f));
}

static void test_answers(void **state)
{
	struct frame f, answer;

	guard(5, 6);
	row(5, 7, 0, IPPROTO_TCP, 80, 80, false);
	row(6, 7, 0, IPPROTO_UDP, 53, 53, false);
	f = frame_of(IPPROTO_TCP, FRIEND, 4000, POD, 80);
	answer = frame_of(IPPROTO_TCP, POD, 80, FRIEND, 4000);
	answer.tcp.ack = 1;
	assert_true(in(&f));
	assert_true(out(&answer));
	answer.tcp.ack = 0; /* a connection of its own from there */
	assert_false(out(&answer));
	f = frame_of(IPPROTO_UDP, FRIEND, 53, POD, 4000);
	answer = frame_of(IPPROTO_UDP, POD, 4000, FRIEND, 53);
	assert_false(in(&f)); /* before it was asked */
	assert_true(out(&answer));
	assert_true(in(&f));
	f.udp.source = htons(54);
	assert_false(in(&f));
}

/* Somebody else's rules come into force: what they don't allow ends, also mid-stream. */
static void test_rules_change(void **state)
{
	struct frame syn = frame_of(IPPROTO_TCP, FRIEND, 4000, POD, 80), data = syn;
	struct frame answer = frame_of(IPPROTO_TCP, POD, 80, FRIEND, 4000);

	data.tcp.syn = 0;
	data.tcp.ack = answer.tcp.ack = 1;
	answer.tcp.syn = 0;
	guard(5, 0);
	row(5, 7, 0, IPPROTO_TCP, 80, 80, false);
	assert_true(in(&syn));
	assert_true(in(&data));
	row(5, 7, 0, IPPROTO_TCP, 81, 81, false);
	assert_true(in(&data)); /* the epoch says when */
	new_epoch();
	assert_false(in(&data));
	assert_false(out(&answer));
	assert_false(in(&syn));
	row(5, 7, 0, IPPROTO_TCP, 80, 81, false);
	new_epoch();
	assert_true(in(&data)); /* and back */
	assert_true(out(&answer));
}

/* Older than the rules, or fallen out of the table: whoever began it, if anybody may have. */
static void test_midstream(void **state)
{
	struct frame f = frame_of(IPPROTO_TCP, FRIEND, 443, POD, 4000);

	f.tcp.syn = 0;
	f.tcp.ack = 1;
	guard(5, 6);
	assert_false(in(&f));
	row(6, 7, 0, IPPROTO_TCP, 443, 443, false);
	assert_true(in(&f));
	f.tcp.syn = 1;
	f.tcp.ack = 0;
	assert_false(in(&f));
}

static void test_fragments_and_icmp(void **state)
{
	struct frame f = frame_of(IPPROTO_UDP, FAR, 4000, POD, 80), e;

	guard(5, 6);
	row(6, 7, 0, IPPROTO_UDP, 53, 53, false);
	row(5, 8, 0, 0, 0, 65535, false);
	f.ip.frag_off = htons(0x2000); /* the first one has ports */
	assert_false(in(&f));
	f.ip.frag_off = htons(100);
	assert_true(in(&f));
	/* An error about what the pod sent, from any router. */
	f = frame_of(IPPROTO_UDP, POD, 4000, FRIEND, 53);
	e = frame_of(IPPROTO_ICMP, FAR, 0, POD, 0);
	e.icmp.head.type = ICMP_DEST_UNREACH;
	e.icmp.ip = f.ip;
	e.icmp.sport = htons(4000);
	e.icmp.dport = htons(53);
	assert_false(in(&e));
	assert_true(out(&f));
	assert_true(in(&e));
	e.icmp.dport = htons(54);
	assert_false(in(&e));
	/* Echo: only where all protocols are allowed, and then its answer. */
	e = frame_of(IPPROTO_ICMP, FRIEND, 0, POD, 0);
	e.icmp.head.type = ICMP_ECHO;
	assert_false(in(&e));
	e.ip.saddr = htonl(BLOCKED);
	assert_true(in(&e));
	f = frame_of(IPPROTO_ICMP, POD, 0, BLOCKED, 0);
	f.icmp.head.type = ICMP_ECHOREPLY;
	assert_true(out(&f));
	f.icmp.head.un.echo.id = 1;
	assert_false(out(&f));
}

/* Cut packets, impossible lengths: never past the end, and never through. */
static void test_broken(void **state)
{
	struct frame f = frame_of(IPPROTO_TCP, FAR, 4000, POD, 80);

	guard(5, 6);
	for (unsigned int ihl = 0; ihl < 16; ihl++) {
		f.ip.ihl = ihl & 15;
		assert_false(in(&f));
	}
	f.ip.ihl = 5;
	for (uint32_t n = ETH_HLEN + sizeof(struct iphdr); n < sizeof(f); n++) {
		LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = &f, .data_size_in = n, .repeat = 1);

		assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(s->progs.pod_out), &o), 0);
		assert_int_equal(o.retval, TC_ACT_SHOT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_rules_yet, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rules_change, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_midstream, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fragments_and_icmp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken, set_up, tear_down),
	};

	if (geteuid() != 0 || access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		printf("[  SKIPPED ] 1 test(s): needs root and a kernel with BTF\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
