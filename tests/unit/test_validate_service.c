/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of Services, Endpoints and EndpointSlices; cases as in Kubernetes' own tests. */
#include "tests/unit/validate_fixture.h"

#define META "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"},"
#define SERVICE                                                                                 \
	META "\"spec\":{\"selector\":{\"app\":\"x\"},\"ports\":[{\"name\":\"p\",\"port\":80}]," \
	     "\"clusterIP\":\"10.96.0.7\",\"clusterIPs\":[\"10.96.0.7\"],"                      \
	     "\"ipFamilies\":[\"IPv4\"],\"ipFamilyPolicy\":\"SingleStack\"}}"
#define ANY_IP "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"

static void test_ports(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/metadata/name \"1a\"",
		 "metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower "
		 "case "
		 "alphanumeric characters or '-', start with an alphabetic character, and end with "
		 "an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
		 "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"},
		{"-/spec/ports", "spec.ports: Required value"},
		{"/spec/ports/0/port 0",
		 "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive\n"
		 "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, "
		 "inclusive"},
		{"/spec/ports/0/port 70000",
		 "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, "
		 "inclusive\n"
		 "spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, "
		 "inclusive"},
		{"/spec/ports/0/targetPort \"Bad_Port_is_long\"",
		 "spec.ports[0].targetPort: Invalid value: \"Bad_Port_is_long\": must be no more "
		 "than 15 characters\n"
		 "spec.ports[0].targetPort: Invalid value: \"Bad_Port_is_long\": must contain only "
		 "alpha-numeric characters (a-z, 0-9), and hyphens (-)"},
		{"/spec/ports/0/protocol \"ICMP\"",
		 "spec.ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", "
		 "\"TCP\", \"UDP\""},
		{"/spec/ports/- {\"port\":81}", "spec.ports[1].name: Required value"},
		{"/spec/ports/- {\"name\":\"p\",\"port\":81}",
		 "spec.ports[1].name: Duplicate value: \"p\""},
		{"/spec/ports/- {\"name\":\"q\",\"port\":80,\"protocol\":\"UDP\"}", ""},
		{"/spec/ports/- {\"name\":\"q\",\"port\":80}",
		 "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\","
		 "\"AppProtocol\":null,\"Port\":80,\"TargetPort\":0,\"NodePort\":0}"},
		{"/spec/ports/0/name \"a.b\"",
		 "spec.ports[0].name: Invalid value: \"a.b\": must not contain dots"},
		{"/spec/ports/0/nodePort 30000",
		 "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"},
		{"/spec/type \"NodePort\"\n/spec/ports/0/nodePort 30000\n"
		 "/spec/ports/- {\"name\":\"q\",\"port\":81,\"nodePort\":30000}",
		 "spec.ports[1].nodePort: Duplicate value: 30000"},
	};

	V_CREATE(v_kind("", "services"), SERVICE, cases);
}

static void test_service(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/type \"Bad\"",
		 "spec.type: Unsupported value: \"Bad\": supported values: \"ClusterIP\", "
		 "\"ExternalName\", \"LoadBalancer\", \"NodePort\""},
		{"/spec/clusterIP \"None\"\n/spec/clusterIPs [\"None\"]\n-/spec/ports", ""},
		{"/spec/clusterIP \"None\"\n/spec/clusterIPs [\"None\"]\n/spec/type \"NodePort\"",
		 "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for "
		 "NodePort services"},
		{"/spec/clusterIPs [\"10.96.0.8\"]",
		 "spec.clusterIPs: Invalid value: [\"10.96.0.8\"]: first value must match "
		 "`clusterIP`"},
		{"/spec/clusterIP \"1.2\"\n/spec/clusterIPs [\"1.2\"]",
		 "spec.clusterIPs[0]: Invalid value: \"1.2\": " ANY_IP},
		{"/spec/clusterIP \"fd00::1\"\n/spec/clusterIPs [\"fd00::1\"]",
		 "spec.clusterIPs[0]: Invalid value: \"fd00::1\": expected an IPv4 value as "
		 "indicated by `ipFamilies[0]`"},
		{"/spec/clusterIPs [\"10.96.0.7\",\"10.96.0.8\"]",
		 "spec.clusterIPs: Invalid value: [\"10.96.0.7\",\"10.96.0.8\"]: may specify no "
		 "more "
		 "than one IP for each IP family"},
		{"/spec/ipFamilies [\"IPv4\",\"IPv4\"]\n/spec/ipFamilyPolicy \"Both\"",
		 "spec.ipFamilies[1]: Duplicate value: \"IPv4\"\n"
		 "spec.ipFamilyPolicy: Unsupported value: \"Both\": supported values: "
		 "\"PreferDualStack\", \"RequireDualStack\", \"SingleStack\""},
		{"/spec/sessionAffinity \"Other\"",
		 "spec.sessionAffinity: Unsupported value: \"Other\": supported values: "
		 "\"ClientIP\", \"None\""},
		{"/spec/sessionAffinity \"ClientIP\"\n"
		 "/spec/sessionAffinityConfig {\"clientIP\":{\"timeoutSeconds\":86401}}",
		 "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must "
		 "be "
		 "greater than 0 and less than 86400"},
		{"/spec/externalIPs [\"127.0.0.1\",\"0.0.0.0\",\"169.254.1.1\",\"x\",\"1.2.3.4\","
		 "\"010.1.1.1\"]",
		 "spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback "
		 "range (127.0.0.0/8, ::1/128)\n"
		 "spec.externalIPs[1]: Invalid value: \"0.0.0.0\": may not be unspecified "
		 "(0.0.0.0)\n"
		 "spec.externalIPs[2]: Invalid value: \"169.254.1.1\": may not be in the "
		 "link-local "
		 "range (169.254.0.0/16, fe80::/10)\n"
		 "spec.externalIPs[3]: Invalid value: \"x\": " ANY_IP "\n"
		 "spec.externalIPs[5]: Invalid value: \"010.1.1.1\": must not have leading 0s"},
		{"/spec/externalTrafficPolicy \"Local\"",
		 "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for "
		 "externally-accessible services"},
		{"/spec/healthCheckNodePort 30000",
		 "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is "
		 "'LoadBalancer' and `externalTrafficPolicy` is 'Local'"},
		{"/spec/loadBalancerClass \"a/b\"\n/spec/allocateLoadBalancerNodePorts true\n"
		 "/spec/loadBalancerSourceRanges [\"10.0.0.0/8\"]",
		 "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is "
		 "'LoadBalancer'\n"
		 "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is "
		 "'LoadBalancer'\n"
		 "spec.loadBalancerClass: Forbidden: may only be used when `type` is "
		 "'LoadBalancer'"},
		{"/spec/type \"LoadBalancer\"\n/spec/loadBalancerSourceRanges "
		 "[\"10.0.0.0/8\",\" 10.0.0.1/8\",\"x\"]",
		 "spec.LoadBalancerSourceRanges[1]: Invalid value: \"10.0.0.1/8\": must not have "
		 "bits set beyond the prefix length\n"
		 "spec.LoadBalancerSourceRanges[2]: Invalid value: \"x\": must be a valid CIDR "
		 "value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"},
		{"/spec {\"type\":\"ExternalName\"}", "spec.externalName: Required value"},
		{"/spec {\"type\":\"ExternalName\",\"externalName\":\"example.com.\"}", ""},
		{"/spec {\"type\":\"ExternalName\",\"externalName\":\"a\",\"clusterIP\":\"None\","
		 "\"clusterIPs\":[\"None\"]}",
		 "spec.clusterIPs: Forbidden: may not be set for ExternalName services"},
		{"/spec/internalTrafficPolicy \"Near\"",
		 "spec.internalTrafficPolicy: Unsupported value: \"Near\": supported values: "
		 "\"Cluster\", \"Local\""},
	};

	V_CREATE(v_kind("", "services"), SERVICE, cases);
}

static void test_service_update(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/ports/0/port 81\n/spec/selector {\"a\":\"b\"}", ""},
		{"/spec/clusterIP \"10.96.0.8\"\n/spec/clusterIPs [\"10.96.0.8\"]",
		 "spec.clusterIPs[0]: Invalid value: [\"10.96.0.8\"]: may not change once set"},
		{"/spec/ipFamilies [\"IPv6\"]",
		 "spec.clusterIPs[0]: Invalid value: \"10.96.0.7\": expected an IPv6 value as "
		 "indicated by `ipFamilies[0]`\n"
		 "spec.ipFamilies[0]: Invalid value: [\"IPv6\"]: may not change once set"},
		{"/spec/clusterIPs [\"10.96.0.7\",\"fd00::7\"]\n"
		 "/spec/ipFamilies [\"IPv4\",\"IPv6\"]\n/spec/ipFamilyPolicy \"PreferDualStack\"",
		 ""},
		{"/spec {\"type\":\"ExternalName\",\"externalName\":\"a.b\"}", ""},
	};
	static const struct vcase status[] = {
		{"/status {\"loadBalancer\":{\"ingress\":[{\"ip\":\"1.2.3.4\"}]}}",
		 "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is "
		 "'LoadBalancer'"},
		{"/spec/type \"LoadBalancer\"\n/status {\"loadBalancer\":{\"ingress\":"
		 "[{\"ip\":\"x\"},{\"hostname\":\"1.2.3.4\"}]}}",
		 "status.loadBalancer.ingress[0].ip: Invalid value: \"x\": " ANY_IP "\n"
		 "status.loadBalancer.ingress[1].hostname: Invalid value: \"1.2.3.4\": must be a "
		 "DNS name, not an IP address"},
	};

	V_UPDATE(v_kind("", "services"), NULL, SERVICE, cases);
	V_UPDATE(v_kind("", "services"), "status", SERVICE, status);
}

/* The update as the server makes it ready: what it allocated stays, what no type needs goes. */
static void test_service_prepare(void **state)
{
	const struct api_kind *k = v_kind("", "services");
	CLEANUP_JSON struct json_object *old =
		v_object(k, SERVICE, "/spec/type \"NodePort\"\n/spec/ports/0/nodePort 30007");
	CLEANUP_JSON struct json_object *same =
		v_object(k, SERVICE,
			 "-/spec/clusterIP\n-/spec/clusterIPs\n/spec/type \"ClusterIP\"\n"
			 "/spec/ports/0/nodePort 30007\n/spec/externalTrafficPolicy \"Cluster\"");
	CLEANUP_JSON struct json_object *other =
		v_object(k, SERVICE, "/spec/type \"ExternalName\"\n/spec/externalName \"a.b\"");
	struct err e = ERR_INIT;

	api_prepare_update(k, same, old);
	assert_streq_n(jsonc_path_str(same, "spec.clusterIP"), "10.96.0.7");
	assert_true(jsonc_equal(jsonc_path(same, "spec.clusterIPs"),
				jsonc_path(old, "spec.clusterIPs")));
	assert_int_equal(api_validate_update(k, NULL, same, old, &e), 0);
	api_prepare_update(k, other, old);
	assert_null(jsonc_path(other, "spec.clusterIPs"));
	assert_int_equal(api_validate_update(k, NULL, other, old, &e), 0);
	err_done(&e);
}

#define ENDPOINTS                                                                              \
	META "\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0.1\"}],\"ports\":[{\"name\":\"p\"," \
	     "\"port\":80}]}]}"
#define SLICE                                                                           \
	META "\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"]}]," \
	     "\"ports\":[{\"name\":\"p\",\"port\":80}]}"

static void test_endpoints(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/subsets [{}]",
		 "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"},
		{"/subsets/0/addresses/0/ip \"x\"",
		 "subsets[0].addresses[0].ip: Invalid value: \"x\": " ANY_IP "\n"
		 "subsets[0].addresses[0].ip: Invalid value: \"x\": must be a valid IP address"},
		{"/subsets/0/ports/- {\"port\":0}",
		 "subsets[0].ports[1].name: Required value\n"
		 "subsets[0].ports[1].port: Invalid value: 0: must be between 1 and 65535, "
		 "inclusive"},
	};
	static const struct vcase slices[] = {
		{"", ""},
		{"/addressType \"IP\"",
		 "addressType: Unsupported value: \"IP\": supported values: \"FQDN\", \"IPv4\", "
		 "\"IPv6\""},
		{"-/addressType", "addressType: Required value"},
		{"/endpoints/0/addresses []",
		 "endpoints[0].addresses: Required value: must contain at least 1 address"},
		{"/endpoints/0/addresses [\"fd00::1\"]",
		 "endpoints[0].addresses[0]: Invalid value: \"fd00::1\": must be a valid IPv4 "
		 "address"},
		{"/endpoints/0/addresses [\"127.0.0.1\"]\n/endpoints/0/hostname \"a.b\"",
		 "endpoints[0].addresses[0]: Invalid value: \"127.0.0.1\": may not be in the "
		 "loopback range (127.0.0.0/8, ::1/128)\n"
		 "endpoints[0].hostname: Invalid value: \"a.b\": must not contain dots"},
		{"/addressType \"FQDN\"\n/endpoints/0/addresses [\"com\"]",
		 "endpoints[0].addresses[0]: Invalid value: \"com\": should be a domain with at "
		 "least two segments separated by dots"},
		{"/ports/- {\"name\":\"p\",\"port\":81}", "ports[1].name: Duplicate value: \"p\""},
		{"/ports/0/protocol \"X\"",
		 "ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", "
		 "\"TCP\", \"UDP\""},
	};
	static const struct vcase updates[] = {
		{"/addressType \"FQDN\"\n/endpoints []",
		 "addressType: Invalid value: \"FQDN\": field is immutable"},
	};

	V_CREATE(v_kind("", "endpoints"), ENDPOINTS, cases);
	V_CREATE(v_kind("discovery.k8s.io", "endpointslices"), SLICE, slices);
	V_UPDATE(v_kind("discovery.k8s.io", "endpointslices"), NULL, SLICE, updates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),          cmocka_unit_test(test_service),
		cmocka_unit_test(test_service_update), cmocka_unit_test(test_service_prepare),
		cmocka_unit_test(test_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
