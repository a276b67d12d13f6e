/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/timers.h"
#include "lib/client/workqueue.h"
#include "tests/unit/test.h"

static uint64_t now;

static uint64_t fake_mono(void *user)
{
	return now;
}
static int64_t fake_real(void *user)
{
	return (int64_t)now;
}
static const struct clock fake_clock = {fake_mono, fake_real, NULL};

static void run_until(struct timers *ts, uint64_t until)
{
	while (timers_next_ns(ts) <= until) {
		now = MAX(now, timers_next_ns(ts));
		timers_run(ts);
	}
	now = until;
}

struct fixture {
	struct timers ts;
	struct workqueue *q;
	char seen[256]; /* keys processed, joined */
	int result; /* what on_key answers at once; 1: leaves the key busy */
};

static void on_key(void *user, struct str key)
{
	struct fixture *f = user;
	size_t n = strlen(f->seen);

	snprintf(f->seen + n, sizeof(f->seen) - n, "%.*s ", STR_ARG(key));
	if (f->result <= 0)
		workqueue_done(f->q, key, f->result);
}

static void begin(struct fixture *f, uint32_t parallel)
{
	now = 1000;
	*f = (struct fixture){0};
	timers_init(&f->ts, &fake_clock);
	f->q = workqueue_new(&(struct workqueue_conf){.name = "test",
						      .timers = &f->ts,
						      .parallel = parallel,
						      .process = on_key,
						      .user = f});
}

static void end(struct fixture *f)
{
	workqueue_free(f->q);
	timers_done(&f->ts);
}

static void test_dedupe(void **state)
{
	struct fixture f;

	begin(&f, 1);
	workqueue_add(f.q, STR("a"));
	workqueue_add(f.q, STR("b"));
	workqueue_add(f.q, STR("a"));
	assert_string_equal(f.seen, ""); /* never inside add */
	run_until(&f.ts, now);
	assert_string_equal(f.seen, "a b ");
	assert_true(workqueue_idle(f.q));
	end(&f);
}

static void test_busy_again(void **state)
{
	struct fixture f;

	begin(&f, 2);
	f.result = 1;
	workqueue_add(f.q, STR("a"));
	run_until(&f.ts, now);
	workqueue_add(f.q, STR("a"));
	workqueue_add(f.q, STR("a"));
	run_until(&f.ts, now);
	assert_string_equal(f.seen, "a ");
	workqueue_done(f.q, STR("a"), 0);
	run_until(&f.ts, now);
	assert_string_equal(f.seen, "a a ");
	workqueue_add(f.q, STR("b"));
	workqueue_add(f.q, STR("c"));
	run_until(&f.ts, now);
	assert_string_equal(f.seen, "a a b "); /* c waits for a place */
	workqueue_done(f.q, STR("a"), 0);
	run_until(&f.ts, now);
	assert_string_equal(f.seen, "a a b c ");
	end(&f);
}

static void test_backoff(void **state)
{
	struct fixture f;
	uint64_t start;

	begin(&f, 1);
	f.result = -EIO;
	start = now;
	workqueue_add(f.q, STR("a"));
	/* tries at 0, 5, 15, 35, 75 ms */
	run_until(&f.ts, start + 74 * NSEC_PER_MSEC);
	assert_string_equal(f.seen, "a a a a ");
	assert_int_equal(workqueue_failures(f.q, STR("a")), 4);
	f.result = 0;
	run_until(&f.ts, start + 100 * NSEC_PER_MSEC);
	assert_string_equal(f.seen, "a a a a a ");
	assert_int_equal(workqueue_failures(f.q, STR("a")), 0);
	assert_true(timers_next_ns(&f.ts) == UINT64_MAX); /* nothing wakes an idle process */
	end(&f);
}

static void test_delay(void **state)
{
	struct fixture f;
	uint64_t start;

	begin(&f, 1);
	start = now;
	workqueue_add_after(f.q, STR("a"), 5 * NSEC_PER_SEC);
	workqueue_add_after(f.q, STR("a"), 2 * NSEC_PER_SEC);
	workqueue_add_after(f.q, STR("a"), 9 * NSEC_PER_SEC);
	run_until(&f.ts, start + 2 * NSEC_PER_SEC - 1);
	assert_string_equal(f.seen, "");
	run_until(&f.ts, start + 20 * NSEC_PER_SEC);
	assert_string_equal(f.seen, "a ");
	workqueue_add_after(f.q, STR("b"), 5 * NSEC_PER_SEC);
	workqueue_pause(f.q, true);
	workqueue_add(f.q, STR("b"));
	run_until(&f.ts, now + 20 * NSEC_PER_SEC);
	assert_string_equal(f.seen, "a ");
	workqueue_pause(f.q, false);
	run_until(&f.ts, now);
	assert_string_equal(f.seen, "a b ");
	end(&f);
}

static void test_rest(void **state)
{
	struct fixture f;
	uint64_t start;

	begin(&f, 1);
	f.result = 1;
	start = now;
	workqueue_add(f.q, STR("a"));
	run_until(&f.ts, now);
	workqueue_add(f.q, STR("a"));
	workqueue_rest(f.q, STR("a"), 50 * NSEC_PER_MSEC);
	workqueue_done(f.q, STR("a"), 0);
	run_until(&f.ts, start + 49 * NSEC_PER_MSEC);
	workqueue_add(f.q, STR("a"));
	workqueue_add(f.q, STR("b"));
	assert_string_equal(f.seen, "a ");
	run_until(&f.ts, start + 49 * NSEC_PER_MSEC);
	assert_string_equal(f.seen, "a b "); /* others don't wait for it */
	workqueue_done(f.q, STR("b"), 0);
	run_until(&f.ts, start + 50 * NSEC_PER_MSEC);
	assert_string_equal(f.seen, "a b a ");
	workqueue_rest(f.q, STR("a"), 50 * NSEC_PER_MSEC);
	workqueue_done(f.q, STR("a"), 0);
	run_until(&f.ts, start + 200 * NSEC_PER_MSEC);
	assert_true(timers_next_ns(&f.ts) == UINT64_MAX);
	end(&f);
}

static int order[64], n_order;
struct numbered {
	struct timer t;
	int n;
};
static void on_numbered(struct timer *t)
{
	order[n_order++] = container_of(t, struct numbered, t)->n;
}

static void test_timers(void **state)
{
	struct timers ts;
	struct numbered v[40];

	now = 0;
	n_order = 0;
	timers_init(&ts, &fake_clock);
	for (int i = 0; i < 40; i++) {
		v[i] = (struct numbered){{.fire = on_numbered}, i};
		timers_arm(&ts, &v[i].t, (uint64_t)(i * 7 % 40) / 2);
	}
	for (int i = 0; i < 40; i += 4)
		timers_disarm(&ts, &v[i].t);
	run_until(&ts, 100);
	assert_int_equal(n_order, 30);
	for (int i = 1; i < n_order; i++) {
		int a = order[i - 1], b = order[i];

		assert_true(a * 7 % 40 / 2 < b * 7 % 40 / 2 ||
			    (a * 7 % 40 / 2 == b * 7 % 40 / 2 && a < b));
	}
	timers_done(&ts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dedupe),  cmocka_unit_test(test_busy_again),
		cmocka_unit_test(test_backoff), cmocka_unit_test(test_delay),
		cmocka_unit_test(test_timers),  cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
