/* SPDX-License-Identifier: Apache-2.0 */
/* A body through the whole way: decode as several kinds, default, validate, encode, print. */
#include "lib/base/base.h"
#include "lib/api/api.h"
#include "lib/api/index.h"
#include "lib/api/strategy.h"
#include "lib/api/table.h"
#include "tests/fuzz/fuzz.h"

static void through(const struct api_kind *k, struct str type, struct str in)
{
	CLEANUP_JSON struct json_object *o = NULL, *again = NULL;
	CLEANUP(buf_done) struct buf bytes = BUF_INIT, meta = BUF_INIT, table = BUF_INIT;
	struct api_warnings w = {0};
	struct err e = ERR_INIT;
	size_t at;

	if (api_decode(k, type, in, API_WARN, &o, &w, &e) == 0) {
		api_default(k, o);
		api_prepare_create(k, o);
		api_validate_create(k, o, &e);
		api_index_extract(k, o, &meta);
		api_encode(o, &bytes, &at);
		if (json_scan(buf_str(&bytes), NULL, NULL) < 0 || bytes.p[at] != '"')
			abort();
		/* What we wrote must be readable and have nothing unknown in it. */
		if (api_decode(k, STR(""), buf_str(&bytes), API_STRICT, &again, NULL, NULL) < 0)
			abort();
		api_validate_update(k, NULL, again, o, NULL);
		api_table_row(k, "v1", 0, jv_of(buf_str(&bytes)), API_INCLUDE_METADATA, true,
			      &table);
		if (json_scan(buf_str(&table), NULL, NULL) < 0)
			abort();
	}
	api_warnings_done(&w);
	err_done(&e);
}

void fuzz_one(struct str in)
{
	static const char *const kinds[][2] = {
		{"", "pods"},
		{"apps", "deployments"},
		{"", "services"},
		{"", "secrets"},
		{"", "events"},
		{"", "nodes"},
		{"", "namespaces"},
		{"", "endpoints"},
		{"discovery.k8s.io", "endpointslices"},
		{"certificates.k8s.io", "certificatesigningrequests"}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct api_kind *k =
			api_kind_find(str_of(kinds[i][0]), STR("v1"), str_of(kinds[i][1]));

		through(k, STR("application/json"), in);
		if (i == 0)
			through(k, STR("application/yaml"), in);
	}
}
