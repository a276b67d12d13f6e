/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/workloads.h"
#include "master/scheduler/class.h"

static bool selects(struct jv selector, const struct sched_class *cl)
{
	bool some = false;

	jv_for_each_member (m, selector) {
		struct str have = sched_class_label(cl, m.key);

		if (str_is_null(have) || !str_eq(have, jv_text(m.value)))
			return false;
		some = true;
	}
	return some;
}

static void add_map(struct label_selector *ret, struct jv map)
{
	jv_for_each_member (m, map)
		sched_selector_add(ret, m.key, jv_text(m.value), true);
}

static void add_services(struct workloads *w, struct sched_pod *p, struct label_selector *ret,
			 struct buf *key)
{
	struct object_set here = informer_lookup(w->services_by_ns, p->obj->ns);

	for (size_t i = 0; i < here.n; i++) {
		struct jv selector = jv_get(object_spec(here.v[i]), "selector");

		if (!selects(selector, p->class))
			continue;
		add_map(ret, selector);
		buf_addf(key, "\x1f%.*s", STR_ARG(jv_raw(selector)));
	}
}

static struct jv controller_of(const struct object *o)
{
	jv_for_each (ref, object_owners(o))
		if (jv_bool(jv_get(ref.value, "controller"), false))
			return ref.value;
	return JV_NONE;
}

static void add_controller(struct workloads *w, struct sched_pod *p, struct label_selector *ret,
			   struct buf *key)
{
	struct jv ref = controller_of(p->obj), selector;
	struct informer *in = jv_eqs(jv_get(ref, "kind"), "ReplicaSet")    ? w->replicasets
			      : jv_eqs(jv_get(ref, "kind"), "StatefulSet") ? w->statefulsets
									   : NULL;
	struct label_selector more = {0};
	struct object *o;

	if (!in || !jv_eqs(jv_get(ref, "apiVersion"), "apps/v1"))
		return;
	o = informer_get_in(in, p->obj->ns, jv_text(jv_get(ref, "name")));
	if (!o)
		return;
	selector = jv_get(object_spec(o), "selector");
	if (label_selector_from_object(selector, &more, NULL) == 0 && !more.nothing) {
		for (size_t i = 0; i < more.n; i++)
			*ARRAY_PUSH(ret->reqs, ret->n, ret->cap) = more.reqs[i];
		more.n = 0; /* they are ret's now */
		buf_addf(key, "\x1f%.*s", STR_ARG(jv_raw(selector)));
	}
	label_selector_done(&more);
}

static void selector_of(void *user, struct sched_pod *p, struct label_selector *ret,
			struct buf *key)
{
	struct workloads *w = user;

	add_services(w, p, ret, key);
	add_controller(w, p, ret, key);
}

/* Whatever was resolved in this namespace is to be resolved again. */
static void changed(void *user, struct object *o)
{
	struct workloads *w = user;

	sched_cache_ns(w->cache, o->ns)->workloads++;
}

static void updated(void *user, struct object *old, struct object *o)
{
	if (!str_eq(jv_raw(jv_get(object_spec(old), "selector")),
		    jv_raw(jv_get(object_spec(o), "selector"))))
		changed(user, o);
}
static const struct informer_handler handler = {changed, updated, changed, NULL};

void workloads_start(struct workloads *w, struct informers *informers, struct sched_cache *c)
{
	w->cache = c;
	w->services = informers_get(informers, &client_services);
	w->replicasets = informers_get(informers, &client_replicasets);
	w->statefulsets = informers_get(informers, &client_statefulsets);
	w->services_by_ns = informer_index(w->services, informer_by_ns);
	informer_handle(w->services, &handler, w);
	informer_handle(w->replicasets, &handler, w);
	informer_handle(w->statefulsets, &handler, w);
	c->workload_selector = selector_of;
	c->user = w;
}

void workloads_stop(struct workloads *w)
{
	informer_unhandle(w->services, &handler, w);
	informer_unhandle(w->replicasets, &handler, w);
	informer_unhandle(w->statefulsets, &handler, w);
}

bool workloads_synced(const struct workloads *w)
{
	return informer_synced(w->services) && informer_synced(w->replicasets) &&
	       informer_synced(w->statefulsets);
}
