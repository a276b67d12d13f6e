/* SPDX-License-Identifier: Apache-2.0 */
#include "master/autosave.h"
#include "lib/base/log.h"
#include "lib/sys/file.h"
#include "master/store/backup.h"

#include <dirent.h>
#include <sys/stat.h>

#define RETRY_NS (60 * NSEC_PER_SEC)
#define SOON_NS (10 * NSEC_PER_SEC)
#define HEAD "knarr-"
#define TAIL ".backup"

struct autosave {
	struct autosave_conf conf;
	char *dir;
	struct timer timer;
	bool saving, gone;
	char *path; /* of the one under way */
};

struct found {
	char **v;
	size_t n, cap;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Our own files, the oldest first: the time stands in front in their names. */
static void find(const char *dir, struct found *f)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (str_starts(str_of(de->d_name), STR(HEAD)) &&
		    str_ends(str_of(de->d_name), STR(TAIL)))
			*ARRAY_PUSH(f->v, f->n, f->cap) = xstrdup(de->d_name);
	if (d)
		closedir(d);
	if (f->n)
		qsort(f->v, f->n, sizeof(f->v[0]), by_name);
}

static void found_done(struct found *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i]);
	free(f->v);
}

static void remove_old(const struct autosave *a)
{
	struct found f = {0};

	find(a->dir, &f);
	for (size_t i = 0; i + a->conf.keep < f.n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", a->dir, f.v[i]);

		if (unlink(path) < 0)
			log_warn("snapshots: cannot remove %s: %s", path, strerror(errno));
	}
	found_done(&f);
}

static void arm(struct autosave *a, uint64_t in_ns)
{
	timers_arm_in(a->conf.timers, &a->timer, in_ns);
}

static void really_free(struct autosave *a)
{
	free(a->path);
	free(a->dir);
	free(a);
}

static void on_saved(void *user, int err, const struct store_backup_info *info)
{
	struct autosave *a = user;

	a->saving = false;
	if (a->gone) {
		really_free(a);
		return;
	}
	if (err)
		log_warn("snapshots: cannot write %s: %s", a->path, strerror(-err));
	else
		log_info("snapshots: %s has %" PRIu64 " objects at revision %" PRIu64, a->path,
			 info->objects, info->rev);
	if (!err)
		remove_old(a);
	arm(a, err ? MIN(RETRY_NS, a->conf.every_ns) : a->conf.every_ns);
}

static void fire(struct timer *t)
{
	struct autosave *a = container_of(t, struct autosave, timer);
	int64_t now_s = clock_real_ns(a->conf.timers->clock) / (int64_t)NSEC_PER_SEC;
	char when[TIME_LEN + 1], plain[TIME_LEN + 1];
	size_t n = 0;
	int r = dir_make(a->dir, 0700);

	if (r < 0) {
		log_warn("snapshots: cannot make %s: %s", a->dir, strerror(-r));
		arm(a, MIN(RETRY_NS, a->conf.every_ns));
		return;
	}
	time_format(now_s * (int64_t)NSEC_PER_SEC, when);
	for (const char *c = when; *c; c++)
		if (*c != '-' && *c != ':')
			plain[n++] = *c;
	plain[n] = '\0';
	free(a->path);
	a->path = xasprintf("%s/" HEAD "%s-%" PRIu64 TAIL, a->dir, plain, store_rev(a->conf.store));
	a->saving = true;
	store_backup_save(a->conf.store, a->path, on_saved, a);
}

struct autosave *autosave_new(const struct autosave_conf *conf)
{
	struct autosave *a = NEW(struct autosave);
	uint64_t in_ns = conf->every_ns;
	struct found f = {0};
	struct stat st;

	a->conf = *conf;
	a->dir = xstrdup(conf->dir);
	a->timer.fire = fire;
	find(a->dir, &f);
	if (f.n) {
		CLEANUP_FREE char *newest = xasprintf("%s/%s", a->dir, f.v[f.n - 1]);
		int64_t now = clock_real_ns(conf->timers->clock) / (int64_t)NSEC_PER_SEC;

		/* A clock that was set back must not put it off for ever. */
		if (stat(newest, &st) == 0 && st.st_mtime <= now) {
			uint64_t age_ns = (uint64_t)(now - st.st_mtime) * NSEC_PER_SEC;

			in_ns = age_ns < in_ns ? in_ns - age_ns : MIN(SOON_NS, in_ns);
		}
	}
	found_done(&f);
	arm(a, in_ns);
	return a;
}

struct autosave *autosave_free(struct autosave *a)
{
	if (!a)
		return NULL;
	timers_disarm(a->conf.timers, &a->timer);
	a->gone = true;
	if (!a->saving)
		really_free(a);
	return NULL;
}
