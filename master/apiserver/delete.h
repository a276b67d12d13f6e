/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_DELETE_H
#define KNARR_APISERVER_DELETE_H
#include "master/apiserver/write.h"
/* What delete, deletecollection and eviction share. */
enum delete_policy { DELETE_DEFAULT, DELETE_BACKGROUND, DELETE_FOREGROUND, DELETE_ORPHAN };

struct delete_options {
	int64_t grace_s; /* -1: not given */
	enum delete_policy policy;
	bool orphan_dependents; /* the old form of Orphan */
	char *uid; /* preconditions; NULL and 0: none */
	uint64_t rv;
};

/* dryRun of DeleteOptions ("All"; NULL: none), for r->dry_run. -EINVAL with 422. */
int delete_options_dry_run(struct request *r, struct json_object *list, struct err *err);
int delete_options_parse(struct request *r, struct delete_options *ret, struct err *err);
void delete_options_done(struct delete_options *o);
/*
 * The state after a DELETE: gone (WRITE_DELETE), or marked and waiting for its grace period or
 * its finalizers (WRITE_PUT, WRITE_NONE when it was so before).
 */
int delete_make(struct write *w, const struct delete_options *o, struct json_object *cur,
		struct json_object **ret, struct err *err);
#endif
