/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TESTS_HTTP_SITE_H
#define KNARR_TESTS_HTTP_SITE_H
#include "lib/base/list.h"
#include "lib/http/server.h"
/*
 * The handler that tests and benchmarks serve:
 *	GET  /hello          "hello\n"
 *	GET  /big?N          N bytes, as pieces of one 64 KB blob
 *	GET  /stream?N       N bytes streamed with flow control
 *	POST /echo           the body back (413 beyond max_body)
 *	GET  /who            common name of the client certificate, or the verify error
 *	GET  /watch          an answer that goes on; POST /event sends the body to all of them
 *	GET  /refuse         401 and the connection is closed
 *	GET  /never          no answer at all
 *	any  /upgrade        101, then echo of raw bytes
 */
struct site {
	struct list watchers;
	unsigned n_watchers, closed, slow; /* ended on_close calls; of them with -ENOBUFS */
	int last_err;
};

void site_init(struct site *s);
void site_request(struct http_req *r, void *user); /* user: struct site */
/* One blob to every watcher. */
void site_event(struct site *s, struct str bytes);
#endif
