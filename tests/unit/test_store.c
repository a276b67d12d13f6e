/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/sys/file.h"
#include "master/store/store.h"
#include "tests/unit/test.h"

#include <uv.h>

/* A store on real files in a directory of its own, with a loop. */
struct fix {
	char dir[64];
	uv_loop_t loop;
	struct store_conf conf;
	struct store *s;
	unsigned answers, errors;
	int last_err;
	uint64_t last_rev;
};

static struct str index_value(void *user, struct str meta, struct str field)
{
	/* Test meta is just the value of "node". */
	return str_eqs(field, "node") && meta.len ? meta : STR_NULL;
}

static void fix_open(struct fix *f)
{
	struct err err = ERR_INIT;
	int r;

	uv_loop_init(&f->loop);
	f->conf.dir = f->dir;
	f->conf.loop = &f->loop;
	f->conf.index_value = index_value;
	r = store_open(&f->conf, &f->s, &err);
	if (r < 0)
		print_error("store_open: %s\n", err_text(&err));
	assert_int_equal(r, 0);
	assert_int_equal(store_role(f->s), STORE_LEADER);
}

static void fix_close(struct fix *f)
{
	store_close(f->s);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	f->s = NULL;
}

static int setup(void **state)
{
	struct fix *f = NEW(struct fix);

	str_copy(f->dir, sizeof(f->dir), STR("/tmp/knarr-store-XXXXXX"));
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	fix_open(f);
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	if (f->s)
		fix_close(f);
	dir_remove_tree(AT_FDCWD, f->dir);
	free(f);
	return 0;
}

static void answered(void *user, const struct store_result *r)
{
	struct fix *f = user;

	f->answers++;
	f->errors += r->err != 0;
	f->last_err = r->err;
	f->last_rev = r->rev;
}

static void run_until(struct fix *f, unsigned answers)
{
	while (f->answers < answers)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static int txn(struct fix *f, const struct store_op *ops, size_t n)
{
	int r = store_txn(f->s, ops, n, answered, f);

	if (r < 0)
		return r;
	run_until(f, f->answers + 1);
	return f->last_err;
}

static int put(struct fix *f, const char *key, const char *value, uint64_t expect)
{
	struct store_op op = {.type = STORE_PUT,
			      .expect = expect,
			      .key = str_of(key),
			      .value = str_of(value),
			      .rv_at = STORE_NO_RV};

	return txn(f, &op, 1);
}

static void assert_value(struct fix *f, const char *key, const char *value)
{
	struct store_view *v = store_view(f->s);
	const struct store_obj *o = store_get(v, str_of(key));

	if (value) {
		assert_non_null(o);
		assert_true(str_eqs(o->value, value));
	} else {
		assert_null(o);
	}
	store_view_unref(v);
}

static void test_put_get(void **state)
{
	struct fix *f = *state;
	struct store_op op = {.type = STORE_PUT,
			      .expect = STORE_ABSENT,
			      .key = STR("/core/pods/default/a"),
			      .value = STR("{\"rv\":\"\"}"),
			      .meta = STR("n1"),
			      .rv_at = 7};
	struct store_view *old;

	assert_int_equal(txn(f, &op, 1), 0);
	assert_int_equal(f->last_rev, 1);
	assert_value(f, "/core/pods/default/a", "{\"rv\":\"1\"}");
	old = store_view(f->s);
	assert_int_equal(txn(f, &op, 1), -EEXIST);
	op.expect = 1;
	assert_int_equal(txn(f, &op, 1), 0);
	assert_int_equal(txn(f, &op, 1), -EAGAIN);
	assert_value(f, "/core/pods/default/a", "{\"rv\":\"2\"}");
	assert_true(str_eqs(store_get(old, op.key)->value, "{\"rv\":\"1\"}"));
	store_view_unref(old);
	op.type = STORE_DELETE;
	op.expect = 1;
	assert_int_equal(txn(f, &op, 1), -EAGAIN);
	op.expect = STORE_ANY;
	assert_int_equal(txn(f, &op, 1), 0);
	assert_int_equal(txn(f, &op, 1), -ENOENT);
	assert_value(f, "/core/pods/default/a", NULL);
	assert_int_equal(store_rev(f->s), 3);
}

static void test_bad_ops(void **state)
{
	struct fix *f = *state;
	static const char *const keys[] = {"",       "/a/b/c",     "a/b/c/d",
					   "//////", "/core/a/b/", "/a/b/c/d/e"};
	static const bool good[] = {0, 0, 0, 0, 1, 0};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_int_equal(put(f, keys[i], "x", STORE_ANY), good[i] ? 0 : -EINVAL);
	struct store_op op = {
		.type = STORE_PUT, .key = STR("/a/b/c/d"), .value = STR("xy"), .rv_at = 3};

	assert_int_equal(txn(f, &op, 1), -EINVAL);
	assert_int_equal(txn(f, &op, 0), -EINVAL);
	op.value.len = STORE_VALUE_MAX + 1;
	assert_int_equal(txn(f, &op, 1), -EMSGSIZE);
}

static void test_multi(void **state)
{
	struct fix *f = *state;
	struct store_op ops[] = {
		{.type = STORE_PUT, .key = STR("/g/r/n/a"), .value = STR("1"), .rv_at = 1},
		{.type = STORE_CHECK, .key = STR("/g/r/n/a"), .expect = STORE_ANY},
		{.type = STORE_DELETE, .key = STR("/g/r/n/b"), .expect = STORE_ANY},
	};

	assert_int_equal(txn(f, ops, 3), -ENOENT);
	assert_value(f, "/g/r/n/a", NULL);
	assert_int_equal(store_rev(f->s), 0);
	assert_int_equal(put(f, "/g/r/n/b", "x", STORE_ABSENT), 0);
	assert_int_equal(txn(f, ops, 3), 0);
	assert_value(f, "/g/r/n/a", "12");
	assert_value(f, "/g/r/n/b", NULL);
	assert_int_equal(store_rev(f->s), 3);
}

static void test_reopen(void **state)
{
	struct fix *f = *state;
	char key[64] = "";

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++) {
			struct store_op op = {.type = STORE_PUT,
					      .expect = STORE_ANY,
					      .key = str_of(key),
					      .value = STR("v"),
					      .rv_at = 1};

			snprintf(key, sizeof(key), "/g/r/n/%d", i);
			op.key = str_of(key);
			assert_int_equal(store_txn(f->s, &op, 1, answered, f), 0);
		}
		run_until(f, 100u * (unsigned)(round + 1));
		if (round == 1)
			store_snapshot_now(f->s);
		fix_close(f);
		fix_open(f);
		assert_int_equal(store_rev(f->s), 100 * (round + 1));
		snprintf(key, sizeof(key), "v%d", 100 * round + 8);
		assert_value(f, "/g/r/n/7", key);
	}
	assert_int_equal(f->errors, 0);
}

static void test_range(void **state)
{
	struct fix *f = *state;
	struct store_view *v;
	struct store_iter it;
	const struct store_obj *o;
	unsigned n = 0;

	put(f, "/core/pods/a/x", "1", STORE_ANY);
	put(f, "/core/pods/a/y", "2", STORE_ANY);
	put(f, "/core/pods/a-b/z", "3", STORE_ANY);
	put(f, "/core/nodes//n1", "4", STORE_ANY);
	v = store_view(f->s);
	assert_int_equal(store_count(v, STR("/core/pods/"), STR_NULL), 3);
	assert_int_equal(store_count(v, STR("/core/pods/a/"), STR_NULL), 2);
	assert_int_equal(store_count(v, STR("/core/pods/a/"), STR("/core/pods/a/x")), 1);
	assert_int_equal(store_count(v, STR("/core/pod/"), STR_NULL), 0);
	store_range(v, STR("/core/pods/a/"), STR("/core/pods/a/x"), &it);
	while ((o = store_iter_next(&it))) {
		assert_true(str_eqs(o->key, "/core/pods/a/y"));
		n++;
	}
	assert_int_equal(n, 1);
	store_view_unref(v);
}

struct seen {
	unsigned n, deletes;
	uint64_t last;
	int err;
	struct store_watch *w;
	unsigned pause_at;
};

static void saw(void *user, const struct store_event *ev, int err)
{
	struct seen *s = user;

	if (!ev) {
		s->err = err;
		return;
	}
	assert_true(ev->rev > s->last);
	s->last = ev->rev;
	s->n++;
	s->deletes += ev->type == STORE_EVENT_DELETE;
	if (s->n == s->pause_at)
		store_watch_pause(s->w);
}

static void settle(struct fix *f)
{
	for (int i = 0; i < 50; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

static int watch(struct fix *f, struct seen *s, const char *prefix, const char *node, uint64_t rev)
{
	struct store_watch_spec spec = {.prefix = str_of(prefix), .from_rev = rev};

	if (node) {
		spec.field = STR("node");
		spec.value = str_of(node);
	}
	*s = (struct seen){.last = rev};
	return store_watch(f->s, &spec, saw, s, &s->w);
}

static void test_watch(void **state)
{
	struct fix *f = *state;
	struct seen all, ns, one, node, late, paused;
	struct store_op op = {.type = STORE_PUT,
			      .expect = STORE_ANY,
			      .key = STR("/core/pods/d/a"),
			      .value = STR("v"),
			      .rv_at = STORE_NO_RV};

	assert_int_equal(watch(f, &all, "/core/pods", NULL, 0), -EINVAL);
	assert_int_equal(watch(f, &all, "/core/pods/", NULL, 5), -ERANGE);
	assert_int_equal(watch(f, &all, "/core/pods/", NULL, 0), 0);
	assert_int_equal(watch(f, &ns, "/core/pods/d/", NULL, 0), 0);
	assert_int_equal(watch(f, &one, "/core/pods/d/a", NULL, 0), 0);
	assert_int_equal(watch(f, &node, "/core/pods/", "n1", 0), 0);
	assert_int_equal(watch(f, &paused, "/core/pods/", NULL, 0), 0);
	paused.pause_at = 2;
	settle(f);
	txn(f, &op, 1); /* 1: no node */
	op.meta = STR("n1");
	txn(f, &op, 1); /* 2: onto n1 */
	op.meta = STR("n2");
	txn(f, &op, 1); /* 3: off n1 */
	op.key = STR("/core/pods/e/a");
	txn(f, &op, 1); /* 4 */
	op.key = STR("/core/pods/d/ab");
	txn(f, &op, 1); /* 5 */
	op.key = STR("/core/nodes//ab");
	txn(f, &op, 1); /* 6: not a pod */
	op.key = STR("/core/pods/d/a");
	op.type = STORE_DELETE;
	txn(f, &op, 1); /* 7 */
	settle(f);
	assert_int_equal(all.n, 6);
	assert_int_equal(all.deletes, 1);
	assert_int_equal(ns.n, 5);
	assert_int_equal(one.n, 4);
	assert_int_equal(node.n, 2);
	assert_int_equal(paused.n, 2);
	assert_int_equal(store_watch_rev(node.w), 7);
	assert_int_equal(store_watch_rev(paused.w), 2);
	store_watch_resume(paused.w);
	assert_int_equal(watch(f, &late, "/core/pods/", NULL, 3), 0);
	settle(f);
	assert_int_equal(paused.n, 6);
	assert_int_equal(late.n, 3);
	store_unwatch(all.w);
	store_unwatch(ns.w);
	store_unwatch(one.w);
	store_unwatch(node.w);
	store_unwatch(paused.w);
	fix_close(f);
	assert_int_equal(late.err, -ECANCELED);
	store_unwatch(late.w);
}

static void test_watch_after_restart(void **state)
{
	struct fix *f = *state;
	struct seen s;

	for (int i = 0; i < 10; i++)
		put(f, "/g/r/n/a", "x", STORE_ANY);
	fix_close(f);
	fix_open(f);
	assert_int_equal(watch(f, &s, "/g/r/", NULL, 4), 0);
	settle(f);
	assert_int_equal(s.n, 6);
	store_unwatch(s.w);
}

static void test_watch_stale(void **state)
{
	struct fix *f = *state;
	struct seen slow, late;

	fix_close(f);
	f->conf.window_bytes = 4096;
	fix_open(f);
	put(f, "/g/r/n/a", "x", STORE_ANY);
	assert_int_equal(watch(f, &slow, "/g/r/", NULL, 0), 0);
	slow.pause_at = 1;
	settle(f);
	assert_int_equal(slow.n, 1);
	for (int i = 0; i < 60; i++)
		put(f, "/g/r/n/a", "x", STORE_ANY);
	assert_int_equal(watch(f, &late, "/g/r/", NULL, 1), -ESTALE);
	store_watch_resume(slow.w);
	settle(f);
	assert_int_equal(slow.n, 1);
	assert_int_equal(slow.err, -ESTALE);
	store_unwatch(slow.w);
}

/* The same objects (not only equal ones) under a prefix. */
static void same_range(const struct store_view *a, const struct store_view *b, const char *prefix)
{
	const struct store_obj *o;
	struct store_iter x, y;

	assert_int_equal(store_count(a, str_of(prefix), STR_NULL),
			 store_count(b, str_of(prefix), STR_NULL));
	store_range(a, str_of(prefix), STR_NULL, &x);
	store_range(b, str_of(prefix), STR_NULL, &y);
	while ((o = store_iter_next(&x)))
		assert_ptr_equal(o, store_iter_next(&y));
	assert_null(store_iter_next(&y));
}

/* Keys come, change, go and come again: every view that was there can be made anew. */
static void test_view_at(void **state)
{
	enum { N = 400 };
	struct fix *f = *state;
	struct store_view *kept[N + 1], *made;
	uint64_t seed = 1;
	char key[40];

	kept[0] = store_view(f->s);
	for (uint64_t rev = 1; rev <= N;
	     seed = seed * 6364136223846793005u + 1442695040888963407u) {
		struct store_op op = {.type = STORE_DELETE, .expect = STORE_ANY};

		snprintf(key, sizeof(key), "/g/%c/n/%u", "rs"[(seed >> 33) % 4 == 0],
			 (unsigned)(seed >> 40) % 60);
		op.key = str_of(key);
		if ((seed >> 50) % 3)
			assert_int_equal(put(f, key, "x", STORE_ANY), 0);
		else if (txn(f, &op, 1) == -ENOENT)
			continue;
		kept[rev++] = store_view(f->s);
	}
	for (uint64_t rev = 0; rev <= N; rev++) {
		const char *prefix = rev % 2 ? "/g/r/n/" : "/g/s/";

		assert_int_equal(store_view_at(f->s, rev, str_of(prefix), 0, &made), 0);
		assert_int_equal(store_view_rev(made), rev);
		same_range(made, kept[rev], prefix);
		store_view_unref(made);
	}
	/* The newest is as it was, and what was made outlives the window. */
	assert_int_equal(store_view_at(f->s, N + 1, STR("/g/"), 0, &made), -ERANGE);
	assert_int_equal(store_view_at(f->s, 7, STR("/g/"), 0, &made), 0);
	fix_close(f);
	same_range(made, kept[7], "/g/");
	store_view_unref(made);
	for (size_t i = 0; i <= N; i++)
		store_view_unref(kept[i]);
}

static uint64_t later_mono(void *user)
{
	return clock_mono_ns(&clock_system) + *(uint64_t *)user;
}

static int64_t later_real(void *user)
{
	return clock_real_ns(&clock_system) + *(int64_t *)user;
}

/* A revision that has not been the newest for too long is refused where that is asked for. */
static void test_view_at_age(void **state)
{
	struct fix *f = *state;
	uint64_t later = 0;
	struct clock clock = {later_mono, later_real, &later};
	struct store_view *v;

	fix_close(f);
	f->conf.clock = &clock;
	fix_open(f);
	put(f, "/g/r/n/a", "x", STORE_ANY);
	later += 600 * NSEC_PER_SEC;
	assert_int_equal(store_view_at(f->s, 1, STR("/g/"), 300 * NSEC_PER_SEC, &v), 0);
	store_view_unref(v);
	put(f, "/g/r/n/a", "y", STORE_ANY);
	assert_int_equal(store_view_at(f->s, 1, STR("/g/"), 300 * NSEC_PER_SEC, &v), 0);
	store_view_unref(v);
	later += 600 * NSEC_PER_SEC;
	assert_int_equal(store_view_at(f->s, 1, STR("/g/"), 300 * NSEC_PER_SEC, &v), -ESTALE);
	assert_int_equal(store_view_at(f->s, 1, STR("/g/"), 0, &v), 0);
	assert_true(str_eqs(store_get(v, STR("/g/r/n/a"))->value, "x"));
	store_view_unref(v);
	fix_close(f);
}

static void test_ttl(void **state)
{
	struct fix *f = *state;
	struct seen s;
	struct store_op op = {.type = STORE_PUT,
			      .expect = STORE_ANY,
			      .key = STR("/core/events/d/a"),
			      .value = STR("v"),
			      .rv_at = STORE_NO_RV,
			      .ttl_s = 1};

	assert_int_equal(watch(f, &s, "/core/events/", NULL, 0), 0);
	txn(f, &op, 1);
	op.key = STR("/core/events/d/b");
	txn(f, &op, 1);
	op.ttl_s = 0;
	txn(f, &op, 1); /* b stays */
	while (!s.deletes)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_value(f, "/core/events/d/a", NULL);
	assert_value(f, "/core/events/d/b", "v");
	store_unwatch(s.w);
}

static void test_lock(void **state)
{
	struct fix *f = *state;
	struct store *other;
	struct err err = ERR_INIT;

	assert_int_equal(store_open(&f->conf, &other, &err), -EWOULDBLOCK);
	assert_non_null(strstr(err_text(&err), "in use"));
	err_done(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_put_get, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_ops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_multi, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch_after_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_view_at, setup, teardown),
		cmocka_unit_test_setup_teardown(test_view_at_age, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ttl, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
