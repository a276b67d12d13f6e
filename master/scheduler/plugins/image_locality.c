/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/*
 * ImageLocality: nodes that have the pod's images already. An image counts by its size and by the
 * share of nodes which have it, so that one node does not draw all pods to itself
 * (k8s pkg/scheduler/framework/plugins/imagelocality).
 */
#define MB (1024ll * 1024)
#define SMALLEST (23 * MB)
#define LARGEST_PER_CONTAINER (1000 * MB)

static bool prepare_score(struct sched_cycle *cy)
{
	const struct sched_class *cl = cy->class;

	cy->n_images = 0;
	for (size_t i = 0; i < cl->n_images; i++) {
		const struct sched_image *im = hmap_get(cy->cache->images, str_of(cl->images[i]));

		if (im)
			*ARRAY_PUSH(cy->images, cy->n_images, cy->cap_images) = im;
	}
	return cy->n_images > 0;
}

static void score(struct sched_cycle *cy, int64_t *scores)
{
	int64_t largest = LARGEST_PER_CONTAINER * (int64_t)MAX(cy->class->n_images, (size_t)1);
	int64_t all = (int64_t)MAX(cy->cache->n_nodes, (size_t)1);

	for (size_t k = 0; k < cy->n_fit; k++) {
		int64_t sum = 0;

		for (size_t i = 0; i < cy->n_images; i++)
			if (sched_bit(cy->images[i]->on, cy->fit[k]->slot))
				sum += (int64_t)((double)cy->images[i]->size_bytes *
						 cy->images[i]->n_nodes / (double)all);
		sum = MIN(MAX(sum, SMALLEST), largest);
		scores[k] = SCHED_SCORE_MAX * (sum - SMALLEST) / (largest - SMALLEST);
	}
}

const struct sched_plugin sched_image_locality = {
	.name = "ImageLocality",
	.weight = 1,
	.prepare_score = prepare_score,
	.score = score,
};
