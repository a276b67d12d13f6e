/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/pb.h"

#include <sys/stat.h>
#include <uv.h>

#include "lib/http/grpc.h"
#include "lib/sys/file.h"
#include "lib/sys/timers_uv.h"
#include "tests/http/grpc_server.h"
#include "tests/unit/test.h"

struct lab {
	uv_loop_t loop;
	struct timers timers;
	struct timers_uv *tuv;
	char dir[32], path[64];
	struct grpc_server *server;
	struct grpc_client *client;
	/* What came. */
	unsigned ended, messages;
	int status;
	char text[256];
	struct buf response;
	struct grpc_call *victim; /* cancelled by the next message */
	bool free_client;
};

/* Echoes; the method says how. */
static void handle(void *user, struct str method, struct str request, struct grpc_answer_to *ret)
{
	buf_addstr(&ret->body, request);
	if (str_eqs(method, "/t/Missing")) {
		ret->status = GRPC_NOT_FOUND;
		ret->message = "no%20such: 100%25%0Asure";
	}
	ret->silent = str_eqs(method, "/t/Silent");
	ret->hang_up = str_eqs(method, "/t/HangUp");
	if (str_eqs(method, "/t/Stream"))
		ret->copies = 3;
	if (str_eqs(method, "/t/Nothing")) {
		buf_clear(&ret->body);
		ret->raw = true;
	}
	if (str_eqs(method, "/t/Huge") || str_eqs(method, "/t/Packed")) {
		buf_clear(&ret->body);
		buf_add(&ret->body,
			str_eqs(method, "/t/Huge") ? "\0\177\377\377\377" : "\1\0\0\0\1x",
			str_eqs(method, "/t/Huge") ? 5 : 6);
		ret->raw = true;
	}
}

static void on_done(void *user, int status, struct str message, struct str response)
{
	struct lab *l = user;

	l->ended++;
	l->status = status;
	str_copy(l->text, sizeof(l->text), message);
	buf_clear(&l->response);
	buf_addstr(&l->response, response);
	if (l->free_client)
		l->client = grpc_client_free(l->client);
}

static void on_message(void *user, struct str message)
{
	struct lab *l = user;

	l->messages++;
	if (l->victim)
		grpc_call_cancel(TAKE(l->victim));
}

static void serve(struct lab *l)
{
	l->server = grpc_server_new(&l->loop, l->path, handle, l);
}

static int setup(void **state)
{
	struct lab *l = NEW(struct lab);

	uv_loop_init(&l->loop);
	timers_init(&l->timers, &clock_system);
	l->tuv = timers_uv_attach(&l->timers, &l->loop);
	buf_init(&l->response);
	str_copy(l->dir, sizeof(l->dir), STR("/tmp/knarr-grpc-XXXXXX"));
	assert_non_null(mkdtemp(l->dir));
	snprintf(l->path, sizeof(l->path), "%s/s.sock", l->dir);
	l->client = grpc_client_new(&l->loop, &l->timers, l->path);
	serve(l);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;

	grpc_client_free(l->client);
	if (l->server)
		grpc_server_free(l->server);
	l->tuv = timers_uv_detach(l->tuv);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&l->loop), 0);
	timers_done(&l->timers);
	buf_done(&l->response);
	dir_remove_tree(AT_FDCWD, l->dir);
	free(l);
	return 0;
}

static struct grpc_call *call(struct lab *l, const char *method, const char *request)
{
	return grpc_client_call(l->client, &(struct grpc_req){.method = method,
							      .request = str_of(request),
							      .timeout_ns = 60 * NSEC_PER_SEC,
							      .done = on_done,
							      .user = l});
}

static void run(struct lab *l, unsigned ended)
{
	while (l->ended < ended)
		uv_run(&l->loop, UV_RUN_ONCE);
}

static void test_answers(void **state)
{
	struct lab *l = *state;
	CLEANUP(buf_done) struct buf big = BUF_INIT;

	call(l, "/t/Echo", "hello");
	run(l, 1);
	assert_int_equal(l->status, GRPC_OK);
	assert_string_equal(l->response.p, "hello");
	/* More than a window, and several at once. */
	for (int i = 0; i < 300000; i++)
		buf_addc(&big, (char)('a' + i % 26));
	call(l, "/t/Echo", big.p);
	call(l, "/t/Echo", big.p);
	run(l, 3);
	assert_int_equal(l->response.len, big.len);
	assert_memory_equal(l->response.p, big.p, big.len);
	/* Nobody talks to it: the connection is closed. */
	while (grpc_server_connections(l->server))
		uv_run(&l->loop, UV_RUN_ONCE);
}

static void test_refusals(void **state)
{
	struct lab *l = *state;
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	call(l, "/t/Missing", "");
	run(l, 1);
	assert_int_equal(l->status, GRPC_NOT_FOUND);
	grpc_error_text(l->status, str_of(l->text), &text);
	assert_string_equal(text.p, "rpc error: code = NotFound desc = no such: 100%\nsure");
	call(l, "/t/Nothing", "");
	run(l, 2);
	assert_int_equal(l->status, GRPC_INTERNAL);
	call(l, "/t/Huge", "");
	run(l, 3);
	assert_int_equal(l->status, GRPC_RESOURCE_EXHAUSTED);
	call(l, "/t/Packed", "");
	run(l, 4);
	assert_int_equal(l->status, GRPC_INTERNAL);
	call(l, "/t/HangUp", "");
	run(l, 5);
	assert_int_equal(l->status, GRPC_UNAVAILABLE);
	assert_non_null(strstr(l->text, "error reading from server"));
}

static void test_nobody_there(void **state)
{
	struct lab *l = *state;

	grpc_server_free(l->server);
	call(l, "/t/Echo", "x");
	run(l, 1);
	assert_int_equal(l->status, GRPC_UNAVAILABLE);
	assert_non_null(strstr(l->text, "dial unix"));
	/* And who comes later is found. */
	serve(l);
	call(l, "/t/Echo", "x");
	run(l, 2);
	assert_int_equal(l->status, GRPC_OK);
}

static void test_deadline(void **state)
{
	struct lab *l = *state;

	grpc_client_call(l->client, &(struct grpc_req){.method = "/t/Silent",
						       .timeout_ns = 50 * NSEC_PER_MSEC,
						       .done = on_done,
						       .user = l});
	run(l, 1);
	assert_int_equal(l->status, GRPC_DEADLINE_EXCEEDED);
	assert_string_equal(l->text, "context deadline exceeded");
	while (grpc_server_connections(l->server))
		uv_run(&l->loop, UV_RUN_ONCE);
}

static void test_streams(void **state)
{
	struct lab *l = *state;
	struct grpc_req req = {.method = "/t/Stream",
			       .request = STR("x"),
			       .done = on_done,
			       .on_message = on_message,
			       .user = l};

	grpc_client_call(l->client, &req);
	run(l, 1);
	assert_int_equal(l->messages, 3);
	assert_int_equal(l->status, GRPC_OK);
	/* Cancelled by its own first message: no more of it, and no end. */
	l->victim = grpc_client_call(l->client, &req);
	while (l->victim)
		uv_run(&l->loop, UV_RUN_ONCE);
	call(l, "/t/Echo", "");
	run(l, 2);
	assert_int_equal(l->messages, 4);
}

/* A callback may take the client away under other calls. */
static void test_free_inside(void **state)
{
	struct lab *l = *state;

	call(l, "/t/Echo", "1");
	call(l, "/t/Silent", "2");
	grpc_call_cancel(call(l, "/t/Echo", "3"));
	l->free_client = true;
	run(l, 1);
	assert_null(l->client);
	while (grpc_server_connections(l->server))
		uv_run(&l->loop, UV_RUN_ONCE);
	assert_int_equal(l->ended, 1);
}

static void test_long_path(void **state)
{
	struct lab *l = *state;
	CLEANUP(buf_done) struct buf path = BUF_INIT;

	buf_addf(&path, "%s/", l->dir);
	for (int i = 0; i < 120; i++)
		buf_addc(&path, 'd');
	assert_int_equal(mkdir(path.p, 0700), 0);
	buf_adds(&path, "/s.sock");
	grpc_client_free(l->client);
	l->client = grpc_client_new(&l->loop, &l->timers, path.p);
	assert_int_equal(rename(l->path, path.p), 0);
	call(l, "/t/Echo", "far");
	run(l, 1);
	assert_string_equal(l->response.p, "far");
}

static void test_wire(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct pb_item it;
	struct str in;
	size_t at;

	pb_put_text(&b, 1, STR("name"));
	pb_put_text(&b, 2, STR(""));
	pb_put_u64(&b, 3, 300);
	at = pb_open(&b, 4);
	for (int i = 0; i < 100; i++)
		pb_put_u64(&b, 1, (uint64_t)i + 1);
	pb_close(&b, at);
	pb_put_pair(&b, 5, STR("k"), STR("v"));
	assert_true(str_eqs(pb_get_bytes(buf_str(&b), 1), "name"));
	assert_true(str_eqs(pb_get_bytes(buf_str(&b), 2), ""));
	assert_int_equal(pb_get_u64(buf_str(&b), 3), 300);
	assert_int_equal(pb_get_u64(pb_get_bytes(buf_str(&b), 4), 1), 100);
	assert_true(str_eqs(pb_get_bytes(pb_get_bytes(buf_str(&b), 5), 2), "v"));
	/* Cut anywhere: never past the end. */
	for (size_t n = 0; n < b.len; n++) {
		CLEANUP_FREE char *copy = xstrndup(b.p, n);
		int r;

		in = str_n(copy, n);
		while ((r = pb_next(&in, &it)) > 0)
			;
		assert_true(r <= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_path, setup, teardown),
		cmocka_unit_test(test_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
