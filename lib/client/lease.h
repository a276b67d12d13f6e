/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_LEASE_H
#define KNARR_CLIENT_LEASE_H
#include "lib/client/client.h"
/*
 * coordination.k8s.io Leases: `lease_renewer` keeps a node's heartbeat, `leader_elector` chooses
 * one of several processes (client-go's tools/leaderelection is the model: time is measured by
 * the observer's own monotonic clock from when it saw the record change, so clocks may differ).
 */
struct lease_renewer;
struct lease_renewer_conf {
	struct str ns, name, holder;
	struct str owner_json; /* one OwnerReference as JSON for the created lease, or absent */
	uint32_t duration_s; /* 0: 40 */
	uint64_t period_ns; /* 0: a quarter of the duration */
};
/* Creates the lease if absent and renews it for ever; failures are tried again after 200 ms
 * doubling to the period. */
struct lease_renewer *lease_renewer_start(struct client *c, const struct lease_renewer_conf *conf);
struct lease_renewer *lease_renewer_stop(struct lease_renewer *r);
/* When a master last said yes, by the client's monotonic clock; 0: never. */
uint64_t lease_renewer_last_ns(const struct lease_renewer *r);

struct leader_elector;
struct leader_conf {
	struct str ns, name; /* "kube-system", "knarr-controllers" */
	struct str identity; /* unique among candidates */
	uint32_t duration_s; /* 0: 15 */
	uint32_t renew_deadline_s; /* 0: 10: lead no longer without a renewal this old */
	uint32_t retry_s; /* 0: 2, with jitter */
	void (*started)(void *user); /* this process leads now */
	void (*stopped)(void *user); /* it does no longer */
	void (*new_leader)(void *user, struct str identity); /* may be NULL */
	void *user;
};
struct leader_elector *leader_elector_start(struct client *c, const struct leader_conf *conf);
/* Releases the lease if held, so that the next takes over at once. */
struct leader_elector *leader_elector_stop(struct leader_elector *l);
bool leader_elector_leads(const struct leader_elector *l);
#endif
