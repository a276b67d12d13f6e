/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/log.h"
#include "master/apiserver/follow.h"

static void run(struct follow *f);

static void on_event(void *user, const struct store_event *ev, int err)
{
	struct follow *f = user;

	if (ev && ev->type == STORE_EVENT_PUT) {
		f->ops->put(f->user, ev->obj);
	} else if (ev) {
		if (f->ops->del)
			f->ops->del(f->user, ev->obj);
	} else {
		follow_stop(f);
		if (err == -ESTALE && f->ops->behind)
			f->ops->behind(f->user);
		else if (err == -ESTALE)
			run(f);
	}
}

static void run(struct follow *f)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(f->store);
	struct store_watch_spec spec = {.prefix = f->prefix, .from_rev = store_view_rev(v)};
	const struct store_obj *o;
	struct store_iter it;

	if (f->ops->begin)
		f->ops->begin(f->user, v);
	store_range(v, f->prefix, STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		f->ops->put(f->user, o);
	if (store_watch(f->store, &spec, on_event, f, &f->watch) < 0)
		log_err("%.*s is not followed any more", STR_ARG(f->prefix));
}

void follow_start(struct follow *f, struct store *store, struct str prefix,
		  const struct follow_ops *ops, void *user)
{
	follow_stop(f);
	*f = (struct follow){store, ops, user, prefix, NULL};
	run(f);
}

void follow_stop(struct follow *f)
{
	store_unwatch(TAKE(f->watch));
}
