/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_IDENTITY_H
#define KNARR_STORE_IDENTITY_H
#include "lib/base/err.h"
#include "master/store/io.h"
/*
 * Whose data this is: the file "identity" in the store's directory, written when the directory is
 * first used and never changed but for `fresh` and a cluster not yet known.
 *
 *	"KnarrId1", u64 cluster, u64 member, u64 instance, u64 flags (1: fresh), u32 crc32c
 */
struct identity {
	uint64_t cluster; /* 0: not told yet */
	uint64_t member; /* id among the masters */
	/*
	 * A number made up with the directory: a master that comes back with its id and without
	 * its data has another one, and is told apart by that.
	 */
	uint64_t instance;
	/*
	 * Made to join, and not yet taken up by a leader that knows this instance. As long as that
	 * holds it votes for nobody: a master that lost its disk might have promised something.
	 */
	bool fresh;
};

/* -ENOENT: there is none. -EBADMSG: damaged. -EPROTO: another version's. */
int identity_load(const struct store_io *io, struct identity *ret);
/* Durable and whole when it returns 0; else the old one is still there. */
int identity_save(const struct store_io *io, const struct identity *id);
#endif
