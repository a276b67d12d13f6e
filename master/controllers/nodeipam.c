/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/cidr.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Gives each node its ranges of pod addresses, Node.spec.podCIDRs: of each of the cluster's ranges
 * the first free piece (k8s pkg/controller/nodeipam's range allocator). A range belongs to its node
 * until the Node is deleted; nodes that came with ranges of their own keep them, and they are not
 * given out.
 *
 * One key at a time: two nodes must never be offered the same piece from one look at the cache.
 */
struct nodeipam {
	struct cidr_pair cluster;
	unsigned bits[2]; /* of a node's piece, as in `cluster` */
};

static struct informer *nodes(struct ctl *c)
{
	return informers_get(c->informers, &client_nodes);
}

/* ---- what is free ---- */

struct used {
	struct cidr *v;
	size_t n, cap;
};

static void use(struct used *u, struct jv text, struct cidr of)
{
	struct cidr r;

	if (cidr_parse(jv_text(text), &r) && (cidr_within(r, of) || cidr_within(of, r)))
		*ARRAY_PUSH(u->v, u->n, u->cap) = r;
}

static int by_base(const void *a, const void *b)
{
	const struct cidr *x = a, *y = b;

	return x->base.n < y->base.n ? -1 : x->base.n > y->base.n;
}

/* What nodes have of a range, in order. Caller frees v. */
static struct used used_of(struct ctl *c, struct cidr of)
{
	struct used u = {0};

	informer_for_each(node, nodes(c))
	{
		struct jv spec = object_spec(node), list = jv_get(spec, "podCIDRs");

		if (!jv_exists(list))
			use(&u, jv_get(spec, "podCIDR"), of);
		jv_for_each (t, list)
			use(&u, t.value, of);
	}
	if (u.n)
		qsort(u.v, u.n, sizeof(*u.v), by_base);
	return u;
}

/*
 * The first piece of `bits` that no node has; false when the range is used up. Walks over what is
 * used, never over what is free: a /48 has more pieces than there is memory.
 */
static bool first_free(struct ctl *c, struct cidr of, unsigned bits, struct cidr *ret)
{
	struct used u = used_of(c, of);
	u128 step = cidr_span((struct cidr){of.base, bits}), at = 0; /* behind the range's base */
	bool full = false;

	for (size_t i = 0; i < u.n && !full; i++) {
		u128 from = u.v[i].base.n <= of.base.n ? 0 : u.v[i].base.n - of.base.n;
		u128 last = from + cidr_span(u.v[i]);

		if (u.v[i].bits <= of.bits) /* all of it, and more */
			full = true;
		else if (from > at + step)
			break;
		else if (last >= at) {
			at = (last | step) + 1; /* pieces begin at multiples of their size */
			full = !at || at > cidr_span(of);
		}
	}
	free(u.v);
	*ret = (struct cidr){{of.base.n + at, of.base.v6}, bits};
	return !full;
}

/* ---- one node ---- */

static void none_left(struct ctl *c, const struct object *node, struct plan *p)
{
	recorder_event_for(c->events, &client_nodes, node, EVENT_WARNING, "CIDRNotAvailable",
			   "Node %s status is now: CIDRNotAvailable", node->key.p);
	plan_again_in(p, 60 * NSEC_PER_SEC);
}

static bool has_range(const struct object *node)
{
	struct jv spec = object_spec(node);

	jv_for_each (t, jv_get(spec, "podCIDRs"))
		return true;
	return jv_text(jv_get(spec, "podCIDR")).len;
}

/* Of each family or of none: what a node has once stays as it is. */
static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *node = informer_get(nodes(c), key);
	struct nodeipam *ipam = c->state;
	char text[2][CIDR_TEXT];
	struct cidr r;
	struct plan_op *op;

	if (!node || object_deleting(node) || has_range(node))
		return;
	for (size_t i = 0; i < ipam->cluster.n; i++) {
		if (!first_free(c, ipam->cluster.v[i], ipam->bits[i], &r)) {
			none_left(c, node, p);
			return;
		}
		cidr_text(r, text[i]);
	}
	op = plan_add(p, "PATCH", &client_nodes, STR_NULL, node->name, NULL);
	op->content_type = CLIENT_MERGE_PATCH;
	op->flags = PLAN_OK_ABSENT;
	buf_addf(&op->body, "{\"spec\":{\"podCIDR\":\"%s\",\"podCIDRs\":[\"%s\"", text[0], text[0]);
	if (ipam->cluster.n > 1)
		buf_addf(&op->body, ",\"%s\"", text[1]);
	buf_adds(&op->body, "]}}");
}

static bool init(struct ctl *c)
{
	struct nodeipam ipam = {0};

	if (!c->conf->cluster_cidr ||
	    cidr_pair_parse("cluster-cidr", c->conf->cluster_cidr, &ipam.cluster, NULL) < 0)
		return false;
	for (size_t i = 0; i < ipam.cluster.n; i++) {
		bool v6 = ipam.cluster.v[i].base.v6;
		unsigned bits = v6 ? c->conf->node_bits_v6 : c->conf->node_bits_v4;

		ipam.bits[i] = bits ? bits : v6 ? 64 : 24;
		if (ipam.cluster.v[i].bits > ipam.bits[i])
			return false;
	}
	c->state = xmemdup(&ipam, sizeof(ipam));
	ctl_handle(c, nodes(c), &ctl_enqueue_self);
	return true;
}

static void done(struct ctl *c)
{
	free(c->state);
}

const struct controller nodeipam_controller = {
	.name = "node-ipam",
	.component = "cidrAllocator",
	.parallel = 1,
	.init = init,
	.sync = reconcile,
	.done = done,
};
