/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_STREAM_H
#define KNARR_HTTP_STREAM_H
#include "lib/http/message.h"

#include <uv.h>
/*
 * A raw duplex byte stream: what is left of an HTTP/1.1 connection after an upgrade, a plain
 * socket, or a tunnel through WebSocket messages. One owner, who gives the callbacks.
 *
 *	new --start--> open --(close | error | both directions ended)--> on_close, then freed
 *
 * No callback runs before http_stream_start, none after on_close, and on_close never runs inside
 * a call of the owner: it comes from the loop. After on_close the pointer is dead.
 */
struct http_stream;

struct http_stream_ops {
	/* Bytes from the peer; valid during the call. */
	void (*on_data)(struct http_stream *s, struct str data, void *user);
	/* The peer sends no more; writing may go on. NULL: the stream is closed then. */
	void (*on_eof)(struct http_stream *s, void *user);
	/* The output queue is empty again. May be NULL. */
	void (*on_drain)(struct http_stream *s, void *user);
	/* The end: 0 or a negative errno. The stream is freed after it. */
	void (*on_close)(struct http_stream *s, int err, void *user);
};

/* `ops` must stay valid. Bytes that had arrived with the upgrade are delivered first. */
void http_stream_start(struct http_stream *s, const struct http_stream_ops *ops, void *user);
/* Copies and queues. -EPIPE after close/shutdown or when the peer is gone. Never blocks. */
int http_stream_write(struct http_stream *s, struct str bytes);
/* Bytes queued and not yet taken by the kernel: the writer stops at a limit of its own. */
size_t http_stream_queued(const struct http_stream *s);
/* Stop reading from the peer, so that its writes back up; up to 64 KB may still be delivered. */
void http_stream_pause(struct http_stream *s, bool pause);
/* End our direction once the queue is sent (half-close). */
void http_stream_shutdown(struct http_stream *s);
/* Send what is queued (5 s at most), then close. on_close follows with 0. */
void http_stream_close(struct http_stream *s);
/* Close now, the queue is dropped. on_close follows. */
void http_stream_abort(struct http_stream *s);

/*
 * A stream over a connected TCP or Unix socket. Takes the descriptor, also on failure.
 */
int http_stream_take_fd(uv_loop_t *loop, int fd, struct http_stream **ret);

/*
 * Join two streams that were not started: bytes, half-closes and backpressure pass both ways; when
 * either ends both are closed. Takes both. `on_end` (may be NULL) runs once after the last of them
 * is gone.
 */
void http_splice(struct http_stream *a, struct http_stream *b, void (*on_end)(void *user),
		 void *user);
#endif
