/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses a node answers for without having them, as another machine's kernel on the link sees
 * it. */
#include "net/announce.h"
#include "lib/base/buf.h"
#include "lib/sys/file.h"
#include "lib/sys/timers_uv.h"
#include "net/netns.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <uv.h>

#define WAIT_NS (40 * NSEC_PER_SEC)
#define NODE_MAC "02:00:00:00:09:01"
#define OTHER_MAC "02:00:00:00:09:99"

struct fixture {
	char dir[32];
	int home, node, client;
	uv_loop_t loop;
	struct timers timers;
	struct timers_uv *timers_uv;
	struct announce *a;
	unsigned lost;
};

static void enter(int netns)
{
	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
}

static int new_netns(void)
{
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = netns_current();
	assert_true(fd >= 0);
	return fd;
}

static void sh(const char *cmd)
{
	if (system(cmd) != 0)
		fail_msg("failed: %s", cmd);
}

/* Does the command's output have `word` in it? In the client's namespace. */
static bool client_says(struct fixture *f, const char *cmd, const char *word)
{
	char out[4096] = "";
	FILE *p;
	size_t n;

	enter(f->client);
	p = popen(cmd, "r");
	assert_non_null(p);
	n = fread(out, 1, sizeof(out) - 1, p);
	out[n] = 0;
	pclose(p);
	enter(f->node);
	return strstr(out, word) != NULL;
}

static void turn(struct fixture *f)
{
	uv_run(&f->loop, UV_RUN_NOWAIT);
	usleep(5000);
}

static void wait_client(struct fixture *f, const char *cmd, const char *word)
{
	uint64_t end = clock_mono_ns(&clock_system) + WAIT_NS;

	while (!client_says(f, cmd, word)) {
		if (clock_mono_ns(&clock_system) > end)
			fail_msg("%s never said %s", cmd, word);
		for (int i = 0; i < 5; i++)
			turn(f);
	}
}

static void lost(void *user, struct ip_addr addr)
{
	struct fixture *f = user;

	f->lost++;
}

static struct announce *open_one(struct fixture *f, const char *link, const char *name)
{
	CLEANUP_FREE char *dir = xasprintf("%s/%s/net", f->dir, name);
	CLEANUP_FREE char *run = xasprintf("%s/%s", f->dir, name);
	struct announce_conf conf = {.loop = &f->loop,
				     .timers = &f->timers,
				     .uplink = if_nametoindex(link),
				     .run_dir = run,
				     .lost = lost,
				     .user = f};
	struct announce *a = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(dir_make(run, 0700), 0);
	assert_int_equal(dir_make(dir, 0700), 0);
	assert_int_equal(announce_open(&conf, &a, &err), 0);
	return a;
}

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(str_of(text), &a), 0);
	return a;
}

static void set(struct announce *a, const char *const *texts, size_t n)
{
	struct ip_addr v[4];
	struct err err = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		v[i] = ip(texts[i]);
	if (announce_set(a, v, n, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static int set_up(void **state)
{
	struct fixture *f = NEW(struct fixture);

	*state = f;
	str_copy(f->dir, sizeof(f->dir), STR("/tmp/knarr-announce-XXXXXX"));
	assert_non_null(mkdtemp(f->dir));
	f->home = netns_current();
	f->client = new_netns();
	f->node = new_netns();
	sh("ip link set lo up; ip link add up0 address " NODE_MAC
	   " type veth peer name cl0; ip addr add 10.9.0.1/24 dev up0;"
	   "ip addr add fd09::1/64 dev up0 nodad; ip link set up0 up");
	enter(f->client);
	sh("ip link set lo up");
	enter(f->node);
	{
		CLEANUP_FREE char *move =
			xasprintf("ip link set cl0 netns /proc/%d/fd/%d", getpid(), f->client);

		sh(move);
	}
	enter(f->client);
	sh("ip addr add 10.9.0.2/24 dev cl0; ip addr add fd09::2/64 dev cl0 nodad;"
	   "ip link set cl0 up");
	enter(f->node);
	uv_loop_init(&f->loop);
	timers_init(&f->timers, &clock_system);
	f->timers_uv = timers_uv_attach(&f->timers, &f->loop);
	f->a = open_one(f, "up0", "node");
	return 0;
}

static void close_handle(uv_handle_t *h, void *user)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	announce_close(f->a);
	f->timers_uv = timers_uv_detach(f->timers_uv);
	uv_walk(&f->loop, close_handle, NULL);
	while (uv_run(&f->loop, UV_RUN_NOWAIT))
		;
	assert_int_equal(uv_loop_close(&f->loop), 0);
	timers_done(&f->timers);
	enter(f->home);
	close(f->home);
	close(f->node);
	close(f->client);
	dir_remove_tree(AT_FDCWD, f->dir);
	free(f);
	return 0;
}

static const char *const vips[] = {"10.9.0.200", "fd09::200"};

/* A datagram to it makes the client's kernel look for whoever has it. */
static void poke(struct fixture *f, const char *addr)
{
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	bool four = inet_pton(AF_INET, addr, &to4.sin_addr) == 1;
	int fd;

	inet_pton(AF_INET6, addr, &to6.sin6_addr);
	enter(f->client);
	fd = socket(four ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	(void)!sendto(fd, "x", 1, 0, four ? (void *)&to4 : (void *)&to6,
		      four ? sizeof(to4) : sizeof(to6));
	close(fd);
	enter(f->node);
}

static void test_answers(void **state)
{
	struct fixture *f = *state;

	set(f->a, vips, 2);
	turn(f);
	/* What is told of its own accord makes no entry: only an answer does. */
	for (int i = 0; i < 2; i++) {
		CLEANUP_FREE char *cmd = xasprintf("ip neigh show %s", vips[i]);

		poke(f, vips[i]);
		wait_client(f, cmd, NODE_MAC);
		assert_true(announce_holds(f->a, ip(vips[i])));
	}
	poke(f, "fd09::201"); /* nobody's */
	for (int i = 0; i < 20; i++)
		turn(f);
	assert_false(client_says(f, "ip neigh show fd09::201", NODE_MAC));
}

/* Solicitations for it go to a group: what filters groups must let them through. */
static void test_joins_the_group(void **state)
{
	struct fixture *f = *state;

	set(f->a, vips, 2);
	if (system("ip maddr show dev up0 | grep -q ff02::1:ff00:200") != 0)
		fail_msg("the group of fd09::200 is not joined");
	set(f->a, vips, 1);
	turn(f);
	turn(f);
	assert_int_not_equal(system("ip maddr show dev up0 | grep -q ff02::1:ff00:200"), 0);
}

static void test_neighbours_forget_who_had_it(void **state)
{
	struct fixture *f = *state;

	enter(f->client);
	sh("ip neigh replace 10.9.0.200 lladdr " OTHER_MAC " dev cl0 nud stale;"
	   "ip neigh replace fd09::200 lladdr " OTHER_MAC " dev cl0 nud stale");
	enter(f->node);
	set(f->a, vips, 2);
	wait_client(f, "ip neigh show 10.9.0.200", NODE_MAC);
	wait_client(f, "ip neigh show fd09::200", NODE_MAC);
}

static void test_gives_way(void **state)
{
	struct fixture *f = *state;
	uint64_t end = clock_mono_ns(&clock_system) + WAIT_NS;
	struct announce *b;

	set(f->a, vips, 2);
	for (int i = 0; i < 10; i++)
		turn(f);
	enter(f->client);
	b = open_one(f, "cl0", "other");
	set(b, vips, 2);
	enter(f->node);
	while (f->lost < 2 && clock_mono_ns(&clock_system) < end)
		turn(f);
	for (int i = 0; i < 2; i++) {
		assert_false(announce_holds(f->a, ip(vips[i])));
		assert_true(announce_holds(b, ip(vips[i])));
	}
	announce_retake(f->a);
	while (f->lost < 4 && clock_mono_ns(&clock_system) < end)
		turn(f);
	assert_true(announce_holds(f->a, ip(vips[1])));
	assert_false(announce_holds(b, ip(vips[1])));
	announce_close(b);
}

/* Somebody about to take the address for itself is told that it is in use (RFC 4862). */
static void test_duplicate_is_found(void **state)
{
	struct fixture *f = *state;

	set(f->a, &vips[1], 1);
	turn(f);
	enter(f->client);
	sh("ip addr add fd09::200/64 dev cl0");
	enter(f->node);
	wait_client(f, "ip -6 addr show dev cl0", "dadfailed");
	assert_int_equal(f->lost, 0); /* it was a question */
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	struct timeval limit = {.tv_sec = 30};
	int fd, r;

	set(f->a, &vips[1], 1);
	poke(f, vips[1]);
	wait_client(f, "ip neigh show fd09::200", NODE_MAC);
	inet_pton(AF_INET6, vips[1], &to.sin6_addr);
	enter(f->client);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	r = connect(fd, (void *)&to, sizeof(to)) < 0 ? errno : 0;
	close(fd);
	enter(f->node);
	assert_true(r == EHOSTUNREACH || r == ENETUNREACH);
	set(f->a, NULL, 0);
	assert_int_not_equal(system("ip -6 route show | grep -q fd09::200"), 0);
	assert_false(announce_holds(f->a, ip(vips[1])));
}

/* What a killed agent left is taken away. */
static void test_reset(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *run = xasprintf("%s/node", f->dir);

	set(f->a, vips, 2);
	f->a = announce_close(f->a);
	sh("ip -6 route show | grep -q fd09::200; ip route show | grep -q 10.9.0.200");
	announce_reset(run);
	assert_int_not_equal(system("ip -6 route show | grep -q fd09::200"), 0);
	assert_int_not_equal(system("ip route show | grep -q 10.9.0.200"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_joins_the_group, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_neighbours_forget_who_had_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_gives_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_duplicate_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reset, set_up, tear_down),
	};

	if (geteuid() != 0) {
		printf("[  SKIPPED ] 1 test(s): needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
