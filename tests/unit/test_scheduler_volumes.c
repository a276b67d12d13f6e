/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/unit/scheduler_fixture.h"

#define CLAIM "/api/v1/namespaces/x/persistentvolumeclaims/"
#define VOLUME "/api/v1/persistentvolumes/"
#define CLASS "/apis/storage.k8s.io/v1/storageclasses/"

static void put(struct fixture *f, const char *where_to, const char *name, const char *json)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", where_to, name);
	fake_api_put(f->api, path, json);
}

static struct jv get(struct fixture *f, const char *where_from, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", where_from, name);
	return jv_of(fake_api_get(f->api, path));
}

/* volume "": not bound. */
static void claim(struct fixture *f, const char *name, const char *class, const char *volume,
		  const char *mode, const char *notes)
{
	char json[1024];

	snprintf(json, sizeof(json),
		 "{\"metadata\":{\"annotations\":{%s%s%s}},\"spec\":{\"storageClassName\":\"%s\","
		 "\"accessModes\":[\"%s\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}%s%s%"
		 "s}}",
		 *volume ? "\"pv.kubernetes.io/bind-completed\":\"yes\"" : "",
		 *volume && *notes ? "," : "", notes, class, mode,
		 *volume ? ",\"volumeName\":\"" : "", volume, *volume ? "\"" : "");
	put(f, CLAIM, name, json);
}

#define ON(node)                                                                                  \
	"\"nodeAffinity\":{\"required\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":" \
	"\"kubernetes.io/hostname\",\"operator\":\"In\",\"values\":[\"" node "\"]}]}]}},"

static void volume(struct fixture *f, const char *name, const char *class, const char *size,
		   const char *affinity, const char *labels)
{
	char json[1024];

	snprintf(json, sizeof(json),
		 "{\"metadata\":{\"labels\":{%s}},\"spec\":{%s\"storageClassName\":\"%s\","
		 "\"accessModes\":[\"ReadWriteOnce\"],\"capacity\":{\"storage\":\"%s\"},\"csi\":{"
		 "\"driver\":\"d\",\"volumeHandle\":\"h-%s\"}},\"status\":{\"phase\":\"Available\"}"
		 "}",
		 labels, affinity, class, size, name);
	put(f, VOLUME, name, json);
}

static void user(struct fixture *f, const char *name, const char *claim_name, const char *more)
{
	char spec[512];

	snprintf(
		spec, sizeof(spec),
		"\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{\"claimName\":\"%s\"}}]%s",
		claim_name, more);
	pod_of(f, "x", name, "", spec);
}

static void nodes(struct fixture *f)
{
	begin(f);
	node(f, "a", "4", "",
	     "\"kubernetes.io/hostname\":\"a\",\"topology.kubernetes.io/zone\":\"za\"");
	node(f, "b", "4", "",
	     "\"kubernetes.io/hostname\":\"b\",\"topology.kubernetes.io/zone\":\"zb\"");
	put(f, CLASS, "wait",
	    "{\"provisioner\":\"d\",\"volumeBindingMode\":\"WaitForFirstConsumer\"}");
	put(f, CLASS, "local",
	    "{\"provisioner\":\"kubernetes.io/no-provisioner\",\"volumeBindingMode\":"
	    "\"WaitForFirstConsumer\"}");
	put(f, CLASS, "now", "{\"provisioner\":\"d\",\"volumeBindingMode\":\"Immediate\"}");
	run(f, 100);
}

static void test_bound(void **state)
{
	struct fixture f;

	nodes(&f);
	user(&f, "p", "c", "");
	run(&f, 100);
	assert_true(
		says(&f, "p",
		     "0/2 nodes are available: persistentvolumeclaim \"c\" not found. preemption: "
		     "0/2 nodes are available: 2 Preemption is not helpful for scheduling."));
	claim(&f, "c", "now", "", "ReadWriteOnce", "");
	run(&f, 3000);
	assert_true(
		says(&f, "p",
		     "0/2 nodes are available: pod has unbound immediate "
		     "PersistentVolumeClaims. preemption: 0/2 nodes are available: 2 Preemption "
		     "is not helpful for scheduling."));
	claim(&f, "c", "now", "v", "ReadWriteOnce", "");
	run(&f, 5000);
	assert_true(says(&f, "p",
			 "0/2 nodes are available: 2 node(s) unavailable due to one or more pvc(s) "
			 "bound to non-existent pv(s). preemption: 0/2 nodes are available: 2 "
			 "Preemption is not helpful for scheduling."));
	volume(&f, "v", "now", "1Gi", ON("b"), "");
	run(&f, 10000);
	assert_string_equal(where(&f, "p"), "b");
	user(&f, "q", "c", ",\"nodeSelector\":{\"kubernetes.io/hostname\":\"a\"}");
	run(&f, 100);
	assert_true(
		says(&f, "q",
		     "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node "
		     "affinity, 1 node(s) didn't match Pod's node affinity/selector. preemption: "
		     "0/2 nodes are available: 2 Preemption is not helpful for scheduling."));
	/* A volume of a zone. */
	volume(&f, "z", "now", "1Gi", "", "\"topology.kubernetes.io/zone\":\"zc__za\"");
	claim(&f, "cz", "now", "z", "ReadWriteOnce", "");
	user(&f, "r", "cz", "");
	run(&f, 100);
	assert_string_equal(where(&f, "r"), "a");
	end(&f);
}

/* Volumes that are there: the smallest that fits on the node the pod can run on. */
static void test_static(void **state)
{
	struct fixture f;

	nodes(&f);
	volume(&f, "big", "local", "9Gi", ON("b"), "");
	volume(&f, "small", "local", "2Gi", ON("b"), "");
	volume(&f, "tiny", "local", "10Mi", ON("a"), "");
	claim(&f, "c1", "local", "", "ReadWriteOnce", "");
	claim(&f, "c2", "local", "", "ReadWriteOnce", "");
	claim(&f, "c3", "local", "", "ReadWriteOnce", "");
	user(&f, "p1", "c1", "");
	run(&f, 100);
	user(&f, "p2", "c2", "");
	user(&f, "p3", "c3", "");
	run(&f, 100);
	/* Reserved, one each; the pods wait until the claims are bound. */
	assert_true(jv_eqs(jv_path(get(&f, VOLUME, "small"), "spec.claimRef.name"), "c1"));
	assert_true(jv_eqs(jv_get(jv_path(get(&f, VOLUME, "small"), "metadata.annotations"),
				  "pv.kubernetes.io/bound-by-controller"),
			   "yes"));
	assert_string_equal(where(&f, "p1"), "");
	assert_string_equal(where(&f, "p2"), "");
	assert_true(jv_exists(jv_path(get(&f, VOLUME, "big"), "spec.claimRef.name")));
	claim(&f, "c1", "local", "small", "ReadWriteOnce", "");
	run(&f, 100);
	assert_string_equal(where(&f, "p1"), "b");
	const char *last =
		jv_eqs(jv_path(get(&f, VOLUME, "big"), "spec.claimRef.name"), "c2") ? "p3" : "p2";
	assert_true(
		says(&f, last,
		     "0/2 nodes are available: 2 node(s) didn't find available persistent "
		     "volumes to bind. preemption: 0/2 nodes are available: 2 Preemption is not "
		     "helpful for scheduling."));
	end(&f);
}

#define SELECTED(f, name)                                            \
	jv_get(jv_path(get(f, CLAIM, name), "metadata.annotations"), \
	       "volume.kubernetes.io/selected-node")

/* Volumes to be made: the node is named; who makes them may refuse. */
static void test_dynamic(void **state)
{
	struct fixture f;

	nodes(&f);
	claim(&f, "c", "wait", "", "ReadWriteOnce", "");
	user(&f, "p", "c", ",\"nodeSelector\":{\"kubernetes.io/hostname\":\"b\"}");
	run(&f, 100);
	assert_true(jv_eqs(SELECTED(&f, "c"), "b"));
	assert_string_equal(where(&f, "p"), "");
	/* Not there: the annotation is taken away, and the pod is decided on anew. */
	claim(&f, "c", "wait", "", "ReadWriteOnce", "");
	run(&f, 100);
	assert_false(jv_exists(SELECTED(&f, "c")));
	run(&f, 5000);
	assert_true(jv_eqs(SELECTED(&f, "c"), "b"));
	claim(&f, "c", "wait", "made", "ReadWriteOnce",
	      "\"volume.kubernetes.io/selected-node\":\"b\"");
	volume(&f, "made", "wait", "1Gi", ON("b"), "");
	run(&f, 100);
	assert_string_equal(where(&f, "p"), "b");
	/* Nobody makes it: after ten minutes the pod goes back. */
	claim(&f, "d", "wait", "", "ReadWriteOnce", "");
	user(&f, "q", "d", "");
	run(&f, 605000);
	struct scheduler_stats st;
	scheduler_stats(f.s, &st);
	assert_true(st.failed >= 2);
	/* Stopping while pods wait leaves nothing behind. */
	scheduler_stop(f.s);
	f.s = scheduler_start(f.set, NULL);
	run(&f, 1000);
	end(&f);
}

static void test_topologies(void **state)
{
	struct fixture f;

	nodes(&f);
	put(&f, CLASS, "zonal",
	    "{\"provisioner\":\"d\",\"volumeBindingMode\":\"WaitForFirstConsumer\","
	    "\"allowedTopologies\":[{\"matchLabelExpressions\":[{\"key\":"
	    "\"topology.kubernetes.io/zone\",\"values\":[\"zb\"]}]}]}");
	claim(&f, "c", "zonal", "", "ReadWriteOnce", "");
	user(&f, "p", "c", "");
	run(&f, 100);
	assert_true(jv_eqs(SELECTED(&f, "c"), "b"));
	end(&f);
}

/* A driver that counts what it has where: no node where that is too little. */
static void test_capacity(void **state)
{
	struct fixture f;

	nodes(&f);
	put(&f, "/apis/storage.k8s.io/v1/csidrivers/", "d",
	    "{\"spec\":{\"storageCapacity\":true}}");
	put(&f, "/apis/storage.k8s.io/v1/namespaces/x/csistoragecapacities/", "little",
	    "{\"storageClassName\":\"wait\",\"capacity\":\"100Gi\",\"maximumVolumeSize\":\"1Mi\","
	    "\"nodeTopology\":{\"matchLabels\":{\"topology.kubernetes.io/zone\":\"za\"}}}");
	run(&f, 100);
	claim(&f, "c", "wait", "", "ReadWriteOnce", "");
	user(&f, "p", "c", "");
	run(&f, 1000);
	assert_false(jv_exists(SELECTED(&f, "c")));
	/* Of another class, then of this one. */
	put(&f, "/apis/storage.k8s.io/v1/namespaces/x/csistoragecapacities/", "other",
	    "{\"storageClassName\":\"now\",\"capacity\":\"100Gi\",\"nodeTopology\":{}}");
	run(&f, 20000);
	assert_false(jv_exists(SELECTED(&f, "c")));
	put(&f, "/apis/storage.k8s.io/v1/namespaces/x/csistoragecapacities/", "enough",
	    "{\"storageClassName\":\"wait\",\"capacity\":\"100Gi\","
	    "\"nodeTopology\":{\"matchLabels\":{\"topology.kubernetes.io/zone\":\"zb\"}}}");
	run(&f, 20000);
	assert_true(jv_eqs(SELECTED(&f, "c"), "b"));
	end(&f);
}

static void test_once(void **state)
{
	struct fixture f;

	nodes(&f);
	volume(&f, "v", "now", "1Gi", "", "");
	claim(&f, "c", "now", "v", "ReadWriteOncePod", "");
	user(&f, "p", "c", "");
	run(&f, 100);
	assert_true(*where(&f, "p"));
	user(&f, "q", "c", "");
	run(&f, 100);
	assert_true(
		says(&f, "q",
		     "0/2 nodes are available: 2 node has pod using PersistentVolumeClaim with "
		     "the same name and ReadWriteOncePod access mode. preemption: 0/2 nodes are "
		     "available: 2 No preemption victims found for incoming pod."));
	fake_api_delete(f.api, "/api/v1/namespaces/x/pods/p");
	run(&f, 3000);
	assert_true(*where(&f, "q"));
	end(&f);
}

static void test_limits(void **state)
{
	struct fixture f;

	nodes(&f);
	for (int i = 0; i < 2; i++)
		put(&f, "/apis/storage.k8s.io/v1/csinodes/", i ? "a" : "b",
		    "{\"spec\":{\"drivers\":[{\"name\":\"d\",\"allocatable\":{\"count\":1}}]}}");
	for (int i = 0; i < 3; i++) {
		char v[16], c[16], p[16];

		snprintf(v, sizeof(v), "v%d", i);
		snprintf(c, sizeof(c), "c%d", i);
		snprintf(p, sizeof(p), "p%d", i);
		volume(&f, v, "now", "1Gi", "", "");
		claim(&f, c, "now", v, "ReadWriteOnce", "");
		user(&f, p, c, "");
		run(&f, 100);
	}
	assert_true(*where(&f, "p0") && *where(&f, "p1"));
	assert_true(
		says(&f, "p2",
		     "0/2 nodes are available: 2 node(s) exceed max volume count. preemption: 0/2 "
		     "nodes are available: 2 No preemption victims found for incoming pod."));
	/* The same volume once more costs nothing. */
	user(&f, "again", "c0", "");
	run(&f, 100);
	assert_true(*where(&f, "again"));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),    cmocka_unit_test(test_static),
		cmocka_unit_test(test_dynamic),  cmocka_unit_test(test_topologies),
		cmocka_unit_test(test_capacity), cmocka_unit_test(test_once),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
