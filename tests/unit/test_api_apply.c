/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/apply.h"
#include "lib/api/fieldset.h"
#include "lib/api/status.h"
#include "tests/unit/test.h"

#define T0 ((int64_t)1764000000 * 1000000000)

static struct json_object *parse(const char *text)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct json_object *o = NULL;

	for (; *text; text++)
		buf_addc(&b, *text == '\'' ? '"' : *text);
	assert_int_equal(jsonc_parse(buf_str(&b), NULL, &o, NULL), 0);
	return o;
}

static const struct api_kind *deployments(void)
{
	return api_kind_find(STR("apps"), STR("v1"), STR("deployments"));
}

static int apply(struct json_object **live, const char *config, const char *manager, bool force,
		 struct err *err)
{
	struct api_manager by = {str_of(manager), STR(""), T0};
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_JSON struct json_object *text = parse(config), *c = NULL;
	struct json_object *out = NULL;
	int r;

	jsonc_write(text, &b);
	r = api_decode(deployments(), STR("application/apply-patch+yaml"), buf_str(&b), API_STRICT,
		       &c, NULL, err);
	if (r == 0)
		r = api_apply(deployments(), *live, c, &by, force, &out, err);
	if (r == 0) {
		CLEANUP_JSON struct json_object *decoded = NULL;

		assert_int_equal(
			api_decode_tree(deployments(), out, API_STRICT, &decoded, NULL, err), 0);
		json_object_put(out);
		json_object_put(*live);
		*live = TAKE(decoded);
	}
	return r;
}

static struct json_object *owned(struct json_object *obj, const char *manager)
{
	struct json_object *list = jsonc_path(obj, "metadata.managedFields");

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);

		if (str_eqs(jsonc_path_str(e, "manager"), manager))
			return jsonc_get(e, "fieldsV1");
	}
	return NULL;
}

static void assert_owned(struct json_object *obj, const char *manager, const char *want)
{
	CLEANUP_JSON struct json_object *w = want ? parse(want) : NULL;
	struct json_object *got = owned(obj, manager);

	if (!jsonc_equal(got, w))
		print_error("%s owns %s\n", manager, json_object_to_json_string_ext(got, 0));
	assert_true(jsonc_equal(got, w));
}

#define D(spec) "{'metadata':{'name':'web','namespace':'d'},'spec':{" spec "}}"
#define C(name, image) "{'name':'" name "','image':'" image "'}"
#define POD(containers) "'template':{'spec':{'containers':[" containers "]}}"

static void test_create_and_conflict(void **state)
{
	CLEANUP_JSON struct json_object *live = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(apply(&live, D("'replicas':1," POD(C("a", "1"))), "one", false, &e), 0);
	assert_owned(live, "one",
		     "{'f:spec':{'f:replicas':{},'f:template':{'f:spec':{'f:containers':{"
		     "'k:{\\'name\\':\\'a\\'}':{'.':{},'f:image':{},'f:name':{}}}}}}}");
	assert_int_equal(apply(&live, D("'replicas':2"), "two", false, &e), -EEXIST);
	assert_string_equal(err_text(&e),
			    "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas");
	assert_int_equal(api_status_code(&e), 409);
	assert_string_equal(e.fields[0].reason, "FieldManagerConflict");
	assert_string_equal(e.fields[0].path, ".spec.replicas");
	err_clear(&e);
	/* The same value is shared, another one is taken by force. */
	assert_int_equal(apply(&live, D("'replicas':1"), "two", false, &e), 0);
	assert_owned(live, "two", "{'f:spec':{'f:replicas':{}}}");
	assert_int_equal(apply(&live, D("'replicas':3"), "two", true, &e), 0);
	assert_int_equal(jsonc_i64(jsonc_path(live, "spec.replicas"), 0), 3);
	assert_owned(live, "one",
		     "{'f:spec':{'f:template':{'f:spec':{'f:containers':{"
		     "'k:{\\'name\\':\\'a\\'}':{'.':{},'f:image':{},'f:name':{}}}}}}}");
	err_done(&e);
}

static void test_remove(void **state)
{
	CLEANUP_JSON struct json_object *live = NULL, *list = NULL;

	assert_int_equal(apply(&live,
			       D("'replicas':1,'paused':true," POD(C("a", "1") "," C("b", "1"))),
			       "one", false, NULL),
			 0);
	assert_int_equal(apply(&live, D(POD(C("b", "1"))), "two", false, NULL), 0);
	/* "one" lets go of everything but a: b stays, as two has it. */
	assert_int_equal(apply(&live, D(POD(C("a", "2"))), "one", false, NULL), 0);
	assert_null(jsonc_path(live, "spec.replicas"));
	assert_null(jsonc_path(live, "spec.paused"));
	list = json_object_get(jsonc_path(live, "spec.template.spec.containers"));
	assert_int_equal(json_object_array_length(list), 2);
	assert_int_equal(apply(&live, D("'replicas':1"), "two", false, NULL), 0);
	json_object_put(list);
	list = json_object_get(jsonc_path(live, "spec.template.spec.containers"));
	assert_int_equal(json_object_array_length(list), 1);
	assert_streq_n(jsonc_path_str(json_object_array_get_idx(list, 0), "image"), "2");
}

static void test_update_ownership(void **state)
{
	struct api_manager ctl = {STR("kubectl-create"), STR(""), T0};
	CLEANUP_JSON struct json_object
		*live = NULL,
		*next = NULL,
		*in = parse(D(
			"'replicas':1,'selector':{'matchLabels':{'x':'y'}},'template':{'metadata':{"
			"'labels':{'x':"
			"'y'}},'spec':{'containers':[{'name':'a','image':'1','resources':{}}]}}"));
	struct err e = ERR_INIT;

	assert_int_equal(api_decode_tree(deployments(), in, API_STRICT, &live, NULL, NULL), 0);
	api_managed_fields_update(deployments(), NULL, live, &ctl);
	assert_owned(
		live, "kubectl-create",
		"{'f:spec':{'f:replicas':{},'f:selector':{},'f:template':{'f:metadata':{"
		"'f:labels':{'.':{},'f:x':{}}},'f:spec':{'f:containers':{'k:{\\'name\\':\\'a\\'}':"
		"{'.':{},'f:image':{},'f:name':{},'f:resources':{}}}}}}}");
	/* Apply without force over it conflicts and names the version. */
	assert_int_equal(apply(&live, D("'replicas':5"), "x", false, &e), -EEXIST);
	assert_string_equal(err_text(&e), "Apply failed with 1 conflict: conflict with "
					  "\"kubectl-create\" using apps/v1: .spec.replicas");
	err_done(&e);
	/* An update by another moves one field. */
	next = jsonc_clone(live);
	api_set(next, "spec.replicas", json_object_new_int(7));
	ctl.name = STR("scaler");
	api_managed_fields_update(deployments(), live, next, &ctl);
	assert_owned(next, "scaler", "{'f:spec':{'f:replicas':{}}}");
	assert_null(jsonc_path(owned(next, "kubectl-create"), "f:spec.f:replicas"));
	/* Status by subresource: an entry of its own. */
	json_object_put(live);
	live = jsonc_clone(next);
	api_set(next, "status.replicas", json_object_new_int(7));
	ctl = (struct api_manager){STR("ctl"), STR("status"), T0};
	api_managed_fields_update(deployments(), live, next, &ctl);
	assert_owned(next, "ctl", "{'f:status':{'f:replicas':{}}}");
	/* Cleared by the client. */
	api_set(next, "metadata.managedFields", json_object_new_array());
	api_managed_fields_update(deployments(), live, next, &ctl);
	assert_null(owned(next, "scaler"));
}

static void test_bad(void **state)
{
	CLEANUP_JSON struct json_object *live = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(apply(&live, D("'foo':1"), "one", false, &e), -EINVAL);
	assert_non_null(strstr(err_text(&e), ".spec.foo: field not declared in schema"));
	err_done(&e);
}

/* Creators' ownership is written straight from the object; it must be what the sets would say. */
static void test_new_both_ways(void **state)
{
	static const struct {
		const char *group, *plural, *json;
	} rows[] = {
		{"", "pods",
		 "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p','labels':{'a/"
		 "b':'c','z\\u00e9\\\"':"
		 "'q'},'annotations':{},'ownerReferences':[{'uid':'u','kind':'x'}],'finalizers':['"
		 "f','e']},"
		 "'spec':{'nodeSelector':{'k':'v'},'containers':[{'name':'b','image':'i','ports':[{"
		 "'containerPort':80,'protocol':'TCP'},{'containerPort':81,'protocol':'UDP'}],'env'"
		 ":[{'name':"
		 "'A','value':'1'}],'resources':{'limits':{'cpu':'1'}},'command':['x']},{'name':'a'"
		 "}],"
		 "'volumes':[{'name':'v','emptyDir':{}}],'tolerations':[{'key':'k'}],'"
		 "securityContext':{},"
		 "'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':'"
		 "x'}]},"
		 "'status':{'phase':'Pending'}}"},
		/* A name twice in a list: the sets must do it. */
		{"", "pods",
		 "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'a','env':[{'name':'A'},{'"
		 "name':"
		 "'A','value':'2'}]}]}}"},
		{"apps", "deployments",
		 "{'metadata':{'name':'d'},'spec':{'replicas':1,'strategy':{},'selector':{'"
		 "matchLabels':{"
		 "'a':'b'}},'template':{'metadata':{'creationTimestamp':null,'labels':{'a':'b'}},'"
		 "spec':{"
		 "'containers':[]}}},'status':{'replicas':1}}"},
		{"", "configmaps", "{'metadata':{'name':'c'},'data':{'b':'1','a':'2','':''}}"},
		{"", "configmaps", "{'metadata':{'name':'c'}}"},
		{"", "secrets", "{'metadata':{'name':'c'},'type':'Opaque','immutable':true}"},
		{"", "services",
		 "{'metadata':{'name':'s'},'spec':{'ports':[{'port':80,'protocol':'TCP'}],'"
		 "clusterIPs':["
		 "'1.2.3.4'],'selector':{}}}"},
		{"rbac.authorization.k8s.io", "clusterroles",
		 "{'metadata':{'name':'r'},'rules':null,'aggregationRule':{'clusterRoleSelectors':["
		 "{}]}}"},
	};
	const struct api_manager by = {STR("m"), STR(""), T0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct api_kind *k =
			api_kind_find(str_of(rows[i].group), STR("v1"), str_of(rows[i].plural));
		CLEANUP_JSON struct json_object *a = parse(rows[i].json), *b = jsonc_clone(a);
		CLEANUP_JSON struct json_object *nothing = json_object_new_object();
		CLEANUP(buf_done) struct buf x = BUF_INIT, y = BUF_INIT;

		api_managed_fields_update(k, NULL, a, &by);
		api_managed_fields_update(k, nothing, b, &by);
		jsonc_write(a, &x);
		jsonc_write(b, &y);
		assert_string_equal(x.p, y.p);
	}
}

/* Elements of a kind that nobody knows, or too short to have one, are passed over. */
static void test_foreign_elements(void **state)
{
	CLEANUP_JSON struct json_object *o =
		parse("{'s':{'f:x':{}},'z:y':{},'':{},'f:a':{'.':{}}}");
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct fieldset *s = fieldset_from_json(o);

	fieldset_write(s, &b);
	fieldset_free(s);
	assert_string_equal(b.p, "{\"f:a\":{}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_and_conflict), cmocka_unit_test(test_remove),
		cmocka_unit_test(test_update_ownership),    cmocka_unit_test(test_bad),
		cmocka_unit_test(test_new_both_ways),       cmocka_unit_test(test_foreign_elements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
