/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/pb.h"
#include "lib/http/grpc.h"
#include "tests/fuzz/fuzz.h"
/*
 * What a plugin sends: the bytes of its connection, and messages within. The first byte says which,
 * and in what pieces.
 */

/* As the readers of answers go through a message: fields, and messages in them. */
static void walk(struct str in, int depth)
{
	struct pb_item it;
	struct str all = in;

	while (pb_next(&in, &it) > 0) {
		if (it.wire == PB_BYTES && depth < 8)
			walk(it.bytes, depth + 1);
		if (pb_get_bytes(all, it.number).len > all.len)
			abort();
		pb_get_u64(all, it.number);
	}
}

static unsigned ended;

static void on_done(void *user, int status, struct str message, struct str response)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	ended++;
	grpc_error_text(status, message, &text);
	walk(response, 0);
}

static void on_message(void *user, struct str message)
{
	struct grpc_call **victim = user;

	walk(message, 0);
	if (message.len == 7 && *victim)
		grpc_call_cancel(TAKE(*victim));
}

static void talk(struct str in, size_t step)
{
	struct grpc_session *s = grpc_session_new();
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct grpc_call *victim = NULL;
	int r = 0;

	ended = 0;
	for (int i = 0; i < 2; i++)
		grpc_session_call(s, &(struct grpc_req){.method = "/a.B/C",
							.request = STR("\x0a\x01x"),
							.done = on_done,
							.on_message = i ? on_message : NULL,
							.user = &victim});
	victim = grpc_session_call(s, &(struct grpc_req){.method = "/a.B/D", .done = on_done});
	while (in.len && r == 0) {
		struct str piece = str_n(in.p, MIN(in.len, step));

		grpc_session_drain(s, &out);
		buf_clear(&out);
		in = str_skip(in, piece.len);
		r = grpc_session_feed(s, piece);
		if (ended)
			victim = NULL; /* it may have been that one */
	}
	grpc_session_lost(s, GRPC_UNAVAILABLE, STR("over"));
	if (grpc_session_calls(s))
		abort();
	grpc_session_free(s);
}

void fuzz_one(struct str in)
{
	unsigned char how;

	if (!in.len)
		return;
	how = (unsigned char)in.p[0];
	in = str_skip(in, 1);
	if (how & 1)
		walk(in, 0);
	else
		talk(in, how > 2 ? how : 4096);
}
