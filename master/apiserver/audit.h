/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUDIT_H
#define KNARR_AUDIT_H
#include "lib/base/timers.h"
#include "lib/http/message.h"
#include "master/apiserver/request.h"
/*
 * The audit log: who did what, as JSON lines of audit.k8s.io/v1 Event, by a Policy whose first
 * fitting rule says how much is told (None, Metadata, Request, RequestResponse). Lines are gathered
 * and written once a turn of the loop; a log that can't be written stops nothing, it is told in
 * the journal.
 */
struct audit;

struct audit_conf {
	const char *policy_file; /* YAML or JSON; NULL: everything at level Metadata */
	const char *log_path; /* "-": standard output */
	uint64_t max_size; /* bytes after which the file is put aside [100 MiB] */
	uint64_t max_backups; /* how many of those are kept; 0: all */
	uint64_t max_age_ns; /* and for how long; 0: for ever */
	struct timers *timers; /* borrowed */
};
/* -EINVAL names the field of the policy; or the errno of opening the file. */
int audit_open(const struct audit_conf *conf, struct audit **ret, struct err *err);
struct audit *audit_close(struct audit *a); /* writes what is gathered; NULL is fine */
/* Only the policy, for tools and fuzzing: -EINVAL names the field. */
int audit_policy_check(struct str yaml, struct err *err);

/* The stages of a request. All are free of cost when the server has no audit log. */
void audit_begin(struct request *r); /* it is known who asks for what */
void audit_allowed(struct request *r, bool allowed, const char *why);
/* An annotation; the first of a key counts. */
void audit_note(struct request *r, const char *key, const char *value);
/* Are bodies told as well (level Request and above)? */
bool audit_tells_bodies(const struct request *r);
void audit_answer(struct request *r, const struct http_piece *p, size_t n); /* JSON */
void audit_started(struct request *r, int status); /* the answer has begun and will last */
void audit_end(struct request *r);
#endif
