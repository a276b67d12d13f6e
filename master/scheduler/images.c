/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/images.h"

void sched_image_free(void *image)
{
	struct sched_image *im = image;

	free(im->on);
	free(im->name);
	free(im);
}

static struct sched_image *image_of(struct sched_cache *c, struct str name)
{
	struct sched_image *im = hmap_get(c->images, name);

	if (im)
		return im;
	im = NEW(struct sched_image);
	im->name = str_dup(name);
	im->on = xcalloc(sched_words(c->cap_slots) + 1, sizeof(*im->on));
	hmap_put(c->images, name, im);
	return im;
}

static void leave(struct sched_cache *c, struct sched_node *n, struct sched_image **v, size_t n_v)
{
	for (size_t i = 0; i < n_v; i++) {
		struct sched_image *im = v[i];

		sched_bit_set(im->on, n->slot, false);
		if (--im->n_nodes)
			continue;
		hmap_del(c->images, str_of(im->name));
		sched_image_free(im);
	}
	free(v);
}

void sched_images_clear(struct sched_cache *c, struct sched_node *n)
{
	leave(c, n, TAKE(n->images), n->n_images);
	n->n_images = n->cap_images = 0;
}

void sched_images_set(struct sched_cache *c, struct sched_node *n)
{
	struct sched_image **old = TAKE(n->images);
	size_t n_old = n->n_images;

	n->n_images = n->cap_images = 0;
	/* The new ones first, so that one which stays is not freed between. */
	for (size_t i = 0; i < n_old; i++)
		sched_bit_set(old[i]->on, n->slot, false);
	jv_for_each (im, jv_get(object_status(n->obj), "images")) {
		int64_t bytes = jv_i64(jv_get(im.value, "sizeBytes"), 0);

		jv_for_each (name, jv_get(im.value, "names")) {
			struct sched_image *i = image_of(c, jv_text(name.value));

			i->size_bytes = bytes;
			if (sched_bit(i->on, n->slot))
				continue;
			sched_bit_set(i->on, n->slot, true);
			i->n_nodes++;
			*ARRAY_PUSH(n->images, n->n_images, n->cap_images) = i;
		}
	}
	for (size_t i = 0; i < n_old; i++) {
		bool stays = sched_bit(old[i]->on, n->slot);

		if (--old[i]->n_nodes)
			continue;
		assert(!stays);
		hmap_del(c->images, str_of(old[i]->name));
		sched_image_free(old[i]);
	}
	free(old);
}

void sched_images_grow(struct sched_cache *c, uint32_t old_cap)
{
	size_t old = sched_words(old_cap) + 1, words = sched_words(c->cap_slots) + 1;

	hmap_for_each (e, c->images) {
		struct sched_image *im = e->value;

		im->on = xrealloc(im->on, words * sizeof(*im->on));
		memset(im->on + old, 0, (words - old) * sizeof(*im->on));
	}
}
