/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"

#include <sys/stat.h>

#include "agent/node/cri_log.h"
#include "agent/pod/backoff.h"
#include "agent/pod/env.h"
#include "agent/pod/expand.h"
#include "agent/pod/field_ref.h"
#include "agent/pod/files.h"
#include "agent/pod/pod_view.h"
#include "agent/pod/resources.h"
#include "agent/pod/worker.h"
#include "agent/probe/prober.h"
#include "agent/volume/atomic_writer.h"
#include "agent/volume/volume.h"
#include "lib/client/fake.h"
#include "lib/sys/file.h"
#include "tests/unit/test.h"
/* The parts of the agent that need neither kernel nor API. */

static struct pod_view *view(const char *spec)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"u-1\",\"labels\":{"
		"\"b\":\"2\",\"a\":\"say "
		"\\\"hi\\\"\"},\"annotations\":{\"x/y\":\"z\"}},\"spec\":%s}",
		spec);
	struct pod_view *v = NULL;

	assert_int_equal(pod_view_parse(str_of(json), &v, NULL), 0);
	return v;
}

static bool lookup(void *user, struct str name, struct str *ret)
{
	if (!str_eqs(name, "A"))
		return false;
	*ret = STR("1");
	return true;
}

static void test_expand(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"$(A)", "1"},
		    {"x$(A)y", "x1y"},
		    {"$$(A)", "$(A)"},
		    {"$(B)", "$(B)"},
		    {"$(A", "$(A"},
		    {"$A", "$A"},
		    {"$", "$"},
		    {"$$", "$"},
		    {"$$$(A)", "$1"},
		    {"$(A)$(A)", "11"},
		    {"$()", "$()"},
		    {"a$$b", "a$b"},
		    {"$(A)$(B)$(A)", "1$(B)1"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		expand_vars(str_of(rows[i].in), lookup, NULL, &b);
		assert_string_equal(b.p, rows[i].out);
	}
}

/* A source with one configMap "cm" and one secret "sec". */
static int src_object(struct pod_source *s, enum source_kind kind, struct str name, struct jv *ret,
		      struct err *err)
{
	static const char cm[] = "{\"data\":{\"k\":\"v\",\"bad=key\":\"x\"},\"binaryData\":{\"b\":"
				 "\"AAE=\"}}";
	static const char sec[] = "{\"data\":{\"p\":\"czNjcmV0\"}}";

	if (str_eqs(name, "later"))
		return err_sys(err, EAGAIN, "waiting");
	if (!str_eqs(name, kind == SOURCE_SECRET ? "sec" : "cm"))
		return err_sys(err, ENOENT, "configmap \"%.*s\" not found", STR_ARG(name));
	*ret = jv_of(str_of(kind == SOURCE_SECRET ? sec : cm));
	return 0;
}

static int src_token(struct pod_source *s, struct str audience, int64_t seconds, struct buf *out,
		     struct err *err)
{
	buf_addf(out, "token-%.*s", STR_ARG(audience));
	return 0;
}

static int src_field(struct pod_source *s, struct str path, struct buf *out, struct err *err)
{
	buf_addf(out, "<%.*s>", STR_ARG(path));
	return 0;
}

static int src_resource(struct pod_source *s, struct str container, struct str resource,
			struct str divisor, struct buf *out, struct err *err)
{
	buf_addf(out, "%.*s/%.*s", STR_ARG(container), STR_ARG(resource));
	return 0;
}

static const struct pod_source_ops src_ops = {
	.object = src_object, .token = src_token, .field = src_field, .resource = src_resource};

static void expect_env(const struct env *e, const char *name, const char *value)
{
	struct str v;

	if (!value) {
		assert_false(env_get(e, str_of(name), &v));
		return;
	}
	assert_true(env_get(e, str_of(name), &v));
	assert_true(str_eqs(v, value));
}

static void test_env(void **state)
{
	struct pod_source src = {&src_ops};
	struct env services = ENV_INIT, e = ENV_INIT;
	struct pod_view *v = view(
		"{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"envFrom\":[{\"prefix\":\"P_\","
		"\"configMapRef\":{\"name\":\"cm\"}},{\"secretRef\":{\"name\":\"none\",\"optional\""
		":true}}],\"env\":[{\"name\":\"A\",\"value\":\"$(P_k)-$(WEB_SERVICE_PORT)-$(Z)\"},"
		"{\"name\":\"S\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"sec\",\"key\":\"p\"}}}"
		",{\"name\":\"O\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"sec\",\"key\":\"q\","
		"\"optional\":true}}},{\"name\":\"F\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":"
		"\"status.podIP\"}}},{\"name\":\"A\",\"value\":\"[$(A)]\"}]}]}");

	env_add_service(&services,
			jv_of(STR("{\"metadata\":{\"name\":\"web\"},\"spec\":{\"clusterIP\":"
				  "\"10.0.0.1\",\"ports\":[{\"name\":\"http\",\"port\":80,"
				  "\"protocol\":\"TCP\"}]}}")));
	expect_env(&services, "WEB_SERVICE_HOST", "10.0.0.1");
	expect_env(&services, "WEB_SERVICE_PORT_HTTP", "80");
	expect_env(&services, "WEB_PORT", "tcp://10.0.0.1:80");
	expect_env(&services, "WEB_PORT_80_TCP_ADDR", "10.0.0.1");
	assert_int_equal(env_build(v, &v->containers[0], &services, &src, &e, NULL), 0);
	expect_env(&e, "P_k", "v");
	expect_env(&e, "P_bad=key", NULL);
	expect_env(&e, "A", "[v-80-$(Z)]");
	expect_env(&e, "S", "s3cret");
	expect_env(&e, "O", NULL);
	expect_env(&e, "F", "<status.podIP>");
	env_done(&services);
	env_done(&e);
	pod_view_free(v);
}

static void test_env_errors(void **state)
{
	struct pod_source src = {&src_ops};
	struct env e = ENV_INIT;
	struct err err = ERR_INIT;
	struct pod_view *v = view("{\"containers\":[{\"name\":\"c\",\"env\":[{\"name\":\"X\","
				  "\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"cm\",\"key\":"
				  "\"nope\"}}}]}]}");

	assert_int_equal(env_build(v, &v->containers[0], &e, &src, &e, &err), -ENOENT);
	assert_string_equal(err_text(&err), "couldn't find key nope in ConfigMap ns/cm");
	err_clear(&err);
	pod_view_free(v);
	v = view("{\"containers\":[{\"name\":\"c\",\"envFrom\":[{\"configMapRef\":{\"name\":"
		 "\"later\"}}]}]}");
	assert_int_equal(env_build(v, &v->containers[0], &e, &src, &e, &err), -EAGAIN);
	err_done(&err);
	env_done(&e);
	pod_view_free(v);
}

static void test_field_ref(void **state)
{
	struct pod_view *v =
		view("{\"containers\":[{\"name\":\"c\"}],\"serviceAccountName\":\"sa\"}");
	struct field_facts f = {.node_name = STR("n1"), .host_ip = STR("10.0.0.9")};
	static const struct {
		const char *path, *value;
		int r;
	} rows[] = {
		{"metadata.name", "p", 0},
		{"metadata.labels['b']", "2", 0},
		{"metadata.annotations['x/y']", "z", 0},
		{"metadata.labels", "a=\"say \\\"hi\\\"\"\nb=\"2\"", 0},
		{"spec.nodeName", "n1", 0},
		{"spec.serviceAccountName", "sa", 0},
		{"status.hostIP", "10.0.0.9", 0},
		{"status.podIP", "", -EAGAIN},
		{"spec.nothing", "", -EINVAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		assert_int_equal(field_ref(v, &f, str_of(rows[i].path), &b, NULL), rows[i].r);
		assert_string_equal(b.p, rows[i].value);
	}
	pod_view_free(v);
}

static void test_view(void **state)
{
	struct pod_view *v =
		view("{\"restartPolicy\":\"Never\",\"initContainers\":[{\"name\":\"i\",\"image\":"
		     "\"x:1\"},{\"name\":\"s\",\"image\":\"x\",\"restartPolicy\":\"Always\"}],"
		     "\"containers\":[{\"name\":\"c\",\"image\":\"r:5000/x@sha256:ab\"}],"
		     "\"hostname\":\"h\",\"terminationGracePeriodSeconds\":7}");
	struct err err = ERR_INIT;
	struct pod_view *bad;

	assert_int_equal(v->n_init, 2);
	assert_int_equal(v->containers[0].pull, PULL_IF_NOT_PRESENT);
	assert_int_equal(v->containers[1].pull, PULL_ALWAYS);
	assert_int_equal(v->containers[1].kind, CONTAINER_SIDECAR);
	assert_int_equal(v->containers[1].restart, RESTART_ALWAYS);
	assert_int_equal(v->containers[2].restart, RESTART_NEVER);
	assert_int_equal(v->containers[2].pull, PULL_IF_NOT_PRESENT);
	assert_int_equal(v->grace_s, 7);
	assert_true(str_eqs(pod_view_hostname(v), "h"));
	pod_view_free(v);
	assert_int_equal(pod_view_parse(STR("{\"metadata\":{\"name\":\"p\",\"uid\":\"../x\"},"
					    "\"spec\":{\"containers\":[{\"name\":\"c\"}]}}"),
					&bad, &err),
			 -EINVAL);
	err_clear(&err);
	assert_int_equal(pod_view_parse(STR("{\"metadata\":{\"name\":\"p\",\"uid\":\"u\"},"
					    "\"spec\":{\"containers\":[{\"name\":\"a/b\"}]}}"),
					&bad, &err),
			 -EINVAL);
	err_done(&err);
}

static void test_resources(void **state)
{
	struct pod_view *v = view(
		"{\"initContainers\":[{\"name\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"2\"}}}"
		"],\"containers\":[{\"name\":\"a\",\"resources\":{\"requests\":{\"cpu\":\"250m\","
		"\"memory\":\"1Gi\"},\"limits\":{\"cpu\":\"500m\",\"memory\":\"1Gi\"}}},{\"name\":"
		"\"b\",\"resources\":{\"requests\":{\"cpu\":\"100m\"}}}]}");
	struct node_amounts node = {4000, 8ll << 30, 0};
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct resource_amounts a;
	struct cgroup_numbers n;

	assert_int_equal(pod_qos(v), QOS_BURSTABLE);
	pod_resources(v, &a);
	assert_int_equal(a.cpu_milli_request, 2000);
	assert_int_equal(a.mem_request, 1ll << 30);
	assert_int_equal(a.mem_limit, -1);
	container_resources(&v->containers[1], &a);
	cgroup_numbers_of(&a, &n);
	assert_int_equal(n.cpu_shares, 256);
	assert_int_equal(n.cpu_quota_us, 50000);
	assert_int_equal(n.mem_limit, 1ll << 30);
	assert_int_equal(oom_score_adj(v, &v->containers[1], 8ll << 30), 875);
	assert_int_equal(resource_field(&v->containers[1], STR("limits.memory"), STR("1Mi"), &node,
					&b, NULL),
			 0);
	assert_string_equal(b.p, "1024");
	buf_clear(&b);
	resource_field(&v->containers[1], STR("limits.cpu"), STR(""), &node, &b, NULL);
	assert_string_equal(b.p, "1");
	buf_clear(&b);
	resource_field(&v->containers[2], STR("limits.cpu"), STR("1m"), &node, &b, NULL);
	assert_string_equal(b.p, "4000");
	assert_int_equal(resource_field(&v->containers[2], STR("cpu"), STR(""), &node, &b, NULL),
			 -EINVAL);
	pod_view_free(v);
	v = view("{\"containers\":[{\"name\":\"a\",\"resources\":{\"limits\":{\"cpu\":\"1\","
		 "\"memory\":\"1Gi\"}}}]}");
	assert_int_equal(pod_qos(v), QOS_GUARANTEED);
	assert_int_equal(oom_score_adj(v, &v->containers[0], 8ll << 30), -997);
	pod_view_free(v);
}

static void test_backoff(void **state)
{
	struct backoff b = {0};
	uint64_t now = 1000 * NSEC_PER_SEC;
	static const unsigned seconds[] = {10, 20, 40, 80, 160, 300, 300};

	assert_int_equal(backoff_remaining(&b, now, now), 0);
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
		backoff_fail(&b, &backoff_restart, now);
		assert_int_equal(b.delay_ns, seconds[i] * NSEC_PER_SEC);
		now += b.delay_ns;
		assert_int_equal(backoff_remaining(&b, now, now + NSEC_PER_SEC),
				 b.delay_ns - NSEC_PER_SEC);
	}
	backoff_fail(&b, &backoff_restart, now + 601 * NSEC_PER_SEC);
	assert_int_equal(b.delay_ns, 10 * NSEC_PER_SEC);
}

static void test_worker(void **state)
{
	struct pod_facts f = {.work = POD_SYNC};

	assert_true(pod_work_allowed(POD_SYNC, POD_TERMINATING));
	for (enum pod_work from = POD_SYNC; from < POD_WORK_MAX; from++)
		for (enum pod_work to = POD_SYNC; to < POD_WORK_MAX; to++)
			assert_int_equal(pod_work_allowed(from, to), to == from + 1);
	assert_false(container_state_allowed(CONTAINER_WAITING, CONTAINER_RUNNING));
	assert_false(container_state_allowed(CONTAINER_STOPPING, CONTAINER_RUNNING));
	assert_null(pod_facts_check(&f));
	f.n_state[CONTAINER_RUNNING] = 1;
	assert_non_null(pod_facts_check(&f)); /* no sandbox */
	f.sandbox = SANDBOX_READY;
	assert_null(pod_facts_check(&f));
	f.must_end = true;
	assert_non_null(pod_facts_check(&f));
	f.work = POD_TERMINATED;
	assert_non_null(pod_facts_check(&f));
	f.n_state[CONTAINER_RUNNING] = 0;
	assert_null(pod_facts_check(&f));
	f.work = POD_FINISHED;
	assert_non_null(pod_facts_check(&f));
	f.sandbox = SANDBOX_GONE;
	assert_null(pod_facts_check(&f));
}

static void test_files(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct pod_view *v =
		view("{\"containers\":[{\"name\":\"c\"}],\"hostAliases\":[{\"ip\":\"1.2.3.4\","
		     "\"hostnames\":[\"x\",\"y\"]}],\"subdomain\":\"sub\",\"dnsConfig\":{"
		     "\"searches\":[\"mine\"],\"options\":[{\"name\":\"ndots\",\"value\":\"2\"},"
		     "{\"name\":\"edns0\"}]}}");

	files_hosts(v, "10.1.0.5", "", "cluster.local", &b);
	assert_non_null(strstr(b.p, "10.1.0.5\tp.sub.ns.svc.cluster.local\tp\n"));
	assert_non_null(strstr(b.p, "1.2.3.4\tx\ty\n"));
	buf_clear(&b);
	files_resolv_conf(v, STR("nameserver 9.9.9.9\nsearch corp\n"), "10.96.0.10",
			  "cluster.local", &b);
	assert_string_equal(b.p, "search ns.svc.cluster.local svc.cluster.local cluster.local corp "
				 "mine\nnameserver 10.96.0.10\noptions ndots:2 edns0\n");
	pod_view_free(v);
	v = view("{\"containers\":[{\"name\":\"c\"}],\"dnsPolicy\":\"Default\"}");
	buf_clear(&b);
	files_resolv_conf(v, STR("nameserver 9.9.9.9 # us\noptions rotate\n"), "10.96.0.10",
			  "cluster.local", &b);
	assert_string_equal(b.p, "nameserver 9.9.9.9\noptions rotate\n");
	pod_view_free(v);
}

static char *temp_dir(void)
{
	char t[] = "/tmp/knarr-test-XXXXXX";

	assert_non_null(mkdtemp(t));
	return xstrdup(t);
}

static void expect_file(const char *dir, const char *name, const char *content)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!content) {
		assert_int_equal(access(path, F_OK), -1);
		return;
	}
	assert_int_equal(file_read(AT_FDCWD, path, 4096, &b), 0);
	assert_string_equal(b.p, content);
}

static void test_atomic_writer(void **state)
{
	CLEANUP_FREE char *dir = temp_dir();
	CLEANUP_FREE char *data = xasprintf("%s/..data", dir);
	struct payload p = {0};
	struct stat st;
	char before[256] = "", after[256] = "";

	assert_int_equal(payload_add(&p, STR("/abs"), STR("x"), 0644, NULL), -EINVAL);
	assert_int_equal(payload_add(&p, STR("a/../b"), STR("x"), 0644, NULL), -EINVAL);
	assert_int_equal(payload_add(&p, STR("..x"), STR("x"), 0644, NULL), -EINVAL);
	assert_int_equal(payload_add(&p, STR("a"), STR("1"), 0640, NULL), 0);
	assert_int_equal(payload_add(&p, STR("d/e/f"), STR("2"), 0400, NULL), 0);
	assert_int_equal(atomic_write(dir, &p, -1, 1000, NULL), 1);
	expect_file(dir, "a", "1");
	expect_file(dir, "d/e/f", "2");
	assert_int_equal(readlink(data, before, sizeof(before) - 1) > 0, 1);
	assert_int_equal(atomic_write(dir, &p, -1, 2000, NULL), 0);
	assert_int_equal(readlink(data, after, sizeof(after) - 1) > 0, 1);
	assert_string_equal(before, after);
	payload_done(&p);
	payload_add(&p, STR("a"), STR("changed"), 0640, NULL);
	assert_int_equal(atomic_write(dir, &p, geteuid() ? -1 : 4242, 3000, NULL), 1);
	expect_file(dir, "a", "changed");
	expect_file(dir, "d", NULL);
	expect_file(dir, before, NULL);
	if (geteuid() == 0) {
		CLEANUP_FREE char *a = xasprintf("%s/a", dir);

		assert_int_equal(stat(a, &st), 0);
		assert_int_equal(st.st_gid, 4242);
	}
	payload_done(&p);
	dir_remove_tree(AT_FDCWD, dir);
}

static void test_volumes(void **state)
{
	CLEANUP_FREE char *dir = temp_dir();
	struct pod_source src = {&src_ops};
	struct volume_set *s;
	struct err err = ERR_INIT;
	struct volume_conf conf = {
		.volumes = jv_of(STR(
			"[{\"name\":\"e\",\"emptyDir\":{}},{\"name\":\"h\",\"hostPath\":{\"path\":"
			"\"/no/such\",\"type\":\"Directory\"}},{\"name\":\"c\",\"configMap\":{"
			"\"name\":\"cm\",\"items\":[{\"key\":\"k\",\"path\":\"x/y\",\"mode\":256}]}"
			"},{\"name\":\"t\",\"projected\":{\"sources\":[{\"serviceAccountToken\":{"
			"\"path\":\"token\"}},{\"secret\":{\"name\":\"sec\"}}]}}]")),
		.pod_dir = dir,
		.fs_group = -1,
		.fs_user = -1,
		.source = &src,
		.clock = &clock_system,
	};

	assert_int_equal(volume_set_new(&conf, &s, NULL), 0);
	assert_true(volume_set_apply(s, &err) < 0);
	assert_string_equal(err_text(&err), "MountVolume.SetUp failed for volume \"h\" : hostPath "
					    "type check failed: /no/such is not a directory");
	err_clear(&err);
	expect_file(volume_set_path(s, STR("c")), "x/y", "v");
	expect_file(volume_set_path(s, STR("t")), "token", "token-");
	expect_file(volume_set_path(s, STR("t")), "p", "s3cret");
	assert_true(volume_set_read_only(s, STR("c")));
	assert_false(volume_set_read_only(s, STR("e")));
	assert_int_equal(volume_set_teardown(s, &err), 0);
	expect_file(dir, "volumes", NULL);
	volume_set_free(s);
	conf.volumes = jv_of(STR("[{\"name\":\"n\",\"rbd\":{}}]"));
	assert_int_equal(volume_set_new(&conf, &s, &err), -EINVAL);
	assert_non_null(strstr(err_text(&err), "rbd"));
	err_done(&err);
	dir_remove_tree(AT_FDCWD, dir);
}

static void test_cri_log(void **state)
{
	struct log_filter f = {.limit = UINT64_MAX, .want_stdout = true, .want_stderr = true};
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str log = STR("2026-01-01T00:00:00.000000001Z stdout P par\n"
			     "2026-01-01T00:00:00.000000002Z stdout F tial\n"
			     "2026-01-01T00:00:03.000000000Z stderr F err or\n"
			     "2026-01-01T00:00:04.000000000Z stdout F \n");
	struct str rest = log, line;

	while (str_split(&rest, '\n', &line))
		cri_log_line(&f, line, &b);
	assert_string_equal(b.p, "partial\nerr or\n\n");
	assert_int_equal(cri_log_tail(log, 100), 0);
	assert_int_equal(cri_log_tail(log, 0), log.len);
	assert_true(str_starts(str_skip(log, cri_log_tail(log, 2)), STR("2026-01-01T00:00:03")));
	assert_int_equal(cri_log_tail(log, 3), 0);
	f.limit = 4;
	buf_clear(&b);
	assert_false(cri_log_line(&f, STR("2026-01-01T00:00:04Z stdout F abcdef"), &b));
	assert_string_equal(b.p, "abcd");
	f.limit = UINT64_MAX;
	f.timestamps = true;
	time_parse(STR("2026-01-01T00:00:02Z"), &f.since_ns);
	buf_clear(&b);
	for (rest = log; str_split(&rest, '\n', &line);)
		cri_log_line(&f, line, &b);
	assert_string_equal(b.p, "2026-01-01T00:00:03.000000000Z err or\n"
				 "2026-01-01T00:00:04.000000000Z \n");
}

/* A prober whose tries are answered at once by the test. */
struct probe_log {
	struct prober *p;
	unsigned tries, failures, verdicts;
	bool verdict, answer;
};
static void probe_try(void *user, struct prober *p, const struct check *c, uint64_t timeout_ns)
{
	((struct probe_log *)user)->tries++;
}
static void probe_cancel(void *user, struct prober *p)
{
}
static void probe_failed(void *user, struct prober *p, struct str out)
{
	((struct probe_log *)user)->failures++;
}
static void probe_verdict(void *user, struct prober *p, bool ok)
{
	((struct probe_log *)user)->verdicts++;
	((struct probe_log *)user)->verdict = ok;
}
static const struct prober_ops probe_ops = {probe_try, probe_cancel, probe_failed, probe_verdict};

static void probe_run(struct fake_time *t, struct probe_log *l, unsigned seconds, bool ok)
{
	for (unsigned i = 0; i < seconds; i++) {
		unsigned before = l->tries;

		fake_time_run(t, NSEC_PER_SEC);
		if (l->tries > before)
			prober_result(l->p, ok ? CHECK_SUCCESS : CHECK_FAILURE, STR("x"));
	}
}

static void test_prober(void **state)
{
	struct fake_time t;
	struct probe_log l = {0};
	struct prober_conf conf = {
		.kind = PROBE_READINESS,
		.probe = jv_of(STR("{\"tcpSocket\":{\"port\":\"web\"},\"initialDelaySeconds\":5,"
				   "\"periodSeconds\":2,\"failureThreshold\":3,"
				   "\"successThreshold\":2}")),
		.container = jv_of(STR("{\"ports\":[{\"name\":\"web\",\"containerPort\":80}]}")),
		.ops = &probe_ops,
		.user = &l,
	};
	struct err err = ERR_INIT;

	fake_time_init(&t);
	conf.timers = &t.timers;
	conf.began_ns = timers_now_ns(&t.timers);
	assert_int_equal(prober_new(&conf, &l.p, NULL), 0);
	prober_start(l.p);
	probe_run(&t, &l, 4, true);
	assert_int_equal(l.tries, 0);
	probe_run(&t, &l, 4, true);
	assert_int_equal(l.tries, 2);
	assert_int_equal(l.verdicts, 1);
	assert_true(l.verdict);
	probe_run(&t, &l, 4, false);
	assert_int_equal(l.failures, 2);
	assert_int_equal(l.verdicts, 1);
	probe_run(&t, &l, 2, false);
	assert_int_equal(l.verdicts, 2);
	assert_false(l.verdict);
	prober_free(l.p);
	conf.container = jv_of(STR("{}"));
	assert_int_equal(prober_new(&conf, &l.p, &err), -EINVAL);
	assert_string_equal(err_text(&err), "couldn't find port: \"web\"");
	err_done(&err);
	fake_time_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expand),     cmocka_unit_test(test_env),
		cmocka_unit_test(test_env_errors), cmocka_unit_test(test_field_ref),
		cmocka_unit_test(test_view),       cmocka_unit_test(test_resources),
		cmocka_unit_test(test_backoff),    cmocka_unit_test(test_worker),
		cmocka_unit_test(test_files),      cmocka_unit_test(test_atomic_writer),
		cmocka_unit_test(test_volumes),    cmocka_unit_test(test_cri_log),
		cmocka_unit_test(test_prober),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
