/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_IMAGE_STORE_H
#define KNARR_IMAGE_STORE_H
#include "agent/image/image.h"
#include "lib/base/list.h"
#include "lib/json/jv.h"
/* Inside of agent/image: the list of images and its file. */

struct image {
	struct image_info info; /* its pointers point into this struct's own strings */
	char **names, **repo_digests, **layers; /* layers: diff ids ("sha256:..."), bottom first */
	size_t n_names, n_digests, n_layers;
	char **strings; /* what info.config and lower_dirs borrow; freed with the image */
	size_t n_strings, cap_strings;
	void **arrays;
	size_t n_arrays, cap_arrays;
};

struct image_store {
	char *dir, *helper;
	struct uv_loop_s *loop;
	struct image_registry *registries;
	size_t n_registries;
	uint32_t parallel_layers;
	uint64_t max_image_bytes;
	struct image **images; /* sorted by id */
	size_t n, cap;
	uint64_t list_ino, list_mtime_ns; /* of images.json as it was read */
	struct list jobs;
	int dir_fd;
};

/* Read images.json again if another process has replaced it. */
int image_store_refresh(struct image_store *s, struct err *err);
/*
 * Change the list: takes the store's lock, refreshes, calls `change`, writes the file. `change`
 * returns 0 to go on or a negative errno to leave everything as it was.
 */
int image_store_change(struct image_store *s, int (*change)(struct image_store *s, void *user),
		       void *user, struct err *err);
/*
 * Add what the helper has put into the store ("image" of its last line: manifest, config, names,
 * repoDigests, layers). Names move to it from other images. Reads and checks the config.
 */
int image_store_add(struct image_store *s, struct jv made, bool pinned,
		    const struct image_info **ret, struct err *err);
/* The end of a store without jobs; image_store_close ends those first. */
void image_store_free(struct image_store *s);
struct image *image_store_by_id(struct image_store *s, struct str id);
#endif
