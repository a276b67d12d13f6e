/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POLICY_RULES_H
#define KNARR_POLICY_RULES_H
#include "lib/json/jv.h"
#include "net/policy.h"
/*
 * NetworkPolicies in the words of net/policy.h (networking.k8s.io/v1): what a pod of this node may
 * do, as rules by tags and ports, and which tags a peer has. Each distinct peer of a rule ("pods of
 * this selector in namespaces of that one", an ipBlock) is one tag, known once for all policies. A
 * named port of an egress rule is another number with each peer: a tag of its own for each number.
 *
 * Pure: reads objects, knows no maps and no informers.
 */
struct policy_rules;

struct policy_rules_conf {
	/* Calls fn for every pod that may be a peer. For named ports of egress rules. */
	void (*each_pod)(void *user, void (*fn)(void *arg, struct jv pod), void *arg);
	/* Labels of a namespace; JV_NONE if it is not known. */
	struct jv (*ns_labels)(void *user, struct str ns);
	void *user;
};
struct policy_rules *policy_rules_new(const struct policy_rules_conf *conf);
struct policy_rules *policy_rules_free(struct policy_rules *r);
/* Forget all tags. */
void policy_rules_clear(struct policy_rules *r);

/* Both directions of a pod; the rules' arrays are owned. */
struct policy_sides {
	struct policy_side in, out;
	struct policy_rule *rules[2];
	size_t n[2], cap[2];
};
void policy_sides_done(struct policy_sides *s);
/* Add what one NetworkPolicy of the pod's namespace says about it: nothing if it selects others. */
void policy_rules_add(struct policy_rules *r, struct jv policy, struct jv pod,
		      struct policy_sides *s);

/* Tags there are: 0 to n-1 as indexes, n changes only by policy_rules_add. */
size_t policy_rules_count(const struct policy_rules *r);
/* Some tag asks for the labels of pods. */
bool policy_rules_need_pods(const struct policy_rules *r);
/* The blocks among the tags: an array to be freed, its contents are owned by `r`. */
size_t policy_rules_blocks(const struct policy_rules *r, struct policy_block **ret);
/* The tags of a pod, without those of blocks: `ret` has room for policy_rules_count. */
size_t policy_rules_tags(const struct policy_rules *r, struct jv pod, uint32_t *ret);
/* False: a port that some rule names has a number with this pod that no tag stands for yet. */
bool policy_rules_know_ports(const struct policy_rules *r, struct jv pod);

/* The addresses a pod is a peer under, at most one a family: 0 when it has none of its own, or has
 * ended. */
size_t policy_pod_addrs(struct jv pod, struct ip_addr ret[2]);
/* What all the above reads of a Pod, as a Pod: some 300 bytes of the 5,000 that one has. */
void policy_pod_trim(struct jv pod, struct buf *out);
#endif
