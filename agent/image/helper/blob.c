/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/image/helper/helper.h"
#include "lib/base/codec.h"
#include "lib/sys/file.h"

void hash_init(struct hash *h)
{
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || !EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL))
		abort();
}

void hash_add(struct hash *h, const void *p, size_t len)
{
	EVP_DigestUpdate(h->ctx, p, len);
}

void hash_final(struct hash *h, char ret[DIGEST_LEN + 1])
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	unsigned char md[32];

	EVP_DigestFinal_ex(h->ctx, md, NULL);
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
	buf_adds(&b, "sha256:");
	hex_encode(str_n(md, sizeof(md)), &b);
	str_copy(ret, DIGEST_LEN + 1, buf_str(&b));
}

bool digest_valid(struct str d)
{
	if (d.len != DIGEST_LEN || !str_starts(d, STR("sha256:")))
		return false;
	for (size_t i = 7; i < d.len; i++)
		if (!((d.p[i] >= '0' && d.p[i] <= '9') || (d.p[i] >= 'a' && d.p[i] <= 'f')))
			return false;
	return true;
}

int blob_put(struct helper *h, struct str bytes, char ret[DIGEST_LEN + 1], struct err *err)
{
	CLEANUP_FREE char *path = NULL;
	struct hash hash;
	int r;

	hash_init(&hash);
	hash_add(&hash, bytes.p, bytes.len);
	hash_final(&hash, ret);
	path = xasprintf("blobs/sha256/%s", ret + 7);
	r = file_write_atomic(h->dir_fd, path, bytes, 0644);
	return r < 0 ? err_sys(err, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}
