/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/log.h"
#include "lib/sys/memory.h"
#include "master/store/store_internal.h"

/* How often the file system is asked for its free space while writes come in. */
#define SPACE_CHECK_NS NSEC_PER_SEC
#define HAND_OVER_GAP_NS (3 * NSEC_PER_SEC)
/* Expiries are collected: not more often than this, and so many in one go. */
#define EXPIRY_GAP_MS 2000u
#define EXPIRY_BATCH 512u
/* What packed values leave goes back to the system when it is so much. */
#define TRIM_BYTES (512u << 10)

/* ---- snapshots ---- */

static void *snapshot_main(void *arg)
{
	struct snapshot_job *j = arg;

	pthread_setname_np(pthread_self(), "snapshot");
	j->err = snapshot_write(&j->store->io, j->store->conf.seal, &j->head, j->root, &j->cancel);
	atomic_store(&j->done, true);
	uv_async_send(&j->store->async);
	return NULL;
}

void store_snapshot_now(struct store *s)
{
	struct snapshot_job *j = &s->job;
	pthread_attr_t attr;
	int r;

	j->again = j->runs;
	/* Not of the first entry alone: see write_store in offline.c. */
	if (j->runs || replica_is_dead(s->replica) || s->applied.index < 2)
		return;
	*j = (struct snapshot_job){.store = s};
	j->head.at = s->applied;
	buf_init(&j->head.at.conf);
	buf_addstr(&j->head.at.conf, buf_str(&s->applied.conf));
	j->head.rev = s->machine.rev;
	j->root = tree_ref(s->machine.tree.root);
	j->start_ns = clock_mono_ns(s->conf.clock);
	j->log_bytes_at = s->log_bytes;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256u << 10);
	r = pthread_create(&j->thread, &attr, snapshot_main, j);
	pthread_attr_destroy(&attr);
	if (r) {
		log_warn_r(-r, "store: cannot start a thread for a snapshot");
		tree_unref(j->root);
		snapshot_head_done(&j->head);
		return;
	}
	j->runs = true;
}

/* After so much log, at least as much as the state itself is large by half: reading both stays
 * bounded, and writing snapshots costs a bounded share of the writing. */
void store_maybe_snapshot(struct store *s)
{
	uint64_t due = MAX((uint64_t)s->conf.snapshot_log_bytes, s->snapshot_bytes / 2);

	if (!s->job.runs && s->log_bytes >= s->snapshot_log_bytes + due)
		store_snapshot_now(s);
}

void store_snapshot_reap(struct store *s)
{
	struct snapshot_job *j = &s->job;

	if (!j->runs || !atomic_load(&j->done))
		return;
	pthread_join(j->thread, NULL);
	j->runs = false;
	if (j->err == 0) {
		s->stats.snapshots++;
		s->stats.snapshot_ns = clock_mono_ns(s->conf.clock) - j->start_ns;
		s->log_bytes -= j->log_bytes_at;
		s->snapshot_log_bytes = 0;
		s->snapshot_bytes = s->machine.bytes;
		replica_snapshotted(s->replica, &j->head.at);
	} else {
		/* The log just stays longer; try again after a while of it. */
		log_warn_r(j->err, "store: cannot write a snapshot");
		s->snapshot_log_bytes = s->log_bytes;
	}
	tree_unref(j->root);
	snapshot_head_done(&j->head);
	if (j->again)
		store_snapshot_now(s);
}

void store_snapshot_stop(struct store *s)
{
	struct snapshot_job *j = &s->job;

	if (!j->runs)
		return;
	atomic_store(&j->cancel, true);
	pthread_join(j->thread, NULL);
	j->runs = false;
	tree_unref(j->root);
	snapshot_head_done(&j->head);
}

/* ---- space ---- */

static void handed_over(void *user, int err)
{
	(void)user, (void)err; /* there is nobody, or somebody will lead soon */
}

/*
 * A leader without space is none worth having while another master may have some. Not too often: if
 * all disks are full it makes no difference who says so.
 */
static int no_space(struct store *s, uint64_t now)
{
	if (s->conf.transport && !s->alone && s->role == STORE_LEADER && now >= s->hand_over_ns) {
		s->hand_over_ns = now + HAND_OVER_GAP_NS;
		log_warn("store: the disk is full; another master shall lead");
		store_transfer(s, 0, handed_over, NULL);
	}
	return -ENOSPC;
}

int store_check_space(struct store *s, bool grows, size_t bytes)
{
	uint64_t now = clock_mono_ns(s->conf.clock);
	uint64_t need =
		s->pending_bytes + bytes + MIN((uint64_t)s->conf.segment_bytes / 4, 4u << 20);
	int64_t space;

	if (!s->space_checked_ns || now - s->space_checked_ns >= SPACE_CHECK_NS) {
		space = s->io.free_bytes(s->io.user);
		s->space_checked_ns = now;
		s->disk_full = space >= 0 && (uint64_t)space < s->conf.reserve_bytes;
	}
	if (wal_space(replica_wal(s->replica)) < need) {
		replica_prepare(s->replica);
		return replica_prepare_error(s->replica) < 0 ? no_space(s, now) : -EBUSY;
	}
	return grows && s->disk_full ? no_space(s, now) : 0;
}

/* ---- large values ---- */

static void on_pack(uv_timer_t *t)
{
	struct store *s = t->data;
	unsigned again_ms;
	size_t freed;

	hub_drop_cookies(&s->hub);
	again_ms = pack_tick(s->pack, &freed);
	s->pack_freed += freed;
	if (again_ms)
		uv_timer_start(t, on_pack, again_ms, 0);
	if (again_ms && again_ms < PACK_TICK_MS)
		return;
	if (s->pack_freed >= TRIM_BYTES) {
		memory_trim();
		s->pack_freed = 0;
	}
}

static void wake_pack(struct pack *p)
{
	struct store *s = p->user;

	if (!uv_is_active((uv_handle_t *)&s->pack_timer))
		uv_timer_start(&s->pack_timer, on_pack, PACK_TICK_MS, 0);
}

void store_pack_init(struct store *s)
{
	s->pack = s->machine.pack = pack_new();
	s->pack->wake = wake_pack;
	s->pack->user = s;
}

/* ---- expiry ---- */

struct expiry {
	struct store *store;
	uint64_t rev;
	struct buf key;
};

static void expiry_done(void *user, const struct store_result *r)
{
	struct expiry *x = user;

	/* Replaced or gone meanwhile is as good as done. */
	if (r->err && r->err != -ENOENT && r->err != -EAGAIN && r->err != -ECANCELED)
		machine_expiry_retry(&x->store->machine, buf_str(&x->key), x->rev);
	store_expiry_arm(x->store);
	buf_done(&x->key);
	free(x);
}

static void on_timer(uv_timer_t *t)
{
	store_expiry_fired(t->data);
}

void store_expiry_arm(struct store *s)
{
	struct obj *o = machine_expiring(&s->machine);
	int64_t in_s;

	if (!o || s->role != STORE_LEADER || uv_is_active((uv_handle_t *)&s->timer))
		return;
	in_s = o->pub.expires_s - clock_real_ns(s->conf.clock) / (int64_t)NSEC_PER_SEC;
	/* At most an hour ahead, so that a clock that was set is noticed. */
	in_s = MIN(MAX(in_s, 0), 3600);
	uv_timer_start(&s->timer, on_timer, (uint64_t)in_s * 1000 + EXPIRY_GAP_MS / 2, 0);
}

void store_expiry_fired(struct store *s)
{
	int64_t now_s = clock_real_ns(s->conf.clock) / (int64_t)NSEC_PER_SEC;
	struct obj *o;

	for (unsigned i = 0; i < EXPIRY_BATCH && s->role == STORE_LEADER; i++) {
		struct store_op op = {.type = STORE_DELETE};
		struct expiry *x;

		o = machine_expiring(&s->machine);
		if (!o || o->pub.expires_s > now_s)
			break;
		x = NEW(struct expiry);
		x->store = s;
		x->rev = op.expect = o->pub.rev;
		buf_init(&x->key);
		buf_addstr(&x->key, o->pub.key);
		op.key = buf_str(&x->key);
		if (store_txn(s, &op, 1, expiry_done, x) < 0) {
			buf_done(&x->key);
			free(x);
			break;
		}
		machine_expiry_drop(&s->machine, o);
	}
	store_expiry_arm(s);
}
