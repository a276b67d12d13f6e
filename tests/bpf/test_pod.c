/* SPDX-License-Identifier: Apache-2.0 */
/* Packets in, verdict out (BPF_PROG_TEST_RUN): the pod's and the uplink's programs, no links. */
#include "lib/base/base.h"
#include "bpf/abi/pod.h"
#include "bpf/abi/reason.h"
#include "bpf/abi/uplink.h"
#include "bpf/pod.skel.h"
#include "bpf/uplink.skel.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

#define POD 0x0af40902u /* 10.244.9.2 */
#define OTHER 0x0af40903u
#define NODE 0xc0a84d01u
#define FAR 0x08080808u

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	char data[8];
} __attribute__((packed));

static struct frame frame_of(uint32_t from, uint32_t to)
{
	return (struct frame){
		.eth.h_proto = htons(ETH_P_IP),
		.ip = {.version = 4,
		       .ihl = 5,
		       .ttl = 64,
		       .protocol = IPPROTO_TCP,
		       .tot_len = htons(sizeof(struct frame) - ETH_HLEN),
		       .saddr = htonl(from),
		       .daddr = htonl(to)},
		.tcp = {.source = htons(4000), .dest = htons(80), .doff = 5, .syn = 1},
	};
}

static int run(struct bpf_program *prog, const void *in, size_t len, struct frame *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in, .data_size_in = (uint32_t)len,
		    .data_out = ret, .data_size_out = ret ? sizeof(*ret) : 0, .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &o), 0);
	return (int)o.retval;
}

static uint64_t counted(struct bpf_map *map, uint32_t reason)
{
	uint64_t v[512] = {0}, n = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &reason, v), 0);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		n += v[i];
	return n;
}

static void add_pod(struct bpf_map *map, uint32_t addr, uint32_t ifindex)
{
	struct pod_entry e = {.ifindex = ifindex};

	addr = htonl(addr);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &addr, &e, BPF_ANY), 0);
}

static void test_pod_out(void **state)
{
	struct pod_bpf *s = pod_bpf__open_and_load();
	struct frame f;

	assert_non_null(s);
	add_pod(s->maps.pods, POD, 1); /* a test run's packet comes from lo */
	add_pod(s->maps.pods, OTHER, 7);
	f = frame_of(POD, FAR);
	assert_int_equal(run(s->progs.pod_out, &f, sizeof(f), NULL), TC_ACT_OK);
	assert_int_equal(counted(s->maps.counters, NET_REASON_TO_STACK), 1);
	f = frame_of(POD, OTHER);
	assert_int_equal(run(s->progs.pod_out, &f, sizeof(f), NULL), TC_ACT_REDIRECT);
	f = frame_of(OTHER, POD); /* another pod's address */
	assert_int_equal(run(s->progs.pod_out, &f, sizeof(f), NULL), TC_ACT_SHOT);
	f = frame_of(FAR, POD); /* nobody's */
	assert_int_equal(run(s->progs.pod_out, &f, sizeof(f), NULL), TC_ACT_SHOT);
	assert_int_equal(counted(s->maps.counters, NET_REASON_SPOOFED), 2);
	f.eth.h_proto = htons(ETH_P_IPV6);
	assert_int_equal(run(s->progs.pod_out, &f, sizeof(f), NULL), TC_ACT_SHOT);
	f.eth.h_proto = htons(ETH_P_ARP);
	assert_int_equal(run(s->progs.pod_out, &f, sizeof(f), NULL), TC_ACT_OK);
	pod_bpf__destroy(s);
}

static void test_masquerade(void **state)
{
	struct uplink_bpf *s = uplink_bpf__open();
	struct frame f, out, answer;
	uint16_t port;

	assert_non_null(s);
	s->rodata->node_addr = htonl(NODE);
	s->rodata->cluster_addr = htonl(0x0af40000);
	s->rodata->cluster_mask = htonl(0xffff0000);
	s->rodata->port_min = 61000;
	s->rodata->port_count = 2;
	assert_int_equal(uplink_bpf__load(s), 0);
	f = frame_of(POD, FAR);
	assert_int_equal(run(s->progs.uplink_out, &f, sizeof(f), &out), TC_ACT_OK);
	assert_int_equal(out.ip.saddr, htonl(NODE));
	port = ntohs(out.tcp.source);
	assert_in_range(port, 61000, 61001);
	/* The same connection keeps it; another gets the other; a third finds none. */
	assert_int_equal(run(s->progs.uplink_out, &f, sizeof(f), &out), TC_ACT_OK);
	assert_int_equal(ntohs(out.tcp.source), port);
	f.tcp.source = htons(4001);
	assert_int_equal(run(s->progs.uplink_out, &f, sizeof(f), &out), TC_ACT_OK);
	assert_int_equal(ntohs(out.tcp.source), port == 61000 ? 61001 : 61000);
	f.tcp.source = htons(4002);
	assert_int_equal(run(s->progs.uplink_out, &f, sizeof(f), NULL), TC_ACT_SHOT);
	assert_int_equal(counted(s->maps.counters, NET_REASON_MASQ_NO_PORT), 1);
	/* The answer goes back. */
	answer = frame_of(FAR, NODE);
	answer.tcp.source = htons(80);
	answer.tcp.dest = htons(port);
	assert_int_equal(run(s->progs.uplink_in, &answer, sizeof(answer), &out), TC_ACT_OK);
	assert_int_equal(out.ip.daddr, htonl(POD));
	assert_int_equal(ntohs(out.tcp.dest), 4000);
	/* What is none of ours is left alone: host traffic, pod to pod, later fragments within. */
	f = frame_of(NODE, FAR);
	assert_int_equal(run(s->progs.uplink_out, &f, sizeof(f), &out), TC_ACT_OK);
	assert_memory_equal(&f, &out, sizeof(f));
	f = frame_of(POD, OTHER);
	assert_int_equal(run(s->progs.uplink_out, &f, sizeof(f), &out), TC_ACT_OK);
	assert_memory_equal(&f, &out, sizeof(f));
	f.ip.frag_off = htons(100);
	assert_int_equal(run(s->progs.uplink_out, &f, sizeof(f), NULL), TC_ACT_OK);
	f.ip.daddr = htonl(FAR);
	assert_int_equal(run(s->progs.uplink_out, &f, sizeof(f), NULL), TC_ACT_SHOT);
	assert_int_equal(counted(s->maps.counters, NET_REASON_FRAGMENT), 1);
	/* Cut packets, impossible header lengths: nothing is read or written past the end. */
	f = frame_of(POD, FAR);
	for (size_t n = ETH_HLEN + sizeof(struct iphdr); n < sizeof(f); n++)
		run(s->progs.uplink_in, &f, n, NULL);
	for (unsigned int ihl = 0; ihl < 16; ihl++) {
		f.ip.ihl = ihl & 15;
		run(s->progs.uplink_in, &f, sizeof(f), NULL);
	}
	uplink_bpf__destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pod_out),
		cmocka_unit_test(test_masquerade),
	};

	if (geteuid() != 0 || access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		printf("[  SKIPPED ] 1 test(s): needs root and a kernel with BTF\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
