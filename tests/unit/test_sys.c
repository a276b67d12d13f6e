/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/sys/memory.h"
#include "lib/sys/file.h"
#include "lib/sys/options.h"
#include "lib/sys/timers_uv.h"
#include "tests/unit/test.h"

#include <sys/stat.h>
#include <uv.h>

static void test_file(void **state)
{
	char dir[] = "/tmp/knarr-test-XXXXXX";
	CLEANUP_FREE char *sub = NULL;
	CLEANUP_FREE char *path = NULL;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	sub = xasprintf("%s/a/b/c", dir);
	path = xasprintf("%s/file", sub);
	assert_int_equal(dir_make(sub, 0700), 0);
	assert_int_equal(dir_make(sub, 0700), 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, STR("hello"), 0640), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(dir_make(path, 0700), -EEXIST);
	assert_int_equal(file_read(AT_FDCWD, path, 4, &b), -EFBIG);
	assert_int_equal(b.len, 0);
	assert_int_equal(file_read(AT_FDCWD, path, 5, &b), 0);
	assert_string_equal(b.p, "hello");
	/* A link out of the tree is removed, not followed. */
	free(sub);
	sub = xasprintf("%s/a/link", dir);
	assert_int_equal(symlink("/etc", sub), 0);
	assert_int_equal(dir_remove_tree(AT_FDCWD, dir), 0);
	assert_int_equal(stat(dir, &st), -1);
	assert_int_equal(stat("/etc/passwd", &st), 0);
	assert_int_equal(dir_remove_tree(AT_FDCWD, dir), 0);
}

struct values {
	bool all;
	const char *dir;
	uint64_t n, wait_ns;
	struct option_list names;
};

static const struct option_row rows[] = {
	{"all", 'a', OPTION_FLAG, offsetof(struct values, all), NULL, "everything"},
	{"data-dir", 0, OPTION_STRING, offsetof(struct values, dir), "DIR", "where data is"},
	{"number", 'n', OPTION_U64, offsetof(struct values, n), "N", "how many"},
	{"wait", 0, OPTION_DURATION, offsetof(struct values, wait_ns), "TIME", "how long"},
	{"name", 0, OPTION_LIST, offsetof(struct values, names), "NAME", "a name"},
};
static const struct options_spec spec = {"prog", "FILE", "Does it.", rows, ARRAY_SIZE(rows), NULL};

static int parse(struct values *v, char **argv, const char ***args, size_t *n, struct err *err)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return options_parse(&spec, argc, argv, v, args, n, err);
}

static void test_options(void **state)
{
	char *argv[] = {"prog",  "x",      "-a", "--data-dir=/d", "-n5", "--wait",
			"1m30s", "--name", "p",  "--name=q",      "--",  "-y",
			NULL};
	struct values v = {0};
	const char **args;
	size_t n;

	assert_int_equal(parse(&v, argv, &args, &n, NULL), 0);
	assert_true(v.all);
	assert_string_equal(v.dir, "/d");
	assert_int_equal(v.n, 5);
	assert_int_equal(v.wait_ns, 90 * NSEC_PER_SEC);
	assert_int_equal(v.names.n, 2);
	assert_int_equal(n, 2);
	assert_string_equal(args[1], "-y");
	free(args);
	option_list_done(&v.names);
}

static void test_options_bad(void **state)
{
	static const struct {
		char *arg, *next;
		const char *says;
	} bad[] = {
		{"--data-dri", "x", "unknown option --data-dri, did you mean --data-dir?"},
		{"--data-dir", NULL, "--data-dir needs a value: --data-dir DIR"},
		{"--all=1", NULL, "--all takes no value"},
		{"-n", "five", "--number: \"five\" is not a whole number"},
		{"--wait", "soon", "--wait: \"soon\" is not a duration such as 30s or 1h30m"},
		{"-z", NULL, "unknown option -z (see prog --help)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *argv[] = {"prog", bad[i].arg, bad[i].next, NULL};
		struct values v = {0};
		struct err e = ERR_INIT;
		const char **args;
		size_t n;

		assert_int_equal(parse(&v, argv, &args, &n, &e), -EINVAL);
		assert_string_equal(err_text(&e), bad[i].says);
		err_done(&e);
	}
}

/* ---- timers on a loop ---- */

#define FIRES_MAX 100000u

struct busy {
	struct timers ts;
	struct timers_uv *driver;
	struct timer again, later;
	uv_poll_t poll;
	unsigned fires;
	bool seen, late;
};

static void on_again(struct timer *t)
{
	struct busy *b = container_of(t, struct busy, again);

	b->fires++;
	if ((!b->seen || !b->late) && b->fires < FIRES_MAX)
		timers_soon(&b->ts, t); /* for now, again and again */
}

static void on_later(struct timer *t)
{
	container_of(t, struct busy, later)->late = true;
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct busy *b = p->data;

	(void)status, (void)events;
	b->seen = true;
	uv_close((uv_handle_t *)p, NULL);
}

/* Timers that re-arm themselves at once keep neither files nor other timers waiting. */
static void test_timers_busy(void **state)
{
	struct busy b = {.again.fire = on_again, .later.fire = on_later};
	uv_loop_t loop;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	uv_loop_init(&loop);
	uv_poll_init(&loop, &b.poll, fds[0]);
	b.poll.data = &b;
	timers_init(&b.ts, &clock_system);
	b.driver = timers_uv_attach(&b.ts, &loop);
	timers_soon(&b.ts, &b.again);
	timers_arm_in(&b.ts, &b.later, 2 * NSEC_PER_MSEC);
	uv_poll_start(&b.poll, UV_READABLE, on_readable);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(b.seen && b.late);
	assert_true(b.fires < FIRES_MAX);
	timers_uv_detach(b.driver);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	timers_done(&b.ts);
	close(fds[0]);
	close(fds[1]);
}

/* Freed memory that stands below what is in use stays with the process until it is told. */
static void test_trim_loose(void **state)
{
	enum { N = 20000, SIZE = 1000 };
	CLEANUP_FREE char **v = xcalloc(N, sizeof(*v));
	char *last;

	(void)state;
	for (size_t i = 0; i < N; i++)
		v[i] = xmalloc(SIZE);
	last = xmalloc(SIZE);
	assert_int_equal(memory_trim_loose(N * SIZE / 2), 0); /* it is in use */
	for (size_t i = 0; i < N; i++)
		free(v[i]);
#ifndef __SANITIZE_ADDRESS__
	assert_true(memory_trim_loose(N * SIZE / 2) >= N * SIZE / 2);
#endif
	free(last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trim_loose),  cmocka_unit_test(test_file),
		cmocka_unit_test(test_options),     cmocka_unit_test(test_options_bad),
		cmocka_unit_test(test_timers_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
