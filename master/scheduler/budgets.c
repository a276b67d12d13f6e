/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/preempt.h"
#include "master/scheduler/preempt_private.h"

static void clear(struct budgets *b)
{
	for (size_t i = 0; i < b->n; i++) {
		object_unref(b->v[i].obj);
		label_selector_done(&b->v[i].sel);
	}
	b->n = 0;
}

static void changed(void *user, struct object *o)
{
	((struct budgets *)user)->stale = true;
}
static void updated(void *user, struct object *old, struct object *o)
{
	changed(user, o);
}
static const struct informer_handler handler = {changed, updated, changed, NULL};

void budgets_start(struct budgets *b, struct informers *informers)
{
	b->in = informers_get(informers, &client_poddisruptionbudgets);
	informer_handle(b->in, &handler, b);
	b->stale = true;
}

void budgets_stop(struct budgets *b)
{
	if (b->in)
		informer_unhandle(b->in, &handler, b);
	clear(b);
	free(b->v);
	*b = (struct budgets){0};
}

static void compile(struct budgets *b)
{
	clear(b);
	b->stale = false;
	informer_for_each(o, b->in)
	{
		struct budget one = {.obj = o};

		if (label_selector_from_object(jv_get(object_spec(o), "selector"), &one.sel, NULL) <
			    0 ||
		    one.sel.nothing || !one.sel.n) {
			label_selector_done(&one.sel);
			continue;
		}
		one.allowed = jv_i64(jv_get(object_status(o), "disruptionsAllowed"), 0);
		object_ref(o);
		*ARRAY_PUSH(b->v, b->n, b->cap) = one;
	}
}

void budgets_begin(struct budgets *b)
{
	if (b->in && b->stale)
		compile(b);
	for (size_t i = 0; i < b->n; i++)
		b->v[i].left = b->v[i].allowed;
}

bool budgets_violated(struct budgets *b, const struct sched_pod *p)
{
	bool violated = false;

	if (!jv_len(p->class->labels))
		return false;
	for (size_t i = 0; i < b->n; i++) {
		struct budget *one = &b->v[i];

		if (!str_eq(one->obj->ns, p->obj->ns) ||
		    !label_selector_match(&one->sel, p->class->labels))
			continue;
		/* Already evicted, as the API server has noted: it is paid for. */
		if (jv_exists(jv_getn(jv_get(object_status(one->obj), "disruptedPods"),
				      p->obj->name)))
			continue;
		violated |= --one->left < 0;
	}
	return violated;
}
