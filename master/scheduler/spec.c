/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/spec.h"
#include "lib/api/quantity.h"
#include "master/scheduler/cache.h"

/* What a container without requests counts for scores (not for fit). */
#define DEFAULT_CPU_MILLI 100
#define UNSET INT64_MIN
#define DEFAULT_MEM_BYTES (200ll << 20)

void sched_resources_done(struct sched_resources *r)
{
	for (size_t i = 0; i < r->n_extended; i++)
		free(r->extended[i].name);
	free(r->extended);
	*r = (struct sched_resources){0};
}

static int64_t *extended_slot(struct sched_resources *r, struct str name)
{
	struct sched_quantity *q;

	for (size_t i = 0; i < r->n_extended; i++)
		if (str_eqs(name, r->extended[i].name))
			return &r->extended[i].value;
	q = ARRAY_PUSH(r->extended, r->n_extended, r->cap_extended);
	*q = (struct sched_quantity){str_dup(name), 0};
	return &q->value;
}

int64_t sched_extended(const struct sched_resources *r, const char *name)
{
	for (size_t i = 0; i < r->n_extended; i++)
		if (!strcmp(name, r->extended[i].name))
			return r->extended[i].value;
	return 0;
}

/*
 * An amount as the scheduler counts it: a PiB, or as many cores, is more than a node has, and
 * thousands of such requests on one node still add up to a number.
 */
static int64_t amount(int64_t v)
{
	return MIN(v, (int64_t)1 << 50);
}

void sched_resources_add(struct sched_resources *sum, const struct sched_resources *r, int sign)
{
	sum->cpu_milli += sign * r->cpu_milli;
	sum->mem_bytes += sign * r->mem_bytes;
	sum->disk_bytes += sign * r->disk_bytes;
	for (size_t i = 0; i < r->n_extended; i++)
		*extended_slot(sum, str_of(r->extended[i].name)) += sign * r->extended[i].value;
}

bool sched_resources_eq(const struct sched_resources *a, const struct sched_resources *b)
{
	if (a->cpu_milli != b->cpu_milli || a->mem_bytes != b->mem_bytes ||
	    a->disk_bytes != b->disk_bytes || a->n_extended != b->n_extended)
		return false;
	for (size_t i = 0; i < a->n_extended; i++)
		if (sched_extended(b, a->extended[i].name) != a->extended[i].value)
			return false;
	return true;
}

static void bound(struct sched_resources *r)
{
	r->cpu_milli = amount(r->cpu_milli);
	r->mem_bytes = amount(r->mem_bytes);
	r->disk_bytes = amount(r->disk_bytes);
	for (size_t i = 0; i < r->n_extended; i++)
		r->extended[i].value = amount(r->extended[i].value);
}

/* Reads a resource list ({"cpu":"100m",...}); *ret_pods may be NULL. */
static void parse_resources(struct jv list, struct sched_resources *r, int64_t *ret_pods)
{
	jv_for_each_member (m, list) {
		struct str v = jv_type(m.value) == JV_STRING ? jv_text(m.value) : jv_raw(m.value);

		if (str_eqs(m.key, "cpu"))
			r->cpu_milli = amount(quantity_str_milli(v));
		else if (str_eqs(m.key, "memory"))
			r->mem_bytes = amount(quantity_str_value(v));
		else if (str_eqs(m.key, "ephemeral-storage"))
			r->disk_bytes = amount(quantity_str_value(v));
		else if (!str_eqs(m.key, "pods"))
			*extended_slot(r, m.key) = amount(quantity_str_value(v));
		else if (ret_pods)
			*ret_pods = quantity_str_value(v);
	}
}

static void take_max(struct sched_resources *a, const struct sched_resources *b)
{
	a->cpu_milli = MAX(a->cpu_milli, b->cpu_milli);
	a->mem_bytes = MAX(a->mem_bytes, b->mem_bytes);
	a->disk_bytes = MAX(a->disk_bytes, b->disk_bytes);
	for (size_t i = 0; i < b->n_extended; i++) {
		int64_t *slot = extended_slot(a, str_of(b->extended[i].name));

		*slot = MAX(*slot, b->extended[i].value);
	}
}

/* A container's own requests; nonzero: with the defaults for what it does not ask. */
static void container_requests(struct jv resources, struct sched_resources *ret,
			       struct sched_resources *nonzero)
{
	*ret = (struct sched_resources){.cpu_milli = UNSET, .mem_bytes = UNSET};
	parse_resources(jv_get(resources, "requests"), ret, NULL);
	nonzero->cpu_milli = ret->cpu_milli == UNSET ? DEFAULT_CPU_MILLI : ret->cpu_milli;
	nonzero->mem_bytes = ret->mem_bytes == UNSET ? DEFAULT_MEM_BYTES : ret->mem_bytes;
	ret->cpu_milli = MAX(ret->cpu_milli, (int64_t)0);
	ret->mem_bytes = MAX(ret->mem_bytes, (int64_t)0);
}

struct tally {
	struct sched_resources sum; /* of what runs for good */
	struct sched_resources peak; /* the most that init containers need at a time */
};

/*
 * KEP-753: an init container with restartPolicy Always runs on beside all later ones; others
 * need their requests on top of those sidecars, one at a time.
 */
static void tally_init(struct tally *t, const struct sched_resources *one, bool sidecar)
{
	struct sched_resources with = {0};

	if (sidecar)
		sched_resources_add(&t->sum, one, 1);
	sched_resources_add(&with, &t->sum, 1);
	if (!sidecar)
		sched_resources_add(&with, one, 1);
	take_max(&t->peak, &with);
	sched_resources_done(&with);
}

void sched_pod_members(struct jv pod_spec, struct jv ret[POD_MEMBERS])
{
	static const struct str names[POD_MEMBERS] = {
		[POD_CONTAINERS] = {"containers", 10},
		[POD_VOLUMES] = {"volumes", 7},
		[POD_SCHEDULER] = {"schedulerName", 13},
		[POD_TOLERATIONS] = {"tolerations", 11},
		[POD_PRIORITY] = {"priority", 8},
		[POD_PREEMPTION] = {"preemptionPolicy", 16},
		[POD_NODE_NAME] = {"nodeName", 8},
		[POD_SELECTOR] = {"nodeSelector", 12},
		[POD_AFFINITY] = {"affinity", 8},
		[POD_SPREAD] = {"topologySpreadConstraints", 25},
		[POD_GATES] = {"schedulingGates", 15},
		[POD_INIT] = {"initContainers", 14},
		[POD_OVERHEAD] = {"overhead", 8},
		[POD_HOST_NETWORK] = {"hostNetwork", 11},
		[POD_RESOURCES] = {"resources", 9},
		[POD_CLAIMS] = {"resourceClaims", 14},
	};

	jv_members(pod_spec, names, POD_MEMBERS, ret);
}

/* KEP-2837: what the pod as a whole requests stands for its containers' sum, resource by resource.
 */
static void pod_level(struct sched_resources *sum, struct sched_resources *nonzero,
		      struct jv resources)
{
	struct jv list = jv_get(resources, "requests");

	if (!jv_exists(list))
		return;
	parse_resources(list, sum, NULL);
	if (jv_exists(jv_get(list, "cpu")))
		nonzero->cpu_milli = sum->cpu_milli;
	if (jv_exists(jv_get(list, "memory")))
		nonzero->mem_bytes = sum->mem_bytes;
}

static void add_ports(struct sched_demand *d, struct jv ports, bool host_network)
{
	static const struct str names[] = {
		{"hostPort", 8}, {"containerPort", 13}, {"protocol", 8}, {"hostIP", 6}};
	struct jv v[ARRAY_SIZE(names)];

	jv_for_each (port, ports) {
		struct sched_port *p;
		struct str protocol;
		int64_t n;

		jv_members(port.value, names, ARRAY_SIZE(names), v);
		n = jv_i64(v[0], 0);
		if (!n && host_network)
			n = jv_i64(v[1], 0);
		if (n <= 0 || n > UINT16_MAX)
			continue;
		protocol = jv_text(v[2]);
		p = ARRAY_PUSH(d->ports, d->n_ports, d->cap_ports);
		*p = (struct sched_port){.protocol = protocol.len ? *protocol.p : 'T',
					 .port = (uint16_t)n};
		str_copy(p->ip, sizeof(p->ip), jv_text(v[3]));
	}
}

enum { RESOURCES, PORTS, IMAGE, RESTART, CONTAINER_MEMBERS };

struct demand_sum {
	struct sched_demand *d;
	struct tally real, nonzero;
	bool host_network;
	struct buf *images;
};

static void add_container(struct demand_sum *s, struct jv container, bool init)
{
	static const struct str names[CONTAINER_MEMBERS] = {[RESOURCES] = {"resources", 9},
							    [PORTS] = {"ports", 5},
							    [IMAGE] = {"image", 5},
							    [RESTART] = {"restartPolicy", 13}};
	struct sched_resources one, some = {0};
	struct jv v[CONTAINER_MEMBERS];
	bool sidecar;

	jv_members(container, names, CONTAINER_MEMBERS, v);
	sidecar = init && jv_eqs(v[RESTART], "Always");
	container_requests(v[RESOURCES], &one, &some);
	if (init) {
		tally_init(&s->real, &one, sidecar);
		tally_init(&s->nonzero, &some, sidecar);
	} else {
		sched_resources_add(&s->real.sum, &one, 1);
		sched_resources_add(&s->nonzero.sum, &some, 1);
		buf_addstr(s->images, jv_text(v[IMAGE]));
		buf_addc(s->images, '\n');
	}
	sched_resources_done(&one);
	if (!init || sidecar)
		add_ports(s->d, v[PORTS], s->host_network);
}

void sched_demand_parse(struct sched_demand *d, const struct jv spec[POD_MEMBERS],
			struct buf *images)
{
	struct demand_sum s = {
		.d = d, .host_network = jv_bool(spec[POD_HOST_NETWORK], false), .images = images};
	struct sched_resources overhead = {0};

	*d = (struct sched_demand){0};
	jv_for_each (c, spec[POD_INIT])
		add_container(&s, c.value, true);
	jv_for_each (c, spec[POD_CONTAINERS])
		add_container(&s, c.value, false);
	take_max(&s.real.sum, &s.real.peak);
	take_max(&s.nonzero.sum, &s.nonzero.peak);
	pod_level(&s.real.sum, &s.nonzero.sum, spec[POD_RESOURCES]);
	parse_resources(spec[POD_OVERHEAD], &overhead, NULL);
	sched_resources_add(&s.real.sum, &overhead, 1);
	d->cpu_nonzero = s.nonzero.sum.cpu_milli + overhead.cpu_milli;
	d->mem_nonzero = s.nonzero.sum.mem_bytes + overhead.mem_bytes;
	d->cpu_nonzero = amount(d->cpu_nonzero);
	d->mem_nonzero = amount(d->mem_nonzero);
	d->requests = s.real.sum;
	bound(&d->requests);
	sched_resources_done(&s.real.peak);
	sched_resources_done(&overhead);
}

void sched_demand_done(struct sched_demand *d)
{
	sched_resources_done(&d->requests);
	free(d->ports);
	*d = (struct sched_demand){0};
}

static bool any_address(const struct sched_port *p)
{
	return !*p->ip || !strcmp(p->ip, "0.0.0.0");
}

bool sched_ports_conflict(const struct sched_port *a, const struct sched_port *b)
{
	return a->port == b->port && a->protocol == b->protocol &&
	       (any_address(a) || any_address(b) || !strcmp(a->ip, b->ip));
}

/* Node affinity */

static int op_parse(struct str s)
{
	static const char *const names[] = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eqs(s, names[i]))
			return (int)i;
	return OP_INVALID;
}

static void parse_reqs(struct sched_node_term *t, struct jv list, bool field)
{
	jv_for_each (e, list)
		*ARRAY_PUSH(t->reqs, t->n, t->cap) = (struct sched_req){
			.key = jv_text(jv_get(e.value, "key")),
			.op = (enum sched_op)op_parse(jv_text(jv_get(e.value, "operator"))),
			.values = jv_get(e.value, "values"),
			.field = field,
		};
}

static void parse_term(struct sched_node_term *t, struct jv term, int32_t weight)
{
	*t = (struct sched_node_term){.weight = weight};
	parse_reqs(t, jv_get(term, "matchExpressions"), false);
	parse_reqs(t, jv_get(term, "matchFields"), true);
}

static void parse_affinity(struct sched_spec *s, struct jv affinity)
{
	struct jv required = jv_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution");

	s->has_required = jv_exists(required);
	jv_for_each (t, jv_get(required, "nodeSelectorTerms"))
		parse_term(ARRAY_PUSH(s->required, s->n_required, s->cap_required), t.value, 0);
	jv_for_each (t, jv_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution"))
		parse_term(ARRAY_PUSH(s->preferred, s->n_preferred, s->cap_preferred),
			   jv_get(t.value, "preference"),
			   (int32_t)jv_i64(jv_get(t.value, "weight"), 0));
}

static bool value_in(struct jv values, struct str value)
{
	jv_for_each (v, values)
		if (str_eq(jv_text(v.value), value))
			return true;
	return false;
}

static bool compare(const struct sched_req *r, struct str value)
{
	int64_t have, want;
	struct jv_iter it = jv_iter_start(r->values, false);

	if (!jv_iter_next(&it) || str_to_i64(value, &have) < 0 ||
	    str_to_i64(jv_text(it.value), &want) < 0)
		return false;
	return r->op == OP_GT ? have > want : have < want;
}

static bool req_match(const struct sched_req *r, const struct sched_node *n)
{
	struct str value = !r->field                          ? sched_node_label(n, r->key)
			   : str_eqs(r->key, "metadata.name") ? n->name
							      : STR_NULL;
	bool present = !str_is_null(value);

	switch (r->op) {
	case OP_IN:
		return present && value_in(r->values, value);
	case OP_NOT_IN:
		return !present || !value_in(r->values, value);
	case OP_EXISTS:
		return present;
	case OP_NOT_EXISTS:
		return !present;
	case OP_GT:
	case OP_LT:
		return present && compare(r, value);
	case OP_INVALID:
		break;
	}
	return false;
}

bool sched_node_term_match(const struct sched_node_term *t, const struct sched_node *n)
{
	for (size_t i = 0; i < t->n; i++)
		if (!req_match(&t->reqs[i], n))
			return false;
	return t->n > 0;
}

struct str sched_node_label(const struct sched_node *n, struct str key)
{
	for (size_t i = 0; i < n->n_labels; i++)
		if (str_eq(n->labels[i].key, key))
			return n->labels[i].value;
	return STR_NULL;
}

/* Taints */

static char effect_parse(struct str s)
{
	if (str_eqs(s, "NoSchedule"))
		return EFFECT_NO_SCHEDULE;
	if (str_eqs(s, "PreferNoSchedule"))
		return EFFECT_PREFER;
	if (str_eqs(s, "NoExecute"))
		return EFFECT_NO_EXECUTE;
	return EFFECT_ANY;
}

bool sched_tolerates(const struct sched_spec *s, const struct sched_taint *t)
{
	for (size_t i = 0; i < s->n_tolerations; i++) {
		const struct sched_toleration *tol = &s->tolerations[i];

		if (tol->effect != EFFECT_ANY && tol->effect != t->effect)
			continue;
		if (tol->key.len && !str_eq(tol->key, t->key))
			continue;
		if (tol->exists || (tol->key.len && str_eq(tol->value, t->value)))
			return true;
	}
	return false;
}

bool sched_tolerates_node(const struct sched_spec *s, const struct sched_node *n)
{
	if (!n->hard_taints)
		return true;
	for (size_t i = 0; i < n->n_taints; i++)
		if (n->taints[i].effect != EFFECT_PREFER && !sched_tolerates(s, &n->taints[i]))
			return false;
	return true;
}

bool sched_spec_selects(const struct sched_spec *s, const struct sched_node *n)
{
	for (size_t i = 0; i < s->n_selector; i++) {
		struct str value = sched_node_label(n, s->selector[i].key);

		if (str_is_null(value) || !str_eq(value, s->selector[i].value))
			return false;
	}
	for (size_t i = 0; i < s->n_required; i++)
		if (sched_node_term_match(&s->required[i], n))
			return true;
	return !s->has_required;
}

void sched_spec_parse(struct sched_spec *s, struct jv selector, struct jv node_affinity,
		      struct jv tolerations)
{
	struct jv t[4];

	*s = (struct sched_spec){0};
	jv_for_each_member (m, selector)
		*ARRAY_PUSH(s->selector, s->n_selector, s->cap_selector) =
			(struct sched_label){m.key, jv_text(m.value)};
	parse_affinity(s, node_affinity);
	jv_for_each (it, tolerations) {
		jv_members(it.value,
			   (struct str[]){STR("key"), STR("value"), STR("operator"), STR("effect")},
			   4, t);
		*ARRAY_PUSH(s->tolerations, s->n_tolerations, s->cap_tolerations) =
			(struct sched_toleration){jv_text(t[0]), jv_text(t[1]),
						  jv_eqs(t[2], "Exists"),
						  effect_parse(jv_text(t[3]))};
	}
}

void sched_spec_parse_selector(struct sched_spec *s, struct jv node_selector)
{
	*s = (struct sched_spec){.has_required = jv_exists(node_selector)};
	jv_for_each (t, jv_get(node_selector, "nodeSelectorTerms"))
		parse_term(ARRAY_PUSH(s->required, s->n_required, s->cap_required), t.value, 0);
}

void sched_spec_done(struct sched_spec *s)
{
	for (size_t i = 0; i < s->n_required; i++)
		free(s->required[i].reqs);
	for (size_t i = 0; i < s->n_preferred; i++)
		free(s->preferred[i].reqs);
	free(s->required);
	free(s->preferred);
	free(s->selector);
	free(s->tolerations);
	*s = (struct sched_spec){0};
}

void sched_node_clear(struct sched_node *n)
{
	free(n->labels);
	free(n->taints);
	n->labels = NULL;
	n->taints = NULL;
	n->n_labels = n->cap_labels = n->n_taints = n->cap_taints = 0;
	n->hard_taints = n->soft_taints = false;
	sched_resources_done(&n->allocatable);
	n->max_pods = 0;
}

void sched_node_parse(struct sched_node *n)
{
	struct jv node = jv_of(n->obj->bytes), spec = jv_get(node, "spec");

	sched_node_clear(n);
	n->unschedulable = jv_bool(jv_get(spec, "unschedulable"), false);
	jv_for_each_member (l, jv_path(node, "metadata.labels"))
		*ARRAY_PUSH(n->labels, n->n_labels, n->cap_labels) =
			(struct sched_label){l.key, jv_text(l.value)};
	jv_for_each (t, jv_get(spec, "taints")) {
		char effect = effect_parse(jv_text(jv_get(t.value, "effect")));

		*ARRAY_PUSH(n->taints, n->n_taints, n->cap_taints) = (struct sched_taint){
			jv_text(jv_get(t.value, "key")), jv_text(jv_get(t.value, "value")), effect};
		n->hard_taints |= effect != EFFECT_PREFER;
		n->soft_taints |= effect == EFFECT_PREFER;
	}
	parse_resources(jv_path(node, "status.allocatable"), &n->allocatable, &n->max_pods);
}
