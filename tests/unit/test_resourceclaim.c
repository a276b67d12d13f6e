/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/unit/control_fixture.h"

#define CLAIMS "/apis/resource.k8s.io/v1/namespaces/x/resourceclaims"
#define TEMPLATES "/apis/resource.k8s.io/v1/namespaces/x/resourceclaimtemplates"
#define DEVICES \
	"{\"devices\":{\"requests\":[{\"name\":\"r\",\"exactly\":{\"deviceClassName\":\"c\"}}]}}"
#define FROM_TEMPLATE "\"resourceClaims\":[{\"name\":\"gpu\",\"resourceClaimTemplateName\":\"t\"}]"
#define FROM_CLAIM "\"resourceClaims\":[{\"name\":\"gpu\",\"resourceClaimName\":\"shared\"}]"
#define ALLOCATED                                                                        \
	"\"allocation\":{\"devices\":{\"results\":[{\"request\":\"r\",\"driver\":\"d\"," \
	"\"pool\":\"p\",\"device\":\"0\"}]}}"
#define HELD "\"finalizers\":[\"other\",\"resource.kubernetes.io/delete-protection\"]"

static struct fixture f;

static void put_pod(const char *name, const char *uid, const char *meta, const char *spec,
		    const char *status)
{
	char path[128], json[2048];

	snprintf(path, sizeof(path), PODS "/%s", name);
	snprintf(json, sizeof(json),
		 "{\"metadata\":{\"uid\":\"%s\"%s},\"spec\":{%s},\"status\":{%s}}", uid, meta, spec,
		 status);
	fake_api_put(f.api, path, json);
}

static void put_claim(const char *name, const char *meta, const char *status)
{
	char path[128], json[2048];

	snprintf(path, sizeof(path), CLAIMS "/%s", name);
	snprintf(json, sizeof(json), "{\"metadata\":{%s},\"spec\":" DEVICES ",\"status\":{%s}}",
		 meta, status);
	fake_api_put(f.api, path, json);
}

static bool has(const char *path, const char *field, const char *value)
{
	return jv_eqs(jv_path(get(&f, path), field), value);
}

static void test_made_from_template(void **state)
{
	struct jv claim;

	begin(&f, "resourceclaim");
	put_pod("web", "u1", "", FROM_TEMPLATE, "");
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, CLAIMS), 0);
	assert_true(fake_api_count(f.api, "/api/v1/events") > 0);
	fake_api_put(f.api, TEMPLATES "/t",
		     "{\"spec\":{\"metadata\":{\"labels\":{\"a\":\"b\"},\"annotations\":{\"k\":"
		     "\"v\"}},\"spec\":" DEVICES "}}");
	run(&f, 2000);
	assert_int_equal(fake_api_count(f.api, CLAIMS), 1);
	claim = nth(&f, CLAIMS, 0);
	assert_true(str_starts(jv_text(jv_path(claim, "metadata.name")), STR("web-gpu-")));
	assert_true(jv_eqs(jv_path(claim, "metadata.labels.a"), "b"));
	assert_true(jv_eqs(jv_get(jv_path(claim, "metadata.annotations"),
				  "resource.kubernetes.io/pod-claim-name"),
			   "gpu"));
	assert_true(jv_eqs(jv_path(claim, "metadata.annotations.k"), "v"));
	assert_true(jv_eqs(jv_path(claim, "metadata.ownerReferences[0].uid"), "u1"));
	assert_true(jv_eqs(jv_path(claim, "spec.devices.requests[0].name"), "r"));
	assert_true(has(PODS "/web", "status.resourceClaimStatuses[0].name", "gpu"));
	assert_true(str_eq(jv_text(jv_path(get(&f, PODS "/web"),
					   "status.resourceClaimStatuses[0].resourceClaimName")),
			   jv_text(jv_path(claim, "metadata.name"))));
	/* Nothing more is made, and one that is taken away comes again. */
	run(&f, 60000);
	assert_int_equal(fake_api_count(f.api, CLAIMS), 1);
	{
		char path[256];

		snprintf(path, sizeof(path), CLAIMS "/%.*s",
			 STR_ARG(jv_text(jv_path(claim, "metadata.name"))));
		fake_api_delete(f.api, path);
	}
	run(&f, 2000);
	assert_int_equal(fake_api_count(f.api, CLAIMS), 1);
	/* The pod is done: so is its claim. */
	put_pod("web", "u1", "", FROM_TEMPLATE, "\"phase\":\"Succeeded\"");
	run(&f, 2000);
	assert_int_equal(fake_api_count(f.api, CLAIMS), 0);
	end(&f);
}

/* Made, but not written down before a restart: found by its owner and annotation. */
static void test_found_again(void **state)
{
	begin(&f, "resourceclaim");
	put_claim("web-gpu-abcde",
		  "\"annotations\":{\"resource.kubernetes.io/pod-claim-name\":\"gpu\"},"
		  "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"web\","
		  "\"uid\":\"u1\",\"controller\":true}]",
		  "");
	put_pod("web", "u1", "", FROM_TEMPLATE, "");
	run(&f, 2000);
	assert_int_equal(fake_api_count(f.api, CLAIMS), 1);
	assert_true(has(PODS "/web", "status.resourceClaimStatuses[0].resourceClaimName",
			"web-gpu-abcde"));
	end(&f);
}

static void test_given_back(void **state)
{
	begin(&f, "resourceclaim");
	put_pod("a", "ua", "", "\"nodeName\":\"n\"," FROM_CLAIM, "\"phase\":\"Running\"");
	put_pod("b", "ub", "", "\"nodeName\":\"n\"," FROM_CLAIM, "\"phase\":\"Running\"");
	put_claim("shared", HELD,
		  ALLOCATED ",\"reservedFor\":[{\"resource\":\"pods\",\"name\":\"a\",\"uid\":"
			    "\"ua\"},{\"resource\":\"pods\",\"name\":\"b\",\"uid\":\"ub\"}]");
	run(&f, 1000);
	assert_int_equal(jv_len(jv_path(get(&f, CLAIMS "/shared"), "status.reservedFor")), 2);
	put_pod("a", "ua", "", "\"nodeName\":\"n\"," FROM_CLAIM, "\"phase\":\"Failed\"");
	run(&f, 1000);
	assert_int_equal(jv_len(jv_path(get(&f, CLAIMS "/shared"), "status.reservedFor")), 1);
	assert_true(has(CLAIMS "/shared", "status.reservedFor[0].name", "b"));
	assert_true(jv_exists(jv_path(get(&f, CLAIMS "/shared"), "status.allocation")));
	fake_api_delete(f.api, PODS "/b");
	run(&f, 2000);
	assert_false(jv_exists(jv_path(get(&f, CLAIMS "/shared"), "status.reservedFor")));
	assert_false(jv_exists(jv_path(get(&f, CLAIMS "/shared"), "status.allocation")));
	assert_true(has(CLAIMS "/shared", "metadata.finalizers[0]", "other"));
	assert_int_equal(jv_len(jv_path(get(&f, CLAIMS "/shared"), "metadata.finalizers")), 1);
	end(&f);
}

/* A reservation for a pod that nobody knows is looked up before it is taken away. */
static void test_unknown_pods(void **state)
{
	begin(&f, "resourceclaim");
	put_claim("shared", HELD,
		  ALLOCATED
		  ",\"reservedFor\":[{\"resource\":\"pods\",\"name\":\"z\",\"uid\":\"uz\"}]");
	run(&f, 5000);
	assert_true(fake_api_requests(f.api, "GET " PODS "/z") > 0);
	assert_false(jv_exists(jv_path(get(&f, CLAIMS "/shared"), "status.allocation")));
	end(&f);
}

/* The finalizer alone, before the scheduler has written what it allocates, is left alone; a claim
 * that nobody uses and that is to go is let go. */
static void test_finalizer(void **state)
{
	begin(&f, "resourceclaim");
	put_claim("shared", HELD, "");
	put_claim("idle", HELD, ALLOCATED);
	run(&f, 5000);
	assert_int_equal(jv_len(jv_path(get(&f, CLAIMS "/shared"), "metadata.finalizers")), 2);
	assert_true(jv_exists(jv_path(get(&f, CLAIMS "/idle"), "status.allocation")));
	put_claim("idle", "\"deletionTimestamp\":\"2020-01-01T00:00:00Z\"," HELD, ALLOCATED);
	run(&f, 5000);
	assert_false(jv_exists(jv_path(get(&f, CLAIMS "/idle"), "status.allocation")));
	assert_int_equal(jv_len(jv_path(get(&f, CLAIMS "/idle"), "metadata.finalizers")), 1);
	end(&f);
}

/* Bound by hand: what is allocated is reserved for it. */
static void test_reserves(void **state)
{
	begin(&f, "resourceclaim");
	put_claim("shared", HELD, ALLOCATED);
	put_pod("a", "ua", "", "\"nodeName\":\"n\"," FROM_CLAIM, "\"phase\":\"Running\"");
	put_pod("waits", "uw", "", FROM_CLAIM, "");
	run(&f, 2000);
	assert_int_equal(jv_len(jv_path(get(&f, CLAIMS "/shared"), "status.reservedFor")), 1);
	assert_true(has(CLAIMS "/shared", "status.reservedFor[0].uid", "ua"));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_from_template), cmocka_unit_test(test_found_again),
		cmocka_unit_test(test_given_back),         cmocka_unit_test(test_unknown_pods),
		cmocka_unit_test(test_finalizer),          cmocka_unit_test(test_reserves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
