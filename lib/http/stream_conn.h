/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_STREAM_CONN_H
#define KNARR_HTTP_STREAM_CONN_H
#include "lib/http/conn.h"
#include "lib/http/stream.h"
/*
 * Inside lib/http: what a kind of stream provides. `struct http_stream` is embedded first in the
 * kind's own struct. The kind calls stream_data/stream_eof/stream_drained when something happens
 * and stream_closed (from the loop) at its end, after which it frees itself.
 */
struct stream_kind {
	int (*write)(struct http_stream *s, struct str bytes);
	size_t (*queued)(const struct http_stream *s);
	void (*pause)(struct http_stream *s, bool pause);
	void (*shutdown)(struct http_stream *s);
	void (*close)(struct http_stream *s);
	void (*abort)(struct http_stream *s);
	void (*start)(struct http_stream *s);
};

struct http_stream {
	const struct stream_kind *kind;
	const struct http_stream_ops *ops; /* NULL until started */
	void *user;
};

void stream_data(struct http_stream *s, struct str data);
void stream_eof(struct http_stream *s);
void stream_drained(struct http_stream *s);
void stream_closed(struct http_stream *s, int err);

/* Makes `c` a stream; `early` are bytes that were read already (moved out of it). */
struct http_stream *stream_of_conn(struct conn *c, struct buf *early);
#endif
