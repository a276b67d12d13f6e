/* SPDX-License-Identifier: Apache-2.0 */
/* A page of somebody's pod, whose links are rewritten. */
#include "lib/base/buf.h"
#include "master/apiserver/proxy_html.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(struct str in)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	CLEANUP(buf_done) struct buf url = BUF_INIT;

	size_t spaces = 0;

	for (size_t i = 0; i < in.len; i++)
		spaces += strchr(" \t\n\v\f\r", in.p[i]) != NULL;
	proxy_rewrite_html(in, STR("/p/proxy"), STR("10.0.0.1:80"), &out);
	if (out.len + spaces < in.len && !memmem(in.p, in.len, "://10.0.0.1:80", 14) &&
	    !memmem(in.p, in.len, "//10.0.0.1:80", 13))
		abort(); /* nothing else makes it shorter but white space around a link */
	proxy_rewrite_url(in, STR("/p/proxy"), STR("10.0.0.1:80"), &url);
}
