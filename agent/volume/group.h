/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_VOLUME_GROUP_H
#define KNARR_VOLUME_GROUP_H
#include <stdatomic.h>

#include "lib/base/err.h"
/*
 * A directory and all in it are given to a group (fsGroup; pkg/volume/volume_linux.go): group read
 * and write, new files inherit it. Links themselves are given, never followed; no mount is entered.
 */
struct group_walk {
	const char *path;
	int64_t gid;
	/* fsGroupChangePolicy OnRootMismatch: nothing is done where the directory itself shows
	   that it has been done. */
	bool on_root_mismatch;
	const atomic_bool *cancelled; /* set: -ECANCELED soon; NULL: never */
};
/* Takes as long as there are files: for a thread of its own. */
int group_walk(const struct group_walk *w, struct err *err);
#endif
