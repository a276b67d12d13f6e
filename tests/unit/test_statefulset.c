/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "tests/unit/control_fixture.h"

#define STS "/apis/apps/v1/namespaces/x/statefulsets/db"
#define REVS "/apis/apps/v1/namespaces/x/controllerrevisions"

static void put_set(struct fixture *f, int replicas, const char *image, const char *more)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct jv old = get(f, STS);

	buf_addf(&json,
		 "{\"metadata\":{\"uid\":\"u-db\"},\"spec\":{\"replicas\":%d,\"serviceName\":\"s\","
		 "\"selector\":{\"matchLabels\":{\"app\":\"db\"}},%s\"template\":{\"metadata\":{"
		 "\"labels\":{\"app\":\"db\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
		 "\"image\":\"%s\"}]}}},\"status\":%.*s}",
		 replicas, more, image,
		 STR_ARG(jv_exists(old) ? jv_raw(jv_get(old, "status")) : STR("{}")));
	fake_api_put(f->api, STS, json.p);
	run(f, 50);
}
#define PARALLEL "\"podManagementPolicy\":\"Parallel\","
#define ROLL(partition)                                                      \
	"\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{" \
	"\"partition\":" #partition "}},"

static const char *image_of(struct fixture *f, const char *pod, const char *image)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;

	buf_addf(&path, PODS "/%s", pod);
	return jv_eqs(jv_path(get(f, path.p), "spec.containers[0].image"), image) ? image : "other";
}

static void test_ordered(void **state)
{
	struct fixture f;
	struct jv pod;

	begin(&f, "statefulset");
	put_set(&f, 3, "a", ROLL(0));
	run(&f, 200);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	pod = get(&f, PODS "/db-0");
	assert_true(jv_eqs(jv_path(pod, "spec.hostname"), "db-0"));
	assert_true(jv_eqs(jv_path(pod, "spec.subdomain"), "s"));
	assert_true(jv_eqs(
		jv_get(jv_path(pod, "metadata.labels"), "statefulset.kubernetes.io/pod-name"),
		"db-0"));
	run_pods(&f);
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	run_pods(&f);
	run_pods(&f);
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	assert_int_equal(number(&f, STS, "status.readyReplicas"), 3);
	assert_int_equal(number(&f, STS, "status.currentReplicas"), 3);
	/* Down from the top, one at a time. */
	put_set(&f, 1, "a", ROLL(0));
	run(&f, 500);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	assert_true(jv_exists(get(&f, PODS "/db-0")));
	end(&f);
}

static void test_rolls_with_partition(void **state)
{
	struct fixture f;

	begin(&f, "statefulset");
	put_set(&f, 3, "a", PARALLEL ROLL(0));
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	run_pods(&f);
	put_set(&f, 3, "b", PARALLEL ROLL(2));
	run(&f, 100);
	run_pods(&f);
	run(&f, 100);
	assert_string_equal(image_of(&f, "db-2", "b"), "b");
	assert_string_equal(image_of(&f, "db-1", "a"), "a");
	assert_int_equal(number(&f, STS, "status.updatedReplicas"), 1);
	assert_int_equal(fake_api_count(f.api, REVS), 2);
	/* One that is lost below the partition comes back as it was. */
	fake_api_delete(f.api, PODS "/db-0");
	run(&f, 100);
	assert_string_equal(image_of(&f, "db-0", "a"), "a");
	run_pods(&f);
	put_set(&f, 3, "b", PARALLEL ROLL(0));
	run(&f, 50);
	/* One at a time: db-1 is new and not ready, so db-0 waits. */
	assert_string_equal(image_of(&f, "db-1", "b"), "b");
	assert_string_equal(image_of(&f, "db-0", "a"), "a");
	run_pods(&f);
	run_pods(&f);
	assert_string_equal(image_of(&f, "db-0", "b"), "b");
	assert_true(str_eq(jv_text(jv_path(get(&f, STS), "status.currentRevision")),
			   jv_text(jv_path(get(&f, STS), "status.updateRevision"))));
	/* Back: the first revision gets a new number instead of a copy. */
	put_set(&f, 3, "a", PARALLEL ROLL(0));
	for (int i = 0; i < 5; i++)
		run_pods(&f);
	assert_string_equal(image_of(&f, "db-0", "a"), "a");
	assert_int_equal(fake_api_count(f.api, REVS), 2);
	end(&f);
}

static void test_at_most_one(void **state)
{
	struct fixture f;
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	begin(&f, "statefulset");
	put_set(&f, 1, "a", ROLL(0));
	run_pods(&f);
	/* Terminating on a node that nobody reaches: nothing takes its place. */
	buf_addf(&json,
		 "{\"metadata\":{\"annotations\":{\"is\":\"old\"},\"deletionTimestamp\":"
		 "\"2026-01-01T00:00:00Z\",\"labels\":{\"app\":\"db\"},\"ownerReferences\":%.*s},"
		 "\"spec\":{\"nodeName\":\"gone\"}}",
		 STR_ARG(jv_raw(jv_path(get(&f, PODS "/db-0"), "metadata.ownerReferences"))));
	fake_api_put(f.api, PODS "/db-0", json.p);
	run(&f, 60000);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	assert_true(jv_eqs(jv_path(get(&f, PODS "/db-0"), "metadata.annotations.is"), "old"));
	fake_api_delete(f.api, PODS "/db-0");
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	assert_false(jv_eqs(jv_path(get(&f, PODS "/db-0"), "metadata.annotations.is"), "old"));
	end(&f);
}

#define PVCS "/api/v1/namespaces/x/persistentvolumeclaims"
#define CLAIMS                                                                              \
	"\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"data\",\"labels\":{\"app\":"   \
	"\"other\",\"l\":\"1\"},\"annotations\":{\"a\":\"b\"}},\"spec\":{\"accessModes\":[" \
	"\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}],"
#define RETAIN(deleted, scaled)                                                      \
	"\"persistentVolumeClaimRetentionPolicy\":{\"whenDeleted\":\"" deleted "\"," \
	"\"whenScaled\":\"" scaled "\"},"

static const char *owner_of(struct fixture *f, const char *claim, char ret[32])
{
	CLEANUP_FREE char *path = xasprintf(PVCS "/%s", claim);
	struct jv owners = jv_path(get(f, path), "metadata.ownerReferences");

	snprintf(ret, 32, "%.*s", STR_ARG(jv_text(jv_path(owners, "[0].kind"))));
	return jv_len(owners) > 1 ? "several" : ret;
}

static void test_claims(void **state)
{
	struct fixture f;
	struct jv o;
	char who[32];

	begin(&f, "statefulset");
	put_set(&f, 2, "a", CLAIMS ROLL(0));
	run(&f, 200);
	/* One pod at a time, and its claim with it. */
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	assert_int_equal(fake_api_count(f.api, PVCS), 1);
	o = get(&f, PVCS "/data-db-0");
	assert_true(jv_eqs(jv_path(o, "metadata.labels.app"), "db"));
	assert_true(jv_eqs(jv_path(o, "metadata.labels.l"), "1"));
	assert_true(jv_eqs(jv_path(o, "metadata.annotations.a"), "b"));
	assert_true(jv_eqs(jv_path(o, "spec.resources.requests.storage"), "1Gi"));
	o = jv_path(get(&f, PODS "/db-0"), "spec.volumes");
	assert_int_equal(jv_len(o), 1);
	assert_true(jv_eqs(jv_path(o, "[0].name"), "data"));
	assert_true(jv_eqs(jv_path(o, "[0].persistentVolumeClaim.claimName"), "data-db-0"));
	run_pods(&f);
	run_pods(&f);
	assert_int_equal(fake_api_count(f.api, PVCS), 2);
	/* They stay when the set shrinks, and belong to nobody. */
	put_set(&f, 0, "a", CLAIMS ROLL(0));
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 0);
	assert_int_equal(fake_api_count(f.api, PVCS), 2);
	assert_string_equal(owner_of(&f, "data-db-1", who), "");
	end(&f);
}

static void test_claims_go(void **state)
{
	struct fixture f;
	char who[32];

	begin(&f, "statefulset");
	put_set(&f, 2, "a", PARALLEL CLAIMS RETAIN("Delete", "Delete") ROLL(0));
	run_pods(&f);
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	assert_string_equal(owner_of(&f, "data-db-0", who), "StatefulSet");
	assert_string_equal(owner_of(&f, "data-db-1", who), "StatefulSet");
	put_set(&f, 1, "a", PARALLEL CLAIMS RETAIN("Delete", "Delete") ROLL(0));
	run(&f, 500);
	assert_string_equal(owner_of(&f, "data-db-0", who), "StatefulSet");
	assert_string_equal(owner_of(&f, "data-db-1", who), "Pod");
	/* Until the old claim is collected no pod of that name comes back. */
	put_set(&f, 2, "a", PARALLEL CLAIMS RETAIN("Delete", "Delete") ROLL(0));
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	fake_api_delete(f.api, PVCS "/data-db-1");
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	assert_string_equal(owner_of(&f, "data-db-1", who), "StatefulSet");
	/* Another policy takes hold for what is there. */
	put_set(&f, 2, "a", PARALLEL CLAIMS RETAIN("Retain", "Retain") ROLL(0));
	run(&f, 500);
	assert_string_equal(owner_of(&f, "data-db-0", who), "");
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordered),     cmocka_unit_test(test_rolls_with_partition),
		cmocka_unit_test(test_at_most_one), cmocka_unit_test(test_claims),
		cmocka_unit_test(test_claims_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
