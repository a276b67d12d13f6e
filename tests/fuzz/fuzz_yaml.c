/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/json/json_scan.h"
#include "lib/json/yaml.h"
#include "tests/fuzz/fuzz.h"

/* What comes out is JSON (but for limits and duplicate keys), and goes to YAML and back unchanged.
 */
void fuzz_one(struct str in)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	CLEANUP(buf_done) struct buf yaml = BUF_INIT;
	CLEANUP(buf_done) struct buf again = BUF_INIT;
	struct err e = ERR_INIT;

	if (yaml_to_json(in, &json, &e) < 0 || json_scan(buf_str(&json), NULL, &e) < 0) {
		err_done(&e);
		return;
	}
	json_to_yaml(buf_str(&json), &yaml);
	if (yaml_to_json(buf_str(&yaml), &again, &e) < 0 ||
	    !str_eq(buf_str(&again), buf_str(&json))) {
		fprintf(stderr, "%s\n-- as YAML --\n%s\n-- again --\n%s\n%s\n", json.p, yaml.p,
			again.p, err_text(&e));
		abort();
	}
}
