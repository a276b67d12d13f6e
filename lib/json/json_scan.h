/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_JSON_SCAN_H
#define KNARR_JSON_SCAN_H
#include "lib/base/err.h"
/*
 * Strict validation of JSON text from outside, before anything else looks at it (RFC 8259, and
 * RFC 3629 for UTF-8). It refuses what json-c lets through: single quotes, NaN, numbers out of
 * range (integers beyond 64 bits, doubles beyond 1.8e308), raw control characters, overlong UTF-8
 * and surrogates,
 * "\u0000", bytes after the document; and it bounds depth and the number of values, so that a body
 * of 3 MB can't become 785 MB of objects. Bytes that passed are what jv.h may read.
 */
struct json_scan_limits {
	uint32_t max_depth; /* nesting; 0: JSON_MAX_DEPTH */
	uint32_t max_values; /* scalars and containers; 0: JSON_MAX_VALUES */
	/*
	 * Called once for each duplicate key with its path ("spec.containers[0].image"); the last
	 * value wins, as in Kubernetes' lenient decoding. NULL: a duplicate key is an error.
	 */
	void (*on_duplicate)(void *user, const char *path);
	void *user;
};

#define JSON_MAX_DEPTH 64
#define JSON_MAX_VALUES 100000

/*
 * What Knarr stored itself: as deep as a body, but with managedFields, whose values are as many
 * again for each manager. The store bounds its size.
 */
extern const struct json_scan_limits json_stored_limits;

/* 0, or -EINVAL with a message that names the byte offset. `limits` may be NULL. */
int json_scan(struct str in, const struct json_scan_limits *limits, struct err *err);
#endif
