/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/api.h"
#include "lib/api/index.h"
#include "lib/api/protobuf.h"
#include "lib/api/quantity.h"
#include "lib/api/status.h"
#include "lib/api/strategy.h"
#include "lib/api/table.h"
#include "lib/base/clock.h"
#include "tests/unit/test.h"

static const struct api_kind *kind_of(const char *group, const char *plural)
{
	const struct api_kind *k = api_kind_find(str_of(group), STR("v1"), str_of(plural));

	assert_non_null(k);
	return k;
}

static struct json_object *decode(const struct api_kind *k, const char *json)
{
	struct json_object *o = NULL;
	struct err e = ERR_INIT;
	int r = api_decode(k, STR(""), str_of(json), API_STRICT, &o, NULL, &e);

	if (r < 0)
		print_error("%s\n", err_text(&e));
	assert_int_equal(r, 0);
	err_done(&e);
	return o;
}

static void expect_bad(const struct api_kind *k, const char *json, const char *message)
{
	struct json_object *o = NULL;
	struct err e = ERR_INIT;

	assert_true(api_decode(k, STR("application/json"), str_of(json), API_STRICT, &o, NULL, &e) <
		    0);
	assert_string_equal(err_text(&e), message);
	assert_int_equal(api_status_code(&e), 400);
	err_done(&e);
}

#define DEPLOY                                                                                     \
	"{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"web\","      \
	"\"namespace\":\"default\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"selector\":{"             \
	"\"matchLabels\":{\"app\":\"x\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"x\"}}" \
	","                                                                                        \
	"\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"busybox\",\"ports\":[{"             \
	"\"containerPort\":80}],\"resources\":{\"limits\":{\"cpu\":\"0.5\",\"memory\":\"1024Mi\"}" \
	"},"                                                                                       \
	"\"livenessProbe\":{\"httpGet\":{\"port\":\"http\"}}}]}}}}"

static void test_decode(void **state)
{
	const struct api_kind *d = kind_of("apps", "deployments");
	CLEANUP_JSON struct json_object *o = decode(d, DEPLOY);

	assert_streq_n(jsonc_path_str(o, "spec.selector.matchLabels.app"), "x");
	expect_bad(
		d, "{\"spec\":{\"foo\":1,\"replicas\":2,\"replicas\":3}}",
		"Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding "
		"error: duplicate field \"spec.replicas\", unknown field \"spec.foo\"");
	expect_bad(
		d, "{\"spec\":{\"replicas\":\"x\"}}",
		"Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot "
		"unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32");
	expect_bad(d, "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":1}]}}}}",
		   "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot "
		   "unmarshal number into Go struct field "
		   "Container.spec.template.spec.containers.image "
		   "of type string");
	expect_bad(
		d, "{\"metadata\":{\"labels\":{\"a.b/c\":1}}}",
		"Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot "
		"unmarshal number into Go struct field ObjectMeta.metadata.labels of type string");
	expect_bad(d, "{\"apiVersion\":\"v1\"}",
		   "the API version in the data (v1) does not match the expected API version "
		   "(apps/v1)");
}

static void test_warn(void **state)
{
	struct api_warnings w = {0};
	CLEANUP_JSON struct json_object *o = NULL;

	assert_int_equal(api_decode(kind_of("", "pods"), STR("application/yaml"),
				    STR("spec:\n  nodeNam: x\n  containers:\n  - nam: c\n"),
				    API_WARN, &o, &w, NULL),
			 0);
	assert_int_equal(w.n, 2);
	assert_string_equal(w.v[0], "unknown field \"spec.nodeNam\"");
	assert_string_equal(w.v[1], "unknown field \"spec.containers[0].nam\"");
	api_warnings_done(&w);
}

static void test_default_encode(void **state)
{
	const struct api_kind *d = kind_of("apps", "deployments");
	CLEANUP_JSON struct json_object *o = decode(d, DEPLOY);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv v, c;
	size_t at;

	api_default(d, o);
	api_encode(o, &b, &at);
	v = jv_of(buf_str(&b));
	assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
	assert_memory_equal(b.p + at - 19, "\"resourceVersion\":\"\"", 20);
	assert_int_equal(jv_i64(jv_path(v, "spec.replicas"), 0), 1);
	assert_streq_n(jv_text(jv_path(v, "spec.strategy.rollingUpdate.maxSurge")), "25%");
	c = jv_path(v, "spec.template.spec.containers[0]");
	assert_streq_n(jv_text(jv_get(c, "imagePullPolicy")), "Always");
	assert_streq_n(jv_text(jv_path(c, "ports[0].protocol")), "TCP");
	assert_streq_n(jv_text(jv_path(c, "resources.limits.cpu")), "500m");
	assert_streq_n(jv_text(jv_path(c, "resources.limits.memory")), "1Gi");
	assert_streq_n(jv_text(jv_path(c, "livenessProbe.httpGet.scheme")), "HTTP");
	assert_int_equal(jv_i64(jv_path(c, "livenessProbe.periodSeconds"), 0), 10);
	assert_true(jv_exists(jv_path(v, "spec.template.spec.securityContext")));
	assert_false(jv_exists(jv_path(c, "resources.requests")));
}

static void test_validate(void **state)
{
	const struct api_kind *p = kind_of("", "pods");
	CLEANUP_JSON struct json_object *o =
		decode(p, "{\"metadata\":{\"name\":\"Bad\",\"namespace\":\"d\"},\"spec\":{"
			  "\"restartPolicy\":\"Maybe\",\"containers\":[{\"image\":\"x\"}]}}");
	struct err e = ERR_INIT;

	api_default(p, o);
	assert_int_equal(api_validate_create(p, o, &e), -EINVAL);
	assert_int_equal(api_status_code(&e), 422);
	assert_int_equal(e.n_fields, 3);
	assert_string_equal(e.fields[1].path, "spec.containers[0].name");
	assert_string_equal(e.fields[1].message, "Required value");
	assert_string_equal(e.fields[2].message,
			    "Unsupported value: \"Maybe\": supported values: \"Always\", "
			    "\"OnFailure\", \"Never\"");
	err_done(&e);
}

static void test_quantity(void **state)
{
	static const struct {
		const char *in, *out;
		int64_t value, milli;
	} rows[] = {
		{"0", "0", 0, 0},
		{"100m", "100m", 1, 100},
		{"0.1", "100m", 1, 100},
		{"1000m", "1", 1, 1000},
		{"1.5Gi", "1536Mi", 1610612736, 1610612736000},
		{"1Gi", "1Gi", 1073741824, 1073741824000},
		{"1024Ki", "1Mi", 1048576, 1048576000},
		{"0.5Ki", "512", 512, 512000},
		{"1e3", "1e3", 1000, 1000000},
		{"1500", "1500", 1500, 1500000},
		{"2000", "2k", 2000, 2000000},
		{"12E", "9223372036854775807", INT64_MAX, INT64_MAX},
		{"-1", "-1", -1, -1000},
		{"1n", "1n", 1, 1},
		{"0.1n", "1n", 1, 1},
		{"100u", "100u", 1, 1},
		{"+5", "5", 5, 5000},
		{".5", "500m", 1, 500},
		{"5.", "5", 5, 5000},
		{"129M", "129M", 129000000, 129000000000},
		{"123Mi", "123Mi", 128974848, 128974848000},
	};
	static const char *const bad[] = {"",   "a",  "1x", "1.2.3", "1KI", "--1",
					  "1 ", "e3", "1e", ".",     "-"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		struct quantity q;

		assert_int_equal(quantity_parse(str_of(rows[i].in), &q), 0);
		quantity_format(q, &b);
		assert_string_equal(b.p, rows[i].out);
		assert_int_equal(quantity_value(q), rows[i].value);
		assert_int_equal(quantity_milli(q), rows[i].milli);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct quantity q;

		assert_int_equal(quantity_parse(str_of(bad[i]), &q), -EINVAL);
	}
}

static void test_labels(void **state)
{
	static const char labels[] = "{\"app\":\"web\",\"tier\":\"front\",\"n\":\"5\"}";
	static const struct {
		const char *sel;
		int match; /* -1: no selector */
	} rows[] = {
		{"", 1},
		{"app=web", 1},
		{"app==web,tier!=back", 1},
		{"app!=web", 0},
		{"app in (web, api)", 1},
		{"app notin (web)", 0},
		{"x notin (web)", 1},
		{"app", 1},
		{"!app", 0},
		{"!x , app", 1},
		{"n>4", 1},
		{"n<5", 0},
		{"app=", 0},
		{"app=web,", -1},
		{"app in web", -1},
		{"app==web==x", -1},
		{"n>x", -1},
		{"a b", -1},
		{"=x", -1},
		{"app=-x", -1},
		{"app in (a", -1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct label_selector s = {0};
		int r = label_selector_parse(str_of(rows[i].sel), &s, NULL);

		if (r == 0)
			r = label_selector_match(&s, jv_of(str_of(labels)));
		if (MAX(r, -1) != rows[i].match)
			print_error("selector '%s': %d\n", rows[i].sel, r);
		assert_int_equal(MAX(r, -1), rows[i].match);
		label_selector_done(&s);
	}
}

static void test_index(void **state)
{
	const struct api_kind *p = kind_of("", "pods");
	CLEANUP_JSON struct json_object *o =
		decode(p, "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"y\"}},\"spec\":{"
			  "\"nodeName\":\"n1\",\"containers\":[]}}");
	CLEANUP(buf_done) struct buf meta = BUF_INIT;
	struct field_selector f = {0};
	struct label_selector l = {0};
	struct err e = ERR_INIT;

	api_index_extract(p, o, &meta);
	assert_streq_n(api_index_field(buf_str(&meta), STR("spec.nodeName")), "n1");
	assert_streq_n(api_index_label(buf_str(&meta), STR("x")), "y");
	assert_int_equal(field_selector_parse(STR("spec.nodeName=n1,status.phase!=Failed,"
						  "metadata.name=a,spec.hostNetwork=false"),
					      p, &f, NULL),
			 0);
	assert_int_equal(label_selector_parse(STR("x in (y)"), &l, NULL), 0);
	assert_true(api_index_match(buf_str(&meta), STR("d"), STR("a"), &l, &f));
	assert_false(api_index_match(buf_str(&meta), STR("d"), STR("b"), &l, &f));
	field_selector_done(&f);
	label_selector_done(&l);
	assert_int_equal(field_selector_parse(STR("spec.x=1"), p, &f, &e), -EINVAL);
	assert_string_equal(err_text(&e), "field label not supported: spec.x");
	err_done(&e);
	assert_int_equal(field_selector_parse(STR("regarding.name=p"),
					      kind_of("events.k8s.io", "events"), &f, NULL),
			 0);
	assert_string_equal(f.reqs[0].path, "involvedObject.name");
	field_selector_done(&f);
}

static void test_strategy(void **state)
{
	const struct api_kind *d = kind_of("apps", "deployments");
	CLEANUP_JSON struct json_object *o = decode(d, DEPLOY);
	CLEANUP_JSON struct json_object *n = NULL;

	jsonc_set(o, "status", json_object_new_object());
	api_prepare_create(d, o);
	assert_null(jsonc_get(o, "status"));
	assert_int_equal(jsonc_i64(jsonc_path(o, "metadata.generation"), 0), 1);
	n = jsonc_clone(o);
	api_set_str(n, "metadata.labels.k", STR("v"));
	api_prepare_update(d, n, o);
	assert_int_equal(jsonc_i64(jsonc_path(n, "metadata.generation"), 0), 1);
	assert_false(api_unchanged(n, o));
	api_set(n, "spec.replicas", json_object_new_int(4));
	api_prepare_update(d, n, o);
	assert_int_equal(jsonc_i64(jsonc_path(n, "metadata.generation"), 0), 2);
	api_set(n, "status.replicas", json_object_new_int(4));
	api_prepare_update_sub(d, api_subresource_find(d, STR("status")), n, o);
	assert_null(jsonc_path(n, "spec.replicas"));
	assert_int_equal(jsonc_i64(jsonc_path(n, "status.replicas"), 0), 4);
	assert_int_equal(jsonc_i64(jsonc_path(n, "metadata.generation"), 0), 1);
}

static void test_status(void **state)
{
	struct err e = ERR_INIT, back = ERR_INIT;
	struct api_status_details d = {
		.name = STR("x"), .group = STR("apps"), .kind = STR("deployments")};
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	api_err_not_found(&e, kind_of("apps", "deployments"), STR("x"));
	api_status_write(&e, &d, &b);
	assert_string_equal(
		b.p,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
		"\"message\":\"deployments.apps \\\"x\\\" not found\",\"reason\":\"NotFound\","
		"\"details\":{\"name\":\"x\",\"group\":\"apps\",\"kind\":\"deployments\"},"
		"\"code\":404}");
	assert_int_equal(api_status_parse(jv_of(buf_str(&b)), 404, &back), -ENOENT);
	assert_string_equal(back.reason, "NotFound");
	err_done(&e);
	err_done(&back);
}

static void test_table(void **state)
{
	static const char pod[] =
		"{\"metadata\":{\"name\":\"a\",\"creationTimestamp\":\"2026-11-24T00:00:00Z\"},"
		"\"spec\":{\"containers\":[{\"name\":\"c\"}]},\"status\":{\"phase\":\"Running\","
		"\"containerStatuses\":[{\"name\":\"c\",\"ready\":false,\"restartCount\":2,"
		"\"state\":{"
		"\"waiting\":{\"reason\":\"CrashLoopBackOff\"}}}]}}";
	const struct api_kind *p = kind_of("", "pods");
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int64_t now;

	assert_int_equal(time_parse(STR("2026-11-24T00:03:20Z"), &now), 0);
	api_table_begin(p, "v1", STR("7"), STR(""), -1, true, &b);
	api_table_row(p, "v1", now, jv_of(STR(pod)), API_INCLUDE_NONE, true, &b);
	api_table_end(&b);
	assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
	assert_non_null(strstr(b.p, "\"cells\":[\"a\",\"0/1\",\"CrashLoopBackOff\",\"2\",\"3m20s\","
				    "\"<none>\",\"<none>\",\"<none>\",\"<none>\"]"));
}

static void test_protobuf(void **state)
{
	/* ConfigMap a with data {k: v} and, inside metadata, a label. */
	static const char raw[] = "\x0a\x0b\x0a\x01"
				  "a\x5a\x06\x0a\x01"
				  "x\x12\x01y"
				  "\x12\x06\x0a\x01k\x12\x01v";
	static const char env[] = "k8s\0"
				  "\x0a\x0f\x0a\x02v1\x12\x09"
				  "ConfigMap\x12";
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_JSON struct json_object *o = NULL;
	const struct api_kind *k = kind_of("", "configmaps");
	struct err e = ERR_INIT;
	int r;

	buf_add(&b, env, sizeof(env) - 1);
	buf_addc(&b, sizeof(raw) - 1);
	buf_add(&b, raw, sizeof(raw) - 1);
	r = api_decode(k, STR("application/vnd.kubernetes.protobuf"), buf_str(&b), API_STRICT, &o,
		       NULL, &e);
	if (r < 0)
		print_error("%s\n", err_text(&e));
	assert_int_equal(r, 0);
	assert_streq_n(jsonc_path_str(o, "metadata.labels.x"), "y");
	assert_streq_n(jsonc_path_str(o, "data.k"), "v");
	for (size_t cut = 5; cut < b.len; cut++) { /* never reads beyond, never crashes */
		struct json_object *p = NULL;

		if (api_decode(k, STR(""), str_n(b.p, cut), API_STRICT, &p, NULL, NULL) == 0)
			json_object_put(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),         cmocka_unit_test(test_warn),
		cmocka_unit_test(test_default_encode), cmocka_unit_test(test_validate),
		cmocka_unit_test(test_quantity),       cmocka_unit_test(test_labels),
		cmocka_unit_test(test_index),          cmocka_unit_test(test_strategy),
		cmocka_unit_test(test_status),         cmocka_unit_test(test_table),
		cmocka_unit_test(test_protobuf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
