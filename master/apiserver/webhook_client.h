/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_WEBHOOK_CLIENT_H
#define KNARR_WEBHOOK_CLIENT_H
#include "master/apiserver/server.h"
/*
 * Calls to servers that an object of the API names: admission and conversion webhooks. One
 * connection a server is kept between calls (HTTP/2 where the server has it).
 *
 * A target is a URL (https only) or a Service of the cluster. Of a Service the ready endpoints are
 * asked directly, one after the other, under the name NAME.NAMESPACE.svc, which is what its
 * certificate must say (k8s.io/apiserver/pkg/util/webhook).
 *
 * A server costs only those who ask it: names are looked up by a thread, answers are bounded to
 * WEBHOOK_ANSWER_MAX bytes, every call has a time limit, and of idle servers only a few stay
 * connected.
 */
#define WEBHOOK_ANSWER_MAX (4u << 20)

struct webhook_client;
struct webhook_call;

struct webhook_target {
	char *url; /* NULL: the service */
	char *ns, *name, *path; /* of the service; path "" or with its leading slash */
	uint16_t port; /* of the service */
	char *ca_pem; /* decoded caBundle; NULL: the system's roots */
	char *cert_pem, *key_pem; /* our own certificate there; NULL: none */
	char *token; /* a bearer token; NULL: none */
};
/*
 * From a clientConfig (admissionregistration.k8s.io) or the like: url or service{namespace, name,
 * path, port [443]}, caBundle. Fills what webhook_target_done frees. -EINVAL names the field.
 */
int webhook_target_parse(struct jv client_config, struct webhook_target *ret, struct err *err);
void webhook_target_done(struct webhook_target *t);

/*
 * err 0: `status` and `body` are the answer. Otherwise `why` says what went wrong in Go's words
 * (`Post "https://...": context deadline exceeded`), and err is -ETIMEDOUT, -ECONNREFUSED, ...
 * Called once, from the loop, never from within webhook_post.
 */
typedef void (*webhook_cb)(void *user, int err, int status, struct str body, const char *why);

/* POST application/json. Target and body are copied. */
void webhook_post(struct webhook_client *c, const struct webhook_target *t, unsigned timeout_s,
		  struct str body, webhook_cb cb, void *user);

/* GET of a URL, e.g. a published document. */
void webhook_get(struct webhook_client *c, const char *url, const char *ca_pem, unsigned timeout_s,
		 webhook_cb cb, void *user);

struct webhook_client *webhook_client_new(struct apiserver *s);
/* Calls that are under way end with -ECANCELED, from here. Returns NULL. */
struct webhook_client *webhook_client_free(struct webhook_client *c);
#endif
