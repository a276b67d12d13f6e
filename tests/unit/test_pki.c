/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/sys/file.h"
#include "master/auth/jwt.h"
#include "master/auth/pki.h"
#include "tests/unit/test.h"

#include <sys/stat.h>

#define DAY_NS (86400 * NSEC_PER_SEC)

static int64_t fake_now;
static int64_t fake_real(void *user)
{
	return fake_now;
}
static uint64_t fake_mono(void *user)
{
	return (uint64_t)fake_now;
}
static const struct clock fake_clock = {fake_mono, fake_real, NULL};

static const char *const server_sans[] = {
	"kubernetes", "kubernetes.default.svc", "10.96.0.1", "127.0.0.1", "::1", NULL};
static const char *const other_sans[] = {"kubernetes", "10.96.0.2", NULL};

static char test_dir[64];

static int setup(void **state)
{
	fake_now = clock_real_ns(&clock_system);
	assert_true(str_copy(test_dir, sizeof(test_dir), STR("/tmp/knarr-pki-XXXXXX")) == 0);
	assert_non_null(mkdtemp(test_dir));
	return 0;
}

static int teardown(void **state)
{
	return dir_remove_tree(AT_FDCWD, test_dir);
}

static struct pki *open_pki(void)
{
	struct err e = ERR_INIT;
	struct pki *p = NULL;

	if (pki_open(test_dir, &fake_clock, &p, &e) < 0)
		fail_msg("%s", err_text(&e));
	return p;
}

static void test_reopen(void **state)
{
	CLEANUP(pki_freep) struct pki *a = open_pki();
	CLEANUP(buf_done) struct buf first = BUF_INIT;
	CLEANUP(buf_done) struct buf second = BUF_INIT;
	CLEANUP_FREE char *key = xasprintf("%s/ca.key", test_dir);
	struct stat st;

	pki_ca_hash(a, &first);
	assert_int_equal(first.len, strlen("sha256:") + 64);
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	a = pki_free(a);
	a = open_pki();
	pki_ca_hash(a, &second);
	assert_string_equal(first.p, second.p);
}

static void test_ensure(void **state)
{
	CLEANUP(pki_freep) struct pki *p = open_pki();
	CLEANUP(buf_done) struct buf cert = BUF_INIT;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct cert_spec spec = {.common_name = "kube-apiserver",
				 .sans = server_sans,
				 .server = true,
				 .valid_ns = 365 * DAY_NS};

	assert_int_equal(pki_ensure(p, "apiserver", &spec, &cert, &key, NULL), 1);
	assert_int_equal(pki_ensure(p, "apiserver", &spec, &cert, &key, NULL), 0);
	assert_non_null(strstr(key.p, "PRIVATE KEY"));
	/* Another set of names, then two thirds of a life gone: made anew each time. */
	spec.sans = other_sans;
	assert_int_equal(pki_ensure(p, "apiserver", &spec, &cert, &key, NULL), 1);
	assert_int_equal(pki_ensure(p, "apiserver", &spec, &cert, &key, NULL), 0);
	fake_now += (int64_t)(200 * DAY_NS);
	assert_int_equal(pki_ensure(p, "apiserver", &spec, &cert, &key, NULL), 0);
	fake_now += (int64_t)(50 * DAY_NS);
	assert_int_equal(pki_ensure(p, "apiserver", &spec, &cert, &key, NULL), 1);
}

static void test_ca_renewal_keeps_the_key(void **state)
{
	CLEANUP(pki_freep) struct pki *p = open_pki();
	CLEANUP(buf_done) struct buf before = BUF_INIT;
	CLEANUP(buf_done) struct buf after = BUF_INIT;

	pki_ca_hash(p, &before);
	assert_int_equal(pki_renew_ca(p, NULL), 0);
	fake_now += (int64_t)(3000 * DAY_NS);
	assert_int_equal(pki_renew_ca(p, NULL), 1);
	assert_int_equal(pki_renew_ca(p, NULL), 0);
	pki_ca_hash(p, &after);
	assert_string_equal(before.p, after.p);
}

static void test_subject(void **state)
{
	CLEANUP(pki_freep) struct pki *p = open_pki();
	CLEANUP(buf_done) struct buf pem = BUF_INIT;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	CLEANUP(cert_x509_freep) X509 *x = NULL;
	const char *const orgs[] = {"system:nodes", "second", NULL};
	struct cert_spec spec = {.common_name = "system:node:n1",
				 .organizations = orgs,
				 .client = true,
				 .valid_ns = DAY_NS};
	char *cn, *org;

	assert_int_equal(pki_ensure(p, "node", &spec, &pem, &key, NULL), 1);
	x = cert_from_pem(buf_str(&pem), NULL);
	assert_non_null(x);
	cn = cert_name_cn(X509_get_subject_name(x));
	assert_string_equal(cn, "system:node:n1");
	free(cn);
	org = cert_name_org(X509_get_subject_name(x), 1);
	assert_string_equal(org, "second");
	free(org);
	assert_null(cert_name_org(X509_get_subject_name(x), 2));
	assert_int_equal(X509_verify(x, pki_ca(p)->key), 1);
}

static void test_bad_files(void **state)
{
	CLEANUP_FREE char *path = xasprintf("%s/ca.key", test_dir);
	struct err e = ERR_INIT;
	struct pki *p = NULL;

	assert_int_equal(file_write_atomic(AT_FDCWD, path, STR("rubbish"), 0600), 0);
	assert_true(pki_open(test_dir, &fake_clock, &p, &e) < 0);
	assert_non_null(strstr(err_text(&e), "ca.key"));
	err_done(&e);
	assert_true(pki_open("/proc/no/such", &fake_clock, &p, &e) < 0);
	err_done(&e);
}

static void check_jwt(EVP_PKEY *key)
{
	CLEANUP(cert_pkey_freep) EVP_PKEY *other = cert_key_new(NULL);
	CLEANUP(buf_done) struct buf t = BUF_INIT;
	CLEANUP(buf_done) struct buf claims = BUF_INIT;
	CLEANUP(buf_done) struct buf set = BUF_INIT;
	struct str said = STR("{\"sub\":\"system:serviceaccount:default:default\"}");

	assert_int_equal(jwt_sign(key, said, &t, NULL), 0);
	assert_int_equal(jwt_verify(key, buf_str(&t), &claims), 0);
	assert_true(str_eq(buf_str(&claims), said));
	assert_int_equal(jwt_verify(other, buf_str(&t), &claims), -EACCES);
	assert_int_equal(jwt_key_set((EVP_PKEY *[]){key, NULL}, &set, NULL), 0);
	/* Every single character changed, and every cut, must not pass. */
	for (size_t i = 0; i < t.len; i++) {
		CLEANUP(buf_done) struct buf junk = BUF_INIT;
		char was = t.p[i];

		assert_int_equal(jwt_verify(key, str_n(t.p, i), &junk), -EACCES);
		t.p[i] = was == 'A' ? 'z' : 'A';
		assert_int_equal(jwt_verify(key, buf_str(&t), &junk), -EACCES);
		t.p[i] = was;
	}
}

static void test_jwt(void **state)
{
	CLEANUP(cert_pkey_freep) EVP_PKEY *ec = cert_key_new(NULL);
	CLEANUP(cert_pkey_freep) EVP_PKEY *rsa = EVP_RSA_gen(2048);

	check_jwt(ec);
	check_jwt(rsa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reopen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ensure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ca_renewal_keeps_the_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_subject, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
		cmocka_unit_test(test_jwt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
