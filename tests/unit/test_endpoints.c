/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "tests/unit/control_fixture.h"

#define SVC "/api/v1/namespaces/x/services/web"
#define EP "/api/v1/namespaces/x/endpoints/web"
#define SLICES "/apis/discovery.k8s.io/v1/namespaces/x/endpointslices"

static void put_service(struct fixture *f, const char *more)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	buf_addf(
		&json,
		"{\"metadata\":{\"labels\":{\"team\":\"a\"}},\"spec\":{\"clusterIP\":\"10.96.0.9\","
		"\"selector\":{\"app\":\"web\"},\"ports\":[{\"name\":\"http\",\"port\":80,"
		"\"targetPort\":\"h\",\"protocol\":\"TCP\"}]%s}}",
		more);
	fake_api_put(f->api, SVC, json.p);
	run(f, 50);
}

static void put_pod(struct fixture *f, int i, int port, bool ready, const char *meta)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT, path = BUF_INIT;

	buf_addf(&path, PODS "/p%d", i);
	buf_addf(&json,
		 "{\"metadata\":{\"labels\":{\"app\":\"web\"}%s},\"spec\":{\"nodeName\":\"n1\","
		 "\"containers\":[{\"ports\":[{\"name\":\"h\",\"containerPort\":%d,\"protocol\":"
		 "\"TCP\"}]}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"10.1.%d.%d\","
		 "\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
		 meta, port, i / 250, i % 250 + 1, ready ? "True" : "False");
	fake_api_put(f->api, path.p, json.p);
}

static void test_follows_pods(void **state)
{
	struct fixture f;
	struct jv e;

	begin(&f, "endpointslice,endpoints");
	fake_api_put(f.api, "/api/v1/nodes/n1",
		     "{\"metadata\":{\"labels\":{\"topology.kubernetes.io/zone\":\"z1\"}}}");
	put_service(&f, "");
	assert_int_equal(fake_api_count(f.api, SLICES), 1); /* empty, but there */
	put_pod(&f, 1, 8080, false, "");
	run(&f, 50);
	assert_int_equal(fake_api_count(f.api, SLICES), 1);
	e = jv_get(nth(&f, SLICES, 0), "endpoints");
	assert_int_equal(jv_len(e), 1);
	e = jv_path(nth(&f, SLICES, 0), "endpoints[0]");
	assert_false(jv_bool(jv_path(e, "conditions.ready"), true));
	assert_true(jv_eqs(jv_get(e, "zone"), "z1"));
	assert_int_equal(jv_i64(jv_path(nth(&f, SLICES, 0), "ports[0].port"), 0), 8080);
	assert_true(jv_eqs(jv_path(nth(&f, SLICES, 0), "metadata.labels.team"), "a"));
	assert_true(jv_eqs(jv_path(get(&f, EP), "subsets[0].notReadyAddresses[0].ip"), "10.1.0.2"));

	put_pod(&f, 1, 8080, true, "");
	run(&f, 50);
	assert_true(jv_bool(jv_path(nth(&f, SLICES, 0), "endpoints[0].conditions.ready"), false));
	assert_true(jv_eqs(jv_path(get(&f, EP), "subsets[0].addresses[0].ip"), "10.1.0.2"));
	assert_int_equal(jv_i64(jv_path(get(&f, EP), "subsets[0].ports[0].port"), 0), 8080);

	/* On its way out: no longer ready, still serving. */
	put_pod(&f, 1, 8080, true, ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"");
	run(&f, 50);
	e = jv_path(nth(&f, SLICES, 0), "endpoints[0].conditions");
	assert_false(jv_bool(jv_get(e, "ready"), true));
	assert_true(jv_bool(jv_get(e, "serving"), false));
	assert_true(jv_bool(jv_get(e, "terminating"), false));
	assert_int_equal(jv_len(jv_path(get(&f, EP), "subsets")), 0);
	put_service(&f, ",\"publishNotReadyAddresses\":true");
	assert_true(jv_bool(jv_path(nth(&f, SLICES, 0), "endpoints[0].conditions.ready"), false));
	fake_api_delete(f.api, PODS "/p1");
	run(&f, 50);
	assert_int_equal(jv_len(jv_get(nth(&f, SLICES, 0), "endpoints")), 0);
	end(&f);
}

static void test_many(void **state)
{
	struct fixture f;
	size_t patches, n = 0;

	begin(&f, "endpointslice");
	put_service(&f, "");
	for (int i = 0; i < 250; i++)
		put_pod(&f, i, i < 240 ? 80 : 81, true, "");
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, SLICES), 4); /* 100 + 100 + 40, and 10 on port 81 */
	for (size_t i = 0; i < 4; i++) {
		size_t here = jv_len(jv_get(nth(&f, SLICES, i), "endpoints"));

		assert_true(here <= 100);
		n += here;
	}
	assert_int_equal(n, 250);
	/* One pod changes: one slice is written. */
	patches = fake_api_requests(f.api, "PATCH");
	put_pod(&f, 7, 80, false, "");
	run(&f, 100);
	assert_int_equal(fake_api_requests(f.api, "PATCH"), patches + 1);
	end(&f);
}

static void test_foreign(void **state)
{
	struct fixture f;

	begin(&f, "endpointslice,endpoints");
	fake_api_put(f.api, "/api/v1/namespaces/x/endpoints/mine", "{\"subsets\":[]}");
	fake_api_put(f.api, "/api/v1/namespaces/x/services/mine", "{\"spec\":{\"ports\":[]}}");
	fake_api_put(f.api, "/api/v1/namespaces/x/endpoints/alone", "{\"subsets\":[]}");
	put_service(&f, "");
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, "/api/v1/endpoints"), 3);
	fake_api_delete(f.api, SVC);
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, "/api/v1/endpoints"), 2);
	end(&f);
}

/* Nodes z<zone>-<i>, ready, with that many processors. */
static void put_zone_node(struct fixture *f, const char *name, const char *zone, int cpus,
			  bool ready)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT, path = BUF_INIT;

	buf_addf(&path, "/api/v1/nodes/%s", name);
	buf_addf(&json,
		 "{\"metadata\":{\"labels\":{\"topology.kubernetes.io/zone\":\"%s\"}},"
		 "\"status\":{\"allocatable\":{\"cpu\":\"%d\"},\"conditions\":[{\"type\":"
		 "\"Ready\",\"status\":\"%s\"}]}}",
		 zone, cpus, ready ? "True" : "False");
	fake_api_put(f->api, path.p, json.p);
}

static void put_pod_on(struct fixture *f, int i, const char *node, bool ready)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT, path = BUF_INIT;

	buf_addf(&path, PODS "/p%d", i);
	buf_addf(&json,
		 "{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"nodeName\":\"%s\","
		 "\"containers\":[{\"ports\":[{\"name\":\"h\",\"containerPort\":80,\"protocol\":"
		 "\"TCP\"}]}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"10.1.0.%d\","
		 "\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
		 node, i + 1, ready ? "True" : "False");
	fake_api_put(f->api, path.p, json.p);
}

/* How many endpoints are for the clients of a zone (all if NULL have no hint). */
static int hinted(struct fixture *f, const char *member, const char *name)
{
	int n = 0;

	jv_for_each (e, jv_get(nth(f, SLICES, 0), "endpoints")) {
		struct jv list = jv_get(jv_get(e.value, "hints"), member);

		n += name ? jv_eqs(jv_path(list, "[0].name"), name) : !jv_exists(list);
	}
	return n;
}

static void test_close(void **state)
{
	struct fixture f;

	begin(&f, "endpointslice");
	put_zone_node(&f, "a1", "a", 4, true);
	put_zone_node(&f, "b1", "b", 4, true);
	put_service(&f, ",\"trafficDistribution\":\"PreferClose\"");
	put_pod_on(&f, 1, "a1", true);
	put_pod_on(&f, 2, "b1", true);
	put_pod_on(&f, 3, "b1", false);
	run(&f, 50);
	assert_int_equal(hinted(&f, "forZones", "a"), 1);
	assert_int_equal(hinted(&f, "forZones", "b"), 1);
	assert_int_equal(hinted(&f, "forNodes", NULL), 3);
	put_service(&f, ",\"trafficDistribution\":\"PreferSameNode\"");
	assert_int_equal(hinted(&f, "forNodes", "a1"), 1);
	assert_int_equal(hinted(&f, "forZones", "b"), 1);
	/* A node that gets another zone takes its endpoints along. */
	put_zone_node(&f, "b1", "c", 4, true);
	run(&f, 50);
	assert_int_equal(hinted(&f, "forZones", "c"), 1);
	put_service(&f, "");
	assert_int_equal(hinted(&f, "forZones", NULL), 3);
	end(&f);
}

static void test_shares(void **state)
{
	struct fixture f;

	begin(&f, "endpointslice");
	put_zone_node(&f, "a1", "a", 4, true);
	put_zone_node(&f, "b1", "b", 4, true);
	fake_api_put(f.api, SVC,
		     "{\"metadata\":{\"annotations\":{\"service.kubernetes.io/topology-mode\":"
		     "\"Auto\"}},\"spec\":{\"clusterIP\":\"10.96.0.9\",\"selector\":{\"app\":"
		     "\"web\"},\"ports\":[{\"name\":\"http\",\"port\":80,\"targetPort\":\"h\","
		     "\"protocol\":\"TCP\"}]}}");
	put_pod_on(&f, 1, "a1", true);
	run(&f, 50);
	assert_int_equal(hinted(&f, "forZones", NULL), 1); /* fewer than zones */
	for (int i = 2; i <= 6; i++)
		put_pod_on(&f, i, i < 6 ? "a1" : "b1", true);
	run(&f, 50);
	/* Five and one of six: half of the processors want three, and take two at least 2.5. */
	assert_int_equal(hinted(&f, "forZones", "a"), 3);
	assert_int_equal(hinted(&f, "forZones", "b"), 3);
	/* A third of the processors in b. */
	put_zone_node(&f, "b1", "b", 2, true);
	run(&f, 50);
	assert_int_equal(hinted(&f, "forZones", "b"), 2);
	/* One zone alone needs no hints; one unknown place makes them guesses. */
	put_zone_node(&f, "b1", "b", 2, false);
	run(&f, 50);
	assert_int_equal(hinted(&f, "forZones", NULL), 6);
	put_zone_node(&f, "b1", "b", 2, true);
	put_zone_node(&f, "x1", "", 2, true);
	run(&f, 50);
	assert_int_equal(hinted(&f, "forZones", NULL), 6);
	end(&f);
}

static void put_endpoints(struct fixture *f, const char *meta, const char *subsets)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	buf_addf(&json,
		 "{\"metadata\":{\"uid\":\"u-e\",\"labels\":{\"l\":\"v\"%s}},\"subsets\":[%s]}",
		 meta, subsets);
	fake_api_put(f->api, EP, json.p);
	run(f, 50);
}

static void test_mirrored(void **state)
{
	struct fixture f;
	struct jv v;

	begin(&f, "endpointslice-mirroring");
	put_endpoints(&f, "",
		      "{\"addresses\":[{\"ip\":\"192.0.2.1\"},{\"ip\":\"2001:db8::1\"}],"
		      "\"notReadyAddresses\":[{\"ip\":\"192.0.2.2\",\"hostname\":\"h\"}],"
		      "\"ports\":[{\"name\":\"p\",\"port\":80}]}");
	assert_int_equal(fake_api_count(f.api, SLICES), 0); /* no Service */
	fake_api_put(f.api, SVC, "{\"spec\":{\"ports\":[{\"port\":80}]}}");
	run(&f, 50);
	assert_int_equal(fake_api_count(f.api, SLICES), 2);
	v = nth(&f, SLICES, 0);
	if (jv_eqs(jv_get(v, "addressType"), "IPv6"))
		v = nth(&f, SLICES, 1);
	assert_int_equal(jv_len(jv_get(v, "endpoints")), 2);
	assert_true(jv_bool(jv_path(v, "endpoints[0].conditions.ready"), false));
	assert_false(jv_bool(jv_path(v, "endpoints[1].conditions.ready"), true));
	assert_true(jv_eqs(jv_path(v, "endpoints[1].hostname"), "h"));
	assert_true(jv_eqs(jv_path(v, "ports[0].protocol"), "TCP"));
	assert_true(
		jv_eqs(jv_get(jv_path(v, "metadata.labels"), "kubernetes.io/service-name"), "web"));
	assert_true(jv_eqs(jv_path(v, "metadata.labels.l"), "v"));
	/* Its own writes are no news. */
	assert_int_equal(fake_api_requests(f.api, "PATCH"), 0);
	put_endpoints(&f, "",
		      "{\"addresses\":[{\"ip\":\"192.0.2.9\"}],\"ports\":[{\"name\":\"p\","
		      "\"port\":80}]}");
	assert_int_equal(fake_api_count(f.api, SLICES), 1);
	v = nth(&f, SLICES, 0);
	assert_true(jv_eqs(jv_path(v, "endpoints[0].addresses[0]"), "192.0.2.9"));
	put_endpoints(&f, ",\"endpointslice.kubernetes.io/skip-mirror\":\"true\"",
		      "{\"addresses\":[{\"ip\":\"192.0.2.9\"}]}");
	assert_int_equal(fake_api_count(f.api, SLICES), 0);
	put_endpoints(&f, "", "{\"addresses\":[{\"ip\":\"192.0.2.9\"}]}");
	assert_int_equal(fake_api_count(f.api, SLICES), 1);
	/* The Service gets a selector: others make its slices now. */
	fake_api_put(f.api, SVC, "{\"spec\":{\"selector\":{\"a\":\"b\"}}}");
	run(&f, 50);
	assert_int_equal(fake_api_count(f.api, SLICES), 0);
	fake_api_put(f.api, SVC, "{\"spec\":{}}");
	run(&f, 50);
	assert_int_equal(fake_api_count(f.api, SLICES), 1);
	fake_api_delete(f.api, EP);
	run(&f, 50);
	assert_int_equal(fake_api_count(f.api, SLICES), 0);
	end(&f);
}

static void test_cleaners(void **state)
{
	static const char *const csr = "/apis/certificates.k8s.io/v1/certificatesigningrequests/a";
	static const char *const secrets = "/api/v1/namespaces/kube-system/secrets";
	struct fixture f;

	begin(&f, "token-cleaner,csr-cleaner");
	/* 2026-01-01T00:00:30Z, half a minute from now; no time; for ever; another kind. */
	fake_api_put(f.api, "/api/v1/namespaces/kube-system/secrets/t1",
		     "{\"type\":\"bootstrap.kubernetes.io/token\",\"data\":{\"expiration\":"
		     "\"MjAyNi0wMS0wMVQwMDowMDozMFo=\"}}");
	fake_api_put(f.api, "/api/v1/namespaces/kube-system/secrets/t2",
		     "{\"type\":\"bootstrap.kubernetes.io/token\",\"data\":{\"expiration\":"
		     "\"c29vbg==\"}}");
	fake_api_put(f.api, "/api/v1/namespaces/kube-system/secrets/t3",
		     "{\"type\":\"bootstrap.kubernetes.io/token\",\"data\":{}}");
	fake_api_put(f.api, "/api/v1/namespaces/kube-system/secrets/t4",
		     "{\"type\":\"Opaque\",\"data\":{\"expiration\":"
		     "\"MjAyNi0wMS0wMVQwMDowMDozMFo=\"}}");
	fake_api_put(f.api, csr,
		     "{\"status\":{\"conditions\":[{\"type\":\"Approved\",\"status\":\"True\","
		     "\"lastUpdateTime\":\"2026-01-01T00:00:00Z\"}]}}");
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, secrets), 3);
	run(&f, 30 * 1000);
	assert_int_equal(fake_api_count(f.api, secrets), 2);
	run(&f, 3500 * 1000);
	assert_true(jv_exists(get(&f, csr)));
	run(&f, 100 * 1000);
	assert_false(jv_exists(get(&f, csr)));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_pods), cmocka_unit_test(test_many),
		cmocka_unit_test(test_foreign),      cmocka_unit_test(test_close),
		cmocka_unit_test(test_shares),       cmocka_unit_test(test_mirrored),
		cmocka_unit_test(test_cleaners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
