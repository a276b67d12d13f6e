/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_SPDY_H
#define KNARR_HTTP_SPDY_H
#include "lib/http/stream.h"
/*
 * SPDY/3.1 framing, the server's end, as far as Kubernetes clients use it (draft
 * mbelshe-httpbis-spdy-00 section 2): streams opened by the client, data both ways, resets, pings,
 * GOAWAY. Flow control is not applied: the clients' library (moby/spdystream) neither opens nor
 * respects windows, so WINDOW_UPDATE and SETTINGS are read and ignored, and TCP backs up instead.
 */
struct spdy;

struct spdy_ops {
	/* SYN_STREAM. Answer with spdy_reply or spdy_reset. `fin`: the client will send nothing. */
	void (*on_stream)(struct spdy *sp, uint32_t id, bool fin, void *user);
	void (*on_data)(struct spdy *sp, uint32_t id, struct str data, bool fin, void *user);
	void (*on_reset)(struct spdy *sp, uint32_t id, void *user);
	void (*on_drain)(struct spdy *sp, void *user);
	/* From the loop, once; sp is dead afterwards. */
	void (*on_close)(struct spdy *sp, int err, void *user);
};

enum spdy_status {
	SPDY_PROTOCOL_ERROR = 1,
	SPDY_INVALID_STREAM = 2,
	SPDY_REFUSED_STREAM = 3,
	SPDY_CANCEL = 5,
};

/* Takes the stream. */
struct spdy *spdy_take_stream(struct http_stream *s, const struct spdy_ops *ops, void *user);
/* A header of the stream that on_stream tells of; valid during that call. Names in lower case. */
struct str spdy_header(const struct spdy *sp, const char *name);
int spdy_reply(struct spdy *sp, uint32_t id); /* SYN_REPLY without headers */
int spdy_send(struct spdy *sp, uint32_t id, struct str data, bool fin);
int spdy_reset(struct spdy *sp, uint32_t id, enum spdy_status status);
size_t spdy_queued(const struct spdy *sp);
void spdy_pause(struct spdy *sp, bool pause);
void spdy_close(struct spdy *sp); /* GOAWAY, then close once all is sent */
void spdy_abort(struct spdy *sp);

/* The zlib dictionary of header blocks (section 2.6.10.1), also for test clients. */
struct str spdy_dictionary(void);
#endif
