/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SIM_MODEL_H
#define KNARR_SIM_MODEL_H
#include "lib/base/hmap.h"
#include "lib/json/jv.h"
/* The newest state as the history has it, and what must hold of pods, nodes and workloads. */
struct store_obj;
struct store_view;
void model_begin(void);
void model_done(void);
void model_change(bool put, const struct store_obj *o);
void model_reset(const struct store_view *v);
size_t model_count(void);
const struct store_obj *model_get(struct str key); /* NULL: none */
/* The i-th object whose key begins so; NULL: no more. In order of keys. */
const struct store_obj *model_nth(const char *prefix, size_t i);
size_t model_n(const char *prefix);
/* The pod of this key was evicted: a client was told so. */
void model_evicted(const char *key);
uint64_t check_newest(void); /* the newest revision */
#endif
