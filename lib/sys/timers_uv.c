/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/sys/timers_uv.h"

struct timers_uv {
	uv_timer_t handle;
	struct timers *ts;
	bool running;
};

static void on_timer(uv_timer_t *h);

static void rearm(struct timers *ts, uint64_t at_ns)
{
	struct timers_uv *d = ts->user;
	uint64_t now_ns, wait_ms = 0;

	if (d->running)
		return; /* timers_run tells once more at its end */
	if (at_ns == UINT64_MAX) {
		uv_timer_stop(&d->handle);
		return;
	}
	now_ns = timers_now_ns(ts);
	if (at_ns > now_ns)
		wait_ms = (at_ns - now_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
	if (wait_ms)
		uv_update_time(d->handle.loop);
	uv_timer_start(&d->handle, on_timer, wait_ms, 0);
}

static void on_timer(uv_timer_t *h)
{
	struct timers_uv *d = h->data;
	struct timers *ts = d->ts;

	d->running = true;
	timers_run(ts);
	d->running = false;
	if (ts->user == d && ts->rearm)
		rearm(ts, timers_next_ns(ts));
}

struct timers_uv *timers_uv_attach(struct timers *ts, uv_loop_t *loop)
{
	struct timers_uv *d = NEW(struct timers_uv);

	d->ts = ts;
	uv_timer_init(loop, &d->handle);
	d->handle.data = d;
	ts->user = d;
	ts->rearm = rearm;
	rearm(ts, timers_next_ns(ts));
	return d;
}

static void on_close(uv_handle_t *h)
{
	free(h->data);
}

struct timers_uv *timers_uv_detach(struct timers_uv *d)
{
	if (!d)
		return NULL;
	d->ts->rearm = NULL;
	d->ts->user = NULL;
	uv_close((uv_handle_t *)&d->handle, on_close);
	return NULL;
}
