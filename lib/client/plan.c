/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/plan.h"

struct plan_run {
	struct client *c;
	struct plan plan;
	struct slot {
		struct plan_run *run;
		size_t op;
		struct client_call *call; /* NULL: not under way */
	} * slots;
	size_t next, busy; /* first operation not sent; sent and not answered */
	struct err e;
	void (*done)(void *user, const struct err *e);
	void *user;
};

static void ops_free(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->ops[i].ns);
		free(p->ops[i].name);
		free(p->ops[i].user_text);
		buf_done(&p->ops[i].body);
	}
	free(p->ops);
}

void plan_done(struct plan *p)
{
	ops_free(p);
	*p = PLAN_INIT;
}

struct plan_op *plan_add(struct plan *p, const char *method, const struct client_kind *k,
			 struct str ns, struct str name, const char *sub)
{
	struct plan_op *op = ARRAY_PUSH(p->ops, p->n, p->cap);

	*op = (struct plan_op){
		.method = method,
		.kind = k,
		.ns = ns.len ? str_dup(ns) : NULL,
		.name = name.len ? str_dup(name) : NULL,
		.sub = sub,
		.content_type = !strcmp(method, "PATCH") ? CLIENT_MERGE_PATCH : NULL,
		.stage = p->stage,
	};
	buf_init(&op->body);
	return op;
}

void plan_again_in(struct plan *p, uint64_t delay_ns)
{
	if (!p->again_after_ns || delay_ns < p->again_after_ns)
		p->again_after_ns = MAX(delay_ns, 1ull);
}

static void run_free(struct plan_run *r)
{
	plan_done(&r->plan);
	err_done(&r->e);
	free(r->slots);
	free(r);
}

static bool tolerated(const struct plan_op *op, const struct err *e)
{
	switch (e->errnum) {
	case 0:
		return true;
	case ENOENT:
		return op->flags & PLAN_OK_ABSENT;
	case EEXIST:
		return op->flags & PLAN_OK_EXISTS;
	case EAGAIN:
		return op->flags & PLAN_OK_CONFLICT;
	default:
		return false;
	}
}

static void on_answer(void *user, const struct err *e, struct str body);

/* Sends what the stage has; true when there was something to send. */
static bool send_stage(struct plan_run *r)
{
	uint32_t stage;

	if (r->next == r->plan.n)
		return false;
	stage = r->plan.ops[r->next].stage;
	while (r->next < r->plan.n && r->plan.ops[r->next].stage == stage) {
		struct plan_op *op = &r->plan.ops[r->next];
		struct slot *s = &r->slots[r->next];
		struct client_req req = {
			.method = op->method,
			.kind = op->kind,
			.ns = str_of(op->ns),
			.name = str_of(op->name),
			.sub = op->sub,
			.content_type = op->content_type,
			.body = op->body.len ? buf_str(&op->body) : STR_NULL,
		};

		*s = (struct slot){r, r->next++, NULL};
		r->busy++;
		s->call = client_do(r->c, &req, on_answer, s);
	}
	return true;
}

static void advance(struct plan_run *r)
{
	if (r->busy)
		return;
	if (!r->e.errnum && send_stage(r))
		return;
	r->done(r->user, &r->e);
	run_free(r);
}

static void on_answer(void *user, const struct err *e, struct str body)
{
	struct slot *s = user;
	struct plan_run *r = s->run;
	struct plan_op *op = &r->plan.ops[s->op];

	s->call = NULL;
	r->busy--;
	if (op->result)
		op->result(op->user, op, e, body);
	if (!e->errnum && r->plan.written)
		r->plan.written(r->user, op, body);
	if (!tolerated(op, e)) {
		err_set(&r->e, e->errnum, e->reason, "%s %s %s: %s", op->method, op->kind->plural,
			op->name ? op->name : "", err_text(e));
		if (!r->e.http_code)
			r->e.http_code = e->http_code;
	}
	advance(r);
}

struct plan_run *plan_run(struct client *c, struct plan *p,
			  void (*done)(void *user, const struct err *e), void *user)
{
	struct plan_run *r;

	if (!p->n) {
		struct err none = ERR_INIT;

		plan_done(p);
		done(user, &none);
		return NULL;
	}
	r = NEW(struct plan_run);
	*r = (struct plan_run){.c = c, .plan = *p, .done = done, .user = user};
	r->slots = xcalloc(p->n, sizeof(*r->slots));
	*p = PLAN_INIT;
	send_stage(r);
	return r;
}

void plan_cancel(struct plan_run *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->next; i++)
		client_cancel(r->c, r->slots[i].call);
	run_free(r);
}
