/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/http/websocket.h"
#include "tests/fuzz/fuzz.h"

static bool on_frame(enum ws_opcode op, struct str data, void *user)
{
	buf_addf(user, "%d %zu;", op, data.len);
	return true;
}

static unsigned parse(struct str in, bool from_client, size_t step, struct buf *out)
{
	struct ws_parser p;
	unsigned code = 0;

	ws_parser_init(&p, from_client, 4096);
	while (in.len && !code) {
		struct str part = str_n(in.p, MIN(step, in.len));

		code = ws_parser_feed(&p, part, on_frame, out);
		in = str_skip(in, part.len);
	}
	ws_parser_done(&p);
	return code;
}

/* However the bytes are cut, the same messages come out. */
void fuzz_one(struct str in)
{
	for (unsigned from_client = 0; from_client < 2; from_client++) {
		CLEANUP(buf_done) struct buf whole = BUF_INIT;
		CLEANUP(buf_done) struct buf cut = BUF_INIT;
		unsigned a = parse(in, from_client, in.len, &whole);
		unsigned b = parse(in, from_client, 3, &cut);

		if (a != b || !str_eq(buf_str(&whole), buf_str(&cut)))
			abort();
	}
}
