/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_WEBSOCKET_H
#define KNARR_HTTP_WEBSOCKET_H
#include "lib/http/server.h"
/*
 * WebSocket (RFC 6455) on an upgraded stream, server or client end. Messages are given whole, up
 * to a limit; pings are answered; the close handshake is done here.
 */
struct ws;

struct ws_conf {
	bool is_client; /* masks what it sends */
	size_t max_message; /* 0: 1 MB; a longer one closes with 1009 */
};

struct ws_ops {
	void (*on_message)(struct ws *ws, bool binary, struct str data, void *user);
	void (*on_drain)(struct ws *ws, void *user); /* all that was sent is out; may be NULL */
	/*
	 * The end, from the loop, once: 0 after a close handshake or an orderly end, else a
	 * negative errno. The ws is dead afterwards.
	 */
	void (*on_close)(struct ws *ws, int err, void *user);
};

/* Sec-WebSocket-Accept for a key (section 4.2.2): 28 characters. */
#define WS_ACCEPT_LEN 28
void ws_accept_key(struct str key, char ret[WS_ACCEPT_LEN + 1]);
/* Does this request ask for a WebSocket (version 13, with a key)? */
bool ws_is_upgrade(const struct http_req *r);
/*
 * The first of our `protocols` (best first, NULL-terminated) that the client offers too; NULL when
 * there is none.
 */
const char *ws_choose_protocol(const struct http_req *r, const char *const *protocols);
/* Answers 101 with the protocol (may be NULL). Errors as http_req_upgrade. */
int ws_accept(struct http_req *r, const char *protocol, const struct ws_conf *conf,
	      const struct ws_ops *ops, void *user, struct ws **ret);
/* On a stream that was upgraded already (client side, tests). Takes the stream. */
struct ws *ws_take_stream(struct http_stream *s, const struct ws_conf *conf,
			  const struct ws_ops *ops, void *user);
/* One message made of `head` and `body` (either may be empty). -EPIPE when closing. */
int ws_send(struct ws *ws, bool binary, struct str head, struct str body);
int ws_ping(struct ws *ws, struct str data);
size_t ws_queued(const struct ws *ws);
void ws_pause(struct ws *ws, bool pause);
/* Send a close frame (1000: normal), wait for the peer's (5 s at most), then end. */
void ws_close(struct ws *ws, unsigned code, const char *reason);
void ws_abort(struct ws *ws); /* at once; on_close follows */
/*
 * A byte stream through binary messages (SPDY tunnelled through WebSocket). Answers 101 and gives
 * a stream that was not started.
 */
int ws_accept_tunnel(struct http_req *r, const char *protocol, struct http_stream **ret);

/* ---- the parser alone: for tests and fuzzing ---- */
struct ws_parser {
	bool from_client; /* frames must be masked; else must not */
	size_t max_message;
	struct buf head; /* an incomplete frame header */
	struct buf message; /* fragments, or an incomplete frame */
	struct buf control;
	uint64_t left; /* payload bytes still to come of the frame */
	uint8_t opcode, message_opcode, mask[4];
	unsigned mask_at;
	bool in_payload, fin;
};

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

void ws_parser_init(struct ws_parser *p, bool from_client, size_t max_message);
void ws_parser_done(struct ws_parser *p);
/*
 * Eats all of `in`, calls back for each whole message or control frame. `cb` returns false to stop.
 * 0, or the close code (1002 protocol, 1007 text that is not UTF-8, 1009 too big).
 */
unsigned ws_parser_feed(struct ws_parser *p, struct str in,
			bool (*cb)(enum ws_opcode op, struct str data, void *user), void *user);
#endif
