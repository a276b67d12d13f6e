/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_JV_SKIP_H
#define KNARR_JV_SKIP_H
/* Part of jv: getting over values is what its look-ups spend their time on. */

/* p at the '{' or '[' of valid JSON; returns the byte behind its end, or `end`. */
const char *jv_skip_nested(const char *p, const char *end);
/* The same on a processor that has nothing special; for tests. */
const char *jv_skip_nested_plain(const char *p, const char *end);
/* p at the opening quote; returns the byte behind the closing one, or `end`. */
const char *jv_skip_string(const char *p, const char *end);
#endif
