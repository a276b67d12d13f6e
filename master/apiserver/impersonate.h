/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_IMPERSONATE_H
#define KNARR_APISERVER_IMPERSONATE_H
#include "master/apiserver/server.h"
/*
 * kubectl --as: the Impersonate-User, -Group, -Uid and -Extra-* fields of a request
 * (kubernetes.io "User impersonation").
 */

/*
 * Whom the request wants to be, in the groups it names; NULL when it does not say. `*ret_bad`:
 * fields without a user.
 */
struct user *impersonate_wanted(struct http_req *req, bool *ret_bad);
/*
 * May `real` act as `want` (verb impersonate on users, groups, service accounts)? Then `want` gets
 * the groups that nobody has to be allowed: system:authenticated, those of a service account.
 * Otherwise fills err with the Forbidden that Kubernetes answers.
 */
int impersonate_check(struct apiserver *s, const struct user *real, struct user *want,
		      struct err *err);
/*
 * The key of an -Extra- field, from what follows in the field's name: what is no token there is
 * %-escaped. To be freed.
 */
char *impersonate_extra_key(struct str name);
#endif
