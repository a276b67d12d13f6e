/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/report.h"

#include "agent/pod/pod.h"
#include "agent/pod/shutdown.h"
#include "agent/pod/status.h"
#include "lib/base/log.h"
#include "lib/client/client.h"
#include "lib/json/jw.h"

static const struct backoff_conf backoff_report = {200 * NSEC_PER_MSEC, 10 * NSEC_PER_SEC};
static const struct backoff_conf backoff_busy = {200 * NSEC_PER_MSEC, 3 * NSEC_PER_SEC};
static const struct backoff_conf backoff_absent = {2 * NSEC_PER_SEC, 60 * NSEC_PER_SEC};

enum report_kind { REPORT_STATUS, REPORT_DELETE, REPORT_MIRROR };

struct pod_report {
	struct pod *pod;
	struct client_call *call; /* NULL: none under way, waiting or idle */
	enum report_kind kind;
	char *sent; /* the status in the request under way */
	struct timer retry;
	struct backoff backoff;
	bool deleted; /* the API has the pod no longer */
};

static void on_retry(struct timer *t)
{
	struct pod_report *r = container_of(t, struct pod_report, retry);

	r->deleted = false;
	pod_kick(r->pod);
}

static struct pod_report *report_of(struct pod *p)
{
	if (!p->report) {
		p->report = NEW(struct pod_report);
		p->report->pod = p;
		p->report->retry.fire = on_retry;
	}
	return p->report;
}

void report_cancel(struct pod *p)
{
	struct pod_report *r = p->report;

	if (!r)
		return;
	if (r->call)
		client_cancel(p->all->conf.client, r->call);
	timers_disarm(p->all->conf.timers, &r->retry);
	free(r->sent);
	free(r);
	p->report = NULL;
}

static void on_done(void *user, const struct err *e, struct str body)
{
	struct pod_report *r = user;
	struct pod *p = r->pod;
	struct timers *ts = p->all->conf.timers;
	bool absent = e->errnum == ENOENT ||
		      (e->errnum == EAGAIN && e->reason && strcmp(e->reason, "Conflict") == 0);

	r->call = NULL;
	if (!e->errnum) {
		backoff_reset(&r->backoff);
		if (r->kind == REPORT_STATUS) {
			free(p->reported);
			p->reported = TAKE(r->sent);
		} else if (r->kind == REPORT_MIRROR) {
			free(p->mirror_uid);
			p->mirror_uid = jv_strdup(jv_path(jv_of(body), "metadata.uid"));
		} else {
			r->deleted = true;
		}
	} else if (absent && r->kind != REPORT_MIRROR) {
		p->status_dirty |= r->kind == REPORT_STATUS;
		if (p->view->is_static) {
			free(p->mirror_uid);
			p->mirror_uid = NULL;
		} else {
			/*
			 * Gone, or another pod of the same name: nobody is left to tell. The watch
			 * says so, too; should it not, this is asked again.
			 */
			r->deleted = true;
			backoff_fail(&r->backoff, &backoff_absent, timers_now_ns(ts));
			timers_arm_in(ts, &r->retry, r->backoff.delay_ns);
		}
	} else {
		if (!client_err_transient(e))
			pod_log(LOG_LEVEL_WARN, p, 0, "cannot report: %s", err_text(e));
		p->status_dirty |= r->kind == REPORT_STATUS; /* it is still to be told */
		if (client_err_offline(e))
			backoff_reset(&r->backoff);
		backoff_fail(&r->backoff, client_err_transient(e) ? &backoff_busy : &backoff_report,
			     timers_now_ns(ts));
		timers_arm_in(ts, &r->retry,
			      r->backoff.delay_ns / 2 +
				      rng_below(&rng_system, r->backoff.delay_ns));
	}
	free(TAKE(r->sent));
	pod_kick(p);
}

static void send_status(struct pod *p, struct pod_report *r)
{
	CLEANUP(buf_done) struct buf status = BUF_INIT, body = BUF_INIT;
	struct jw w = jw_start(&body);

	p->status_dirty = false;
	/* It had ended before this agent saw it: what another one said of it stands. */
	if (!p->sandbox_attempt && (jv_eqs(jv_get(p->view->status, "phase"), "Succeeded") ||
				    jv_eqs(jv_get(p->view->status, "phase"), "Failed"))) {
		free(p->reported);
		p->reported = xstrdup("");
		return;
	}
	pod_status_json(p, true, &status);
	if (p->reported && strcmp(p->reported, status.p) == 0)
		return;
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", p->mirror_uid ? str_of(p->mirror_uid) : p->view->uid);
	jw_end_object(&w);
	jw_member_raw(&w, "status", buf_str(&status));
	jw_end_object(&w);
	r->kind = REPORT_STATUS;
	r->sent = buf_take(&status);
	r->call = client_do(p->all->conf.client,
			    &(struct client_req){
				    .method = "PATCH",
				    .kind = &client_pods,
				    .ns = p->view->ns,
				    .name = p->view->name,
				    .sub = "status",
				    .content_type = CLIENT_STRATEGIC_PATCH,
				    .body = buf_str(&body),
			    },
			    on_done, r);
}

static void delete_options(struct str uid, struct buf *body)
{
	buf_adds(body, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
		       "\"gracePeriodSeconds\":0,\"preconditions\":{\"uid\":");
	json_quote(uid, body);
	buf_adds(body, "}}");
}

static void send_delete(struct pod *p, struct pod_report *r)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;

	delete_options(p->view->uid, &body);
	r->kind = REPORT_DELETE;
	r->call = client_delete(p->all->conf.client, &client_pods, p->view->ns, p->view->name,
				buf_str(&body), on_done, r);
}

void report_unmirror(struct pod *p)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;

	if (!p->view->is_static || !p->mirror_uid || !p->all->conf.client)
		return;
	delete_options(str_of(p->mirror_uid), &body);
	client_delete(p->all->conf.client, &client_pods, p->view->ns, p->view->name, buf_str(&body),
		      NULL, NULL);
}

static void mirror_owner(const struct pods *ps, struct jw *w)
{
	jw_key(w, "ownerReferences");
	jw_begin_array(w);
	jw_begin_object(w);
	jw_member_str(w, "apiVersion", STR("v1"));
	jw_member_str(w, "kind", STR("Node"));
	jw_member_str(w, "name", str_of(ps->conf.node_name));
	jw_member_str(w, "uid", str_of(ps->node_uid));
	jw_member_bool(w, "controller", true);
	jw_end_object(w);
	jw_end_array(w);
}

/* The static pod's object with the mirror annotation, and bound to this node. */
static void send_mirror(struct pod *p, struct pod_report *r)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct jw w = jw_start(&body);

	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Pod"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", p->view->name);
	jw_member_str(&w, "namespace", p->view->ns);
	if (jv_exists(jv_get(p->view->metadata, "labels")))
		jw_member_raw(&w, "labels", jv_raw(jv_get(p->view->metadata, "labels")));
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	jv_for_each_member (it, jv_get(p->view->metadata, "annotations")) {
		jw_keyn(&w, it.key);
		jw_raw(&w, jv_raw(it.value));
	}
	jw_member_str(&w, "kubernetes.io/config.mirror", p->view->uid);
	jw_end_object(&w);
	mirror_owner(p->all, &w);
	jw_end_object(&w);
	jw_member_raw(&w, "spec", jv_raw(p->view->spec));
	jw_end_object(&w);
	r->kind = REPORT_MIRROR;
	r->call = client_create(p->all->conf.client, &client_pods, p->view->ns, buf_str(&body),
				on_done, r);
}

void report_pod(struct pod *p)
{
	struct pod_report *r;

	if (!p->all->conf.client || p->gone)
		return;
	r = report_of(p);
	if (r->call || r->deleted || timer_armed(&r->retry))
		return;
	if (p->view->is_static && !p->mirror_uid) {
		if (p->all->api_synced && *p->all->node_uid)
			send_mirror(p, r);
		return;
	}
	if (p->status_dirty || !p->reported)
		send_status(p, r);
	/* The last word: everything is gone from the node, the object may go too. */
	if (!r->call && p->work == POD_FINISHED &&
	    (p->view->deletion_grace_s >= 0 || (p->all->api_synced && pod_is_leftover(p))))
		send_delete(p, r);
}

bool report_idle(const struct pod *p)
{
	const struct pod_report *r = p->report;

	if (!p->all->conf.client || p->gone || (r && r->deleted))
		return true;
	if (p->work == POD_FINISHED && p->view->deletion_grace_s >= 0)
		return false;
	return r && !r->call && !p->status_dirty && !timer_armed(&r->retry);
}
