/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/policy_sync.h"

#include <arpa/inet.h>

#include "lib/client/client.h"
#include "lib/client/fake.h"
#include "lib/sys/file.h"
#include "net/policy.h"
#include "tests/unit/test.h"
/*
 * What is watched when, and what becomes of it: an API in memory on one side, net/policy.h as a few
 * numbers on the other. Addresses are 10.0.0.N, and stand as N.
 */
#define N 16
#define POLICY "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies/p"
#define POD(ns, name) "/api/v1/namespaces/" ns "/pods/" name
#define SOON (50 * NSEC_PER_MSEC)

enum side { CLOSED, OPEN, ISOLATED };
struct state {
	size_t tags[N]; /* how many a peer has */
	enum side pods[N]; /* what comes in */
};
static struct {
	struct state now, next;
	bool building;
	size_t begins, commits, guarded;
} net;

static struct state *target(void)
{
	return net.building ? &net.next : &net.now;
}

int policy_open(struct pod_net *n, struct policy **ret, struct err *err)
{
	static char it;

	*ret = (struct policy *)&it;
	return 0;
}
struct policy *policy_close(struct policy *p)
{
	return NULL;
}
int policy_begin(struct policy *p, const struct policy_block *b, size_t n, struct err *err)
{
	net.next = net.now;
	memset(net.next.tags, 0, sizeof(net.next.tags));
	net.building = true;
	net.begins++;
	return 0;
}
int policy_peer(struct policy *p, struct ip_addr addr, const uint32_t *tags, size_t n,
		struct err *err)
{
	target()->tags[addr.b[15]] = n;
	return 0;
}
int policy_pod(struct policy *p, uint32_t addr, const struct policy_side *in,
	       const struct policy_side *out, struct err *err)
{
	target()->pods[ntohl(addr) & 0xff] = in->isolated ? ISOLATED : OPEN;
	return 0;
}
int policy_commit(struct policy *p, struct err *err)
{
	net.now = net.next;
	net.building = false;
	net.commits++;
	return 0;
}
void policy_collect(struct policy *p)
{
}
size_t policy_guarded(struct policy *p)
{
	return net.guarded;
}

struct fixture {
	struct fake_time time;
	struct fake_api *api;
	struct client *c;
	struct policy_sync *s;
	char dir[32];
};

static void start(struct fixture *f)
{
	memset(&net.now, 0, sizeof(net.now));
	net.begins = net.commits = 0;
	net.building = false;
	f->s = policy_sync_start(&(struct policy_sync_conf){
		.client = f->c, .timers = &f->time.timers, .data_dir = f->dir});
	assert_non_null(f->s);
}

static int set_up(void **state)
{
	struct fixture *f = NEW(struct fixture);

	str_copy(f->dir, sizeof(f->dir), STR("/tmp/knarr-ps-XXXXXX"));
	assert_non_null(mkdtemp(f->dir));
	fake_time_init(&f->time);
	f->api = fake_api_new(&f->time.timers);
	f->c = client_new(&(struct client_conf){.transport = fake_api_transport(f->api),
						.timers = &f->time.timers});
	net.guarded = 0;
	start(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	policy_sync_stop(f->s);
	client_free(f->c);
	fake_api_free(f->api);
	fake_time_done(&f->time);
	dir_remove_tree(AT_FDCWD, f->dir);
	free(f);
	return 0;
}

static bool has_file(const struct fixture *f, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", f->dir, name);

	return access(path, F_OK) == 0;
}

static void run(struct fixture *f)
{
	fake_time_run(&f->time, NSEC_PER_SEC);
}

/* A pod somewhere, as the API has it. */
static void remote(struct fixture *f, const char *path, const char *app, int n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addf(&b,
		 "{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{\"containers\":[]},"
		 "\"status\":{\"podIP\":\"10.0.0.%d\"}}",
		 app, n);
	fake_api_put(f->api, path, b.p);
}

/* A pod of ours gets its address. */
static void local(struct fixture *f, const char *name, const char *app, int n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *ip = xasprintf("10.0.0.%d", n);

	buf_addf(&b,
		 "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"a\",\"labels\":{\"app\":\"%s\"}},"
		 "\"spec\":{\"containers\":[]}}",
		 name, app);
	policy_sync_pod(f->s, str_of(name), ip, "", jv_of(buf_str(&b)));
}

static void policy(struct fixture *f)
{
	fake_api_put(f->api, POLICY,
		     "{\"spec\":{\"podSelector\":{\"matchLabels\":{\"app\":\"web\"}},\"ingress\":"
		     "[{\"from\":[{\"podSelector\":{\"matchLabels\":{\"app\":\"cli\"}}}]}]}}");
}

static void test_no_policies(void **state)
{
	struct fixture *f = *state;

	local(f, "w", "web", 1);
	assert_int_equal(net.now.pods[1], CLOSED); /* nothing was heard yet */
	run(f);
	assert_int_equal(net.now.pods[1], OPEN);
	local(f, "v", "web", 2);
	assert_int_equal(net.now.pods[2], OPEN); /* at once from now on */
	assert_int_equal(fake_api_requests(f->api, "/api/v1/pods"), 0);
	assert_int_equal(fake_api_requests(f->api, "/api/v1/namespaces"), 0);
	assert_int_equal(net.commits, 1);
}

static void test_comes_and_goes(void **state)
{
	struct fixture *f = *state;

	remote(f, POD("a", "c"), "cli", 7);
	remote(f, POD("a", "d"), "other", 8);
	remote(f, POD("b", "c"), "cli", 9);
	local(f, "w", "web", 1);
	local(f, "o", "other", 2);
	run(f);
	/* As long as the peers are not known the pod keeps what it had. */
	fake_api_fail(f->api, "GET /api/v1/pods", 503, 3);
	policy(f);
	fake_time_run(&f->time, SOON);
	assert_int_equal(net.now.pods[1], OPEN);
	local(f, "x", "web", 3);
	assert_int_equal(net.now.pods[3], CLOSED);
	fake_time_run(&f->time, 20 * NSEC_PER_SEC);
	assert_int_equal(net.now.pods[1], ISOLATED);
	assert_int_equal(net.now.pods[2], OPEN);
	assert_int_equal(net.now.pods[3], ISOLATED);
	assert_int_equal(net.now.tags[7], 1);
	assert_int_equal(net.now.tags[8], 0);
	assert_int_equal(net.now.tags[9], 0);
	assert_true(has_file(f, "policy-pods"));
	fake_api_delete(f->api, POLICY);
	run(f);
	assert_int_equal(net.now.pods[1], OPEN);
	assert_int_equal(net.now.pods[3], OPEN);
	assert_int_equal(net.now.tags[7], 0);
	assert_false(has_file(f, "policy-pods"));
	assert_false(has_file(f, "policy-namespaces"));
}

/* Peers change by themselves: their own entries, and no pass over everything. */
static void test_peers(void **state)
{
	struct fixture *f = *state;
	size_t passes;

	policy(f);
	local(f, "w", "web", 1);
	fake_time_run(&f->time, 5 * NSEC_PER_SEC);
	passes = net.begins;
	remote(f, POD("a", "c"), "cli", 7);
	run(f);
	assert_int_equal(net.now.tags[7], 1);
	remote(f, POD("a", "c"), "other", 7);
	run(f);
	assert_int_equal(net.now.tags[7], 0);
	remote(f, POD("a", "c"), "cli", 7);
	run(f);
	/* Its address is another pod's before it has gone. */
	remote(f, POD("a", "e"), "cli", 7);
	run(f);
	fake_api_delete(f->api, POD("a", "c"));
	run(f);
	assert_int_equal(net.now.tags[7], 1);
	fake_api_delete(f->api, POD("a", "e"));
	run(f);
	assert_int_equal(net.now.tags[7], 0);
	/* Ours are peers before any master tells so, and when they get other labels. */
	local(f, "c2", "cli", 4);
	assert_int_equal(net.now.tags[4], 1);
	local(f, "c2", "web", 4);
	assert_int_equal(net.now.tags[4], 0);
	assert_int_equal(net.now.pods[4], ISOLATED);
	local(f, "c2", "cli", 4);
	assert_int_equal(net.now.pods[4], OPEN);
	policy_sync_pod(f->s, STR("c2"), NULL, "", JV_NONE);
	run(f);
	assert_int_equal(net.now.tags[4], 0);
	assert_int_equal(net.begins, passes);
}

static void restart_alone(struct fixture *f)
{
	policy_sync_stop(f->s);
	fake_api_fail(f->api, "/", 0, 30); /* with backoff that is half a minute and more */
	start(f);
}

/* A new agent without a master: by its files after a while, and by the master when it is back. */
static void test_alone(void **state)
{
	struct fixture *f = *state;

	remote(f, POD("a", "c"), "cli", 7);
	policy(f);
	local(f, "w", "web", 1);
	fake_time_run(&f->time, 5 * NSEC_PER_SEC);
	restart_alone(f);
	local(f, "w", "web", 1);
	run(f);
	assert_int_equal(net.commits, 0); /* what is pinned goes on */
	fake_time_run(&f->time, 5 * NSEC_PER_SEC);
	assert_int_equal(net.now.pods[1], ISOLATED);
	assert_int_equal(net.now.tags[7], 1);
	local(f, "v", "web", 2);
	assert_int_equal(net.now.pods[2], ISOLATED);
	fake_api_delete(f->api, POLICY);
	fake_time_run(&f->time, 300 * NSEC_PER_SEC);
	assert_int_equal(net.now.pods[1], OPEN);
	assert_int_equal(net.now.pods[2], OPEN);
}

/* The disk is new but pods are guarded: nobody is let in for that. */
static void test_alone_without_files(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *path = xasprintf("%s/networkpolicies", f->dir);

	net.guarded = 1;
	policy_sync_stop(f->s);
	unlink(path);
	fake_api_fail(f->api, "/", 0, UINT32_MAX);
	start(f);
	local(f, "w", "web", 1);
	fake_time_run(&f->time, 60 * NSEC_PER_SEC);
	assert_int_equal(net.commits, 0);
	assert_int_equal(net.now.pods[1], CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_policies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_comes_and_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_peers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_alone_without_files, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
