/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_GRPC_CALL_H
#define KNARR_GRPC_CALL_H
#include "lib/base/list.h"
#include "lib/http/grpc.h"
/* Between grpc.c and grpc_client.c. */
struct grpc_call {
	struct list in_session;
	struct grpc_session *session;
	int32_t stream;
	grpc_done_fn *done;
	grpc_message_fn *on_message;
	void *user;
	struct buf request, in, response, message;
	size_t sent;
	int http_status, grpc_status; /* 0, -1: not there yet */
	bool got; /* a message */
	bool over; /* the end is known and has to be told */
	bool cancelled; /* in a callback: it goes when that is over */
	struct timers *timers; /* NULL: no deadline */
	struct timer deadline;
};
/* Ends it from outside of nghttp2; its callback runs here. */
void grpc_call_end(struct grpc_call *c, int status, struct str message);
/* To be armed when something is to be sent, or a call has gone; NULL: none. */
void grpc_session_set_step(struct grpc_session *s, struct timers *timers, struct timer *step);
#endif
