/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/client/node_watch.h"
#include "master/apiserver/node_routes.h"
#include "tests/unit/api_fixture.h"
/* What agents are told of all nodes: both sides of it (node_watch.h, node_routes.h) in one process.
 */

struct agent {
	struct node_watch *w;
	struct buf told; /* "+n1 -n2 " in the order it came */
	struct buf known;
	unsigned completed;
	bool all, kept_token; /* kept_token: a change came while a token stood */
	unsigned bytes; /* of the objects */
};

static void begun(void *user)
{
}

static void seen(void *user, struct str name, struct jv node)
{
	struct agent *a = user;

	a->kept_token |= a->known.len > 0;
	buf_addf(&a->told, "+%.*s ", STR_ARG(name));
	a->bytes += (unsigned)jv_raw(node).len;
}

static void gone(void *user, struct str name)
{
	struct agent *a = user;

	a->kept_token |= a->known.len > 0;
	buf_addf(&a->told, "-%.*s ", STR_ARG(name));
}

static void complete(void *user, bool all)
{
	struct agent *a = user;

	a->completed++;
	a->all = all;
}

static void known(void *user, struct str token)
{
	struct agent *a = user;

	buf_clear(&a->known);
	buf_addstr(&a->known, token);
}

static const struct node_watch_ops ops = {begun, seen, gone, complete, known};

static void come(struct fixture *f, struct agent *a, const char *token)
{
	*a = (struct agent){.told = BUF_INIT, .known = BUF_INIT};
	buf_adds(&a->known, token);
	a->w = node_watch_start(f->c, str_of(token), &ops, a);
	while (!a->completed)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_true(node_watch_complete(a->w));
}

static void go(struct agent *a)
{
	assert_false(a->kept_token);
	node_watch_stop(a->w);
	buf_done(&a->told);
	buf_done(&a->known);
}

static void until(struct fixture *f, struct agent *a, const char *told)
{
	while (a->told.len < strlen(told))
		uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_string_equal(a->told.p, told);
}

static void node(struct fixture *f, const char *name, const char *spec, const char *address)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\"},"
		"\"spec\":{%s},\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":"
		"\"x\"}%s%s%s]}}",
		name, spec, *address ? ",{\"type\":\"InternalIP\",\"address\":\"" : "", address,
		*address ? "\"}" : "");

	create(f, &client_nodes, json);
}

static void patch(struct fixture *f, const char *name, const char *sub, const char *json)
{
	client_merge(f->c, &client_nodes, STR_NULL, str_of(name), sub, str_of(json), answer, f);
	wait(f);
	assert_int_equal(f->errnum, 0);
}

static void drop(struct fixture *f, const char *name)
{
	client_delete(f->c, &client_nodes, STR_NULL, str_of(name), STR_NULL, answer, f);
	wait(f);
	assert_int_equal(f->errnum, 0);
}

#define ADDRESS(a) "{\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"" a "\"}]}}"
#define READY(v) "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"" v "\"}]}}"

static void test_news(void **state)
{
	struct fixture f;
	struct agent a, b;

	begin(&f);
	node(&f, "n1", "\"podCIDR\":\"10.244.1.0/24\"", "192.0.2.1");
	node(&f, "n2", "\"podCIDR\":\"10.244.2.0/24\"", "");
	node(&f, "n3", "", "192.0.2.3");
	come(&f, &a, "");
	assert_true(a.all);
	assert_string_equal(a.told.p, "+n1 ");
	assert_true(a.bytes < 160);
	/* What is nothing to the routes is not told. */
	patch(&f, "n1", NULL, "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
	patch(&f, "n1", "status", READY("False"));
	patch(&f, "n1", "status", READY("True"));
	patch(&f, "n3", NULL, "{\"spec\":{\"podCIDR\":\"10.244.3.0/24\"}}");
	until(&f, &a, "+n1 +n3 ");
	patch(&f, "n3", "status", ADDRESS("192.0.2.33"));
	drop(&f, "n2");
	patch(&f, "n1", "status", "{\"status\":{\"addresses\":[]}}");
	drop(&f, "n1");
	until(&f, &a, "+n1 +n3 +n3 -n1 ");
	/* All there is may be what another was given, and what has changed since. */
	come(&f, &b, "");
	assert_true(b.all);
	assert_string_equal(b.told.p, "+n1 +n3 +n3 -n1 ");
	while (!str_eq(buf_str(&a.known), buf_str(&b.known)))
		uv_run(&f.loop, UV_RUN_NOWAIT);
	go(&a);
	go(&b);
	end(&f);
}

static void test_come_back(void **state)
{
	CLEANUP_FREE char *token = NULL;
	struct fixture f;
	struct agent a;

	begin(&f);
	node(&f, "n1", "\"podCIDR\":\"10.244.1.0/24\"", "192.0.2.1");
	node(&f, "n2", "\"podCIDR\":\"10.244.2.0/24\"", "192.0.2.2");
	come(&f, &a, "");
	token = str_dup(buf_str(&a.known));
	go(&a);
	come(&f, &a, token);
	assert_false(a.all);
	assert_int_equal(a.told.len, 0);
	assert_true(str_eqs(buf_str(&a.known), token));
	go(&a);
	/* Only what happened meanwhile, in order. */
	node(&f, "n3", "\"podCIDR\":\"10.244.3.0/24\"", "192.0.2.3");
	drop(&f, "n1");
	come(&f, &a, token);
	until(&f, &a, "+n3 -n1 ");
	go(&a);
	come(&f, &a, "12345");
	assert_true(a.all);
	assert_string_equal(a.told.p, "+n1 +n2 +n3 -n1 ");
	go(&a);
	end(&f);
}

/* More changes than are kept: who had an old state gets all again. */
static void test_forgotten(void **state)
{
	CLEANUP_FREE char *token = NULL;
	struct fixture f;
	struct agent a, b;

	begin(&f);
	node(&f, "n1", "\"podCIDR\":\"10.244.1.0/24\"", "192.0.2.1");
	come(&f, &a, "");
	token = str_dup(buf_str(&a.known));
	go(&a);
	come(&f, &b, "");
	for (unsigned i = 0; i < 1100; i++) {
		CLEANUP_FREE char *json = xasprintf(
			"{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"m%u\"},"
			"\"spec\":{\"podCIDR\":\"10.0.0.0/"
			"24\"},\"status\":{\"addresses\":[{\"type\":"
			"\"InternalIP\",\"address\":\"192.0.2.9\"}]}}",
			i);

		/* All at once: one sync of the disk does for many. */
		client_create(f.c, &client_nodes, STR_NULL, str_of(json), NULL, NULL);
	}
	while (!strstr(b.told.p, "+m1099 "))
		uv_run(&f.loop, UV_RUN_NOWAIT);
	come(&f, &a, token);
	assert_true(a.all);
	assert_non_null(strstr(a.told.p, "+m1099 "));
	go(&a);
	go(&b);
	end(&f);
}

static struct transport *inner;

/* A connection that can be cut within what the master writes at once. */
static struct transport_req watching;
static struct transport_call *watched;
static bool without_end, deaf;

static void cut_data(void *user, struct str bytes)
{
	const char *end = memmem(bytes.p, bytes.len, "{\"type\":\"BOOKMARK\"", 18);

	if (without_end && end)
		bytes.len = (size_t)(end - bytes.p);
	if (!deaf)
		watching.on_data(user, bytes);
}

static struct transport_call *cut_request(struct transport *t, const struct transport_req *req)
{
	struct transport_req r = watching = *req;

	r.on_data = cut_data;
	return watched = transport_request(inner, &r);
}

static void cut_cancel(struct transport *t, struct transport_call *call)
{
	transport_cancel(inner, call);
}

/* Half a batch came, and by the time the rest could be asked for all is as it was before. */
static void test_cut(void **state)
{
	static const struct transport_ops cut_ops = {"cut", cut_request, cut_cancel, NULL};
	struct transport cut = {&cut_ops};
	CLEANUP_FREE char *token = NULL;
	struct client *real, *through;
	struct fixture f;
	struct agent a, b;

	begin(&f);
	inner = f.t;
	real = f.c;
	node(&f, "n1", "\"podCIDR\":\"10.244.1.0/24\"", "192.0.2.1");
	f.c = through = client_new(&(struct client_conf){.transport = &cut, .timers = &f.timers});
	come(&f, &a, "");
	token = str_dup(buf_str(&a.known));
	f.c = real;
	without_end = true;
	drop(&f, "n1");
	until(&f, &a, "+n1 -n1 ");
	deaf = true;
	node(&f, "n1", "\"podCIDR\":\"10.244.1.0/24\"", "192.0.2.1");
	come(&f, &b, "");
	while (!str_eqs(buf_str(&b.known), token))
		uv_run(&f.loop, UV_RUN_NOWAIT);
	go(&b);
	without_end = deaf = false;
	transport_cancel(inner, watched);
	watching.on_end(watching.user, -ECONNRESET);
	while (a.completed < 2)
		uv_run(&f.loop, UV_RUN_NOWAIT);
	assert_true(str_ends(buf_str(&a.told), STR("+n1 ")));
	assert_true(str_eqs(buf_str(&a.known), token));
	go(&a);
	client_free(through);
	end(&f);
}

/* A master that knows of no views. */

static struct transport_call *old_request(struct transport *t, const struct transport_req *req)
{
	struct transport_req r = *req;

	r.accept = STR_NULL;
	return transport_request(inner, &r);
}

static void old_cancel(struct transport *t, struct transport_call *call)
{
	transport_cancel(inner, call);
}

static void test_old_master(void **state)
{
	static const struct transport_ops old_ops = {"old", old_request, old_cancel, NULL};
	struct transport old = {&old_ops};
	struct client *real;
	struct fixture f;
	struct agent a;

	begin(&f);
	inner = f.t;
	real = f.c;
	f.c = client_new(&(struct client_conf){.transport = &old, .timers = &f.timers});
	node(&f, "n1", "\"podCIDR\":\"10.244.1.0/24\"", "192.0.2.1");
	node(&f, "n2", "\"podCIDR\":\"10.244.2.0/24\"", "192.0.2.2");
	/* A token of another master's is good for nothing here. */
	come(&f, &a, "12345");
	assert_true(a.all);
	assert_string_equal(a.told.p, "+n1 +n2 ");
	assert_int_equal(a.known.len, 0);
	patch(&f, "n2", "status", READY("True"));
	drop(&f, "n1");
	until(&f, &a, "+n1 +n2 +n2 -n1 ");
	go(&a);
	client_free(f.c);
	f.c = real;
	end(&f);
}

static void test_view(void **state)
{
	static const char in[] =
		"{\"metadata\":{\"name\":\"n\"},\"spec\":{\"podCIDR\":\"10.244.1.0/"
		"24\",\"podCIDRs\":"
		"[\"10.244.1.0/24\",\"fd00:1::/64\"]},\"status\":{\"addresses\":[{\"address\":"
		"\"192.0.2.1\",\"type\":\"InternalIP\"},{\"address\":\"n\",\"type\":\"Hostname\"},{"
		"\"address\":\"fd00::1\",\"type\":\"InternalIP\"}],\"conditions\":[]}}";
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	assert_true(node_routes_write(STR("n"), str_of(in), &b));
	assert_string_equal(
		b.p, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"podCIDRs\":[\"10.244.1.0/24\","
		     "\"fd00:1::/64\"]},\"status\":{\"addresses\":[{\"type\":\"InternalIP\","
		     "\"address\":\"192.0.2.1\"},{\"type\":\"InternalIP\",\"address\":\"fd00::1\"}"
		     "]}}");
	buf_clear(&b);
	assert_false(node_routes_write(STR("n"), STR("{}"), &b));
	assert_int_equal(b.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_view),       cmocka_unit_test(test_news),
		cmocka_unit_test(test_come_back),  cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_old_master), cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
