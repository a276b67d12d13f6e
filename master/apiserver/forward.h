/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_FORWARD_H
#define KNARR_APISERVER_FORWARD_H
#include "master/apiserver/request.h"
/*
 * Passing a request on to the master that leads.
 *
 *	start -> [no leader known: wait] -> send -> answer -> passed back
 *	   ^                                  |
 *	   '---- certainly nothing was done --'     within FORWARD_WAIT_NS of the start
 *
 * What is repeated: a request that never got onto a connection, one that the other refused because
 * it does not lead (421), and reads. A write whose connection broke ends in 504: it may have been
 * done. Nobody else repeats it either, so that answer has no Retry-After; a 503 has.
 *
 * The leader believes a master's certificate (O=knarr:masters) in what it says about the user, and
 * goes through the whole pipeline again, rights included.
 */
struct forward_set;

struct forward_set *forward_new(struct apiserver *s);
struct forward_set *forward_free(struct forward_set *f); /* takes NULL */

/* Another master has to decide on this one; also where that one is not known yet. */
bool forward_wanted(const struct request *r);
/*
 * Take the request over. `local` goes on here if this master has come to lead meanwhile. Needs the
 * whole body in r->body.
 */
void forward_start(struct request *r, void (*local)(struct request *r));
/* The same, but if no leader is found in time, `local` answers with what is known here. */
void forward_or_local(struct request *r, void (*local)(struct request *r));
/* 421: what another master answers here is not the leader's any more. */
void forward_refuse(struct request *r);
/* Who asks, as the leading master is told in the header of this name. */
#define FORWARD_USER "x-knarr-user"
struct forward_who {
	struct user *user;
	struct user *real; /* who became `user` by impersonation, or NULL */
	const char *from; /* "10.0.0.1:4000", or NULL */
};

void forward_who_encode(const struct forward_who *w, struct buf *out);
/* What ret then holds is the caller's; -EINVAL when the text cannot be read. */
int forward_who_decode(struct str text, struct forward_who *ret);
#endif
