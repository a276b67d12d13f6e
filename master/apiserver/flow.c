/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/flow.h"
#include "master/apiserver/flow_config.h"
#include "master/apiserver/respond.h"

#define TURN_BUDGET 32u /* requests of all levels together in one turn of the loop */

struct flow_control {
	struct apiserver *s;
	struct flow_config config;
	struct timer turn; /* armed while the budget of a turn is being used */
	unsigned used;
	size_t next_level; /* where the round over the levels goes on */
};

/* ---- waiting ---- */

static void flow_of(const struct request *r, struct buf *out)
{
	const struct flow_schema *s = r->flow_schema;

	buf_addstr(out, s->name);
	buf_addc(out, '/');
	if (s->by_user)
		buf_adds(out, r->user->name);
	else if (s->by_namespace)
		buf_addstr(out, r->info.ns);
}

/* Shuffle sharding: a flow has a hand of queues and joins the shortest of them. */
static struct flow_queue *queue_for(struct flow_level *l, const struct request *r)
{
	CLEANUP(buf_done) struct buf flow = BUF_INIT;
	struct flow_queue *best = NULL;

	flow_of(r, &flow);
	for (unsigned i = 0; i < l->hand; i++) {
		struct flow_queue *q;

		buf_addc(&flow, (char)('a' + i % 26));
		q = &l->queues[str_hash(buf_str(&flow)) % l->n_queues];
		if (!best || q->n < best->n)
			best = q;
	}
	return best;
}

static void reject(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	r->flow_level->rejected++;
	err_set(&e, EBUSY, "TooManyRequests", "Too many requests, please try again later.");
	e.http_code = 429;
	e.retry_after_s = 1;
	respond_err(r, &e);
}

static void enqueue(struct request *r)
{
	struct flow_level *l = r->flow_level;
	struct flow_queue *q;

	if (l->reject) {
		reject(r);
		return;
	}
	q = queue_for(l, r);
	if (q->n >= l->queue_length) {
		reject(r);
		return;
	}
	r->flow_queue = q;
	list_append(&q->requests, &r->flow_node);
	if (!q->n++)
		list_append(&l->ring, &q->node);
	l->waiting++;
}

static void dequeue(struct request *r)
{
	struct flow_queue *q = r->flow_queue;

	list_remove(&r->flow_node);
	if (!--q->n)
		list_remove(&q->node);
	r->flow_level->waiting--;
	r->flow_queue = NULL;
}

/* ---- running ---- */

static void begin_turn(struct flow_control *f)
{
	if (!timer_armed(&f->turn))
		timers_soon(f->s->timers, &f->turn);
}

static void start(struct flow_control *f, struct request *r)
{
	struct flow_level *l = r->flow_level;

	f->used++;
	begin_turn(f);
	l->running++;
	l->dispatched++;
	r->flow_seated = true;
	r->flow_run(r);
}

static bool has_room(const struct flow_control *f, const struct flow_level *l)
{
	return f->used < TURN_BUDGET && l->running < l->seats;
}

/* One request of a level's next flow. */
static bool serve_one(struct flow_control *f, struct flow_level *l)
{
	struct flow_queue *q;
	struct request *r;

	if (!l->waiting || !has_room(f, l))
		return false;
	q = list_entry(l->ring.next, struct flow_queue, node);
	r = list_entry(q->requests.next, struct request, flow_node);
	dequeue(r);
	if (q->n) { /* to the end of the round */
		list_remove(&q->node);
		list_append(&l->ring, &q->node);
	}
	start(f, r);
	return true;
}

/* All levels in turn, as long as there is something to do and room to do it. */
static void serve(struct flow_control *f)
{
	size_t idle = 0;

	while (f->used < TURN_BUDGET && idle < f->config.n_levels) {
		struct flow_level *l = f->config.levels[f->next_level++ % f->config.n_levels];

		idle = serve_one(f, l) ? 0 : idle + 1;
	}
}

static void on_turn(struct timer *t)
{
	struct flow_control *f = container_of(t, struct flow_control, turn);

	f->used = 0;
	serve(f);
}

void flow_run(struct request *r, void (*run)(struct request *r))
{
	struct flow_control *f = r->srv->flow;
	struct flow_schema *s = flow_config_classify(&f->config, r);
	struct flow_level *l = s ? flow_config_level(&f->config, s->level) : NULL;

	if (!l) {
		run(r); /* before the first objects are there */
		return;
	}
	s->refs++;
	l->refs++;
	r->flow_schema = s;
	r->flow_level = l;
	r->flow_run = run;
	if (l->exempt) {
		l->dispatched++;
		run(r);
	} else if (!l->waiting && has_room(f, l)) {
		start(f, r);
	} else {
		enqueue(r);
		begin_turn(f);
	}
}

void flow_release(struct request *r)
{
	struct flow_level *l = r->flow_level;

	if (r->flow_queue)
		dequeue(r);
	if (!r->flow_seated)
		return;
	r->flow_seated = false;
	l->running--;
	if (l->waiting)
		begin_turn(r->srv->flow);
}

struct str flow_schema_uid(const struct request *r)
{
	return r->flow_schema ? r->flow_schema->uid : STR_NULL;
}

struct str flow_level_uid(const struct request *r)
{
	return r->flow_level ? str_of(r->flow_level->uid) : STR_NULL;
}

/* ---- changes ---- */

/* The level was changed or deleted: who waited in it is sorted anew. */
static void level_gone(void *user, struct flow_level *l)
{
	struct flow_control *f = user;

	while (l->waiting) {
		struct flow_queue *q = list_entry(l->ring.next, struct flow_queue, node);
		struct request *r = list_entry(q->requests.next, struct request, flow_node);
		void (*run)(struct request * r) = r->flow_run;

		dequeue(r);
		flow_level_unref(TAKE(r->flow_level));
		flow_schema_unref(TAKE(r->flow_schema));
		if (f->s->flow)
			flow_run(r, run);
	}
}

struct flow_control *flow_control_new(struct apiserver *s)
{
	struct flow_control *f = NEW(struct flow_control);

	f->s = s;
	f->turn.fire = on_turn;
	f->config = (struct flow_config){.store = s->store, .on_level_gone = level_gone, .user = f};
	flow_config_start(&f->config);
	return f;
}

struct flow_control *flow_control_free(struct flow_control *f)
{
	if (!f)
		return NULL;
	f->s->flow = NULL;
	timers_disarm(f->s->timers, &f->turn);
	flow_config_stop(&f->config);
	free(f);
	return NULL;
}

void flow_metrics(const struct flow_control *f, struct buf *out)
{
	static const struct {
		const char *name, *type, *help;
	} series[] = {
		{"apiserver_flowcontrol_current_inqueue_requests", "gauge",
		 "Requests that wait in the queues of a priority level"},
		{"apiserver_flowcontrol_current_executing_requests", "gauge",
		 "Requests of a priority level that are being worked on"},
		{"apiserver_flowcontrol_dispatched_requests_total", "counter",
		 "Requests that were let through"},
		{"apiserver_flowcontrol_rejected_requests_total", "counter",
		 "Requests that were refused because the queues were full"},
		{"apiserver_flowcontrol_nominal_limit_seats", "gauge",
		 "Requests of a priority level that may be worked on at once"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(series); i++) {
		buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", series[i].name, series[i].help,
			 series[i].name, series[i].type);
		for (size_t j = 0; j < f->config.n_levels; j++) {
			const struct flow_level *l = f->config.levels[j];
			const uint64_t values[] = {l->waiting, l->running, l->dispatched,
						   l->rejected, l->seats};

			buf_addf(out, "%s{priority_level=\"%s\"} %" PRIu64 "\n", series[i].name,
				 l->name, values[i]);
		}
	}
}
