/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_PLAN_H
#define KNARR_CLIENT_PLAN_H
#include "lib/client/client.h"
/*
 * The writes that a controller wants, as data. A controller's step looks at caches and fills a
 * plan (a pure function, easy to test); plan_run carries it out. Operations of one stage run at
 * the same time, the next stage starts when all of them have succeeded. The first failure that the
 * operation does not tolerate ends the plan after its stage.
 */
enum plan_flag {
	PLAN_OK_ABSENT = 1, /* NotFound is success (deletes) */
	PLAN_OK_EXISTS = 2, /* AlreadyExists is success (creates) */
	PLAN_OK_CONFLICT = 4, /* Conflict is success: a newer event will bring the key back */
};
struct plan_op {
	const char *method;
	const struct client_kind *kind;
	char *ns, *name; /* NULL: none; owned */
	const char *sub, *content_type;
	struct buf body;
	uint32_t flags; /* enum plan_flag */
	uint32_t stage;
	/* Told the outcome before the plan goes on (expectations, events); may be NULL. */
	void (*result)(void *user, struct plan_op *op, const struct err *e, struct str body);
	void *user;
	char *user_text; /* the same as `user`, owned by the operation; may be NULL */
};
struct plan {
	struct plan_op *ops;
	size_t n, cap;
	uint32_t stage; /* what plan_add gives to the next operation */
	/* Told about every operation that succeeded, with the server's answer and plan_run's user;
	 * set before plan_run, may be NULL. */
	void (*written)(void *user, const struct plan_op *op, struct str body);
	uint64_t again_after_ns; /* the step wants to be called again after this time; 0: no */
};
#define PLAN_INIT ((struct plan){0})
void plan_done(struct plan *p);
/* Adds an operation; the pointer is valid until the next one. Fill its body through jw. */
struct plan_op *plan_add(struct plan *p, const char *method, const struct client_kind *k,
			 struct str ns, struct str name, const char *sub);
/* Operations added from here on wait for those before. */
static inline void plan_next_stage(struct plan *p)
{
	p->stage++;
}
void plan_again_in(struct plan *p, uint64_t delay_ns); /* the earliest wish counts */

struct plan_run;
/*
 * Carries out *p and empties it. `done` runs once, from the loop or (for an empty plan) at once.
 * e->errnum 0: all well; else the first failure. The handle is valid until done; NULL if that has
 * already run.
 */
struct plan_run *plan_run(struct client *c, struct plan *p,
			  void (*done)(void *user, const struct err *e), void *user);
/* Stops; requests already sent may still take effect. No callback any more. */
void plan_cancel(struct plan_run *r);
#endif
