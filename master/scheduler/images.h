/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_IMAGES_H
#define KNARR_SCHEDULER_IMAGES_H
#include "master/scheduler/cache.h"
/* Which nodes have which container images (status.images), as the cache keeps it. */
void sched_images_set(struct sched_cache *c, struct sched_node *n); /* from n->obj */
void sched_images_clear(struct sched_cache *c, struct sched_node *n);
void sched_images_grow(struct sched_cache *c, uint32_t old_cap);
void sched_image_free(void *image);
#endif
