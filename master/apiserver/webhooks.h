/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_WEBHOOKS_H
#define KNARR_WEBHOOKS_H
#include "lib/api/labels.h"
#include "master/apiserver/policy_compile.h"
#include "master/apiserver/webhook_client.h"
/*
 * The admission webhooks that MutatingWebhookConfigurations and ValidatingWebhookConfigurations
 * ask for, kept in step with the store and parsed once (admissionregistration.k8s.io/v1; matching:
 * k8s.io/apiserver/pkg/admission/plugin/webhook).
 */
enum webhook_op {
	WEBHOOK_CREATE = 1 << 0,
	WEBHOOK_UPDATE = 1 << 1,
	WEBHOOK_DELETE = 1 << 2,
	WEBHOOK_CONNECT = 1 << 3,
};

struct webhook_rule {
	unsigned ops; /* enum webhook_op */
	struct jv groups, versions, resources; /* arrays of text, in the configuration's bytes */
	struct jv names; /* of policies: only objects of these names; absent: all */
	enum { WEBHOOK_ANY_SCOPE, WEBHOOK_CLUSTER, WEBHOOK_NAMESPACED } scope;
};

struct webhook {
	struct str name; /* "validate.example.com" */
	struct webhook_rule *rules;
	size_t n_rules;
	bool exact; /* matchPolicy Exact: no other version of the same resource */
	bool fail; /* failurePolicy Fail: no answer is a refusal */
	bool side_effects; /* may not be asked in a dry run */
	bool reinvoke;
	bool beta; /* speaks v1beta1 of AdmissionReview: the first version it names that we know */
	unsigned timeout_s;
	struct label_selector ns, obj;
	struct policy_exprs conditions; /* matchConditions */
	struct webhook_target target;
	char *fault; /* why it can't be asked at all, or NULL */
};

/* One configuration object. Counted: a call under way holds it. */
struct webhook_config {
	unsigned refs;
	const struct store_obj *o; /* holds the bytes everything points into */
	struct webhook *hooks;
	size_t n;
};
struct webhook_config *webhook_config_ref(struct webhook_config *c);
void webhook_config_unref(struct webhook_config *c);

struct webhooks;
struct webhooks *webhooks_new(struct store *s);
struct webhooks *webhooks_free(struct webhooks *w); /* takes NULL, returns NULL */
/* The configurations of one sort in the order of their names: how many. */
size_t webhooks_configs(const struct webhooks *w, bool mutating,
			struct webhook_config *const **ret);

/* What a request is, for the match. */
struct webhook_attrs {
	enum webhook_op op;
	struct str group, version, resource, sub, name;
	bool namespaced;
	struct jv ns_labels; /* of the object's namespace (or of itself, when it is one) */
	struct jv labels, old_labels; /* of the object as it shall be and as it was */
	const struct api_kinds *kinds; /* what is served: other versions are the same resource */
};
bool webhook_matches(const struct webhook *h, const struct webhook_attrs *a);
/*
 * The version that the rule which fits speaks of, where that is another than the request's (which
 * matchPolicy Equivalent allows): it wants to see the object in it. NULL: the request's own.
 */
const struct api_kind *webhook_version(const struct webhook *h, const struct webhook_attrs *a);
/*
 * Only the match of a policy or a binding: matchConstraints or matchResources (absent: everything).
 * Its bytes must outlive h, which webhook_done ends.
 */
void webhook_parse_match(struct jv match, struct webhook *h);
/* One of excludeResourceRules fits. */
bool webhook_excludes(struct jv match, const struct webhook_attrs *a);
void webhook_done(struct webhook *h);
#endif
