/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PROBE_ATTEMPT_H
#define KNARR_PROBE_ATTEMPT_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
#include "lib/json/jv.h"
/*
 * One try of a network check: a TCP connection, an HTTP request or a gRPC health call
 * (grpc.health.v1.Health/Check), as pkg/probe/{tcp,http,grpc} do. Non-blocking, on the loop.
 */
enum check_type { CHECK_NONE, CHECK_EXEC, CHECK_HTTP, CHECK_TCP, CHECK_GRPC, CHECK_SLEEP };

/* A handler of a probe or a lifecycle hook, read from JSON. */
struct check {
	enum check_type type;
	struct jv json; /* the handler's own object ("httpGet", "exec"); borrowed */
	char host[256]; /* empty: the pod's address */
	uint16_t port;
	bool tls;
	char *path; /* HTTP: with query, begins with '/' */
	char *service; /* gRPC; may be "" */
	char **argv; /* exec */
	int64_t sleep_s;
};
/*
 * `parent` holds one of exec, httpGet, tcpSocket, grpc, sleep; named ports are looked up in the
 * container's ports. CHECK_NONE when there is no handler. -EINVAL for an unknown port name.
 */
int check_parse(struct jv parent, struct jv container, struct check *ret, struct err *err);
void check_done(struct check *c);

enum check_result { CHECK_SUCCESS, CHECK_FAILURE, CHECK_UNKNOWN };
typedef void check_fn(void *user, enum check_result result, struct str output);

struct attempt;
struct uv_loop_s;
/* HTTP, TCP or gRPC. `check` must stay valid until done; never calls back from inside. */
struct attempt *attempt_start(struct uv_loop_s *loop, struct timers *timers,
			      const struct check *check, const char *pod_ip, uint64_t timeout_ns,
			      check_fn *done, void *user);
void attempt_cancel(struct attempt *a); /* no callback any more */
#endif
