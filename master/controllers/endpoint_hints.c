/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/endpoint_hints.h"
#include "lib/api/quantity.h"

#define ZONE_LABEL "topology.kubernetes.io/zone"
/* Above its share of traffic by this much no zone shall be, or there are no hints at all. */
#define OVERLOAD_PERCENT 20

static struct str label_of(const struct object *o, const char *name)
{
	return jv_text(jv_get(jv_get(object_meta(o), "labels"), name));
}

static bool is_auto(struct str s)
{
	return str_eqs(s, "Auto") || str_eqs(s, "auto");
}

enum hints_mode hints_mode(const struct object *service)
{
	struct jv wish = jv_get(object_spec(service), "trafficDistribution");

	if (is_auto(object_annotation(service, "service.kubernetes.io/topology-mode")) ||
	    is_auto(object_annotation(service, "service.kubernetes.io/topology-aware-hints")))
		return HINTS_AUTO;
	if (jv_eqs(wish, "PreferClose") || jv_eqs(wish, "PreferSameZone"))
		return HINTS_ZONE;
	return jv_eqs(wish, "PreferSameNode") ? HINTS_NODE : HINTS_NONE;
}

struct str zone_of_node(struct ctl *c, struct str node_name)
{
	struct object *n =
		node_name.len ? informer_get(informers_get(c->informers, &client_nodes), node_name)
			      : NULL;

	return n ? label_of(n, ZONE_LABEL) : STR_NULL;
}

static struct str node_of(const struct backend *b)
{
	return jv_text(jv_get(object_spec(b->pod), "nodeName"));
}

bool hints_node_differs(const struct object *old, const struct object *node)
{
	struct jv a = jv_of(old->bytes), b = jv_of(node->bytes);

	return !str_eq(label_of(old, ZONE_LABEL), label_of(node, ZONE_LABEL)) ||
	       condition_true(a, "Ready") != condition_true(b, "Ready") ||
	       !str_eq(jv_text(jv_path(a, "status.allocatable.cpu")),
		       jv_text(jv_path(b, "status.allocatable.cpu")));
}

/* ---- Auto: endpoints by the zones' share of the processors ---- */

struct zone {
	struct str name;
	int64_t cpu_milli;
	int64_t least, now; /* endpoints wanted at least; given */
	double desired;
};
struct zones {
	struct zone *v;
	size_t n, cap;
	int64_t cpu_milli;
};

static struct zone *zone_get(struct zones *z, struct str name)
{
	for (size_t i = 0; i < z->n; i++)
		if (str_eq(z->v[i].name, name))
			return &z->v[i];
	return NULL;
}

/* Nodes that run what people start. */
static bool is_worker(const struct object *n)
{
	struct jv labels = jv_get(object_meta(n), "labels");

	return !jv_exists(jv_get(labels, "node-role.kubernetes.io/control-plane")) &&
	       !jv_exists(jv_get(labels, "node-role.kubernetes.io/master")) &&
	       condition_true(jv_of(n->bytes), "Ready");
}

/* False: a node's place or size is not known, so no share is. */
static bool count_zones(struct ctl *c, struct zones *z)
{
	informer_for_each(n, informers_get(c->informers, &client_nodes))
	{
		struct str name = label_of(n, ZONE_LABEL);
		int64_t cpu = quantity_str_milli(
			jv_text(jv_path(jv_of(n->bytes), "status.allocatable.cpu")));
		struct zone *one;

		if (!is_worker(n))
			continue;
		if (!name.len || cpu <= 0)
			return false;
		one = zone_get(z, name);
		if (!one) {
			one = ARRAY_PUSH(z->v, z->n, z->cap);
			*one = (struct zone){.name = name};
		}
		one->cpu_milli += cpu;
		z->cpu_milli += cpu;
	}
	return z->n >= 2;
}

/* How many endpoints each zone needs; false: there are too few for that. */
static bool demand(struct zones *z, int64_t n)
{
	int64_t least = 0;

	if (n < (int64_t)z->n)
		return false;
	for (size_t i = 0; i < z->n; i++) {
		struct zone *one = &z->v[i];
		double min;

		one->desired = (double)one->cpu_milli / (double)z->cpu_milli * (double)n;
		min = one->desired * 100 / (100 + OVERLOAD_PERCENT);
		one->least = (int64_t)min + ((double)(int64_t)min < min);
		least += one->least;
	}
	return least <= n;
}

/* The zone that has most beyond what it wants; it keeps its own least. */
static struct zone *giver(struct zones *z)
{
	struct zone *best = NULL;

	for (size_t i = 0; i < z->n; i++) {
		struct zone *one = &z->v[i];

		if (one->now > one->least &&
		    (!best || (double)one->now - one->desired > (double)best->now - best->desired))
			best = one;
	}
	return best;
}

static bool spread(struct zones *z, const struct backends *all, struct str *ret)
{
	for (size_t i = 0; i < all->n; i++)
		if (ret[i].len)
			zone_get(z, ret[i])->now++;
	for (size_t i = 0; i < z->n; i++)
		while (z->v[i].now < z->v[i].least) {
			struct zone *from = giver(z);
			size_t at = all->n;

			if (!from)
				return false;
			while (at-- > 0)
				if (ret[at].len && str_eq(ret[at], from->name))
					break;
			ret[at] = z->v[i].name;
			from->now--;
			z->v[i].now++;
		}
	return true;
}

static bool automatic(struct ctl *c, const struct backends *all, struct str *ret)
{
	struct zones z = {0};
	int64_t n = 0;
	bool good = count_zones(c, &z);

	for (size_t i = 0; i < all->n && good; i++) {
		n += ret[i].len > 0;
		good = !ret[i].len || zone_get(&z, ret[i]);
	}
	good = good && demand(&z, n) && spread(&z, all, ret);
	free(z.v);
	return good;
}

void hints_zones(struct ctl *c, enum hints_mode mode, const struct backends *all, struct str *ret)
{
	bool complete = true;

	for (size_t i = 0; i < all->n; i++) {
		ret[i] = STR_NULL;
		if (mode == HINTS_NONE || !all->v[i].ready)
			continue;
		ret[i] = zone_of_node(c, node_of(&all->v[i]));
		complete &= ret[i].len > 0;
	}
	if (mode == HINTS_AUTO && !(complete && automatic(c, all, ret)))
		memset(ret, 0, all->n * sizeof(*ret));
}

static void write_names(struct jw *w, const char *member, struct str name)
{
	if (!name.len)
		return;
	jw_key(w, member);
	jw_begin_array(w);
	jw_begin_object(w);
	jw_member_str(w, "name", name);
	jw_end_object(w);
	jw_end_array(w);
}

void write_hints(struct jw *w, enum hints_mode mode, struct str zone, struct str node_name)
{
	struct str node = mode == HINTS_NODE ? node_name : STR_NULL;

	if (mode == HINTS_NONE || (!zone.len && !node.len))
		return;
	jw_key(w, "hints");
	jw_begin_object(w);
	write_names(w, "forZones", zone);
	write_names(w, "forNodes", node);
	jw_end_object(w);
}
