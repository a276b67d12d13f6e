/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/masters_fixture.h"

/* The rarer ways to fail are test_store_cluster's; here is what lies around consensus. */

static void on_event(void *user, const struct store_event *ev, int err)
{
	uint64_t *rev = user;

	assert_int_equal(err, 0);
	assert_int_equal(ev->rev, *rev + 1);
	*rev = ev->rev;
}

static void test_replicate(void **state)
{
	struct fix *f = *state;
	unsigned lead = wait_leader(f), follower = (lead + 1) % MASTERS;
	struct store_watch_spec spec = {.prefix = STR("/g/r/")};
	uint64_t rev = 0, began = clock_mono_ns(&clock_system);
	struct store_watch *w;
	char key[32];

	assert_int_equal(store_watch(f->m[follower].s, &spec, on_event, &rev, &w), 0);
	for (unsigned i = 0; i < 500; i++) {
		snprintf(key, sizeof(key), "/g/r/n/%03u", i % 100);
		put(f, key, "v");
	}
	put(f, "/g/r/n/last", "v");
	for (unsigned i = 0; i < MASTERS; i++)
		wait_has(f, i, "/g/r/n/last", "v");
	while (rev < 501)
		turn(f, began);
	store_unwatch(w);
	/* One more for each put that was asked for again, should the leader have changed. */
	for (unsigned i = 0; i < MASTERS; i++)
		assert_true(store_rev(f->m[i].s) >= 501);
	lead = wait_leader(f);
	follower = (lead + 1) % MASTERS;
	assert_int_equal(store_leader(f->m[follower].s), lead + 1);
	assert_int_equal(put_begin(f, follower, "/g/r/n/x", "v"), -EREMOTE);
}

static void test_leader_lost(void **state)
{
	struct fix *f = *state;
	char key[32];

	for (unsigned round = 0; round < 6; round++) {
		unsigned lead;

		for (unsigned i = 0; i < 20; i++) {
			snprintf(key, sizeof(key), "/g/r/%u/%u", round, i);
			put(f, key, "v");
		}
		lead = wait_leader(f);
		master_close(f, lead);
		put(f, "/g/r/n/while-away", "v");
		master_open(f, lead);
	}
	put(f, "/g/r/n/last", "v");
	for (unsigned m = 0; m < MASTERS; m++) {
		wait_has(f, m, "/g/r/n/last", "v");
		for (unsigned i = 0; i < 6 * 20; i++) {
			snprintf(key, sizeof(key), "/g/r/%u/%u", i / 20, i % 20);
			assert_true(has(&f->m[m], key, "v"));
		}
	}
}

/* A leader without the others acknowledges nothing and confirms no read; its writes are undone. */
static void test_deposed(void **state)
{
	struct fix *f = *state;
	unsigned old, n;

	put(f, "/g/r/n/a", "1");
	old = wait_leader(f);
	n = f->answers + 1;
	store_read_barrier(f->m[old].s, barrier_done, f);
	wait_answer(f, n);
	assert_int_equal(f->last.err, 0);

	pthread_mutex_lock(&f->lock);
	f->m[old].cut = true;
	pthread_mutex_unlock(&f->lock);
	n = f->answers + 2;
	assert_int_equal(put_begin(f, old, "/g/r/n/a", "lost"), 0);
	store_read_barrier(f->m[old].s, barrier_done, f);
	wait_answer(f, n - 1);
	assert_true(f->last.err == -EREMOTE || f->last.err == -ECANCELED);
	wait_answer(f, n);
	assert_true(f->last.err == -EREMOTE || f->last.err == -ECANCELED);
	put(f, "/g/r/n/b", "2");
	assert_false(has(&f->m[old], "/g/r/n/b", "2"));
	assert_false(has(&f->m[old], "/g/r/n/a", "lost"));

	pthread_mutex_lock(&f->lock);
	f->m[old].cut = false;
	pthread_mutex_unlock(&f->lock);
	wait_has(f, old, "/g/r/n/b", "2");
	assert_true(has(&f->m[old], "/g/r/n/a", "1"));
	put(f, "/g/r/n/c", "3");
	for (unsigned i = 0; i < MASTERS; i++)
		wait_has(f, i, "/g/r/n/c", "3");
}

/* One that was away gets from the log what it missed. */
static void test_catch_up(void **state)
{
	struct fix *f = *state;
	char key[32];
	unsigned away;

	put(f, "/g/r/n/first", "v");
	away = (wait_leader(f) + 1) % MASTERS;
	master_close(f, away);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "/g/r/n/%u", i);
		put(f, key, "v");
	}
	master_open(f, away);
	wait_has(f, away, "/g/r/n/299", "v");
	assert_true(has(&f->m[away], "/g/r/n/0", "v"));
}

/* One master becomes two, then three; the first one leaves, and nothing is gone. */
static void test_join(void **state)
{
	struct fix *f = *state;
	struct store_member v[MASTERS];
	uint64_t began = clock_mono_ns(&clock_system);
	unsigned n;

	for (unsigned i = 0; i < MASTERS; i++)
		master_close(f, i);
	dir_remove_tree(AT_FDCWD, f->dir);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	master_open_as(f, 0, ALONE);
	put(f, "/g/r/n/first", "v");
	for (unsigned i = 1; i < MASTERS; i++) {
		master_open_as(f, i, JOINING);
		set_role(f, i + 1, STORE_STANDBY);
		wait_has(f, i, "/g/r/n/first", "v");
		assert_int_equal(store_role(f->m[i].s), STORE_FOLLOWER);
		set_role(f, i + 1, STORE_VOTER);
	}
	assert_int_equal(store_members(f->m[wait_leader(f)].s, v, MASTERS), MASTERS);

	n = f->answers + 1;
	store_transfer(f->m[wait_leader(f)].s, 2, barrier_done, f);
	wait_answer(f, n);
	while (f->last.err == 0 && wait_leader(f) != 1)
		turn(f, began);
	do { /* a new leader has to hear from the others first */
		n = f->answers + 1;
		store_remove_member(f->m[wait_leader(f)].s, 1, barrier_done, f);
		wait_answer(f, n);
		turn(f, began);
	} while (f->last.err == -EAGAIN || f->last.err == -EBUSY || f->last.err == -EREMOTE);
	assert_int_equal(f->last.err, 0);
	master_close(f, 0);
	put(f, "/g/r/n/last", "v");
	assert_int_equal(store_members(f->m[wait_leader(f)].s, v, MASTERS), 2);
	for (unsigned i = 1; i < MASTERS; i++) {
		wait_has(f, i, "/g/r/n/last", "v");
		assert_true(has(&f->m[i], "/g/r/n/first", "v"));
	}
	n = f->answers + 1;
	store_remove_member(f->m[wait_leader(f)].s, 9, barrier_done, f);
	wait_answer(f, n);
	assert_int_equal(f->last.err, -ENOENT);
}

/* One that began alone does not take itself for the only one while its log is not applied yet. */
static void test_restart_grown(void **state)
{
	struct fix *f = *state;
	unsigned lead, n;
	char key[32];

	for (unsigned i = 0; i < MASTERS; i++)
		master_close(f, i);
	dir_remove_tree(AT_FDCWD, f->dir);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	master_open_as(f, 0, ALONE);
	master_open_as(f, 1, JOINING);
	set_role(f, 2, STORE_STANDBY);
	set_role(f, 2, STORE_VOTER);
	for (unsigned round = 0; round < 8; round++) {
		snprintf(key, sizeof(key), "/g/r/n/%u", round);
		put(f, key, "v");
		master_close(f, 0);
		master_close(f, 1);
		master_open_as(f, 0, ALONE);
		master_open_as(f, 1, JOINING);
		do {
			n = f->answers + 1;
			lead = wait_leader(f);
			store_read_barrier(f->m[lead].s, barrier_done, f);
			wait_answer(f, n);
		} while (f->last.err);
		assert_true(has(&f->m[lead], key, "v"));
	}
}

/* ---- snapshots to others ---- */

static void on_stale(void *user, const struct store_event *ev, int err)
{
	unsigned *n = user;

	if (ev)
		return;
	assert_int_equal(err, -ESTALE);
	++*n;
}

/* One that was away longer than the log goes back gets a snapshot, and is one like the others. */
static void test_far_behind(void **state)
{
	struct fix *f = *state;
	struct store_watch_spec spec = {.prefix = STR("/g/r/")};
	struct store_watch *w;
	unsigned away, stale = 0, n;

	put(f, "/g/r/n/first", "v");
	away = (wait_leader(f) + 1) % MASTERS;
	wait_has(f, away, "/g/r/n/first", "v");
	master_close(f, away);
	put(f, "/g/r/n/first", "w");
	fill(f, "a");
	put(f, "/g/r/n/after", "v");
	master_open(f, away);
	spec.from_rev = store_rev(f->m[away].s);
	assert_int_equal(store_watch(f->m[away].s, &spec, on_stale, &stale, &w), 0);
	wait_has(f, away, "/g/r/n/after", "v");
	wait_installs(f, away, 1);
	assert_int_equal(stale, 1);
	store_unwatch(w);
	assert_true(has(&f->m[away], "/g/r/n/first", "w"));
	same_everywhere(f);

	/* Its own log begins with the snapshot: what it wrote since is there after a restart. */
	master_close(f, away);
	master_open(f, away);
	wait_has(f, away, "/g/r/n/same", "w");
	same_everywhere(f);
	do {
		n = f->answers + 1;
		store_transfer(f->m[wait_leader(f)].s, away + 1, barrier_done, f);
		wait_answer(f, n);
		uv_run(&f->loop, UV_RUN_ONCE);
	} while (wait_leader(f) != away);
	same_everywhere(f);
}

/* A new one gets a snapshot as well, stand-by first. */
static void test_join_late(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < MASTERS; i++)
		master_close(f, i);
	dir_remove_tree(AT_FDCWD, f->dir);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	master_open_as(f, 0, ALONE);
	fill(f, "a");
	fill(f, "b");
	for (unsigned i = 1; i < MASTERS; i++) {
		master_open_as(f, i, JOINING);
		assert_int_equal(store_cluster(f->m[i].s), 0);
		set_role(f, i + 1, STORE_STANDBY);
		wait_installs(f, i, 1);
		assert_int_equal(store_cluster(f->m[i].s), store_cluster(f->m[0].s));
		set_role(f, i + 1, STORE_VOTER);
	}
	same_everywhere(f);
	master_close(f, 0);
	same_everywhere(f);
	master_open(f, 0);
	same_everywhere(f);
}

static void wait_refused(struct fix *f, unsigned i, enum store_refusal why)
{
	uint64_t began = clock_mono_ns(&clock_system), by;

	while (store_refused(f->m[i].s, &by) != why)
		turn(f, began);
}

/* A disk that was wiped: its master is no member any more, whatever it says. */
static void test_wiped(void **state)
{
	struct fix *f = *state;
	CLEANUP_FREE char *dir = NULL;
	unsigned lead, wiped, other, n;

	put(f, "/g/r/n/a", "v");
	lead = wait_leader(f);
	wiped = (lead + 1) % MASTERS;
	other = (lead + 2) % MASTERS;
	same_everywhere(f);
	dir = xasprintf("%s/%u", f->dir, wiped + 1);
	for (unsigned join = 0; join < 2; join++) {
		master_close(f, wiped);
		dir_remove_tree(AT_FDCWD, dir);
		master_open_as(f, wiped, join ? JOINING : ONE_OF_THREE);
		wait_refused(f, wiped, STORE_OTHER_DATA);
		assert_false(has(&f->m[wiped], "/g/r/n/a", "v"));
		put(f, "/g/r/n/a", "v"); /* the others go on */
		/* With one of them away, its vote would make a majority: nobody gets it. */
		lead = wait_leader(f);
		master_close(f, lead);
		for (unsigned ms = 0; ms < 600; ms += 5) {
			uv_run(&f->loop, UV_RUN_ONCE);
			for (unsigned i = 0; i < MASTERS; i++)
				assert_true(!f->m[i].s || store_role(f->m[i].s) == STORE_FOLLOWER);
		}
		master_open(f, lead);
		put(f, "/g/r/n/b", "v");
	}
	(void)other;
	/* Removed, it may come back under its old id as a new member. */
	do {
		n = f->answers + 1;
		store_remove_member(f->m[wait_leader(f)].s, wiped + 1, barrier_done, f);
		wait_answer(f, n);
		uv_run(&f->loop, UV_RUN_ONCE);
	} while (f->last.err && f->last.err != -ENOENT);
	master_close(f, wiped);
	dir_remove_tree(AT_FDCWD, dir);
	master_open_as(f, wiped, JOINING);
	set_role(f, wiped + 1, STORE_STANDBY);
	wait_has(f, wiped, "/g/r/n/b", "v");
	set_role(f, wiped + 1, STORE_VOTER);
	same_everywhere(f);
}

static void remove_member(struct fix *f, uint64_t id)
{
	do {
		unsigned n = f->answers + 1;

		store_remove_member(f->m[wait_leader(f)].s, id, barrier_done, f);
		wait_answer(f, n);
		uv_run(&f->loop, UV_RUN_ONCE);
	} while (f->last.err != -ENOENT);
}

/* One was replaced under its old id while another was away, which learns of it by a snapshot only.
 */
static void test_replaced_meanwhile(void **state)
{
	struct fix *f = *state;
	CLEANUP_FREE char *dir = NULL;
	unsigned lead, away, other;
	uint64_t by;

	put(f, "/g/r/n/a", "v");
	same_everywhere(f);
	lead = wait_leader(f);
	away = (lead + 1) % MASTERS;
	other = (lead + 2) % MASTERS;
	for (unsigned ms = 0; ms < 200; ms += 5) /* all know each other */
		uv_run(&f->loop, UV_RUN_ONCE);
	master_close(f, away);
	remove_member(f, other + 1);
	master_close(f, other);
	dir = xasprintf("%s/%u", f->dir, other + 1);
	dir_remove_tree(AT_FDCWD, dir);
	/* One of two is away: the leader alone can commit nothing until it is back. */
	master_open(f, away);
	put(f, "/g/r/n/b", "v");
	master_close(f, away);
	master_open_as(f, other, JOINING);
	master_open(f, away);
	set_role(f, other + 1, STORE_STANDBY);
	wait_has(f, other, "/g/r/n/b", "v");
	set_role(f, other + 1, STORE_VOTER);
	same_everywhere(f);
	master_close(f, away);
	fill(f, "a");
	fill(f, "b");
	master_open(f, away);
	wait_has(f, away, "/g/b/n/59", NULL);
	same_everywhere(f);
	/* The two that have not met since make a leader and take writes. */
	lead = wait_leader(f);
	if (lead != away && lead != other) {
		master_close(f, lead);
		put(f, "/g/r/n/c", "v");
		master_open(f, lead);
	}
	same_everywhere(f);
	for (unsigned i = 0; i < MASTERS; i++)
		assert_int_equal(store_refused(f->m[i].s, &by), STORE_WELCOME);
}

/* The leader among all but one. */
static unsigned wait_leader_of(struct fix *f, unsigned except)
{
	uint64_t began = clock_mono_ns(&clock_system);

	for (;;) {
		for (unsigned i = 0; i < MASTERS; i++)
			if (i != except && store_role(f->m[i].s) == STORE_LEADER)
				return i;
		turn(f, began);
	}
}

/* One of another cluster under the same id and address: refused, nothing changed on either side. */
static void test_other_cluster(void **state)
{
	struct fix *f = *state;
	CLEANUP_FREE char *dir = NULL;
	unsigned third, n;

	put(f, "/g/r/n/a", "v");
	third = (wait_leader(f) + 1) % MASTERS;
	same_everywhere(f);
	master_close(f, third);
	dir = xasprintf("%s/%u", f->dir, third + 1);
	dir_remove_tree(AT_FDCWD, dir);
	master_open_as(f, third, ALONE);
	n = f->answers + 1;
	put_begin(f, third, "/g/r/n/other", "v");
	wait_answer(f, n);
	assert_int_equal(f->last.err, 0);
	wait_refused(f, wait_leader_of(f, third), STORE_OTHER_CLUSTER);
	n = f->answers + 1;
	put_begin(f, wait_leader_of(f, third), "/g/r/n/b", "v");
	wait_answer(f, n);
	assert_int_equal(f->last.err, 0);
	assert_true(has(&f->m[third], "/g/r/n/other", "v"));
	assert_false(has(&f->m[third], "/g/r/n/a", "v"));
	for (unsigned i = 0; i < MASTERS; i++)
		if (i != third)
			assert_false(has(&f->m[i], "/g/r/n/other", "v"));
}

/* Followers confirm reads with the leader. */
static void test_read_follower(void **state)
{
	struct fix *f = *state;
	unsigned lead, n;
	char key[32];

	for (unsigned i = 0; i < 200; i++) {
		unsigned m = i % MASTERS;

		snprintf(key, sizeof(key), "/g/r/n/%u", i);
		put(f, key, "v");
		do {
			n = f->answers + 1;
			store_read_barrier(f->m[m].s, barrier_done, f);
			wait_answer(f, n);
		} while (f->last.err == -EREMOTE);
		assert_int_equal(f->last.err, 0);
		assert_true(has(&f->m[m], key, "v"));
	}
	/* Cut off, it confirms nothing. */
	lead = wait_leader(f);
	pthread_mutex_lock(&f->lock);
	f->m[(lead + 1) % MASTERS].cut = true;
	pthread_mutex_unlock(&f->lock);
	n = f->answers + 1;
	store_read_barrier(f->m[(lead + 1) % MASTERS].s, barrier_done, f);
	wait_answer(f, n);
	assert_int_equal(f->last.err, -EREMOTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_replicate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leader_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deposed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_catch_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_join, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart_grown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_far_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_join_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wiped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_cluster, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaced_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_follower, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
