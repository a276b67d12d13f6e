/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/volumes.h"
#include "lib/base/buf.h"
#include "tests/unit/control_fixture.h"

#define ALL                                                         \
	"persistentvolume-binder,persistentvolumeclaim-protection," \
	"persistentvolume-protection,ephemeral-volume"
#define PVS "/api/v1/persistentvolumes"
#define PVCS "/api/v1/namespaces/x/persistentvolumeclaims"
#define CLASSES "/apis/storage.k8s.io/v1/storageclasses"
#define EVENTS "/api/v1/namespaces/x/events"

static void put_volume(struct fixture *f, const char *name, const char *size, const char *modes,
		       const char *more)
{
	CLEANUP_FREE char *path = xasprintf(PVS "/%s", name);
	CLEANUP_FREE char *json = xasprintf(
		"{\"metadata\":{\"uid\":\"u-%s\",\"labels\":{\"n\":\"%s\"},\"finalizers\":["
		"\"" VOLUME_PROTECTION
		"\"]},\"spec\":{\"capacity\":{\"storage\":\"%s\"},\"accessModes\":[%s],"
		"\"persistentVolumeReclaimPolicy\":\"Retain\",\"hostPath\":{\"path\":\"/x\"}%s},"
		"\"status\":{\"phase\":\"Pending\"}}",
		name, name, size, modes, more);

	fake_api_put(f->api, path, json);
	run(f, 100);
}

static void put_claim(struct fixture *f, const char *name, const char *size, const char *more)
{
	CLEANUP_FREE char *path = xasprintf(PVCS "/%s", name);
	CLEANUP_FREE char *json = xasprintf(
		"{\"metadata\":{\"uid\":\"c-%s\",\"finalizers\":[\"" CLAIM_PROTECTION
		"\"]},\"spec\":{\"resources\":{\"requests\":{\"storage\":\"%s\"}},"
		"\"accessModes\":[\"ReadWriteOnce\"]%s},\"status\":{\"phase\":\"Pending\"}}",
		name, size, more);

	fake_api_put(f->api, path, json);
	run(f, 100);
}

static void put_class(struct fixture *f, const char *name, const char *by, const char *mode,
		      const char *notes)
{
	CLEANUP_FREE char *path = xasprintf(CLASSES "/%s", name);
	CLEANUP_FREE char *json = xasprintf("{\"metadata\":{\"annotations\":{%s}},\"provisioner\":"
					    "\"%s\",\"volumeBindingMode\":\"%s\"}",
					    notes, by, mode);

	fake_api_put(f->api, path, json);
	run(f, 100);
}
#define RWO "\"ReadWriteOnce\""
#define OF_CLASS(name) ",\"storageClassName\":\"" name "\""

static struct str text(struct fixture *f, const char *path, const char *field)
{
	return jv_text(jv_path(get(f, path), field));
}
static struct str note(struct fixture *f, const char *path, const char *name)
{
	return jv_text(volume_note(get(f, path), name));
}
#define assert_text(path, field, want) assert_true(str_eqs(text(&f, path, field), want))

static bool has_event(struct fixture *f, const char *reason)
{
	run(f, 2000);
	for (size_t i = 0; i < fake_api_count(f->api, EVENTS); i++)
		if (jv_eqs(jv_get(nth(f, EVENTS, i), "reason"), reason))
			return true;
	return false;
}

/* As a client would: finalizers hold. */
static void take_away(struct fixture *f, const struct client_kind *kind, const char *name)
{
	client_delete(f->c, kind, kind->namespaced ? STR("x") : STR_NULL, str_of(name), STR_NULL,
		      NULL, NULL);
	run(f, 1000);
}

static void test_smallest_that_suits(void **state)
{
	struct fixture f;

	begin(&f, ALL);
	put_volume(&f, "big", "10Gi", RWO, "");
	put_volume(&f, "fit", "2Gi", RWO, "");
	put_volume(&f, "many", "1Gi", RWO ",\"ReadOnlyMany\"", "");
	put_volume(&f, "small", "1Mi", RWO, "");
	put_volume(&f, "classy", "1Gi", RWO, OF_CLASS("fast"));
	put_volume(&f, "block", "1Gi", RWO, ",\"volumeMode\":\"Block\"");
	put_volume(&f, "shared", "1Gi", "\"ReadWriteMany\"", "");
	assert_text(PVS "/big", "status.phase", "Available");
	put_claim(&f, "c", "1Gi", "");
	assert_text(PVCS "/c", "status.phase", "Bound");
	assert_text(PVCS "/c", "spec.volumeName", "fit");
	assert_text(PVCS "/c", "status.capacity.storage", "2Gi");
	assert_text(PVCS "/c", "status.accessModes[0]", "ReadWriteOnce");
	assert_true(str_eqs(note(&f, PVCS "/c", NOTE_BIND_COMPLETED), "yes"));
	assert_true(str_eqs(note(&f, PVCS "/c", NOTE_BOUND_BY_CONTROLLER), "yes"));
	assert_text(PVS "/fit", "status.phase", "Bound");
	assert_text(PVS "/fit", "spec.claimRef.uid", "c-c");
	assert_text(PVS "/fit", "spec.claimRef.namespace", "x");
	put_claim(&f, "s", "1Gi", ",\"selector\":{\"matchLabels\":{\"n\":\"big\"}}");
	assert_text(PVCS "/s", "spec.volumeName", "big");
	put_claim(&f, "f", "1Gi", OF_CLASS("fast"));
	assert_text(PVCS "/f", "spec.volumeName", "classy");
	put_claim(&f, "b", "1Gi", ",\"volumeMode\":\"Block\"");
	assert_text(PVCS "/b", "spec.volumeName", "block");
	put_claim(&f, "none", "5Gi", "");
	assert_text(PVCS "/none", "status.phase", "Pending");
	assert_true(has_event(&f, "FailedBinding"));
	/* One that comes later is taken at once. */
	put_volume(&f, "late", "6Gi", RWO, "");
	assert_text(PVCS "/none", "spec.volumeName", "late");
	end(&f);
}

static void test_reserved_and_named(void **state)
{
	struct fixture f;

	begin(&f, ALL);
	put_volume(&f, "kept", "1Gi", RWO, ",\"claimRef\":{\"namespace\":\"x\",\"name\":\"mine\"}");
	assert_text(PVS "/kept", "status.phase", "Available");
	put_claim(&f, "other", "1Gi", "");
	assert_text(PVCS "/other", "status.phase", "Pending");
	put_claim(&f, "mine", "1Gi", "");
	assert_text(PVCS "/mine", "spec.volumeName", "kept");
	assert_text(PVS "/kept", "spec.claimRef.uid", "c-mine");
	assert_false(note(&f, PVS "/kept", NOTE_BOUND_BY_CONTROLLER).len);
	put_claim(&f, "named", "1Gi", ",\"volumeName\":\"v\"");
	assert_text(PVCS "/named", "status.phase", "Pending");
	put_volume(&f, "v", "1Gi", RWO, OF_CLASS("z"));
	assert_text(PVCS "/named", "status.phase", "Pending");
	put_claim(&f, "thief", "1Gi", ",\"volumeName\":\"kept\"");
	assert_text(PVCS "/thief", "status.phase", "Pending");
	put_claim(&f, "right", "1Gi", ",\"volumeName\":\"v\"" OF_CLASS("z"));
	assert_text(PVCS "/right", "status.phase", "Bound");
	assert_false(note(&f, PVCS "/right", NOTE_BOUND_BY_CONTROLLER).len);
	end(&f);
}

static void test_released_and_lost(void **state)
{
	struct fixture f;

	begin(&f, ALL);
	put_volume(&f, "a", "1Gi", RWO, "");
	put_claim(&f, "c", "1Gi", "");
	take_away(&f, &client_pvcs, "c");
	assert_false(jv_exists(get(&f, PVCS "/c")));
	assert_text(PVS "/a", "status.phase", "Released");
	/* A new claim of that name doesn't get it. */
	fake_api_put(f.api, PVCS "/c",
		     "{\"metadata\":{\"uid\":\"c-2\"},\"spec\":{\"accessModes\":["
		     "\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}");
	run(&f, 200);
	assert_text(PVCS "/c", "status.phase", "Pending");
	put_volume(&f, "b", "1Gi", RWO, "");
	assert_text(PVCS "/c", "spec.volumeName", "b");
	put_volume(&f, "d", "1Gi", RWO, "");
	put_claim(&f, "e", "1Gi", "");
	assert_text(PVCS "/e", "spec.volumeName", "d");
	/* A bound one stays as long as its claim is there, and goes with it. */
	take_away(&f, &client_pvs, "d");
	assert_true(jv_exists(get(&f, PVS "/d")));
	take_away(&f, &client_pvcs, "e");
	assert_false(jv_exists(get(&f, PVS "/d")));
	end(&f);
}

static void test_lost(void **state)
{
	struct fixture f;

	begin(&f, "persistentvolume-binder");
	fake_api_put(f.api, PVS "/a",
		     "{\"metadata\":{\"uid\":\"u\"},\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},"
		     "\"accessModes\":[\"ReadWriteOnce\"]}}");
	put_claim(&f, "c", "1Gi", "");
	assert_text(PVCS "/c", "status.phase", "Bound");
	fake_api_delete(f.api, PVS "/a");
	run(&f, 200);
	assert_text(PVCS "/c", "status.phase", "Lost");
	assert_true(has_event(&f, "ClaimLost"));
	end(&f);
}

static void test_who_deletes(void **state)
{
	struct fixture f;

	begin(&f, ALL);
	fake_api_put(
		f.api, PVS "/by",
		"{\"metadata\":{\"uid\":\"u1\",\"annotations\":{\"" NOTE_PROVISIONED_BY
		"\":\"ex.io/p\"}},\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":"
		"[\"ReadWriteOnce\"],\"persistentVolumeReclaimPolicy\":\"Delete\",\"claimRef\":"
		"{\"namespace\":\"x\",\"name\":\"gone\",\"uid\":\"7\"}}}");
	fake_api_put(
		f.api, PVS "/nobody",
		"{\"metadata\":{\"uid\":\"u2\"},\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},"
		"\"accessModes\":[\"ReadWriteOnce\"],\"persistentVolumeReclaimPolicy\":"
		"\"Delete\",\"claimRef\":{\"namespace\":\"x\",\"name\":\"gone\",\"uid\":\"7\"}}}");
	run(&f, 500);
	assert_text(PVS "/by", "status.phase", "Released");
	assert_text(PVS "/nobody", "status.phase", "Failed");
	assert_true(jv_text(jv_path(get(&f, PVS "/nobody"), "status.message")).len > 0);
	end(&f);
}

static void test_provisioned(void **state)
{
	struct fixture f;

	begin(&f, ALL);
	put_claim(&f, "early", "1Gi", "");
	put_claim(&f, "classless", "1Gi", OF_CLASS(""));
	put_class(&f, "now", "ex.io/p", "Immediate",
		  "\"storageclass.kubernetes.io/is-default-class\":\"true\"");
	/* The default is given to claims that came before it, unless they want none. */
	assert_text(PVCS "/early", "spec.storageClassName", "now");
	assert_text(PVCS "/classless", "spec.storageClassName", "");
	assert_true(str_eqs(note(&f, PVCS "/early", NOTE_PROVISIONER), "ex.io/p"));
	assert_true(str_eqs(note(&f, PVCS "/early", NOTE_OLD_PROVISIONER), "ex.io/p"));
	assert_true(has_event(&f, "ExternalProvisioning"));
	put_volume(&f, "pvc-1", "1Gi", RWO,
		   OF_CLASS("now") ",\"claimRef\":{\"namespace\":\"x\",\"name\":\"early\","
				   "\"uid\":\"c-early\"}");
	assert_text(PVCS "/early", "status.phase", "Bound");
	assert_text(PVS "/pvc-1", "status.phase", "Bound");
	put_claim(&f, "lost", "1Gi", OF_CLASS("nosuch"));
	assert_true(has_event(&f, "ProvisioningFailed"));
	end(&f);
}

static void test_waits_for_consumer(void **state)
{
	struct fixture f;

	begin(&f, ALL);
	put_class(&f, "wait", "ex.io/p", "WaitForFirstConsumer", "");
	put_volume(&f, "free", "1Gi", RWO, OF_CLASS("wait"));
	put_claim(&f, "c", "1Gi", OF_CLASS("wait"));
	assert_text(PVCS "/c", "status.phase", "Pending");
	assert_false(note(&f, PVCS "/c", NOTE_PROVISIONER).len);
	assert_true(has_event(&f, "WaitForFirstConsumer"));
	/* The scheduler chose the free one. */
	put_volume(&f, "free", "1Gi", RWO,
		   OF_CLASS("wait") ",\"claimRef\":{\"namespace\":\"x\",\"name\":\"c\",\"uid\":"
				    "\"c-c\"}");
	assert_text(PVCS "/c", "status.phase", "Bound");
	/* Or a node, for which one is made. */
	fake_api_put(
		f.api, PVCS "/d",
		"{\"metadata\":{\"uid\":\"c-d\",\"annotations\":{\"" NOTE_SELECTED_NODE
		"\":\"n1\"}},\"spec\":{\"resources\":{\"requests\":{\"storage\":\"1Gi\"}},"
		"\"accessModes\":[\"ReadWriteOnce\"],\"storageClassName\":\"wait\"},\"status\":{"
		"\"phase\":\"Pending\"}}");
	run(&f, 200);
	assert_true(str_eqs(note(&f, PVCS "/d", NOTE_PROVISIONER), "ex.io/p"));
	end(&f);
}

static void test_conflict_is_tried_again(void **state)
{
	struct fixture f;

	begin(&f, ALL);
	fake_api_fail(f.api, "PATCH " PVS "/a", 409, 1);
	put_volume(&f, "a", "1Gi", RWO, "");
	put_claim(&f, "c", "1Gi", "");
	run(&f, 2000);
	assert_text(PVCS "/c", "status.phase", "Bound");
	/* Cut in the middle: the rest is done later. */
	put_volume(&f, "b", "1Gi", RWO, "");
	fake_api_fail(f.api, "PATCH " PVCS "/d", 0, 1);
	put_claim(&f, "d", "1Gi", "");
	run(&f, 2000);
	assert_text(PVCS "/d", "status.phase", "Bound");
	assert_text(PVS "/b", "spec.claimRef.name", "d");
	end(&f);
}

static void put_pod(struct fixture *f, const char *node)
{
	CLEANUP_FREE char *json =
		xasprintf("{\"metadata\":{\"uid\":\"p\"},\"spec\":{\"nodeName\":\"%s\",\"volumes\":"
			  "[{\"name\":"
			  "\"v\",\"persistentVolumeClaim\":{\"claimName\":\"c\"}}]},\"status\":{}}",
			  node);

	fake_api_put(f->api, PODS "/p", json);
	run(f, 100);
}

static void test_protection(void **state)
{
	struct fixture f;

	begin(&f, ALL);
	put_volume(&f, "a", "1Gi", RWO, "");
	put_claim(&f, "c", "1Gi", "");
	put_pod(&f, "n1");
	take_away(&f, &client_pvcs, "c");
	assert_true(jv_exists(jv_path(get(&f, PVCS "/c"), "metadata.deletionTimestamp")));
	fake_api_delete(f.api, PODS "/p");
	run(&f, 1000);
	assert_false(jv_exists(get(&f, PVCS "/c")));
	assert_text(PVS "/a", "status.phase", "Released");
	/* A pod without a node doesn't hold it, and who lacks the finalizer is given it. */
	put_pod(&f, "");
	fake_api_put(f.api, PVCS "/c",
		     "{\"metadata\":{\"uid\":\"c2\"},\"spec\":{\"volumeName\":\"none\"}}");
	run(&f, 200);
	assert_text(PVCS "/c", "metadata.finalizers[0]", CLAIM_PROTECTION);
	take_away(&f, &client_pvcs, "c");
	assert_false(jv_exists(get(&f, PVCS "/c")));
	end(&f);
}

static void test_ephemeral(void **state)
{
	struct fixture f;
	static const char pod[] =
		"{\"metadata\":{\"uid\":\"p1\"},\"spec\":{\"volumes\":[{\"name\":\"v\","
		"\"ephemeral\":{\"volumeClaimTemplate\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},"
		"\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{"
		"\"storage\":\"1Gi\"}}}}}}]}}";

	begin(&f, ALL);
	fake_api_put(f.api, PODS "/p", pod);
	run(&f, 200);
	assert_text(PVCS "/p-v", "metadata.labels.a", "b");
	assert_text(PVCS "/p-v", "metadata.ownerReferences[0].uid", "p1");
	assert_text(PVCS "/p-v", "spec.resources.requests.storage", "1Gi");
	/* Somebody else's claim of that name is not taken. */
	put_claim(&f, "q-v", "1Gi", "");
	fake_api_put(f.api, PODS "/q", pod);
	run(&f, 200);
	assert_false(jv_exists(jv_path(get(&f, PVCS "/q-v"), "metadata.ownerReferences")));
	assert_true(has_event(&f, "FailedBinding"));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest_that_suits),
		cmocka_unit_test(test_reserved_and_named),
		cmocka_unit_test(test_released_and_lost),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_who_deletes),
		cmocka_unit_test(test_provisioned),
		cmocka_unit_test(test_waits_for_consumer),
		cmocka_unit_test(test_conflict_is_tried_again),
		cmocka_unit_test(test_protection),
		cmocka_unit_test(test_ephemeral),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
