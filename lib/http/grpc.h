/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_GRPC_H
#define KNARR_GRPC_H
#include "lib/base/buf.h"
#include "lib/base/timers.h"
/*
 * The client's side of gRPC (github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) without TLS
 * and compression: calls with one request, answered by one message or a stream of them. Messages
 * are bytes; lib/base/pb.h reads and writes them.
 */
enum grpc_status {
	GRPC_OK,
	GRPC_CANCELLED,
	GRPC_UNKNOWN,
	GRPC_INVALID_ARGUMENT,
	GRPC_DEADLINE_EXCEEDED,
	GRPC_NOT_FOUND,
	GRPC_ALREADY_EXISTS,
	GRPC_PERMISSION_DENIED,
	GRPC_RESOURCE_EXHAUSTED,
	GRPC_FAILED_PRECONDITION,
	GRPC_ABORTED,
	GRPC_OUT_OF_RANGE,
	GRPC_UNIMPLEMENTED,
	GRPC_INTERNAL,
	GRPC_UNAVAILABLE,
	GRPC_DATA_LOSS,
	GRPC_UNAUTHENTICATED,
};
#define GRPC_MESSAGE_MAX (4u << 20) /* of an answer; a longer one ends in RESOURCE_EXHAUSTED */

/* "DeadlineExceeded"; "Code(99)" is "Code". */
const char *grpc_status_name(int status);
/* "rpc error: code = NotFound desc = no such volume", appended. */
void grpc_error_text(int status, struct str message, struct buf *out);

struct grpc_call;
/*
 * The end of a call, exactly once unless it was cancelled. GRPC_OK: `response` is the (last)
 * message; else `message` says why. Both are valid during the call, and `call` is dead after it.
 */
typedef void grpc_done_fn(void *user, int status, struct str message, struct str response);
/* Each message of a stream as it comes. The call may be cancelled from here. */
typedef void grpc_message_fn(void *user, struct str message);

struct grpc_req {
	const char *method; /* "/csi.v1.Node/NodeGetInfo" */
	const char *authority; /* NULL: "localhost" */
	const char *user_agent; /* NULL: "knarr/<version>" */
	struct str request; /* the message; copied */
	uint64_t timeout_ns; /* 0: none. The peer is told, too */
	grpc_done_fn *done;
	grpc_message_fn *on_message; /* NULL: one answer is expected */
	void *user;
};

/* ---- on a loop: calls to a server at a socket in the file system ---- */
struct grpc_client;
struct uv_loop_s;
/*
 * Connects when there is a call, to whoever listens at `path` then, and closes the connection when
 * no call is left: a server that was replaced is never talked to any more. Paths longer than a
 * socket address takes are opened by /proc/self/fd.
 */
struct grpc_client *grpc_client_new(struct uv_loop_s *loop, struct timers *timers,
				    const char *path);
/* Ends all calls without their callbacks. NULL is fine; returns NULL. */
struct grpc_client *grpc_client_free(struct grpc_client *c);
/* The same once its last call has ended, which goes on. */
void grpc_client_retire(struct grpc_client *c);
/*
 * Never calls back from inside. Where nobody listens, or the server goes away, the call ends with
 * GRPC_UNAVAILABLE.
 */
struct grpc_call *grpc_client_call(struct grpc_client *c, const struct grpc_req *req);
/* No callback any more. */
void grpc_call_cancel(struct grpc_call *call);

/* ---- as a pure step: bytes in, bytes out, no deadlines ---- */
struct grpc_session;
struct grpc_session *grpc_session_new(void);
/* Ends all calls without their callbacks. */
struct grpc_session *grpc_session_free(struct grpc_session *s);
/* NULL when the session takes no more calls (the peer said goodbye). */
struct grpc_call *grpc_session_call(struct grpc_session *s, const struct grpc_req *req);
/*
 * -EPROTO when the peer speaks no HTTP/2: the session is of no use any more. Calls end from here.
 */
int grpc_session_feed(struct grpc_session *s, struct str in);
/* What is to be sent now, appended. */
void grpc_session_drain(struct grpc_session *s, struct buf *out);
/* Calls under way. */
size_t grpc_session_calls(const struct grpc_session *s);
/* The connection is lost: all calls end with this. */
void grpc_session_lost(struct grpc_session *s, int status, struct str message);
#endif
