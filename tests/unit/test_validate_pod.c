/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of pods; cases as in Kubernetes' own tests. */
#include "tests/unit/validate_fixture.h"

#define POD                                                                                     \
	"{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"},\"spec\":{\"serviceAccountName\":" \
	"\"default\",\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"containers\":[{\"name\":" \
	"\"c\",\"image\":\"busybox\",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\"}]}]}}"
#define C0 "spec.containers[0]."
#define LABEL                                                                                    \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', " \
	"and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', " \
	"regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define QUALIFIED                                                                               \
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start "   \
	"and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', " \
	"regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define VALUE                                                                                    \
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' " \
	"or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "    \
	"'my_value',  or '12345', regex used for validation is "                                 \
	"'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

static void create(const struct vcase *cases, size_t n)
{
	v_create(v_kind("", "pods"), POD, cases, n);
}
#define CREATE(cases) create(cases, ARRAY_SIZE(cases))

static void test_containers(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/spec/containers []", "spec.containers: Required value"},
		{"/spec/containers/0 {}", C0 "name: Required value\n" C0 "image: Required value"},
		{"/spec/containers/0/name \"A_b\"", C0 "name: Invalid value: \"A_b\": " LABEL},
		{"/spec/containers/0/image \" x\"",
		 C0 "image: Invalid value: \" x\": must not have leading or trailing whitespace"},
		{"/spec/containers/- {\"name\":\"c\",\"image\":\"x\"}",
		 "spec.containers[1].name: Duplicate value: \"c\""},
		{"/spec/containers/0/imagePullPolicy \"Maybe\"\n"
		 "/spec/containers/0/terminationMessagePolicy \"X\"",
		 C0 "terminationMessagePolicy: Unsupported value: \"X\": supported values: "
		    "\"File\", \"FallbackToLogsOnError\"\n" C0
		    "imagePullPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", "
		    "\"IfNotPresent\", \"Never\""},
		{"/spec/containers/0/restartPolicy \"Always\"",
		 C0 "restartPolicy: Forbidden: may not be set for non-init containers"},
		{"/spec/initContainers [{\"name\":\"c\",\"image\":\"x\"}]",
		 "spec.initContainers[0].name: Duplicate value: \"c\""},
		{"/spec/initContainers "
		 "[{\"name\":\"i\",\"image\":\"x\",\"livenessProbe\":{\"exec\":"
		 "{\"command\":[\"a\"]}}}]",
		 "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init "
		 "containers without restartPolicy=Always"},
		{"/spec/initContainers "
		 "[{\"name\":\"i\",\"image\":\"x\",\"restartPolicy\":\"Always\","
		 "\"livenessProbe\":{\"exec\":{\"command\":[\"a\"]}}}]",
		 ""},
		{"/spec/initContainers [{\"name\":\"i\",\"image\":\"x\",\"restartPolicy\":"
		 "\"Never\"}]",
		 "spec.initContainers[0].restartPolicy: Unsupported value: \"Never\": supported "
		 "values: \"Always\""},
		{"/spec/ephemeralContainers [{\"name\":\"e\",\"image\":\"x\"}]",
		 "spec.ephemeralContainers: Forbidden: cannot be set on create"},
	};

	CREATE(cases);
}

static void test_ports(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/containers/0/ports [{\"containerPort\":80,\"name\":\"http\"}]", ""},
		{"/spec/containers/0/ports [{\"containerPort\":0},{\"containerPort\":65536}]",
		 C0 "ports[0].containerPort: Required value\n" C0
		    "ports[1].containerPort: Invalid value: 65536: must be between 1 and 65535, "
		    "inclusive"},
		{"/spec/containers/0/ports [{\"containerPort\":80,\"hostPort\":-1,\"protocol\":"
		 "\"tcp\"}]",
		 C0 "ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, "
		    "inclusive\n" C0
		    "ports[0].protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", "
		    "\"TCP\", \"UDP\""},
		{"/spec/containers/0/ports [{\"containerPort\":80,\"name\":\"1\"}]",
		 C0 "ports[0].name: Invalid value: \"1\": must contain at least one letter (a-z)"},
		{"/spec/containers/0/ports [{\"containerPort\":80,\"name\":\"a\"},"
		 "{\"containerPort\":81,\"name\":\"a\"}]",
		 C0 "ports[1].name: Duplicate value: \"a\""},
		{"/spec/containers/0/ports [{\"containerPort\":80,\"hostPort\":8}]\n"
		 "/spec/containers/- {\"name\":\"d\",\"image\":\"x\",\"ports\":[{\"containerPort\":"
		 "80,\"hostPort\":8}]}",
		 "spec.containers[1].ports[0].hostPort: Duplicate value: \"TCP//8\""},
		{"/spec/hostNetwork true\n/spec/containers/0/ports [{\"containerPort\":80,"
		 "\"hostPort\":8}]",
		 C0 "ports[0].hostPort: Invalid value: 8: must match `containerPort` when "
		    "`hostNetwork` is true"},
		{"/spec/hostNetwork true\n/spec/containers/0/ports [{\"containerPort\":80}]", ""},
	};

	CREATE(cases);
}

static void test_env(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/containers/0/env [{\"name\":\"a.b\",\"value\":\"x\"},{\"name\":\"C\","
		 "\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.labels['x']\"}}}]",
		 ""},
		{"/spec/containers/0/env [{\"value\":\"x\"},{\"name\":\"a=b\"}]",
		 C0 "env[0].name: Required value\n" C0
		    "env[1].name: Invalid value: \"a=b\": a valid environment variable name must "
		    "consist only of printable ASCII characters other than '='"},
		{"/spec/containers/0/env [{\"name\":\"a\",\"valueFrom\":{}}]",
		 C0 "env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, "
		    "`resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"},
		{"/spec/containers/0/env "
		 "[{\"name\":\"a\",\"value\":\"b\",\"valueFrom\":{\"fieldRef\":"
		 "{\"fieldPath\":\"metadata.name\"}}}]",
		 C0 "env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is "
		    "not empty"},
		{"/spec/containers/0/env "
		 "[{\"name\":\"a\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":"
		 "\"metadata.nope\"}}}]",
		 C0 "env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"metadata.nope\": error "
		    "converting fieldPath: field label not supported: metadata.nope"},
		{"/spec/containers/0/env "
		 "[{\"name\":\"a\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":"
		 "\"metadata.labels\"}}}]",
		 C0 "env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"metadata.labels\": "
		    "supported values: \"metadata.name\", \"metadata.namespace\", "
		    "\"metadata.uid\", \"spec.nodeName\", \"spec.serviceAccountName\", "
		    "\"status.hostIP\", \"status.hostIPs\", \"status.podIP\", \"status.podIPs\""},
		{"/spec/containers/0/env "
		 "[{\"name\":\"a\",\"valueFrom\":{\"secretKeyRef\":{\"name\":"
		 "\"s\",\"key\":\"a/b\"},\"configMapKeyRef\":{\"name\":\"s\"}}}]",
		 C0
		 "env[0].valueFrom.configMapKeyRef.key: Required value\n" C0
		 "env[0].valueFrom.secretKeyRef.key: Invalid value: \"a/b\": a valid config key "
		 "must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
		 "'KEY_NAME',  or 'key-name', regex used for validation is "
		 "'[-._a-zA-Z0-9]+')\n" C0
		 "env[0].valueFrom: Invalid value: \"\": may not have more than one field "
		 "specified at a time"},
		{"/spec/containers/0/env [{\"name\":\"a\",\"valueFrom\":{\"resourceFieldRef\":"
		 "{\"resource\":\"limits.cpu\",\"divisor\":\"3\"}}}]",
		 C0
		 "env[0].valueFrom.resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only "
		 "divisor's values 1m and 1 are supported with the cpu resource"},
		{"/spec/containers/0/envFrom [{\"prefix\":\"p\"},{\"configMapRef\":{}}]",
		 C0 "envFrom: Invalid value: \"\": must specify one of: `configMapRef` or "
		    "`secretRef`\n" C0 "envFrom[1].configMapRef.name: Required value"},
	};

	CREATE(cases);
}

static void test_volumes(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/volumes/- {\"name\":\"v\",\"emptyDir\":{}}",
		 "spec.volumes[1].name: Duplicate value: \"v\""},
		{"/spec/volumes/- "
		 "{\"name\":\"w\",\"hostPath\":{\"path\":\"/a/../b\",\"type\":\"X\"}}",
		 "spec.volumes[1].hostPath.path: Invalid value: \"/a/../b\": must not contain "
		 "'..'\nspec.volumes[1].hostPath.type: Unsupported value: \"X\": supported values: "
		 "\"\", \"BlockDevice\", \"CharDevice\", \"Directory\", \"DirectoryOrCreate\", "
		 "\"File\", \"FileOrCreate\", \"Socket\""},
		{"/spec/volumes/- {\"name\":\"w\",\"emptyDir\":{},\"hostPath\":{\"path\":\"/a\"}}",
		 "spec.volumes[1].hostPath: Forbidden: may not specify more than 1 volume type"},
		{"/spec/volumes/- {\"name\":\"w\",\"secret\":{\"defaultMode\":4096}}",
		 "spec.volumes[1].secret.secretName: Required value\n"
		 "spec.volumes[1].secret.defaultMode: Invalid value: 4096: must be a number "
		 "between "
		 "0 and 0777 (octal), both inclusive"},
		{"/spec/volumes/- "
		 "{\"name\":\"w\",\"configMap\":{\"name\":\"m\",\"items\":[{\"key\":"
		 "\"k\",\"path\":\"/abs\"},{\"key\":\"k\",\"path\":\"..x\"},{}]}}",
		 "spec.volumes[1].configMap.items[0].path: Invalid value: \"/abs\": must be a "
		 "relative path\n"
		 "spec.volumes[1].configMap.items[1].path: Invalid value: \"..x\": must not start "
		 "with '..'\n"
		 "spec.volumes[1].configMap.items[2].key: Required value\n"
		 "spec.volumes[1].configMap.items[2].path: Required value"},
		{"/spec/volumes/- "
		 "{\"name\":\"w\",\"projected\":{\"sources\":[{\"serviceAccountToken\":"
		 "{\"expirationSeconds\":5,\"path\":\"t\"}},{\"configMap\":{\"name\":\"a\","
		 "\"items\":"
		 "[{\"key\":\"k\",\"path\":\"p\"}]}},{\"secret\":{\"name\":\"b\",\"items\":[{"
		 "\"key\":"
		 "\"k\",\"path\":\"p\"}]}}]}}",
		 "spec.volumes[1].projected.sources[0].serviceAccountToken.expirationSeconds: "
		 "Invalid value: 5: may not specify a duration less than 10 minutes\n"
		 "spec.volumes[1].projected: Invalid value: \"b\": conflicting duplicate paths"},
		{"/spec/volumes/- {\"name\":\"w\",\"downwardAPI\":{\"items\":[{\"path\":\"p\"}]}}",
		 "spec.volumes[1].downwardAPI: Required value: one of fieldRef and "
		 "resourceFieldRef "
		 "is required"},
		{"/spec/volumes/- {\"name\":\"w\",\"persistentVolumeClaim\":{\"claimName\":\"\"}}",
		 "spec.volumes[1].persistentVolumeClaim.claimName: Required value"},
		{"/spec/volumes/- "
		 "{\"name\":\"w\",\"iscsi\":{\"targetPortal\":\"\",\"iqn\":\"iqn.a\","
		 "\"lun\":0}}",
		 "spec.volumes[1].iscsi.targetPortal: Required value"},
		{"/spec/volumes []", C0 "volumeMounts[0].name: Not found: \"v\""},
		{"/spec/containers/0/volumeMounts/- {\"name\":\"v\",\"mountPath\":\"/v\"}",
		 C0 "volumeMounts[1].mountPath: Invalid value: \"/v\": must be unique"},
		{"/spec/containers/0/volumeMounts/0/subPath \"/abs\"",
		 C0 "volumeMounts.subPath: Invalid value: \"/abs\": must be a relative path"},
		{"/spec/containers/0/volumeMounts/0/mountPropagation \"Bidirectional\"",
		 C0 "volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is "
		    "available only to privileged containers"},
		{"/spec/containers/0/volumeDevices [{\"name\":\"v\",\"devicePath\":\"/d\"}]",
		 C0 "volumeMounts[0].name: Invalid value: \"v\": must not already exist in "
		    "volumeDevices\n" C0
		    "volumeDevices[0].name: Invalid value: \"v\": can only use volume source type "
		    "of PersistentVolumeClaim or Ephemeral for block mode"},
		{"-/spec/serviceAccountName\n/spec/volumes/- {\"name\":\"w\",\"projected\":{"
		 "\"sources\":[{\"serviceAccountToken\":{\"path\":\"t\"}}]}}",
		 "spec.volumes[1].projected.sources[0].serviceAccountToken: Forbidden: must not be "
		 "specified when serviceAccountName is not set"},
	};

	CREATE(cases);
}

static void test_probes(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/containers/0/livenessProbe {\"httpGet\":{\"port\":80}}", ""},
		{"/spec/containers/0/livenessProbe {}",
		 C0 "livenessProbe: Required value: must specify a handler type"},
		{"/spec/containers/0/livenessProbe {\"httpGet\":{\"port\":0,\"scheme\":\"FTP\","
		 "\"httpHeaders\":[{\"name\":\"a b\",\"value\":\"\"}]},\"exec\":{}}",
		 C0 "livenessProbe.exec.command: Required value\n" C0
		    "livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type"},
		{"/spec/containers/0/readinessProbe {\"tcpSocket\":{\"port\":\"x_y\"},"
		 "\"terminationGracePeriodSeconds\":5,\"periodSeconds\":-1,\"successThreshold\":3}",
		 C0 "readinessProbe.tcpSocket.port: Invalid value: \"x_y\": must contain only "
		    "alpha-numeric characters (a-z, 0-9), and hyphens (-)\n" C0
		    "readinessProbe.periodSeconds: Invalid value: -1: must be greater than or "
		    "equal to 0\n" C0
		    "readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be "
		    "set for readinessProbes"},
		{"/spec/containers/0/startupProbe {\"grpc\":{\"port\":1},\"successThreshold\":2}",
		 C0 "startupProbe.successThreshold: Invalid value: 2: must be 1"},
		{"/spec/containers/0/lifecycle "
		 "{\"preStop\":{},\"postStart\":{\"sleep\":{\"seconds\":"
		 "31}}}",
		 C0 "lifecycle.postStart.sleep: Invalid value: 31: must be non-negative and less "
		    "than terminationGracePeriodSeconds (30)\n" C0
		    "lifecycle.preStop: Required value: must specify a handler type"},
	};

	CREATE(cases);
}

static void test_resources(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/containers/0/resources {\"limits\":{\"cpu\":\"500m\",\"a.b/gpu\":\"2\"},"
		 "\"requests\":{\"cpu\":\"0.5\"}}",
		 ""},
		{"/spec/containers/0/resources {\"limits\":{\"cpu\":\"500m\",\"memory\":\"1Gi\"},"
		 "\"requests\":{\"cpu\":\"1\",\"memory\":\"2Gi\"}}",
		 C0 "resources.requests: Invalid value: \"1\": must be less than or equal to cpu "
		    "limit of 500m\n" C0
		    "resources.requests: Invalid value: \"2Gi\": must be less than or equal to "
		    "memory limit of 1Gi"},
		{"/spec/containers/0/resources {\"limits\":{\"cpu\":\"-1\",\"foo\":\"1\"},"
		 "\"requests\":{\"cpu\":\"-1\",\"foo\":\"1\"}}",
		 C0
		 "resources.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to "
		 "0\n" C0
		 "resources.limits[foo]: Invalid value: \"foo\": must be a standard resource "
		 "type or fully qualified\n" C0
		 "resources.limits[foo]: Invalid value: \"foo\": must be a standard resource "
		 "for containers\n" C0
		 "resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal "
		 "to 0\n" C0
		 "resources.requests[foo]: Invalid value: \"foo\": must be a standard resource "
		 "type or fully qualified\n" C0
		 "resources.requests[foo]: Invalid value: \"foo\": must be a standard resource "
		 "for containers"},
		{"/spec/containers/0/resources {\"requests\":{\"a.b/gpu\":\"1500m\"}}",
		 C0 "resources.requests[a.b/gpu]: Invalid value: \"1500m\": must be an integer\n" C0
		    "resources.limits: Required value: Limit must be set for non overcommitable "
		    "resources"},
		{"/spec/containers/0/resources {\"limits\":{\"hugepages-2Mi\":\"3Mi\"}}",
		 C0 "resources.limits[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive "
		    "integer multiple of hugepages-2Mi\n" C0
		    "resources.requests[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not "
		    "positive integer multiple of hugepages-2Mi\n" C0
		    "resources: Forbidden: HugePages require cpu or memory"},
		{"/spec/containers/0/resources {\"claims\":[{\"name\":\"x\"}]}",
		 C0 "resources.claims[0]: Not found: \"x\": must be one of the names in "
		    "pod.spec.resourceClaims which is empty"},
		{"/spec/resources {\"requests\":{\"cpu\":\"1\",\"disk\":\"1\"}}\n"
		 "/spec/containers/0/resources {\"requests\":{\"cpu\":\"2\"}}",
		 "spec.resources.requests[disk]: Invalid value: \"disk\": must be a standard "
		 "resource type or fully qualified\n"
		 "spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or "
		 "equal "
		 "to aggregate container requests of 2"},
		{"/spec/overhead {\"cpu\":\"-1\"}",
		 "spec.overhead.limits[cpu]: Invalid value: \"-1\": must be greater than or equal "
		 "to 0"},
	};

	CREATE(cases);
}

static void test_spec(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/restartPolicy \"Sometimes\"\n/spec/dnsPolicy \"Any\"",
		 "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: "
		 "\"Always\", \"OnFailure\", \"Never\"\n"
		 "spec.dnsPolicy: Unsupported value: \"Any\": supported values: "
		 "\"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\""},
		{"/spec/dnsPolicy \"None\"",
		 "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is "
		 "None"},
		{"/spec/dnsPolicy \"None\"\n/spec/dnsConfig {\"searches\":[\"a\"]}",
		 "spec.dnsConfig.nameservers: Required value: must provide at least one DNS "
		 "nameserver when `dnsPolicy` is None"},
		{"/spec/dnsConfig {\"nameservers\":[\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"x\"],"
		 "\"searches\":[\"_a.b.\",\".\"],\"options\":[{\"value\":\"1\"}]}",
		 "spec.dnsConfig.nameservers: Invalid value: "
		 "[\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"x\"]: must not have more than 3 "
		 "nameservers\n"
		 "spec.dnsConfig.nameservers[3]: Invalid value: \"x\": must be a valid IP address, "
		 "(e.g. 10.9.8.7 or 2001:db8::ffff)\n"
		 "spec.dnsConfig.options[0]: Required value: must not be empty"},
		{"/spec/activeDeadlineSeconds 0",
		 "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, "
		 "inclusive"},
		{"/spec/hostname \"a.b\"\n/spec/subdomain \"-\"",
		 "spec.hostname: Invalid value: \"a.b\": must not contain dots\n"
		 "spec.subdomain: Invalid value: \"-\": " LABEL},
		{"/spec/nodeSelector {\"a\":\"b c\"}",
		 "spec.nodeSelector: Invalid value: \"b c\": " VALUE},
		{"/spec/schedulingGates [{\"name\":\"a\"},{\"name\":\"a\"}]\n/spec/nodeName \"n\"",
		 "spec.schedulingGates[1]: Duplicate value: \"a\"\n"
		 "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been "
		 "cleared"},
		{"/spec/hostAliases [{\"ip\":\"x\",\"hostnames\":[\"a\"]}]",
		 "spec.hostAliases[0].ip: Invalid value: \"x\": must be a valid IP address, (e.g. "
		 "10.9.8.7 or 2001:db8::ffff)"},
		{"/spec/hostUsers false\n/spec/hostNetwork true\n/spec/hostPID true",
		 "spec.hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false\n"
		 "spec.HostPID: Forbidden: when `pod.Spec.HostUsers` is false"},
		{"/spec/readinessGates [{\"conditionType\":\"a b\"}]",
		 "spec.readinessGates[0].conditionType: Invalid value: \"a b\": " QUALIFIED},
		{"/spec/resourceClaims [{\"name\":\"c\"}]",
		 "spec.resourceClaims[0]: Invalid value: {\"name\":\"c\"}: must specify one of: "
		 "`resourceClaimName`, `resourceClaimTemplateName`"},
		{"/metadata/annotations {\"kubernetes.io/config.mirror\":\"x\","
		 "\"controller.kubernetes.io/pod-deletion-cost\":\"+x\"}",
		 "metadata.annotations[kubernetes.io/config.mirror]: Invalid value: \"x\": must "
		 "set "
		 "spec.nodeName if mirror pod annotation is set\n"
		 "metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "
		 "\"+x\": must be a 32bit integer"},
	};

	CREATE(cases);
}

static void test_security(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/securityContext {\"runAsUser\":0,\"fsGroup\":5,\"sysctls\":[{\"name\":"
		 "\"net.ipv4.ip_forward\",\"value\":\"1\"}]}",
		 ""},
		{"/spec/securityContext {\"runAsUser\":-1,\"runAsGroup\":4294967296,"
		 "\"supplementalGroups\":[1,-2]}",
		 "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and "
		 "2147483647, inclusive\n"
		 "spec.securityContext.runAsGroup: Invalid value: 4294967296: must be between 0 "
		 "and "
		 "2147483647, inclusive\n"
		 "spec.securityContext.supplementalGroups[1]: Invalid value: -2: must be between 0 "
		 "and 2147483647, inclusive"},
		{"/spec/hostNetwork true\n/spec/securityContext {\"sysctls\":[{\"name\":\"net.a\","
		 "\"value\":\"1\"},{\"name\":\"Bad\",\"value\":\"\"},{\"name\":\"net.a\",\"value\":"
		 "\"1\"}]}",
		 "spec.securityContext.sysctls[0].name: Invalid value: \"net.a\": may not be "
		 "specified when 'hostNetwork' is true\n"
		 "spec.securityContext.sysctls[1].name: Invalid value: \"Bad\": must have at most "
		 "253 characters and match regex "
		 "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$\n"
		 "spec.securityContext.sysctls[2].name: Duplicate value: \"net.a\"\n"
		 "spec.securityContext.sysctls[2].name: Invalid value: \"net.a\": may not be "
		 "specified when 'hostNetwork' is true"},
		{"/spec/hostPID true\n/spec/shareProcessNamespace true",
		 "spec.securityContext.shareProcessNamespace: Invalid value: true: "
		 "ShareProcessNamespace and HostPID cannot both be enabled"},
		{"/spec/securityContext {\"seccompProfile\":{\"type\":\"Localhost\"}}",
		 "spec.securityContext.seccompProfile.localhostProfile: Required value: must be "
		 "set "
		 "when seccomp type is Localhost"},
		{"/spec/containers/0/securityContext {\"seccompProfile\":{\"type\":\"X\"},"
		 "\"procMount\":\"Unmasked\"}",
		 C0 "securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be "
		    "false to use `Unmasked`\n" C0
		    "securityContext.seccompProfile.type: Unsupported value: \"X\": supported "
		    "values: \"Localhost\", \"RuntimeDefault\", \"Unconfined\""},
		{"/spec/containers/0/securityContext {\"privileged\":true,"
		 "\"allowPrivilegeEscalation\":false}",
		 C0 "securityContext: Invalid value: "
		    "{\"privileged\":true,\"allowPrivilegeEscalation\":false}: cannot set "
		    "`allowPrivilegeEscalation` to false and `privileged` to true"},
		{"/spec/os {\"name\":\"linux\"}\n/spec/securityContext {\"windowsOptions\":{}}",
		 "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set "
		 "for "
		 "a linux pod"},
		{"/spec/os {\"name\":\"dos\"}",
		 "spec.os: Unsupported value: \"dos\": supported values: \"linux\", \"windows\""},
	};

	CREATE(cases);
}

static void test_placement(void **state)
{
	static const struct vcase cases[] = {
		{"/spec/tolerations [{\"operator\":\"Exists\"},{\"key\":\"a\",\"value\":\"b\"}]",
		 ""},
		{"/spec/tolerations [{\"value\":\"a\"},{\"key\":\"a\",\"operator\":\"Exists\","
		 "\"value\":\"b\"},{\"key\":\"a\",\"operator\":\"In\",\"effect\":\"Go\"},{\"key\":"
		 "\"a\",\"effect\":\"NoSchedule\",\"tolerationSeconds\":1}]",
		 "spec.tolerations[0].operator: Invalid value: \"\": operator must be Exists when "
		 "`key` is empty, which means \"match all values and all keys\"\n"
		 "spec.tolerations[1].operator: Invalid value: \"b\": value must be empty when "
		 "`operator` is 'Exists'\n"
		 "spec.tolerations[2].operator: Unsupported value: \"In\": supported values: "
		 "\"Equal\", \"Exists\"\n"
		 "spec.tolerations[2].effect: Unsupported value: \"Go\": supported values: "
		 "\"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"\n"
		 "spec.tolerations[3].effect: Invalid value: \"NoSchedule\": effect must be "
		 "'NoExecute' when `tolerationSeconds` is set"},
		{"/spec/affinity "
		 "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
		 "{\"nodeSelectorTerms\":[]}}}",
		 "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		 "nodeSelectorTerms: Required value: must have at least one node selector term"},
		{"/spec/affinity "
		 "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
		 "{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"a\",\"operator\":"
		 "\"In\"},"
		 "{\"key\":\"\",\"operator\":\"X\"}],\"matchFields\":[{\"key\":\"metadata.uid\","
		 "\"operator\":\"In\",\"values\":[\"a\"]}]}]}}}",
		 "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		 "nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be "
		 "specified when `operator` is 'In' or 'NotIn'\n"
		 "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		 "nodeSelectorTerms[0].matchExpressions[1].operator: Invalid value: \"X\": not a "
		 "valid selector operator\n"
		 "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		 "nodeSelectorTerms[0].matchExpressions[1].key: Invalid value: \"\": name part "
		 "must be non-empty\n"
		 "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		 "nodeSelectorTerms[0].matchExpressions[1].key: Invalid value: \"\": " QUALIFIED
		 "\n"
		 "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		 "nodeSelectorTerms[0].matchFields[0].key: Invalid value: \"metadata.uid\": not a "
		 "valid field selector key"},
		{"/spec/affinity {\"podAntiAffinity\":"
		 "{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":101,"
		 "\"podAffinityTerm\":{\"topologyKey\":\"a b\"}}]}}",
		 "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]."
		 "weight: Invalid value: 101: must be in the range 1-100\n"
		 "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]."
		 "podAffinityTerm.topologyKey: Invalid value: \"a b\": " QUALIFIED},
		{"/spec/topologySpreadConstraints [{\"maxSkew\":0,\"topologyKey\":\"z\","
		 "\"whenUnsatisfiable\":\"ScheduleAnyway\",\"minDomains\":2},{\"maxSkew\":1,"
		 "\"topologyKey\":\"z\",\"whenUnsatisfiable\":\"ScheduleAnyway\"},{\"maxSkew\":1,"
		 "\"topologyKey\":\"y\",\"whenUnsatisfiable\":\"X\"}]",
		 "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater "
		 "than "
		 "zero\n"
		 "spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use "
		 "minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway\n"
		 "spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate "
		 "value: \"{z, ScheduleAnyway}\"\n"
		 "spec.topologySpreadConstraints[2].whenUnsatisfiable: Unsupported value: \"X\": "
		 "supported values: \"DoNotSchedule\", \"ScheduleAnyway\""},
	};

	CREATE(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_containers), cmocka_unit_test(test_ports),
		cmocka_unit_test(test_env),        cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_probes),     cmocka_unit_test(test_resources),
		cmocka_unit_test(test_spec),       cmocka_unit_test(test_security),
		cmocka_unit_test(test_placement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
