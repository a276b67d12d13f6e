/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/client/client.h"
#include "lib/client/events.h"
#include "lib/client/fake.h"
#include "lib/client/informer.h"
#include "lib/client/lease.h"
#include "lib/client/plan.h"
#include "lib/json/jv.h"
#include "tests/unit/test.h"

struct fixture {
	struct fake_time time;
	struct fake_api *api;
	struct client *c;
	char log[1024];
};

static void say(struct fixture *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct fixture *f, const char *fmt, ...)
{
	size_t n = strlen(f->log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->log + n, sizeof(f->log) - n, fmt, ap);
	va_end(ap);
}

static void begin(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	fake_time_init(&f->time);
	f->api = fake_api_new(&f->time.timers);
	f->c = client_new(&(struct client_conf){.transport = fake_api_transport(f->api),
						.timers = &f->time.timers});
}

static void end(struct fixture *f)
{
	client_free(f->c);
	fake_api_free(f->api);
	fake_time_done(&f->time);
}

static void on_answer(void *user, const struct err *e, struct str body)
{
	say(user, "%s;", e->errnum ? e->reason ? e->reason : strerror(e->errnum) : "ok");
}

static void test_requests(void **state)
{
	struct fixture f;
	struct client_call *call;

	begin(&f);
	client_get(f.c, &client_pods, STR("x"), STR("a"), on_answer, &f);
	fake_time_run(&f.time, NSEC_PER_MSEC);
	client_create(f.c, &client_pods, STR("x"), STR("{\"metadata\":{\"name\":\"a\"}}"),
		      on_answer, &f);
	fake_time_run(&f.time, NSEC_PER_MSEC);
	client_create(f.c, &client_pods, STR("x"), STR("{\"metadata\":{\"name\":\"a\"}}"),
		      on_answer, &f);
	client_merge(f.c, &client_pods, STR("x"), STR("a"), NULL,
		     STR("{\"metadata\":{\"resourceVersion\":\"7\"}}"), on_answer, &f);
	call = client_get(f.c, &client_pods, STR("x"), STR("a"), on_answer, &f);
	client_cancel(f.c, call);
	fake_time_run(&f.time, NSEC_PER_MSEC);
	fake_api_fail(f.api, "DELETE", 0, 1);
	client_delete(f.c, &client_pods, STR("x"), STR("a"), STR_NULL, on_answer, &f);
	fake_time_run(&f.time, NSEC_PER_MSEC);
	client_delete(f.c, &client_pods, STR("x"), STR("a"), STR_NULL, on_answer, &f);
	fake_time_run(&f.time, NSEC_PER_MSEC);
	assert_string_equal(f.log,
			    "NotFound;ok;AlreadyExists;Conflict;Connection reset by peer;ok;");
	client_get(f.c, &client_pods, STR("x"), STR("a"), on_answer, &f); /* freed while open */
	end(&f);
}

static void test_path(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, q = BUF_INIT;

	client_query_add(&q, "fieldSelector", STR("spec.nodeName=n 1"));
	client_query_add(&q, "limit", STR("5"));
	client_path(&(struct client_req){.kind = &client_deployments,
					 .ns = STR("x"),
					 .name = STR("we/b"),
					 .sub = "scale",
					 .query = q.p},
		    &b);
	assert_string_equal(b.p, "/apis/apps/v1/namespaces/x/deployments/we%2Fb/scale"
				 "?fieldSelector=spec.nodeName%3Dn%201&limit=5");
}

static void test_status(void **state)
{
	struct err e = ERR_INIT;

	assert_int_equal(
		client_status_to_err(
			422,
			STR("{\"reason\":\"Invalid\",\"message\":\"bad \\\"x\\\"\",\"code\":422,"
			    "\"details\":{\"causes\":[{\"field\":\"spec.x\",\"reason\":"
			    "\"FieldValueInvalid\",\"message\":\"m\"}]}}"),
			&e),
		-EINVAL);
	assert_string_equal(e.message, "bad \"x\"");
	assert_int_equal(e.n_fields, 1);
	assert_string_equal(e.fields[0].path, "spec.x");
	err_done(&e);
	assert_int_equal(client_status_to_err(502, STR("<html>"), &e), -EPROTO);
	err_done(&e);
}

static void on_added(void *user, struct object *o)
{
	say(user, "+%.*s ", STR_ARG(o->name));
}
static void on_updated(void *user, struct object *old, struct object *o)
{
	say(user, "~%.*s ", STR_ARG(o->name));
}
static void on_deleted(void *user, struct object *o)
{
	say(user, "-%.*s ", STR_ARG(o->name));
}
static void on_synced(void *user)
{
	say(user, "synced ");
}
static const struct informer_handler log_handler = {on_added, on_updated, on_deleted, on_synced};

#define POD(n) "/api/v1/namespaces/x/pods/" n

static void informer_story(bool in_memory)
{
	struct informer_index *by_node;
	struct informers *set;
	struct informer *in;
	struct fixture f;

	begin(&f);
	fake_api_objects(f.api, in_memory);
	fake_api_put(f.api, POD("a"), "{\"spec\":{\"nodeName\":\"n1\"}}");
	fake_api_put(f.api, POD("b"), "{}");
	set = informers_new(f.c);
	in = informers_get(set, &client_pods);
	assert_ptr_equal(in, informers_get(set, &client_pods));
	by_node = informer_index(in, informer_by_node);
	informer_handle(in, &log_handler, &f);
	informers_start(set);
	fake_time_run(&f.time, NSEC_PER_SEC);
	assert_true(informers_synced(set));
	assert_string_equal(f.log, "+a +b synced ");
	assert_int_equal(informer_lookup(by_node, STR("n1")).n, 1);

	f.log[0] = 0;
	fake_api_put(f.api, POD("b"), "{\"spec\":{\"nodeName\":\"n1\"}}");
	fake_api_put(f.api, POD("c"), "{\"spec\":{\"nodeName\":\"n1\"}}");
	fake_api_delete(f.api, POD("a"));
	fake_time_run(&f.time, NSEC_PER_SEC);
	assert_string_equal(f.log, "~b +c -a ");
	assert_int_equal(informer_lookup(by_node, STR("n1")).n, 2);
	assert_null(informer_get(in, STR("x/a")));
	assert_non_null(informer_get_in(in, STR("x"), STR("c")));

	/* A broken stream is taken up where it ended; what is too old is listed and compared. */
	f.log[0] = 0;
	fake_api_break_watches(f.api);
	fake_api_put(f.api, POD("d"), "{}");
	fake_time_run(&f.time, 2 * NSEC_PER_SEC);
	assert_string_equal(f.log, "+d ");
	assert_int_equal(fake_api_requests(f.api, "limit="), 1);
	f.log[0] = 0;
	fake_api_break_watches(f.api);
	fake_time_run(&f.time, NSEC_PER_MSEC);
	fake_api_delete(f.api, POD("c"));
	fake_api_put(f.api, POD("d"), "{\"spec\":{\"nodeName\":\"n2\"}}");
	fake_api_compact(f.api);
	fake_time_run(&f.time, 2 * NSEC_PER_SEC);
	assert_string_equal(f.log, "~d -c ");
	assert_int_equal(fake_api_requests(f.api, "limit="), 2);
	assert_true(timers_next_ns(&f.time.timers) == UINT64_MAX); /* idle: nothing wakes it */
	informers_free(set);
	end(&f);
}

static void test_informer(void **state)
{
	informer_story(false);
	informer_story(true);
}

static void test_informer_pages(void **state)
{
	struct informer *in;
	struct fixture f;
	char path[64];

	begin(&f);
	for (int i = 0; i < 25; i++) {
		snprintf(path, sizeof(path), POD("p%02d"), i);
		fake_api_put(f.api, path, "{}");
	}
	fake_api_fail(f.api, "limit=10", 500, 2);
	in = informer_new(f.c, &(struct informer_conf){.kind = &client_pods, .page = 10});
	informer_start(in);
	fake_time_run(&f.time, 10 * NSEC_PER_SEC);
	assert_true(informer_synced(in));
	assert_int_equal(informer_len(in), 25);
	assert_int_equal(fake_api_requests(f.api, "limit=10"), 5);
	informer_free(in);
	end(&f);
}

/* What a hundred agents lose together they do not take up again at one moment. */
static void test_informer_crowd(void **state)
{
	struct informer *in[100];
	struct client *c[100];
	struct fixture f;
	size_t early;

	begin(&f);
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		c[i] = client_new(&(struct client_conf){.transport = fake_api_transport(f.api),
							.timers = &f.time.timers,
							.spread_ns = 2 * NSEC_PER_SEC});
		in[i] = informer_new(c[i],
				     &(struct informer_conf){.kind = &client_pods, .page = 10});
		informer_start(in[i]);
	}
	fake_time_run(&f.time, 10 * NSEC_PER_SEC);
	assert_int_equal(fake_api_requests(f.api, "limit=10"), 100);
	fake_api_break_watches(f.api);
	fake_api_put(f.api, POD("x"), "{}");
	fake_api_compact(f.api);
	/* 0.2 to 0.4 s for the watches, refused as too old; then up to 2 s for the lists. */
	fake_time_run(&f.time, 900 * NSEC_PER_MSEC);
	early = fake_api_requests(f.api, "limit=10") - 100;
	assert_in_range(early, 5, 60);
	fake_time_run(&f.time, 2 * NSEC_PER_SEC);
	assert_int_equal(fake_api_requests(f.api, "limit=10"), 200);
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		assert_int_equal(informer_len(in[i]), 1);
		informer_free(in[i]);
		client_free(c[i]);
	}
	end(&f);
}

static void on_plan(void *user, const struct err *e)
{
	say(user, "%s;", e->errnum ? err_text(e) : "done");
}

static void test_plan(void **state)
{
	struct plan p = PLAN_INIT;
	struct plan_op *op;
	struct fixture f;

	begin(&f);
	op = plan_add(&p, "POST", &client_pods, STR("x"), STR_NULL, NULL);
	buf_adds(&op->body, "{\"metadata\":{\"name\":\"a\"}}");
	plan_next_stage(&p);
	op = plan_add(&p, "POST", &client_pods, STR("x"), STR_NULL, NULL);
	buf_adds(&op->body, "{\"metadata\":{\"name\":\"a\"}}");
	op->flags = PLAN_OK_EXISTS;
	op = plan_add(&p, "DELETE", &client_pods, STR("x"), STR("zz"), NULL);
	plan_next_stage(&p);
	op = plan_add(&p, "DELETE", &client_pods, STR("x"), STR("a"), NULL);
	plan_run(f.c, &p, on_plan, &f);
	fake_time_run(&f.time, NSEC_PER_SEC);
	assert_string_equal(f.log, "DELETE pods zz: not found;");
	assert_int_equal(fake_api_count(f.api, "/api/v1/pods"), 1);
	f.log[0] = 0;
	plan_run(f.c, &p, on_plan, &f);
	assert_string_equal(f.log, "done;");
	end(&f);
}

static void test_events(void **state)
{
	struct event_ref about = {&client_pods, STR("x"), STR("a"), STR("u1"), STR_NULL, STR_NULL};
	struct recorder *r;
	struct fixture f;
	struct jv ev;

	begin(&f);
	r = recorder_new(f.c, &(struct recorder_conf){.component = "test"});
	for (int i = 0; i < 3; i++) {
		recorder_event(r, &about, EVENT_WARNING, "Failed", "no %s", "room");
		fake_time_run(&f.time, NSEC_PER_SEC);
	}
	assert_int_equal(fake_api_count(f.api, "/api/v1/events"), 1);
	ev = jv_of(fake_api_nth(f.api, "/api/v1/events", 0));
	assert_int_equal(jv_i64(jv_get(ev, "count"), 0), 3);
	assert_true(jv_eqs(jv_path(ev, "involvedObject.uid"), "u1"));
	for (int i = 0; i < 12; i++)
		recorder_event(r, &about, EVENT_WARNING, "Failed", "reason %d", i);
	fake_time_run(&f.time, NSEC_PER_SEC);
	/* 10 different texts, then one combined */
	assert_int_equal(fake_api_count(f.api, "/api/v1/events"), 11);
	for (int i = 0; i < 100; i++)
		recorder_event(r, &about, EVENT_NORMAL, "Flood", "x");
	fake_time_run(&f.time, NSEC_PER_SEC);
	assert_true(fake_api_requests(f.api, "/events") <= 25);
	recorder_free(r);
	end(&f);
}

struct candidate {
	struct fixture *f;
	const char *name;
};
static void on_started(void *user)
{
	struct candidate *c = user;

	say(c->f, "+%s ", c->name);
}
static void on_stopped(void *user)
{
	struct candidate *c = user;

	say(c->f, "-%s ", c->name);
}

static struct leader_elector *elect(struct candidate *c)
{
	return leader_elector_start(c->f->c, &(struct leader_conf){
						     .ns = STR("kube-system"),
						     .name = STR("l"),
						     .identity = str_of(c->name),
						     .started = on_started,
						     .stopped = on_stopped,
						     .user = c,
					     });
}

static void test_leader(void **state)
{
	struct fixture f;
	struct candidate a = {&f, "a"}, b = {&f, "b"};
	struct leader_elector *la, *lb;
	struct lease_renewer *node;

	begin(&f);
	la = elect(&a);
	fake_time_run(&f.time, NSEC_PER_SEC);
	lb = elect(&b);
	fake_time_run(&f.time, 60 * NSEC_PER_SEC);
	assert_string_equal(f.log, "+a ");
	la = leader_elector_stop(la); /* hands over */
	fake_time_run(&f.time, 10 * NSEC_PER_SEC);
	assert_string_equal(f.log, "+a -a +b ");
	fake_api_fail(f.api, "leases/l", 500, 1000000);
	fake_time_run(&f.time, 11 * NSEC_PER_SEC);
	assert_string_equal(f.log, "+a -a +b -b ");
	lb = leader_elector_stop(lb);
	node = lease_renewer_start(f.c, &(struct lease_renewer_conf){
						.ns = STR("kube-node-lease"),
						.name = STR("n1"),
						.holder = STR("n1"),
					});
	fake_time_run(&f.time, 35 * NSEC_PER_SEC);
	assert_int_equal(fake_api_requests(f.api, "leases/n1"), 4);
	assert_int_equal(fake_api_count(f.api, "/apis/coordination.k8s.io/v1/leases"), 2);
	lease_renewer_stop(node);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),           cmocka_unit_test(test_status),
		cmocka_unit_test(test_requests),       cmocka_unit_test(test_informer),
		cmocka_unit_test(test_informer_pages), cmocka_unit_test(test_plan),
		cmocka_unit_test(test_informer_crowd), cmocka_unit_test(test_events),
		cmocka_unit_test(test_leader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
