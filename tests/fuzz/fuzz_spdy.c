/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/http/spdy.h"
#include "lib/http/stream_conn.h"
#include "tests/fuzz/fuzz.h"

#include <zlib.h>

/* A stream that goes nowhere. */
struct nowhere {
	struct http_stream s;
	bool closed;
};

static int nw_write(struct http_stream *s, struct str bytes)
{
	return container_of(s, struct nowhere, s)->closed ? -EPIPE : 0;
}

static size_t nw_queued(const struct http_stream *s)
{
	return 0;
}

static void nw_pause(struct http_stream *s, bool pause)
{
}

static void nw_nothing(struct http_stream *s)
{
}

static void nw_close(struct http_stream *s)
{
	container_of(s, struct nowhere, s)->closed = true;
}

static void on_stream(struct spdy *sp, uint32_t id, bool fin, void *user)
{
	if (spdy_header(sp, "streamtype").len & 1)
		spdy_reset(sp, id, SPDY_CANCEL);
	else
		spdy_reply(sp, id);
}

static void on_data(struct spdy *sp, uint32_t id, struct str data, bool fin, void *user)
{
	spdy_send(sp, id, data, fin);
}

static void on_reset(struct spdy *sp, uint32_t id, void *user)
{
}

static void on_close(struct spdy *sp, int err, void *user)
{
}

static void feed(struct str in, size_t step)
{
	static const struct stream_kind kind = {nw_write, nw_queued, nw_pause,  nw_nothing,
						nw_close, nw_close,  nw_nothing};
	static const struct spdy_ops ops = {on_stream, on_data, on_reset, NULL, on_close};
	struct nowhere nw = {.s.kind = &kind};

	spdy_take_stream(&nw.s, &ops, NULL);
	while (in.len && !nw.closed) {
		struct str part = str_n(in.p, MIN(step, in.len));

		stream_data(&nw.s, part);
		in = str_skip(in, part.len);
	}
	stream_closed(&nw.s, 0);
}

/* The input as the wire's bytes, and as a header block in plain text. */
void fuzz_one(struct str in)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str d = spdy_dictionary();
	z_stream z = {0};
	size_t n;

	feed(in, in.len ? in.len : 1);
	feed(in, 5);
	if (!in.len || in.len > 4096)
		return;
	deflateInit(&z, 1);
	deflateSetDictionary(&z, (const unsigned char *)d.p, (unsigned)d.len);
	buf_add(&b, "\x80\x03\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0", 18);
	z.next_in = (unsigned char *)in.p;
	z.avail_in = (unsigned)in.len;
	z.next_out = (unsigned char *)buf_reserve(&b, in.len + 512);
	z.avail_out = (unsigned)in.len + 512;
	deflate(&z, Z_SYNC_FLUSH);
	buf_setlen(&b, b.len + in.len + 512 - z.avail_out);
	deflateEnd(&z);
	n = b.len - 8;
	b.p[5] = (char)(n >> 16);
	b.p[6] = (char)(n >> 8);
	b.p[7] = (char)n;
	feed(buf_str(&b), b.len);
}
