/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/cache.h"
#include "lib/client/informer.h"
#include "master/scheduler/spec.h"

void sched_cache_init(struct sched_cache *c)
{
	*c = (struct sched_cache){hmap_new(), hmap_new(), hmap_new(), NULL, 0, 0};
}

static void node_free(void *p)
{
	struct sched_node *n = p;

	sched_node_clear(n);
	sched_resources_done(&n->used);
	object_unref(n->obj);
	free(n->own_name);
	free(n);
}

static void pod_free(void *ptr)
{
	struct sched_pod *p = ptr;

	sched_spec_free(p->spec);
	sched_resources_done(&p->requests);
	free(p->ports);
	object_unref(p->obj);
	free(p);
}

static void owner_free(void *ptr)
{
	struct sched_owner *o = ptr;

	free(o->uid);
	free(o->nodes);
	free(o);
}

void sched_cache_done(struct sched_cache *c)
{
	hmap_free_full(c->pods, pod_free);
	hmap_free_full(c->by_node_name, node_free);
	hmap_free_full(c->owners, owner_free);
	free(c->nodes);
	*c = (struct sched_cache){0};
}

/* Nodes */

static struct sched_node *node_of(struct sched_cache *c, struct str name)
{
	struct sched_node *n = hmap_get(c->by_node_name, name);

	if (n)
		return n;
	n = NEW(struct sched_node);
	list_init(&n->pods);
	n->own_name = str_dup(name);
	n->name = str_of(n->own_name);
	hmap_put(c->by_node_name, name, n);
	return n;
}

static bool resources_eq(const struct sched_resources *a, const struct sched_resources *b)
{
	if (a->cpu_milli != b->cpu_milli || a->mem_bytes != b->mem_bytes ||
	    a->disk_bytes != b->disk_bytes || a->n_extended != b->n_extended)
		return false;
	for (size_t i = 0; i < a->n_extended; i++)
		if (sched_extended(b, a->extended[i].name) != a->extended[i].value)
			return false;
	return true;
}

static bool labels_eq(const struct sched_node *a, const struct sched_node *b)
{
	if (a->n_labels != b->n_labels)
		return false;
	for (size_t i = 0; i < a->n_labels; i++)
		if (!str_eq(a->labels[i].key, b->labels[i].key) ||
		    !str_eq(a->labels[i].value, b->labels[i].value))
			return false;
	return true;
}

static bool taints_eq(const struct sched_node *a, const struct sched_node *b)
{
	if (a->n_taints != b->n_taints || a->unschedulable != b->unschedulable)
		return false;
	for (size_t i = 0; i < a->n_taints; i++)
		if (!str_eq(a->taints[i].key, b->taints[i].key) ||
		    !str_eq(a->taints[i].value, b->taints[i].value) ||
		    a->taints[i].effect != b->taints[i].effect)
			return false;
	return true;
}

static uint32_t node_events(const struct sched_node *old, const struct sched_node *now)
{
	uint32_t events = 0;

	if (!resources_eq(&old->allocatable, &now->allocatable) || old->max_pods != now->max_pods)
		events |= SCHED_EV_NODE_RESOURCES;
	if (!labels_eq(old, now))
		events |= SCHED_EV_NODE_LABELS;
	if (!taints_eq(old, now))
		events |= SCHED_EV_NODE_TAINTS;
	return events;
}

uint32_t sched_cache_node(struct sched_cache *c, struct object *obj)
{
	struct sched_node *n = node_of(c, obj->name);
	struct sched_node fresh = {.obj = obj}, old = *n;
	uint32_t events = SCHED_EV_NODE_ADD;

	sched_node_parse(&fresh);
	if (n->present)
		events = node_events(n, &fresh);
	n->obj = object_ref(obj);
	n->unschedulable = fresh.unschedulable;
	n->labels = fresh.labels;
	n->n_labels = n->cap_labels = fresh.n_labels;
	n->taints = fresh.taints;
	n->n_taints = n->cap_taints = fresh.n_taints;
	n->hard_taints = fresh.hard_taints;
	n->soft_taints = fresh.soft_taints;
	n->allocatable = fresh.allocatable;
	n->max_pods = fresh.max_pods;
	sched_node_clear(&old);
	object_unref(old.obj);
	if (!n->present) {
		n->present = true;
		n->at = c->n_nodes;
		*ARRAY_PUSH(c->nodes, c->n_nodes, c->cap_nodes) = n;
	}
	return events;
}

static void node_drop_if_unused(struct sched_cache *c, struct sched_node *n)
{
	if (n->present || n->n_pods)
		return;
	hmap_del(c->by_node_name, n->name);
	node_free(n);
}

void sched_cache_node_gone(struct sched_cache *c, struct str name)
{
	struct sched_node *n = hmap_get(c->by_node_name, name);

	if (!n || !n->present)
		return;
	n->present = false;
	c->nodes[n->at] = c->nodes[--c->n_nodes];
	c->nodes[n->at]->at = n->at;
	sched_node_clear(n);
	node_drop_if_unused(c, n);
}

/* Pods on nodes */

static void owner_count(struct sched_cache *c, struct sched_pod *p, int sign)
{
	struct sched_owner *o = p->owner;
	size_t i;

	if (!o)
		return;
	for (i = 0; i < o->n_nodes && o->nodes[i].node != p->node; i++)
		;
	if (i == o->n_nodes)
		*ARRAY_PUSH(o->nodes, o->n_nodes, o->cap_nodes) =
			(struct sched_owner_node){p->node, 0};
	o->nodes[i].n += (uint32_t)sign;
	if (!o->nodes[i].n)
		o->nodes[i] = o->nodes[--o->n_nodes];
}

static void put_on_node(struct sched_cache *c, struct sched_pod *p, struct sched_node *n)
{
	p->node = n;
	list_append(&n->pods, &p->on_node);
	n->n_pods++;
	n->n_port_pods += p->n_ports > 0;
	sched_resources_add(&n->used, &p->requests, 1);
	n->used_cpu_nonzero += p->cpu_nonzero;
	n->used_mem_nonzero += p->mem_nonzero;
	owner_count(c, p, 1);
}

static void take_off_node(struct sched_cache *c, struct sched_pod *p)
{
	struct sched_node *n = p->node;

	if (!n)
		return;
	owner_count(c, p, -1);
	list_remove(&p->on_node);
	n->n_pods--;
	n->n_port_pods -= p->n_ports > 0;
	sched_resources_add(&n->used, &p->requests, -1);
	n->used_cpu_nonzero -= p->cpu_nonzero;
	n->used_mem_nonzero -= p->mem_nonzero;
	p->node = NULL;
}

static void set_owner(struct sched_cache *c, struct sched_pod *p)
{
	struct str uid = informer_by_controller(p->obj);
	struct sched_owner *o;

	if (p->owner || !uid.len)
		return;
	o = hmap_get(c->owners, uid);
	if (!o) {
		o = NEW(struct sched_owner);
		o->uid = str_dup(uid);
		hmap_put(c->owners, uid, o);
	}
	o->n_pods++;
	p->owner = o;
}

static void unset_owner(struct sched_cache *c, struct sched_pod *p)
{
	struct sched_owner *o = TAKE(p->owner);

	if (!o || --o->n_pods)
		return;
	hmap_del(c->owners, str_of(o->uid));
	owner_free(o);
}

struct sched_pod *sched_cache_find(const struct sched_cache *c, struct str key)
{
	return hmap_get(c->pods, key);
}

bool sched_pod_ended(const struct object *pod)
{
	struct jv phase = jv_get(object_status(pod), "phase");

	return jv_eqs(phase, "Succeeded") || jv_eqs(phase, "Failed");
}

struct sched_pod *sched_cache_pod(struct sched_cache *c, struct object *obj)
{
	struct str node_name = jv_text(jv_get(object_spec(obj), "nodeName"));
	struct sched_pod *p = hmap_get(c->pods, obj->key);
	struct sched_node *assumed = NULL, *was = NULL;

	if (sched_pod_ended(obj)) {
		sched_cache_pod_gone(c, obj->key);
		return NULL;
	}
	if (!p) {
		p = NEW(struct sched_pod);
		list_init(&p->on_node);
		hmap_put(c->pods, obj->key, p);
	}
	was = p->node;
	if (p->state == SCHED_ASSUMED)
		assumed = p->node;
	take_off_node(c, p);
	object_ref(obj);
	object_unref(p->obj);
	p->obj = obj;
	p->spec = sched_spec_free(p->spec);
	sched_pod_parse(p);
	set_owner(c, p);
	if (node_name.len) {
		p->state = SCHED_BOUND;
		put_on_node(c, p, node_of(c, node_name));
	} else {
		p->spec = sched_spec_parse(obj);
		p->state = assumed ? SCHED_ASSUMED : SCHED_PENDING;
		if (assumed)
			put_on_node(c, p, assumed);
	}
	if (was && was != p->node)
		node_drop_if_unused(c, was);
	return p;
}

void sched_cache_pod_gone(struct sched_cache *c, struct str key)
{
	struct sched_pod *p = hmap_get(c->pods, key);
	struct sched_node *n;

	if (!p)
		return;
	n = p->node;
	take_off_node(c, p);
	unset_owner(c, p);
	hmap_del(c->pods, key);
	if (n)
		node_drop_if_unused(c, n);
	pod_free(p);
}

void sched_cache_assume(struct sched_cache *c, struct sched_pod *p, struct sched_node *n)
{
	p->state = SCHED_ASSUMED;
	put_on_node(c, p, n);
}

void sched_cache_forget(struct sched_cache *c, struct sched_pod *p)
{
	struct sched_node *n = p->node;

	if (p->state != SCHED_ASSUMED)
		return;
	p->state = SCHED_PENDING;
	take_off_node(c, p);
	node_drop_if_unused(c, n);
}
