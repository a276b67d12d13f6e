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

bool gzip_wanted(struct request *r)
{
	struct http_req *req = r->front->http ? r->front->http(r) : NULL;

	return req && wanted(http_req_header(req, "accept-encoding"));
}

int gzip_pack(struct str in, int level, struct buf *out)
{
	z_stream z = {.next_in = (unsigned char *)in.p, .avail_in = (unsigned)in.len};
	size_t bound;
	int e;

	if (in.len > UINT_MAX / 2 ||
	    deflateInit2(&z, level, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -EINVAL;
	bound = deflateBound(&z, in.len);
	z.next_out = (unsigned char *)buf_reserve(out, bound);
	z.avail_out = (unsigned)bound;
	e = deflate(&z, Z_FINISH);
	buf_setlen(out, out->len + bound - z.avail_out);
	deflateEnd(&z);
	return e == Z_STREAM_END ? 0 : -EINVAL;
}

int gzip_unpack(struct str in, struct buf *out)
{
	z_stream z = {.next_in = (unsigned char *)in.p, .avail_in = (unsigned)in.len};
	int e = Z_OK;

	if (in.len > UINT_MAX || inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return -EINVAL;
	while (e == Z_OK) {
		unsigned room = 256u << 10;

		z.next_out = (unsigned char *)buf_reserve(out, room);
		z.avail_out = room;
		e = inflate(&z, Z_NO_FLUSH);
		buf_setlen(out, out->len + room - z.avail_out);
	}
	inflateEnd(&z);
	return e == Z_STREAM_END ? 0 : -EINVAL;
}

struct http_blob *gzip_answer(struct request *r, const struct http_piece *p, size_t n)
{
	size_t size = 0, bound;
	struct buf out = BUF_INIT;
	z_stream z = {0};
	int e = Z_OK;

	for (size_t i = 0; i < n; i++)
		size += p[i].bytes.len;
	if (size < GZIP_MIN || size > GZIP_MAX || !gzip_wanted(r) ||
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
