/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of storage, networking, quotas, autoscaling, admission, flow control and devices. */
#include "tests/unit/validate_fixture.h"

#define META "\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"}"
#define CMETA "\"metadata\":{\"name\":\"a\"}"
#define IMMUTABLE "field is immutable"

#define PV                                                                         \
	"{" CMETA ",\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":" \
	"[\"ReadWriteOnce\"],\"hostPath\":{\"path\":\"/x\"}}}"
#define PVC                                                                       \
	"{" META ",\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{" \
	"\"requests\":{\"storage\":\"1Gi\"}}}}"

static void test_volumes(void **state)
{
	static const struct vcase pv[] = {
		{"", ""},
		{"-/spec/accessModes", "spec.accessModes: Required value"},
		{"/spec/accessModes/- \"ReadWriteOncePod\"",
		 "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access "
		 "modes"},
		{"-/spec/hostPath", "spec: Required value: must specify a volume type"},
		{"/spec/nfs {\"server\":\"s\",\"path\":\"/p\"}",
		 "spec.nfs: Forbidden: may not specify more than 1 volume type"},
		{"/spec/capacity/storage \"0\"",
		 "spec.capacity[storage]: Invalid value: \"0\": must be greater than zero"},
		{"-/spec/hostPath\n/spec/local {\"path\":\"/x\"}",
		 "spec.nodeAffinity: Required value: Local volume requires node affinity"},
	};
	static const struct vcase pv_update[] = {
		{"/spec/persistentVolumeReclaimPolicy \"Delete\"", ""},
		{"/spec/hostPath/path \"/y\"",
		 "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable "
		 "after creation"},
	};
	static const struct vcase pvc[] = {
		{"", ""},
		{"-/spec/accessModes",
		 "spec.accessModes: Required value: at least 1 access mode is required"},
		{"-/spec/resources", "spec.resources[storage]: Required value"},
		{"/spec/storageClassName \"A_b\"",
		 "spec.storageClassName: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain "
		 "must "
		 "consist of lower case alphanumeric characters, '-' or '.', and must start and "
		 "end "
		 "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
		 "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"},
	};
	static const struct vcase pvc_update[] = {
		{"/spec/volumeName \"v\"", ""},
		{"/spec/resources/requests/storage \"2Gi\"",
		 "spec: Forbidden: spec is immutable after creation except resources.requests and "
		 "volumeAttributesClassName for bound claims"},
	};

	V_CREATE(v_kind("", "persistentvolumes"), PV, pv);
	V_UPDATE(v_kind("", "persistentvolumes"), NULL, PV, pv_update);
	V_CREATE(v_kind("", "persistentvolumeclaims"), PVC, pvc);
	V_UPDATE(v_kind("", "persistentvolumeclaims"), NULL, PVC, pvc_update);
}

static void test_storage(void **state)
{
	static const char class[] = "{" CMETA ",\"provisioner\":\"a.b/c\"}";
	static const char driver[] = "{\"metadata\":{\"name\":\"a.b\"},\"spec\":{}}";
	static const char node[] = "{" CMETA ",\"spec\":{\"drivers\":[{\"name\":\"d\",\"nodeID\":"
				   "\"n\"}]}}";
	static const struct vcase classes[] = {
		{"", ""},
		{"/provisioner \"\"", "provisioner: Required value"},
	};
	static const struct vcase class_update[] = {
		{"/provisioner \"d/e\"",
		 "provisioner: Forbidden: updates to provisioner are forbidden."},
		{"/volumeBindingMode \"WaitForFirstConsumer\"",
		 "volumeBindingMode: Invalid value: \"WaitForFirstConsumer\": " IMMUTABLE},
	};
	static const struct vcase drivers[] = {
		{"", ""},
		{"/spec/fsGroupPolicy \"No\"",
		 "spec.fsGroupPolicy: Unsupported value: \"No\": supported values: \"File\", "
		 "\"None\", \"ReadWriteOnceWithFSType\""},
	};
	static const struct vcase nodes[] = {
		{"", ""},
		{"/spec/drivers []", ""},
		{"/spec/drivers/- {\"name\":\"d\",\"nodeID\":\"m\"}",
		 "spec.drivers[1].name: Duplicate value: \"d\""},
	};
	static const struct vcase attach[] = {
		{"", ""},
		{"/spec/source {}",
		 "spec.source: Required value: must specify one of inlineVolumeSpec and "
		 "persistentVolumeName"},
	};

	V_CREATE(v_kind("storage.k8s.io", "storageclasses"), class, classes);
	V_UPDATE(v_kind("storage.k8s.io", "storageclasses"), NULL, class, class_update);
	V_CREATE(v_kind("storage.k8s.io", "csidrivers"), driver, drivers);
	V_CREATE(v_kind("storage.k8s.io", "csinodes"), node, nodes);
	V_CREATE(v_kind("storage.k8s.io", "volumeattachments"),
		 "{" CMETA ",\"spec\":{\"attacher\":\"d\",\"nodeName\":\"n\",\"source\":{"
		 "\"persistentVolumeName\":\"v\"}}}",
		 attach);
}

#define INGRESS                                                                             \
	"{" META ",\"spec\":{\"rules\":[{\"host\":\"a.b\",\"http\":{\"paths\":[{\"path\":"  \
	"\"/\",\"pathType\":\"Prefix\",\"backend\":{\"service\":{\"name\":\"s\",\"port\":{" \
	"\"number\":80}}}}]}}]}}"
#define PATH0 "/spec/rules/0/http/paths/0"

static void test_networking(void **state)
{
	static const char policy[] =
		"{" META ",\"spec\":{\"podSelector\":{},\"ingress\":[{\"from\":"
		"[{\"podSelector\":{}}],\"ports\":[{\"port\":80}]}]}}";
	static const struct vcase ingress[] = {
		{"", ""},
		{"/spec/rules []",
		 "spec: Invalid value: null: either `defaultBackend` or `rules` must be "
		 "specified"},
		{"/spec/rules/0/host \"10.0.0.1\"",
		 "spec.rules[0].host: Invalid value: \"10.0.0.1\": must be a DNS name, not an IP "
		 "address"},
		{"/spec/rules/0/host \"*.b.c\"", ""},
		{"-" PATH0 "/pathType", "spec.rules[0].http.paths[0].pathType: Required value: "
					"pathType must be specified"},
		{PATH0 "/path \"x\"", "spec.rules[0].http.paths[0].path: Invalid value: \"x\": "
				      "must be an absolute path"},
		{PATH0 "/path \"/a/../b\"",
		 "spec.rules[0].http.paths[0].path: Invalid value: \"/a/../b\": must not contain "
		 "'/../'"},
		{PATH0 "/backend {}",
		 "spec.rules[0].http.paths[0].backend: Required value: resource or service backend "
		 "is required"},
		{PATH0 "/backend/service/port/name \"x\"",
		 "spec.rules[0].http.paths[0].backend: Invalid value: \"\": cannot set both port "
		 "name & port number"},
	};
	static const struct vcase policies[] = {
		{"", ""},
		{"/spec/ingress/0/from/0 {}",
		 "spec.ingress[0].from[0]: Required value: must specify a peer"},
		{"/spec/ingress/0/from/0 {\"ipBlock\":{\"cidr\":\"10.0.0.0/8\",\"except\":["
		 "\"10.1.0.0/16\"]}}",
		 ""},
		{"/spec/ingress/0/from/0 {\"ipBlock\":{\"cidr\":\"10.0.0.0/8\",\"except\":["
		 "\"11.1.0.0/16\"]}}",
		 "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"11.1.0.0/16\": must "
		 "be "
		 "a strict subset of `cidr`"},
		{"/spec/ingress/0/ports/0/endPort 70", "spec.ingress[0].ports[0].endPort: Invalid "
						       "value: 70: must be greater than or equal "
						       "to `port`"},
	};
	static const struct vcase address[] = {
		{"", ""},
		{"/metadata/name \"10.0.0.01\"",
		 "metadata.name: Invalid value: \"10.0.0.01\": must be a valid IP address in "
		 "canonical form"},
		{"-/spec/parentRef", "spec.parentRef: Required value"},
	};
	static const struct vcase cidr[] = {
		{"", ""},
		{"/spec/cidrs []", "spec.cidrs: Required value: at least one CIDR required"},
		{"/spec/cidrs/- \"10.2.0.0/16\"",
		 "spec.cidrs: Invalid value: [\"10.1.0.0/16\",\"10.2.0.0/16\"]: may specify no "
		 "more "
		 "than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"},
	};

	V_CREATE(v_kind("networking.k8s.io", "ingresses"), INGRESS, ingress);
	V_CREATE(v_kind("networking.k8s.io", "networkpolicies"), policy, policies);
	V_CREATE(v_kind("networking.k8s.io", "ipaddresses"),
		 "{\"metadata\":{\"name\":\"10.0.0.1\"},\"spec\":{\"parentRef\":{\"resource\":"
		 "\"services\",\"name\":\"s\"}}}",
		 address);
	V_CREATE(v_kind("networking.k8s.io", "servicecidrs"),
		 "{" CMETA ",\"spec\":{\"cidrs\":[\"10.1.0.0/16\"]}}", cidr);
}

static void test_quota(void **state)
{
	static const char range[] =
		"{" META ",\"spec\":{\"limits\":[{\"type\":\"Container\",\"max\":"
		"{\"cpu\":\"2\"},\"min\":{\"cpu\":\"1\"}}]}}";
	static const struct vcase ranges[] = {
		{"", ""},
		{"/spec/limits/0/min/cpu \"3\"",
		 "spec.limits[0].min[cpu]: Invalid value: \"3\": min value 3 is greater than max "
		 "value 2\n"
		 "spec.limits[0].defaultRequest[cpu]: Invalid value: \"2\": min value 3 is greater "
		 "than default request value 2\n"
		 "spec.limits[0].default[cpu]: Invalid value: \"2\": min value 3 is greater than "
		 "default value 2"},
		{"/spec/limits/- {\"type\":\"Container\"}",
		 "spec.limits[1].type: Duplicate value: \"Container\""},
		{"/spec/limits/- {\"type\":\"Pod\",\"default\":{\"cpu\":\"1\"}}",
		 "spec.limits[1].default: Forbidden: may not be specified when `type` is 'Pod'"},
		{"/spec/limits/0/maxLimitRequestRatio {\"cpu\":\"500m\"}",
		 "spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"500m\": ratio 500m is "
		 "less than 1"},
	};
	static const struct vcase quota[] = {
		{"", ""},
		{"/spec/hard/pods \"-1\"",
		 "spec.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0"},
	};
	static const struct vcase runtime[] = {
		{"/handler \"b\"", "handler: Invalid value: \"b\": " IMMUTABLE},
	};

	V_CREATE(v_kind("", "limitranges"), range, ranges);
	V_CREATE(v_kind("", "resourcequotas"), "{" META ",\"spec\":{\"hard\":{\"pods\":\"1\"}}}",
		 quota);
	V_UPDATE(v_kind("node.k8s.io", "runtimeclasses"), NULL, "{" CMETA ",\"handler\":\"a\"}",
		 runtime);
}

static void test_autoscaler(void **state)
{
	static const char hpa[] =
		"{" META ",\"spec\":{\"maxReplicas\":3,\"scaleTargetRef\":{\"kind\":"
		"\"Deployment\",\"name\":\"d\",\"apiVersion\":\"apps/v1\"}}}";
	static const struct vcase cases[] = {
		{"", ""},
		{"/spec/minReplicas 0",
		 "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"},
		{"/spec/minReplicas 4",
		 "spec.maxReplicas: Invalid value: 3: must be greater than or equal to "
		 "`minReplicas`"},
		{"/spec/scaleTargetRef/name \"\"", "spec.scaleTargetRef.name: Required value"},
	};

	V_CREATE(v_kind("autoscaling", "horizontalpodautoscalers"), hpa, cases);
}

#define HOOK                                                                               \
	"{" CMETA ",\"webhooks\":[{\"name\":\"a.b.c\",\"sideEffects\":\"None\","           \
	"\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":{\"url\":\"https://h/x\"}," \
	"\"rules\":[{\"operations\":[\"CREATE\"],\"apiGroups\":[\"\"],\"apiVersions\":["   \
	"\"v1\"],\"resources\":[\"pods\"]}]}]}"
#define POLICY                                                                            \
	"{" CMETA ",\"spec\":{\"matchConstraints\":{\"resourceRules\":[{\"operations\":[" \
	"\"*\"],\"apiGroups\":[\"apps\"],\"apiVersions\":[\"v1\"],\"resources\":["        \
	"\"deployments\"]}]},\"validations\":[{\"expression\":\"true\"}]}}"

static void test_admission(void **state)
{
	static const struct vcase hooks[] = {
		{"", ""},
		{"/webhooks/0/name \"a.b\"",
		 "webhooks[0].name: Invalid value: \"a.b\": should be a domain with at least three "
		 "segments separated by dots"},
		{"/webhooks/0/clientConfig {}",
		 "webhooks[0].clientConfig: Required value: exactly one of url or service is "
		 "required"},
		{"/webhooks/0/clientConfig/url \"http://h/x\"",
		 "webhooks[0].clientConfig.url: Invalid value: \"http://h/x\": 'https' is the only "
		 "allowed URL scheme; desired format: https://host[:port]/path"},
		{"/webhooks/0/timeoutSeconds 31", "webhooks[0].timeoutSeconds: Invalid value: 31: "
						  "the timeout value must be between 1 "
						  "and 30 seconds"},
		{"/webhooks/0/rules/0/operations/- \"*\"",
		 "webhooks[0].rules[0].operations: Invalid value: [\"CREATE\",\"*\"]: if '*' is "
		 "present, must not specify other operations"},
		{"/webhooks/0/admissionReviewVersions [\"v2\"]",
		 "webhooks[0].admissionReviewVersions: Invalid value: [\"v2\"]: must include at "
		 "least one of v1, v1beta1"},
	};
	static const struct vcase policies[] = {
		{"", ""},
		{"-/spec/validations",
		 "spec.validations: Required value: validations or auditAnnotations must be "
		 "provided"},
		{"-/spec/matchConstraints", "spec.matchConstraints: Required value"},
		{"/spec/validations/0/expression \" \"",
		 "spec.validations[0].expression: Required value: expression is not specified"},
	};
	static const struct vcase bindings[] = {
		{"", ""},
		{"-/spec/policyName", "spec.policyName: Required value"},
		{"/spec/paramRef {\"parameterNotFoundAction\":\"Deny\"}",
		 "spec.paramRef: Required value: one of name or selector must be specified"},
	};

	V_CREATE(v_kind("admissionregistration.k8s.io", "validatingwebhookconfigurations"), HOOK,
		 hooks);
	V_CREATE(v_kind("admissionregistration.k8s.io", "validatingadmissionpolicies"), POLICY,
		 policies);
	V_CREATE(v_kind("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
		 "{" CMETA ",\"spec\":{\"policyName\":\"p\",\"validationActions\":[\"Deny\"]}}",
		 bindings);
}

static void test_flow_and_services(void **state)
{
	static const struct vcase schemas[] = {
		{"", ""},
		{"/spec/matchingPrecedence 1", "spec.matchingPrecedence: Invalid value: 1: only "
					       "the schema named 'exempt' may have "
					       "matchingPrecedence 1"},
		{"/spec/matchingPrecedence 10001",
		 "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000"},
		{"/spec/rules "
		 "[{\"subjects\":[{\"kind\":\"User\"}],\"nonResourceRules\":[{\"verbs\":["
		 "\"get\"],\"nonResourceURLs\":[\"/x\"]}]}]",
		 "spec.rules[0].subjects[0].user: Required value: user is required when subject "
		 "kind "
		 "is 'User'"},
	};
	static const struct vcase levels[] = {
		{"", ""},
		{"/spec/limited/limitResponse {\"type\":\"Queue\",\"queuing\":{\"queues\":4}}",
		 "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: should not be "
		 "greater than queues (4)"},
	};
	static const struct vcase services[] = {
		{"", ""},
		{"/metadata/name \"v1.x\"",
		 "metadata.name: Invalid value: \"v1.x\": must be `spec.version+\".\"+spec.group`: "
		 "\"v1.a.b\""},
		{"/spec/versionPriority 0",
		 "spec.versionPriority: Invalid value: 0: must be positive and less than 1000"},
	};

	V_CREATE(v_kind("flowcontrol.apiserver.k8s.io", "flowschemas"),
		 "{" CMETA ",\"spec\":{\"priorityLevelConfiguration\":{\"name\":\"p\"}}}", schemas);
	V_CREATE(v_kind("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
		 "{" CMETA
		 ",\"spec\":{\"type\":\"Limited\",\"limited\":{\"limitResponse\":{\"type\":"
		 "\"Reject\"}}}}",
		 levels);
	V_CREATE(v_kind("apiregistration.k8s.io", "apiservices"),
		 "{\"metadata\":{\"name\":\"v1.a.b\"},\"spec\":{\"group\":\"a.b\",\"version\":"
		 "\"v1\","
		 "\"groupPriorityMinimum\":100,\"versionPriority\":10}}",
		 services);
}

#define REF                                                                          \
	"must be the name of a request in the claim or the name of a request and a " \
	"subrequest separated by '/'"
#define SELECTOR(text) \
	"/spec/devices/requests/0/exactly/selectors [{\"cel\":{\"expression\":\"" text "\"}}]"
#define EXPRESSION "spec.devices.requests[0].exactly.selectors[0].cel.expression: "

static const char device_claim[] = "{" META ",\"spec\":{\"devices\":{\"requests\":[{\"name\":\"r\","
				   "\"exactly\":{\"deviceClassName\":\"c\"}}]}}}";

static void test_device_claims(void **state)
{
	static const struct vcase claims[] = {
		{"", ""},
		{"-/spec/devices/requests/0/exactly",
		 "spec.devices.requests[0]: Required value: exactly one of `exactly` or "
		 "`firstAvailable` is required"},
		{"/spec/devices/constraints [{\"requests\":[\"x\"],\"matchAttribute\":\"a/b\"}]",
		 "spec.devices.constraints[0].requests[0]: Invalid value: \"x\": " REF},
		{"/spec/devices/constraints "
		 "[{\"requests\":[\"r\",\"r\"],\"matchAttribute\":\"b\"}]",
		 "spec.devices.constraints[0].requests[1]: Duplicate value: \"r\"\n"
		 "spec.devices.constraints[0].matchAttribute: Invalid value: \"b\": a fully "
		 "qualified name must be a domain and a name separated by a slash"},
		{"/spec/devices/config [{\"opaque\":{\"driver\":\"d\",\"parameters\":1}}]",
		 "spec.devices.config[0].opaque.parameters: Invalid value: \"<value omitted>\": "
		 "must be a valid JSON object"},
		{"/spec/devices/requests/0/exactly/tolerations [{\"operator\":\"Exists\","
		 "\"value\":\"v\"}]",
		 "spec.devices.requests[0].exactly.tolerations[0].value: Invalid value: \"v\": "
		 "must "
		 "be empty for operator `Exists`"},
		{SELECTOR("device.driver == 'x' && device.attributes['x'].y.includes(3)"), ""},
		{SELECTOR("device.driver"), EXPRESSION
		 "Invalid value: \"device.driver\": must evaluate to bool or the unknown "
		 "type, not string"},
		{SELECTOR("device.attributes.all(d, device.attributes.all(e, device.attributes["
			  "d].all(a, device.attributes[e].all(b, device.attributes[d].all(c, "
			  "a + b + c == d + e)))))"),
		 EXPRESSION "Forbidden: too complex, exceeds cost limit"},
	};
	static const struct vcase classes[] = {
		{"", ""},
		{"/spec {\"extendedResourceName\":\"gpu\"}",
		 "spec.extendedResourceName: Invalid value: \"gpu\": must be a valid extended "
		 "resource name"},
		{"/spec {\"selectors\":[{}]}", "spec.selectors[0].cel: Required value"},
	};

	V_CREATE(v_kind("resource.k8s.io", "resourceclaims"), device_claim, claims);
	V_CREATE(v_kind("resource.k8s.io", "deviceclasses"), "{" CMETA ",\"spec\":{}}", classes);
}

static void test_device_status(void **state)
{
#define RESULT "{\"request\":\"r\",\"driver\":\"d\",\"pool\":\"p\",\"device\":\"x\"}"
#define GIVEN "\"allocation\":{\"devices\":{\"results\":[" RESULT "]}}"
#define USER "{\"resource\":\"pods\",\"name\":\"a\",\"uid\":\"u\"}"
	static const struct vcase cases[] = {
		{"/status {" GIVEN ",\"reservedFor\":[" USER "]}", ""},
		{"/status {\"reservedFor\":[" USER "]}",
		 "status.reservedFor: Forbidden: may not be specified when `allocated` is not set"},
		{"/status {" GIVEN ",\"reservedFor\":[" USER "," USER "]}",
		 "status.reservedFor[1]: Duplicate value: \"u\""},
		{"/status {\"allocation\":{\"devices\":{\"results\":[{\"request\":\"z\","
		 "\"driver\":\"d\",\"pool\":\"p\",\"device\":\"x\"}]}}}",
		 "status.allocation.devices.results[0].request: Invalid value: \"z\": " REF},
		{"/status {" GIVEN ",\"devices\":[{\"driver\":\"d\",\"pool\":\"p\","
		 "\"device\":\"y\"}]}",
		 "status.devices[0]: Invalid value: \"d/p/y\": must be an allocated device in the "
		 "claim"},
	};

	V_UPDATE(v_kind("resource.k8s.io", "resourceclaims"), "status", device_claim, cases);
}

static void test_device_slices(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/spec/allNodes true",
		 "spec: Invalid value: \"{`nodeName`, `allNodes`}\": exactly one of `nodeName`, "
		 "`nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple "
		 "fields are set"},
		{"-/spec/nodeName",
		 "spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, "
		 "`perDeviceNodeSelection` is required"},
		{"/spec/pool/resourceSliceCount 0",
		 "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero"},
		{"/spec/devices [{\"name\":\"a\"},{\"name\":\"a\"}]",
		 "spec.devices[1]: Duplicate value: \"a\""},
		{"/spec/devices [{\"name\":\"a\",\"attributes\":{\"v\":{\"version\":\"1.02.0\"}}}]",
		 "spec.devices[0].attributes[v].version: Invalid value: \"1.02.0\": must be a "
		 "string compatible with semver.org spec 2.0.0"},
		{"/spec/devices [{\"name\":\"a\",\"attributes\":{\"v\":{\"version\":"
		 "\"1.2.0-rc.1+b\"}}}]",
		 ""},
		{"/spec/devices [{\"name\":\"a\",\"attributes\":{\"v\":{}}}]",
		 "spec.devices[0].attributes[v]: Invalid value: \"\": exactly one value must be "
		 "specified"},
		{"/spec/devices [{\"name\":\"a\",\"capacity\":{\"m\":{\"value\":\"1\","
		 "\"requestPolicy\":{\"default\":\"1\"}}}}]",
		 "spec.devices[0].capacity[m].requestPolicy: Forbidden: allowMultipleAllocations "
		 "must be true"},
		{"/spec/devices [{\"name\":\"a\",\"taints\":[{\"key\":\"k\",\"effect\":"
		 "\"PreferNoSchedule\"}]}]",
		 "spec.devices[0].taints[0].effect: Unsupported value: \"PreferNoSchedule\": "
		 "supported values: \"NoExecute\", \"NoSchedule\", \"None\""},
		{"/spec/devices [{\"name\":\"a\",\"nodeName\":\"n\"}]",
		 "spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` "
		 "can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice "
		 "spec"},
	};

	V_CREATE(v_kind("resource.k8s.io", "resourceslices"),
		 "{" CMETA
		 ",\"spec\":{\"driver\":\"d\",\"nodeName\":\"n\",\"pool\":{\"name\":\"p\","
		 "\"generation\":1,\"resourceSliceCount\":1}}}",
		 cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_volumes),           cmocka_unit_test(test_storage),
		cmocka_unit_test(test_networking),        cmocka_unit_test(test_quota),
		cmocka_unit_test(test_autoscaler),        cmocka_unit_test(test_admission),
		cmocka_unit_test(test_flow_and_services), cmocka_unit_test(test_device_claims),
		cmocka_unit_test(test_device_status),     cmocka_unit_test(test_device_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
