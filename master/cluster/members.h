/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLUSTER_MEMBERS_H
#define KNARR_CLUSTER_MEMBERS_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
#include "lib/client/transport.h"
#include "master/auth/pki.h"
#include "master/cluster/peer.h"
#include "master/store/store.h"
/*
 * Who the masters are. Raft's configuration says which ids vote and get the log; a record of each
 * stands beside it in the store (MEMBERS_PREFIX, seen by no API): name, addresses, what it is meant
 * to be. A record is made before its member and goes after it.
 *
 *	join --> stand-by --(caught up, unless it is to stay one)--> voter --> removed
 *	            ^------------------ demote -------------------------'
 *
 * On the leader this carries out the calls below /knarr/v1/ and the standing duties: promote who
 * has caught up, take out who was replaced, know who is alive. On a follower it tells the leader
 * about this master (register), by which it also learns when it has caught up, and that it was
 * removed.
 *
 *	GET	members			all of them, with who leads and who answers
 *	POST	join			a master to be; the answer holds the cluster's keys
 *	POST	register		a master about itself
 *	POST	members/NAME		{"role": "voter" | "standby" | "leader"}
 *	DELETE	members/NAME		{"force": true}: although too few others answer
 */
struct members;

#define MEMBERS_PREFIX "/knarr.io/masters//"
#define MEMBERS_MAX 32u

struct member_info {
	uint64_t id;
	const char *name, *peer, *url; /* "10.0.0.1:6380", "https://10.0.0.1:6443" */
	bool voter, serving;
};

/* What all masters must have alike; a joining one gets it from the leader. */
struct members_settings {
	const char *service_cidr, *cluster_cidr, *domain, *node_ports;
};

struct members_conf {
	struct store *store; /* borrowed, as all else */
	struct timers *timers;
	struct peers *peers;
	struct pki *pki;
	struct transport *transport; /* to whoever leads, as system:masters */
	uint64_t id;
	const char *name, *url;
	struct members_settings settings;
	/* Leading: these masters serve the API (this one among them), by id. */
	void (*on_serving)(void *user, const struct member_info *v, size_t n);
	/* The records changed: see members_list. */
	void (*on_records)(void *user);
	/* Not leading: this master has what the leader had when it asked. */
	void (*on_caught_up)(void *user);
	/* Not leading, and nobody is known who leads, for 2 seconds; or somebody is again. */
	void (*on_lost)(void *user, bool lost);
	/* Another master leads than before. */
	void (*on_leader)(void *user);
	/* This master belongs to the cluster no more. */
	void (*on_removed)(void *user, const char *why);
	void *user;
};

struct members *members_new(const struct members_conf *conf);
struct members *members_free(struct members *m); /* takes NULL; calls under way are not answered */
/* This master leads, and its state is new enough; or it does not. */
void members_lead(struct members *m);
void members_follow(struct members *m);
/* Another one may lead. */
void members_look(struct members *m);
/* This master begins or ceases to serve: the endpoints shall know. `done` (may be NULL) once. */
void members_serve(struct members *m, bool serving, void (*done)(void *user), void *user);

/* Of the records, by id: up to `max`, borrowed until the next turn of the loop. */
size_t members_list(const struct members *m, struct member_info *ret, size_t max);
/*
 * "https://..." of the leading master (of any other, if none has been heard of for a while); NULL:
 * it is this one, or unknown. Borrowed likewise.
 */
const char *members_leader_url(struct members *m);
/* Voters besides this one. */
size_t members_other_voters(const struct members *m);

struct members_req {
	struct str method, path, body; /* path: behind /knarr/v1/ */
	bool joiner; /* comes with a joining token and may do nothing else */
};
struct members_reply {
	/* One of them, once; `json` may be emptied. `again`: ask the leader, which is another now.
	 */
	void (*answer)(void *user, int status, struct buf *json);
	void (*fail)(void *user, const struct err *e);
	void (*again)(void *user);
	void *user;
};
void members_call(struct members *m, const struct members_req *req, const struct members_reply *re);
#endif
