/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_IMAGE_H
#define KNARR_IMAGE_H
#include "lib/base/err.h"
/*
 * The image store: container images by name and digest, unpacked for overlayfs. It knows no
 * Kubernetes types. Formats: OCI image layout (directory or tar), docker archive (`docker save`),
 * and registries (OCI distribution specification 1.1; docker schema 2).
 *
 *	DIR/blobs/sha256/HEX    manifests, configs (checked against their digest when written)
 *	DIR/layers/DIFFID/      a layer unpacked: whiteouts are 0:0 devices, opaque directories
 *xattrs DIR/images.json         names -> manifest digest, pins; replaced atomically DIR/tmp/ what
 *is being fetched or unpacked; emptied at start
 *
 * Everything that reads bytes from outside (fetching, unpacking) runs in knarr-image-helper, a
 * process without privileges beyond those unpacking needs, confined to DIR; this side only reads
 * files which the helper has checked, and checks them again. One thread; nothing here blocks for
 * longer than reading small files of DIR.
 *
 * Names are normalised as docker does: "busybox" is docker.io/library/busybox:latest, "a/b:1" is
 * docker.io/a/b:1, "localhost:5000/x@sha256:..." keeps its digest.
 */
struct image_store;
struct uv_loop_s;

/* A parsed, normalised reference (github.com/distribution/reference grammar). */
struct image_ref {
	char registry[256]; /* "docker.io", "registry.example:5000" */
	char repository[256]; /* "library/busybox" */
	char tag[129]; /* "" when only a digest was given */
	char digest[72]; /* "sha256:<64 hex>", or "" */
};
/* -EINVAL with `couldn't parse image reference "...": invalid reference format` and the like. */
int image_ref_parse(const char *text, struct image_ref *ret, struct err *err);
#define IMAGE_REF_MAX 720
/* "docker.io/library/busybox:latest", with "@sha256:..." when it has a digest. */
void image_ref_format(const struct image_ref *ref, char ret[IMAGE_REF_MAX]);

struct image_registry {
	const char *host; /* "127.0.0.1:5000" */
	bool plain_http; /* speak HTTP; loopback registries too are HTTPS unless this is set */
	bool skip_verify;
	const char *mirror_of; /* e.g. "docker.io": ask this host first; NULL: no mirror */
	const char *ca_file; /* NULL: the system's */
};

struct image_conf {
	const char *dir;
	const char *helper; /* knarr-image-helper; NULL: the installed one */
	struct uv_loop_s *loop;
	const struct image_registry *registries; /* copied */
	size_t n_registries;
	uint32_t parallel_layers; /* 0: 4 */
	uint64_t max_image_bytes; /* unpacked, a guard against bombs; 0: 64 GiB */
};

/* Makes DIR if needed and reads it. */
int image_store_open(const struct image_conf *conf, struct image_store **ret, struct err *err);
/* Running imports and pulls are ended; their callbacks get -ECANCELED. */
struct image_store *image_store_close(struct image_store *s);

/* ---- What there is ---- */
struct image_config {
	const char *os, *architecture, *variant;
	const char *user; /* "" if none */
	const char *working_dir; /* "" if none */
	const char *stop_signal; /* "SIGQUIT", "" if none */
	const char *const *env; /* NULL-terminated, never NULL itself; so all lists */
	const char *const *entrypoint;
	const char *const *cmd;
	const char *const *volumes;
	const char *const *exposed_ports;
};

struct image_info {
	const char *id; /* "sha256:..." of the config: the CRI's image id */
	const char *digest; /* of the manifest */
	const char *const *names; /* normalised, with tag; NULL-terminated; may be empty */
	const char *const *repo_digests; /* "docker.io/library/busybox@sha256:..." */
	struct image_config config;
	const char *const *lower_dirs; /* top-most first, NULL-terminated; for container_spec */
	size_t n_lower_dirs;
	uint64_t size_bytes; /* unpacked layers */
	bool pinned;
	int64_t created_ns, last_used_ns; /* Unix time: when it came here; when last resolved */
};
/*
 * Find an image by name (any form), "name@digest", image id ("sha256:..." or its hex prefix of
 * 12 or more). -ENOENT: not here. *ret borrows from the store until the image is removed.
 */
int image_resolve(struct image_store *s, const char *ref, const struct image_info **ret,
		  struct err *err);
/* Iterate in order of id: start with NULL; NULL at the end. */
const struct image_info *image_next(struct image_store *s, const struct image_info *after);

/* ---- Getting images ---- */
struct image_job; /* one import or pull; gone after its done callback */

struct image_progress {
	const char *step; /* "resolving", "fetching", "unpacking" */
	uint64_t done_bytes, total_bytes; /* over all layers; total 0: not known yet */
	uint32_t layers_done, layers_total;
};

struct image_job_ops {
	void (*progress)(void *user, const struct image_progress *p); /* may be NULL */
	/* info: the image, when r is 0. Errors: -ENOENT not in the registry, -EACCES it wants
	 * (other) credentials, -EINVAL bad bytes, -ENOSPC, -ETIMEDOUT, -ECONNREFUSED, -ENOEXEC no
	 * image for this machine's architecture, ...: err says which in the registry's words. */
	void (*done)(void *user, int r, const struct image_info *info, const struct err *err);
};

/*
 * Import from `path`: an OCI layout directory, or a tar of one, or a docker archive; tars may be
 * compressed with gzip or zstd. All tagged images in it come in; `name` (may be NULL) names the
 * image when it holds exactly one. Imported images are pinned: gc never takes them.
 */
int image_import(struct image_store *s, const char *path, const char *name,
		 const struct image_job_ops *ops, void *user, struct image_job **ret,
		 struct err *err);

struct image_auth {
	const char *username, *password; /* basic, or for the token server */
	const char *identity_token, *registry_token;
};
/*
 * Credentials for `ref` out of a .dockerconfigjson / .dockercfg document (Kubernetes matching:
 * globs in the host, longest path first). Fills *ret with strings owned by *scratch.
 * -ENOENT: none matches; -EINVAL: no such document.
 */
struct buf;
int image_auth_from_docker_config(struct str json, const struct image_ref *ref,
				  struct image_auth *ret, struct buf *scratch);

/*
 * Pull from a registry; several credentials are tried in turn, then anonymous. An image already
 * here under the same digest costs one HEAD. Two pulls of the same name share the work.
 */
int image_pull(struct image_store *s, const char *ref, const struct image_auth *auths,
	       size_t n_auths, const struct image_job_ops *ops, void *user, struct image_job **ret,
	       struct err *err);
/* End it; done gets -ECANCELED. What was fetched whole is kept for the next try. */
void image_job_cancel(struct image_job *job);

/* ---- Letting go ---- */
/*
 * Remove a name; the image goes with its last name (or at once when `ref` is an id). Layers no
 * other image has are deleted in the background. -ENOENT: not here; -EBUSY never: running
 * containers must be told apart by the caller (in_use below is for gc).
 */
int image_remove(struct image_store *s, const char *ref, struct err *err);
int image_pin(struct image_store *s, const char *ref, bool pinned, struct err *err);

struct image_gc_conf {
	uint64_t
		want_free_bytes; /* stop when this much was freed; UINT64_MAX: all that is unused */
	uint64_t min_age_ns; /* leave what came or was used more recently */
	bool (*in_use)(void *user, const char *image_id);
	void *user;
};
/* Least recently used first; pinned and used images stay. Returns bytes freed in *ret_freed. */
int image_gc(struct image_store *s, const struct image_gc_conf *conf, uint64_t *ret_freed);

struct image_fs_usage {
	uint64_t capacity_bytes, available_bytes, used_bytes; /* used: by this store */
	uint64_t inodes, inodes_free, inodes_used;
};
int image_fs_usage(struct image_store *s, struct image_fs_usage *ret);
#endif
