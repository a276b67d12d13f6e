/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_REGEX_H
#define KNARR_REGEX_H
#include "lib/base/err.h"
/*
 * Regular expressions in RE2's syntax, matched in time linear in the text for any pattern
 * (a Pike machine: all alternatives advance together, nothing is tried twice). Patterns come from
 * whoever writes a custom resource's definition, so a backtracking engine will not do.
 *
 * UTF-8. Understood: literals, . [] [^] (?:) () (?P<n>) (?<n>) | * + ? {n,m} and their lazy forms,
 * ^ $ \A \z \b \B, \d \w \s \D \W \S, \pL \p{Lu} ..., [[:alpha:]], \Q..\E, flags (?imsU-imsU),
 * escapes. Limits as RE2 has them: repetition up to 1,000, and a bounded program.
 */
struct rx;
/* -EINVAL with the message of Go's regexp/syntax: "error parsing regexp: ...". */
int rx_compile(struct str pattern, struct rx **ret, struct err *err);
struct rx *rx_free(struct rx *r);
DEFINE_CLEANUP(struct rx *, rx_freep, rx_free)
/* Is there a match anywhere? */
bool rx_match(const struct rx *r, struct str text);
/*
 * The same; adds to *steps what it cost. Linear in the text, but a large pattern over a long text
 * is much: beyond RX_STEPS_MAX it is given up, and counts as no match.
 */
#define RX_STEPS_MAX 100000000u
bool rx_match_steps(const struct rx *r, struct str text, uint64_t *steps);
/* Leftmost match at or behind `from`: caps gets 2 * n byte offsets (-1: group took no part). */
bool rx_find(const struct rx *r, struct str text, size_t from, ssize_t *caps, size_t n);
/* Number of groups with the whole match as group 0; name of a group, or NULL. */
size_t rx_groups(const struct rx *r);
const char *rx_group_name(const struct rx *r, size_t i);
/* Instructions: what a match costs a byte of text. */
size_t rx_size(const struct rx *r);
#endif
