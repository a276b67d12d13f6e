/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CONTROLLERS_KINDS_H
#define KNARR_CONTROLLERS_KINDS_H
#include "lib/client/client.h"
/*
 * Every stored kind that can be listed, watched and deleted, as lib/api's tables have them, except
 * Events: those end by themselves, and own nothing. Stays valid for the life of the process.
 */
const struct client_kind *kinds_all(size_t *ret_n);
/* By group and kind, in any version (owner references outlive versions); NULL. */
const struct client_kind *kinds_find(struct str api_version, struct str kind);
#endif
