/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/auth/authz.h"
#include "tests/unit/test.h"

#define CRB(kind, name, role)                                    \
	"{\"subjects\":[{\"kind\":\"" kind "\",\"name\":\"" name \
	"\"}],\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"" role "\"}}"

static struct rbac *fixture(void)
{
	struct rbac *r = rbac_new();

	/* Bindings before their roles: order is free. */
	rbac_put(r, RBAC_CLUSTERROLEBINDING, STR(""), STR("a"), STR(CRB("User", "ann", "reader")));
	rbac_put(r, RBAC_ROLEBINDING, STR("x"), STR("b"), STR(CRB("Group", "dev", "editor")));
	rbac_put(r, RBAC_ROLEBINDING, STR("y"), STR("b"), STR(CRB("Group", "dev", "reader")));
	rbac_put(
		r, RBAC_CLUSTERROLE, STR(""), STR("reader"),
		STR("{\"rules\":[{\"verbs\":[\"get\",\"list\"],\"apiGroups\":[\"\"],\"resources\":["
		    "\"pods\",\"*/scale\"]},{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/logs/*\","
		    "\"/x\"]}]}"));
	rbac_put(r, RBAC_CLUSTERROLE, STR(""), STR("editor"),
		 STR("{\"rules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}]"
		     "}"));
	rbac_put(r, RBAC_ROLE, STR("x"), STR("one"),
		 STR("{\"rules\":[{\"verbs\":[\"get\",\"update\"],\"apiGroups\":[\"\"],"
		     "\"resources\":["
		     "\"secrets\",\"pods/log\"],\"resourceNames\":[\"s1\",\"\\u0041\"]}]}"));
	rbac_put(r, RBAC_ROLEBINDING, STR("x"), STR("sa"),
		 STR("{\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"robot\"},{\"kind\":"
		     "\"ServiceAccount\",\"name\":\"robot\",\"namespace\":\"z\"}],\"roleRef\":{"
		     "\"kind\":\"Role\",\"name\":\"one\"}}"));
	return r;
}

static struct user *user_in(const char *name, const char *group)
{
	struct user *u = user_new(str_of(name));

	if (group)
		user_add_group(u, str_of(group));
	return u;
}

static bool can(const struct rbac *r, const struct user *u, const char *verb, const char *what,
		const char *ns, const char *name)
{
	struct str rest = str_of(what), res;
	struct authz_attrs a = {.verb = verb, .is_resource = *what != '/', .path = rest};

	if (!a.is_resource)
		return rbac_allow(r, u, &a);
	str_split(&rest, '/', &res);
	a.resource = res;
	a.subresource = rest;
	a.group = STR("");
	a.ns = str_of(ns);
	a.name = str_of(name);
	return rbac_allow(r, u, &a);
}

static void test_allow(void **state)
{
	struct rbac *r = fixture();
	CLEANUP(user_unrefp) struct user *ann = user_in("ann", NULL);
	CLEANUP(user_unrefp) struct user *bob = user_in("bob", "dev");
	CLEANUP(user_unrefp) struct user *robot = user_in("system:serviceaccount:x:robot", NULL);
	CLEANUP(user_unrefp) struct user *other = user_in("system:serviceaccount:z:robot", NULL);
	CLEANUP(user_unrefp) struct user *stranger = user_in("dev", "ann");

	assert_true(can(r, ann, "get", "pods", "x", "p"));
	assert_true(can(r, ann, "list", "pods", "", ""));
	assert_false(can(r, ann, "delete", "pods", "x", "p"));
	assert_false(can(r, ann, "get", "pods/log", "x", "p"));
	assert_true(can(r, ann, "get", "things/scale", "x", "p"));
	assert_true(can(r, ann, "get", "/logs/a/b", "", ""));
	assert_false(can(r, ann, "get", "/logs", "", ""));
	assert_true(can(r, ann, "get", "/x", "", ""));
	assert_false(can(r, ann, "get", "/x/y", "", ""));
	assert_false(can(r, ann, "put", "/x", "", ""));
	assert_true(can(r, bob, "deletecollection", "pods/log", "x", ""));
	assert_true(can(r, bob, "get", "pods", "y", ""));
	assert_false(can(r, bob, "create", "pods", "y", ""));
	assert_false(can(r, bob, "get", "pods", "", ""));
	assert_false(can(r, bob, "get", "/x", "", "")); /* bound in a namespace only */
	assert_true(can(r, robot, "get", "secrets", "x", "s1"));
	assert_true(can(r, robot, "get", "secrets", "x", "A"));
	assert_true(can(r, other, "update", "pods/log", "x", "s1"));
	assert_false(can(r, robot, "get", "secrets", "x", "s2"));
	assert_false(can(r, robot, "get", "secrets", "x", ""));
	assert_false(can(r, robot, "get", "secrets", "z", "s1"));
	assert_false(can(r, stranger, "get", "pods", "x", "p"));
	rbac_free(r);
}

static void test_changes(void **state)
{
	struct rbac *r = fixture();
	CLEANUP(user_unrefp) struct user *ann = user_in("ann", NULL);
	CLEANUP(user_unrefp) struct user *bob = user_in("bob", "dev");

	rbac_del(r, RBAC_CLUSTERROLE, STR(""), STR("reader"));
	assert_false(can(r, ann, "get", "pods", "x", "p"));
	assert_null(rbac_role(r, STR(""), STR("reader")));
	rbac_put(r, RBAC_CLUSTERROLE, STR(""), STR("reader"),
		 STR("{\"rules\":[{\"verbs\":[\"watch\"],\"apiGroups\":[\"\"],\"resources\":["
		     "\"pods\"]}]}"));
	assert_true(can(r, ann, "watch", "pods", "x", ""));
	rbac_put(r, RBAC_CLUSTERROLEBINDING, STR(""), STR("a"), STR(CRB("User", "bob", "reader")));
	assert_false(can(r, ann, "watch", "pods", "x", ""));
	assert_true(can(r, bob, "watch", "pods", "", ""));
	rbac_del(r, RBAC_CLUSTERROLEBINDING, STR(""), STR("a"));
	rbac_del(r, RBAC_CLUSTERROLEBINDING, STR(""), STR("never"));
	assert_false(can(r, bob, "watch", "pods", "", ""));
	rbac_put(r, RBAC_CLUSTERROLE, STR(""), STR("editor"), STR("{\"rules\":null}"));
	assert_false(can(r, bob, "get", "pods", "x", ""));
	rbac_clear(r);
	assert_false(can(r, bob, "watch", "pods", "y", ""));
	rbac_free(r);
}

static void test_covers(void **state)
{
	static const struct {
		const char *rules, *missing;
	} rows[] = {
		{"[{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"]}]", ""},
		{"[{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"],"
		 "\"resourceNames\":[\"p\"]}]",
		 ""},
		{"[{\"verbs\":[\"get\",\"watch\",\"create\"],\"apiGroups\":[\"\"],\"resources\":["
		 "\"pods\",\"nodes\"]}]",
		 "{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\" \"watch\" \"create\"]}\n"
		 "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"watch\" \"create\"]}"},
		{"[{\"verbs\":[\"*\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"],"
		 "\"resourceNames\":[\"p\"]}]",
		 "{APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"p\"], Verbs:[\"*\"]}"},
		{"[{\"verbs\":[\"get\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}]",
		 "{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"get\"]}"},
		{"[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/logs/*\",\"/logs/a\",\"/*\"]}]",
		 "{NonResourceURLs:[\"/*\"], Verbs:[\"get\"]}"},
		{"[{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"*/scale\",\"x/"
		 "scale\"]}]",
		 ""},
	};
	struct rbac *r = fixture();
	CLEANUP(user_unrefp) struct user *ann = user_in("ann", NULL);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		struct rbac_rules rules;

		rbac_rules_parse(str_of(rows[i].rules), &rules);
		assert_int_equal(rbac_covers(r, ann, STR("x"), &rules, &b), !*rows[i].missing);
		assert_true(str_eqs(buf_str(&b), rows[i].missing));
		rbac_rules_done(&rules);
	}
	rbac_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allow),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
