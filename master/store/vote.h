/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_VOTE_H
#define KNARR_STORE_VOTE_H
#include "lib/base/err.h"
#include "master/store/io.h"
/*
 * Raft's term and vote on disk: a file of two slots written in turn, so that a torn write leaves
 * the other one.
 */
struct vote {
	const struct store_io *io;
	int fd;
	uint64_t seq; /* of the newest slot */
	uint64_t term, voted_for; /* both 0: new */
};
/* Opens or makes the file. -EBADMSG: there is one, but no slot of it is whole. */
int vote_open(const struct store_io *io, struct vote *ret, struct err *err);
/* Durable when it returns 0. After an error the file must not be used again. */
int vote_save(struct vote *v, uint64_t term, uint64_t voted_for);
void vote_done(struct vote *v);
#endif
