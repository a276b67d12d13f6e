/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "tests/unit/control_fixture.h"

#define DEP "/apis/apps/v1/namespaces/x/deployments/web"
#define SETS "/apis/apps/v1/namespaces/x/replicasets"

/* `more`: further members of spec. Annotations and status of the object stay. */
static void put(struct fixture *f, int replicas, const char *image, const char *more)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct jv old = get(f, DEP);
	struct str notes = jv_raw(jv_path(old, "metadata.annotations"));
	struct str status = jv_raw(jv_get(old, "status"));

	buf_addf(&json,
		 "{\"metadata\":{\"annotations\":%.*s},\"spec\":{\"replicas\":%d,"
		 "\"progressDeadlineSeconds\":600,\"selector\":{\"matchLabels\":{\"app\":\"web\"}},"
		 "\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{"
		 "\"containers\":"
		 "[{\"name\":\"c\",\"image\":\"%s\"}]}}%s},\"status\":%.*s}",
		 STR_ARG(notes.len ? notes : STR("{}")), replicas, image, more,
		 STR_ARG(status.len ? status : STR("{}")));
	fake_api_put(f->api, DEP, json.p);
	run(f, 50);
}

static bool condition_is(struct fixture *f, const char *type, const char *status,
			 const char *reason)
{
	jv_for_each (c, jv_path(get(f, DEP), "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), type)) {
			if (jv_eqs(jv_get(c.value, "status"), status) &&
			    jv_eqs(jv_get(c.value, "reason"), reason))
				return true;
			fprintf(stderr, "%.*s\n", STR_ARG(jv_raw(c.value)));
		}
	return false;
}

static bool revision_is(struct fixture *f, const char *n)
{
	struct jv notes = jv_path(get(f, DEP), "metadata.annotations");

	return jv_eqs(jv_get(notes, "deployment.kubernetes.io/revision"), n);
}

static size_t pods_with(struct fixture *f, const char *image)
{
	size_t n = 0;

	for (size_t i = 0; i < fake_api_count(f->api, PODS); i++)
		n += jv_eqs(jv_path(nth(f, PODS, i), "spec.containers[0].image"), image);
	return n;
}

static size_t ready_pods(struct fixture *f)
{
	size_t n = 0;

	for (size_t i = 0; i < fake_api_count(f->api, PODS); i++)
		n += jv_eqs(jv_path(nth(f, PODS, i), "status.phase"), "Running");
	return n;
}

/* Lets the rollout go to its end and checks its promises after each step. */
static void roll_out(struct fixture *f, size_t at_least, size_t at_most)
{
	for (int i = 0; i < 20; i++) {
		run_pods(f);
		assert_in_range(fake_api_count(f->api, PODS), at_least, at_most);
		assert_in_range(ready_pods(f), at_least, at_most);
	}
}

static void test_rolling(void **state)
{
	struct fixture f;

	begin(&f, "deployment,replicaset");
	put(&f, 4, "a", "");
	assert_int_equal(fake_api_count(f.api, SETS), 1);
	assert_int_equal(fake_api_count(f.api, PODS), 4);
	assert_true(condition_is(&f, "Available", "False", "MinimumReplicasUnavailable"));
	assert_true(revision_is(&f, "1"));
	run_pods(&f);
	assert_int_equal(number(&f, DEP, "status.availableReplicas"), 4);
	assert_int_equal(number(&f, DEP, "status.updatedReplicas"), 4);
	assert_true(condition_is(&f, "Available", "True", "MinimumReplicasAvailable"));
	assert_true(condition_is(&f, "Progressing", "True", "NewReplicaSetAvailable"));

	put(&f, 4, "b", ""); /* surge 1, unavailable 1 */
	assert_int_equal(fake_api_count(f.api, SETS), 2);
	roll_out(&f, 3, 5);
	assert_int_equal(pods_with(&f, "b"), 4);
	assert_int_equal(fake_api_count(f.api, PODS), 4);
	assert_true(revision_is(&f, "2"));
	assert_true(condition_is(&f, "Progressing", "True", "NewReplicaSetAvailable"));

	put(&f, 4, "a", ""); /* what rollout undo does */
	roll_out(&f, 3, 5);
	assert_int_equal(fake_api_count(f.api, SETS), 2);
	assert_int_equal(pods_with(&f, "a"), 4);
	assert_true(revision_is(&f, "3"));
	put(&f, 7, "a", "");
	run_pods(&f);
	assert_int_equal(ready_pods(&f), 7);
	assert_true(revision_is(&f, "3"));
	end(&f);
}

static void set_available(struct fixture *f, const char *image, int n)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	buf_addf(&json,
		 "{\"status\":{\"replicas\":%d,\"readyReplicas\":%d,\"availableReplicas\":%d}}", n,
		 n, n);
	for (size_t i = 0; i < fake_api_count(f->api, SETS); i++) {
		struct jv v = nth(f, SETS, i);

		if (jv_eqs(jv_path(v, "spec.template.spec.containers[0].image"), image))
			client_merge(f->c, &client_replicasets, STR("x"),
				     jv_text(jv_path(v, "metadata.name")), "status", buf_str(&json),
				     NULL, NULL);
	}
	run(f, 50);
}

static int64_t wanted(struct fixture *f, const char *image)
{
	for (size_t i = 0; i < fake_api_count(f->api, SETS); i++) {
		struct jv v = nth(f, SETS, i);

		if (jv_eqs(jv_path(v, "spec.template.spec.containers[0].image"), image))
			return jv_i64(jv_path(v, "spec.replicas"), 0);
	}
	return -1;
}

/* The status of the old set still counts a pod that it was told to lose. */
static void test_late_status(void **state)
{
	struct fixture f;

	begin(&f, "deployment");
	put(&f, 5, "one",
	    ",\"strategy\":{\"rollingUpdate\":{\"maxSurge\":2,\"maxUnavailable\":1}}");
	set_available(&f, "one", 5);
	put(&f, 5, "two",
	    ",\"strategy\":{\"rollingUpdate\":{\"maxSurge\":2,\"maxUnavailable\":1}}");
	assert_int_equal(wanted(&f, "one"), 4);
	assert_int_equal(wanted(&f, "two"), 3);
	set_available(&f, "two", 3);
	assert_int_equal(wanted(&f, "one"), 1); /* with the three, four serve */
	end(&f);
}

static void test_recreate(void **state)
{
	const char *how = ",\"strategy\":{\"type\":\"Recreate\"}";
	struct fixture f;

	begin(&f, "deployment,replicaset");
	put(&f, 3, "a", how);
	run_pods(&f);
	put(&f, 3, "b", how);
	for (int i = 0; i < 5; i++) {
		run_pods(&f);
		assert_true(!pods_with(&f, "a") || !pods_with(&f, "b"));
	}
	assert_int_equal(pods_with(&f, "b"), 3);
	assert_true(condition_is(&f, "Progressing", "True", "NewReplicaSetAvailable"));
	end(&f);
}

static void test_paused_scales_in_proportion(void **state)
{
	struct fixture f;

	begin(&f, "deployment,replicaset");
	put(&f, 10, "a", ",\"strategy\":{\"rollingUpdate\":{\"maxSurge\":3,\"maxUnavailable\":2}}");
	run_pods(&f);
	/* The new pods never come up: the rollout stands at 8 old and 5 new. */
	put(&f, 10, "b", ",\"strategy\":{\"rollingUpdate\":{\"maxSurge\":3,\"maxUnavailable\":2}}");
	assert_int_equal(pods_with(&f, "a"), 8);
	assert_int_equal(pods_with(&f, "b"), 5);
	put(&f, 15, "b", ",\"strategy\":{\"rollingUpdate\":{\"maxSurge\":3,\"maxUnavailable\":2}}");
	assert_int_equal(pods_with(&f, "a"), 11);
	assert_int_equal(pods_with(&f, "b"), 7);
	put(&f, 15, "c",
	    ",\"paused\":true,\"strategy\":{\"rollingUpdate\":{\"maxSurge\":3,\"maxUnavailable\":2}"
	    "}");
	assert_int_equal(pods_with(&f, "c"), 0);
	assert_true(condition_is(&f, "Progressing", "Unknown", "DeploymentPaused"));
	end(&f);
}

static void test_deadline(void **state)
{
	struct fixture f;

	begin(&f, "deployment,replicaset");
	put(&f, 2, "a", "");
	run(&f, 500 * 1000);
	assert_true(condition_is(&f, "Progressing", "True", "ReplicaSetUpdated"));
	run(&f, 200 * 1000);
	assert_true(condition_is(&f, "Progressing", "False", "ProgressDeadlineExceeded"));
	run_pods(&f);
	assert_true(condition_is(&f, "Progressing", "True", "NewReplicaSetAvailable"));
	end(&f);
}

static void test_history(void **state)
{
	struct fixture f;
	char image[] = "a";

	begin(&f, "deployment,replicaset");
	for (; *image < 'g'; ++*image) {
		put(&f, 1, image, ",\"revisionHistoryLimit\":2");
		for (int i = 0; i < 5; i++)
			run_pods(&f);
	}
	assert_int_equal(fake_api_count(f.api, SETS), 3);
	assert_true(revision_is(&f, "6"));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rolling),  cmocka_unit_test(test_late_status),
		cmocka_unit_test(test_recreate), cmocka_unit_test(test_paused_scales_in_proportion),
		cmocka_unit_test(test_deadline), cmocka_unit_test(test_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
