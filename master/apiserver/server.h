/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_SERVER_H
#define KNARR_APISERVER_SERVER_H
#include "lib/base/hmap.h"
#include "master/apiserver/apiserver.h"
#include "master/apiserver/request.h"
#include "master/auth/authn.h"
#include "master/auth/authz.h"
/*
 * The state that all requests share: struct apiserver as the files of this folder see it. One
 * thread owns it.
 */
struct node_routes; /* node_routes.h */
struct page_views; /* pages.h: views kept for the later pages of a list */
struct service_alloc; /* service_alloc.h: service addresses and node ports in use */
struct metrics; /* metrics.h */
struct docs; /* docs.h: the OpenAPI documents */
struct kubelet_client; /* kubelet.h */
struct bootstrap; /* bootstrap.h */
struct forward_set; /* forward.h */
struct quota_keeper; /* quota.h */
struct audit; /* audit.h */
struct flow_control; /* flow.h */
struct authn_remote; /* authn_remote.h */
struct aggregate; /* aggregate.h */
struct policies; /* policies.h: the admission policies there are */
struct webhooks; /* webhooks.h: the admission webhooks there are */
struct webhook_client; /* webhook_client.h */
struct usage_cache; /* usage.h */
struct customs; /* customs.h: kinds made at run time */
struct roles; /* roles.h: the stored roles, as an index for authz */

struct apiserver {
	struct apiserver_conf conf;
	struct store *store;
	struct timers *timers;
	const struct clock *clock;
	struct authn_conf authn;
	struct authz_facts facts;
	char *issuer;
	struct page_views *pages;
	size_t lists_bytes; /* of answers to lists that were made for one client; list.c */
	struct service_alloc *services;
	struct roles *roles;
	struct customs *customs;
	struct metrics *metrics;
	struct docs *docs;
	struct kubelet_client *kubelet;
	struct usage_cache *usage;
	struct node_routes *node_routes; /* NULL until somebody asks for it */
	struct forward_set *forward;
	struct audit *audit; /* borrowed; NULL: no log is kept */
	struct flow_control *flow;
	struct authn_remote *authn_remote; /* NULL: nobody else is asked */
	struct authz_remote *authz_remote; /* the same */
	struct quota_keeper *quotas;
	struct aggregate *aggregate;
	struct policies *policies;
	struct webhooks *webhooks;
	struct webhook_client *webhook_client;
	struct bootstrap *bootstrap; /* while it runs */
	struct bootstrap *publishing; /* the masters' addresses; the same */
	struct apiserver_master *masters; /* that serve */
	size_t n_masters;
	bool publish_again;
	struct list requests; /* those not over yet */
	size_t n_requests;
	uint64_t plugins_off, admission_rows_off; /* admission_plugins.h, admission.h */
	bool ready, stopping;
	bool lost; /* no master leads, as far as this one is told */
	uint64_t started_ns;
};

static inline int64_t server_now_ns(const struct apiserver *s)
{
	return clock_real_ns(s->clock);
}
/* All kinds this server has; those made at run time too. */
const struct api_kinds *server_kinds(const struct apiserver *s);
/* The stored object of a kind, borrowed from the view; NULL if there is none. */
const struct store_obj *server_get(const struct store_view *v, const struct api_kind *k,
				   struct str ns, struct str name);
/*
 * What the master itself has to say about an object: puts `obj` in the place of `o` if nobody was
 * faster. Around admission and ownership: for numbers and conditions in status. `done` as of
 * store_txn; the leader alone may.
 */
void server_rewrite(struct apiserver *s, const struct api_kind *k, const struct store_obj *o,
		    struct json_object *obj,
		    void (*done)(void *user, const struct store_result *res), void *user);
/* A core/v1 (or other built-in) kind by its plural; asserts that it exists. */
const struct api_kind *server_kind(const char *group, const char *version, const char *plural);
#endif
