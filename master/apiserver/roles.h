/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_ROLES_H
#define KNARR_APISERVER_ROLES_H
#include "master/auth/rbac.h"
#include "master/store/store.h"
/* The stored roles and bindings, followed by watches of the store into the index of auth/rbac.h. */
struct roles;

struct roles *roles_new(struct store *store);
struct roles *roles_free(struct roles *r); /* takes NULL, returns NULL */
const struct rbac *roles_rbac(const struct roles *r); /* stays the same for the life of r */
#endif
