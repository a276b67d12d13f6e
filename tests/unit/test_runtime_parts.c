/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the runtime: plans, users, devices, seccomp profiles, docker credentials. */
#include "agent/image/image.h"
#include "agent/runtime/devices.h"
#include "agent/runtime/plan.h"
#include "agent/runtime/runtime.h"
#include "agent/runtime/seccomp.h"
#include "agent/runtime/user.h"

#include <setjmp.h>
#include <cmocka.h>

static void small_plan(struct buf *out)
{
	struct plan p;
	plan_init(&p);
	p.clone_flags = 0x20000;
	plan_add(&p, PLAN_MKDIR, "/data", NULL, 0755);
	plan_add(&p, PLAN_SYMLINK, "pts/ptmx", "/dev/ptmx", 0);
	plan_add(&p, PLAN_IDS, "1,2", NULL, 1000)->b = 50;
	plan_add_arg(&p, "sh");
	plan_add_arg(&p, "");
	plan_add_env(&p, "A=b");
	plan_add(&p, PLAN_EXEC, "/bin", NULL, 0);
	assert_int_equal(plan_write(&p, out), 0);
	plan_done(&p);
}

static void test_plan(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, text = BUF_INIT;
	small_plan(&b);
	assert_true(plan_check((const void *)b.p, b.len, 0));
	plan_format((const void *)b.p, &text);
	assert_string_equal(text.p, "clone 0x20000\n"
				    "mkdir /data 0x1ed\n"
				    "symlink pts/ptmx /dev/ptmx\n"
				    "ids 1,2 0x3e8 0x32\n"
				    "exec /bin\n"
				    "argv sh\n"
				    "argv \n"
				    "env A=b\n");
}

/* Whatever is cut off or turned over, a plan is refused or stays within its bytes. */
static void test_plan_damaged(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, text = BUF_INIT;
	small_plan(&b);
	for (size_t n = 0; n < b.len; n++) {
		CLEANUP_FREE char *cut = xmemdup(b.p, n ? n : 1);
		assert_false(plan_check((const void *)cut, n, 0));
	}
	for (size_t i = 0; i < b.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			CLEANUP_FREE char *bad = xmemdup(b.p, b.len);
			bad[i] ^= (char)(1 << bit);
			if (plan_check((const void *)bad, b.len, 0)) {
				buf_clear(&text);
				plan_format((const void *)bad, &text);
			}
		}
}

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n# comment\n\nbroken\n"
			     "app:x:1000:1000::/home/app:/bin/sh\nnohome:x:7:7:::\n";
static const char group[] = "root:x:0:\nstaff:x:50:app,other\nwheel:x:10:root,app\n";

static int resolve(const char *spec, int64_t uid, int64_t gid, struct user *u)
{
	struct user_query q = {.spec = spec, .uid = uid, .gid = gid};
	return user_resolve(&q, str_of(passwd), str_of(group), u, NULL);
}

static void test_user(void **state)
{
	struct user *u = xcalloc(1, sizeof(*u));
	assert_int_equal(resolve("", -1, -1, u), 0);
	assert_int_equal(u->uid, 0);
	assert_string_equal(u->home, "/root");
	assert_int_equal(resolve("app", -1, -1, u), 0);
	assert_int_equal(u->uid, 1000);
	assert_int_equal(u->n_groups, 3);
	assert_int_equal(u->groups[0], 10);
	assert_int_equal(u->groups[1], 50);
	assert_int_equal(u->groups[2], 1000);
	assert_string_equal(u->home, "/home/app");
	assert_int_equal(resolve("1000:staff", -1, -1, u), 0);
	assert_int_equal(u->gid, 50);
	assert_int_equal(u->n_groups, 1);
	assert_int_equal(resolve("app", 7, -1, u), 0);
	assert_int_equal(u->uid, 7);
	assert_string_equal(u->home, "/");
	assert_int_equal(resolve("4242", -1, 9, u), 0);
	assert_int_equal(u->uid, 4242);
	assert_int_equal(u->gid, 9);
	assert_int_equal(resolve("bob", -1, -1, u), -EINVAL);
	assert_int_equal(resolve("app:nobody", -1, -1, u), -EINVAL);
	assert_int_equal(resolve("99999999999", -1, -1, u), -EINVAL);
	free(u);
}

static void test_devices(void **state)
{
	struct device_rule r = {'c', 10, -1, DEVICE_READ | DEVICE_MKNOD};
	char text[40];
	device_v1_text(&r, text);
	assert_string_equal(text, "c 10:* rm");
	assert_int_equal(device_access("rw"), DEVICE_READ | DEVICE_WRITE);
	assert_int_equal(device_access(NULL), DEVICE_ALL);
	assert_int_equal(device_access("rx"), 0);
}

static void test_caps(void **state)
{
	uint64_t m;
	assert_int_equal(runtime_cap_mask("NET_ADMIN", &m), 0);
	assert_int_equal(m, 1 << 12);
	assert_int_equal(runtime_cap_mask("cap_chown", &m), 0);
	assert_int_equal(m, 1);
	assert_int_equal(runtime_cap_mask("ALL", &m), 0);
	assert_true(m == RUNTIME_CAPS_ALL);
	assert_int_equal(runtime_cap_mask("NOTHING", &m), -EINVAL);
}

static void test_seccomp(void **state)
{
	static const char good[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":"
		"[\"read\",\"nosuchcall\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"
		"[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]}";
	static const char *const bad[] = {
		"{}",
		"[",
		"{\"defaultAction\":\"X\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"X\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":9,\"op\":\"SCMP_CMP_EQ\"}]}]}",
	};
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	scmp_filter_ctx ctx;
	assert_int_equal(seccomp_default(RUNTIME_CAPS_DEFAULT, &ctx, NULL), 0);
	assert_int_equal(seccomp_bytes(ctx, &b, NULL), 0);
	seccomp_release(ctx);
	assert_true(b.len > 1000 && b.len % 8 == 0 && b.len / 8 <= 4096);
	assert_int_equal(seccomp_default(~0ull, &ctx, NULL), 0);
	seccomp_release(ctx);
	assert_int_equal(seccomp_from_json(str_of(good), &ctx, NULL), 0);
	seccomp_release(ctx);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(seccomp_from_json(str_of(bad[i]), &ctx, NULL) < 0);
}

static void auth_is(const char *json, const char *ref, const char *user, const char *password)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	struct image_auth a;
	struct image_ref r;
	assert_int_equal(image_ref_parse(ref, &r, NULL), 0);
	int e = image_auth_from_docker_config(str_of(json), &r, &a, &scratch);
	if (!user) {
		assert_int_equal(e, -ENOENT);
		return;
	}
	assert_int_equal(e, 0);
	assert_string_equal(a.username, user);
	assert_string_equal(a.password, password);
}

static void test_auth(void **state)
{
	static const char json[] =
		"{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"dTpwOng=\"},"
		"\"*.example.com\":{\"username\":\"glob\",\"password\":\"g\"},"
		"\"reg.io:5000/team\":{\"username\":\"team\",\"password\":\"t\"},"
		"\"reg.io:5000\":{\"username\":\"all\",\"password\":\"a\"}}}";
	auth_is(json, "busybox", "u", "p:x");
	auth_is(json, "a.example.com/x", "glob", "g");
	auth_is(json, "a.b.example.com/x", NULL, NULL);
	auth_is(json, "reg.io:5000/team/app", "team", "t");
	auth_is(json, "reg.io:5000/teams/app", "all", "a");
	auth_is(json, "other.io/x", NULL, NULL);
	auth_is("{\"reg.io\":{\"username\":\"old\",\"password\":\"o\"}}", "reg.io/x", "old", "o");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan), cmocka_unit_test(test_plan_damaged),
		cmocka_unit_test(test_user), cmocka_unit_test(test_devices),
		cmocka_unit_test(test_caps), cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_auth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
