/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PROBE_GRPC_H
#define KNARR_PROBE_GRPC_H
#include "lib/base/buf.h"
/*
 * One grpc.health.v1.Health/Check call over HTTP/2 without TLS, as a pure step: bytes in, bytes
 * out (github.com/grpc/grpc/blob/master/doc/health-checking.md).
 */
struct grpc_health;
struct grpc_answer {
	bool complete;
	int grpc_status; /* the trailer grpc-status; 0: OK */
	int serving; /* ServingStatus: 1 SERVING, 2 NOT_SERVING, 0 UNKNOWN */
};
/* Puts the preface and the request into out. */
struct grpc_health *grpc_health_new(const char *service, struct buf *out);
struct grpc_health *grpc_health_free(struct grpc_health *g);
/* -EPROTO when the peer speaks no HTTP/2 or no gRPC. What is to be sent is added to out. */
int grpc_health_feed(struct grpc_health *g, struct str in, struct buf *out,
		     struct grpc_answer *ret);
#endif
