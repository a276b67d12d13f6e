/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_TYPED_H
#define KNARR_API_TYPED_H
#include "lib/api/fieldset.h"
/*
 * Objects seen through their table, as server-side apply sees them: what is one value (leaf) and
 * what is owned member by member. Semantics of structured-merge-diff's typed package.
 */
struct typed_diff {
	struct fieldset *added, *modified, *removed;
};
void typed_diff_done(struct typed_diff *d);

/* Every path that obj sets. */
struct fieldset *typed_fieldset(const struct api_type *t, struct json_object *obj);
/* What changes from old to now. old NULL: an object of that type with nothing set. */
void typed_compare(const struct api_type *t, struct json_object *old, struct json_object *now,
		   struct typed_diff *ret);
/*
 * What typed_compare(t, NULL, now).added is as fieldsV1 text, appended, without making the set:
 * most objects are created once and changed seldom. Left out are the top members in `skip` (ended
 * by NULL) and those of metadata in `skip_meta`. 1; 0: it is empty (nothing is appended); -ENOTSUP:
 * a list has a key twice, which needs the set.
 */
int typed_write_added(const struct api_type *t, struct json_object *now, const char *const *skip,
		      const char *const *skip_meta, struct buf *out);
/*
 * May `config` be merged: members that somebody declared, values of their kind, elements of lists
 * by their keys and each once? Every mistake is a line of `out` in the package's words
 * (".spec.x: field not declared in schema").
 */
void typed_check(const struct api_type *t, struct json_object *config, struct buf *out);
/* Paths of the lists, maps and structs in config that are replaced as a whole, with commas. */
void typed_atomics(const struct api_type *t, struct json_object *config, struct buf *out);
/* live with what `config` sets; a new tree. */
struct json_object *typed_merge(const struct api_type *t, struct json_object *live,
				struct json_object *config);
/* Take out of obj, in place, what is in `last` and isn't in `owned` any more. */
void typed_prune(const struct api_type *t, struct json_object *obj, const struct fieldset *last,
		 const struct fieldset *owned);
#endif
