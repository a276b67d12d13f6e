/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/object_file.h"

#include <sys/stat.h>

#include "lib/client/client.h"
#include "lib/client/fake.h"
#include "lib/client/informer.h"
#include "lib/sys/file.h"
#include "tests/unit/test.h"
/* What an agent has on disk of Services: killed at any moment, it knows what it was told. */

#define SVC(n) "/api/v1/namespaces/x/services/" n

struct fixture {
	struct fake_time time;
	struct fake_api *api;
	struct client *c;
	char dir[32], path[64];
};

static void begin(struct fixture *f)
{
	*f = (struct fixture){.dir = "/tmp/knarr-of-XXXXXX"};
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/services", f->dir);
	fake_time_init(&f->time);
	f->api = fake_api_new(&f->time.timers);
	f->c = client_new(&(struct client_conf){.transport = fake_api_transport(f->api),
						.timers = &f->time.timers});
}

static void end(struct fixture *f)
{
	client_free(f->c);
	fake_api_free(f->api);
	fake_time_done(&f->time);
	dir_remove_tree(AT_FDCWD, f->dir);
}

static struct informer *services(struct fixture *f)
{
	return informer_new(f->c, &(struct informer_conf){.kind = &client_services, .page = 10});
}

/* What the next agent would begin with, as "a b ". */
static void expect(struct fixture *f, const char *names)
{
	struct informer *in = services(f);
	struct object_file *of = object_file_open(in, &f->time.timers, f->path);
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	for (const char *n = "abcd"; *n; n++) {
		char key[] = {'x', '/', *n, 0};

		if (informer_get(in, str_of(key)))
			buf_addf(&b, "%c ", *n);
	}
	assert_string_equal(b.len ? b.p : "", names);
	object_file_close(of);
	informer_free(in);
}

static void test_changes(void **state)
{
	struct fixture f;
	struct informer *in;
	struct object_file *of;
	struct stat st;

	begin(&f);
	fake_api_put(f.api, SVC("a"), "{}");
	fake_api_put(f.api, SVC("b"), "{}");
	in = services(&f);
	of = object_file_open(in, &f.time.timers, f.path);
	informer_start(in);
	fake_time_run(&f.time, 10 * NSEC_PER_MSEC);
	expect(&f, "a b ");
	fake_api_delete(f.api, SVC("a"));
	fake_api_put(f.api, SVC("c"), "{}");
	fake_time_run(&f.time, 10 * NSEC_PER_MSEC);
	expect(&f, "b c ");
	/* A thousand changes do not make it grow for ever. */
	for (int i = 0; i < 5000; i++) {
		fake_api_put(f.api, SVC("c"), i % 2 ? "{\"spec\":{}}" : "{}");
		fake_time_run(&f.time, 10 * NSEC_PER_MSEC);
	}
	assert_int_equal(stat(f.path, &st), 0);
	assert_in_range(st.st_size, 100, 100 << 10);
	assert_int_equal(st.st_mode & 0777, 0600);
	expect(&f, "b c ");
	object_file_close(of);
	informer_free(in);
	end(&f);
}

static void test_torn(void **state)
{
	static const char *const b =
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":"
		"{\"name\":\"b\",\"namespace\":\"x\",\"resourceVersion\":\"7\"}}\n";
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	CLEANUP_FD int fd = -1;
	struct fixture f;

	begin(&f);
	/* A deletion that was cut off may not delete another; what follows it is whole. */
	buf_addf(&text, "%s{\"torn\n-x/b", b);
	fd = open(f.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fd_write_all(fd, text.p, text.len), 0);
	expect(&f, "b ");
	assert_int_equal(lseek(fd, 0, SEEK_END), strlen(b) + strlen("{\"torn\n"));
	assert_int_equal(fd_write_all(fd, "-x/b\n", 5), 0);
	expect(&f, "");
	end(&f);
}

/* A file that cannot be written is written when it can be again. */
static void test_no_room(void **state)
{
	struct fixture f;
	struct informer *in;
	struct object_file *of;

	char sub[48];

	begin(&f);
	snprintf(sub, sizeof(sub), "%s/sub", f.dir);
	snprintf(f.path, sizeof(f.path), "%s/services", sub);
	in = services(&f);
	of = object_file_open(in, &f.time.timers, f.path);
	informer_start(in);
	fake_api_put(f.api, SVC("a"), "{}");
	fake_time_run(&f.time, 20 * NSEC_PER_SEC);
	assert_int_equal(mkdir(sub, 0755), 0);
	fake_time_run(&f.time, 20 * NSEC_PER_SEC);
	expect(&f, "a ");
	object_file_close(of);
	informer_free(in);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
