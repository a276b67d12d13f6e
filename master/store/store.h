/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_H
#define KNARR_STORE_H
#include "lib/base/clock.h"
#include "lib/base/err.h"
/*
 * The cluster's data: an ordered map from keys to opaque values, held in memory, made durable and
 * (with more than one master) replicated by raft. Every write is a compare-and-put decided at
 * apply time, in one order, the same on every replica.
 *
 *	 main thread (one uv loop)            raft thread        writer thread
 *	 store_txn --encode, batch-->  submit  --entries-->  pwritev + fdatasync
 *	 apply (tree, window)  <--committed--  raft_step <--persisted--
 *	 callbacks, watchers
 *
 * Threads. Every function here is called on the thread of conf.loop and every callback comes there.
 * Objects, views and watches belong to that thread; their reference counts are plain integers. The
 * only other reader of objects is the snapshot thread, through a view of its own.
 *
 * Keys are "/GROUP/RESOURCE/NAMESPACE/NAME", exactly four slashes, no NUL, at most STORE_KEY_MAX
 * bytes. By convention the API's "" group is "core" and a cluster-scoped object has an empty
 * namespace: "/core/pods/default/web-0", "/core/nodes//n1". The store itself looks only at the
 * slashes. Order is memcmp.
 *
 * Revisions. Each operation that changes something (put or delete) gets the next revision; the
 * first is 1. A failed transaction uses none. The revision is what Kubernetes calls
 * resourceVersion: it is written in decimal into the value at `rv_at`, so that stored bytes are
 * complete and reads never edit them.
 */
struct store;
struct store_view;
struct store_watch;
struct store_io; /* io.h: the file calls, replaceable by tests */
struct store_transport; /* transport.h: messages to other masters */
struct uv_loop_s;

#define STORE_KEY_MAX 2048u
#define STORE_VALUE_MAX (8u << 20)
#define STORE_META_MAX (1u << 20)
#define STORE_TXN_OPS_MAX 1024u
#define STORE_TXN_BYTES_MAX (16u << 20) /* keys, values and meta of one transaction */

/*
 * An object: immutable and reference counted. The bytes live as long as a reference (or any view)
 * does; answers to clients point straight at `value`.
 */
struct store_obj {
	struct str key;
	struct str value; /* with its own revision at rv_at */
	struct str meta; /* index bytes, opaque to the store */
	uint64_t rev; /* of the last change; for a tombstone that of the delete */
	uint64_t create_rev;
	int64_t expires_s; /* Unix time after which the store deletes it; 0: never */
	uint32_t rv_at; /* where the decimal revision stands in value; STORE_NO_RV: nowhere */
	uint32_t sealed_by; /* the key it was read by (see store_seal); 0: was written in plain */
};
struct store_obj *store_obj_ref(const struct store_obj *o); /* returns o */
void store_obj_unref(const struct store_obj *o); /* takes NULL */
/*
 * A reference that doesn't keep `value` at hand, for who holds an object long and seldom reads it:
 * large values that nobody uses are kept compressed. Only store_obj_read gives it then, also on
 * another thread; it may put it into `scratch`.
 */
struct store_obj *store_obj_keep(const struct store_obj *o); /* returns o */
void store_obj_drop(const struct store_obj *o); /* ends it; takes NULL */
struct str store_obj_read(const struct store_obj *o, struct buf *scratch);

/*
 * Encryption of what is written: log, snapshots, backups, and what goes to other masters. In memory
 * objects are plain. Functions of the user's, called on any of the store's threads, several at a
 * time. A key is known by its id, between 0 and STORE_REFUSED.
 */
struct store_seal {
	/* Append the sealed form of `plain`: 1. 0: objects at `key` are written in plain. */
	int (*seal)(void *user, struct str key, struct str plain, struct buf *out);
	/* Append the plain form, and say by which key. Negative: it can't be read. */
	int (*open)(void *user, struct str key, struct str sealed, struct buf *out,
		    uint32_t *ret_id);
	/* Whether the object at `key` may be there in plain. */
	bool (*plain_ok)(void *user, struct str key);
	/* The id of the key by which `seal` would seal; 0: in plain. */
	uint32_t (*write_id)(void *user, struct str key);
	void *user;
};
/*
 * sealed_by from STORE_REFUSED on: of objects that must not be served. One that can't be read has
 * the value "{}" and no meta; what was written is kept beside it and written again as it is, so
 * that nothing is lost. REFUSED is what is there in plain and must not be. There may be some of
 * both while a master catches up, as a later entry of the log may replace them; who serves must see
 * that none is left (store_locked).
 */
#define STORE_LOCKED UINT32_MAX
#define STORE_LOCKED_BARE (STORE_LOCKED - 1) /* the digits of the revision are not in it */
#define STORE_REFUSED (STORE_LOCKED - 2)

/* ---- opening ---- */

/* How the state of the store may change under its user; on_role of struct store_conf. */
enum store_role {
	STORE_FOLLOWER, /* reads and watches only; writes fail with -EREMOTE */
	STORE_LEADER,
	STORE_ROLE_MAX,
	STORE_ROLE_INVALID = -EINVAL,
};

enum store_refusal {
	STORE_WELCOME,
	STORE_OTHER_CLUSTER,
	STORE_OTHER_DATA, /* this id is known with another data directory */
};

enum store_member_role {
	STORE_STANDBY, /* gets the log, has no vote */
	STORE_VOTER,
};
#define STORE_MEMBERS_MAX 32u
struct store_member {
	uint64_t id; /* not 0 */
	const char *address; /* shorter than 128 */
	enum store_member_role role; /* in conf.members all are voters */
};

struct store_conf {
	const char *dir; /* made (0700) if absent; used by one process at a time (flock) */
	struct uv_loop_s *loop; /* the main thread's; must outlive the store */
	const struct store_io *io; /* NULL: real files in dir */
	const struct clock *clock; /* NULL: clock_system */
	const struct rng *rng; /* NULL: rng_system */

	/*
	 * Raft. Without a transport the only voter is this process. With one, a new store begins
	 * either as one of `members` (the same list at each of them) or, with join, empty: it waits
	 * until the leader of a cluster sends it the log or a snapshot.
	 *
	 * The directory remembers which cluster and which master it belongs to (-EINVAL for
	 * another), and has a number of its own. A master that lost its disk and opens an empty
	 * directory with its old id is taken for a stranger by the others (on_refused), as it has
	 * forgotten what it promised: remove it from the cluster, then join, best with a new id.
	 */
	uint64_t id; /* 0: 1 */
	const char *address; /* at which other masters reach this one; must outlive the store */
	const struct store_transport *transport; /* NULL: none; must outlive the store */
	const struct store_member *members;
	size_t n_members; /* 0: this one alone */
	bool join;
	uint64_t cluster; /* 0: a new one, or with join that of whoever speaks first */
	unsigned election_ms; /* without a leader's message for 1 to 2 times this, elect [200] */
	unsigned heartbeat_ms; /* [election_ms / 3] */

	/* Bounds; 0 takes the default in brackets. */
	size_t window_bytes; /* watch window, values of its events [32 MiB] */
	size_t segment_bytes; /* of the log [64 MiB] */
	size_t snapshot_log_bytes; /* log written since the last snapshot that starts one [48 MiB]
				    */
	size_t reserve_bytes; /* free disk space below which puts get -ENOSPC [64 MiB] */
	size_t pending_bytes; /* transactions waiting for the disk; beyond: -EBUSY [64 MiB] */

	/*
	 * Field index: the value of selectable field `field` in an object's meta bytes, or
	 * STR_NULL. Needed only for watches with a field. Pure function of its arguments.
	 */
	struct str (*index_value)(void *user, struct str meta, struct str field);
	/*
	 * The log can't be written any more (EIO and the like): `msg` says what failed. Nothing
	 * unacknowledged may ever be acknowledged after that, so the process has to end: NULL logs
	 * the message and calls abort(). Called on one of the store's threads. If a test's function
	 * returns, the store is dead: all writes fail with -EIO.
	 */
	void (*on_fatal)(void *user, int error, const char *msg);
	const struct store_seal *seal; /* NULL: everything is plain; must outlive the store */
	/* One more object that must not be served was applied. May be NULL. */
	void (*on_locked)(void *user);
	/* Leadership came or went. Called on the loop, first from within store_open. */
	void (*on_role)(void *user, enum store_role role);
	/* store_leader says another one, or none. On the loop; may be NULL. */
	void (*on_leader)(void *user);
	/*
	 * Master `by` takes no part in anything with this one, because of other data or another
	 * cluster: an operator has to act. On the loop; may be NULL (it is logged anyway).
	 */
	void (*on_refused)(void *user, uint64_t by, enum store_refusal why);
	void *user;
};

/*
 * Open or create. Blocks while it reads the snapshot and replays the log (50,000 objects of 5 KB:
 * under 2 s); when it returns 0 with one voter, everything acknowledged earlier is readable and
 * writes are accepted.
 *
 * -EWOULDBLOCK: another process holds the directory. -EBADMSG: data that had been made durable is
 * damaged (a torn tail, which is normal after a crash, is cut off silently). -EPROTO: written by
 * another version of the format. `err` says which file.
 */
int store_open(const struct store_conf *conf, struct store **ret, struct err *err);
/*
 * Close: pending transactions get -ECANCELED (their outcome is unknown until the next open),
 * watches end with -ECANCELED, both from within this call; views and objects still held stay valid
 * until unref'ed. Blocks until the threads ended. The loop must run once more afterwards for libuv
 * to let go of the handles; `s` itself must not be used. NULL is fine. Returns NULL.
 */
struct store *store_close(struct store *s);

/* ---- writing ---- */

enum store_op_type { STORE_PUT, STORE_DELETE, STORE_CHECK };

#define STORE_ANY UINT64_MAX /* whatever is there, also nothing */
#define STORE_ABSENT 0ull /* there must be nothing */
#define STORE_NO_RV UINT32_MAX

struct store_op {
	enum store_op_type type; /* CHECK only compares */
	/*
	 * What must be there: STORE_ANY, STORE_ABSENT, or the exact revision. STORE_ANY means
	 * "present, any revision" for DELETE and CHECK.
	 */
	uint64_t expect;
	struct str key;
	struct str value; /* PUT */
	struct str meta; /* PUT */
	uint32_t rv_at; /* offset in value at which the revision is inserted, or STORE_NO_RV */
	uint32_t ttl_s; /* PUT: deleted by the store after so many seconds; 0: never */
};

/*
 * What became of a transaction. err is
 *	0		all operations were applied and are durable (on a majority)
 *	-EEXIST		operation `failed` expected absence; `current` is what is there
 *	-ENOENT		operation `failed` expected something; nothing is there
 *	-EAGAIN		operation `failed` expected another revision; `current` is what is there
 *	-ECANCELED	the store was closed or leadership was lost: the outcome is unknown
 *	-EREMOTE	not the leader: nothing was done
 *	-EIO		the log is dead (see on_fatal): the outcome is unknown
 * Pointers are valid during the callback; store_obj_ref what is kept.
 */
struct store_result {
	int err;
	size_t failed;
	const struct store_obj *current;
	uint64_t rev; /* of the last operation that changed something; else the store's */
	/*
	 * On success one per operation: PUT the object as stored; DELETE a tombstone, the last
	 * object with the revision of the delete in its value; CHECK the object.
	 */
	const struct store_obj *const *objs;
	size_t n_objs;
};
typedef void (*store_txn_cb)(void *user, const struct store_result *r);

/*
 * Apply n operations all or none, in order (a later one sees the earlier ones). Everything is
 * copied before it returns. `cb` is called exactly once, later, on the loop, when 0 was returned;
 * never when an error was:
 *	-EINVAL		malformed key, too many operations, rv_at outside the value
 *	-EMSGSIZE	beyond one of the STORE_*_MAX
 *	-ENOSPC		the disk is nearly full (deletes alone are still taken while log space
 *lasts) -EBUSY		too much is waiting for the disk: answer 429 with Retry-After -EREMOTE	not
 *the leader -EIO		the log is dead Transactions are applied in the order of their
 *store_txn calls.
 */
int store_txn(struct store *s, const struct store_op *ops, size_t n, store_txn_cb cb, void *user);

/* ---- reading ---- */

/*
 * A view is the whole map at one revision. It costs nothing to take and stays unchanged while
 * writes go on; what it alone keeps alive is freed with it.
 */
struct store_view *store_view(struct store *s); /* the newest; a new reference, never NULL */
/*
 * The keys that begin with `prefix` as they were at revision `rev`, made of the newest view and
 * what the watch window knows of the changes since: costs as much as there were. What other keys
 * are there is not said. -ESTALE: the window does not reach back that far, or, with max_age_ns not
 * 0, `rev` has not been the newest for longer than that. -ERANGE: it is in the future.
 */
int store_view_at(struct store *s, uint64_t rev, struct str prefix, uint64_t max_age_ns,
		  struct store_view **ret);
struct store_view *store_view_ref(struct store_view *v);
void store_view_unref(struct store_view *v); /* takes NULL */
uint64_t store_view_rev(const struct store_view *v);

/* Borrowed from the view; NULL when there is no such key. */
const struct store_obj *store_get(const struct store_view *v, struct str key);
/* How many keys begin with `prefix` and are greater than `after_key` (STR_NULL: all). O(log n). */
uint64_t store_count(const struct store_view *v, struct str prefix, struct str after_key);

/*
 * Walk the keys that begin with `prefix` in order, from the first that is greater than
 * `after_key` (STR_NULL: from the beginning). Prefix and view are borrowed by the iterator:
 *
 *	struct store_iter it;
 *	const struct store_obj *o;
 *
 *	store_range(v, STR("/core/pods/default/"), STR_NULL, &it);
 *	while ((o = store_iter_next(&it)))
 *		...
 */
#define STORE_TREE_DEPTH 12
struct store_iter {
	struct str prefix;
	struct {
		const void *node;
		unsigned at;
	} path[STORE_TREE_DEPTH];
	unsigned depth; /* 0: at the end */
};
void store_range(const struct store_view *v, struct str prefix, struct str after_key,
		 struct store_iter *it);
const struct store_obj *store_iter_next(struct store_iter *it);

/*
 * How many objects must not be served: sealed by a key that is not there, or in plain. If there are
 * some: *ret_key is the first one's, *ret_sealed what was written (STR_NULL: in plain); both
 * borrowed until the next turn of the loop.
 */
size_t store_locked(const struct store *s, struct str *ret_key, struct str *ret_sealed);
/* Written again it would be sealed by another key, or in plain: an update that changes nothing
 * else is to be written. */
bool store_stale(const struct store *s, const struct store_obj *o);
/* Revision of the newest applied change; what a LIST or a bookmark reports. */
uint64_t store_rev(const struct store *s);
enum store_role store_role(const struct store *s);
uint64_t store_leader(const struct store *s); /* id of the leading master; 0: unknown */
/* Of the cluster this data belongs to; 0 only in one that waits to be taken up. */
uint64_t store_cluster(const struct store *s);
/* Why another master wants nothing of this one, as in on_refused. */
enum store_refusal store_refused(const struct store *s, uint64_t *ret_by);
/*
 * Consistent read, on any master: `cb` is called (possibly before this returns) once every write
 * acknowledged anywhere before the call is in store_view. err 0, -ECANCELED, or -EREMOTE: no leader
 * is known, or it changed meanwhile; ask again. With one voter it is always at once; with more it
 * is raft's read index, which a follower asks the leader for, never a write to the log.
 */
void store_read_barrier(struct store *s, void (*cb)(void *user, int err), void *user);

/* ---- masters ---- */

/*
 * The members in the newest configuration applied here, up to `max`: how many. Addresses are valid
 * until the next turn of the loop.
 */
size_t store_members(const struct store *s, struct store_member *ret, size_t max);
typedef void (*store_member_cb)(void *user, int err);
/*
 * Give a member a role; one that is not there yet is added, as a stand-by only. `cb` is called
 * later, on the loop, with 0 when the change has begun (store_members says when it is in force), or
 *	-EREMOTE	not the leader
 *	-EBUSY		another change is under way
 *	-EAGAIN		the stand-by has not caught up enough to vote, or too few others have
 *	-ENOENT, -EINVAL no such member; nothing to change; no voter would be left
 *	-ECANCELED	the store was closed
 */
void store_set_member(struct store *s, const struct store_member *m, store_member_cb cb,
		      void *user);
void store_remove_member(struct store *s, uint64_t id, store_member_cb cb, void *user);
/*
 * Hand leadership to the voter `id` (0: the one that is furthest), e.g. before a stop. 0: it has
 * been asked; on_role tells that it took over. Errors as above.
 */
void store_transfer(struct store *s, uint64_t id, store_member_cb cb, void *user);

/* ---- watching ---- */

enum store_event_type { STORE_EVENT_PUT, STORE_EVENT_DELETE };

struct store_event {
	enum store_event_type type;
	uint64_t rev;
	const struct store_obj *obj; /* PUT: the new object; DELETE: the tombstone */
	const struct store_obj *prev; /* what was there before; NULL: created */
	void *cookie; /* the user's: e.g. the framed bytes shared by all watchers */
};
/* Events are reference counted like objects. */
struct store_event *store_event_ref(const struct store_event *e);
void store_event_unref(const struct store_event *e);
/*
 * Hang something on an event that all its readers share; `free_cookie` runs when the event leaves
 * the window and nobody refers to it. An event has one cookie: -EEXIST when it has it already.
 */
int store_event_set_cookie(const struct store_event *e, void *cookie, void (*free_cookie)(void *));

struct store_watch_spec {
	/* "/core/pods/" (all), "/core/pods/NS/", or one complete key. Copied. */
	struct str prefix;
	/*
	 * Only events whose object has, or before the event had, this value of this selectable
	 * field (conf.index_value). STR_NULL field: all. Copied.
	 */
	struct str field, value;
	/* Deliver what came after this revision. store_view_rev of a LIST, usually. */
	uint64_t from_rev;
};
/*
 * Called with each event in the order of revisions, without a gap, or once with ev NULL and the
 * reason when the watch ends by itself: -ESTALE, the watcher fell behind the window (HTTP 410), or
 * -ECANCELED, the store is closing. Afterwards only store_unwatch may be called for it. The
 * function may call store_unwatch on itself and any other store function. A follower that gets a
 * snapshot from the leader has no events for the difference: all its watches end with -ESTALE.
 */
typedef void (*store_watch_cb)(void *user, const struct store_event *ev, int err);
/*
 * -ESTALE: events after from_rev have left the window. -ERANGE: from_rev is in the future.
 * -EINVAL: malformed prefix, or a field without conf.index_value. The callback is never called
 * from within store_watch.
 *
 * An event costs only the watchers that receive it. The window itself is every watcher's queue: one
 * that is paused, or has not caught up yet, holds a place in the window and nothing else, and is
 * ended when the window moves past it.
 */
int store_watch(struct store *s, const struct store_watch_spec *spec, store_watch_cb cb, void *user,
		struct store_watch **ret);
void store_unwatch(struct store_watch *w); /* takes NULL; no callback comes any more */
/* Stop deliveries while the reader's own queue is full, and go on where they stopped. */
void store_watch_pause(struct store_watch *w);
void store_watch_resume(struct store_watch *w);
/* Everything up to this revision that matches has been delivered: what a bookmark says. */
uint64_t store_watch_rev(const struct store_watch *w);

/* ---- for metrics and tests ---- */

struct store_stats {
	uint64_t rev, objects, bytes; /* bytes: of keys, values and meta */
	uint64_t txns, txns_failed; /* applied; decided against */
	uint64_t log_entries, log_bytes, log_syncs; /* written since open */
	uint64_t snapshots, snapshot_ns; /* taken since open; how long the last one took */
	uint64_t window_events, window_bytes, window_first_rev;
	uint64_t watches, events_delivered, watches_stale;
	uint64_t pending_bytes; /* waiting for the disk */
	uint64_t raft_index, raft_term;
	uint64_t installs; /* snapshots received from a leader and put in place */
	bool disk_full; /* puts are being refused */
};
void store_stats(const struct store *s, struct store_stats *ret);
/* Take a snapshot now (also when there is little to save); while one runs, after it. */
void store_snapshot_now(struct store *s);
DEFINE_CLEANUP(struct store_view *, store_view_unrefp, store_view_unref)
#endif
