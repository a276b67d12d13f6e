/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/client/lease.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"

struct leader_elector {
	struct client *c;
	struct leader_conf conf;
	char *ns, *name, *identity;
	struct timer timer; /* next try */
	struct timer deadline; /* leading: until here without a renewal */
	struct client_call *call;
	bool leads;
	/* The record as last seen, and when that was by our own clock. */
	char *rv, *holder;
	uint32_t duration_s;
	int64_t transitions;
	char *acquire_time;
	uint64_t seen_ns;
};

static void again(struct leader_elector *l)
{
	uint64_t retry_ns = l->conf.retry_s * NSEC_PER_SEC;

	timers_arm_in(client_timers(l->c), &l->timer,
		      l->leads ? retry_ns : retry_ns + rng_below(client_rng(l->c), retry_ns));
}

static void set_leads(struct leader_elector *l, bool leads)
{
	if (l->leads == leads)
		return;
	l->leads = leads;
	if (leads)
		l->conf.started(l->conf.user);
	else
		l->conf.stopped(l->conf.user);
}

static void on_deadline(struct timer *t)
{
	set_leads(container_of(t, struct leader_elector, deadline), false);
}

static void observe(struct leader_elector *l, struct str body)
{
	struct jv v = jv_of(body), spec = jv_get(v, "spec");
	struct str rv = jv_text(jv_path(v, "metadata.resourceVersion"));
	struct str holder = jv_text(jv_get(spec, "holderIdentity"));

	if (l->rv && str_eqs(rv, l->rv))
		return;
	if (l->conf.new_leader && holder.len && (!l->holder || !str_eqs(holder, l->holder)))
		l->conf.new_leader(l->conf.user, holder);
	free(l->rv);
	free(l->holder);
	free(l->acquire_time);
	l->rv = str_dup(rv);
	l->holder = str_dup(holder);
	l->acquire_time = str_dup(jv_text(jv_get(spec, "acquireTime")));
	l->duration_s = (uint32_t)jv_i64(jv_get(spec, "leaseDurationSeconds"), 0);
	l->transitions = jv_i64(jv_get(spec, "leaseTransitions"), 0);
	l->seen_ns = client_now_ns(l->c);
}

static void on_written(void *user, const struct err *e, struct str body)
{
	struct leader_elector *l = user;

	l->call = NULL;
	if (!e->errnum) {
		observe(l, body);
		timers_arm_in(client_timers(l->c), &l->deadline,
			      l->conf.renew_deadline_s * NSEC_PER_SEC);
		set_leads(l, true);
	} else if (e->errnum == EAGAIN) {
		set_leads(l, false); /* somebody else wrote: the next read says who */
	}
	again(l);
}

static void write_record(struct leader_elector *l, bool exists, const char *holder,
			 uint32_t duration_s)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	bool mine = l->holder && !strcmp(l->holder, l->identity);
	char now[MICROTIME_LEN + 1];
	struct jw w = jw_start(&body);

	time_format_micro(client_real_ns(l->c), now);
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("coordination.k8s.io/v1"));
	jw_member_str(&w, "kind", STR("Lease"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", str_of(l->name));
	jw_member_str(&w, "namespace", str_of(l->ns));
	if (exists)
		jw_member_str(&w, "resourceVersion", str_of(l->rv));
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_member_str(&w, "holderIdentity", str_of(holder));
	jw_member_i64(&w, "leaseDurationSeconds", duration_s);
	jw_member_str(&w, "acquireTime",
		      mine && l->acquire_time ? str_of(l->acquire_time) : str_of(now));
	jw_member_str(&w, "renewTime", str_of(now));
	jw_member_i64(&w, "leaseTransitions", l->transitions + (exists && !mine));
	jw_end_object(&w);
	jw_end_object(&w);
	if (exists)
		l->call = client_update(l->c, &client_leases, str_of(l->ns), str_of(l->name), NULL,
					buf_str(&body), on_written, l);
	else
		l->call = client_create(l->c, &client_leases, str_of(l->ns), buf_str(&body),
					on_written, l);
}

static void on_read(void *user, const struct err *e, struct str body)
{
	struct leader_elector *l = user;
	bool mine, expired;

	l->call = NULL;
	if (e->errnum == ENOENT) {
		write_record(l, false, l->identity, l->conf.duration_s);
		return;
	}
	if (e->errnum) {
		again(l);
		return;
	}
	observe(l, body);
	mine = l->holder && !strcmp(l->holder, l->identity);
	expired = !l->holder || !*l->holder ||
		  client_now_ns(l->c) - l->seen_ns >= l->duration_s * NSEC_PER_SEC;
	if (mine || expired) {
		write_record(l, true, l->identity, l->conf.duration_s);
		return;
	}
	set_leads(l, false);
	again(l);
}

static void try(struct timer *t)
{
	struct leader_elector *l = container_of(t, struct leader_elector, timer);

	/* The leader writes without reading first: a conflict tells it that it was deposed. */
	if (l->leads)
		write_record(l, true, l->identity, l->conf.duration_s);
	else
		l->call = client_get(l->c, &client_leases, str_of(l->ns), str_of(l->name), on_read,
				     l);
}

struct leader_elector *leader_elector_start(struct client *c, const struct leader_conf *conf)
{
	struct leader_elector *l = NEW(struct leader_elector);

	l->c = c;
	l->conf = *conf;
	l->conf.duration_s = conf->duration_s ? conf->duration_s : 15;
	l->conf.renew_deadline_s = conf->renew_deadline_s ? conf->renew_deadline_s : 10;
	l->conf.retry_s = conf->retry_s ? conf->retry_s : 2;
	l->ns = str_dup(conf->ns);
	l->name = str_dup(conf->name);
	l->identity = str_dup(conf->identity);
	l->timer.fire = try;
	l->deadline.fire = on_deadline;
	timers_soon(client_timers(c), &l->timer);
	return l;
}

struct leader_elector *leader_elector_stop(struct leader_elector *l)
{
	if (!l)
		return NULL;
	timers_disarm(client_timers(l->c), &l->timer);
	timers_disarm(client_timers(l->c), &l->deadline);
	client_cancel(l->c, TAKE(l->call));
	if (l->leads) {
		/* Fire and forget: cut off from `l`, which is freed now. */
		write_record(l, true, "", 1);
		client_call_detach(TAKE(l->call));
		set_leads(l, false);
	}
	free(l->ns);
	free(l->name);
	free(l->identity);
	free(l->rv);
	free(l->holder);
	free(l->acquire_time);
	free(l);
	return NULL;
}

bool leader_elector_leads(const struct leader_elector *l)
{
	return l->leads;
}
