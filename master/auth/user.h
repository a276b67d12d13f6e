/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_USER_H
#define KNARR_AUTH_USER_H
#include "lib/base/str.h"
/*
 * Who makes a request: name, uid, groups and the extra facts an authenticator knows
 * (authentication.k8s.io UserInfo). Counted; never changed after it was handed out.
 */
struct user_extra {
	char *key, *value; /* "authentication.kubernetes.io/pod-name" */
};

struct user {
	unsigned refs;
	char *name, *uid; /* uid may be NULL */
	char **groups;
	size_t n_groups, cap_groups;
	struct user_extra *extra;
	size_t n_extra, cap_extra;
};

#define USER_ANONYMOUS "system:anonymous"
#define GROUP_UNAUTHENTICATED "system:unauthenticated"
#define GROUP_AUTHENTICATED "system:authenticated"
#define GROUP_MASTERS "system:masters"
#define GROUP_NODES "system:nodes"
#define GROUP_BOOTSTRAPPERS "system:bootstrappers"
/* Organisation of the certificates with which masters know each other; peer.h has it too. */
#define GROUP_PEERS "knarr:masters"
/* Who may make this machine one more master, and nothing else. Given by authn.c alone. */
#define GROUP_MASTER_JOINERS "system:bootstrappers:knarr:masters"
#define GROUP_SERVICE_ACCOUNTS "system:serviceaccounts"
#define USER_NODE_PREFIX "system:node:"
#define USER_SERVICE_ACCOUNT_PREFIX "system:serviceaccount:"

struct user *user_new(struct str name); /* one reference, no groups */
void user_add_group(struct user *u, struct str group); /* once each */
void user_add_extra(struct user *u, const char *key, struct str value);
void user_set_uid(struct user *u, struct str uid);
struct user *user_ref(struct user *u);
struct user *user_unref(struct user *u); /* takes NULL, returns NULL */
bool user_in_group(const struct user *u, const char *group);
/* The node's name of "system:node:NAME" in group system:nodes; STR_NULL for anybody else. */
struct str user_node_name(const struct user *u);
DEFINE_CLEANUP(struct user *, user_unrefp, user_unref)
#endif
