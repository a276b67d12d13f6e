/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CRI_LOG_H
#define KNARR_CRI_LOG_H
#include "lib/base/buf.h"
/*
 * Reading a container's log: lines "<RFC 3339 nano> stdout|stderr F|P text" become what a user
 * asked for (PodLogOptions). Pure, for tests; logs.c does the files.
 */
struct log_filter {
	bool timestamps;
	int64_t since_ns; /* 0: all */
	uint64_t limit; /* bytes of output still allowed; UINT64_MAX: no limit */
	bool want_stdout, want_stderr;
	bool middle; /* inside a line of which a P part was written */
};
/* One line without its end. Appends to out; false when the limit is reached. */
bool cri_log_line(struct log_filter *f, struct str line, struct buf *out);
/*
 * Offset in `text` (the end of a log file, starting at a line) at which its last n lines begin;
 * a line cut into P parts counts as one.
 */
size_t cri_log_tail(struct str text, uint64_t n);
#endif
