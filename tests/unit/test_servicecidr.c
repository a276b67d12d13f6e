/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/unit/control_fixture.h"

#define NET "/apis/networking.k8s.io/v1/"
#define RANGE(n) NET "servicecidrs/" n
#define ADDRESS(n) NET "ipaddresses/" n
#define SERVICE(n) "/api/v1/namespaces/x/services/" n
#define FINALIZER "networking.k8s.io/service-cidr-finalizer"

static void put_range(struct fixture *f, const char *path, const char *cidr)
{
	CLEANUP_FREE char *json = xasprintf("{\"spec\":{\"cidrs\":[\"%s\"]}}", cidr);

	fake_api_put(f->api, path, json);
	run(f, 100);
}

/* Of Service x/`svc`, made now. */
static void put_address(struct fixture *f, const char *path, const char *svc)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	char now[TIME_LEN + 1];

	time_format(f->time.real_ns, now);
	buf_addf(&json,
		 "{\"metadata\":{\"creationTimestamp\":\"%s\",\"labels\":{"
		 "\"ipaddress.kubernetes.io/ip-family\":\"IPv4\","
		 "\"ipaddress.kubernetes.io/managed-by\":\"ipallocator.k8s.io\"}},\"spec\":{"
		 "\"parentRef\":{\"resource\":\"services\",\"namespace\":\"x\",\"name\":\"%s\"}}}",
		 now, svc);
	fake_api_put(f->api, path, json.p);
	run(f, 100);
}

static void put_service(struct fixture *f, const char *path, const char *ip)
{
	CLEANUP_FREE char *json = xasprintf("{\"spec\":{\"clusterIPs\":[\"%s\"]}}", ip);

	fake_api_put(f->api, path, json);
	run(f, 2000);
}

static const struct client_kind ranges = {"networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR",
					  false};

static void delete_range(struct fixture *f, const char *name, uint64_t ms)
{
	client_delete(f->c, &ranges, STR_NULL, str_of(name), STR_NULL, NULL, NULL);
	run(f, ms);
}

static bool there(struct fixture *f, const char *path)
{
	return fake_api_get(f->api, path).p;
}

static bool ready(struct fixture *f, const char *path, const char *status)
{
	jv_for_each (c, jv_path(get(f, path), "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), "Ready"))
			return jv_eqs(jv_get(c.value, "status"), status);
	return false;
}

static void test_range(void **state)
{
	struct fixture f;

	begin(&f, "service-cidr");
	put_range(&f, RANGE("a"), "10.99.0.0/24");
	assert_true(ready(&f, RANGE("a"), "True"));
	assert_true(jv_eqs(jv_path(get(&f, RANGE("a")), "metadata.finalizers[0]"), FINALIZER));
	put_address(&f, ADDRESS("10.99.0.7"), "s");
	delete_range(&f, "a", 1000);
	assert_true(ready(&f, RANGE("a"), "False"));
	/* Another range with the same address is enough; one beside it is not. */
	put_range(&f, RANGE("beside"), "10.99.1.0/24");
	run(&f, 1000);
	assert_true(there(&f, RANGE("a")));
	put_range(&f, RANGE("part"), "10.99.0.0/29"); /* where it is the broadcast address */
	run(&f, 1000);
	assert_true(there(&f, RANGE("a")));
	put_range(&f, RANGE("other"), "10.99.0.0/28");
	run(&f, 1000);
	assert_false(there(&f, RANGE("a")));
	/* And one that nobody uses goes at once. */
	delete_range(&f, "beside", 1000);
	assert_false(there(&f, RANGE("beside")));
	end(&f);
}

static void test_freed(void **state)
{
	struct fixture f;

	begin(&f, "service-cidr");
	put_range(&f, RANGE("a"), "10.99.0.0/24");
	put_address(&f, ADDRESS("10.99.0.7"), "s");
	delete_range(&f, "a", 60 * 1000);
	assert_true(there(&f, RANGE("a")));
	fake_api_delete(f.api, ADDRESS("10.99.0.7"));
	run(&f, 1000);
	assert_false(there(&f, RANGE("a")));
	end(&f);
}

static void test_repair(void **state)
{
	struct fixture f;

	begin(&f, "cluster-ip");
	put_range(&f, RANGE("a"), "10.99.0.0/24");
	put_service(&f, SERVICE("s"), "10.99.0.5");
	assert_true(jv_eqs(jv_path(get(&f, ADDRESS("10.99.0.5")), "spec.parentRef.name"), "s"));
	put_service(&f, SERVICE("headless"), "None");
	put_service(&f, SERVICE("far"), "10.1.0.5"); /* in no range: told, not mended */
	assert_int_equal(fake_api_count(f.api, NET "ipaddresses"), 1);
	put_range(&f, RANGE("b"), "10.1.0.0/24");
	run(&f, 3000);
	assert_true(there(&f, ADDRESS("10.1.0.5")));
	/* Somebody else's by name, but it is this Service's. */
	put_address(&f, ADDRESS("10.99.0.5"), "nobody");
	run(&f, 3000);
	assert_true(jv_eqs(jv_path(get(&f, ADDRESS("10.99.0.5")), "spec.parentRef.name"), "s"));
	/* Two Services with one address: the first keeps it. */
	put_service(&f, SERVICE("twin"), "10.99.0.5");
	assert_true(jv_eqs(jv_path(get(&f, ADDRESS("10.99.0.5")), "spec.parentRef.name"), "s"));
	/* Of a Service that has another. */
	put_address(&f, ADDRESS("10.99.0.9"), "s");
	run(&f, 3000);
	assert_false(there(&f, ADDRESS("10.99.0.9")));
	end(&f);
}

/* Whoever shares an address gets it when the other goes, loses it, or takes another. */
static void test_twins(void **state)
{
	struct fixture f;

	begin(&f, "cluster-ip");
	put_range(&f, RANGE("a"), "10.99.0.0/24");
	put_service(&f, SERVICE("s"), "10.99.0.5");
	put_service(&f, SERVICE("twin"), "10.99.0.5");
	put_service(&f, SERVICE("third"), "10.99.0.5");
	assert_true(jv_eqs(jv_path(get(&f, ADDRESS("10.99.0.5")), "spec.parentRef.name"), "s"));
	fake_api_delete(f.api, SERVICE("s"));
	run(&f, 5000);
	assert_true(jv_eqs(jv_path(get(&f, ADDRESS("10.99.0.5")), "spec.parentRef.name"), "twin") ||
		    jv_eqs(jv_path(get(&f, ADDRESS("10.99.0.5")), "spec.parentRef.name"), "third"));
	/* With its address, as the API does it. */
	fake_api_delete(f.api, ADDRESS("10.99.0.5"));
	fake_api_delete(f.api, SERVICE("third"));
	run(&f, 5000);
	assert_true(jv_eqs(jv_path(get(&f, ADDRESS("10.99.0.5")), "spec.parentRef.name"), "twin"));
	end(&f);
}

static void test_leak(void **state)
{
	struct fixture f;

	begin(&f, "cluster-ip");
	put_range(&f, RANGE("a"), "10.99.0.0/24");
	put_address(&f, ADDRESS("10.99.0.5"), "coming");
	run(&f, 50 * 1000);
	assert_true(there(&f, ADDRESS("10.99.0.5"))); /* its Service may be on its way */
	run(&f, 20 * 1000);
	assert_false(there(&f, ADDRESS("10.99.0.5")));
	fake_api_put(f.api, ADDRESS("10.99.0.6"), /* a gateway's */
		     "{\"spec\":{\"parentRef\":{\"group\":\"g\",\"resource\":\"gateways\",\"name\":"
		     "\"n\"}}}");
	run(&f, 120 * 1000);
	assert_true(there(&f, ADDRESS("10.99.0.6")));
	end(&f);
}

/* Two addresses of a Service are two IPAddresses, by their canonical names. */
static void test_dual(void **state)
{
	struct fixture f;
	struct jv o;

	begin(&f, "cluster-ip");
	fake_api_put(f.api, RANGE("a"),
		     "{\"spec\":{\"cidrs\":[\"10.99.0.0/24\",\"fd00:99::/112\"]}}");
	run(&f, 100);
	put_service(&f, SERVICE("s"), "10.99.0.5\",\"FD00:99:0::A");
	assert_true(there(&f, ADDRESS("10.99.0.5")));
	o = get(&f, ADDRESS("fd00:99::a"));
	assert_true(jv_eqs(jv_path(o, "spec.parentRef.name"), "s"));
	assert_true(
		jv_eqs(jv_get(jv_path(o, "metadata.labels"), "ipaddress.kubernetes.io/ip-family"),
		       "IPv6"));
	/* The second is given back: only that IPAddress has leaked. */
	put_service(&f, SERVICE("s"), "10.99.0.5");
	put_address(&f, ADDRESS("fd00:99::a"), "s");
	run(&f, 3000);
	assert_false(there(&f, ADDRESS("fd00:99::a")));
	assert_true(there(&f, ADDRESS("10.99.0.5")));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),  cmocka_unit_test(test_freed),
		cmocka_unit_test(test_repair), cmocka_unit_test(test_leak),
		cmocka_unit_test(test_twins),  cmocka_unit_test(test_dual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
