/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CONTROLLERS_CUSTOM_KINDS_H
#define KNARR_CONTROLLERS_CUSTOM_KINDS_H
#include "master/controllers/controller.h"
/*
 * Kinds of custom resources as their definitions come and go, for controllers which look after
 * objects of every kind. A kind is there while its definition is established. The rows stay valid
 * for the life of the process.
 */
extern const struct client_kind client_crds;
struct custom_kinds;
struct custom_kinds_ops {
	void (*added)(void *user, const struct client_kind *k);
	void (*removed)(void *user, const struct client_kind *k);
};
/* The definitions, of which controllers need names, versions and conditions: no schemas. */
struct informer *custom_crds(struct ctl *c);
/* From a controller's init; ops are called for what is known, and from then on. */
struct custom_kinds *custom_kinds_new(struct ctl *c, const struct custom_kinds_ops *ops,
				      void *user);
struct custom_kinds *custom_kinds_free(struct custom_kinds *ck);
/* i counts from 0; NULL behind the last. */
const struct client_kind *custom_kinds_at(const struct custom_kinds *ck, size_t i);
/* By group and kind, in any version; NULL. */
const struct client_kind *custom_kinds_find(const struct custom_kinds *ck, struct str api_version,
					    struct str kind);
/* The kind an established definition brings, in its stored version; NULL. */
const struct client_kind *custom_kind_of(const struct object *crd);
#endif
