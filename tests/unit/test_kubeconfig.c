/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/client/kubeconfig.h"
#include "lib/sys/file.h"
#include "tests/unit/test.h"

static char dir[] = "/tmp/knarr-kubeconfig-XXXXXX";

static int setup(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	return dir_remove_tree(AT_FDCWD, dir);
}

static int load(const char *text, struct kubeconfig *k, struct err *e)
{
	CLEANUP_FREE char *p = xasprintf("%s/config", dir);

	assert_int_equal(file_write_atomic(AT_FDCWD, p, str_of(text), 0600), 0);
	return kubeconfig_load(p, NULL, k, e);
}

static void test_load(void **state)
{
	CLEANUP_FREE char *ca = xasprintf("%s/ca.pem", dir);
	struct kubeconfig k;
	struct err e = ERR_INIT;

	assert_int_equal(file_write_atomic(AT_FDCWD, ca, STR("CA"), 0600), 0);
	if (load("apiVersion: v1\nkind: Config\ncurrent-context: a\n"
		 "clusters:\n- name: c\n  cluster: {server: 'https://h:1', certificate-authority: "
		 "ca.pem}\n"
		 "users:\n- name: u\n  user: {client-certificate-data: Q0VSVA==, client-key-data: "
		 "S0VZ}\n"
		 "contexts:\n- name: a\n  context: {cluster: c, user: u, namespace: n}\n",
		 &k, &e))
		fail_msg("%s", err_text(&e));
	assert_string_equal(k.server, "https://h:1");
	assert_string_equal(k.ca_pem.p, "CA");
	assert_string_equal(k.cert_pem.p, "CERT");
	assert_string_equal(k.key_pem.p, "KEY");
	assert_string_equal(k.ns, "n");
	kubeconfig_done(&k);
}

static void test_bad(void **state)
{
#define HEAD "current-context: a\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\n"
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"", "not a kubeconfig"},
		{"a: [", "yaml: line"},
		{"{}", "current-context: not set"},
		{"current-context: x", "contexts: no context \"x\""},
		{HEAD, "no cluster \"c\""},
		{HEAD "clusters: [{name: c, cluster: {server: h}}]",
		 "clusters[c].cluster.server: must be a URL"},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://h'}}]", "no user \"u\""},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://h', "
		      "certificate-authority-data: '!'}}]",
		 "clusters[c].cluster.certificate-authority-data: not base64"},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://h', "
		      "certificate-authority: gone}}]",
		 "clusters[c].cluster.certificate-authority: cannot read"},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
		      "users: [{name: u, user: {exec: {command: x}}}]",
		 "exec plugins"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kubeconfig k;
		struct err e = ERR_INIT;

		assert_true(load(bad[i].text, &k, &e) < 0);
		if (!strstr(err_text(&e), bad[i].says))
			fail_msg("%s: %s", bad[i].text, err_text(&e));
		err_done(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
