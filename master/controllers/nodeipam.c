/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/cidr4.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Gives each node its range of pod addresses, Node.spec.podCIDR: the first free piece of the
 * cluster's range (k8s pkg/controller/nodeipam's range allocator). A range belongs to its node
 * until the Node is deleted; nodes that came with a range of their own keep it and it is not given
 * out.
 *
 * One key at a time: two nodes must never be offered the same piece from one look at the cache.
 */
struct nodeipam {
	struct cidr4 cluster;
	unsigned node_bits;
};

static struct informer *nodes(struct ctl *c)
{
	return informers_get(c->informers, &client_nodes);
}

/* The first piece no node has; false when the cluster's range is used up. */
static bool first_free(struct ctl *c, struct cidr4 *ret)
{
	struct nodeipam *ipam = c->state;
	uint64_t size = 1ull << (32 - ipam->node_bits);
	uint64_t n = cidr4_size(ipam->cluster) / size;
	CLEANUP_FREE bool *used = xcalloc(n, sizeof(*used));

	informer_for_each(node, nodes(c))
	{
		struct cidr4 r;

		if (!cidr4_parse(jv_text(jv_get(object_spec(node), "podCIDR")), &r))
			continue;
		for (uint64_t i = 0; i < n; i++) {
			uint64_t at = ipam->cluster.base + i * size;

			if (at < r.base + cidr4_size(r) && r.base < at + size)
				used[i] = true;
		}
	}
	for (uint64_t i = 0; i < n; i++)
		if (!used[i]) {
			*ret = (struct cidr4){(uint32_t)(ipam->cluster.base + i * size),
					      ipam->node_bits};
			return true;
		}
	return false;
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *node = informer_get(nodes(c), key);
	char text[INET_ADDRSTRLEN];
	struct plan_op *op;
	struct cidr4 r;

	if (!node || object_deleting(node) || jv_exists(jv_get(object_spec(node), "podCIDR")))
		return;
	if (!first_free(c, &r)) {
		recorder_event_for(c->events, &client_nodes, node, EVENT_WARNING,
				   "CIDRNotAvailable", "Node %s status is now: CIDRNotAvailable",
				   node->key.p);
		plan_again_in(p, 60 * NSEC_PER_SEC);
		return;
	}
	cidr4_text(r.base, text);
	op = plan_add(p, "PATCH", &client_nodes, STR_NULL, node->name, NULL);
	op->content_type = CLIENT_MERGE_PATCH;
	op->flags = PLAN_OK_ABSENT;
	buf_addf(&op->body, "{\"spec\":{\"podCIDR\":\"%s/%u\",\"podCIDRs\":[\"%s/%u\"]}}", text,
		 r.bits, text, r.bits);
}

static bool init(struct ctl *c)
{
	struct nodeipam ipam = {.node_bits =
					c->conf->node_cidr_bits ? c->conf->node_cidr_bits : 24};

	if (!c->conf->cluster_cidr || !cidr4_parse(str_of(c->conf->cluster_cidr), &ipam.cluster) ||
	    ipam.cluster.bits > ipam.node_bits)
		return false;
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
