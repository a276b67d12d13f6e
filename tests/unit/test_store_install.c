/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/log.h"
#include "tests/unit/masters_fixture.h"
#include "tests/unit/store_disk.h"

/*
 * A follower that gets a snapshot loses power: before and after each call that changes its disk,
 * what would be left is opened. It must be the old state or the new one, whole.
 */
#define FOLLOWER 2u /* index */

static struct {
	struct disk *disk;
	struct store_io real, io;
	atomic_bool on;
	pthread_mutex_t lock;
	unsigned seed, checked, old, new;
	uint64_t new_rev, new_objects;
	char why[200]; /* empty: all well so far */
} power = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int deaf_start(void *user, void (*on_message)(void *arg, uint64_t from, struct str msg),
		      void *arg)
{
	(void)user, (void)on_message, (void)arg;
	return 0;
}

static void deaf_stop(void *user)
{
	(void)user;
}

static int deaf_send(void *user, uint64_t to, const char *address, const struct iovec *iov, int n)
{
	(void)user, (void)to, (void)address, (void)iov, (void)n;
	return 0;
}

static void look(struct store *s)
{
	struct store_stats st;

	store_stats(s, &st);
	power.old += st.rev == 0;
	power.new += st.rev != 0;
	if ((st.rev || st.objects) && (st.rev != power.new_rev || st.objects != power.new_objects))
		snprintf(power.why, sizeof(power.why), "%" PRIu64 " objects at revision %" PRIu64,
			 st.objects, st.rev);
}

/* On whichever thread the store writes. */
static void power_cut(const char *what)
{
	static const struct store_member members[MASTERS] = {
		{1, "m1", STORE_VOTER}, {2, "m2", STORE_VOTER}, {3, "m3", STORE_VOTER}};
	struct store_transport deaf = {deaf_start, deaf_stop, deaf_send, NULL};
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct disk *left;
	struct store_io io;
	uv_loop_t loop;
	struct store *s;

	if (!atomic_load(&power.on))
		return;
	pthread_mutex_lock(&power.lock);
	left = disk_crashed(power.disk, ++power.seed);
	io = disk_io(left);
	uv_loop_init(&loop);
	if (!power.why[0]) {
		struct store_conf conf = {.dir = "unused",
					  .loop = &loop,
					  .io = &io,
					  .id = FOLLOWER + 1,
					  .address = "m3",
					  .transport = &deaf,
					  .members = members,
					  .n_members = MASTERS,
					  .segment_bytes = 1u << 20};

		if (store_open(&conf, &s, &err) < 0) {
			snprintf(power.why, sizeof(power.why), "%s: %s", what, err_text(&err));
		} else {
			look(s);
			store_close(s);
		}
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	disk_free(left);
	power.checked++;
	pthread_mutex_unlock(&power.lock);
}

static int pw_pwritev(void *user, int fd, struct iovec *iov, int n, uint64_t off)
{
	power_cut("pwritev");
	return power.real.pwritev(user, fd, iov, n, off);
}

static int pw_datasync(void *user, int fd)
{
	power_cut("datasync");
	return power.real.datasync(user, fd);
}

static int pw_rename(void *user, const char *from, const char *to)
{
	int r;

	power_cut("rename");
	r = power.real.rename(user, from, to);
	power_cut("rename");
	return r;
}

static int pw_unlink(void *user, const char *name)
{
	int r = power.real.unlink(user, name);

	power_cut("unlink");
	return r;
}

static int pw_sync_dir(void *user)
{
	int r;

	power_cut("sync_dir");
	r = power.real.sync_dir(user);
	power_cut("sync_dir");
	return r;
}

static int setup_power(void **state)
{
	log_max = LOG_LEVEL_ERR;
	power.disk = disk_new();
	power.real = power.io = disk_io(power.disk);
	power.io.pwritev = pw_pwritev;
	power.io.datasync = pw_datasync;
	power.io.rename = pw_rename;
	power.io.unlink = pw_unlink;
	power.io.sync_dir = pw_sync_dir;
	own_disks[FOLLOWER] = &power.io;
	return setup(state);
}

static int teardown_power(void **state)
{
	int r = teardown(state);

	disk_free(power.disk);
	return r;
}

static void test_power(void **state)
{
	struct fix *f = *state;
	struct store_stats st;
	unsigned n;

	put(f, "/g/r/n/first", "v");
	wait_has(f, FOLLOWER, "/g/r/n/first", "v");
	master_close(f, FOLLOWER);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	fill(f, "a");
	store_stats(f->m[wait_leader(f)].s, &st);
	power.new_rev = st.rev;
	power.new_objects = st.objects;
	put(f, "/g/r/n/after", "v");
	atomic_store(&power.on, true);
	master_open(f, FOLLOWER);
	wait_installs(f, FOLLOWER, 1);
	put(f, "/g/r/n/after", "w");
	wait_has(f, FOLLOWER, "/g/r/n/after", "w");
	atomic_store(&power.on, false);
	pthread_mutex_lock(&power.lock);
	n = power.checked;
	if (power.why[0])
		fail_msg("after %u cuts: %s", n, power.why);
	pthread_mutex_unlock(&power.lock);
	print_message("%u times without power: %u old, %u new\n", n, power.old, power.new);
	assert_true(power.old && power.new &&n > 10);
	same_everywhere(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_power, setup_power, teardown_power)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
