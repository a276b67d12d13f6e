/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_CRD_CUSTOM_H
#define KNARR_API_CRD_CUSTOM_H
#include "lib/api/api.h"
#include "lib/api/crd/schema.h"
#include "lib/api/validate/check.h"
/*
 * Kinds made at run time from a CustomResourceDefinition. They are struct api_kind like the
 * built-in ones, with .custom set; decoding, defaults, validation, apply, OpenAPI and printing ask
 * here in place of the const tables. What a kind costs in memory comes with its first use: its
 * schema is compiled when something is written, not when the definition is read.
 */
struct custom_def;

/* What an object is changed by, for reading what older schemas let through. */
struct api_custom;

/*
 * Where the definition's stored bytes are had from until release. read is called on any thread; it
 * may put them into `scratch`: few ask for them, and they may be kept compressed.
 */
struct custom_source {
	struct str (*read)(void *owner, struct buf *scratch);
	void (*release)(void *owner);
};
/*
 * The served versions of an established definition. `json` are its stored bytes now. rev: since
 * when objects were written under this spec; what is older gets defaults and pruning when it is
 * read. One reference.
 */
struct custom_def *custom_def_new(struct str json, uint64_t rev, const struct custom_source *from,
				  void *owner);
void custom_def_ref(struct custom_def *d);
void custom_def_unref(struct custom_def *d); /* NULL is fine */
size_t custom_def_len(const struct custom_def *d);
const struct api_kind *custom_def_kind(const struct custom_def *d, size_t i);
struct custom_def *custom_def_of(const struct api_kind *k); /* NULL: built-in */
struct str custom_def_json(const struct custom_def *d, struct buf *scratch); /* on any thread */
bool custom_def_is_terminating(const struct custom_def *d);

/* The kind's schema; NULL for built-in kinds. */
struct crd_schema_set *custom_schema(const struct api_kind *k);
/* The table that says how fields are owned: the kind's own, or that of its schema. */
const struct api_type *custom_type(const struct api_kind *k);
/* openAPIV3Schema as the definition has it; on any thread. */
struct jv custom_openapi(const struct api_kind *k, struct buf *scratch);
/* A sum of its bytes; of custom kinds only. */
uint32_t custom_openapi_crc(const struct api_kind *k);
/* The text for the Warning header of a deprecated version; NULL. */
const char *custom_warning(const struct api_kind *k);

/*
 * Is what is stored (written at `rev`) just what shall be read? If not, custom_read appends what
 * is: apiVersion of this version, pruned and with defaults. Built-in kinds: always true.
 */
bool custom_is_fresh(const struct api_kind *k, struct str value, uint64_t rev);
void custom_read(const struct api_kind *k, struct jv stored, struct buf *out);
/* The same for a tree, in place. */
void custom_read_tree(const struct api_kind *k, struct json_object *obj);

/*
 * Versions that only a webhook can convert: what it made of a value is kept for a while, by the
 * value's bytes, and custom_read finds it there.
 */
bool custom_has_webhook(const struct api_kind *k);
/* The value is of another version than k, and its form in k's is not at hand. */
bool custom_wants_webhook(const struct api_kind *k, struct str value);
void custom_converted(const struct api_kind *k, struct str value, struct str converted);
/* Forget when it has become much; nothing is forgotten at other times. */
void custom_trim_converted(const struct api_kind *k);

/* Rules of the schema; old NULL: create. */
void custom_validate(const struct api_kind *k, struct json_object *obj, struct json_object *old,
		     const struct place *root);
/* Versions in the order of preference: v2, v1, v1beta1, ...; as strcmp. */
int custom_version_cmp(const char *a, const char *b);
/* Is the definition's condition True? */
bool custom_condition(struct jv crd, const char *type);
#endif
