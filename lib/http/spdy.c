/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/spdy.h"
#include "lib/http/fields.h"

#include <zlib.h>

#define CONTROL_MAX (64 * 1024) /* payload of one control frame */
#define HEADERS_MAX (64 * 1024) /* a header block, inflated */
#define FRAME_HEAD 8

enum frame_type {
	SYN_STREAM = 1,
	SYN_REPLY = 2,
	RST_STREAM = 3,
	SETTINGS = 4,
	PING = 6,
	GOAWAY = 7,
	HEADERS = 8,
	WINDOW_UPDATE = 9,
};

struct spdy {
	struct http_stream *s;
	const struct spdy_ops *ops;
	void *user;
	z_stream inflate, deflate;
	struct fields headers; /* of the latest SYN_STREAM */
	struct buf head; /* an incomplete frame header */
	struct buf control; /* an incomplete control frame */
	uint32_t word; /* first word of the frame: stream id, or version and type */
	uint32_t left; /* payload still to come */
	uint32_t last_id;
	uint8_t flags;
	bool in_payload, closing;
	int err;
};

static uint32_t get32(const char *p)
{
	const uint8_t *u = (const uint8_t *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static void put32(struct buf *b, uint32_t v)
{
	for (int i = 24; i >= 0; i -= 8)
		buf_addc(b, (char)(v >> i));
}

/* ---- sending ---- */

static void control_head(struct buf *b, enum frame_type type, uint8_t flags, uint32_t len)
{
	put32(b, 0x80030000u | type);
	put32(b, (uint32_t)flags << 24 | len);
}

static int send_control(struct spdy *sp, enum frame_type type, uint32_t a, uint32_t b, bool two)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;

	control_head(&out, type, 0, two ? 8 : 4);
	put32(&out, a);
	if (two)
		put32(&out, b);
	return http_stream_write(sp->s, buf_str(&out));
}

int spdy_reply(struct spdy *sp, uint32_t id)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	unsigned char block[128], none[4] = {0};
	uint32_t n;

	if (sp->closing)
		return -EPIPE;
	sp->deflate.next_in = none;
	sp->deflate.avail_in = sizeof(none);
	sp->deflate.next_out = block;
	sp->deflate.avail_out = sizeof(block);
	if (deflate(&sp->deflate, Z_SYNC_FLUSH) != Z_OK || !sp->deflate.avail_out)
		return -EPROTO;
	n = (uint32_t)(sizeof(block) - sp->deflate.avail_out);
	control_head(&b, SYN_REPLY, 0, 4 + n);
	put32(&b, id);
	buf_add(&b, block, n);
	return http_stream_write(sp->s, buf_str(&b));
}

int spdy_send(struct spdy *sp, uint32_t id, struct str data, bool fin)
{
	if (sp->closing)
		return -EPIPE;
	do {
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		uint32_t n = (uint32_t)MIN(data.len, (size_t)65536);
		int r;

		buf_reserve(&b, FRAME_HEAD + n);
		put32(&b, id);
		put32(&b, (fin && n == data.len ? 1u << 24 : 0) | n);
		buf_add(&b, data.p, n);
		data = str_skip(data, n);
		r = http_stream_write(sp->s, buf_str(&b));
		if (r < 0)
			return r;
	} while (data.len);
	return 0;
}

int spdy_reset(struct spdy *sp, uint32_t id, enum spdy_status status)
{
	return sp->closing ? -EPIPE : send_control(sp, RST_STREAM, id, status, true);
}

size_t spdy_queued(const struct spdy *sp)
{
	return http_stream_queued(sp->s);
}

void spdy_pause(struct spdy *sp, bool pause)
{
	http_stream_pause(sp->s, pause);
}

static void close_with(struct spdy *sp, uint32_t goaway_status)
{
	if (sp->closing)
		return;
	sp->closing = true;
	send_control(sp, GOAWAY, sp->last_id, goaway_status, true);
	http_stream_close(sp->s);
}

void spdy_close(struct spdy *sp)
{
	close_with(sp, 0);
}

void spdy_abort(struct spdy *sp)
{
	sp->closing = true;
	http_stream_abort(sp->s);
}

/* ---- header blocks ---- */

static int inflate_block(struct spdy *sp, struct str in, struct buf *out)
{
	z_stream *z = &sp->inflate;

	z->next_in = (unsigned char *)in.p;
	z->avail_in = (unsigned)in.len;
	for (;;) {
		char *at = buf_reserve(out, 4096);
		int r;

		z->next_out = (unsigned char *)at;
		z->avail_out = 4096;
		r = inflate(z, Z_SYNC_FLUSH);
		if (r == Z_NEED_DICT) {
			struct str d = spdy_dictionary();

			if (inflateSetDictionary(z, (const unsigned char *)d.p, (unsigned)d.len))
				return -EPROTO;
			continue;
		}
		buf_setlen(out, out->len + 4096 - z->avail_out);
		if (out->len > HEADERS_MAX)
			return -EPROTO;
		if ((r == Z_BUF_ERROR || r == Z_OK) && !z->avail_in && z->avail_out)
			return 0;
		if (r != Z_OK)
			return -EPROTO;
	}
}

static bool take_string(struct str *in, struct str *ret)
{
	uint32_t n;

	if (in->len < 4)
		return false;
	n = get32(in->p);
	*in = str_skip(*in, 4);
	if (n > in->len)
		return false;
	*ret = str_n(in->p, n);
	*in = str_skip(*in, n);
	return true;
}

static int read_headers(struct spdy *sp, struct str block)
{
	CLEANUP(buf_done) struct buf plain = BUF_INIT;
	struct str rest, name, value;
	uint32_t n;

	fields_done(&sp->headers);
	if (inflate_block(sp, block, &plain) < 0 || plain.len < 4)
		return -EPROTO;
	rest = str_skip(buf_str(&plain), 4);
	for (n = get32(plain.p); n; n--) {
		if (!take_string(&rest, &name) || !take_string(&rest, &value))
			return -EPROTO;
		fields_add(&sp->headers, name, value);
	}
	return 0;
}

struct str spdy_header(const struct spdy *sp, const char *name)
{
	return fields_get(&sp->headers, str_of(name));
}

/* ---- receiving ---- */

static int on_syn_stream(struct spdy *sp, struct str p)
{
	uint32_t id;

	if (p.len < 10)
		return -EPROTO;
	id = get32(p.p) & 0x7fffffff;
	/* The block must be read even for a stream that is refused: the inflate state is shared. */
	if (read_headers(sp, str_skip(p, 10)) < 0 || !(id & 1) || id <= sp->last_id)
		return -EPROTO;
	sp->last_id = id;
	sp->ops->on_stream(sp, id, sp->flags & 1, sp->user);
	fields_done(&sp->headers);
	return 0;
}

static int on_control(struct spdy *sp, struct str p)
{
	switch ((enum frame_type)(sp->word & 0xffff)) {
	case SYN_STREAM:
		return on_syn_stream(sp, p);
	case RST_STREAM:
		if (p.len < 8)
			return -EPROTO;
		sp->ops->on_reset(sp, get32(p.p) & 0x7fffffff, sp->user);
		return 0;
	case PING:
		if (p.len < 4)
			return -EPROTO;
		if (get32(p.p) & 1) /* odd: theirs; an even one would answer ours */
			send_control(sp, PING, get32(p.p), 0, false);
		return 0;
	case GOAWAY:
		return 0; /* no new streams; the ones there go on */
	case HEADERS:
	case SYN_REPLY:
		return p.len < 4 ? -EPROTO : read_headers(sp, str_skip(p, 4));
	case SETTINGS:
	case WINDOW_UPDATE:
		return 0;
	}
	return 0; /* unknown control frames are ignored (section 2.2.1) */
}

static int begin_frame(struct spdy *sp)
{
	uint32_t second = get32(sp->head.p + 4);

	sp->word = get32(sp->head.p);
	sp->flags = (uint8_t)(second >> 24);
	sp->left = second & 0xffffff;
	sp->in_payload = true;
	buf_clear(&sp->head);
	buf_clear(&sp->control);
	if (!(sp->word & 0x80000000u))
		return 0;
	if (((sp->word >> 16) & 0x7fff) != 3 || sp->left > CONTROL_MAX)
		return -EPROTO;
	return 0;
}

/* Data passes through in the pieces it comes in; control frames are gathered. */
static int take_payload(struct spdy *sp, struct str *in)
{
	uint32_t n = (uint32_t)MIN((size_t)sp->left, in->len);
	struct str part = str_n(in->p, n);
	bool last = n == sp->left;

	*in = str_skip(*in, n);
	sp->left -= n;
	sp->in_payload = !last;
	if (!(sp->word & 0x80000000u)) {
		if (n || (last && (sp->flags & 1)))
			sp->ops->on_data(sp, sp->word, part, last && (sp->flags & 1), sp->user);
		return 0;
	}
	buf_addstr(&sp->control, part);
	return last ? on_control(sp, buf_str(&sp->control)) : 0;
}

static void on_data(struct http_stream *s, struct str in, void *user)
{
	struct spdy *sp = user;
	int r = 0;

	while (!sp->closing && r == 0 && (in.len || (sp->in_payload && !sp->left))) {
		if (sp->in_payload) {
			r = take_payload(sp, &in);
		} else {
			size_t n = MIN(FRAME_HEAD - sp->head.len, in.len);

			buf_add(&sp->head, in.p, n);
			in = str_skip(in, n);
			if (sp->head.len == FRAME_HEAD)
				r = begin_frame(sp);
		}
	}
	if (r < 0 && !sp->closing) {
		sp->err = r;
		close_with(sp, 1); /* protocol error */
	}
}

static void on_eof(struct http_stream *s, void *user)
{
	struct spdy *sp = user;

	if (!sp->closing)
		sp->err = -ECONNRESET;
	sp->closing = true;
	http_stream_close(s);
}

static void on_drain(struct http_stream *s, void *user)
{
	struct spdy *sp = user;

	if (sp->ops->on_drain && !sp->closing)
		sp->ops->on_drain(sp, sp->user);
}

static void on_close(struct http_stream *s, int err, void *user)
{
	struct spdy *sp = user;

	sp->closing = true;
	sp->ops->on_close(sp, sp->err ? sp->err : err, sp->user);
	inflateEnd(&sp->inflate);
	deflateEnd(&sp->deflate);
	fields_done(&sp->headers);
	buf_done(&sp->head);
	buf_done(&sp->control);
	free(sp);
}

struct spdy *spdy_take_stream(struct http_stream *s, const struct spdy_ops *ops, void *user)
{
	static const struct http_stream_ops stream_ops = {on_data, on_eof, on_drain, on_close};
	struct str d = spdy_dictionary();
	struct spdy *sp = NEW(struct spdy);

	sp->s = s;
	sp->ops = ops;
	sp->user = user;
	fields_init(&sp->headers);
	buf_init(&sp->head);
	buf_init(&sp->control);
	/* Small windows: blocks of a hundred bytes, and memory for each exec. */
	if (inflateInit(&sp->inflate) != Z_OK ||
	    deflateInit2(&sp->deflate, Z_BEST_SPEED, Z_DEFLATED, 11, 2, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	deflateSetDictionary(&sp->deflate, (const unsigned char *)d.p, (unsigned)d.len);
	http_stream_start(s, &stream_ops, sp);
	return sp;
}
