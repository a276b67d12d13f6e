/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/workqueue.h"
#include "lib/base/hmap.h"
#include "lib/base/list.h"

enum item_state { ITEM_IDLE, ITEM_WAITING, ITEM_READY, ITEM_BUSY, ITEM_DIRTY /* busy and added */ };

struct item {
	struct list node; /* in ready */
	struct timer timer;
	struct workqueue *q;
	enum item_state state;
	uint32_t failures;
	uint64_t again_at_ns; /* while busy: wish of add_after, 0: none */
	uint64_t rest_until_ns; /* not ready before */
	struct str key; /* behind the struct */
};

struct workqueue {
	struct workqueue_conf conf;
	struct hmap *items;
	struct list ready;
	struct timer pump;
	size_t n_ready, n_busy;
	bool paused;
};

static void pump(struct timer *t);

struct workqueue *workqueue_new(const struct workqueue_conf *conf)
{
	struct workqueue *q = NEW(struct workqueue);

	q->conf = *conf;
	q->conf.parallel = conf->parallel ? conf->parallel : 1;
	q->conf.backoff_base_ns = conf->backoff_base_ns ? conf->backoff_base_ns : 5 * NSEC_PER_MSEC;
	q->conf.backoff_max_ns = conf->backoff_max_ns ? conf->backoff_max_ns : 1000 * NSEC_PER_SEC;
	q->items = hmap_new();
	list_init(&q->ready);
	q->pump.fire = pump;
	return q;
}

struct workqueue *workqueue_free(struct workqueue *q)
{
	if (!q)
		return NULL;
	timers_disarm(q->conf.timers, &q->pump);
	hmap_for_each (e, q->items) {
		struct item *it = e->value;

		timers_disarm(q->conf.timers, &it->timer);
	}
	hmap_free_full(q->items, free);
	free(q);
	return NULL;
}

static void wake(struct workqueue *q)
{
	if (!q->paused && q->n_ready && q->n_busy < q->conf.parallel && !timer_armed(&q->pump))
		timers_soon(q->conf.timers, &q->pump);
}

static void make_ready(struct item *it)
{
	struct workqueue *q = it->q;

	if (timers_now_ns(q->conf.timers) < it->rest_until_ns) {
		it->state = ITEM_WAITING;
		timers_arm(q->conf.timers, &it->timer, it->rest_until_ns);
		return;
	}
	timers_disarm(q->conf.timers, &it->timer);
	it->state = ITEM_READY;
	list_append(&q->ready, &it->node);
	q->n_ready++;
	wake(q);
}

static void settle(struct item *it);

static void on_wait_over(struct timer *t)
{
	struct item *it = container_of(t, struct item, timer);

	if (it->state == ITEM_WAITING)
		make_ready(it);
	else
		settle(it); /* only its rest is over */
}

static struct item *item_of(struct workqueue *q, struct str key)
{
	struct item *it = hmap_get(q->items, key);
	char *text;

	if (it)
		return it;
	it = xcalloc(1, sizeof(*it) + key.len + 1);
	text = (char *)(it + 1);
	memcpy(text, key.p, key.len);
	it->key = str_n(text, key.len);
	it->q = q;
	it->timer.fire = on_wait_over;
	list_init(&it->node);
	hmap_put(q->items, it->key, it);
	return it;
}

/* An item with nothing to remember leaves the map. */
static void settle(struct item *it)
{
	struct timers *ts = it->q->conf.timers;

	if (it->state != ITEM_IDLE || it->failures)
		return;
	if (timers_now_ns(ts) < it->rest_until_ns) {
		timers_arm(ts, &it->timer, it->rest_until_ns);
		return;
	}
	timers_disarm(ts, &it->timer);
	hmap_del(it->q->items, it->key);
	free(it);
}

void workqueue_add(struct workqueue *q, struct str key)
{
	struct item *it = item_of(q, key);

	switch (it->state) {
	case ITEM_IDLE:
	case ITEM_WAITING:
		make_ready(it);
		break;
	case ITEM_BUSY:
		it->state = ITEM_DIRTY;
		break;
	case ITEM_READY:
	case ITEM_DIRTY:
		break;
	}
}

void workqueue_add_after(struct workqueue *q, struct str key, uint64_t delay_ns)
{
	struct item *it;
	uint64_t at_ns = timers_now_ns(q->conf.timers) + delay_ns;

	if (!delay_ns) {
		workqueue_add(q, key);
		return;
	}
	it = item_of(q, key);
	switch (it->state) {
	case ITEM_IDLE:
		it->state = ITEM_WAITING;
		timers_arm(q->conf.timers, &it->timer, at_ns);
		break;
	case ITEM_WAITING:
		if (at_ns < it->timer.at_ns)
			timers_arm(q->conf.timers, &it->timer, at_ns);
		break;
	case ITEM_BUSY:
	case ITEM_DIRTY:
		if (!it->again_at_ns || at_ns < it->again_at_ns)
			it->again_at_ns = at_ns;
		break;
	case ITEM_READY:
		break;
	}
}

void workqueue_add_backoff(struct workqueue *q, struct str key)
{
	struct item *it = item_of(q, key);
	uint64_t delay_ns = q->conf.backoff_base_ns;

	for (uint32_t i = 0; i < it->failures && delay_ns < q->conf.backoff_max_ns; i++)
		delay_ns *= 2;
	it->failures++;
	workqueue_add_after(q, key, MIN(delay_ns, q->conf.backoff_max_ns));
}

void workqueue_forget(struct workqueue *q, struct str key)
{
	struct item *it = hmap_get(q->items, key);

	if (!it)
		return;
	it->failures = 0;
	settle(it);
}

uint32_t workqueue_failures(const struct workqueue *q, struct str key)
{
	const struct item *it = hmap_get(q->items, key);

	return it ? it->failures : 0;
}

void workqueue_rest(struct workqueue *q, struct str key, uint64_t ns)
{
	struct item *it = hmap_get(q->items, key);

	assert(it && (it->state == ITEM_BUSY || it->state == ITEM_DIRTY));
	it->rest_until_ns = timers_now_ns(q->conf.timers) + ns;
}

void workqueue_done(struct workqueue *q, struct str key, int r)
{
	struct item *it = hmap_get(q->items, key);
	uint64_t again_at_ns;
	bool dirty;

	assert(it && (it->state == ITEM_BUSY || it->state == ITEM_DIRTY));
	dirty = it->state == ITEM_DIRTY;
	again_at_ns = it->again_at_ns;
	it->state = ITEM_IDLE;
	it->again_at_ns = 0;
	q->n_busy--;
	if (r >= 0)
		it->failures = 0;
	/* A failed key waits its backoff out even if it changed meanwhile: or a failure loops hot.
	 */
	if (r < 0)
		workqueue_add_backoff(q, it->key);
	else if (dirty)
		make_ready(it);
	else if (again_at_ns) {
		it->state = ITEM_WAITING;
		timers_arm(q->conf.timers, &it->timer, again_at_ns);
	}
	settle(it);
	wake(q);
}

static void pump(struct timer *t)
{
	struct workqueue *q = container_of(t, struct workqueue, pump);
	size_t budget = 64; /* then let the loop see to others */

	while (!q->paused && q->n_busy < q->conf.parallel && q->n_ready && budget--) {
		struct item *it = list_first(&q->ready, struct item, node);

		list_remove(&it->node);
		q->n_ready--;
		q->n_busy++;
		it->state = ITEM_BUSY;
		q->conf.process(q->conf.user, it->key);
	}
	wake(q);
}

void workqueue_pause(struct workqueue *q, bool paused)
{
	q->paused = paused;
	wake(q);
}

size_t workqueue_len(const struct workqueue *q)
{
	return q->n_ready;
}

bool workqueue_idle(const struct workqueue *q)
{
	return !q->n_ready && !q->n_busy;
}
