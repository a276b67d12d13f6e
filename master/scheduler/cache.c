/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/cache.h"
#include "lib/client/informer.h"
#include "master/scheduler/class.h"
#include "master/scheduler/images.h"
#include "master/scheduler/wants.h"

void sched_cache_init(struct sched_cache *c)
{
	*c = (struct sched_cache){.pods = hmap_new(),
				  .by_node_name = hmap_new(),
				  .namespaces = hmap_new(),
				  .images = hmap_new(),
				  .classes = hmap_new(),
				  .counts = sched_counts_new(),
				  .scratch = BUF_INIT};
	list_init(&c->wants);
}

static void node_free(struct sched_cache *c, struct sched_node *n)
{
	c->slots[n->slot] = NULL;
	sched_node_clear(n);
	sched_resources_done(&n->used);
	object_unref(n->obj);
	free(n->images);
	free(n->own_name);
	free(n);
}

static void pod_free(struct sched_cache *c, struct sched_pod *p)
{
	if (p->class)
		sched_class_remove(c, p);
	object_unref(p->obj);
	free(p);
}

static void ns_free(void *ptr)
{
	struct sched_ns *ns = ptr;

	object_unref(ns->obj);
	free(ns->sets);
	free(ns->terms);
	free(ns->name);
	free(ns);
}

void sched_cache_done(struct sched_cache *c)
{
	hmap_for_each (e, c->pods)
		pod_free(c, e->value);
	hmap_free(c->pods);
	sched_counts_free(c->counts);
	hmap_for_each (e, c->by_node_name)
		node_free(c, e->value);
	hmap_free(c->by_node_name);
	hmap_free_full(c->namespaces, ns_free);
	hmap_free_full(c->images, sched_image_free);
	hmap_free(c->classes);
	free(c->nodes);
	free(c->slots);
	buf_done(&c->scratch);
	*c = (struct sched_cache){0};
}

struct sched_ns *sched_cache_ns(struct sched_cache *c, struct str name)
{
	struct sched_ns *ns = hmap_get(c->namespaces, name);

	if (ns)
		return ns;
	ns = NEW(struct sched_ns);
	ns->name = xstrndup(name.len ? name.p : "", name.len);
	list_init(&ns->classes);
	hmap_put(c->namespaces, name, ns);
	return ns;
}

/* Nodes */

static void grow_slots(struct sched_cache *c)
{
	uint32_t old = c->cap_slots;

	c->cap_slots = old ? old * 2 : 64;
	c->slots = xrealloc(c->slots, c->cap_slots * sizeof(struct sched_node *));
	memset(c->slots + old, 0, (c->cap_slots - old) * sizeof(struct sched_node *));
	sched_count_grow(c, old);
	sched_wants_grow(c, old);
	sched_images_grow(c, old);
}

static uint32_t take_slot(struct sched_cache *c, struct sched_node *n)
{
	uint32_t slot = 0;

	/* Nodes come seldom: looking for a free one is cheap beside the rest. */
	while (slot < c->n_slots && c->slots[slot])
		slot++;
	if (slot == c->cap_slots)
		grow_slots(c);
	c->n_slots = MAX(c->n_slots, slot + 1);
	c->slots[slot] = n;
	return slot;
}

static struct sched_node *node_new(void)
{
	size_t size = (sizeof(struct sched_node) + 63) / 64 * 64;
	struct sched_node *n = aligned_alloc(64, size);

	if (!n)
		abort();
	memset(n, 0, size);
	return n;
}

static struct sched_node *node_of(struct sched_cache *c, struct str name)
{
	struct sched_node *n = hmap_get(c->by_node_name, name);

	if (n)
		return n;
	n = node_new();
	list_init(&n->pods);
	list_init(&n->nominated);
	n->own_name = str_dup(name);
	n->name = str_of(n->own_name);
	n->slot = take_slot(c, n);
	hmap_put(c->by_node_name, name, n);
	return n;
}

struct sched_node *sched_cache_node_find(const struct sched_cache *c, struct str name)
{
	return hmap_get(c->by_node_name, name);
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

	if (!sched_resources_eq(&old->allocatable, &now->allocatable) ||
	    old->max_pods != now->max_pods)
		events |= SCHED_EV_NODE_RESOURCES;
	if (!labels_eq(old, now))
		events |= SCHED_EV_NODE_LABELS;
	if (!taints_eq(old, now))
		events |= SCHED_EV_NODE_TAINTS;
	return events;
}

/* A heartbeat: what decisions look at is as it was. */
static bool same_node(const struct object *old, const struct object *now)
{
	return str_eq(jv_raw(object_spec(old)), jv_raw(object_spec(now))) &&
	       str_eq(jv_raw(jv_get(object_meta(old), "labels")),
		      jv_raw(jv_get(object_meta(now), "labels"))) &&
	       str_eq(jv_raw(jv_get(object_status(old), "allocatable")),
		      jv_raw(jv_get(object_status(now), "allocatable"))) &&
	       str_eq(jv_raw(jv_get(object_status(old), "images")),
		      jv_raw(jv_get(object_status(now), "images")));
}

uint32_t sched_cache_node(struct sched_cache *c, struct object *obj)
{
	struct sched_node *n = node_of(c, obj->name);
	struct sched_node fresh = {.obj = obj}, old = *n;
	uint32_t events = SCHED_EV_NODE_ADD;
	bool moved;

	if (n->present && same_node(n->obj, obj))
		return 0;
	sched_node_parse(&fresh);
	if (n->present)
		events = node_events(n, &fresh);
	moved = events & (SCHED_EV_NODE_ADD | SCHED_EV_NODE_LABELS | SCHED_EV_NODE_TAINTS);
	if (moved && n->present)
		sched_count_leave(c, n);
	n->obj = object_ref(obj);
	n->unschedulable = fresh.unschedulable;
	n->labels = fresh.labels;
	n->n_labels = n->cap_labels = fresh.n_labels;
	n->taints = fresh.taints;
	n->n_taints = n->cap_taints = fresh.n_taints;
	c->n_soft_tainted += fresh.soft_taints;
	c->n_soft_tainted -= n->present && n->soft_taints;
	n->hard_taints = fresh.hard_taints;
	n->soft_taints = fresh.soft_taints;
	n->allocatable = fresh.allocatable;
	n->max_pods = fresh.max_pods;
	sched_node_clear(&old);
	object_unref(old.obj);
	sched_images_set(c, n);
	if (!n->present) {
		n->present = true;
		n->at = c->n_nodes;
		*ARRAY_PUSH(c->nodes, c->n_nodes, c->cap_nodes) = n;
	}
	if (moved) {
		sched_count_enter(c, n);
		sched_wants_node_changed(c, n->slot);
		c->reorder = true;
	}
	c->version += events != 0;
	return events;
}

static void node_drop_if_unused(struct sched_cache *c, struct sched_node *n)
{
	if (n->present || n->n_pods || !list_empty(&n->nominated))
		return;
	hmap_del(c->by_node_name, n->name);
	node_free(c, n);
}

void sched_cache_node_gone(struct sched_cache *c, struct str name)
{
	struct sched_node *n = hmap_get(c->by_node_name, name);

	if (!n || !n->present)
		return;
	sched_count_leave(c, n);
	sched_images_clear(c, n);
	sched_wants_node_changed(c, n->slot);
	n->present = false;
	c->n_soft_tainted -= n->soft_taints;
	c->nodes[n->at] = c->nodes[--c->n_nodes];
	c->nodes[n->at]->at = n->at;
	c->reorder = true;
	c->version++;
	sched_node_clear(n);
	node_drop_if_unused(c, n);
}

/*
 * Zones take turns, so that a walk which ends early has seen nodes of all (as upstream's node tree
 * does).
 */
struct zone {
	struct sched_node **v;
	size_t n, cap;
};

static struct zone *zone_of(struct hmap *zones, struct zone ***order, size_t *n, size_t *cap,
			    const struct sched_node *node, struct buf *key)
{
	struct zone *z;

	buf_clear(key);
	buf_addstr(key, sched_node_label(node, STR("topology.kubernetes.io/region")));
	buf_addc(key, '\x1f');
	buf_addstr(key, sched_node_label(node, STR("topology.kubernetes.io/zone")));
	z = hmap_get(zones, buf_str(key));
	if (!z) {
		z = NEW(struct zone);
		hmap_put(zones, buf_str(key), z);
		*ARRAY_PUSH(*order, *n, *cap) = z;
	}
	return z;
}

void sched_cache_order(struct sched_cache *c)
{
	CLEANUP(hmap_freep) struct hmap *zones = NULL;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct zone **order = NULL;
	size_t n = 0, cap = 0, at = 0;

	if (!c->reorder)
		return;
	c->reorder = false;
	zones = hmap_new();
	for (size_t i = 0; i < c->n_nodes; i++) {
		struct zone *z = zone_of(zones, &order, &n, &cap, c->nodes[i], &key);

		*ARRAY_PUSH(z->v, z->n, z->cap) = c->nodes[i];
	}
	for (size_t round = 0; at < c->n_nodes; round++)
		for (size_t z = 0; z < n; z++)
			if (round < order[z]->n) {
				c->nodes[at] = order[z]->v[round];
				c->nodes[at]->at = at;
				at++;
			}
	for (size_t z = 0; z < n; z++) {
		free(order[z]->v);
		free(order[z]);
	}
	free(order);
}

/* Pods on nodes */

static void account(struct sched_cache *c, const struct sched_pod *p, struct sched_node *n,
		    int sign)
{
	const struct sched_demand *d = &p->class->demand;

	n->n_pods += (size_t)sign;
	if (d->n_ports)
		n->n_port_pods += (size_t)sign;
	sched_resources_add(&n->used, &d->requests, sign);
	n->used_cpu_nonzero += sign * d->cpu_nonzero;
	n->used_mem_nonzero += sign * d->mem_nonzero;
	sched_count_pod(c, p, n, sign);
}

static void put_on_node(struct sched_cache *c, struct sched_pod *p, struct sched_node *n)
{
	p->node = n;
	list_append(&n->pods, &p->on_node);
	account(c, p, n, 1);
}

static void take_off_node(struct sched_cache *c, struct sched_pod *p)
{
	struct sched_node *n = p->node;

	if (!n)
		return;
	list_remove(&p->on_node);
	account(c, p, n, -1);
	p->node = NULL;
}

void sched_cache_lift(struct sched_cache *c, struct sched_pod *p)
{
	take_off_node(c, p);
}

void sched_cache_drop(struct sched_cache *c, struct sched_pod *p, struct sched_node *n)
{
	put_on_node(c, p, n);
}

/* Namespaces */

uint32_t sched_cache_namespace(struct sched_cache *c, struct str name, struct object *o)
{
	struct sched_ns *ns = sched_cache_ns(c, name);
	struct object *old = ns->obj;
	bool same = old && o &&
		    str_eq(jv_raw(jv_get(object_meta(old), "labels")),
			   jv_raw(jv_get(object_meta(o), "labels")));
	struct {
		struct sched_pod *pod;
		struct sched_node *node;
	} *off = NULL;
	size_t n = 0, cap = 0;

	ns->obj = o ? object_ref(o) : NULL;
	object_unref(old);
	if (same || list_empty(&ns->classes))
		return same ? 0 : SCHED_EV_NAMESPACE;
	list_for_each (it, &ns->classes)
		list_for_each (jt, &list_entry(it, struct sched_class, in_ns)->pods) {
			struct sched_pod *p = list_entry(jt, struct sched_pod, in_class);

			if (!p->node)
				continue;
			*ARRAY_PUSH(off, n, cap) = (__typeof__(*off)){p, p->node};
			take_off_node(c, p);
		}
	list_for_each (it, &ns->classes)
		sched_count_class(c, list_entry(it, struct sched_class, in_ns));
	for (size_t i = 0; i < n; i++)
		put_on_node(c, off[i].pod, off[i].node);
	free(off);
	c->version++;
	return SCHED_EV_NAMESPACE;
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

static void nominate(struct sched_pod *p, struct sched_node *n)
{
	list_remove(&p->in_nominated);
	p->nominated = n;
	if (n)
		list_append(&n->nominated, &p->in_nominated);
}

void sched_cache_nominate(struct sched_cache *c, struct sched_pod *p, struct sched_node *n)
{
	struct sched_node *was = p->nominated;

	if (n == was)
		return;
	nominate(p, n);
	c->version++;
	if (was)
		node_drop_if_unused(c, was);
}

/* Where it is hoped to go, until it has a place. */
static void read_nomination(struct sched_cache *c, struct sched_pod *p)
{
	struct str name = p->state == SCHED_PENDING
				  ? jv_text(jv_get(object_status(p->obj), "nominatedNodeName"))
				  : STR_NULL;

	nominate(p, name.len ? node_of(c, name) : NULL);
}

/*
 * The bytes begin with those of `text`, a complete JSON object: it is the same one, as none is the
 * beginning of another.
 */
static bool begins_with(struct jv v, struct str text)
{
	if (!text.len)
		return !v.p;
	return v.p && (size_t)(v.end - v.p) >= text.len && memcmp(v.p, text.p, text.len) == 0;
}

/* The spec is the same, but for a node at its end, where a binding sets it. */
static bool same_spec(struct sched_pod *p, const struct object *now, struct str *ret_node)
{
	static const struct str name = {",\"nodeName\":", 12};
	struct jv a = object_spec(p->obj), b = object_spec(now);
	size_t len = p->spec_len;

	if (len < 2 || (size_t)(b.end - b.p) < len || memcmp(a.p, b.p, len - 1) != 0)
		return false;
	if (b.p[len - 1] == '}') {
		*ret_node = p->state == SCHED_BOUND ? p->node->name : STR_NULL;
		return true;
	}
	if (!str_starts(str_n(b.p + len - 1, (size_t)(b.end - b.p) - len + 1), name))
		return false;
	*ret_node = jv_text((struct jv){b.p + len - 1 + name.len, b.end});
	if (!ret_node->len || ret_node->p[ret_node->len + 1] != '}')
		return false;
	p->spec_len = (uint32_t)(ret_node->p + ret_node->len + 2 - b.p);
	return true;
}

static bool same_class(struct sched_pod *p, const struct object *obj, struct str *ret_node)
{
	return p->class && same_spec(p, obj, ret_node) &&
	       begins_with(jv_get(object_meta(obj), "labels"), p->class->pieces[PIECE_LABELS]) &&
	       str_eq(p->class->pieces[PIECE_OWNER], informer_by_controller(obj));
}

/* All anew. */
static bool read_spec(struct sched_cache *c, struct sched_pod *p, struct object *obj,
		      struct str *ret_node)
{
	struct jv spec[POD_MEMBERS], whole = object_spec(obj);
	struct str labels = jv_raw(jv_get(object_meta(obj), "labels"));
	int32_t was = p->priority;
	struct sched_class *cl;
	bool gated = p->gated, other;

	sched_pod_members(whole, spec);
	p->priority = (int32_t)jv_i64(spec[POD_PRIORITY], 0);
	p->never_preempts = jv_eqs(spec[POD_PREEMPTION], "Never");
	p->gated = jv_len(spec[POD_GATES]) > 0;
	p->spec_len = (uint32_t)jv_raw(whole).len;
	*ret_node = jv_text(spec[POD_NODE_NAME]);
	cl = sched_class_of(c, obj, labels, spec);
	other = cl != p->class;
	if (other) {
		cl->n_pods++; /* not to be freed with the old one's last pod */
		if (p->class)
			sched_class_remove(c, p);
		cl->n_pods--;
		sched_class_add(c, cl, p);
	}
	return other || p->priority != was || p->gated != gated;
}

static struct sched_pod *pod_new(struct sched_cache *c, struct str key)
{
	struct sched_pod *p = NEW(struct sched_pod);

	list_init(&p->on_node);
	list_init(&p->in_class);
	list_init(&p->in_nominated);
	hmap_put(c->pods, key, p);
	return p;
}

struct sched_pod *sched_cache_pod(struct sched_cache *c, struct object *obj, bool *ret_changed)
{
	struct sched_pod *p = hmap_get(c->pods, obj->key);
	struct sched_node *assumed, *was, *hoped;
	struct str node_name = STR_NULL;
	bool changed = false;

	if (sched_pod_ended(obj)) {
		sched_cache_pod_gone(c, obj->key);
		return NULL;
	}
	if (!p)
		p = pod_new(c, obj->key);
	was = p->node;
	hoped = p->nominated;
	assumed = p->state == SCHED_ASSUMED ? p->node : NULL;
	if (!same_class(p, obj, &node_name)) {
		take_off_node(c, p);
		changed = read_spec(c, p, obj, &node_name);
		c->version++;
	} else if (p->deleting != obj->deleting ||
		   (p->node && node_name.len && !str_eq(p->node->name, node_name))) {
		take_off_node(c, p);
		c->version++;
	}
	object_ref(obj);
	object_unref(p->obj);
	p->obj = obj;
	p->deleting = obj->deleting;
	p->state = node_name.len ? SCHED_BOUND : assumed ? SCHED_ASSUMED : SCHED_PENDING;
	read_nomination(c, p);
	if (!p->node && (node_name.len || assumed))
		put_on_node(c, p, node_name.len ? node_of(c, node_name) : assumed);
	if (was && was != p->node)
		node_drop_if_unused(c, was);
	if (hoped && hoped != p->nominated)
		node_drop_if_unused(c, hoped);
	if (ret_changed)
		*ret_changed = changed;
	return p;
}

void sched_cache_pod_gone(struct sched_cache *c, struct str key)
{
	struct sched_pod *p = hmap_get(c->pods, key);
	struct sched_node *n, *hoped;

	if (!p)
		return;
	n = p->node;
	hoped = p->nominated;
	take_off_node(c, p);
	nominate(p, NULL);
	hmap_del(c->pods, key);
	if (n)
		node_drop_if_unused(c, n);
	if (hoped && hoped != n)
		node_drop_if_unused(c, hoped);
	pod_free(c, p);
	c->version++;
}

void sched_cache_assume(struct sched_cache *c, struct sched_pod *p, struct sched_node *n)
{
	sched_cache_nominate(c, p, NULL);
	p->state = SCHED_ASSUMED;
	put_on_node(c, p, n);
	c->version++;
}

void sched_cache_forget(struct sched_cache *c, struct sched_pod *p)
{
	struct sched_node *n = p->node;

	if (p->state != SCHED_ASSUMED)
		return;
	p->state = SCHED_PENDING;
	take_off_node(c, p);
	node_drop_if_unused(c, n);
	c->version++;
}
