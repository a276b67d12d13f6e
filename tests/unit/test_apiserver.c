/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/codec.h"
#include "lib/client/fake.h"
#include "lib/http/tls.h"
#include "master/apiserver/accept.h"
#include "master/apiserver/forward.h"
#include "master/apiserver/kubelet.h"
#include "master/apiserver/pages.h"
#include "master/apiserver/request_info.h"
#include "master/apiserver/verbs.h"
#include "master/auth/authz.h"
#include "tests/unit/test.h"

/* What a method and a path mean, one row each. */
static const struct {
	const char *method, *path, *query; /* in */
	const char *verb, *group, *version, *ns, *resource, *name,
		*sub; /* out; resource "": none */
} infos[] = {
	{"GET", "/api/v1/namespaces/x/pods", "", "list", "", "v1", "x", "pods", "", ""},
	{"GET", "/api/v1/namespaces/x/pods", "watch=1", "watch", "", "v1", "x", "pods", "", ""},
	{"GET", "/api/v1/namespaces/x/pods/p", "", "get", "", "v1", "x", "pods", "p", ""},
	{"PUT", "/api/v1/namespaces/x/pods/p/status", "", "update", "", "v1", "x", "pods", "p",
	 "status"},
	{"POST", "/apis/apps/v1/namespaces/x/deployments", "", "create", "apps", "v1", "x",
	 "deployments", "", ""},
	{"GET", "/api/v1/namespaces", "", "list", "", "v1", "", "namespaces", "", ""},
	{"GET", "/api/v1/namespaces/x", "", "get", "", "v1", "x", "namespaces", "x", ""},
	{"PUT", "/api/v1/namespaces/x/finalize", "", "update", "", "v1", "x", "namespaces", "x",
	 "finalize"},
	{"DELETE", "/api/v1/nodes", "", "deletecollection", "", "v1", "", "nodes", "", ""},
	{"DELETE", "/api/v1/nodes/n", "", "delete", "", "v1", "", "nodes", "n", ""},
	{"PATCH", "/apis/a.b/v1/things/t/scale", "", "patch", "a.b", "v1", "", "things", "t",
	 "scale"},
	{"GET", "/api/v1/watch/namespaces/x/pods", "", "watch", "", "v1", "x", "pods", "", ""},
	{"GET", "/api/v1/pods", "fieldSelector=metadata.name%3Dp", "list", "", "v1", "", "pods",
	 "p", ""},
	{"GET", "/api/v1", "", "get", "", "v1", "", "", "", ""},
	{"GET", "/apis", "", "get", "", "", "", "", "", ""},
	{"GET", "/", "", "get", "", "", "", "", "", ""},
	{"GET", "", "", "get", "", "", "", "", "", ""},
	{"POST", "/metrics", "", "post", "", "", "", "", "", ""},
	{"GET", "/api/v1/namespaces/x/pods/a%3Ab", "", "get", "", "v1", "x", "pods", "a:b", ""},
};

static void test_request_info(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		struct request_info info;
		struct query q;

		assert_int_equal(query_parse(str_of(infos[i].query), &q), 0);
		assert_int_equal(request_info_parse(str_of(infos[i].method), str_of(infos[i].path),
						    &q, &info),
				 0);
		assert_string_equal(info.verb, infos[i].verb);
		assert_true(str_eqs(info.group, infos[i].group));
		assert_true(str_eqs(info.version, infos[i].version));
		assert_true(str_eqs(info.ns, infos[i].ns));
		assert_true(str_eqs(info.resource, infos[i].resource));
		assert_true(str_eqs(info.name, infos[i].name));
		assert_true(str_eqs(info.subresource, infos[i].sub));
		assert_int_equal(info.is_resource, *infos[i].resource != 0);
		request_info_done(&info);
		query_done(&q);
	}
}

static void test_bad_paths(void **state)
{
	static const char *const bad[] = {"/api/v1/pods/%", "/api/v1/pods/%2", "/api/v1/%2f",
					  "/api/v1/%00", "/api/v1/%zz"};
	struct query q;
	struct request_info info;

	query_parse(STR(""), &q);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(request_info_parse(STR("GET"), str_of(bad[i]), &q, &info),
				 -EINVAL);
		request_info_done(&info);
	}
	query_done(&q);
}

static void test_query(void **state)
{
	CLEANUP(buf_done) struct buf many = BUF_INIT;
	struct query q;

	assert_int_equal(query_parse(STR("a=b%20c&d&e=1+2&watch&no=false&a=z&&x=%2F"), &q), 0);
	assert_streq_n(query_get(&q, "a"), "b c");
	assert_streq_n(query_get(&q, "d"), "");
	assert_streq_n(query_get(&q, "e"), "1 2");
	assert_streq_n(query_get(&q, "x"), "/");
	assert_true(str_is_null(query_get(&q, "nothing")));
	assert_true(query_bool(&q, "watch"));
	assert_false(query_bool(&q, "no"));
	assert_false(query_bool(&q, "nothing"));
	query_done(&q);
	assert_int_equal(query_parse(STR("a=%4"), &q), -EINVAL);
	query_done(&q);
	for (int i = 0; i < QUERY_MAX + 1; i++)
		buf_adds(&many, "a=b&");
	assert_int_equal(query_parse(buf_str(&many), &q), -E2BIG);
	query_done(&q);
}

static void test_accept(void **state)
{
	static const struct {
		const char *header;
		enum accept_form form;
		bool yaml;
		const char *version;
	} rows[] = {
		{"", ACCEPT_OBJECT, false, "v1"},
		{"*/*", ACCEPT_OBJECT, false, "v1"},
		{"application/json", ACCEPT_OBJECT, false, "v1"},
		{"application/yaml", ACCEPT_OBJECT, true, "v1"},
		{"application/vnd.kubernetes.protobuf,application/json", ACCEPT_OBJECT, false,
		 "v1"},
		{"application/json;as=Table;v=v1;g=meta.k8s.io,application/json", ACCEPT_TABLE,
		 false, "v1"},
		{"application/json;as=Table;v=v2;g=meta.k8s.io,application/"
		 "json;as=Table;v=v1beta1;g="
		 "meta.k8s.io",
		 ACCEPT_TABLE, false, "v1beta1"},
		{"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
		 "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
		 ACCEPT_PARTIAL, false, "v1"},
		{"application/json; q=0.9, text/html", ACCEPT_OBJECT, false, "v1"},
		{"text/html", ACCEPT_NONE, false, "v1"},
		{"application/json;as=Nonsense;g=meta.k8s.io;v=v1", ACCEPT_NONE, false, "v1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct accept a = accept_parse(str_of(rows[i].header), false);

		assert_int_equal(a.form, rows[i].form);
		if (a.form != ACCEPT_NONE)
			assert_int_equal(a.yaml, rows[i].yaml);
		assert_string_equal(a.version, rows[i].version);
	}
}

static void test_page_tokens(void **state)
{
	CLEANUP(buf_done) struct buf t = BUF_INIT;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	uint64_t rev;

	pages_token(42, STR("/core/pods/default/web 0"), &t);
	assert_int_equal(pages_token_parse(buf_str(&t), &rev, &key), 0);
	assert_int_equal(rev, 42);
	assert_string_equal(key.p, "/core/pods/default/web 0");
	assert_int_equal(pages_token_parse(STR("nonsense!"), &rev, &key), -EINVAL);
	assert_int_equal(pages_token_parse(STR(""), &rev, &key), -EINVAL);
}

/* ---- watches ---- */

static void fill_seeded(void *user, void *p, size_t len)
{
	uint64_t *seed = user;

	for (size_t i = 0; i < len; i++) {
		*seed = *seed * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)p)[i] = (uint8_t)(*seed >> 56);
	}
}

/* What a client asks for counts; else each watch has its own end, over the whole half hour. */
static void test_watch_timeout(void **state)
{
	uint64_t seed = 7, seed2 = 7, tenths[10] = {0};
	struct rng rng = {fill_seeded, &seed}, same = {fill_seeded, &seed2};

	assert_int_equal(watch_timeout_s(1, &rng), 1);
	assert_int_equal(watch_timeout_s(86400, &rng), 86400);
	for (int i = 0; i < 2000; i++) {
		uint64_t s = watch_timeout_s(i % 2 ? 0 : UINT64_MAX, &rng);

		assert_in_range(s, 1800, 3599);
		assert_int_equal(s, watch_timeout_s(0, &same));
		tenths[(s - 1800) / 180]++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tenths); i++)
		assert_in_range(tenths[i], 100, 300);
}

/* ---- who may do what ---- */

static bool pod_on_node(void *user, struct str node, struct str ns, struct str pod)
{
	return str_eqs(node, "n1") && str_eqs(pod, "mine");
}

static bool node_uses(void *user, struct str node, const char *plural, struct str ns,
		      struct str name)
{
	return str_eqs(node, "n1") && str_eqs(name, "used");
}

static bool policies;

static bool has_policies(void *user)
{
	return policies;
}

static const struct authz_facts facts = {
	.pod_on_node = pod_on_node, .node_uses = node_uses, .has_policies = has_policies};

static struct user *user_with(const char *name, const char *group)
{
	struct user *u = user_new(str_of(name));

	user_add_group(u, str_of(group));
	user_add_group(u, STR(GROUP_AUTHENTICATED));
	return u;
}

static void test_node_rules(void **state)
{
	static const struct {
		const char *verb, *group, *resource, *sub, *ns, *name, *field_node;
		bool ok;
	} rows[] = {
		{"update", "", "nodes", "status", "", "n1", "", true},
		{"patch", "", "nodes", "status", "", "n2", "", false},
		{"patch", "", "nodes", "", "", "n2", "", false},
		{"delete", "", "nodes", "", "", "n1", "", false},
		{"get", "", "pods", "", "x", "mine", "", true},
		{"get", "", "pods", "", "x", "other", "", false},
		{"get", "", "pods", "", "x", "other", "n1", false}, /* get reads no selector */
		{"watch", "", "pods", "", "", "", "n1", true},
		{"list", "", "pods", "", "", "", "n2", false},
		{"list", "", "pods", "", "", "", "", false},
		{"patch", "", "pods", "status", "x", "mine", "", true},
		{"patch", "", "pods", "status", "x", "other", "", false},
		{"patch", "", "pods", "", "x", "mine", "", false},
		{"create", "", "pods", "binding", "x", "mine", "", false},
		{"get", "", "secrets", "", "x", "used", "", true},
		{"get", "", "secrets", "", "x", "unused", "", false},
		{"list", "", "secrets", "", "x", "", "", false},
		{"create", "", "serviceaccounts", "token", "x", "used", "", true},
		{"create", "", "serviceaccounts", "token", "x", "unused", "", false},
		{"update", "coordination.k8s.io", "leases", "", "kube-node-lease", "n1", "", true},
		{"update", "coordination.k8s.io", "leases", "", "kube-node-lease", "n2", "", false},
		{"update", "coordination.k8s.io", "leases", "", "default", "n1", "", false},
		{"create", "", "events", "", "x", "", "", true},
		{"watch", "", "services", "", "", "", "", true},
		{"create", "", "services", "", "x", "", "", false},
		{"get", "apps", "deployments", "", "x", "d", "", false},
		{"watch", "networking.k8s.io", "networkpolicies", "", "", "", "", true},
	};
	CLEANUP(user_unrefp) struct user *node = user_with("system:node:n1", GROUP_NODES);
	CLEANUP(user_unrefp) struct user *fake = user_with("system:node:n1", "other");
	CLEANUP(user_unrefp) struct user *master = user_with("admin", GROUP_MASTERS);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct authz_attrs a = {.verb = rows[i].verb,
					.is_resource = true,
					.group = str_of(rows[i].group),
					.resource = str_of(rows[i].resource),
					.subresource = str_of(rows[i].sub),
					.ns = str_of(rows[i].ns),
					.name = str_of(rows[i].name),
					.field_node = str_of(rows[i].field_node)};

		if (authz_allow(&facts, node, &a, NULL) != rows[i].ok)
			fail_msg("%s %s/%s %s", rows[i].verb, rows[i].resource, rows[i].sub,
				 rows[i].name);
		assert_false(authz_allow(&facts, fake, &a, NULL));
		assert_true(authz_allow(&facts, master, &a, NULL));
	}
}

/* Pods of other nodes are read while a policy may ask for their labels. */
static void test_node_and_policies(void **state)
{
	CLEANUP(user_unrefp) struct user *node = user_with("system:node:n1", GROUP_NODES);
	struct authz_attrs a = {.verb = "list", .is_resource = true, .resource = STR("pods")};

	assert_false(authz_allow(&facts, node, &a, NULL));
	policies = true;
	assert_true(authz_allow(&facts, node, &a, NULL));
	a.verb = "watch";
	assert_true(authz_allow(&facts, node, &a, NULL));
	a.verb = "get";
	a.ns = STR("x");
	a.name = STR("other");
	assert_false(authz_allow(&facts, node, &a, NULL));
	policies = false;
}

static void test_paths_and_message(void **state)
{
	CLEANUP(user_unrefp) struct user *nobody = user_new(STR(USER_ANONYMOUS));
	CLEANUP(user_unrefp) struct user *somebody = user_with("bob", "dev");
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct authz_attrs a = {.verb = "get", .path = STR("/readyz")};

	assert_true(authz_allow(&facts, nobody, &a, NULL));
	a.path = STR("/readyz/etcd");
	assert_true(authz_allow(&facts, nobody, &a, NULL));
	a.path = STR("/readyzz");
	assert_false(authz_allow(&facts, nobody, &a, NULL));
	a.path = STR("/api"); /* for roles to say */
	assert_false(authz_allow(&facts, somebody, &a, NULL));
	a = (struct authz_attrs){.verb = "list",
				 .is_resource = true,
				 .group = STR("apps"),
				 .resource = STR("deployments"),
				 .ns = STR("x")};
	assert_false(authz_allow(&facts, somebody, &a, NULL));
	authz_message(somebody, &a, NULL, &b);
	assert_string_equal(b.p, "User \"bob\" cannot list resource \"deployments\" in API group "
				 "\"apps\" in the namespace \"x\"");
}

/* What one master tells another about who asks. */
static void test_forwarded_user(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"name\":1}", "{\"name\":\"\"}", "{\"name\":\"a\"}x"};
	CLEANUP(user_unrefp) struct user *u = user_new(STR("eve \"\xc3\xa9\" \\,\n"));
	CLEANUP(user_unrefp) struct user *real = user_new(STR("admin"));
	CLEANUP(user_unrefp) struct user *back = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct forward_who who;

	(void)state;
	user_set_uid(u, STR("1-2"));
	user_add_group(u, STR("system:authenticated"));
	user_add_group(u, STR("odd, group: \"x\""));
	user_add_extra(u, "example.com/key", STR("a=b"));
	user_add_group(real, STR("ops"));
	forward_who_encode(&(struct forward_who){u, real, "10.0.0.1:4000"}, &text);
	assert_true(strspn(text.p,
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") ==
		    text.len); /* it stands in a header */
	assert_int_equal(forward_who_decode(buf_str(&text), &who), 0);
	back = who.user;
	assert_string_equal(who.real->name, "admin");
	assert_string_equal(who.real->groups[0], "ops");
	assert_string_equal(who.from, "10.0.0.1:4000");
	user_unref(who.real);
	free((char *)who.from);
	assert_string_equal(back->name, u->name);
	assert_string_equal(back->uid, "1-2");
	assert_int_equal(back->n_groups, 2);
	assert_string_equal(back->groups[1], u->groups[1]);
	assert_int_equal(back->n_extra, 1);
	assert_string_equal(back->extra[0].key, "example.com/key");
	assert_string_equal(back->extra[0].value, "a=b");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		buf_clear(&text);
		base64_encode(str_of(bad[i]), &text);
		assert_int_equal(forward_who_decode(buf_str(&text), &who), -EINVAL);
		assert_null(who.user);
	}
	assert_int_equal(forward_who_decode(STR("no base64!"), &who), -EINVAL);
}

/* Clients of nodes that nobody asks any more are freed. */
static void test_node_clients(void **state)
{
	struct apiserver s = {0};
	struct fake_time t;
	struct http_client *c;
	uv_loop_t loop;

	uv_loop_init(&loop);
	fake_time_init(&t);
	s.timers = &t.timers;
	s.conf.loop = &loop;
	assert_int_equal(tls_client_new(&(struct tls_conf){0}, &s.conf.kubelet_tls, NULL), 0);
	s.kubelet = kubelet_client_new(&s);
	c = kubelet_client_for(&s, "https://192.0.2.1:10250", NULL);
	assert_non_null(c);
	assert_non_null(kubelet_client_for(&s, "https://192.0.2.2:10250", NULL));
	for (int i = 0; i < 10; i++) {
		fake_time_run(&t, 200 * NSEC_PER_SEC);
		assert_ptr_equal(kubelet_client_for(&s, "https://192.0.2.1:10250", NULL), c);
	}
	assert_int_equal(kubelet_client_count(s.kubelet), 1);
	fake_time_run(&t, 700 * NSEC_PER_SEC);
	assert_int_equal(kubelet_client_count(s.kubelet), 0);
	assert_non_null(kubelet_client_for(&s, "https://192.0.2.1:10250", NULL));
	kubelet_client_free(s.kubelet);
	tls_ctx_unref(s.conf.kubelet_tls);
	fake_time_done(&t);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_info),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_node_clients),
		cmocka_unit_test(test_page_tokens),
		cmocka_unit_test(test_watch_timeout),
		cmocka_unit_test(test_node_rules),
		cmocka_unit_test(test_node_and_policies),
		cmocka_unit_test(test_paths_and_message),
		cmocka_unit_test(test_forwarded_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
