/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_MASTER_SEAL_SETUP_H
#define KNARR_MASTER_SEAL_SETUP_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
#include "master/store/store.h"
/*
 * --encryption-provider-config: the keys in force, read anew when the file changes, at SIGHUP, and
 * when something turns up that no key opens. A file that is wrong changes nothing and is logged.
 * Keys that have left the file still open what is on its way, as long as the process lives.
 */
struct seal_setup;
struct seal_setup_conf {
	const char *file;
	struct uv_loop_s *loop;
	struct timers *timers;
	/* Some seconds after new keys are in force, when nothing sealed by others is on its way. */
	void (*on_settled)(void *user);
	void *user;
};
int seal_setup_open(const struct seal_setup_conf *conf, struct seal_setup **ret, struct err *err);
/* Valid until seal_setup_free; NULL in, NULL out. */
const struct store_seal *seal_setup_store(struct seal_setup *s);
/* The store is closed. The loop must run once more. NULL is fine. */
struct seal_setup *seal_setup_free(struct seal_setup *s);

/*
 * 0 when everything in the store may be served; else -ENOKEY and which object needs which key.
 * `file` is the option's, or NULL.
 */
int seal_setup_check(const struct store *s, const char *file, struct err *err);
#endif
