/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_PAGES_H
#define KNARR_APISERVER_PAGES_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
#include "master/store/store.h"
/*
 * Views that the later pages of a list read from, so that all pages show one moment. Kept for five
 * minutes after the last first page of that revision, the oldest going first when there are many.
 * A revision whose view is gone is made anew from the watch window while it has not been replaced
 * for longer than that; then it is answered with 410 Expired. (As with etcd's compaction every five
 * minutes: a token that is asked for again and again does end.)
 *
 * The token a client gets (`continue`) is base64url of "RV KEY": the revision and the last key
 * seen. It grants nothing: the caller checks that the key lies under the list's own prefix. The
 * revision PAGES_ANY goes on at the newest: what a client gets with 410 Expired.
 */
#define PAGES_KEEP_NS (300 * NSEC_PER_SEC)
#define PAGES_ANY 0
struct page_views;

struct page_views *pages_new(struct timers *timers);
struct page_views *pages_free(struct page_views *p);
/* Keep a view (a reference is taken), which is whole or at least of the keys below `prefix`. */
void pages_keep(struct page_views *p, struct store_view *v, struct str prefix);
/* The view of a revision with the keys below `prefix`: a new reference, or NULL when it is not kept
 * any more. */
struct store_view *pages_find(struct page_views *p, uint64_t rev, struct str prefix);

void pages_token(uint64_t rev, struct str last_key, struct buf *out);
/* -EINVAL for what no server of ours has made. `last_key` is appended to. */
int pages_token_parse(struct str token, uint64_t *ret_rev, struct buf *last_key);
#endif
