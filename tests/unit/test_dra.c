/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/dra.h"

#include <sys/stat.h>
#include <uv.h>

#include "agent/plugin/cdi.h"
#include "lib/base/pb.h"
#include "lib/sys/file.h"
#include "lib/sys/timers_uv.h"
#include "tests/http/grpc_server.h"
#include "tests/unit/test.h"

/* ---- a driver ---- */

struct lab {
	uv_loop_t loop;
	struct timers timers;
	struct timers_uv *tuv;
	char path[64];
	struct dra *dra;
	struct grpc_server *server;
	const char *fails; /* what the driver says */
	bool silent, skips;
	unsigned asked;
	char service[128], got_claim[128];
	int r;
	bool done;
	char text[512];
};

static void handle(void *user, struct str method, struct str request, struct grpc_answer_to *ret)
{
	struct lab *l = user;
	struct str claim = pb_get_bytes(request, 1), uid = pb_get_bytes(claim, 2);
	bool prepare = str_ends(method, STR("/NodePrepareResources"));
	size_t entry, value, device;

	l->asked++;
	str_copy(l->service, sizeof(l->service), method);
	snprintf(l->got_claim, sizeof(l->got_claim), "%.*s/%.*s %.*s",
		 STR_ARG(pb_get_bytes(claim, 1)), STR_ARG(pb_get_bytes(claim, 3)), STR_ARG(uid));
	ret->silent = l->silent;
	if (l->skips)
		return;
	entry = pb_open(&ret->body, 1);
	pb_put_bytes(&ret->body, 1, uid);
	value = pb_open(&ret->body, 2);
	if (l->fails) {
		pb_put_text(&ret->body, prepare ? 2 : 1, str_of(l->fails));
	} else if (prepare) {
		device = pb_open(&ret->body, 1);
		pb_put_bytes(&ret->body, 1, STR("r"));
		pb_put_text(&ret->body, 2, STR("p"));
		pb_put_text(&ret->body, 3, STR("x"));
		pb_put_bytes(&ret->body, 4, STR("v.io/c=a"));
		pb_put_bytes(&ret->body, 4, STR("v.io/c=b"));
		pb_close(&ret->body, device);
	}
	pb_close(&ret->body, value);
	pb_close(&ret->body, entry);
}

static void on_done(void *user, int r, const struct err *err, const struct dra_device *v, size_t n)
{
	struct lab *l = user;
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	l->done = true;
	l->r = r;
	if (r < 0)
		buf_adds(&b, err_text(err));
	for (size_t i = 0; i < n; i++) {
		buf_addf(&b, "%.*s/%.*s:", STR_ARG(v[i].pool), STR_ARG(v[i].device));
		for (size_t k = 0; k < v[i].n_requests; k++)
			buf_addf(&b, " %.*s", STR_ARG(v[i].requests[k]));
		for (size_t k = 0; k < v[i].n_cdi_ids; k++)
			buf_addf(&b, " %.*s", STR_ARG(v[i].cdi_ids[k]));
	}
	str_copy(l->text, sizeof(l->text), buf_str(&b));
}

static int setup(void **state)
{
	struct lab *l = NEW(struct lab);

	snprintf(l->path, sizeof(l->path), "/tmp/knarr-dra-%d.sock", getpid());
	assert_int_equal(uv_loop_init(&l->loop), 0);
	timers_init(&l->timers, &clock_system);
	l->tuv = timers_uv_attach(&l->timers, &l->loop);
	l->dra = dra_new(&(struct dra_conf){.loop = &l->loop, .timers = &l->timers});
	l->server = grpc_server_new(&l->loop, l->path, handle, l);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;

	dra_free(l->dra);
	grpc_server_free(l->server);
	timers_uv_detach(l->tuv);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&l->loop), 0);
	timers_done(&l->timers);
	free(l);
	return 0;
}

static const struct dra_claim claim = {{"ns", 2}, {"uid", 3}, {"name", 4}};

static void ask(struct lab *l, bool prepare)
{
	struct dra_call *call;

	l->done = false;
	assert_int_equal(dra_ask(l->dra, STR("d"), prepare, &claim, on_done, l, &call, NULL), 0);
	while (!l->done)
		uv_run(&l->loop, UV_RUN_ONCE);
}

static void test_calls(void **state)
{
	struct lab *l = *state;
	struct plugin_info info = {"DRAPlugin", "d", l->path,
				   (const char *const[]){"v1beta1.DRAPlugin", NULL}};
	struct dra_call *call;
	struct err err = ERR_INIT;

	assert_int_equal(dra_ask(l->dra, STR("d"), true, &claim, on_done, l, &call, &err), -ENOENT);
	assert_string_equal(err_text(&err), "DRA driver d is not registered");
	err_done(&err);
	assert_int_equal(dra_plugin_handler.check(l->dra, &info, NULL), 0);
	dra_plugin_handler.add(l->dra, &info, NULL);
	ask(l, true);
	assert_int_equal(l->r, 0);
	assert_string_equal(l->text, "p/x: r v.io/c=a v.io/c=b");
	assert_string_equal(l->got_claim, "ns/name uid");
	assert_string_equal(l->service,
			    "/k8s.io.kubelet.pkg.apis.dra.v1beta1.DRAPlugin/NodePrepareResources");
	l->fails = "on fire";
	ask(l, true);
	assert_string_equal(l->text, "NodePrepareResources failed for ResourceClaim name: on fire");
	ask(l, false);
	assert_string_equal(l->text,
			    "NodeUnprepareResources failed for ResourceClaim name: on fire");
	l->fails = NULL;
	ask(l, false);
	assert_int_equal(l->r, 0);
	l->skips = true;
	ask(l, true);
	assert_string_equal(l->text, "NodePrepareResources skipped ResourceClaim name");
	l->skips = false;
	/* A newer one takes over; when the driver goes, what it was asked ends. */
	{
		struct plugin_info second = {
			"DRAPlugin", "d", l->path,
			(const char *const[]){"v1beta1.DRAPlugin", "v1.DRAPlugin", NULL}};

		dra_plugin_handler.add(l->dra, &second, NULL);
		dra_plugin_handler.gone(l->dra, &info);
		l->silent = true;
		l->done = false;
		assert_int_equal(dra_ask(l->dra, STR("d"), true, &claim, on_done, l, &call, NULL),
				 0);
		for (unsigned n = l->asked; l->asked == n;)
			uv_run(&l->loop, UV_RUN_ONCE);
		assert_string_equal(
			l->service,
			"/k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin/NodePrepareResources");
		dra_plugin_handler.gone(l->dra, &second);
		assert_true(l->done);
		assert_string_equal(l->text, "DRA driver d went away");
	}
	info.versions = (const char *const[]){"v1alpha4.Node", NULL};
	assert_true(dra_plugin_handler.check(l->dra, &info, NULL) < 0);
}

/* ---- CDI ---- */

static void test_cdi(void **state)
{
	static const char spec[] =
		"{\"cdiVersion\":\"0.6.0\",\"kind\":\"v.io/"
		"c\",\"containerEdits\":{\"env\":[\"A=1\"]},"
		"\"devices\":[{\"name\":\"a\",\"containerEdits\":{\"env\":[\"B=2\"],"
		"\"deviceNodes\":[{"
		"\"path\":\"/dev/x\",\"hostPath\":\"/dev/y\",\"permissions\":\"rw\"},{\"path\":"
		"\"/dev/z\"}]}},{\"name\":\"b\",\"containerEdits\":{\"mounts\":[{\"hostPath\":\"/"
		"h\","
		"\"containerPath\":\"/c\",\"options\":[\"ro\",\"nosuid\",\"rslave\"]}],"
		"\"additionalGids\":[7]}},{\"name\":\"hooks\",\"containerEdits\":{\"hooks\":[{"
		"\"hookName\":\"createContainer\",\"path\":\"/x\"}]}}]}";
	char dir[] = "/tmp/knarr-cdi-XXXXXX";
	CLEANUP_FREE char *one = NULL, *two = NULL, *file = NULL;
	struct cdi_edits e = {0};
	struct err err = ERR_INIT;

	assert_non_null(mkdtemp(dir));
	one = xasprintf("%s/etc", dir);
	two = xasprintf("%s/run", dir);
	assert_int_equal(mkdir(one, 0700) | mkdir(two, 0700), 0);
	{
		const char *const dirs[] = {one, two, "/nonexistent", NULL};

		assert_int_equal(cdi_add(dirs, STR("v.io/c=a"), &e, &err), -ENOENT);
		assert_string_equal(err_text(&err), "unresolvable CDI devices v.io/c=a");
		err_clear(&err);
		file = xasprintf("%s/v.json", one);
		assert_int_equal(file_write_atomic(AT_FDCWD, file, str_of(spec), 0600), 0);
		free(file);
		file = xasprintf("%s/other.yaml", two);
		assert_int_equal(file_write_atomic(AT_FDCWD, file, STR("{broken"), 0600), 0);
		assert_int_equal(cdi_add(dirs, STR("v.io/c=a"), &e, NULL), 0);
		assert_int_equal(cdi_add(dirs, STR("v.io/c=b"), &e, NULL), 0);
		/* Its own edits once for all devices of a file. */
		assert_int_equal(e.n_env, 2);
		assert_string_equal(e.env[0], "A=1");
		assert_string_equal(e.env[1], "B=2");
		assert_int_equal(e.n_nodes, 2);
		assert_string_equal(e.nodes[0].host_path, "/dev/y");
		assert_string_equal(e.nodes[0].access, "rw");
		assert_string_equal(e.nodes[1].host_path, "/dev/z");
		assert_int_equal(e.n_mounts, 1);
		assert_true(e.mounts[0].read_only && e.mounts[0].nosuid && !e.mounts[0].nodev);
		assert_int_equal(e.mounts[0].propagation, 'l');
		assert_int_equal(e.groups[0], 7);
		assert_int_equal(cdi_add(dirs, STR("v.io/c=hooks"), &e, &err), -EINVAL);
		assert_string_equal(err_text(&err),
				    "CDI device v.io/c=hooks has hooks, which are not supported");
		err_clear(&err);
		/* The later directory wins. */
		free(file);
		file = xasprintf("%s/v.yaml", two);
		assert_int_equal(file_write_atomic(AT_FDCWD, file,
						   STR("kind: v.io/c\ndevices:\n- name: a\n  "
						       "containerEdits: {env: [B=3]}\n"),
						   0600),
				 0);
		cdi_edits_done(&e);
		assert_int_equal(cdi_add(dirs, STR("v.io/c=a"), &e, NULL), 0);
		assert_int_equal(e.n_env, 1);
		assert_string_equal(e.env[0], "B=3");
	}
	cdi_edits_done(&e);
	dir_remove_tree(AT_FDCWD, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
		cmocka_unit_test(test_cdi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
