/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TEST_API_FIXTURE_H
#define KNARR_TEST_API_FIXTURE_H
#include "lib/base/base.h"
#include "lib/client/client.h"
#include "lib/sys/timers_uv.h"
#include "master/apiserver/apiserver.h"
#include "master/index.h"
#include "tests/unit/test.h"
/* A whole API server with its store, in this process, and a client of it. */

struct fixture {
	char dir[64];
	uv_loop_t loop;
	struct timers timers;
	struct timers_uv *driver;
	struct pki *pki;
	struct store *store;
	struct apiserver *api;
	struct transport *t;
	struct client *c;
	/* The last answer. */
	bool answered;
	int errnum;
	char *message;
	struct buf body;
};

static inline void begin(struct fixture *f)
{
	char path[96];
	struct store_conf sc = {.loop = &f->loop, .index_value = index_value, .dir = path};
	struct apiserver_conf ac = {.loop = &f->loop,
				    .timers = &f->timers,
				    .service_cidr = "10.96.0.0/16",
				    .advertise_address = "192.0.2.1",
				    .port = 6443,
				    .cluster_domain = "cluster.local"};

	*f = (struct fixture){.body = BUF_INIT};
	snprintf(f->dir, sizeof(f->dir), "/tmp/test-api-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	uv_loop_init(&f->loop);
	timers_init(&f->timers, &clock_system);
	f->driver = timers_uv_attach(&f->timers, &f->loop);
	snprintf(path, sizeof(path), "%s/pki", f->dir);
	assert_int_equal(pki_open(path, &clock_system, &f->pki, NULL), 0);
	snprintf(path, sizeof(path), "%s/store", f->dir);
	assert_int_equal(store_open(&sc, &f->store, NULL), 0);
	ac.store = f->store;
	ac.pki = f->pki;
	assert_int_equal(apiserver_new(&ac, &f->api, NULL), 0);
	apiserver_lead(f->api);
	while (!apiserver_is_ready(f->api))
		uv_run(&f->loop, UV_RUN_ONCE);
	f->t = apiserver_local_transport(f->api, "test");
	f->c = client_new(&(struct client_conf){.transport = f->t, .timers = &f->timers});
}

static inline void end(struct fixture *f)
{
	CLEANUP_FREE char *rm = xasprintf("rm -rf %s", f->dir);

	client_free(f->c);
	transport_free(f->t);
	store_close(f->store);
	apiserver_free(f->api);
	pki_free(f->pki);
	timers_uv_detach(f->driver);
	timers_done(&f->timers);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	uv_loop_close(&f->loop);
	buf_done(&f->body);
	free(f->message);
	assert_int_equal(system(rm), 0);
}

static inline void answer(void *user, const struct err *e, struct str body)
{
	struct fixture *f = user;

	f->answered = true;
	f->errnum = e->errnum;
	free(f->message);
	f->message = e->errnum ? xstrdup(err_text(e)) : NULL;
	buf_clear(&f->body);
	buf_addstr(&f->body, body);
}

static inline void wait(struct fixture *f)
{
	/* UV_RUN_ONCE would wait for more after the timer that brought the answer. */
	while (!f->answered)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	f->answered = false;
}

static inline void create(struct fixture *f, const struct client_kind *k, const char *json)
{
	client_create(f->c, k, k->namespaced ? STR("default") : STR_NULL, str_of(json), answer, f);
	wait(f);
	if (f->errnum)
		fail_msg("%s", f->message);
}
#endif
