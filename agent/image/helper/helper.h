/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_IMAGE_HELPER_H
#define KNARR_IMAGE_HELPER_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/json/jv.h"

#include <openssl/evp.h>
/*
 * knarr-image-helper: reads the bytes of strangers (archives, layers) so that the agent need not.
 *
 *	knarr-image-helper import DIR	descriptor 3: the archive or layout folder
 *	knarr-image-helper pull DIR
 *
 * A JSON document with the job's settings comes on standard input: {"name", "ref", "maxBytes",
 * "parallel", "registries": [...], "auths": [...]}. Lines of JSON go to standard output:
 * {"progress": {...}} now and then, {"image": {...}} for each image that is in the store now, and
 * {"error": {"errno", "message"}} as the last one of a failure.
 *
 * Before it looks at a byte of a layer it is in namespaces of its own (mount, network, IPC), its
 * root is the store's folder, and of its capabilities those remain that unpacking needs.
 */
struct helper {
	int dir_fd; /* the store, "/" once confined */
	uint64_t max_bytes; /* unpacked, of one image */
	uint64_t bytes, total; /* progress over all layers */
	uint32_t layers_done, layers_total;
	const char *step;
	uint64_t last_progress_ns;
	struct jv settings;
};

void helper_progress(struct helper *h, bool now);
void helper_error(const struct err *e); /* writes the {"error"} line */
/* Shut ourselves into the store's folder; from here on paths are relative to it. */
int helper_confine(struct helper *h, struct err *err);

/* ---- blob.c ---- */
struct hash {
	EVP_MD_CTX *ctx;
};
void hash_init(struct hash *h);
void hash_add(struct hash *h, const void *p, size_t len);
/* "sha256:<hex>"; ends it. */
#define DIGEST_LEN 71
void hash_final(struct hash *h, char ret[DIGEST_LEN + 1]);
/* True for "sha256:" and 64 lower-case hexadecimal digits. */
bool digest_valid(struct str digest);
/* Keep bytes as blobs/sha256/HEX and give their digest. */
int blob_put(struct helper *h, struct str bytes, char ret[DIGEST_LEN + 1], struct err *err);

/* ---- unpack.c ---- */
/*
 * Read a tar, compressed or not, from `fd` and write it beneath the folder `to_fd`. With `layer`
 * the whiteouts of OCI layers become overlayfs's, and diff_id (may be NULL) gets the digest of the
 * uncompressed bytes. Counts bytes into h->bytes and fails with -EFBIG above h->max_bytes.
 */
int unpack_tar(struct helper *h, int fd, int to_fd, bool layer, char diff_id[DIGEST_LEN + 1],
	       struct err *err);
/*
 * The layer `diff_id` from a blob: unpacked into tmp/, checked, and moved to layers/HEX. Does
 * nothing if it is there.
 */
int layer_add(struct helper *h, int fd, struct str diff_id, struct err *err);

/* ---- manifest.c ---- */
/* Where blobs of an image come from: a layout folder, or a registry's cache in tmp/. */
struct source {
	/* An open descriptor of a blob, at its start. */
	int (*open_blob)(struct source *s, struct str digest, struct err *err);
};
/*
 * Bring in the image of a manifest (already checked against its digest): config and layers.
 * `names`/`repo_digests`: JSON arrays. Writes the {"image"} line.
 */
int manifest_add(struct helper *h, struct source *s, struct str manifest, struct str names,
		 struct str repo_digests, struct err *err);
/* -ENOEXEC with both platforms named if an index has nothing for this machine. */
int index_pick(struct jv index, struct str *ret_digest, struct err *err);
bool is_index(struct jv doc, struct str media_type);
/* Read a blob of at most 4 MiB and check its digest. */
int blob_read(struct source *s, struct str digest, struct buf *out, struct err *err);

/* ---- layout.c ---- */
int import_run(struct helper *h, int from_fd, struct err *err);
/* ---- pull.c ---- */
/* HELPER_SAID_SO: it failed, and the error line is written already. */
#define HELPER_SAID_SO 1
int pull_run(struct helper *h, struct err *err);
#endif
