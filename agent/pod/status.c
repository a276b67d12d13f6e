/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/status.h"

#include "agent/pod/pod.h"
#include "agent/pod/shutdown.h"
#include "lib/json/jw.h"

const char *pod_phase_name(enum pod_phase ph)
{
	static const char *const names[] = {"Pending", "Running", "Succeeded", "Failed"};

	return names[ph];
}

/* What kubelet_pods.go getPhase counts. */
struct tally {
	size_t waiting, running, stopped, succeeded, unknown, pending_init, failed_init;
};

static bool is_active(const struct container *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_STOPPING;
}

static void tally_init(const struct container *c, struct tally *t)
{
	if (c->kind == CONTAINER_SIDECAR) {
		if (!(is_active(c) && c->started) && c->state != CONTAINER_EXITED)
			t->pending_init++;
	} else if (c->state == CONTAINER_EXITED) {
		if (c->end.exit_code != 0)
			t->failed_init++;
	} else if (c->last.set && c->last.exit_code != 0 && !is_active(c)) {
		t->failed_init++;
	} else {
		t->pending_init++;
	}
}

static void tally_main(const struct container *c, struct tally *t)
{
	if (is_active(c)) {
		t->running++;
	} else if (c->state == CONTAINER_EXITED) {
		t->stopped++;
		if (c->end.exit_code == 0)
			t->succeeded++;
	} else if (c->last.set) {
		t->stopped++;
	} else {
		t->waiting++;
	}
}

enum pod_phase pod_phase(const struct pod *p)
{
	bool never = p->view->restart == RESTART_NEVER;
	bool done = p->must_end && p->work >= POD_TERMINATED;
	struct tally t = {0};

	if (p->evict_failed)
		return PHASE_FAILED;
	for (size_t i = 0; i < p->n; i++) {
		if (p->containers[i]->kind <= CONTAINER_SIDECAR)
			tally_init(p->containers[i], &t);
		else if (p->containers[i]->kind == CONTAINER_MAIN)
			tally_main(p->containers[i], &t);
	}
	if (t.failed_init && never)
		return PHASE_FAILED;
	/* A pod that was ended before anything ran has failed: it will never do its work. */
	if (done && (t.waiting || !t.stopped))
		return PHASE_FAILED;
	if (!done && !pod_initialized(p) && (t.pending_init || t.failed_init))
		return PHASE_PENDING;
	if (t.waiting)
		return PHASE_PENDING;
	if (t.running)
		return PHASE_RUNNING;
	if (done)
		return t.stopped == t.succeeded ? PHASE_SUCCEEDED : PHASE_FAILED;
	if (p->view->restart == RESTART_ALWAYS)
		return PHASE_RUNNING;
	if (t.stopped == t.succeeded)
		return PHASE_SUCCEEDED;
	return never ? PHASE_FAILED : PHASE_RUNNING;
}

/* ---- pieces ---- */

static void member_time(struct jw *w, const char *key, int64_t ns)
{
	char text[TIME_LEN + 1];

	if (!ns) {
		jw_key(w, key);
		jw_null(w);
		return;
	}
	time_format(ns, text);
	jw_member_str(w, key, str_of(text));
}

static void member_id(struct jw *w, const char *id)
{
	char text[KNARR_ID_LEN + 16];

	snprintf(text, sizeof(text), "knarr://%.64s", id);
	jw_member_str(w, "containerID", str_of(text));
}

static void terminated(struct jw *w, const struct container_end *e)
{
	jw_key(w, "terminated");
	jw_begin_object(w);
	jw_member_i64(w, "exitCode", e->exit_code);
	if (e->reason)
		jw_member_str(w, "reason", str_of(e->reason));
	if (e->message)
		jw_member_str(w, "message", str_of(e->message));
	member_time(w, "startedAt", e->started_ns);
	member_time(w, "finishedAt", e->finished_ns);
	member_id(w, e->id);
	jw_end_object(w);
}

/* EXITED and about to come back shows as waiting once a back-off holds it. */
static bool shows_waiting(const struct container *c)
{
	if (c->state == CONTAINER_EXITED)
		return c->waiting && pod_container_will_restart(c);
	return !is_active(c);
}

static void state_json(struct jw *w, const struct container *c)
{
	jw_begin_object(w);
	if (is_active(c)) {
		jw_key(w, "running");
		jw_begin_object(w);
		member_time(w, "startedAt", c->started_ns);
		jw_end_object(w);
	} else if (!shows_waiting(c)) {
		terminated(w, &c->end);
	} else {
		jw_key(w, "waiting");
		jw_begin_object(w);
		jw_member_str(w, "reason", str_of(c->waiting ? c->waiting : "ContainerCreating"));
		if (c->waiting_message)
			jw_member_str(w, "message", str_of(c->waiting_message));
		jw_end_object(w);
	}
	jw_end_object(w);
}

static void image_json(struct jw *w, const struct container *c)
{
	const struct image_info *img;
	struct str image = c->view ? c->view->image : str_of(c->image);

	if (c->image_id && c->image &&
	    image_resolve(c->pod->all->conf.images, c->image_id, &img, NULL) == 0) {
		jw_member_str(w, "image", img->names[0] ? str_of(img->names[0]) : image);
		jw_member_str(w, "imageID",
			      str_of(img->repo_digests[0] ? img->repo_digests[0] : img->id));
		return;
	}
	jw_member_str(w, "image", image);
	jw_member_str(w, "imageID", c->image_id ? str_of(c->image_id) : STR(""));
}

static void mounts_json(struct jw *w, const struct container *c)
{
	struct jv list = c->view ? jv_get(c->view->json, "volumeMounts") : JV_NONE;

	if (!jv_len(list))
		return;
	jw_key(w, "volumeMounts");
	jw_begin_array(w);
	jv_for_each (it, list) {
		struct jv ro = jv_get(it.value, "readOnly");

		jw_begin_object(w);
		jw_member_raw(w, "name", jv_raw(jv_get(it.value, "name")));
		jw_member_raw(w, "mountPath", jv_raw(jv_get(it.value, "mountPath")));
		if (jv_bool(ro, false)) {
			jw_member_bool(w, "readOnly", true);
			jw_member_str(w, "recursiveReadOnly", STR("Disabled"));
		}
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void container_json(struct jw *w, const struct container *c)
{
	bool init_done =
		c->kind == CONTAINER_INIT && c->state == CONTAINER_EXITED && c->end.exit_code == 0;

	jw_begin_object(w);
	jw_member_str(w, "name", str_of(c->name));
	jw_key(w, "state");
	state_json(w, c);
	jw_key(w, "lastState");
	jw_begin_object(w);
	if (c->state == CONTAINER_EXITED && shows_waiting(c))
		terminated(w, &c->end);
	else if (c->last.set)
		terminated(w, &c->last);
	jw_end_object(w);
	jw_member_bool(w, "ready", init_done || (is_active(c) && c->ready));
	jw_member_i64(w, "restartCount", c->restarts);
	image_json(w, c);
	if (c->id[0])
		member_id(w, c->id);
	else if (c->last.set)
		member_id(w, c->last.id);
	jw_member_bool(w, "started", is_active(c) && c->started);
	mounts_json(w, c);
	jw_end_object(w);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct container *const *)a)->name, (*(struct container *const *)b)->name);
}

static void containers_json(struct jw *w, const struct pod *p, const char *key, bool init,
			    enum container_kind kind)
{
	CLEANUP_FREE struct container **v = xcalloc(p->n + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct container *c = p->containers[i];

		if (c->view && (init ? c->kind <= CONTAINER_SIDECAR : c->kind == kind))
			v[n++] = c;
	}
	if (!n)
		return;
	if (!init) /* init containers stay in their order */
		qsort(v, n, sizeof(struct container *), by_name);
	jw_key(w, key);
	jw_begin_array(w);
	for (size_t i = 0; i < n; i++)
		container_json(w, v[i]);
	jw_end_array(w);
}

/* ---- conditions ---- */

struct condition {
	bool value;
	const char *reason;
	struct buf message;
};

static void names_of(const struct pod *p, const char *what, bool init, struct buf *out)
{
	size_t n = 0;

	buf_addf(out, "containers with %s status: [", what);
	for (size_t i = 0; i < p->n; i++) {
		const struct container *c = p->containers[i];
		bool bad = init ? c->kind <= CONTAINER_SIDECAR &&
					   !(c->kind == CONTAINER_INIT
						     ? c->state == CONTAINER_EXITED &&
							       c->end.exit_code == 0
						     : is_active(c) && c->started)
				: (c->kind == CONTAINER_MAIN || c->kind == CONTAINER_SIDECAR) &&
					   !(is_active(c) && c->ready);

		if (bad && c->view)
			buf_addf(out, "%s%s", n++ ? " " : "", c->name);
	}
	buf_addc(out, ']');
}

static bool all_ready(const struct pod *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct container *c = p->containers[i];

		if (c->view && (c->kind == CONTAINER_MAIN || c->kind == CONTAINER_SIDECAR) &&
		    !(is_active(c) && c->ready))
			return false;
	}
	return true;
}

/* spec.readinessGates: conditions that others set in the status. */
static bool gates_open(const struct pod *p, struct buf *message)
{
	bool open = true;

	jv_for_each (g, jv_get(p->view->spec, "readinessGates")) {
		struct str type = jv_text(jv_get(g.value, "conditionType"));
		bool yes = false, there = false;

		jv_for_each (c, jv_get(p->view->status, "conditions"))
			if (str_eq(jv_text(jv_get(c.value, "type")), type)) {
				there = true;
				yes = jv_eqs(jv_get(c.value, "status"), "True");
			}
		if (yes)
			continue;
		if (message->len)
			buf_adds(message, ", ");
		if (there)
			buf_addf(message,
				 "the status of pod readiness gate \"%.*s\" is not \"True\", but "
				 "False",
				 STR_ARG(type));
		else
			buf_addf(message,
				 "corresponding condition of pod readiness gate \"%.*s\" does not "
				 "exist.",
				 STR_ARG(type));
		open = false;
	}
	return open;
}

static void compute(const struct pod *p, enum pod_phase ph, enum pod_condition k,
		    struct condition *c)
{
	switch (k) {
	case COND_SCHEDULED:
		c->value = true;
		break;
	case COND_READY_TO_START:
		c->value = p->sandbox == SANDBOX_READY;
		break;
	case COND_INITIALIZED:
		c->value = pod_initialized(p) || ph == PHASE_SUCCEEDED;
		if (ph == PHASE_SUCCEEDED) {
			c->reason = "PodCompleted";
		} else if (!c->value) {
			c->reason = "ContainersNotInitialized";
			names_of(p, "incomplete", true, &c->message);
		}
		break;
	case COND_READY:
	case COND_CONTAINERS_READY:
		c->value = ph != PHASE_SUCCEEDED && ph != PHASE_FAILED && all_ready(p);
		if (ph == PHASE_SUCCEEDED || ph == PHASE_FAILED) {
			c->reason = ph == PHASE_FAILED ? "PodFailed" : "PodCompleted";
		} else if (!c->value) {
			c->reason = "ContainersNotReady";
			names_of(p, "unready", false, &c->message);
		} else if (k == COND_READY && !gates_open(p, &c->message)) {
			c->value = false;
			c->reason = "ReadinessGatesNotReady";
		}
		break;
	case COND_MAX:
		break;
	}
}

/* The machine went down under it (KEP-3329). */
static void disruption_json(struct jw *w, const struct pod *p)
{
	jw_begin_object(w);
	jw_member_str(w, "type", STR("DisruptionTarget"));
	jw_member_str(w, "status", STR("True"));
	jw_key(w, "lastProbeTime");
	jw_null(w);
	member_time(w, "lastTransitionTime", p->ended_ns);
	jw_member_str(w, "reason", STR("TerminationByKubelet"));
	jw_member_str(w, "message", str_of(p->end_message));
	jw_end_object(w);
}

static void conditions_json(struct jw *w, struct pod *p, enum pod_phase ph)
{
	static const char *const types[] = {"PodReadyToStartContainers", "Initialized", "Ready",
					    "ContainersReady", "PodScheduled"};

	jw_key(w, "conditions");
	jw_begin_array(w);
	for (enum pod_condition k = 0; k < COND_MAX; k++) {
		struct condition c = {.message = BUF_INIT};

		compute(p, ph, k, &c);
		if (p->cond_value[k] != (int8_t)c.value) {
			p->cond_value[k] = (int8_t)c.value;
			p->cond_since[k] = k == COND_SCHEDULED ? p->start_ns : pods_real_ns(p->all);
			p->state_dirty = true;
		}
		jw_begin_object(w);
		jw_member_str(w, "type", str_of(types[k]));
		jw_member_str(w, "status", c.value ? STR("True") : STR("False"));
		jw_key(w, "lastProbeTime");
		jw_null(w);
		member_time(w, "lastTransitionTime", p->cond_since[k]);
		if (p->view->generation > 0)
			jw_member_i64(w, "observedGeneration", p->view->generation);
		/* null takes an old text away in a strategic merge patch. */
		jw_member_str(w, "reason", c.reason ? str_of(c.reason) : STR_NULL);
		jw_member_str(w, "message", c.message.len ? buf_str(&c.message) : STR_NULL);
		jw_end_object(w);
		buf_done(&c.message);
	}
	if (p->end_reason && strcmp(p->end_reason, POD_TERMINATED_REASON) == 0)
		disruption_json(w, p);
	jw_end_array(w);
}

/* podIPs and hostIPs: the list is replaced as a whole. */
static void ips_json(struct jw *w, const char *one, const char *many, const char *ip,
		     const char *ip6, bool patch)
{
	jw_member_str(w, one, ip[0] ? str_of(ip) : STR_NULL);
	jw_key(w, many);
	if (!ip[0]) {
		jw_null(w);
		return;
	}
	jw_begin_array(w);
	jw_begin_object(w);
	jw_member_str(w, "ip", str_of(ip));
	jw_end_object(w);
	if (ip6[0]) {
		jw_begin_object(w);
		jw_member_str(w, "ip", str_of(ip6));
		jw_end_object(w);
	}
	if (patch) {
		jw_begin_object(w);
		jw_member_str(w, "$patch", STR("replace"));
		jw_end_object(w);
	}
	jw_end_array(w);
}

void pod_status_json(struct pod *p, bool patch, struct buf *out)
{
	struct jw w = jw_start(out);
	enum pod_phase ph = pod_phase(p);
	bool has_ip = p->view->host_network ? p->sandbox_attempt > 0 : p->ip[0] != 0;

	jw_begin_object(&w);
	jw_member_str(&w, "phase", str_of(pod_phase_name(ph)));
	if (p->view->generation > 0)
		jw_member_i64(&w, "observedGeneration", p->view->generation);
	jw_member_str(&w, "reason", str_of(p->end_reason));
	jw_member_str(&w, "message", str_of(p->end_message));
	conditions_json(&w, p, ph);
	ips_json(&w, "hostIP", "hostIPs", p->all->host_ip, p->all->host_ip6, patch);
	ips_json(&w, "podIP", "podIPs",
		 !has_ip                 ? ""
		 : p->view->host_network ? p->all->host_ip
					 : p->ip,
		 p->view->host_network ? p->all->host_ip6 : p->ip6, patch);
	member_time(&w, "startTime", p->start_ns);
	jw_member_str(&w, "qosClass", str_of(qos_class_name(pod_qos(p->view))));
	containers_json(&w, p, "initContainerStatuses", true, CONTAINER_INIT);
	containers_json(&w, p, "containerStatuses", false, CONTAINER_MAIN);
	containers_json(&w, p, "ephemeralContainerStatuses", false, CONTAINER_EPHEMERAL);
	jw_end_object(&w);
}
