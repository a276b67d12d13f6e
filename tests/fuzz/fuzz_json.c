/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/json/jsonc.h"
#include "lib/json/jv.h"
#include "lib/json/yaml.h"
#include "tests/fuzz/fuzz.h"

static size_t walk(struct jv v)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	size_t n = 1;

	jv_for_each (it, v)
		n += walk(it.value);
	jv_for_each_member (it, v)
		n += walk(it.value);
	jv_str(v, &scratch);
	return n + (size_t)(jv_i64(v, 0) & 1);
}

/* What the scanner accepts, both readers take, and writing it again gives the same value. */
void fuzz_one(struct str in)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	CLEANUP(buf_done) struct buf yaml = BUF_INIT;
	CLEANUP_JSON struct json_object *a = NULL;
	CLEANUP_JSON struct json_object *b = NULL;
	struct err e = ERR_INIT;

	if (json_scan(in, NULL, &e) < 0) {
		err_done(&e);
		return;
	}
	walk(jv_of(in));
	if (jsonc_parse(in, NULL, &a, &e) < 0) {
		fprintf(stderr, "scanned but not parsed: %s\n", err_text(&e));
		abort();
	}
	jsonc_write(a, &out);
	if (jsonc_parse(buf_str(&out), NULL, &b, NULL) < 0 || !jsonc_equal(a, b)) {
		fprintf(stderr, "not the same again: %s\n", out.p);
		abort();
	}
	json_to_yaml(buf_str(&out), &yaml);
}
