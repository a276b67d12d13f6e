/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body of whatever kind it says it is, through the whole way: decode, default, validate, update,
 * convert, print, protobuf and back.
 */
#include "lib/base/base.h"
#include "lib/api/api.h"
#include "lib/api/convert.h"
#include "lib/api/protobuf.h"
#include "lib/api/strategy.h"
#include "lib/api/table.h"
#include "tests/fuzz/fuzz.h"

static const struct api_kind *kind_of(struct str in)
{
	CLEANUP(buf_done) struct buf version = BUF_INIT;
	CLEANUP(buf_done) struct buf kind = BUF_INIT;
	struct str group, v;

	if (api_peek_gvk(STR("application/json"), in, &version, &kind, NULL) < 0)
		return NULL;
	api_version_split(buf_str(&version), &group, &v);
	return api_kind_by_gvk(group, v, buf_str(&kind));
}

static void print(const struct api_kind *k, struct str json)
{
	CLEANUP(buf_done) struct buf table = BUF_INIT;

	api_table_row(k, "v1", 0, jv_of(json), API_INCLUDE_NONE, true, &table);
	if (json_scan(buf_str(&table), NULL, NULL) < 0)
		abort();
}

/* What the tables understand of the JSON comes back the same from protobuf. */
static void both_ways(const struct api_kind *k, struct str json)
{
	CLEANUP(buf_done) struct buf pb = BUF_INIT;
	CLEANUP_JSON struct json_object *o = NULL;
	struct str version, kind, raw;

	if (!api_pb_has(k->type))
		return;
	api_pb_object(k->type, json, &pb);
	if (api_pb_envelope(buf_str(&pb), &version, &kind, &raw, NULL) < 0 ||
	    api_pb_decode(k->type, raw, &o, NULL) < 0)
		abort();
}

/* For each kind the first object that was found good: what a changed one is an update of. */
static struct json_object **good_of(const struct api_kind *k)
{
	static struct json_object *good[200];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (api_kind_at(i) == k)
			return &good[i];
	abort();
}

static void update(const struct api_kind *k, const struct api_subresource *sub,
		   struct json_object *now, struct json_object *old)
{
	CLEANUP_JSON struct json_object *o = jsonc_clone(now);
	struct err e = ERR_INIT;

	if (sub)
		api_prepare_update_sub(k, sub, o, old);
	else
		api_prepare_update(k, o, old);
	api_validate_update(k, sub, o, old, &e);
	err_done(&e);
}

static void updates(const struct api_kind *k, struct json_object *o, struct json_object *old)
{
	CLEANUP_JSON struct json_object *bare = json_object_new_object();
	CLEANUP_JSON struct json_object *half = jsonc_clone(o);

	json_object_object_del(half, "spec");
	json_object_object_del(half, "status");
	update(k, NULL, o, old);
	update(k, NULL, half, old);
	update(k, NULL, bare, old);
	for (size_t i = 0; i < k->n_subresources; i++) {
		const struct api_subresource *sub = &k->subresources[i];

		if ((sub->verbs & API_VERB_UPDATE) && !sub->kind) {
			update(k, sub, o, old);
			update(k, sub, half, old);
			update(k, sub, bare, old);
		}
	}
}

void fuzz_one(struct str in)
{
	const struct api_kind *k = kind_of(in);
	CLEANUP_JSON struct json_object *o = NULL;
	struct json_object **good;
	CLEANUP(buf_done) struct buf bytes = BUF_INIT;
	CLEANUP(buf_done) struct buf warnings = BUF_INIT;
	struct err e = ERR_INIT;
	size_t at;

	if (!k || api_decode(k, STR(""), in, API_IGNORE, &o, NULL, NULL) < 0)
		return;
	api_default(k, o);
	api_prepare_create(k, o);
	good = good_of(k);
	if (api_validate_create(k, o, &e) == 0 && !*good)
		*good = jsonc_clone(o);
	err_done(&e);
	if (*good)
		updates(k, o, *good);
	if (k->strategy && k->strategy->warnings)
		k->strategy->warnings(o, NULL, &warnings);
	api_to_storage(k, o);
	api_encode(o, &bytes, &at);
	if (json_scan(buf_str(&bytes), NULL, NULL) < 0)
		abort();
	print(k->storage ? k->storage : k, buf_str(&bytes));
	if (k->storage) {
		CLEANUP(buf_done) struct buf served = BUF_INIT;

		api_convert_bytes(k, jv_of(buf_str(&bytes)), &served);
		if (json_scan(buf_str(&served), NULL, NULL) < 0)
			abort();
		print(k, buf_str(&served));
		both_ways(k, buf_str(&served));
	} else {
		both_ways(k, buf_str(&bytes));
	}
}
