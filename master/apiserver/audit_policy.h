/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUDIT_POLICY_H
#define KNARR_AUDIT_POLICY_H
#include "lib/base/err.h"
#include "master/apiserver/request.h"
/* audit.k8s.io/v1 Policy, kept as its JSON and looked through for each request. */
enum audit_level { AUDIT_NONE, AUDIT_METADATA, AUDIT_REQUEST, AUDIT_REQUEST_RESPONSE };
enum audit_stage { AUDIT_RECEIVED, AUDIT_STARTED, AUDIT_COMPLETE };

struct audit_policy {
	struct buf json;
};
struct audit_decision {
	enum audit_level level;
	unsigned omit_stages; /* 1 << enum audit_stage */
	bool omit_managed_fields;
};
/* Everything at Metadata for a NULL text. -EINVAL names the field. */
int audit_policy_parse(struct str yaml, struct audit_policy *ret, struct err *err);
void audit_policy_done(struct audit_policy *p);
struct audit_decision audit_policy_decide(const struct audit_policy *p, const struct request *r);

extern const char *const audit_levels[4], *const audit_stages[3];
#endif
