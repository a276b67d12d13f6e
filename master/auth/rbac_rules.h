/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_RBAC_RULES_H
#define KNARR_AUTH_RBAC_RULES_H
#include "master/auth/rbac.h"
/*
 * Single rules: what they allow, and how a rule is taken apart into single rights to see whether
 * somebody holds them all.
 */

/* One right: one verb on one resource (of one name, or of all), or on one path. */
struct rbac_wish {
	struct str verb, group, resource, subresource, name, path;
	bool is_path;
};
/*
 * Does the rule allow it? A wish for "*" is held only by who has "*"; one without a name only by
 * who is not held to names.
 */
bool rbac_rule_allows(const struct rbac_rule *rule, const struct rbac_wish *w);
/* Calls fn for each right in the rule. */
void rbac_rule_split(const struct rbac_rule *rule,
		     void (*fn)(void *user, const struct rbac_wish *w), void *user);

/* Rights somebody lacks; those that differ in the verb alone become one. Borrows the texts. */
struct rbac_missing {
	struct rbac_miss {
		struct rbac_wish w;
		struct str *verbs;
		size_t n, cap;
	} * v;
	size_t n, cap;
};
void rbac_missing_add(struct rbac_missing *m, const struct rbac_wish *w);
/* Sorted lines without a newline at the end. */
void rbac_missing_format(const struct rbac_missing *m, struct buf *out);
void rbac_missing_done(struct rbac_missing *m);
#endif
