/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probe/grpc.h"

#include "lib/base/kubernetes.h"
#include "lib/base/pb.h"
#include "lib/http/grpc.h"

struct grpc_health {
	struct grpc_session *session;
	struct grpc_answer answer;
};

struct grpc_health *grpc_health_free(struct grpc_health *g)
{
	if (!g)
		return NULL;
	grpc_session_free(g->session);
	free(g);
	return NULL;
}

/* HealthCheckResponse{ServingStatus status 1} */
static void on_done(void *user, int status, struct str message, struct str response)
{
	struct grpc_health *g = user;

	g->answer.complete = true;
	g->answer.grpc_status = status;
	g->answer.serving = (int)pb_get_u64(response, 1);
}

struct grpc_health *grpc_health_new(const char *service, struct buf *out)
{
	struct grpc_health *g = NEW(struct grpc_health);
	CLEANUP(buf_done) struct buf request = BUF_INIT;

	/* HealthCheckRequest{string service 1} */
	pb_put_text(&request, 1, str_of(service));
	g->session = grpc_session_new();
	grpc_session_call(g->session, &(struct grpc_req){
					      .method = "/grpc.health.v1.Health/Check",
					      .user_agent = KUBE_PROBE_AGENT,
					      .request = buf_str(&request),
					      .done = on_done,
					      .user = g,
				      });
	grpc_session_drain(g->session, out);
	return g;
}

int grpc_health_feed(struct grpc_health *g, struct str in, struct buf *out, struct grpc_answer *ret)
{
	int r = grpc_session_feed(g->session, in);

	if (r < 0)
		return r;
	grpc_session_drain(g->session, out);
	*ret = g->answer;
	return 0;
}
