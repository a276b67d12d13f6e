/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_CONVERT_H
#define KNARR_API_CONVERT_H
#include "lib/api/kind.h"
/*
 * Kinds that are served in a version which is not the stored one (kind->storage set). The
 * difference is names of top-level fields (kind->renames), what kind->convert does, and apiVersion.
 */
/*
 * Are the stored bytes what is served? Not where the stored version is another one, nor where a
 * custom resource was written (at `rev`) before its schema last changed.
 */
bool api_is_served_form(const struct api_kind *k, struct str value, uint64_t rev);
/* In place: served form to stored form. */
void api_to_storage(const struct api_kind *k, struct json_object *obj);
/* In place: stored form to served form. */
void api_from_storage(const struct api_kind *k, struct json_object *obj);
/*
 * In place: one served form to another of the same resource, as far as nobody else has to be asked
 * (-ENOTSUP: a webhook converts; nothing was done). Nothing is pruned.
 */
int api_convert_tree(const struct api_kind *from, const struct api_kind *to,
		     struct json_object *obj);
/* Stored bytes to served bytes, appended to out; without a tree where there is no kind->convert. */
void api_convert_bytes(const struct api_kind *k, struct jv stored, struct buf *out);
#endif
