/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTHZ_REMOTE_H
#define KNARR_AUTHZ_REMOTE_H
#include "master/apiserver/webhook_client.h"
#include "master/auth/authz.h"
/*
 * Authorisation by others: the steps of an AuthorizationConfiguration (apiserver.config.k8s.io/v1),
 * some of which are webhooks that are asked with a SubjectAccessReview (authorization.k8s.io/v1).
 *
 * Every answer is kept: an Allow and anything else for their times (at least a second), a failure
 * for a second. So a decision is always made from what is here: AUTHZ_ASK means that one answer is
 * missing and has been asked for; authz_remote_ask tells when it is there, for the decision to be
 * made again. Who cannot wait takes it for a refusal, and does better at the next try.
 */
struct authz_webhook_conf {
	char *name; /* in messages */
	struct webhook_target target;
	uint64_t allowed_ns, denied_ns; /* for how long answers are kept */
	unsigned timeout_s;
	bool deny_on_failure; /* else it has no opinion then */
	char **conditions; /* CEL; asked only when all of them are true */
	size_t n_conditions, cap_conditions;
};
struct authz_remote_conf {
	struct authz_step *steps;
	size_t n_steps, cap_steps;
	struct authz_webhook_conf *webhooks;
	size_t n_webhooks, cap_webhooks;
};
void authz_remote_conf_done(struct authz_remote_conf *c);

struct authz_remote;
/* Puts itself into s->facts. conf is borrowed until authz_remote_free. */
int authz_remote_new(struct apiserver *s, const struct authz_remote_conf *conf,
		     struct authz_remote **ret, struct err *err);
struct authz_remote *authz_remote_free(struct authz_remote *z); /* takes NULL, returns NULL */

/*
 * Right after a decision was AUTHZ_ASK: `cb` is called when what it lacks is there (from the loop;
 * at once only while the server ends). Then decide again.
 */
void authz_remote_ask(struct authz_remote *z, void (*cb)(void *user), void *user);
/*
 * Why the last decision had to do without the opinion of a webhook, NULL if it had not: a refusal
 * is an internal error then, as upstream has it.
 */
const char *authz_remote_failure(const struct authz_remote *z);
/* To be called before a decision whose failure matters. */
void authz_remote_begin(struct authz_remote *z);

struct cel_program;
/* One match condition; for checking a configuration too. */
int authz_condition_compile(const char *text, struct cel_program **ret, struct err *err);
#endif
