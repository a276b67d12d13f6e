/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/client/informer.h"
#include "lib/client/transport_http.h"
#include "lib/http/client.h"
#include "lib/http/server.h"
#include "lib/sys/timers_uv.h"
#include "tests/unit/test.h"
/* An informer over real HTTP on a real loop, against a server that plays a collection of pods. */

struct fix {
	uv_loop_t loop;
	struct timers timers;
	struct timers_uv *driver;
	struct http_server *server;
	struct transport *transport;
	struct client *client;
	struct http_req *watch; /* the open one */
	unsigned lists, watches;
	char last_query[128];
	char log[256];
};

static void on_watch_closed(struct http_req *r, int err, void *user)
{
	struct fix *f = user;

	if (f->watch == r)
		f->watch = NULL;
}

static void on_request(struct http_req *r, void *user)
{
	struct fix *f = user;
	struct str query = http_req_query(r);

	if (!str_eqs(http_req_path(r), "/api/v1/pods")) {
		http_reply_text(
			r, 404, "application/json",
			STR("{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"no\","
			    "\"code\":404}"));
		return;
	}
	if (!str_starts(query, STR("watch=true"))) {
		f->lists++;
		http_reply_text(
			r, 200, "application/json",
			STR("{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\"},"
			    "\"items\":[{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\","
			    "\"resourceVersion\":\"3\"}}]}"));
		return;
	}
	f->watches++;
	str_copy(f->last_query, sizeof(f->last_query), query);
	f->watch = r;
	http_req_on_close(r, on_watch_closed, f);
	http_reply_start(r, 200, NULL, 0);
}

static void push(struct fix *f, const char *text)
{
	struct http_piece piece = {.bytes = str_of(text)};

	assert_non_null(f->watch);
	assert_true(http_reply_writev(f->watch, &piece, 1) >= 0);
}

static void say(struct fix *f, char sign, struct object *o)
{
	size_t n = strlen(f->log);

	snprintf(f->log + n, sizeof(f->log) - n, "%c%.*s ", sign, STR_ARG(o->key));
}
static void on_added(void *user, struct object *o)
{
	say(user, '+', o);
}
static void on_updated(void *user, struct object *old, struct object *o)
{
	say(user, '~', o);
}
static void on_deleted(void *user, struct object *o)
{
	say(user, '-', o);
}
static const struct informer_handler handler = {on_added, on_updated, on_deleted, NULL};

#define UNTIL(f, condition)                                                    \
	for (uint64_t end_ = uv_hrtime() + 10 * NSEC_PER_SEC; !(condition);) { \
		assert_true(uv_hrtime() < end_);                               \
		uv_run(&(f)->loop, UV_RUN_ONCE);                               \
	}

static void begin(struct fix *f)
{
	struct http_client *hc;
	char url[64];
	const char *urls[] = {url};

	memset(f, 0, sizeof(*f));
	uv_loop_init(&f->loop);
	timers_init(&f->timers, &clock_system);
	f->driver = timers_uv_attach(&f->timers, &f->loop);
	f->server = http_server_new(
		&(struct http_server_conf){.loop = &f->loop, .on_request = on_request, .user = f});
	assert_int_equal(http_server_listen(f->server, "127.0.0.1", 0, NULL), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", http_server_port(f->server));
	assert_int_equal(http_client_new(&(struct http_client_conf){.loop = &f->loop,
								    .endpoints = urls,
								    .n_endpoints = 1},
					 &hc, NULL),
			 0);
	f->transport = transport_http_new(hc);
	f->client =
		client_new(&(struct client_conf){.transport = f->transport, .timers = &f->timers});
}

static void end(struct fix *f)
{
	client_free(f->client);
	transport_free(f->transport);
	http_server_free(f->server);
	timers_uv_detach(f->driver);
	timers_done(&f->timers);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void on_answer(void *user, const struct err *e, struct str body)
{
	struct fix *f = user;
	size_t n = strlen(f->log);

	snprintf(f->log + n, sizeof(f->log) - n, "%s ", e->errnum ? err_text(e) : "ok");
}

static void test_requests(void **state)
{
	struct client_call *call;
	struct fix f;

	begin(&f);
	client_get(f.client, &client_pods, STR("x"), STR("p"), on_answer, &f);
	UNTIL(&f, *f.log);
	assert_string_equal(f.log, "no ");
	client_list(f.client, &client_pods, STR_NULL, NULL, on_answer, &f);
	call = client_list(f.client, &client_pods, STR_NULL, NULL, on_answer, &f);
	client_cancel(f.client, call);
	UNTIL(&f, strlen(f.log) > 3);
	assert_string_equal(f.log, "no ok ");
	client_list(f.client, &client_pods, STR_NULL, NULL, on_answer,
		    &f); /* ends with the client */
	end(&f);
}

#define POD(name, rv)                                                                              \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"x\",\"resourceVersion\":\"" rv "\"}" \
	"}"
static void test_informer(void **state)
{
	struct informer *in;
	struct fix f;

	begin(&f);
	in = informer_new(f.client, &(struct informer_conf){.kind = &client_pods});
	informer_handle(in, &handler, &f);
	informer_start(in);
	UNTIL(&f, f.watch);
	assert_non_null(strstr(f.last_query, "resourceVersion=7"));
	/* Two events in three pieces. */
	push(&f, "{\"type\":\"MODIFIED\",\"object\":" POD("a", "8") "}\n{\"type\":\"AD");
	UNTIL(&f, strstr(f.log, "~x/a"));
	push(&f, "DED\",\"object\":");
	push(&f, POD("b", "9") "}\n");
	UNTIL(&f, strstr(f.log, "+x/b"));
	assert_string_equal(f.log, "+x/a ~x/a +x/b ");
	/* The server ends the stream: watched again from where it was. */
	http_reply_end(f.watch);
	UNTIL(&f, f.watches == 2 && f.watch);
	assert_non_null(strstr(f.last_query, "resourceVersion=9"));
	/* Gone: listed again, and what the list has not got is deleted. */
	push(&f, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":"
		 "\"Expired\",\"message\":\"too old\"}}\n");
	UNTIL(&f, f.lists == 2 && f.watch && f.watches == 3);
	assert_string_equal(f.log, "+x/a ~x/a +x/b ~x/a -x/b ");
	/* Rubbish ends the stream as an error, not the process. */
	push(&f, "{\"type\":\"ADDED\",\"object\":[}\n");
	UNTIL(&f, f.watches == 4);
	informer_free(in);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_informer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
