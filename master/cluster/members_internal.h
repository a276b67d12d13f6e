/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLUSTER_MEMBERS_INTERNAL_H
#define KNARR_CLUSTER_MEMBERS_INTERNAL_H
#include "lib/base/list.h"
#include "lib/json/jv.h"
#include "master/cluster/members.h"
/* What members.c (state and duties), member_record.c and member_calls.c share. */

struct record {
	uint64_t id, rev; /* rev: of the stored object; 0: not stored */
	char *name, *peer, *url, *version, *replaces; /* replaces: a name, or empty */
	bool wants_vote, serving;
};

struct members {
	struct members_conf conf;
	struct store_watch *watch;
	struct record *records; /* by id */
	size_t n_records, cap_records;
	bool leads, serves, removed;
	uint64_t lead_since_ns, leader_seen; /* leader_seen: by the follower's look */
	struct timer tick; /* leading, and not alone */
	bool changing; /* a change of the members is under way, by a call or a duty */
	size_t told_voters; /* for the warning about even numbers */
	char *told_serving; /* what on_serving was told last, as text */
	struct list ops; /* struct op.node */

	/* Following. */
	struct timer look;
	struct transport_call *registering;
	struct buf answer;
	int status;
	uint64_t next_register_ns, caught_up_at; /* a revision; 0: not asked yet */
	uint64_t leaderless_ns; /* when a leader was known last */
	size_t ask_at;
	bool lost; /* as told */
	bool registered;
	void (*served)(void *user);
	void *served_user;
	bool announced_serves; /* what the leader has been told */
};

/* member_record.c */
void record_done(struct record *r);
struct record record_copy(const struct record *r);
bool record_same(const struct record *a, const struct record *b);
/* From the JSON of a record, or of a request about one. */
int record_parse(struct jv v, struct record *ret, struct err *err);
void record_write(const struct record *r, struct buf *out);
void record_key(uint64_t id, struct buf *out);
void member_id_text(uint64_t id, char ret[17]);
/* A store_txn that puts (or deletes, put false) the record at revision r->rev. */
int record_store(struct store *s, const struct record *r, bool put, store_txn_cb cb, void *user);

/* members.c */
const struct record *members_by_id(const struct members *m, uint64_t id);
const struct record *members_by_name(const struct members *m, struct str name);
void members_reload(struct members *m);
/* Raft's member of this id; false: none. */
bool members_in_raft(const struct members *m, uint64_t id, struct store_member *ret);
bool members_alive(const struct members *m, uint64_t id);
size_t members_voters(const struct members *m);
void members_tick_soon(struct members *m);
/* This master's own record as it should be; to be ended with record_done. */
struct record members_own(const struct members *m);

/* member_calls.c: what is under way gets no answer any more. */
void members_calls_drop(struct members *m);
/* ca_calls.c */
void members_call_ca(struct members *m, const struct members_req *req,
		     const struct members_reply *re);
#endif
