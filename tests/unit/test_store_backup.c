/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/backup.h"
#include "tests/unit/masters_fixture.h"

/* Backups taken from running masters, and what is made of them. */

static char *in_dir(struct fix *f, const char *name)
{
	return xasprintf("%s/%s", f->dir, name);
}

struct saved {
	bool done;
	int err;
	struct store_backup_info info;
};

static void on_saved(void *user, int err, const struct store_backup_info *info)
{
	struct saved *s = user;

	s->done = true;
	s->err = err;
	if (info)
		s->info = *info;
}

static struct saved save(struct fix *f, unsigned i, const char *path)
{
	uint64_t began = clock_mono_ns(&clock_system);
	struct saved s = {0};

	store_backup_save(f->m[i].s, path, on_saved, &s);
	for (unsigned n = 0; !s.done; n++) { /* writes go on meanwhile */
		if (n < 20)
			put_begin(f, wait_leader(f), "/g/r/n/meanwhile", "v");
		turn(f, began);
	}
	return s;
}

static void restore(const char *path, const char *dir, struct store_backup_info *ret)
{
	struct store_restore conf = {.dir = dir,
				     .id = 1,
				     .address = "",
				     .bump = STORE_REVISION_BUMP,
				     .drop_prefix = "/g/gone/"};
	CLEANUP(err_done) struct err err = ERR_INIT;

	if (store_restore(path, &conf, ret, &err) < 0)
		fail_msg("%s", err_text(&err));
}

/* Everything is there again, under new revisions, and the old cluster is another one. */
static void test_restore(void **state)
{
	struct fix *f = *state;
	CLEANUP_FREE char *path = in_dir(f, "backup"), *first = in_dir(f, "1");
	struct store_watch_spec spec = {.prefix = STR("/g/r/")};
	struct store_backup_info info, again;
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct store_watch *w;
	struct saved s;
	uint64_t cluster, rev;
	char key[32];
	unsigned n;

	for (unsigned i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "/g/r/n/%u", i);
		put(f, key, "value");
	}
	put(f, "/g/gone/n/a", "v");
	cluster = store_cluster(f->m[0].s);
	for (unsigned i = 0; i < MASTERS; i++) {
		wait_has(f, i, "/g/gone/n/a", "v");
		s = save(f, i, path);
		assert_int_equal(s.err, 0);
		if (store_backup_check(path, &info, &err) < 0)
			fail_msg("%s", err_text(&err));
		assert_int_equal(info.cluster, cluster);
		assert_int_equal(info.rev, s.info.rev);
		assert_int_equal(info.objects, s.info.objects);
		assert_int_equal(info.bytes, s.info.bytes);
		assert_true(info.rev >= 101 && info.objects >= 101 && info.objects <= 102);
	}
	rev = info.rev;
	for (unsigned i = 0; i < MASTERS; i++)
		master_close(f, i);
	dir_remove_tree(AT_FDCWD, first);
	restore(path, first, &again);
	assert_int_equal(again.rev, rev + STORE_REVISION_BUMP);
	assert_int_not_equal(again.cluster, cluster);
	assert_int_equal(again.objects, info.objects - 1);

	master_open_as(f, 0, ALONE);
	assert_int_equal(store_cluster(f->m[0].s), again.cluster);
	assert_int_equal(store_rev(f->m[0].s), again.rev);
	assert_true(has(&f->m[0], "/g/r/n/99", "value"));
	assert_false(has(&f->m[0], "/g/gone/n/a", "v"));
	spec.from_rev = rev;
	assert_int_equal(store_watch(f->m[0].s, &spec, NULL, NULL, &w), -ESTALE);
	n = f->answers + 1;
	assert_int_equal(put_begin(f, 0, "/g/r/n/99", "new"), 0);
	wait_answer(f, n);
	assert_int_equal(f->last_rev, again.rev + 1);

	/* The old cluster's others want nothing of it, nor it of them. */
	master_open(f, 1);
	master_open(f, 2);
	for (unsigned ms = 0; ms < 1000; ms += 5)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_true(has(&f->m[0], "/g/r/n/99", "new"));
	assert_true(has(&f->m[1], "/g/r/n/99", "value"));

	/* And it grows again. */
	master_close(f, 1);
	master_close(f, 2);
	for (unsigned i = 1; i < MASTERS; i++) {
		CLEANUP_FREE char *dir = xasprintf("%s/%u", f->dir, i + 1);

		dir_remove_tree(AT_FDCWD, dir);
		master_open_as(f, i, JOINING);
		set_role(f, i + 1, STORE_STANDBY);
		wait_has(f, i, "/g/r/n/99", "new");
		set_role(f, i + 1, STORE_VOTER);
	}
	same_everywhere(f);
	unlink(path);
}

static void expect_bad(const char *path, const char *bytes, size_t len, int want)
{
	CLEANUP_FREE char *dir = xasprintf("%s.restored", path);
	struct store_restore conf = {.dir = dir, .id = 1, .address = ""};
	CLEANUP(err_done) struct err err = ERR_INIT, err2 = ERR_INIT;
	struct store_backup_info info;
	int r;

	assert_int_equal(file_write_atomic(AT_FDCWD, path, str_n(bytes, len), 0600), 0);
	r = store_backup_check(path, &info, &err);
	if (r != want)
		fail_msg("%zu bytes: %d (%s), not %d", len, r, err_text(&err), want);
	assert_true(strlen(err_text(&err)) > 10);
	/* And nothing is made of it. */
	assert_int_equal(store_restore(path, &conf, NULL, &err2), want);
	assert_int_equal(access(dir, F_OK), -1);
}

/* Cut short anywhere, any byte changed, a newer format, something else. */
static void test_damaged(void **state)
{
	struct fix *f = *state;
	CLEANUP_FREE char *path = in_dir(f, "backup"), *other = in_dir(f, "other");
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct store_backup_info info;
	struct saved s;

	put(f, "/g/r/n/a", "some value");
	put(f, "/g/r/n/b", "some other value");
	s = save(f, wait_leader(f), path);
	assert_int_equal(s.err, 0);
	assert_int_equal(file_read(AT_FDCWD, path, 1u << 20, &b), 0);
	assert_int_equal(b.len, s.info.file_bytes);
	for (size_t len = 0; len < b.len; len += 1 + len / 64)
		expect_bad(other, b.p, len, -EBADMSG);
	for (size_t at = 0; at < b.len; at += 1 + at / 32) {
		b.p[at] ^= 0x10;
		expect_bad(other, b.p, b.len, at == 7 ? -EPROTO : -EBADMSG);
		b.p[at] ^= 0x10;
	}
	buf_addc(&b, 'x');
	expect_bad(other, b.p, b.len, -EBADMSG);
	expect_bad(other, "KnarrBk2 and what a later version writes", 40, -EPROTO);
	expect_bad(other, "apiVersion: v1\nkind: List\n", 26, -EBADMSG);
	assert_int_equal(store_backup_check(f->dir, &info, &err), -EINVAL);
	err_clear(&err);
	assert_int_equal(store_backup_check("/nonexistent/x", &info, &err), -ENOENT);
	/* What can't be written is said, and nothing is left. */
	s = save(f, wait_leader(f), "/nonexistent/x");
	assert_int_equal(s.err, -ENOENT);
	unlink(path);
	unlink(other);
}

/* Only one of three is left: it becomes a cluster of its own with all it has. */
static void test_rebuild(void **state)
{
	struct fix *f = *state;
	CLEANUP_FREE char *old = NULL, *dir = in_dir(f, "rebuilt"), *moved = in_dir(f, "moved");
	struct store_restore conf = {.dir = dir, .bump = 1000, .drop_prefix = "/g/gone/"};
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct store_backup_info info;
	struct store_member v[MASTERS];
	uint64_t rev, cluster;
	unsigned last;

	fill(f, "a"); /* with a snapshot */
	put(f, "/g/gone/n/a", "v");
	put(f, "/g/r/n/last", "v");
	last = (wait_leader(f) + 1) % MASTERS;
	wait_has(f, last, "/g/r/n/last", "v");
	rev = store_rev(f->m[last].s);
	cluster = store_cluster(f->m[last].s);
	old = xasprintf("%s/%u", f->dir, last + 1);
	assert_int_equal(store_rebuild(old, &conf, &info, &err), -EWOULDBLOCK);
	err_clear(&err);
	for (unsigned i = 0; i < MASTERS; i++)
		master_close(f, i);
	if (store_rebuild(old, &conf, &info, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_int_equal(info.rev, rev + 1000);
	assert_int_not_equal(info.cluster, cluster);
	assert_int_equal(store_rebuild(old, &conf, &info, &err), -ENOTEMPTY);
	assert_int_equal(rename(old, moved), 0);
	assert_int_equal(rename(dir, old), 0);

	master_open(f, last); /* the members it is given are of no interest any more */
	assert_int_equal(store_role(f->m[last].s), STORE_LEADER);
	assert_int_equal(store_members(f->m[last].s, v, MASTERS), 1);
	assert_int_equal(v[0].id, last + 1);
	assert_true(has(&f->m[last], "/g/r/n/last", "v"));
	assert_false(has(&f->m[last], "/g/gone/n/a", "v"));
	put(f, "/g/r/n/new", "v");
	/* The others come back: they are of the old cluster. */
	for (unsigned i = 0; i < MASTERS; i++)
		if (i != last)
			master_open(f, i);
	for (unsigned ms = 0; ms < 1000; ms += 5)
		uv_run(&f->loop, UV_RUN_ONCE);
	for (unsigned i = 0; i < MASTERS; i++)
		assert_int_equal(has(&f->m[i], "/g/r/n/new", "v"), i == last);
}

/* Restored over something: never. */
static void test_not_empty(void **state)
{
	struct fix *f = *state;
	CLEANUP_FREE char *path = in_dir(f, "backup"), *dir = in_dir(f, "1");
	struct store_restore conf = {.dir = dir, .id = 1, .address = ""};
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct saved s;

	put(f, "/g/r/n/a", "v");
	s = save(f, wait_leader(f), path);
	assert_int_equal(s.err, 0);
	assert_int_equal(store_restore(path, &conf, NULL, &err), -ENOTEMPTY);
	assert_non_null(strstr(err_text(&err), "not empty"));
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_restore, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rebuild, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_empty, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
