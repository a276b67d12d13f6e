/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_QUOTA_LINE_H
#define KNARR_APISERVER_QUOTA_LINE_H
#include "lib/api/quota_cost.h"
#include "master/apiserver/write.h"
/*
 * Of one namespace, while anybody charges its quotas: who waits, whose turn it is, and the batch.
 * Many writers at once that charge the same revision of a quota could only get on one by one. They
 * wait while one transaction is under way; then all who wait are charged, each on top of those
 * before it, and become one transaction together with the quotas' new numbers:
 *
 *	waiting --> turn: quota_charge --> joins the batch --> store_txn {a, b, c, ..., quota}
 *
 * Who would be refused for what others of the batch take waits for what becomes of them. When the
 * store decides against one of a batch the others begin anew, and for a while one by one.
 */
struct quota_line;

/* A quota and its new numbers: what a write makes of them, or all of a batch so far. */
struct quota_due {
	struct store_obj *o; /* a reference */
	struct quota_use used; /* those of status.used that change */
};
void quota_due_add(struct quota_due **v, size_t *n, const struct store_obj *o,
		   struct quota_use take_used);
void quota_dues_done(struct quota_due **v, size_t *n);

/* What the open batch has made of this quota; NULL: nothing, or the write is in none. */
const struct quota_due *quota_line_due(const struct write *w, const struct store_obj *o);
/* Whether others are in the batch that is open for this write. */
bool quota_line_shared(const struct write *w);

/* All of the namespaces with somebody in line. */
struct quota_lines;
struct quota_lines *quota_lines_new(struct timers *timers, struct store *store);
struct quota_lines *
quota_lines_free(struct quota_lines *ls); /* whoever waits isn't in it any more */
bool quota_lines_turn(struct quota_lines *ls, struct write *w, void (*go_on)(struct write *w));
#endif
