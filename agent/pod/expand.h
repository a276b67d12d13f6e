/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_EXPAND_H
#define KNARR_EXPAND_H
#include "lib/base/buf.h"
/*
 * $(VAR) references in command, args, env values and subPathExpr, as third_party/forked/golang/
 * expansion defines them: "$(NAME)" is replaced by what `lookup` gives; a reference that nothing
 * answers stays as it is written; "$$" is one dollar sign, so "$$(NAME)" is never expanded.
 */
typedef bool (*expand_lookup_fn)(void *user, struct str name, struct str *ret_value);

/* Appends the expanded text to out. Returns the number of references that nothing answered. */
size_t expand_vars(struct str in, expand_lookup_fn lookup, void *user, struct buf *out);
#endif
