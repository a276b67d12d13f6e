/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_MASTER_AUTOSAVE_H
#define KNARR_MASTER_AUTOSAVE_H
#include "lib/base/timers.h"
#include "master/store/store.h"
/*
 * Backups by the clock: DIR/knarr-YYYYMMDDTHHMMSSZ-REVISION.backup on each master, of what that
 * master has; the oldest go. What fails is logged and tried again after a minute.
 */
struct autosave;

struct autosave_conf {
	struct store *store; /* borrowed, as all else */
	struct timers *timers;
	const char *dir; /* made (0700) if absent */
	uint64_t every_ns;
	uint64_t keep; /* at least 1 */
};
/* The first one is due so long after the newest that is there, or after now. */
struct autosave *autosave_new(const struct autosave_conf *conf);
struct autosave *autosave_free(struct autosave *a); /* a save under way is finished; takes NULL */
#endif
