/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_PRIVATE_H
#define KNARR_CLIENT_PRIVATE_H
/* What the files of lib/client share about a client's open requests; nobody else includes it. */
#include "lib/base/list.h"
#include "lib/client/client.h"

struct client {
	struct transport *transport;
	struct timers *timers;
	const struct rng *rng;
	char *user_agent;
	uint64_t spread_ns;
	struct list streams; /* struct client_stream: all that is under way */
};

/* One request under way: first member of call, list and watch. */
struct client_stream {
	struct list node;
	struct client *client;
	struct transport_call *call; /* NULL once it has ended */
	void (*free)(struct client_stream *s);
	int status;
	uint32_t retry_after_s;
};
/* Fills the rest of treq (callbacks are set) and sends it. */
void client_stream_open(struct client *c, struct client_stream *s, const struct client_req *req,
			struct transport_req *treq);
void client_stream_close(struct client_stream *s); /* cancels */
void client_stream_ended(struct client_stream *s); /* in on_end */
/* What on_end's r, the status and an error body amount to. */
void client_stream_result(const struct client_stream *s, int r, struct str body, struct err *e);
#endif
