/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/hmap.h"
#include "tests/unit/scheduler_fixture.h"

#define API "/apis/resource.k8s.io/v1"
#define CLAIMS API "/namespaces/x/resourceclaims"

static struct fixture f;

static void put(const char *path, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void put(const char *path, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	fake_api_put(f.api, path, b.p);
}

static void class(const char *name, const char *spec)
{
	char path[128];

	snprintf(path, sizeof(path), API "/deviceclasses/%s", name);
	put(path, "{\"spec\":{%s}}", spec);
}

/* `where`: "\"nodeName\":\"n\"", ...; devices: JSON of the list. */
static void slice(const char *name, const char *pool, int generation, int count, const char *where_,
		  const char *devices)
{
	char path[128];

	snprintf(path, sizeof(path), API "/resourceslices/%s", name);
	put(path,
	    "{\"spec\":{\"driver\":\"d.io\",\"pool\":{\"name\":\"%s\",\"generation\":%d,"
	    "\"resourceSliceCount\":%d},%s,\"devices\":[%s]}}",
	    pool, generation, count, where_, devices);
}

static void claim(const char *name, const char *devices)
{
	char path[128];

	snprintf(path, sizeof(path), CLAIMS "/%s", name);
	put(path, "{\"metadata\":{\"uid\":\"u-%s\"},\"spec\":{\"devices\":{%s}}}", name, devices);
}

#define ONE(more)                                                                                  \
	"\"requests\":[{\"name\":\"r\",\"exactly\":{\"deviceClassName\":\"c\",\"allocationMode\":" \
	"\"ExactCount\",\"count\":1" more "}}]"
#define SELECT(cel) ",\"selectors\":[{\"cel\":{\"expression\":\"" cel "\"}}]"
#define DEVICE(name, more) "{\"name\":\"" name "\"" more "}"
#define ATTR(name, json) "\"attributes\":{\"" name "\":" json "}"

static void claiming(const char *name, const char *claims)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str rest = str_of(claims), one;

	while (str_split(&rest, ',', &one))
		buf_addf(&b, "%s{\"name\":\"%.*s\",\"resourceClaimName\":\"%.*s\"}",
			 b.len ? "," : "", STR_ARG(one), STR_ARG(one));
	{
		char path[128];

		snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/%s", name);
		put(path,
		    "{\"metadata\":{\"uid\":\"u-%s\"},\"spec\":{\"containers\":[{\"name\":\"c\"}],"
		    "\"resourceClaims\":[%s]}}",
		    name, b.p);
	}
}

static struct jv claim_at(const char *name, const char *field)
{
	char path[128];

	snprintf(path, sizeof(path), CLAIMS "/%s", name);
	return jv_path(jv_of(fake_api_get(f.api, path)), field);
}

/* Names of the devices that a claim was given, in order. */
static const char *given(const char *name)
{
	static char text[512];
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jv_for_each (r, claim_at(name, "status.allocation.devices.results"))
		buf_addf(&b, "%s%.*s", b.len ? " " : "",
			 STR_ARG(jv_text(jv_get(r.value, "device"))));
	str_copy(text, sizeof(text), buf_str(&b));
	return text;
}

static void nodes(int n)
{
	for (int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i);
		node(&f, name, "4", "", i ? "\"z\":\"b\"" : "\"z\":\"a\"");
	}
}

static void test_allocates(void **state)
{
	begin(&f);
	nodes(3);
	class("c", "\"selectors\":[{\"cel\":{\"expression\":\"device.driver == 'd.io'\"}}],"
		   "\"config\":[{\"opaque\":{\"driver\":\"d.io\",\"parameters\":{\"a\":1}}}]");
	slice("s1", "n1", 1, 1, "\"nodeName\":\"n1\"",
	      DEVICE("small", "," ATTR("size", "{\"int\":1}")) "," DEVICE(
		      "large", "," ATTR("size", "{\"int\":8}")));
	claim("k", ONE(SELECT("device.attributes['d.io'].size > 4")));
	claiming("p", "k");
	run(&f, 1000);
	assert_string_equal(where(&f, "p"), "n1");
	assert_string_equal(given("k"), "large");
	assert_true(jv_eqs(claim_at("k", "metadata.finalizers[0]"),
			   "resource.kubernetes.io/delete-protection"));
	assert_true(jv_eqs(claim_at("k", "status.reservedFor[0].uid"), "u-p"));
	assert_true(
		jv_eqs(claim_at("k", "status.allocation.devices.config[0].source"), "FromClass"));
	assert_true(jv_eqs(
		claim_at("k", "status.allocation.nodeSelector.nodeSelectorTerms[0].matchFields[0]"
			      ".values[0]"),
		"n1"));
	/* Another pod of the same claim goes to the same place; another claim finds nothing. */
	claiming("q", "k");
	claim("k2", ONE(SELECT("device.attributes['d.io'].size > 4")));
	claiming("r", "k2");
	run(&f, 1000);
	assert_string_equal(where(&f, "q"), "n1");
	assert_int_equal(jv_len(claim_at("k", "status.reservedFor")), 2);
	assert_string_equal(where(&f, "r"), "");
	assert_true(says(&f, "r",
			 "0/3 nodes are available: 3 cannot allocate all claims. still not "
			 "schedulable, preemption: 0/3 nodes are available: 3 Preemption is not "
			 "helpful for scheduling."));
	/* A new device lets it in. */
	slice("s2", "n2", 1, 1, "\"nodeName\":\"n2\"",
	      DEVICE("huge", "," ATTR("d.io/size", "{\"int\":16}")));
	run(&f, 20000);
	assert_string_equal(where(&f, "r"), "n2");
	assert_string_equal(given("k2"), "huge");
	end(&f);
}

/* A pod whose claims are not there is not looked at; one whose class is missing is told so. */
static void test_waits(void **state)
{
	struct scheduler_stats st;

	begin(&f);
	nodes(1);
	claiming("p", "k");
	run(&f, 5000);
	scheduler_stats(f.s, &st);
	assert_int_equal(st.attempts, 0);
	claim("k", ONE(""));
	run(&f, 5000);
	assert_true(says(&f, "p",
			 "0/1 nodes are available: request r: device class c does not exist. no "
			 "new claims to deallocate, preemption: 0/1 nodes are available: 1 "
			 "Preemption is not helpful for scheduling."));
	class("c", "");
	run(&f, 20000);
	slice("s", "n0", 1, 1, "\"nodeName\":\"n0\"", DEVICE("a", ""));
	run(&f, 20000);
	assert_string_equal(where(&f, "p"), "n0");
	end(&f);
}

/* Many at once: each device is given once, to pods on its node. */
static void test_no_device_twice(void **state)
{
	CLEANUP(hmap_freep) struct hmap *seen = hmap_new();
	int bound = 0;

	begin(&f);
	nodes(4);
	class("c", "");
	for (int i = 0; i < 4; i++) {
		char name[16], at[32];

		snprintf(name, sizeof(name), "n%d", i);
		snprintf(at, sizeof(at), "\"nodeName\":\"n%d\"", i);
		slice(name, name, 1, 1, at,
		      DEVICE("a", "") "," DEVICE("b", "") "," DEVICE("c", ""));
	}
	for (int i = 0; i < 20; i++) {
		char c[16], p[16];

		snprintf(c, sizeof(c), "k%d", i);
		snprintf(p, sizeof(p), "p%d", i);
		claim(c, ONE(""));
		claiming(p, c);
	}
	fake_api_fail(f.api, "PATCH " CLAIMS, 409, 5);
	fake_api_fail(f.api, "PATCH " CLAIMS, 500, 3);
	run(&f, 60000);
	for (int i = 0; i < 20; i++) {
		CLEANUP(buf_done) struct buf id = BUF_INIT;
		char c[16], p[16];

		snprintf(c, sizeof(c), "k%d", i);
		snprintf(p, sizeof(p), "p%d", i);
		if (!*where(&f, p)) {
			assert_string_equal(given(c), "");
			continue;
		}
		bound++;
		buf_addf(&id, "%s/%s", where(&f, p), given(c));
		assert_true(jv_eqs(claim_at(c, "status.allocation.devices.results[0].pool"),
				   where(&f, p)));
		assert_null(hmap_put(seen, buf_str(&id), seen));
	}
	assert_int_equal(bound, 12);
	end(&f);
}

/* ---- the search, case by case ---- */

struct one_case {
	const char *what;
	const char *class; /* of "c"; "c2" is like it */
	const char *devices; /* on n0, in pool n0 */
	const char *claims; /* of k */
	const char *given; /* "" : none; "!text": the reason */
};

#define REQ(name, exact) "{\"name\":\"" name "\",\"exactly\":{\"deviceClassName\":\"c\"," exact "}}"
#define N(n) "\"allocationMode\":\"ExactCount\",\"count\":" n
#define ALL "\"allocationMode\":\"All\""
#define SUB(name, sub) "{\"name\":\"" name "\",\"deviceClassName\":\"c\"," sub "}"
#define THREE DEVICE("a", "") "," DEVICE("b", "") "," DEVICE("c", "")
#define NUMA(name, n) DEVICE(name, "," ATTR("x.io/numa", "{\"int\":" n "}"))
#define TAINTED \
	DEVICE("a", ",\"taints\":[{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoSchedule\"}]")
#define CAP(name, mem) DEVICE(name, ",\"capacity\":{\"mem\":{\"value\":\"" mem "\"}}")
#define SHARED                                                                             \
	DEVICE("a", ",\"allowMultipleAllocations\":true,\"capacity\":{\"mem\":{\"value\":" \
		    "\"10Gi\",\"requestPolicy\":{\"default\":\"1Gi\"}}}")
#define MEM(n) ",\"capacity\":{\"requests\":{\"mem\":\"" n "\"}}"

static const struct one_case cases[] = {
	{"several", "", THREE, "\"requests\":[" REQ("r", N("2")) "]", "a b"},
	{"too few", "", THREE, "\"requests\":[" REQ("r", N("4")) "]", ""},
	{"all", "", THREE, "\"requests\":[" REQ("r", ALL) "]", "a b c"},
	{"all of none", "", "", "\"requests\":[" REQ("r", ALL) "]", ""},
	{"two requests", "", THREE, "\"requests\":[" REQ("r", N("1")) "," REQ("s", N("2")) "]",
	 "a b c"},
	{"goes back", "", NUMA("a", "0") "," NUMA("b", "1") "," NUMA("c", "1"),
	 "\"requests\":[" REQ("r", N("2")) "],\"constraints\":[{\"matchAttribute\":\"x.io/numa\"}]",
	 "b c"},
	{"constraint of one request", "", NUMA("a", "0") "," NUMA("b", "1"),
	 "\"requests\":[" REQ("r", N("1")) "," REQ(
		 "s", N("1")) "],\"constraints\":[{\"requests\":[\"r\"],\"matchAttribute\":"
			      "\"x.io/numa\"}]",
	 "a b"},
	{"no attribute", "", THREE,
	 "\"requests\":[" REQ("r", N("1")) "],\"constraints\":[{\"matchAttribute\":\"x.io/numa\"}]",
	 ""},
	{"distinct", "", NUMA("a", "0") "," NUMA("b", "0") "," NUMA("c", "1"),
	 "\"requests\":[" REQ("r", N("2")) "],\"constraints\":[{\"distinctAttribute\":"
					   "\"x.io/numa\"}]",
	 "a c"},
	{"first alternative", "", THREE,
	 "\"requests\":[{\"name\":\"r\",\"firstAvailable\":[" SUB("x", N("2")) "," SUB(
		 "y", N("1")) "]}]",
	 "a b"},
	{"second alternative", "", THREE,
	 "\"requests\":[{\"name\":\"r\",\"firstAvailable\":[" SUB("x", N("9")) "," SUB(
		 "y", N("1")) "]}]",
	 "a"},
	{"tainted", "", TAINTED "," DEVICE("b", ""), "\"requests\":[" REQ("r", N("1")) "]", "b"},
	{"tolerated", "", TAINTED "," DEVICE("b", ""),
	 "\"requests\":[" REQ("r", N("1") ",\"tolerations\":[{\"key\":\"k\",\"operator\":"
					  "\"Exists\"}]") "]",
	 "a"},
	{"capacity", "", CAP("a", "1Gi") "," CAP("b", "4Gi"),
	 "\"requests\":[" REQ(
		 "r", N("1") SELECT("device.capacity['d.io'].mem.compareTo(quantity('2Gi')) "
				    ">= 0")) "]",
	 "b"},
	{"share", "", SHARED, "\"requests\":[" REQ("r", N("1") MEM("6Gi")) "," REQ("s", N("1")) "]",
	 "a a"},
	{"share too large", "", SHARED,
	 "\"requests\":[" REQ("r", N("1") MEM("6Gi")) "," REQ("s", N("1") MEM("6Gi")) "]", ""},
	{"version", "",
	 DEVICE("a", "," ATTR("v", "{\"version\":\"1.2.0\"}")) "," DEVICE(
		 "b", "," ATTR("v", "{\"version\":\"1.10.0\"}")),
	 "\"requests\":[" REQ("r", N("1") SELECT("device.attributes['d.io'].v.isGreaterThan(semver("
						 "'1.9.0'))")) "]",
	 "b"},
	{"unknown domain", "", THREE,
	 "\"requests\":[" REQ("r", N("1") SELECT("has(device.attributes['e.io'].v) || true")) "]",
	 "a"},
	{"unknown attribute", "", DEVICE("a", ""),
	 "\"requests\":[" REQ("r", N("1") SELECT("device.attributes['d.io'].v == 1")) "]",
	 "!claim x/k: selector #0 on device d.io/n0/a: CEL runtime error: no such key: v. consider "
	 "using CEL optional chaining (.? followed by orValue()) or guarding the check with has() "
	 "for optional fields"},
	{"class does not compile", "\"selectors\":[{\"cel\":{\"expression\":\"1\"}}]", THREE,
	 "\"requests\":[" REQ("r", N("1")) "]",
	 "!class c: selector #0: CEL compile error: must evaluate to bool or the unknown type, not "
	 "int"},
	{"too many", "", THREE, "\"requests\":[" REQ("r", N("33")) "]",
	 "!claim x/k: number of requested devices 33 exceeds the claim limit of 32"},
	{"with conditions", "", DEVICE("a", ",\"bindingConditions\":[\"Ready\"]"),
	 "\"requests\":[" REQ("r", N("1")) "]", ""},
};

static void test_search(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct one_case *c = &cases[i];

		begin(&f);
		nodes(1);
		class("c", c->class);
		slice("s", "n0", 1, 1, "\"nodeName\":\"n0\"", c->devices);
		claim("k", c->claims);
		claiming("p", "k");
		run(&f, 3000);
		if (*c->given == '!') {
			char text[1024];

			snprintf(
				text, sizeof(text),
				"0/1 nodes are available: 1 %s. still not schedulable, preemption: "
				"0/1 nodes are available: 1 Preemption is not helpful for "
				"scheduling.",
				c->given + 1);
			if (!says(&f, "p", text))
				fail_msg("%s", c->what);
		} else if (strcmp(given("k"), c->given) != 0) {
			fail_msg("%s: %s, not %s", c->what, given("k"), c->given);
		}
		end(&f);
	}
}

/* Requests for the same hardware by name: counters of the pool. */
static void test_counters(void **state)
{
#define PART(name, n)                                                                         \
	DEVICE(name, ",\"consumesCounters\":[{\"counterSet\":\"gpu\",\"counters\":{\"mem\":{" \
		     "\"value\":\"" n "\"}}}]")
	begin(&f);
	nodes(1);
	class("c", "");
	slice("devices", "n0", 1, 2, "\"nodeName\":\"n0\"",
	      PART("whole", "8Gi") "," PART("half-0", "4Gi") "," PART("half-1", "4Gi"));
	put(API "/resourceslices/counters",
	    "{\"spec\":{\"driver\":\"d.io\",\"pool\":{\"name\":\"n0\",\"generation\":1,"
	    "\"resourceSliceCount\":2},\"nodeName\":\"n0\",\"sharedCounters\":[{\"name\":\"gpu\","
	    "\"counters\":{\"mem\":{\"value\":\"8Gi\"}}}]}}");
	claim("k", "\"requests\":[" REQ("r", N("2")) "]");
	claiming("p", "k");
	run(&f, 1000);
	assert_string_equal(given("k"), "half-0 half-1");
	claim("k2", "\"requests\":[" REQ("r", N("1")) "]");
	claiming("q", "k2");
	run(&f, 3000);
	assert_string_equal(given("k2"), "");
	end(&f);
}

/* Pools that are being replaced, and devices of the network. */
static void test_pools(void **state)
{
	begin(&f);
	nodes(2);
	class("c", "");
	slice("s1", "p", 1, 2, "\"nodeName\":\"n0\"", DEVICE("a", ""));
	claim("k", ONE(""));
	claiming("p", "k");
	run(&f, 3000);
	assert_string_equal(where(&f, "p"), ""); /* half of it is not there yet */
	slice("s2", "p", 2, 1, "\"nodeName\":\"n1\"", DEVICE("b", ""));
	run(&f, 20000);
	assert_string_equal(where(&f, "p"), "n1"); /* the older one is void */
	slice("net", "net", 1, 1,
	      "\"nodeSelector\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"z\","
	      "\"operator\":\"In\",\"values\":[\"a\"]}]}]}",
	      DEVICE("c", ""));
	claim("k2", ONE(""));
	claiming("q", "k2");
	run(&f, 3000);
	assert_string_equal(where(&f, "q"), "n0");
	assert_true(jv_eqs(claim_at("k2", "status.allocation.nodeSelector.nodeSelectorTerms[0]"
					  ".matchExpressions[0].key"),
			   "z"));
	slice("per", "per", 1, 1, "\"perDeviceNodeSelection\":true",
	      DEVICE("d", ",\"nodeName\":\"n1\"") "," DEVICE("e", ",\"allNodes\":true"));
	claim("k3", "\"requests\":[" REQ("r", N("2")) "]");
	claiming("r", "k3");
	run(&f, 3000);
	assert_string_equal(where(&f, "r"), "n1");
	slice("all", "all", 1, 1, "\"allNodes\":true", DEVICE("f", ""));
	claim("k4", ONE(""));
	claiming("s", "k4");
	run(&f, 3000);
	assert_true(*where(&f, "s"));
	assert_false(jv_exists(claim_at("k4", "status.allocation.nodeSelector")));
	end(&f);
}

/* An idle claim that is allocated elsewhere is given back, so that its pod can run. */
static void test_freed(void **state)
{
	begin(&f);
	nodes(2);
	class("c", "");
	slice("s0", "n0", 1, 1, "\"nodeName\":\"n0\"", DEVICE("a", ""));
	slice("s1", "n1", 1, 1, "\"nodeName\":\"n1\"", DEVICE("a", ""));
	put(CLAIMS "/k",
	    "{\"metadata\":{\"uid\":\"u-k\"},\"spec\":{\"devices\":{" ONE(
		    "") "}},\"status\":{\"allocation\":{\"devices\":{\"results\":[{\"request\":"
			"\"r\",\"driver\":\"d.io\",\"pool\":\"n0\",\"device\":\"a\"}]},"
			"\"nodeSelector\":{\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":"
			"\"metadata.name\",\"operator\":\"In\",\"values\":[\"n0\"]}]}]}}}}");
	run(&f, 100);
	put("/api/v1/namespaces/x/pods/p",
	    "{\"metadata\":{\"uid\":\"u-p\"},\"spec\":{\"nodeSelector\":{\"z\":\"b\"},"
	    "\"containers\":[{\"name\":\"c\"}],\"resourceClaims\":[{\"name\":\"k\","
	    "\"resourceClaimName\":\"k\"}]}}");
	run(&f, 30000);
	assert_string_equal(where(&f, "p"), "n1");
	assert_true(jv_eqs(claim_at("k", "status.allocation.devices.results[0].pool"), "n1"));
	end(&f);
}

/* Nodes with the better alternative go first. */
static void test_alternatives(void **state)
{
	begin(&f);
	nodes(5);
	class("good", "\"selectors\":[{\"cel\":{\"expression\":\"device.attributes['d.io'].good\"}"
		      "}]");
	class("c", "");
	for (int i = 0; i < 5; i++) {
		char name[16], at[32];

		snprintf(name, sizeof(name), "n%d", i);
		snprintf(at, sizeof(at), "\"nodeName\":\"n%d\"", i);
		slice(name, name, 1, 1, at,
		      i == 3 ? DEVICE("a", "," ATTR("good", "{\"bool\":true}"))
			     : DEVICE("a", "," ATTR("good", "{\"bool\":false}")));
	}
	claim("k", "\"requests\":[{\"name\":\"r\",\"firstAvailable\":[{\"name\":\"x\","
		   "\"deviceClassName\":\"good\"," N("1") "}," SUB("y", N("1")) "]}]");
	claiming("p", "k");
	run(&f, 1000);
	assert_string_equal(where(&f, "p"), "n3");
	assert_true(jv_eqs(claim_at("k", "status.allocation.devices.results[0].request"), "r/x"));
	end(&f);
}

/* A search that could go on for ages ends, and says so. */
static void test_bounded(void **state)
{
	CLEANUP(buf_done) struct buf devices = BUF_INIT, requests = BUF_INIT;

	begin(&f);
	nodes(1);
	class("c", "");
	for (int i = 0; i < 40; i++)
		buf_addf(&devices, "%s{\"name\":\"d%d\",\"attributes\":{\"x.io/n\":{\"int\":%d}}}",
			 i ? "," : "", i, i / 2);
	slice("s", "n0", 1, 1, "\"nodeName\":\"n0\"", devices.p);
	buf_adds(&requests, "\"requests\":[");
	for (int i = 0; i < 12; i++)
		buf_addf(&requests,
			 "%s{\"name\":\"r%d\",\"exactly\":{\"deviceClassName\":\"c\","
			 "\"allocationMode\":\"ExactCount\",\"count\":2}}",
			 i ? "," : "", i);
	/* Of the first, all alike; of the last two together, which cannot be. */
	buf_adds(&requests, "],\"constraints\":[{\"requests\":[\"r10\",\"r11\"],"
			    "\"matchAttribute\":\"x.io/n\"}]");
	claim("k", requests.p);
	claiming("p", "k");
	run(&f, 1000);
	assert_true(says(&f, "p",
			 "0/1 nodes are available: 1 timed out trying to allocate devices. still "
			 "not schedulable, preemption: 0/1 nodes are available: 1 Preemption is "
			 "not helpful for scheduling."));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocates),       cmocka_unit_test(test_waits),
		cmocka_unit_test(test_no_device_twice), cmocka_unit_test(test_search),
		cmocka_unit_test(test_counters),        cmocka_unit_test(test_pools),
		cmocka_unit_test(test_freed),           cmocka_unit_test(test_alternatives),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
