/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HMAP_H
#define KNARR_HMAP_H
#include "lib/base/str.h"
/*
 * A hash map from text to a pointer. Keys are copied, values are the caller's. Open addressing
 * with linear probing and keyed hashing, so keys chosen by a stranger don't degrade it.
 */
struct hmap;

struct hmap_entry {
	uint64_t hash;
	struct str key; /* key.p NULL: the slot is free */
	void *value;
};

struct hmap *hmap_new(void);
/* Frees the map; with `free_value` not NULL also every value by it. Returns NULL. */
struct hmap *hmap_free_full(struct hmap *m, void (*free_value)(void *));
static inline struct hmap *hmap_free(struct hmap *m)
{
	return hmap_free_full(m, NULL);
}
size_t hmap_len(const struct hmap *m);
void *hmap_get(const struct hmap *m, struct str key); /* NULL when absent */
bool hmap_has(const struct hmap *m, struct str key);
/* Sets the value and returns the one it replaces (NULL if new). */
void *hmap_put(struct hmap *m, struct str key, void *value);
void *hmap_del(struct hmap *m, struct str key); /* returns the removed value */
/* Iterate in no particular order; the map must not change meanwhile. Start with *pos = 0. */
const struct hmap_entry *hmap_next(const struct hmap *m, size_t *pos);
#define hmap_for_each(it, m)                                               \
	for (size_t it##_pos = 0, it##_once = 1; it##_once; it##_once = 0) \
		for (const struct hmap_entry *it; (it = hmap_next(m, &it##_pos));)
DEFINE_CLEANUP(struct hmap *, hmap_freep, hmap_free)
#endif
