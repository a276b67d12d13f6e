/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/websocket.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/http/stream_conn.h"

#include <openssl/sha.h>

#define MESSAGE_MAX (1024 * 1024)
#define CONTROL_MAX 125

/* ---- parser ---- */

void ws_parser_init(struct ws_parser *p, bool from_client, size_t max_message)
{
	*p = (struct ws_parser){.from_client = from_client, .max_message = max_message};
	buf_init(&p->head);
	buf_init(&p->message);
	buf_init(&p->control);
}

void ws_parser_done(struct ws_parser *p)
{
	buf_done(&p->head);
	buf_done(&p->message);
	buf_done(&p->control);
}

/* Length of the UTF-8 sequence that begins with c, 0 if none does. */
static unsigned utf8_len(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static bool utf8_ok(struct str s)
{
	while (s.len) {
		unsigned char c = (unsigned char)s.p[0];
		unsigned n = utf8_len(c);
		unsigned char c1;

		if (!n || n > s.len)
			return false;
		c1 = n > 1 ? (unsigned char)s.p[1] : 0;
		/* Overlong forms, surrogates, beyond U+10FFFF. */
		if ((c == 0xe0 && c1 < 0xa0) || (c == 0xed && c1 > 0x9f) ||
		    (c == 0xf0 && c1 < 0x90) || (c == 0xf4 && c1 > 0x8f))
			return false;
		for (unsigned k = 1; k < n; k++)
			if (((unsigned char)s.p[k] & 0xc0) != 0x80)
				return false;
		s = str_skip(s, n);
	}
	return true;
}

/* Bytes the header has, as far as its first two say; then it is read. */
static size_t header_size(const struct ws_parser *p)
{
	uint8_t len = (uint8_t)p->head.p[1] & 0x7f;

	return 2 + (len == 126 ? 2 : len == 127 ? 8 : 0) + (p->from_client ? 4 : 0);
}

static unsigned read_header(struct ws_parser *p)
{
	const uint8_t *h = (const uint8_t *)p->head.p;
	uint64_t len = h[1] & 0x7f;
	size_t at = 2, more = len == 126 ? 2 : len == 127 ? 8 : 0;
	bool control = h[0] & 8;

	p->fin = h[0] & 0x80;
	p->opcode = h[0] & 0x0f;
	if (more)
		len = 0;
	while (more--)
		len = len << 8 | h[at++];
	if (p->from_client)
		memcpy(p->mask, h + at, 4);
	p->mask_at = 0;
	p->left = len;
	p->in_payload = true;
	buf_clear(&p->head);
	if (control) {
		buf_clear(&p->control);
		return !p->fin || len > CONTROL_MAX || p->opcode > WS_PONG ? 1002 : 0;
	}
	if (p->opcode > WS_BINARY || (p->opcode == WS_CONTINUATION) != (p->message_opcode != 0))
		return 1002;
	if (p->opcode)
		p->message_opcode = p->opcode;
	return len > p->max_message - MIN(p->max_message, p->message.len) ? 1009 : 0;
}

static void take_payload(struct ws_parser *p, struct str *in)
{
	struct buf *to = p->opcode & 8 ? &p->control : &p->message;
	size_t n = (size_t)MIN(p->left, (uint64_t)in->len);
	char *at = buf_reserve(to, n);

	if (n)
		memcpy(at, in->p, n);
	if (p->from_client)
		for (size_t i = 0; i < n; i++)
			at[i] = (char)((uint8_t)at[i] ^ p->mask[p->mask_at++ & 3]);
	buf_setlen(to, to->len + n);
	*in = str_skip(*in, n);
	p->left -= n;
}

unsigned ws_parser_feed(struct ws_parser *p, struct str in,
			bool (*cb)(enum ws_opcode op, struct str data, void *user), void *user)
{
	while (in.len || (p->in_payload && !p->left)) {
		unsigned code;
		bool go = true;

		if (!p->in_payload) {
			buf_addc(&p->head, in.p[0]);
			in = str_skip(in, 1);
			if (p->head.len == 1 && (p->head.p[0] & 0x70))
				return 1002; /* no extension was agreed on */
			if (p->head.len == 2 && !!(p->head.p[1] & 0x80) != p->from_client)
				return 1002;
			if (p->head.len < 2 || p->head.len < header_size(p))
				continue;
			code = read_header(p);
			if (code)
				return code;
			continue;
		}
		take_payload(p, &in);
		if (p->left)
			continue;
		p->in_payload = false;
		if (p->opcode & 8) {
			go = cb((enum ws_opcode)p->opcode, buf_str(&p->control), user);
		} else if (p->fin) {
			enum ws_opcode op = (enum ws_opcode)p->message_opcode;

			if (op == WS_TEXT && !utf8_ok(buf_str(&p->message)))
				return 1007;
			p->message_opcode = 0;
			go = cb(op, buf_str(&p->message), user);
			if (p->message.cap > 65536)
				buf_done(&p->message);
			buf_clear(&p->message);
		}
		if (!go)
			return 0;
	}
	return 0;
}

/* ---- handshake ---- */

void ws_accept_key(struct str key, char ret[WS_ACCEPT_LEN + 1])
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	unsigned char sha[SHA_DIGEST_LENGTH];

	buf_addstr(&b, key);
	buf_adds(&b, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	SHA1((const unsigned char *)b.p, b.len, sha);
	base64_encode(str_n(sha, sizeof(sha)), &out);
	str_copy(ret, WS_ACCEPT_LEN + 1, buf_str(&out));
}

bool ws_is_upgrade(const struct http_req *r)
{
	return str_eq_nocase(http_req_header(r, "upgrade"), STR("websocket")) &&
	       str_eqs(http_req_header(r, "sec-websocket-version"), "13") &&
	       http_req_header(r, "sec-websocket-key").len == 24;
}

const char *ws_choose_protocol(const struct http_req *r, const char *const *protocols)
{
	for (; *protocols; protocols++) {
		struct http_header h;

		for (size_t i = 0; http_req_header_at(r, i, &h); i++) {
			struct str rest = h.value, one;

			if (!str_eqs(h.name, "sec-websocket-protocol"))
				continue;
			while (str_split(&rest, ',', &one))
				if (str_eqs(str_trim(one), *protocols))
					return *protocols;
		}
	}
	return NULL;
}

static int upgrade(struct http_req *r, const char *protocol, struct http_stream **ret)
{
	char accept[WS_ACCEPT_LEN + 1];
	struct http_header h[2];
	size_t n = 1;

	if (!ws_is_upgrade(r))
		return -EOPNOTSUPP;
	ws_accept_key(http_req_header(r, "sec-websocket-key"), accept);
	h[0] = HTTP_HEADER("Sec-WebSocket-Accept", str_of(accept));
	if (protocol)
		h[n++] = HTTP_HEADER("Sec-WebSocket-Protocol", str_of(protocol));
	return http_req_upgrade(r, "websocket", h, n, ret);
}

/* ---- a connection ---- */

struct ws {
	struct http_stream *s;
	struct ws_parser parser;
	const struct ws_ops *ops;
	void *user;
	bool is_client, close_sent, orderly;
	int err;
};

static int send_frame(struct ws *ws, uint8_t op, struct str head, struct str body)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	uint64_t len = head.len + body.len;
	uint8_t mask_bit = ws->is_client ? 0x80 : 0, mask[4];
	size_t at;

	buf_reserve(&b, 14 + (size_t)len);
	buf_addc(&b, (char)(0x80 | op));
	if (len < 126) {
		buf_addc(&b, (char)(mask_bit | len));
	} else if (len < 65536) {
		buf_addc(&b, (char)(mask_bit | 126));
		for (int i = 8; i >= 0; i -= 8)
			buf_addc(&b, (char)(len >> i));
	} else {
		buf_addc(&b, (char)(mask_bit | 127));
		for (int i = 56; i >= 0; i -= 8)
			buf_addc(&b, (char)(len >> i));
	}
	if (ws->is_client) {
		rng_system.fill(rng_system.user, mask, sizeof(mask));
		buf_add(&b, mask, sizeof(mask));
	}
	at = b.len;
	buf_addstr(&b, head);
	buf_addstr(&b, body);
	if (ws->is_client)
		for (size_t i = at; i < b.len; i++)
			b.p[i] = (char)((uint8_t)b.p[i] ^ mask[(i - at) & 3]);
	return http_stream_write(ws->s, buf_str(&b));
}

int ws_send(struct ws *ws, bool binary, struct str head, struct str body)
{
	return ws->close_sent ? -EPIPE : send_frame(ws, binary ? WS_BINARY : WS_TEXT, head, body);
}

int ws_ping(struct ws *ws, struct str data)
{
	return ws->close_sent ? -EPIPE : send_frame(ws, WS_PING, data, STR_NULL);
}

size_t ws_queued(const struct ws *ws)
{
	return http_stream_queued(ws->s);
}

void ws_pause(struct ws *ws, bool pause)
{
	http_stream_pause(ws->s, pause);
}

void ws_close(struct ws *ws, unsigned code, const char *reason)
{
	char be[2] = {(char)(code >> 8), (char)code};
	struct str text = str_of(reason ? reason : "");

	if (ws->close_sent)
		return;
	ws->close_sent = true;
	text.len = MIN(text.len, (size_t)CONTROL_MAX - 2);
	send_frame(ws, WS_CLOSE, str_n(be, 2), text);
	/* The stream lingers for the peer's answer and its end of the connection. */
	http_stream_close(ws->s);
}

void ws_abort(struct ws *ws)
{
	ws->close_sent = true;
	http_stream_abort(ws->s);
}

static bool on_frame(enum ws_opcode op, struct str data, void *user)
{
	struct ws *ws = user;

	switch (op) {
	case WS_TEXT:
	case WS_BINARY:
		ws->ops->on_message(ws, op == WS_BINARY, data, ws->user);
		break;
	case WS_PING:
		if (!ws->close_sent)
			send_frame(ws, WS_PONG, data, STR_NULL);
		break;
	case WS_CLOSE:
		ws->orderly = true;
		ws_close(ws, 1000, NULL);
		break;
	case WS_PONG:
	case WS_CONTINUATION:
		break;
	}
	return !ws->close_sent;
}

static void ws_on_data(struct http_stream *s, struct str data, void *user)
{
	struct ws *ws = user;
	unsigned code;

	if (ws->close_sent)
		return;
	code = ws_parser_feed(&ws->parser, data, on_frame, ws);
	if (code) {
		ws->err = -EPROTO;
		ws_close(ws, code, NULL);
	}
}

static void ws_on_eof(struct http_stream *s, void *user)
{
	struct ws *ws = user;

	if (!ws->close_sent)
		ws->err = -ECONNRESET;
	http_stream_close(s);
}

static void ws_on_drain(struct http_stream *s, void *user)
{
	struct ws *ws = user;

	if (ws->ops->on_drain && !ws->close_sent)
		ws->ops->on_drain(ws, ws->user);
}

static void ws_on_close(struct http_stream *s, int err, void *user)
{
	struct ws *ws = user;

	ws->ops->on_close(ws, ws->orderly ? 0 : ws->err ? ws->err : err, ws->user);
	ws_parser_done(&ws->parser);
	free(ws);
}

struct ws *ws_take_stream(struct http_stream *s, const struct ws_conf *conf,
			  const struct ws_ops *ops, void *user)
{
	static const struct http_stream_ops stream_ops = {ws_on_data, ws_on_eof, ws_on_drain,
							  ws_on_close};
	struct ws *ws = NEW(struct ws);

	ws->s = s;
	ws->ops = ops;
	ws->user = user;
	ws->is_client = conf->is_client;
	ws_parser_init(&ws->parser, !conf->is_client,
		       conf->max_message ? conf->max_message : MESSAGE_MAX);
	http_stream_start(s, &stream_ops, ws);
	return ws;
}

int ws_accept(struct http_req *r, const char *protocol, const struct ws_conf *conf,
	      const struct ws_ops *ops, void *user, struct ws **ret)
{
	struct http_stream *s;
	int err = upgrade(r, protocol, &s);

	if (err == 0)
		*ret = ws_take_stream(s, conf, ops, user);
	return err;
}

/* ---- a byte stream through messages ---- */

struct tunnel {
	struct http_stream s;
	struct http_stream *raw; /* before the start */
	struct ws *ws;
};

static struct tunnel *tunnel(const struct http_stream *s)
{
	return container_of(s, struct tunnel, s);
}

static void tunnel_message(struct ws *ws, bool binary, struct str data, void *user)
{
	struct tunnel *t = user;

	stream_data(&t->s, data);
}

static void tunnel_drain(struct ws *ws, void *user)
{
	struct tunnel *t = user;

	stream_drained(&t->s);
}

static void tunnel_closed(struct ws *ws, int err, void *user)
{
	struct tunnel *t = user;

	stream_closed(&t->s, err);
	free(t);
}

static void tunnel_start(struct http_stream *s)
{
	static const struct ws_ops ops = {tunnel_message, tunnel_drain, tunnel_closed};
	struct tunnel *t = tunnel(s);

	t->ws = ws_take_stream(t->raw, &(struct ws_conf){.max_message = 16 * MESSAGE_MAX}, &ops, t);
}

static int tunnel_write(struct http_stream *s, struct str bytes)
{
	return ws_send(tunnel(s)->ws, true, bytes, STR_NULL);
}

static size_t tunnel_queued(const struct http_stream *s)
{
	return ws_queued(tunnel(s)->ws);
}

static void tunnel_pause(struct http_stream *s, bool pause)
{
	ws_pause(tunnel(s)->ws, pause);
}

static void tunnel_close(struct http_stream *s)
{
	ws_close(tunnel(s)->ws, 1000, NULL);
}

static void tunnel_abort(struct http_stream *s)
{
	ws_abort(tunnel(s)->ws);
}

int ws_accept_tunnel(struct http_req *r, const char *protocol, struct http_stream **ret)
{
	static const struct stream_kind kind = {
		.write = tunnel_write,
		.queued = tunnel_queued,
		.pause = tunnel_pause,
		.shutdown = tunnel_close, /* messages have no half-close */
		.close = tunnel_close,
		.abort = tunnel_abort,
		.start = tunnel_start,
	};
	struct http_stream *raw;
	struct tunnel *t;
	int err = upgrade(r, protocol, &raw);

	if (err < 0)
		return err;
	t = NEW(struct tunnel);
	t->s.kind = &kind;
	t->raw = raw;
	*ret = &t->s;
	return 0;
}
