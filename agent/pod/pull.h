/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_PULL_H
#define KNARR_POD_PULL_H
#include "agent/image/image.h"
/* A container's image by its pull policy (pkg/kubelet/images/image_manager.go). */
struct container;
/*
 * 1: *ret is the image. 0: a pull is under way (state PULLING) or failed and waits; the container's
 * waiting reason says which (ErrImagePull, ImagePullBackOff, ErrImageNeverPull,
 * InvalidImageName), and the pod is kicked when that changes.
 */
int pull_ready(struct container *c, const struct image_info **ret);
void pull_cancel(struct container *c);
#endif
