/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_INTERNAL_H
#define KNARR_STORE_INTERNAL_H
#include "master/store/machine.h"
#include "master/store/pack.h"
#include "master/store/replica.h"
#include "master/store/snapshot.h"
#include "master/store/watch.h"

#include <pthread.h>
#include <uv.h>
/* What store.c (life, reading, applying), store_txn.c and store_bg.c share. Main thread only. */

/* A snapshot being written by a thread of its own. */
struct snapshot_job {
	struct store *store;
	struct snapshot_head head;
	struct tree_node *root; /* a reference */
	pthread_t thread;
	bool runs;
	bool again; /* one more was asked for meanwhile */
	atomic_bool cancel, done;
	int err;
	uint64_t start_ns, log_bytes_at;
};

struct barrier {
	uint64_t ticket;
	uint64_t index; /* to be applied; UINT64_MAX: not confirmed yet */
	void (*cb)(void *user, int err);
	void *user;
};

struct store {
	struct store_conf conf;
	struct store_io io;
	bool own_io;
	struct replica *replica;
	struct machine machine;
	struct hub hub;
	struct store_view *view; /* of the newest revision, as long as nothing changed; or NULL */
	enum store_role role;
	enum store_refusal refused; /* as told */
	uint64_t leader; /* as told */
	bool dead_told; /* everything pending was failed with -EIO */
	atomic_int closing;

	/* Transactions: collecting -> in flight -> applied. */
	struct buf batch;
	struct list batch_txns; /* struct txn, of `batch` */
	struct list batches; /* struct batch in flight, in order */
	unsigned n_in_flight;
	size_t pending_bytes;

	/* Where the applied state stands in the log, for the next snapshot. */
	struct consensus_point applied;
	bool alone; /* the only member, and nobody has been asked in: what is applied is all, */
	bool proven; /* once something of this term is: until then the log may know of others */
	struct snapshot_job job;
	uint64_t log_bytes, snapshot_log_bytes; /* log applied since the last snapshot; and at it */
	uint64_t snapshot_bytes; /* objects in the last one */

	struct barrier *barriers; /* reads that wait, oldest first */
	size_t n_barriers, cap_barriers;

	uint64_t space_checked_ns;
	uint64_t hand_over_ns; /* of a leader without space: not before */
	bool disk_full;
	bool expiring; /* expiry transactions are on their way */
	struct store_stats stats;

	uv_async_t async;
	uv_prepare_t prepare; /* flush before the loop sleeps */
	uv_check_t check; /* and after it has read requests */
	uv_idle_t idle; /* deliver to watchers in slices */
	uv_timer_t timer; /* the next expiry */
	uv_timer_t pack_timer;
	struct pack *pack;
	size_t pack_freed; /* and not given back to the system yet */
	unsigned n_handles;
};

void store_view_drop(struct store *s); /* the store's own reference on the newest */

/* store_txn.c */
void store_txn_flush(struct store *s);
/* A committed or refused entry of ours or of another master. Takes it. */
void store_txn_committed(struct store *s, struct log_entry *e);
/* Replay at open. */
int store_apply_entry(struct store *s, const struct log_entry *e);
/* Everything not yet answered gets `err`. */
void store_txn_fail_all(struct store *s, int err);

/* The configuration in force changed. */
void store_configured(struct store *s);

/* store_install.c */
int store_load(void *user, const char *name, const struct consensus_point *at, void **ret);
void store_unload(void *user, void *loaded);
void store_install(struct store *s, void *take_loaded);

/* store_bg.c */
void store_maybe_snapshot(struct store *s);
void store_snapshot_reap(struct store *s);
void store_snapshot_stop(struct store *s);
/* 0 or -ENOSPC. `grows`: it has puts. */
int store_check_space(struct store *s, bool grows, size_t bytes);
void store_pack_init(struct store *s);
void store_expiry_arm(struct store *s);
void store_expiry_fired(struct store *s);
#endif
