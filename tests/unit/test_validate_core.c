/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of the smaller kinds; cases as in Kubernetes' own tests. */
#include "tests/unit/validate_fixture.h"

#define NS "{\"metadata\":{\"name\":\"a\"},\"spec\":{},\"status\":{\"phase\":\"Active\"}}"
#define CONFIG "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"},\"data\":{\"k\":\"v\"}}"
#define SECRET "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"},\"data\":{\"k\":\"dg==\"}}"
#define KEY                                                                                  \
	"a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. " \
	"'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "          \
	"'[-._a-zA-Z0-9]+')"
#define FROZEN "Forbidden: field is immutable when `immutable` is set"

static void test_namespace(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/metadata/name \"a.b\"",
		 "metadata.name: Invalid value: \"a.b\": must not contain dots"},
		{"/metadata/namespace \"x\"",
		 "metadata.namespace: Forbidden: not allowed on this type"},
		{"/spec/finalizers [\"kubernetes\",\"a.b/c\"]", ""},
		{"/spec/finalizers [\"mine\"]",
		 "spec.finalizers: Invalid value: \"mine\": name is neither a standard finalizer "
		 "name nor is it fully qualified"},
	};
	static const struct vcase status[] = {
		{"", ""},
		{"/status/phase \"Terminating\"",
		 "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if "
		 "`deletionTimestamp` is empty"},
	};

	V_CREATE(v_kind("", "namespaces"), NS, cases);
	V_UPDATE(v_kind("", "namespaces"), "status", NS, status);
}

static void test_configmap(void **state)
{
	static const struct vcase cases[] = {
		{"/data/.x-Y_z.1 \"\"", ""},
		{"/data {\"a b\":\"\",\"..\":\"\",\"..x\":\"\"}",
		 "data[a b]: Invalid value: \"a b\": " KEY "\n"
		 "data[..]: Invalid value: \"..\": must not be '..'\n"
		 "data[..x]: Invalid value: \"..x\": must not start with '..'"},
		{"/binaryData {\"k\":\"dg==\"}",
		 "data[k]: Invalid value: \"k\": duplicate of key present in binaryData"},
	};
	static const struct vcase frozen[] = {
		{"/metadata/labels {\"a\":\"b\"}", ""},
		{"/data/k \"w\"", "data: " FROZEN},
		{"/immutable false\n/binaryData {\"b\":\"dg==\"}",
		 "immutable: " FROZEN "\nbinaryData: " FROZEN},
	};
	CLEANUP(buf_done) struct buf change = BUF_INIT;
	struct vcase big = {NULL, "[]: Too long: may not be more than 1048576 bytes"};

	V_CREATE(v_kind("", "configmaps"), CONFIG, cases);
	V_UPDATE(v_kind("", "configmaps"), NULL,
		 "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"},\"data\":{\"k\":\"v\"},"
		 "\"immutable\":true}",
		 frozen);
	buf_adds(&change, "/data/big \"");
	for (size_t i = 0; i < 1024 * 1024; i++)
		buf_addc(&change, 'x');
	buf_addc(&change, '"');
	big.change = change.p;
	v_create(v_kind("", "configmaps"), CONFIG, &big, 1);
}

static void test_secret(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/data {\"a/b\":\"dg==\"}", "data[a/b]: Invalid value: \"a/b\": " KEY},
		{"/type \"kubernetes.io/tls\"",
		 "data[tls.crt]: Required value\ndata[tls.key]: Required value"},
		{"/type \"kubernetes.io/tls\"\n/data {\"tls.crt\":\"\",\"tls.key\":\"\"}", ""},
		{"/type \"kubernetes.io/basic-auth\"",
		 "data[username]: Required value\ndata[password]: Required value"},
		{"/type \"kubernetes.io/basic-auth\"\n/data {\"password\":\"\"}", ""},
		{"/type \"kubernetes.io/ssh-auth\"\n/data {\"ssh-privatekey\":\"\"}",
		 "data[ssh-privatekey]: Required value"},
		{"/type \"kubernetes.io/dockerconfigjson\"",
		 "data[.dockerconfigjson]: Required value"},
		{"/type \"kubernetes.io/dockerconfigjson\"\n/data {\".dockerconfigjson\":\"\"}",
		 "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": "
		 "unexpected end of JSON input"},
		{"/type \"kubernetes.io/dockerconfigjson\"\n/data {\".dockerconfigjson\":\"e30=\"}",
		 ""},
		{"/type \"kubernetes.io/service-account-token\"",
		 "metadata.annotations[kubernetes.io/service-account.name]: Required value"},
	};
	static const struct vcase updates[] = {
		{"/data/k \"dw==\"", ""},
		{"/type \"x/y\"", "type: Invalid value: \"x/y\": field is immutable"},
	};

	V_CREATE(v_kind("", "secrets"), SECRET, cases);
	V_UPDATE(v_kind("", "secrets"), NULL, SECRET, updates);
}

#define NODE                                                                               \
	"{\"metadata\":{\"name\":\"n\"},\"spec\":{\"podCIDR\":\"10.244.0.0/24\","          \
	"\"podCIDRs\":[\"10.244.0.0/24\"],\"providerID\":\"p\"},\"status\":{\"capacity\":" \
	"{\"cpu\":\"2\"}}}"

static void test_node(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/spec/taints [{\"key\":\"a\",\"effect\":\"NoSchedule\"},{\"key\":\"a\",\"value\":"
		 "\"v\",\"effect\":\"NoSchedule\"},{\"key\":\"b\"}]",
		 "metadata.taints[1]: Duplicate value: "
		 "{\"Key\":\"a\",\"Value\":\"v\",\"Effect\":\"NoSchedule\",\"TimeAdded\":null}: "
		 "taints must be unique by key and effect pair\n"
		 "metadata.taints[2].effect: Required value"},
		{"/status/capacity {\"cpu\":\"-1\",\"pods\":\"1500m\"}",
		 "status.capacity.cpu: Invalid value: \"-1\": must be greater than or equal to 0\n"
		 "status.capacity.pods: Invalid value: \"1500m\": must be an integer\n"
		 "status.allocatable.cpu: Invalid value: \"-1\": must be greater than or equal to "
		 "0\n"
		 "status.allocatable.pods: Invalid value: \"1500m\": must be an integer"},
		{"/spec/podCIDRs [\"10.0.0.0/24\",\"10.0.0.0/24\",\"x\"]",
		 "spec.podCIDRs[2]: Invalid value: \"x\": must be a valid CIDR value, (e.g. "
		 "10.9.8.0/24 or 2001:db8::/64)\n"
		 "spec.podCIDRs: Invalid value: [\"10.0.0.0/24\",\"10.0.0.0/24\",\"x\"]: may "
		 "specify "
		 "no more than one CIDR for each IP family\n"
		 "spec.podCIDRs[1]: Duplicate value: \"10.0.0.0/24\""},
	};
	static const struct vcase updates[] = {
		{"/spec/unschedulable true\n/metadata/labels {\"a\":\"b\"}", ""},
		{"/spec/podCIDRs [\"10.244.1.0/24\"]\n/spec/providerID \"q\"",
		 "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" "
		 "to "
		 "valid\n"
		 "spec.providerID: Forbidden: node updates may not change providerID except from "
		 "\"\" to valid"},
	};
	static const struct vcase status[] = {
		{"/status/addresses [{\"type\":\"InternalIP\",\"address\":\"1.1.1.1\"},{\"type\":"
		 "\"InternalIP\",\"address\":\"1.1.1.1\"}]",
		 "status.addresses[1]: Duplicate value: "
		 "{\"Type\":\"InternalIP\",\"Address\":\"1.1.1.1\"}"},
	};

	V_CREATE(v_kind("", "nodes"), NODE, cases);
	V_UPDATE(v_kind("", "nodes"), NULL, NODE, updates);
	V_UPDATE(v_kind("", "nodes"), "status", NODE, status);
}

static void test_event(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/involvedObject/namespace \"other\"",
		 "involvedObject.namespace: Invalid value: \"other\": does not match "
		 "event.namespace"},
		{"/involvedObject {}",
		 "involvedObject.namespace: Invalid value: \"\": does not match event.namespace"},
		{"/eventTime \"2026-01-01T00:00:00.000000Z\"",
		 "reportingController: Required value\n"
		 "reportingController: Invalid value: \"\": name part must be non-empty\n"
		 "reportingController: Invalid value: \"\": name part must consist of alphanumeric "
		 "characters, '-', '_' or '.', and must start and end with an alphanumeric "
		 "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
		 "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')\n"
		 "reportingInstance: Required value\naction: Required value\n"
		 "reason: Required value"},
	};
	static const struct vcase strict[] = {
		{"", ""},
		{"/type \"Odd\"\n/deprecatedCount 2\n/series {\"count\":1}",
		 "series.count: Invalid value: \"\": should be at least 2\n"
		 "series.lastObservedTime: Required value\n"
		 "type: Invalid value: \"\": has invalid value: Odd\n"
		 "count: Invalid value: \"\": needs to be unset"},
	};
	static const struct vcase updates[] = {
		{"/note \"other\"", "message: Invalid value: \"other\": field is immutable"},
	};
	static const char *const v1 =
		"{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"},\"eventTime\":"
		"\"2026-01-01T00:00:00.000000Z\",\"reportingController\":\"a.b/c\","
		"\"reportingInstance\":\"i\",\"action\":\"A\",\"reason\":\"R\",\"type\":\"Normal\","
		"\"regarding\":{\"namespace\":\"ns\",\"name\":\"x\"},\"note\":\"text\"}";

	V_CREATE(v_kind("", "events"),
		 "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"},\"involvedObject\":{"
		 "\"namespace\":\"ns\"}}",
		 cases);
	V_CREATE(v_kind("events.k8s.io", "events"), v1, strict);
	V_UPDATE(v_kind("events.k8s.io", "events"), NULL, v1, updates);
}

static void test_lease(void **state)
{
	static const struct vcase cases[] = {
		{"/spec {\"leaseDurationSeconds\":40,\"leaseTransitions\":0}", ""},
		{"/spec {\"leaseDurationSeconds\":0,\"leaseTransitions\":-1,\"preferredHolder\":"
		 "\"x\"}",
		 "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0\n"
		 "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0\n"
		 "spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"},
	};

	V_CREATE(v_kind("coordination.k8s.io", "leases"),
		 "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"}}", cases);
}

static void test_priorityclass(void **state)
{
	static const struct vcase cases[] = {
		{"/value 1000000000", ""},
		{"/value 1000000001",
		 "value: Forbidden: maximum allowed value of a user defined priority is "
		 "1000000000"},
		{"/metadata/name \"system-x\"",
		 "metadata.name: Forbidden: priority class names with 'system-' prefix are "
		 "reserved for system use only. error: system-x is not a known system priority "
		 "class"},
		{"/metadata/name \"system-node-critical\"\n/value 2000001000", ""},
	};
	static const struct vcase updates[] = {
		{"/description \"d\"", ""},
		{"/value 5\n/preemptionPolicy \"Never\"",
		 "value: Forbidden: may not be changed in an update.\n"
		 "preemptionPolicy: Invalid value: \"Never\": field is immutable"},
	};
	static const char *const base = "{\"metadata\":{\"name\":\"a\"},\"value\":10}";

	V_CREATE(v_kind("scheduling.k8s.io", "priorityclasses"), base, cases);
	V_UPDATE(v_kind("scheduling.k8s.io", "priorityclasses"), NULL, base, updates);
}

static void test_csr(void **state)
{
	/* "-----BEGIN CERTIFICATE REQUEST-----" */
	static const char *const base =
		"{\"metadata\":{\"name\":\"node:a\"},\"spec\":{\"request\":"
		"\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0=\",\"signerName\":"
		"\"kubernetes.io/kube-apiserver-client\",\"usages\":[\"client auth\"]}}";
	static const struct vcase cases[] = {
		{"", ""},
		{"/spec/request \"eA==\"\n/spec/usages []\n/spec/expirationSeconds 5",
		 "spec.request: Invalid value: \"eA==\": PEM block type must be CERTIFICATE "
		 "REQUEST\n"
		 "spec.usages: Required value\n"
		 "spec.expirationSeconds: Invalid value: 5: may not specify a duration less than "
		 "600 seconds (10 minutes)"},
		{"/spec/usages [\"server auth\",\"server auth\"]\n/spec/signerName \"x\"",
		 "spec.usages[1]: Duplicate value: \"server auth\"\n"
		 "spec.signerName: Invalid value: \"x\": must be a fully qualified domain and path "
		 "of the form 'example.com/signer-name'"},
		{"/spec/signerName \"com/a\"",
		 "spec.signerName: Invalid value: \"com\": should be a domain with at least two "
		 "segments separated by dots"},
	};
	static const struct vcase approval[] = {
		{"/status {\"conditions\":[{\"type\":\"Approved\",\"status\":\"True\"}]}", ""},
		{"/status {\"conditions\":[{\"type\":\"Approved\",\"status\":\"False\"},{\"type\":"
		 "\"Denied\",\"status\":\"True\"}]}",
		 "status.conditions[0].status: Unsupported value: \"False\": supported values: "
		 "\"True\"\n"
		 "status.conditions[1].type: Invalid value: \"Denied\": Approved and Denied "
		 "conditions are mutually exclusive"},
	};

	V_CREATE(v_kind("certificates.k8s.io", "certificatesigningrequests"), base, cases);
	V_UPDATE(v_kind("certificates.k8s.io", "certificatesigningrequests"), "approval", base,
		 approval);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_namespace),     cmocka_unit_test(test_configmap),
		cmocka_unit_test(test_secret),        cmocka_unit_test(test_node),
		cmocka_unit_test(test_event),         cmocka_unit_test(test_lease),
		cmocka_unit_test(test_priorityclass), cmocka_unit_test(test_csr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
