/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "tests/unit/control_fixture.h"

#define PVCS "/api/v1/namespaces/x/persistentvolumeclaims"
#define VAS "/apis/storage.k8s.io/v1/volumeattachments"
#define EVENTS "/api/v1/namespaces/x/events"
#define IN_USE "[\"kubernetes.io/csi/d.io^h1\"]"

static void put_node(struct fixture *f, const char *name, const char *in_use, bool ready,
		     const char *taints)
{
	CLEANUP_FREE char *path = xasprintf("/api/v1/nodes/%s", name);
	CLEANUP_FREE char *json = xasprintf(
		"{\"spec\":{\"taints\":%s},\"status\":{\"volumesInUse\":%s,\"conditions\":[{"
		"\"type\":\"Ready\",\"status\":\"%s\"}]}}",
		taints, in_use, ready ? "True" : "Unknown");

	fake_api_put(f->api, path, json);
}

static void put_pod(struct fixture *f, const char *name, const char *node)
{
	CLEANUP_FREE char *path = xasprintf(PODS "/%s", name);
	CLEANUP_FREE char *json = xasprintf(
		"{\"metadata\":{\"uid\":\"u-%s\"},\"spec\":{\"nodeName\":\"%s\",\"volumes\":[{"
		"\"name\":\"d\",\"persistentVolumeClaim\":{\"claimName\":\"c\"}}]},\"status\":{"
		"\"phase\":\"Running\"}}",
		name, node);

	fake_api_put(f->api, path, json);
	run(f, 200);
}

/* A volume of d.io with its claim, and nodes n1 and n2. */
static void prepare(struct fixture *f, const char *modes)
{
	CLEANUP_FREE char *volume = xasprintf(
		"{\"metadata\":{\"uid\":\"uv\"},\"spec\":{\"accessModes\":[%s],\"claimRef\":{"
		"\"namespace\":\"x\",\"name\":\"c\",\"uid\":\"uc\"},\"csi\":{\"driver\":\"d.io\","
		"\"volumeHandle\":\"h1\"}},\"status\":{\"phase\":\"Bound\"}}",
		modes);

	begin(f, "attachdetach");
	put_node(f, "n1", "[]", true, "[]");
	put_node(f, "n2", "[]", true, "[]");
	fake_api_put(f->api, "/api/v1/persistentvolumes/v", volume);
	fake_api_put(f->api, PVCS "/c",
		     "{\"metadata\":{\"uid\":\"uc\"},\"spec\":{\"volumeName\":\"v\"},\"status\":{"
		     "\"phase\":\"Bound\"}}");
	run(f, 100);
}

static void set_attached(struct fixture *f)
{
	struct jv va = nth(f, VAS, 0);
	CLEANUP_FREE char *path =
		xasprintf(VAS "/%.*s", STR_ARG(jv_text(jv_path(va, "metadata.name"))));
	CLEANUP_FREE char *json = xasprintf("{\"metadata\":%.*s,\"spec\":%.*s,\"status\":{"
					    "\"attached\":true}}",
					    STR_ARG(jv_raw(jv_get(va, "metadata"))),
					    STR_ARG(jv_raw(jv_get(va, "spec"))));

	fake_api_put(f->api, path, json);
	run(f, 200);
}

static bool told(struct fixture *f, const char *what)
{
	for (size_t i = 0; i < fake_api_count(f->api, EVENTS); i++) {
		CLEANUP_FREE char *m = jv_strdup(jv_get(nth(f, EVENTS, i), "message"));

		if (m && strstr(m, what))
			return true;
	}
	return false;
}

static void test_attached_and_detached(void **state)
{
	struct fixture f;

	prepare(&f, "\"ReadWriteOnce\"");
	assert_int_equal(fake_api_count(f.api, VAS), 0);
	put_pod(&f, "p", "n1");
	assert_int_equal(fake_api_count(f.api, VAS), 1);
	assert_true(jv_eqs(jv_path(nth(&f, VAS, 0), "spec.attacher"), "d.io"));
	assert_true(jv_eqs(jv_path(nth(&f, VAS, 0), "spec.nodeName"), "n1"));
	/* As external tools compute it: sha256 of handle, driver, node. */
	assert_true(jv_eqs(jv_path(nth(&f, VAS, 0), "metadata.name"),
			   "csi-dd25992ab7d0b84ae8aeef79dda7137ee688b84b3dbdeb89157b9297d3b9765d"));
	set_attached(&f);
	assert_true(told(&f, "AttachVolume.Attach succeeded for volume \"v\""));
	assert_int_equal(jv_len(jv_path(get(&f, "/api/v1/nodes/n1"), "status.volumesAttached")), 1);
	/* The pod is gone, the node still has it. */
	put_node(&f, "n1", IN_USE, true, "[]");
	run(&f, 100);
	fake_api_delete(f.api, PODS "/p");
	run(&f, 400000);
	assert_int_equal(fake_api_count(f.api, VAS), 1);
	put_node(&f, "n1", "[]", true, "[]");
	run(&f, 500);
	assert_int_equal(fake_api_count(f.api, VAS), 0);
	end(&f);
}

static void test_one_node_only(void **state)
{
	struct fixture f;

	prepare(&f, "\"ReadWriteOnce\"");
	put_pod(&f, "p", "n1");
	set_attached(&f);
	put_pod(&f, "q", "n2");
	assert_int_equal(fake_api_count(f.api, VAS), 1);
	assert_true(
		told(&f, "Multi-Attach error for volume \"v\" Volume is already used by pod(s) p"));
	fake_api_delete(f.api, PODS "/p");
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, VAS), 1);
	assert_true(jv_eqs(jv_path(nth(&f, VAS, 0), "spec.nodeName"), "n2"));
	end(&f);

	prepare(&f, "\"ReadWriteMany\"");
	put_pod(&f, "p", "n1");
	put_pod(&f, "q", "n2");
	assert_int_equal(fake_api_count(f.api, VAS), 2);
	end(&f);
}

/* A dead node doesn't tell that it has let go. */
static void test_node_is_away(void **state)
{
	struct fixture f;

	prepare(&f, "\"ReadWriteOnce\"");
	put_pod(&f, "p", "n1");
	set_attached(&f);
	put_node(&f, "n1", IN_USE, false, "[]");
	fake_api_delete(f.api, PODS "/p");
	run(&f, 300000);
	assert_int_equal(fake_api_count(f.api, VAS), 1);
	run(&f, 70000);
	assert_int_equal(fake_api_count(f.api, VAS), 0);
	/* Marked as such by an administrator: at once. */
	put_pod(&f, "p", "n1");
	set_attached(&f);
	fake_api_delete(f.api, PODS "/p");
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, VAS), 1);
	put_node(&f, "n1", IN_USE, false,
		 "[{\"key\":\"node.kubernetes.io/out-of-service\",\"effect\":\"NoExecute\"}]");
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, VAS), 0);
	end(&f);
}

static void test_not_wanted(void **state)
{
	struct fixture f;

	prepare(&f, "\"ReadWriteOnce\"");
	fake_api_put(f.api, "/apis/storage.k8s.io/v1/csidrivers/d.io",
		     "{\"spec\":{\"attachRequired\":false}}");
	run(&f, 100);
	put_pod(&f, "p", "n1");
	assert_int_equal(fake_api_count(f.api, VAS), 0);
	/* An ended pod holds nothing. */
	fake_api_put(f.api, "/apis/storage.k8s.io/v1/csidrivers/d.io", "{\"spec\":{}}");
	run(&f, 500);
	assert_int_equal(fake_api_count(f.api, VAS), 1);
	fake_api_put(f.api, PODS "/p",
		     "{\"metadata\":{\"uid\":\"u-p\"},\"spec\":{\"nodeName\":\"n1\",\"volumes\":[{"
		     "\"name\":\"d\",\"persistentVolumeClaim\":{\"claimName\":\"c\"}}]},"
		     "\"status\":{\"phase\":\"Succeeded\"}}");
	run(&f, 500);
	assert_int_equal(fake_api_count(f.api, VAS), 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attached_and_detached),
		cmocka_unit_test(test_one_node_only),
		cmocka_unit_test(test_node_is_away),
		cmocka_unit_test(test_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
