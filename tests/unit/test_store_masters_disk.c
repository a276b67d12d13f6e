/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/masters_fixture.h"

#include <sys/mount.h>

/* What one master's disk does to it and to the others. */

/* Puts until the log of every master that has room has rolled several times. */
static void put_many(struct fix *f, const char *prefix, unsigned n)
{
	CLEANUP_FREE char *value = xcalloc(1, BIG + 1);
	char key[64];

	memset(value, 'x', BIG);
	for (unsigned i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "/g/%s/n/%02u", prefix, i % 20);
		put(f, key, value);
	}
}

/* A follower's full disk is no trouble for the others, and none for itself when there is room. */
static void test_full_follower(void **state)
{
	struct fix *f = *state;
	unsigned full;

	put(f, "/g/r/n/first", "v");
	full = (wait_leader(f) + 1) % MASTERS;
	wait_has(f, full, "/g/r/n/first", "v");
	atomic_store(&f->m[full].disk.full, true);
	put_many(f, "a", 120); /* 7 MB; it has room for two at most */
	put(f, "/g/r/n/while", "v");
	assert_false(has(&f->m[full], "/g/r/n/while", "v"));
	assert_int_equal(atomic_load(&f->m[full].fatal), 0);
	atomic_store(&f->m[full].disk.full, false);
	wait_has(f, full, "/g/r/n/while", "v");
	same_everywhere(f);

	/* The same when it needs a snapshot. */
	master_close(f, full);
	fill(f, "b");
	fill(f, "c");
	atomic_store(&f->m[full].disk.full, true);
	master_open(f, full);
	put(f, "/g/r/n/again", "v");
	for (unsigned ms = 0; ms < 500; ms += 5)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_false(has(&f->m[full], "/g/r/n/again", "v"));
	atomic_store(&f->m[full].disk.full, false);
	wait_has(f, full, "/g/r/n/again", "v");
	wait_installs(f, full, 1);
	assert_int_equal(atomic_load(&f->m[full].fatal), 0);
	same_everywhere(f);
}

/* One that waits for space can be stopped, and started again without any. */
static void test_full_restart(void **state)
{
	struct fix *f = *state;
	unsigned full;

	put(f, "/g/r/n/first", "v");
	full = (wait_leader(f) + 1) % MASTERS;
	wait_has(f, full, "/g/r/n/first", "v");
	atomic_store(&f->m[full].disk.full, true);
	put_many(f, "a", 90);
	put(f, "/g/r/n/while", "v");
	for (unsigned round = 0; round < 3; round++) {
		master_close(f, full);
		uv_run(&f->loop, UV_RUN_NOWAIT);
		master_open(f, full);
		for (unsigned ms = 0; ms < 300; ms += 5)
			uv_run(&f->loop, UV_RUN_ONCE);
		assert_int_equal(atomic_load(&f->m[full].fatal), 0);
		assert_false(has(&f->m[full], "/g/r/n/while", "v"));
	}
	atomic_store(&f->m[full].disk.full, false);
	wait_has(f, full, "/g/r/n/while", "v");
	same_everywhere(f);
}

/* A leader whose disk is full refuses, or hands over; reads and heartbeats go on. */
static void test_full_leader(void **state)
{
	struct fix *f = *state;
	CLEANUP_FREE char *value = xcalloc(1, BIG + 1);
	unsigned lead, refused = 0, taken = 0;
	char key[64];

	memset(value, 'x', BIG);
	put(f, "/g/r/n/first", "v");
	lead = wait_leader(f);
	atomic_store(&f->m[lead].disk.full, true);
	for (unsigned i = 0; i < 200; i++) {
		unsigned n = f->answers + 1;
		int r;

		snprintf(key, sizeof(key), "/g/a/n/%02u", i % 20);
		r = put_begin(f, lead, key, value);
		assert_true(r == 0 || r == -ENOSPC || r == -EBUSY || r == -EREMOTE);
		refused += r == -ENOSPC;
		taken += r == 0;
		if (r == 0)
			wait_answer(f, n);
		else
			uv_run(&f->loop, UV_RUN_ONCE);
	}
	assert_true(refused > 0 && taken > 0);
	/* Meanwhile another one leads, which has room. */
	put(f, "/g/r/n/by-another", "v");
	assert_int_not_equal(wait_leader(f), lead);
	assert_int_equal(atomic_load(&f->m[lead].fatal), 0);
	assert_true(has(&f->m[lead], "/g/r/n/first", "v"));
	atomic_store(&f->m[lead].disk.full, false);
	while (put_begin(f, wait_leader(f), "/g/r/n/second", "v") < 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	for (unsigned i = 0; i < MASTERS; i++)
		wait_has(f, i, "/g/r/n/second", "v");
	same_everywhere(f);
}

/* A disk that returns errors ends its master; the others go on. */
static void test_failing(void **state)
{
	struct fix *f = *state;

	for (unsigned round = 0; round < 2; round++) {
		uint64_t began = clock_mono_ns(&clock_system);
		unsigned bad;

		put(f, "/g/r/n/first", "v");
		bad = (wait_leader(f) + round) % MASTERS; /* the leader, then a follower */
		atomic_store(&f->m[bad].disk.fail, EIO);
		put_begin(f, wait_leader(f), "/g/r/n/x", "v");
		while (!atomic_load(&f->m[bad].fatal))
			turn(f, began);
		assert_int_equal(atomic_load(&f->m[bad].fatal), -EIO);
		master_close(f, bad);
		put(f, "/g/r/n/second", round ? "b" : "a");
		atomic_store(&f->m[bad].disk.fail, 0);
		atomic_store(&f->m[bad].fatal, 0);
		master_open(f, bad);
		wait_has(f, bad, "/g/r/n/second", round ? "b" : "a");
		same_everywhere(f);
	}
}

/* A slow disk of a follower slows nobody; that of the leader slows writes, and costs no leader. */
static void test_slow(void **state)
{
	struct fix *f = *state;
	unsigned lead, slow;

	put(f, "/g/r/n/first", "v");
	lead = wait_leader(f);
	slow = (lead + 1) % MASTERS;
	atomic_store(&f->m[slow].disk.slow_ms, 300);
	for (unsigned i = 0; i < 20; i++)
		put(f, "/g/r/n/a", "v");
	atomic_store(&f->m[slow].disk.slow_ms, 0);
	same_everywhere(f);
	lead = wait_leader(f);
	atomic_store(&f->m[lead].disk.slow_ms, 300);
	for (unsigned i = 0; i < 3; i++)
		put(f, "/g/r/n/a", "v");
	assert_int_equal(wait_leader(f), lead);
	atomic_store(&f->m[lead].disk.slow_ms, 0);
	same_everywhere(f);
}

/* A real file system that runs full: the follower's whole world is 8 MB. */
static void test_small_disk(void **state)
{
	struct fix *f = *state;
	CLEANUP_FREE char *dir = NULL, *ballast = NULL;
	CLEANUP_FREE char *zeros = xcalloc(1, 1u << 20);
	unsigned small;
	int fd;

	put(f, "/g/r/n/first", "v");
	small = (wait_leader(f) + 1) % MASTERS;
	master_close(f, small);
	dir = xasprintf("%s/%u", f->dir, small + 1);
	ballast = xasprintf("%s/ballast", dir);
	dir_remove_tree(AT_FDCWD, dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	if (mount("knarr-test", dir, "tmpfs", 0, "size=8m") < 0) {
		print_message("needs root for a small tmpfs\n");
		master_open(f, small);
		skip();
	}
	/* It is new: its id is another one, as an operator would do it. */
	while (f->last.err != -ENOENT) {
		unsigned n = f->answers + 1;

		store_remove_member(f->m[wait_leader(f)].s, small + 1, barrier_done, f);
		wait_answer(f, n);
		uv_run(&f->loop, UV_RUN_ONCE);
	}
	master_open_as(f, small, JOINING);
	set_role(f, small + 1, STORE_STANDBY);
	wait_has(f, small, "/g/r/n/first", "v");
	set_role(f, small + 1, STORE_VOTER);
	same_everywhere(f);
	fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, zeros, 4096) > 0)
		;
	close(fd);
	put_many(f, "a", 60);
	put(f, "/g/r/n/while", "v");
	assert_false(has(&f->m[small], "/g/r/n/while", "v"));
	assert_int_equal(atomic_load(&f->m[small].fatal), 0);
	assert_int_equal(unlink(ballast), 0);
	wait_has(f, small, "/g/r/n/while", "v");
	assert_int_equal(atomic_load(&f->m[small].fatal), 0);
	same_everywhere(f);
	master_close(f, small);
	uv_run(&f->loop, UV_RUN_ONCE);
	umount2(dir, MNT_DETACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_full_follower, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_leader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_small_disk, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
