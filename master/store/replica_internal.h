/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_REPLICA_INTERNAL_H
#define KNARR_STORE_REPLICA_INTERNAL_H
#include "master/store/identity.h"
#include "master/store/replica.h"
#include "master/store/ship.h"
#include "master/store/transport.h"
#include "master/store/vote.h"

#include <pthread.h>
#include <stdatomic.h>
/* What replica.c (threads, log) and replica_peer.c (other masters, reads) share. */

/* A lock with what is waiting behind it, and a thread that sleeps until there is something. */
struct door {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool ring; /* something came since the thread last looked */
	bool stop;
};

struct question {
	uint64_t seq, ticket;
};

/* Another master's data directory. */
struct known {
	uint64_t id, instance; /* 0: not heard of yet */
	uint64_t refused_ms, table_ms; /* when it was told so last */
};

/* Snapshots on their way, and the thread that carries them (replica_ship.c). */
struct shipping {
	struct door door;
	pthread_t thread;
	bool runs;
	struct list inbox; /* inmsg.node; behind the door */
	size_t inbox_bytes;
	struct list requests; /* ship_request.node; behind the door */

	/* Of the thread. */
	struct ship_ops ops;
	struct ship_in in;
	struct ship_out out[CONSENSUS_MEMBERS_MAX];
	struct buf bytes;
	void *loaded; /* of conf.load, not handed on yet */
	/* The log is kept from here on while that helps a receiver; 0: nothing is being sent. */
	_Atomic uint64_t hold;
};

/* A checked snapshot from the leader, for raft. */
struct ship_offer {
	uint64_t from, term;
	struct consensus_point at;
};

struct replica {
	struct replica_conf conf;
	struct consensus *consensus;
	struct vote vote;
	struct wal *wal;
	pthread_t raft_thread, writer_thread;
	bool raft_runs, writer_runs, listens;

	/* To the raft thread, behind raft_door. */
	struct door raft_door;
	struct list submitted; /* log_entry.node */
	uint64_t written; /* log_entry.seq */
	struct consensus_point *snapshot; /* newest durable one not yet told to raft, or NULL */
	uint64_t snapshot_first; /* what the log still has; valid with snapshot_released */
	bool snapshot_released;
	struct ship_offer *offer; /* of the ship thread, or NULL */
	void *adopted; /* the snapshot has its name: what was loaded of it */
	struct log_entry *reset; /* is in the log */
	struct list inbox; /* inmsg.node */
	size_t inbox_bytes;
	uint64_t asked; /* newest ticket of a read */
	struct list commands; /* replica_command.node */

	/* To the writer, behind writer_door. */
	struct door writer_door;
	struct list to_write; /* log_entry.write_node */
	uint64_t release; /* index up to which segments may go; 0: none */
	bool prepare;
	bool stalled; /* of the writer: no space */
	atomic_int prepare_err; /* of the last try */

	/* Of the raft thread alone. */
	struct list waiting; /* entries in the log's order that are not committed yet */
	struct list doomed; /* replaced, but perhaps still being written */
	uint64_t committed, durable, delivered;
	uint64_t seen; /* of written */
	uint64_t ticket; /* of the question being put */
	struct question *questions; /* put, not answered */
	size_t n_questions, cap_questions;
	struct buf bytes; /* a message on its way out */
	struct consensus_point *installing; /* asked for by raft; NULL: nothing */
	struct log_entry *reset_sent; /* to the writer */
	pthread_mutex_t read_lock; /* of wal_read against wal_release */

	/* Who speaks; behind id_lock. */
	pthread_mutex_t id_lock;
	struct identity id;
	struct known known[CONSENSUS_MEMBERS_MAX]; /* the members */
	size_t n_known;
	struct known stranger; /* anybody else */
	enum replica_refusal refused;
	uint64_t refused_by;
	struct shipping ship;

	/* To the main thread. */
	pthread_mutex_t out_lock;
	struct list out;
	struct list commands_done;
	struct replica_read *reads; /* answers for the main thread */
	size_t n_reads, cap_reads;
	atomic_bool leader, dead;
	_Atomic uint64_t leader_id;
};

/* A message that came in, until the raft thread takes it. */
struct inmsg {
	struct list node;
	uint64_t from;
	uint32_t len;
	char bytes[];
};

struct inmsg *replica_inmsg(uint64_t from, struct str msg); /* a copy */
void replica_move_commands(struct list *from, struct list *to);
void replica_stop_thread(struct door *d, bool *runs, pthread_t t);
void replica_ring(struct door *d); /* unlocks; the lock is held */
/* Locks, and sleeps until it rings, is to stop, or the clock says at_ms (UINT64_MAX: never). */
void replica_wait(struct door *d, uint64_t at_ms);
uint64_t replica_now_ms(const struct replica *r);

void replica_fatal(struct replica *r, int error, const char *what);
void replica_door_init(struct door *d);
void replica_door_done(struct door *d);
void replica_point_free(struct consensus_point *p);
struct consensus_point *replica_point_dup(const struct consensus_point *p);

/* replica_id.c: who talks to whom. */
/*
 * Load or make the identity. `fresh`: if there is none, it is that of a member to be.
 */
int replica_identify(struct replica *r, bool fresh, struct err *err);
/* The members in force; others are forgotten. */
void replica_know(struct replica *r, struct str conf);
/* Encode with what identifies both sides in front, and send. `bytes` is the thread's own. */
void replica_send(struct replica *r, struct buf *bytes, uint64_t to, const char *address,
		  const struct peer_msg *m);
/* Check and strip that. False: it is not for us. */
bool replica_admit(struct replica *r, uint64_t from, struct str *msg);

/* replica_ship.c: snapshots between masters. */
void replica_ship_init(struct replica *r);
int replica_ship_start(struct replica *r);
void replica_ship_done(struct replica *r); /* stops it, too */
void replica_ship_message(struct replica *r, uint64_t from, struct str msg);
void replica_ship_cancel(struct replica *r); /* not leading any more */
void replica_on_send_snapshot(void *user, uint64_t to, const char *address, uint64_t term);
void replica_on_install(void *user, const struct consensus_point *p, struct str data);
void replica_ship_free_offer(struct ship_offer *o);
int replica_take_offer(struct replica *r, struct ship_offer *take_offer);
/* The file has its name; now the log. */
void replica_adopted(struct replica *r, void *loaded);
/* And that is begun anew: the state may follow. */
int replica_installed(struct replica *r, struct log_entry *reset);

/* replica_peer.c: what consensus asks for, and the raft thread's share of it. */
void replica_on_send(void *user, uint64_t to, const char *address, const struct peer_msg *m);
int replica_on_read(void *user, uint64_t from, uint64_t to, consensus_each each, void *arg);
void replica_on_confirmed(void *user, uint64_t seq, uint64_t index, int err);
void replica_on_message(void *arg, uint64_t from, struct str msg); /* from any thread */
int replica_take_messages(struct replica *r, struct list *inbox);
void replica_run_commands(struct replica *r, struct list *commands);
void replica_put_question(struct replica *r, uint64_t ticket);
/* Entries (delivered, upto] that are in the log only. */
int replica_read_back(struct replica *r, uint64_t upto, struct list *out);
#endif
