/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HOUSEKEEPING_H
#define KNARR_HOUSEKEEPING_H
#include "lib/base/timers.h"
/*
 * What the node does for its own room, every five minutes: unused images go when the disk is fuller
 * than 85 % until it is below 80 % (pkg/kubelet/images/image_gc_manager.go), and the conditions
 * DiskPressure (less than 10 % left), MemoryPressure (less than 100 MiB) and PIDPressure (less than
 * 10 % of the PIDs) are told.
 */
struct housekeeping;
struct image_store;
struct node;
struct pods;
struct housekeeping_conf {
	struct timers *timers;
	struct image_store *images;
	struct pods *pods;
	struct node *node; /* may be NULL */
};
struct housekeeping *housekeeping_start(const struct housekeeping_conf *conf);
struct housekeeping *housekeeping_stop(struct housekeeping *h);
#endif
