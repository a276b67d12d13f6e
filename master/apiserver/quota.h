/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_QUOTA_H
#define KNARR_APISERVER_QUOTA_H
#include "master/apiserver/write.h"
/*
 * ResourceQuota. What a namespace uses is kept in its quotas' status.used, and changes in the very
 * transaction that changes what is counted: a create that would exceed a limit is refused, two at
 * once can't both get the last place, and a delete gives its place back at once. Kubernetes needs
 * a controller to catch up with deletes; here one only counts anew when a quota's limits change,
 * and now and then for pods whose time is over.
 *
 *	write --> quota_charge --> store_txn {objects, quota, quota...}, each at its revision
 */

/*
 * Charge the write for what it adds, or give back what it removes: fills w->dues. Forbidden (403)
 * with Kubernetes' texts ("exceeded quota: NAME, requested: pods=1, used: pods=2, limited:
 * pods=2"). Costs a look-up where the namespace has no quota.
 */
int quota_charge(struct write *w, struct err *err);
/*
 * One transaction at a time (quota_line.h). True: it is this write's turn (or it charges nothing).
 * False: what was charged is taken back, and go_on runs, never from within this call, when those
 * before it have ended.
 */
bool quota_turn(struct write *w, void (*go_on)(struct write *w));
/*
 * Instead of store_txn: the operations (copied), together with the quotas and perhaps with those of
 * other writes. `joined` is called from within, when they are copied; `done`, perhaps also from
 * within, gets what store_txn's callback would, or what store_txn would return. False: it charges
 * nothing.
 */
typedef void quota_done_fn(void *write, const struct store_result *res);
bool quota_propose(struct write *w, const struct store_op *ops, size_t n, quota_done_fn *done,
		   void (*joined)(struct write *w));
void quota_leave(struct write *w); /* its turn is over, or not wanted any more */
const struct api_kind *quota_kind(void);

/* Counts anew where status.hard is not spec.hard; on the leader only. */
struct quota_keeper;
struct quota_keeper *quota_keeper_new(struct apiserver *s);
struct quota_keeper *quota_keeper_free(struct quota_keeper *k); /* takes NULL, returns NULL */
void quota_keeper_lead(struct quota_keeper *k); /* this master leads now: nobody else counts */
#endif
