/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_CUSTOMS_H
#define KNARR_APISERVER_CUSTOMS_H
#include "lib/api/crd/custom.h"
/*
 * The kinds that CustomResourceDefinitions bring, kept in step with the store by watching it: every
 * master has them, whoever decided the write. A definition is served while its names are accepted
 * and it is established, in the versions it says; when its spec changes, streams of the old form
 * end, so that clients come back and see the new one.
 */
struct apiserver;
struct customs;

struct customs *customs_new(struct apiserver *s);
struct customs *customs_free(struct customs *c);
/* All kinds of this server. */
const struct api_kinds *customs_kinds(const struct customs *c);
/* The definition is going: its objects are deleted, and no new ones may come. */
bool customs_is_terminating(const struct api_kind *k);
#endif
