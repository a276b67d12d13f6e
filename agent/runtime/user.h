/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_USER_H
#define KNARR_USER_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * Who a container runs as: "user", "user:group" with names or numbers, looked up in the image's
 * /etc/passwd and /etc/group (OCI image specification, config.User). Pure: takes the files' text.
 */
#define USER_GROUPS_MAX 1024
struct user {
	uint32_t uid, gid;
	uint32_t groups[USER_GROUPS_MAX]; /* supplementary, sorted, without duplicates */
	size_t n_groups;
	char home[256]; /* "/" when the user isn't known */
};

struct user_query {
	const char *spec; /* "", "app", "1000:app"; may be NULL */
	int64_t uid, gid; /* >= 0: win over spec */
	const uint32_t *groups; /* asked for besides */
	size_t n_groups;
	bool strict_groups; /* without memberships of /etc/group */
};

/* -EINVAL: unknown names ("unable to find user app: no matching entries in passwd file"). */
int user_resolve(const struct user_query *q, struct str passwd, struct str group, struct user *ret,
		 struct err *err);
#endif
