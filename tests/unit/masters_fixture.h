/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TEST_MASTERS_FIXTURE_H
#define KNARR_TEST_MASTERS_FIXTURE_H
#include "lib/base/base.h"
#include "lib/sys/file.h"
#include "master/store/store.h"
#include "master/store/transport.h"
#include "tests/unit/faulty_disk.h"
#include "tests/unit/test.h"

#include <pthread.h>
#include <sys/stat.h>
#include <uv.h>

/*
 * Three stores with real threads and files on one loop; messages go from thread to thread. Any
 * master's disk can be made to fail or to be full.
 */
#define MASTERS 3u
#define WAIT_MS 20000u

struct fix;

struct master {
	struct fix *fix;
	uint64_t id;
	struct store_transport transport;
	struct store *s;
	/* Behind fix.lock. */
	void (*on_message)(void *arg, uint64_t from, struct str msg);
	void *arg;
	bool cut;
	struct faulty_disk disk;
	atomic_int fatal; /* as told to on_fatal */
};

struct fix {
	char dir[64];
	uv_loop_t loop;
	uv_timer_t tick;
	pthread_mutex_t lock;
	struct master m[MASTERS];
	unsigned answers;
	struct store_result last;
	uint64_t last_rev;
};

static inline int net_start(void *user,
			    void (*on_message)(void *arg, uint64_t from, struct str msg), void *arg)
{
	struct master *m = user;

	pthread_mutex_lock(&m->fix->lock);
	m->on_message = on_message;
	m->arg = arg;
	pthread_mutex_unlock(&m->fix->lock);
	return 0;
}

static inline void net_stop(void *user)
{
	struct master *m = user;

	pthread_mutex_lock(&m->fix->lock);
	m->on_message = NULL;
	pthread_mutex_unlock(&m->fix->lock);
}

static inline int net_send(void *user, uint64_t to, const char *address, const struct iovec *iov,
			   int n)
{
	struct master *m = user, *other = &m->fix->m[to - 1];

	(void)address;
	assert_int_equal(n, 1);
	pthread_mutex_lock(&m->fix->lock);
	if (other->on_message && !m->cut && !other->cut)
		other->on_message(other->arg, m->id, str_n(iov->iov_base, iov->iov_len));
	pthread_mutex_unlock(&m->fix->lock);
	return 0;
}

static inline void on_fatal(void *user, int error, const char *msg)
{
	(void)msg;
	atomic_store(&((struct master *)user)->fatal, error);
}

/* A disk of a test's own instead of real files. */
static const struct store_io *own_disks[MASTERS];

enum how { ONE_OF_THREE, ALONE, JOINING };

static inline void master_open_as(struct fix *f, unsigned i, enum how how)
{
	static const struct store_member members[MASTERS] = {
		{1, "m1", STORE_VOTER}, {2, "m2", STORE_VOTER}, {3, "m3", STORE_VOTER}};
	static const char *const addresses[MASTERS] = {"m1", "m2", "m3"};
	struct master *m = &f->m[i];
	CLEANUP_FREE char *dir = xasprintf("%s/%u", f->dir, i + 1);
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct store_conf conf = {.dir = dir,
				  .loop = &f->loop,
				  .id = i + 1,
				  .address = addresses[i],
				  .transport = &m->transport,
				  .members = how == ONE_OF_THREE ? members : NULL,
				  .n_members = how == ONE_OF_THREE ? MASTERS : 0,
				  .join = how == JOINING,
				  .segment_bytes = 1u << 20,
				  .reserve_bytes = 1u << 20,
				  .on_fatal = on_fatal,
				  .user = m,
				  .election_ms = 100};
	struct store_io io = faulty_io(&m->disk);

	conf.io = own_disks[i] ? own_disks[i] : &io;
	assert_int_equal(store_io_files(dir, &m->disk.files), 0);
	m->fix = f;
	m->id = i + 1;
	m->transport = (struct store_transport){net_start, net_stop, net_send, m};
	if (store_open(&conf, &m->s, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static inline void master_open(struct fix *f, unsigned i)
{
	master_open_as(f, i, ONE_OF_THREE);
}

static inline void master_close(struct fix *f, unsigned i)
{
	bool was = f->m[i].s;

	f->m[i].s = store_close(f->m[i].s);
	if (was)
		store_io_files_done(&f->m[i].disk.files);
}

static inline void on_tick(uv_timer_t *t)
{
	(void)t;
}

static inline int setup(void **state)
{
	struct fix *f = NEW(struct fix);
	pthread_mutexattr_t attr;

	str_copy(f->dir, sizeof(f->dir), STR("/tmp/knarr-masters-XXXXXX"));
	assert_non_null(mkdtemp(f->dir));
	uv_loop_init(&f->loop);
	uv_timer_init(&f->loop, &f->tick);
	uv_timer_start(&f->tick, on_tick, 5, 5);
	/* A store may send from within on_message. */
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&f->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	for (unsigned i = 0; i < MASTERS; i++)
		master_open(f, i);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < MASTERS; i++)
		master_close(f, i);
	uv_close((uv_handle_t *)&f->tick, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	dir_remove_tree(AT_FDCWD, f->dir);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return 0;
}

static inline void turn(struct fix *f, uint64_t began)
{
	if (clock_mono_ns(&clock_system) - began > WAIT_MS * NSEC_PER_MSEC)
		fail_msg("nothing happens");
	uv_run(&f->loop, UV_RUN_ONCE);
}

/* The one that leads and is not cut off. */
static inline unsigned wait_leader(struct fix *f)
{
	uint64_t began = clock_mono_ns(&clock_system);

	for (;;) {
		for (unsigned i = 0; i < MASTERS; i++)
			if (f->m[i].s && !f->m[i].cut && store_role(f->m[i].s) == STORE_LEADER)
				return i;
		turn(f, began);
	}
}

static inline void answered(void *user, const struct store_result *r)
{
	struct fix *f = user;

	f->answers++;
	f->last = *r;
	f->last_rev = r->rev;
}

static inline void barrier_done(void *user, int err)
{
	struct fix *f = user;

	f->answers++;
	f->last.err = err;
}

static inline void wait_answer(struct fix *f, unsigned n)
{
	uint64_t began = clock_mono_ns(&clock_system);

	while (f->answers < n)
		turn(f, began);
}

/* Begin only: whether it was taken. */
static inline int put_begin(struct fix *f, unsigned i, const char *key, const char *value)
{
	struct store_op op = {.type = STORE_PUT,
			      .expect = STORE_ANY,
			      .key = str_of(key),
			      .value = str_of(value),
			      .rv_at = STORE_NO_RV};

	return store_txn(f->m[i].s, &op, 1, answered, f);
}

/* Until some leader acknowledges it. */
static inline void put(struct fix *f, const char *key, const char *value)
{
	do {
		unsigned n = f->answers + 1;

		if (put_begin(f, wait_leader(f), key, value) < 0) {
			uv_run(&f->loop, UV_RUN_ONCE);
			f->last.err = -EREMOTE;
			continue;
		}
		wait_answer(f, n);
	} while (f->last.err == -ECANCELED || f->last.err == -EREMOTE);
	assert_int_equal(f->last.err, 0);
}

static inline bool has(struct master *m, const char *key, const char *value)
{
	struct store_view *v = store_view(m->s);
	const struct store_obj *o = store_get(v, str_of(key));
	bool yes = o && (!value || str_eqs(o->value, value));

	store_view_unref(v);
	return yes;
}

static inline void wait_has(struct fix *f, unsigned i, const char *key, const char *value)
{
	uint64_t began = clock_mono_ns(&clock_system);

	while (!has(&f->m[i], key, value))
		turn(f, began);
}

#define BIG (60u << 10)

/* More than the log keeps, and a snapshot of it at every master that is there. */
static inline void fill(struct fix *f, const char *prefix)
{
	CLEANUP_FREE char *value = xcalloc(1, BIG + 1);
	uint64_t began = clock_mono_ns(&clock_system);
	struct store_stats was[MASTERS], now;
	char key[64];

	memset(value, 'x', BIG);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "/g/%s/n/%02u", prefix, i);
		put(f, key, value);
	}
	for (unsigned i = 0; i < MASTERS; i++) {
		if (!f->m[i].s)
			continue;
		wait_has(f, i, key, value);
		store_stats(f->m[i].s, &was[i]);
		store_snapshot_now(f->m[i].s);
	}
	for (unsigned i = 0; i < MASTERS; i++) {
		if (!f->m[i].s)
			continue;
		do {
			turn(f, began);
			store_stats(f->m[i].s, &now);
		} while (now.snapshots == was[i].snapshots);
	}
}

static inline void same_everywhere(struct fix *f)
{
	struct store_stats one, other;

	put(f, "/g/r/n/same", "v");
	for (unsigned i = 0; i < MASTERS; i++)
		if (f->m[i].s)
			wait_has(f, i, "/g/r/n/same", "v");
	store_stats(f->m[wait_leader(f)].s, &one);
	for (unsigned i = 0; i < MASTERS; i++) {
		if (!f->m[i].s)
			continue;
		store_stats(f->m[i].s, &other);
		assert_int_equal(one.objects, other.objects);
		assert_int_equal(one.bytes, other.bytes);
	}
	put(f, "/g/r/n/same", "w");
}

static inline void wait_installs(struct fix *f, unsigned i, uint64_t n)
{
	uint64_t began = clock_mono_ns(&clock_system);
	struct store_stats st;

	do {
		turn(f, began);
		store_stats(f->m[i].s, &st);
	} while (st.installs < n);
}

/* Until the change is taken, and in force at the leader. */
static inline void set_role(struct fix *f, uint64_t id, enum store_member_role role)
{
	struct store_member m = {id, "", role}, v[MASTERS];
	uint64_t began = clock_mono_ns(&clock_system);
	char address[8];

	snprintf(address, sizeof(address), "m%" PRIu64, id);
	m.address = address;
	for (;;) {
		unsigned n = f->answers + 1, lead = wait_leader(f);
		size_t count = store_members(f->m[lead].s, v, MASTERS);

		for (size_t i = 0; i < count; i++)
			if (v[i].id == id && v[i].role == role)
				return;
		store_set_member(f->m[lead].s, &m, barrier_done, f);
		wait_answer(f, n);
		assert_true(f->last.err == 0 || f->last.err == -EAGAIN || f->last.err == -EBUSY ||
			    f->last.err == -EREMOTE || f->last.err == -EINVAL);
		turn(f, began);
	}
}
#endif
