/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_INDEXES_H
#define KNARR_API_INDEXES_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * Sets of completion indexes of a Job as its status writes them: "1,3-5,7". Kept as sorted
 * intervals that don't touch. Zero-initialise; end with indexes_done.
 */
struct indexes {
	struct {
		int64_t first, last;
	} * v;
	size_t n, cap;
};
void indexes_done(struct indexes *s);
/* Reads a text strictly: -EINVAL with Kubernetes' sentence, for indexes from 0 below `completions`.
 */
int indexes_parse(struct str text, int64_t completions, struct indexes *ret, struct err *err);
/* The same for what is stored: what is not below `completions` (it may have shrunk) is cut off. */
void indexes_read(struct str text, int64_t completions, struct indexes *ret);
void indexes_format(const struct indexes *s, struct buf *out);
int64_t indexes_total(const struct indexes *s);
bool indexes_has(const struct indexes *s, int64_t index);
void indexes_add(struct indexes *s, int64_t index);
/* The first from `index` on that is not in the set. */
int64_t indexes_gap(const struct indexes *s, int64_t index);
/* How many are in both. */
int64_t indexes_common(const struct indexes *a, const struct indexes *b);
#endif
