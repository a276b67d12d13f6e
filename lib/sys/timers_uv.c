/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/sys/timers_uv.h"

/*
 * What is due at once goes by an idle handle and not by a timer of 0 ms: libuv before 1.45 runs a
 * timer that re-arms itself for now again in the same pass, for ever, and never looks at its files.
 * An idle handle runs once a turn of the loop, and the loop polls between two turns.
 */
struct timers_uv {
	uv_timer_t handle;
	uv_idle_t soon;
	struct timers *ts;
	unsigned open; /* handles */
	bool running;
};

static void on_timer(uv_timer_t *h);
static void on_soon(uv_idle_t *h);

static void rearm(struct timers *ts, uint64_t at_ns)
{
	struct timers_uv *d = ts->user;
	uint64_t now_ns;

	if (d->running)
		return; /* timers_run tells once more at its end */
	uv_timer_stop(&d->handle);
	uv_idle_stop(&d->soon);
	if (at_ns == UINT64_MAX)
		return;
	now_ns = timers_now_ns(ts);
	if (at_ns <= now_ns) {
		uv_idle_start(&d->soon, on_soon);
		return;
	}
	uv_update_time(d->handle.loop);
	uv_timer_start(&d->handle, on_timer, (at_ns - now_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC,
		       0);
}

static void run(struct timers_uv *d)
{
	struct timers *ts = d->ts;

	d->running = true;
	timers_run(ts);
	d->running = false;
	if (ts->user == d && ts->rearm)
		rearm(ts, timers_next_ns(ts));
}

static void on_timer(uv_timer_t *h)
{
	run(h->data);
}

static void on_soon(uv_idle_t *h)
{
	run(h->data);
}

struct timers_uv *timers_uv_attach(struct timers *ts, uv_loop_t *loop)
{
	struct timers_uv *d = NEW(struct timers_uv);

	d->ts = ts;
	uv_timer_init(loop, &d->handle);
	uv_idle_init(loop, &d->soon);
	d->handle.data = d->soon.data = d;
	d->open = 2;
	ts->user = d;
	ts->rearm = rearm;
	rearm(ts, timers_next_ns(ts));
	return d;
}

static void on_close(uv_handle_t *h)
{
	struct timers_uv *d = h->data;

	if (--d->open == 0)
		free(d);
}

struct timers_uv *timers_uv_detach(struct timers_uv *d)
{
	if (!d)
		return NULL;
	d->ts->rearm = NULL;
	d->ts->user = NULL;
	uv_close((uv_handle_t *)&d->handle, on_close);
	uv_close((uv_handle_t *)&d->soon, on_close);
	return NULL;
}
