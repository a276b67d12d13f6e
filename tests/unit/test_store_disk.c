/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/store/store.h"
#include "tests/unit/store_disk.h"
#include "tests/unit/test.h"

#include <stdatomic.h>
#include <uv.h>

#define KEYS 40u
#define SEGMENT (64u << 10)

/*
 * A store on a bad disk, and what it said it has: for each key the number of the last write that
 * was acknowledged and of the last that was asked for. What is read after a crash must be neither
 * older than the one nor newer than the other.
 */
struct run {
	struct disk *disk;
	struct store_io io;
	uv_loop_t loop;
	struct store *s;
	unsigned acked[KEYS], asked[KEYS], number;
	uint64_t acked_rev;
	unsigned in_flight, answers;
	atomic_int fatal;
	unsigned seed;
};

struct ask {
	struct run *run;
	unsigned key, number;
};

static void on_fatal(void *user, int error, const char *msg)
{
	struct run *r = user;

	(void)msg;
	atomic_store(&r->fatal, error);
}

static int run_open(struct run *r, struct err *err)
{
	struct store_conf conf = {.loop = &r->loop,
				  .io = &r->io,
				  .segment_bytes = SEGMENT,
				  .snapshot_log_bytes = 100u << 10,
				  .on_fatal = on_fatal,
				  .user = r};

	r->io = disk_io(r->disk);
	atomic_store(&r->fatal, 0);
	r->in_flight = 0;
	uv_loop_init(&r->loop);
	return store_open(&conf, &r->s, err);
}

static void run_close(struct run *r)
{
	store_close(TAKE(r->s));
	uv_run(&r->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&r->loop), 0);
}

static void answered(void *user, const struct store_result *res)
{
	struct ask *a = user;
	struct run *r = a->run;

	r->in_flight--;
	r->answers++;
	if (!res->err) {
		r->acked[a->key] = a->number;
		r->acked_rev = MAX(r->acked_rev, res->rev);
	}
	free(a);
}

static int ask(struct run *r, size_t size)
{
	struct ask *a = NEW(struct ask);
	char key[40], *value = xcalloc(1, size + 16);
	struct store_op op = {.type = STORE_PUT, .expect = STORE_ANY, .rv_at = STORE_NO_RV};
	int x;

	a->run = r;
	a->key = (unsigned)rand_r(&r->seed) % KEYS;
	a->number = ++r->number;
	snprintf(key, sizeof(key), "/g/r/n/%u", a->key);
	snprintf(value, 16, "%u.", a->number);
	op.key = str_of(key);
	op.value = str_n(value, size + 16);
	x = store_txn(r->s, &op, 1, answered, a);
	free(value);
	if (x < 0) {
		free(a);
		return x;
	}
	r->asked[a->key] = a->number;
	r->in_flight++;
	return 0;
}

/* Everything that was promised is there, and nothing that was never written. */
static void check(struct run *r)
{
	struct store_view *v = store_view(r->s);

	for (unsigned k = 0; k < KEYS; k++) {
		const struct store_obj *o;
		char key[40];
		unsigned is = 0;

		snprintf(key, sizeof(key), "/g/r/n/%u", k);
		o = store_get(v, str_of(key));
		if (o)
			is = (unsigned)strtoul(o->value.p, NULL, 10);
		assert_in_range(is, r->acked[k], r->asked[k]);
		/* It is what everything goes on from. */
		r->acked[k] = r->asked[k] = is;
	}
	assert_true(store_rev(r->s) >= r->acked_rev);
	r->acked_rev = store_rev(r->s);
	store_view_unref(v);
}

static void work(struct run *r, unsigned n)
{
	for (unsigned i = 0; i < n && !atomic_load(&r->fatal); i++) {
		int x = ask(r, (unsigned)rand_r(&r->seed) % 3000);

		if (x < 0)
			uv_run(&r->loop, UV_RUN_NOWAIT);
		if ((unsigned)rand_r(&r->seed) % 4 == 0)
			uv_run(&r->loop, UV_RUN_NOWAIT);
	}
}

static void drain(struct run *r)
{
	while (r->in_flight)
		uv_run(&r->loop, UV_RUN_ONCE);
}

/* The machine stops at any moment, again and again, on the same data. */
static void test_crashes(void **state)
{
	struct run r = {.disk = disk_new(), .seed = 4711};
	struct err err = ERR_INIT;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct disk *after;
		int x = run_open(&r, &err);

		if (x < 0)
			print_error("round %u: %s\n", round, err_text(&err));
		assert_int_equal(x, 0);
		check(&r);
		work(&r, (unsigned)rand_r(&r.seed) % 120);
		if (round % 3 == 0)
			drain(&r);
		/* The disk freezes first: what is acknowledged later doesn't count. */
		unsigned acked[KEYS];
		uint64_t rev = r.acked_rev;

		memcpy(acked, r.acked, sizeof(acked));
		after = disk_crashed(r.disk, round);
		run_close(&r);
		memcpy(r.acked, acked, sizeof(acked));
		r.acked_rev = rev;
		disk_free(r.disk);
		r.disk = after;
	}
	assert_true(r.answers > 100); /* a busy machine refuses most, with -EBUSY */
	disk_free(r.disk);
}

/* Each call fails once, in every phase: open, writing, rolling over, snapshot, close. */
static void fail_each(int error)
{
	unsigned fatal = 0, hit = 0;

	/* How many calls a run makes depends on the threads' timing: the last runs may see none. */
	for (unsigned n = 1; n <= 140; n++) {
		struct run r = {.disk = disk_new(), .seed = n};
		struct err err = ERR_INIT;
		struct disk *after;
		const char *failed;

		disk_fail_at(r.disk, n, error);
		if (run_open(&r, &err) == 0) {
			for (int i = 0; i < 12 && !atomic_load(&r.fatal); i++) {
				work(&r, 15);
				drain(&r);
			}
			drain(&r);
		}
		failed = disk_failed(r.disk);
		fatal += atomic_load(&r.fatal) != 0;
		if (error == ENOSPC && failed && strcmp(failed, "allocate") == 0)
			assert_int_equal(atomic_load(&r.fatal), 0);
		if (r.s)
			run_close(&r);
		else
			uv_run(&r.loop, UV_RUN_DEFAULT), uv_loop_close(&r.loop);
		err_clear(&err);
		disk_fail_at(r.disk, 0, 0);
		after = disk_crashed(r.disk, n);
		disk_free(r.disk);
		r.disk = after;
		if (run_open(&r, &err) < 0)
			print_error("call %u (%s): %s\n", n, failed, err_text(&err));
		assert_non_null(r.s);
		check(&r);
		run_close(&r);
		disk_free(r.disk);
		hit += failed != NULL;
	}
	assert_true(hit > 40);
	assert_true(fatal > 10);
}

static void test_eio(void **state)
{
	(void)state;
	fail_each(EIO);
}

static void test_enospc(void **state)
{
	(void)state;
	fail_each(ENOSPC);
}

/* Puts are refused while the disk is nearly full; deletes and reads go on. */
static void test_full_disk(void **state)
{
	struct run r = {.disk = disk_new(), .seed = 1};
	struct err err = ERR_INIT;
	struct store_op del = {.type = STORE_DELETE, .expect = STORE_ANY, .key = STR("/g/r/n/x")};

	(void)state;
	disk_set_free(r.disk, 1000);
	assert_int_equal(run_open(&r, &err), 0);
	assert_int_equal(ask(&r, 10), -ENOSPC);
	assert_int_equal(store_txn(r.s, &del, 1, NULL, NULL), 0);
	run_close(&r);
	disk_set_free(r.disk, INT64_MAX);
	assert_int_equal(run_open(&r, &err), 0);
	assert_int_equal(ask(&r, 10), 0);
	drain(&r);
	run_close(&r);
	disk_free(r.disk);
}

/*
 * The disk is really full: nothing can be reserved and no snapshot be written. Writes are refused
 * before the log has no room, the process lives, and goes on when there is space again.
 */
static void test_no_space_left(void **state)
{
	struct run r = {.disk = disk_new(), .seed = 3};
	struct err err = ERR_INIT;
	unsigned refused = 0, taken = 0;

	(void)state;
	assert_int_equal(run_open(&r, &err), 0);
	disk_set_full(r.disk, true);
	for (int i = 0; i < 400; i++) {
		int x = ask(&r, 1000);

		assert_true(x == 0 || x == -ENOSPC || x == -EBUSY);
		refused += x == -ENOSPC;
		taken += x == 0;
		drain(&r);
		uv_run(&r.loop, UV_RUN_NOWAIT);
	}
	assert_true(taken > 10);
	assert_true(refused > 100);
	assert_int_equal(atomic_load(&r.fatal), 0);
	disk_set_full(r.disk, false);
	for (int i = 0; i < 10000 && ask(&r, 1000) != 0; i++)
		usleep(100);
	drain(&r);
	for (int i = 0; i < 400; i++) {
		if (ask(&r, 1000) < 0)
			uv_run(&r.loop, UV_RUN_NOWAIT);
		drain(&r);
	}
	assert_int_equal(atomic_load(&r.fatal), 0);
	run_close(&r);
	assert_int_equal(run_open(&r, &err), 0);
	check(&r);
	run_close(&r);
	disk_free(r.disk);
}

/* A log cut at each byte of its tail keeps all entries before the cut and opens. */
static void test_cut(void **state)
{
	struct run r = {.disk = disk_new(), .seed = 9};
	struct err err = ERR_INIT;
	uint64_t revs, last = 0;
	struct buf *b;

	(void)state;
	assert_int_equal(run_open(&r, &err), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ask(&r, 60), 0);
		drain(&r);
	}
	revs = store_rev(r.s);
	run_close(&r);
	memset(r.acked, 0, sizeof(r.acked));
	r.acked_rev = 0;
	for (size_t cut = 4096; cut < 4096 + 1200; cut++) {
		struct disk *c = disk_crashed(r.disk, 0);
		struct run k = {.disk = c};

		memcpy(k.asked, r.asked, sizeof(k.asked));
		b = disk_file(c, disk_find(c, "log-0"));
		assert_non_null(b);
		memset(b->p + cut, 0, b->len - cut);
		assert_int_equal(run_open(&k, &err), 0);
		assert_true(store_rev(k.s) >= last);
		last = store_rev(k.s);
		run_close(&k);
		disk_free(c);
	}
	assert_int_equal(last, revs);
	disk_free(r.disk);
}

/* A bit that flips in what was synced is found, not taken for a torn tail. */
static void test_damage(void **state)
{
	struct run r = {.disk = disk_new(), .seed = 9};
	struct err err = ERR_INIT;
	unsigned found = 0;

	(void)state;
	assert_int_equal(run_open(&r, &err), 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(ask(&r, 60), 0);
		drain(&r);
	}
	run_close(&r);
	for (size_t at = 4096; at < 4096 + 700; at += 13) {
		struct disk *c = disk_crashed(r.disk, 0);
		struct run k = {.disk = c};
		struct buf *b = disk_file(c, disk_find(c, "log-0"));

		b->p[at] ^= 1;
		if (run_open(&k, &err) < 0) {
			assert_int_equal(err.errnum, EBADMSG);
			found++;
			uv_run(&k.loop, UV_RUN_DEFAULT);
			uv_loop_close(&k.loop);
		} else { /* padding, which means nothing */
			assert_int_equal(store_rev(k.s), 6);
			run_close(&k);
		}
		err_clear(&err);
		disk_free(c);
	}
	assert_true(found > 40);
	disk_free(r.disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crashes),       cmocka_unit_test(test_eio),
		cmocka_unit_test(test_enospc),        cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_no_space_left), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
