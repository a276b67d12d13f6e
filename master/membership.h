/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_MASTER_MEMBERSHIP_H
#define KNARR_MASTER_MEMBERSHIP_H
#include "lib/base/timers.h"
#include "master/apiserver/apiserver.h"
#include "master/cluster/join.h"
#include "master/cluster/members.h"
#include "master/identity.h"
/*
 * This master among the others: which one it is, how it came to be one, and whether it leads. Ties
 * master/cluster, the store and the API server together.
 *
 *	membership_open     before the keys: who am I, or join
 *	membership_peers    with the keys: the port for the others
 *	membership_store    what the store must know
 *	membership_start    with store and API: from now on on_lead and on_follow come
 *	membership_leave    before a stop: nobody should look for this master here any more
 */
struct membership;

struct membership_conf {
	const char *data_dir, *config_dir;
	const char *name; /* NULL: the host's */
	const char *join, *token, *ca_hash, *replaces; /* see knarr-master(8) */
	bool standby;
	const char *bind; /* of the peers' port */
	const char *peer_address; /* NULL: address and peer_port */
	uint16_t peer_port, port; /* port: of the API */
	const char *address; /* at which this master is reached */
	uint64_t election_ms, heartbeat_ms; /* heartbeat 0: a third */
	struct timers *timers;
	/* This master leads: its state is new enough for everything. Then, that it does no more. */
	void (*on_lead)(void *user);
	void (*on_follow)(void *user);
	void (*on_caught_up)(void *user); /* as a follower, once */
	void (*on_removed)(void *user, const char *why); /* the process should end and stay away */
	void *user;
};

/* What `settings` has is given on the command line (NULL: not); the rest is filled in. */
int membership_open(const struct membership_conf *conf, struct members_settings *settings,
		    struct membership **ret, struct err *err);
struct membership *membership_free(struct membership *m); /* the peers: when the store is closed */
uint64_t membership_id(const struct membership *m);
int membership_peers(struct membership *m, struct identity *identity, struct pki *pki,
		     struct err *err);
void membership_store(struct membership *m, struct store_conf *conf);
const struct apiserver_cluster *membership_cluster(struct membership *m);
int membership_start(struct membership *m, struct store *store, struct apiserver *api,
		     uint16_t port, struct err *err);
void membership_stop(struct membership *m); /* before the store is closed */

/* on_role of the store. */
void membership_role(struct membership *m, enum store_role role);
void membership_leader(struct membership *m); /* the store's leader is another one, or none */
bool membership_leads(const struct membership *m);
bool membership_alone(const struct membership *m); /* there is no other voter */
/* Ready: the others, and the endpoints of `kubernetes`, shall know. */
void membership_serve(struct membership *m);
/*
 * Be no endpoint any more, hand leadership over, then `done`: within a second or two, also when
 * nobody answers.
 */
void membership_leave(struct membership *m, void (*done)(void *user), void *user);
#endif
