/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_FIXTURE_H
#define KNARR_SCHEDULER_FIXTURE_H
/* The scheduler against the API in memory, on a clock that the test moves. */
#include "lib/client/fake.h"
#include "lib/json/jv.h"
#include "master/scheduler/scheduler.h"
#include "tests/unit/test.h"

struct fixture {
	struct fake_time time;
	struct fake_api *api;
	struct client *c;
	struct informers *set;
	struct scheduler *s;
};

static inline void begin(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	fake_time_init(&f->time);
	f->api = fake_api_new(&f->time.timers);
	f->c = client_new(&(struct client_conf){.transport = fake_api_transport(f->api),
						.timers = &f->time.timers});
	f->set = informers_new(f->c);
	f->s = scheduler_start(f->set, &(struct scheduler_conf){.seed = 1});
	informers_start(f->set);
}

static inline void end(struct fixture *f)
{
	scheduler_stop(f->s);
	informers_free(f->set);
	client_free(f->c);
	fake_api_free(f->api);
	fake_time_done(&f->time);
}

static inline void run(struct fixture *f, uint64_t ms)
{
	fake_time_run(&f->time, ms * NSEC_PER_MSEC);
}

static inline void node(struct fixture *f, const char *name, const char *cpu, const char *spec,
			const char *labels)
{
	char path[128], json[1024];

	snprintf(path, sizeof(path), "/api/v1/nodes/%s", name);
	snprintf(json, sizeof(json),
		 "{\"metadata\":{\"labels\":{%s}},\"spec\":{%s},\"status\":{\"allocatable\":"
		 "{\"cpu\":\"%s\",\"memory\":\"8Gi\",\"pods\":\"110\"}}}",
		 labels, spec, cpu);
	fake_api_put(f->api, path, json);
}

#define NEEDS(cpu) "{\"resources\":{\"requests\":{\"cpu\":\"" cpu "\"}}}"
static inline void pod(struct fixture *f, const char *name, const char *container, const char *more)
{
	char path[128], json[2048];

	snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/%s", name);
	snprintf(json, sizeof(json),
		 "{\"metadata\":{\"ownerReferences\":[{\"controller\":true,\"uid\":\"rs\"}]},"
		 "\"spec\":{\"containers\":[%s]%s}}",
		 container, more);
	fake_api_put(f->api, path, json);
}

/* The node a pod is bound to; "" when it waits. */
static inline const char *where(struct fixture *f, const char *name)
{
	static char text[64];
	char path[128];

	snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/%s", name);
	str_copy(text, sizeof(text),
		 jv_text(jv_path(jv_of(fake_api_get(f->api, path)), "spec.nodeName")));
	return text;
}

static inline bool says(struct fixture *f, const char *pod_name, const char *text)
{
	char path[128];
	struct jv v;

	snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/%s", pod_name);
	v = jv_path(jv_of(fake_api_get(f->api, path)), "status.conditions[0].message");
	if (jv_eqs(v, text))
		return true;
	fprintf(stderr, "%.*s\n", STR_ARG(jv_raw(v)));
	return false;
}

/* A pod with labels and a whole spec. */
static inline void pod_of(struct fixture *f, const char *ns, const char *name, const char *labels,
			  const char *spec)
{
	char path[128], json[4096];

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s", ns, name);
	snprintf(
		json, sizeof(json),
		"{\"metadata\":{\"labels\":{%s}},\"spec\":{\"containers\":[{\"name\":\"c\"}]%s%s}}",
		labels, *spec ? "," : "", spec);
	fake_api_put(f->api, path, json);
}

static inline const char *where_in(struct fixture *f, const char *ns, const char *name)
{
	static char text[64];
	char path[128];

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s", ns, name);
	str_copy(text, sizeof(text),
		 jv_text(jv_path(jv_of(fake_api_get(f->api, path)), "spec.nodeName")));
	return text;
}
#endif
