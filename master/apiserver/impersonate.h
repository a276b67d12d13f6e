/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_IMPERSONATE_H
#define KNARR_APISERVER_IMPERSONATE_H
#include "master/apiserver/server.h"
/*
 * kubectl --as: the Impersonate-User, -Group, -Uid and -Extra-* fields of a request
 * (kubernetes.io "User impersonation").
 */

/* Whom the request wants to be; NULL when it does not say. `*ret_bad`: fields without a user. */
struct user *impersonate_wanted(struct http_req *req, bool *ret_bad);
/*
 * May `real` act as `want` (verb impersonate on users, groups, service accounts)? Otherwise fills
 * err with the Forbidden that Kubernetes answers.
 */
int impersonate_check(struct apiserver *s, const struct user *real, const struct user *want,
		      struct err *err);
#endif
