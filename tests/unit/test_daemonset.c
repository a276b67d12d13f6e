/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "tests/unit/control_fixture.h"

#define DS "/apis/apps/v1/namespaces/x/daemonsets/log"
#define REVS "/apis/apps/v1/namespaces/x/controllerrevisions"

static void put_set(struct fixture *f, const char *image, const char *spec, const char *strategy)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	buf_addf(
		&json,
		"{\"metadata\":{\"uid\":\"u-ds\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":"
		"\"log\"}},\"updateStrategy\":%s,\"template\":{\"metadata\":{\"labels\":{\"app\":"
		"\"log\"}},\"spec\":{%s\"containers\":[{\"name\":\"c\",\"image\":\"%s\"}]}}}}",
		strategy, spec, image);
	fake_api_put(f->api, DS, json.p);
	run(f, 50);
}
#define ROLL(down, up)                                                             \
	"{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":" #down \
	",\"maxSurge\":" #up "}}"

static void put_node(struct fixture *f, const char *name, const char *labels, const char *taints)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT, json = BUF_INIT;

	buf_addf(&path, "/api/v1/nodes/%s", name);
	buf_addf(&json, "{\"metadata\":{\"labels\":{%s}},\"spec\":{\"taints\":[%s]}}", labels,
		 taints);
	fake_api_put(f->api, path.p, json.p);
	run(f, 20);
}

static size_t with_image(struct fixture *f, const char *image)
{
	size_t n = 0;

	for (size_t i = 0; i < fake_api_count(f->api, PODS); i++)
		n += jv_eqs(jv_path(nth(f, PODS, i), "spec.containers[0].image"), image);
	return n;
}

static void test_nodes(void **state)
{
	struct fixture f;
	struct jv pod;

	begin(&f, "daemonset");
	put_node(&f, "n1", "\"disk\":\"ssd\"", "");
	put_node(&f, "n2", "\"disk\":\"hdd\"", "");
	put_node(&f, "n3", "\"disk\":\"ssd\"",
		 "{\"key\":\"own\",\"value\":\"x\",\"effect\":\"NoSchedule\"}");
	put_node(&f, "n4", "\"disk\":\"ssd\"",
		 "{\"key\":\"node.kubernetes.io/unschedulable\",\"effect\":\"NoSchedule\"}");
	put_set(&f, "a", "\"nodeSelector\":{\"disk\":\"ssd\"},", ROLL(1, 0));
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	assert_int_equal(number(&f, DS, "status.desiredNumberScheduled"), 2);
	assert_int_equal(number(&f, DS, "status.currentNumberScheduled"), 2);
	pod = nth(&f, PODS, 0);
	assert_true(jv_eqs(jv_path(pod, "spec.affinity.nodeAffinity."
					"requiredDuringSchedulingIgnoredDuringExecution."
					"nodeSelectorTerms[0].matchFields[0].values[0]"),
			   "n1"));
	assert_int_equal(jv_len(jv_path(pod, "spec.tolerations")), 6);
	run_pods(&f);
	assert_int_equal(number(&f, DS, "status.numberReady"), 2);
	assert_int_equal(number(&f, DS, "status.numberAvailable"), 2);
	/* A new node, a node that changes, a node that goes. */
	put_node(&f, "n5", "\"disk\":\"ssd\"", "");
	put_node(&f, "n2", "\"disk\":\"ssd\"", "");
	assert_int_equal(fake_api_count(f.api, PODS), 4);
	put_node(&f, "n1", "\"disk\":\"hdd\"", "");
	run(&f, 50);
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	/* NoSchedule leaves what is there, NoExecute does not. */
	put_node(&f, "n2", "\"disk\":\"ssd\"", "{\"key\":\"k\",\"effect\":\"NoSchedule\"}");
	run(&f, 50);
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	assert_int_equal(number(&f, DS, "status.numberMisscheduled"), 1);
	put_node(&f, "n2", "\"disk\":\"ssd\"", "{\"key\":\"k\",\"effect\":\"NoExecute\"}");
	run(&f, 50);
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	end(&f);
}

static void four(struct fixture *f, const char *strategy)
{
	begin(f, "daemonset");
	put_node(f, "n1", "", "");
	put_node(f, "n2", "", "");
	put_node(f, "n3", "", "");
	put_node(f, "n4", "", "");
	put_set(f, "a", "", strategy);
	run_pods(f);
	assert_int_equal(fake_api_count(f->api, PODS), 4);
}

static void test_rolls_down(void **state)
{
	struct fixture f;

	four(&f, ROLL(1, 0));
	put_set(&f, "b", "", ROLL(1, 0));
	run(&f, 100);
	assert_int_equal(with_image(&f, "b"), 1);
	assert_int_equal(with_image(&f, "a"), 3);
	for (int i = 0; i < 4; i++)
		run_pods(&f);
	assert_int_equal(with_image(&f, "b"), 4);
	assert_int_equal(number(&f, DS, "status.updatedNumberScheduled"), 4);
	assert_int_equal(fake_api_count(f.api, REVS), 2);
	end(&f);
}

static void test_rolls_with_surge(void **state)
{
	struct fixture f;

	four(&f, ROLL(0, 2));
	put_set(&f, "b", "", ROLL(0, 2));
	run(&f, 100);
	assert_int_equal(with_image(&f, "a"), 4);
	assert_int_equal(with_image(&f, "b"), 2);
	for (int i = 0; i < 4; i++)
		run_pods(&f);
	assert_int_equal(with_image(&f, "b"), 4);
	assert_int_equal(with_image(&f, "a"), 0);
	end(&f);
}

static void test_on_delete(void **state)
{
	struct fixture f;
	CLEANUP(buf_done) struct buf path = BUF_INIT;

	four(&f, "{\"type\":\"OnDelete\"}");
	put_set(&f, "b", "", "{\"type\":\"OnDelete\"}");
	run(&f, 100);
	assert_int_equal(with_image(&f, "a"), 4);
	buf_addf(&path, PODS "/%.*s", STR_ARG(jv_text(jv_path(nth(&f, PODS, 0), "metadata.name"))));
	fake_api_delete(f.api, path.p);
	run(&f, 100);
	assert_int_equal(with_image(&f, "b"), 1);
	end(&f);
}

/* The only pod becomes Failed, as when its node refuses it. */
static void fail_pod(struct fixture *f)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT, json = BUF_INIT;
	struct jv pod = nth(f, PODS, 0);

	buf_addf(&path, PODS "/%.*s", STR_ARG(jv_text(jv_path(pod, "metadata.name"))));
	buf_addf(&json, "{\"metadata\":%.*s,\"spec\":%.*s,\"status\":{\"phase\":\"Failed\"}}",
		 STR_ARG(jv_raw(jv_get(pod, "metadata"))), STR_ARG(jv_raw(jv_get(pod, "spec"))));
	fake_api_put(f->api, path.p, json.p);
}

/* Failed pods are replaced, each time a little later. */
static void test_backs_off(void **state)
{
	struct fixture f;

	begin(&f, "daemonset");
	put_node(&f, "n1", "", "");
	put_set(&f, "a", "", ROLL(1, 0));
	fail_pod(&f);
	run(&f, 100);
	assert_int_equal(fake_api_requests(f.api, "POST " PODS), 2);
	fail_pod(&f);
	run(&f, 500);
	assert_int_equal(fake_api_requests(f.api, "POST " PODS), 2);
	run(&f, 1000);
	assert_int_equal(fake_api_requests(f.api, "POST " PODS), 3);
	fail_pod(&f);
	run(&f, 1200);
	assert_int_equal(fake_api_requests(f.api, "POST " PODS), 3);
	run(&f, 1500);
	assert_int_equal(fake_api_requests(f.api, "POST " PODS), 4);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	fake_api_delete(f.api, DS);
	run(&f, 100);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_rolls_down),
		cmocka_unit_test(test_rolls_with_surge),
		cmocka_unit_test(test_on_delete),
		cmocka_unit_test(test_backs_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
