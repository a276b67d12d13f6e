/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/client/fake.h"
#include "lib/client/informer.h"
#include "master/scheduler/framework.h"
#include "tests/fuzz/fuzz.h"
/*
 * What a server sends: the input up to a NUL is a list, the rest a watch stream in pieces of seven
 * bytes. The objects then go through the scheduler's cache and a decision, as pods and as nodes.
 */
struct feeder {
	struct transport t; /* first */
	struct transport_req req; /* the open call */
	bool open;
	unsigned serial; /* a call that ended may have been followed by the next */
};

static struct transport_call *request(struct transport *t, const struct transport_req *req)
{
	struct feeder *f = container_of(t, struct feeder, t);

	f->req = *req;
	f->open = true;
	f->serial++;
	return (struct transport_call *)f;
}
static void cancel(struct transport *t, struct transport_call *c)
{
	container_of(t, struct feeder, t)->open = false;
}
static void nothing(struct transport *t)
{
}
static const struct transport_ops ops = {"feeder", request, cancel, nothing};

static struct sched_cache cache;
static struct sched_framework fw;
static struct sched_profile profile;

static void on_added(void *user, struct object *o)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	struct sched_pod *p;

	sched_cache_node(&cache, o);
	p = sched_cache_pod(&cache, o, NULL);
	if (!p || p->state != SCHED_PENDING)
		return;
	if (!sched_decide(&fw, &cache, &profile, p))
		sched_explain(&fw.cy, &why);
	else
		sched_cache_assume(&cache, p, cache.nodes[0]);
}
static void on_updated(void *user, struct object *old, struct object *o)
{
	on_added(user, o);
}
static void on_deleted(void *user, struct object *o)
{
	sched_cache_pod_gone(&cache, o->key);
	sched_cache_node_gone(&cache, o->name);
}
static const struct informer_handler handler = {on_added, on_updated, on_deleted, NULL};

static void answer(struct feeder *f, struct str bytes, size_t piece)
{
	const struct transport_resp ok = {.status = 200};
	struct transport_req req = f->req;
	unsigned serial = f->serial;

	req.on_response(req.user, &ok);
	while (bytes.len && f->open && f->serial == serial) {
		size_t n = MIN(piece, bytes.len);

		req.on_data(req.user, str_n(bytes.p, n));
		bytes = str_skip(bytes, n);
	}
	if (f->open && f->serial == serial) {
		f->open = false;
		req.on_end(req.user, 0);
	}
}

void fuzz_one(struct str in)
{
	struct feeder f = {.t.ops = &ops};
	struct fake_time time;
	struct client *c;
	struct informer *informer;
	ssize_t cut = str_chr(in, 0);
	size_t list_len = cut < 0 ? in.len : (size_t)cut;

	fake_time_init(&time);
	sched_cache_init(&cache);
	sched_profile_default(&profile, "default-scheduler");
	c = client_new(&(struct client_conf){.transport = &f.t, .timers = &time.timers});
	informer = informer_new(c, &(struct informer_conf){.kind = &client_pods});
	informer_index(informer, informer_by_ns);
	informer_index(informer, informer_by_node);
	informer_index(informer, informer_by_controller);
	informer_handle(informer, &handler, NULL);
	informer_start(informer);
	answer(&f, str_n(in.p, list_len), in.len + 1);
	if (f.open && informer_synced(informer))
		answer(&f, str_skip(in, list_len + 1), 7);
	informer_free(informer);
	client_free(c);
	sched_framework_done(&fw);
	sched_cache_done(&cache);
	sched_profile_done(&profile);
	fake_time_done(&time);
}
