/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_IMAGE_REGISTRY_H
#define KNARR_IMAGE_REGISTRY_H
#include "agent/image/helper/helper.h"
#include "agent/image/image.h"
/*
 * A client of the OCI distribution specification 1.1 (and docker's registry API v2) for one
 * repository of one host, by libcurl. Blocking: it runs in a process of its own.
 */
struct registry_conf {
	const char *host; /* "127.0.0.1:5000"; docker.io is asked at registry-1.docker.io */
	const char *repository;
	bool plain_http, skip_verify;
	const char *ca_file;
	struct jv auths; /* [{"username","password","identityToken","registryToken"}] */
};
struct registry;
struct registry *registry_new(const struct registry_conf *conf);
struct registry *registry_free(struct registry *r);

/*
 * A manifest or index by tag or digest, at most 4 MiB, as valid JSON. Credentials are tried in
 * turn, then none. -ENOENT, -EACCES, -ECONNREFUSED, -ETIMEDOUT, -EIO.
 */
int registry_manifest(struct registry *r, const char *reference, struct buf *out, struct err *err);

struct registry_blob {
	char digest[DIGEST_LEN + 1];
	uint64_t size; /* as the manifest says; 0: unknown */
};
/*
 * Fetch blobs into files "DIR/blob-HEX", up to `parallel` at once, each checked against its digest
 * while it comes in. What was begun earlier is resumed; a broken connection is tried again.
 * on_bytes is called with what arrives.
 */
int registry_blobs(struct registry *r, int dir_fd, const struct registry_blob *blobs, size_t n,
		   unsigned int parallel, void (*on_bytes)(void *user, size_t n), void *user,
		   struct err *err);
#endif
