/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/announce_sync.h"

#include "agent/node/node.h"
#include "lib/base/log.h"
#include "lib/client/informer.h"
#include "lib/json/jv.h"
#include "net/announce.h"

#define RETRY_NS (5 * NSEC_PER_SEC)
#define ALONE_NS (5 * NSEC_PER_SEC)
#define RETAKE_NS NSEC_PER_SEC

struct announce_sync {
	struct announce_sync_conf conf;
	struct announce *announce;
	struct timer timer, alone, retake;
	bool without_master;
};

static bool is_ours(const struct announce_sync *s, const struct object *o)
{
	return jv_eqs(jv_get(jv_path(jv_of(o->bytes), "metadata.annotations"), ANNOUNCED_BY),
		      s->conf.node_name) &&
	       jv_eqs(jv_get(object_spec(o), "type"), "LoadBalancer");
}

static void on_timer(struct timer *t)
{
	struct announce_sync *s = container_of(t, struct announce_sync, timer);
	CLEANUP_FREE struct ip_addr *v = NULL;
	struct err err = ERR_INIT;
	size_t n = 0, cap = 0;
	struct ip_addr addr;

	if (!informer_synced(s->conf.services) && !s->without_master)
		return;
	informer_for_each(o, s->conf.services)
	{
		if (!is_ours(s, o))
			continue;
		jv_for_each (i, jv_path(jv_of(o->bytes), "status.loadBalancer.ingress"))
			if (ip_addr_parse(jv_text(jv_get(i.value, "ip")), &addr) == 0)
				*ARRAY_PUSH(v, n, cap) = addr;
	}
	if (announce_set(s->announce, v, n, &err) < 0) {
		log_warn("load balancers: %s", err_text(&err));
		timers_arm_in(s->conf.timers, &s->timer, RETRY_NS);
	}
	err_done(&err);
}

static void on_alone(struct timer *t)
{
	struct announce_sync *s = container_of(t, struct announce_sync, alone);

	s->without_master = true;
	timers_soon(s->conf.timers, &s->timer);
}

static void on_lost(void *user, struct ip_addr addr)
{
	struct announce_sync *s = user;

	timers_arm_in(s->conf.timers, &s->retake, RETAKE_NS);
}

static void on_retake(struct timer *t)
{
	struct announce_sync *s = container_of(t, struct announce_sync, retake);

	if (s->conf.node && node_is_connected(s->conf.node))
		announce_retake(s->announce);
	else
		timers_arm_in(s->conf.timers, &s->retake, RETAKE_NS);
}

static void synced(void *user)
{
	struct announce_sync *s = user;

	timers_soon(s->conf.timers, &s->timer);
}

static void seen(void *user, struct object *o)
{
	struct announce_sync *s = user;

	if (is_ours(s, o))
		timers_soon(s->conf.timers, &s->timer);
}
static void updated(void *user, struct object *old, struct object *o)
{
	seen(user, old);
	seen(user, o);
}
static const struct informer_handler handler = {seen, updated, seen, synced};

struct announce_sync *announce_sync_start(const struct announce_sync_conf *conf)
{
	struct announce_sync *s;
	struct err err = ERR_INIT;
	int r;

	if (!conf->uplink || !conf->services)
		return NULL;
	s = NEW(struct announce_sync);
	s->conf = *conf;
	s->timer.fire = on_timer;
	s->alone.fire = on_alone;
	s->retake.fire = on_retake;
	timers_arm_in(conf->timers, &s->alone, ALONE_NS);
	r = announce_open(&(struct announce_conf){.loop = conf->loop,
						  .timers = conf->timers,
						  .uplink = conf->uplink,
						  .run_dir = conf->run_dir,
						  .lost = on_lost,
						  .user = s},
			  &s->announce, &err);
	if (r < 0) {
		log_warn("load balancers: %s", err_text(&err));
		err_done(&err);
		timers_disarm(conf->timers, &s->alone);
		free(s);
		return NULL;
	}
	informer_handle(conf->services, &handler, s);
	return s;
}

struct announce_sync *announce_sync_stop(struct announce_sync *s)
{
	if (!s)
		return NULL;
	informer_unhandle(s->conf.services, &handler, s);
	timers_disarm(s->conf.timers, &s->timer);
	timers_disarm(s->conf.timers, &s->alone);
	timers_disarm(s->conf.timers, &s->retake);
	announce_close(s->announce);
	free(s);
	return NULL;
}
