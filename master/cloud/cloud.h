/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLOUD_H
#define KNARR_CLOUD_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
#include "lib/json/jv.h"
/*
 * What Knarr asks of the place its machines stand in: the cloud-controller-manager's questions
 * behind one small interface. A provider is one file with one const struct, listed in
 * cloud_providers. Who asks, when, and what is done with the answers: master/controllers/cloud_*.c
 * and service_lb.c. The documents below are also what an external program reads and writes
 * (knarr-cloud(7)).
 *
 *	verb			asked with			answered with
 *	instance		{node}				{exists, shutdown, providerID,
 *								 instanceType, zone, region,
 *								 addresses: [{type, address}]}
 *	ensureLoadBalancer	{service, nodes, current}	{ingress: [{ip, hostname, ipMode}],
 *								 announce, zones}
 *	deleteLoadBalancer	{service}			{}
 *	syncRoutes		{routes: [{node, cidr, address}]}	{}
 *
 * ensure, delete and sync say what shall be: asked again with the same they change nothing.
 */
typedef struct uv_loop_s uv_loop_t;
enum cloud_verb {
	CLOUD_INSTANCE,
	CLOUD_ENSURE_BALANCER,
	CLOUD_DELETE_BALANCER,
	CLOUD_SYNC_ROUTES,
	CLOUD_VERB_MAX,
};
const char *cloud_verb_name(enum cloud_verb v); /* "ensureLoadBalancer" */

struct cloud_conf {
	const char *file; /* the provider's configuration, YAML */
	struct timers *timers; /* borrowed */
	uv_loop_t *loop; /* for providers that start programs; may be NULL for others */
};

/*
 * The answer; `result` is borrowed for the call and JV_NONE when e->errnum is set. Errors are
 * sentences for the Event on the object: "no address is free in pool default".
 */
typedef void cloud_fn(void *user, const struct err *e, struct jv result);
struct cloud; /* begins with struct cloud_base */
struct cloud_call; /* begins with struct cloud_call_base */

struct cloud_provider {
	const char *name; /* "metal": --cloud metal, and loadBalancerClass knarr.io/metal */
	/* Reads the file; a message that names file and mistake. */
	int (*open)(const struct cloud_conf *conf, struct cloud **ret, struct err *err);
	void (*close)(struct cloud *c); /* after all calls were cancelled or answered */
	bool (*does)(const struct cloud *c, enum cloud_verb v);
	/* params: valid JSON. `done` runs exactly once, from the loop, unless cancelled. */
	struct cloud_call *(*call)(struct cloud *c, enum cloud_verb v, struct str params,
				   cloud_fn *done, void *user);
	void (*cancel)(struct cloud_call *call);
	/*
	 * Addresses that Services have already (owner: a uid), told before anything is asked and
	 * whenever it changes; NULL when the provider keeps books of its own.
	 */
	void (*hold)(struct cloud *c, struct str owner, struct str address);
	void (*release)(struct cloud *c, struct str owner); /* all that it held */
};
extern const struct cloud_provider cloud_metal, cloud_exec;
extern const struct cloud_provider *const cloud_providers[]; /* ended by NULL */

/* What each provider's structs begin with. */
struct cloud_base {
	const struct cloud_provider *provider;
	void (*changed)(void *user);
	void *user;
};
struct cloud_call_base {
	const struct cloud_provider *provider;
};

/* --cloud NAME --cloud-config FILE. -EINVAL for a name that is none. */
int cloud_open(const char *name, const struct cloud_conf *conf, struct cloud **ret,
	       struct err *err);
struct cloud *cloud_close(struct cloud *c); /* NULL is fine; returns NULL */
const char *cloud_name(const struct cloud *c);
bool cloud_does(const struct cloud *c, enum cloud_verb v);
/* `fn` is told when answers may be others than before (the inventory changed); NULL: nobody. */
void cloud_on_change(struct cloud *c, void (*fn)(void *user), void *user);
struct cloud_call *cloud_ask(struct cloud *c, enum cloud_verb v, struct str params, cloud_fn *done,
			     void *user);
void cloud_cancel(struct cloud_call *call); /* NULL is fine */
void cloud_hold(struct cloud *c, struct str owner, struct str address);
void cloud_release(struct cloud *c, struct str owner);

/* ---- Answers, checked: a provider may be anybody's program ---- */

struct cloud_instance {
	bool exists, shutdown;
	struct str provider_id, type, zone, region; /* absent: not told */
	struct jv addresses; /* of {type, address}, all good */
};
int cloud_read_instance(struct jv result, struct cloud_instance *ret, struct err *err);
struct cloud_balancer {
	struct jv ingress; /* of {ip or hostname, ipMode}, one at least, all good */
	/*
	 * The addresses are plain ones of the machines' own network: a node of `zones` (none: any)
	 * is to answer for them there.
	 */
	bool announce;
	struct jv zones;
};
int cloud_read_balancer(struct jv result, struct cloud_balancer *ret, struct err *err);
#endif
