/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/discovery.h"
#include "lib/api/openapi.h"
#include "lib/api/patch.h"
#include "lib/api/status.h"
#include "lib/json/jsonc.h"
#include "tests/unit/test.h"

static struct json_object *parse(const char *text)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct json_object *o = NULL;

	for (; *text; text++) /* rows are written with ' for " */
		buf_addc(&b, *text == '\'' ? '"' : *text);
	assert_int_equal(jsonc_parse(buf_str(&b), NULL, &o, NULL), 0);
	return o;
}

struct row {
	const char *doc, *patch, *want; /* want NULL: refused */
};

typedef int (*patch_fn)(struct json_object *obj, struct json_object *patch,
			struct json_object **ret, struct err *err);

static void run(const struct row *rows, size_t n, patch_fn fn)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP_JSON struct json_object *d = parse(rows[i].doc), *p = parse(rows[i].patch);
		CLEANUP_JSON struct json_object *before = jsonc_clone(d), *got = NULL, *want = NULL;
		struct err e = ERR_INIT;
		int r = fn(d, p, &got, &e);

		want = rows[i].want ? parse(rows[i].want) : NULL;
		if ((r == 0) != !!want || !jsonc_equal(got, want))
			print_error("%s + %s: %s %s\n", rows[i].doc, rows[i].patch,
				    json_object_to_json_string(got), err_text(&e));
		assert_int_equal(r == 0, !!want);
		assert_true(jsonc_equal(got, want));
		assert_true(jsonc_equal(before, d));
		err_done(&e);
	}
}

static void test_json(void **state)
{
	static const struct row rows[] = {
		{"{'a':1}", "[{'op':'add','path':'/b','value':2}]", "{'a':1,'b':2}"},
		{"{'a':[1,3]}", "[{'op':'add','path':'/a/1','value':2}]", "{'a':[1,2,3]}"},
		{"{'a':[1]}", "[{'op':'add','path':'/a/-','value':2}]", "{'a':[1,2]}"},
		{"{'a':[1]}", "[{'op':'add','path':'/a/3','value':2}]", NULL},
		{"{'a':[1,2]}", "[{'op':'remove','path':'/a/0'}]", "{'a':[2]}"},
		{"{'a':1}", "[{'op':'remove','path':'/b'}]", NULL},
		{"{'a/b':1,'c~d':2}",
		 "[{'op':'remove','path':'/a~1b'},{'op':'remove','path':'/c~0d'}]", "{}"},
		{"{'a':1}", "[{'op':'replace','path':'/a','value':null}]", "{'a':null}"},
		{"{'a':1}", "[{'op':'replace','path':'/b','value':1}]", "{'a':1,'b':1}"},
		{"{'a':[1]}", "[{'op':'replace','path':'/a/1','value':1}]", NULL},
		{"{'a':[1]}", "[{'op':'replace','path':'/a/-','value':1}]", NULL},
		{"{'a':1}", "[{'op':'test','path':'/a','value':1}]", "{'a':1}"},
		{"{'a':1}", "[{'op':'test','path':'/a','value':2}]", NULL},
		{"{'a':{'x':1}}", "[{'op':'move','from':'/a/x','path':'/b'}]", "{'a':{},'b':1}"},
		{"{'a':{'x':1}}", "[{'op':'move','from':'/a','path':'/a/y'}]", NULL},
		{"{'a':{'x':1}}", "[{'op':'copy','from':'/a','path':'/b'}]",
		 "{'a':{'x':1},'b':{'x':1}}"},
		{"{'a':1}", "[{'op':'add','path':'/x/y','value':1}]", NULL},
		{"{'a':1}", "[{'op':'add','path':'/b'}]", NULL},
		{"{'a':1}", "[{'op':'what','path':'/b'}]", NULL},
		{"{'a':1}", "{}", NULL},
		{"{'a':1}", "[{'op':'replace','path':'','value':{'z':1}}]", "{'z':1}"},
		{"{'a':1}", "[{'op':'replace','path':'','value':7}]", NULL},
	};

	run(rows, ARRAY_SIZE(rows), api_patch_json);
}

static void test_merge(void **state)
{
	static const struct row rows[] = {
		{"{'a':1}", "{'a':null,'b':{'c':null,'d':1}}", "{'b':{'d':1}}"},
		{"{'a':{'x':1,'y':2}}", "{'a':{'x':null}}", "{'a':{'y':2}}"},
		{"{'a':[1,2]}", "{'a':[3]}", "{'a':[3]}"},
		{"{'a':1}", "[]", NULL},
	};

	run(rows, ARRAY_SIZE(rows), api_patch_merge);
}

static int strategic(struct json_object *obj, struct json_object *patch, struct json_object **ret,
		     struct err *err)
{
	const struct api_kind *k = api_kind_find(STR(""), STR("v1"), STR("pods"));

	return api_patch_strategic(k->type, obj, patch, ret, err);
}

#define SPEC(x) "{'spec':{" x "}}"
static void test_strategic(void **state)
{
	static const struct row rows[] = {
		{SPEC("'containers':[{'name':'a','image':'1'},{'name':'b','image':'1'}]"),
		 SPEC("'containers':[{'name':'b','image':'2'}]"),
		 SPEC("'containers':[{'name':'a','image':'1'},{'name':'b','image':'2'}]")},
		{SPEC("'containers':[{'name':'a','image':'1'}]"),
		 SPEC("'containers':[{'name':'b','image':'2','env':null}]"),
		 SPEC("'containers':[{'name':'a','image':'1'},{'name':'b','image':'2'}]")},
		{SPEC("'containers':[{'name':'a'},{'name':'b'}]"),
		 SPEC("'containers':[{'name':'a','$patch':'delete'}]"),
		 SPEC("'containers':[{'name':'b'}]")},
		{SPEC("'containers':[{'name':'a'},{'name':'b'}]"),
		 SPEC("'containers':[{'$patch':'replace'},{'name':'c'}]"),
		 SPEC("'containers':[{'name':'c'}]")},
		{SPEC("'containers':[{'name':'a'},{'name':'x'},{'name':'b'}]"),
		 SPEC("'$setElementOrder/"
		      "containers':[{'name':'b'},{'name':'a'}],'containers':[{'name':"
		      "'b','image':'2'}]"),
		 SPEC("'containers':[{'name':'x'},{'name':'b','image':'2'},{'name':'a'}]")},
		{SPEC("'containers':[{'name':'a'}]"), SPEC("'containers':[{'image':'a'}]"), NULL},
		{SPEC("'tolerations':[{'key':'a'}]"), SPEC("'tolerations':[{'key':'b'}]"),
		 SPEC("'tolerations':[{'key':'b'}]")},
		{SPEC("'nodeSelector':{'a':'1','b':'2'}"), SPEC("'nodeSelector':{'a':null}"),
		 SPEC("'nodeSelector':{'b':'2'}")},
		{SPEC("'nodeSelector':{'a':'1'}"),
		 SPEC("'nodeSelector':{'$patch':'replace','c':'1'}"),
		 SPEC("'nodeSelector':{'c':'1'}")},
		{SPEC("'volumes':[{'name':'v','emptyDir':{}}]"),
		 SPEC("'volumes':[{'name':'v','$retainKeys':['name','hostPath'],'hostPath':{'path':"
		      "'/x'}}"
		      "]"),
		 SPEC("'volumes':[{'name':'v','hostPath':{'path':'/x'}}]")},
		{"{'metadata':{'finalizers':['a/b','c/d']}}",
		 "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a/b'],'finalizers':['e/"
		 "f']}}",
		 "{'metadata':{'finalizers':['c/d','e/f']}}"},
		{"{'metadata':{'finalizers':['a/b']}}", "{'metadata':{'finalizers':['a/b','c/d']}}",
		 "{'metadata':{'finalizers':['a/b','c/d']}}"},
		{"{'metadata':{}}", "{'metadata':{'$patch':'nonsense'}}", NULL},
		{"{'a':1}", "[]", NULL},
	};

	run(rows, ARRAY_SIZE(rows), strategic);
}

static void test_discovery(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	assert_int_equal(api_discovery_accept(STR("application/json;g=apidiscovery.k8s.io;v=v2;as="
						  "APIGroupDiscoveryList,application/json")),
			 API_DISCOVERY_V2);
	assert_int_equal(api_discovery_accept(STR("application/json, */*")), API_DISCOVERY_PLAN);
	for (int f = API_DISCOVERY_PLAN; f <= API_DISCOVERY_V2; f++) {
		buf_clear(&b);
		api_discovery_core(NULL, f, "1.2.3.4:6443", &b);
		assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
		buf_clear(&b);
		api_discovery_groups(NULL, f, &b);
		assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
	}
	buf_clear(&b);
	assert_int_equal(api_discovery_resources(NULL, STR(""), STR("v1"), &b), 0);
	assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
	assert_non_null(strstr(b.p,
			       "{\"name\":\"pods/eviction\",\"singularName\":\"\",\"namespaced\":"
			       "true,\"group\":\"policy\",\"version\":\"v1\",\"kind\":"
			       "\"Eviction\",\"verbs\":[\"create\"]}"));
	assert_int_equal(api_discovery_resources(NULL, STR("nope"), STR("v1"), &b), -ENOENT);
	assert_int_equal(api_discovery_group(NULL, STR("apps"), &b), 0);
}

static void test_openapi(void **state)
{
	static const char *const gv[][2] = {{"", "v1"}, {"apps", "v1"}};
	CLEANUP(buf_done) struct buf b = BUF_INIT, pb = BUF_INIT;
	struct jv op;

	api_openapi_v3_index(NULL, &b);
	assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(gv); i++) {
		buf_clear(&b);
		assert_int_equal(api_openapi_v3(NULL, str_of(gv[i][0]), str_of(gv[i][1]), &b), 0);
		assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
	}
	op = jv_get(jv_get(jv_of(buf_str(&b)), "paths"),
		    "/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
	assert_non_null(memmem(jv_raw(jv_get(op, "patch")).p, jv_raw(jv_get(op, "patch")).len,
			       "\"fieldValidation\"", 17));
	assert_int_equal(api_openapi_v3(NULL, STR("nope"), STR("v1"), &b), -ENOENT);
	buf_clear(&b);
	api_openapi_v2_json(NULL, &b);
	assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
	api_openapi_v2_pb(buf_str(&b), &pb);
	assert_memory_equal(pb.p,
			    "\x0a\x03"
			    "2.0",
			    5);
}

/* Of others' documents only what is theirs and an object, whatever they look like. */
static void test_openapi_merge(void **state)
{
	static const char own[] = "{\"swagger\":\"2.0\",\"paths\":{\"/apis/a/v1/x\":{\"o\":1}},"
				  "\"definitions\":{\"A\":{\"o\":1}}}";
	const struct api_openapi_other others[] = {
		{STR("[]"), "b", "v1"},
		{STR("{\"paths\":[1],\"definitions\":7}"), "b", "v1"},
		{STR("{\"swagger\":\"3\",\"paths\":{\"/apis/b/v1/y\":{},\"/apis/a/v1/x\":{},"
		     "\"/apis/b/v10/z\":{},\"/apis/b/v1/w\":1},\"definitions\":{\"A\":{},\"B\":{}},"
		     "\"x\":{}}"),
		 "b", "v1"},
		{STR("{\"definitions\":{\"B\":{\"o\":5},\"C\":{\"o\":6},\"D\":7}}"), "c", "v1"},
	};
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	api_openapi_v2_merge(STR(own), others, ARRAY_SIZE(others), &b);
	assert_string_equal(b.p, "{\"swagger\":\"2.0\",\"paths\":{\"/apis/a/v1/x\":{\"o\":1},"
				 "\"/apis/b/v1/y\":{}},\"definitions\":{\"A\":{\"o\":1},\"B\":{},"
				 "\"C\":{\"o\":6}}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),      cmocka_unit_test(test_merge),
		cmocka_unit_test(test_strategic), cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_openapi),   cmocka_unit_test(test_openapi_merge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
