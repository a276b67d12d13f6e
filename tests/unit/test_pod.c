/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"

#include <sys/stat.h>
#include <uv.h>

#include "agent/pod/pods.h"
#include "agent/pod/shutdown.h"
#include "lib/client/client.h"
#include "lib/client/fake.h"
#include "lib/json/jv.h"
#include "lib/sys/file.h"
#include "tests/unit/fake_runtime.h"
#include "tests/unit/test.h"
/* Pod workers against an API, a runtime and a clock in memory. */

#define SECONDS(n) ((n)*NSEC_PER_SEC)
#define POD_PATH "/api/v1/namespaces/default/pods/p"

struct world {
	struct fake_time time;
	struct fake_api *api;
	struct client *client;
	struct pods *pods;
	char dir[64], sub[3][96];
	uv_loop_t loop; /* for what threads have done */
};

static void on_event(void *user, const struct runtime_event *ev)
{
	struct world *w = user;

	if (w->pods)
		pods_runtime_event(w->pods, ev);
}

static void pods_up(struct world *w)
{
	struct pods_conf conf = {
		.loop = &w->loop,
		.timers = &w->time.timers,
		.client = w->client,
		.net = (struct pod_net *)w, /* the fake ignores it */
		.node_name = "n1",
		.data_dir = w->dir,
		.log_dir = w->sub[0],
		.host_ip = "192.0.2.1",
		.cluster_domain = "cluster.local",
		.host_resolv_conf = "/dev/null",
		.node_mem_bytes = 8ll << 30,
	};

	assert_int_equal(pods_new(&conf, &w->pods, NULL), 0);
	assert_int_equal(pods_start(w->pods, NULL), 0);
}

static int setup(void **state)
{
	struct world *w = NEW(struct world);

	str_copy(w->dir, sizeof(w->dir), STR("/tmp/knarr-pod-XXXXXX"));
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->sub[0], sizeof(w->sub[0]), "%s/logs", w->dir);
	uv_loop_init(&w->loop);
	fake_time_init(&w->time);
	w->api = fake_api_new(&w->time.timers);
	w->client = client_new(&(struct client_conf){.transport = fake_api_transport(w->api),
						     .timers = &w->time.timers});
	fake_runtime_reset(&w->time.timers, on_event, w);
	pods_up(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pods_free(w->pods);
	fake_time_run(&w->time, SECONDS(1)); /* answers still under way */
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	client_free(w->client);
	fake_api_free(w->api);
	fake_time_done(&w->time);
	dir_remove_tree(AT_FDCWD, w->dir);
	free(w);
	return 0;
}

static void put(struct world *w, const char *spec, const char *meta)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\","
		"\"namespace\":\"default\",\"uid\":\"u1\"%s},\"spec\":{\"nodeName\":\"n1\",%s}}",
		meta, spec);

	fake_api_put(w->api, POD_PATH, json);
}

static void run(struct world *w, uint64_t ns)
{
	fake_time_run(&w->time, ns);
}

/* A field of the pod's status in the API; "" when absent. Valid until the next call. */
static const char *status(struct world *w, const char *path)
{
	static char text[256];
	struct str obj = fake_api_get(w->api, POD_PATH);
	struct jv v = obj.p ? jv_path(jv_get(jv_of(obj), "status"), path) : JV_NONE;

	str_copy(text, sizeof(text), jv_type(v) == JV_STRING ? jv_text(v) : jv_raw(v));
	return text;
}

#define C0 "containerStatuses[0]."
#define ONE(policy)                                                                              \
	"\"restartPolicy\":\"" policy "\",\"terminationGracePeriodSeconds\":5,\"containers\":[{" \
	"\"name\":\"a\",\"image\":\"img\",\"imagePullPolicy\":\"IfNotPresent\"}]"

static void test_run_and_delete(void **state)
{
	struct world *w = *state;

	put(w, ONE("Always"), "");
	run(w, SECONDS(2));
	assert_int_equal(fake_running(), 1);
	assert_string_equal(status(w, "phase"), "Running");
	assert_string_equal(status(w, "podIP"), "10.0.0.5");
	assert_string_equal(status(w, C0 "ready"), "true");
	fake_ignore_sigterm("a", true);
	put(w, ONE("Always"),
	    ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"deletionGracePeriodSeconds\":5");
	run(w, SECONDS(4));
	assert_int_equal(fake_running(), 1); /* within its grace */
	run(w, SECONDS(3));
	assert_int_equal(fake_running(), 0);
	assert_int_equal(fake_sandboxes(), 0);
	assert_true(fake_api_requests(w->api, "DELETE " POD_PATH) > 0);
	fake_api_delete(w->api, POD_PATH);
	run(w, SECONDS(2));
	assert_int_equal(fake_started("a"), 1);
}

/* A report that failed is made again, though nothing changes any more. */
static void test_report_again(void **state)
{
	struct world *w = *state;

	put(w, ONE("Always"), "");
	run(w, SECONDS(2));
	fake_exit("a", 1);
	fake_api_fail(w->api, "PATCH " POD_PATH "/status", 503, 3);
	run(w, SECONDS(60));
	assert_string_equal(status(w, C0 "restartCount"), "1");
	assert_string_equal(status(w, C0 "ready"), "true");
}

static void test_grace_shortened(void **state)
{
	struct world *w = *state;

	put(w, ONE("Always"), "");
	run(w, SECONDS(2));
	fake_ignore_sigterm("a", true);
	put(w, ONE("Always"),
	    ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"deletionGracePeriodSeconds\":500");
	run(w, SECONDS(10));
	assert_int_equal(fake_running(), 1);
	put(w, ONE("Always"),
	    ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"deletionGracePeriodSeconds\":1");
	run(w, SECONDS(4));
	assert_int_equal(fake_running(), 0);
}

static void test_crash_loop(void **state)
{
	struct world *w = *state;

	put(w, ONE("Always"), "");
	run(w, SECONDS(2));
	fake_exit("a", 1);
	run(w, SECONDS(2)); /* the first restart comes at once */
	assert_int_equal(fake_started("a"), 2);
	assert_string_equal(status(w, C0 "restartCount"), "1");
	fake_exit("a", 2);
	run(w, SECONDS(5));
	assert_int_equal(fake_started("a"), 2);
	assert_string_equal(status(w, C0 "state.waiting.reason"), "CrashLoopBackOff");
	assert_string_equal(status(w, C0 "lastState.terminated.exitCode"), "2");
	run(w, SECONDS(6));
	assert_int_equal(fake_started("a"), 3);
	fake_exit("a", 3);
	run(w, SECONDS(15));
	assert_int_equal(fake_started("a"), 3);
	run(w, SECONDS(6));
	assert_int_equal(fake_started("a"), 4);
	run(w, SECONDS(700)); /* ten good minutes: the back-off is forgotten */
	fake_exit("a", 4);
	run(w, SECONDS(2));
	assert_int_equal(fake_started("a"), 5);
}

static void test_policies(void **state)
{
	struct world *w = *state;

	put(w, ONE("OnFailure"), "");
	run(w, SECONDS(2));
	fake_exit("a", 1);
	run(w, SECONDS(2));
	assert_int_equal(fake_started("a"), 2);
	fake_exit("a", 0);
	run(w, SECONDS(20));
	assert_int_equal(fake_started("a"), 2);
	assert_string_equal(status(w, "phase"), "Succeeded");
	assert_int_equal(fake_sandboxes(), 0);
}

static void test_never(void **state)
{
	struct world *w = *state;

	put(w, ONE("Never"), "");
	run(w, SECONDS(2));
	fake_exit("a", 9);
	run(w, SECONDS(2));
	assert_string_equal(status(w, "phase"), "Failed");
	assert_string_equal(status(w, C0 "state.terminated.exitCode"), "9");
}

static void test_init_order(void **state)
{
	struct world *w = *state;

	put(w,
	    "\"restartPolicy\":\"Always\",\"initContainers\":[{\"name\":\"i\",\"image\":\"img\","
	    "\"imagePullPolicy\":\"IfNotPresent\"},{\"name\":\"s\",\"image\":\"img\","
	    "\"imagePullPolicy\":\"IfNotPresent\",\"restartPolicy\":\"Always\"}],"
	    "\"containers\":[{\"name\":\"a\",\"image\":\"img\",\"imagePullPolicy\":"
	    "\"IfNotPresent\"}]",
	    "");
	run(w, SECONDS(2));
	assert_int_equal(fake_started("i"), 1);
	assert_int_equal(fake_started("s") + fake_started("a"), 0);
	assert_string_equal(status(w, "phase"), "Pending");
	assert_string_equal(status(w, C0 "state.waiting.reason"), "PodInitializing");
	fake_exit("i", 1); /* failed: again */
	run(w, SECONDS(2));
	assert_int_equal(fake_started("i"), 2);
	fake_exit("i", 0);
	run(w, SECONDS(2));
	assert_int_equal(fake_started("s"), 1);
	assert_int_equal(fake_started("a"), 1);
	assert_string_equal(status(w, "phase"), "Running");
	fake_exit("s", 1); /* a sidecar comes back beside the running pod */
	run(w, SECONDS(2));
	assert_int_equal(fake_started("s"), 2);
	assert_int_equal(fake_started("i"), 2);
	assert_int_equal(fake_started("a"), 1);
}

static void test_images(void **state)
{
	struct world *w = *state;

	fake_image_here = false;
	put(w, ONE("Always"), "");
	run(w, SECONDS(3));
	assert_int_equal(fake_started("a"), 0);
	assert_string_equal(status(w, C0 "state.waiting.reason"), "ImagePullBackOff");
	fake_image_here = true;
	run(w, SECONDS(15));
	assert_int_equal(fake_running(), 1);
}

static void test_start_fails(void **state)
{
	struct world *w = *state;

	fake_fail_start("a", ENOENT);
	put(w, ONE("Always"), "");
	run(w, SECONDS(2));
	assert_string_equal(status(w, C0 "state.waiting.reason"), "RunContainerError");
	run(w, SECONDS(12));
	assert_int_equal(fake_running(), 1);
}

static void test_config_map_comes(void **state)
{
	struct world *w = *state;

	put(w,
	    "\"restartPolicy\":\"Always\",\"containers\":[{\"name\":\"a\",\"image\":\"img\","
	    "\"imagePullPolicy\":\"IfNotPresent\",\"volumeMounts\":[{\"name\":\"v\","
	    "\"mountPath\":\"/"
	    "v\"}]}],\"volumes\":[{\"name\":\"v\",\"configMap\":{\"name\":\"c\"}}]",
	    "");
	run(w, SECONDS(5));
	assert_int_equal(fake_started("a"), 0);
	fake_api_put(w->api, "/api/v1/namespaces/default/configmaps/c",
		     "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\","
		     "\"namespace\":\"default\"},\"data\":{\"k\":\"v\"}}");
	run(w, SECONDS(2));
	assert_int_equal(fake_running(), 1);
}

/* The next agent: what runs is adopted, what ended meanwhile has its code, nothing is started
 * twice. */
static void test_restart_of_agent(void **state)
{
	struct world *w = *state;

	put(w, ONE("Never"), "");
	run(w, SECONDS(2));
	w->pods = pods_free(w->pods);
	run(w, SECONDS(1));
	pods_up(w);
	run(w, SECONDS(2));
	assert_int_equal(fake_running(), 1);
	assert_int_equal(fake_started("a"), 1);
	assert_string_equal(status(w, "phase"), "Running");
	w->pods = pods_free(w->pods);
	fake_exit("a", 42);
	pods_up(w);
	run(w, SECONDS(2));
	assert_string_equal(status(w, "phase"), "Failed");
	assert_string_equal(status(w, C0 "state.terminated.exitCode"), "42");
	assert_int_equal(fake_started("a"), 1);
}

/* Killed when the sandbox was there, but not yet its network. */
static void test_half_made(void **state)
{
	struct world *w = *state;

	put(w, ONE("Always"), "");
	while (!fake_sandboxes())
		run(w, NSEC_PER_MSEC / 10);
	pods_stop(w->pods);
	fake_runtime_close();
	w->pods = pods_free(w->pods);
	pods_up(w);
	run(w, SECONDS(5));
	assert_string_equal(status(w, "podIP"), "10.0.0.5");
	assert_string_equal(status(w, C0 "ready"), "true");
	assert_int_equal(fake_sandboxes(), 1);
}

static void test_removed_while_away(void **state)
{
	struct world *w = *state;

	put(w, ONE("Always"), "");
	run(w, SECONDS(2));
	w->pods = pods_free(w->pods);
	fake_api_delete(w->api, POD_PATH);
	pods_up(w);
	run(w, SECONDS(10));
	assert_int_equal(fake_running(), 0);
	assert_int_equal(fake_sandboxes(), 0);
}

static void test_api_fails(void **state)
{
	struct world *w = *state;

	fake_api_fail(w->api, "PATCH", 500, 3);
	put(w, ONE("Always"), "");
	run(w, SECONDS(5));
	assert_string_equal(status(w, "phase"), "Running");
	fake_api_break_watches(w->api);
	fake_exit("a", 1);
	run(w, SECONDS(5));
	assert_string_equal(status(w, C0 "restartCount"), "1");
}

static void test_deadline(void **state)
{
	struct world *w = *state;

	put(w,
	    "\"restartPolicy\":\"Always\",\"activeDeadlineSeconds\":30,"
	    "\"terminationGracePeriodSeconds\":1,\"containers\":[{\"name\":\"a\",\"image\":"
	    "\"img\",\"imagePullPolicy\":\"IfNotPresent\"}]",
	    "");
	run(w, SECONDS(25));
	assert_int_equal(fake_running(), 1);
	run(w, SECONDS(10));
	assert_int_equal(fake_running(), 0);
	assert_string_equal(status(w, "phase"), "Failed");
	assert_string_equal(status(w, "reason"), "DeadlineExceeded");
}

static void on_ended(void *user)
{
	*(bool *)user = true;
}

/* Whether DisruptionTarget stands among the conditions. */
static bool is_disrupted(struct world *w)
{
	jv_for_each (c, jv_path(jv_of(fake_api_get(w->api, POD_PATH)), "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), "DisruptionTarget"))
			return jv_eqs(jv_get(c.value, "reason"), "TerminationByKubelet");
	return false;
}

/* The machine goes down: nobody evicts a pod without a controller, and nobody deletes it. */
static void test_shutdown(void **state)
{
	struct world *w = *state;
	bool ended = false;
	struct pods_shutdown_conf conf = {.grace_ns = SECONDS(10),
					  .critical_ns = SECONDS(2),
					  .done = on_ended,
					  .user = &ended};

	put(w, ONE("Always"), "");
	run(w, SECONDS(2));
	fake_ignore_sigterm("a", true);
	pods_shutdown_begin(w->pods, &conf);
	run(w, SECONDS(3));
	assert_string_equal(status(w, "reason"), "Terminated");
	assert_int_equal(fake_running(), 1); /* within its own grace of 5 s */
	assert_false(ended);
	run(w, SECONDS(4));
	assert_int_equal(fake_running(), 0);
	assert_true(ended);
	assert_string_equal(status(w, "phase"), "Failed");
	assert_true(is_disrupted(w));
	w->pods = pods_free(w->pods);
	fake_runtime_reset(&w->time.timers, on_event, w);
	pods_up(w);
	run(w, SECONDS(5));
	assert_int_equal(fake_running(), 0);
	assert_int_equal(fake_api_requests(w->api, "DELETE " POD_PATH), 0);
}

/* One of a controller is evicted; that fails here, so it is terminated, and deleted at the return.
 */
static void test_shutdown_leftover(void **state)
{
	struct world *w = *state;
	bool ended = false;
	struct pods_shutdown_conf conf = {
		.grace_ns = SECONDS(10), .done = on_ended, .user = &ended};

	put(w, ONE("Always"),
	    ",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\","
	    "\"name\":\"r\",\"uid\":\"u2\",\"controller\":true}]");
	run(w, SECONDS(2));
	fake_api_fail(w->api, "eviction", 500, 1);
	pods_shutdown_begin(w->pods, &conf);
	run(w, SECONDS(3));
	assert_int_equal(fake_api_requests(w->api, "POST " POD_PATH "/eviction"), 1);
	assert_true(ended);
	assert_string_equal(status(w, "reason"), "Terminated");
	w->pods = pods_free(w->pods);
	fake_runtime_reset(&w->time.timers, on_event, w);
	pods_up(w);
	run(w, SECONDS(5));
	assert_int_equal(fake_running(), 0);
	assert_int_equal(fake_api_requests(w->api, "DELETE " POD_PATH), 1);
}

/* A new pod waits while the machine goes down, and begins if it does not. */
static void test_shutdown_holds(void **state)
{
	struct world *w = *state;
	struct pods_shutdown_conf conf = {.grace_ns = SECONDS(10)};

	pods_shutdown_begin(w->pods, &conf);
	put(w, ONE("Always"), "");
	run(w, SECONDS(20));
	assert_int_equal(fake_sandboxes(), 0);
	pods_shutdown_cancel(w->pods);
	run(w, SECONDS(2));
	assert_int_equal(fake_running(), 1);
}

/* After a reboot without any master the ConfigMap comes from the disk; a newer one replaces it. */
static void test_reboot_alone(void **state)
{
	static const char *const map = "/api/v1/namespaces/default/configmaps/c";
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct world *w = *state;
	CLEANUP_FREE char *file =
		xasprintf("%s/pods/u1/volumes/kubernetes.io~configmap/v/k", w->dir);

	fake_api_put(w->api, map, "{\"data\":{\"k\":\"old\"}}");
	put(w,
	    "\"restartPolicy\":\"Always\",\"containers\":[{\"name\":\"a\",\"image\":\"img\","
	    "\"imagePullPolicy\":\"IfNotPresent\",\"volumeMounts\":[{\"name\":\"v\","
	    "\"mountPath\":\"/"
	    "v\"}]}],\"volumes\":[{\"name\":\"v\",\"configMap\":{\"name\":\"c\"}}]",
	    "");
	run(w, SECONDS(2));
	assert_int_equal(fake_running(), 1);
	w->pods = pods_free(w->pods);
	fake_runtime_reset(&w->time.timers, on_event, w);
	fake_api_fail(w->api, "", 0, 25);
	pods_up(w);
	run(w, SECONDS(2));
	assert_int_equal(fake_running(), 0); /* a master may only be slow */
	run(w, SECONDS(5));
	assert_int_equal(fake_running(), 1);
	fake_api_put(w->api, map, "{\"data\":{\"k\":\"new\"}}");
	run(w, SECONDS(300));
	assert_int_equal(file_read(AT_FDCWD, file, 64, &b), 0);
	assert_string_equal(b.p, "new");
	assert_int_equal(fake_running(), 1);
	assert_string_equal(status(w, "phase"), "Running");
}

/* A pod with a folder of the node that is to be its group's: DIR/data/f. */
static char *put_with_group(struct world *w, const char *meta)
{
	CLEANUP_FREE char *data = xasprintf("%s/data", w->dir);
	CLEANUP_FREE char *spec =
		xasprintf("\"securityContext\":{\"fsGroup\":%u},\"volumes\":[{\"name\":\"v\","
			  "\"persistentVolumeClaim\":{\"claimName\":\"c\"}}]," ONE("Always"),
			  (unsigned)getegid());
	CLEANUP_FREE char *volume =
		xasprintf("{\"metadata\":{\"name\":\"pv\"},\"spec\":{\"claimRef\":{\"uid\":"
			  "\"u-c\"},\"local\":{\"path\":\"%s\"}}}",
			  data);
	char *file = xasprintf("%s/f", data);

	mkdir(data, 0755);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	fake_api_put(w->api, "/api/v1/persistentvolumes/pv", volume);
	fake_api_put(w->api, "/api/v1/namespaces/default/persistentvolumeclaims/c",
		     "{\"metadata\":{\"uid\":\"u-c\"},\"spec\":{\"volumeName\":\"pv\"},"
		     "\"status\":{\"phase\":\"Bound\"}}");
	put(w, spec, meta);
	return file;
}

/* What threads have done is known only when the loop runs: until then a pod waits. */
static void test_group(void **state)
{
	struct world *w = *state;
	CLEANUP_FREE char *file = put_with_group(w, "");
	struct stat st;

	run(w, SECONDS(5));
	assert_int_equal(fake_running(), 0);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	run(w, SECONDS(2));
	assert_int_equal(fake_running(), 1);
	assert_string_equal(status(w, "phase"), "Running");
}

static void test_group_deleted(void **state)
{
	struct world *w = *state;

	free(put_with_group(w, ""));
	run(w, SECONDS(2));
	free(put_with_group(w, ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
			       "\"deletionGracePeriodSeconds\":1"));
	run(w, SECONDS(10));
	assert_int_equal(fake_api_requests(w->api, "DELETE " POD_PATH), 0);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	run(w, SECONDS(10));
	assert_true(fake_api_requests(w->api, "DELETE " POD_PATH) > 0);
	assert_int_equal(fake_started("a"), 0);
}

/* An agent that ends meanwhile. */
static void test_group_left(void **state)
{
	struct world *w = *state;

	free(put_with_group(w, ""));
	run(w, SECONDS(2));
	w->pods = pods_free(w->pods);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(fake_started("a"), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_run_and_delete),     T(test_report_again),
		T(test_grace_shortened),    T(test_crash_loop),
		T(test_policies),           T(test_never),
		T(test_init_order),         T(test_images),
		T(test_start_fails),        T(test_config_map_comes),
		T(test_restart_of_agent),   T(test_half_made),
		T(test_removed_while_away), T(test_api_fails),
		T(test_deadline),           T(test_shutdown),
		T(test_shutdown_leftover),  T(test_shutdown_holds),
		T(test_reboot_alone),       T(test_group),
		T(test_group_deleted),      T(test_group_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
