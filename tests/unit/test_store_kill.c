/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/sys/file.h"
#include "master/store/store.h"
#include "tests/unit/test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <uv.h>
/*
 * kill -9 at any moment, 50 rounds on the same data: a child writes and tells through a pipe what
 * was acknowledged; after its death the parent opens the store and looks for it.
 */
#define ROUNDS 50
#define KEYS 64u
#define CLIENTS 16u

struct ack {
	unsigned key, number;
};

struct client {
	struct writer *w;
	struct ack now;
};

struct writer {
	struct store *s;
	uv_loop_t loop;
	struct client clients[CLIENTS];
	unsigned number, seed;
	int pipe;
};

static struct store *open_store(uv_loop_t *loop, const char *dir)
{
	/* Small segments and snapshots, so that kills hit those too. */
	struct store_conf conf = {.dir = dir,
				  .loop = loop,
				  .segment_bytes = 1u << 20,
				  .snapshot_log_bytes = 512u << 10};
	struct err err = ERR_INIT;
	struct store *s = NULL;

	uv_loop_init(loop);
	if (store_open(&conf, &s, &err) < 0)
		print_error("store_open: %s\n", err_text(&err));
	err_done(&err);
	return s;
}

static void ask(struct client *c);

static void answered(void *user, const struct store_result *r)
{
	struct client *c = user;

	if (r->err || write(c->w->pipe, &c->now, sizeof(c->now)) != sizeof(c->now))
		_exit(1);
	ask(c);
}

static void ask(struct client *c)
{
	struct store_op op = {.type = STORE_PUT, .expect = STORE_ANY, .rv_at = STORE_NO_RV};
	char key[40], value[2000] = {0};

	c->now.key = (unsigned)rand_r(&c->w->seed) % KEYS;
	c->now.number = ++c->w->number;
	snprintf(key, sizeof(key), "/g/r/n/%u", c->now.key);
	snprintf(value, sizeof(value), "%u.", c->now.number);
	op.key = str_of(key);
	op.value = str_n(value, 20 + (unsigned)rand_r(&c->w->seed) % 1900);
	if (store_txn(c->w->s, &op, 1, answered, c) < 0)
		_exit(1);
}

static _Noreturn void child(const char *dir, int fd, unsigned number)
{
	static struct writer w;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w = (struct writer){.pipe = fd, .number = number, .seed = number};
	w.s = open_store(&w.loop, dir);
	if (!w.s)
		_exit(1);
	for (unsigned i = 0; i < CLIENTS; i++) {
		w.clients[i].w = &w;
		ask(&w.clients[i]);
	}
	uv_run(&w.loop, UV_RUN_DEFAULT);
	_exit(1);
}

static void check(const char *dir, const unsigned *acked)
{
	uv_loop_t loop;
	struct store *s = open_store(&loop, dir);
	struct store_view *v;

	assert_non_null(s);
	v = store_view(s);
	for (unsigned k = 0; k < KEYS; k++) {
		const struct store_obj *o;
		char key[40];

		snprintf(key, sizeof(key), "/g/r/n/%u", k);
		o = store_get(v, str_of(key));
		if (acked[k])
			assert_non_null(o);
		assert_true((o ? strtoul(o->value.p, NULL, 10) : 0) >= acked[k]);
	}
	store_view_unref(v);
	store_close(s);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_kill(void **state)
{
	char dir[] = "/var/tmp/knarr-kill-XXXXXX";
	unsigned acked[KEYS] = {0}, number = 0, total = 0, seed = 5;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (int round = 0; round < ROUNDS; round++) {
		struct ack a;
		int p[2], status;
		pid_t pid;

		assert_int_equal(pipe(p), 0);
		pid = fork();
		if (pid == 0) {
			close(p[0]);
			child(dir, p[1], number);
		}
		close(p[1]);
		usleep((unsigned)rand_r(&seed) % 60000);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(p[0], &a, sizeof(a)) == sizeof(a)) {
			acked[a.key] = MAX(acked[a.key], a.number);
			number = MAX(number, a.number);
			total++;
		}
		close(p[0]);
		number += CLIENTS; /* those that were asked for and not acknowledged */
		check(dir, acked);
	}
	assert_true(total > 500);
	dir_remove_tree(AT_FDCWD, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
