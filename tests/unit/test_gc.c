/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/client/client.h"
#include "tests/unit/control_fixture.h"

#define RS "/apis/apps/v1/namespaces/x/replicasets/rs"
#define OWNED(block)                                                                               \
	"{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\"," \
	"\"name\":\"rs\",\"uid\":\"u1\",\"controller\":true,\"blockOwnerDeletion\":" block "}]}}"

static void delete_rs(struct fixture *f, const char *policy)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;

	buf_addf(&body, "{\"propagationPolicy\":\"%s\"}", policy);
	client_delete(f->c, &client_replicasets, STR("x"), STR("rs"), buf_str(&body), NULL, NULL);
	run(f, 1000);
}

static void family(struct fixture *f)
{
	begin(f, "garbage-collector");
	fake_api_put(f->api, RS, "{\"metadata\":{\"uid\":\"u1\"}}");
	fake_api_put(f->api, PODS "/a", OWNED("true"));
	fake_api_put(f->api, PODS "/b", OWNED("false"));
	fake_api_put(f->api, PODS "/free", "{}");
	run(f, 100);
	assert_int_equal(fake_api_count(f->api, PODS), 3);
}

static void test_background(void **state)
{
	struct fixture f;

	family(&f);
	delete_rs(&f, "Background");
	assert_int_equal(fake_api_count(f.api, "/apis/apps/v1/replicasets"), 0);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	/* A child that comes late finds no owner: it is asked for once, then deleted. */
	fake_api_put(f.api, PODS "/late", OWNED("true"));
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	end(&f);
}

static void test_foreground(void **state)
{
	struct fixture f;

	family(&f);
	fake_api_fail(f.api, "DELETE " PODS "/a", 500, 3);
	delete_rs(&f, "Foreground");
	run(&f, 10000);
	assert_int_equal(fake_api_count(f.api, "/apis/apps/v1/replicasets"), 0);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	end(&f);
}

static void test_orphan(void **state)
{
	struct fixture f;

	family(&f);
	delete_rs(&f, "Orphan");
	assert_int_equal(fake_api_count(f.api, "/apis/apps/v1/replicasets"), 0);
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	assert_int_equal(jv_len(jv_path(get(&f, PODS "/a"), "metadata.ownerReferences")), 0);
	end(&f);
}

static void test_never_without_asking(void **state)
{
	struct fixture f;

	begin(&f, "garbage-collector");
	/* The owner exists, but its informer has not heard of it. */
	fake_api_fail(f.api, "GET /apis/apps/v1/replicasets?limit", 500, 1);
	fake_api_put(f.api, RS, "{\"metadata\":{\"uid\":\"u1\"}}");
	fake_api_put(f.api, PODS "/a", OWNED("true"));
	run(&f, 5000);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	/* One more owner that is gone: only the reference goes. */
	fake_api_put(
		f.api, PODS "/two",
		"{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":"
		"\"ReplicaSet\",\"name\":\"rs\",\"uid\":\"u1\"},{\"apiVersion\":\"v1\",\"kind\":"
		"\"ConfigMap\",\"name\":\"gone\",\"uid\":\"u9\"}]}}");
	run(&f, 1000);
	assert_int_equal(jv_len(jv_path(get(&f, PODS "/two"), "metadata.ownerReferences")), 1);
	end(&f);
}

static void test_namespace(void **state)
{
	struct fixture f;

	begin(&f, "namespace,serviceaccount,root-ca");
	fake_api_put(f.api, "/api/v1/namespaces/x", "{\"spec\":{\"finalizers\":[\"kubernetes\"]}}");
	fake_api_put(f.api, "/api/v1/namespaces/y", "{\"spec\":{\"finalizers\":[\"kubernetes\"]}}");
	fake_api_put(f.api, PODS "/a", "{}");
	fake_api_put(f.api, PODS "/held", "{\"metadata\":{\"finalizers\":[\"f/x\"]}}");
	fake_api_put(f.api, "/api/v1/namespaces/x/events/e", "{}");
	fake_api_put(f.api, RS, "{}");
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, "/api/v1/namespaces/x/serviceaccounts"), 1);
	assert_int_equal(fake_api_count(f.api, "/api/v1/configmaps"), 2);
	fake_api_delete(f.api, "/api/v1/namespaces/y/configmaps/kube-root-ca.crt");
	fake_api_delete(f.api, "/api/v1/namespaces/y/serviceaccounts/default");
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, "/api/v1/configmaps"), 2);
	assert_true(jv_eqs(
		jv_get(jv_get(get(&f, "/api/v1/namespaces/y/configmaps/kube-root-ca.crt"), "data"),
		       "ca.crt"),
		"CA"));
	assert_int_equal(fake_api_count(f.api, "/api/v1/serviceaccounts"), 2);

	client_delete(f.c, &client_namespaces, STR_NULL, STR("x"), STR_NULL, NULL, NULL);
	run(&f, 2000);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	assert_int_equal(fake_api_count(f.api, "/api/v1/namespaces"), 2);
	/* What pods live by stays as long as they do, and the status tells what is waited for. */
	assert_int_equal(fake_api_count(f.api, "/api/v1/namespaces/x/serviceaccounts"), 1);
	run(&f, 3000);
	assert_true(jv_eqs(jv_path(get(&f, "/api/v1/namespaces/x"), "status.conditions[4].message"),
			   "Some content in the namespace has finalizers remaining: f/x in 1 "
			   "resource instances"));
	fake_api_delete(f.api, PODS "/held");
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, "/api/v1/namespaces"), 1);
	assert_int_equal(fake_api_count(f.api, "/api/v1/events"), 0);
	assert_int_equal(fake_api_count(f.api, "/api/v1/configmaps"), 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_background), cmocka_unit_test(test_foreground),
		cmocka_unit_test(test_orphan),     cmocka_unit_test(test_never_without_asking),
		cmocka_unit_test(test_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
