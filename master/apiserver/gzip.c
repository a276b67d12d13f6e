/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/gzip.h"
#include "lib/http/server.h"

#include <zlib.h>

#define LEVEL 1
#define GZIP_WINDOW (15 + 16) /* of zlib: with the gzip format around it */

/* "gzip" or "*" with a q that is not zero. */
static bool wanted(struct str accept)
{
	struct str one, name, p;

	while (accept.len && str_split(&accept, ',', &one)) {
		bool no = false;

		str_split(&one, ';', &name);
		name = str_trim(name);
		while (one.p && str_split(&one, ';', &p)) {
			p = str_trim(p);
			no |= str_eqs(p, "q=0") || str_eqs(p, "q=0.0") || str_eqs(p, "q=0.00") ||
			      str_eqs(p, "q=0.000");
		}
		if (!no && str_eq_nocase(name, STR("gzip")))
			return true;
	}
	return false;
}

struct http_blob *gzip_answer(struct request *r, const struct http_piece *p, size_t n)
{
	struct http_req *req = r->front->http ? r->front->http(r) : NULL;
	size_t size = 0, bound;
	struct buf out = BUF_INIT;
	z_stream z = {0};
	int e = Z_OK;

	for (size_t i = 0; i < n; i++)
		size += p[i].bytes.len;
	if (!req || size < GZIP_MIN || size > GZIP_MAX ||
	    !wanted(http_req_header(req, "accept-encoding")) ||
	    deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	bound = deflateBound(&z, size);
	z.next_out = (unsigned char *)buf_reserve(&out, bound);
	z.avail_out = (unsigned)bound;
	for (size_t i = 0; i < n && e == Z_OK; i++) {
		z.next_in = (unsigned char *)p[i].bytes.p;
		z.avail_in = (unsigned)p[i].bytes.len;
		e = z.avail_in ? deflate(&z, Z_NO_FLUSH) : Z_OK;
	}
	e = deflate(&z, Z_FINISH);
	buf_setlen(&out, bound - z.avail_out);
	deflateEnd(&z);
	if (e != Z_STREAM_END) {
		buf_done(&out);
		return NULL;
	}
	return http_blob_take_buf(&out);
}
