/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/api.h"
#include "lib/api/protobuf.h"
#include "tests/fuzz/fuzz.h"

/* What was understood once is written and understood again. */
static void again(const struct api_kind *k, struct json_object *o)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	CLEANUP(buf_done) struct buf pb = BUF_INIT;
	CLEANUP_JSON struct json_object *back = NULL;

	jsonc_write(o, &json);
	api_pb_encode(k->type, jv_of(buf_str(&json)), &pb);
	if (api_pb_decode(k->type, buf_str(&pb), &back, NULL) < 0)
		abort();
}

void fuzz_one(struct str in)
{
	static const char *const kinds[] = {"Pod", "ConfigMap", "Service"};
	struct str version, kind, raw = in;

	if (api_pb_is(in) && api_pb_envelope(in, &version, &kind, &raw, NULL) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct api_kind *k = api_kind_by_gvk(STR(""), STR("v1"), str_of(kinds[i]));
		CLEANUP_JSON struct json_object *o = NULL;
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		size_t at;

		if (api_pb_decode(k->type, raw, &o, NULL) < 0)
			continue;
		api_encode(o, &b, &at);
		if (json_scan(buf_str(&b), NULL, NULL) < 0)
			abort();
		again(k, o);
	}
}
