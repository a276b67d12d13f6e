/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of metadata, Deployments and ReplicaSets; cases as in Kubernetes' own tests. */
#include "tests/unit/validate_fixture.h"
#include "lib/api/status.h"

#define SUBDOMAIN                                                                                 \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' " \
	"or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "     \
	"regex used for validation is "                                                           \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define QUALIFIED                                                                               \
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start "   \
	"and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', " \
	"regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

#define CM                                                                                         \
	"{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"uid\":\"u\"},\"data\":{\"k\":\"v\"}" \
	"}"

static void test_metadata(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/metadata/name \"Bad_Name\"",
		 "metadata.name: Invalid value: \"Bad_Name\": " SUBDOMAIN},
		{"-/metadata/name",
		 "metadata.name: Required value: name or generateName is required"},
		{"/metadata/generateName \"ok-\"", ""},
		{"/metadata/generateName \"Bad-\"",
		 "metadata.generateName: Invalid value: \"Bad-\": " SUBDOMAIN},
		{"-/metadata/namespace", "metadata.namespace: Required value"},
		{"/metadata/labels {\"a/b/c\":\"v\",\"ok\":\"-\"}",
		 "metadata.labels: Invalid value: \"a/b/c\": a valid label key must consist of "
		 "alphanumeric characters, '-', '_' or '.', and must start and end with an "
		 "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used "
		 "for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional "
		 "DNS subdomain prefix and '/' (e.g. 'example.com/MyName')\n"
		 "metadata.labels: Invalid value: \"-\": a valid label must be an empty string or "
		 "consist of alphanumeric characters, '-', '_' or '.', and must start and end "
		 "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
		 "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
		{"/metadata/annotations {\"\":\"v\",\"UPPER/x\":\"\"}",
		 "metadata.annotations: Invalid value: \"\": name part must be non-empty\n"
		 "metadata.annotations: Invalid value: \"\": " QUALIFIED},
		{"/metadata/finalizers [\"x\",\"a.b/c\",\"orphan\",\"foregroundDeletion\"]",
		 "metadata.finalizers: Invalid value: "
		 "[\"x\",\"a.b/c\",\"orphan\",\"foregroundDeletion\"]: finalizer orphan and "
		 "foregroundDeletion cannot be both set\n"
		 "metadata.finalizers[0]: Invalid value: \"x\": name is neither a standard "
		 "finalizer name nor is it fully qualified"},
		{"/metadata/ownerReferences [{\"apiVersion\":\"\",\"kind\":\"A\",\"name\":\"\","
		 "\"uid\":\"1\"}]",
		 "metadata.ownerReferences[0].apiVersion: Invalid value: \"\": version must not be "
		 "empty\nmetadata.ownerReferences[0].name: Required value: must not be empty"},
		{"/metadata/ownerReferences [{\"apiVersion\":\"v1\",\"kind\":\"A\",\"name\":\"a\","
		 "\"uid\":\"1\",\"controller\":true},{\"apiVersion\":\"v1\",\"kind\":\"B\","
		 "\"name\":\"b\",\"uid\":\"2\",\"controller\":true}]",
		 "metadata.ownerReferences: Invalid value: [{\"apiVersion\":\"v1\",\"kind\":\"A\","
		 "\"name\":\"a\",\"uid\":\"1\",\"controller\":true},{\"apiVersion\":\"v1\","
		 "\"kind\":\"B\",\"name\":\"b\",\"uid\":\"2\",\"controller\":true}]: Only one "
		 "reference can have Controller set to true. Found \"true\" in references for A/a "
		 "and B/b"},
	};

	V_CREATE(v_kind("", "configmaps"), CM, cases);
}

static void test_metadata_size(void **state)
{
	CLEANUP(buf_done) struct buf change = BUF_INIT;
	struct vcase c = {NULL,
			  "metadata.annotations: Too long: may not be more than 262144 bytes"};

	buf_adds(&change, "/metadata/annotations {\"a\":\"");
	for (size_t i = 0; i < 262144; i++)
		buf_addc(&change, 'x');
	buf_adds(&change, "\"}");
	c.change = change.p;
	v_create(v_kind("", "configmaps"), CM, &c, 1);
}

static void test_metadata_update(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/metadata/labels {\"a\":\"b\"}", ""},
		{"/metadata/name \"b\"", "metadata.name: Invalid value: \"b\": field is immutable"},
		{"/metadata/uid \"v\"", "metadata.uid: Invalid value: \"v\": field is immutable"},
		{"-/metadata/uid", "metadata.uid: Invalid value: \"\": field is immutable"},
		{"/metadata/creationTimestamp \"2026-01-01T00:00:00Z\"",
		 "metadata.creationTimestamp: Invalid value: \"2026-01-01T00:00:00Z\": field is "
		 "immutable"},
	};
	static const struct vcase going[] = {
		{"/metadata/finalizers [\"a/b\"]", ""},
		{"/metadata/finalizers [\"a/b\",\"c/d\"]",
		 "metadata.finalizers: Forbidden: no new finalizers can be added if the object is "
		 "being deleted, found new finalizers []string{\"c/d\"}"},
	};

	V_UPDATE(v_kind("", "configmaps"), NULL, CM, cases);
	V_UPDATE(v_kind("", "configmaps"), NULL,
		 "{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\",\"finalizers\":[\"a/b\"],"
		 "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}}",
		 going);
}

#define DEPLOY                                                                                  \
	"{\"metadata\":{\"name\":\"web\",\"namespace\":\"ns\"},\"spec\":{\"replicas\":2,"       \
	"\"selector\":{\"matchLabels\":{\"app\":\"x\"}},\"template\":{\"metadata\":{\"labels\"" \
	":{\"app\":\"x\",\"a\":\"1\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"    \
	"\"busybox\"}]}}}}"

#define MISMATCH                                                                                 \
	"spec.template.metadata.labels: Invalid value: {\"a\":\"1\",\"app\":\"x\"}: `selector` " \
	"does not match template `labels`"

static void test_deployment(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/spec/replicas -1",
		 "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
		{"/spec/selector/matchLabels/app \"y\"", MISMATCH},
		{"/spec/template/metadata/labels {}",
		 "spec.template.metadata.labels: Invalid value: null: `selector` does not match "
		 "template `labels`"},
		{"/spec/selector {}",
		 "spec.selector: Invalid value: {}: empty selector is invalid for deployment"},
		{"-/spec/selector", "spec.selector: Required value\n" MISMATCH},
		{"/spec/selector {\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\"}]}",
		 "spec.selector.matchExpressions[0].values: Required value: must be specified when "
		 "`operator` is 'In' or 'NotIn'\nspec.selector: Invalid value: "
		 "{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\"}]}: invalid label "
		 "selector"},
		{"/spec/template/spec/restartPolicy \"Never\"",
		 "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported "
		 "values: "
		 "\"Always\""},
		{"/spec/template/spec/activeDeadlineSeconds 5",
		 "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in "
		 "ReplicaSet is not Supported"},
		{"/spec/strategy {\"type\":\"Bad\"}",
		 "spec.strategy: Unsupported value: {\"type\":\"Bad\"}: supported values: "
		 "\"Recreate\", \"RollingUpdate\""},
		{"/spec/strategy {\"type\":\"Recreate\",\"rollingUpdate\":{}}",
		 "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy "
		 "`type` is 'Recreate'"},
		{"/spec/strategy {\"rollingUpdate\":{\"maxSurge\":0,\"maxUnavailable\":\"0%\"}}",
		 "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 "
		 "when `maxSurge` is 0"},
		{"/spec/strategy {\"rollingUpdate\":{\"maxSurge\":\"x\",\"maxUnavailable\":"
		 "\"101%\"}}",
		 "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"x\": a valid percent "
		 "string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
		 "'93%', regex used for validation is '[0-9]+%')\n"
		 "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be "
		 "greater than 100%"},
		{"/spec/strategy {\"rollingUpdate\":{\"maxSurge\":-1}}",
		 "spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or "
		 "equal to 0"},
		{"/spec/minReadySeconds -1\n/spec/revisionHistoryLimit -2\n"
		 "/spec/progressDeadlineSeconds -3",
		 "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0\n"
		 "spec.revisionHistoryLimit: Invalid value: -2: must be greater than or equal to "
		 "0\nspec.progressDeadlineSeconds: Invalid value: -3: must be greater than or "
		 "equal "
		 "to 0\nspec.progressDeadlineSeconds: Invalid value: -3: must be greater than "
		 "minReadySeconds"},
		{"/spec/minReadySeconds 600",
		 "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than "
		 "minReadySeconds"},
	};
	static const struct vcase updates[] = {
		{"/spec/replicas 5\n/spec/template/spec/containers/0/image \"new\"", ""},
		{"/spec/selector {\"matchLabels\":{\"a\":\"1\"}}",
		 "spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"1\"}}: field is "
		 "immutable"},
	};
	static const struct vcase status[] = {
		{"/status {\"replicas\":3,\"updatedReplicas\":3,\"readyReplicas\":1}", ""},
		{"/status {\"replicas\":1,\"readyReplicas\":-1,\"availableReplicas\":2}",
		 "status.readyReplicas: Invalid value: -1: must be greater than or equal to 0\n"
		 "status.availableReplicas: Invalid value: 2: cannot be greater than "
		 "status.replicas\nstatus.availableReplicas: Invalid value: 2: cannot be greater "
		 "than readyReplicas"},
	};

	V_CREATE(v_kind("apps", "deployments"), DEPLOY, cases);
	V_UPDATE(v_kind("apps", "deployments"), NULL, DEPLOY, updates);
	V_UPDATE(v_kind("apps", "deployments"), "status", DEPLOY, status);
}

static void test_replicaset(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/spec/replicas -1\n/spec/minReadySeconds -1",
		 "spec.replicas: Invalid value: -1: must be greater than or equal to 0\n"
		 "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"},
		{"/spec/selector/matchLabels/app \"y\"", MISMATCH},
	};

	V_CREATE(v_kind("apps", "replicasets"), DEPLOY, cases);
}

/* How the Status tells it. */
static void test_message(void **state)
{
	const struct api_kind *k = v_kind("apps", "deployments");
	CLEANUP_JSON struct json_object *one = v_object(k, DEPLOY, "/spec/replicas -1");
	CLEANUP_JSON struct json_object *two =
		v_object(k, DEPLOY, "/spec/replicas -1\n/spec/minReadySeconds -1");
	struct err e = ERR_INIT;

	assert_int_equal(api_validate_create(k, one, &e), -EINVAL);
	assert_string_equal(err_text(&e),
			    "Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: "
			    "must be greater than or equal to 0");
	assert_int_equal(api_status_code(&e), 422);
	assert_string_equal(api_status_reason(&e), "Invalid");
	assert_string_equal(e.fields[0].reason, "FieldValueInvalid");
	err_done(&e);
	e = ERR_INIT;
	api_validate_create(k, two, &e);
	assert_string_equal(
		err_text(&e),
		"Deployment.apps \"web\" is invalid: [spec.replicas: Invalid value: -1: "
		"must be greater than or equal to 0, spec.minReadySeconds: Invalid "
		"value: -1: must be greater than or equal to 0]");
	/* Said twice in the causes, once in the message. */
	err_field(&e, e.fields[0].path, "FieldValueInvalid", "%s", e.fields[0].message);
	api_err_invalid(&e, k, STR("web"));
	assert_int_equal(e.n_fields, 3);
	assert_null(strstr(strstr(err_text(&e), "spec.replicas") + 1, "spec.replicas"));
	err_done(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metadata),        cmocka_unit_test(test_metadata_size),
		cmocka_unit_test(test_metadata_update), cmocka_unit_test(test_deployment),
		cmocka_unit_test(test_replicaset),      cmocka_unit_test(test_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
