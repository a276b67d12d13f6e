/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/message.h"

struct http_blob *http_blob_new(struct str bytes)
{
	struct http_blob *b = xmalloc(sizeof(*b) + bytes.len);
	char *copy = (char *)(b + 1);

	if (bytes.len)
		memcpy(copy, bytes.p, bytes.len);
	*b = (struct http_blob){.bytes = str_n(copy, bytes.len), .refs = 1};
	return b;
}

struct http_blob *http_blob_take_buf(struct buf *src)
{
	size_t len = src->len;
	char *mem = buf_take(src);

	return http_blob_wrap(str_n(mem, len), free, mem);
}

struct http_blob *http_blob_wrap(struct str bytes, void (*release)(void *user), void *user)
{
	struct http_blob *b = xmalloc(sizeof(*b));

	*b = (struct http_blob){.bytes = bytes, .refs = 1, .release = release, .user = user};
	return b;
}

struct http_blob *http_blob_ref(struct http_blob *b)
{
	b->refs++;
	return b;
}

struct http_blob *http_blob_unref(struct http_blob *b)
{
	if (b && --b->refs == 0) {
		if (b->release)
			b->release(b->user);
		free(b);
	}
	return NULL;
}

const char *http_status_text(int status)
{
	static const struct {
		int code;
		const char *text;
	} names[] = {
		{100, "Continue"},
		{101, "Switching Protocols"},
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{406, "Not Acceptable"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{413, "Request Entity Too Large"},
		{415, "Unsupported Media Type"},
		{417, "Expectation Failed"},
		{422, "Unprocessable Entity"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].code == status)
			return names[i].text;
	return "";
}
