/* SPDX-License-Identifier: Apache-2.0 */
/* NetworkPolicies in the words of net/policy.h: who may what, by k8s.io/api networking/v1. */
#include "agent/node/policy_rules.h"

#include <netinet/in.h>

#include "lib/json/json_scan.h"
#include "tests/unit/test.h"

#define J(...) (#__VA_ARGS__)
#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP

/* Pods of namespaces "a" (team=red) and "b". */
/* clang-format off */
static const char *const pods[] = {
	J({"metadata": {"name": "web", "namespace": "a", "labels": {"app": "web", "tier": "1"}},
	   "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080},
					      {"name": "dns", "containerPort": 53, "protocol": "UDP"}]}],
		    "initContainers": [{"ports": [{"name": "once", "containerPort": 1}]},
				       {"restartPolicy": "Always",
					"ports": [{"name": "side", "containerPort": 9}]}]},
	   "status": {"podIP": "10.1.0.1"}}),
	J({"metadata": {"name": "cli", "namespace": "a", "labels": {"app": "cli"}},
	   "spec": {"containers": []}, "status": {"podIP": "10.1.0.2"}}),
	J({"metadata": {"name": "web", "namespace": "b", "labels": {"app": "web"}},
	   "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 80}]}]},
	   "status": {"podIP": "10.2.0.1"}}),
	J({"metadata": {"name": "host", "namespace": "b"},
	   "spec": {"hostNetwork": true, "containers": []}, "status": {"podIP": "10.9.0.1"}}),
	J({"metadata": {"name": "done", "namespace": "b"},
	   "spec": {"containers": []}, "status": {"phase": "Succeeded", "podIP": "10.2.0.9"}}),
};
/* clang-format on */
enum { WEB, CLI, WEB_B, HOST, DONE };

static void each_pod(void *user, void (*fn)(void *arg, struct jv pod), void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(pods); i++)
		fn(arg, jv_of(str_of(pods[i])));
}

static struct jv ns_labels(void *user, struct str ns)
{
	if (str_eqs(ns, "a"))
		return jv_of(STR("{\"team\":\"red\",\"kubernetes.io/metadata.name\":\"a\"}"));
	return jv_of(STR("{\"kubernetes.io/metadata.name\":\"b\"}"));
}

static struct policy_rules *rules;
static struct policy_sides sides;

static int set_up(void **state)
{
	rules = policy_rules_new(
		&(struct policy_rules_conf){.each_pod = each_pod, .ns_labels = ns_labels});
	return 0;
}

static int tear_down(void **state)
{
	policy_sides_done(&sides);
	policy_rules_free(rules);
	return 0;
}

/* A policy of namespace "a" with this spec is there as well. */
static void policy(int of, const char *spec)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addf(&b, "{\"metadata\":{\"name\":\"p\",\"namespace\":\"a\"},\"spec\":%s}", spec);
	assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
	policy_rules_add(rules, jv_of(buf_str(&b)), jv_of(str_of(pods[of])), &sides);
}

static void anew(int of, const char *spec)
{
	policy_sides_done(&sides);
	policy_rules_clear(rules);
	policy(of, spec);
}

static bool in_block(const struct policy_block *b, struct ip_addr addr)
{
	for (size_t i = 0; i < b->n_except; i++)
		if (ip_prefix_has(b->except[i], addr))
			return false;
	return ip_prefix_has(b->range, addr);
}

/* The tags of a pod, or of an address that is none. */
static size_t tags_of(int pod, const char *ip, uint32_t *ret)
{
	struct policy_block *blocks;
	size_t n = 0, n_blocks = policy_rules_blocks(rules, &blocks);
	struct ip_addr v[2] = {ip_of4(0)}, addr;

	if (ip)
		assert_int_equal(ip_addr_parse(str_of(ip), &addr), 0);
	else if (policy_pod_addrs(jv_of(str_of(pods[pod])), v))
		n = policy_rules_tags(rules, jv_of(str_of(pods[pod])), ret);
	if (!ip)
		addr = v[0];
	for (size_t i = 0; i < n_blocks; i++)
		if (in_block(&blocks[i], addr))
			ret[n++] = blocks[i].tag;
	free(blocks);
	return n;
}

static bool rule_has(const struct policy_rule *r, const uint32_t *tags, size_t n, uint8_t proto,
		     uint16_t port)
{
	bool peer = r->anyone, fits = !r->n_ports;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < r->n_tags; k++)
			peer |= r->tags[k] == tags[i];
	for (size_t i = 0; i < r->n_ports; i++)
		fits |= r->ports[i].proto == proto && port >= r->ports[i].min &&
			port <= r->ports[i].max;
	return peer && fits;
}

static bool may(const struct policy_side *s, int pod, const char *ip, uint8_t proto, uint16_t port)
{
	uint32_t tags[64];
	size_t n = tags_of(pod, ip, tags);

	for (size_t i = 0; i < s->n; i++)
		if (rule_has(&s->rules[i], tags, n, proto, port))
			return true;
	return !s->isolated;
}

static bool in(int pod, uint8_t proto, uint16_t port)
{
	return may(&sides.in, pod, NULL, proto, port);
}
static bool in_ip(const char *ip, uint16_t port)
{
	return may(&sides.in, 0, ip, TCP, port);
}
static bool out(int pod, uint8_t proto, uint16_t port)
{
	return may(&sides.out, pod, NULL, proto, port);
}

/* clang-format off */
static void test_types(void **state)
{
	anew(WEB, J({"podSelector": {}}));
	assert_true(sides.in.isolated && !sides.out.isolated);
	assert_false(in(CLI, TCP, 80));
	assert_true(out(CLI, TCP, 80));
	anew(WEB, J({"podSelector": {}, "egress": [{}]}));
	assert_true(sides.in.isolated && sides.out.isolated);
	assert_false(in(CLI, TCP, 80));
	assert_true(out(CLI, TCP, 80)); /* an empty rule is everything */
	anew(WEB, J({"podSelector": {}, "policyTypes": ["Egress"], "ingress": [{}]}));
	assert_true(!sides.in.isolated && sides.out.isolated);
	anew(WEB, J({"podSelector": {}, "policyTypes": ["Ingress"], "egress": [{}]}));
	assert_true(sides.in.isolated && !sides.out.isolated);
	anew(WEB, J({"podSelector": {"matchLabels": {"app": "cli"}}}));
	assert_true(!sides.in.isolated && !sides.out.isolated);
	anew(WEB_B, J({"podSelector": {}})); /* another namespace's */
	assert_false(sides.in.isolated);
	anew(WEB, J({"podSelector": {"matchExpressions": [
		{"key": "app", "operator": "NotIn", "values": ["cli"]},
		{"key": "tier", "operator": "Exists"}]}}));
	assert_true(sides.in.isolated);
}

static void test_union(void **state)
{
	anew(WEB, J({"podSelector": {}}));
	policy(WEB, J({"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]}));
	policy(WEB, J({"podSelector": {"matchLabels": {"app": "cli"}}, "ingress": [{}]}));
	policy(WEB, J({"podSelector": {}, "ingress": [
		{"from": [{"podSelector": {"matchLabels": {"app": "cli"}}}]}]}));
	assert_true(in(WEB_B, TCP, 80));
	assert_false(in(WEB_B, TCP, 81));
	assert_true(in(CLI, UDP, 81));
}

static void test_peers(void **state)
{
	anew(WEB, J({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}));
	assert_true(in(CLI, TCP, 1));
	assert_false(in(WEB_B, TCP, 1)); /* of its own namespace */
	assert_false(in_ip("10.1.0.2", 1)); /* by being the pod, not by the address */
	anew(WEB, J({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}));
	assert_true(in(CLI, TCP, 1));
	assert_true(in(WEB_B, TCP, 1));
	assert_false(in(HOST, TCP, 1));
	assert_false(in(DONE, TCP, 1));
	assert_false(in_ip("8.8.8.8", 1));
	anew(WEB, J({"podSelector": {}, "ingress": [{"from": [
		{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "b"}},
		 "podSelector": {"matchLabels": {"app": "web"}}}]}]}));
	assert_true(in(WEB_B, TCP, 1));
	assert_false(in(CLI, TCP, 1));
	/* Two entries are either, one with two selectors is both. */
	anew(WEB, J({"podSelector": {}, "ingress": [{"from": [
		{"namespaceSelector": {"matchLabels": {"team": "red"}}},
		{"podSelector": {"matchLabels": {"app": "web"}}}]}]}));
	assert_true(in(CLI, TCP, 1));
	assert_false(in(WEB_B, TCP, 1));
	anew(WEB, J({"podSelector": {}, "ingress": [{"from": []}]})); /* as if it were not there */
	assert_true(in_ip("8.8.8.8", 1));
}

static void test_blocks(void **state)
{
	anew(WEB, J({"podSelector": {}, "ingress": [{"from": [
		{"ipBlock": {"cidr": "10.2.0.7/16", "except": ["10.2.0.0/24"]}},
		{"ipBlock": {"cidr": "2001:db8::/32"}}]}]}));
	assert_true(in_ip("10.2.1.1", 1));
	assert_false(in_ip("10.2.0.1", 1));
	assert_false(in_ip("10.3.0.1", 1));
	assert_true(in_ip("2001:db8::77", 1));
	assert_false(in_ip("2001:db9::77", 1));
	assert_false(in(WEB_B, TCP, 1));
	/* What one block excepts another may have. */
	policy(WEB, J({"podSelector": {}, "ingress": [{"from": [
		{"ipBlock": {"cidr": "10.2.0.1/32"}}], "ports": [{"port": 5, "endPort": 7}]}]}));
	assert_true(in(WEB_B, TCP, 6));
	assert_false(in(WEB_B, TCP, 8));
	assert_false(in(WEB_B, UDP, 6));
	/* Only IPv6: nobody of the other family, not everybody. */
	anew(WEB, J({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "::/0"}}]}]}));
	assert_false(in_ip("10.2.1.1", 1));
	assert_true(in_ip("fd00::1", 1));
	assert_false(policy_rules_need_pods(rules));
}

static void test_named_ports(void **state)
{
	anew(WEB, J({"podSelector": {}, "ingress": [{"ports": [
		{"port": "http"}, {"port": "dns", "protocol": "UDP"}, {"port": "once"},
		{"port": "side"}]}]}));
	assert_true(in(CLI, TCP, 8080));
	assert_true(in(CLI, UDP, 53));
	assert_true(in(CLI, TCP, 9));
	assert_false(in(CLI, TCP, 53));
	assert_false(in(CLI, TCP, 80));
	assert_false(in(CLI, TCP, 1));
	/* A name nobody has is no port, not all. */
	anew(WEB, J({"podSelector": {}, "ingress": [{"ports": [{"port": "none"}]}]}));
	assert_false(in(CLI, TCP, 8080));
	/* Going out it is the peer's. */
	anew(CLI, J({"podSelector": {}, "policyTypes": ["Egress"], "egress": [
		{"to": [{"namespaceSelector": {}}], "ports": [{"port": "http"}]}]}));
	assert_true(out(WEB, TCP, 8080));
	assert_false(out(WEB, TCP, 80));
	assert_true(out(WEB_B, TCP, 80));
	assert_false(out(WEB_B, TCP, 8080));
	anew(CLI, J({"podSelector": {}, "policyTypes": ["Egress"], "egress": [
		{"ports": [{"port": "http"}, {"port": 443}]}]}));
	assert_true(out(WEB, TCP, 8080));
	assert_true(out(WEB_B, TCP, 443));
	assert_false(out(WEB_B, TCP, 8080));
	assert_true(may(&sides.out, 0, "8.8.8.8", TCP, 443));
	assert_false(may(&sides.out, 0, "8.8.8.8", TCP, 80));
	/* A pod comes with another number. */
	assert_true(policy_rules_know_ports(rules, jv_of(str_of(pods[WEB]))));
	assert_false(policy_rules_know_ports(rules, jv_of(STR(
		"{\"spec\":{\"containers\":[{\"ports\":[{\"name\":\"http\",\"containerPort\":81}]}]}}"))));
}

static void test_protocols(void **state)
{
	anew(WEB, J({"podSelector": {}, "ingress": [{"ports": [{"protocol": "UDP"}]}]}));
	assert_true(in(CLI, UDP, 7));
	assert_false(in(CLI, TCP, 7));
	anew(WEB, J({"podSelector": {}, "ingress": [{"ports": [{"protocol": "SCTP", "port": 7}]}]}));
	assert_true(in(CLI, IPPROTO_SCTP, 7));
	assert_false(in(CLI, TCP, 7));
}

/* Equal peers are one tag, whichever policy names them. */
static void test_tags_are_shared(void **state)
{
	const char *p = J({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}},
		{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]});

	anew(WEB, p);
	assert_int_equal(policy_rules_count(rules), 2);
	policy(WEB, p);
	policy(CLI, p);
	assert_int_equal(policy_rules_count(rules), 2);
	assert_true(policy_rules_need_pods(rules));
}

static void test_trim(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, again = BUF_INIT;
	struct ip_addr addr[2];

	policy_pod_trim(jv_of(str_of(pods[WEB])), &b);
	assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
	assert_int_equal(policy_pod_addrs(jv_of(buf_str(&b)), addr), 1);
	policy_pod_trim(jv_of(buf_str(&b)), &again);
	assert_string_equal(b.p, again.p);
	anew(CLI, J({"podSelector": {}, "policyTypes": ["Egress"], "egress": [
		{"to": [{"podSelector": {"matchLabels": {"tier": "1"}}}],
		 "ports": [{"port": "side"}]}]}));
	assert_int_equal(policy_rules_count(rules), 1);
	{
		uint32_t tags[1];

		assert_int_equal(policy_rules_tags(rules, jv_of(buf_str(&b)), tags), 1);
	}
}

/* clang-format on */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_types, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_union, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_peers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_blocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_named_ports, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_protocols, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tags_are_shared, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_trim, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
