/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/registry.h"

#include <sys/stat.h>
#include <uv.h>

#include "lib/base/pb.h"
#include "lib/sys/file.h"
#include "lib/sys/timers_uv.h"
#include "tests/http/grpc_server.h"
#include "tests/unit/test.h"

struct lab {
	uv_loop_t loop;
	struct timers timers;
	struct timers_uv *tuv;
	char dir[40], path[64];
	struct plugin_registry *registry;
	/* The plugin's side. */
	const char *type, *name, *endpoint;
	unsigned asked, told;
	bool registered;
	char why[256];
	/* The handler's side. */
	unsigned added, gone;
	char got[128];
	unsigned refuse; /* so many times */
	bool hold; /* no answer */
};

static void handle(void *user, struct str method, struct str request, struct grpc_answer_to *ret)
{
	struct lab *l = user;

	if (str_eqs(method, "/pluginregistration.Registration/GetInfo")) {
		l->asked++;
		pb_put_text(&ret->body, 1, str_of(l->type));
		pb_put_text(&ret->body, 2, str_of(l->name));
		pb_put_text(&ret->body, 3, str_of(l->endpoint));
		pb_put_bytes(&ret->body, 4, STR("1.0.0"));
		pb_put_bytes(&ret->body, 4, STR("v1.10.2"));
		pb_put_bytes(&ret->body, 4, STR("1.9.0"));
		pb_put_bytes(&ret->body, 4, STR("0.3.0"));
		return;
	}
	assert_true(str_eqs(method, "/pluginregistration.Registration/NotifyRegistrationStatus"));
	l->told++;
	l->registered = pb_get_u64(request, 1) != 0;
	str_copy(l->why, sizeof(l->why), pb_get_bytes(request, 2));
}

static int check(void *user, const struct plugin_info *info, struct err *err)
{
	return strcmp(info->name, "bad") == 0 ? err_sys(err, EINVAL, "bad name") : 0;
}

static void add(void *user, const struct plugin_info *info, struct plugin *p)
{
	struct lab *l = user;
	struct err err = ERR_INIT;

	l->added++;
	snprintf(l->got, sizeof(l->got), "%s %s %s", info->name, info->endpoint,
		 plugin_version(info, 1));
	assert_string_equal(plugin_version(info, 0), "0.3.0");
	assert_null(plugin_version(info, 2));
	if (l->hold)
		return;
	if (l->refuse) {
		l->refuse--;
		err_sys(&err, EIO, "not yet");
	}
	plugin_answer(p, &err);
	err_done(&err);
}

static void gone(void *user, const struct plugin_info *info)
{
	((struct lab *)user)->gone++;
}

static const struct plugin_handler handler = {"CSIPlugin", check, add, gone};

static int setup(void **state)
{
	struct lab *l = NEW(struct lab);

	uv_loop_init(&l->loop);
	timers_init(&l->timers, &clock_system);
	l->tuv = timers_uv_attach(&l->timers, &l->loop);
	str_copy(l->dir, sizeof(l->dir), STR("/tmp/knarr-plugins-XXXXXX"));
	assert_non_null(mkdtemp(l->dir));
	snprintf(l->path, sizeof(l->path), "%s/a.sock", l->dir);
	l->type = "CSIPlugin";
	l->name = "disk.example.com";
	l->endpoint = "/plugins/disk/csi.sock";
	*state = l;
	return 0;
}

static void start(struct lab *l)
{
	struct plugin_handler_row rows[] = {{&handler, l}};

	assert_int_equal(plugin_registry_start(&(struct plugin_registry_conf){.loop = &l->loop,
									      .timers = &l->timers,
									      .dir = l->dir,
									      .rows = rows,
									      .n_rows = 1},
					       &l->registry, NULL),
			 0);
}

static int teardown(void **state)
{
	struct lab *l = *state;

	plugin_registry_stop(l->registry);
	l->tuv = timers_uv_detach(l->tuv);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&l->loop), 0);
	timers_done(&l->timers);
	dir_remove_tree(AT_FDCWD, l->dir);
	free(l);
	return 0;
}

#define RUN_UNTIL(cond) \
	while (!(cond)) \
	uv_run(&l->loop, UV_RUN_ONCE)

static void test_comes_and_goes(void **state)
{
	struct lab *l = *state;
	struct grpc_server *s;

	start(l);
	s = grpc_server_new(&l->loop, l->path, handle, l);
	RUN_UNTIL(l->told == 1);
	assert_true(l->registered);
	assert_string_equal(l->why, "");
	assert_string_equal(l->got, "disk.example.com /plugins/disk/csi.sock v1.10.2");
	grpc_server_free(s);
	RUN_UNTIL(l->gone == 1);
	/* Another of the same name: registered anew. Without an endpoint it is the socket itself.
	 */
	l->endpoint = "";
	s = grpc_server_new(&l->loop, l->path, handle, l);
	RUN_UNTIL(l->told == 2);
	assert_non_null(strstr(l->got, l->path));
	grpc_server_free(s);
	RUN_UNTIL(l->gone == 2);
}

/* What was there before the agent, in a folder, and beside it what is no plugin. */
static void test_found_at_start(void **state)
{
	struct lab *l = *state;
	CLEANUP_FREE char *sub = xasprintf("%s/disk", l->dir);
	CLEANUP_FREE char *path = xasprintf("%s/reg.sock", sub);
	CLEANUP_FREE char *hidden = xasprintf("%s/.hidden.sock", l->dir);
	struct grpc_server *s, *h;

	assert_int_equal(mkdir(sub, 0755), 0);
	s = grpc_server_new(&l->loop, path, handle, l);
	h = grpc_server_new(&l->loop, hidden, handle, l);
	start(l);
	RUN_UNTIL(l->told == 1);
	assert_int_equal(l->asked, 1);
	grpc_server_free(h);
	grpc_server_free(s);
	RUN_UNTIL(l->gone == 1);
	/* The folder is watched as well. */
	s = grpc_server_new(&l->loop, path, handle, l);
	RUN_UNTIL(l->told == 2);
	assert_true(l->registered);
	grpc_server_free(s);
}

static void test_refused(void **state)
{
	struct lab *l = *state;
	struct grpc_server *s;

	start(l);
	l->type = "Nonsense";
	s = grpc_server_new(&l->loop, l->path, handle, l);
	RUN_UNTIL(l->told == 1);
	assert_false(l->registered);
	assert_non_null(strstr(l->why, "no handler registered for plugin type: Nonsense"));
	l->type = "CSIPlugin";
	l->name = "bad";
	RUN_UNTIL(strstr(l->why, "bad name"));
	assert_int_equal(l->added, 0);
	/* What fails for now is tried again. */
	l->name = "good";
	l->refuse = 1;
	RUN_UNTIL(strstr(l->why, "not yet"));
	RUN_UNTIL(l->registered);
	assert_int_equal(l->added, 2);
	grpc_server_free(s);
	RUN_UNTIL(l->gone == 1);
}

/* Gone, or the agent ends, before the handler has answered. */
static void test_gone_meanwhile(void **state)
{
	struct lab *l = *state;
	struct grpc_server *s;

	start(l);
	l->hold = true;
	s = grpc_server_new(&l->loop, l->path, handle, l);
	RUN_UNTIL(l->added == 1);
	grpc_server_free(s);
	RUN_UNTIL(l->gone == 1);
	s = grpc_server_new(&l->loop, l->path, handle, l);
	RUN_UNTIL(l->added == 2);
	l->registry = plugin_registry_stop(l->registry);
	grpc_server_free(s);
	assert_int_equal(l->gone, 1);
	assert_int_equal(l->told, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_found_at_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_meanwhile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
