/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_FOLLOW_H
#define KNARR_APISERVER_FOLLOW_H
#include "master/store/store.h"
/*
 * Keeps something in step with all objects under a prefix of the store:
 *
 *	start --> begin --> put for each that is there --> put, del as they change
 *	            ^                                          |
 *	            '------ the watch fell behind the window --'
 *
 * Callbacks come on the store's loop; those of the start from within it.
 */
struct follow_ops {
	/* What is there comes now, all of it: forget what was, or what is not in `v`. May be NULL.
	 */
	void (*begin)(void *user, const struct store_view *v);
	void (*put)(void *user, const struct store_obj *o);
	void (*del)(void *user, const struct store_obj *gone); /* may be NULL */
	/* The watch fell behind, and `user` starts again by itself. NULL: it is done here. */
	void (*behind)(void *user);
};

/* Zeroed, then started; embedded where it is used. */
struct follow {
	struct store *store;
	const struct follow_ops *ops;
	void *user;
	struct str prefix; /* borrowed: of static text */
	struct store_watch *watch;
};
void follow_start(struct follow *f, struct store *store, struct str prefix,
		  const struct follow_ops *ops, void *user);
void follow_stop(struct follow *f); /* harmless when stopped or never started */
#endif
