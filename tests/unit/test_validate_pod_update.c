/* SPDX-License-Identifier: Apache-2.0 */
/* What may change in a pod; cases as in Kubernetes' own tests. */
#include "tests/unit/validate_fixture.h"

#define POD                                                                                     \
	"{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"},\"spec\":{\"tolerations\":[{"      \
	"\"key\":\"k\",\"operator\":\"Exists\"}],\"containers\":[{\"name\":\"c\",\"image\":"    \
	"\"busybox\",\"resources\":{\"requests\":{\"memory\":\"1Gi\"},\"limits\":{\"memory\":"  \
	"\"2Gi\"}}}],\"activeDeadlineSeconds\":10,\"restartPolicy\":\"Never\","                 \
	"\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"x\"}]},\"status\":{\"qosClass\":" \
	"\"Burstable\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":{"      \
	"\"exitCode\":1}},\"ready\":false,\"restartCount\":0,\"image\":\"\",\"imageID\":\"\"}]}}"
#define FIXED                                                                                   \
	"spec: Forbidden: pod updates may not change fields other than "                        \
	"`spec.containers[*].image`,`spec.initContainers[*].image`,"                            \
	"`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "          \
	"tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was " \
	"previously negative)\n"

static void test_update(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/metadata/labels {\"a\":\"b\"}\n/spec/containers/0/image \"new\"\n"
		 "/spec/activeDeadlineSeconds 5\n/spec/tolerations/- {\"key\":\"x\",\"operator\":"
		 "\"Exists\"}",
		 ""},
		{"/spec/tolerations/0/tolerationSeconds 5\n/spec/tolerations/0/effect "
		 "\"NoExecute\"",
		 "spec.tolerations: Forbidden: existing toleration can not be modified except its "
		 "tolerationSeconds"},
		{"/spec/containers/0/image \"\"", "spec.containers[0].image: Required value"},
		{"/spec/containers/- {\"name\":\"d\",\"image\":\"x\"}",
		 "spec.containers: Forbidden: pod updates may not add or remove containers"},
		{"/spec/activeDeadlineSeconds 11",
		 "spec.activeDeadlineSeconds: Invalid value: 11: must be less than or equal to "
		 "previous value"},
		{"-/spec/activeDeadlineSeconds",
		 "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive "
		 "integer to nil value"},
		{"/spec/hostname \"h\"\n/spec/containers/0/command [\"x\"]",
		 FIXED "+ spec.containers[0].command: [\"x\"]\n+ spec.hostname: \"h\"\n"},
		{"/spec/terminationGracePeriodSeconds 1",
		 FIXED "- spec.terminationGracePeriodSeconds: 30\n"
		       "+ spec.terminationGracePeriodSeconds: 1\n"},
		{"/spec/schedulingGates [{\"name\":\"g\"}]",
		 "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new "
		 "scheduling gate 'g'"},
		{"/metadata/annotations {\"kubernetes.io/config.mirror\":\"x\"}\n"
		 "/spec/containers/0/image \"n\"",
		 "metadata.annotations[kubernetes.io/config.mirror]: Invalid value: \"x\": must "
		 "set "
		 "spec.nodeName if mirror pod annotation is set\n"
		 "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror "
		 "pod annotation"},
	};

	V_UPDATE(v_kind("", "pods"), NULL, POD, cases);
}

static void test_gated(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/schedulingGates []", ""},
		{"/spec/nodeSelector/b \"2\"", ""},
		{"/spec/nodeSelector {\"b\":\"2\"}",
		 "spec.nodeSelector: Invalid value: {\"b\":\"2\"}: only additions to "
		 "spec.nodeSelector are allowed (no mutations or deletions)"},
		{"/spec/affinity "
		 "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
		 "{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"a\",\"operator\":"
		 "\"Exists\"}]}]}}}",
		 ""},
	};

	V_UPDATE(v_kind("", "pods"), NULL,
		 "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"},\"spec\":{"
		 "\"schedulingGates\":[{\"name\":\"g\"}],\"nodeSelector\":{\"a\":\"1\"},"
		 "\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}",
		 cases);
}

static void test_status(void **state)
{
	static const struct vcase cases[] = {
		{"/status/podIPs [{\"ip\":\"10.0.0.1\"}]\n/status/hostIP \"1.1.1.1\"\n"
		 "/status/hostIPs [{\"ip\":\"1.1.1.1\"}]",
		 ""},
		{"/status/qosClass \"BestEffort\"",
		 "status.qosClass: Invalid value: \"BestEffort\": field is immutable"},
		{"/status/containerStatuses/0/state {\"running\":{}}",
		 "status.containerStatuses[0].state: Forbidden: may not be transitioned to "
		 "non-terminated state"},
		{"/status/podIPs [{\"ip\":\"10.0.0.1\"},{\"ip\":\"10.0.0.1\"}]",
		 "status.podIPs: Invalid value: [{\"ip\":\"10.0.0.1\"},{\"ip\":\"10.0.0.1\"}]: may "
		 "specify no more than one IP for each IP family\n"
		 "status.podIPs[1]: Duplicate value: {\"IP\":\"10.0.0.1\"}"},
		{"/status/hostIPs [{\"ip\":\"1.1.1.1\"}]",
		 "status.hostIPs[0].ip: Invalid value: \"1.1.1.1\": must be equal to `hostIP`"},
	};

	V_UPDATE(v_kind("", "pods"), "status", POD, cases);
}

static void test_ephemeral(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/ephemeralContainers/- {\"name\":\"f\",\"image\":\"x\","
		 "\"targetContainerName\":\"c\"}",
		 ""},
		{"/spec/ephemeralContainers/- {\"name\":\"c\",\"image\":\"x\",\"ports\":"
		 "[{\"containerPort\":1}],\"targetContainerName\":\"z\"}",
		 "spec.ephemeralContainers[1].name: Duplicate value: \"c\"\n"
		 "spec.ephemeralContainers[1].targetContainerName: Not found: \"z\"\n"
		 "spec.ephemeralContainers[1].ports: Forbidden: cannot be set for an Ephemeral "
		 "Container"},
		{"-/spec/ephemeralContainers",
		 "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not "
		 "be removed\n"},
		{"/spec/ephemeralContainers/0/image \"y\"",
		 "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not "
		 "be changed\n"},
	};

	V_UPDATE(v_kind("", "pods"), "ephemeralcontainers", POD, cases);
}

static void test_resize(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/containers/0/resources/limits/memory \"3Gi\"", ""},
		{"/spec/containers/0/resources/limits/memory \"1Gi\"",
		 "spec.containers[0].resources.limits[memory]: Forbidden: memory limits cannot be "
		 "decreased unless resizePolicy is RestartContainer"},
		{"-/spec/containers/0/resources/limits",
		 "spec.containers[0].resources.limits: Forbidden: resource limits cannot be "
		 "removed"},
		{"/spec/containers/0/resources {}",
		 "spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of "
		 "resizing\n"
		 "spec.containers[0].resources.requests: Forbidden: resource requests cannot be "
		 "removed\n"
		 "spec.containers[0].resources.limits: Forbidden: resource limits cannot be "
		 "removed"},
	};

	V_UPDATE(v_kind("", "pods"), "resize", POD, cases);
}

static void test_template(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/template/spec/containers/0/name \"\"\n"
		 "/spec/template/spec/ephemeralContainers [{\"name\":\"e\",\"image\":\"x\"}]",
		 "spec.template.spec.containers[0].name: Required value\n"
		 "spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not "
		 "allowed in pod template"},
		{"/spec/template/spec/volumes [{\"name\":\"v\"}]", ""},
		{"/spec/template/metadata/labels/b \"-\"",
		 "spec.template.labels: Invalid value: \"-\": a valid label must be an empty "
		 "string "
		 "or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
		 "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
		 "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
	};

	V_CREATE(v_kind("apps", "deployments"),
		 "{\"metadata\":{\"name\":\"w\",\"namespace\":\"ns\"},\"spec\":{\"selector\":{"
		 "\"matchLabels\":{\"a\":\"1\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":"
		 "\"1\"}"
		 "},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}}}",
		 cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_update), cmocka_unit_test(test_gated),
		cmocka_unit_test(test_status), cmocka_unit_test(test_ephemeral),
		cmocka_unit_test(test_resize), cmocka_unit_test(test_template),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
