/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_YAML_H
#define KNARR_YAML_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * YAML as Kubernetes' tools read it (sigs.k8s.io/yaml): YAML 1.1's core types, so that
 * yes/no/on/off are booleans and 0755 is octal; keys become strings; `<<` merges; anchors and
 * aliases work, within a limit on what they expand to. Text of libyaml's is bounded by the caller
 * (3 MB bodies).
 */

/* The first document as JSON text (appended). An empty document gives "null". */
int yaml_to_json(struct str yaml, struct buf *json, struct err *err);
/*
 * Cut the next document off a stream of documents separated by "---" lines; false at the end.
 * Documents of nothing but comments and white space are skipped.
 */
bool yaml_split(struct str *rest, struct str *ret_doc);
/* Valid JSON text as YAML in the form kubectl -o yaml prints (block style, keys in their order). */
int json_to_yaml(struct str json, struct buf *out);
#endif
