/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/housekeeping.h"

#include "agent/image/image.h"
#include "agent/node/node.h"
#include "agent/pod/pods.h"
#include "lib/base/log.h"
#include "lib/sys/file.h"

#define PERIOD_NS (300 * NSEC_PER_SEC)
#define HIGH_PERCENT 85
#define LOW_PERCENT 80
#define DISK_FREE_MIN_PERCENT 10
#define MEM_FREE_MIN (100ll << 20)
#define IMAGE_MIN_AGE_NS (120 * NSEC_PER_SEC)

struct housekeeping {
	struct housekeeping_conf conf;
	struct timer timer;
};

static void collect_images(struct housekeeping *h, const struct image_fs_usage *u)
{
	uint64_t used = u->capacity_bytes - u->available_bytes, freed = 0;
	uint64_t low = u->capacity_bytes / 100 * LOW_PERCENT;
	struct image_gc_conf gc = {
		.min_age_ns = IMAGE_MIN_AGE_NS,
		.in_use = pods_image_in_use,
		.user = h->conf.pods,
	};

	if (used < u->capacity_bytes / 100 * HIGH_PERCENT)
		return;
	gc.want_free_bytes = used - low;
	if (image_gc(h->conf.images, &gc, &freed) < 0 || freed < gc.want_free_bytes)
		log_warn("the disk of images is %" PRIu64 " %% full; removing all unused images "
			 "freed %" PRIu64 " MiB of the %" PRIu64 " wanted",
			 used / MAX(u->capacity_bytes / 100, (uint64_t)1), freed >> 20,
			 gc.want_free_bytes >> 20);
	else
		log_notice("removed unused images: %" PRIu64 " MiB", freed >> 20);
	if (freed && h->conf.node)
		node_images_changed(h->conf.node);
}

/* A number of /proc: "MemAvailable:" in kB, or the first of a file. */
static int64_t proc_number(const char *path, const char *key)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	const char *s;

	if (file_read(AT_FDCWD, path, 65536, &b) < 0)
		return -1;
	s = key ? strstr(b.p, key) : b.p;
	return s ? strtoll(s + (key ? strlen(key) : 0), NULL, 10) : -1;
}

static void on_timer(struct timer *t)
{
	struct housekeeping *h = container_of(t, struct housekeeping, timer);
	struct image_fs_usage u;
	int64_t mem = proc_number("/proc/meminfo", "MemAvailable:");
	int64_t pid_max = proc_number("/proc/sys/kernel/pid_max", NULL);
	int64_t tasks = proc_number("/proc/loadavg", "/");
	bool disk = false;

	if (image_fs_usage(h->conf.images, &u) == 0 && u.capacity_bytes) {
		collect_images(h, &u);
		if (image_fs_usage(h->conf.images, &u) == 0)
			disk = u.available_bytes < u.capacity_bytes / 100 * DISK_FREE_MIN_PERCENT ||
			       (u.inodes && u.inodes_free < u.inodes / 20);
	}
	if (h->conf.node)
		node_set_pressure(h->conf.node, disk, mem >= 0 && mem * 1024 < MEM_FREE_MIN,
				  pid_max > 0 && tasks > pid_max / 10 * 9);
	timers_arm_in(h->conf.timers, &h->timer, PERIOD_NS);
}

struct housekeeping *housekeeping_start(const struct housekeeping_conf *conf)
{
	struct housekeeping *h = NEW(struct housekeeping);

	h->conf = *conf;
	h->timer.fire = on_timer;
	timers_arm_in(conf->timers, &h->timer, 10 * NSEC_PER_SEC);
	return h;
}

struct housekeeping *housekeeping_stop(struct housekeeping *h)
{
	if (h)
		timers_disarm(h->conf.timers, &h->timer);
	free(h);
	return NULL;
}
