/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TESTS_HTTP_CERTS_H
#define KNARR_TESTS_HTTP_CERTS_H
#include "lib/base/buf.h"
/*
 * Throw-away certificates for tests: a CA, a server certificate for 127.0.0.1, ::1 and localhost,
 * a client certificate of the CA (CN "tester", O "testers") and one that signed itself.
 */
struct test_certs {
	struct buf ca, server, server_key, client, client_key, stranger, stranger_key;
};

void test_certs_make(struct test_certs *ret);
void test_certs_done(struct test_certs *c);
#endif
