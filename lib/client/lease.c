/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/lease.h"
#include "lib/json/jw.h"

#define RETRY_MIN_NS (200 * NSEC_PER_MSEC)

struct lease_renewer {
	struct client *c;
	char *ns, *name, *holder, *owner_json;
	uint32_t duration_s;
	uint64_t period_ns, retry_ns, last_ns;
	struct timer timer;
	struct client_call *call;
	bool create; /* the last answer was NotFound */
};

static void write_lease(struct lease_renewer *r, struct buf *out)
{
	char now[MICROTIME_LEN + 1];
	struct jw w = jw_start(out);

	time_format_micro(client_real_ns(r->c), now);
	jw_begin_object(&w);
	if (r->create) {
		jw_member_str(&w, "apiVersion", STR("coordination.k8s.io/v1"));
		jw_member_str(&w, "kind", STR("Lease"));
		jw_key(&w, "metadata");
		jw_begin_object(&w);
		jw_member_str(&w, "name", str_of(r->name));
		jw_member_str(&w, "namespace", str_of(r->ns));
		if (r->owner_json) {
			jw_key(&w, "ownerReferences");
			jw_begin_array(&w);
			jw_raw(&w, str_of(r->owner_json));
			jw_end_array(&w);
		}
		jw_end_object(&w);
	}
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_member_str(&w, "holderIdentity", str_of(r->holder));
	jw_member_i64(&w, "leaseDurationSeconds", r->duration_s);
	jw_member_str(&w, "renewTime", str_of(now));
	jw_end_object(&w);
	jw_end_object(&w);
}

static void on_renewed(void *user, const struct err *e, struct str body)
{
	struct lease_renewer *r = user;
	struct timers *ts = client_timers(r->c);

	r->call = NULL;
	if (!e->errnum) {
		r->create = false;
		r->last_ns = client_now_ns(r->c);
		r->retry_ns = RETRY_MIN_NS;
		timers_arm_in(ts, &r->timer, r->period_ns);
		return;
	}
	if (e->errnum == ENOENT || e->errnum == EEXIST) {
		/* Absent, or made by somebody meanwhile: the other way at once, but no hot loop. */
		r->create = e->errnum == ENOENT && !r->create;
	}
	/* Half of it by chance: all nodes lost the same master at the same time. */
	timers_arm_in(
		ts, &r->timer,
		r->create ? 0 : r->retry_ns / 2 + rng_below(client_rng(r->c), r->retry_ns / 2 + 1));
	if (!r->create)
		r->retry_ns = MIN(r->retry_ns * 2, r->period_ns);
}

static void renew(struct timer *t)
{
	struct lease_renewer *r = container_of(t, struct lease_renewer, timer);
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct str ns = str_of(r->ns);

	write_lease(r, &body);
	if (r->create)
		r->call = client_create(r->c, &client_leases, ns, buf_str(&body), on_renewed, r);
	else
		r->call = client_merge(r->c, &client_leases, ns, str_of(r->name), NULL,
				       buf_str(&body), on_renewed, r);
}

struct lease_renewer *lease_renewer_start(struct client *c, const struct lease_renewer_conf *conf)
{
	struct lease_renewer *r = NEW(struct lease_renewer);

	r->c = c;
	r->ns = str_dup(conf->ns);
	r->name = str_dup(conf->name);
	r->holder = str_dup(conf->holder);
	r->owner_json = str_dup(conf->owner_json);
	r->duration_s = conf->duration_s ? conf->duration_s : 40;
	r->period_ns = conf->period_ns ? conf->period_ns : r->duration_s * NSEC_PER_SEC / 4;
	r->retry_ns = RETRY_MIN_NS;
	r->timer.fire = renew;
	timers_soon(client_timers(c), &r->timer);
	return r;
}

uint64_t lease_renewer_last_ns(const struct lease_renewer *r)
{
	return r->last_ns;
}

struct lease_renewer *lease_renewer_stop(struct lease_renewer *r)
{
	if (!r)
		return NULL;
	timers_disarm(client_timers(r->c), &r->timer);
	client_cancel(r->c, r->call);
	free(r->ns);
	free(r->name);
	free(r->holder);
	free(r->owner_json);
	free(r);
	return NULL;
}
