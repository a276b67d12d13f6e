/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/pod_columns.h"
#include "lib/api/kinds/kinds.h"
#include "lib/base/clock.h"

/* What one pass over a pod's containers finds out for the columns. */
struct pod_view {
	struct jv spec, status;
	char reason[256];
	int64_t restarts, ready, total;
	int64_t last_restart_ns;
};

static bool restartable(struct jv init_container)
{
	return jv_eqs(jv_get(init_container, "restartPolicy"), "Always");
}

static struct jv spec_of(struct jv list, struct str name)
{
	jv_for_each (it, list) {
		if (str_eq(jv_text(jv_get(it.value, "name")), name))
			return it.value;
	}
	return JV_NONE;
}

static void set_reason(struct pod_view *v, const char *prefix, struct str s)
{
	snprintf(v->reason, sizeof(v->reason), "%s%.*s", prefix, STR_ARG(s));
}

static void set_exit(struct pod_view *v, const char *prefix, struct jv terminated)
{
	int64_t sig = jv_i64(jv_get(terminated, "signal"), 0);

	if (sig)
		snprintf(v->reason, sizeof(v->reason), "%sSignal:%" PRId64, prefix, sig);
	else
		snprintf(v->reason, sizeof(v->reason), "%sExitCode:%" PRId64, prefix,
			 jv_i64(jv_get(terminated, "exitCode"), 0));
}

static void count_restarts(struct pod_view *v, struct jv cs)
{
	int64_t t;

	v->restarts += jv_i64(jv_get(cs, "restartCount"), 0);
	if (time_parse(jv_text(jv_path(cs, "lastState.terminated.finishedAt")), &t) == 0 &&
	    t > v->last_restart_ns)
		v->last_restart_ns = t;
}

/* One init container's part; false when it is done and the next may be looked at. */
static bool init_blocks(struct pod_view *v, struct jv cs, size_t i, size_t n)
{
	struct jv state = jv_get(cs, "state"), term = jv_get(state, "terminated");
	struct str waiting = jv_text(jv_path(state, "waiting.reason"));
	struct jv spec = spec_of(jv_get(v->spec, "initContainers"), jv_text(jv_get(cs, "name")));

	count_restarts(v, cs);
	if (jv_exists(term) && jv_i64(jv_get(term, "exitCode"), 0) == 0)
		return false;
	if (restartable(spec) && jv_bool(jv_get(cs, "started"), false)) {
		v->ready += jv_bool(jv_get(cs, "ready"), false);
		return false;
	}
	if (jv_exists(term)) {
		struct str why = jv_text(jv_get(term, "reason"));

		if (why.len)
			set_reason(v, "Init:", why);
		else
			set_exit(v, "Init:", term);
	} else if (waiting.len && !str_eqs(waiting, "PodInitializing")) {
		set_reason(v, "Init:", waiting);
	} else {
		snprintf(v->reason, sizeof(v->reason), "Init:%zu/%zu", i, n);
	}
	return true;
}

static bool pod_condition(struct pod_view *v, const char *type)
{
	jv_for_each (it, jv_get(v->status, "conditions")) {
		if (jv_eqs(jv_get(it.value, "type"), type))
			return jv_eqs(jv_get(it.value, "status"), "True");
	}
	return false;
}

static void view_containers(struct pod_view *v)
{
	bool running = false, decided = false;

	/* The first container with something to say wins. */
	jv_for_each (it, jv_get(v->status, "containerStatuses")) {
		struct jv state = jv_get(it.value, "state"), term = jv_get(state, "terminated");
		struct str waiting = jv_text(jv_path(state, "waiting.reason"));
		struct str why = jv_text(jv_get(term, "reason"));

		count_restarts(v, it.value);
		if (jv_bool(jv_get(it.value, "ready"), false) &&
		    jv_exists(jv_get(state, "running"))) {
			running = true;
			v->ready++;
		}
		if (decided)
			continue;
		decided = waiting.len || jv_exists(term);
		if (waiting.len)
			set_reason(v, "", waiting);
		else if (why.len)
			set_reason(v, "", why);
		else if (jv_exists(term))
			set_exit(v, "", term);
	}
	if (strcmp(v->reason, "Completed") == 0 && running)
		set_reason(v, "", pod_condition(v, "Ready") ? STR("Running") : STR("NotReady"));
}

static void pod_view(struct jv pod, struct pod_view *v)
{
	struct jv inits;
	size_t i = 0, n;
	bool blocked = false;
	struct str why;

	*v = (struct pod_view){.spec = jv_get(pod, "spec"), .status = jv_get(pod, "status")};
	inits = jv_get(v->spec, "initContainers");
	n = jv_len(inits);
	v->total = (int64_t)jv_len(jv_get(v->spec, "containers"));
	jv_for_each (it, inits)
		v->total += restartable(it.value);
	why = jv_text(jv_get(v->status, "reason"));
	set_reason(v, "", why.len ? why : jv_text(jv_get(v->status, "phase")));
	jv_for_each (it, jv_get(v->status, "conditions")) {
		if (jv_eqs(jv_get(it.value, "type"), "PodScheduled") &&
		    jv_eqs(jv_get(it.value, "reason"), "SchedulingGated"))
			set_reason(v, "", STR("SchedulingGated"));
	}
	jv_for_each (it, jv_get(v->status, "initContainerStatuses")) {
		blocked = init_blocks(v, it.value, i++, n);
		if (blocked)
			break;
	}
	if (!blocked || pod_condition(v, "Initialized")) {
		v->restarts = blocked ? 0 : v->restarts;
		view_containers(v);
	}
	if (jv_exists(jv_path(pod, "metadata.deletionTimestamp"))) {
		struct str phase = jv_text(jv_get(v->status, "phase"));

		if (str_eqs(why, "NodeLost"))
			set_reason(v, "", STR("Unknown"));
		else if (!str_eqs(phase, "Succeeded") && !str_eqs(phase, "Failed"))
			set_reason(v, "", STR("Terminating"));
	}
}

static void cell_ready(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct pod_view v;
	char text[48];

	pod_view(obj, &v);
	snprintf(text, sizeof(text), "%" PRId64 "/%" PRId64, v.ready, v.total);
	jw_str(w, str_of(text));
}

static void cell_status(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct pod_view v;

	pod_view(obj, &v);
	jw_str(w, str_of(v.reason));
}

static void cell_restarts(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct pod_view v;

	pod_view(obj, &v);
	buf_addf(&b, "%" PRId64, v.restarts);
	if (v.restarts && v.last_restart_ns) {
		buf_adds(&b, " (");
		duration_human(c->now_ns - v.last_restart_ns, &b);
		buf_adds(&b, " ago)");
	}
	jw_str(w, buf_str(&b));
}

static void text_or_none(struct jv v, struct jw *w)
{
	struct str s = jv_text(v);

	jw_str(w, s.len ? s : STR("<none>"));
}

static void cell_ip(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	text_or_none(jv_path(obj, "status.podIP"), w);
}

static void cell_node(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	text_or_none(jv_path(obj, "spec.nodeName"), w);
}

static void cell_nominated(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	text_or_none(jv_path(obj, "status.nominatedNodeName"), w);
}

static void cell_gates(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct pod_view v = {.status = jv_get(obj, "status")};
	size_t n = 0, ok = 0;
	char text[48];

	jv_for_each (it, jv_path(obj, "spec.readinessGates")) {
		CLEANUP_FREE char *type = jv_strdup(jv_get(it.value, "conditionType"));

		n++;
		ok += type && pod_condition(&v, type);
	}
	snprintf(text, sizeof(text), "%zu/%zu", ok, n);
	jw_str(w, n ? str_of(text) : STR("<none>"));
}

const struct api_column pod_columns[POD_COLUMNS] = {
	COLUMN_NAME,
	{"Ready", "string", NULL, 0, NULL, cell_ready, "Ready containers of all"},
	{"Status", "string", NULL, 0, NULL, cell_status, "Phase, or what holds the pod up"},
	{"Restarts", "string", NULL, 0, NULL, cell_restarts, "Restarts of its containers"},
	COLUMN_AGE,
	{"IP", "string", NULL, 1, NULL, cell_ip, "Address of the pod"},
	{"Node", "string", NULL, 1, NULL, cell_node, "Node it is bound to"},
	{"Nominated Node", "string", NULL, 1, NULL, cell_nominated, "Node being freed for it"},
	{"Readiness Gates", "string", NULL, 1, NULL, cell_gates, "Extra conditions that hold"},
};
