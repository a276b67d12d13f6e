/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CONTROL_FIXTURE_H
#define KNARR_CONTROL_FIXTURE_H
/* Controllers against the API in memory, on a clock that the test moves. */
#include "lib/client/fake.h"
#include "lib/json/jv.h"
#include "master/controllers/controllers.h"
#include "tests/unit/test.h"

struct fixture {
	struct fake_time time;
	struct fake_api *api;
	struct client *c;
	struct informers *set;
	struct controllers *cs;
};

/* `cloud` is made from the fixture's timers (a test's own provider, or NULL). */
static inline void begin_with(struct fixture *f, const char *only, const char *cluster_cidr,
			      struct cloud *(*cloud)(struct fixture *f))
{
	memset(f, 0, sizeof(*f));
	fake_time_init(&f->time);
	f->api = fake_api_new(&f->time.timers);
	f->c = client_new(&(struct client_conf){.transport = fake_api_transport(f->api),
						.timers = &f->time.timers});
	f->set = informers_new(f->c);
	f->cs = controllers_start(f->set,
				  &(struct controllers_conf){.only = only,
							     .cloud = cloud ? cloud(f) : NULL,
							     .ca_pem = STR("CA"),
							     .terminated_pod_threshold = 3,
							     .cluster_cidr = cluster_cidr});
	informers_start(f->set);
	fake_time_run(&f->time, NSEC_PER_MSEC);
}

static inline void begin_cloud(struct fixture *f, const char *only,
			       struct cloud *(*cloud)(struct fixture *f))
{
	begin_with(f, only, "10.244.0.0/23", cloud);
}

static inline void begin(struct fixture *f, const char *only)
{
	begin_cloud(f, only, NULL);
}

static inline void end(struct fixture *f)
{
	controllers_stop(f->cs);
	informers_free(f->set);
	client_free(f->c);
	fake_api_free(f->api);
	fake_time_done(&f->time);
}

static inline void run(struct fixture *f, uint64_t ms)
{
	fake_time_run(&f->time, ms * NSEC_PER_MSEC);
}

static inline struct jv get(struct fixture *f, const char *path)
{
	struct str bytes = fake_api_get(f->api, path);

	return bytes.p ? jv_of(bytes) : JV_NONE;
}

static inline struct jv nth(struct fixture *f, const char *path, size_t i)
{
	return jv_of(fake_api_nth(f->api, path, i));
}

static inline int64_t number(struct fixture *f, const char *path, const char *field)
{
	return jv_i64(jv_path(get(f, path), field), 0);
}

#define PODS "/api/v1/namespaces/x/pods"
/* Every pod of namespace x that is not Running yet becomes Running and Ready, as a node would. */
static inline void run_pods(struct fixture *f)
{
	for (size_t i = 0; i < fake_api_count(f->api, PODS); i++) {
		CLEANUP(buf_done) struct buf path = BUF_INIT, json = BUF_INIT;
		struct jv pod = nth(f, PODS, i), meta = jv_get(pod, "metadata");
		char now[TIME_LEN + 1];

		if (jv_eqs(jv_path(pod, "status.phase"), "Running"))
			continue;
		time_format(f->time.real_ns, now);
		buf_addf(&path, PODS "/%.*s", STR_ARG(jv_text(jv_get(meta, "name"))));
		buf_addf(&json,
			 "{\"metadata\":%.*s,\"spec\":%.*s,\"status\":{\"phase\":\"Running\","
			 "\"podIP\":\"10.0.0.%zu\",\"podIPs\":[{\"ip\":\"10.0.0.%zu\"}],"
			 "\"conditions\":[{\"type\":\"Ready\",\"status\":"
			 "\"True\",\"lastTransitionTime\":\"%s\"}]}}",
			 STR_ARG(jv_raw(meta)), STR_ARG(jv_raw(jv_get(pod, "spec"))), i + 1, i + 1,
			 now);
		fake_api_put(f->api, path.p, json.p);
	}
	run(f, 50);
}
#endif
