/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_JSONPATH_H
#define KNARR_API_JSONPATH_H
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/json/jv.h"
/*
 * The JSONPath of printer columns (k8s.io/client-go/util/jsonpath), read from bytes:
 * .a.b  ['a.b']  .a\.b  [0]  [-1]  [*]  .*  ..a  [?(@.type=="Ready")]  [1:3].
 */
struct jsonpath;
/* In the arena; -EINVAL. Braces around the whole, and the leading dot, may be left out. */
int jsonpath_parse(struct str text, struct arena *a, struct jsonpath **ret, struct err *err);
/* The first value the path leads to; absent when there is none. */
struct jv jsonpath_first(const struct jsonpath *p, struct jv obj);
/* Only names, one after the other (".spec.replicas"): what Scale and field selectors take. */
bool jsonpath_is_simple(struct str text);
#endif
