/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/mutation.h"
#include "lib/api/cel_libs.h"
#include "tests/unit/test.h"

static const struct cel_var vars[] = {{"object", &cel_t_dyn}};

/* What the expression makes of the object (in ' for "), or the mistake. */
static void mutate(enum api_mutation m, const char *expr, const char *obj, struct buf *out)
{
	const struct cel_lib *libs[API_CEL_LIBS + 2] = {NULL};
	struct cel_env env = {vars, 1, libs};
	const struct api_kind *k = api_kind_by_gvk(STR("apps"), STR("v1"), STR("Deployment"));
	CLEANUP(cel_program_freep) struct cel_program *p = NULL;
	CLEANUP(err_done) struct err err = ERR_INIT;
	CLEANUP_FREE char *json = xstrdup(obj);
	CLEANUP_JSON struct json_object *o = NULL, *ret = NULL;
	struct arena arena = {0};
	struct cel_run run = {.arena = &arena, .cost_max = 1000000};
	struct cel_val v;

	for (size_t i = 0; i < API_CEL_LIBS; i++)
		libs[i] = api_cel_libs[i];
	libs[API_CEL_LIBS] = &api_cel_lib_mutation;
	for (char *c = json; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	assert_int_equal(jsonc_parse(str_of(json), NULL, &o, &err), 0);
	if (cel_compile(&env, str_of(expr), &p, &err) < 0) {
		buf_addf(out, "compile: %s", err_text(&err));
		return;
	}
	if (!api_mutation_fits(m, cel_program_type(p), out))
		return;
	v = cel_of_json(&run, o, NULL);
	v = cel_eval(p, &v, &run);
	if (v.kind == CEL_ERR)
		buf_addf(out, "error: %.*s", STR_ARG(v.s));
	else if (api_mutate(k, m, o, &v, &ret, &err) < 0)
		buf_adds(out, err_text(&err));
	else if (!ret)
		buf_adds(out, "unchanged");
	else {
		api_del(ret, "apiVersion");
		api_del(ret, "kind");
		jsonc_write(ret, out);
	}
	for (size_t i = 0; i < out->len; i++)
		out->p[i] = out->p[i] == '"' ? '\'' : out->p[i];
	arena_done(&arena);
}

struct row {
	const char *expr, *obj, *want;
};

static void check(enum api_mutation m, const struct row *rows, size_t n)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		mutate(m, rows[i].expr, rows[i].obj, &b);
		if (strcmp(b.p, rows[i].want) == 0)
			continue;
		print_error("%s\n  gives %s\n  wants %s\n", rows[i].expr, b.p, rows[i].want);
		bad++;
	}
	assert_int_equal(bad, 0);
}

#define POD "Object.spec.template.spec"
#define IN_POD(x) "Object{spec: Object.spec{template: Object.spec.template{spec: " POD "{" x "}}}}"
#define WITH(x) "{'spec':{'template':{'spec':{" x "}}}}"

/* smd_test.go */
static void test_apply(void **state)
{
	static const struct row rows[] = {
		{IN_POD("volumes: [" POD ".volumes{name: 'y'}]"), WITH("'volumes':[{'name':'x'}]"),
		 WITH("'volumes':[{'name':'x'},{'name':'y'}]")},
		{IN_POD("volumes: [" POD ".volumes{name: 'y', hostPath: " POD
			".volumes.hostPath{path: 'a'}}]"),
		 WITH("'volumes':[{'name':'x'},{'name':'y'}]"),
		 WITH("'volumes':[{'name':'x'},{'name':'y','hostPath':{'path':'a'}}]")},
		{"Object{spec: Object.spec{replicas: object.spec.replicas % 2 == 0 ? "
		 "object.spec.replicas + 1 : object.spec.replicas}}",
		 "{'spec':{'replicas':2}}", "{'spec':{'replicas':3}}"},
		{"Object{metadata: Object.metadata{labels: {'a/b': 'c'}}}",
		 "{'metadata':{'labels':{'x':'y'}}}",
		 "{'metadata':{'labels':{'x':'y','a/b':'c'}}}"},
		{"Object{metadata: Object.metadata{?labels: optional.none()}}", "{'metadata':{}}",
		 "{'metadata':{}}"},
		{"Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'l': "
		 "'v'}}}}",
		 "{}",
		 "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, "
		 "maps or structs: .spec.selector"},
		{IN_POD("containers: [" POD ".containers{name: 'a', command: ['x']}]"), "{}",
		 "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, "
		 "maps or structs: .spec.template.spec.containers[0].command"},
		{"Object{spec: Object.specx{replicas: 1}}", "{}",
		 "type mismatch: unexpected type name 'Object.specx', expected 'Object.spec', "
		 "which matches field name path from root Object type"},
		{"Object{spec: Object.spec{replicasx: 1}}", "{}",
		 "error applying patch: failed to convert patch object to typed object: "
		 ".spec.replicasx: field not declared in schema"},
		{"Object{spec: Object.spec{replicas: 'x', paused: 1}}", "{}",
		 "error applying patch: failed to convert patch object to typed object: "
		 "errors:\n  .spec.replicas: expected numeric (int or float), got string\n  "
		 ".spec.paused: expected boolean, got 1"},
		{IN_POD("containers: [" POD ".containers{image: 'x'}]"), "{}",
		 "error applying patch: failed to convert patch object to typed object: "
		 ".spec.template.spec.containers: element 0: associative list with keys has an "
		 "element that omits key field 'name' (and doesn't have default value)"},
		{IN_POD("containers: [" POD ".containers{name: 'a'}, " POD
			".containers{name: 'a'}]"),
		 "{}",
		 "error applying patch: failed to convert patch object to typed object: "
		 ".spec.template.spec.containers[name='a']: duplicate entries for key "
		 "[name='a']"},
		{IN_POD("containers: 'x'"), "{}",
		 "error applying patch: failed to convert patch object to typed object: "
		 ".spec.template.spec.containers: expected list, got 'x'"},
		{IN_POD("containers: [" POD ".containers{name: 'a', env: [" POD
			".containers.env{name: 't', value: 'c'}]}]"),
		 WITH("'containers':[{'name':'a','env':[{'name':'t','value':'a'},{'name':'t',"
		      "'value':'b'},{'name':'foo','value':'bar'}]}]"),
		 WITH("'containers':[{'name':'a','env':[{'name':'t','value':'c'},{'name':'foo',"
		      "'value':'bar'}]}]")},
		{"\"I'm a teapot!\"", "{}", "must evaluate to Object but got string"},
		{"Object.spec.metadata{}", "{}",
		 "must evaluate to Object but got Object.spec.metadata"},
		{"object", "{}", "must evaluate to Object but got dyn"},
	};

	check(API_MUTATION_APPLY, rows, ARRAY_SIZE(rows));
}

/* json_patch_test.go */
static void test_json_patch(void **state)
{
	static const struct row rows[] = {
		{"[JSONPatch{op: 'test', path: '/spec/replicas', value: 100}, JSONPatch{op: "
		 "'replace', path: '/spec/replicas', value: 3}]",
		 "{'spec':{'replicas':1}}", "unchanged"},
		{"[JSONPatch{op: 'test', path: '/spec/replicas', value: 1}, JSONPatch{op: "
		 "'replace', path: '/spec/replicas', value: 3},]",
		 "{'spec':{'replicas':1}}", "{'spec':{'replicas':3}}"},
		{"[JSONPatch{op: 'remove', path: '/spec/replicas'}]", "{'spec':{'replicas':1}}",
		 "{'spec':{}}"},
		{"[JSONPatch{op: 'remove', path: '/spec/paused'}]", "{'spec':{'replicas':1}}",
		 "JSONPath: remove operation does not apply: doc is missing path: /spec/paused: "
		 "missing value"},
		{"[JSONPatch{op: 'move', from: '/metadata/labels/x', path: '/metadata/labels/y'}]",
		 "{'metadata':{'labels':{'x':'1'}}}", "{'metadata':{'labels':{'y':'1'}}}"},
		{"[JSONPatch{op: 'copy', from: '/spec/template/spec/containers/0', path: "
		 "'/spec/template/spec/containers/-'}]",
		 WITH("'containers':[{'name':'a'},{'name':'b'}]"),
		 WITH("'containers':[{'name':'a'},{'name':'b'},{'name':'a'}]")},
		{"[JSONPatch{op: 'replace', path: '/metadata/labels', value: {'y': '2'}}]",
		 "{'metadata':{}}", "{'metadata':{'labels':{'y':'2'}}}"},
		{"[JSONPatch{op: 'replace', path: '/spec/template/spec/containers/-', value: "
		 "{'name': 'x'}}]",
		 WITH("'containers':[{'name':'a'}]"),
		 "JSONPath: replace operation does not apply: doc is missing key: "
		 "/spec/template/spec/containers/-: missing value"},
		{"[JSONPatch{op: 'add', path: '/spec', value: Object.spec{selector: "
		 "Object.spec.selector{}, replicas: 10}}]",
		 "{}", "{'spec':{'selector':{},'replicas':10}}"},
		{"[JSONPatch{op: 'add', path: '/metadata/labels', value: {'op': JSONPatch{op: "
		 "'o'}.op, 'set': string(has(JSONPatch{}.value))}}]",
		 "{'metadata':{}}", "{'metadata':{'labels':{'op':'o','set':'false'}}}"},
		{"[JSONPatch{op: 'add', path: '/metadata/labels', value: {}}, JSONPatch{op: "
		 "'add', path: '/metadata/labels/' + jsonpatch.escapeKey('k8s.io/x~y'), value: "
		 "'true'}]",
		 "{'metadata':{}}", "{'metadata':{'labels':{'k8s.io/x~y':'true'}}}"},
		{"[JSONPatch{op: 'add', path: '/spec/template/spec/containers/-', value: " POD
		 ".containers{name: 'x', ports: [" POD
		 ".containers.ports{containerPortZ: 8080}]}}]",
		 WITH("'containers':[{'name':'a'}]"),
		 "Internal error occurred: strict decoding error: unknown field "
		 "'spec.template.spec.containers[1].ports[0].containerPortZ'"},
		{"[JSONPatch{op: 'add', path: '/spec/template/spec/containers/-', value: " POD
		 ".containers{name: 'x', ports: [" POD
		 ".containers.portsZ{containerPort: 8080}]}}]",
		 WITH("'containers':[{'name':'a'}]"),
		 "type mismatch: unexpected type name "
		 "'Object.spec.template.spec.containers.portsZ', "
		 "expected 'Object.spec.template.spec.containers.ports', which matches field name "
		 "path from root Object type"},
		{"[JSONPatch{op: 'grow', path: '/spec'}]", "{'spec':{}}",
		 "JSONPath: error decoding patch: unexpected kind: grow"},
		{"object.spec.replicas > 1 ? [JSONPatch{op: 'remove', path: '/spec/replicas'}] : "
		 "[]",
		 "{'spec':{'replicas':2}}", "{'spec':{}}"},
		{"Object{}", "{}", "must evaluate to list(JSONPatch) but got Object"},
		{"[]", "{}", "must evaluate to list(JSONPatch) but got list(dyn)"},
		{"[{'op': 'remove'}]", "{}",
		 "must evaluate to list(JSONPatch) but got list(map(string, string))"},
	};

	check(API_MUTATION_JSON_PATCH, rows, ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_json_patch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
