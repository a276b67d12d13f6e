/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/api_priv.h"
#include "agent/node/node.h"
#include "agent/pod/pods.h"
#include "agent/runtime/runtime.h"
#include "lib/json/jw.h"
/*
 * /stats/summary (k8s.io/kubelet/pkg/apis/stats/v1alpha1), /metrics/resource (what metrics-server
 * reads) and /metrics. Everything is read when asked for.
 */
struct ctx {
	struct node_api *a;
	struct jw *w;
	struct buf *out;
	char pod[64]; /* UID of the pod whose object is open */
	const char *metric; /* of the pass under way */
};

static void time_member(struct jw *w, const char *key, int64_t ns)
{
	char text[MICROTIME_LEN + 1]; /* rates are made from these */

	time_format_micro(ns, text);
	jw_member_str(w, key, str_of(text));
}

static void stats_json(struct jw *w, const struct runtime_stats *s)
{
	jw_key(w, "cpu");
	jw_begin_object(w);
	time_member(w, "time", s->at_ns);
	jw_member_i64(w, "usageCoreNanoSeconds", (int64_t)s->cpu_usage_ns);
	jw_end_object(w);
	jw_key(w, "memory");
	jw_begin_object(w);
	time_member(w, "time", s->at_ns);
	jw_member_i64(w, "usageBytes", (int64_t)s->mem_usage_bytes);
	jw_member_i64(w, "workingSetBytes", (int64_t)s->mem_working_set_bytes);
	jw_member_i64(w, "rssBytes", (int64_t)s->mem_rss_bytes);
	jw_member_i64(w, "pageFaults", (int64_t)s->mem_page_faults);
	jw_member_i64(w, "majorPageFaults", (int64_t)s->mem_major_page_faults);
	jw_end_object(w);
}

static void close_pod(struct ctx *c)
{
	if (!c->pod[0])
		return;
	jw_end_array(c->w);
	jw_end_object(c->w);
	c->pod[0] = 0;
}

static void summary_container(void *user, const struct pods_container *pc)
{
	struct ctx *c = user;
	struct runtime_stats s;

	if (!pc->running)
		return;
	if (!str_eqs(pc->uid, c->pod)) {
		close_pod(c);
		str_copy(c->pod, sizeof(c->pod), pc->uid);
		jw_begin_object(c->w);
		jw_key(c->w, "podRef");
		jw_begin_object(c->w);
		jw_member_str(c->w, "name", pc->pod);
		jw_member_str(c->w, "namespace", pc->ns);
		jw_member_str(c->w, "uid", pc->uid);
		jw_end_object(c->w);
		time_member(c->w, "startTime", pc->pod_start_ns);
		if (runtime_sandbox_stats(c->a->conf.rt, pc->sandbox_id, &s) == 0)
			stats_json(c->w, &s);
		jw_key(c->w, "containers");
		jw_begin_array(c->w);
	}
	if (runtime_container_stats(c->a->conf.rt, pc->container_id, &s) < 0)
		return;
	jw_begin_object(c->w);
	jw_member_str(c->w, "name", pc->container);
	time_member(c->w, "startTime", pc->start_ns);
	stats_json(c->w, &s);
	jw_key(c->w, "rootfs");
	jw_begin_object(c->w);
	time_member(c->w, "time", s.at_ns);
	jw_member_i64(c->w, "usedBytes", (int64_t)s.rootfs_bytes);
	jw_member_i64(c->w, "inodesUsed", (int64_t)s.rootfs_inodes);
	jw_end_object(c->w);
	jw_end_object(c->w);
}

void api_stats_summary(struct node_api *a, struct http_req *r)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct jw w = jw_start(&out);
	struct ctx c = {.a = a, .w = &w};
	struct runtime_stats s;

	jw_begin_object(&w);
	jw_key(&w, "node");
	jw_begin_object(&w);
	jw_member_str(&w, "nodeName", str_of(a->conf.node_name));
	if (runtime_cgroup_stats(a->conf.rt, "", &s) == 0)
		stats_json(&w, &s);
	jw_end_object(&w);
	jw_key(&w, "pods");
	jw_begin_array(&w);
	pods_each_container(a->conf.pods, summary_container, &c);
	close_pod(&c);
	jw_end_array(&w);
	jw_end_object(&w);
	http_reply_text(r, 200, "application/json", buf_str(&out));
}

static void resource_line(void *user, const struct pods_container *pc)
{
	struct ctx *c = user;
	struct runtime_stats s;
	bool cpu = strstr(c->metric, "cpu") != NULL, start = strstr(c->metric, "start") != NULL;

	if (!pc->running || runtime_container_stats(c->a->conf.rt, pc->container_id, &s) < 0)
		return;
	buf_addf(c->out, "%s{container=\"%.*s\",namespace=\"%.*s\",pod=\"%.*s\"} ", c->metric,
		 STR_ARG(pc->container), STR_ARG(pc->ns), STR_ARG(pc->pod));
	if (start)
		buf_addf(c->out, "%.3f\n", (double)pc->start_ns / 1e9);
	else if (cpu)
		buf_addf(c->out, "%.9f %" PRId64 "\n", (double)s.cpu_usage_ns / 1e9,
			 s.at_ns / 1000000);
	else
		buf_addf(c->out, "%" PRIu64 " %" PRId64 "\n", s.mem_working_set_bytes,
			 s.at_ns / 1000000);
}

void api_metrics_resource(struct node_api *a, struct http_req *r)
{
	static const struct {
		const char *name, *help, *type;
	} rows[] = {
		{"container_cpu_usage_seconds_total",
		 "Cumulative cpu time consumed by the container in core-seconds", "counter"},
		{"container_memory_working_set_bytes",
		 "Current working set of the container in bytes", "gauge"},
		{"container_start_time_seconds",
		 "Start time of the container since unix epoch in seconds", "gauge"},
	};
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct ctx c = {.a = a, .out = &out};
	struct runtime_stats s;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		c.metric = rows[i].name;
		buf_addf(&out, "# HELP %s [STABLE] %s\n# TYPE %s %s\n", rows[i].name, rows[i].help,
			 rows[i].name, rows[i].type);
		pods_each_container(a->conf.pods, resource_line, &c);
	}
	if (runtime_cgroup_stats(a->conf.rt, "", &s) == 0)
		buf_addf(
			&out,
			"# HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed "
			"by the node in core-seconds\n# TYPE node_cpu_usage_seconds_total counter\n"
			"node_cpu_usage_seconds_total %.9f %" PRId64 "\n"
			"# HELP node_memory_working_set_bytes [STABLE] Current working set of the "
			"node in bytes\n# TYPE node_memory_working_set_bytes gauge\n"
			"node_memory_working_set_bytes %" PRIu64 " %" PRId64 "\n",
			(double)s.cpu_usage_ns / 1e9, s.at_ns / 1000000, s.mem_working_set_bytes,
			s.at_ns / 1000000);
	buf_adds(&out,
		 "# HELP resource_scrape_error [STABLE] 1 if there was an error while getting "
		 "container metrics, 0 otherwise\n# TYPE resource_scrape_error gauge\n"
		 "resource_scrape_error 0\n");
	http_reply_text(r, 200, "text/plain; version=0.0.4", buf_str(&out));
}

void api_metrics(struct node_api *a, struct http_req *r)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct pods_counts n;

	pods_count(a->conf.pods, &n);
	buf_addf(&out,
		 "# HELP kubelet_running_pods Number of pods that have a running pod sandbox\n"
		 "# TYPE kubelet_running_pods gauge\nkubelet_running_pods %zu\n"
		 "# HELP kubelet_running_containers Number of containers currently running\n"
		 "# TYPE kubelet_running_containers gauge\n"
		 "kubelet_running_containers{container_state=\"running\"} %zu\n",
		 n.pods, n.containers_running);
	http_reply_text(r, 200, "text/plain; version=0.0.4", buf_str(&out));
}
