/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ATOMIC_WRITER_H
#define KNARR_ATOMIC_WRITER_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * The files of a configMap, secret, downwardAPI or projected volume, changed all at once or not at
 * all, as pkg/volume/util/atomic_writer.go lays them out (containers and tools rely on the names):
 *
 *	VOLUME/..2026_11_24_07_15_09.123456789/dir/file	the payload, one directory a version
 *	VOLUME/..data -> ..2026_11_24_07_15_09.123456789	swapped by one rename(2)
 *	VOLUME/dir -> ..data/dir				what users open
 *
 * A reader that holds ..data's directory open sees one whole version. An unchanged payload costs a
 * comparison and no write, so inotify watchers in containers wake only for real changes.
 */
struct payload_file {
	char *path; /* relative, slashes allowed; payload_add has checked it */
	char *data;
	size_t len;
	mode_t mode; /* permission bits */
	int64_t uid; /* owner of the file, or -1 */
};

struct payload {
	struct payload_file *v;
	size_t n, cap;
	size_t bytes; /* sum of the lengths */
};

void payload_done(struct payload *p);
/*
 * Copies data. A path that is already there is replaced (the later source of a projected volume
 * wins). -EINVAL for an absolute path, an element "..", an empty element or one that starts with
 * ".." at the top; -E2BIG beyond 4 MiB in all (a ConfigMap or Secret has at most 1 MiB).
 */
int payload_add(struct payload *p, struct str path, struct str data, mode_t mode, struct err *err);
#define PAYLOAD_MAX (4u << 20)

/*
 * Make the directory `dir` (which exists) show exactly this payload. `gid` >= 0 is the pod's
 * fsGroup: it owns the files, and group read is added. Returns 1 when something changed, 0 when
 * it all stood there already. `now_ns` names the version. Blocks on local disk I/O only.
 */
int atomic_write(const char *dir, const struct payload *p, int64_t gid, int64_t now_ns,
		 struct err *err);
#endif
