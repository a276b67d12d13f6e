/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/fresh.h"
#include "master/apiserver/forward.h"
#include "master/apiserver/server.h"

struct fresh {
	struct request *r; /* a reference */
	void (*fn)(struct request *r);
	struct timer soon;
};

static void look(struct timer *t)
{
	struct fresh *f = container_of(t, struct fresh, soon);
	struct request *r = f->r;

	if (!r->gone && !r->answered)
		f->fn(r);
	free(f);
	request_unref(r);
}

/* Whatever came of it: this is as new as it gets. Watches are told in the same turn of the loop. */
static void caught_up(void *user, int err)
{
	struct fresh *f = user;

	(void)err;
	f->soon.fire = look;
	timers_soon(f->r->srv->timers, &f->soon);
}

bool fresh_first(struct request *r, void (*fn)(struct request *r))
{
	struct fresh *f;

	if (r->fresh || !forward_wanted(r) ||
	    (r->user && user_in_group(r->user, GROUP_UNAUTHENTICATED)))
		return false;
	r->fresh = true;
	f = NEW(struct fresh);
	f->r = request_ref(r);
	f->fn = fn;
	store_read_barrier(r->srv->store, caught_up, f);
	return true;
}
