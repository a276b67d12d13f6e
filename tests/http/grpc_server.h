/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TEST_GRPC_SERVER_H
#define KNARR_TEST_GRPC_SERVER_H
#include "lib/base/buf.h"
#include "lib/http/grpc.h"
/* A gRPC server at a socket in the file system, on the loop of the test. */
struct grpc_server;
struct uv_loop_s;

struct grpc_answer_to {
	int status;
	const char *message; /* sent percent-encoded already */
	struct buf body; /* of the answer; `copies` of it are sent (0: one) */
	unsigned copies;
	bool silent; /* never answered */
	bool hang_up; /* the connection is closed instead */
	bool raw; /* body goes out without the message's header */
};
typedef void grpc_handle_fn(void *user, struct str method, struct str request,
			    struct grpc_answer_to *ret);
struct grpc_server *grpc_server_new(struct uv_loop_s *loop, const char *path,
				    grpc_handle_fn *handle, void *user);
/* Closes all; the loop has to run once more. Removes the socket. */
void grpc_server_free(struct grpc_server *s);
/* Connections open now. */
size_t grpc_server_connections(const struct grpc_server *s);
#endif
