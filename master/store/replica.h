/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_REPLICA_H
#define KNARR_STORE_REPLICA_H
#include "lib/base/clock.h"
#include "master/store/consensus.h"
#include "master/store/wal.h"
/*
 * The replicated log as a machine with two threads: the raft thread steps consensus and has
 * nothing else in it; the writer thread writes the log, all that has queued in one write and one
 * sync. The main thread hands entries in and takes committed ones out.
 */
struct replica;
struct store_transport;

struct replica_conf {
	const struct store_io *io;
	const struct clock *clock;
	uint64_t id;
	size_t segment_bytes;
	uint64_t seed;
	/* Other masters; see struct store_conf. */
	const char *address;
	const struct store_transport *transport;
	const struct consensus_member *members;
	size_t n_members;
	bool join;
	unsigned election_ms, heartbeat_ms;
	uint64_t cluster; /* of struct store_conf */
	uint64_t reserve_bytes; /* of free space, for a snapshot that is received */
	/*
	 * Is the file `name` a whole snapshot at this place? 0 and what was read of it, which comes
	 * back in a LOG_ENTRY_RESET (replica_take) or is given to `unload`; -EBADMSG, -EPROTO: no.
	 * On a thread of the replica's.
	 */
	int (*load)(void *user, const char *name, const struct consensus_point *at, void **ret);
	void (*unload)(void *user, void *loaded);
	/* From the raft thread: replica_take has something, or the role or life of it changed. */
	void (*wake)(void *user);
	/* From any thread, once: the log is dead. If it returns, nothing is committed any more. */
	void (*fatal)(void *user, int error, const char *msg);
	void *user;
};

/*
 * Recover log and vote, and start raft with the snapshot `point` (NULL: none). Threads don't run
 * yet. What is committed already is given to `apply`, in order, borrowed.
 */
int replica_open(const struct replica_conf *conf, const struct consensus_point *point,
		 int (*apply)(void *user, const struct log_entry *e), void *user,
		 struct replica **ret, struct err *err);
int replica_start(struct replica *r);
/*
 * Stops the threads. Entries and commands not yet taken out go to *ret_rest and *ret_commands,
 * whatever became of them.
 */
struct replica *replica_close(struct replica *r, struct list *ret_rest, struct list *ret_commands);

void replica_submit(struct replica *r, struct log_entry *take_entry);
/*
 * Move committed and refused (err set) entries, in order, to the end of *out. A LOG_ENTRY_RESET
 * among them says that from here on the state is what conf.load has read; that is its `user`.
 */
void replica_take(struct replica *r, struct list *out);
/* A snapshot at this point is durable: the log before it may go. `point` is copied. */
void replica_snapshotted(struct replica *r, const struct consensus_point *point);
/* Ask for a spare segment, when space is short. */
void replica_prepare(struct replica *r);
int replica_prepare_error(const struct replica *r); /* why there is none; 0 */

/*
 * Ask whether this server still leads. The answer comes with wake: all tickets up to this one are
 * answered, err 0: a state that has applied `index` is new enough. Tickets rise.
 */
struct replica_read {
	uint64_t ticket, index;
	int err;
};
uint64_t replica_ask(struct replica *r);
size_t replica_take_reads(struct replica *r, struct replica_read *ret, size_t max);

/* A change of members or of the leader, asked for by the main thread. */
enum replica_command_type { REPLICA_SET_MEMBER, REPLICA_REMOVE_MEMBER, REPLICA_TRANSFER };
#define REPLICA_ADDRESS_MAX 128u
struct replica_command {
	struct list node;
	enum replica_command_type type;
	uint64_t id;
	enum member_role role;
	char address[REPLICA_ADDRESS_MAX];
	void (*cb)(void *user, int err);
	void *user;
	int err; /* of consensus_set_member and the like */
};
void replica_command(struct replica *r, struct replica_command *take_command);
/* Move those that were carried out (or not: err) to the end of *out. */
void replica_take_commands(struct replica *r, struct list *out);

/* Another master wants nothing of this one, and says why. */
enum replica_refusal {
	REPLICA_WELCOME,
	REPLICA_OTHER_CLUSTER, /* one of the two belongs to another cluster */
	REPLICA_OTHER_DATA, /* this id is known with another data directory */
};
enum replica_refusal replica_refused(const struct replica *r, uint64_t *ret_by);
uint64_t replica_cluster(const struct replica *r); /* 0: not known yet */

uint64_t replica_leader(const struct replica *r); /* id; 0: unknown */
bool replica_is_leader(const struct replica *r);
bool replica_is_dead(const struct replica *r);
const struct wal *replica_wal(const struct replica *r);
#endif
