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
/* limits.c: what changed, and what it was (NULL: nothing). */
void limits_begin(void);
void limits_look(void); /* before a pod or a budget changes */
void limits_deployment(const struct store_obj *o);
void limits_set(const struct store_obj *old, const struct store_obj *o);
void limits_budget(const struct store_obj *old, const struct store_obj *o);
uint64_t check_newest(void); /* the newest revision */
#endif
